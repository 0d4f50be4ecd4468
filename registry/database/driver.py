"""The database client: sessions, retries and errors of the neo4j driver."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any, Protocol, TypeVar

import neo4j
from cachetools import LRUCache, TTLCache
from neo4j._exceptions import BoltSecurityError
from neo4j.api import BookmarkManager
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    DriverError,
    Neo4jError,
    SessionExpired,
    WriteServiceUnavailable,
)

from registry.database import change_stamps
from registry.database.change_stamps import Kinds, Stamps, kinds_changed_by, union
from registry.database.dialect import TESTED, Dialect, dialect_of, support_of


@dataclass(frozen=True)
class Cypher:
    """A Cypher query text and its parameters. Queries that differ only in their values have the same text.

    Values are passed in two maps, `$in` and `$me`. Neo4j therefore caches one plan per text, whatever the number of values. Only
    the keys of a page (`$k`, `$id`, `$n`) are separate parameters. Set `long` if the query may return many rows of one value each.
    `seeking` is an equivalent text for engines that can start at linked records through an index.
    """

    text: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    long: bool = False
    seeking: str = ""


def as_one_list(text: str) -> str:
    """Return a Cypher text that returns all rows as one list. The driver then receives one message instead of one per row."""
    return f"RETURN COLLECT {{ {text} }} AS rows"


def _put_stamps(kinds: Kinds) -> Cypher:
    """Return Cypher that writes a new change stamp for the given kinds.

    Run this Cypher as the last query of a transaction, so that the transaction locks the stamps only briefly.
    """
    names = [change_stamps.EVERY] if kinds is None else sorted(kinds)
    return Cypher(change_stamps.WRITE, {"in": {"kinds": names, "mark": secrets.token_hex(8)}})


READ_STAMPS = Cypher(change_stamps.READ)
Rows = list[list[Any]]
Answer = TypeVar("Answer")
Ask = Callable[[Cypher], Rows]
TRIES = 12  # the number of attempts to run a transaction that conflicts with others
# The seconds for which to retry while a server changes its leader or restarts: if a user waits, and in commands.
PATIENCE, LONG_PATIENCE = 2.0, 20.0
RECENT_SECONDS, _STAMPS = 1.0, "stamps"
PLANS = 1_000  # the number of plans that Neo4j caches by default
READS = 3  # how often records are read if they change meanwhile
# Failures that pass by themselves or that an operator has to fix. The same request may succeed later.
AWAY_CODES = frozenset({"UNAVAILABLE", "WRONG_PASSWORD", "NO_DATABASE", "TLS_FAILED", "UNSUPPORTED"})
SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
log = logging.getLogger(__name__)
logging.getLogger("neo4j").addHandler(logging.NullHandler())  # hide the driver's log: StoreError reports its errors


class StoreError(Exception):
    """The database could not run a query. `code` is an error code of the registry, such as UNAVAILABLE; the message is for users.

    `reason` is the engine's own message about an invalid query, for the author of the query.
    """

    def __init__(self, code: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


class Interrupted(KeyboardInterrupt, CancelledError):
    """Ctrl-C in the form that the driver expects: the driver closes the connection and does not wait for pending results."""


@dataclass(frozen=True)
class ConnectionSettings:
    """The address of a database, and its credentials.

    The reader account may only read. On Neo4j, the reader is the same user, and the sessions are opened in read mode.

    Readers that share a settings object see everything that this process has written, even if another server of a cluster answers
    (by bookmarks).
    """

    uri: str
    username: str
    password: str
    reader_username: str
    reader_password: str
    database: str | None = None
    timeout: float = 30.0
    natively: Callable[[str], object] | None = None  # runs SQL on the embedded engine for what it cannot do in Cypher
    written: BookmarkManager = field(default_factory=neo4j.GraphDatabase.bookmark_manager, compare=False)

    def __repr__(self) -> str:
        return f"ConnectionSettings({self.uri!r})"


class Readable(Protocol):
    """A store that can run a read query, such as `Store`."""

    def read(self, cypher: Cypher) -> Sequence[Sequence[Any]]:
        """Run a query and return its rows."""

    def read_table(self, cypher: Cypher, most: int) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Run a query and return the names of its columns and at most `most` rows."""

    def unchanged(self, work: Callable[[Readable], Answer], kinds: Kinds = None) -> tuple[Answer, bool]:
        """Run `work`, which reads records of these kinds, until no such record changes meanwhile, but at most READS times.

        Return the last result, and whether no record changed.
        """


