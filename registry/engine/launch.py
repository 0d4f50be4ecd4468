"""Launch the engine's process behind its guard, and wait until it answers or say why it does not."""

import contextlib
import json
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

from registry.engine import guard, java
from registry.engine.contact import DATABASE, READER, Engine, EngineError, command, ready, users
from registry.engine.directory import LOG, POLL_SECONDS, PORTS, STATE, engine_of, state_of, writing
from registry.engine.use import Use

Guard = subprocess.Popen[bytes]

ANSWER_SECONDS = 60
FAILED = 'Exception in thread "main"'
REASON_SECONDS = 1  # until the reason stands behind it
# Below the ports that systems give to outgoing connections: one of those would take the port of an engine that restarts.
PORT_RANGE = range(20_000, 30_000)

_guards: list[Guard] = []  # those that this process started; kept, since they may outlive what started them


class PortTakenError(Exception):
    """A port that was free a moment ago is not any more."""


def launch(data: Path, heap: str, *, lasting: bool, ports: tuple[int, int] | None = None) -> tuple[Engine, Use]:
    """Start the engine of ``data``; return it, when it answers and its reader is admitted, and our use of it.

    It listens on ``ports``, for Bolt and HTTP, or on two that are free.
    Raises PortTakenError when one of the ports was lost to another process, EngineError when it cannot run.
    """
    bolt, http = _still_free(*ports) if ports else _free_ports()
    owner = _spawn(data, str(bolt), str(http), *java.server(data, heap, bolt, http, lasting=lasting))
    try:
        use = _first_use(data, owner)
        try:
            engine = _await(data, owner)
            _admit_reader(engine)
            with writing(data):
                (data / PORTS).write_text(json.dumps([bolt, http]), encoding="utf-8")
        except BaseException:
            use.leave()
            raise
    except BaseException:
        _let_go(owner)
        owner.wait()
        (data / STATE).unlink(missing_ok=True)
        raise
    _let_go(owner)
    return engine, use


def take_over(data: Path) -> Use:
    """Start a guard for the engine of ``data`` whose guard was killed; return our use of it."""
    owner = _spawn(data)
    try:
        return _first_use(data, owner)
    finally:
        _let_go(owner)


def _spawn(data: Path, *arguments: str) -> Guard:
    # A session (on Windows a group) of its own: Ctrl-C in the terminal is for us, not for the engine.
    # Isolated (-I), so that nothing in the environment changes what the guard imports.
    with (data / LOG).open("wb" if arguments else "ab") as log:
        owner = subprocess.Popen(
            [sys.executable, "-I", guard.__file__, str(data / STATE), *arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    _guards[:] = [one for one in _guards if one.poll() is None] + [owner]
    return owner


def _let_go(owner: Guard) -> None:
    """Close the pipe by which we count as a user until we have registered as one."""
    if owner.stdin:
        owner.stdin.close()


def _first_use(data: Path, owner: Guard) -> Use:
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        state = state_of(data)
        if state and state.guard == owner.pid and (use := Use.begin(state)):
            return use
        if owner.poll() is not None:
            _raise_if_failed(data, owner)
        time.sleep(POLL_SECONDS)
    raise EngineError(silent(data, "was started but"))


def _await(data: Path, owner: Guard) -> Engine:
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        if state := state_of(data):
            engine = engine_of(data, state)
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


def _still_free(bolt: int, http: int) -> tuple[int, int]:
    # Seen before: whoever listens there would answer in the place of our engine.
    try:
        for port in (bolt, http):
            socket.create_server(("127.0.0.1", port)).close()
    except OSError as problem:
        raise PortTakenError from problem
    return bolt, http


def _free_ports() -> tuple[int, int]:
    with _free_port() as bolt, _free_port() as http:
        return bolt.getsockname()[1], http.getsockname()[1]


def _free_port() -> socket.socket:
    """Return a socket on a port that nobody listens on."""
    for port in random.sample(PORT_RANGE, 100):
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
    raise EngineError("No free port was found on 127.0.0.1 for the embedded engine: try again.")
