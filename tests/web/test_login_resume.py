"""Somebody fills in a form, and their session ends meanwhile: what they typed is there when they are signed in again."""

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from registry.auth import credentials
from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.model.definitions import Resource
from registry.permissions import Role
from registry.web.app import build_app
from tests.support.server import serving
from tests.support.two_agencies import publish, room

TYPED = {"p-name": 'Aula "besar" <b>', "p-kind": "facility", "p-description": "Dua baris,\nlantai 2.", "do": "save"}


@pytest.fixture
def client(town: Store, embedded_place: ConnectionSettings) -> Iterator[httpx.Client]:
    with serving(build_app(embedded_place, Settings(_env_file=None, lang="en"))) as client:
        client.headers.update({"Accept": "text/html", "Accept-Language": "en", "Origin": str(client.base_url)})
        yield client


def signs_in(client: httpx.Client, store: Store, *agencies: str) -> None:
    token = credentials.issue(store, "sari", Role.COORDINATOR, agencies or ["dinkes"], [])[0]
    assert client.post("/login", data={"token": token, "next": "/inbox"}).status_code == 303


def held(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return where a page sends what it keeps, and that."""
    assert page.status_code == 401 and "this page keeps your entries" in page.text
    where = re.search(r'<form class="edit" method="post" action="([^"]*)"', page.text)
    assert where
    kept = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
    return html.unescape(where[1]), {name: html.unescape(value) for name, value in kept}


@pytest.mark.parametrize("cookie", ["overdue", "gone"])
def test_a_form_is_sent_once_more_after_signing_in_again(client: httpx.Client, town: Store, cookie: str) -> None:
    signs_in(client, town)
    town.write(Cypher("MATCH (c:Credential) SET c.expires = $in.now", {"in": {"now": now()}}))
    if cookie == "gone":  # browsers drop it at the same moment
        client.cookies.clear()
    where, kept = held(client.post("/register/resources", data=TYPED))
    assert (where, kept) == ("/register/resources", TYPED)
    assert town.read(Cypher("MATCH (n:Resource) RETURN count(n)")) == [[0]]
    signs_in(client, town)
    assert client.post(where, data=kept).status_code == 303
    rows = town.read(Cypher("MATCH (n:Resource) RETURN n.name, n.description"))
    assert rows == [[TYPED["p-name"], TYPED["p-description"]]]


def test_what_is_asked_for_and_noted_is_kept_too(client: httpx.Client, town: Store) -> None:
    hall = room(town)
    publish(town, Resource, hall)
    for path, typed in (
        (f"/resources/{hall}/request?need=x", {"agency": "perpus", "purpose": "Pameran"}),
        (f"/resources/{hall}/edit", {"p-name": "Aula 2", "version": "3"}),
        (f"/resources/{hall}/send-back", {"note": "Berapa kursi?"}),
        ("/resources/r:nobody-has/edit", {"p-name": "x"}),
    ):
        assert held(client.post(path, data=typed)) == (path, typed)
    elsewhere = client.post(f"/resources/{hall}/edit", data=TYPED, headers={"Origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403 and "Aula" not in elsewhere.text


def test_a_form_begins_with_the_agency_of_the_account(client: httpx.Client, town: Store) -> None:
    town.write(Cypher("MATCH (a:Agency {id: 'perpus'}), (b:Agency {id: 'dinkes'}) CREATE (a)-[:PART_OF]->(b)"))
    signs_in(client, town)
    page = client.get("/register/resources").text
    assert '<option value="dinkes" selected>' in page and 'value="Dinas Kesehatan (dinkes)"' in page
    assert client.post("/register/resources", data={**TYPED, "p-steward": ""}).status_code == 303
    assert town.read(Cypher("MATCH (n:Resource) RETURN n.steward")) == [["dinkes"]]


def test_who_acts_for_several_says_which_of_them_answers_for_it(client: httpx.Client, town: Store) -> None:
    signs_in(client, town, "dinkes", "perpus")
    answer = client.post("/register/resources", data={**TYPED, "p-steward": ""})
    assert answer.status_code == 422 and ">Steward</a>: This field is required." in answer.text