class Store:
    """A synchronous database client for commands: reads, writes in managed transactions, and schema changes."""

    def __init__(self, place: ConnectionSettings, *, patience: float = LONG_PATIENCE) -> None:
        self._settings, self._patience = place, patience
        self._writer = _driver(neo4j.GraphDatabase, place, place.username, place.password)
        self._reader = _driver(neo4j.GraphDatabase, place, place.reader_username, place.reader_password)
        self._write_lock = Lock()
        self.dialect = self._connect()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """The address of the database, for use in messages."""
        return self._settings.uri

    def close(self) -> None:
        """Close all connections."""
        self._reader.close()
        self._writer.close()

    def read(self, cypher: Cypher) -> Rows:
        """Run one read query and return its rows."""
        return self._with_retries(self._read, cypher)

    def read_table(self, cypher: Cypher, most: int) -> tuple[list[str], Rows]:
        """Run one read query in a transaction and return the names of its columns and at most `most` rows."""
        return self._with_retries(self._read_table, cypher, most)

    def unchanged(self, work: Callable[[Readable], Answer], kinds: Kinds = None) -> tuple[Answer, bool]:
        """Run `work`, which reads records of these kinds, until no such record changes meanwhile, but at most READS times.

        Return the last result, and whether no record changed.
        """
        before = self.stamps().of(kinds)
        for _read in range(READS):
            answer, start, before = work(self), before, self.stamps().of(kinds)
            if before == start:
                return answer, True
        return answer, False

    def stamps(self) -> Stamps:
        """Return the change stamps of the database."""
        ((found,),) = self.read(READ_STAMPS)
        return Stamps(found)

    def write(self, *cyphers: Cypher) -> list[Rows]:
        """Run write queries in one transaction, which is retried on conflicts. Return the rows of each query."""
        return self._with_retries(self._run_transaction, lambda ask: [ask(cypher) for cypher in cyphers])

    def change(self, work: Callable[[Ask], Answer]) -> Answer:
        """Run a function in one transaction. An exception rolls the transaction back. After a conflict, the function runs again."""
        attempts = self._attempts()  # started before the lock, because the time spent waiting for it counts too
        with self._write_lock:  # serialises the writes of this process, so that they do not conflict with each other
            done: Answer = self._with_retries(self._run_transaction, work, attempts=attempts)
            return done

    def change_schema(self, *texts: str, native: bool = False) -> None:
        """Run schema changes, in one transaction if the engine can. They are written in Cypher, or in SQL if `native` is set."""
        if native:
            if self._settings.natively is None:
                raise StoreError("UNSUPPORTED", _MESSAGES["NOT_EMBEDDED"].format(uri=self._settings.uri))
            for text in texts:
                self._settings.natively(text)
        elif self.dialect.groups_schema_changes:
            self._with_retries(self._run_schema_changes, texts)
        else:
            for text in texts:
                self._with_retries(self._run_schema_change, text)

    def _read(self, cypher: Cypher) -> Rows:
        with self._session(self._reader, neo4j.READ_ACCESS) as session:
            query = neo4j.Query(_text(cypher, self.dialect), timeout=self.dialect.time_limit(self._settings.timeout))
            return _rows(cypher, self.dialect, session.run(query, cypher.parameters).values())

    def _read_table(self, cypher: Cypher, most: int) -> tuple[list[str], Rows]:
        with (
            self._session(self._reader, neo4j.READ_ACCESS) as session,
            session.begin_transaction(timeout=self.dialect.time_limit(self._settings.timeout)) as transaction,
        ):
            result = transaction.run(_literal(cypher.text), cypher.parameters)
            names, rows = list(result.keys()), [list(one.values()) for one in result.fetch(most)]
            transaction.commit()  # the embedded engine reports a forbidden write only at commit
            return names, rows

    def _run_transaction(self, work: Callable[[Ask], Answer]) -> Answer:
        with self._session(self._writer) as session:
            transaction = session.begin_transaction()
            changed = list[Kinds]()

            def ask(cypher: Cypher) -> Rows:
                changed.append(kinds_changed_by(cypher.text))
                rows: Rows = transaction.run(_literal(cypher.text), cypher.parameters).values()
                return rows

            answer = work(ask)
            ask(_put_stamps(union(changed)))
            transaction.commit()
            return answer

    def _run_schema_changes(self, texts: Sequence[str]) -> None:
        with self._session(self._writer) as session, session.begin_transaction() as transaction:
            for text in texts:
                transaction.run(_literal(text)).consume()
            transaction.commit()

    def _run_schema_change(self, text: str) -> None:
        with self._session(self._writer) as session:
            session.run(_literal(text)).consume()

    @contextmanager
    def _session(self, driver: Any, mode: str = neo4j.WRITE_ACCESS) -> Iterator[Any]:
        """Yield a driver session. When the block ends, an open transaction is rolled back."""
        how = {"default_access_mode": mode, "bookmark_manager": self._settings.written}
        with driver.session(database=self._settings.database, **how) as session:
            try:
                yield session
            except KeyboardInterrupt:
                raise Interrupted from None

    def _connect(self) -> Dialect:
        try:
            return _detected_dialect(self._writer.get_server_info().agent, self._settings)
        except StoreError:
            self.close()
            raise
        except (DriverError, Neo4jError) as error:
            self.close()
            raise explain(error, Dialect(embedded=False), self._settings) from None

    def _attempts(self) -> _Attempts:
        return _Attempts(self.dialect, self._patience)

    def _with_retries(self, work: Callable[..., Answer], *arguments: Any, attempts: _Attempts | None = None) -> Answer:
        attempts = attempts or self._attempts()
        while True:
            try:
                return work(*arguments)
            except (DriverError, Neo4jError) as error:
                if (pause := attempts.pause(error)) is None:
                    raise explain(error, self.dialect, self._settings) from error
                time.sleep(pause)


