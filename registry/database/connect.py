"""Open the database named in the settings: either a Neo4j server or the embedded engine with its data directory."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from registry import engine
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Store
from registry.database.migrate import apply, is_current
from registry.model.definitions import MODEL

Tell = Callable[[str], None]


@contextmanager
def open_connection(
    settings: Settings, tell: Tell | None = None, *, lasting: bool = False
) -> Iterator[ConnectionSettings]:
    """Yield the connection settings. An embedded engine keeps running at least until the `with` block ends.

    `lasting` has the same meaning as in `engine.in_use`. Raises engine.EngineError if the embedded engine cannot be started.
    """
    if settings.neo4j_uri:
        yield _server_settings(settings, settings.neo4j_uri)
    else:
        with running_engine(settings, tell, lasting=lasting) as running:
            yield connection_settings(running, settings.query_timeout)


def running_engine(
    settings: Settings, tell: Tell | None = None, *, lasting: bool = False
) -> AbstractContextManager[engine.Engine]:
    """Start the embedded engine, or join the running one, and yield it. Raises EngineError.

    The engine keeps running at least until the `with` block ends.
    """
    return engine.in_use(settings.data, heap=settings.heap, lasting=lasting, progress=tell)


def connection_settings(running: engine.Engine, timeout: float = ConnectionSettings.timeout) -> ConnectionSettings:
    """Return the settings for connecting to an embedded engine."""
    return ConnectionSettings(
        running.uri,
        running.username,
        running.password,
        running.reader_username,
        running.reader_password,
        engine.DATABASE,
        timeout,
        partial(engine.sql, running),
    )


@contextmanager
def open_store(settings: Settings, tell: Tell | None = None) -> Iterator[Store]:
    """Migrate the data to this release if they are older, and yield a database client. Raises engine.EngineError and StoreError."""
    with open_connection(settings, tell) as place, Store(place) as store:
        prepare(store, tell)
        yield store


def prepare(store: Store, tell: Tell | None = None) -> None:
    """Migrate the data to this release if they are older. Raises StoreError if the data are incompatible with this release."""
    if not is_current(store, MODEL):
        apply(store, MODEL, tell or (lambda said: None))


def _server_settings(settings: Settings, uri: str) -> ConnectionSettings:
    username, password = settings.neo4j_username, settings.neo4j_password.get_secret_value()
    return ConnectionSettings(
        uri, username, password, username, password, settings.neo4j_database, settings.query_timeout
    )
