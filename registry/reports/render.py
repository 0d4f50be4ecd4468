"""Render a report as text, JSON or CSV, and withhold small counts."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import orjson
from rich.console import Console
from rich.table import Table

from registry.analysis.report import Cell, Column, Links, Report, ReportRow, Value, cell_text
from registry.i18n import SuppressedCount, _, day, ngettext, number

WIDTH, LONGEST = 100, 20
SHOWN_BY = "shown_by"
JSON, ROWS = "json", "rows"
LISTS = (JSON, ROWS)
ROW_NUMBER, LIST_COLUMNS = "row_number", ("list_column", "list_value")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def as_text(report: Report, width: int = WIDTH) -> str:
    """Return the report as text for a terminal: the question, the findings in one line, the table, the method and the notes.

    The table is wider than `width` if a word would have to be broken, or a column left out, to fit the width.
    """
    page = io.StringIO()
    console = Console(file=page, width=width, highlight=False, markup=False, emoji=False, color_system=None)
    console.print(f"{report.title}\n{report.question}\n{summary(report)}\n")
    for part in report.parts:
        console.print(f"{part.title}: {part.counts}: {headline(part)}")
    if report.parts:
        console.print()
    if report.rows:
        table = _table(report)
        console.print(table, width=max(width, _least_width(table)), crop=False)
    else:
        console.print(empty_text(report))
    console.print(f"\n{report.method}")
    for note in report.notes:
        console.print(f"• {note}")
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"


def as_json(report: Report, links: Links | None = None) -> str:
    """Return the report as a JSON object.

    - `name`, `title`, `question`, `as_of`, `method` and `notes` describe the report
    - `parameters`: a number or text by parameter name
    - `columns`: a list of objects with `name`, `label`, `type`, `unit`, `description` and `words`
    - `found`, `of`, `unknown` and `withheld`: the counts of the report. `of` and `unknown` are null in a report that combines others,
      because their cases are of unlike kinds; `parts` has the counts of each
    - `rows`: a list of objects with a value for each column by name, `confidence`, `evidence` (a list of objects with `id`,
      `name` and `kind`) and `key`, which identifies the row in every run
    - `parts`: the reports that a composed report combines, each with `name`, `title`, `found`, `of` and `unknown`

    With `links`, each record also has the `address` of its page, and each row with evidence also has `shown_by`, the address of a
    query for its evidence.
    """
    whole = {
        "name": report.name,
        "title": report.title,
        "question": report.question,
        "as_of": report.as_of,
        "parameters": report.parameters,
        "found": report.found,
        "of": report.cases,
        "unknown": _count_or_none(report.unjudged),
        "withheld": _count_or_none(report.withheld),
        "parts": [
            {
                "name": one.name,
                "title": one.title,
                "found": one.found,
                "of": one.of,
                "unknown": _count_or_none(one.unknown),
            }
            for one in report.parts
        ],
        "columns": [_column(one) for one in report.columns],
        "rows": [_values(report, row, links) for row in report.rows],
        "method": report.method,
        "notes": report.notes,
    }
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode()


def as_csv(report: Report, lists: str = JSON) -> str:
    """Return the rows of a report as CSV: its columns, `confidence`, and `evidence` (ids of records); see `csv_table` for `lists`."""
    headings = [*(one.name for one in report.columns), "confidence", "evidence"]
    listed = [one.name for one in report.columns if one.type == "texts"] + ["evidence"]
    rows = (
        [*(row[one.name] for one in report.columns), row.confidence, tuple(one.id for one in row.evidence)]
        for row in report.rows
    )
    return csv_table(headings, listed, rows, lists)


def csv_table(headings: Sequence[str], listed: Sequence[str], rows: Iterable[Sequence[Cell]], lists: str) -> str:
    """Return a table as CSV (RFC 4180). A text that a spreadsheet would read as a formula gets a leading apostrophe.

    The columns `listed` hold lists. If `lists` is JSON, each list is a JSON array in its cell. If `lists` is ROWS, each value of a
    list has a row of its own: the number of the row of the table, its cells without lists, and LIST_COLUMNS, which are the name of the
    column and the value. A row of the table without any value in its lists is written once.
    """
    page = io.StringIO()
    table = csv.writer(page)
    if lists == ROWS:
        table.writerow([ROW_NUMBER, *(one for one in headings if one not in listed), *LIST_COLUMNS])
        table.writerows(map(harmless, line) for line in _long_rows(headings, listed, rows))
    else:
        table.writerow(headings)
        table.writerows(map(harmless, row) for row in rows)
    return page.getvalue()


def _long_rows(
    headings: Sequence[str], listed: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Iterator[Sequence[Cell]]:
    for number_of_row, row in enumerate(rows, 1):
        cells = dict(zip(headings, row, strict=True))
        own = [number_of_row, *(cell for name, cell in cells.items() if name not in listed)]
        values: list[tuple[Cell, Cell]] = [(name, one) for name in listed for one in _values_of(cells[name])]
        yield from ([*own, name, one] for name, one in values or [(None, None)])


def _values_of(cell: Cell) -> tuple[str, ...]:
    return cell if isinstance(cell, tuple) else ()


def summary(report: Report) -> str:
    """Return one line with the number of findings, the number of examined cases, the day, and the number of unknown cases."""
    line = f"{day(report.as_of)}: {': '.join(filter(None, (report.counts, headline(report), by_type(report))))}."
    if report.scope:
        line += " " + _("Limited to {scope}.").format(scope=report.scope)
    if report.unknown and not report.parts:
        template = ngettext(
            "There is not enough data to judge {n} case.",
            "There is not enough data to judge {n} cases.",
            report.unknown,
        )
        line += " " + template.format(n=number(report.unknown))
    if report.withheld and report.withholds_rows:
        line += f" {report.withheld_label}: {number(report.withheld)}."
    elif report.withheld:
        template = ngettext(
            "You see {n} record only in summary.", "You see {n} records only in summary.", report.withheld
        )
        line += " " + template.format(n=number(report.withheld))
    return line


def headline(report: Report) -> str:
    """Return a text such as "3 of 20": findings of examined cases. For a composed report, return only the number of findings."""
    if report.parts:
        return number(report.found)
    return _("{n} of {m}").format(n=number(report.found), m=number(report.of))


def empty_text(report: Report) -> str:
    """Return the text of a report without rows. It says whether any cases could be judged."""
    judged = report.of - report.unknown
    reason = (
        _(
            "No case that concerns {scope} could be examined, so it is unknown whether there is anything to find."
        ).format(scope=report.scope)
        if report.scope and not report.of
        else _("There are no records to examine that you have access to.")
        if not report.of
        else _("No case could be judged: facts are not recorded, or you cannot see them.")
        if judged <= 0
        else _("Some cases could not be judged: facts are not recorded, or you cannot see them.")
        if report.unknown and report.parts
        else ngettext(
            "{n} case could not be judged: facts are not recorded, or you cannot see them.",
            "{n} cases could not be judged: facts are not recorded, or you cannot see them.",
            report.unknown,
        ).format(n=number(report.unknown))
        if report.unknown
        else ""
    )
    return " ".join(filter(None, [_("There is nothing to list."), reason]))


def by_type(report: Report) -> str:
    """Return the number of findings of each type as text. If the report does not count findings by type, the text is empty."""
    return "; ".join(f"{kind} ({number(count)})" for kind, count in report.counts_by_type.items())


def given(value: Value) -> str:
    """Return the value of a parameter as text."""
    return value if isinstance(value, str) else number(value)


def filled(report: Report) -> list[Column]:
    """Return the columns with at least one non-empty cell."""
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


def _least_width(table: Table) -> int:
    """Return the smallest width of the table at which no word is broken."""
    return sum((one.min_width or 0) + 2 for one in table.columns)


def _heading(column: Column) -> str:
    return f"{column.label} %" if column.unit == "%" else column.label


def _count_or_none(count: int | None) -> int | None:
    """Return the count, or None if the count is suppressed because it is small."""
    return None if isinstance(count, SuppressedCount) else count


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
    """Return a cell as safe CSV text: a list as a JSON array, and texts that look like formulas with a leading apostrophe."""
    if isinstance(cell, tuple):
        return orjson.dumps(cell).decode()
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(DANGEROUS) else cell


def withhold_small_counts(report: Report, smallest: int) -> Report:
    """Withhold each count from 1 to below `smallest` that concerns records of which the reader sees only the summary.

    `withheld` and `unknown` become SuppressedCount. If a number in a `sensitive` column is withheld, its row is dropped, because
    the other numbers of the row would reveal the withheld number by subtraction. The dropped row is also subtracted from `found`,
    `of` and `unknown`. If a row of a composed report was made from a dropped row, the row of the composed report is dropped too. If
    nothing is withheld from the reader, the report is unchanged. This function cannot protect numbers that a reader can find by
    counting the entries of lists.
    """
    if smallest < 2 or not report.withheld:
        return report
    parts = tuple(withhold_small_counts(part, smallest) for part in report.parts)
    gone = [row for row in report.rows if _has_small_count(report, row, smallest)]
    gone += _composed_from(
        report, (row for part in report.parts for row in part.rows if _has_small_count(part, row, smallest))
    )
    remaining = tuple(row for row in report.rows if not any(row is one for one in gone))
    found, of, unknown = report.found, report.of, report.unknown
    for row in gone if not report.parts else ():
        found, of, unknown = found - _count(row, "recorded"), of - _count(row, "of"), unknown - _count(row, "withheld")
    note = _(
        "Numbers from 1 to {most} are withheld, and shown as <{least}, if they concern records that you "
        "see only in summary."
    )
    note = note.format(most=number(smallest - 1), least=number(smallest))
    if gone:
        template = ngettext(
            "{n} row is left out, because a withheld number could be calculated from it.",
            "{n} rows are left out, because a withheld number could be calculated from them.",
            len(gone),
        )
        note += " " + template.format(n=number(len(gone)))
    return replace(
        report, rows=remaining, parts=parts, found=found, of=of, unknown=_suppressed(unknown, smallest),
        withheld=_suppressed(report.withheld, smallest), notes=(*report.notes, note),
    )  # fmt: skip


def _has_small_count(report: Report, row: ReportRow, smallest: int) -> bool:
    return any(0 < _count(row, one.name) < smallest for one in report.columns if one.sensitive)


def _composed_from(report: Report, rows: Iterable[ReportRow]) -> list[ReportRow]:
    """Return the rows of a composed report that were made from the given `rows` of the combined reports.

    A row and the row that it was made from have the same evidence object.
    """
    evidence = {id(row.evidence) for row in rows if row.evidence}
    return [row for row in report.rows if id(row.evidence) in evidence]


def _count(row: ReportRow, column: str) -> int:
    value = row.values.get(column)
    return value if isinstance(value, int) else 0


def _suppressed(count: int, smallest: int) -> int:
    return SuppressedCount(smallest) if 0 < count < smallest else count
