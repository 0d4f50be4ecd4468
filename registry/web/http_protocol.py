"""The HTTP protocol of the server with time limits for slow requests."""

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

ARRIVE_SECONDS = 20
LEAST_RATE = 1_000  # bytes a second: each second of these gives the request a second more


class Protocol(HttpToolsProtocol):
    """Close a connection whose request, head and body, does not arrive in time, and answer 408 where nothing was answered."""

    _timer: TimerHandle | None = None
    _began = 0.0
    _arrived = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Wait for the first request."""
        super().connection_made(transport)
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request, or of several."""
        if not self._arrived:
            self._end_waiting()  # a connection may have been opened some time before it is used
        self._await_request()
        self._arrived += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a request, which may stand behind another in the same data."""
        self._await_request()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """End a request: it has arrived."""
        self._end_waiting()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End what waits for the connection."""
        self._end_waiting()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        if self._timer is None:
            self._began, self._arrived = self.loop.time(), 0
            self._timer = self.loop.call_at(self._began + ARRIVE_SECONDS, self._look)

    def _end_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now, until = self.loop.time(), self._began + ARRIVE_SECONDS + self._arrived / LEAST_RATE
        if self.flow.read_paused:  # it is we who do not take it
            self._timer = self.loop.call_at(now + ARRIVE_SECONDS, self._look)
        elif now < until:
            self._timer = self.loop.call_at(until, self._look)
        else:
            self._close()

    def _close(self) -> None:
        self._timer = None
        answering = (
            self.cycle is not None and not self.cycle.response_complete
        )  # who reads the body is told, and logs it
        if self._arrived and not answering:
            self.logger.warning(
                "A request from %s did not arrive in time: its connection is closed.", _shown(self.client)
            )
            self.transport.write(STATUS_LINE[408] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def _shown(client: Any) -> str:
    return client[0] if client else "an unknown address"
