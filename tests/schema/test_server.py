"""GraphQL over HTTP: what a client may send and accept, what it may keep, and what a server can be told to refuse."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.write import upsert, upsert_relationships
from registry.model.definitions import MODEL
from registry.model.records import make_relationship
from registry.web.app import build_app
from registry.web.queries import operation
from tests.support.engines import SLOW_ON_NEO4J, until
from tests.support.factories import record
from tests.support.graphql_audits import audited
from tests.support.server import serving

pytestmark = SLOW_ON_NEO4J

RUN = {"source": "test", "run": "run:test"}
JSON, GRAPHQL = "application/json", "application/graphql-response+json"
QUERY = "{ agencies { nodes { name } } }"
PARTS = "{ agencies { nodes { name partOf(first: 1) { name } } } }"
TOTAL = "query Total { agencies { totalCount } }"


@pytest.fixture(scope="module")
def world(ready_store: Store) -> Store:
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    offices = [record("Agency", f"agency:{n}", f"Office {n}", kind="department") for n in range(3)]
    ready_store.write(upsert(MODEL["Agency"], offices, now=now(), **RUN))
    return ready_store


@pytest.fixture(scope="module")
def client(world: Store, place: ConnectionSettings) -> Iterator[httpx.Client]:
    with serving(build_app(place, settings())) as client:
        yield client


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **{"lang": "en", **given})


def code(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["extensions"]["code"])


def test_every_audit_of_graphql_over_http_passes(client: httpx.Client) -> None:
    found = audited(f"{client.base_url}/graphql")
    assert [one for one in found if one["status"] != "ok"] == []
    assert len(found) == 61


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("text/html", JSON),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{JSON}, {GRAPHQL};q=0.5, */*;q=0.1", JSON),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0, application/*", JSON),
        (f"{JSON};q=nonsense, {GRAPHQL};charset=utf-8;q=0.1", GRAPHQL),
    ],
)
def test_the_answer_has_the_type_that_the_client_wants_most(
    client: httpx.Client, accept: str | None, answered: str
) -> None:
    request = client.build_request("POST", "/graphql", json={"query": QUERY})
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    answer = client.send(request)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == answered


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"method": "PUT", "json": {"query": QUERY}}, 405),
        ({"method": "POST", "json": [{"query": QUERY}]}, 400),
        ({"method": "POST", "json": {"query": QUERY, "operationName": 7}}, 400),
        ({"method": "POST", "json": {"query": "query A { a: __typename } query B { __typename }"}}, 200),
        ({"method": "POST", "json": {"documentId": "00"}}, 400),
        ({"method": "GET", "params": {"query": QUERY, "variables": "["}}, 400),
        ({"method": "GET", "params": {"query": QUERY, "extensions": "[1]"}}, 400),
        ({"method": "GET", "params": {"query": "mutation { a }"}}, 400),
        ({"method": "GET", "headers": {"Accept": JSON}}, 400),
    ],
    ids=range(9),
)
def test_what_is_not_asked_as_it_should_be_is_refused(client: httpx.Client, sent: dict[str, Any], status: int) -> None:
    answer = client.request(url="/graphql", **sent)
    assert (answer.status_code, code(answer)) == (status, "BAD_REQUEST"), answer.text
    assert "data" not in answer.json()
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "application/json; charset=utf-16",
        "application/jsonp",
        "application/graphql",
    ],
)
def test_another_site_cannot_send_what_its_forms_can(client: httpx.Client, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = client.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["errors"][0]["message"]
    assert "access-control-allow-origin" not in answer.headers


def test_who_has_the_answer_gets_no_other_until_the_graph_changes(client: httpx.Client, world: Store) -> None:
    def get(text: str = QUERY, tag: str = "", **headers: str) -> httpx.Response:
        return client.get("/graphql", params={"query": text}, headers={"If-None-Match": tag, **headers})

    first = get()
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert {"Accept", "Accept-Language", "Cookie"} <= set(first.headers["vary"].split(", "))
    again = get(tag=f'"other", {tag}')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert get(TOTAL, tag).status_code == 200, "another question"
    assert get(tag=tag, **{"Accept-Language": "id"}).status_code == 200, "another language"
    assert get(tag=tag, Accept=GRAPHQL).status_code == 200, "another form"
    posted = client.post("/graphql", json={"query": QUERY}, headers={"If-None-Match": tag})
    assert (posted.status_code, "etag" in posted.headers) == (200, False)

    world.write(upsert(MODEL["Agency"], [record("Agency", "agency:9", "Office 9", kind="court")], now=now(), **RUN))
    assert "Office 9" in get().text, "what is asked anew is never old"
    assert until(lambda: get(tag=tag).status_code == 200)
    changed = get(tag=tag)
    assert get(tag=changed.headers["etag"]).status_code == 304
    parts = get(PARTS)
    end = MODEL["Agency"].ends["part_of"]
    made, _problems = make_relationship(end, "agency:9", "agency:0", {})
    world.write(upsert_relationships(end.link, [made] if made else [], **RUN))
    assert until(lambda: get(PARTS, parts.headers["etag"]).status_code == 200)
    assert get().headers["etag"] == changed.headers["etag"], "a link that was not asked for"


def test_a_change_of_what_is_hidden_changes_no_entity_tag(client: httpx.Client, world: Store) -> None:
    def get(tag: str = "") -> httpx.Response:
        return client.get("/graphql", params={"query": QUERY}, headers={"If-None-Match": tag})

    tag = get().headers["etag"]
    hidden = record("Agency", "agency:hidden", "Office 10", kind="court", access="closed")
    for one in (hidden, record("Agency", "agency:hidden", "Office 11", kind="court", status="draft")):
        world.write(upsert(MODEL["Agency"], [one], now=now(), **RUN))
        assert (get().headers["etag"], get(tag).status_code) == (tag, 304)


def test_writers_who_meet_all_leave_their_mark(world: Store) -> None:
    def write(number: int) -> Any:
        changed = record("Agency", f"agency:w{number % 4}", f"Office {number}", kind="court")
        world.write(upsert(MODEL["Agency"], [changed], now=now(), **RUN))
        return world.stamps().of()

    with ThreadPoolExecutor(4) as writers:
        marks = list(writers.map(write, range(60)))
    assert all(one.count("Agency=") == 1 for one in marks)
    assert world.stamps().of() != marks[0]


def test_a_refusal_is_not_kept(client: httpx.Client) -> None:
    answer = client.get("/graphql", params={"query": "{ nothing }"})
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_head_is_get_without_the_answer(client: httpx.Client) -> None:
    asked = {"params": {"query": QUERY}}
    head = client.head("/graphql", **asked)  # type: ignore[arg-type]
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] and int(head.headers["content-length"]) > 0


@pytest.fixture(scope="module")
def trusting(
    world: Store, place: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A server that answers only what is kept in a folder."""
    folder: Path = tmp_path_factory.mktemp("documents")
    (folder / "total.graphql").write_text(TOTAL, encoding="utf-8")
    with serving(build_app(place, settings(documents=folder))) as client:
        yield client


