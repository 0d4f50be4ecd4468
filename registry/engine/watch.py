"""Start the engine again that died while it is needed: whoever speaks to it finds it where it was, after a few seconds."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from registry.engine.contact import Engine, EngineError
from registry.engine.directory import LOG, process_of, state_of
from registry.engine.lifecycle import Say, await_guard

LOOK_SECONDS = 0.5
MOST, WITHIN_SECONDS = 3, 600


@contextmanager
def kept_running(data: Path, again: Callable[[], Engine], say: Say) -> Iterator[None]:
    """Within the block, call ``again`` to start the engine of ``data`` when it dies, at most MOST times in ten minutes.

    One that was stopped is left alone. ``say`` is told what happens.
    """
    over = Event()
    watch = Thread(target=_watch, args=(data.resolve(), again, say, over), daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _watch(data: Path, again: Callable[[], Engine], say: Say, over: Event) -> None:
    known, began, failed = state_of(data), deque[float](maxlen=MOST), False
    while not over.wait(LOOK_SECONDS):
        if not (failed or died(data)):
            continue
        if len(began) == MOST and time.monotonic() - began[0] < WITHIN_SECONDS:
            say(f"The embedded engine ended {MOST + 1} times in ten minutes and is left so: see {data / LOG}.")
            return
        began.append(time.monotonic())
        say("The embedded engine has ended by itself: it is started again.")
        try:
            again()
        except EngineError as problem:
            say(str(problem))
            failed = True
            continue
        failed, found = False, state_of(data)
        if known and found and (known.bolt, known.http) != (found.bolt, found.http):
            say("Its ports were taken meanwhile, so that it has others: start this command again.")


def died(data: Path) -> bool:
    """Tell whether the engine ended and left its state behind, which is taken away when it is stopped."""
    state = state_of(data)
    if state is None or process_of(data, state):
        return False
    await_guard(state.guard)
    return state_of(data) == state
