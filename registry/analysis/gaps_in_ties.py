"""What the collaboration gap report takes from the reports about the network of ties."""

from collections.abc import Callable, Iterator, Mapping

from registry.analysis.cut_points import CUT_POINTS, cut_points
from registry.analysis.findings import figure, finding, several, texts, told
from registry.analysis.isolates import FINDINGS as ISOLATE_FINDINGS
from registry.analysis.isolates import ISOLATES, isolates
from registry.analysis.missing_ties import MISSING_TIES, missing_ties
from registry.analysis.world import World
from registry.figures import percent
from registry.reports.report import Report, Row
from registry.words import _

ABOUT = {
    "missing": "needs another, without an agreement",
    "cut-point": "others hang on it alone",
    "own-sector": ISOLATE_FINDINGS["own-sector"],
    "one-tie": ISOLATE_FINDINGS["one-tie"],
}
NEXT_STEPS = {
    "missing": "Bring both to one table and agree on what the one needs of the other; the evidence names it.",
    "cut-point": "Find those who are cut off a second partner, before the one they have is gone.",
    "own-sector": "Look with it for a partner in another sector that serves the same people.",
    "one-tie": "Look with it for a second partner, or record those that it has.",
}
QUESTIONS = (MISSING_TIES, CUT_POINTS, ISOLATES)
# The report that each sort of finding is from.
FROM = {
    "missing": MISSING_TIES.name,
    "cut-point": CUT_POINTS.name,
    "own-sector": ISOLATES.name,
    "one-tie": ISOLATES.name,
}


def parts(world: World, level: float, overlaps: Report) -> tuple[Report, ...]:
    """Return the reports that findings are taken from; `overlaps` is the report of that name."""
    return missing_ties(world, level=level, overlaps=overlaps), cut_points(world), isolates(world)


def _missing(report: Report) -> Iterator[Row]:
    """Yield who depends on another; who does the same is a finding of overlaps."""
    for row in report.rows:
        if row["depends"]:
            pair, what = texts(row["agency_a"], row["agency_b"]), "; ".join(several(row["for_what"]))
            measure = _("{n} of its services cannot work without it").format(n=told(row["depends"]))
            yield finding(row, "missing", pair, what, measure, NEXT_STEPS["missing"])


def _firm(report: Report) -> Iterator[Row]:
    for row in report.rows:
        if row.confidence == "likely":
            cut_off, share = told(row["cut_off"]), percent(figure(row["firm"]) / 100)
            measure = _("{n} agencies cut off, in {share} of draws with more ties").format(n=cut_off, share=share)
            agencies, beyond = several(row["agencies"]), ", ".join(several(row["beyond"]))
            yield finding(row, "cut-point", agencies, beyond, measure, NEXT_STEPS["cut-point"])


def _narrow(report: Report) -> Iterator[Row]:
    """Yield who keeps to its sector or to one partner; agreements that have ended are findings of agreements."""
    for row in report.rows:
        about = str(row["finding"])
        if about in NEXT_STEPS:
            measure, partners = _("ties: {n}").format(n=told(row["ties"])), ", ".join(several(row["partners"]))
            yield finding(row, about, texts(row["agency"]), partners, measure, NEXT_STEPS[about])


READ: Mapping[str, Callable[[Report], Iterator[Row]]] = {
    MISSING_TIES.name: _missing,
    CUT_POINTS.name: _firm,
    ISOLATES.name: _narrow,
}
