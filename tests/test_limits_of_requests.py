"""How much one visitor may ask in a minute, over HTTP: by address, by who is signed in, by failed attempts."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry import credentials
from registry.access import Role
from registry.constraints import apply
from registry.model import MODEL
from registry.settings import Settings
from registry.store import Place, Store
from registry.web.app import build_app
from tests.commands import free_port
from tests.engines import until
from tests.needs import missing
from tests.serving import serving

PROXIED = {"proxy_headers": True, "forwarded_allow_ips": "127.0.0.1"}  # so that a test has any address
HERE, THERE = "203.0.113.7", "203.0.113.8"
PAGE = "/login"  # it asks the store nothing


@pytest.fixture(scope="module")
def store(embedded_place: Place) -> Iterator[Store]:
    with Store(embedded_place) as store:
        apply(store, MODEL)
        yield store


@contextmanager
def limited(place: Place, how: dict[str, Any] = PROXIED, **settings: Any) -> Iterator[httpx.Client]:
    with serving(build_app(place, Settings(_env_file=None, lang="en", **settings)), **how) as client:
        yield client


def ask(client: httpx.Client, address: str = HERE, path: str = PAGE, **headers: str) -> httpx.Response:
    return client.get(path, headers={"X-Forwarded-For": address, **headers})


def statuses(client: httpx.Client, times: int, *given: str, **headers: str) -> list[int]:
    return [ask(client, *given, **headers).status_code for _n in range(times)]


def test_an_address_that_asks_too_much_is_told_when_to_go_on(store: Store, embedded_place: Place) -> None:
    with limited(embedded_place, requests_a_minute=3) as client:
        assert statuses(client, 3) == [200, 200, 200]
        refused = ask(client)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json() == {"message": refused.json()["message"], "code": "TOO_COSTLY"}
        assert f"in {refused.headers['retry-after']} seconds" in refused.json()["message"]
        asked = client.post("/graphql", json={"query": "{ __typename }"}, headers={"X-Forwarded-For": HERE})
        assert asked.json()["errors"][0]["extensions"]["code"] == "TOO_COSTLY"
        assert statuses(client, 3, THERE) == [200, 200, 200], "another address is another visitor"
        assert statuses(client, 9, HERE, "/static/registry.css") == [200] * 9
        assert statuses(client, 9, HERE, "/health") == [200] * 9


def test_one_network_of_ipv6_is_one_visitor(store: Store, embedded_place: Place) -> None:
    with limited(embedded_place, requests_a_minute=2) as client:
        asked = [
            ask(client, one).status_code for one in ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")
        ]
        assert asked == [200, 200, 429, 200]
        assert [ask(client, one).status_code for one in ("203.0.113.9", "::ffff:203.0.113.9", "203.0.113.9")] == [
            200,
            200,
            429,
        ]


def test_who_is_signed_in_counts_by_themselves(store: Store, embedded_place: Place) -> None:
    siti, budi = (
        {"Authorization": f"Bearer {credentials.issue(store, name, Role.ADMIN, [], [])[0]}"}
        for name in ("Siti", "Budi")
    )
    with limited(embedded_place, requests_a_minute=2) as client:
        assert statuses(client, 3) == [200, 200, 429]
        assert statuses(client, 3, **siti) == [200, 200, 429]
        assert statuses(client, 3, **budi) == [200, 200, 429]


def test_failed_attempts_are_limited_more_and_before_the_store_is_asked(
    store: Store, embedded_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with limited(embedded_place, failures_a_minute=2) as client:
        sent = {"X-Forwarded-For": HERE}
        wrong = client.post("/login", data={"token": "ssr_wrong"}, headers=sent)
        assert wrong.status_code == 401
        assert statuses(client, 3, Authorization="Bearer ssr_wrong") == [401, 429, 429]
        assert client.post("/login", data={"token": "ssr_wrong"}, headers=sent).status_code == 429
        assert ask(client, THERE).status_code == 200


def test_this_machine_is_not_limited_and_nobody_else_says_to_be_another(store: Store, embedded_place: Place) -> None:
    with limited(embedded_place, {"proxy_headers": False}, requests_a_minute=1) as client:
        assert statuses(client, 5) == [200] * 5, "what is said of the address counts only where a proxy is named"
    with limited(embedded_place, {**PROXIED, "forwarded_allow_ips": "192.0.2.1"}, requests_a_minute=1) as client:
        assert statuses(client, 5) == [200] * 5


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    if not shutil.which("redis-server"):
        missing("REDIS", "redis-server is not installed")
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        assert any("Ready to accept connections" in line for line in server.stdout)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.communicate()


def test_processes_that_share_a_redis_count_together(store: Store, embedded_place: Place, tmp_path: Path) -> None:
    with redis(tmp_path) as address:
        given = {"limits": address, "requests_a_minute": 3}
        with limited(embedded_place, **given) as one, limited(embedded_place, **given) as other:
            assert [ask(client).status_code for client in (one, other, one, other, one)] == [200, 200, 200, 429, 429]


def test_a_redis_that_is_away_keeps_nobody_out(
    store: Store, embedded_place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with limited(embedded_place, limits=f"redis://:secret@127.0.0.1:{free_port()}/0", requests_a_minute=1) as client:
        assert statuses(client, 3) == [200, 200, 200]
    assert until(lambda: "Requests are not counted" in caplog.text)
    assert "secret" not in caplog.text


def test_the_address_of_a_redis_is_one() -> None:
    with pytest.raises(ValueError, match=r"redis://127\.0\.0\.1:6379/0") as refusal:
        Settings(_env_file=None, limits="memcached://:secret@there")
    assert "secret" not in str(refusal.value.errors()[0]["msg"])  # type: ignore[attr-defined]
