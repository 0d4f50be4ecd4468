"""A use of the embedded engine: a connection to its guard that ends with this process."""

import contextlib
import socket
from typing import Self

from registry.engine.files import EngineState
from registry.engine.guard import GRACE_SECONDS, GREETING_SECONDS, STAY, STOP, STOPPED, WELCOME

LEAVE_SECONDS = GRACE_SECONDS + 10


class Use:
    """A use of a running engine. It ends with `leave`, or when this process ends for any reason."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    @classmethod
    def begin(cls, state: EngineState) -> Self | None:
        """Connect to the guard in `state`; return None if it is gone or about to stop the engine."""
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
        """Ask the guard to keep the engine running without users."""
        self._connection.sendall(STAY)

    def stop(self) -> None:
        """Stop the engine regardless of its users, and wait until it is gone."""
        self._connection.sendall(STOP)
        self.leave()

    def ended(self) -> bool:
        """Wait until the engine or its guard has ended; return whether `stop` ended it."""
        received = b""
        with contextlib.suppress(OSError):
            while part := self._connection.recv(len(STOPPED)):
                received += part
        return STOPPED in received

    def finish(self) -> None:
        """End this use without waiting.

        `ended` then returns soon or, if this was the last use, when the engine is gone.
        """
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """End this use; if it was the last one, wait until the engine is gone."""
        with self._connection:
            self.finish()
            with contextlib.suppress(OSError):
                self._connection.settimeout(LEAVE_SECONDS)
            self.ended()
