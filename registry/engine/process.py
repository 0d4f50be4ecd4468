"""Start, find and stop the embedded engine, and keep it running while this process needs it."""

import atexit
import contextlib
import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import psutil

from registry.engine import files, guard
from registry.engine.backup import check
from registry.engine.files import (
    LOG,
    POLL_SECONDS,
    PORTS,
    STATE,
    UNCHECKED,
    EngineState,
    await_guard,
    engine_of,
    guard_of,
    last_ports,
    prepare,
    process_of,
    readable_errors,
    start_lock,
    state_of,
    write_startup_files,
)
from registry.engine.guard import GRACE_SECONDS, GREETING_SECONDS, STAY, STOP, STOPPED, WELCOME
from registry.engine.http import DATABASE, READER, Engine, EngineError, command, ready, responds, users

LEAVE_SECONDS = GRACE_SECONDS + 10


class EngineUse:
    """A connection that marks this process as a user of a running engine.

    The use ends with a call of `leave`, or when this process ends.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @classmethod
    def begin(cls, state: EngineState) -> Self | None:
        """Connect to the guard that `state` names. If the guard is gone or about to stop the engine, return None."""
        connection = None
        with contextlib.suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", state.door), GREETING_SECONDS)
            connection.sendall(f"{state.token}\n".encode())
            if connection.recv(len(WELCOME)) == WELCOME:
                connection.settimeout(None)
                return cls(connection)
        if connection:
            connection.close()
        return None

    def stay(self) -> None:
        """Ask the guard to keep the engine running even without users."""
        self._connection.sendall(STAY)

    def stop(self) -> None:
        """Stop the engine, even if other processes use it, and wait until it has ended."""
        self._connection.sendall(STOP)
        self.leave()

    def ended(self) -> bool:
        """Wait until the engine or its guard has ended. Return whether a call of `stop` ended the engine."""
        received = b""
        with contextlib.suppress(OSError):
            while part := self._connection.recv(len(STOPPED)):
                received += part
        return STOPPED in received

    def finish(self) -> None:
        """Stop using the engine, without waiting.

        If no other process uses the engine, `ended` returns when the engine has ended. Otherwise `ended` returns soon.
        """
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """Stop using the engine. If no other process uses the engine, wait until it has ended."""
        with self._connection:
            self.finish()
            with contextlib.suppress(OSError):
                self._connection.settimeout(LEAVE_SECONDS)
            self.ended()


Guard = subprocess.Popen[bytes]

RESPONSE_SECONDS = 60
FAILED = 'Exception in thread "main"'
REASON_SECONDS = 1  # the time to wait for the reason, which Java prints after FAILED
# These ports are below the ephemeral ports, because an outgoing connection could take the port of an engine that restarts.
PORT_RANGE = range(20_000, 30_000)

_guards: list[Guard] = []  # the guards that this process started, kept here because they may outlive it


class PortTakenError(Exception):
    """Another process took a port that this process had found free."""


def launch(data: Path, heap: str, *, lasting: bool, ports: tuple[int, int] | None = None) -> tuple[Engine, EngineUse]:
    """Start the engine of ``data``. Return the engine's connection settings, and the connection that keeps the engine running.

    When the function returns, the engine is ready and has its reader account. The engine listens on the given ``ports`` for Bolt
    and HTTP, or else on two free ports. Raises PortTakenError if another process took one of the ports, and EngineError if the
    engine cannot run.
    """
    bolt, http = _check_ports(*ports) if ports else _free_ports()
    owner = _spawn(data, str(bolt), str(http), *files.server(data, heap, bolt, http, lasting=lasting))
    try:
        use = _first_use(data, owner)
        try:
            engine = _wait_until_ready(data, owner)
            _create_reader(engine)
            with readable_errors(data):
                (data / PORTS).write_text(json.dumps([bolt, http]), encoding="utf-8")
        except BaseException:
            use.leave()
            raise
    except BaseException:
        _close_pipe(owner)
        owner.wait()
        (data / STATE).unlink(missing_ok=True)
        raise
    _close_pipe(owner)
    return engine, use


def take_over(data: Path) -> EngineUse:
    """Start a new guard for a running engine whose guard was killed. Return the connection that keeps the engine running."""
    owner = _spawn(data)
    try:
        return _first_use(data, owner)
    finally:
        _close_pipe(owner)


def _spawn(data: Path, *arguments: str) -> Guard:
    # Run the guard in its own session (on Windows: process group), so that Ctrl-C in the terminal does not reach the engine. Run it
    # isolated (-I), so that the environment does not affect what the guard imports.
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


def _close_pipe(owner: Guard) -> None:
    """Close the guard's standard input, which made this process a user of the engine before it had a connection."""
    if owner.stdin:
        owner.stdin.close()


