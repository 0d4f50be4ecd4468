"""Read tables of text: CSV and its kin, whatever their encoding and separator."""

import codecs
import csv
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from loaders.outcome import Refused, RowProblem
from loaders.rows import Note, Row, Table, header, row_of
from registry.words import _

LONGEST_LINE = 1_000_000
LONGEST_RECORD = 5_000_000  # a record may go over several lines
UTF_8 = "utf-8-sig"  # with or without a mark
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MARKS = {
    codecs.BOM_UTF8: (UTF_8, "UTF-8 with a mark"),
    codecs.BOM_UTF16_LE: ("utf-16", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16", "UTF-16"),
}
BEYOND_ASCII = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
CODECS = {"cp1252": "Windows-1252", "utf-16": "UTF-16"}


def read_delimited(path: Path, note: Note) -> Table:
    """Return the table in the file; what encoding and separator it was found to have is noted. Raises Refused.

    Text is UTF-8, or UTF-16 with its mark, or, where no character of it is UTF-8 beyond ASCII, Windows-1252. Cells lose
    the white space around them, empty rows are passed over.
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
    number, length = 1, 0

    def lines() -> Iterator[str]:
        nonlocal length
        for line in read_lines(path, encoding):
            length += len(line)
            if length > LONGEST_RECORD:
                sentence = _("{file}, line {line}: the row is longer than {n} characters; is a quotation mark missing?")
                raise Refused(sentence.format(file=path.name, line=number, n=f"{LONGEST_RECORD:,}"))
            yield line

    reader = csv.reader(lines(), delimiter=separator)
    try:
        for cells in reader:
            yield number, cells
            number, length = reader.line_num + 1, 0
    except csv.Error:
        limit = csv.field_size_limit()
        raise Refused(
            f"{path.name}, line {number}: a cell is longer than {limit:,} characters; is a quotation mark missing?"
        ) from None


def read_lines(path: Path, encoding: str) -> Iterator[str]:
    """Give the lines of a text file, one at a time. Raises Refused on a line too long and on what is no text."""
    with path.open(encoding=encoding, newline="") as file:
        number = 0
        try:
            while line := file.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    sentence = _("{file}, line {line} is longer than {n} characters.")
                    raise Refused(sentence.format(file=path.name, line=number, n=f"{LONGEST_LINE:,}"))
                if "\0" in line:
                    sentence = _("{file}, line {line} holds NUL characters; save the table as UTF-8 text.")
                    raise Refused(sentence.format(file=path.name, line=number))
                if "\N{REPLACEMENT CHARACTER}" in line:
                    column = line.index("\N{REPLACEMENT CHARACTER}") + 1
                    raise Refused(_lost_character(path, number, column))
                yield line
        except UnicodeDecodeError:
            raise Refused(undecodable(path, encoding)) from None


def _encoding(path: Path) -> tuple[str, str]:
    """Return the encoding of a text, and what it is called. Raises Refused where it seems to be in two of them."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, found in MARKS.items():
        if start.startswith(mark):
            return found
    if is_utf_8(path):
        return "utf-8", "UTF-8"
    if _holds_utf_8(path):
        raise Refused(undecodable(path, "utf-8"))
    return "cp1252", "Windows-1252"


def is_utf_8(path: Path) -> bool:
    """Tell whether all of a file is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _holds_utf_8(path: Path) -> bool:
    """Tell whether bytes beyond ASCII make characters of UTF-8 somewhere; in other encodings that hardly happens."""
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
    """Return the sentence of a text that cannot be decoded: on which line, in which column."""
    line, column = 1, 1
    for text in _decodable(path, encoding):
        line += text.count("\n")
        column = len(text) - text.rindex("\n") if "\n" in text else column + len(text)
    sentence = _("{file}, line {line}, column {column}: this is not readable as {encoding}; save the file as UTF-8.")
    return sentence.format(file=path.name, line=line, column=column, encoding=CODECS.get(encoding, "UTF-8"))


def _decodable(path: Path, encoding: str) -> Iterator[str]:
    """Give the text up to the first byte that cannot be decoded."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for chunk in _chunks(path):
        before = decoder.getstate()
        try:
            yield decoder.decode(chunk)
        except UnicodeDecodeError:
            decoder.setstate(before)
            with suppress(UnicodeDecodeError):
                for place in range(len(chunk)):
                    yield decoder.decode(chunk[place : place + 1])
            return


def _lost_character(path: Path, line: int, column: int) -> str:
    sentence = _(
        "{file}, line {line}, column {column}: a character was lost here when the file was saved before"
        " (\N{REPLACEMENT CHARACTER}); write it again, and save the file as UTF-8."
    )
    return sentence.format(file=path.name, line=line, column=column)


def _separator(path: Path, encoding: str) -> str:
    """Return the separator that finds the most columns in the first record; a comma when none finds two."""
    columns = {one: len(next(_records(path, encoding, one), (1, []))[1]) for one in SEPARATORS}
    return max(columns, key=lambda one: columns[one])
