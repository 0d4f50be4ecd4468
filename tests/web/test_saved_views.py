"""Saved views: whose they are, where they are shown, which addresses they may have, and that they reveal no record."""

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from registry.auth import credentials
from registry.clock import now
from registry.config import Settings
from registry.database import credential_queries
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.permissions import Actor, Role
from registry.web import saved_views
from registry.web.app import build_app
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.server import serving
from tests.support.two_agencies import room, settle

CROSS_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def client(town: Store, embedded_place: ConnectionSettings) -> Iterator[httpx.Client]:
    with serving(build_app(embedded_place, Settings(_env_file=None, lang="en"))) as client:
        yield client


class Person:
    """Somebody who has signed in with a token, or nobody."""

    def __init__(
        self, client: httpx.Client, store: Store, name: str = "", role: Role = Role.VIEWER, *agencies: str
    ) -> None:
        self._client, self._headers = client, {"Accept": "text/html", "Accept-Language": "en"}
        if name:
            self._headers["Authorization"] = f"Bearer {credentials.issue(store, name, role, agencies, [])[0]}"

    def get(self, path: str) -> httpx.Response:
        return self._client.get(path, headers=self._headers)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        return self._client.post(path, data=form, headers=self._headers | headers)

    def saves(self, name: str, path: str, owner: str, **headers: str) -> httpx.Response:
        form = {"name": name, "owner": owner, "address": path}
        return self.post("/views", form, **headers)

    def sees(self, path: str) -> dict[str, str]:
        """Return the names and addresses of the views that a page shows."""
        page = self.get(path).text
        found = re.search(r'<nav aria-label="Saved views">(.*?)</nav>', page, re.DOTALL)
        links = re.findall(r'<a href="([^"]+)"[^>]*>([^<]+?)\s*<', found[1]) if found else []
        return {html.unescape(name): html.unescape(path) for path, name in links if path != "/views"}

    def deletes(self, name: str) -> httpx.Response:
        page = self.get("/views").text
        row = next(one for one in page.split("<tr role") if f">{name}</a>" in one)
        found = re.search(r'action="(/views/[^"]+/delete)"', row)
        return self.post(found[1]) if found else httpx.Response(404)


def test_a_view_is_shown_to_its_person_or_to_its_agency(client: httpx.Client, town: Store) -> None:
    sari, head = (
        Person(client, town, name, role, "dinkes") for name, role in (("sari", Role.COORDINATOR), ("budi", Role.VIEWER))
    )
    tono, nobody = Person(client, town, "tono", Role.COORDINATOR, "perpus"), Person(client, town)
    mine = sari.saves("Mine & only", "/resources?kind=data&sort=-users&after=xyz&lang=id", "person:sari")
    assert (mine.status_code, mine.headers["location"]) == (303, "/resources?kind=data&sort=-users")
    assert sari.saves("Ours", "/resources?owners=dinkes", "agency:dinkes").status_code == 303
    ours = {"Ours": "/resources?owners=dinkes"}
    assert sari.sees("/resources") == {"Mine & only": "/resources?kind=data&sort=-users", **ours}
    assert head.sees("/resources?kind=data") == ours and sari.sees("/services") == {}
    assert tono.sees("/resources") == {} == nobody.sees("/resources")
    assert "Save this view" not in nobody.get("/resources").text
    assert nobody.get("/views").headers["location"] == "/login?next=%2Fviews"
    assert sari.saves("Mine & only", "/resources?kind=fund", "person:sari").status_code == 303
    assert sari.sees("/resources")["Mine & only"] == "/resources?kind=fund", "a name stands for one address"
    assert head.deletes("Ours").status_code == 404
    assert sari.deletes("Ours").status_code == 303
    assert head.sees("/resources") == {} and list(sari.sees("/resources")) == ["Mine & only"]


def test_nobody_saves_or_deletes_the_views_of_others(client: httpx.Client, town: Store) -> None:
    sari, tono = (
        Person(client, town, name, Role.COORDINATOR, of) for name, of in (("sari", "dinkes"), ("tono", "perpus"))
    )
    viewer, nobody = Person(client, town, "budi", Role.VIEWER, "dinkes"), Person(client, town)
    assert sari.saves("Ours", "/needs", "agency:dinkes").status_code == 303
    for other in (tono, viewer):
        for owner in ("agency:dinkes", "person:sari", "", "dinkes"):
            assert other.saves("x", "/needs", owner).status_code == 403
    assert nobody.saves("x", "/needs", "person:anonymous").status_code == 401
    assert sari.saves("x", "/needs", "person:sari", **CROSS_SITE).status_code == 403
    (one,) = town.read(Cypher("MATCH (v:SavedView) RETURN v.id"))[0]
    for other in (tono, viewer, nobody):
        assert other.post(f"/views/{one}/delete").status_code in (303, 404)
    assert sari.post(f"/views/{one}/delete", **CROSS_SITE).status_code == 403
    assert town.read(Cypher("MATCH (v:SavedView) RETURN v.name")) == [["Ours"]]


