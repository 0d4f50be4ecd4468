"""The whole collaboration gap report: how much is known, then what was found, each with a next step."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from registry.analysis import gaps_in_ties, gaps_in_use
from registry.analysis.agreements import AGREEMENTS, WITHIN, agreements
from registry.analysis.agreements import FINDINGS as AGREEMENT_FINDINGS
from registry.analysis.coverage import COVERAGE, FACTS, KINDS, coverage
from registry.analysis.findings import figure, finding, several, told
from registry.analysis.overlaps import LEAST_LIKENESS, OVERLAPS, overlaps
from registry.analysis.sector_gaps import LEAST_EXPECTED, LEVEL, SECTOR_GAPS, sector_gaps
from registry.analysis.world import World
from registry.figures import number, percent
from registry.reports.report import Column, Question, Report, Row
from registry.words import _

ABOUT = {
    "coverage": "not on record",
    **AGREEMENT_FINDINGS,
    "gap": "sectors that hardly meet",
    "overlap": "the same work, side by side",
    **gaps_in_ties.ABOUT,
    **gaps_in_use.ABOUT,
}
URGENCY = (
    *("uncovered", "disputed", "missing", "gap", "expired", "interrupted", "expiring", "fits"),
    *("apart", "cut-point", "overlap", "special-application"),
    *("below", "wanted", "own-sector", "one-tie"),
    *("reversed", "empty", "no-basis"),
)
NEXT_STEPS = {
    "coverage": "Ask the stewards of these records to complete them.",
    "uncovered": "Conclude an agreement that covers this use, or end the use.",
    "disputed": "Settle with the parties what they agreed, then correct or end it.",
    "interrupted": "Agree how the work goes on until the renewal begins.",
    "expired": "Renew it, or record that the work has ended.",
    "expiring": "Decide before the last day whether to renew it.",
    "reversed": "Check the document and correct the dates.",
    "empty": "Record which services or resources it covers.",
    "no-basis": "Record the rule or document it rests on.",
    "gap": "Bring the best connected agencies of both sectors to one table; the evidence names them.",
    "overlap": "Let both compare what they do, then share it or agree who does what.",
    **gaps_in_ties.NEXT_STEPS,
    **gaps_in_use.NEXT_STEPS,
}
ENOUGH = 90.0  # %: what is on record of so many needs no meeting
# The report that each sort of finding is from.
FROM = {
    "coverage": COVERAGE.name,
    "gap": SECTOR_GAPS.name,
    "overlap": OVERLAPS.name,
    **dict.fromkeys(AGREEMENT_FINDINGS, AGREEMENTS.name),
    **gaps_in_ties.FROM,
    **gaps_in_use.FROM,
}
PARTS = (COVERAGE, SECTOR_GAPS, AGREEMENTS, OVERLAPS, *gaps_in_ties.QUESTIONS, *gaps_in_use.QUESTIONS)
READS = dict.fromkeys(one for part in PARTS for one in part.reads)

GAPS = Question(
    "gaps",
    "Where do agencies that should work together fall short, and what could be done next?",
    "First what is not on record of more than one in ten, then the findings of the reports agreements, sector-gaps, overlaps, "
    "missing-ties, matches, levels (what is two levels apart or below the aim), cut-points (firm ones), reuse (the top 1 %, by "
    "resource, of what somebody began to use in the last two years) and isolates: the most pressing finding of each sort, then the "
    "second of each, and so on. Each report says how its findings are made, and of how many.",
    tuple(READS),
    (
        Column("about", "What", "code", "The sort of finding.", words=ABOUT),
        Column("who", "Who", "texts", "The agencies or sectors it is about."),
        Column("subject", "About", "text", "The agreement, the resource, the fact or the functions it is about."),
        Column("measure", "How much", "text", "How large or how pressing it is."),
        Column("next_step", "Next step", "text", "What could be done next."),
    ),
    (LEVEL, LEAST_EXPECTED, LEAST_LIKENESS, WITHIN),
    key=("about", "who", "subject"),
    counts="Findings",
)


def gaps(
    world: World,
    *,
    level: float = LEVEL.default,
    least_expected: float = LEAST_EXPECTED.default,
    least_likeness: float = LEAST_LIKENESS.default,
    within: int = int(WITHIN.default),
) -> Report:
    """Compose the reports: coverage first, then all findings in order of urgency, each with a suggested next step.

    Its `parts` are the reports that it is composed of. The parameters are theirs; `found` counts the findings, `of` and `unknown`
    are added up over reports that look at different things, without coverage.
    """
    known = coverage(world)
    alike = overlaps(world, level=level, least_likeness=least_likeness)
    parts = (
        agreements(world, within=within),
        sector_gaps(world, level=level, least_expected=least_expected),
        alike,
        *gaps_in_ties.parts(world, level, alike),
        *gaps_in_use.parts(world),
    )
    findings = [found for part in parts for found in _READ[part.name](part)]
    rows = [*(_covered(row) for row in known.rows if _lacking(row)), *_ranked(findings)]
    whole = GAPS.answer(
        world.as_of, rows, found=len(findings), of=sum(part.of for part in parts), unknown=sum(part.unknown for part in parts),
        withheld=world.withheld, notes=list(dict.fromkeys(note for part in (known, *parts) for note in part.notes)),
        level=level, least_expected=least_expected, least_likeness=least_likeness, within=within,
    )  # fmt: skip
    return replace(whole, parts=(known, *parts), sorts=_sorts(findings))


def _sorts(findings: Sequence[Row]) -> dict[str, int]:
    """Count the findings by sort, in words, the most pressing sort first."""
    counts = Counter(str(one["about"]) for one in findings)
    return {_(ABOUT[about]): counts[about] for about in URGENCY if about in counts}


def _ranked(findings: Sequence[Row]) -> list[Row]:
    """Put the first of each sort before the second of any; reports list their own findings most pressing first."""
    before: Counter[str] = Counter()
    keyed = []
    for one in findings:
        about = str(one["about"])
        keyed.append((before[about], URGENCY.index(about), one))
        before[about] += 1
    return [one for _place, _sort, one in sorted(keyed, key=lambda ranked: ranked[:2])]


def _lacking(row: Row) -> bool:
    return figure(row["share"]) < ENOUGH and bool(row.evidence)


def _covered(row: Row) -> Row:
    kind, fact = _(KINDS[str(row["kind"])]), _(FACTS[str(row["fact"])])
    subject = f"{kind}: {fact}"
    known = int(figure(row["of"]) - figure(row["withheld"]))
    lacking = known - int(figure(row["recorded"]))
    measure = _("{n} of {m}, {share}").format(n=number(lacking), m=number(known), share=percent(lacking / known))
    return _finding(row, "coverage", (), subject, measure)


def _agreements(report: Report) -> Iterator[Row]:
    for row in report.rows:
        days = row["days"]
        measure = _when(days) + _lost(row) if isinstance(days, int) else ""
        subject = str(row["resource"] or row["agreement"])
        yield _finding(row, str(row["finding"]), several(row["agencies"]), subject, measure)


def _when(days: int) -> str:
    told = _("ended {n} days ago") if days < 0 else _("ends in {n} days")
    return told.format(n=number(abs(days)))


def _lost(row: Row) -> str:
    if alone := several(row["alone"]):
        return "; " + _("agencies alone without it: {n}").format(n=number(len(alone)))
    return "; " + _("parts that no longer meet without it: {n}").format(n=told(row["parts"])) if row["parts"] else ""


def _sector_gaps(report: Report) -> Iterator[Row]:
    for row in report.rows:
        if row["finding"] == "gap":
            measure = _("{seen} ties, {expected} by chance").format(
                seen=told(row["seen"]), expected=told(row["expected"])
            )
            yield _finding(row, "gap", (str(row["sector_a"]), str(row["sector_b"])), "", measure)


def _overlaps(report: Report) -> Iterator[Row]:
    for row in report.rows:
        yield gaps_in_use.special_application(row) if row["finding"] == "special-application" else _overlap(row)


def _overlap(row: Row) -> Row:
    measure = _("{shared} functions shared, {expected} by chance").format(
        shared=told(row["shared"]), expected=told(row["expected"])
    )
    who = str(row["agency_a"]), str(row["agency_b"])
    return _finding(row, "overlap", who, ", ".join(several(row["rarest"])), measure)


def _finding(row: Row, about: str, who: tuple[str, ...], subject: str, measure: str) -> Row:
    return finding(row, about, who, subject, measure, NEXT_STEPS[about])


_READ: Mapping[str, Callable[[Report], Iterator[Row]]] = {
    AGREEMENTS.name: _agreements,
    SECTOR_GAPS.name: _sector_gaps,
    OVERLAPS.name: _overlaps,
    **gaps_in_ties.READ,
    **gaps_in_use.READ,
}
