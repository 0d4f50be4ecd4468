"""Start, find and stop the engine of a data directory."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from registry.engine.care import check
from registry.engine.contact import Engine, EngineError, answers
from registry.engine.directory import (
    STATE,
    UNCHECKED,
    alone,
    engine_of,
    furnish,
    prepare,
    process_of,
    state_of,
    writing,
)
from registry.engine.launch import ANSWER_SECONDS, POLL_SECONDS, PortTakenError, launch, silent

Say = Callable[[str], None]

STOP_SECONDS = 20
PORT_TRIES = 3


def start(
    data: Path, *, heap: str = "512m", detached: bool = False, lasting: bool = False, progress: Say | None = None
) -> Engine:
    """Find the engine that runs on ``data``, or start one and wait until it answers.

    It ends with this process, whatever ends this process, unless it is ``detached``: then it runs until ``stop``.
    One that is ``lasting`` (as a ``detached`` one is) is slower for its first minutes, and then twice as fast.
    After an unclean stop the database is checked, and ``progress`` is told what was found.
    Raises EngineError, one sentence: directory locked or not writable, wheel missing, engine died or silent.
    """
    data = data.resolve()
    prepare(data)
    with alone(data):
        engine = find(data) or _start(data, heap, detached=detached, lasting=lasting or detached)
        _check_if_cut_off(data, engine, progress or _say_nothing)
        return engine


def find(data: Path) -> Engine | None:
    """Return the engine that runs on ``data``, or None. Raises EngineError if it runs but does not answer."""
    data = data.resolve()
    state = state_of(data)
    deadline = time.monotonic() + ANSWER_SECONDS
    while state and process_of(data, state):
        engine = engine_of(data, state, started_here=False)
        if answers(engine):
            return engine
        if time.monotonic() > deadline:
            raise EngineError(silent(data, f"runs as process {state.pid} but"))
        time.sleep(POLL_SECONDS)
    return None


def stop(data: Path) -> bool:
    """End the engine of ``data`` and wait until it is gone. Returns False when none ran.

    Raises EngineError when the engine belongs to another user.
    """
    data = data.resolve()
    state = state_of(data)
    process = process_of(data, state)
    if state is None or process is None:
        return False
    try:
        _end(process, state.guard)
    except psutil.AccessDenied as problem:
        raise EngineError(f"The engine on {data} belongs to another user: stop it as that user.") from problem
    return True


def _start(data: Path, heap: str, *, detached: bool, lasting: bool) -> Engine:
    cut_off = state_of(data)
    with writing(data):
        if (data / STATE).exists():
            (data / UNCHECKED).touch()  # first: a start that fails must not lose the mark
            (data / STATE).unlink()
        furnish(data)
    # Where the last one was cut off, who had spoken to it finds this one.
    earlier = [(cut_off.bolt, cut_off.http)] if cut_off else []
    for ports in (*earlier, *[None] * PORT_TRIES):
        with contextlib.suppress(PortTakenError):
            return launch(data, heap, detached=detached, lasting=lasting, ports=ports)
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


def _end(process: psutil.Process, guard_pid: int) -> None:
    parent = process.parent()
    process.terminate()
    _, left = psutil.wait_procs([process], timeout=STOP_SECONDS)
    for stubborn in left:
        stubborn.kill()
        stubborn.wait()
    if parent and parent.pid == guard_pid:
        await_guard(guard_pid)


def await_guard(pid: int) -> None:
    """Wait until the guard of an engine that has ended is gone: it takes the state file away where that was a clean end.

    Who started it may run on and never ask how it ended, which leaves a zombie.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        guard = psutil.Process(pid)
        while guard.is_running() and guard.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.02)
