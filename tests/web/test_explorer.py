"""The explorer as it is served: without scripts, in both languages, and what its scripts are given."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import anyio
import httpx
import pytest
from graphql import parse, validate
from starlette.requests import Request
from starlette.responses import StreamingResponse

from registry import web
from registry.config import Settings
from registry.database.driver import ConnectionSettings
from registry.i18n import use_language
from registry.model.definitions import MODEL
from registry.web.app import build_app
from registry.web.explorer import (
    OPERATIONS,
    ImpactQuery,
    ImpactRow,
    csv_lines,
    impact_rows,
    kind_names,
    no_links,
    script_texts,
)
from registry.web.form_data import csv_file
from registry.web.queries import operation
from schema.schema import build_schema
from schema.types import camel
from tests.support.server import serving

STATIC = Path(web.__file__).parent / "static"
CYTOSCAPE = STATIC / "vendor" / "cytoscape-3.34.4"
RELEASED = "0d7e373a706f0f01d6fb7a6ccf04988c01307cee1c2f9bcc7b068e9f6b431e3f"
PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def client(sample: ConnectionSettings) -> Iterator[httpx.Client]:
    """A visitor of the sample."""
    with serving(build_app(sample, Settings(_env_file=None, lang="en"))) as client:
        yield client


def given(text: str) -> dict[str, object]:
    (block,) = re.findall(r'<script type="application/json" id="given">(.*?)</script>', text)
    found: dict[str, object] = json.loads(block)
    return found


@pytest.mark.parametrize(("lang", "phrase", "sector"), [("en", "owns", "Health"), ("id", "memiliki", "Kesehatan")])
def test_what_is_linked_is_a_table_of_links_without_scripts(
    client: httpx.Client, lang: str, phrase: str, sector: str
) -> None:
    text = client.get("/explore", params={"of": "depok:dinkes-kota"}, headers={"Accept-Language": lang}).text
    rows = [
        re.sub(r"<[^>]+>|\s+", " ", row)
        for row in re.findall(r"<tr>(.*?)</tr>", text.split("plain-title")[-1], re.DOTALL)
    ]
    assert any(re.search(rf"Dinas Kesehatan Kota Depok +{phrase} +Data cakupan imunisasi", row) for row in rows)
    assert any(sector in row for row in rows)
    assert 'href="/explore?of=depok%3Adata-imunisasi"' in text
    assert 'href="/agencies/depok%3Adinkes-kota"' in text
    asked = client.post(
        "/graphql", json={"query": operation("neighbourhood"), "variables": {"of": "depok:dinkes-kota"}}
    )
    assert len(rows) == len(asked.json()["data"]["neighbourhood"]["links"]) + 1  # with the head


def test_a_search_without_scripts_leads_to_records(client: httpx.Client) -> None:
    text = client.get("/explore", params={"q": "imunisasi"}).text
    assert '<a href="/explore?of=depok%3Alayanan-imunisasi">Imunisasi rutin anak</a>' in text
    nothing = client.get("/explore", params={"q": "qqqq"}).text
    assert "No record that you have access to matches this search." in nothing and "Start with a sector" in nothing


def test_it_begins_with_the_sectors_that_have_agencies(client: httpx.Client) -> None:
    text = client.get("/explore").text
    assert '<a href="/explore?of=sector%3Ahealth">Health</a> <span class="quiet">23 agencies</span>' in text


@pytest.mark.parametrize("of", ["nothing", "<script>alert(1)</script>", "x" * 10_000, "\x00x", "' OR 1=1 //"])
def test_a_record_that_is_not_there_is_said_in_one_sentence(client: httpx.Client, of: str) -> None:
    answer = client.get("/explore", params={"of": of}, headers=PAGE)
    assert answer.status_code == 404
    assert "This record does not exist, or you have no access to it." in answer.text
    assert "<script>alert" not in answer.text


def test_a_store_that_is_away_is_said_in_one_sentence(sample: ConnectionSettings) -> None:
    away = ConnectionSettings("bolt://127.0.0.1:1", *list(vars(sample).values())[1:])
    with serving(build_app(away, Settings(_env_file=None, lang="en"))) as client:
        answer = client.get("/explore", params={"of": "depok:dinkes-kota"}, headers=PAGE)
    assert answer.status_code == 503 and answer.headers["retry-after"]
    assert "The database is not responding. Try again soon." in answer.text


def test_the_page_brings_the_first_answer_so_that_it_is_not_asked_twice(client: httpx.Client) -> None:
    known = given(client.get("/explore", params={"of": "sector:health"}).text)["known"]
    asked = client.post("/graphql", json={"query": operation("neighbourhood"), "variables": {"of": "sector:health"}})
    assert known == {"of": "sector:health", **asked.json()["data"]}


FILTERS = [
    {},
    {"sector": "sector:health"},
    {"area": "area:32.76", "kinds": ["Agency", "Service"]},
    {"kinds": "Agency Area", "on": "2026-01-01"},
    {"sector": "no:sector"},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_an_impact_and_its_file_show_the_same_without_scripts(
    client: httpx.Client, filters: dict[str, str | list[str]]
) -> None:
    query = {"impact": "depok:infra-dc", **filters}
    text = client.get("/explore", params=query).text
    (file,) = re.findall(r'href="(/explore/impact\.csv\?[^"]+)"', text)
    lines = list(csv.DictReader(io.StringIO(client.get(unescape(file)).text)))
    assert lines == list(csv.DictReader(io.StringIO(client.get("/explore/impact.csv", params=query).text)))
    first, *affected = lines
    assert (first["id"], first["effect"], first["withheld"]) == ("depok:infra-dc", "stopped", "false")
    shown = text.split('id="impact-title"')[-1]
    paths = [unquote(path).rpartition("/")[2] for path in re.findall(r'<tr>\s*<td><a href="([^"]+)"', shown)]
    assert paths == [line["id"] for line in affected]
    asked = client.post(
        "/graphql", json={"query": operation("impact"), "variables": {"of": "depok:infra-dc", "day": filters.get("on")}}
    ).json()["data"]["impact"]
    every = sum(len(asked[group]) for group in ("services", "resources", "agencies", "areas"))
    assert (f"The filters show {len(affected)} of {every} affected records." in shown) == bool(filters)
    assert (len(affected) < every) == bool(filters)
    assert ("No affected record matches the filters." in shown) == (not affected)
    assert given(text)["known"] == {"of": "depok:infra-dc", "day": filters.get("on", ""), "impact": asked}


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_an_impact_too_large_to_list_is_filtered_in_the_registry(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, filters: dict[str, str | list[str]]
) -> None:
    query = {"impact": "depok:infra-dc", **filters}

    def asked() -> tuple[list[str], list[str], list[dict[str, str]]]:
        shown = client.get("/explore", params=query).text.split('id="impact-title"')[-1]
        file = client.get("/explore/impact.csv", params=query).text
        sentences = re.findall(r"<p>(.*?)</p>", shown.split("<form")[0])
        lines = sorted(csv.DictReader(io.StringIO(file)), key=lambda line: line["id"])
        return re.findall(r'<tr>\s*<td><a href="([^"]+)"', shown), sentences, lines

    whole = asked()
    monkeypatch.setattr("registry.web.explorer.MOST_LISTED", 5)
    assert asked() == whole


def test_a_hub_tells_how_many_records_depend_directly_on_it(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = '{ agency(id: "depok:diskominfo") { providesCount ownsCount } }'
    counts = client.post("/graphql", json={"query": query}).json()["data"]["agency"]
    monkeypatch.setattr("registry.web.record_views.MOST_FOLLOWED", 3)
    text = client.get("/agencies/depok:diskominfo").text
    assert f"{sum(counts.values())} records depend directly on it." in text
    assert '<a href="/explore?impact=depok%3Adiskominfo">Show everything that is affected</a>' in text


def test_an_impact_of_nothing_that_is_there_is_not_found(client: httpx.Client) -> None:
    assert [client.get(path).status_code for path in ("/explore?impact=no", "/explore/impact.csv?impact=no")] == [
        404
    ] * 2
    assert client.get("/explore/impact.csv").status_code == 404
    assert "or you have no access to it" in client.get("/explore?impact=no").text


def test_the_file_of_an_impact_says_what_is_withheld_and_has_no_formulas(client: httpx.Client) -> None:
    record = {"__typename": "Service", "id": "s", "name": "=1+1", "sectors": [{"id": "x", "name": "@x"}], "areas": []}
    hit = {"lost": True, "text": "+1", "record": record, "chain": [{}]}
    impact = {"record": {**record, "id": "r"}, "services": [hit], "resources": [], "agencies": [], "areas": []}

    async def rows() -> AsyncIterator[ImpactRow]:
        for row in impact_rows(impact):
            yield row

    async def lines() -> list[tuple[object, ...]]:
        return [line async for line in csv_lines(ImpactQuery("r"), rows(), withheld=True)]

    async def written() -> str:
        request = Request({"type": "http", "method": "GET", "headers": []})
        response = csv_file(request, "impact", csv_lines(ImpactQuery("r"), rows(), withheld=True))
        assert isinstance(response, StreamingResponse)
        return "".join([str(part) async for part in response.body_iterator])

    assert [line[3:] for line in anyio.run(lines)][1:] == [
        ("stopped", 0, "", ["@x"], [], True),
        ("lost", 1, "+1", ["@x"], [], True),
    ]
    assert anyio.run(written).splitlines()[2] == 'Service,s,\'=1+1,lost,1,\'+1,"[""@x""]",[],true'


@pytest.mark.parametrize(
    ("more", "withheld", "ended", "phrase"),
    [
        (0, False, 0, "No links of this record are recorded that you have access to."),
        (0, False, 2, "2 links of this record are not shown: they have ended"),
        (0, True, 0, "you have access only to its summary"),
        (None, False, 2, "you have access only to its summary"),
    ],
)
def test_a_record_without_links_says_why(more: int | None, *, withheld: bool, ended: int, phrase: str) -> None:
    alone = {"nodes": [{"more": more, "record": {"id": "a"}}], "links": [], "withheld": withheld, "notCurrent": ended}
    with use_language("en"):
        assert phrase in no_links(alone)
        assert not no_links({**alone, "links": [{"link": "OWNS", "from": "a", "to": "b"}]})


def test_cytoscape_is_the_released_file_with_its_licences() -> None:
    assert sha256((CYTOSCAPE / "cytoscape.esm.min.mjs").read_bytes()).hexdigest() == RELEASED
    licences = (CYTOSCAPE / "LICENSES.txt").read_text(encoding="utf-8")
    assert all(holder in licences for holder in ("Cytoscape Consortium", "== heap", "OpenJS Foundation"))


@pytest.mark.parametrize("name", [*OPERATIONS, "search", "start", "most_resources", "most_agencies"])
def test_every_operation_fits_the_schema(name: str) -> None:
    assert not validate(build_schema(MODEL).graphql_schema, parse(operation(name)))


def test_every_word_of_the_scripts_is_given_and_none_in_vain() -> None:
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in (STATIC / "explore").glob("*.js"))
    used = set(re.findall(r"\btranslate\(\"(\w+)\"", scripts))
    assert used and used <= set(script_texts())
    by_data = {"TOO_COSTLY", *(camel(one.name) for kind in MODEL for one in kind.properties.values())}
    assert not [name for name in script_texts().keys() - by_data if not re.search(rf"\b{name}\b", scripts)]


def test_a_text_with_a_count_has_a_singular_and_a_plural(client: httpx.Client) -> None:
    forms = [one for one in given(client.get("/explore").text)["texts"].values() if isinstance(one, list)]
    assert all("{n}" in one and "{n}" in several and one != several for one, several in forms)
    assert ["{n} record", "{n} records"] in forms
    assert ["{n} catatan"] * 2 in given(client.get("/explore", headers={"Accept-Language": "id"}).text)[
        "texts"
    ].values()


def test_every_kind_has_a_name_and_a_code_its_label(client: httpx.Client) -> None:
    assert set(kind_names()) == set(MODEL.kinds)
    codes = given(client.get("/explore").text)["codes"]
    assert isinstance(codes, dict) and codes["shareability"]["on-request"] == "On request"
