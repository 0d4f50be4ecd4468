"""Launch the engine's process behind its guard, and wait until it answers or say why it does not."""

import atexit
import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

from registry.engine import guard, java
from registry.engine.contact import DATABASE, READER, Engine, EngineError, command, ready, users
from registry.engine.directory import LOG, STATE, engine_of, state_of

Guard = subprocess.Popen[bytes]

ANSWER_SECONDS = 60
POLL_SECONDS = 0.1
FAILED = 'Exception in thread "main"'
REASON_SECONDS = 1  # until the reason stands behind it


class PortTakenError(Exception):
    """A port that was free a moment ago is not any more."""


def launch(data: Path, heap: str, *, detached: bool, lasting: bool, ports: tuple[int, int] | None = None) -> Engine:
    """Start the engine of ``data`` and return it when it answers, its reader admitted.

    It listens on ``ports``, for Bolt and HTTP, or on two that are free.
    Raises PortTakenError when one of the ports was lost to another process, EngineError when it cannot run.
    """
    bolt, http = ports or _free_ports()
    owner = _spawn(data, [str(bolt), str(http), *java.server(data, heap, bolt, http, lasting=lasting)])
    atexit.register(_let_go, owner)
    try:
        engine = _await(data, owner)
        _admit_reader(engine)
    except BaseException:
        _let_go(owner)
        (data / STATE).unlink(missing_ok=True)
        raise
    if detached:
        _let_go(owner, guard.STAY)
    return engine


def _spawn(data: Path, arguments: list[str]) -> Guard:
    # A session (on Windows a group) of its own: Ctrl-C in the terminal is for us, not for the engine.
    # Isolated (-I), so that nothing in the environment changes what the guard imports.
    with (data / LOG).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-I", guard.__file__, str(data / STATE), *arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )


def _let_go(owner: Guard, message: bytes = b"") -> None:
    """Close the guard's pipe; unless the message tells it to stay, wait until the engine is gone."""
    if owner.stdin and not owner.stdin.closed:
        with contextlib.suppress(BrokenPipeError):
            owner.stdin.write(message)
            owner.stdin.close()
        if not message:
            owner.wait()


def _await(data: Path, owner: Guard) -> Engine:
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        if state := state_of(data):
            engine = engine_of(data, state, started_here=True)
            if ready(engine):
                return engine
        _raise_if_failed(data, owner)
        time.sleep(POLL_SECONDS)
    raise EngineError(silent(data, "was started but"))


def _raise_if_failed(data: Path, owner: Guard) -> None:
    # A server that cannot start does not always end its process: what it printed is the surer sign.
    ended = owner.poll() is not None  # asked first: what it printed before it ended is whole
    printed = _printed(data)
    if not ended and FAILED not in printed:
        return
    if not ended:
        with contextlib.suppress(subprocess.TimeoutExpired):
            owner.wait(REASON_SECONDS)
        printed = _printed(data)
    if "locked by another process" in printed:
        advice = "stop that one, or choose another directory with REGISTRY_DATA"
        raise EngineError(f"Another engine uses {data} and cannot be reached from here: {advice}.")
    if "Unable to listen" in printed:
        raise PortTakenError
    raise EngineError(f"The embedded engine ended while it started ({_last_words(printed)}): see {data / LOG}.")


def _printed(data: Path) -> str:
    return (data / LOG).read_text(encoding="utf-8", errors="replace")


def _last_words(printed: str) -> str:
    lines = [line for line in printed.splitlines() if line and not line[0].isspace()]
    return lines[-1].rstrip(".") if lines else "it said nothing"


def silent(data: Path, what: str) -> str:
    """Return the sentence for an engine that ``what`` but says nothing."""
    return f"The engine on {data} {what} does not answer within {ANSWER_SECONDS} s: stop it and see {data / LOG}."


def _admit_reader(engine: Engine) -> None:
    if READER not in users(engine):
        rights = {"name": READER, "password": engine.reader_password, "databases": {DATABASE: [READER]}}
        command(engine, f"create user {json.dumps(rights)}")


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
