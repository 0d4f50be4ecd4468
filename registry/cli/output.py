"""Output of commands: print results on stdout and messages on stderr, and write files atomically."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from registry.progress import reporting_to

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class Unwritable(Exception):
    """An output file cannot be written. The message is for the user."""


def info(message: str) -> None:
    """Print a progress message on stderr."""
    err.print(message, style="dim", markup=False)


def warn(message: str) -> None:
    """Print a warning on stderr."""
    err.print(message, style="bold red", markup=False)


@contextmanager
def showing_progress(*, remaining: bool = False) -> Iterator[None]:
    """While the `with` block runs, show the progress of analyses on stderr. If stderr is not a terminal, show nothing.

    If `remaining` is true, also show the estimated remaining time; the task must then consist of similar steps.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        *([TextColumn("/"), TimeRemainingColumn()] if remaining else []),
    )
    with Progress(
        *columns, console=err, transient=True, disable=not err.is_terminal, speed_estimate_period=600
    ) as progress:
        task = progress.add_task("", total=None)

        def show(what: str, done: int, of: int) -> None:
            progress.update(task, description=what, completed=done, total=of)

        with reporting_to(show):
            yield


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file atomically. Write special files such as /dev/stdout directly. Raises Unwritable."""
    special = path.is_symlink() or (path.exists() and not path.is_file())
    draft = path if special else path.with_name(f"{path.name}.part")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(path)
    except BaseException as error:
        if not special:
            with suppress(OSError):
                draft.unlink()
        if isinstance(error, OSError):
            raise Unwritable(f"Cannot write {path}: {error.strerror}.") from None
        raise


def print_table(headings: list[str], rows: list[list[Any]]) -> None:
    """Print a table: the headings, then the rows."""
    table = Table(*headings, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(table)
