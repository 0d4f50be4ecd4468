"""What every reader gives: tables of rows that know where they stand."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from loaders.outcome import Refused, RowProblem
from loaders.sheet_process import MOST_COLUMNS, address_of
from registry.records import show
from registry.words import _

MOST_LISTED = 100
Note = Callable[[str], None]


class Row(dict[str, Any]):
    """One row: the value of each column, the file it stands in and its number there as a person sees it.

    `first_column` is where the row of a sheet begins, counted from 0; None where cells have no addresses.
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
        """Return the address of a cell, such as `C5`; nothing where cells have none, or there is no such column."""
        if self.first_column is None or column not in self:
            return ""
        return address_of(self.number, self.first_column + list(self).index(column) + 1)

    def __missing__(self, column: str) -> Any:
        raise Refused(f"{self.file} has no column {column!r}; it has {_listed(self)}.")


class LooseRow(Row):
    """A row of a format that leaves out what is empty: a name it does not have is None."""

    __slots__ = ()

    def __missing__(self, column: str) -> Any:
        return None


@dataclass(frozen=True)
class Table:
    """A file, or a sheet of one. `columns` is None where the format has no header; `rows` can be read once.

    `name` is the file's name without its ending, or the sheet's; `file` is what people are shown.
    """

    name: str
    file: str
    columns: tuple[str, ...] | None
    rows: Iterable[Row | RowProblem]


def header(cells: Iterable[Any], file: str) -> tuple[str, ...]:
    """Return the names of the columns. Raises Refused when one has no name, two have the same, or there are too many."""
    names = [str(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise Refused(_("{file} has no header row; its first row must name the columns.").format(file=file))
    if len(names) > MOST_COLUMNS:
        sentence = _("{file} has {n} columns; there can be {most} at most.")
        raise Refused(sentence.format(file=file, n=f"{len(names):,}", most=f"{MOST_COLUMNS:,}"))
    for place, name in enumerate(names):
        if not name:
            sentence = _("{file}: column {n} has no name; the columns are {columns}.")
            raise Refused(sentence.format(file=file, n=place + 1, columns=_listed(filter(None, names))))
        if name in names[:place]:
            sentence = _("{file} has the column {column} twice; the columns are {columns}.")
            raise Refused(sentence.format(file=file, column=repr(show(name)), columns=_listed(names)))
    return tuple(names)


def row_of(
    columns: tuple[str, ...], cells: list[Any], file: str, number: int, first_column: int | None = None
) -> Row | RowProblem | None:
    """Return the row that the cells make, None when all are empty, a problem when there are too few or too many."""
    if len(cells) != len(columns):
        cells = cells[: len(columns)] + [cell for cell in cells[len(columns) :] if cell != ""]
    if cells.count("") == len(cells):
        return None
    if len(cells) != len(columns):
        return _ragged(columns, cells, file, number)
    return Row(zip(columns, cells, strict=True), file, number, first_column)


def _ragged(columns: tuple[str, ...], cells: list[Any], file: str, number: int) -> RowProblem:
    rule = _("{n} cells, as the header has").format(n=len(columns))
    return RowProblem("error", "RAGGED", file, number, "", "", rule, _("it has {n} cells").format(n=len(cells)))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(show(name) for name in islice(names, MOST_LISTED))
