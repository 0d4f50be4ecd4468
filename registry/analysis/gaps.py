"""Report `gaps`: the collaboration gap report, which collects the findings of other reports and suggests a next step for each."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from registry.analysis.agreements import AGREEMENTS, WITHIN, agreements
from registry.analysis.agreements import FINDINGS as AGREEMENT_FINDINGS
from registry.analysis.coverage import COVERAGE, FACTS, KINDS, coverage
from registry.analysis.cut_points import CUT_POINTS, cut_points
from registry.analysis.gap_summary import Stakes, by_stake
from registry.analysis.isolates import FINDINGS as ISOLATE_FINDINGS
from registry.analysis.isolates import ISOLATES, isolates
from registry.analysis.levels import FINDINGS as LEVEL_FINDINGS
from registry.analysis.levels import LEVELS, levels
from registry.analysis.matches import MATCHES, matches
from registry.analysis.missing_ties import MISSING_TIES, Dependence, dependences, missing_ties
from registry.analysis.overlaps import LEAST_SIMILARITY, OVERLAPS, overlaps
from registry.analysis.report import SCOPE, Cell, Column, Report, ReportDefinition, ReportRow
from registry.analysis.reuse import REUSE, reuse
from registry.analysis.sector_gaps import LEAST_EXPECTED, LEVEL, SECTOR_GAPS, sector_gaps
from registry.analysis.snapshot import SnapshotArrays
from registry.analysis.ties import CONFIRMED_ONLY, LARGEST_AGREEMENT, LEAVE_OUT
from registry.i18n import _, day, ngettext, number, percent


def finding(
    row: ReportRow,
    about: str,
    who: tuple[str, ...],
    subject: str,
    measure: str,
    next_step: str,
    concerned: int | None = None,
) -> ReportRow:
    """Convert a row of another report to a row of the report `gaps`.

    The new row keeps the evidence, the confidence and the agencies of the other row. The key gets the type of finding as a prefix.
    `next_step` is already translated.
    """
    values: dict[str, Cell] = {
        "finding": about,
        "who": who,
        "subject": subject or None,
        "measure": measure or None,
        "stake": None,
        "responsible": (),
        "next_step": _(next_step),
        "services": None,
        "people": None,
        "agencies": len(who) if concerned is None else concerned,
        "due": row.values.get("until") or row.values.get("by_when"),
    }
    return replace(row, values=values, key=(about, *row.key))


def several(cell: Cell) -> tuple[str, ...]:
    """Return the cell if it is a tuple of texts, else an empty tuple."""
    return cell if isinstance(cell, tuple) else ()


def texts(*cells: Cell) -> tuple[str, ...]:
    """Return the non-empty cells of a row as texts."""
    return tuple(str(one) for one in cells if one)


def figure(cell: Cell) -> float:
    """Return the number in a cell; return 0 if the cell holds no number."""
    return cell if isinstance(cell, int | float) else 0


def formatted(cell: Cell) -> str:
    """Return the number in a cell, formatted for the current language."""
    return number(figure(cell))


TIE_FINDINGS = {
    "missing": "depends on another agency without an agreement",
    "cut-point": "single point of failure",
    "own-sector": ISOLATE_FINDINGS["own-sector"],
    "one-tie": ISOLATE_FINDINGS["one-tie"],
}
TIE_NEXT_STEPS = {
    "missing": "Help both agencies to conclude an agreement on what one needs from the other; see “Based on”.",
    "cut-point": "Find a second partner for the agencies that would be cut off.",
    "own-sector": "Help the agency to find a partner in another sector that serves the same people.",
    "one-tie": "Help the agency to find a second partner, or record the partners it already has.",
}
TIE_REPORTS = (MISSING_TIES, CUT_POINTS, ISOLATES)
# The name of the report that each type of finding comes from.
TIE_SOURCES = {
    "missing": MISSING_TIES,
    "cut-point": CUT_POINTS,
    "own-sector": ISOLATES,
    "one-tie": ISOLATES,
}


def tie_reports(
    arrays: SnapshotArrays, level: float, overlaps: Report, needs: Sequence[Dependence]
) -> tuple[Report, ...]:
    """Return the reports about ties; the report `gaps` collects their findings.

    `overlaps` is the result of the report `overlaps`, and `needs` that of `dependences`.
    """
    return missing_ties(arrays, level=level, overlaps=overlaps, needs=needs), cut_points(arrays), isolates(arrays)


def _dependent_pairs(report: Report) -> Iterator[ReportRow]:
    """Yield the pairs of agencies in which one agency depends on the other.

    Pairs of agencies that do the same work are left out, because they are findings of the report `overlaps`.
    """
    for row in report.rows:
        if row["depends"]:
            pair, what = texts(row["agency_a"], row["agency_b"]), "; ".join(several(row["for_what"]))
            measure = ngettext(
                "one agency depends on the other for {n} service",
                "one agency depends on the other for {n} services",
                int(figure(row["depends"])),
            ).format(n=formatted(row["depends"]))
            yield finding(row, "missing", pair, what, measure, TIE_NEXT_STEPS["missing"])


def _robust_cut_points(report: Report) -> Iterator[ReportRow]:
    """Yield the single points of failure with enough support."""
    for row in report.rows:
        if row.confidence == "likely":
            cut_off, share = formatted(row["cut_off"]), percent(figure(row["support"]) / 100)
            measure = ngettext(
                "{n} agency would be cut off; still a single point of failure in {share} of simulations with more agreements",
                "{n} agencies would be cut off; still a single point of failure in {share} of simulations with more agreements",
                int(figure(row["cut_off"])),
            ).format(n=cut_off, share=share)
            agencies, beyond = several(row["agencies"]), ", ".join(several(row["beyond"]))
            yield finding(
                row, "cut-point", agencies, beyond, measure, TIE_NEXT_STEPS["cut-point"], int(figure(row["cut_off"]))
            )


def _few_ties(report: Report) -> Iterator[ReportRow]:
    """Yield the agencies that have only one tie, or only ties in their own sector.

    Agencies whose agreements have ended are left out, because they are findings of the report `agreements`.
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
    "fits": "spare resource that meets a need",
    "apart": LEVEL_FINDINGS["apart"],
    "below": LEVEL_FINDINGS["below"],
    "special-application": "special application that a general one could replace",
    "wanted": "expected demand",
}
USE_NEXT_STEPS = {
    "fits": "Bring the agencies together to agree on the quantity, the time and the terms.",
    "apart": "Ask the parties to explain their assessments to each other and to assess the level again.",
    "below": "Agree on what is missing to reach the target level, or lower the target.",
    "special-application": "Move the users to the general application, or record why the special one is still needed.",
    "wanted": "Ask current users to share their experience with these agencies; they are listed under “Based on”.",
}
FAR_BELOW, NAMED = 2, 5
USE_REPORTS = (MATCHES, LEVELS, REUSE)
# The name of the report that each type of finding comes from.
USE_SOURCES = {
    "fits": MATCHES,
    "apart": LEVELS,
    "below": LEVELS,
    "special-application": OVERLAPS,
    "wanted": REUSE,
}


