"""Open the store that the settings name: a server at NEO4J_URI, or the embedded engine on our own directory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from registry import engine
from registry.compatibility import is_current
from registry.constraints import apply
from registry.model import MODEL
from registry.settings import Settings
from registry.store import Place, Store

Tell = Callable[[str], None]


@contextmanager
def open_place(settings: Settings, tell: Tell | None = None, *, lasting: bool = False) -> Iterator[Place]:
    """Yield where the store is. An engine that was started for this is stopped afterwards; see engine.start for `lasting`.

    Raises engine.EngineError when the embedded engine cannot be started.
    """
    if settings.neo4j_uri:
        yield _server(settings, settings.neo4j_uri)
    else:
        with running_engine(settings, tell, lasting=lasting) as running:
            yield place_of(running, settings.query_timeout)


def opened_place(settings: Settings) -> Place:
    """Return where the store is that another process of ours has opened. Raises engine.EngineError if none has."""
    if settings.neo4j_uri:
        return _server(settings, settings.neo4j_uri)
    running = engine.find(settings.data)
    if running is None:
        raise engine.EngineError(f"No engine runs on {settings.data}.")
    return place_of(running, settings.query_timeout)


@contextmanager
def kept_open(settings: Settings, tell: Tell, *, lasting: bool) -> Iterator[None]:
    """Start the embedded engine again when it dies within the block; a server at NEO4J_URI is for others to look after."""
    if settings.neo4j_uri:
        yield
        return
    again = partial(engine.start, settings.data, heap=settings.heap, lasting=lasting, progress=tell)
    with engine.kept_running(settings.data, again, tell):
        yield


@contextmanager
def running_engine(settings: Settings, tell: Tell | None = None, *, lasting: bool = False) -> Iterator[engine.Engine]:
    """Yield the embedded engine itself, found or started; if started, it is stopped afterwards. Raises EngineError."""
    running = engine.start(settings.data, heap=settings.heap, lasting=lasting, progress=tell)
    try:
        yield running
    finally:
        if running.started_here:
            engine.stop(settings.data)


def place_of(running: engine.Engine, timeout: float = Place.timeout) -> Place:
    """Return where the store of an embedded engine is."""
    return Place(
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


def _server(settings: Settings, uri: str) -> Place:
    username, password = settings.neo4j_username, settings.neo4j_password.get_secret_value()
    return Place(uri, username, password, username, password, settings.neo4j_database, settings.query_timeout)
