"""Series: a report on many dates, computed from one reading of the records, as a report with a row for each date."""

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from registry.analysis.report import Cell, Column, Report, ReportDefinition, ReportError, ReportRow, Value
from registry.analysis.scope import Scope
from registry.analysis.snapshot import Snapshot
from registry.clock import today
from registry.i18n import SuppressedCount, _, day, ngettext, number
from registry.progress import steps

NAME, MOST = "series", 60
MONTHS: Mapping[str, int] = {"year": 12, "quarter": 3, "month": 1}
STEPS = {"year": "each year", "quarter": "each quarter", "month": "each month"}
NOT_REPEATED = ("changes", "what-if")  # these compare two runs themselves
COUNT, MEASURE = "count_", "value_"


@dataclass(frozen=True)
class DateRange:
    """The dates of a series: the first day, and each day that is a number of steps after it, up to the last day.

    `each` is the step: `year`, `quarter` or `month`. The days are ISO 8601 texts. Raises ReportError for an invalid range.
    """

    each: str
    first: str
    last: str

    def __post_init__(self) -> None:
        if self.each not in MONTHS:
            raise ReportError(
                _("{step} is not a step of a series. Choose one of: {steps}.").format(
                    step=self.each, steps=", ".join(MONTHS)
                )
            )
        if self.first > self.last:
            raise ReportError(
                _("The first day of a series must not be after its last day, {day}.").format(day=day(self.last))
            )
        if (count := sum(1 for _day in self._days())) > MOST:
            raise ReportError(
                _(
                    "The series has {n} dates, but at most {most} are possible. Choose a later first day or a longer step."
                ).format(n=number(count), most=number(MOST))
            )

    @property
    def days(self) -> Sequence[str]:
        """The dates, oldest first. If a month has no such day, its last day is used."""
        return list(self._days())

    def _days(self) -> Iterator[str]:
        first, last = date.fromisoformat(self.first), date.fromisoformat(self.last)
        months = (last.year - first.year) * 12 + last.month - first.month
        for ahead in range(0, months + 1, MONTHS[self.each]):
            years, month = divmod(first.month - 1 + ahead, 12)
            year = first.year + years
            if (found := date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))) <= last:
                yield found.isoformat()


class Point(NamedTuple):
    """What a series shows of a report on one date: its counts, the number of rows of each type, and the values of measures."""

    as_of: str
    found: int
    of: int | None
    unknown: int | None
    withheld: int
    types: Mapping[str, int]
    measures: Mapping[str, Cell]


class RecordedAgreements(NamedTuple):
    """The first day of the oldest recorded agreement (None if no agreement has one), and the number of agreements without one."""

    begin: str | None = None
    undated: int = 0

    @classmethod
    def of(cls, snapshot: Snapshot) -> "RecordedAgreements":
        """Return what the snapshot has recorded; agreements whose dates are withheld are left out."""
        known = [one for one in snapshot.partnerships if one.whole and not one.reversed]
        days = [one.valid_from for one in known if one.valid_from]
        return cls(min(days, default=None), len(known) - len(days))


def run_series(
    definition: ReportDefinition,
    dates: DateRange,
    parameters: Mapping[str, Value],
    run: Callable[[str], Report],
    agreements: RecordedAgreements | None = None,
    scope: Scope | None = None,
) -> Report:
    """Run a report on each date, and return a report with a row for each date.

    `run` runs the report on a day, limited to the scope. `agreements` is None if the report does not read agreements. `found` counts
    the dates with findings; dates before the first recorded agreement are `unknown`. Raises ReportError for a report that is not
    repeated.
    """
    if definition.name in NOT_REPEATED:
        raise ReportError(
            _("“{report}” compares two runs, so it cannot be computed for a series of dates.").format(
                report=_(definition.title)
            )
        )
    points = [_point(run(one)) for one in steps(_("dates"), dates.days)]
    begin = agreements.begin if agreements else None
    columns = _columns(definition, points, early=any(_is_early(one, begin) for one in points))
    rows = tuple(ReportRow(_cells(one, columns, begin), key=(one.as_of,)) for one in points)
    shown = definition.shown()
    early = sum(_is_early(one, begin) for one in points)
    labels = {"report": _("Report"), NAME: _("Dates"), "from": _("First day"), "to": _("Last day")}
    return Report(
        NAME,
        _("{report} over time").format(report=shown.title),
        shown.text,
        dates.last,
        {"report": definition.name, NAME: dates.each, "from": dates.first, "to": dates.last, **parameters},
        columns,
        rows,
        sum(one.found > 0 and not _is_early(one, begin) for one in points),
        len(points),
        early,
        points[-1].withheld if points else 0,
        shown.method,
        (*_scope_notes(shown, scope), *_notes(points, begin, early, agreements)),
        {**{one.name: one.label for one in shown.all_parameters}, **labels},
        counts=_("Dates with findings"),
        scope=scope.text if scope else "",
        scope_names=scope.names if scope else {},
    )


