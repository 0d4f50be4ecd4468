"""A real Neo4j with the registry's schema, sized as a small server would be."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from registry.database.driver import ConnectionSettings, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from tests.support.neo4j_server import SERVER, Size, running


@dataclass(frozen=True)
class Database:
    """Where it is, its process, and a store to write with."""

    uri: str
    process: psutil.Process
    store: Store


@contextlib.contextmanager
def database(size: Size = SERVER) -> Iterator[Database]:
    """Run a Neo4j until the end of the block. Raises Neo4jMissing."""
    with running(size=size) as server, Store(ConnectionSettings(server.uri, "", "", "", "")) as store:
        apply(store, MODEL)
        yield Database(server.uri, psutil.Process(server.pid), store)