def use_reports(arrays: SnapshotArrays) -> tuple[Report, ...]:
    """Return the reports about the use of resources; the report `gaps` collects their findings."""
    return matches(arrays), levels(arrays), reuse(arrays)


def special_application(row: ReportRow) -> ReportRow:
    """Return the finding that a special application duplicates a general application."""
    subject = _("{special} could be replaced by {general}").format(special=row["special"], general=row["general"])
    measure = _("the general application also has all {n} functions of the special application").format(
        n=formatted(row["shared"])
    )
    owners = sum(one.kind == "Agency" for one in row.evidence)
    return _finding(row, "special-application", texts(row["agency_a"], row["agency_b"]), subject, measure, owners)


def _matched_needs(report: Report) -> Iterator[ReportRow]:
    """Yield a finding for each need that an idle resource can meet."""
    for row in report.rows:
        if row["finding"] == "fits":
            subject = f"{row['need']}: {row['resource']}"
            measure = _("amount needed: {wanted}, amount free: {spare} ({unit})").format(
                wanted=formatted(row["quantity"]), spare=formatted(row["spare"]), unit=row["unit"]
            )
            if row["by_when"]:
                measure += "; " + _("needed by {day}").format(day=day(str(row["by_when"])))
            yield _finding(row, "fits", (*several(row["agencies"]), *several(row["owners"])), subject, measure)


