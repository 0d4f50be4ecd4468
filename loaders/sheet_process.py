"""Read a spreadsheet in a separate process with limited memory and time.

`loaders.readers` runs this file as `python sheet_process.py FILE LIMITS`, where LIMITS is JSON. This module imports no other module
of the project. For each row that is not empty, it writes a line of JSON: `[number, cell, …]`. A cell whose type does not exist in
JSON, such as a date, is written as `{"TYPE": TEXT}`. The last line is either `{"sheets": [{"name", "first_column", "merged",
"start", "end"}, …]}`, where `start` and `end` are byte offsets in the output, or `{"refused": CODE, …}`. If the last line is
missing, the process was killed.
"""

import json
import posixpath
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.parsers import expat  # nosec B407 # document types are rejected, and memory is limited

from python_calamine import CalamineError, CalamineSheet, SheetTypeEnum, SheetVisibleEnum, load_workbook

CHUNK = 1 << 16
MOST_COLUMNS, USUAL_COLUMNS = 1_000, 100
ADDRESS = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
UNREADABLE = "UNREADABLE"


class RefusedError(Exception):
    """Raised if a spreadsheet is rejected; has a code for the reason, and details for the message."""

    def __init__(self, code: str, **details: object) -> None:
        super().__init__(code)
        self.answer = {"refused": code, **details}


def main(path: str, limits: Mapping[str, Any]) -> None:
    """Write the rows of every visible sheet, and then the last line, which lists the sheets."""
    limit_this_process(limits)
    out = sys.stdout.buffer
    try:
        _check_archive(Path(path), limits)
        last: dict[str, object] = {"sheets": list(_write_sheets(path, limits))}
    except RefusedError as refused:
        last = refused.answer
    except MemoryError:
        last = {"refused": "TOO_MUCH"}
    except (CalamineError, OSError, ValueError, LookupError):
        last = {"refused": UNREADABLE}
    out.write(json.dumps(last).encode() + b"\n")
    out.flush()


def limit_this_process(limits: Mapping[str, Any]) -> None:
    """Limit memory and CPU time, and let the operating system kill this process first when memory is short."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    try:
        import resource
    except ImportError:  # not a Unix system: the parent process limits the time
        return
    for what, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_CPU, limits["seconds"]),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(OSError, ValueError):  # the limit is already lower, or macOS does not have it
            resource.setrlimit(what, (most, most))


def _check_archive(path: Path, limits: Mapping[str, Any]) -> None:
    """Reject a too large sheet, and an archive that unpacks to too many bytes, even if the archive's headers give a smaller size."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > limits["unpacked"]:
                raise RefusedError("UNPACKED")
            if archive.testzip():
                raise RefusedError("NO_ARCHIVE")
            names = _sheet_names(archive)
            for member in archive.infolist():
                _SheetArea(names.get(member.filename, posixpath.basename(member.filename)), limits).check(
                    archive, member
                )
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError):
        raise RefusedError("NO_ARCHIVE") from None


