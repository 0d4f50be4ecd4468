"""The files of the embedded engine: passwords, the state file, locks, and the Java command line."""

import contextlib
import json
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from registry.engine.http import DATABASE, READER, Engine, EngineError

PLATFORMS = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64")}
COMMAND_TIMEOUT_MS = 30_000
PASSWORD = "password"  # nosec B105 # the name of a file


def server(data: Path, heap: str, bolt: int, http: int, *, lasting: bool) -> list[str]:
    """Return the command that starts an engine on the directory ``data`` (an absolute path), with at most ``heap`` of memory.

    The engine listens on two ports of this machine only. A ``lasting`` engine spends more time on compiling code that runs often.
    The engine reads the password from a file in ``data``, so that no process list shows it. Raises EngineError if the wheel of the
    engine is not installed.
    """
    settings = {
        "server.rootPath": data,
        "server.rootPasswordPath": data / PASSWORD,
        "server.mode": "production",
        "server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "server.defaultDatabases": f"{DATABASE}[root]",
        "server.httpIncomingHost": "127.0.0.1",
        "server.httpIncomingPort": http,
        "bolt.host": "127.0.0.1",
        "bolt.port": bolt,
        "command.timeout": COMMAND_TIMEOUT_MS,
    }
    options = [f"-Darcadedb.{name}={value}" for name, value in settings.items()]
    return [*_java(heap, lasting=lasting), *options, "-cp", _jars(), "com.arcadedb.server.ArcadeDBServer"]


def restorer(archive: str, into: Path) -> list[str]:
    """Return the command that unpacks a backup to the folder ``into``. Raises EngineError if the wheel is not installed.

    ``archive`` is the name of the backup file in the working directory.
    """
    restore = "com.arcadedb.integration.restore.Restore"
    return [*_java("512m", lasting=False), "-cp", _jars(), restore, "-f", archive, "-d", str(into)]


def root_path(data: Path) -> str:
    """Return the command-line option that names the data directory of an engine."""
    return f"-Darcadedb.server.rootPath={data}"


def _java(heap: str, *, lasting: bool) -> list[str]:
    compiler = (
        [] if lasting else ["-XX:TieredStopAtLevel=1"]
    )  # the second level of the Java compiler does not pay off within a minute
    memory = [f"-Xmx{heap}", "-XX:+ExitOnOutOfMemoryError"]
    access = ["--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"]
    return [str(_home() / "jre" / "bin" / "java"), *memory, *compiler, *access]


def _jars() -> str:
    return str(_home() / "jars" / "*")


def _home() -> Path:
    # Find the package without importing it: an import would start a JVM in this process.
    wheel = find_spec("arcadedb_embedded")
    if wheel is None or not wheel.submodule_search_locations:
        raise EngineError(_missing())
    return Path(wheel.submodule_search_locations[0])


def _missing() -> str:
    here = platform.system(), platform.machine()
    if here not in PLATFORMS:
        return f"There is no embedded engine for {here[0]} on {here[1]}. Set NEO4J_URI to a Neo4j server."
    install = "pip install 'shared-services-registry[embedded]'"
    return f"The embedded engine is not installed. Run {install}, or set NEO4J_URI to a Neo4j server."


START_SECONDS = 120
POLL_SECONDS = 0.05
STATE = "engine.json"
PORTS = "ports.json"
LOG = Path("log", "engine.log")
READER_PASSWORD = "reader-password"  # nosec B105 # the name of a file
UNCHECKED = "unchecked"
USERS = Path("config", "server-users.jsonl")
GROUPS = Path("config", "server-groups.json")


@dataclass(frozen=True)
class EngineState:
    """The engine that runs on a directory: its process, the process of its guard (see guard.py), and its two ports.

    The guard accepts connections from users on the port ``door`` if they present the ``token``. If ``stays`` is true, the engine
    keeps running without users.
    """

    pid: int
    guard: int
    bolt: int
    http: int
    door: int
    token: str = field(repr=False)
    stays: bool


def prepare(data: Path) -> None:
    """Create the data directory and check that it is writable. Raises EngineError if the directory is not writable."""
    with readable_errors(data):
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / LOG).parent.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=data).close()


