"""What the pages ask the store, as who asks may see it: counts and reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from registry.access import Actor
from registry.analysis.gaps import FROM, GAPS
from registry.cypher.changes import last_marks
from registry.cypher.read import write
from registry.model import MAIN, MODEL
from registry.plan import Compare, Given, Question, Total
from registry.reports.catalogue import read_day
from registry.reports.library import Library
from registry.reports.parameters import read_parameters
from registry.reports.report import Report
from registry.store import Reader
from registry.web.tools import Tools
from registry.words import language
from schema.counting import Counts

KEPT, AT_ONCE = 64, 2
NOT_RETIRED = Compare("status", "ne", Given(fixed="retired"))
T = TypeVar("T")


@dataclass(frozen=True)
class Attention:
    """The collaboration gap report, and by name the reports that it is composed of."""

    gaps: Report

    @property
    def parts(self) -> Mapping[str, Report]:
        """The reports that it is composed of, by name."""
        return {part.name: part for part in self.gaps.parts}

    def part(self, about: str) -> Report:
        """Return the report that this sort of finding is from."""
        return self.parts[FROM[about]]


class Answers:
    """Asks one store. Reports run in threads of their own, at most two at once, and are kept until the graph changes.

    A report is kept with the marks of the last change, read before the report; changes by other tools leave no mark.
    """

    def __init__(self, tools: Tools, reader: Reader, library: Library) -> None:
        self._tools, self._reader, self._library = tools, reader, library
        self._threads = CapacityLimiter(AT_ONCE)
        self._counts = Counts()
        self._kept: dict[Hashable, tuple[list[str], asyncio.Future[Any]]] = {}

    async def counts(self, actor: Actor) -> dict[str, int]:
        """Return how many records there are of each kind. Raises StoreError."""
        answers = await self._ask([Total(kind, NOT_RETIRED) for kind in MAIN], actor)
        return {kind: rows[0][0] for kind, rows in zip(MAIN, answers, strict=True)}

    async def report(self, name: str, day: str | None, params: Mapping[str, object], actor: Actor) -> Report:
        """Return a report of a day, today when None, as the actor may see it. Raises ReportError and StoreError."""
        as_of, values = read_day(day), read_parameters(self._library.find(name), params)
        return await self._fresh(
            (name, self._library.state(name), actor, as_of, *values.items()),
            lambda: self._library.run(self._tools.store(), name, actor, as_of, values),
        )

    async def attention(self, actor: Actor) -> Attention:
        """Return the collaboration gap report of today and its parts. Raises StoreError."""
        return Attention(await self.report(GAPS.name, None, {}, actor))

    async def _fresh(self, key: Hashable, answer: Callable[[], T]) -> T:
        """Return the answer to a key as the graph is now: those who ask before the graph changes get the same."""
        key = (language(), key)
        ((marks,),) = (await self._reader.read([last_marks()]))[0]
        known, kept = self._kept.get(key, ([], None))
        if kept is None or known != marks or (not marks and kept.done()):
            kept = asyncio.ensure_future(to_thread.run_sync(answer, limiter=self._threads))
            self._keep(key, marks, kept)
        try:
            answered: T = await asyncio.shield(kept)
        except Exception:
            if self._kept.get(key, (marks, None))[1] is kept:
                self._kept.pop(key, None)
            raise
        return answered

    def _keep(self, key: Hashable, marks: list[str], answer: asyncio.Future[Any]) -> None:
        self._kept.pop(key, None)
        self._kept[key] = marks, answer
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

    async def _ask(self, questions: list[Question], actor: Actor) -> list[list[list[Any]]]:
        texts = [write(one, MODEL).ask({}, actor.parameter()) for one in questions]
        return await self._counts.read(self._reader, questions, texts)
