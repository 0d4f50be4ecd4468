"""Signing in through a real provider, bearer tokens of it, and every token that it did not give for us."""

import asyncio
import hmac
import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from joserfc import jws, jwt
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from registry.auth import credentials
from registry.auth.oidc import Provider, ProviderUnavailable, Untrusted, claims_of
from registry.clock import current_time
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.model.values import Instant
from registry.permissions import Role
from registry.web.app import build_app
from registry.web.base import actor_of
from tests.support.factories import record
from tests.support.identity_provider import AUDIENCE, CLIENT, IdentityProvider, new_key
from tests.support.random_world import write_world
from tests.support.server import serving
from tests.support.small_world import small_world

PAGE = {"Accept": "text/html", "Accept-Language": "en"}
ACCOUNTS = {
    "siti": {"preferred_username": "siti", "roles": ["coordinator", "viewer"], "agencies": ["agency:health"]},
    "budi": {
        "email": "budi@example.org",
        "roles": "approver",
        "agencies": ["sso:roads", "agency:none"],
        "groups": ["auditors"],
    },
    "wati": {"roles": ["is_admin"], "groups": ["*administrators", "*", "agency:court"]},
    "root": {"preferred_username": "root", "roles": ["viewer", "admin"]},
}


@pytest.fixture(scope="module")
def store(embedded_place: ConnectionSettings) -> Iterator[Store]:
    with Store(embedded_place) as store:
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        apply(store, MODEL)
        world = small_world()
        roads = record("Agency", "agency:roads", "Roads Office", kind="department", identifiers=["sso:roads"])
        records = [roads if one.id == roads.id else one for one in world.records]
        write_world(store, replace(world, records=records))
        yield store


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def address(store: Store, embedded_place: ConnectionSettings, provider: IdentityProvider) -> Iterator[str]:
    """The application, which says who asks, and the provider, which knows its address."""
    with serving(application(embedded_place, provider)) as client:
        provider.start(f"{client.base_url}/login/back", ACCOUNTS)
        yield str(client.base_url)


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60, headers=PAGE) as client:
        yield client


def application(place: ConnectionSettings, provider: IdentityProvider, **more: Any) -> Any:
    async def who(request: Request) -> Response:
        actor = actor_of(request)
        return PlainTextResponse(
            f"{actor.name} {actor.role} {','.join(sorted(actor.agencies))} {','.join(sorted(actor.groups))}".strip()
        )

    given = {
        "issuer": provider.issuer,
        "client_id": CLIENT[0],
        "client_secret": CLIENT[1],
        "audience": AUDIENCE,
        **more,
    }
    settings = Settings(_env_file=None, lang="en", **{f"oidc_{name}": value for name, value in given.items()})
    app = build_app(place, settings)
    app.router.routes.insert(0, Route("/who", who))
    return app


def sign_in(client: httpx.Client, account: str, there: str = "/who") -> httpx.Response:
    """Sign in as a person does: press the button, say who one is, consent."""
    form = client.get("/login", params={"next": there})
    (button,) = re.findall(r'href="(/login/provider[^"]*)"', form.text)
    answer = client.get(button.replace("&amp;", "&"), follow_redirects=True)
    for sent in ({"prompt": "login", "login": account, "password": "any"}, {"prompt": "consent"}):
        (action,) = re.findall(r'action="([^"]+)"', answer.text)
        answer = client.post(action, data=sent, follow_redirects=True)
    return answer


@pytest.mark.parametrize(
    ("account", "who"),
    [
        ("siti", "siti coordinator agency:clinic,agency:health"),
        ("budi", "budi@example.org approver agency:roads auditors"),
        ("wati", "wati viewer"),
        ("root", "root admin"),
    ],
)
def test_a_person_signs_in_and_is_who_the_provider_says(client: httpx.Client, account: str, who: str) -> None:
    answer = sign_in(client, account, "/who?a=b%20c")
    assert answer.text == who
    assert str(answer.url).endswith("/who?a=b%20c")
    assert "registry-signing-in" not in client.cookies
    assert client.get("/who").text == who


