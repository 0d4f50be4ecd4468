"""Start, find and stop the engine of a data directory."""

import atexit
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from registry.engine.care import check
from registry.engine.contact import Engine, EngineError, answers
from registry.engine.directory import (
    POLL_SECONDS,
    STATE,
    UNCHECKED,
    alone,
    await_guard,
    engine_of,
    furnish,
    guard_of,
    last_ports,
    prepare,
    process_of,
    state_of,
    writing,
)
from registry.engine.launch import ANSWER_SECONDS, PortTakenError, launch, silent, take_over
from registry.engine.use import Use

Say = Callable[[str], None]

STOP_SECONDS = 20
PORT_TRIES = 3


def start(
    data: Path, *, heap: str = "512m", detached: bool = False, lasting: bool = False, progress: Say | None = None
) -> Engine:
    """Find the engine that runs on ``data``, or start one and wait until it answers.

    It runs while this or another process uses it, whatever ends them; once it was asked for ``detached``, until ``stop``.
    See ``join`` for the rest.
    """
    engine, use = join(data, heap=heap, lasting=lasting or detached, progress=progress)
    if detached:
        use.stay()
        use.leave()
    else:
        atexit.register(use.leave)
    return engine


def join(data: Path, *, heap: str, lasting: bool, progress: Say | None = None) -> tuple[Engine, Use]:
    """Use the engine that runs on ``data``, or start one and wait until it answers; return it and our use of it.

    One that is started to be ``lasting`` is slower for its first minutes, and then twice as fast.
    After an unclean stop the database is checked, and ``progress`` is told what was found.
    Raises EngineError, one sentence: directory locked or not writable, wheel missing, engine died or silent.
    """
    data = data.resolve()
    prepare(data)
    with alone(data):
        engine, use = _join_running(data) or _start(data, heap, lasting=lasting)
        try:
            _check_if_cut_off(data, engine, progress or _say_nothing)
        except BaseException:
            use.leave()
            raise
        return engine, use


def find(data: Path) -> Engine | None:
    """Return the engine that runs on ``data``, or None. Raises EngineError if it runs but does not answer."""
    data = data.resolve()
    deadline = time.monotonic() + ANSWER_SECONDS
    while (state := state_of(data)) and process_of(data, state):
        engine = engine_of(data, state)
        if answers(engine):
            return engine
        _wait_until(deadline, data, state.pid)
    return None


def stop(data: Path) -> bool:
    """End the engine of ``data`` under all its users and wait until it is gone. Returns False when none ran.

    Raises EngineError when the engine belongs to another user.
    """
    data = data.resolve()
    state = state_of(data)
    process = process_of(data, state)
    if state is None or process is None:
        return False
    if use := Use.begin(state):
        use.stop()
    elif not guard_of(data, state):
        _end(data, process)
    await_guard(data, state)
    return True


def _join_running(data: Path) -> tuple[Engine, Use] | None:
    """Use the engine that runs on ``data``; None when none runs, or it has ended while it was waited for."""
    deadline = time.monotonic() + ANSWER_SECONDS
    use, used = None, None
    try:
        while (state := state_of(data)) and process_of(data, state):
            if use is None and guard_of(data, state) is None:
                use = take_over(data)
            use = use or Use.begin(state)
            if use and answers(engine := engine_of(data, state)):
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
        raise EngineError(silent(data, f"runs as process {pid} but"))
    time.sleep(POLL_SECONDS)


def _start(data: Path, heap: str, *, lasting: bool) -> tuple[Engine, Use]:
    with writing(data):
        if (data / STATE).exists():
            (data / UNCHECKED).touch()  # first: a start that fails must not lose the mark
            (data / STATE).unlink()
        furnish(data)
    # Who has spoken to the last one finds this one, where its ports are still free.
    last = last_ports(data)
    for ports in (*([last] if last else []), *[None] * PORT_TRIES):
        with contextlib.suppress(PortTakenError):
            return launch(data, heap, lasting=lasting, ports=ports)
    raise EngineError("No free port was found on 127.0.0.1 for the embedded engine: try again.")


def _check_if_cut_off(data: Path, engine: Engine, say: Say) -> None:
    if not (data / UNCHECKED).exists():
        return
    say("The engine was not stopped cleanly the last time: checking the database.")
    try:
        findings = check(engine)
    except EngineError as problem:
        say(f"The database could not be checked. {problem}")
        return
    for line in findings or ["The database is sound."]:
        say(line)
    (data / UNCHECKED).unlink()


def _say_nothing(_: str) -> None:
    pass


def _end(data: Path, process: psutil.Process) -> None:
    """End an engine whose guard was killed."""
    try:
        process.terminate()
        _, left = psutil.wait_procs([process], timeout=STOP_SECONDS)
        for stubborn in left:
            stubborn.kill()
            stubborn.wait()
    except psutil.AccessDenied as problem:
        raise EngineError(f"The engine on {data} belongs to another user: stop it as that user.") from problem