@contextlib.contextmanager
def readable_errors(data: Path) -> Iterator[None]:
    """Convert file system errors into an EngineError. The message of the EngineError names the data directory."""
    try:
        yield
    except Timeout:
        raise
    except OSError as problem:
        reason = f"Cannot write to the data directory {data} ({problem.strerror})."
        raise EngineError(f"{reason} Choose another with REGISTRY_DATA, or change its permissions.") from problem


@contextlib.contextmanager
def start_lock(data: Path) -> Iterator[None]:
    """Lock the directory ``data``, so that no other process starts an engine on it until the `with` block ends."""
    lock = _lock(data)
    try:
        yield
    finally:
        lock.release()


def write_startup_files(data: Path) -> None:
    """Write the files that the engine reads at startup: the read-only group and, if they do not exist yet, the passwords."""
    if not (data / PASSWORD).exists() or not (data / READER_PASSWORD).exists():
        for stale in (PASSWORD, READER_PASSWORD, USERS):
            (data / stale).unlink(missing_ok=True)
        _write_secret(data / PASSWORD)
        _write_secret(data / READER_PASSWORD)
    (data / GROUPS).parent.mkdir(exist_ok=True)
    (data / GROUPS).write_text(json.dumps(_groups()), encoding="utf-8")


def engine_of(data: Path, state: EngineState) -> Engine:
    """Return the connection settings of the engine in the state file. Raises EngineError if its passwords cannot be read."""
    try:
        password, reader_password = ((data / name).read_text(encoding="utf-8") for name in (PASSWORD, READER_PASSWORD))
    except OSError as problem:
        raise EngineError(f"Cannot read the engine's password in {data} ({problem.strerror}).") from problem
    return Engine(
        data=data,
        uri=f"bolt://127.0.0.1:{state.bolt}",
        username="root",
        password=password,
        reader_username=READER,
        reader_password=reader_password,
        http_url=f"http://127.0.0.1:{state.http}",
        pid=state.pid,
    )


def state_of(data: Path) -> EngineState | None:
    """Return the content of the engine's state file. If the file is missing or unreadable, return None."""
    try:
        return EngineState(**json.loads((data / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def process_of(data: Path, state: EngineState | None) -> psutil.Process | None:
    """Return the running process of the engine on ``data``, or None. An unrelated process that now has the same pid is ignored."""
    with contextlib.suppress(psutil.Error):
        if state and root_path(data) in (process := psutil.Process(state.pid)).cmdline():
            return process
    return None


def guard_of(data: Path, state: EngineState | None) -> psutil.Process | None:
    """Return the guard process of the engine on ``data``. If no guard runs, return None."""
    with contextlib.suppress(psutil.Error):
        if state and str(data / STATE) in (process := psutil.Process(state.guard)).cmdline():
            return process
    return None


def await_guard(data: Path, state: EngineState) -> None:
    """Wait until the guard of a stopping engine has exited. The guard deletes the state file after a clean shutdown."""
    while guard_of(data, state):
        time.sleep(POLL_SECONDS)


def last_ports(data: Path) -> tuple[int, int] | None:
    """Return the Bolt and HTTP ports of the last engine on ``data``, or None.

    Drivers that are still open connect to the ports of the last engine.
    """
    try:
        bolt, http = json.loads((data / PORTS).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return None
    return int(bolt), int(http)


def _lock(data: Path) -> FileLock:
    lock = FileLock(data / "engine.lock", timeout=START_SECONDS)
    try:
        with readable_errors(data):
            lock.acquire()
    except Timeout as problem:
        raise EngineError(
            f"Another process is starting or stopping the engine on {data}. Try again in a minute."
        ) from problem
    return lock


def _write_secret(path: Path) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(24))


def _groups() -> dict[str, Any]:
    schema = ["updateSecurity", "updateSchema", "updateDatabaseSettings"]
    records = ["createRecord", "readRecord", "updateRecord", "deleteRecord"]
    groups = {"admin": _group(schema, records), READER: _group([], ["readRecord"]), "*": _group([], [])}
    return {"version": 2, "databases": {"*": {"groups": groups}}}


def _group(access: list[str], records: list[str]) -> dict[str, Any]:
    return {"resultSetLimit": -1, "readTimeout": -1, "access": access, "types": {"*": {"access": records}}}
