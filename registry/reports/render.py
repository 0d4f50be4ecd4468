"""Render a report as text, JSON and CSV, with small counts withheld."""

import csv
import io
from collections.abc import Iterable
from dataclasses import replace

import orjson
from rich.console import Console
from rich.table import Table

from registry.analysis.report import Cell, Column, Links, Report, ReportRow, Value, cell_text
from registry.i18n import Few, _, day, number

WIDTH, LONGEST = 100, 20
SHOWN_BY = "shown_by"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def as_text(report: Report, width: int = WIDTH) -> str:
    """Return the report to read in a terminal: question, count, table, how it was made and what to mind.

    A table that needs more than the `width` for its words is as wide as they are, so that no column is lost.
    """
    page = io.StringIO()
    console = Console(file=page, width=width, highlight=False, markup=False, emoji=False, color_system=None)
    console.print(f"{report.question}\n{summary(report)}\n")
    for part in report.parts:
        console.print(f"{part.name}: {part.counts}: {headline(part)}")
    if report.parts:
        console.print()
    if report.rows:
        table = _table(report)
        console.print(table, width=max(width, _least(table)), crop=False)
    console.print(f"\n{report.method}")
    for note in report.notes:
        console.print(f"• {note}")
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"


def as_json(report: Report, links: Links | None = None) -> str:
    """Return the report as JSON.

    Names: `name`, `question`, `as_of`, `parameters` (name to number or text), `columns` (each `name`, `label`, `type`, `unit`,
    `description`, `words`), `found`, `of`, `unknown`, `withheld`, `method`, `notes`, and `rows`: each has one value a
    column, by name, then `confidence`, `evidence`, a list of `id`, `name`, `kind`, and `key`, by which it is known again in
    another run. `parts` are the reports that it is composed of, each with `name`, `found`, `of` and `unknown`. With `links`
    each record of the evidence has its `address`, and each row with evidence that of the query which shows it, `shown_by`.
    """
    whole = {
        "name": report.name,
        "question": report.question,
        "as_of": report.as_of,
        "parameters": report.parameters,
        "found": report.found,
        "of": report.of,
        "unknown": _told(report.unknown),
        "withheld": _told(report.withheld),
        "parts": [
            {"name": one.name, "found": one.found, "of": one.of, "unknown": _told(one.unknown)} for one in report.parts
        ],
        "columns": [_column(one) for one in report.columns],
        "rows": [_values(report, row, links) for row in report.rows],
        "method": report.method,
        "notes": report.notes,
    }
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode()


def as_csv(report: Report) -> str:
    """Return the rows as CSV (RFC 4180): one column each, then `confidence` and `evidence` (ids).

    Several texts in a cell are parted by `; `. A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    page = io.StringIO()
    table = csv.writer(page)
    table.writerow([*(one.name for one in report.columns), "confidence", "evidence"])
    for row in report.rows:
        cells = [row[one.name] for one in report.columns]
        table.writerow([harmless(one) for one in (*cells, row.confidence, tuple(e.id for e in row.evidence))])
    return page.getvalue()


def summary(report: Report) -> str:
    """Say in one line what was found, of how many, on which day, and what is not known."""
    told = f"{day(report.as_of)}: {': '.join(filter(None, (report.counts, headline(report), by_sort(report))))}."
    if report.unknown and not report.parts:
        told += " " + _("Of {n} nothing can be told.").format(n=number(report.unknown))
    if report.withheld:
        told += " " + _("{n} records show no more than their face.").format(n=number(report.withheld))
    return told


def headline(report: Report) -> str:
    """Say what was found: so many of so many; of a report composed of others so many, since these look at different things."""
    if report.parts:
        return number(report.found)
    return _("{n} of {m}").format(n=number(report.found), m=number(report.of))


def by_sort(report: Report) -> str:
    """Say how many were found of each sort, as an empty text where they are not counted so."""
    return "; ".join(f"{sort} ({number(count)})" for sort, count in report.sorts.items())


def given(value: Value) -> str:
    """Return what a report was asked with as people read it."""
    return value if isinstance(value, str) else number(value)


def filled(report: Report) -> list[Column]:
    """Return the columns that hold anything."""
    return [one for one in report.columns if any(row[one.name] not in (None, ()) for row in report.rows)]


def _table(report: Report) -> Table:
    columns = filled(report)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for one in columns:
        words = " ".join([_heading(one), *(cell_text(one, row[one.name]) for row in report.rows)]).split()
        counts = one.type in ("integer", "number")
        least = min(max(map(len, words)), LONGEST)
        table.add_column(_heading(one), justify="right" if counts else "left", min_width=least, overflow="fold")
    for row in report.rows:
        table.add_row(*(cell_text(one, row[one.name]) for one in columns))
    return table


def _least(table: Table) -> int:
    """Return the width below which words would be parted."""
    return sum((one.min_width or 0) + 2 for one in table.columns)


def _heading(column: Column) -> str:
    return f"{column.label} %" if column.unit == "%" else column.label


def _told(count: int) -> int | None:
    """Return a count, None for one that is left out."""
    return None if isinstance(count, Few) else count


def _column(column: Column) -> dict[str, object]:
    return {
        "name": column.name,
        "label": column.label,
        "type": column.type,
        "unit": column.unit,
        "description": column.description,
        "words": column.words,
    }


def _values(report: Report, row: ReportRow, links: Links | None) -> dict[str, object]:
    values: dict[str, object] = {one.name: row[one.name] for one in report.columns}
    evidence: list[dict[str, str]] = [one._asdict() for one in row.evidence]
    if links and row.evidence:
        evidence = [named | {"address": links.record(one)} for named, one in zip(evidence, row.evidence, strict=True)]
        values[SHOWN_BY] = links.query(row.evidence)
    return values | {"confidence": row.confidence, "evidence": evidence, "key": row.key}


def harmless(cell: Cell) -> Cell:
    """Return a cell of a CSV file: several texts as one, and none that a spreadsheet would take for a formula."""
    if isinstance(cell, tuple):
        cell = "; ".join(cell)
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(DANGEROUS) else cell


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


def _tells(report: Report, row: ReportRow, smallest: int) -> bool:
    return any(0 < _count(row, one.name) < smallest for one in report.columns if one.veiled)


def _resting_on(report: Report, rows: Iterable[ReportRow]) -> list[ReportRow]:
    """Return the rows of a composed report that were made of these rows of its parts: their evidence is the same object."""
    evidence = {id(row.evidence) for row in rows if row.evidence}
    return [row for row in report.rows if id(row.evidence) in evidence]


def _count(row: ReportRow, column: str) -> int:
    value = row.values.get(column)
    return value if isinstance(value, int) else 0


def _few(count: int, smallest: int) -> int:
    return Few(smallest) if 0 < count < smallest else count
