"""The store for what people change on pages: connected when it is first needed, worked with in threads."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from anyio import to_thread

from registry.store import Place, Store

T = TypeVar("T")


class Writer:
    """One store to write to. While it is away every change fails with StoreError, and the next one tries again."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._store: Store | None = None
        self._opening = Lock()

    async def do(self, work: Callable[[Store], T]) -> T:
        """Do work with the store, in a thread. Raises StoreError."""
        return await to_thread.run_sync(lambda: work(self._opened()))

    def close(self) -> None:
        """Give the connections back."""
        if self._store is not None:
            self._store.close()

    def _opened(self) -> Store:
        with self._opening:
            if self._store is None:
                self._store = Store(self._place)
            return self._store
