"""How much one visitor may ask in a minute, over HTTP: by address, by who is signed in, by failed attempts."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.auth import credentials
from registry.config import Settings, SettingsError, load_settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.permissions import Role
from registry.web.app import build_app
from registry.web.rate_limits import RateLimits
from schema.limits import COST
from tests.support.cli import free_port
from tests.support.engines import until
from tests.support.requirements import missing
from tests.support.server import serving

PROXIED = {"proxy_headers": True, "forwarded_allow_ips": "127.0.0.1"}  # so that a test has any address
HERE, THERE = "203.0.113.7", "203.0.113.8"
PAGE = "/login"  # it asks the store nothing


@pytest.fixture(scope="module")
def store(embedded_place: ConnectionSettings) -> Iterator[Store]:
    with Store(embedded_place) as store:
        apply(store, MODEL)
        yield store


@contextmanager
def limited(place: ConnectionSettings, how: dict[str, Any] = PROXIED, **settings: Any) -> Iterator[httpx.Client]:
    with serving(build_app(place, Settings(_env_file=None, lang="en", **settings)), **how) as client:
        yield client


def ask(client: httpx.Client, address: str = HERE, path: str = PAGE, **headers: str) -> httpx.Response:
    return client.get(path, headers={"X-Forwarded-For": address, **headers})


def statuses(client: httpx.Client, times: int, *given: str, **headers: str) -> list[int]:
    return [ask(client, *given, **headers).status_code for _n in range(times)]


def test_an_address_that_asks_too_much_is_told_when_to_go_on(store: Store, embedded_place: ConnectionSettings) -> None:
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


def test_one_network_of_ipv6_is_one_visitor(store: Store, embedded_place: ConnectionSettings) -> None:
    with limited(embedded_place, requests_a_minute=2) as client:
        asked = [
            ask(client, one).status_code for one in ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")
        ]
        assert asked == [200, 200, 429, 200]
        assert [ask(client, one).status_code for one in ("203.0.113.7:1", "203.0.113.7", "203.0.113.7:51234")] == [
            200,
            200,
            429,
        ]
        ported = ("[2001:db8:1::1]:443", "2001:db8:1::2", "[2001:db8:1::3]", "[2001:db8:1::4]:51234")
        assert [ask(client, one).status_code for one in ported] == [200, 200, 429, 429]
        assert [ask(client, one).status_code for one in ("203.0.113.9", "::ffff:203.0.113.9", "203.0.113.9")] == [
            200,
            200,
            429,
        ]


def test_who_is_signed_in_counts_by_themselves(store: Store, embedded_place: ConnectionSettings) -> None:
    siti, budi = (
        {"Authorization": f"Bearer {credentials.issue(store, name, Role.ADMIN, [], [])[0]}"}
        for name in ("Siti", "Budi")
    )
    with limited(embedded_place, requests_a_minute=2) as client:
        assert statuses(client, 3) == [200, 200, 429]
        assert statuses(client, 3, **siti) == [200, 200, 429]
        assert statuses(client, 3, **budi) == [200, 200, 429]


def test_failed_attempts_limit_what_is_unknown_and_nothing_that_is_valid(
    store: Store, embedded_place: ConnectionSettings
) -> None:
    secret = credentials.issue(store, "Siti", Role.ADMIN, [], [])[0]
    session = credentials.session_by_token(store, secret)
    store.write(Cypher("MATCH (c:Credential) WHERE c.role = 'admin' AND c.sort = 'token' SET c.role = 'viewer'"))
    sent = {"X-Forwarded-For": HERE}
    with limited(embedded_place, failures_a_minute=2) as client:
        wrong = client.post("/login", data={"token": "ssr_wrong"}, headers=sent)
        assert wrong.status_code == 401
        assert statuses(client, 3, Authorization="Bearer ssr_wrong") == [401, 429, 429]
        assert client.post("/login", data={"token": "ssr_wrong"}, headers=sent).status_code == 429
        assert client.post("/first", data={"code": "ssr_wrong"}, headers=sent).status_code == 429
        assert ask(client, HERE, Authorization=f"Bearer {secret}").status_code == 200
        assert ask(client, HERE, Cookie=f"registry-session={session}").status_code == 200
        assert ask(client, HERE).status_code == 200, "who brings nothing"
        let_in = client.post("/login", data={"token": secret}, headers=sent)
        assert let_in.status_code == 303 and "registry-session" in let_in.headers["set-cookie"]
        assert statuses(client, 2, THERE, Authorization="Bearer ssr_wrong") == [401, 401]


def test_the_first_administrators_link_passes_where_others_have_failed(
    store: Store, embedded_place: ConnectionSettings
) -> None:
    store.write(Cypher("MATCH (c:Credential) DETACH DELETE c"))
    code = credentials.invite(store)
    sent = {"X-Forwarded-For": HERE}
    with limited(embedded_place, failures_a_minute=2) as client:
        assert statuses(client, 4, HERE, "/first?code=wrong") == [410] * 4, "opening one counts for nothing"
        assert statuses(client, 3, Authorization="Bearer ssr_wrong") == [401, 401, 429]
        assert ask(client, HERE, f"/first?code={code}").status_code == 200
        assert client.post("/first", data={"code": code}, headers=sent).status_code == 303
        client.cookies.clear()
        assert client.post("/first", data={"code": code}, headers=sent).status_code == 429, "it is used up"


def test_a_page_of_another_site_cannot_use_up_what_an_address_may_ask(
    store: Store, embedded_place: ConnectionSettings
) -> None:
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    frame = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    link = frame | {"Sec-Fetch-Dest": "document"}
    with limited(embedded_place, requests_a_minute=2) as client:
        for headers in (image, frame):
            assert statuses(client, 5, HERE, "/first?code=wrong", **headers) == [403] * 5
        assert statuses(client, 2, **link) == [200, 200], "a person may follow a link, and that counts"
        assert ask(client).status_code == 429


def test_a_session_that_has_ended_is_a_request_like_others(store: Store, embedded_place: ConnectionSettings) -> None:
    ended = {"Cookie": "registry-session=ssr_ended", "Accept": "text/html"}
    with limited(embedded_place, failures_a_minute=1, requests_a_minute=3) as client:
        assert statuses(client, 4, HERE, "/agencies", **ended) == [303, 303, 303, 429]


def test_processes_that_share_a_file_count_together(
    store: Store, embedded_place: ConnectionSettings, tmp_path: Path
) -> None:
    given = {"limits": f"sqlite:///{tmp_path / 'counts'}", "requests_a_minute": 3, "failures_a_minute": 3}
    with limited(embedded_place, **given) as one, limited(embedded_place, **given) as other:
        assert [ask(client).status_code for client in (one, other, one, other, one)] == [200, 200, 200, 429, 429]
        wrong = [ask(client, Authorization="Bearer ssr_no").status_code for client in (one, other, one, other, one)]
        assert wrong == [401, 401, 401, 429, 429]


def test_a_file_of_counts_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, limits=f"sqlite:///{tmp_path / 'none' / 'counts'}")
    with pytest.raises(SettingsError, match="REGISTRY_LIMITS"):
        RateLimits(settings)


@pytest.mark.parametrize("proxies", ["*", "127.0.0.1,*", "0.0.0.0/0", "::/0", "proxy.example.org"])
def test_proxies_are_named_by_address_and_never_everybody(proxies: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PROXIES", proxies)
    with pytest.raises(SettingsError, match=r"^The setting REGISTRY_PROXIES is invalid: .* such as 127\.0\.0\.1"):
        load_settings()
    assert Settings(_env_file=None, proxies="127.0.0.1, ::1,10.0.0.0/8").proxies


COSTLY = "{ agencies(first: 200) { nodes { id provides(first: 200) { role service { id name } } } } }"  # 160,000 values
CHEAP = "{ agencies(first: 5) { nodes { id name } } }"
TENTH = {"cost_a_minute": 1_000_000}


def query(client: httpx.Client, text: str, path: str = "/graphql", **headers: str) -> httpx.Response:
    return client.post(path, json={"query": text}, headers={"X-Forwarded-For": HERE, **headers})


def is_refused_until_later(answer: httpx.Response) -> bool:
    """Tell whether an operation was refused as more than the minute allows, and it is said when to go on."""
    (error,) = answer.json()["errors"]
    wait = int(answer.headers["retry-after"])
    assert 1 <= wait <= 60 and f"in {wait} seconds" in error["message"], error
    assert error["extensions"] == {"code": "TOO_COSTLY", "retryAfter": wait}
    return answer.status_code == 429


def test_a_costly_question_counts_for_more(store: Store, embedded_place: ConnectionSettings) -> None:
    with limited(embedded_place, **TENTH) as client:
        answered = [query(client, COSTLY).status_code for _n in range(20)]
        times = answered.count(200)
        assert 1 < times < 10 and answered == [200] * times + [429] * (20 - times)
        assert is_refused_until_later(query(client, COSTLY))
        assert query(client, CHEAP).status_code == 200, "what costs next to nothing is answered all the same"
        assert query(client, COSTLY, **{"X-Forwarded-For": THERE}).status_code == 200
        page = ask(client, HERE, "/agencies", Accept="text/html")
        assert page.status_code == 429 and "retry-after" in page.headers, "a page asks the same questions"


def test_reports_changes_and_sent_tables_cost_as_well(store: Store, embedded_place: ConnectionSettings) -> None:
    own = {"Authorization": f"Bearer {credentials.issue(store, 'Ani', Role.ADMIN, [], [])[0]}"}
    reports = "{ gaps { found of } }"
    many = (
        "mutation { " + " ".join(f'c{n}: propose(id: "none:{n}") {{ problems {{ code }} }}' for n in range(20)) + " }"
    )
    with limited(embedded_place, **TENTH) as client:
        asked = [query(client, reports, "/reports/graphql") for _n in range(20)]
        assert asked[0].status_code == 200 and is_refused_until_later(asked[-1])
        assert ask(client, path="/reports/gaps.json").status_code == 429
        assert "errors" not in query(client, many, **own).json(), "who is signed in has a budget of their own"
        sent = [
            client.post(
                "/register/agencies/table", files={"file": ("a.csv", b"")}, headers={**own, "X-Forwarded-For": HERE}
            )
            for _n in range(6)
        ]
        assert [one.status_code for one in sent] == [422] * 4 + [429] * 2
        assert is_refused_until_later(query(client, many, **own))
        assert ask(client, Accept="text/html", **own).status_code == 200, "what costs nothing is answered all the same"


def test_this_machine_is_not_limited_but_who_comes_by_a_proxy_on_it_is(
    store: Store, embedded_place: ConnectionSettings, caplog: pytest.LogCaptureFixture
) -> None:
    for how in ({"proxy_headers": False}, {**PROXIED, "forwarded_allow_ips": "192.0.2.1"}):
        caplog.clear()
        with limited(embedded_place, how, requests_a_minute=1) as client:
            assert [client.get(PAGE).status_code for _n in range(5)] == [200] * 5
            assert "REGISTRY_PROXIES" not in caplog.text
            assert statuses(client, 3) == [200, 429, 429]
            assert statuses(client, 2, f"{HERE}, {THERE}") == [200, 429], "what the proxy adds, not what it was told"
            assert statuses(client, 2, "127.0.0.1") == [200, 200]
            assert [ask(client, f"192.0.2.9:{port}").status_code for port in (51234, 51235)] == [200, 429]
            assert [ask(client, f"[2001:db8::{n}]:443").status_code for n in (1, 2)] == [200, 429]
            assert caplog.text.count("REGISTRY_PROXIES") == 1


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


def test_one_operation_never_costs_more_than_a_minute_may_allow() -> None:
    with pytest.raises(ValueError, match="cost_a_minute"):
        Settings(_env_file=None, cost_a_minute=2 * COST)


def test_processes_that_share_a_redis_count_together(
    store: Store, embedded_place: ConnectionSettings, tmp_path: Path
) -> None:
    with redis(tmp_path) as address:
        given = {"limits": address, "requests_a_minute": 3}
        with limited(embedded_place, **given) as one, limited(embedded_place, **given) as other:
            assert [ask(client).status_code for client in (one, other, one, other, one)] == [200, 200, 200, 429, 429]


def test_a_redis_that_is_away_keeps_nobody_out(
    store: Store, embedded_place: ConnectionSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with limited(embedded_place, limits=f"redis://:secret@127.0.0.1:{free_port()}/0", requests_a_minute=1) as client:
        assert statuses(client, 3) == [200, 200, 200]
    assert until(lambda: "Requests are not counted" in caplog.text)
    assert "secret" not in caplog.text


def test_the_address_of_a_redis_is_one() -> None:
    with pytest.raises(ValueError, match=r"redis://127\.0\.0\.1:6379/0") as refusal:
        Settings(_env_file=None, limits="memcached://:secret@there")
    assert "secret" not in str(refusal.value.errors()[0]["msg"])  # type: ignore[attr-defined]
