"""Keep the embedded engine running while this process uses it, and restart it if it crashes."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread

from registry.engine.files import LOG, process_of, state_of
from registry.engine.http import Engine, EngineError
from registry.engine.process import LEAVE_SECONDS, EngineUse, Notify, join

POLL_SECONDS = 0.5
MOST, WITHIN_SECONDS, PAUSE_SECONDS = 3, 600, 60
RETRY_SECONDS = 5

Join = Callable[[], tuple[Engine, EngineUse]]


@contextlib.contextmanager
def in_use(
    data: Path, *, heap: str = "512m", lasting: bool = False, progress: Notify | None = None
) -> Iterator[Engine]:
    """Find or start the engine of ``data``, yield it, and keep it running until the `with` block ends.

    If the engine crashes or is killed, one of the processes that use it restarts it on the same ports. After a ``stop``, the engine
    stays stopped until somebody starts it again. ``progress`` is called with messages for the user. The other parameters and the
    errors are those of ``join``.
    """
    notify = progress or (lambda _: None)
    supervisor = _Supervisor(data.resolve(), partial(join, data, heap=heap, lasting=lasting, progress=notify), notify)
    try:
        yield supervisor.engine
    finally:
        supervisor.leave()


class _Supervisor:
    """Uses the engine in a thread of its own, and restarts the engine when it or its guard has ended."""

    def __init__(self, data: Path, join: Join, notify: Notify) -> None:
        self._data, self._join, self._notify = data, join, notify
        self._ends = deque[float](maxlen=MOST)
        self._over, self._lock = Event(), Lock()
        use: EngineUse
        self.engine, use = join()
        self._use: EngineUse | None = use
        self._thread = Thread(target=self._watch, args=(use,), daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Stop using the engine. If no other process uses the engine, wait until it has ended."""
        with self._lock:
            self._over.set()
            if self._use:
                self._use.finish()
        self._thread.join(LEAVE_SECONDS)

    def _watch(self, use: EngineUse) -> None:
        while True:
            stopped = use.ended()
            use.leave()
            with self._lock:
                self._use = None
            another = self._wait_for_start() if stopped else self._restart()
            if another is None:
                return
            use = another
            with self._lock:
                if not self._over.is_set():
                    self._use = use
                    continue
            use.leave()
            return

    def _wait_for_start(self) -> EngineUse | None:
        while not self._over.wait(POLL_SECONDS):
            if process_of(self._data, state_of(self._data)):
                return self._begin()
        return None

    def _restart(self) -> EngineUse | None:
        if self._over.is_set() or process_of(self._data, state_of(self._data)):
            return self._begin()  # works if only the guard was killed, or if another process restarted the engine first
        too_often = len(self._ends) == MOST and time.monotonic() - self._ends[0] < WITHIN_SECONDS
        self._ends.append(time.monotonic())
        if not too_often:
            self._notify("The embedded engine ended unexpectedly. It is being restarted.")
            return self._begin()
        ended = f"The embedded engine ended {MOST + 1} times in ten minutes. See {self._data / LOG}."
        self._notify(f"{ended} It will be restarted in {PAUSE_SECONDS} s.")
        return self._begin(PAUSE_SECONDS)

    def _begin(self, pause: float = 0) -> EngineUse | None:
        while not self._over.wait(pause):
            try:
                engine, use = self._join()
            except EngineError as problem:
                self._notify(str(problem))
                pause = RETRY_SECONDS
                continue
            if engine.uri != self.engine.uri:
                self._notify("The engine restarted on other ports, because its own were taken. Restart this command.")
            return use
        return None
