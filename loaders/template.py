"""Empty tables for a kind, ready to be filled in and loaded with the format `tables`."""

import csv
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import xlsxwriter

from loaders.outcome import Refused
from loaders.sheets import GUIDE
from loaders.tables import columns_of, required_in, table_names
from registry import values
from registry.codes import code_list
from registry.modelling import End, Property
from registry.words import _

ROWS = 2_000
CODES = "codes"
EXAMPLES: dict[type[values.Value], str] = {
    values.Id: "kota:dinas-kesehatan",
    values.Ref: "kota:dinas-kesehatan",
    values.Text: "Dinas Kesehatan",
    values.Prose: "Satu atau dua kalimat.",
    values.Code: "cofog-1999",
    values.Date: "2026-12-31",
    values.Number: "12.5",
    values.Integer: "3",
    values.Flag: "yes",
    values.Url: "https://www.example.org",
    values.Texts: "grup:kesehatan; kota:dinas-sosial",
    values.Identifiers: "kemendagri:32.76",
}


def write_template(kind: str, path: Path) -> None:
    """Write an empty table for a kind, named in the singular or the plural.

    A `.csv` gets the header of the kind's own table; a `.xlsx` a sheet for each of its tables, where codes are chosen
    from a list, and a guide to the columns. Raises Refused: unknown kind, other ending, file that is there already.
    """
    tables = tables_of(kind)
    if path.suffix.lower() not in (".csv", ".xlsx"):
        raise Refused(f"{path.name}: a template is a .csv or a .xlsx file.")
    if path.exists():
        raise Refused(f"{path} is there already; choose another name, so that nothing filled in is lost.")
    try:
        _write_csv(tables[0], path) if path.suffix.lower() == ".csv" else _write_xlsx(tables, path)
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise Refused(f"{path} cannot be written: {error}.") from None


def tables_of(kind: str) -> list[str]:
    """Return the names of the tables of a kind, its own first. Raises Refused, naming the nearest kind."""
    kinds = {one.__name__.lower(): one.plural for one, end in table_names().values() if end is None}
    plural = kinds.get(kind.lower(), kind.lower())
    if plural not in kinds.values():
        near = get_close_matches(kind.lower(), [*kinds, *kinds.values()], n=1)
        hint = f"did you mean {near[0]}?" if near else f"the kinds are {', '.join(kinds)}."
        raise Refused(f"There is no kind {kind!r}; {hint}")
    return [name for name in table_names() if name.split(".")[0] == plural]


def _write_csv(table: str, path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerow(columns_of(table))


def _write_xlsx(tables: list[str], path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        heading = book.add_format({"bold": True, "bottom": 1})
        sheets = {table: book.add_worksheet(table) for table in tables}
        lists = _write_codes(book, tables)
        for table, sheet in sheets.items():
            _write_table(book, sheet, table, heading, lists)
        _write_guide(book, tables, heading)


def _write_table(book: Any, sheet: Any, table: str, heading: Any, lists: dict[str, str]) -> None:
    """Write the header; cells are text, so that 007 stays 007, but for dates and numbers."""
    formats = {"STRING": book.add_format({"num_format": "@"}), "Date": book.add_format({"num_format": "yyyy-mm-dd"})}
    sheet.freeze_panes(1, 0)
    for place, (column, one) in enumerate(columns_of(table).items()):
        value = one.value if isinstance(one, Property) else values.Id
        sheet.set_column(place, place, 24, formats.get(value.scalar) or formats.get(value.stored))
        sheet.write_string(0, place, column, heading)
        if isinstance(one, Property) and one.codes:
            sheet.data_validation(1, place, ROWS, place, {"validate": "list", "source": lists[one.codes]})


def _write_codes(book: Any, tables: list[str]) -> dict[str, str]:
    """Write every code list into a column of a hidden sheet; return where each stands."""
    sheet = book.add_worksheet(CODES)
    sheet.hide()
    found = {}
    for place, name in enumerate(sorted(set(_code_lists(tables)))):
        codes = list(code_list(name))
        sheet.write_column(0, place, codes)
        letter = xlsxwriter.utility.xl_col_to_name(place)
        found[name] = f"={CODES}!${letter}$1:${letter}${len(codes)}"
    return found


def _write_guide(book: Any, tables: list[str], heading: Any) -> None:
    sheet = book.add_worksheet(GUIDE)
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    for place, width in enumerate((24, 24, 60, 10, 60, 36)):
        sheet.set_column(place, place, width, wrapped)
    names = (_("table"), _("column"), _("what it is"), _("required"), _("codes"), _("example"))
    sheet.write_row(0, 0, names, heading)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(guide(tables), start=1):
        for place, text in enumerate(row):
            sheet.write_string(number, place, text)


def guide(tables: list[str]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Give a row for each column: table, column, what it is, required, its codes with both labels, an example."""
    for table in tables:
        for column, one in columns_of(table).items():
            yield table, column, _what(one, column), _("yes") if column in required_in(table) else "", *_shown(one)


def _what(one: Property | End | None, column: str) -> str:
    if isinstance(one, Property):
        return _(one.doc)
    if isinstance(one, End):
        return f"{_(one.doc)} {_('Ids, separated by semicolons.')}"
    return f"{_('The id of a record of this kind:')} {column}."


def _shown(one: Property | End | None) -> tuple[str, str]:
    """Return the codes of a column with both labels, and an example."""
    if not isinstance(one, Property):
        return "", "kota:dinas-kesehatan; kota:dinas-sosial" if one else EXAMPLES[values.Id]
    if not one.codes:
        return "", EXAMPLES[one.value]
    entries = code_list(one.codes).values()
    return "\n".join(f"{entry.code}: {entry.label_id} / {entry.label_en}" for entry in entries), next(
        iter(entries)
    ).code


def _code_lists(tables: list[str]) -> Iterator[str]:
    for table in tables:
        for one in columns_of(table).values():
            if isinstance(one, Property) and one.codes:
                yield one.codes
