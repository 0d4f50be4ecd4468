"""When something fails: the store is away, comes back, is cut off, or the application itself is at fault."""

import logging
import os
import re
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from socket import create_connection, create_server, socket

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry import engine
from registry.config import Settings
from registry.database.connect import connection_settings
from registry.database.driver import ConnectionSettings, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.web import workers
from registry.web.app import build_app
from tests.support.engines import SLOW_ON_NEO4J, require_embedded, until
from tests.support.server import serving
from tests.support.tcp_proxy import Way

PAGE = {"Accept": "text/html"}
SETTINGS = Settings(_env_file=None, lang="en")


@SLOW_ON_NEO4J
def test_an_internal_error_is_one_sentence_with_the_usual_headers(
    ready_store: Store, place: ConnectionSettings, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_request: Request) -> Response:
        raise RuntimeError("a secret detail")

    app = build_app(place, SETTINGS)
    app.router.routes.append(Route("/fails", fails))
    with serving(app) as client:
        answer = client.get("/fails", headers=PAGE | {"Accept-Language": "id"})
    assert answer.status_code == 500
    assert "Terjadi kesalahan" in answer.text
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    (number,) = re.findall(r"<h1>.* (\w{8})\.</h1>", answer.text)
    assert number in caplog.text and "a secret detail" in caplog.text


@SLOW_ON_NEO4J
def test_the_page_says_when_the_store_is_away_and_recovers_by_itself(store: Store, place: ConnectionSettings) -> None:
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    here = replace(place, uri=f"bolt://127.0.0.1:{port}")
    with serving(build_app(here, SETTINGS)) as client:
        answer = client.get("/", headers=PAGE)
        assert answer.status_code == 503 and answer.headers["retry-after"]
        assert "The database is not responding. Try again soon." in answer.text and 'name="q"' in answer.text
        assert str(port) not in answer.text
        assert client.get("/reports/gaps", headers=PAGE).status_code == 503
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200
        with Way(place.uri, port):
            answered(client, "/ready", 200)
            assert "<strong>0</strong> agencies" in client.get("/").text
            assert client.get("/reports/gaps").status_code == 200
        answered(client, "/ready", 503)
        assert client.get("/health").status_code == 200


HEAD = b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %b\r\nContent-Length: 5000\r\n\r\n"
BODIES = {
    "/graphql": HEAD % (b"/graphql", b"application/json") + b'{"query":',
    "/login": HEAD % (b"/login", b"application/x-www-form-urlencoded") + b"token=",
}


def sending(client: httpx.Client, part: bytes) -> socket:
    """Return a connection on which a part of a request was sent."""
    connection = create_connection(("127.0.0.1", client.base_url.port or 0), timeout=60)
    connection.sendall(part)
    return connection


@pytest.mark.parametrize(
    "part", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0", b"\r\n"], ids=["line", "header", "nothing"]
)
def test_a_request_whose_head_never_ends_is_closed(
    embedded_place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, part: bytes
) -> None:
    monkeypatch.setattr(workers, "ARRIVE_SECONDS", 0.5)
    with serving(build_app(embedded_place, SETTINGS), http=workers.Protocol) as client:
        assert client.get("/health").status_code == 200
        with sending(client, part) as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
            while connection.recv(100):
                pass
        assert client.get("/health").status_code == 200
    (line,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert "did not arrive in time" in line.message and not line.exc_info


@pytest.mark.parametrize("path", BODIES)
def test_a_request_whose_body_never_ends_is_closed(
    embedded_place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    monkeypatch.setattr(workers, "ARRIVE_SECONDS", 0.5)
    with serving(build_app(embedded_place, SETTINGS), http=workers.Protocol) as client:
        with sending(client, BODIES[path]) as connection:
            assert connection.recv(100) == b""
        (line,) = logged(caplog)
    assert path in line.message and "was cut off" in line.message and not line.exc_info


@pytest.mark.parametrize("path", BODIES)
def test_a_request_that_is_cancelled_leaves_one_line_in_the_log(
    embedded_place: ConnectionSettings, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with serving(build_app(embedded_place, SETTINGS), http=workers.Protocol) as client:
        sending(client, BODIES[path]).close()
        (line,) = logged(caplog)
        assert client.get("/health").status_code == 200
    assert path in line.message and "was cut off" in line.message and not line.exc_info


def logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what was logged as a warning or worse, once something was."""

    def lines() -> list[logging.LogRecord]:
        return [one for one in caplog.records if one.levelno >= logging.WARNING]

    assert until(lambda: bool(lines()))
    return lines()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill that a process cannot see")
@pytest.mark.parametrize(
    "path",
    [
        "/graphql?query={agencies{totalCount}}",
        *(pytest.param(path, marks=pytest.mark.slow) for path in ("/", "/reports/gaps")),
    ],
)
def test_an_engine_lost_during_a_query_is_reported_and_found_again(engine_data: Path, path: str) -> None:
    require_embedded()
    running = engine.start(engine_data)
    with Store(connection_settings(running)) as store:
        apply(store, MODEL)
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    here = replace(connection_settings(running), uri=f"bolt://127.0.0.1:{port}")
    with serving(build_app(here, SETTINGS)) as client, ThreadPoolExecutor() as asking:
        with Way(running.uri, port) as way:
            answered(client, "/ready", 200)
            way.until = "MATCH"
            answer = asking.submit(client.get, path)
            assert way.asked.wait(60)
            os.kill(running.pid, signal.SIGKILL)
            said = answer.result(60)
            assert said.status_code == 503 and said.headers["retry-after"]
            assert "is not responding" in said.text
            assert not path.startswith("/graphql") or said.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            assert client.get("/health").status_code == 200
        again = engine.start(engine_data)
        assert again.uri == running.uri, "it is where it was"
        with Way(again.uri, port):
            answered(client, path, 200)


def answered(client: httpx.Client, path: str, status: int) -> None:
    deadline = time.monotonic() + 30
    while client.get(path).status_code != status:
        assert time.monotonic() < deadline, f"{path} never answered {status}"