def latest_session(store: Store) -> credentials.Credential:
    return [one for one in credentials.list_credentials(store) if one.name == "siti" and one.state == "valid"][-1]


def test_the_provider_is_asked_again_every_hour_who_somebody_is(client: httpx.Client, store: Store) -> None:
    sign_in(client, "siti")
    session = latest_session(store)
    hour = str(Instant.clean(current_time() + timedelta(hours=1, seconds=1)))
    assert session.expires <= hour, "roles are no older"
    store.write(Cypher("MATCH (c:Credential {id: $in.id}) SET c.expires = '2020', c.role = 'admin'", id_of(session)))
    asked = client.get("/who?a=b")
    assert asked.headers["location"].startswith("/login/provider?silently=1&next=")
    answer = client.get(asked.headers["location"], follow_redirects=True)
    assert answer.text == "siti coordinator agency:clinic,agency:health" and answer.url.path == "/who"


def id_of(session: credentials.Credential) -> dict[str, Any]:
    return {"in": {"id": session.id}}


def test_who_has_left_the_provider_signs_in_again(client: httpx.Client, store: Store) -> None:
    sign_in(client, "siti")
    credentials.revoke(store, latest_session(store).id)
    for one in [one for one in client.cookies.jar if not one.name.startswith("registry-")]:
        client.cookies.delete(one.name, one.domain, one.path)
    answer = client.get("/who", follow_redirects=True)
    assert (answer.url.path, answer.url.params["next"]) == ("/login", "/who")
    assert "Your session has ended" in answer.text
    assert client.get("/who").text.startswith("anonymous"), "and is not sent around in circles"


def test_a_session_by_token_is_never_begun_again_by_the_provider(client: httpx.Client, store: Store) -> None:
    sign_in(client, "siti")
    secret = credentials.issue(store, "Root", Role.ADMIN, [], [])[0]
    client.post("/login", data={"token": secret}, headers={"Origin": str(client.base_url)})
    assert client.get("/who").text == "Root admin"
    (session,) = [one for one in credentials.list_credentials(store) if one.name == "Root" and one.kind == "session"]
    credentials.revoke(store, session.id)
    assert client.get("/who").headers["location"].startswith("/login?ended=1")


def test_a_token_of_an_agency_that_is_retired_changes_nothing(
    client: httpx.Client, store: Store, provider: IdentityProvider
) -> None:
    def named(*agencies: str) -> str:
        return ask(client, provider.signed(roles=["approver"], agencies=list(agencies))).text

    assert named("sso:roads", "agency:clinic") == "siti approver agency:clinic,agency:roads"
    store.write(Cypher("MATCH (a:Agency {id: 'agency:roads'}) SET a.status = 'retired'"))
    try:
        assert named("sso:roads") == named("agency:roads") == "siti viewer"
        assert named("sso:roads", "agency:clinic") == "siti approver agency:clinic"
    finally:
        store.write(Cypher("MATCH (a:Agency {id: 'agency:roads'}) SET a.status = 'published'"))


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "0" * 64},
        {"state": None},
        {"code": "made-up"},
        {"code": None},
        {"code": None, "error": "access_denied"},
        {"iss": "https://evil.example"},
    ],
    ids=str,
)
def test_who_comes_back_otherwise_than_sent_is_not_signed_in(
    client: httpx.Client, changed: dict[str, str | None]
) -> None:
    began = client.get("/login/provider", params={"next": "/agencies"})
    asked = httpx.URL(began.headers["location"]).params
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43 and len(asked["nonce"]) == 64
    sent = {"state": asked["state"], "code": "a-code", **changed}
    answer = client.get("/login/back", params={name: value for name, value in sent.items() if value is not None})
    assert answer.status_code == 403
    assert "You were not signed in" in answer.text and "/login?next=/agencies" in answer.text.replace("%2F", "/")
    assert "registry-session" not in client.cookies


