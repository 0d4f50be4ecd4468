"""Where the engine's wheel keeps its Java runtime and jars, and the command lines that start them."""

import platform
from importlib.util import find_spec
from pathlib import Path

from registry.engine.contact import DATABASE, EngineError

PLATFORMS = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"), ("Windows", "AMD64")}
COMMAND_TIMEOUT_MS = 30_000
PASSWORD = "password"  # nosec B105 # the name of a file


def server(data: Path, heap: str, bolt: int, http: int, *, lasting: bool) -> list[str]:
    """Return the command that serves ``data`` (absolute) on the two loopback ports, with at most ``heap`` of memory.

    A ``lasting`` server takes its time to compile what it runs often.

    The password is read by the engine from a file in ``data``, so that no process list shows it.
    Raises EngineError when the wheel is not installed.
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
    """Return the command that unpacks the backup ``archive`` (a name in the working directory) to the folder ``into``.

    Raises EngineError when the wheel is not installed.
    """
    restore = "com.arcadedb.integration.restore.Restore"
    return [*_java("512m", lasting=False), "-cp", _jars(), restore, "-f", archive, "-d", str(into)]


def root_path(data: Path) -> str:
    """Return the option by which the command line of an engine names its data directory."""
    return f"-Darcadedb.server.rootPath={data}"


def _java(heap: str, *, lasting: bool) -> list[str]:
    compiler = [] if lasting else ["-XX:TieredStopAtLevel=1"]  # the second level takes more than the work of a minute
    memory = [f"-Xmx{heap}", "-XX:+ExitOnOutOfMemoryError"]
    access = ["--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"]
    return [str(_home() / "jre" / "bin" / "java"), *memory, *compiler, *access]


def _jars() -> str:
    return str(_home() / "jars" / "*")


def _home() -> Path:
    # Looked up, never imported: importing it would load a Java machine into this process.
    wheel = find_spec("arcadedb_embedded")
    if wheel is None or not wheel.submodule_search_locations:
        raise EngineError(_missing())
    return Path(wheel.submodule_search_locations[0])


def _missing() -> str:
    here = platform.system(), platform.machine()
    if here not in PLATFORMS:
        return f"There is no embedded engine for {here[0]} on {here[1]}: set NEO4J_URI to a Neo4j server."
    install = "pip install 'shared-services-registry[embedded]'"
    return f"The embedded engine is not installed: run {install}, or set NEO4J_URI to a Neo4j server."