class Reader:
    """An asynchronous, read-only database client for the server. Each request is one transaction."""

    def __init__(self, place: ConnectionSettings) -> None:
        self._settings = place
        self._driver = _driver(neo4j.AsyncGraphDatabase, place, place.reader_username, place.reader_password)
        self._dialect = Dialect(embedded=False)
        self._recent_stamps: TTLCache[str, Stamps] = TTLCache(1, RECENT_SECONDS)
        self._planned: LRUCache[int, bool] = LRUCache(PLANS)
        self._planning: dict[int, asyncio.Lock] = {}

    async def __aenter__(self) -> Reader:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Detect which database engine answers. Raises StoreError."""
        try:
            self._dialect = _detected_dialect((await self._driver.get_server_info()).agent, self._settings)
        except (DriverError, Neo4jError) as error:
            raise explain(error, self._dialect, self._settings) from None

    async def close(self) -> None:
        """Close all connections."""
        await self._driver.close()

    @property
    def caches_plans(self) -> bool:
        """Whether the database caches the plan of a query; making the plan may take seconds."""
        return self._dialect.caches_plans

    async def read(self, cyphers: Sequence[Cypher], *, timeout: float | None = None) -> list[Rows]:
        """Run read queries on the same snapshot of the graph and return the rows of each query. Raises StoreError.

        `timeout` is in seconds; the default is the timeout of the connection settings.

        If the database caches plans, only one request at a time runs a text that has no plan yet. The others wait, and their time
        limit starts afterwards. Planning a long text takes seconds. If many requests planned it at the same time, all of them would
        exceed the time limit.
        """
        new = (
            [one.text for one in cyphers if not self._planned.get(hash(one.text))] if self._dialect.caches_plans else []
        )
        if new:
            longest = hash(max(new, key=len))
            lock = self._planning.setdefault(longest, asyncio.Lock())
            async with lock:
                if self._planning.get(longest) is lock:
                    try:
                        rows = await self._read(cyphers, timeout)
                        self._planned.update((hash(text), True) for text in new)
                        return rows
                    finally:
                        del self._planning[longest]
        return await self._read(cyphers, timeout)

    async def _read(self, cyphers: Sequence[Cypher], timeout: float | None) -> list[Rows]:
        limit = self._dialect.time_limit(timeout or self._settings.timeout)
        attempts = _Attempts(self._dialect, PATIENCE)
        while True:
            try:
                return await (
                    self._read_one(cyphers[0], limit) if len(cyphers) == 1 else self._read_all(cyphers, limit)
                )
            except (DriverError, Neo4jError) as error:
                if (pause := attempts.pause(error)) is None:
                    raise explain(error, self._dialect, self._settings) from error
                await asyncio.sleep(pause)

    async def read_with_stamps(
        self, cyphers: Sequence[Cypher], *, timeout: float | None = None
    ) -> tuple[Stamps, list[Rows]]:
        """Run read queries and return the change stamps of the graph and the rows of each query. Raises StoreError."""
        ((found,),), *rows = await self.read([READ_STAMPS, *cyphers], timeout=timeout)
        return Stamps(found), rows

    async def stamps(self, *, recent: bool = False) -> Stamps:
        """Return the change stamps of the graph. Raises StoreError.

        If `recent` is set, the stamps may be up to RECENT_SECONDS old.
        """
        stamps = self._recent_stamps.get(_STAMPS) if recent else None
        if stamps is None:
            stamps, _rows = await self.read_with_stamps([])
            self._recent_stamps[_STAMPS] = stamps
        return stamps

    async def _read_one(self, cypher: Cypher, timeout: float | None) -> list[Rows]:
        async with self._session() as session:
            query = neo4j.Query(_text(cypher, self._dialect), timeout=timeout)
            return [_rows(cypher, self._dialect, await (await session.run(query, cypher.parameters)).values())]

    async def _read_all(self, cyphers: Sequence[Cypher], timeout: float | None) -> list[Rows]:
        async with self._session() as session, await session.begin_transaction(timeout=timeout) as transaction:
            return [
                _rows(
                    one,
                    self._dialect,
                    await (await transaction.run(_text(one, self._dialect), one.parameters)).values(),
                )
                for one in cyphers
            ]

    def _session(self) -> Any:
        written = neo4j.Bookmarks.from_raw_values(self._settings.written.get_bookmarks())
        how = {"default_access_mode": neo4j.READ_ACCESS, "bookmarks": written}
        return self._driver.session(database=self._settings.database, **how)


def _text(cypher: Cypher, dialect: Dialect) -> Any:
    text = cypher.seeking if cypher.seeking and dialect.seeks else cypher.text
    return _literal(as_one_list(text) if cypher.long and dialect.gathers else text)


def _rows(cypher: Cypher, dialect: Dialect, rows: Rows) -> Rows:
    return [[row] for row in rows[0][0]] if cypher.long and dialect.gathers else rows


class _Attempts:
    """Decides whether to retry a failed transaction, and after how many seconds.

    After conflicts with other transactions, the number of attempts is limited. While the server is unavailable, the time is
    limited.
    """

    def __init__(self, dialect: Dialect, patience: float) -> None:
        self._dialect, self._until, self._number = dialect, time.monotonic() + patience, 0

    def pause(self, error: DriverError | Neo4jError) -> float | None:
        """Return the seconds to wait before the next attempt. If no further attempt is allowed, return None."""
        self._number += 1
        pause = min(0.02 * 2 ** (self._number - 1), 1.0)
        if not self._dialect.retries(_code(error), retryable=error.is_retryable()):
            return None
        if self._dialect.conflicts(_code(error)):
            return pause if self._number < TRIES else None
        return pause if time.monotonic() + pause < self._until else None


def explain(error: Exception, dialect: Dialect, place: ConnectionSettings) -> StoreError:
    """Convert an error of the driver into a StoreError. Its message contains neither secrets nor the text of the query."""
    if (failure := _tls_failure(error)) is not None:
        return StoreError("TLS_FAILED", _MESSAGES["TLS_FAILED"].format(uri=place.uri, reason=_tls_reason(failure)))
    sentence = ""
    if isinstance(error, AuthError):
        # The registry sets the passwords of the embedded engine, so the engine rejects them only while it starts or stops.
        code = "WRONG_PASSWORD" if place.natively is None else "UNAVAILABLE"
    elif isinstance(error, Neo4jError):
        code = dialect.meaning(error.code or "", retryable=error.is_retryable())
        sentence = "BUSY" if code == "UNAVAILABLE" else ""
    else:
        code = "UNSUPPORTED" if isinstance(error, ConfigurationError) else "UNAVAILABLE"
        sentence = _DRIVER_ERRORS.get(type(error), "TOO_OLD" if code == "UNSUPPORTED" else "")
    reason = (error.message or "").partition("\n")[0] if isinstance(error, Neo4jError) and code == "BAD_TEXT" else ""
    return StoreError(code, _MESSAGES[sentence or code].format(uri=place.uri), reason)


def _code(error: Exception) -> str:
    return (error.code or "") if isinstance(error, Neo4jError) else ""


def _detected_dialect(agent: str, place: ConnectionSettings) -> Dialect:
    """Return the dialect of a server, and log a warning if its version is untested. Raises StoreError if it is too old."""
    support = support_of(agent)
    if support == "none":
        raise StoreError("UNSUPPORTED", _MESSAGES["UNSUPPORTED"].format(uri=place.uri, agent=agent, tested=TESTED))
    if support == "untested":
        _warn_once(_MESSAGES["UNTESTED"].format(uri=place.uri, agent=agent, tested=TESTED))
    return dialect_of(agent)


@cache
def _warn_once(sentence: str) -> None:
    log.warning("%s", sentence)


def _tls_failure(error: BaseException | None) -> BoltSecurityError | None:
    """Return the failed TLS handshake that caused an error. If the error has another cause, return None."""
    while error is not None:
        if isinstance(error, BoltSecurityError):
            return error
        if isinstance(error, BaseExceptionGroup):
            return next((one for inner in error.exceptions if (one := _tls_failure(inner))), None)
        error = error.__cause__ or error.__context__
    return None


def _tls_reason(failure: BoltSecurityError) -> str:
    cause = failure.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return str(cause.verify_message).rstrip(".")
    known = cause.reason if isinstance(cause, ssl.SSLError) else None
    return known.replace("_", " ").lower() if known else "the server ended the connection"


def _driver(kind: Any, place: ConnectionSettings, username: str, password: str) -> Any:
    if place.uri.partition("://")[0] not in SCHEMES:
        raise StoreError("BAD_ADDRESS", _MESSAGES["BAD_ADDRESS"].format(uri=place.uri))
    try:
        return kind.driver(
            place.uri,
            auth=(username, password) if password else None,
            connection_timeout=5.0,
            connection_acquisition_timeout=10.0,
            notifications_min_severity="OFF",
            user_agent="shared-services-registry",
        )
    except (ValueError, ConfigurationError) as error:
        raise StoreError("BAD_ADDRESS", _MESSAGES["BAD_ADDRESS"].format(uri=place.uri)) from error


def _literal(text: str) -> Any:
    """Cast a query text to the literal string type that the driver's type hints require. The text never contains values."""
    return text


