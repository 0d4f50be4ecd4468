"""Progress of long tasks, reported to the terminal or to the caller of a report."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""A function that receives the name of a task, the number of steps done, and the number of all steps, which is 0 if unknown."""
_watching: ContextVar[Progress | None] = ContextVar("watching", default=None)


@contextmanager
def reporting_to(watch: Progress) -> Iterator[None]:
    """Report progress to `watch` until the `with` block ends: the name of the task, the steps done, and the number of steps."""
    token = _watching.set(watch)
    try:
        yield
    finally:
        _watching.reset(token)


def steps(what: str, every: Sequence[T]) -> Iterator[T]:
    """Yield every item of the sequence and report progress; `what` names the task in the current language."""
    for number, one in enumerate(every):
        report_progress(what, number, len(every))
        yield one
    if every:
        report_progress(what, len(every), len(every))


def report_progress(what: str, done: int, of: int) -> None:
    """Report how many of the steps of a task are done. `what` names the task in the current language."""
    if watch := _watching.get():
        watch(what, done, of)


def silent(_what: str, _done: int, _of: int) -> None:
    """Ignore the progress."""


@contextmanager
def showing(console: Console) -> Iterator[Progress]:
    """Show the progress of each task on the console, with the remaining time; the lines disappear when the `with` block ends.

    If the number of steps of a task is 0, it is unknown, and only the number of steps done is shown.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("/"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True, speed_estimate_period=60) as bars:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=None)
            bars.update(tasks[what], completed=done, total=of or None)

        yield show
