"""Open a file of any format that we know, as tables of rows. Rows stream; memory stays flat for text formats."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import ijson  # type: ignore[import-untyped]

from loaders.delimited import UTF_8, is_utf_8, read_delimited, read_lines, undecodable
from loaders.outcome import Refused, RowProblem
from loaders.rows import LooseRow, Note, Row, Table
from loaders.sheets import Limits, read_sheets
from registry.records import show
from registry.words import _

ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".json", ".jsonl")
DEEPEST = 100
LONGEST_ENTRY = 10_000_000


def read(path: Path, note: Note, limits: Limits = Limits()) -> list[Table]:  # noqa: B008 # it is frozen
    """Return the tables in a file: one, or one for each sheet of a spreadsheet.

    `note` is told what was found out about the file; `limits` are those of a spreadsheet. Raises Refused, also later
    while the rows are read.
    """
    _check_file(path)
    match path.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return [read_delimited(path, note)]
        case ".xlsx":
            return read_sheets(path, note, limits)
        case ".json":
            return [Table(path.stem, path.name, None, _rows(_json_objects(path), path.name))]
        case ".jsonl":
            return [Table(path.stem, path.name, None, _rows(_json_lines(path), path.name))]
    raise Refused(f"{path.name} is in a format that cannot be read; give one of {', '.join(ENDINGS)}.")


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise Refused(f"{path} is a directory where a file is needed.")
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise Refused(f"There is no file {path}.") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror or error}.") from None
    if empty:
        raise Refused(_("{file} is empty.").format(file=path.name))


def _rows(objects: Iterator[tuple[int, Any]], file: str) -> Iterator[Row | RowProblem]:
    for number, given in objects:
        if isinstance(given, dict):
            yield LooseRow(((name, _stripped(value)) for name, value in given.items()), file, number)
        else:
            yield RowProblem("error", "NO_OBJECT", file, number, "", "", "a JSON object", "it is no JSON object")


def _json_objects(path: Path) -> Iterator[tuple[int, Any]]:
    """Give the entries of the list in the file, counted from 1; it stands alone, or is the only list under a name."""
    try:
        with path.open("rb") as file:
            entry = _Entry(file, path.name)
            events = iter(ijson.basic_parse(entry, use_float=True))
            found = 0
            for name in _lists(events, path.name):
                found += 1
                if found > 1:
                    sentence = _("{file} holds another list of rows, {name}; give each list in a file of its own.")
                    raise Refused(sentence.format(file=path.name, name=show(name)))
                yield from enumerate(_entries(events, path.name, entry), start=1)
            if not found:
                raise Refused(_("{file} must hold a list of rows, alone or under one name.").format(file=path.name))
    except (ijson.JSONError, ValueError):
        if not is_utf_8(path):
            raise Refused(undecodable(path, "utf-8")) from None
        raise Refused(_("{file} is no sound JSON.").format(file=path.name)) from None


class _Entry:
    """A file of which no entry is longer than `LONGEST_ENTRY`; `start` begins another entry."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name, self._read = file, name, 0

    def start(self) -> None:
        """Begin another entry."""
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises Refused."""
        chunk = self._file.read(size)
        self._read += len(chunk)
        if self._read > LONGEST_ENTRY:
            sentence = _("{file}: a row is longer than {n} bytes; split it.")
            raise Refused(sentence.format(file=self._name, n=f"{LONGEST_ENTRY:,}"))
        return chunk


def _lists(events: Iterator[tuple[str, Any]], file: str) -> Iterator[str]:
    """Give the name of each list at the top as soon as it begins, of one that stands alone an empty one.

    What else is there may stand in any order, and is passed over.
    """
    depth, names = 0, _Names(file)
    name = ""
    for event, value in events:
        names.check(event, value)
        if event == "map_key" and depth == 1:
            name = value
        if event == "start_array" and depth == (1 if name else 0):
            yield name  # its events are taken up to its end
            names.check("end_array", None)
            continue
        depth += event.startswith("start_") - event.startswith("end_")
        if depth > DEEPEST:
            raise Refused(_too_deep(file))


class _Names:
    """The names in the objects that are open: none may be there twice, as nobody could tell which counts."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[set[str]] = []

    def check(self, event: str, value: Any, row: int | None = None) -> None:
        """Take an event of the parser. Raises Refused."""
        if event in ("start_map", "start_array"):
            self._open.append(set())
        elif event in ("end_map", "end_array"):
            self._open.pop()
        elif event == "map_key":
            if value in self._open[-1]:
                raise Refused(_twice(self._file, row, value))
            self._open[-1].add(value)


def _entries(events: Iterator[tuple[str, Any]], file: str, entry: _Entry) -> Iterator[Any]:
    """Build one entry of the list after the other, until the list ends."""
    builder, depth, row, names = ijson.ObjectBuilder(), 0, 1, _Names(file)
    for event, value in events:
        depth += event.startswith("start_") - event.startswith("end_")
        if depth < 0:
            return
        if depth > DEEPEST:
            raise Refused(_too_deep(file))
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
            raise Refused(_twice(file, number, names.most_common(1)[0][0]))
        return dict(pairs)

    try:
        value = json.loads(line, object_pairs_hook=once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(_("{file}, line {line} is no sound JSON.").format(file=file, line=number)) from None
    if _is_deeper(value, DEEPEST):
        raise Refused(_too_deep(file))
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


def _twice(file: str, row: int | None, name: str) -> str:
    where = file if row is None else _("{file}, row {row}").format(file=file, row=row)
    return _("{place}: the name {name} is there twice; leave one.").format(place=where, name=show(name))


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
