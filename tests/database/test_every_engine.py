"""The sample on every engine, also the newest Neo4j: it is loaded, and its lists and all other sorts of pages answer."""

import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from benchmarks.search import judged_queries
from loaders.run import run
from loaders.source import find_source
from registry.auth.credentials import issue
from registry.clock import frozen_at
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.exploration import links_of
from registry.database.inbox import expiring
from registry.model.definitions import MODEL
from registry.permissions import ADMIN, Role
from registry.reports.catalogue import DEFINITIONS, Library, run_report
from registry.reports.series import DateRange
from registry.web.app import build_app
from tests.support.actors import acting, by
from tests.support.engines import ON_EVERY_ENGINE
from tests.support.server import serving

LINK = re.compile(r'(?:href|data-operation)="(/[^"]*)"')
KINDS = {kind.plural for kind in MODEL}
FIRST_TEN = Path(__file__).with_name("first_ten.txt")
QUESTIONS = Path(__file__).parents[2] / "docs/questions.md"
ANSWERS = Path(__file__).with_name("answers_to_questions.json")
DAY = datetime(2026, 11, 25, tzinfo=UTC)  # some agreements of the sample are about to end
SEARCH = "query($text: String!) { search(text: $text, first: 10) { nodes { score record { id } } } }"
BY_VALUE = {"sort", "format"}  # what has one Cypher text for each value


def sort_of(path: str) -> tuple[str, ...]:
    """Return what is alike in addresses of pages that ask the store the same."""
    address = urlsplit(path)
    parts = address.path.split("/")
    if len(parts) > 2 and parts[1] in KINDS:
        parts[2] = "{id}"
    query = parse_qs(address.query)
    return (*parts, *sorted(f"{name}={value[0]}" if name in BY_VALUE else name for name, value in query.items()))


def is_new(path: str, seen: set[tuple[str, ...]]) -> bool:
    """Tell whether a link leads to another sort of page: files, other languages and several filters at once are none."""
    query = parse_qs(urlsplit(path).query)
    return not (path.startswith(("/static/", "/graphql")) or "lang" in query or len(query) > 1 or sort_of(path) in seen)