def _first_use(data: Path, owner: Guard) -> EngineUse:
    deadline = time.monotonic() + RESPONSE_SECONDS
    while time.monotonic() < deadline:
        state = state_of(data)
        if state and state.guard == owner.pid and (use := EngineUse.begin(state)):
            return use
        if owner.poll() is not None:
            _raise_if_failed(data, owner)
        time.sleep(POLL_SECONDS)
    raise EngineError(no_response(data, "was started but"))


def _wait_until_ready(data: Path, owner: Guard) -> Engine:
    deadline = time.monotonic() + RESPONSE_SECONDS
    while time.monotonic() < deadline:
        if state := state_of(data):
            engine = engine_of(data, state)
            if ready(engine):
                return engine
        _raise_if_failed(data, owner)
        time.sleep(POLL_SECONDS)
    raise EngineError(no_response(data, "was started but"))


def _raise_if_failed(data: Path, owner: Guard) -> None:
    # A server that fails to start does not always exit, so check what it printed too.
    ended = owner.poll() is not None  # checked first, so that the output of an ended process is complete
    printed = _printed(data)
    if not ended and FAILED not in printed:
        return
    if not ended:
        with contextlib.suppress(subprocess.TimeoutExpired):
            owner.wait(REASON_SECONDS)
        printed = _printed(data)
    if "locked by another process" in printed:
        advice = "Stop that engine, or choose another directory with REGISTRY_DATA."
        raise EngineError(f"Another engine, which cannot be reached from here, uses {data}. {advice}")
    if "Unable to listen" in printed:
        raise PortTakenError
    raise EngineError(f"The embedded engine failed to start ({_last_line(printed)}). See {data / LOG}.")


def _printed(data: Path) -> str:
    return (data / LOG).read_text(encoding="utf-8", errors="replace")


def _last_line(printed: str) -> str:
    lines = [line for line in printed.splitlines() if line and not line[0].isspace()]
    return lines[-1].rstrip(".") if lines else "no output"


def no_response(data: Path, what: str) -> str:
    """Return the message for an engine that does not respond. ``what`` says what happened before, such as "was started but"."""
    return f"The engine on {data} {what} does not respond within {RESPONSE_SECONDS} s. Stop it, and see {data / LOG}."


def _create_reader(engine: Engine) -> None:
    if READER not in users(engine):
        rights = {"name": READER, "password": engine.reader_password, "databases": {DATABASE: [READER]}}
        command(engine, f"create user {json.dumps(rights)}")


def _check_ports(bolt: int, http: int) -> tuple[int, int]:
    # Check this first: another server on the port would respond in place of the engine.
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
    """Return a socket bound to a free port."""
    for port in random.sample(PORT_RANGE, 100):
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
    raise EngineError("No free port was found on 127.0.0.1 for the embedded engine. Try again.")


Notify = Callable[[str], None]

STOP_SECONDS = 20
PORT_TRIES = 3


def start(
    data: Path, *, heap: str = "512m", detached: bool = False, lasting: bool = False, progress: Notify | None = None
) -> Engine:
    """Find the engine that runs on ``data``, or start one and wait until it is ready. Return its connection settings.

    The engine runs as long as any process uses it. If any process started it as ``detached``, it runs until ``stop``. The other
    parameters and the errors are those of ``join``.
    """
    engine, use = join(data, heap=heap, lasting=lasting or detached, progress=progress)
    if detached:
        use.stay()
        use.leave()
    else:
        atexit.register(use.leave)
    return engine