def test_a_code_is_of_use_only_in_the_browser_that_began(client: httpx.Client) -> None:
    caught: list[httpx.URL] = []

    def catch(request: httpx.Request) -> None:
        if request.url.path == "/login/back":
            caught.append(request.url)
            raise StopAsyncIteration

    client.event_hooks = {"request": [catch]}
    with pytest.raises(StopAsyncIteration):
        sign_in(client, "siti")
    with httpx.Client(base_url=client.base_url, headers=PAGE) as thief:
        assert thief.get(str(caught[0])).status_code == 403
        thief.get("/login/provider")
        state = httpx.URL(thief.get("/login/provider").headers["location"]).params["state"]
        assert thief.get(str(caught[0].copy_set_param("state", state))).status_code == 403, "PKCE"
    client.event_hooks = {}
    assert client.get(str(caught[0].copy_set_param("state", "x"))).status_code == 403


def test_a_program_brings_a_token_of_the_provider(client: httpx.Client, provider: IdentityProvider) -> None:
    answer = ask(client, provider.access_token())
    assert answer.text == "registry coordinator agency:clinic"
    assert ask(client, provider.signed(roles=["viewer", "admin"])).text == "siti admin"
    assert ask(client, provider.signed(aud=["other", AUDIENCE])).text == "siti viewer"


def ask(client: httpx.Client, token: str) -> httpx.Response:
    return client.get("/who", headers={"Authorization": f"Bearer {token}", "Accept": "application/json"})


def forgeries(provider: IdentityProvider) -> dict[str, str]:
    """Return tokens that prove nothing, by what is wrong with them. All say that they make an administrator."""
    header, _dot, rest = provider.signed(roles=["admin"]).partition(".")
    payload, _dot, signature = rest.partition(".")
    now, public = int(time.time()), provider.key.as_pem(private=False)

    def sign(**how: Any) -> str:
        return provider.signed(roles=["admin"], **how)

    def part(**values: Any) -> str:
        return encoded(json.dumps(values).encode())

    def with_secret(**more: Any) -> str:
        """By hand: the library knows better than to take a public key for a secret."""
        signed = f"{part(alg='HS256', **more)}.{part(**jwt_claims(provider))}"
        return f"{signed}.{encoded(hmac.digest(public, signed.encode(), 'sha256'))}"

    other = new_key()
    return {
        "forged: another key under the same id": sign(key=other),
        "forged: a key of its own, named in the header": sign(
            key=other, header={"kid": other.kid, "jwk": other.as_dict(private=False)}
        ),
        "changed after it was signed": f"{header}.{part(**jwt_claims(provider))}.{signature}",
        "signature left out": f"{header}.{payload}.",
        "alg none": f"{part(alg='none')}.{payload}.",
        "alg None with the signature": f"{part(alg='None', kid=provider.key.kid)}.{payload}.{signature}",
        "HS256 with the public key as the secret": with_secret(kid=provider.key.kid),
        "HS256 with the public key, no id": with_secret(),
        "expired": sign(exp=now - 60),
        "never expires": sign(exp=None),
        "not yet valid": sign(nbf=now + 600),
        "for somebody else": sign(aud="https://other.example.org"),
        "for nobody": sign(aud=None),
        "for the sign-in page, an ID token": sign(aud=CLIENT[0]),
        "of another issuer": sign(iss="https://evil.example"),
        "of no issuer": sign(iss=None),
        "of nobody": sign(sub=None),
        "no token": "a.b.c",
        "two parts": "a.b",
        "a header of lists in lists": f"{encoded(b'[' * 9_000)}.{payload}.{signature}",
        "a payload of lists in lists, signed": deep(provider),
        "very long": "a" * 20_000,
    }


def deep(provider: IdentityProvider) -> str:
    """Return what the provider has signed, and no computer wants to read."""
    return jws.serialize_compact({"alg": "RS256", "kid": provider.key.kid}, b'{"a":' + b"[" * 9_000, provider.key)


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def jwt_claims(provider: IdentityProvider) -> dict[str, Any]:
    return {"iss": provider.issuer, "aud": AUDIENCE, "sub": "x", "exp": int(time.time()) + 300, "roles": ["admin"]}