@pytest.fixture(scope="module")
def client(
    ready_store: Store, place: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """An administrator who looks at the sample in English."""
    settings = Settings(_env_file=None, data=tmp_path_factory.mktemp("data"), lang="en", query_timeout=60)
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    assert not run(ready_store, find_source("depok", settings)).refused
    with serving(acting(build_app(place, settings), {"admin": ADMIN})) as client:
        client.headers.update({**by("admin"), "Accept": "text/html", "Accept-Language": "en"})
        yield client


@pytest.mark.slow
@ON_EVERY_ENGINE
def test_every_list_answers_in_every_order(client: httpx.Client, place: ConnectionSettings) -> None:
    lists = {f"/{plural}" for plural in KINDS}
    visited = walk(client, lists, lambda path: urlsplit(path).path in lists and "sort" in path)
    assert {("", plural) for plural in KINDS} <= visited


@pytest.mark.slow
@ON_EVERY_ENGINE
def test_every_sort_of_page_answers(client: httpx.Client, place: ConnectionSettings) -> None:
    visited = walk(client, {"/", *(f"/{plural}" for plural in KINDS)}, lambda path: True)
    assert {("", "reports", name) for name in DEFINITIONS} <= visited


@pytest.mark.slow
@ON_EVERY_ENGINE
def test_searches_find_the_same_in_the_same_order(
    client: httpx.Client, place: ConnectionSettings, rewrite: bool
) -> None:
    queries = [one.query for one in judged_queries() if one.source == "depok"]
    text = "".join(f"{query}: {' '.join(first_ten(client, query))}\n" for query in queries)
    if rewrite:
        FIRST_TEN.write_text(text, encoding="utf-8")
    assert text == FIRST_TEN.read_text(encoding="utf-8"), "read the difference; --rewrite takes it over"


@pytest.mark.slow
@ON_EVERY_ENGINE
def test_questions_of_planners_have_the_same_answers(
    client: httpx.Client, place: ConnectionSettings, rewrite: bool
) -> None:
    queries = re.findall(r"```graphql\n(.*?)```", QUESTIONS.read_text(encoding="utf-8"), re.DOTALL)
    with frozen_at(DAY):
        answers = [client.post("/graphql", json={"query": one}).json() for one in queries]
    assert len(answers) == 6 and not [one["errors"] for one in answers if "errors" in one]
    text = json.dumps([one["data"] for one in answers], ensure_ascii=False, indent=1) + "\n"
    if rewrite:
        ANSWERS.write_text(text, encoding="utf-8")
    assert text == ANSWERS.read_text(encoding="utf-8"), "read the difference; --rewrite takes it over"


def first_ten(client: httpx.Client, query: str) -> list[str]:
    """Return the first ten records that a search finds, each with its score."""
    asked = {"query": SEARCH, "variables": {"text": query}}
    nodes = client.post("/graphql", json=asked).json()["data"]["search"]["nodes"]
    scores = [one["score"] for one in nodes]
    assert scores == sorted(scores, reverse=True)
    return [f"{one['record']['id']}={one['score']:.6f}" for one in nodes]


def walk(client: httpx.Client, start: set[str], within: Callable[[str], bool]) -> set[tuple[str, ...]]:
    """Follow links to one page of each sort; return the sorts."""
    ahead, seen = sorted(start), set(map(sort_of, start))
    while ahead:
        path = ahead.pop()
        answer = client.get(path)
        assert answer.status_code in (200, 303, 307), (path, answer.status_code, answer.text)
        for link in map(html.unescape, LINK.findall(answer.text)):
            if is_new(link, seen) and within(link):
                seen.add(sort_of(link))
                ahead.append(link)
    return seen


@pytest.mark.slow
@ON_EVERY_ENGINE
def test_disputes_retired_parties_and_accounts_are_read_alike(client: httpx.Client, place: ConnectionSettings) -> None:
    camera, backup, at = "depok:ks-segera-cctv", "depok:ks-segera-cadangan", DAY.date().isoformat()
    with Store(place) as store, frozen_at(DAY):
        issue(store, "Informatics", Role.COORDINATOR, ["depok:diskominfo"], [])
        _say(store, "depok:dishub-kota", camera, "disputed")
        _say(store, "depok:diskominfo", backup, "confirmed")
        store.write(Cypher("MATCH (a:Agency {id: 'depok:inspektorat'}) SET a.status = 'retired'"))
        rows = {(row["finding"], row.key[1]): row for row in run_report(store, "agreements", ADMIN, at).rows}
        assert rows["disputed", camera]["confirmation"] == "disputed"
        assert rows["retired-party", backup]["agencies"] == ("Inspektorat Daerah Kota Depok",)
        assert rows["expiring", backup]["confirmation"] == "confirmed", "no other party has an account"
        soon = expiring(["depok:polres-depok"], until="2026-12-31", me=ADMIN.parameter(), size=10)
        assert [camera, True] in [[row[0], row[3]] for row in store.read(soon)]
        ((found,),) = store.read(links_of([camera, "depok:polres-depok"], ["PARTY_TO"], ADMIN, day=at, most=10))
        links = {row[0]: {far[3] for far in row[3]} for row in found}
        assert links[camera] == {"depok:dishub-kota", "depok:polres-depok"}
        assert links["depok:polres-depok"] and camera not in links["depok:polres-depok"], "it is not in force"
        series = Library().run_series(store, "agreements", ADMIN, DateRange("year", "2024-11-25", at))
        alone = [run_report(store, "agreements", ADMIN, str(row["day"])) for row in series.rows]
        assert [(row["found"], row["of"]) for row in series.rows] == [(one.found, one.of) for one in alone]


def _say(store: Store, agency: str, agreement: str, standing: str) -> None:
    text = "MATCH (:Agency {id: $in.agency})-[e:PARTY_TO]->(:Partnership {id: $in.agreement}) SET e.standing = $in.said"
    store.write(Cypher(text, {"in": {"agency": agency, "agreement": agreement, "said": standing}}))
