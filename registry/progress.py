"""Progress of long tasks, reported to the terminal or to the caller of a report."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

T = TypeVar("T")
Watcher = Callable[[str, int, int], None]
_watching: ContextVar[Watcher | None] = ContextVar("watching", default=None)


@contextmanager
def reporting_to(watch: Watcher) -> Iterator[None]:
    """Report progress to `watch` until the `with` block ends: the name of the task, the steps done, and the number of steps."""
    token = _watching.set(watch)
    try:
        yield
    finally:
        _watching.reset(token)


def steps(what: str, every: Sequence[T]) -> Iterator[T]:
    """Yield every item of the sequence and report progress; `what` names the task in the current language."""
    watch = _watching.get()
    for number, one in enumerate(every):
        if watch:
            watch(what, number, len(every))
        yield one
    if watch and every:
        watch(what, len(every), len(every))


Progress = Callable[[str, int], None]
"""A function that receives what was processed, such as `agencies`, and how many more of them."""


def silent(_what: str, _more: int) -> None:
    """Ignore the progress."""


@contextmanager
def showing(console: Console) -> Iterator[Progress]:
    """Show on the console how many items were read and written; the counters disappear when the `with` block ends."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        tasks: dict[str, object] = {}

        def advance(what: str, more: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=None)
            bars.advance(tasks[what], more)  # type: ignore[arg-type]

        yield advance
