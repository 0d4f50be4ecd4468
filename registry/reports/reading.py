"""What reports read from, and a fingerprint of what they read."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Protocol

import orjson

from registry.cypher.text import Cypher


class Readable(Protocol):
    """What can answer one read: `registry.store.Store`."""

    def read(self, cypher: Cypher) -> Sequence[Sequence[Any]]:
        """Return the rows of one read."""


class Fingerprinted:
    """A store that keeps a fingerprint (SHA-256) of all that was read of it."""

    def __init__(self, store: Readable) -> None:
        self._store, self._hash = store, sha256()

    def read(self, cypher: Cypher) -> Sequence[Sequence[Any]]:
        """Return the rows of one read. Raises StoreError."""
        rows = self._store.read(cypher)
        self._hash.update(orjson.dumps(rows, default=list))
        return rows

    @property
    def fingerprint(self) -> str:
        """The fingerprint, which is the same as long as the same was read."""
        return self._hash.hexdigest()
