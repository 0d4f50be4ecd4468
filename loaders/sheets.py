"""Read spreadsheets: every visible sheet of an XLSX file is a table."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from loaders.outcome import Refused, RowProblem
from loaders.rows import Note, Row, Table, header, row_of

LARGEST_UNPACKED = 500_000_000
GUIDE = "guide"


def read_sheets(path: Path, note: Note) -> list[Table]:
    """Return the tables of the visible sheets; empty sheets and the guide of a template are passed over. Raises Refused.

    Dates are dates, formulas the value they had when the file was saved, an error such as #N/A is an empty cell. The
    value of merged cells counts for the first of them alone; that is noted.
    """
    _check_size(path)
    try:
        workbook = load_workbook(path)
        return [table for name in _visible(workbook) if (table := _table(workbook.get_sheet_by_name(name), path, note))]
    except (CalamineError, OSError):
        raise Refused(
            f"{path.name} cannot be read as a spreadsheet; save it again as .xlsx, without a password."
        ) from None


def _table(sheet: CalamineSheet, path: Path, note: Note) -> Table | None:
    file = f"{path.name}, sheet {sheet.name}"
    if not sheet.height:
        return None
    if sheet.merged_cell_ranges:
        note(f"{file}: has merged cells; their value counts for the first cell alone, the others are empty.")
    rows = enumerate(sheet.iter_rows(), start=1)
    columns = header(next((cells for _, cells in rows), []), file)
    return Table(sheet.name, file, columns, _rows(rows, columns, file))


def _rows(rows: Iterator[tuple[int, list[Any]]], columns: tuple[str, ...], file: str) -> Iterator[Row | RowProblem]:
    for number, cells in rows:
        row = row_of(columns, [cell.strip() if isinstance(cell, str) else cell for cell in cells], file, number)
        if row is not None:
            yield row


def _visible(workbook: CalamineWorkbook) -> list[str]:
    return [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet and sheet.name != GUIDE
    ]


def _check_size(path: Path) -> None:
    """Refuse what would unpack to more than memory holds, also where the archive lies about it."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST_UNPACKED:
                raise Refused(
                    f"{path.name} unpacks to more than {LARGEST_UNPACKED:,} bytes; split it into several files."
                )
            broken = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        broken = path.name
    if broken:
        raise Refused(f"{path.name} is no sound XLSX file; save it again as .xlsx, without a password.")
