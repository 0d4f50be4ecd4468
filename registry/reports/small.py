"""Small numbers about records of which a reader may not see all: left out, in one place, before any format is written."""

from collections.abc import Iterable
from dataclasses import replace

from registry.figures import Few, number
from registry.reports.report import Report, Row
from registry.words import _


def without_small_counts(report: Report, smallest: int) -> Report:
    """Leave out the numbers from 1 to `smallest` - 1 that tell of records that show the reader no more than their face.

    `withheld` and `unknown` become Few. A row with such a number in a column that is `veiled` is left out whole, since the
    others would tell it by difference, and taken from `found`, `of` and `unknown`; so is the row of a report composed of others
    that rests on the same. Where nothing is withheld from the reader, nothing is left out. What faces a reader can count in
    lists, no report can hide.
    """
    if smallest < 2 or not report.withheld:
        return report
    parts = tuple(without_small_counts(part, smallest) for part in report.parts)
    gone = [row for row in report.rows if _tells(report, row, smallest)]
    gone += _resting_on(report, (row for part in report.parts for row in part.rows if _tells(part, row, smallest)))
    kept = tuple(row for row in report.rows if not any(row is one for one in gone))
    found, of, unknown = report.found, report.of, report.unknown
    for row in gone if not report.parts else ():
        found, of, unknown = found - _count(row, "recorded"), of - _count(row, "of"), unknown - _count(row, "withheld")
    told = _(
        "Numbers from 1 to {most} about records of which you may not see all are left out (<{least}), and so are {n} rows that would "
        "tell them."
    ).format(most=number(smallest - 1), least=number(smallest), n=number(len(gone)))
    return replace(
        report, rows=kept, parts=parts, found=found, of=of, unknown=_few(unknown, smallest),
        withheld=_few(report.withheld, smallest), notes=(*report.notes, told),
    )  # fmt: skip


def _tells(report: Report, row: Row, smallest: int) -> bool:
    return any(0 < _count(row, one.name) < smallest for one in report.columns if one.veiled)


def _resting_on(report: Report, rows: Iterable[Row]) -> list[Row]:
    """Return the rows of a composed report that were made of these rows of its parts: their evidence is the same object."""
    evidence = {id(row.evidence) for row in rows if row.evidence}
    return [row for row in report.rows if id(row.evidence) in evidence]


def _count(row: Row, column: str) -> int:
    value = row.values.get(column)
    return value if isinstance(value, int) else 0


def _few(count: int, smallest: int) -> int:
    return Few(smallest) if 0 < count < smallest else count