def _level_findings(report: Report) -> Iterator[ReportRow]:
    """Yield the agreements that are far below their target level, or whose parties disagree on the level of cooperation.

    An agreement is far below its target if its level is at least FAR_BELOW levels below the target level. Agreements one level
    below are too common to be findings: they are up to a third of all agreements.
    """
    for row in report.rows:
        if row["finding"] == "apart":
            measure = ngettext(
                "the assessments of the parties are {n} level apart",
                "the assessments of the parties are {n} levels apart",
                int(figure(row["levels_apart"])),
            ).format(n=formatted(row["levels_apart"]))
            yield _finding(row, "apart", several(row["parties"]), str(row["agreement"]), measure)
        elif row["finding"] == "below" and isinstance(row["below_target"], int) and row["below_target"] >= FAR_BELOW:
            measure = ngettext(
                "{n} level below the target {target}", "{n} levels below the target {target}", row["below_target"]
            ).format(n=formatted(row["below_target"]), target=row["target"])
            yield _finding(row, "below", several(row["parties"]), str(row["agreement"]), measure)


def _suggested_resources(report: Report) -> Iterator[ReportRow]:
    """Yield each resource that has a suggestion with a score in the top band, together with all agencies that get this suggestion.

    A resource is left out if no agency began to use it in the last two years.
    """
    together: dict[str, list[ReportRow]] = {}
    for row in report.rows:
        if row["band"] == "top-1" and row["recent"]:
            together.setdefault(row.evidence[0].id, []).append(row)
    for rows in together.values():
        first = rows[0]
        who = tuple(str(row["agency"]) for row in rows)
        measure = _(
            "new users in the last two years: {recent}; all users: {users}; agencies that may use it next: "
            "{n} (on other data, 1 in 9 such predictions came true)"
        ).format(recent=formatted(first["recent"]), users=formatted(first["users"]), n=number(len(rows)))
        evidence = dict.fromkeys(one for row in rows[:NAMED] for one in row.evidence)
        concerns = dict.fromkeys(one for row in rows for one in row.concerns or ())
        meeting = replace(first, evidence=tuple(evidence), key=(first.evidence[0].id,), concerns=tuple(concerns))
        yield _finding(meeting, "wanted", who[:NAMED], str(first["resource"]), measure, len(who))


USE_READERS: Mapping[str, Callable[[Report], Iterator[ReportRow]]] = {
    MATCHES.name: _matched_needs,
    LEVELS.name: _level_findings,
    REUSE.name: _suggested_resources,
}


ABOUT = {
    "coverage": "missing facts",
    **AGREEMENT_FINDINGS,
    "gap": "sectors that rarely work together",
    "overlap": "overlapping work",
    **TIE_FINDINGS,
    **USE_FINDINGS,
}
PRIORITY = (
    *("uncovered", "disputed", "missing", "gap", "expired", "interrupted", "expiring", "retired-party", "fits"),
    *("apart", "cut-point", "overlap", "special-application"),
    *("below", "wanted", "own-sector", "one-tie"),
    *("reversed", "empty", "no-basis", "resumed"),
)
NEXT_STEPS = {
    "coverage": "Ask the stewards of these records to complete them.",
    "uncovered": "Conclude an agreement that covers this use, or end the use.",
    "disputed": "Clarify with the parties what they agreed, then correct or end the agreement.",
    "interrupted": "Agree on how the work continues until the renewal starts.",
    "expired": "Renew the agreement, or record that the work has ended.",
    "expiring": "Decide before the last day whether to renew the agreement.",
    "retired-party": "Record the agency that took over as a party, or end the agreement.",
    "resumed": "Check whether work went on in the gap, and record what covered it.",
    "reversed": "Check the document and correct the dates.",
    "empty": "Record which services or resources the agreement covers.",
    "no-basis": "Record the rule or document that is the legal basis.",
    "gap": "Invite the best connected agencies of both sectors to a meeting; they are listed under “Based on”.",
    "overlap": "Ask both agencies to compare their work, then share services or divide the tasks.",
    **TIE_NEXT_STEPS,
    **USE_NEXT_STEPS,
}
ENOUGH = 90.0  # percent; a fact that more records have is not listed
# The name of the report that each type of finding comes from.
FROM: Mapping[str, ReportDefinition] = {
    "coverage": COVERAGE,
    "gap": SECTOR_GAPS,
    "overlap": OVERLAPS,
    **dict.fromkeys(AGREEMENT_FINDINGS, AGREEMENTS),
    **TIE_SOURCES,
    **USE_SOURCES,
}
PARTS = (COVERAGE, SECTOR_GAPS, AGREEMENTS, OVERLAPS, *TIE_REPORTS, *USE_REPORTS)
READS = dict.fromkeys(one for part in PARTS for one in part.reads)

