"""An application behind a real server, for tests that ask it as a browser does."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server
from threading import Thread
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp


@contextmanager
def serving(app: ASGIApp, **how: Any) -> Iterator[httpx.Client]:
    """Serve an application on a free port of this machine; yield a client that knows the address.

    `how` is what uvicorn is told besides.
    """
    with create_server(("127.0.0.1", 0)) as socket:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="on", **how))
        thread = Thread(target=server.run, args=([socket],), daemon=True)
        thread.start()
        _wait_until_it_serves(server, thread)
        with httpx.Client(base_url=f"http://127.0.0.1:{socket.getsockname()[1]}", timeout=60) as client:
            yield client
        server.should_exit = True
        thread.join(30)


def _wait_until_it_serves(server: uvicorn.Server, thread: Thread) -> None:
    deadline = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
        thread.join(0.01)
