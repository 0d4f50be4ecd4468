"""How far a long analysis is: told to whoever watches, and to nobody where nobody does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Watch = Callable[[str, int, int], None]
_watching: ContextVar[Watch | None] = ContextVar("watching", default=None)


@contextmanager
def watched_by(watch: Watch) -> Iterator[None]:
    """Tell `watch`, within the block, what is being done, how many steps of it are done, and of how many."""
    token = _watching.set(watch)
    try:
        yield
    finally:
        _watching.reset(token)


def steps(what: str, every: Sequence[T]) -> Iterator[T]:
    """Yield every one, and tell how far it is; `what` is in the language of the moment."""
    watch = _watching.get()
    for number, one in enumerate(every):
        if watch:
            watch(what, number, len(every))
        yield one
    if watch and every:
        watch(what, len(every), len(every))