ADDRESSES = (
    "https://evil.example/needs", "//evil.example/needs", "/\\evil.example", "javascript:alert(1)", "needs", "", "/",
    "/needs/need:1", "/login?next=/needs", "/needs.csv", "/needs?nothing=1", "/needs?sort=size", "/needs\n//evil.example",
    "/needs?q=" + "x" * 2_000, "/needs?agency=no:such", "/explore?of=no:such", "http://[/needs",
)  # fmt: skip


def test_only_addresses_of_known_pages_are_saved(client: httpx.Client, town: Store) -> None:
    sari = Person(client, town, "sari", Role.COORDINATOR, "dinkes")
    assert {path: sari.saves("x", path, "person:sari").status_code for path in ADDRESSES} == dict.fromkeys(
        ADDRESSES, 400
    )
    assert not town.read(Cypher("MATCH (v:SavedView) RETURN v.name"))


def test_views_of_explorer_and_comparison_keep_known_parameters(client: httpx.Client, town: Store) -> None:
    sari = Person(client, town, "sari", Role.COORDINATOR, "dinkes")
    path = "/explore?of=dinkes&kinds=Agency&at=dinkes&evil=1"
    assert sari.saves("Map <b>", path, "person:sari").headers["location"] == "/explore?of=dinkes&kinds=Agency"
    path = "/shared?agency=dinkes&agency=perpus&find=x"
    assert sari.saves("Both", path, "person:sari").headers["location"] == "/shared?agency=dinkes&agency=perpus"
    assert "Map &lt;b&gt;" in sari.get("/explore").text
    assert sari.sees("/shared") == {"Both": "/shared?agency=dinkes&agency=perpus"}


def test_an_owner_has_a_limited_number_of_views(
    client: httpx.Client, town: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MOST_VIEWS", 2)
    sari = Person(client, town, "sari", Role.COORDINATOR, "dinkes")
    answers = [sari.saves(name, "/needs", "person:sari").status_code for name in ("a", "b", "c", "a", " ")]
    assert answers == [303, 303, 400, 303, 400]
    assert sari.saves("x" * 200, "/needs", "agency:dinkes").status_code == 303
    assert max(map(len, sari.sees("/needs"))) == saved_views.LONGEST_NAME


def test_a_view_of_a_record_that_is_no_longer_seen_reveals_nothing(client: httpx.Client, town: Store) -> None:
    tono = Person(client, town, "tono", Role.COORDINATOR, "perpus")
    hall = room(town, name="Aula rahasia")
    town.write(Cypher("MATCH (n:Resource) SET n.seen_by = ['*'], n.shown_to = ['*']"))
    assert (
        tono.saves("Agreements on the hall", f"/partnerships?covers-resources={hall}", "person:tono").status_code == 303
    )
    assert list(tono.sees("/partnerships")) == ["Agreements on the hall"]
    town.write(Cypher("MATCH (n:Resource) SET n.seen_by = ['dinkes'], n.shown_to = ['dinkes']"))
    assert tono.sees("/partnerships") == {}
    page = tono.get("/views").text
    assert "that you cannot see" in page and "hall" not in page and hall not in page
    found = re.search(r'action="(/views/[^"]+/delete)"', page)
    assert found and tono.post(found[1]).status_code == 303
    assert not town.read(Cypher("MATCH (v:SavedView) RETURN v.name"))


@SLOW_ON_NEO4J
def test_views_are_stored_alike_on_every_engine(store: Store) -> None:
    settle(store)
    actor = Actor("tono", Role.COORDINATOR, frozenset({"perpus"}))

    def put(name: str, owner: str, records: list[str]) -> bool:
        view: dict[str, object] = {
            "id": f"{owner} {name}",
            "owner": owner,
            "name": name,
            "path": "/",
            "records": records,
        }
        return bool(store.write(credential_queries.save_view(view | {"saved_by": "tono", "saved": now()}, most=2))[0])

    def seen() -> list[tuple[str, bool]]:
        rows = store.read(credential_queries.saved_views(["person:tono", "agency:perpus"], actor, most=9))
        return [(row[2], row[6]) for row in rows]

    assert [put(name, "person:tono", ["dinkes", "perpus"]) for name in "baac"] == [True, True, True, False]
    assert put("c", "agency:perpus", ["no:such"]) and put("d", "agency:dinkes", [])
    assert seen() == [("a", True), ("b", True), ("c", False)]
    assert store.read(credential_queries.count_visible(["dinkes", "no:such", "dinkes"], actor)) == [[1]]
    store.write(credential_queries.delete_view("person:tono a", ["agency:perpus"]))
    store.write(credential_queries.delete_view("person:tono b", ["person:tono"]))
    assert seen() == [("a", True), ("c", False)]
