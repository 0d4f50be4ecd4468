"""The database client: sessions, retries and errors of the neo4j driver, and the differences between the engines."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import ssl
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from threading import Lock
from typing import Any, TypeVar

import neo4j
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


@dataclass(frozen=True)
class Cypher:
    """A text that depends on the shape of the question alone, and the values it is asked with.

    A value goes into one of two maps, `$in` and `$me`, so that Neo4j plans a text once whatever the values' sizes;
    only the keys of a page (`$k`, `$id`, `$n`) are parameters of their own. `long` says that there may be many rows, of
    one value each. `seeking` is a text of the same answer for where an index leads to linked records.
    """

    text: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    long: bool = False
    seeking: str = ""


def gathered(text: str) -> str:
    """Return the text that answers with all rows as one list, which costs the driver a message instead of many."""
    return f"RETURN COLLECT {{ {text} }} AS rows"


OLDEST = (5, 26)
_TESTED = ((5, 26), (2026, 1))
TESTED = "5.26 and 2026.01"


@dataclass(frozen=True)
class Dialect:
    """One engine's ways. `embedded` is the ArcadeDB that we start; everything else is Neo4j."""

    embedded: bool

    @property
    def types_properties(self) -> bool:
        """Whether an index is ordered only after the type of its property was declared."""
        return self.embedded

    @property
    def seeks(self) -> bool:
        """Whether a question may begin at linked records that an index leads to, where those are few."""
        return not self.embedded

    @property
    def seeks_in_writes(self) -> bool:
        """Whether a sweep finds its records by an index; the embedded engine scans, and only pays for keeping one."""
        return not self.embedded

    @property
    def words_index(self) -> str:
        """The text that makes a full-text index of plain words; on the embedded engine it is SQL."""
        return _SQL_WORDS_INDEX if self.embedded else _WORDS_INDEX

    @property
    def times_out_each(self) -> bool:
        """Whether a time limit can be given with each query; otherwise it is fixed when the engine starts."""
        return not self.embedded

    @property
    def gathers(self) -> bool:
        """Whether a sorted page that is gathered in a list is still read in the order of its index."""
        return not self.embedded

    def retries(self, code: str, *, retryable: bool) -> bool:
        """Tell whether a failure goes away when the transaction is tried again; `retryable` is what the driver says of it."""
        if code == "Neo.TransientError.General.MemoryPoolOutOfMemoryError":
            return False
        return retryable or self.conflicts(code)

    def conflicts(self, code: str) -> bool:
        """Tell whether a failure with this code means that another transaction stood in the way."""
        if self.embedded and code == "Neo.ClientError.Schema.ConstraintValidationFailed":
            return True
        return code.startswith("Neo.TransientError.Transaction.")

    def meaning(self, code: str, *, retryable: bool) -> str:
        """Return our own code for an engine's error code; `retryable` is what the driver says of the error."""
        if self.embedded and code == "Neo.DatabaseError.General.UnknownError":
            return "TOO_COSTLY"
        if code in _MEANING:
            return _MEANING[code]
        if retryable or code.startswith("Neo.TransientError."):
            return "UNAVAILABLE"
        return "BAD_TEXT" if code.startswith("Neo.ClientError.Statement.") else "INTERNAL"


class Support(Enum):
    """Whether the registry works on a server."""

    TESTED = auto()
    UNTESTED = auto()
    NONE = auto()


def support_of(agent: str) -> Support:
    """Tell whether the registry works on the server that names itself so.

    Neo4j before 5.26 lacks Cypher that the texts are written in. What nobody knows yet, such as a new calendar version,
    is taken as untested, since Neo4j keeps Cypher 5 working.
    """
    version = re.match(r"Neo4j/v?(\d+)\.(\d+)", agent)
    if version is None:
        return Support.UNTESTED
    number = int(version[1]), int(version[2])
    if number < OLDEST:
        return Support.NONE
    return Support.TESTED if number in _TESTED else Support.UNTESTED


