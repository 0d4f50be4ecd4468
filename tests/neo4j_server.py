"""A real Neo4j Community server for tests, from its published jars: Java and Maven are all it needs.

The jars and an archive of loaded classes, which cuts a start to a third, are made once and kept in
``~/.cache/shared-services-registry`` (``REGISTRY_TEST_CACHE`` names another place).
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

VERSION = os.environ.get("REGISTRY_TEST_NEO4J_VERSION", "5.26.30")
CACHE = Path(os.environ.get("REGISTRY_TEST_CACHE", Path.home() / ".cache" / "shared-services-registry"))
HOME = CACHE / f"neo4j-{VERSION}"
POM = Path(__file__).with_name("pom.xml")
FOLDERS = ("conf", "data", "logs", "run", "plugins", "import")
START_SECONDS = 120
OPENED = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "java.io", "sun.nio.ch")]
CONF = """\
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.advertised_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled={secured}
dbms.usage_report.enabled=false
dbms.security.auth_max_failed_attempts=0
server.memory.pagecache.size={page_cache}
db.tx_log.preallocate=false
db.tx_log.rotation.size=16M
db.tx_log.rotation.retention_policy=1 files
db.transaction.timeout=30s
"""


class Neo4jMissing(Exception):
    """Why there is no Neo4j to test on."""


@dataclass(frozen=True)
class Size:
    """How Java runs it, and how much of the data it keeps in memory."""

    java: tuple[str, ...]
    page_cache: str


QUICK_START = Size(("-Xms512m", "-Xmx1g", "-Xmn400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"), "32m")
SERVER = Size(("-Xms1g", "-Xmx1g", "-XX:+UseG1GC"), "1g")


@dataclass(frozen=True)
class Neo4jServer:
    uri: str
    username: str = ""
    password: str = ""
    pid: int | None = None


@contextlib.contextmanager
def running(password: str = "", size: Size = QUICK_START) -> Iterator[Neo4jServer]:
    """Run a server on a free port and an empty directory until the end of the block. Raises Neo4jMissing.

    With a password it lets in only who has it; without, anybody.
    """
    archive = f"-XX:SharedArchiveFile={_archive()}"
    with (
        tempfile.TemporaryDirectory(prefix="neo4j-") as home,
        _server(Path(home), archive, password, size) as (process, port),
    ):
        yield Neo4jServer(f"bolt://127.0.0.1:{port}", "neo4j" if password else "", password, process.pid)


@contextlib.contextmanager
def _server(
    home: Path, option: str, password: str = "", size: Size = QUICK_START
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    port = _free_port()
    for folder in FOLDERS:
        (home / folder).mkdir()
    conf = CONF.format(port=port, secured=str(bool(password)).lower(), page_cache=size.page_cache)
    (home / "conf" / "neo4j.conf").write_text(conf, encoding="utf-8")
    environment = {**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    if password:
        admin = ["java", "-cp", f"{_jars()}/*", "org.neo4j.cli.AdminTool", "dbms", "set-initial-password", password]
        subprocess.run(admin, env=environment, capture_output=True, check=True)
    main = [_main_class(), f"--home-dir={home}", f"--config-dir={home / 'conf'}"]
    with (home / "logs" / "out.log").open("wb") as log:
        command = ["java", *size.java, *OPENED, option, "-cp", f"{_jars()}/*", *main]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _await(process, port, home / "logs" / "out.log")
        yield process, port
    finally:
        process.kill()  # a clean stop takes ten seconds, and the data are thrown away
        process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"Neo4j {VERSION} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _archive() -> Path:
    """The archive of loaded classes, made once."""
    archive = HOME / "classes.jsa"
    with _alone():
        if not archive.exists():
            _archive_classes(archive.with_suffix(".new")).replace(archive)
    return archive


def _archive_classes(archive: Path) -> Path:
    """Java writes the archive when a server is ended cleanly."""
    option = f"-XX:ArchiveClassesAtExit={archive}"
    with tempfile.TemporaryDirectory(prefix="neo4j-") as home, _server(Path(home), option) as (process, _):
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=START_SECONDS)
    return archive


def _jars() -> Path:
    """The folder with the server's jars, fetched by Maven with its own configuration."""
    jars = HOME / "jars"
    if jars.exists():
        return jars
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Neo4jMissing(f"a Neo4j server needs {tool!r}, which is not installed")
    draft = HOME / "jars.new"
    shutil.rmtree(draft, ignore_errors=True)
    options = [f"-Dneo.version={VERSION}", f"-DoutputDirectory={draft}", "-DincludeScope=runtime"]
    maven = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", *options]
    done = subprocess.run(maven, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Neo4jMissing(f"Maven could not fetch Neo4j {VERSION}: {done.stdout.strip()[-500:]}")
    return draft.rename(jars)


def _main_class() -> str:
    with zipfile.ZipFile(_jars() / f"neo4j-{VERSION}.jar") as jar:
        return jar.read("META-INF/services/org.neo4j.server.startup.EntryPoint").decode().strip()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    HOME.mkdir(parents=True, exist_ok=True)
    with FileLock(HOME / "cache.lock"):
        yield


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