class _SheetArea:
    """The rectangle that the values of a sheet span, computed while the sheet is read."""

    def __init__(self, sheet: str, limits: Mapping[str, Any]) -> None:
        self._sheet = sheet
        self._most = limits["cells"]
        self._row = self._column = 0
        self._widest = self._lowest = (0, 0)  # row and column, counted from 1
        self._is_sheet: bool | None = None

    def check(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        """Read a file of the archive if the file is a sheet. Raises RefusedError if its values span a too large rectangle."""
        with archive.open(member) as part:
            _parse(part, self._start, lambda: self._is_sheet is not False, lambda: bool(self._is_sheet))

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._is_sheet is None:
            self._is_sheet = name == "worksheet"
        elif name == "c":
            self._row, self._column = _address(attributes["r"]) if "r" in attributes else (self._row, self._column + 1)
        elif name == "row":
            self._row, self._column = _number(attributes["r"]) if "r" in attributes else self._row + 1, 0
        elif name in ("v", "is"):
            self._add_value()

    def _add_value(self) -> None:
        here = self._row, self._column
        self._lowest = max(self._lowest, here, key=lambda one: one[0])
        self._widest = max(self._widest, here, key=lambda one: one[1])
        if self._column > MOST_COLUMNS:
            raise RefusedError("FAR_CELL", sheet=self._sheet, cell=address_of(*here))
        if self._lowest[0] * self._widest[1] > self._most:
            farthest = self._widest if self._widest[1] > USUAL_COLUMNS else self._lowest
            raise RefusedError("FAR_CELL", sheet=self._sheet, cell=address_of(*farthest))


def _sheet_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return a dictionary from the file name of each sheet in the archive to the sheet name that the workbook lists."""
    parts: dict[str, str] = {}
    names: dict[str, str] = {}

    def relation(name: str, attributes: Mapping[str, str]) -> None:
        if name == "Relationship":
            target = posixpath.normpath(posixpath.join("/xl", attributes.get("Target", ""))).lstrip("/")
            parts[attributes.get("Id", "")] = target

    def sheet(name: str, attributes: Mapping[str, str]) -> None:
        if name == "sheet":
            ids = [value for key, value in attributes.items() if key.endswith(" id")]
            names.update({parts[one]: attributes.get("name", "") for one in ids if one in parts})

    for part, handler in (("xl/_rels/workbook.xml.rels", relation), ("xl/workbook.xml", sheet)):
        with suppress(KeyError), archive.open(part) as file:
            _parse(file, handler, lambda: True, lambda: False)
    return names


def _parse(part: Any, start: Any, wanted: Any, must_be_sound: Any) -> None:
    """Parse XML as long as `wanted` returns true, and call `start` with the local name and the attributes of each element."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(" ")[2], attributes)
    parser.StartDoctypeDeclHandler = _no_document_type
    try:
        while wanted() and (chunk := part.read(CHUNK)):
            parser.Parse(chunk, False)
        if wanted():
            parser.Parse(b"", True)
    except expat.ExpatError:
        if must_be_sound():
            raise RefusedError(UNREADABLE) from None


def _no_document_type(*_: object) -> None:
    raise RefusedError(UNREADABLE)


def _address(text: str) -> tuple[int, int]:
    found = ADDRESS.fullmatch(text)
    if not found:
        raise RefusedError(UNREADABLE)
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise RefusedError(UNREADABLE)
    return int(text)


def address_of(row: int, column: int) -> str:
    """Return the address of a cell, given its row and column counted from 1: row 5, column 3 is `C5`."""
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row}"


def _write_sheets(path: str, limits: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    """Write the rows of each visible sheet, and yield the entry of each sheet for the last line."""
    workbook = load_workbook(path)
    written = 0
    for one in workbook.sheets_metadata:
        if one.visible != SheetVisibleEnum.Visible or one.typ != SheetTypeEnum.WorkSheet or one.name in limits["skip"]:
            continue
        sheet = workbook.get_sheet_by_name(one.name)
        start = written
        for line in _lines(sheet, limits["row"]):
            written += len(line)
            if written > limits["written"]:
                raise RefusedError("TOO_MUCH")
            sys.stdout.buffer.write(line)
        yield {
            "name": one.name,
            "first_column": sheet.start[1] if sheet.start else 0,
            "merged": bool(sheet.merged_cell_ranges),
            "start": start,
            "end": written,
        }


def _lines(sheet: CalamineSheet, longest: int) -> Iterator[bytes]:
    for number, cells in enumerate(sheet.iter_rows() if sheet.height else (), start=1):
        if any(cell != "" for cell in cells):
            line = json.dumps([number, *map(_json_value, cells)]).encode() + b"\n"
            if len(line) > longest:
                raise RefusedError("LONG_ROW", sheet=sheet.name, row=number)
            yield line


def _json_value(cell: Any) -> Any:
    match cell:
        case datetime() | date() | time():
            return {type(cell).__name__: cell.isoformat()}
        case timedelta():
            return {"time": str(cell)}
    return cell


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
