"""Read CSV, JSON and XLSX files as tables; CSV and JSON files are streamed in constant memory."""

import codecs
import csv
import json
import re
import subprocess  # nosec B404 # it runs a file of our own with this Python
import sys
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import ijson  # type: ignore[import-untyped]

from loaders import sheet_process
from loaders.result import LoadAborted, RowProblem
from loaders.rows import LooseRow, Note, SourceRow, Table, header, row_of
from registry.i18n import _
from registry.model.records import show

LONGEST_LINE = 1_000_000
LONGEST_RECORD = 5_000_000  # a record can span several lines
UTF_8 = "utf-8-sig"  # with or without a byte order mark
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: (UTF_8, "UTF-8 with a byte order mark"),
    codecs.BOM_UTF16_LE: ("utf-16", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16", "UTF-16"),
}
BEYOND_ASCII = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
CODECS = {"cp1252": "Windows-1252", "utf-16": "UTF-16"}


def read_delimited(path: Path, note: Note) -> Table:
    """Return the table in a delimited text file, and note the detected encoding and separator. Raises LoadAborted.

    The encoding is UTF-16 if the file begins with a byte order mark of UTF-16. The encoding is Windows-1252 if the file is not
    valid UTF-8 and contains no multi-byte UTF-8 character. Otherwise it is UTF-8. Cells are stripped of white space, and empty rows
    are skipped.
    """
    encoding, encoding_name = _encoding(path)
    separator = _separator(path, encoding)
    note(f"{path.name}: read as {encoding_name}, cells separated by {SEPARATORS[separator]}.")
    records = _records(path, encoding, separator)
    columns = header(next(records, (1, []))[1], path.name)
    return Table(path.stem, path.name, columns, _delimited_rows(records, columns, path.name))


def _delimited_rows(
    records: Iterator[tuple[int, list[str]]], columns: tuple[str, ...], file: str
) -> Iterator[SourceRow | RowProblem]:
    for number, cells in records:
        row = row_of(columns, [cell.strip() for cell in cells], file, number)
        if row is not None:
            yield row


