"""What a data directory holds beside the database: passwords, the reader's rights, the state of the engine."""

import contextlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from registry.engine import java
from registry.engine.contact import READER, Engine, EngineError

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
class State:
    """The engine that runs on a directory: its process, its guard's process, its two ports.

    The guard admits users at the port ``door`` by the ``token``. An engine that ``stays`` runs on when nobody uses it.
    """

    pid: int
    guard: int
    bolt: int
    http: int
    door: int
    token: str = field(repr=False)
    stays: bool


def prepare(data: Path) -> None:
    """Make the directory and prove that it can be written to. Raises EngineError if it cannot."""
    with writing(data):
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / LOG).parent.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=data).close()


@contextlib.contextmanager
def writing(data: Path) -> Iterator[None]:
    """Turn the refusals of the file system into one sentence about the data directory."""
    try:
        yield
    except Timeout:
        raise
    except OSError as problem:
        reason = f"The data directory {data} cannot be written to ({problem.strerror})"
        raise EngineError(f"{reason}: choose another with REGISTRY_DATA, or change its permissions.") from problem


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the right to start an engine on ``data``, so that two that ask at once do not both do it."""
    lock = _lock(data)
    try:
        yield
    finally:
        lock.release()


def furnish(data: Path) -> None:
    """Write what the engine reads when it starts: its passwords (kept if there) and the group that may only read."""
    if not (data / java.PASSWORD).exists() or not (data / READER_PASSWORD).exists():
        for stale in (java.PASSWORD, READER_PASSWORD, USERS):
            (data / stale).unlink(missing_ok=True)
        _write_secret(data / java.PASSWORD)
        _write_secret(data / READER_PASSWORD)
    (data / GROUPS).parent.mkdir(exist_ok=True)
    (data / GROUPS).write_text(json.dumps(_groups()), encoding="utf-8")


def engine_of(data: Path, state: State) -> Engine:
    """Return how to reach the engine that ``state`` names. Raises EngineError if its passwords cannot be read."""
    try:
        password, reader_password = (
            (data / name).read_text(encoding="utf-8") for name in (java.PASSWORD, READER_PASSWORD)
        )
    except OSError as problem:
        raise EngineError(f"The engine's password in {data} cannot be read ({problem.strerror}).") from problem
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


def state_of(data: Path) -> State | None:
    """Return what the state file says, or None when there is none that can be read."""
    try:
        return State(**json.loads((data / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def process_of(data: Path, state: State | None) -> psutil.Process | None:
    """Return the living process that serves ``data``, or None; a stranger that got the same pid does not count."""
    with contextlib.suppress(psutil.Error):
        if state and java.root_path(data) in (process := psutil.Process(state.pid)).cmdline():
            return process
    return None


def guard_of(data: Path, state: State | None) -> psutil.Process | None:
    """Return the living guard of the engine on ``data``, or None."""
    with contextlib.suppress(psutil.Error):
        if state and str(data / STATE) in (process := psutil.Process(state.guard)).cmdline():
            return process
    return None


def await_guard(data: Path, state: State) -> None:
    """Wait until the guard of an engine that ends is gone: it takes the state file away after a clean end."""
    while guard_of(data, state):
        time.sleep(POLL_SECONDS)


def last_ports(data: Path) -> tuple[int, int] | None:
    """Return the ports for Bolt and HTTP of the engine that ran on ``data`` last, where open drivers look for it."""
    try:
        bolt, http = json.loads((data / PORTS).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return None
    return int(bolt), int(http)


def _lock(data: Path) -> FileLock:
    lock = FileLock(data / "engine.lock", timeout=START_SECONDS)
    try:
        with writing(data):
            lock.acquire()
    except Timeout as problem:
        raise EngineError(f"Another process is busy with the engine on {data}: try again in a minute.") from problem
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
