"""What the collaboration gap report takes from the reports about the network of ties."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from registry.analysis.cut_points import CUT_POINTS, cut_points
from registry.analysis.isolates import FINDINGS as ISOLATE_FINDINGS
from registry.analysis.isolates import ISOLATES, isolates
from registry.analysis.missing_ties import MISSING_TIES, missing_ties
from registry.analysis.world import World
from registry.figures import number, percent
from registry.reports.report import Cell, Report, Row
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
            measure = _("{n} of its services cannot work without it").format(n=_number(row["depends"]))
            yield _finding(
                row, "missing", _texts(row["agency_a"], row["agency_b"]), "; ".join(_several(row["for_what"])), measure
            )


def _firm(report: Report) -> Iterator[Row]:
    for row in report.rows:
        if row.confidence == "likely":
            measure = _("{n} agencies cut off, in {share} of draws with more ties").format(
                n=_number(row["cut_off"]), share=percent(_value(row["firm"]) / 100)
            )
            yield _finding(row, "cut-point", _several(row["agencies"]), ", ".join(_several(row["beyond"])), measure)


def _narrow(report: Report) -> Iterator[Row]:
    """Yield who keeps to its sector or to one partner; agreements that have ended are findings of agreements."""
    for row in report.rows:
        if row["finding"] in NEXT_STEPS:
            measure = _("ties: {n}").format(n=_number(row["ties"]))
            yield _finding(
                row, str(row["finding"]), _texts(row["agency"]), ", ".join(_several(row["partners"])), measure
            )


def _finding(row: Row, about: str, who: tuple[str, ...], subject: str, measure: str) -> Row:
    values: dict[str, Cell] = {
        "about": about,
        "who": who,
        "subject": subject or None,
        "measure": measure,
        "next_step": _(NEXT_STEPS[about]),
    }
    return replace(row, values=values)


def _several(cell: Cell) -> tuple[str, ...]:
    return cell if isinstance(cell, tuple) else ()


def _texts(*cells: Cell) -> tuple[str, ...]:
    return tuple(str(one) for one in cells if one)


def _number(cell: Cell) -> str:
    return number(_value(cell))


def _value(cell: Cell) -> float:
    return cell if isinstance(cell, int | float) else 0


READ: Mapping[str, Callable[[Report], Iterator[Row]]] = {
    MISSING_TIES.name: _missing,
    CUT_POINTS.name: _firm,
    ISOLATES.name: _narrow,
}