def _records(path: Path, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record of a delimited file as a list of cells, with the number of its first line."""
    number, length = 1, 0

    def lines() -> Iterator[str]:
        nonlocal length
        for line in read_lines(path, encoding):
            length += len(line)
            if length > LONGEST_RECORD:
                sentence = _(
                    "{file}, line {line}: the row is longer than {n} characters. Check for a missing quotation mark."
                )
                raise LoadAborted(sentence.format(file=path.name, line=number, n=f"{LONGEST_RECORD:,}"))
            yield line

    reader = csv.reader(lines(), delimiter=separator)
    try:
        for cells in reader:
            yield number, cells
            number, length = reader.line_num + 1, 0
    except csv.Error:
        sentence = _("{file}, line {line}: a cell is longer than {n} characters. Check for a missing quotation mark.")
        limit = f"{csv.field_size_limit():,}"
        raise LoadAborted(sentence.format(file=path.name, line=number, n=limit)) from None


def read_lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield the lines of a text file. Raises LoadAborted for a line that is too long or cannot be decoded."""
    with path.open(encoding=encoding, newline="") as file:
        number = 0
        try:
            while line := file.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    sentence = _("{file}, line {line} is longer than {n} characters.")
                    raise LoadAborted(sentence.format(file=path.name, line=number, n=f"{LONGEST_LINE:,}"))
                if "\0" in line:
                    sentence = _("{file}, line {line} contains NUL characters. Save the table as UTF-8 text.")
                    raise LoadAborted(sentence.format(file=path.name, line=number))
                if "\N{REPLACEMENT CHARACTER}" in line:
                    column = line.index("\N{REPLACEMENT CHARACTER}") + 1
                    raise LoadAborted(_lost_character(path, number, column))
                yield line
        except UnicodeDecodeError:
            raise LoadAborted(undecodable(path, encoding)) from None


def _encoding(path: Path) -> tuple[str, str]:
    """Return the encoding of a file, and the name of the encoding for messages. Raises LoadAborted for a mix of encodings."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding
    if is_utf_8(path):
        return "utf-8", "UTF-8"
    if _holds_utf_8(path):
        raise LoadAborted(undecodable(path, "utf-8"))
    return "cp1252", "Windows-1252"


def is_utf_8(path: Path) -> bool:
    """Return whether the file is valid UTF-8 from its first to its last byte."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _holds_utf_8(path: Path) -> bool:
    """Return whether a file contains a multi-byte UTF-8 character, which is very unlikely in other encodings."""
    before = b""
    for chunk in _chunks(path):
        if BEYOND_ASCII.search(before + chunk):
            return True
        before = chunk[-3:]
    return False


def _chunks(path: Path, size: int = 1 << 20) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(size):
            yield chunk


def undecodable(path: Path, encoding: str) -> str:
    """Return a message about bytes that cannot be decoded, with their line and column."""
    line, column = 1, 1
    for text in _decodable(path, encoding):
        line += text.count("\n")
        column = len(text) - text.rindex("\n") if "\n" in text else column + len(text)
    sentence = _("{file}, line {line}, column {column}: the text is not valid {encoding}. Save the file as UTF-8.")
    return sentence.format(file=path.name, line=line, column=column, encoding=CODECS.get(encoding, "UTF-8"))


def _decodable(path: Path, encoding: str) -> Iterator[str]:
    """Yield the text of a file up to the first byte that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for chunk in _chunks(path):
        before = decoder.getstate()
        try:
            yield decoder.decode(chunk)
        except UnicodeDecodeError:
            decoder.setstate(before)
            with suppress(UnicodeDecodeError):
                for index in range(len(chunk)):
                    yield decoder.decode(chunk[index : index + 1])
            return


def _lost_character(path: Path, line: int, column: int) -> str:
    sentence = _(
        "{file}, line {line}, column {column}: a character was lost when the file was last saved"
        " (\N{REPLACEMENT CHARACTER}). Correct the text, and save the file as UTF-8."
    )
    return sentence.format(file=path.name, line=line, column=column)


def _separator(path: Path, encoding: str) -> str:
    """Return the separator that divides the first record into the most columns; return a comma if no separator divides it."""
    columns = {one: len(next(_records(path, encoding, one), (1, []))[1]) for one in SEPARATORS}
    return max(columns, key=lambda one: columns[one])


GUIDE = "guide"
LONGEST_LAST_LINE = 100_000
READ: Mapping[str, Any] = {"date": date.fromisoformat, "datetime": datetime.fromisoformat}


@dataclass(frozen=True)
class ReadLimits:
    """Limits for reading one spreadsheet.

    - `unpacked`: the bytes of the unpacked archive
    - `memory`: the bytes of memory of the process that reads the spreadsheet
    - `written`: the bytes of all rows that the process writes
    - `row`: the bytes of one row
    - `cells`: the number of cells in the rectangle that spans all values of a sheet
    """

    unpacked: int = 500_000_000
    cells: int = 10_000_000
    memory: int = 2_000_000_000
    seconds: int = 600
    written: int = 2_000_000_000
    row: int = 1_000_000


UPLOAD_LIMITS = ReadLimits(unpacked=50_000_000, cells=1_000_000, memory=500_000_000, seconds=20, written=10_000_000)
"""The limits for a spreadsheet that is uploaded through a page."""


def read_sheets(path: Path, note: Note, limits: ReadLimits = ReadLimits()) -> list[Table]:
    """Return the tables in the visible sheets of a spreadsheet. Raises LoadAborted.

    Empty sheets and the guide sheet of a template are left out. A date is returned as a date, a formula as the value that was
    saved with it, and an error such as #N/A as an empty cell. Among merged cells only the first cell has the value, and a message
    says that the sheet has merged cells.
    """
    written = _RowFile()
    sheets = _read_in_process(path, limits, written)
    return [_table(sheet, path, written, note) for sheet in sheets if sheet["end"] > sheet["start"]]


class _RowFile:
    """The temporary file that the reading process writes; it is deleted when no more rows refer to it."""

    def __init__(self) -> None:
        self.file: IO[bytes] = TemporaryFile()  # noqa: SIM115 # stays open while its rows are read
        weakref.finalize(self, self.file.close)

    def rows(self, start: int, end: int) -> Iterator[tuple[int, list[Any]]]:
        """Yield the rows between two offsets of the file, each with its number."""
        while start < end:
            self.file.seek(start)
            number, *cells = json.loads(self.file.readline())
            start = self.file.tell()
            yield number, [_cell(*cell.items()) if isinstance(cell, dict) else cell for cell in cells]

    def last_line(self) -> Mapping[str, Any]:
        """Return the data in the last line. If the last line is missing, the process was killed because it exceeded a limit."""
        size = self.file.seek(0, 2)
        self.file.seek(max(0, size - LONGEST_LAST_LINE))
        lines = self.file.read().splitlines()
        try:
            summary = json.loads(lines[-1]) if lines else None
        except ValueError:
            summary = None
        return summary if isinstance(summary, dict) else {"refused": "TOO_MUCH"}


def _read_in_process(path: Path, limits: ReadLimits, written: _RowFile) -> list[dict[str, Any]]:
    """Run a process that writes the rows of a spreadsheet to a file, and return the sheets. Raises LoadAborted."""
    options = json.dumps({**asdict(limits), "skip": [GUIDE]})
    command = [sys.executable, "-I", sheet_process.__file__, str(path.resolve()), options]
    try:
        subprocess.run(  # nosec B603 # a file of our own; no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=written.file,
            stderr=subprocess.DEVNULL,
            env={},  # the process parses untrusted input, so it must not see the environment
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LoadAborted(_too_much(path)) from None
    summary = written.last_line()
    if "sheets" in summary:
        return list(summary["sheets"])
    raise LoadAborted(_refusal(path, summary, limits))


def _refusal(path: Path, summary: Mapping[str, Any], limits: ReadLimits) -> str:
    match summary["refused"]:
        case "FAR_CELL":
            return _(
                "{file}, sheet {sheet}: the value in cell {cell} makes the table too large. Delete cells that do not"
                " belong to the table, or split it into several files."
            ).format(file=path.name, sheet=summary["sheet"], cell=summary["cell"])
        case "LONG_ROW":
            return _("{file}, sheet {sheet}: row {row} is longer than {n} characters.").format(
                file=path.name, sheet=summary["sheet"], row=summary["row"], n=f"{limits.row:,}"
            )
        case "UNPACKED":
            return _("{file} unpacks to more than {n} bytes. Split it into several files.").format(
                file=path.name, n=f"{limits.unpacked:,}"
            )
        case "NO_ARCHIVE":
            return _("{file} is not a valid XLSX file. Save it again as .xlsx, without a password.").format(
                file=path.name
            )
        case "UNREADABLE":
            return _("{file} cannot be read as a spreadsheet. Save it again as .xlsx, without a password.").format(
                file=path.name
            )
    return _too_much(path)


def _too_much(path: Path) -> str:
    return _("Reading {file} takes more memory or time than allowed. Split it into several files.").format(
        file=path.name
    )


def _table(sheet: Mapping[str, Any], path: Path, written: _RowFile, note: Note) -> Table:
    label = f"{path.name}, sheet {sheet['name']}"
    if sheet["merged"]:
        note(f"{label}: has merged cells. Only the first cell of each has the value; the others are read as empty.")
    rows = written.rows(sheet["start"], sheet["end"])
    number, cells = next(rows)
    columns = header(cells if number == 1 else [], label)
    return Table(sheet["name"], label, columns, _sheet_rows(rows, columns, label, sheet["first_column"]))


def _sheet_rows(
    rows: Iterator[tuple[int, list[Any]]], columns: tuple[str, ...], file: str, first_column: int
) -> Iterator[SourceRow | RowProblem]:
    for number, cells in rows:
        stripped = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
        row = row_of(columns, stripped, file, number, first_column)
        if row is not None:
            yield row


def _cell(item: tuple[str, str]) -> Any:
    kind, text = item
    return READ[kind](text) if kind in READ else text


ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".json", ".jsonl")
DEEPEST = 100
LONGEST_ENTRY = 10_000_000


def read(path: Path, note: Note, limits: ReadLimits = ReadLimits()) -> list[Table]:  # the default value is immutable
    """Return the tables in a file: one table per sheet of a spreadsheet, or one table for any other file.

    `note` is called with messages about the file; `limits` apply to spreadsheets. Raises LoadAborted, both when it is called and
    while the rows are iterated.
    """
    _check_file(path)
    match path.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return [read_delimited(path, note)]
        case ".xlsx":
            return read_sheets(path, note, limits)
        case ".json":
            return [Table(path.stem, path.name, None, _json_rows(_json_objects(path), path.name))]
        case ".jsonl":
            return [Table(path.stem, path.name, None, _json_rows(_json_lines(path), path.name))]
    sentence = _("{file} has an unsupported format. Supported formats: {formats}.")
    raise LoadAborted(sentence.format(file=path.name, formats=", ".join(ENDINGS)))


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise LoadAborted(f"{path} is a directory, not a file.")
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise LoadAborted(f"The file {path} does not exist.") from None
    except OSError as error:
        raise LoadAborted(f"{path} cannot be read: {error.strerror or error}.") from None
    if empty:
        raise LoadAborted(_("{file} is empty.").format(file=path.name))


def _json_rows(objects: Iterator[tuple[int, Any]], file: str) -> Iterator[SourceRow | RowProblem]:
    for number, given in objects:
        if isinstance(given, dict):
            yield LooseRow(((name, _stripped(value)) for name, value in given.items()), file, number)
        else:
            rule, message = _("a JSON object"), _("this row is not a JSON object")
            yield RowProblem("error", "NO_OBJECT", file, number, "", "", rule, message)


def _json_objects(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the items of the only list in a JSON file, numbered from 1.

    The file is either a list, or an object in which the value of one key is a list.
    """
    try:
        with path.open("rb") as file:
            entry = _ItemReader(file, path.name)
            events = iter(ijson.basic_parse(entry, use_float=True))
            found = 0
            for name in _top_level_lists(events, path.name):
                found += 1
                if found > 1:
                    sentence = _(
                        "{file} contains more than one list of rows (another one is {name}). Put each list into its own file."
                    )
                    raise LoadAborted(sentence.format(file=path.name, name=show(name)))
                yield from enumerate(_items(events, path.name, entry), start=1)
            if not found:
                raise LoadAborted(
                    _("{file} must contain one list of rows, at the top level or under one key.").format(file=path.name)
                )
    except (ijson.JSONError, ValueError):
        if not is_utf_8(path):
            raise LoadAborted(undecodable(path, "utf-8")) from None
        raise LoadAborted(_("{file} is not valid JSON.").format(file=path.name)) from None


class _ItemReader:
    """Wraps a file to limit the bytes read for each list item to `LONGEST_ENTRY`; call `start` before each item."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name, self._read = file, name, 0

    def start(self) -> None:
        """Start to count bytes for the next item."""
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises LoadAborted if the item is too long."""
        chunk = self._file.read(size)
        self._read += len(chunk)
        if self._read > LONGEST_ENTRY:
            sentence = _("{file}: a row is longer than {n} bytes.")
            raise LoadAborted(sentence.format(file=self._name, n=f"{LONGEST_ENTRY:,}"))
        return chunk


def _top_level_lists(events: Iterator[tuple[str, Any]], file: str) -> Iterator[str]:
    """Yield the key of each top-level list of a JSON file when the list starts. If the file itself is a list, yield "".

    Top-level values that are not lists are skipped.
    """
    depth, names = 0, _OpenKeys(file)
    name = ""
    for event, value in events:
        names.check(event, value)
        if event == "map_key" and depth == 1:
            name = value
        if event == "start_array" and depth == (1 if name else 0):
            yield name  # the caller consumes the events of the list
            names.check("end_array", None)
            continue
        depth += event.startswith("start_") - event.startswith("end_")
        if depth > DEEPEST:
            raise LoadAborted(_too_deep(file))


class _OpenKeys:
    """The keys of all JSON objects that are not closed yet, so that duplicate keys can be rejected."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[set[str]] = []

    def check(self, event: str, value: Any, row: int | None = None) -> None:
        """Process an event of the JSON parser. Raises LoadAborted for a duplicate key."""
        if event in ("start_map", "start_array"):
            self._open.append(set())
        elif event in ("end_map", "end_array"):
            self._open.pop()
        elif event == "map_key":
            if value in self._open[-1]:
                raise LoadAborted(_duplicate_key(self._file, row, value))
            self._open[-1].add(value)


def _items(events: Iterator[tuple[str, Any]], file: str, entry: _ItemReader) -> Iterator[Any]:
    """Yield the items of a JSON list until the list ends."""
    builder, depth, row, names = ijson.ObjectBuilder(), 0, 1, _OpenKeys(file)
    for event, value in events:
        depth += event.startswith("start_") - event.startswith("end_")
        if depth < 0:
            return
        if depth > DEEPEST:
            raise LoadAborted(_too_deep(file))
        names.check(event, value, row)
        builder.event(event, value)
        if depth == 0:
            yield builder.value
            builder, row = ijson.ObjectBuilder(), row + 1
            entry.start()


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(read_lines(path, UTF_8), start=1):
        if line.strip():
            yield number, _json_line(line, path.name, number)


def _json_line(line: str, file: str, number: int) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = Counter(name for name, _value in pairs)
        if len(names) < len(pairs):
            raise LoadAborted(_duplicate_key(file, number, names.most_common(1)[0][0]))
        return dict(pairs)

    try:
        value = json.loads(line, object_pairs_hook=once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise LoadAborted(_("{file}, line {line} is not valid JSON.").format(file=file, line=number)) from None
    if _is_deeper(value, DEEPEST):
        raise LoadAborted(_too_deep(file))
    return value


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    return not levels or any(
        _is_deeper(one, levels - 1) for one in (value.values() if isinstance(value, dict) else value)
    )


def _too_deep(file: str) -> str:
    return _("{file} is nested more than {n} levels deep.").format(file=file, n=DEEPEST)


def _duplicate_key(file: str, row: int | None, name: str) -> str:
    location = file if row is None else _("{file}, row {row}").format(file=file, row=row)
    return _("{location}: the key {name} occurs twice. Remove one.").format(location=location, name=show(name))


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
