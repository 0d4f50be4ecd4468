"""When something fails: the store is away, comes back, is cut off, or the application itself is at fault."""

import re
import time
from socket import create_connection, create_server
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry.settings import Settings
from registry.store import Place, Store
from registry.web.app import build_app
from tests.serving import serving

PAGE = {"Accept": "text/html"}
SETTINGS = Settings(_env_file=None, lang="en")


def test_a_failure_of_ours_is_one_sentence_with_the_headers_of_every_answer(
    ready_store: Store, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(_request: Request) -> Response:
        raise RuntimeError("a secret detail")

    app = build_app(place, SETTINGS)
    app.router.routes.append(Route("/fails", fails))
    with serving(app) as client:
        answer = client.get("/fails", headers=PAGE | {"Accept-Language": "id"})
    assert answer.status_code == 500
    assert "Terjadi kegagalan" in answer.text
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    (number,) = re.findall(r"<h1>.* (\w{8})\.</h1>", answer.text)
    assert number in caplog.text and "a secret detail" in caplog.text


def test_the_page_says_when_the_store_is_away_and_recovers_by_itself(store: Store, place: Place) -> None:
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host, _colon, behind = place.uri.rpartition("/")[2].partition(":")
    here = Place(
        f"bolt://127.0.0.1:{port}", place.username, place.password,
        place.reader_username, place.reader_password, place.database,
    )  # fmt: skip
    with serving(build_app(here, SETTINGS)) as client:
        answer = client.get("/", headers=PAGE)
        assert answer.status_code == 503 and answer.headers["retry-after"]
        assert "does not answer; please try again soon" in answer.text and 'name="q"' in answer.text
        assert str(port) not in answer.text
        assert client.get("/reports/gaps", headers=PAGE).status_code == 503
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200
        with Way(port, host, int(behind)):
            answered(client, "/ready", 200)
            assert "<strong>0</strong> agencies" in client.get("/").text
            assert client.get("/reports/gaps").status_code == 200
        answered(client, "/ready", 503)
        assert client.get("/health").status_code == 200


def answered(client: httpx.Client, path: str, status: int) -> None:
    deadline = time.monotonic() + 30
    while client.get(path).status_code != status:
        assert time.monotonic() < deadline, f"{path} never answered {status}"


class Way(ThreadingTCPServer):
    """A way to the store that can be cut: it carries bytes between a port of its own and the store's."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, port: int, *behind: Any) -> None:
        super().__init__(("127.0.0.1", port), Carrying)
        self.behind, self.open = behind, []
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        for one in self.open:
            one.close()


class Carrying(BaseRequestHandler):
    def handle(self) -> None:
        with create_connection(self.server.behind) as far:
            self.server.open += [self.request, far]
            back = Thread(target=carry, args=(far, self.request), daemon=True)
            back.start()
            carry(self.request, far)


def carry(source: Any, target: Any) -> None:
    try:
        while part := source.recv(65536):
            target.sendall(part)
    except OSError:
        pass
