"""Read the chain of changes, and find out whether it is as it was written."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from registry.changing.entry import End, first_broken
from registry.cypher import chain
from registry.store import Store

SIZE = 1_000
Entry = Mapping[str, Any]


class Verdict(NamedTuple):
    """What a chain turned out to be: how far it goes, its last hash, and where and how it is broken, if it is.

    A hash that somebody wrote down elsewhere is found again in a chain that nobody rewrote.
    """

    entries: int
    hash: str
    broken_at: int | None = None
    what: str | None = None


def entries(store: Store, *, after: int = 0) -> Iterator[Entry]:
    """Give the entries behind a number in order, read a page at a time. Raises StoreError."""
    while page := store.read(chain.entries(after=after, size=SIZE)):
        for (entry,) in page:
            yield entry
        after = page[-1][0]["number"]


def latest(store: Store, size: int, record: str | None = None) -> list[Entry]:
    """Return the last entries, newest first; of one record, or of all. Raises StoreError."""
    asked = chain.of_record(record, size=size) if record else chain.latest(size=size)
    return [entry for (entry,) in store.read(asked)]


def verify(store: Store, tell: Callable[[int], None] = lambda _: None) -> Verdict:
    """Check every entry against the one before and against the end; `tell` is told of each. Raises StoreError."""
    end = End(*next(iter(store.read(chain.end())), ()))
    broken = first_broken(_told(entries(store), tell), end)
    return Verdict(end.number, end.hash, *(broken or ()))


def _told(all_of_them: Iterator[Entry], tell: Callable[[int], None]) -> Iterator[Entry]:
    for entry in all_of_them:
        tell(1)
        yield entry