GAPS = ReportDefinition(
    "gaps",
    "Collaboration gaps",
    "Where should agencies work together but do not, and what could be done next?",
    "The findings of other reports are ordered by what is at stake in them: first by the number of services that "
    "depend on the subject of the finding, then by the number of groups of people for whom these services are, by the "
    "number of agencies, by certainty (certain before likely), and by date. A service depends on a resource that it "
    "requires, on a service that it cannot run without, on a need that is recorded for it, and on an agreement of its "
    "provider that covers it or a resource that it requires; dependence is transitive. Services are at stake if an "
    "agreement has ended, is about to end, is disputed or is missing, if a need is unmet, or if only one agency connects "
    "others. All other findings are ordered by the number of agencies concerned. Facts that are missing for more than "
    "one record in ten come last. Three reports contribute only their strongest findings. “Levels of cooperation” "
    "contributes agreements whose parties disagree by two or more levels, or that are two or more levels below their "
    "target. “Single points of failure” contributes only robust single points of failure. “Expected demand” contributes "
    "the top 1 % of suggestions, for resources that gained a user in the last two years. Each report explains its own "
    "method.",
    tuple(READS),
    (
        Column("finding", "Finding", "code", "The type of finding.", words=ABOUT),
        Column("who", "Agencies or sectors", "texts", "The agencies or sectors concerned."),
        Column("subject", "Subject", "text", "The agreement, resource, fact or functions concerned."),
        Column("measure", "Extent", "text", "How large or how urgent the finding is."),
        Column("stake", "At stake", "text", "The recorded services, or else the agencies, that the finding affects."),
        Column(
            "responsible",
            "Responsible",
            "texts",
            "The agency responsible for the next step: the owner of the resource, the lead party of the agreement, or "
            "the agency concerned. A suggestion is marked as such.",
            empty="not recorded",
        ),
        Column("next_step", "Next step", "text", "What could be done next."),
        Column(
            "services",
            "Dependent services",
            "integer",
            "The number of recorded services that depend on the subject; empty if unknown or not applicable.",
            "services",
            for_programs=True,
        ),
        Column(
            "people",
            "Groups of people",
            "integer",
            "The number of groups of people for whom the dependent services are.",
            "groups of people",
            for_programs=True,
        ),
        Column(
            "agencies",
            "Agencies affected",
            "integer",
            "The number of agencies that provide the dependent services; if there are none, of the agencies concerned.",
            "agencies",
            for_programs=True,
        ),
        Column(
            "due",
            "Date",
            "date",
            "The last day of the agreement, or the day by which a resource is needed.",
            for_programs=True,
        ),
    ),
    (LEVEL, LEAST_EXPECTED, LEAST_SIMILARITY, WITHIN),
    key=("finding", "who", "subject"),
    counts="Findings",
    summarised=True,
    common=(LARGEST_AGREEMENT, CONFIRMED_ONLY, replace(LEAVE_OUT, default=2), *SCOPE),
    concern=(
        "A finding concerns the agencies that the report it comes from names. Missing facts are counted among the "
        "records of the selected agencies."
    ),
    finding=lambda row: None if row["finding"] == COVERAGE.name else row.key,
)


def gaps(
    arrays: SnapshotArrays,
    *,
    level: float = LEVEL.default,
    least_expected: float = LEAST_EXPECTED.default,
    least_similarity: float = LEAST_SIMILARITY.default,
    within: int = int(WITHIN.default),
) -> Report:
    """Run the reports that look for gaps, and combine their findings in one report; each finding has a suggested next step.

    The findings with the most at stake come first. Findings about facts that are missing in too many records come last. The
    parameters are passed on to the combined reports. The field `parts` of the result lists the combined reports. `found` counts the
    findings. The counts `of` and `unknown` are sums over all combined reports except `coverage`, so they only say whether any
    case was examined and judged.
    """
    known, needs = coverage(arrays), dependences(arrays)
    overlapping = overlaps(arrays, level=level, least_similarity=least_similarity)
    parts = (
        agreements(arrays, within=within),
        sector_gaps(arrays, level=level, least_expected=least_expected),
        overlapping,
        *tie_reports(arrays, level, overlapping, needs),
        *use_reports(arrays),
    )
    everybody = replace(arrays, selection=None)
    sources = [part if arrays.selection is None or part.name != REUSE.name else reuse(everybody) for part in parts]
    stakes = Stakes(arrays, needs)
    findings = [stakes.complete(found) for part in sources for found in _READERS[part.name](part)]
    rows = [*sorted(findings, key=_order), *(_coverage_finding(row) for row in known.rows if _incomplete(row))]
    whole = GAPS.answer(
        arrays.as_of, rows, found=len(findings), of=sum(part.of for part in parts), unknown=sum(part.unknown for part in parts),
        withheld=arrays.withheld, notes=list(dict.fromkeys(note for part in (known, *parts) for note in part.notes)),
        level=level, least_expected=least_expected, least_similarity=least_similarity, within=within,
    )  # fmt: skip
    return replace(whole, parts=(known, *parts), counts_by_type=_counts_by_type(findings))


