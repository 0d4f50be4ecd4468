"""How far a run is, shown on stderr while it takes a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

Progress = Callable[[str, int], None]
"""Told what was done, such as `agencies`, and how many more of it."""


def silent(_what: str, _more: int) -> None:
    """Show nothing."""


@contextmanager
def showing(console: Console) -> Iterator[Progress]:
    """Show on the console how many of what were read and written; nothing of it stays."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        tasks: dict[str, object] = {}

        def told(what: str, more: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=None)
            bars.advance(tasks[what], more)  # type: ignore[arg-type]

        yield told