def test_every_other_token_is_refused(client: httpx.Client, provider: IdentityProvider) -> None:
    assert ask(client, provider.signed(roles=["admin"])).text == "siti admin", "what they all look like"
    for wrong, token in forgeries(provider).items():
        answer = ask(client, token)
        assert (wrong, answer.status_code) == (wrong, 401)
        assert answer.json()["code"] == "NOT_ALLOWED" and "Bearer" in answer.headers["www-authenticate"]


def test_without_an_audience_no_token_of_the_provider_is_taken(
    store: Store, embedded_place: ConnectionSettings, address: str, provider: IdentityProvider
) -> None:
    with serving(application(embedded_place, provider, audience=None)) as client:
        assert ask(client, provider.signed(aud=None)).status_code == 401
        assert ask(client, provider.access_token()).status_code == 401


def test_claims_stand_where_the_settings_say(
    store: Store, embedded_place: ConnectionSettings, address: str, provider: IdentityProvider
) -> None:
    named = {
        "role_claim": "realm_access.roles",
        "agencies_claim": "https://example.org/agencies",
        "groups_claim": "teams",
    }
    with serving(application(embedded_place, provider, **named)) as client:
        token = provider.signed(
            realm_access={"roles": ["approver"]}, teams="auditors", **{"https://example.org/agencies": "agency:clinic"}
        )
        assert ask(client, token).text == "siti approver agency:clinic auditors"
        assert ask(client, provider.signed(realm_access="approver", teams=[1, None, {}])).text == "siti viewer"


def test_keys_are_fetched_anew_for_an_id_that_is_new_and_not_for_every_one(
    store: Store, embedded_place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with IdentityProvider() as provider, serving(application(embedded_place, provider)) as client:
        provider.start(f"{client.base_url}/login/back", ACCOUNTS)
        assert ask(client, provider.signed()).status_code == 200
        provider.stop()
        old, provider.key = provider.key, new_key()
        provider.start(f"{client.base_url}/login/back", ACCOUNTS)
        monkeypatch.setattr("registry.auth.oidc.REFETCH_SECONDS", 3600.0)
        assert ask(client, provider.signed()).status_code == 401, "too soon to ask again"
        monkeypatch.setattr("registry.auth.oidc.REFETCH_SECONDS", 0.0)
        assert ask(client, provider.signed()).status_code == 200
        assert ask(client, provider.signed(key=old, header={"kid": old.kid})).status_code == 401, "a key that is gone"


def test_a_provider_that_is_away_is_one_sentence(store: Store, embedded_place: ConnectionSettings) -> None:
    with IdentityProvider() as nobody, serving(application(embedded_place, nobody)) as client:
        for answer in (client.get("/login/provider", headers=PAGE), ask(client, nobody.signed())):
            assert answer.status_code == 503 and answer.headers["retry-after"]
            assert "The sign-in service is not responding." in answer.text and str(nobody.port) not in answer.text
        secret = credentials.issue(store, "Siti", Role.ADMIN, [], [])[0]
        assert ask(client, secret).text == "Siti admin", "tokens of ours need no provider"


class Scripted:
    """A provider whose keys come as a test says: `keys` is what it sends, bit by bit where it `drips`."""

    def __init__(self) -> None:
        self.key, self.drips, self.over, self.asked = new_key(), False, Event(), 0
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                at, described = scripted.issuer, self.path != "/keys"
                told = {"issuer": at, "jwks_uri": f"{at}/keys"} if described else scripted.keys
                self.send_response(200)
                self.end_headers()
                scripted.asked += not described
                while scripted.drips and not described and not scripted.over.wait(0.01):
                    with suppress(OSError):
                        self.wfile.write(b" ")
                with suppress(OSError):
                    self.wfile.write(json.dumps(told).encode() if isinstance(told, dict) else told)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.keys: Any = {"keys": [self.key.as_dict(private=False)]}
        Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, **header: Any) -> str:
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "siti", "exp": int(time.time()) + 300}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid, **header}, claims, self.key)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    provider = Scripted()
    monkeypatch.setattr("registry.auth.oidc.TIMEOUT_SECONDS", 0.3)
    yield provider
    provider.over.set()
    provider.server.shutdown()
    provider.server.server_close()


