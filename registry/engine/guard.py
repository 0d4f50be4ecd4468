"""The guard, the parent process of the engine: it keeps the engine running as long as some process uses the engine.

Run this module as a file: ``STATE BOLT HTTP COMMAND…`` starts the engine. ``STATE`` alone takes over a running engine whose guard
was killed; the state file names the engine. A user is a process with an open connection to the guard; the operating system closes
the connection when that process ends for any reason, on every platform. When the last connection is closed, the guard stops the
engine. If a user has sent ``stay``, the engine keeps running. The process that started the guard counts as a user, even before it
has a connection, until the first user connects or the guard's standard input is closed.

The state file exists while the engine runs. The guard deletes the state file only after a clean shutdown. A state file without a
running process therefore means that the engine crashed or was killed.
"""

import contextlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil

WELCOME, STAY, STOP, STOPPED = b"welcome\n", b"stay\n", b"stop\n", b"stopped\n"
GREETING_SECONDS = 10
GRACE_SECONDS = 20
CLEAN = (0, -signal.SIGTERM, 128 + signal.SIGTERM)


class Guard:
    """The guard of an engine, with the connections of the engine's users and the state file."""

    def __init__(self, path: Path, engine: "subprocess.Popen[bytes] | psutil.Process", bolt: int, http: int) -> None:
        self._path, self._engine = path, engine
        self._door = socket.create_server(("127.0.0.1", 0))
        self._token = secrets.token_urlsafe(24)
        self._state: dict[str, Any] = {"pid": engine.pid, "guard": os.getpid(), "bolt": bolt, "http": http}
        self._state |= {"door": self._door.getsockname()[1], "token": self._token, "stays": False}
        self._lock = threading.Lock()
        self._users: set[socket.socket] = set()
        self._starter = True
        self._ending = self._killed = False

    def run(self, *, stays: bool = False) -> int:
        """Accept connections from the engine's users until the engine has ended. Return the engine's exit code."""
        self._state["stays"] = stays
        self._write_state()
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=self._stop, daemon=True).start())
        threading.Thread(target=self._admit, daemon=True).start()
        threading.Thread(target=self._await_starter, daemon=True).start()
        code = self._engine.wait()
        with self._lock:
            # The exit code of a process that is not a child of the guard is unknown, unless the guard stopped the process.
            clean = code in CLEAN if code is not None else self._ending and not self._killed
            self._ending = True
            if clean:
                self._path.unlink(missing_ok=True)
        return code or 0

    def _admit(self) -> None:
        while True:
            connection, _ = self._door.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _await_starter(self) -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        self._starter = False
        self._end_if_unused()

    def _serve(self, connection: socket.socket) -> None:
        """Count a connection as a user of the engine until the connection is closed."""
        with connection, connection.makefile("rb") as lines, contextlib.suppress(OSError):
            connection.settimeout(GREETING_SECONDS)
            if not hmac.compare_digest(lines.readline(100).strip(), self._token.encode()):
                return
            connection.settimeout(None)
            with self._lock:
                if self._ending:
                    return
                self._users.add(connection)
                self._starter = False  # nobody else can be first: the starter holds the start lock
            try:
                connection.sendall(WELCOME)
                for line in lines:
                    self._obey(line)
            finally:
                with self._lock:
                    self._users.discard(connection)
                self._end_if_unused()

    def _obey(self, line: bytes) -> None:
        if line == STAY:
            with self._lock:
                if not self._ending:
                    self._state["stays"] = True
                    self._write_state()
        elif line == STOP:
            self._stop()

    def _stop(self) -> None:
        with self._lock:
            first, self._ending = not self._ending, True
            for user in self._users:
                with contextlib.suppress(OSError):
                    user.sendall(STOPPED)
        self._end(first=first)

    def _end_if_unused(self) -> None:
        with self._lock:
            if not self._ending and (self._starter or self._users or self._state["stays"]):
                return
            first, self._ending = not self._ending, True
        self._end(first=first)

    def _end(self, *, first: bool) -> None:
        """Stop the engine. The method does not return: the connections close when this process exits."""
        if first:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._engine.terminate()
                try:
                    self._engine.wait(GRACE_SECONDS)
                except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
                    self._killed = True
                    self._engine.kill()
        threading.Event().wait()

    def _write_state(self) -> None:
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(self._state), encoding="utf-8")
        draft.replace(self._path)


def main(path: Path, *arguments: str) -> int:
    """Start or take over the engine, and guard it until it ends. Return the engine's exit code."""
    os.umask(0o077)
    if not arguments:
        state = json.loads(path.read_text(encoding="utf-8"))
        running = psutil.Process(state["pid"])
        return Guard(path, running, state["bolt"], state["http"]).run(stays=state["stays"])
    bolt, http, *command = arguments
    engine = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=path.parent)
    return Guard(path, engine, int(bolt), int(http)).run()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
