"""Run the web application in this process or in worker processes, with a time limit for receiving a request."""

import atexit
import gc
import logging
import multiprocessing
import os
import signal
import sys
from asyncio import CancelledError, TimerHandle, Transport
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from registry.config import COUNTS_FILE, Settings, SettingsError, load_settings
from registry.database.connect import open_connection
from registry.database.driver import ConnectionSettings
from registry.engine import EngineError
from registry.web.app import build_app
from registry.web.form_data import DownloadAborted
from registry.web.rate_limits import CountsFile

ARRIVE_SECONDS = 20
LEAST_RATE = 1_000  # bytes per second: a client that sends this many bytes gets one more second


class Protocol(HttpToolsProtocol):
    """Closes a connection if its request does not arrive in time. The client gets status 408, unless a response has begun."""

    _timer: TimerHandle | None = None
    _began = 0.0
    _arrived = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Start the timer for the first request of a connection."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request, or several requests at once."""
        if not self._arrived:
            self._stop_timer()  # restart the timer: a browser may open a connection long before it uses it
        self._start_timer()
        self._arrived += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Begin a request. A client may send several requests at once (pipelining)."""
        self._start_timer()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Stop the timer, because the request has arrived."""
        self._stop_timer()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer, because the connection is closed."""
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
        if self.flow.read_paused:  # uvicorn paused reading, so the client did not cause the delay
            self._timer = self.loop.call_at(now + ARRIVE_SECONDS, self._check_timer)
        elif now < until:
            self._timer = self.loop.call_at(until, self._check_timer)
        else:
            self._close()

    def _close(self) -> None:
        self._timer = None
        answering = (
            self.cycle is not None and not self.cycle.response_complete
        )  # the handler that reads the request body raises ClientDisconnect and logs it
        if self._arrived and not answering:
            self.logger.warning(
                "A request from %s did not arrive in time: its connection is closed.", _client_name(self.client)
            )
            self.transport.write(STATUS_LINE[408] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def _client_name(client: Any) -> str:
    return client[0] if client else "an unknown address"


CONFIG: dict[str, Any] = {
    "log_level": "warning",
    "access_log": False,
    "server_header": False,
    "ws": "none",
    "http": Protocol,
    "timeout_graceful_shutdown": 5,  # seconds that open requests have to finish after the server was told to stop
}
# A page waits this long whenever it needs the interpreter while a report computes. With Python's default of 0.005 seconds, the home
# page of the sample took 60 ms beside a busy thread, and 12 ms with this value.
SWITCH_SECONDS = 0.001
STARTUP_FAILURE = 3  # uvicorn's exit code for a worker that would fail again after a restart


class Server(uvicorn.Server):
    """A uvicorn server that handles only the first stop signal.

    A second Ctrl-C is ignored: it does not force an exit and logs no errors.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the shutdown on the first stop signal, and ignore later signals."""
        if not self.should_exit:
            super().handle_exit(sig, frame)


def run_alone(place: ConnectionSettings, settings: Settings, host: str, port: int) -> None:
    """Serve pages in this process until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # after the shutdown, uvicorn raises the signal again
    config = uvicorn.Config(
        _build_frozen_app(place, settings), host=host, port=port, **_proxy_options(settings), **CONFIG
    )
    with suppress(KeyboardInterrupt):
        Server(config).run()


def run_workers(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve pages in `workers` processes until Ctrl-C or SIGTERM.

    The workers read the settings from the same environment and the engine's passwords from its data directory, so no command line
    contains a secret. If a worker dies, a new worker is started. All workers count requests for the rate limits in one file.
    """
    os.environ["REGISTRY_HOSTS"] = ",".join(settings.hosts)
    with TemporaryDirectory(prefix="registry-", ignore_cleanup_errors=True) as folder:
        if settings.limits is None:
            counts = Path(folder, "counts")
            CountsFile(counts).close()  # create the file before the workers open it
            os.environ["REGISTRY_LIMITS"] = f"{COUNTS_FILE}{counts}"
        uvicorn.run(
            f"{__name__}:{worker.__name__}",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            **_proxy_options(settings),
            **CONFIG,
        )


def _proxy_options(settings: Settings) -> dict[str, Any]:
    """Return uvicorn's options for proxies. `X-Forwarded-*` headers are trusted only from the proxies in the settings."""
    return {"proxy_headers": bool(settings.proxies), "forwarded_allow_ips": settings.proxies}


def worker() -> Starlette:
    """Return the application of a worker process. The process stops if its parent process stops it or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles Ctrl-C in the terminal
    Thread(target=_end_with_parent, daemon=True).start()
    settings, use = load_settings(), ExitStack()
    atexit.register(use.close)
    try:
        return _build_frozen_app(use.enter_context(open_connection(settings, lasting=True)), settings)
    except (EngineError, SettingsError) as error:
        print(error, file=sys.stderr)
        sys.exit(STARTUP_FAILURE)


def _build_frozen_app(place: ConnectionSettings, settings: Settings) -> Starlette:
    """Build the application, and set up this process to serve it.

    The objects of the application are excluded from garbage collection. They live as long as the process, so collecting them would
    cost time and free nothing. Threads that compute reports let others continue after SWITCH_SECONDS, so that pages hardly wait.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    logging.getLogger("uvicorn.error").addFilter(_is_worth_logging)
    app = build_app(place, settings)
    gc.collect()
    gc.freeze()
    return app


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Return whether to log a record.

    Responses that the shutdown cancelled are not logged. Downloads that failed midway are not logged again.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], CancelledError | DownloadAborted))


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
