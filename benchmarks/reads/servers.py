"""The servers that are measured, each a single process on a free port of this machine, all on one Neo4j."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks.reads import peer
from benchmarks.reads.asked import FLOOR, OURS, PEER, STRAWBERRY, Words

START_SECONDS = 60
PYTHON = [sys.executable, "-m"]
REGISTRY = [sys.executable, "-c", "from registry.cli.main import main; main()"]


@dataclass(frozen=True)
class Server:
    """A running server, and the words that it understands."""

    name: str
    words: Words
    port: int
    process: psutil.Process

    @property
    def peak_memory(self) -> float:
        """The largest resident memory that the process ever had, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@contextlib.contextmanager
def ours(uri: str) -> Iterator[Server]:
    """Run `registry serve`."""
    port = free_port()
    with _running("ours", OURS, port, [*REGISTRY, "serve", "--port", str(port)], uri) as server:
        yield server


@contextlib.contextmanager
def floor(uri: str) -> Iterator[Server]:
    """Run the raw endpoint."""
    with _by_hand("raw endpoint (floor)", FLOOR, "floor", uri) as server:
        yield server


@contextlib.contextmanager
def one_cypher(uri: str) -> Iterator[Server]:
    """Run Strawberry over one Cypher a request."""
    with _by_hand("Strawberry, one Cypher", STRAWBERRY, "one_cypher", uri) as server:
        yield server


@contextlib.contextmanager
def loaders(uri: str) -> Iterator[Server]:
    """Run Strawberry with DataLoader."""
    with _by_hand("Strawberry, DataLoader", STRAWBERRY, "loaders", uri) as server:
        yield server


@contextlib.contextmanager
def node(uri: str) -> Iterator[Server]:
    """Run the peer. Raises PeerMissing."""
    port, folder = free_port(), peer.folder()
    with _running("@neo4j/graphql, yoga (peer)", PEER, port, peer.command(port), uri, folder) as server:
        yield server


def all_of(stack: contextlib.ExitStack, uri: str) -> Iterator[Server]:
    """Run them all until the stack is closed: ours, the floor, Strawberry twice, and the peer where it can be had."""
    for one in (ours, floor, one_cypher, loaders):
        yield stack.enter_context(one(uri))
    yield from peer_of(stack, uri)


def peer_of(stack: contextlib.ExitStack, uri: str) -> Iterator[Server]:
    """Run the peer until the stack is closed, or say why it is left out."""
    try:
        yield stack.enter_context(node(uri))
    except peer.PeerMissing as reason:
        Console().print(f"@neo4j/graphql is left out: {reason}")


@contextlib.contextmanager
def _by_hand(name: str, words: Words, module: str, uri: str) -> Iterator[Server]:
    port = free_port()
    with _running(name, words, port, [*PYTHON, f"benchmarks.reads.{module}", str(port)], uri) as server:
        yield server


@contextlib.contextmanager
def _running(
    name: str, words: Words, port: int, command: list[str], uri: str, folder: Path | None = None
) -> Iterator[Server]:
    environment = {**os.environ, "NEO4J_URI": uri, "NEO4J_PASSWORD": "", "REGISTRY_QUERY_TIMEOUT": "60"}
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        _await(process, port, name)
        yield Server(name, words, port, psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int, name: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{name} did not start")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