def _counts_by_type(findings: Sequence[ReportRow]) -> dict[str, int]:
    """Return a dictionary from the label of each type of finding to the number of its findings, in order of priority."""
    counts = Counter(str(one["finding"]) for one in findings)
    return {_(ABOUT[about]): counts[about] for about in PRIORITY if about in counts}


def _order(row: ReportRow) -> tuple[object, ...]:
    """Return the sort key of a finding: what is at stake, then the priority of its type."""
    return *by_stake(row), PRIORITY.index(str(row["finding"]))


def _incomplete(row: ReportRow) -> bool:
    """Return whether a row of the report `coverage` is about a fact that is missing in too many records."""
    return figure(row["share"]) < ENOUGH and bool(row.evidence)


def _coverage_finding(row: ReportRow) -> ReportRow:
    """Convert a row of the report `coverage` to a row of the report `gaps`."""
    kind, fact = _(KINDS[str(row["kind"])]), _(FACTS[str(row["fact"])])
    subject = f"{kind}: {fact}"
    known = int(figure(row["of"]) - figure(row["withheld"]))
    lacking = known - int(figure(row["recorded"]))
    measure = _("not recorded for {n} of {m} ({share})").format(
        n=number(lacking), m=number(known), share=percent(lacking / known)
    )
    found = _finding(row, "coverage", (), subject, measure)
    stake = ngettext("{n} record is incomplete", "{n} records are incomplete", lacking).format(n=number(lacking))
    values = {"agencies": None, "stake": stake, "responsible": (_("the stewards of these records"),)}
    return replace(found, values={**found.values, **values})


def _agreements(report: Report) -> Iterator[ReportRow]:
    """Yield the findings of the report `agreements` as rows of the report `gaps`."""
    for row in report.rows:
        # A number of days would differ in a comparison of two days, although no record has changed.
        last = _("last day: {day}").format(day=day(str(row["until"]))) if row["until"] else ""
        measure = last + _without_it(row) if last else ""
        subject = str(row["resource"] or row["agreement"])
        yield _finding(row, str(row["finding"]), several(row["agencies"]), subject, measure)


def _without_it(row: ReportRow) -> str:
    if alone := several(row["alone"]):
        return "; " + _("agencies left without a partner: {n}").format(n=number(len(alone)))
    return (
        "; " + _("separate groups without the agreement: {n}").format(n=formatted(row["parts"])) if row["parts"] else ""
    )


def _sector_gaps(report: Report) -> Iterator[ReportRow]:
    """Yield the sector pairs with significantly few ties."""
    for row in report.rows:
        if row["finding"] == "gap":
            measure = ngettext(
                "{observed} tie; {expected} expected by chance",
                "{observed} ties; {expected} expected by chance",
                int(figure(row["observed"])),
            ).format(observed=formatted(row["observed"]), expected=formatted(row["expected"]))
            yield _finding(row, "gap", (str(row["sector_a"]), str(row["sector_b"])), "", measure)


def _overlaps(report: Report) -> Iterator[ReportRow]:
    """Yield the findings of the report `overlaps` as rows of the report `gaps`."""
    for row in report.rows:
        yield special_application(row) if row["finding"] == "special-application" else _overlap_finding(row)


def _overlap_finding(row: ReportRow) -> ReportRow:
    measure = ngettext(
        "{shared} common function; {expected} expected by chance",
        "{shared} common functions; {expected} expected by chance",
        int(figure(row["shared"])),
    ).format(shared=formatted(row["shared"]), expected=formatted(row["expected"]))
    who = str(row["agency_a"]), str(row["agency_b"])
    return _finding(row, "overlap", who, ", ".join(several(row["rarest"])), measure)


def _finding(
    row: ReportRow, about: str, who: tuple[str, ...], subject: str, measure: str, concerned: int | None = None
) -> ReportRow:
    return finding(row, about, who, subject, measure, NEXT_STEPS[about], concerned)


_READERS: Mapping[str, Callable[[Report], Iterator[ReportRow]]] = {
    AGREEMENTS.name: _agreements,
    SECTOR_GAPS.name: _sector_gaps,
    OVERLAPS.name: _overlaps,
    **TIE_READERS,
    **USE_READERS,
}
