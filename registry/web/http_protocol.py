"""The server's HTTP protocol, with a time limit for slow requests."""

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

ARRIVE_SECONDS = 20
LEAST_RATE = 1_000  # bytes a second: each such amount received extends the limit by a second


class Protocol(HttpToolsProtocol):
    """Closes a connection whose request does not arrive in time; answers 408 unless a response has begun."""

    _timer: TimerHandle | None = None
    _began = 0.0
    _arrived = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Start the timer for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request, or several requests."""
        if not self._arrived:
            self._stop_timer()  # restart the timer: a connection may be opened long before it is used
        self._start_timer()
        self._arrived += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Start a request; with pipelining, several may arrive in one read."""
        self._start_timer()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Stop the timer: the request has arrived."""
        self._stop_timer()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        if self._timer is None:
            self._began, self._arrived = self.loop.time(), 0
            self._timer = self.loop.call_at(self._began + ARRIVE_SECONDS, self._check_timer)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_timer(self) -> None:
        now, until = self.loop.time(), self._began + ARRIVE_SECONDS + self._arrived / LEAST_RATE
        if self.flow.read_paused:  # uvicorn paused reading, so the client is not to blame
            self._timer = self.loop.call_at(now + ARRIVE_SECONDS, self._check_timer)
        elif now < until:
            self._timer = self.loop.call_at(until, self._check_timer)
        else:
            self._close()

    def _close(self) -> None:
        self._timer = None
        answering = (
            self.cycle is not None and not self.cycle.response_complete
        )  # the handler that reads the body sees the disconnect and logs it
        if self._arrived and not answering:
            self.logger.warning(
                "A request from %s did not arrive in time: its connection is closed.", _client_name(self.client)
            )
            self.transport.write(STATUS_LINE[408] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def _client_name(client: Any) -> str:
    return client[0] if client else "an unknown address"