ID = sha256(TOTAL.encode()).hexdigest()


@pytest.mark.parametrize(
    "asked",
    [
        {"documentId": ID},
        {"documentId": f"sha256:{ID}", "operationName": "Total"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": ID}}},
        {"query": TOTAL},
    ],
)
def test_a_trusted_document_is_answered_by_its_id(trusting: httpx.Client, asked: dict[str, Any]) -> None:
    assert trusting.post("/graphql", json=asked).json()["data"]["agencies"]["totalCount"] >= 3


@pytest.mark.parametrize(
    "asked",
    [
        {"query": QUERY},
        {"query": "{ __schema { types { name } } }"},
        {"documentId": "0" * 64},
        {"query": QUERY, "extensions": {"persistedQuery": {"sha256Hash": "0" * 64}}},
        {"extensions": {"persistedQuery": 7}},
        {},
    ],
)
def test_no_other_document_is_answered_then(trusting: httpx.Client, asked: dict[str, Any]) -> None:
    answer = trusting.post("/graphql", json=asked)
    assert (answer.status_code, code(answer)) == (403, "NOT_ALLOWED")
    assert "documentId" in answer.json()["errors"][0]["message"]


def test_our_own_pages_are_answered_then_too(trusting: httpx.Client) -> None:
    asked = {"query": operation("record"), "variables": {"id": "agency:0"}}
    assert trusting.post("/graphql", json=asked).json()["data"]["record"]["name"] == "Office 0"
    assert "Office 0" in trusting.get("/agencies").text


def test_a_trusted_document_is_asked_for_by_get(trusting: httpx.Client) -> None:
    answer = trusting.get("/graphql", params={"documentId": ID})
    assert answer.status_code == 200
    assert "etag" in answer.headers
    assert trusting.get("/graphql", params={"query": QUERY}).status_code == 403


def test_the_schema_may_be_kept_from_who_asks(embedded_place: ConnectionSettings) -> None:
    with serving(build_app(embedded_place, settings(introspection=False))) as client:
        for text in ("{ __schema { types { name } } }", '{ __type(name: "Agency") { name } }'):
            assert "data" not in client.post("/graphql", json={"query": text}).json()
        for asked in (
            {"query": "{ agencie { nodes { id } } }"},
            {"query": "{ agencies(wher: {}) { totalCount } }"},
            {"query": "query($w: AgencyWhere) { agencies(where: $w) { totalCount } }", "variables": {"w": {"nam": 1}}},
        ):
            answer = client.post("/graphql", json=asked).json()
            assert answer["errors"] and "Did you mean" not in answer["errors"][0]["message"]
        assert client.post("/graphql", json={"query": "{ __typename }"}).json() == {"data": {"__typename": "Query"}}
