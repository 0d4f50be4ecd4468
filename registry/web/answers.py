"""What the pages ask the store, as who asks may see it: counts and reports."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from anyio import CapacityLimiter, to_thread

from registry.access import Actor
from registry.analysis.coverage import COVERAGE
from registry.analysis.gaps import FROM, GAPS
from registry.clock import now
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
from schema.kept import Kept

FRESH, LASTING, KEPT, AT_ONCE = 30.0, 600.0, 64, 2
PATIENCE = 2.0  # seconds that a page waits for a report that was never run
log = logging.getLogger(__name__)
NOT_RETIRED = Compare("status", "ne", Given(fixed="retired"))


@dataclass(frozen=True)
class Latest:
    """The last run of a report, if there is one, and when it ended; whether a newer one is on its way, or the last has failed."""

    report: Report | None = None
    ended: str = ""
    running: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Attention:
    """The collaboration gap report as it was last run, and by name the reports that it is composed of."""

    latest: Latest

    @property
    def gaps(self) -> Report | None:
        """The report; None where it was never run."""
        return self.latest.report

    @property
    def parts(self) -> Mapping[str, Report]:
        """The reports that it is composed of, by name."""
        return {part.name: part for part in self.gaps.parts} if self.gaps else {}

    @property
    def assessed(self) -> int:
        """How much was looked at that something can be told of, apart from what is on record at all."""
        return sum(_assessed(part) for part in self.parts.values() if part.name != COVERAGE.name)

    @property
    def not_assessed(self) -> Sequence[Report]:
        """The parts, without coverage, in which nothing could be assessed."""
        return [part for part in self.parts.values() if part.name != COVERAGE.name and not _assessed(part)]

    def part(self, about: str) -> Report:
        """Return the report that this sort of finding is from."""
        return self.parts[FROM[about]]


class Stamp(NamedTuple):
    """What a run rests on: one with the same stamp finds the same."""

    as_of: str
    marks: tuple[str, ...]
    edition: Hashable


@dataclass(frozen=True)
class Ended:
    """A run that has ended, in a report or in an error."""

    stamp: Stamp
    at: str
    until: float
    report: Report | None

    def holds(self, stamp: Stamp) -> bool:
        """Tell whether it is what a new run would find; other tools change the graph without leaving a mark."""
        return self.stamp == stamp and time.monotonic() < self.until


@dataclass(frozen=True)
class Running:
    """A run on its way."""

    stamp: Stamp
    task: asyncio.Task[Report]


@dataclass(frozen=True)
class Wanted:
    """A run that is wanted: its key is the same for all who would be told the same."""

    key: Hashable
    stamp: Stamp
    work: Callable[[], Report]


class Answers:
    """Asks one store. Reports run in threads of their own, at most two at once, and each at most once at a time.

    What a run found is kept until the graph changes. Until a newer run has ended, pages show that of before, with its time.
    """

    def __init__(self, tools: Tools, reader: Reader, library: Library) -> None:
        self._tools, self._reader, self._library = tools, reader, library
        self._threads = CapacityLimiter(AT_ONCE)
        self._counts = Counts()
        self._reports: Kept[Ended] = Kept(KEPT)
        self._failures: Kept[Ended] = Kept(KEPT)
        self._running: dict[Hashable, Running] = {}

    async def counts(self, actor: Actor) -> dict[str, int]:
        """Return how many records there are of each kind. Raises StoreError."""
        answers = await self._ask([Total(kind, NOT_RETIRED) for kind in MAIN], actor)
        return {kind: rows[0][0] for kind, rows in zip(MAIN, answers, strict=True)}

    async def report(self, name: str, day: str | None, params: Mapping[str, object], actor: Actor) -> Report:
        """Return a report of a day, today when None, as the actor may see it. Raises ReportError and StoreError."""
        wanted = await self._wanted(name, day, params, actor)
        ended = self._reports.get(wanted.key)
        if ended and ended.report and ended.holds(wanted.stamp):
            return ended.report
        while (running := self._running.get(wanted.key)) and running.stamp != wanted.stamp:
            await asyncio.wait([running.task])
        return await asyncio.shield(self._begun(wanted).task)

    async def latest(self, name: str, day: str | None, params: Mapping[str, object], actor: Actor) -> Latest:
        """Return a report as it was last run, and let it run where that is not up to date. Nobody waits longer than PATIENCE.

        Raises ReportError and StoreError, but where a run of before has failed.
        """
        wanted = await self._wanted(name, day, params, actor)
        last, failure = self._reports.get(wanted.key), self._failures.get(wanted.key)
        if not (last and last.holds(wanted.stamp)) and not (failure and failure.holds(wanted.stamp)):
            task = (self._running.get(wanted.key) or self._begun(wanted)).task
            if last is None:
                await asyncio.wait([task], timeout=PATIENCE)
                last = self._reports.get(wanted.key)
            if not task.done():
                return Latest(last.report if last else None, last.at if last else "", running=True)
            if error := task.exception():
                raise error
        failed = not (last and last.holds(wanted.stamp)) and failure is not None
        return Latest(last.report if last else None, last.at if last else "", failed=failed)

    async def attention(self, actor: Actor) -> Attention:
        """Return the collaboration gap report of today as it was last run, and its parts. Raises StoreError."""
        return Attention(await self.latest(GAPS.name, None, {}, actor))

    async def _wanted(self, name: str, day: str | None, params: Mapping[str, object], actor: Actor) -> Wanted:
        as_of, values = read_day(day), read_parameters(self._library.find(name), params)
        ((marks,),) = (await self._reader.read([last_marks()]))[0]
        sight = frozenset(actor.names()), actor.everything
        return Wanted(
            (language(), name, sight, day, *values.items()),
            Stamp(as_of, tuple(marks), self._library.state(name)),
            lambda: self._library.run(self._tools.store(), name, actor, as_of, values),
        )

    def _begun(self, wanted: Wanted) -> Running:
        """Return the run that is on its way for all who want the same, or a new one."""
        running = self._running.get(wanted.key)
        if running is None:
            running = self._running[wanted.key] = Running(wanted.stamp, asyncio.create_task(self._run(wanted)))
            running.task.add_done_callback(_noted)
        return running

    async def _run(self, wanted: Wanted) -> Report:
        kept, report = self._failures, None
        try:
            report = await to_thread.run_sync(wanted.work, limiter=self._threads)
            kept = self._reports
            return report
        finally:
            lasts = FRESH if report is None or not wanted.stamp.marks else LASTING
            kept.keep(wanted.key, Ended(wanted.stamp, now(), time.monotonic() + lasts, report))
            del self._running[wanted.key]

    async def _ask(self, questions: list[Question], actor: Actor) -> list[list[list[Any]]]:
        texts = [write(one, MODEL).ask({}, actor.parameter()) for one in questions]
        return await self._counts.read(self._reader, questions, texts)


def _assessed(report: Report) -> int:
    return max(0, report.of - report.unknown)


def _noted(task: asyncio.Task[Report]) -> None:
    """Log why a run failed, since nobody may be waiting for it."""
    if not task.cancelled() and (error := task.exception()):
        log.warning("A report failed: %s", error)
