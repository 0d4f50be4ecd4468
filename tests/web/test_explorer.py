"""The explorer as it is served: without scripts, in both languages, and what its scripts are given."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from graphql import parse, validate

from registry import web
from registry.config import Settings
from registry.database.driver import ConnectionSettings
from registry.model.definitions import MODEL
from registry.web.app import build_app
from registry.web.explorer import OPERATIONS, kind_names, script_texts
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
    assert "No results." in client.get("/explore", params={"q": "qqqq"}).text


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


def test_cytoscape_is_the_released_file_with_its_licences() -> None:
    assert sha256((CYTOSCAPE / "cytoscape.esm.min.mjs").read_bytes()).hexdigest() == RELEASED
    licences = (CYTOSCAPE / "LICENSES.txt").read_text(encoding="utf-8")
    assert all(holder in licences for holder in ("Cytoscape Consortium", "== heap", "OpenJS Foundation"))


@pytest.mark.parametrize("name", [*OPERATIONS, "search", "start"])
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
