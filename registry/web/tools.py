"""The store for what is done in threads: connected when it is first asked for, and one for all of a server."""

from collections.abc import Callable
from threading import Lock
from typing import Concatenate, ParamSpec, TypeVar

from anyio import to_thread

from registry.store import PATIENCE, Place, Store

P = ParamSpec("P")
T = TypeVar("T")


class Tools:
    """Opens the store once."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._store: Store | None = None
        self._opening = Lock()

    def store(self) -> Store:
        """Return the store. Raises StoreError."""
        with self._opening:
            if self._store is None:
                self._store = Store(self._place, patience=PATIENCE)
            return self._store

    async def do(self, work: Callable[Concatenate[Store, P], T], *given: P.args, **named: P.kwargs) -> T:
        """Return what comes of work on the store, which is done in a thread. Raises StoreError."""
        return await to_thread.run_sync(lambda: work(self.store(), *given, **named))

    def close(self) -> None:
        """Give the connections back."""
        if self._store is not None:
            self._store.close()
