"""The cache of answers that are expensive to read or compute: counts, facets, reports and what every page shows."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from cachetools import LRUCache

from registry.clock import now
from registry.database.change_stamps import Kinds
from registry.database.driver import Reader

T = TypeVar("T")
SIZE = 20_000  # counts, or answers that weigh as much
# Other tools change the graph without writing stamps. An answer therefore expires after this many times the seconds that it took,
# and sooner if it failed or if the graph has no stamps at all.
LEAST_SECONDS, TIMES_TAKEN, SHORT_SECONDS = 60.0, 20, 30.0
LONG_SECONDS = 10.0
FIRST, AGAIN, AT_ONCE = 2.0, 0.1, 0.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question(Generic[T]):
    """What is asked. Questions with the same key have the same answer as long as no record of `kinds` and no `edition` changes.

    The key has what is asked for, what the user may see, and the language. `edition` has what changes by itself, such as the day.
    `weight` is the size of the answer, in counts.
    """

    key: Hashable
    kinds: Kinds
    answer: Callable[[], Awaitable[T]]
    edition: Hashable = ""
    weight: int = 1

    async def stamp(self, reader: Reader, *, recent: bool = False) -> str:
        """Return the stamp that a current answer has. Raises StoreError."""
        stamp = (await reader.stamps(recent=recent)).of(self.kinds)
        return f"{stamp} {self.edition!r}" if stamp else ""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """An answer, or the error instead of it, with the stamp of the records that it was read from.

    `at` is the time at which it was complete. `started`, `ended` and `expires` are seconds of the monotonic clock.
    """

    value: T | None
    stamp: str
    at: str
    started: float
    ended: float
    error: Exception | None = None
    weight: int = 1

    def is_current(self, stamp: str) -> bool:
        """Return whether the answer is still valid for records with this stamp."""
        took = self.ended - self.started
        lasts = max(LEAST_SECONDS, TIMES_TAKEN * took) if stamp and not self.error else SHORT_SECONDS
        return self.stamp == stamp and time.monotonic() < self.ended + lasts

    @property
    def may_be_renewed(self) -> bool:
        """Whether the answer took little time, or as much time as it took has passed since.

        Answers that take long thus use at most half of the time of a server on which records change all the time.
        """
        took = self.ended - self.started
        return took < LONG_SECONDS or time.monotonic() >= self.ended + took


@dataclass(frozen=True)
class Latest(Generic[T]):
    """The latest answer to a question, or None if there is none yet.

    `at` is the time at which it was complete. `outdated` says that records have changed since and that a newer answer follows,
    `error` why the last attempt to compute one failed.
    """

    value: T | None = None
    at: str = ""
    outdated: bool = False
    error: Exception | None = None


class AnswerCache:
    """Answers by question. An answer is valid until a record of the kinds that it was read from changes. Not thread-safe.

    `exact` waits for the valid answer. `latest` shows the last answer while a newer one is computed in the background. No question
    is answered twice at the same time.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._answers: LRUCache[Hashable, Answer[Any]] = LRUCache(size, getsizeof=lambda answer: answer.weight)
        self._failures: LRUCache[Hashable, Answer[Any]] = LRUCache(size)
        self._running: dict[Hashable, tuple[str, asyncio.Task[Any]]] = {}
        self.hits = self.misses = 0

    def holds(self, key: Hashable) -> bool:
        """Return whether there is an answer with this key, valid or not."""
        return key in self._answers

    def find(self, key: Hashable, stamp: str) -> Answer[Any] | None:
        """Return the answer with this key if it is valid for records with this stamp."""
        answer = self._answers.get(key)
        found = answer if stamp and answer and answer.is_current(stamp) else None
        self._count(hit=found is not None)
        return found

    def keep(self, key: Hashable, stamp: str, value: Any, started: float, weight: int = 1) -> None:
        """Keep an answer that was read from records with this stamp. An answer that is too large for the cache is not kept."""
        with suppress(ValueError):
            self._answers[key] = Answer(value, stamp, now(), started, time.monotonic(), weight=weight)

    async def exact(self, question: Question[T], reader: Reader, *, recent: bool = False) -> T:
        """Return the valid answer. If it is not in the cache, compute it. Raises what the question raises, and StoreError.

        If `recent` is set, the answer may be valid for the records of a moment ago.
        """
        stamp = await question.stamp(reader, recent=recent)
        if answer := self.find(question.key, stamp):
            return cast("T", answer.value)
        while (running := self._running.get(question.key)) and running[0] != stamp:
            await asyncio.wait([running[1]])
        result: T = await asyncio.shield(self._start(question, stamp))
        return result

    async def latest(self, question: Question[T], reader: Reader, *, at_once: bool = False) -> Latest[T]:
        """Return the latest answer. If it is out of date, start to compute a new one.

        Wait for it at most FIRST seconds if there is no earlier answer, otherwise at most AGAIN seconds. If `at_once` is set, wait
        at most AT_ONCE seconds.
        Raises StoreError if the database does not respond. Errors of the question itself are returned.
        """
        stamp = await question.stamp(reader)
        last, failure = self._answers.get(question.key), self._failures.get(question.key)
        current = last is not None and last.is_current(stamp)
        self._count(hit=current)
        if current or (failure and failure.is_current(stamp)):
            return _latest(last, error=None if current or not failure else failure.error)
        running = self._running.get(question.key)
        if running is None and last and not last.may_be_renewed:
            return _latest(last, outdated=True)
        task = running[1] if running else self._start(question, stamp)
        await asyncio.wait([task], timeout=AT_ONCE if at_once else AGAIN if last else FIRST)
        if not task.done():
            return _latest(last, outdated=True)
        if error := task.exception():
            return _latest(last, error=error)
        return _latest(self._answers.get(question.key))

    def _count(self, *, hit: bool) -> None:
        self.hits, self.misses = self.hits + hit, self.misses + (not hit)

    def _start(self, question: Question[T], stamp: str) -> asyncio.Task[T]:
        """Return the task that answers the question. If there is none, start it."""
        if running := self._running.get(question.key):
            return running[1]
        task = asyncio.create_task(self._answer(question, stamp))
        self._running[question.key] = stamp, task
        task.add_done_callback(_log_failure)
        return task

    async def _answer(self, question: Question[T], stamp: str) -> T:
        started = time.monotonic()
        try:
            value = await question.answer()
            self._failures.pop(question.key, None)
            self.keep(question.key, stamp, value, started, question.weight)
            return value
        except Exception as error:
            self._failures[question.key] = Answer(
                None, stamp, now(), started, time.monotonic(), error.with_traceback(None)
            )
            raise
        finally:
            del self._running[question.key]

    def report(self) -> dict[str, int]:
        """Return the numbers of answers in the cache, of hits and of misses since the start of the process."""
        return {
            "answers": len(self._answers),
            "largest": int(self._answers.maxsize),
            "hits": self.hits,
            "misses": self.misses,
        }


def _latest(answer: Answer[T] | None, *, outdated: bool = False, error: BaseException | None = None) -> Latest[T]:
    shown = error if isinstance(error, Exception) else None
    return Latest(answer.value, answer.at, outdated, shown) if answer else Latest(outdated=outdated, error=shown)


def _log_failure(task: "asyncio.Task[Any]") -> None:
    """Log why an answer failed. The log entry is needed, because perhaps no request waits for the answer."""
    if not task.cancelled() and (error := task.exception()):
        log.warning("An answer could not be computed: %s", error)
