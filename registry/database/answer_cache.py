"""The cache of answers that are expensive to read or compute: counts, facets, reports and what every page shows."""

import asyncio
import logging
import os
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Any, Generic, TypeVar, cast

from anyio import to_thread
from cachetools import LRUCache
from pydantic import TypeAdapter

from registry import __version__
from registry.clock import current_time, instant, now
from registry.database.change_stamps import Kinds
from registry.database.driver import Cypher, Reader, Rows, Store, StoreError
from registry.database.load_queries import release_lease, renew_lease, take_lease

T = TypeVar("T")
SIZE = 200_000  # counts, or answers that weigh as much
# Other tools change the graph without writing stamps. An answer therefore expires after this many times the seconds that it took,
# and sooner if it failed or if the graph has no stamps at all.
LEAST_SECONDS, TIMES_TAKEN, SHORT_SECONDS = 60.0, 20, 30.0
# An answer that took longer than this is computed again after at least RARITY times the seconds that it took.
LONG_SECONDS, RARITY = 0.5, 4


@dataclass
class Patience:
    """How many seconds pages wait: for the first run of a report, on the home page, for numbers, and if there is an earlier answer."""

    report: float = 2.0
    home: float = 0.05
    numbers: float = 0.3
    again: float = 0.1


PATIENCE = Patience()
log = logging.getLogger(__name__)
LEASE_SECONDS, POLL_SECONDS, DAYS, LARGEST = 60, 2, 7, 8_000_000


