"""One run of a source at a time, on whatever machine: two at once would retire each other's records."""

import os
import socket
import threading
from contextlib import suppress
from typing import Self

import psutil

from loaders.outcome import Refused
from registry.clock import now
from registry.cypher import lease
from registry.store import Store, StoreError

LASTS = 120


class Lease:
    """The right of a run to write its source, kept in the graph and renewed while the block lasts.

    What a run leaves behind that crashed, or that the store no longer heard, is over where its process is known to be
    gone, and ends by itself after `LASTS` seconds on another machine.
    """

    def __init__(self, store: Store, source: str, run: str) -> None:
        self._store = store
        self._source = source
        self._run = run
        self._over = threading.Event()
        self._renewing = threading.Thread(target=self._renew_until_over, daemon=True)

    def __enter__(self) -> Self:
        """Take the lease. Raises Refused when another run holds it."""
        holder, since, process = self._take()
        if holder != self._run and _is_gone(process):
            holder, since, _ = self._take(ended=holder)
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

    def _take(self, ended: str = "") -> tuple[str, str, str]:
        asked = lease.take(
            self._source, run=self._run, process=process_name(os.getpid()), now=now(), lasts=LASTS * 1000, ended=ended
        )
        ((holder, since, process),) = self._store.write(asked)[0]
        return holder, since, process

    def _renew_until_over(self) -> None:
        while not self._over.wait(LASTS / 4):
            with suppress(StoreError):
                self._renew()

    def _renew(self) -> bool:
        renewed = lease.renew(self._source, run=self._run, lasts=LASTS * 1000)
        return bool(self._store.write(renewed)[0][0][0])


def process_name(pid: int) -> str:
    """Return what tells a living process from all others: its machine, since when that runs, and its number there."""
    return f"{socket.gethostname()} {psutil.boot_time():.0f} {pid} {psutil.Process(pid).create_time():.0f}"


def _is_gone(process: str) -> bool:
    """Tell whether a process of this machine is no longer there; of those of other machines nothing is known."""
    machine, boot, pid, _began = process.split(" ")
    if (machine, boot) != (socket.gethostname(), f"{psutil.boot_time():.0f}"):
        return False
    try:
        return process_name(int(pid)) != process
    except psutil.NoSuchProcess:
        return True
