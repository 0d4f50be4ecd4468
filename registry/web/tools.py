"""The store for what is done in threads: connected when it is first asked for, and one for all of a server."""

from threading import Lock

from registry.store import Place, Store


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
                self._store = Store(self._place)
            return self._store

    def close(self) -> None:
        """Give the connections back."""
        if self._store is not None:
            self._store.close()
