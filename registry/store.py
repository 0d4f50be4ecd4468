"""The graph store, spoken to over Bolt: the only module that knows the neo4j driver."""

from __future__ import annotations

import secrets
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

import neo4j
from neo4j.api import BookmarkManager
from neo4j.exceptions import AuthError, ConfigurationError, DriverError, Neo4jError

from registry.cypher.changes import leave_mark
from registry.cypher.dialect import Dialect, dialect_of
from registry.cypher.text import Cypher, gathered

Rows = list[list[Any]]
Answer = TypeVar("Answer")
Ask = Callable[[Cypher], Rows]
TRIES = 12


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
class Place:
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

    def __init__(self, place: Place) -> None:
        self._place = place
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
            assert self._place.natively is not None
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
            return dialect_of(self._writer.get_server_info().agent)
        except (DriverError, Neo4jError) as error:
            self.close()
            raise explain(error, Dialect(embedded=False), self._place) from None

    def _try(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        for attempt in range(TRIES):
            try:
                return work(*arguments)
            except Neo4jError as error:
                if attempt == TRIES - 1 or not self.dialect.retries(error.code or ""):
                    raise explain(error, self.dialect, self._place) from error
                time.sleep(min(0.02 * 2**attempt, 1.0))
            except DriverError as error:
                raise explain(error, self.dialect, self._place) from error
        raise AssertionError("unreachable")


class Reader:
    """The store for the server: reads only, asynchronously, each question in one transaction."""

    def __init__(self, place: Place) -> None:
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
            self._dialect = dialect_of((await self._driver.get_server_info()).agent)
        except (DriverError, Neo4jError) as error:
            raise explain(error, self._dialect, self._place) from None

    async def close(self) -> None:
        """Give all connections back."""
        await self._driver.close()

    async def read(self, cyphers: Sequence[Cypher]) -> list[Rows]:
        """Return the rows of each read; several see one state of the graph. Raises StoreError."""
        try:
            return await (self._one(cyphers[0]) if len(cyphers) == 1 else self._several(cyphers))
        except (DriverError, Neo4jError) as error:
            raise explain(error, self._dialect, self._place) from error

    async def _one(self, cypher: Cypher) -> list[Rows]:
        async with self._session() as session:
            query = neo4j.Query(self._text(cypher), timeout=_timeout(self._place, self._dialect))
            return [self._rows(cypher, await (await session.run(query, cypher.parameters)).values())]

    async def _several(self, cyphers: Sequence[Cypher]) -> list[Rows]:
        timeout = _timeout(self._place, self._dialect)
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


def explain(error: Exception, dialect: Dialect, place: Place) -> StoreError:
    """Return the driver's error as one of ours, with a sentence that holds no secret and nothing of the query."""
    if isinstance(error, AuthError):
        code = "WRONG_PASSWORD"
    elif isinstance(error, Neo4jError):
        code = dialect.meaning(error.code or "")
    else:
        code = "UNAVAILABLE" if not isinstance(error, ConfigurationError) else "BAD_ADDRESS"
    reason = (error.message or "").partition("\n")[0] if isinstance(error, Neo4jError) and code == "BAD_TEXT" else ""
    return StoreError(code, _SENTENCES[code].format(uri=place.uri), reason)


def _driver(kind: Any, place: Place, username: str, password: str) -> Any:
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


def _timeout(place: Place, dialect: Dialect) -> float | None:
    """Return the seconds that a question is given, None where the engine has a limit of its own."""
    return place.timeout if dialect.times_out_each else None


def _literal(text: str) -> Any:
    """Pass our own text where the driver asks for a literal: values never enter it."""
    return text


_SENTENCES = {
    "UNAVAILABLE": "The graph store at {uri} does not answer; check that it runs and that the address is right.",
    "WRONG_PASSWORD": "The graph store at {uri} refuses us; check NEO4J_USERNAME and NEO4J_PASSWORD.",  # nosec B105 # a sentence
    "BAD_ADDRESS": "{uri} is no address of a graph store; NEO4J_URI looks like neo4j://host:7687.",
    "NO_DATABASE": "The graph store at {uri} has no such database; check NEO4J_DATABASE.",
    "NOT_ALLOWED": "The user of the graph store at {uri} may not do this.",
    "TIMEOUT": "The question took longer than the time it is given.",
    "TOO_COSTLY": "The question needs more memory than the graph store gives it.",
    "BAD_TEXT": "The graph store at {uri} cannot do what this text says.",
    "INTERNAL": "The graph store at {uri} could not do this.",
}