_DRIVER_ERRORS: dict[type[Exception], str] = {SessionExpired: "BUSY", WriteServiceUnavailable: "NO_LEADER"}
_MESSAGES = {
    "UNAVAILABLE": "The database at {uri} does not answer. Check that it runs and that the address is right.",
    "WRONG_PASSWORD": "The database at {uri} rejects the credentials. Check NEO4J_USERNAME and NEO4J_PASSWORD.",  # nosec B105
    "BUSY": "The database at {uri} is busy. Try again soon.",
    "NO_LEADER": "No server at {uri} accepts the request now. Try again soon. For a cluster, NEO4J_URI begins with neo4j://.",
    "TLS_FAILED": "The encrypted connection (TLS) to the database at {uri} failed: {reason}. In NEO4J_URI, write neo4j:// or"
    " bolt:// for a server without TLS, and +ssc instead of +s for a self-signed certificate.",
    "UNSUPPORTED": "The database at {uri} is {agent}. The registry needs Neo4j 5.26 or newer (tested: {tested}).",
    "TOO_OLD": "The server at {uri} supports no Bolt version of the registry. The registry needs Neo4j 5.26 or newer.",
    "UNTESTED": "The database at {uri} is {agent}, with which the registry was not tested (tested: {tested}).",
    "NOT_EMBEDDED": "The database at {uri} is an ArcadeDB that the registry did not start. Leave NEO4J_URI empty for the"
    " embedded engine, or name a Neo4j server.",
    "BAD_ADDRESS": "{uri} is not a database address. NEO4J_URI looks like neo4j://host:7687.",
    "NO_DATABASE": "The server at {uri} does not have this database. Check NEO4J_DATABASE.",
    "NOT_ALLOWED": "The database user at {uri} lacks the permission for this.",
    "TIMEOUT": "The query exceeded its time limit.",
    "TOO_COSTLY": "The query exceeded the memory limit of the database.",
    "BAD_TEXT": "The database at {uri} rejects the statement.",
    "INTERNAL": "The database at {uri} failed to run the statement.",
}
