"""What every test may ask for."""

import hashlib
from collections.abc import Iterator

import httpx
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from loaders.run import run
from loaders.source import find_source
from registry.config import Settings
from registry.database import answer_cache
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


# They take longest: none is left for the end, when one process would wait for the other.
LONGEST = (
    "tests/web/test_hidden_records.py",
    "tests/engine/test_users.py",
    "tests/engine/test_process.py",
    "tests/auth/test_permission_matrix.py",
    "tests/database/test_compiler.py",
    "tests/cli/test_main.py",
    "tests/cli/test_serve.py",
    "tests/reports/test_catalogue.py",
    "tests/web/test_rate_limits.py",
    "tests/web/test_auth.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write the expected files anew; read the difference")


def is_default(config: pytest.Config) -> bool:
    """Tell whether the default tests run; who chooses slow ones chooses their order, too."""
    return bool(config.option.markexpr == "not slow")


def is_on_neo4j(nodeid: str) -> bool:
    return "[neo4j]" in nodeid or "[neo4j-" in nodeid


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Function]) -> None:
    """Put first what takes longest: Neo4j, then some files. Those that ask the sample follow in a row, since it is loaded once."""
    if not is_default(config):
        return
    asks = {item.path for item in items if "sample" in item.fixturenames}

    def rank(item: pytest.Function) -> int:
        file = item.nodeid.partition("::")[0]
        if is_on_neo4j(item.nodeid):
            return -1
        return LONGEST.index(file) if file in LONGEST else len(LONGEST) + (item.path not in asks)

    items.sort(key=rank)


class OneNeo4j(LoadFileScheduling):  # type: ignore[misc]
    """Deals out files, but all default tests on Neo4j to one process, so that one server is started."""

    def _split_scope(self, nodeid: str) -> str:
        return "neo4j" if is_on_neo4j(nodeid) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Deal out the default tests; the slow ones on Neo4j are too many for one process."""
    return OneNeo4j(config, log) if is_default(config) and config.option.dist == "loadfile" else None


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


@pytest.fixture(scope="session")
def loaded_samples() -> set[str]:
    """The digest of the sample as it was loaded."""
    return set()


@pytest.fixture(scope="module")
def sample(embedded_engine: Engine, loaded_samples: set[str]) -> ConnectionSettings:
    """The embedded engine with the sample on it, and nothing else; loaded again only where a test changed something."""
    place = connection_settings(embedded_engine)
    with Store(place) as store:
        unchanged = digest(store) in loaded_samples
        if not unchanged:
            store.write(Cypher("MATCH (n) DETACH DELETE n"))
        apply(store, MODEL)
        if not unchanged:
            assert not run(store, find_source("depok", Settings(_env_file=None))).refused
            loaded_samples.add(digest(store))
    return place


def digest(store: Store) -> str:
    """Return a digest of all nodes and links with their properties."""
    nodes = store.read(Cypher("MATCH (n) RETURN labels(n), properties(n)"))
    links = store.read(Cypher("MATCH (a)-[r]->(b) RETURN labels(a), a.id, labels(b), b.id, type(r), properties(r)"))
    rows = sorted(repr([sorted(one.items()) if isinstance(one, dict) else one for one in row]) for row in nodes + links)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


@pytest.fixture(autouse=True, scope="session")
def patient() -> Iterator[None]:
    """Let pages wait for a report as long as it takes, so that what a test finds there does not depend on time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("report", "home", "numbers", "again"):
            patch.setattr(answer_cache.PATIENCE, name, 120.0)
        yield


@pytest.fixture
def visitor(address: str) -> Iterator[httpx.Client]:
    """A visitor of the sample, without cookies, who reads English."""
    with httpx.Client(base_url=address, timeout=60, headers={"Accept-Language": "en", "Accept": "text/html"}) as client:
        yield client
