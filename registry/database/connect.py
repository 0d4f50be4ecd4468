"""Open the database named in the settings: a Neo4j server, or the embedded engine on its data directory."""

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
def open_place(settings: Settings, tell: Tell | None = None, *, lasting: bool = False) -> Iterator[ConnectionSettings]:
    """Yield where the store is; the embedded engine is kept running within the block. See engine.in_use for `lasting`.

    Raises engine.EngineError when the embedded engine cannot be started.
    """
    if settings.neo4j_uri:
        yield _server(settings, settings.neo4j_uri)
    else:
        with running_engine(settings, tell, lasting=lasting) as running:
            yield place_of(running, settings.query_timeout)


def running_engine(
    settings: Settings, tell: Tell | None = None, *, lasting: bool = False
) -> AbstractContextManager[engine.Engine]:
    """Yield the embedded engine itself, and keep it running within the block. Raises EngineError."""
    return engine.in_use(settings.data, heap=settings.heap, lasting=lasting, progress=tell)


def place_of(running: engine.Engine, timeout: float = ConnectionSettings.timeout) -> ConnectionSettings:
    """Return where the store of an embedded engine is."""
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
    """Yield the store itself, its data ready for this version. Raises engine.EngineError and StoreError."""
    with open_place(settings, tell) as place, Store(place) as store:
        prepare(store, tell)
        yield store


def prepare(store: Store, tell: Tell | None = None) -> None:
    """Do what has to be done to the data before this version uses them. Raises StoreError when they do not fit."""
    if not is_current(store, MODEL):
        apply(store, MODEL, tell or (lambda said: None))


def _server(settings: Settings, uri: str) -> ConnectionSettings:
    username, password = settings.neo4j_username, settings.neo4j_password.get_secret_value()
    return ConnectionSettings(
        uri, username, password, username, password, settings.neo4j_database, settings.query_timeout
    )
