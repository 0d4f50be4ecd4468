"""Read spreadsheets: every visible sheet of an XLSX file is a table.

The file is read by another process (`loaders.sheet_process`), whose memory and time are limited, so that no file can end
this one or fill its memory. The rows pass through a temporary file, one at a time.
"""

import json
import subprocess  # nosec B404 # it runs our own file with this Python
import sys
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from loaders import sheet_process
from loaders.outcome import Refused, RowProblem
from loaders.rows import Note, Row, Table, header, row_of
from registry.words import _

GUIDE = "guide"
LONGEST_LAST_LINE = 100_000
READ: Mapping[str, Any] = {"date": date.fromisoformat, "datetime": datetime.fromisoformat}


@dataclass(frozen=True)
class Limits:
    """What reading one spreadsheet may take.

    `unpacked`, `memory`, `written` and `row` are bytes: of the unpacked archive, of the process that reads, of all rows
    and of one row. `cells` counts the cells of the rectangle that holds all of a sheet's values.
    """

    unpacked: int = 500_000_000
    cells: int = 10_000_000
    memory: int = 2_000_000_000
    seconds: int = 600
    written: int = 2_000_000_000
    row: int = 1_000_000


SENT = Limits(unpacked=50_000_000, cells=1_000_000, memory=500_000_000, seconds=20, written=10_000_000)
"""What reading a spreadsheet may take that somebody sends to a page."""


def read_sheets(path: Path, note: Note, limits: Limits = Limits()) -> list[Table]:
    """Return the tables of the visible sheets; empty sheets and the guide of a template are passed over. Raises Refused.

    Dates are dates, formulas the value they had when the file was saved, an error such as #N/A is an empty cell. The
    value of merged cells counts for the first of them alone; that is noted.
    """
    written = _Written()
    sheets = _read_apart(path, limits, written)
    return [_table(sheet, path, written, note) for sheet in sheets if sheet["end"] > sheet["start"]]


class _Written:
    """The temporary file that the other process writes; it is closed, and with that deleted, when its rows are let go."""

    def __init__(self) -> None:
        self.file: IO[bytes] = TemporaryFile()  # noqa: SIM115 # it lives as long as its rows are read
        weakref.finalize(self, self.file.close)

    def rows(self, start: int, end: int) -> Iterator[tuple[int, list[Any]]]:
        """Give the rows that stand between two places of the file, each with its number."""
        while start < end:
            self.file.seek(start)
            number, *cells = json.loads(self.file.readline())
            start = self.file.tell()
            yield number, [_cell(*cell.items()) if isinstance(cell, dict) else cell for cell in cells]

    def last_line(self) -> Mapping[str, Any]:
        """Return what the other process says at its end; a process that was ended took too much."""
        size = self.file.seek(0, 2)
        self.file.seek(max(0, size - LONGEST_LAST_LINE))
        lines = self.file.read().splitlines()
        try:
            answer = json.loads(lines[-1]) if lines else None
        except ValueError:
            answer = None
        return answer if isinstance(answer, dict) else {"refused": "TOO_MUCH"}


def _read_apart(path: Path, limits: Limits, written: _Written) -> list[dict[str, Any]]:
    """Have the rows of the spreadsheet written to a file, and return what is known of its sheets. Raises Refused."""
    asked = json.dumps({**asdict(limits), "skip": [GUIDE]})
    command = [sys.executable, "-I", sheet_process.__file__, str(path.resolve()), asked]
    try:
        subprocess.run(  # nosec B603 # our own file; no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=written.file,
            stderr=subprocess.DEVNULL,
            env={},  # nothing of ours is told to a process that reads what others wrote
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused(_too_much(path)) from None
    answer = written.last_line()
    if "sheets" in answer:
        return list(answer["sheets"])
    raise Refused(_sentence(path, answer, limits))


def _sentence(path: Path, answer: Mapping[str, Any], limits: Limits) -> str:
    match answer["refused"]:
        case "FAR_CELL":
            return _(
                "{file}, sheet {sheet}: cell {cell} holds a value, which makes the table too large; delete what does not"
                " belong to the table, or split it into several files."
            ).format(file=path.name, sheet=answer["sheet"], cell=answer["cell"])
        case "LONG_ROW":
            return _("{file}, sheet {sheet}: row {row} is longer than {n} characters.").format(
                file=path.name, sheet=answer["sheet"], row=answer["row"], n=f"{limits.row:,}"
            )
        case "UNPACKED":
            return _("{file} unpacks to more than {n} bytes; split it into several files.").format(
                file=path.name, n=f"{limits.unpacked:,}"
            )
        case "NO_ARCHIVE":
            return _("{file} is no sound XLSX file; save it again as .xlsx, without a password.").format(file=path.name)
        case "UNREADABLE":
            return _("{file} cannot be read as a spreadsheet; save it again as .xlsx, without a password.").format(
                file=path.name
            )
    return _too_much(path)


def _too_much(path: Path) -> str:
    return _("{file} takes more memory or time to read than is allowed; split it into several files.").format(
        file=path.name
    )


def _table(sheet: Mapping[str, Any], path: Path, written: _Written, note: Note) -> Table:
    called = f"{path.name}, sheet {sheet['name']}"
    if sheet["merged"]:
        note(f"{called}: has merged cells; their value counts for the first cell alone, the others are empty.")
    rows = written.rows(sheet["start"], sheet["end"])
    number, cells = next(rows)
    columns = header(cells if number == 1 else [], called)
    return Table(sheet["name"], called, columns, _rows(rows, columns, called, sheet["first_column"]))


def _rows(
    rows: Iterator[tuple[int, list[Any]]], columns: tuple[str, ...], file: str, first_column: int
) -> Iterator[Row | RowProblem]:
    for number, cells in rows:
        stripped = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
        row = row_of(columns, stripped, file, number, first_column)
        if row is not None:
            yield row


def _cell(item: tuple[str, str]) -> Any:
    kind, text = item
    return READ[kind](text) if kind in READ else text
