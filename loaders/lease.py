"""One run of a source at a time, on whatever machine: two at once would retire each other's records."""

import threading
from contextlib import suppress
from typing import Self

from loaders.outcome import Refused
from registry.cypher import lease
from registry.store import Store, StoreError
from registry.values import now

LASTS = 120


class Lease:
    """The right of a run to write its source, kept in the graph and renewed while the block lasts.

    What a run leaves behind that crashes ends by itself after `LASTS` seconds.
    """

    def __init__(self, store: Store, source: str, run: str) -> None:
        self._store = store
        self._source = source
        self._run = run
        self._over = threading.Event()
        self._renewing = threading.Thread(target=self._renew_until_over, daemon=True)

    def __enter__(self) -> Self:
        """Take the lease. Raises Refused when another run holds it."""
        asked = lease.take(self._source, run=self._run, now=now(), lasts=LASTS * 1000)
        ((holder, since),) = self._store.write(asked)[0]
        if holder != self._run:
            raise Refused(
                f"Another run of {self._source} is under way since {since}; wait until it ends,"
                f" or {LASTS} seconds if it was cut off."
            )
        self._renewing.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._renewing.join()
        with suppress(StoreError):
            self._store.write(lease.give_back(self._source, run=self._run))

    def check(self) -> None:
        """Raise StoreError when the lease was lost, such as by a machine that slept."""
        if not self._renew():
            raise StoreError(
                "LEASE_LOST",
                f"Another run of {self._source} took over while this one stood still; nothing was retired. Run it again.",
            )

    def _renew_until_over(self) -> None:
        while not self._over.wait(LASTS / 4):
            with suppress(StoreError):
                self._renew()

    def _renew(self) -> bool:
        renewed = lease.renew(self._source, run=self._run, lasts=LASTS * 1000)
        return bool(self._store.write(renewed)[0][0][0])