def dialect_of(agent: str) -> Dialect:
    """Return the dialect of the engine that names itself so, such as `Neo4j/5.26.0 compatible (ArcadeDB 26.10.2)`."""
    return Dialect(embedded="ArcadeDB" in agent)


_WORDS_INDEX = (
    "CREATE FULLTEXT INDEX {name} IF NOT EXISTS FOR (n:{label}) ON EACH [n.words]"
    " OPTIONS {{indexConfig: {{`fulltext.analyzer`: 'standard-no-stop-words'}}}}"
)
_SQL_WORDS_INDEX = (
    "CREATE INDEX {name} IF NOT EXISTS ON {label} (words) FULL_TEXT"
    ' METADATA {{"analyzer": "org.apache.lucene.analysis.standard.StandardAnalyzer"}}'
)
_MEANING = {
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration": "TIMEOUT",
    "Neo.ClientError.Transaction.TransactionTimedOut": "TIMEOUT",
    "Neo.TransientError.General.MemoryPoolOutOfMemoryError": "TOO_COSTLY",
    "Neo.ClientError.Security.Unauthorized": "WRONG_PASSWORD",
    "Neo.ClientError.Security.AuthenticationRateLimit": "WRONG_PASSWORD",
    "Neo.ClientError.Security.Forbidden": "NOT_ALLOWED",
    "Neo.ClientError.Statement.AccessMode": "NOT_ALLOWED",
    "Neo.ClientError.Database.DatabaseNotFound": "NO_DATABASE",
    "Neo.ClientError.Transaction.Terminated": "UNAVAILABLE",  # of a server that stops
    "Neo.ClientError.Transaction.LockClientStopped": "UNAVAILABLE",
}


def leave_mark(mark: str) -> Cypher:
    """Leave a mark; in the transaction of a change, and last, so that others wait for it as shortly as may be."""
    return Cypher("MERGE (m:Mark {id: 'last'}) SET m.value = $in.mark", {"in": {"mark": mark}})


def last_marks() -> Cypher:
    """Return one row holding the marks: one, or none where nobody left one."""
    return Cypher("MATCH (m:Mark) WITH m.value AS mark ORDER BY mark RETURN collect(mark)")


Rows = list[list[Any]]
Answer = TypeVar("Answer")
Ask = Callable[[Cypher], Rows]
TRIES = 12  # how often a transaction is begun again that another one stands in the way of
# Seconds for which a server that changes its leader, or restarts, is asked again: where a person waits, and in a command.
PATIENCE, LONG_PATIENCE = 2.0, 20.0
# Failures of a store that an operator sees to, or that pass; whoever asked may ask the same again.
AWAY_CODES = frozenset({"UNAVAILABLE", "WRONG_PASSWORD", "NO_DATABASE", "TLS_FAILED", "UNSUPPORTED"})
SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
log = logging.getLogger(__name__)
logging.getLogger("neo4j").addHandler(logging.NullHandler())  # what it reports, we say in a sentence


