"""Rows and tables read from a file, with the place of each row in the file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from loaders.result import LoadAborted, RowProblem
from loaders.sheet_process import MOST_COLUMNS, address_of
from registry.i18n import _
from registry.model.records import show

MOST_LISTED = 100
Note = Callable[[str], None]
"""A function that receives a message about a file."""


class SourceRow(dict[str, Any]):
    """A row of a file: its values by column, the file, and the row number as a person counts it.

    `first_column` is the first column of a sheet's table, counted from 0; None for formats without cell addresses.
    """

    __slots__ = ("file", "first_column", "number")

    def __init__(
        self, cells: Iterable[tuple[str, Any]], file: str, number: int, first_column: int | None = None
    ) -> None:
        super().__init__(cells)
        self.file = file
        self.number = number
        self.first_column = first_column

    def address(self, column: str) -> str:
        """Return the address of a cell, such as `C5`. If the format has no addresses or the column does not exist, return ""."""
        if self.first_column is None or column not in self:
            return ""
        return address_of(self.number, self.first_column + list(self).index(column) + 1)

    def __missing__(self, column: str) -> Any:
        raise LoadAborted(f"{self.file} has no column {column!r}. Its columns are: {_join_names(self)}.")


class LooseRow(SourceRow):
    """A row of a format that omits empty values: the value of a missing column is None."""

    __slots__ = ()

    def __missing__(self, column: str) -> Any:
        return None


@dataclass(frozen=True)
class Table:
    """A table in a file or a sheet. `columns` is None for formats without a header; `rows` can be iterated only once.

    `name` is the file name without extension or the sheet name; `file` is the name used in messages.
    """

    name: str
    file: str
    columns: tuple[str, ...] | None
    rows: Iterable[SourceRow | RowProblem]


def header(cells: Iterable[Any], file: str) -> tuple[str, ...]:
    """Return the column names in a header row. Raises LoadAborted for empty, duplicate or too many names."""
    names = [str(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise LoadAborted(_("{file} has no header row. The first row must contain the column names.").format(file=file))
    if len(names) > MOST_COLUMNS:
        sentence = _("{file} has {n} columns; the limit is {most}.")
        raise LoadAborted(sentence.format(file=file, n=f"{len(names):,}", most=f"{MOST_COLUMNS:,}"))
    for index, name in enumerate(names):
        if not name:
            sentence = _("{file}: column {n} has no name. The named columns are: {columns}.")
            raise LoadAborted(sentence.format(file=file, n=index + 1, columns=_join_names(filter(None, names))))
        if name in names[:index]:
            sentence = _("{file} has the column {column} twice. Rename or remove one. The columns are: {columns}.")
            raise LoadAborted(sentence.format(file=file, column=repr(show(name)), columns=_join_names(names)))
    return tuple(names)


def row_of(
    columns: tuple[str, ...], cells: list[Any], file: str, number: int, first_column: int | None = None
) -> SourceRow | RowProblem | None:
    """Return a row of the table. Return None if all cells are empty, and a problem if the number of cells is wrong."""
    if len(cells) != len(columns):
        cells = cells[: len(columns)] + [cell for cell in cells[len(columns) :] if cell != ""]
    if cells.count("") == len(cells):
        return None
    if len(cells) != len(columns):
        return _wrong_number_of_cells(columns, cells, file, number)
    return SourceRow(zip(columns, cells, strict=True), file, number, first_column)


def _wrong_number_of_cells(columns: tuple[str, ...], cells: list[Any], file: str, number: int) -> RowProblem:
    rule = _("{n} cells, as in the header").format(n=len(columns))
    return RowProblem("error", "RAGGED", file, number, "", "", rule, _("the row has {n} cells").format(n=len(cells)))


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(show(name) for name in islice(names, MOST_LISTED))
