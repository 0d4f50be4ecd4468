"""Read tables of text: CSV and its kin, whatever their encoding and separator."""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

from loaders.outcome import Refused, RowProblem
from loaders.rows import Note, Row, Table, header, row_of
from registry.words import _

LONGEST_LINE = 1_000_000
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MARKS = {
    codecs.BOM_UTF8: ("utf-8-sig", "UTF-8 with a mark"),
    codecs.BOM_UTF16_LE: ("utf-16", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16", "UTF-16"),
}


def read_delimited(path: Path, note: Note) -> Table:
    """Return the table in the file; what encoding and separator it was found to have is noted. Raises Refused.

    Text is UTF-8, or UTF-16 with its mark, or else taken for Windows-1252. Cells lose the white space around them,
    empty rows are passed over.
    """
    encoding, called = _encoding(path)
    separator = _separator(path, encoding)
    note(f"{path.name}: read as {called}, cells separated by {SEPARATORS[separator]}.")
    records = _records(path, encoding, separator)
    columns = header(next(records, (1, []))[1], path.name)
    return Table(path.stem, path.name, columns, _rows(records, columns, path.name))


def _rows(records: Iterator[tuple[int, list[str]]], columns: tuple[str, ...], file: str) -> Iterator[Row | RowProblem]:
    for number, cells in records:
        row = row_of(columns, [cell.strip() for cell in cells], file, number)
        if row is not None:
            yield row


def _records(path: Path, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Give each record with the number of the line on which it begins."""
    reader = csv.reader(read_lines(path, encoding), delimiter=separator)
    number = 1
    try:
        for cells in reader:
            yield number, cells
            number = reader.line_num + 1
    except csv.Error:
        limit = csv.field_size_limit()
        raise Refused(
            f"{path.name}, line {number}: a cell is longer than {limit:,} characters; is a quotation mark missing?"
        ) from None


def read_lines(path: Path, encoding: str) -> Iterator[str]:
    """Give the lines of a text file, one at a time. Raises Refused on a line too long and on what is no text."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                sentence = _("{file}, line {line} is longer than {n} characters.")
                raise Refused(sentence.format(file=path.name, line=number, n=f"{LONGEST_LINE:,}"))
            if "\0" in line:
                sentence = _("{file}, line {line} holds NUL characters; save the table as UTF-8 text.")
                raise Refused(sentence.format(file=path.name, line=number))
            yield line


def _encoding(path: Path) -> tuple[str, str]:
    with path.open("rb") as file:
        start = file.read(4)
        for mark, found in MARKS.items():
            if start.startswith(mark):
                return found
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(start)
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252", "Windows-1252"
    return "utf-8", "UTF-8"


def _separator(path: Path, encoding: str) -> str:
    """Return the separator that finds the most columns in the first record; a comma when none finds two."""
    columns = {one: len(next(_records(path, encoding, one), (1, []))[1]) for one in SEPARATORS}
    return max(columns, key=lambda one: columns[one])
