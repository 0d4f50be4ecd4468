"""Render a report as text, JSON or CSV, and withhold small counts."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from registry.analysis.gap_summary import ChangesSince, ExecutiveSummary, executive_summary
from registry.analysis.report import CONFIDENCE, Cell, Column, Links, Report, ReportRow, Value, cell_text, no_case_text
from registry.i18n import SuppressedCount, _, day, ngettext, number

WIDTH, LONGEST = 100, 20
NAMED = 3
ABOUT_AGENCIES = ("cut-point", "overlap", "own-sector", "one-tie")  # types of findings that are about agencies
SHOWN_BY = "shown_by"
JSON, ROWS = "json", "rows"
LISTS = (JSON, ROWS)
ROW_NUMBER, LIST_COLUMNS = "row_number", ("list_column", "list_value")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def as_text(report: Report, width: int = WIDTH) -> str:
    """Return the report as text for a terminal: the question, the findings in one line, the table, the method and the notes.

    A report with an executive summary shows it before the table, and has a table for each type of finding.

    The table is wider than `width` if a word would have to be broken, or a column left out, to fit the width.
    """
    page = io.StringIO()
    console = Console(file=page, width=width, highlight=False, markup=False, emoji=False, color_system=None)
    console.print(f"{report.title}\n{report.question}\n{summary(report)}\n")
    if first_page := executive_summary(report):
        console.print("\n".join(_summary_lines(report, first_page)))
    for section in sections(report):
        if section.title:
            console.print(f"\n{section.title} ({number(len(section.rows))})\n{section.next_step}")
        if section.rows:
            table = _table(section)
            console.print(table, width=max(width, _least_width(table)), crop=False)
    if not (report.rows or report.parts):
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
    - `summary`: the executive summary, only in a composed report

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
        **_summary(report, links),
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
        no_case_text(report.scope)
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
    """Return the columns for tables: those that are not only for programs, and that have at least one non-empty cell."""
    shown = (one for one in report.columns if not one.for_programs)
    return [one for one in shown if any(row[one.name] not in (None, ()) for row in report.rows)]


def finding_title(row: ReportRow) -> tuple[str, str]:
    """Return what a finding of a report with an executive summary is about, and what else it names (it may be empty)."""
    who, subject = " – ".join(_several(row["who"])), str(row["subject"] or "")
    return (who, subject) if row["finding"] in ABOUT_AGENCIES or not subject else (subject, who)


def _several(cell: Cell) -> tuple[str, ...]:
    return cell if isinstance(cell, tuple) else ()


class RowSection(NamedTuple):
    """Rows of a report that are shown together: all rows, or the findings of one type with their common next step."""

    title: str
    next_step: str
    columns: Sequence[Column]
    rows: Sequence[ReportRow]


def sections(report: Report) -> Iterator[RowSection]:
    """Yield the rows of the report as one section, or by type if the report has an executive summary.

    The type of the first row comes first. The columns leave out what the title and the next step of the section say.
    """
    if not report.parts:
        yield RowSection("", "", filled(report), report.rows)
        return
    by_type: dict[str, list[ReportRow]] = {}
    for row in report.rows:
        by_type.setdefault(str(row["finding"]), []).append(row)
    words = report.columns[0].words
    for about, rows in by_type.items():
        columns = [one for one in filled(replace(report, rows=tuple(rows))) if one.name not in ("finding", "next_step")]
        yield RowSection(words[about], str(rows[0]["next_step"]), columns, rows)


def _summary_lines(report: Report, page: ExecutiveSummary) -> Iterator[str]:
    """Yield the lines of an executive summary for a terminal."""
    yield _("The findings with the most at stake")
    yield page.order
    for place, row in enumerate(page.findings, 1):
        cells = {one.label: cell_text(one, row[one.name]) for one in report.columns if not one.for_programs}
        cells[_("Confidence")] = _(CONFIDENCE[row.confidence])
        yield "\n".join([f"{number(place)}.", *(f"   {label}: {text}" for label, text in cells.items() if text)])
    yield "\n" + _("What was assessed")
    yield from (f"• {text}" for text in assessed_texts(page))
    if page.since:
        yield "\n" + _("What has changed")
        yield from changes_lines(page.since)


def assessed_texts(page: ExecutiveSummary) -> list[str]:
    """Return the sentences on what was assessed and what could not be: the scope, the checks, missing facts, hidden records."""
    texts = (page.scope, *(one.text for one in page.assessed), missing_text(page), page.hidden)
    return [text for text in texts if text]


def missing_text(page: ExecutiveSummary) -> str:
    """Return which facts are missing in too many records, and the next step; the text is empty if there are none."""
    if not page.missing:
        return ""
    next_step = _("Ask the stewards of these records to complete them.")
    return _("Often not recorded: {facts}.").format(facts="; ".join(page.missing)) + " " + next_step


def changes_lines(since: ChangesSince) -> Iterator[str]:
    """Yield the sentences about the changes since a saved run: the run, the new findings and the findings that are gone."""
    yield since.text
    if since.compared:
        yield _named(_("New findings: {n}."), since.new)
        yield _named(_("No longer found, because resolved or no longer recorded: {n}."), since.gone)


def _named(sentence: str, subjects: Sequence[str]) -> str:
    """Return the sentence with the number of subjects, and name the first few subjects."""
    named = [*subjects[:NAMED], *(["…"] if len(subjects) > NAMED else [])]
    return " ".join(filter(None, (sentence.format(n=number(len(subjects))), "; ".join(named))))


def _table(section: RowSection) -> Table:
    columns = section.columns
    table = Table(box=None, pad_edge=False, header_style="bold")
    for one in columns:
        words = " ".join([_heading(one), *(cell_text(one, row[one.name]) for row in section.rows)]).split()
        counts = one.type in ("integer", "number")
        least = min(max(map(len, words)), LONGEST)
        table.add_column(_heading(one), justify="right" if counts else "left", min_width=least, overflow="fold")
    for row in section.rows:
        table.add_row(*(cell_text(one, row[one.name]) for one in columns))
    return table


def _least_width(table: Table) -> int:
    """Return the smallest width of the table at which no word is broken."""
    return sum((one.min_width or 0) + 2 for one in table.columns)


def _heading(column: Column) -> str:
    return f"{column.label} %" if column.unit == "%" else column.label


def _summary(report: Report, links: Links | None) -> dict[str, object]:
    page = executive_summary(report)
    if page is None:
        return {}
    since = page.since and page.since._asdict()
    findings = [_values(report, row, links) for row in page.findings]
    assessed = [one._asdict() for one in page.assessed]
    texts = {"missing": page.missing, "hidden": page.hidden, "order": page.order}
    return {"summary": {"scope": page.scope, "assessed": assessed, **texts, "findings": findings, "since": since}}


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
        examined=tuple(one._replace(unknown=_suppressed(one.unknown, smallest)) for one in report.examined),
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
