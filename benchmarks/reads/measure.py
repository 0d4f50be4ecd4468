"""What a request costs: the processor time of the server and of the database, the wait, and how many go at once."""

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import psutil
from rich.console import Console

from benchmarks.reads.client import Spell, ask_often, ask_once, post
from benchmarks.reads.servers import Server

CLIENTS, WARMING = 8, 3


@dataclass(frozen=True)
class Cost:
    """Milliseconds of processor time a request, the median wait in milliseconds, and requests a second of 8 clients."""

    server: float
    database: float
    wait: float
    rate: float


@dataclass(frozen=True)
class Question:
    """What is asked under a name that every server knows, and how often in one spell."""

    name: str
    values: dict[str, Any]
    times: int


@dataclass(frozen=True)
class Asking:
    """One question to one server."""

    server: Server
    question: Question

    @property
    def request(self) -> bytes:
        words = self.server.words
        return post(words.path, words.body(self.question.name, self.question.values))

    def rows(self) -> Any:
        """Return the answer's rows."""
        return self.server.words.rows(asyncio.run(ask_once(self.server.port, self.request)))

    def ask(self, clients: int) -> Spell:
        """Ask as often as the question says."""
        return asyncio.run(ask_often(self.server.port, self.request, self.question.times, clients=clients))

    def cost(self, database: psutil.Process) -> Cost:
        """Measure one client alone, then several."""
        before, database_before = _spent(self.server.process), _spent(database)
        alone = self.ask(1)
        spent, database_spent = _spent(self.server.process) - before, _spent(database) - database_before
        together = self.ask(CLIENTS)
        times = self.question.times
        return Cost(
            1000 * spent / times, 1000 * database_spent / times, 1000 * median(alone.answers), times / together.seconds
        )


def middle(costs: list[Cost]) -> Cost:
    """Return the medians of several rounds."""
    return Cost(*(median(getattr(cost, name) for cost in costs) for name in ("server", "database", "wait", "rate")))


def answering(asked: list[Asking], seconds: float) -> Iterator[Asking]:
    """Yield those that answer, alone and several clients at once, each as often as it can in about so many seconds.

    Of the others it is said how they break.
    """
    for one in asked:
        few = replace(one, question=replace(one.question, times=CLIENTS))
        try:
            few.rows()
            spell = few.ask(CLIENTS)
        except (ConnectionError, TimeoutError) as reason:
            Console().print(
                f"{one.server.name} breaks: {str(reason)[:200] or 'no answer within a minute'}", markup=False
            )
        else:
            times = int(seconds * CLIENTS / spell.seconds)
            yield replace(one, question=replace(one.question, times=max(CLIENTS, min(times, one.question.times))))


def compared(asked: list[Asking]) -> Any:
    """Return the rows that all servers answer with; when they differ, there is nothing to measure."""
    answers = [one.rows() for one in asked]
    for one, rows in zip(asked, answers, strict=True):
        if rows != answers[0]:
            raise SystemExit(f"{one.server.name} answers {one.question} otherwise than {asked[0].server.name}.")
    return answers[0]


def rounds(asked: list[Asking], database: psutil.Process, times: int) -> list[Cost]:
    """Measure all in turn, so many times, each time in another order; return the medians in the order of `asked`."""
    for one in asked * WARMING:
        one.ask(CLIENTS)  # plans are made, and code is compiled
    costs: list[list[Cost]] = [[] for _ in asked]
    for turn in range(times):
        for place in random.Random(turn).sample(range(len(asked)), len(asked)):
            costs[place].append(asked[place].cost(database))
    return [middle(own) for own in costs]


def _spent(process: psutil.Process) -> float:
    """Return the seconds of processor time that a process has had, by the clock that Linux keeps of it.

    It counts nanoseconds (clock_getcpuclockid(3)); `/proc` counts hundredths, a tenth of what is measured here.
    """
    return time.clock_gettime(~process.pid << 3 | 2)
