"""Report `gaps`: the collaboration gap report, composed of the findings of other reports, each with a next step."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from registry.analysis.agreements import AGREEMENTS, WITHIN, agreements
from registry.analysis.agreements import FINDINGS as AGREEMENT_FINDINGS
from registry.analysis.coverage import COVERAGE, FACTS, KINDS, coverage
from registry.analysis.cut_points import CUT_POINTS, cut_points
from registry.analysis.isolates import FINDINGS as ISOLATE_FINDINGS
from registry.analysis.isolates import ISOLATES, isolates
from registry.analysis.levels import FINDINGS as LEVEL_FINDINGS
from registry.analysis.levels import LEVELS, levels
from registry.analysis.matches import MATCHES, matches
from registry.analysis.missing_ties import MISSING_TIES, missing_ties
from registry.analysis.overlaps import LEAST_LIKENESS, OVERLAPS, overlaps
from registry.analysis.report import Cell, Column, Report, ReportDefinition, ReportRow
from registry.analysis.reuse import REUSE, reuse
from registry.analysis.sector_gaps import LEAST_EXPECTED, LEVEL, SECTOR_GAPS, sector_gaps
from registry.analysis.snapshot import SnapshotArrays
from registry.i18n import _, day, number, percent


def finding(row: ReportRow, about: str, who: tuple[str, ...], subject: str, measure: str, next_step: str) -> ReportRow:
    """Return a row of another report as a finding of this one.

    Evidence and confidence are unchanged; the key is prefixed with the type of finding. `next_step` is translated.
    """
    values: dict[str, Cell] = {
        "about": about,
        "who": who,
        "subject": subject or None,
        "measure": measure or None,
        "next_step": _(next_step),
    }
    return replace(row, values=values, key=(about, *row.key))


def several(cell: Cell) -> tuple[str, ...]:
    """Return the texts of a cell with several texts, else ()."""
    return cell if isinstance(cell, tuple) else ()


def texts(*cells: Cell) -> tuple[str, ...]:
    """Return the non-empty cells as texts."""
    return tuple(str(one) for one in cells if one)


def figure(cell: Cell) -> float:
    """Return the number in a cell, 0 if it holds none."""
    return cell if isinstance(cell, int | float) else 0


def formatted(cell: Cell) -> str:
    """Return the number in a cell, formatted for the current language."""
    return number(figure(cell))


TIE_FINDINGS = {
    "missing": "needs another, without an agreement",
    "cut-point": "others hang on it alone",
    "own-sector": ISOLATE_FINDINGS["own-sector"],
    "one-tie": ISOLATE_FINDINGS["one-tie"],
}
TIE_NEXT_STEPS = {
    "missing": "Bring both to one table and agree on what the one needs of the other; the evidence names it.",
    "cut-point": "Find those who are cut off a second partner, before the one they have is gone.",
    "own-sector": "Look with it for a partner in another sector that serves the same people.",
    "one-tie": "Look with it for a second partner, or record those that it has.",
}
TIE_REPORTS = (MISSING_TIES, CUT_POINTS, ISOLATES)
# The report that each type of finding comes from.
TIE_SOURCES = {
    "missing": MISSING_TIES.name,
    "cut-point": CUT_POINTS.name,
    "own-sector": ISOLATES.name,
    "one-tie": ISOLATES.name,
}


def tie_reports(arrays: SnapshotArrays, level: float, overlaps: Report) -> tuple[Report, ...]:
    """Return the reports on ties from which findings are taken. `overlaps` is the finished report of that name."""
    return missing_ties(arrays, level=level, overlaps=overlaps), cut_points(arrays), isolates(arrays)


def _dependent_pairs(report: Report) -> Iterator[ReportRow]:
    """Yield the pairs in which one agency depends on the other; pairs with the same work are findings of `overlaps`."""
    for row in report.rows:
        if row["depends"]:
            pair, what = texts(row["agency_a"], row["agency_b"]), "; ".join(several(row["for_what"]))
            measure = _("{n} of its services cannot work without it").format(n=formatted(row["depends"]))
            yield finding(row, "missing", pair, what, measure, TIE_NEXT_STEPS["missing"])


def _robust_cut_points(report: Report) -> Iterator[ReportRow]:
    """Yield the robust single points of failure."""
    for row in report.rows:
        if row.confidence == "likely":
            cut_off, share = formatted(row["cut_off"]), percent(figure(row["firm"]) / 100)
            measure = _("{n} agencies cut off, in {share} of draws with more ties").format(n=cut_off, share=share)
            agencies, beyond = several(row["agencies"]), ", ".join(several(row["beyond"]))
            yield finding(row, "cut-point", agencies, beyond, measure, TIE_NEXT_STEPS["cut-point"])


def _few_ties(report: Report) -> Iterator[ReportRow]:
    """Yield agencies with one tie, or with ties in their own sector only.

    Agreements that have ended are findings of `agreements`.
    """
    for row in report.rows:
        about = str(row["finding"])
        if about in TIE_NEXT_STEPS:
            measure, partners = _("ties: {n}").format(n=formatted(row["ties"])), ", ".join(several(row["partners"]))
            yield finding(row, about, texts(row["agency"]), partners, measure, TIE_NEXT_STEPS[about])


TIE_READERS: Mapping[str, Callable[[Report], Iterator[ReportRow]]] = {
    MISSING_TIES.name: _dependent_pairs,
    CUT_POINTS.name: _robust_cut_points,
    ISOLATES.name: _few_ties,
}


USE_FINDINGS = {
    "fits": "needed here, idle there",
    "apart": LEVEL_FINDINGS["apart"],
    "below": LEVEL_FINDINGS["below"],
    "special-application": "special application that a general one doubles",
    "wanted": "likely wanted next",
}
USE_NEXT_STEPS = {
    "fits": "Bring who needs it and who has it together; settle how much, when and on what terms.",
    "apart": "Let the parties tell each other what they base their level on, and state it anew.",
    "below": "Agree what is missing for the level aimed at, or lower the aim.",
    "special-application": "Move its users to the general application, or record why it has to stay.",
    "wanted": "Let those who have it tell these agencies what it took; the evidence names them.",
}
FAR_BELOW, NAMED = 2, 5
USE_REPORTS = (MATCHES, LEVELS, REUSE)
# The report that each type of finding comes from.
USE_SOURCES = {
    "fits": MATCHES.name,
    "apart": LEVELS.name,
    "below": LEVELS.name,
    "special-application": OVERLAPS.name,
    "wanted": REUSE.name,
}


def use_reports(arrays: SnapshotArrays) -> tuple[Report, ...]:
    """Return the reports on the use of resources from which findings are taken."""
    return matches(arrays), levels(arrays), reuse(arrays)


def special_application(row: ReportRow) -> ReportRow:
    """Return a special application that duplicates a general one as a finding."""
    subject = _("{special}, for which there is {general}").format(special=row["special"], general=row["general"])
    measure = _("all its functions: {n}").format(n=formatted(row["shared"]))
    return _finding(row, "special-application", texts(row["agency_a"], row["agency_b"]), subject, measure)


def _matched_needs(report: Report) -> Iterator[ReportRow]:
    """Yield the needs that an idle resource meets."""
    for row in report.rows:
        if row["finding"] == "fits":
            subject = f"{row['need']}: {row['resource']}"
            measure = _("{wanted} needed, {spare} idle ({unit})").format(
                wanted=formatted(row["quantity"]), spare=formatted(row["spare"]), unit=row["unit"]
            )
            if row["by_when"]:
                measure += "; " + _("needed by {day}").format(day=day(str(row["by_when"])))
            yield _finding(row, "fits", (*several(row["agencies"]), *several(row["owners"])), subject, measure)


def _level_findings(report: Report) -> Iterator[ReportRow]:
    """Yield agreements whose parties disagree, or are at least FAR_BELOW levels below the target.

    One level below is too common: up to a third of all agreements.
    """
    for row in report.rows:
        if row["finding"] == "apart":
            measure = _("{n} levels apart").format(n=formatted(row["apart"]))
            yield _finding(row, "apart", several(row["parties"]), str(row["agreement"]), measure)
        elif row["finding"] == "below" and isinstance(row["short"], int) and row["short"] >= FAR_BELOW:
            measure = _("{n} levels below {aim}").format(n=formatted(row["short"]), aim=row["aim"])
            yield _finding(row, "below", several(row["parties"]), str(row["agreement"]), measure)


def _suggested_resources(report: Report) -> Iterator[ReportRow]:
    """Yield each resource of the top band once, with the agencies that it is suggested to.

    Resources without new users in the last two years are left out.
    """
    together: dict[str, list[ReportRow]] = {}
    for row in report.rows:
        if row["band"] == "top-1" and row["recent"]:
            together.setdefault(row.evidence[0].id, []).append(row)
    for rows in together.values():
        first = rows[0]
        who = tuple(str(row["agency"]) for row in rows)
        measure = _(
            "{recent} began in two years, {users} have or had it; suggested to {n} (elsewhere, 1 in 9 of such came true)"
        ).format(recent=formatted(first["recent"]), users=formatted(first["users"]), n=number(len(rows)))
        evidence = dict.fromkeys(one for row in rows[:NAMED] for one in row.evidence)
        meeting = replace(first, evidence=tuple(evidence), key=(first.evidence[0].id,))
        yield _finding(meeting, "wanted", who[:NAMED], str(first["resource"]), measure)


USE_READERS: Mapping[str, Callable[[Report], Iterator[ReportRow]]] = {
    MATCHES.name: _matched_needs,
    LEVELS.name: _level_findings,
    REUSE.name: _suggested_resources,
}


ABOUT = {
    "coverage": "not on record",
    **AGREEMENT_FINDINGS,
    "gap": "sectors that hardly meet",
    "overlap": "the same work, side by side",
    **TIE_FINDINGS,
    **USE_FINDINGS,
}
PRIORITY = (
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
    **TIE_NEXT_STEPS,
    **USE_NEXT_STEPS,
}
ENOUGH = 90.0  # percent; facts recorded this completely are not listed
# The report that each type of finding comes from.
FROM = {
    "coverage": COVERAGE.name,
    "gap": SECTOR_GAPS.name,
    "overlap": OVERLAPS.name,
    **dict.fromkeys(AGREEMENT_FINDINGS, AGREEMENTS.name),
    **TIE_SOURCES,
    **USE_SOURCES,
}
PARTS = (COVERAGE, SECTOR_GAPS, AGREEMENTS, OVERLAPS, *TIE_REPORTS, *USE_REPORTS)
READS = dict.fromkeys(one for part in PARTS for one in part.reads)

GAPS = ReportDefinition(
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
    arrays: SnapshotArrays,
    *,
    level: float = LEVEL.default,
    least_expected: float = LEAST_EXPECTED.default,
    least_likeness: float = LEAST_LIKENESS.default,
    within: int = int(WITHIN.default),
) -> Report:
    """Compose the reports: coverage first, then all findings in order of priority, each with a suggested next step.

    The parameters are passed on to the reports, which are the `parts` of the result. `found` counts the findings;
    `of` and `unknown` are sums over reports that examine different things, without coverage.
    """
    known = coverage(arrays)
    alike = overlaps(arrays, level=level, least_likeness=least_likeness)
    parts = (
        agreements(arrays, within=within),
        sector_gaps(arrays, level=level, least_expected=least_expected),
        alike,
        *tie_reports(arrays, level, alike),
        *use_reports(arrays),
    )
    findings = [found for part in parts for found in _READERS[part.name](part)]
    rows = [*(_coverage_finding(row) for row in known.rows if _incomplete(row)), *_ranked(findings)]
    whole = GAPS.answer(
        arrays.as_of, rows, found=len(findings), of=sum(part.of for part in parts), unknown=sum(part.unknown for part in parts),
        withheld=arrays.withheld, notes=list(dict.fromkeys(note for part in (known, *parts) for note in part.notes)),
        level=level, least_expected=least_expected, least_likeness=least_likeness, within=within,
    )  # fmt: skip
    return replace(whole, parts=(known, *parts), sorts=_counts_by_type(findings))


def _counts_by_type(findings: Sequence[ReportRow]) -> dict[str, int]:
    """Count the findings by type, labelled, in order of priority."""
    counts = Counter(str(one["about"]) for one in findings)
    return {_(ABOUT[about]): counts[about] for about in PRIORITY if about in counts}


def _ranked(findings: Sequence[ReportRow]) -> list[ReportRow]:
    """Interleave the findings: the first of each type in order of priority, then the second of each, and so on.

    The source reports list their own findings in order of priority.
    """
    before: Counter[str] = Counter()
    keyed = []
    for one in findings:
        about = str(one["about"])
        keyed.append((before[about], PRIORITY.index(about), one))
        before[about] += 1
    return [one for _place, _sort, one in sorted(keyed, key=lambda ranked: ranked[:2])]


def _incomplete(row: ReportRow) -> bool:
    """Return whether too few records have this fact."""
    return figure(row["share"]) < ENOUGH and bool(row.evidence)


def _coverage_finding(row: ReportRow) -> ReportRow:
    """Return a row of `coverage` as a finding."""
    kind, fact = _(KINDS[str(row["kind"])]), _(FACTS[str(row["fact"])])
    subject = f"{kind}: {fact}"
    known = int(figure(row["of"]) - figure(row["withheld"]))
    lacking = known - int(figure(row["recorded"]))
    measure = _("{n} of {m}, {share}").format(n=number(lacking), m=number(known), share=percent(lacking / known))
    return _finding(row, "coverage", (), subject, measure)


def _agreements(report: Report) -> Iterator[ReportRow]:
    """Yield the findings of `agreements`."""
    for row in report.rows:
        days = row["days"]
        measure = _days_text(days) + _without_it(row) if isinstance(days, int) else ""
        subject = str(row["resource"] or row["agreement"])
        yield _finding(row, str(row["finding"]), several(row["agencies"]), subject, measure)


def _days_text(days: int) -> str:
    template = _("ended {n} days ago") if days < 0 else _("ends in {n} days")
    return template.format(n=number(abs(days)))


def _without_it(row: ReportRow) -> str:
    if alone := several(row["alone"]):
        return "; " + _("agencies alone without it: {n}").format(n=number(len(alone)))
    return (
        "; " + _("parts that no longer meet without it: {n}").format(n=formatted(row["parts"])) if row["parts"] else ""
    )


def _sector_gaps(report: Report) -> Iterator[ReportRow]:
    """Yield the sector pairs with significantly few ties."""
    for row in report.rows:
        if row["finding"] == "gap":
            measure = _("{seen} ties, {expected} by chance").format(
                seen=formatted(row["seen"]), expected=formatted(row["expected"])
            )
            yield _finding(row, "gap", (str(row["sector_a"]), str(row["sector_b"])), "", measure)


def _overlaps(report: Report) -> Iterator[ReportRow]:
    """Yield the findings of `overlaps`."""
    for row in report.rows:
        yield special_application(row) if row["finding"] == "special-application" else _overlap_finding(row)


def _overlap_finding(row: ReportRow) -> ReportRow:
    measure = _("{shared} functions shared, {expected} by chance").format(
        shared=formatted(row["shared"]), expected=formatted(row["expected"])
    )
    who = str(row["agency_a"]), str(row["agency_b"])
    return _finding(row, "overlap", who, ", ".join(several(row["rarest"])), measure)


def _finding(row: ReportRow, about: str, who: tuple[str, ...], subject: str, measure: str) -> ReportRow:
    return finding(row, about, who, subject, measure, NEXT_STEPS[about])


_READERS: Mapping[str, Callable[[Report], Iterator[ReportRow]]] = {
    AGREEMENTS.name: _agreements,
    SECTOR_GAPS.name: _sector_gaps,
    OVERLAPS.name: _overlaps,
    **TIE_READERS,
    **USE_READERS,
}
