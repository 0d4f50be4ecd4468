"""A row of another report as a finding of the gap report, and its cells as people read them."""

from dataclasses import replace

from registry.figures import number
from registry.reports.report import Cell, Row
from registry.words import _


def finding(row: Row, about: str, who: tuple[str, ...], subject: str, measure: str, next_step: str) -> Row:
    """Return the row with the cells of a finding; evidence and confidence stay, and by its key it is known here, too.

    `next_step` is put into the reader's language.
    """
    values: dict[str, Cell] = {
        "about": about,
        "who": who,
        "subject": subject or None,
        "measure": measure or None,
        "next_step": _(next_step),
    }
    return replace(row, values=values, key=(about, *row.key))


def several(cell: Cell) -> tuple[str, ...]:
    """Return the texts of a cell that holds several."""
    return cell if isinstance(cell, tuple) else ()


def texts(*cells: Cell) -> tuple[str, ...]:
    """Return the cells that hold something, as texts."""
    return tuple(str(one) for one in cells if one)


def figure(cell: Cell) -> float:
    """Return the number of a cell that holds one, else 0."""
    return cell if isinstance(cell, int | float) else 0


def told(cell: Cell) -> str:
    """Return the number of a cell as the language writes it."""
    return number(figure(cell))
