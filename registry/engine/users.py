"""One use of the embedded engine: a connection to its guard that ends with the process."""

import contextlib
import socket
from typing import Self

from registry.engine.files import EngineState
from registry.engine.guard import GRACE_SECONDS, GREETING_SECONDS, STAY, STOP, STOPPED, WELCOME

LEAVE_SECONDS = GRACE_SECONDS + 10


class Use:
    """One use of a running engine. It ends with `leave`, or with this process, however that ends."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @classmethod
    def begin(cls, state: EngineState) -> Self | None:
        """Register with the guard that `state` names; return None when it is gone or about to end the engine."""
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
        """Ask that the engine runs on when nobody uses it."""
        self._connection.sendall(STAY)

    def stop(self) -> None:
        """End the engine under all its users, and wait until it is gone."""
        self._connection.sendall(STOP)
        self.leave()

    def ended(self) -> bool:
        """Wait until the engine or its guard has ended; return whether the engine was stopped by `stop`."""
        told = b""
        with contextlib.suppress(OSError):
            while part := self._connection.recv(len(STOPPED)):
                told += part
        return STOPPED in told

    def finish(self) -> None:
        """End this use; `ended` returns soon, and if this was the last use, when the engine is gone."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """End this use. If it was the last one, wait until the engine is gone."""
        with self._connection:
            self.finish()
            with contextlib.suppress(OSError):
                self._connection.settimeout(LEAVE_SECONDS)
            self.ended()