async def known(scripted: Scripted, provider: Provider, **header: Any) -> str:
    return str((await claims_of(provider, scripted.token(**header), AUDIENCE))["sub"])


def asking(scripted: Scripted, ask: Callable[[Provider], Coroutine[Any, Any, None]]) -> None:
    async def asked() -> None:
        provider = Provider(Settings(_env_file=None, oidc_issuer=scripted.issuer))
        try:
            await ask(provider)
        finally:
            await provider.close()

    asyncio.run(asked())


def test_keys_that_trickle_in_keep_nobody_waiting(scripted: Scripted) -> None:
    async def ask(provider: Provider) -> None:
        scripted.drips = True  # for ever
        for _n in range(2):
            with pytest.raises(ProviderUnavailable):
                await known(scripted, provider)
        assert scripted.asked == 1, "who comes a moment later is not kept waiting, either"

    asking(scripted, ask)


def test_known_keys_serve_while_others_are_fetched_or_cannot_be(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(provider: Provider) -> None:
        assert await known(scripted, provider) == "siti"
        for name in ("CACHE_SECONDS", "REFETCH_SECONDS"):
            monkeypatch.setattr(f"registry.auth.oidc.{name}", 0.0)
        scripted.drips = True
        made_up = asyncio.create_task(known(scripted, provider, kid="made up"))
        await asyncio.sleep(0)
        assert await known(scripted, provider) == "siti"
        assert not made_up.done(), "it did not wait for the other"
        with pytest.raises(ProviderUnavailable):
            await made_up
        assert await known(scripted, provider) == "siti"
        scripted.over.set()
        scripted.key = new_key()
        scripted.keys = {"keys": [scripted.key.as_dict(private=False)]}
        assert await known(scripted, provider) == "siti", "a new key"

    asking(scripted, ask)


def test_a_key_that_the_provider_took_back_is_forgotten(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(provider: Provider) -> None:
        assert await known(scripted, provider) == "siti"
        scripted.keys = {"keys": [new_key().as_dict(private=False)]}
        monkeypatch.setattr("registry.auth.oidc.CACHE_SECONDS", 0.0)
        monkeypatch.setattr("registry.auth.oidc.REFETCH_SECONDS", 0.0)
        await known(scripted, provider)
        assert provider._refresh
        await provider._refresh
        monkeypatch.setattr("registry.auth.oidc.REFETCH_SECONDS", 3600.0)
        with pytest.raises(Untrusted):
            await known(scripted, provider)

    asking(scripted, ask)


@pytest.mark.parametrize(
    "content", [b" " * 1_000_001 + b"{}", b"[" * 100_000, b"\xff", b"[]"], ids=["long", "deep", "bytes", "list"]
)
def test_keys_that_cannot_be_read_are_a_provider_that_is_away(scripted: Scripted, content: bytes) -> None:
    async def ask(provider: Provider) -> None:
        scripted.keys = content
        with pytest.raises(ProviderUnavailable):
            await known(scripted, provider)

    asking(scripted, ask)


@pytest.mark.parametrize(
    "issuer", ["http://sso.example.org", "sso.example.org", "https://u:p@sso.example.org", "ftp://127.0.0.1"]
)
def test_a_provider_is_spoken_to_in_private(issuer: str) -> None:
    with pytest.raises(ValueError, match="must be an https URL"):
        Settings(_env_file=None, oidc_issuer=issuer)


def test_an_issuer_that_is_another_is_not_believed(
    store: Store, embedded_place: ConnectionSettings, provider: IdentityProvider, address: str
) -> None:
    elsewhere = provider.issuer.replace("127.0.0.1", "localhost")
    with serving(application(embedded_place, provider, issuer=elsewhere)) as client:
        assert client.get("/login/provider", headers=PAGE).status_code == 503
        assert ask(client, provider.signed(iss=elsewhere)).status_code == 503
