"""What the collaboration gap report takes from the reports about resources, needs, applications and what parties say."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from registry.analysis.findings import finding, several, texts, told
from registry.analysis.levels import FINDINGS as LEVEL_FINDINGS
from registry.analysis.levels import LEVELS, levels
from registry.analysis.matches import MATCHES, matches
from registry.analysis.overlaps import OVERLAPS
from registry.analysis.reuse import REUSE, reuse
from registry.analysis.world import World
from registry.figures import day, number
from registry.reports.report import Report, Row
from registry.words import _

ABOUT = {
    "fits": "needed here, idle there",
    "apart": LEVEL_FINDINGS["apart"],
    "below": LEVEL_FINDINGS["below"],
    "special-application": "special application that a general one doubles",
    "wanted": "likely wanted next",
}
NEXT_STEPS = {
    "fits": "Bring who needs it and who has it together; settle how much, when and on what terms.",
    "apart": "Let the parties tell each other what they base their level on, and state it anew.",
    "below": "Agree what is missing for the level aimed at, or lower the aim.",
    "special-application": "Move its users to the general application, or record why it has to stay.",
    "wanted": "Let those who have it tell these agencies what it took; the evidence names them.",
}
FAR_BELOW, NAMED = 2, 5
QUESTIONS = (MATCHES, LEVELS, REUSE)
# The report that each sort of finding is from.
FROM = {
    "fits": MATCHES.name,
    "apart": LEVELS.name,
    "below": LEVELS.name,
    "special-application": OVERLAPS.name,
    "wanted": REUSE.name,
}


def parts(world: World) -> tuple[Report, ...]:
    """Return the reports that findings are taken from."""
    return matches(world), levels(world), reuse(world)


def special_application(row: Row) -> Row:
    """Return a special application as a finding."""
    subject = _("{special}, for which there is {general}").format(special=row["special"], general=row["general"])
    measure = _("all its functions: {n}").format(n=told(row["shared"]))
    return _finding(row, "special-application", texts(row["agency_a"], row["agency_b"]), subject, measure)


def _matched(report: Report) -> Iterator[Row]:
    for row in report.rows:
        if row["finding"] == "fits":
            subject = f"{row['need']}: {row['resource']}"
            measure = _("{wanted} needed, {spare} idle ({unit})").format(
                wanted=told(row["quantity"]), spare=told(row["spare"]), unit=row["unit"]
            )
            if row["by_when"]:
                measure += "; " + _("needed by {day}").format(day=day(str(row["by_when"])))
            yield _finding(row, "fits", (*several(row["agencies"]), *several(row["owners"])), subject, measure)


def _said(report: Report) -> Iterator[Row]:
    """Yield where parties differ, and where they fall far short: by one level a third of all agreements may."""
    for row in report.rows:
        if row["finding"] == "apart":
            measure = _("{n} levels apart").format(n=told(row["apart"]))
            yield _finding(row, "apart", several(row["parties"]), str(row["agreement"]), measure)
        elif row["finding"] == "below" and isinstance(row["short"], int) and row["short"] >= FAR_BELOW:
            measure = _("{n} levels below {aim}").format(n=told(row["short"]), aim=row["aim"])
            yield _finding(row, "below", several(row["parties"]), str(row["agreement"]), measure)


def _wanted(report: Report) -> Iterator[Row]:
    """Yield each resource of the top band once, with the agencies that it is suggested to: one meeting, not one for each.

    What nobody began to use in two years is not wanted next, however many have it.
    """
    together: dict[str, list[Row]] = {}
    for row in report.rows:
        if row["band"] == "top-1" and row["recent"]:
            together.setdefault(row.evidence[0].id, []).append(row)
    for rows in together.values():
        first = rows[0]
        who = tuple(str(row["agency"]) for row in rows)
        measure = _(
            "{recent} began in two years, {users} have or had it; suggested to {n} (elsewhere, 1 in 9 of such came true)"
        ).format(recent=told(first["recent"]), users=told(first["users"]), n=number(len(rows)))
        evidence = dict.fromkeys(one for row in rows[:NAMED] for one in row.evidence)
        meeting = replace(first, evidence=tuple(evidence), key=(first.evidence[0].id,))
        yield _finding(meeting, "wanted", who[:NAMED], str(first["resource"]), measure)


def _finding(row: Row, about: str, who: tuple[str, ...], subject: str, measure: str) -> Row:
    return finding(row, about, who, subject, measure, NEXT_STEPS[about])


READ: Mapping[str, Callable[[Report], Iterator[Row]]] = {
    MATCHES.name: _matched,
    LEVELS.name: _said,
    REUSE.name: _wanted,
}
