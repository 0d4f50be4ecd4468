"""Forms as coordinators find them: what they ask for, what they keep, what they refuse, and what is known of it later."""

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from registry.config import Settings
from registry.database import write
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL, Agency, Resource, Sector
from registry.mutations.lifecycle import APPROVE, PROPOSE, make_transition
from registry.mutations.save import LinkChange, SaveInput, save
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN, Actor, Role
from registry.web.app import build_app
from registry.web.refusals import EDITABLE
from tests.support.actors import HEADER as AS
from tests.support.actors import acting
from tests.support.server import serving
from tests.support.two_agencies import HEAD, HEALTH, LIBRARY

WATCHER = Actor("dewi", Role.VIEWER, frozenset({"dinkes"}))
ACTORS = {one.name: one for one in (HEALTH, HEAD, LIBRARY, WATCHER, ADMIN)}


@pytest.fixture(scope="module")
def held(embedded_place: ConnectionSettings) -> Iterator[Store]:
    with Store(embedded_place) as store:
        apply(store, MODEL)
        yield store


@pytest.fixture(scope="module")
def served(
    embedded_place: ConnectionSettings, held: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    settings = Settings(_env_file=None, data=tmp_path_factory.mktemp("data"), lang="en")
    with serving(acting(build_app(embedded_place, settings), ACTORS)) as client:
        client.headers.update({"Accept": "text/html", "Accept-Language": "en"})
        yield client


@pytest.fixture
def city(held: Store, served: httpx.Client) -> httpx.Client:
    """Two agencies, published, three sectors below one another, and who asks nothing yet."""
    held.write(Cypher("MATCH (n) DETACH DELETE n"))
    for name, title in (("dinkes", "Dinas Kesehatan"), ("perpus", "Dinas Perpustakaan")):
        publish(held, SaveInput(Agency, name, {"name": title, "kind": "other", "steward": name}))
    for name, title, above in (("s:1", "Health", None), ("s:2", "Clinics", "s:1"), ("s:3", "Roads", None)):
        given = {"name": title, "scheme": "s", "code": name, "steward": "dinkes"}
        publish(held, SaveInput(Sector, name, given, {"broader": LinkChange({above: {}} if above else {})}))
    return served


def publish(store: Store, saving: SaveInput) -> None:
    asking = RequestContext(ADMIN, "api")
    done = save(store, asking, saving)
    assert not done.problems, done.problems
    for step in (PROPOSE, APPROVE):
        assert not make_transition(store, asking, saving.kind, str(done.record), step).problems


class Filled(HTMLParser):
    """The fields of the form on a page, as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._select = self._text = ""
        self.feed(page[page.index('<form class="edit"') :])

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        one = dict(attrs)
        if tag == "input" and one.get("type") not in ("radio", "checkbox", "file") and one.get("name"):
            self.fields.setdefault(one["name"], one.get("value") or "")
        elif tag == "select":
            self._select = one["name"]
            self.fields[self._select] = ""
        elif tag == "option" and "selected" in one:
            self.fields[self._select] = one["value"]
        elif tag == "textarea":
            self._text = one["name"]
            self.fields[self._text] = ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.fields[self._text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.fields[self._text] = self.fields[self._text].removeprefix("\n")
            self._text = ""


def form(client: httpx.Client, path: str, who: str) -> dict[str, str]:
    page = client.get(path, headers={AS: who})
    assert page.status_code == 200, page.text
    return Filled(page.text).fields


def send(client: httpx.Client, path: str, who: str, fields: dict[str, str], do: str = "save") -> httpx.Response:
    return client.post(path, data={**fields, "do": do}, headers={AS: who})


def register(client: httpx.Client, who: str = "sari", do: str = "save", **typed: str) -> str:
    fields = form(client, "/register/resources", who)
    given = {"p-name": "Aula", "p-kind": "facility", "l-owners-0": "Dinas Kesehatan", **typed}
    answer = send(client, "/register/resources", who, {**fields, **given}, do)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0]


def stored(store: Store, path: str) -> tuple[Any, Any]:
    rows = store.read(write.state(Resource, path.rpartition("/")[2]))
    return rows[0][0], rows[0][1:]


def problems(page: str) -> list[str]:
    found = re.search(r'<section class="problem" role="alert".*?</section>', page, re.DOTALL)
    assert found
    return [re.sub(r"<[^>]+>", "", html.unescape(one)).strip() for one in re.findall(r"<li>(.*?)</li>", found[0])]


@pytest.mark.parametrize("kind", EDITABLE, ids=lambda kind: kind.__name__)
def test_every_kind_has_a_form_in_both_languages(city: httpx.Client, kind: Any) -> None:
    fields = form(city, f"/register/{kind.plural}", "admin")
    for name, declared in kind.properties.items():
        hidden = declared.read_only or declared.by_action or name == "status" or (name == "name" and not kind.named)
        assert (f"p-{name}" in fields) is not hidden
    assert {f"l-{end.name}-0" for end in kind.ends.values() if end.declared} <= set(fields)
    page = city.get(f"/register/{kind.plural}?lang=id", headers={AS: "admin"}).text
    for declared in kind.properties.values():
        assert f">{html.escape(declared.doc)}" not in page, declared.doc
    city.cookies.clear()


def test_a_resource_is_registered_proposed_and_approved(city: httpx.Client, held: Store) -> None:
    path = register(city, **{"p-capacity": "250", "p-unit": "kursi", "p-grants": "grup:a\ngrup:b"})
    kept, (owners, *_rest) = stored(held, path)
    assert (kept["status"], kept["steward"], kept["capacity"]) == ("draft", "dinkes", 250.0)
    assert kept["grants"] == ["grup:a", "grup:b"] and [one[0] for one in owners] == ["dinkes"]
    assert city.get(path).status_code == 404
    page = city.get(path, headers={AS: "sari"}).text
    assert f'action="{path}/propose"' in page and f'action="{path}/approve"' not in page
    assert city.post(f"{path}/propose", data={"version": "1"}, headers={AS: "sari"}).status_code == 303
    refused = city.post(f"{path}/approve", data={"version": "2"}, headers={AS: "sari"})
    assert refused.status_code == 403 and "You need the approver role for Dinas Kesehatan." in refused.text
    assert f'action="{path}/approve"' in city.get(path, headers={AS: "budi"}).text
    done = city.post(f"{path}/approve", data={"version": "2"}, headers={AS: "budi"}, follow_redirects=True)
    assert "The record is approved and published." in done.text
    assert "Aula" in city.get("/resources").text


def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_stays(city: httpx.Client) -> None:
    fields = form(city, "/register/resources", "sari")
    typed = {
        "p-name": "",
        "p-kind": "facility",
        "p-capacity": "many",
        "p-available_since": "31/12/2026",
        "p-unit": "kursi <b>",
    }
    answer = send(city, "/register/resources", "sari", {**fields, **typed, "l-owners-0": "Dinas Entah"})
    assert answer.status_code == 422 and answer.headers["cache-control"] == "no-store"
    told = problems(answer.text)
    assert any(one.startswith("Name: This field is required") for one in told)
    assert any(one.startswith("Capacity: It is no number") for one in told)
    assert any(one.startswith("Available since: It is no date") for one in told)
    assert any(one.startswith("Owners 1: No record matches") for one in told)
    again = Filled(answer.text).fields
    assert {name: again[name] for name in typed} == typed and again["l-owners-0"] == "Dinas Entah"
    assert "kursi &lt;b&gt;" in answer.text and again["key"] != fields["key"]


def test_a_name_that_several_have_is_asked_about(city: httpx.Client, held: Store) -> None:
    fields = form(city, "/register/resources", "sari")
    typed = {**fields, "p-name": "Aula", "p-kind": "facility", "l-owners-0": "dinas"}
    answer = send(city, "/register/resources", "sari", typed)
    assert answer.status_code == 422 and "Which one do you mean?" in answer.text
    assert 'name="l-owners-0-pick" value="perpus"' in answer.text
    chosen = {**Filled(answer.text).fields, "l-owners-0-pick": "perpus"}
    done = send(city, "/register/resources", "sari", chosen)
    assert done.status_code == 303
    assert [one[0] for one in stored(held, done.headers["location"].partition("?")[0])[1][0]] == ["perpus"]


def test_terms_are_chosen_from_a_tree(city: httpx.Client) -> None:
    page = city.get("/register/agencies", headers={AS: "sari"}).text
    assert re.search(r'<option value="s:1">Health</option>\s*<option value="s:2">(\xa0){3}Clinics</option>', page)


def test_a_form_sent_twice_makes_one_record(city: httpx.Client, held: Store) -> None:
    fields = {**form(city, "/register/resources", "sari"), "p-name": "Aula", "p-kind": "facility"}
    first, again = (send(city, "/register/resources", "sari", fields) for _ in range(2))
    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    assert held.read(Cypher("MATCH (n:Resource) RETURN count(n)")) == [[1]]


def test_an_edit_changes_and_empties_only_the_fields_that_changed(city: httpx.Client, held: Store) -> None:
    path = register(city, **{"p-unit": "kursi", "p-capacity": "10", "l-users-0": "perpus", "l-users-0-role": "first"})
    fields = form(city, f"{path}/edit", "sari")
    assert fields["l-owners-0"] == "Dinas Kesehatan (dinkes)" and fields["l-users-0-role"] == "first"
    assert (fields["p-capacity"], fields["version"], "p-id" in fields) == ("10", "1", False)
    same = send(city, f"{path}/edit", "sari", fields)
    assert same.status_code == 303 and stored(held, path)[0]["version"] == 1
    send(city, f"{path}/edit", "sari", {**form(city, f"{path}/edit", "sari"), "p-unit": "", "l-users-0": ""})
    kept, (owners, users, *_rest) = stored(held, path)
    assert (kept.get("unit"), kept["capacity"], kept["version"]) == (None, 10.0, 2)
    assert [one[0] for one in owners] == ["dinkes"] and users == []


def test_a_link_whose_property_is_missing_is_told_of_at_its_row(city: httpx.Client) -> None:
    fields = form(city, "/register/resources", "sari")
    typed = {
        "p-name": "Aula",
        "p-kind": "facility",
        "l-users-0": "perpus",
        "l-users-1": "dinkes",
        "l-users-1-role": "first",
    }
    answer = send(city, "/register/resources", "sari", {**fields, **typed})
    assert problems(answer.text) == ["Role: This field is required."]
    assert 'id="l-users-0-role-problem"' in answer.text


def test_two_who_change_one_record_lose_nothing(city: httpx.Client, held: Store) -> None:
    path = register(city, **{"p-unit": "kursi", "p-capacity": "10"})
    mine = form(city, f"{path}/edit", "sari")
    theirs = form(city, f"{path}/edit", "budi")
    other = {"p-unit": "orang", "p-capacity": "20", "l-owners-1": "perpus"}
    assert send(city, f"{path}/edit", "budi", {**theirs, **other}).status_code == 303
    late = send(city, f"{path}/edit", "sari", {**mine, "p-name": "Aula besar", "p-capacity": "30"})
    assert late.status_code == 422 and "This record was changed after you opened it" in late.text
    assert "<del>kursi</del>" in late.text and "<ins>orang</ins>" in late.text
    again = Filled(late.text).fields
    assert (again["p-name"], again["p-unit"], again["p-capacity"], again["version"]) == (
        "Aula besar",
        "orang",
        "30",
        "2",
    )
    assert again["l-owners-1"] == "Dinas Perpustakaan (perpus)"
    assert send(city, f"{path}/edit", "sari", again).status_code == 303
    kept, (owners, *_rest) = stored(held, path)
    assert (kept["name"], kept["unit"], kept["capacity"]) == ("Aula besar", "orang", 30.0) and len(owners) == 2


def test_one_more_line_keeps_what_was_typed(city: httpx.Client) -> None:
    fields = {**form(city, "/register/resources", "sari"), "p-name": "Aula", "l-owners-0": "perpus"}
    answer = send(city, "/register/resources", "sari", fields, "more-owners")
    again = Filled(answer.text).fields
    assert answer.status_code == 200 and (again["p-name"], again["l-owners-0"], again["l-owners-1"]) == (
        "Aula",
        "perpus",
        "",
    )


def test_who_may_not_is_told_why_and_whom_to_ask(city: httpx.Client, held: Store) -> None:
    stranger = city.get("/register/resources")
    assert stranger.status_code == 403 and "You are not signed in." in stranger.text
    viewer = city.post("/register/resources", data={"p-name": "x"}, headers={AS: "dewi"})
    assert viewer.status_code == 403 and "whose role is viewer" in viewer.text
    path = register(city)
    assert city.get(f"{path}/edit", headers={AS: "tono"}).status_code == 404
    publish(held, SaveInput(Resource, path.rpartition("/")[2], {}))
    other = city.get(f"{path}/edit", headers={AS: "tono"})
    assert other.status_code == 403 and '<a href="/agencies/dinkes">Dinas Kesehatan</a>' in other.text
    assert "You need the coordinator or approver role for Dinas Kesehatan. Ask an administrator." in other.text
    assert "/edit" not in city.get(path, headers={AS: "tono"}).text
    fixed = form(city, f"{path}/edit", "sari")
    assert not {"p-access", "p-steward", "p-grants", "p-status"} & set(fixed)
    send(city, f"{path}/edit", "sari", {**fixed, "p-access": "closed", "p-status": "draft", "p-name": "Aula 2"})
    kept, _ties = stored(held, path)
    assert (kept["name"], kept["access"], kept["status"]) == ("Aula", "open", "published")


def test_ties_that_one_may_not_know_of_are_neither_shown_nor_lost(city: httpx.Client, held: Store) -> None:
    secret = {"name": "Rahasia", "kind": "other", "steward": "perpus", "access": "closed"}
    publish(held, SaveInput(Agency, "mahkamah", secret))
    path = register(city)
    done = save(
        held,
        RequestContext(ADMIN, "api"),
        SaveInput(Resource, path.rpartition("/")[2], {}, {"owners": LinkChange({"mahkamah": {}})}),
    )
    assert not done.problems
    page = city.get(f"{path}/edit", headers={AS: "sari"}).text
    assert "mahkamah" not in page and "Rahasia" not in page
    named = send(city, f"{path}/edit", "sari", {**Filled(page).fields, "l-owners-1": "mahkamah"})
    assert named.status_code == 422 and "No record matches" in named.text and "Rahasia" not in named.text
    send(city, f"{path}/edit", "sari", {**Filled(page).fields, "l-owners-0": "perpus"})
    assert sorted(one[0] for one in stored(held, path)[1][0]) == ["mahkamah", "perpus"]


def test_the_history_tells_in_words_what_was_changed_by_whom(city: httpx.Client, held: Store) -> None:
    path = register(city, **{"p-unit": "kursi"})
    send(city, f"{path}/edit", "sari", {**form(city, f"{path}/edit", "sari"), "p-unit": "orang", "p-kind": "equipment"})
    city.post(f"{path}/propose", headers={AS: "sari"}, data={"version": "2"})
    city.post(f"{path}/send-back", headers={AS: "budi"}, data={"version": "3", "note": "Berapa <banyak>?"})
    page = city.get(path, headers={AS: "sari"}).text
    history = page[page.index('id="history"') :]
    assert "“Berapa &lt;banyak&gt;?”" in history and "budi" in history and "Form" in history
    assert "<del>kursi</del>" in history and "<ins>orang</ins>" in history
    assert "<del>Place or building" in history or "<ins>Equipment" in history
    city.post(f"{path}/propose", headers={AS: "sari"}, data={"version": ""})
    city.post(f"{path}/approve", headers={AS: "budi"}, data={"version": ""})
    send(city, f"{path}/edit", "budi", {**form(city, f"{path}/edit", "budi"), "p-name": "Aula besar"})
    stranger = city.get(path).text
    history = stranger[stranger.index('id="history"') :]
    assert "<del>Aula</del>" in history and "<ins>Aula besar</ins>" in history
    assert "budi" not in history and "sari" not in history and "banyak" not in history and "kursi" not in history
    send(city, f"{path}/edit", "budi", {**form(city, f"{path}/edit", "budi"), "p-access": "restricted"})
    assert 'id="history"' not in city.get(path).text


def test_a_record_is_shown_as_it_was_on_a_day(city: httpx.Client, held: Store) -> None:
    path = register(city, **{"p-unit": "kursi"})
    send(city, f"{path}/edit", "sari", {**form(city, f"{path}/edit", "sari"), "p-unit": "orang"})
    early = (
        "MATCH (c:Change) WHERE c.record = $in.id AND c.what = 'created' MATCH (n:Resource {id: $in.id})"
        " SET c.at = '2024-01-05T10:00:00.000Z', n.created = '2024-01-05T10:00:00.000Z'"
    )
    held.write(Cypher(early, {"in": {"id": path.rpartition("/")[2]}}))
    was = city.get(f"{path}?at=2024-06-01", headers={AS: "sari"}).text
    part = was[was.index('id="was"') : was.index("</section>", was.index('id="was"'))]
    assert "kursi" in part and "orang" not in part and "Dinas Kesehatan" in part
    before = city.get(f"{path}?at=2023-06-01", headers={AS: "sari"}).text
    assert "The record did not exist on that day" in before
    assert city.get(f"{path}?at=yesterday", headers={AS: "sari"}).status_code == 400


def test_hostile_input_is_kept_as_text_or_refused(city: httpx.Client) -> None:
    for text in ("<script>alert(1)</script>", "{{ 7 * 7 }}", "\u202eabc", "' OR 1=1", "x" * 10_001, "a\x00b"):
        fields = {**form(city, "/register/resources", "sari"), "p-name": text, "p-kind": "facility", "l-owners-0": text}
        answer = send(city, "/register/resources", "sari", fields)
        assert answer.status_code == 422 and "<script>alert" not in answer.text
        answer = send(city, "/register/resources", "sari", {**fields, "l-owners-0": ""})
        assert answer.status_code in (303, 422)
        if answer.status_code == 303:
            assert "<script>alert" not in city.get(answer.headers["location"], headers={AS: "sari"}).text
    many = "&".join(f"f{n}=1" for n in range(5_000))
    kind = {AS: "sari", "content-type": "application/x-www-form-urlencoded"}
    assert city.post("/register/resources", content=many, headers=kind).status_code == 400
    assert city.post("/register/resources", content=b"a=" + b"x" * 600_000, headers=kind).status_code == 413
    assert city.post("/register/resources", content=b"{}", headers={AS: "sari"}).status_code == 415
    for not_ascii in ("p-name=Aula é".encode(), b"p-name=Aula \xe9"):
        assert city.post("/register/resources", content=not_ascii, headers=kind).status_code == 400


def test_what_has_a_name_alike_is_registered_when_one_insists(city: httpx.Client) -> None:
    path = register(city, **{"p-name": "Gedung Serbaguna Kota"})
    fields = {**form(city, "/register/resources", "sari"), "p-name": "Gedung Serbaguna Kta", "p-kind": "facility"}
    warned = send(city, "/register/resources", "sari", fields)
    assert warned.status_code == 422 and f'<a href="{path}">Gedung Serbaguna Kota</a>' in warned.text
    again = Filled(warned.text).fields
    assert "another" not in again
    assert send(city, "/register/resources", "sari", {**again, "another": "yes"}).status_code == 303


def test_no_form_for_what_the_registry_keeps(city: httpx.Client) -> None:
    for path in ("/register/changes", "/register/sources", "/register/nothing"):
        assert city.get(path, headers={AS: "admin"}).status_code == 404


def undo_buttons(client: httpx.Client, path: str, who: str | None) -> list[str]:
    page = client.get(path, headers={AS: who} if who else {}).text
    return re.findall(rf'action="{re.escape(path)}/undo">\s*<input type="hidden" name="number" value="(\d+)"', page)


def test_an_approver_undoes_a_change_from_the_history(city: httpx.Client, held: Store) -> None:
    path = register(city, **{"p-unit": "kursi"})
    fields = form(city, f"{path}/edit", "sari")
    assert send(city, f"{path}/edit", "sari", {**fields, "p-unit": "meja"}).status_code == 303
    fields = form(city, f"{path}/edit", "sari")
    assert send(city, f"{path}/edit", "sari", {**fields, "p-unit": "orang"}).status_code == 303
    last, earlier, first = undo_buttons(city, path, "budi")
    assert undo_buttons(city, path, "sari") == []
    refused = city.post(f"{path}/undo", data={"number": last}, headers={AS: "sari"})
    assert refused.status_code == 403 and "You need the approver role for " in refused.text
    elsewhere = {AS: "budi", "Origin": "https://elsewhere.example"}
    assert city.post(f"{path}/undo", data={"number": last}, headers=elsewhere).status_code == 403
    late = city.post(f"{path}/undo", data={"number": earlier}, headers={AS: "budi"})
    assert late.status_code == 409 and "Unit: This value was changed again later" in late.text
    assert stored(held, path)[0]["unit"] == "orang"
    for number, unit in ((last, "meja"), (earlier, "kursi")):
        done = city.post(f"{path}/undo", data={"number": number}, headers={AS: "budi"})
        assert done.status_code == 303 and stored(held, path)[0]["unit"] == unit
        page = city.get(done.headers["location"], headers={AS: "budi"}).text
        assert "The change was undone." in page
    for nonsense in ("", "x", "9" * 5000, "-1"):
        assert city.post(f"{path}/undo", data={"number": nonsense}, headers={AS: "budi"}).status_code == 404
    assert city.post(f"{path}/undo", data={"number": first}, headers={AS: "budi"}).status_code == 303
    assert stored(held, path)[0]["status"] == "retired"
