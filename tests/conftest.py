"""What every test may ask for."""

from collections.abc import Iterator

import httpx
import pytest

from loaders.run import run
from loaders.source import find_source
from registry.config import Settings
from registry.database.connect import connection_settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.migrate import apply
from registry.engine import Engine
from registry.model.definitions import MODEL

pytest_plugins = [
    "tests.support.engines",
    "tests.support.sources",
    "tests.support.browser",
    "tests.support.cli",
    "tests.support.two_agencies",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write the expected files anew; read the difference")


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether expected files are written anew."""
    return bool(request.config.getoption("--rewrite"))


@pytest.fixture(scope="session", params=["embedded", "neo4j"])
def place(request: pytest.FixtureRequest) -> ConnectionSettings:
    """Where a store is: the embedded engine, then a real Neo4j; the newest for tests that ask for every engine."""
    if request.param == "embedded":
        return connection_settings(request.getfixturevalue("embedded_engine"))
    server = request.getfixturevalue({"neo4j": "neo4j_server", "neo4j-newest": "newest_neo4j_server"}[request.param])
    return ConnectionSettings(server.uri, server.username, server.password, server.username, server.password)


@pytest.fixture(scope="session")
def embedded_place(embedded_engine: Engine) -> ConnectionSettings:
    """Where the store of the embedded engine is."""
    return connection_settings(embedded_engine)


@pytest.fixture(scope="session")
def ready_store(place: ConnectionSettings) -> Iterator[Store]:
    """A store with the model's constraints and indexes."""
    with Store(place) as store:
        apply(store, MODEL)
        yield store


@pytest.fixture
def store(ready_store: Store) -> Store:
    """A store with nothing in it, on each engine in turn."""
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    return ready_store


@pytest.fixture(scope="module")
def sample(embedded_engine: Engine) -> ConnectionSettings:
    """The embedded engine with the sample on it, and nothing else; tests leave it so."""
    place = connection_settings(embedded_engine)
    with Store(place) as store:
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        apply(store, MODEL)
        assert not run(store, find_source("depok", Settings(_env_file=None))).refused
    return place


@pytest.fixture(autouse=True, scope="session")
def patient() -> Iterator[None]:
    """Let pages wait for a report as long as it takes, so that what a test finds there does not depend on time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("registry.web.reports.PATIENCE", 120.0)
        yield


@pytest.fixture
def visitor(address: str) -> Iterator[httpx.Client]:
    """A visitor of the sample, without cookies, who reads English."""
    with httpx.Client(base_url=address, timeout=60, headers={"Accept-Language": "en", "Accept": "text/html"}) as client:
        yield client