class StoreError(Exception):
    """The store could not do what was asked. `code` is ours, such as UNAVAILABLE; the message is for a person.

    `reason` is what the engine said of a text that it cannot run, for who wrote the text.
    """

    def __init__(self, code: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


class Interrupted(KeyboardInterrupt, CancelledError):
    """Ctrl-C, as the driver understands it: it drops the connection and does not wait for the answer on its way."""


@dataclass(frozen=True)
class ConnectionSettings:
    """Where a store is and who we are there. The reader may only read; on Neo4j it is the same user in read mode.

    Who reads at a place finds what this process has written there, whichever server of a cluster answers.
    """

    uri: str
    username: str
    password: str
    reader_username: str
    reader_password: str
    database: str | None = None
    timeout: float = 30.0
    natively: Callable[[str], object] | None = None  # how the embedded engine is told what it takes no Cypher for
    written: BookmarkManager = field(default_factory=neo4j.GraphDatabase.bookmark_manager, compare=False)

    def __repr__(self) -> str:
        return f"Place({self.uri!r})"


class Store:
    """The store for tools: reads, writes in one managed transaction, and schema changes."""

    def __init__(self, place: ConnectionSettings, *, patience: float = LONG_PATIENCE) -> None:
        self._place, self._patience = place, patience
        self._writer = _driver(neo4j.GraphDatabase, place, place.username, place.password)
        self._reader = _driver(neo4j.GraphDatabase, place, place.reader_username, place.reader_password)
        self._one_at_a_time = Lock()
        self.dialect = self._connect()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """Where the store is, for messages."""
        return self._place.uri

    def close(self) -> None:
        """Give all connections back."""
        self._reader.close()
        self._writer.close()

    def read(self, cypher: Cypher) -> Rows:
        """Return the rows of one read."""
        return self._try(self._read, cypher)

    def write(self, *cyphers: Cypher) -> list[Rows]:
        """Run the writes in one transaction, tried again while others stand in the way. Returns the rows of each."""
        return self._try(self._change, lambda ask: [ask(cypher) for cypher in cyphers])

    def change(self, work: Callable[[Ask], Answer]) -> Answer:
        """Do work in one transaction, from its start again while others stand in the way; what it raises undoes it."""
        with self._one_at_a_time:  # those of this process need not find out by failing
            done: Answer = self._try(self._change, work)
            return done

    def change_schema(self, text: str, *, native: bool = False) -> None:
        """Run one schema change in a transaction of its own, in Cypher or in what the engine natively speaks."""
        if native:
            if self._place.natively is None:
                raise StoreError("UNSUPPORTED", _SENTENCES["NOT_EMBEDDED"].format(uri=self._place.uri))
            self._place.natively(text)
        else:
            self._try(self._alone, text)

    def _read(self, cypher: Cypher) -> Rows:
        with self._session(self._reader, neo4j.READ_ACCESS) as session:
            query = neo4j.Query(_literal(cypher.text), timeout=_timeout(self._place, self.dialect))
            rows: Rows = session.run(query, cypher.parameters).values()
            return rows

    def _change(self, work: Callable[[Ask], Answer]) -> Answer:
        with self._session(self._writer) as session:
            transaction = session.begin_transaction()

            def ask(cypher: Cypher) -> Rows:
                rows: Rows = transaction.run(_literal(cypher.text), cypher.parameters).values()
                return rows

            answer = work(ask)
            ask(leave_mark(secrets.token_hex(8)))
            transaction.commit()
            return answer

    def _alone(self, text: str) -> None:
        with self._session(self._writer) as session:
            session.run(_literal(text)).consume()

    @contextmanager
    def _session(self, driver: Any, mode: str = neo4j.WRITE_ACCESS) -> Iterator[Any]:
        """Yield a session; a transaction that is open at its end is rolled back."""
        how = {"default_access_mode": mode, "bookmark_manager": self._place.written}
        with driver.session(database=self._place.database, **how) as session:
            try:
                yield session
            except KeyboardInterrupt:
                raise Interrupted from None

    def _connect(self) -> Dialect:
        try:
            return _recognised(self._writer.get_server_info().agent, self._place)
        except StoreError:
            self.close()
            raise
        except (DriverError, Neo4jError) as error:
            self.close()
            raise explain(error, Dialect(embedded=False), self._place) from None

    def _try(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        attempts = _Attempts(self.dialect, self._patience)
        while True:
            try:
                return work(*arguments)
            except (DriverError, Neo4jError) as error:
                if (pause := attempts.pause(error)) is None:
                    raise explain(error, self.dialect, self._place) from error
                time.sleep(pause)


class Reader:
    """The store for the server: reads only, asynchronously, each question in one transaction."""

    def __init__(self, place: ConnectionSettings) -> None:
        self._place = place
        self._driver = _driver(neo4j.AsyncGraphDatabase, place, place.reader_username, place.reader_password)
        self._dialect = Dialect(embedded=False)

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
        """Find out which engine answers. Raises StoreError."""
        try:
            self._dialect = _recognised((await self._driver.get_server_info()).agent, self._place)
        except (DriverError, Neo4jError) as error:
            raise explain(error, self._dialect, self._place) from None

    async def close(self) -> None:
        """Give all connections back."""
        await self._driver.close()

    async def read(self, cyphers: Sequence[Cypher], *, timeout: float | None = None) -> list[Rows]:
        """Return the rows of each read; several see one state of the graph. Raises StoreError.

        `timeout` is in seconds, and that of the place where none is given.
        """
        limit = _timeout(self._place, self._dialect, timeout)
        attempts = _Attempts(self._dialect, PATIENCE)
        while True:
            try:
                return await (self._one(cyphers[0], limit) if len(cyphers) == 1 else self._several(cyphers, limit))
            except (DriverError, Neo4jError) as error:
                if (pause := attempts.pause(error)) is None:
                    raise explain(error, self._dialect, self._place) from error
                await asyncio.sleep(pause)

    async def _one(self, cypher: Cypher, timeout: float | None) -> list[Rows]:
        async with self._session() as session:
            query = neo4j.Query(self._text(cypher), timeout=timeout)
            return [self._rows(cypher, await (await session.run(query, cypher.parameters)).values())]

    async def _several(self, cyphers: Sequence[Cypher], timeout: float | None) -> list[Rows]:
        async with self._session() as session, await session.begin_transaction(timeout=timeout) as transaction:
            return [
                self._rows(one, await (await transaction.run(self._text(one), one.parameters)).values())
                for one in cyphers
            ]

    def _text(self, cypher: Cypher) -> Any:
        text = cypher.seeking if cypher.seeking and self._dialect.seeks else cypher.text
        return _literal(gathered(text) if self._gathers(cypher) else text)

    def _rows(self, cypher: Cypher, rows: Rows) -> Rows:
        return [[row] for row in rows[0][0]] if self._gathers(cypher) else rows

    def _gathers(self, cypher: Cypher) -> bool:
        return cypher.long and self._dialect.gathers

    def _session(self) -> Any:
        written = neo4j.Bookmarks.from_raw_values(self._place.written.get_bookmarks())
        how = {"default_access_mode": neo4j.READ_ACCESS, "bookmarks": written}
        return self._driver.session(database=self._place.database, **how)


class _Attempts:
    """Says whether to try once more, and after how many seconds.

    What other transactions stand in the way of has so many tries; a server that is away has so much time.
    """

    def __init__(self, dialect: Dialect, patience: float) -> None:
        self._dialect, self._until, self._number = dialect, time.monotonic() + patience, 0

    def pause(self, error: DriverError | Neo4jError) -> float | None:
        """Return the seconds to wait before the next attempt; None when there is none."""
        self._number += 1
        pause = min(0.02 * 2 ** (self._number - 1), 1.0)
        if not self._dialect.retries(_code(error), retryable=error.is_retryable()):
            return None
        if self._dialect.conflicts(_code(error)):
            return pause if self._number < TRIES else None
        return pause if time.monotonic() + pause < self._until else None


def explain(error: Exception, dialect: Dialect, place: ConnectionSettings) -> StoreError:
    """Return the driver's error as one of ours, with a sentence that holds no secret and nothing of the query."""
    if (failure := _tls_failure(error)) is not None:
        return StoreError("TLS_FAILED", _SENTENCES["TLS_FAILED"].format(uri=place.uri, reason=_tls_reason(failure)))
    sentence = ""
    if isinstance(error, AuthError):
        # The embedded engine's passwords are ours: it refuses them only while it starts or ends.
        code = "WRONG_PASSWORD" if place.natively is None else "UNAVAILABLE"
    elif isinstance(error, Neo4jError):
        code = dialect.meaning(error.code or "", retryable=error.is_retryable())
        sentence = "BUSY" if code == "UNAVAILABLE" else ""
    else:
        code = "UNSUPPORTED" if isinstance(error, ConfigurationError) else "UNAVAILABLE"
        sentence = _SAID_OF_DRIVER.get(type(error), "TOO_OLD" if code == "UNSUPPORTED" else "")
    reason = (error.message or "").partition("\n")[0] if isinstance(error, Neo4jError) and code == "BAD_TEXT" else ""
    return StoreError(code, _SENTENCES[sentence or code].format(uri=place.uri), reason)


def _code(error: Exception) -> str:
    return (error.code or "") if isinstance(error, Neo4jError) else ""


def _recognised(agent: str, place: ConnectionSettings) -> Dialect:
    """Return the dialect of a server. Raises StoreError when its version is too old; one that is not tested is logged."""
    support = support_of(agent)
    if support is Support.NONE:
        raise StoreError("UNSUPPORTED", _SENTENCES["UNSUPPORTED"].format(uri=place.uri, agent=agent, tested=TESTED))
    if support is Support.UNTESTED:
        _warn_once(_SENTENCES["UNTESTED"].format(uri=place.uri, agent=agent, tested=TESTED))
    return dialect_of(agent)


@cache
def _warn_once(sentence: str) -> None:
    log.warning("%s", sentence)


def _tls_failure(error: BaseException | None) -> BoltSecurityError | None:
    """Return the failed handshake that led to an error; None where none did."""
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
        raise StoreError("BAD_ADDRESS", _SENTENCES["BAD_ADDRESS"].format(uri=place.uri))
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
        raise StoreError("BAD_ADDRESS", _SENTENCES["BAD_ADDRESS"].format(uri=place.uri)) from error


def _timeout(place: ConnectionSettings, dialect: Dialect, wished: float | None = None) -> float | None:
    """Return the seconds that a question is given, None where the engine has a limit of its own."""
    return (wished or place.timeout) if dialect.times_out_each else None


def _literal(text: str) -> Any:
    """Pass our own text where the driver asks for a literal: values never enter it."""
    return text


_SAID_OF_DRIVER: dict[type[Exception], str] = {SessionExpired: "BUSY", WriteServiceUnavailable: "NO_LEADER"}
_SENTENCES = {
    "UNAVAILABLE": "The graph store at {uri} does not answer; check that it runs and that the address is right.",
    "WRONG_PASSWORD": "The graph store at {uri} refuses us; check NEO4J_USERNAME and NEO4J_PASSWORD.",  # nosec B105 # a sentence
    "BUSY": "The graph store at {uri} cannot do this just now; try again soon.",
    "NO_LEADER": "No server at {uri} takes this just now; try again soon. For a cluster, NEO4J_URI begins with neo4j://.",
    "TLS_FAILED": "No encrypted connection (TLS) to the graph store at {uri} came about: {reason}; in NEO4J_URI, write"
    " neo4j:// or bolt:// for a server without TLS, and +ssc instead of +s for a certificate that it signed itself.",
    "UNSUPPORTED": "The graph store at {uri} is {agent}; the registry needs Neo4j 5.26 or newer (tested: {tested}).",
    "TOO_OLD": "The server at {uri} speaks no Bolt that the registry knows; it needs Neo4j 5.26 or newer.",
    "UNTESTED": "The graph store at {uri} is {agent}, which the registry was not tested on (tested: {tested}).",
    "NOT_EMBEDDED": "The graph store at {uri} is an ArcadeDB that the registry did not start; leave NEO4J_URI empty for"
    " the embedded engine, or name a Neo4j server.",
    "BAD_ADDRESS": "{uri} is no address of a graph store; NEO4J_URI looks like neo4j://host:7687.",
    "NO_DATABASE": "The graph store at {uri} has no such database; check NEO4J_DATABASE.",
    "NOT_ALLOWED": "The user of the graph store at {uri} may not do this.",
    "TIMEOUT": "The question took longer than the time it is given.",
    "TOO_COSTLY": "The question needs more memory than the graph store gives it.",
    "BAD_TEXT": "The graph store at {uri} cannot do what this text says.",
    "INTERNAL": "The graph store at {uri} could not do this.",
}
