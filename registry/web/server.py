"""The web server: one process, or several workers under a parent that has opened the store for them."""

import atexit
import gc
import logging
import multiprocessing
import os
import signal
import sys
from asyncio import CancelledError
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from registry.engine import EngineError
from registry.opening import open_place
from registry.settings import COUNTS_FILE, Settings, SettingsError, load_settings
from registry.store import Place
from registry.web.app import build_app
from registry.web.files import CutOff
from registry.web.limits import CountsFile
from registry.web.protocol import Protocol

CONFIG: dict[str, Any] = {
    "log_level": "warning",
    "access_log": False,
    "server_header": False,
    "ws": "none",
    "http": Protocol,
    "timeout_graceful_shutdown": 5,  # seconds for what is being answered when the server is told to end
}
STARTUP_FAILURE = 3  # uvicorn's code for a worker that would fail again if it were started again


class Server(uvicorn.Server):
    """A server that ends once: in seconds, and without a tail of errors however often it is told to."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        if not self.should_exit:
            super().handle_exit(sig, frame)


def run_alone(place: Place, settings: Settings, host: str, port: int) -> None:
    """Serve in this process until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server raises it again when it has ended
    config = uvicorn.Config(_settled(place, settings), host=host, port=port, **_behind(settings), **CONFIG)
    with suppress(KeyboardInterrupt):
        Server(config).run()


def run_workers(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve in `workers` processes until Ctrl-C or SIGTERM.

    They read the settings where this process found them, and the engine's passwords in its data directory: no secret
    is on a command line. A worker that dies is replaced. They count visitors' requests in one file.
    """
    os.environ["REGISTRY_HOSTS"] = ",".join(settings.hosts)
    with TemporaryDirectory(prefix="registry-", ignore_cleanup_errors=True) as folder:
        if settings.limits is None:
            counts = Path(folder, "counts")
            CountsFile(counts).close()  # made before several want to make it
            os.environ["REGISTRY_LIMITS"] = f"{COUNTS_FILE}{counts}"
        uvicorn.run(
            f"{__name__}:{worker.__name__}",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            **_behind(settings),
            **CONFIG,
        )


def _behind(settings: Settings) -> dict[str, Any]:
    """Say whose word is taken for the address and the scheme of who asks: that of the proxies which settings name."""
    return {"proxy_headers": bool(settings.proxies), "forwarded_allow_ips": settings.proxies}


def worker() -> Starlette:
    """Return the application of a worker, which ends when its parent says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the parent
    Thread(target=_end_with_parent, daemon=True).start()
    settings, use = load_settings(), ExitStack()
    atexit.register(use.close)
    try:
        return _settled(use.enter_context(open_place(settings, lasting=True)), settings)
    except (EngineError, SettingsError) as error:
        print(error, file=sys.stderr)
        sys.exit(STARTUP_FAILURE)


def _settled(place: Place, settings: Settings) -> Starlette:
    """Return the application; what it is made of stays for good, and the collector need not look through it again."""
    logging.getLogger("uvicorn.error").addFilter(_unless_cut_off)
    app = build_app(place, settings)
    gc.collect()
    gc.freeze()
    return app


def _unless_cut_off(record: logging.LogRecord) -> bool:
    """Tell whether to log: that the end of the server cut off an answer is no failure, and of a file it is logged already."""
    return not (record.exc_info and isinstance(record.exc_info[1], CancelledError | CutOff))


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
