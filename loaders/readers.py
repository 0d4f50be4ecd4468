"""Open a file of any format that we know, as tables of rows. Rows stream; memory stays flat for text formats."""

import json
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import ijson  # type: ignore[import-untyped]

from loaders.delimited import read_delimited, read_lines
from loaders.outcome import Refused, RowProblem
from loaders.rows import LooseRow, Note, Row, Table
from loaders.sheets import Limits, read_sheets

ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".json", ".jsonl")
DEEPEST = 100


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
        raise Refused(f"{path.name} is empty.")


def _rows(objects: Iterator[tuple[int, Any]], file: str) -> Iterator[Row | RowProblem]:
    for number, given in objects:
        if isinstance(given, dict):
            yield LooseRow(((name, _stripped(value)) for name, value in given.items()), file, number)
        else:
            yield RowProblem("error", "NO_OBJECT", file, number, "", "", "a JSON object", "it is no JSON object")


def _json_objects(path: Path) -> Iterator[tuple[int, Any]]:
    """Give the entries of the list in the file, counted from 1; the list may stand alone or under one name."""
    try:
        with path.open("rb") as file:
            events = iter(ijson.basic_parse(file, use_float=True))
            _enter_list(events, path.name)
            yield from enumerate(_entries(events, path.name), start=1)
            deque(events, maxlen=0)  # what follows the list must be sound, too
    except (ijson.JSONError, UnicodeDecodeError):
        raise Refused(f"{path.name} is no sound JSON.") from None


def _enter_list(events: Iterator[tuple[str, Any]], name: str) -> None:
    for event, _ in islice(events, 3):
        if event == "start_array":
            return
        if event not in ("start_map", "map_key"):
            break
    raise Refused(f"{name} must hold a list of rows, alone or under one name.")


def _entries(events: Iterator[tuple[str, Any]], name: str) -> Iterator[Any]:
    """Build one entry of the list after the other, until the list ends."""
    builder, depth = ijson.ObjectBuilder(), 0
    for event, value in events:
        depth += event.startswith("start_") - event.startswith("end_")
        if depth < 0:
            return
        if depth > DEEPEST:
            raise Refused(f"{name} is nested more than {DEEPEST} levels deep.")
        builder.event(event, value)
        if depth == 0:
            yield builder.value
            builder = ijson.ObjectBuilder()


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(read_lines(path, "utf-8-sig"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            raise Refused(f"{path.name}, line {number} is no sound JSON.") from None


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
