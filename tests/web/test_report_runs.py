"""Pages never wait for a report: it runs once, beside them, and they show what is known meanwhile, with its time."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from typing import Any

import httpx
import pytest

from registry.analysis.report import Report
from registry.auth import credentials
from registry.clock import now
from registry.config import Settings
from registry.database import answer_cache
from registry.database.driver import ConnectionSettings, Cypher, Store, StoreError
from registry.database.migrate import apply
from registry.database.write import upsert
from registry.model.definitions import MODEL
from registry.permissions import Role
from registry.reports.catalogue import Library
from registry.web.app import build_app
from tests.support.engines import SLOW_ON_NEO4J, until
from tests.support.factories import record
from tests.support.random_world import write_world
from tests.support.server import serving
from tests.support.small_world import small_world

pytestmark = SLOW_ON_NEO4J
PAGE = {"Accept": "text/html", "Accept-Language": "en"}


class Held:
    """Runs of reports that wait until a test lets them go, and are counted; `failing` makes them fail."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self.go, self.begun, self.failing, self._run = Event(), 0, False, run
        self.change: Callable[[Report], Report] = lambda report: report

    def run(self, library: Library, *given: Any) -> Any:
        self.begun += 1
        assert self.go.wait(120)
        if self.failing:
            raise StoreError("TIMEOUT", "It took too long.")
        return self.change(self._run(library, *given))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held(Library.run)
    for name, seconds in {"report": 0.2, "home": 0.2, "numbers": 5.0, "again": 0.2}.items():
        monkeypatch.setattr(answer_cache.PATIENCE, name, seconds)
    monkeypatch.setattr(answer_cache, "LONG_SECONDS", 1000.0)
    monkeypatch.setattr(Library, "run", lambda *given: held.run(*given))
    yield held
    held.go.set()


@pytest.fixture
def world(store: Store) -> Store:
    apply(store, MODEL)
    write_world(store, small_world())
    return store


@pytest.fixture
def client(world: Store, place: ConnectionSettings, held: Held) -> Iterator[httpx.Client]:
    with serving(build_app(place, Settings(_env_file=None, lang="en"))) as client:
        client.headers.update(PAGE)
        yield client


def test_home_shows_the_findings_of_before_while_newer_ones_are_computed(
    client: httpx.Client, world: Store, held: Held
) -> None:
    for _visit in range(3):
        page = client.get("/")
        assert page.status_code == 200 and "being computed" in page.text and "Computed on" not in page.text
        assert "<strong>" in page.text, "what is known is there"
    waiting = client.get("/reports/gaps")
    assert waiting.status_code == 202 and waiting.headers["refresh"] == "3" and "being computed" in waiting.text
    assert held.begun == 1, "all of them wait for one run"
    held.go.set()
    assert client.get("/reports/gaps.json").status_code == 200, "a file waits until it is whole"
    assert until(lambda: re.search(r"Computed on [^<]+\.</p>", client.get("/").text))
    assert client.get("/reports/gaps").status_code == 200
    assert held.begun == 1, "what was found is kept"
    held.go.clear()
    world.write(Cypher("MATCH (a:Agency {id: 'agency:roads'}) SET a.name = 'Bureau of Roads'"))
    for _visit in range(2):
        page = client.get("/").text
        assert "Computed on" in page and "newer findings follow" in page
    assert held.begun == 2
    held.go.set()
    assert client.get("/reports/gaps.json").status_code == 200
    assert until(lambda: "newer findings" not in client.get("/").text)


def test_a_server_that_has_just_started_shows_what_another_found(
    client: httpx.Client, place: ConnectionSettings, world: Store, held: Held
) -> None:
    held.go.set()
    assert until(lambda: "Computed on" in client.get("/").text)
    held.go.clear()
    with serving(build_app(place, Settings(_env_file=None, lang="en"))) as other:
        other.headers.update(PAGE)
        page = other.get("/").text
        assert "Computed on" in page and "newer findings follow" not in page and held.begun == 1
        world.write(Cypher("MATCH (a:Agency {id: 'agency:roads'}) SET a.name = 'Bureau of Roads'"))
        page = other.get("/").text
        assert "Computed on" in page and "newer findings follow" in page
    held.go.set()


