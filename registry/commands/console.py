"""What commands print with: answers on stdout, everything else on stderr."""

from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def tell(message: str) -> None:
    """Say how far a command is."""
    err.print(message, style="dim", markup=False)


def warn(message: str) -> None:
    """Say what is wrong."""
    err.print(message, style="bold red", markup=False)


def print_json(value: Any) -> None:
    """Print a value for a script to read."""
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_table(headings: list[str], rows: list[list[Any]]) -> None:
    """Print rows under headings."""
    table = Table(*headings, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table)