def join(data: Path, *, heap: str, lasting: bool, progress: Notify | None = None) -> tuple[Engine, EngineUse]:
    """Use the engine that runs on ``data``, or start one and wait until it is ready.

    Return the engine's connection settings, and the connection that keeps the engine running. A ``lasting`` engine is slower in its
    first minutes and then twice as fast. After an unclean shutdown the database is checked, and ``progress`` is called with the
    problems found. Raises EngineError if the directory is locked or not writable, if the wheel is missing, or if the engine ended
    or does not respond.
    """
    data = data.resolve()
    prepare(data)
    with start_lock(data):
        engine, use = _join_running(data) or _start(data, heap, lasting=lasting)
        try:
            _check_after_crash(data, engine, progress or _ignore)
        except BaseException:
            use.leave()
            raise
        return engine, use


def find(data: Path) -> Engine | None:
    """Return the engine that runs on ``data``, or None if no engine runs. Raises EngineError if the engine does not respond."""
    data = data.resolve()
    deadline = time.monotonic() + RESPONSE_SECONDS
    while (state := state_of(data)) and process_of(data, state):
        engine = engine_of(data, state)
        if responds(engine):
            return engine
        _wait_until(deadline, data, state.pid)
    return None


def stop(data: Path) -> bool:
    """Stop the engine of ``data``, even if processes use it, and wait until it has ended. Return False if no engine ran.

    Raises EngineError if the engine belongs to another user of the operating system.
    """
    data = data.resolve()
    state = state_of(data)
    process = process_of(data, state)
    if state is None or process is None:
        return False
    if use := EngineUse.begin(state):
        use.stop()
    elif not guard_of(data, state):
        _terminate(data, process)
    await_guard(data, state)
    return True


def _join_running(data: Path) -> tuple[Engine, EngineUse] | None:
    """Use the engine that runs on ``data``. Return None if no engine runs, or if the engine ended while this process waited."""
    deadline = time.monotonic() + RESPONSE_SECONDS
    use, used = None, None
    try:
        while (state := state_of(data)) and process_of(data, state):
            if use is None and guard_of(data, state) is None:
                use = take_over(data)
            use = use or EngineUse.begin(state)
            if use and responds(engine := engine_of(data, state)):
                used = use
                return engine, used
            _wait_until(deadline, data, state.pid)
    finally:
        if use and not used:
            use.leave()
    if state:
        await_guard(data, state)
    return None


def _wait_until(deadline: float, data: Path, pid: int) -> None:
    if time.monotonic() > deadline:
        raise EngineError(no_response(data, f"runs as process {pid} but"))
    time.sleep(POLL_SECONDS)


def _start(data: Path, heap: str, *, lasting: bool) -> tuple[Engine, EngineUse]:
    with readable_errors(data):
        if (data / STATE).exists():
            (data / UNCHECKED).touch()  # first, so that the check remains due if the start fails
            (data / STATE).unlink()
        write_startup_files(data)
    # Reuse the last ports if they are free, so that open database drivers find the new engine.
    last = last_ports(data)
    for ports in (*([last] if last else []), *[None] * PORT_TRIES):
        with contextlib.suppress(PortTakenError):
            return launch(data, heap, lasting=lasting, ports=ports)
    raise EngineError("No free port was found on 127.0.0.1 for the embedded engine. Try again.")


def _check_after_crash(data: Path, engine: Engine, notify: Notify) -> None:
    if not (data / UNCHECKED).exists():
        return
    notify("The engine was not stopped cleanly last time. Checking the database.")
    try:
        findings = check(engine)
    except EngineError as problem:
        notify(f"The database could not be checked. {problem}")
        return
    for line in findings or ["The database has no errors."]:
        notify(line)
    (data / UNCHECKED).unlink()


def _ignore(_: str) -> None:
    pass


def _terminate(data: Path, process: psutil.Process) -> None:
    """Stop an engine whose guard was killed."""
    try:
        process.terminate()
        _, left = psutil.wait_procs([process], timeout=STOP_SECONDS)
        for stubborn in left:
            stubborn.kill()
            stubborn.wait()
    except psutil.AccessDenied as problem:
        raise EngineError(f"The engine on {data} belongs to another system user. Stop it as that user.") from problem
