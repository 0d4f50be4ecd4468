"""A real Neo4j Community server for tests, from its published jars: Java and Maven are all it needs.

The jars and an archive of loaded classes, which cuts a start to a third, are made once and kept in
``~/.cache/shared-services-registry`` (``REGISTRY_TEST_CACHE`` names another place). Java is looked for on the path,
under ``JAVA_HOME`` and ``/usr/lib/jvm``, and in the wheel of the embedded engine.
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

VERSION = os.environ.get("REGISTRY_TEST_NEO4J_VERSION", "5.26.30")  # the newest release of 5.26
NEWEST = "2026.01.3"  # the newest release of 2026 that the registry is tested on
CACHE = Path(os.environ.get("REGISTRY_TEST_CACHE", Path.home() / ".cache" / "shared-services-registry"))
POM = Path(__file__).with_name("pom.xml")
FOLDERS = ("conf", "data", "logs", "run", "plugins", "import")
START_SECONDS = 120
JAVA_OPTIONS = (
    "JDK_JAVA_OPTIONS"  # Java reads options from this variable; those of the embedded engine are not for Neo4j
)
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


@dataclass(frozen=True)
class Java:
    """A Java runtime: its home, and the number of its version."""

    home: Path
    number: int

    @property
    def program(self) -> str:
        return str(self.home / "bin" / "java")

    @property
    def archives(self) -> bool:
        """Whether it writes archives of loaded classes; a runtime that was cut down to a few modules does not."""
        return any((self.home / "lib" / "server").glob("classes*.jsa"))


@dataclass(frozen=True)
class Release:
    """A version of Neo4j: its jars, and what starts them."""

    version: str

    @property
    def folder(self) -> Path:
        return CACHE / f"neo4j-{self.version}"

    @cached_property
    def java(self) -> Java:
        """The first Java that runs this version. Raises Neo4jMissing."""
        fitting = range(17, 22) if self.version.startswith("5.") else range(21, 100)
        if (found := next((java for java in _javas() if java.number in fitting), None)) is None:
            raise Neo4jMissing(f"Neo4j {self.version} needs Java {fitting[0]}, which is not installed")
        return found

    @cached_property
    def jars(self) -> Path:
        """The folder with the server's jars, fetched by Maven with its own configuration. Raises Neo4jMissing."""
        jars = self.folder / "jars"
        if not jars.exists():
            with self._alone():
                if not jars.exists():
                    self._fetch(jars)
        return jars

    @cached_property
    def archive(self) -> list[str]:
        """The option that names the archive of loaded classes, made once for each Java."""
        if not self.java.archives:
            return []
        name = hashlib.sha256(str(self.java.home).encode()).hexdigest()[:8]
        archive = self.folder / f"classes-{self.java.number}-{name}.jsa"
        assert self.jars.exists()  # fetched before, since the fetch takes the same lock
        with self._alone():
            if not archive.exists():
                self._archive_classes(archive.with_suffix(".new")).replace(archive)
        return [f"-XX:SharedArchiveFile={archive}"]

    @property
    def main_class(self) -> str:
        with zipfile.ZipFile(self.jars / f"neo4j-{self.version}.jar") as jar:
            return jar.read("META-INF/services/org.neo4j.server.startup.EntryPoint").decode().strip()

    def _fetch(self, jars: Path) -> None:
        if shutil.which("mvn") is None:
            raise Neo4jMissing("a Neo4j server needs 'mvn', which is not installed")
        draft = self.folder / "jars.new"
        shutil.rmtree(draft, ignore_errors=True)
        options = [f"-Dneo.version={self.version}", f"-DoutputDirectory={draft}", "-DincludeScope=runtime"]
        maven = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", *options]
        done = subprocess.run(maven, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Neo4jMissing(f"Maven could not fetch Neo4j {self.version}: {done.stdout.strip()[-500:]}")
        draft.rename(jars)

    def _archive_classes(self, archive: Path) -> Path:
        """Java writes the archive when a server is ended cleanly."""
        option = [f"-XX:ArchiveClassesAtExit={archive}"]
        with tempfile.TemporaryDirectory(prefix="neo4j-") as home, _server(self, Path(home), option) as (process, _):
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=START_SECONDS)
        return archive

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "cache.lock"):
            yield


@contextlib.contextmanager
def running(password: str = "", size: Size = QUICK_START, version: str = VERSION) -> Iterator[Neo4jServer]:
    """Run a server on a free port and an empty directory until the end of the block. Raises Neo4jMissing.

    With a password it lets in only who has it; without, anybody.
    """
    release = Release(version)
    with (
        tempfile.TemporaryDirectory(prefix="neo4j-") as home,
        _server(release, Path(home), release.archive, password, size) as (process, port),
    ):
        yield Neo4jServer(f"bolt://127.0.0.1:{port}", "neo4j" if password else "", password, process.pid)


@contextlib.contextmanager
def _server(
    release: Release, home: Path, options: list[str], password: str = "", size: Size = QUICK_START
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    port = _free_port()
    for folder in FOLDERS:
        (home / folder).mkdir()
    conf = CONF.format(port=port, secured=str(bool(password)).lower(), page_cache=size.page_cache)
    (home / "conf" / "neo4j.conf").write_text(conf, encoding="utf-8")
    ours = {name: value for name, value in os.environ.items() if name != JAVA_OPTIONS}
    environment = {**ours, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    java, jars = release.java.program, f"{release.jars}/*"
    if password:
        admin = [java, "-cp", jars, "org.neo4j.cli.AdminTool", "dbms", "set-initial-password", password]
        subprocess.run(admin, env=environment, capture_output=True, check=True)
    main = [release.main_class, f"--home-dir={home}", f"--config-dir={home / 'conf'}"]
    with (home / "logs" / "out.log").open("wb") as log:
        command = [java, *size.java, *OPENED, *options, "-cp", jars, *main]
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
    raise RuntimeError(f"Neo4j did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _javas() -> Iterator[Java]:
    """Yield the runtimes of this machine: the one of the path, those that are installed, that of the embedded engine."""
    on_path = shutil.which("java")
    homes = [Path(on_path).resolve().parent.parent] if on_path else []
    homes += [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    wheel = find_spec("arcadedb_embedded")
    homes += [Path(place) / "jre" for place in (wheel.submodule_search_locations or ())] if wheel else []
    for home in homes:
        with contextlib.suppress(OSError):
            if found := re.search(
                r'^JAVA_VERSION="(\d+)', (home / "release").read_text(encoding="utf-8"), re.MULTILINE
            ):
                yield Java(home, int(found[1]))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