def _point(report: Report) -> Point:
    """Keep the numbers of a report; its rows are too large to keep for many dates."""
    types = Counter(str(row["finding"]) for row in report.rows) if _codes(report, "finding") else Counter[str]()
    if report.parts:
        labels = _codes(report, "finding")
        types = Counter({code: n for code, n in types.items() if labels.get(code) in report.counts_by_type})
    measures = {str(row["measure"]): row["value"] for row in report.rows} if _codes(report, "measure") else {}
    return Point(report.as_of, report.found, report.cases, report.unjudged, report.withheld, types, measures)


def _codes(report: Report | ReportDefinition, name: str) -> Mapping[str, str]:
    return next((one.words for one in report.columns if one.name == name and one.type == "code"), {})


def _columns(definition: ReportDefinition, points: Sequence[Point], *, early: bool) -> tuple[Column, ...]:
    """Return the columns of a series: the date, the counts, the types and measures that occur on any date, and a remark."""
    shown = definition.shown()
    cases = (
        Column("of", _("Cases"), "integer", _("The number of cases examined.")),
        Column(
            "unknown", _("Not enough data to judge"), "integer", _("The number of cases without enough data to judge.")
        ),
    )
    types, measures = _codes(shown, "finding"), _codes(shown, "measure")
    return (
        Column("day", _("As of"), "date", _("The day that the report describes.")),
        Column("found", _(definition.counts), "integer", _("The number of findings.")),
        *(cases if any(one.of is not None for one in points) else ()),
        *(
            Column(COUNT + code, types[code], "integer", _("The number of rows of this type."))
            for code in types
            if any(code in one.types for one in points)
        ),
        *(
            Column(MEASURE + code, measures[code], "number", _("The value of the measure."))
            for code in measures
            if any(code in one.measures for one in points)
        ),
        *([Column("remark", _("Remark"), "text", _("Why the numbers of the date are not reliable."))] if early else []),
    )


def _cells(point: Point, columns: Sequence[Column], begin: str | None) -> dict[str, Cell]:
    """Return the cells of a date. A number that is withheld because it is small is left out."""
    unknown = None if isinstance(point.unknown, SuppressedCount) else point.unknown
    counts: dict[str, Cell] = {"day": point.as_of, "found": point.found, "of": point.of, "unknown": unknown}
    cells = {one.name: counts[one.name] for one in columns if one.name in counts}
    for column in columns:
        if column.name.startswith(COUNT):
            cells[column.name] = point.types.get(column.name.removeprefix(COUNT), 0)
        elif column.name.startswith(MEASURE):
            cells[column.name] = point.measures.get(column.name.removeprefix(MEASURE))
        elif column.name == "remark":
            cells["remark"] = _("before the first recorded agreement") if _is_early(point, begin) else None
    return cells


def _is_early(point: Point, begin: str | None) -> bool:
    return begin is not None and point.as_of < begin


def _scope_notes(definition: ReportDefinition, scope: Scope | None) -> Iterator[str]:
    if scope:
        limited = _("This report is limited to {scope}.").format(scope=scope.text)
        others = _("Measures and tests use all agencies, and the other notes are about all agencies.")
        yield f"{limited} {definition.concern} {others}"


def _notes(
    points: Sequence[Point], begin: str | None, early: int, agreements: RecordedAgreements | None
) -> Iterator[str]:
    """Yield what the numbers of a series leave out."""
    yield _(
        "Every date is computed from the records of today. Records that were deleted or retired since are missing on "
        "all dates, and what has no dates, such as a confirmation, a dispute or a sector, counts on all dates as it is today."
    )
    if early and begin:
        template = _(
            "The first recorded agreement starts on {day}. Earlier dates: {n}. No agreement is recorded for these "
            "dates, which does not mean that there was none. The chart leaves them out."
        )
        yield template.format(day=day(begin), n=number(early))
    if agreements and agreements.undated:
        template = ngettext(
            "{n} agreement has no first day; it counts on every date up to its last day.",
            "{n} agreements have no first day; they count on every date up to their last day.",
            agreements.undated,
        )
        yield template.format(n=number(agreements.undated))
    if points and points[-1].as_of > today():
        yield _("On dates after today, only what is already recorded counts.")
    if any(isinstance(one.unknown, SuppressedCount) for one in points):
        yield _("A number of cases without enough data is left out if it is small, so that it reveals no record.")