def test_a_run_that_fails_is_said_and_not_begun_again_at_every_visit(client: httpx.Client, held: Held) -> None:
    held.failing = True
    held.go.set()
    assert client.get("/reports/gaps.json").status_code == 503
    for _visit in range(3):
        assert "could not be computed" in client.get("/").text
    assert client.get("/reports/gaps").status_code == 503
    assert held.begun == 1


def test_who_may_see_the_same_is_told_of_one_run_and_others_of_another(
    client: httpx.Client, world: Store, held: Held
) -> None:
    def bearer(name: str, role: Role, *agencies: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {credentials.issue(world, name, role, agencies, [])[0]}"}

    held.go.set()
    one, other = (bearer(name, Role.COORDINATOR, "agency:court") for name in ("Siti", "Budi"))
    admin = bearer("Root", Role.ADMIN)
    path = "/reports/agreements.json"
    answers = [client.get(path, headers=headers).text for headers in (one, other, admin, {})]
    assert held.begun == 3 and answers[0] == answers[1]
    assert "partnership:files" in answers[0] and "partnership:files" not in answers[3]


def test_home_says_that_nothing_can_be_assessed_and_what_to_record(
    store: Store, place: ConnectionSettings, held: Held
) -> None:
    apply(store, MODEL)
    offices = [record("Agency", f"agency:{n}", f"Office {n}", kind="department") for n in range(3)]
    store.write(upsert(MODEL["Agency"], offices, source="own", run="run:own", now=now()))
    held.go.set()
    with serving(build_app(place, Settings(_env_file=None, lang="en"))) as client:
        client.headers.update(PAGE)
        assert client.get("/reports/gaps.json").json()["found"] == 0
        home = client.get("/").text
        held.change = lambda report: replace(
            report, parts=tuple(replace(one, of=5) if one.name == "reuse" else one for one in report.parts)
        )
        store.write(upsert(MODEL["Agency"], offices[:1], source="own", run="run:other", now=now()))
        assert client.get("/reports/gaps.json").json()["found"] == 0
        with_reuse = client.get("/").text
    assert (
        "It is unknown whether anything needs attention: 8 of 9 reports could not assess a single case." in with_reuse
    )
    assert "needs attention." not in with_reuse and "<li>agencies with a sector</li>" in with_reuse
    assert "Nothing could be assessed yet" in home and "Nothing that needs attention was found" not in home
    assert "What could not be assessed, and why" in home and "There are no recorded needs" in home
    said = home[home.index("Record next:") :]
    assert 'href="/needs"' in said[:500] and 'href="/agencies"' not in said[:500]
    assert "Illustrative" not in home, "these records are no sample"


def test_the_notice_of_invented_records_follows_each_change(store: Store, place: ConnectionSettings) -> None:
    apply(store, MODEL)
    office = record("Agency", "agency:1", "Office 1", kind="department")
    store.write(upsert(MODEL["Agency"], [office], source="own", run="run:own", now=now()))
    with serving(build_app(place, Settings(_env_file=None, lang="en"))) as client:
        client.headers.update(PAGE)
        assert "Illustrative data" not in client.get("/agencies").text
        source = record("Source", "source:own", "Our own", illustrative="true")
        store.write(upsert(MODEL["Source"], [source], source="own", run="run:own", now=now()))
        assert until(lambda: "Illustrative data" in client.get("/agencies").text)
        assert "Illustrative data" not in client.get("/agencies.csv").text


def test_every_page_says_that_the_sample_is_invented(sample: ConnectionSettings) -> None:
    with serving(build_app(sample, Settings(_env_file=None, lang="en"))) as client:
        for path in ("/agencies", "/login", "/nothing-here"):
            assert "Illustrative data" in client.get(path, headers=PAGE).text
