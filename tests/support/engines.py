"""The engines that tests run on, as a pytest plugin: a real Neo4j and a real embedded engine, one of each a session."""

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import pytest
from filelock import FileLock

from registry import engine
from registry.engine import files
from tests.support.neo4j_server import CACHE, JAVA_OPTIONS, NEWEST, VERSION, Neo4jMissing, Neo4jServer, running
from tests.support.requirements import missing

RUNNING_ENGINE = os.environ.get("REGISTRY_TEST_ENGINE")  # the data directory of a running engine, which tests may empty
SAVE = "CREATE (n:Agency {id: 'dinkes'}) RETURN n.id"
READ = "MATCH (n:Agency) RETURN n.id"
SLOW_ON_NEO4J = pytest.mark.slow_on_neo4j
# Also on the newest Neo4j, for what goes through every text: the golden operations, the lists, the loads.
ON_EVERY_ENGINE = pytest.mark.parametrize(
    "place", ["embedded", "neo4j", "neo4j-newest"], indirect=True, scope="session"
)


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is slow
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark as slow the Neo4j half of a test that is marked so, and every test on the newest Neo4j.

    With an engine of the caller, only its tests remain.
    """
    for item in items:
        engine_of_test = _engine(item)
        if (item.get_closest_marker(SLOW_ON_NEO4J.name) and engine_of_test == "neo4j") or (
            engine_of_test == "neo4j-newest"
        ):
            item.add_marker(pytest.mark.slow)
    if RUNNING_ENGINE:
        items[:] = [one for one in items if not _engine(one).startswith("neo4j")]


def _engine(item: pytest.Function) -> str:
    """Return the engine that a test is repeated for; "" where it is not repeated."""
    return str(item.callspec.params.get("place", "")) if hasattr(item, "callspec") else ""


@pytest.fixture(scope="session")
def neo4j_server() -> Iterator[Neo4jServer]:
    """A Neo4j server: the one that REGISTRY_TEST_NEO4J_URI names, otherwise one of our own from its published jars."""
    if uri := os.environ.get("REGISTRY_TEST_NEO4J_URI"):
        if "PYTEST_XDIST_WORKER" in os.environ:
            pytest.fail("Two processes cannot empty one server: leave out -n where REGISTRY_TEST_NEO4J_URI is set.")
        yield Neo4jServer(uri, os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ.get("NEO4J_PASSWORD", ""))
        return
    yield from _our_own()


@pytest.fixture(scope="session")
def newest_neo4j_server() -> Iterator[Neo4jServer]:
    """A server of our own of the newest Neo4j."""
    yield from _our_own(release=NEWEST)


@pytest.fixture(scope="module")
def secured_neo4j_server() -> Iterator[Neo4jServer]:
    """A Neo4j server of our own that asks for a password."""
    yield from _our_own("correct horse")


def _our_own(password: str = "", release: str = VERSION) -> Iterator[Neo4jServer]:
    try:
        with running(password, version=release) as server:
            yield server
    except Neo4jMissing as reason:
        missing("NEO4J", f"{reason}; or set REGISTRY_TEST_NEO4J_URI to a server that tests may empty")


@pytest.fixture(scope="session")
def embedded_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engine.Engine]:
    """An embedded engine on an empty directory, stopped at the end; or the one of the caller."""
    require_embedded()
    if RUNNING_ENGINE:
        yield engine.start(Path(RUNNING_ENGINE))
        return
    data: Path = tmp_path_factory.mktemp("engine")
    yield engine.start(data)
    engine.stop(data)


@pytest.fixture
def engine_data(tmp_path: Path) -> Iterator[Path]:
    """A directory for engines that a test starts itself; whatever still runs there is stopped."""
    yield tmp_path / "data"
    engine.stop(tmp_path / "data")


def require_embedded() -> None:
    """Skip the test that asks when the embedded engine's wheel is not installed. Let Java start in half of the time."""
    if find_spec("arcadedb_embedded") is None:
        missing("EMBEDDED", "the embedded engine is not installed: pip install 'shared-services-registry[embedded]'")
    os.environ[JAVA_OPTIONS] = f"-XX:SharedArchiveFile={loaded_classes()}"


@cache
def loaded_classes() -> Path:
    """Return the archive of the classes that an engine loads, made once for each place of its jars."""
    jars = files.server(Path(), "512m", 0, 0, lasting=False)[-2]
    archive = CACHE / f"arcadedb-{version('arcadedb-embedded')}-{hashlib.sha256(jars.encode()).hexdigest()[:8]}.jsa"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(archive.with_suffix(".lock")), TemporaryDirectory(prefix="engine-") as folder:
        if not archive.exists():
            _archive_classes(Path(folder), archive)
    return archive


def _archive_classes(folder: Path, archive: Path) -> None:
    listed, draft = folder / "classes", archive.with_suffix(".new")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(JAVA_OPTIONS, f"-XX:DumpLoadedClassList={listed}")
        engine.start(folder / "data")
        engine.stop(folder / "data")
    java, *options, _main = files.server(folder, "512m", 0, 0, lasting=False)
    same = [one for one in options if not one.startswith("-D")]  # Java compares most options with those of the archive
    dump = [java, "-Xshare:dump", f"-XX:SharedClassListFile={listed}", f"-XX:SharedArchiveFile={draft}", *same]
    subprocess.run(dump, capture_output=True, check=True)
    draft.replace(archive)


def until(happened: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not (done := happened()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return done


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def cypher(running: engine.Engine, text: str, *, reader: bool = False) -> httpx.Response:
    login = (running.reader_username, running.reader_password) if reader else (running.username, running.password)
    address = f"{running.http_url}/api/v1/command/{engine.DATABASE}"
    return httpx.post(address, json={"language": "cypher", "command": text}, auth=login, timeout=30)


def ids(running: engine.Engine) -> list[str]:
    return [row["n.id"] for row in cypher(running, READ).json()["result"]]
