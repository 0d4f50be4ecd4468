"""What the pages ask the store, as everybody may see it: counts and reports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from registry.access import ANONYMOUS
from registry.analysis.gaps import FROM, composed
from registry.analysis.lists import lists
from registry.analysis.world import World
from registry.cypher.network import network
from registry.cypher.read import write
from registry.model import MAIN, MODEL
from registry.plan import Compare, Given, Question, Total
from registry.reports.catalogue import find_question, read_day, read_parameters, run_report
from registry.reports.report import Report
from registry.store import Place, Reader, Store
from registry.words import language

FRESH, KEPT, AT_ONCE = 30.0, 64, 2
NOT_RETIRED = Compare("status", "ne", Given(fixed="retired"))
T = TypeVar("T")


@dataclass(frozen=True)
class Attention:
    """The collaboration gap report, and by name the reports that it is composed of."""

    gaps: Report
    parts: Mapping[str, Report]

    def part(self, about: str) -> Report:
        """Return the report that this sort of finding is from."""
        return self.parts[FROM[about]]


class Answers:
    """Asks one store. Reports run in threads of their own, at most two at once, and are kept for half a minute."""

    def __init__(self, place: Place, reader: Reader) -> None:
        self._place, self._reader = place, reader
        self._store: Store | None = None
        self._opening = Lock()
        self._threads = CapacityLimiter(AT_ONCE)
        self._kept: dict[Hashable, tuple[float, asyncio.Future[Any]]] = {}

    def close(self) -> None:
        """Give the connections back."""
        if self._store is not None:
            self._store.close()

    async def counts(self) -> dict[str, int]:
        """Return how many records there are of each kind. Raises StoreError."""
        answers = await self._ask([Total(kind, NOT_RETIRED) for kind in MAIN])
        return {kind: rows[0][0] for kind, rows in zip(MAIN, answers, strict=True)}

    async def report(self, name: str, asked: Mapping[str, str]) -> Report:
        """Return a report; `asked` holds `as-of` and its parameters as text. Raises ReportError and StoreError."""
        question, day = find_question(name), read_day(asked.get("as-of"))
        values = read_parameters(question, {key: value for key, value in asked.items() if key != "as-of"})
        return await self._fresh(
            (name, day, *values.items()), lambda: run_report(self._opened(), name, ANONYMOUS, day, values)
        )

    async def attention(self) -> Attention:
        """Return the collaboration gap report of today and its parts, from one read. Raises StoreError."""
        day = read_day(None)
        return await self._fresh(("attention", day), lambda: self._attention(day))

    def _attention(self, day: str) -> Attention:
        gaps = find_question("gaps")
        ((answer,),) = self._opened().read(network(gaps.reads, ANONYMOUS))
        return Attention(*composed(World.of(lists(gaps.reads, answer), day)))

    async def _fresh(self, key: Hashable, answer: Callable[[], T]) -> T:
        """Return the answer that is kept under the key, or a new one: those who ask meanwhile wait for the same."""
        key = (language(), key)
        until, kept = self._kept.get(key, (0.0, None))
        if kept is None or until < time.monotonic():
            kept = asyncio.ensure_future(to_thread.run_sync(answer, limiter=self._threads))
            self._keep(key, kept)
        try:
            answered: T = await asyncio.shield(kept)
        except Exception:
            self._kept.pop(key, None)
            raise
        return answered

    def _keep(self, key: Hashable, answer: asyncio.Future[Any]) -> None:
        self._kept.pop(key, None)
        self._kept[key] = time.monotonic() + FRESH, answer
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

    def _opened(self) -> Store:
        with self._opening:
            if self._store is None:
                self._store = Store(self._place)
            return self._store

    async def _ask(self, questions: list[Question]) -> list[list[list[Any]]]:
        return await self._reader.read([write(one, MODEL).ask({}, ANONYMOUS.parameter()) for one in questions])
