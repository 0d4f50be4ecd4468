"""Who asks over HTTP: by token, by session, by the first administrator's link; and what other sites cannot do."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from registry.auth import credentials
from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Reader, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.permissions import Role
from registry.web.app import build_app
from registry.web.auth import safe_path
from registry.web.base import actor_of
from tests.support.cli import command, free_port, serves, speaking_to
from tests.support.random_world import write_world
from tests.support.server import serving
from tests.support.small_world import small_world

PAGE = {"Accept": "text/html", "Accept-Language": "en"}
COURT = "agency:court"  # closed: nobody knows of it but who acts for it, and administrators
NAMES = "{ agencies { nodes { id } } }"


@pytest.fixture(scope="module")
def store(embedded_place: ConnectionSettings) -> Iterator[Store]:
    with Store(embedded_place) as store:
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        apply(store, MODEL)
        write_world(store, small_world())
        yield store


@pytest.fixture(scope="module")
def address(store: Store, embedded_place: ConnectionSettings) -> Iterator[str]:
    """The application, with an address that says who asks."""

    async def who(request: Request) -> Response:
        actor = actor_of(request)
        return PlainTextResponse(f"{actor.name} {actor.role} {','.join(sorted(actor.agencies))}")

    app = build_app(embedded_place, Settings(_env_file=None, lang="en"))
    app.router.routes.insert(0, Route("/who", who, methods=["GET", "POST", "PUT", "DELETE"]))
    with serving(app) as client:
        yield str(client.base_url)


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60, headers={"Accept-Language": "en"}) as client:
        yield client


@pytest.fixture
def token(store: Store) -> str:
    """A token of somebody who coordinates for the court."""
    return credentials.issue(store, "Hakim", Role.COORDINATOR, [COURT], [])[0]


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def sign_in(client: httpx.Client, token: str, there: str = "/who") -> httpx.Response:
    return client.post("/login", data={"token": token, "next": there}, headers=PAGE | {"Origin": str(client.base_url)})


def overdue(store: Store) -> None:
    """Let everything that was issued expire."""
    store.write(Cypher("MATCH (c:Credential) SET c.expires = $in.now", {"in": {"now": now()}}))


def ids(answer: httpx.Response) -> set[str]:
    return {one["id"] for one in answer.json()["data"]["agencies"]["nodes"]}


def test_who_brings_nothing_is_nobody(client: httpx.Client) -> None:
    assert client.get("/who").text == "anonymous viewer "
    assert COURT not in ids(client.post("/graphql", json={"query": NAMES}))


@pytest.mark.parametrize(
    ("method", "path", "sent", "holds"),
    [
        ("POST", "/graphql", {"json": {"query": NAMES}}, COURT),
        ("GET", "/graphql", {"params": {"query": NAMES}}, COURT),
        ("GET", "/agencies", {}, "Court of Secrets"),
        ("GET", "/agencies.json", {}, COURT),
        ("GET", "/agencies.csv", {}, COURT),
        ("GET", f"/agencies/{COURT}", {}, "Court of Secrets"),
        ("GET", f"/agencies/{COURT}.json", {}, COURT),
        ("GET", "/search?q=Court", {}, "Court of Secrets"),
        ("GET", "/search.json?q=Court", {}, COURT),
        ("GET", f"/shared?agency={COURT}&agency=agency:roads", {}, "Court of Secrets"),
        ("GET", f"/shared.json?agency={COURT}&agency=agency:roads", {}, COURT),
        ("GET", f"/explore?of={COURT}", {}, "Court of Secrets"),
        ("GET", "/reports/agreements.json", {}, "partnership:files"),
        (
            "POST",
            "/reports/graphql",
            {"json": {"query": "{ agreements { rows { evidence { id } } } }"}},
            "partnership:files",
        ),
    ],
)
def test_every_address_answers_as_the_holder_may_see_it(
    client: httpx.Client, token: str, method: str, path: str, sent: dict[str, Any], holds: str
) -> None:
    for headers, seen in (({}, False), (bearer(token), True), ({}, False)):
        answer = client.request(method, path, headers=headers, **sent)
        assert (holds in answer.text.replace(f'value="{COURT}"', "").replace(path, "")) is seen, answer.text[:500]
        if seen:
            assert answer.headers["cache-control"] in ("private, no-cache", "no-store")
            assert "Authorization" in answer.headers["vary"]


def test_an_entity_tag_of_one_is_none_of_another(client: httpx.Client, token: str) -> None:
    def get(headers: dict[str, str]) -> httpx.Response:
        return client.get("/graphql", params={"query": NAMES}, headers=headers)

    tag = get(bearer(token)).headers["etag"]
    assert get(bearer(token) | {"If-None-Match": tag}).status_code == 304
    assert get({"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("path", ["/graphql", "/reports/graphql", "/agencies.json", "/", "/who"])
@pytest.mark.parametrize("sent", ["Bearer ssr_made-up", "Bearer", "Bearer a.b.c", "Token x", "Bearer é"])
def test_a_token_that_is_no_good_is_refused_and_not_taken_for_nobody(
    client: httpx.Client, path: str, sent: str
) -> None:
    answer = client.get(path, headers={"Authorization": sent.encode()})  # type: ignore[dict-item]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert code_of(answer) == "NOT_ALLOWED"
    assert sent.partition(" ")[2] in ("", "x") or sent.partition(" ")[2] not in answer.text


def code_of(answer: httpx.Response) -> str:
    told = answer.json()
    return str(told["errors"][0]["extensions"]["code"] if "errors" in told else told["code"])


def test_a_token_that_was_revoked_or_has_expired_is_refused_from_then_on(client: httpx.Client, store: Store) -> None:
    secret, made = credentials.issue(store, "Siti", Role.ADMIN, [], [])
    assert client.get("/who", headers=bearer(secret)).text == "Siti admin "
    credentials.revoke(store, made.id)
    assert client.get("/who", headers=bearer(secret)).status_code == 401
    secret, _made = credentials.issue(store, "Siti", Role.ADMIN, [], [])
    overdue(store)
    assert client.get("/who", headers=bearer(secret)).status_code == 401


def test_a_proxy_may_ask_for_a_password_of_its_own(client: httpx.Client) -> None:
    assert client.get("/who", auth=("proxy", "password")).text == "anonymous viewer "


def test_who_brings_nothing_costs_no_question_to_the_store(
    client: httpx.Client, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    read = Reader.read

    async def counted(reader: Reader, cyphers: Any) -> Any:
        asked.extend(cyphers)
        return await read(reader, cyphers)

    monkeypatch.setattr(Reader, "read", counted)
    for headers in ({}, {"Cookie": "lang=en; other=1"}, {"Authorization": "Basic eDp5"}):
        assert client.get("/who", headers=headers).status_code == 200
    assert client.get("/static/registry.css", headers=bearer(token)).status_code == 200
    assert asked == []
    client.get("/who", headers=bearer(token))
    assert len(asked) == 1


def test_a_person_signs_in_is_shown_as_such_and_signs_out(client: httpx.Client, token: str) -> None:
    form = client.get("/login", params={"next": "/agencies?q=court"}, headers=PAGE)
    assert 'value="/agencies?q=court"' in form.text and "<script" not in form.text.partition("<body>")[2]
    answer = sign_in(client, token, "/agencies?q=court")
    assert (answer.status_code, answer.headers["location"]) == (303, "/agencies?q=court")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Domain" not in cookie
    assert token not in cookie
    page = client.get("/agencies", headers=PAGE)
    assert "Hakim" in page.text and "Court of Secrets" in page.text and 'action="/logout"' in page.text
    session = client.cookies["registry-session"]
    out = client.post("/logout", headers=PAGE | {"Origin": str(client.base_url)})
    assert (out.status_code, out.headers["location"]) == (303, "/")
    assert "registry-session" not in client.cookies
    assert "Sign in" in client.get("/agencies", headers=PAGE).text
    again = client.get("/who", headers=PAGE | {"Cookie": f"registry-session={session}"})
    assert again.status_code == 303, "the session itself is over, not only the cookie gone"


def test_under_https_the_cookie_is_this_hosts_alone(
    store: Store, embedded_place: ConnectionSettings, token: str
) -> None:
    app = build_app(embedded_place, Settings(_env_file=None, lang="en", hosts="registry.example.org"))
    with serving(app, proxy_headers=True, forwarded_allow_ips="127.0.0.1") as client:
        headers = {
            "X-Forwarded-Proto": "https",
            "Host": "registry.example.org",
            "Origin": "https://registry.example.org",
        }
        answer = client.post("/login", data={"token": token}, headers=headers)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-registry-session=") and "Secure" in cookie
        value = cookie.partition(";")[0]
        assert "Hakim" in client.get("/agencies", headers=headers | {"Cookie": value, **PAGE}).text
        unsafe = client.get("/agencies", headers=headers | {"Cookie": value.removeprefix("__Host-"), **PAGE})
        assert "Hakim" not in unsafe.text, "a cookie that another host could have set"


def test_a_token_that_is_no_good_does_not_sign_in(client: httpx.Client) -> None:
    answer = sign_in(client, "ssr_made-up", "/agencies")
    assert answer.status_code == 401
    assert "not known, has expired or was revoked" in answer.text and 'value="/agencies"' in answer.text
    assert "made-up" not in answer.text
    assert "set-cookie" not in answer.headers


def test_who_is_signed_out_in_the_middle_is_told_so_and_comes_back(
    client: httpx.Client, store: Store, token: str
) -> None:
    sign_in(client, token)
    overdue(store)
    answer = client.get("/agencies?q=court", headers=PAGE)
    assert answer.status_code == 303
    assert "registry-session" not in client.cookies
    form = client.get(answer.headers["location"], headers=PAGE)
    assert "Your session has ended; please sign in again." in form.text
    assert 'value="/agencies?q=court"' in form.text


def test_a_script_is_told_that_the_session_has_ended(client: httpx.Client) -> None:
    headers = {"Cookie": "registry-session=gone", "Origin": str(client.base_url)}
    answer = client.post("/graphql", json={"query": NAMES}, headers=headers)
    assert (answer.status_code, code_of(answer)) == (401, "NOT_ALLOWED")
    assert "sign in again" in answer.json()["errors"][0]["message"]
    assert "set-cookie" not in answer.headers, "its next request would be that of a stranger"


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ("/agencies?q=a%20b#x", "/agencies?q=a%20b#x"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("agencies", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_one_comes_back_to_our_own_pages_only(named: str | None, path: str) -> None:
    assert safe_path(named) == path


@pytest.mark.parametrize("path", ["/who", "/graphql", "/login", "/logout", "/nothing-here"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[nonsense"},
        {"Cookie": "registry-session=x"},
    ],
    ids=str,
)
def test_another_site_changes_nothing(client: httpx.Client, path: str, method: str, sent: dict[str, str]) -> None:
    answer = client.request(method, path, headers=sent)
    assert (answer.status_code, code_of(answer)) == (403, "NOT_ALLOWED")


def test_our_own_pages_and_programs_may_send(client: httpx.Client, token: str) -> None:
    assert client.post("/who").text == "anonymous viewer "
    assert client.post("/who", headers=bearer(token)).text == f"Hakim coordinator {COURT}"
    sign_in(client, token)
    for sent in ({"Origin": str(client.base_url)}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        assert client.post("/who", headers=sent).text == f"Hakim coordinator {COURT}"
    assert client.post("/who").status_code == 403


def test_the_first_administrator_presses_a_button(client: httpx.Client, store: Store) -> None:
    overdue(store)
    code = credentials.invite(store)
    link = f"/first?code={code}"
    for _look in range(2):
        page = client.get(link, headers=PAGE)
        assert page.status_code == 200 and "<button>Sign in as administrator" in page.text
        assert client.head(link).status_code == 200
        assert page.headers["referrer-policy"] == "same-origin" and page.headers["cache-control"] == "no-store"
    (field,) = re.findall(r'name="code" value="([^"]+)"', page.text)
    answer = client.post("/first", data={"code": field}, headers={"Origin": str(client.base_url)})
    assert answer.status_code == 303
    assert client.get("/who").text == "admin admin "
    with httpx.Client(base_url=client.base_url, headers=PAGE) as another:
        assert another.get(link).status_code == 410
        late = another.post("/first", data={"code": field})
        assert late.status_code == 410 and "was already used or has expired" in late.text
        assert "set-cookie" not in late.headers


@pytest.mark.parametrize(
    "body",
    [
        {"content": b"token=" + b"x" * 100_000, "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"content": b"\xff=\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {
            "content": b"&".join(b"a=1" for _n in range(200)),
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
        {"json": {"token": "x"}},
    ],
    ids=["long", "no-text", "many", "json"],
)
def test_what_is_no_form_of_ours_is_refused_in_one_sentence(client: httpx.Client, body: dict[str, Any]) -> None:
    answer = client.post("/login", **body)
    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text and len(answer.text) < 20_000


@pytest.mark.parametrize("proxy", ["", "127.0.0.1"])
def test_a_server_without_an_administrator_prints_a_link_for_the_first(
    store: Store, embedded_place: ConnectionSettings, tmp_path: Path, proxy: str
) -> None:
    overdue(store)
    port = free_port()
    server = command("serve", "--port", str(port), data=tmp_path, REGISTRY_PROXIES=proxy, **speaking_to(embedded_place))
    try:
        serves(server, port)
        assert server.stdout
        assert server.stdout.readline() == f"Serving on http://127.0.0.1:{port} until Ctrl-C.\n"
        link = server.stdout.readline().split()[-1]
        assert link.startswith(f"http://127.0.0.1:{port}/first?code=ssr_")
        page = httpx.get(f"{link}&lang=en", headers=PAGE | {"X-Forwarded-Proto": "https"})
        assert "Sign in as administrator" in page.text
        assert ("Secure" in page.headers["set-cookie"]) is bool(proxy), "a proxy's word, where it is named"
    finally:
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=60)
    assert out == "" and "ssr_" not in err, "nothing of the link is logged"