@dataclass(frozen=True)
class Question(Generic[T]):
    """What is asked. Questions with the same key have the same answer as long as no record of `kinds` and no `edition` changes.

    The key has what is asked for, what the user may see, and the language. `edition` has what changes by itself, such as the day.
    `weigh` returns the size of an answer, in counts. If `shared` describes the type of the answer, all servers of the database share
    the answer; the key must then have the same `repr` in every process.
    """

    key: Hashable
    kinds: Kinds
    answer: Callable[[], Awaitable[T]]
    edition: Hashable = ""
    weigh: Callable[[T], int] = lambda _answer: 1
    shared: TypeAdapter[T] | None = None

    @property
    def id(self) -> str:
        """The id of the shared answer. Another version of the program has other answers."""
        return "answer:" + sha256(repr((__version__, self.key)).encode()).hexdigest()[:32]

    async def stamp(self, reader: Reader, *, recent: bool = False) -> str:
        """Return the stamp that a current answer has. Raises StoreError."""
        stamp = (await reader.stamps(recent=recent)).of(self.kinds)
        return f"{stamp} {self.edition!r}" if stamp else ""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """An answer, or the error instead of it, with the stamp of the records that it was read from.

    `at` is the time at which it was complete. `started` and `ended` are seconds of the monotonic clock.
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
        """Whether the answer took little time, or RARITY times as much time has passed since.

        Answers that take long thus use a small part of the time of a server on which records change all the time.
        """
        took = self.ended - self.started
        return took < LONG_SECONDS or time.monotonic() >= self.ended + RARITY * took


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


@dataclass(frozen=True)
class RunningAnswer:
    """The task that computes an answer, the stamp that the records had when it started, and when it started."""

    stamp: str
    task: asyncio.Task[Any]
    started: float


class SharedAnswers:
    """The answers that all servers of a database share. They are stored in the database, for DAYS days at most.

    A lease in the database makes sure that no two servers compute the same answer at the same time.
    """

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store

    async def find(self, question: Question[T], reader: Reader, after: str) -> Answer[T] | None:
        """Return the stored answer if it was complete later than the time `after`, current or not. Raises StoreError."""
        assert question.shared
        rows = (await reader.read([Cypher(_FIND, {"in": {"id": question.id, "after": after}})]))[0]
        if not rows:
            return None
        stamp, at, took, content = rows[0]
        with suppress(ValueError, zlib.error):
            value = await to_thread.run_sync(question.shared.validate_json, zlib.decompress(b64decode(content)))
            ended = time.monotonic() - max(0.0, (current_time() - datetime.fromisoformat(at)).total_seconds())
            return Answer(value, stamp, at, ended - took, ended, weight=question.weigh(value))
        return None

    async def keep(self, question: Question[T], answer: Answer[T]) -> None:
        """Store an answer and delete old ones. An answer that is too large is not stored, nor if the database fails."""
        assert question.shared is not None
        content = b64encode(zlib.compress(question.shared.dump_json(cast("T", answer.value)))).decode()
        if len(content) <= LARGEST:
            values = {"stamp": answer.stamp, "at": answer.at, "took": answer.ended - answer.started, "content": content}
            before = instant(current_time() - timedelta(days=DAYS))
            cyphers = (
                Cypher(_KEEP, {"in": {"id": question.id, "values": values}}),
                Cypher(_TIDY, {"in": {"before": before}}),
            )
            await self._write(*cyphers)

    @asynccontextmanager
    async def lease(self, question: Question[Any]) -> AsyncIterator[bool]:
        """Yield whether this server may compute the answer. Until the block ends, no other server may.

        If the database cannot be written to, the server may compute the answer for itself.
        """
        holder, lasts = token_hex(8), 1000 * LEASE_SECONDS
        found = await self._write(take_lease(question.id, run=holder, process=str(os.getpid()), now=now(), lasts=lasts))
        if found and found[0][0][0] != holder:
            yield False
            return
        renewing = asyncio.create_task(self._renew(renew_lease(question.id, run=holder, lasts=lasts)))
        try:
            yield True
        finally:
            renewing.cancel()
            await self._write(release_lease(question.id, run=holder))

    async def _renew(self, renew: Cypher) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            await self._write(renew)

    async def _write(self, *cyphers: Cypher) -> list[Rows]:
        """Write to the database in a thread, and return the rows. If that fails, log why and return no rows."""
        try:
            return await to_thread.run_sync(lambda: self._store().write(*cyphers))
        except StoreError as error:
            log.warning("An answer cannot be shared between servers: %s", error)
            return []


_FIND = "WITH $in.id AS id MATCH (a:Answer {id: id}) WHERE a.at > $in.after RETURN a.stamp, a.at, a.took, a.content"
_KEEP = "WITH $in.id AS id MERGE (a:Answer {id: id}) SET a += $in.values"
_TIDY = "MATCH (a:Answer) WHERE a.at < $in.before DELETE a"


class AnswerCache:
    """Answers by question. An answer is valid until a record of the kinds that it was read from changes. Not thread-safe.

    `exact` waits for the valid answer. `latest` shows the last answer while a newer one is computed in the background. No question
    is answered twice at the same time.
    """

    def __init__(self, shared: SharedAnswers | None = None, size: int = SIZE) -> None:
        self._shared = shared
        self._answers: LRUCache[Hashable, Answer[Any]] = LRUCache(size, getsizeof=lambda answer: answer.weight)
        self._failures: LRUCache[Hashable, Answer[Any]] = LRUCache(size)
        self._running: dict[Hashable, RunningAnswer] = {}
        self._slow: LRUCache[Hashable, bool] = LRUCache(size)
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
        """Keep an answer that was read from records with this stamp."""
        self._put(key, Answer(value, stamp, now(), started, time.monotonic(), weight=weight))

    def _put(self, key: Hashable, answer: Answer[Any]) -> None:
        """Keep an answer. The largest answers count less than they weigh, so that the cache has room for each of them."""
        self._answers[key] = replace(answer, weight=min(answer.weight, int(self._answers.maxsize) // 4))

    def is_slow(self, keys: Sequence[Hashable]) -> bool:
        """Return whether what has these keys together took long to read, so that it is worth keeping."""
        return tuple(keys) in self._slow

    def mark_slow(self, keys: Sequence[Hashable]) -> None:
        """Note that what has these keys together took long to read."""
        self._slow[tuple(keys)] = True

    async def exact(self, question: Question[T], reader: Reader, *, recent: bool = False, retry: bool = True) -> T:
        """Return the valid answer. If it is not in the cache, compute it. Raises what the question raises, and StoreError.

        All who ask while an older answer is being computed share the next one, so that nobody waits for more than two. If `recent` is
        set, the answer may be valid for the records of a moment ago. If `retry` is false, the error of an attempt that failed a moment
        ago is raised again.
        """
        arrived = time.monotonic()
        stamp = await question.stamp(reader, recent=recent)
        answer = self.find(question.key, stamp) or await self._stored(question, reader)
        if answer and answer.is_current(stamp):
            return cast("T", answer.value)
        failure = self._failures.get(question.key)
        if failure and failure.error and not retry and failure.is_current(stamp):
            raise failure.error.with_traceback(None)
        while running := self._running.get(question.key):
            if (stamp and running.stamp == stamp) or running.started >= arrived:
                return cast("T", await asyncio.shield(running.task))
            await asyncio.wait([running.task])
            stamp = await question.stamp(reader)
            if answer := self.find(question.key, stamp):
                return cast("T", answer.value)
        result: T = await asyncio.shield(self._start(question, reader, stamp).task)
        return result

    async def latest(self, question: Question[T], reader: Reader, first: float) -> Latest[T]:
        """Return the latest answer. If it is out of date, start to compute a new one.

        If there is no earlier answer, wait until `first` seconds after the start.
        Raises StoreError if the database does not respond. Errors of the question itself are returned.
        """
        stamp = await question.stamp(reader)
        last, failure = self._answers.get(question.key), self._failures.get(question.key)
        if last is None or not last.is_current(stamp):
            last = await self._stored(question, reader) or last
        current = last is not None and last.is_current(stamp)
        self._count(hit=current)
        if current or (failure and failure.is_current(stamp)):
            return _latest(last, error=None if current or not failure else failure.error)
        if question.key not in self._running and last and not last.may_be_renewed:
            return _latest(last, outdated=True)
        running = self._start(question, reader, stamp)
        patience = min(first, PATIENCE.again) if last else first
        await asyncio.wait([running.task], timeout=max(0.0, running.started + patience - time.monotonic()))
        if not running.task.done():
            return _latest(last, outdated=True)
        if error := running.task.exception():
            return _latest(last, error=error)
        return _latest(self._answers.get(question.key))

    def _count(self, *, hit: bool) -> None:
        self.hits, self.misses = self.hits + hit, self.misses + (not hit)

    def _start(self, question: Question[T], reader: Reader, stamp: str) -> RunningAnswer:
        """Return the task that answers the question. If there is none, start it."""
        running = self._running.get(question.key)
        if running is None:
            task = asyncio.create_task(self._answer(question, reader, stamp))
            task.add_done_callback(_log_failure)
            running = self._running[question.key] = RunningAnswer(stamp, task, time.monotonic())
        return running

    async def _stored(self, question: Question[T], reader: Reader) -> Answer[T] | None:
        """Return the answer that another server stored after the last one here, and keep it."""
        if self._shared is None or question.shared is None:
            return None
        last = self._answers.get(question.key)
        stored = await self._shared.find(question, reader, last.at if last else "")
        if stored:
            self._put(question.key, stored)
        return stored

    async def _answer(self, question: Question[T], reader: Reader, stamp: str) -> T:
        started = time.monotonic()
        try:
            value = await self._alone(question, reader, stamp, started)
            self._failures.pop(question.key, None)
            return value
        except Exception as error:
            self._failures[question.key] = Answer(
                None, stamp, now(), started, time.monotonic(), error.with_traceback(None)
            )
            raise
        finally:
            del self._running[question.key]

    async def _alone(self, question: Question[T], reader: Reader, stamp: str, started: float) -> T:
        """Compute the answer and keep it. If another server computes it, wait for the answer of that server."""
        if self._shared is None or question.shared is None:
            value = await question.answer()
            self.keep(question.key, stamp, value, started, question.weigh(value))
            return value
        while True:
            async with self._shared.lease(question) as alone:
                stored = await self._stored(question, reader)
                if stored is None or not stored.is_current(stamp):
                    if not alone:
                        await asyncio.sleep(POLL_SECONDS)
                        continue
                    value = await question.answer()
                    stored = Answer(value, stamp, now(), started, time.monotonic(), weight=question.weigh(value))
                    self._put(question.key, stored)
                    await self._shared.keep(question, stored)
                return cast("T", stored.value)

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
