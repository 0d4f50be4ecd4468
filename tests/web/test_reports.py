"""What a row rests on: each record has an address, and one opens the query that shows them all; in every file that can hold it."""

import json
import re
from collections.abc import Iterator
from html import unescape
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import httpx
import pytest

from registry.config import Settings
from registry.database.driver import ConnectionSettings
from registry.reports.catalogue import DEFINITIONS
from registry.web.app import build_app
from tests.support.sample import AS_OF
from tests.support.server import serving

ASKED = {"as-of": AS_OF, "lang": "en"}


@pytest.fixture(scope="module")
def client(sample: ConnectionSettings) -> Iterator[httpx.Client]:
    with serving(build_app(sample, Settings(_env_file=None, lang="en"))) as client:
        yield client


def told(client: httpx.Client, name: str) -> dict[str, Any]:
    report: dict[str, Any] = client.get(f"/reports/{name}.json", params=ASKED).json()
    return report


@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_the_query_of_a_row_shows_what_the_row_rests_on(client: httpx.Client, name: str) -> None:
    rows = [row for row in told(client, name)["rows"] if row["evidence"]]
    shown_by = {row["shown_by"]: {one["id"] for one in row["evidence"]} for row in (*rows[:3], *rows[-3:])}
    for address, ids in shown_by.items():
        opened = client.get(address)
        assert opened.status_code == 303
        asked = parse_qs(urlsplit(opened.headers["location"]).query)
        operation = {"query": asked["operation"][0], "variables": json.loads(asked["variables"][0])}
        answer = client.post("/graphql", json=operation).json()
        assert "errors" not in answer
        assert {one["id"] for field in answer["data"].values() for one in field["nodes"]} == ids


def test_a_record_that_a_row_rests_on_has_its_page(client: httpx.Client) -> None:
    for row in told(client, "gaps")["rows"][:20]:
        for one in row["evidence"][:2]:
            page = client.get(one["address"], headers={"Accept": "text/html"})
            assert page.status_code == 200 and one["id"] in unescape(page.text)


def test_page_workbook_and_printed_report_link_to_the_same_queries(client: httpx.Client) -> None:
    paths = [
        urlsplit(row["shown_by"])._replace(scheme="", netloc="").geturl() for row in told(client, "agreements")["rows"]
    ]
    page = client.get("/reports/agreements", params=ASKED).text
    assert re.findall(r'"(/evidence\?[^"]+)"', unescape(page)) == paths
    printed = client.get("/reports/agreements.html", params=ASKED).text
    assert re.findall(r'"(http://[^"]+/evidence\?[^"]+)"', unescape(printed)) == [
        f"{client.base_url}{path}" for path in paths
    ]
    book = ZipFile(BytesIO(client.get("/reports/agreements.xlsx", params=ASKED).content))
    targets = re.findall(r'Target="([^"]+)"', book.read("xl/worksheets/_rels/sheet1.xml.rels").decode())
    assert [unescape(one) for one in targets] == [f"{client.base_url}{path}" for path in paths]


def test_an_address_that_names_no_record_of_a_kind_is_not_there(client: httpx.Client) -> None:
    assert client.get("/evidence").status_code == 404
    assert client.get("/evidence", params={"agencies": "x"}).status_code == 404
    several = client.get("/evidence", params=[("agency", "a"), ("agency", "b"), ("level-of-government", "x")])
    asked = parse_qs(urlsplit(several.headers["location"]).query)
    assert json.loads(asked["variables"][0]) == {"agencies": ["a", "b"]}


@pytest.mark.parametrize("name", ["agreements", "levels", "matches", "feedback"])
def test_a_limited_report_shows_nobody_more_than_the_whole_one(client: httpx.Client, name: str) -> None:
    whole = told(client, name)
    named = {one["id"] for row in whole["rows"] for one in row["evidence"] if one["kind"] == "Agency"}
    for agency in sorted(named)[:3]:
        part = client.get(f"/reports/{name}.json", params={**ASKED, "agency": agency}).json()
        assert all(row in whole["rows"] for row in part["rows"])
        assert part["found"] <= whole["found"]
    unseen = client.get(f"/reports/{name}.json", params={**ASKED, "agency": "no-such-agency"})
    assert unseen.status_code == 400 and "that you may see" in unseen.text


def test_lists_of_csv_are_written_as_the_address_says(client: httpx.Client) -> None:
    address = "/reports/agency-measures.csv"
    table, lines = (client.get(address, params=ASKED | how).text.splitlines() for how in ({}, {"lists": "rows"}))
    assert table[0].endswith(",confidence,evidence") and '"[""' in table[1]
    assert lines[0].startswith("row_number,agency,") and lines[0].endswith(",list_column,list_value")
    assert client.get(address, params=ASKED | {"lists": "json"}).text.splitlines() == table
    for refused in (f"{address}?lists=columns", "/reports/agency-measures.json?lists=rows"):
        answer = client.get(refused)
        assert answer.status_code == 400 and "only for CSV" in answer.json()["message"]


def test_the_page_of_a_network_links_to_its_files(client: httpx.Client) -> None:
    asked = ASKED | {"sector": "health"}
    page = unescape(client.get("/reports/agency-measures", params=asked, headers={"Accept": "text/html"}).text)
    files = re.findall(r'"(/reports/agency-measures\.[^"]+)"', page)
    assert {urlsplit(one).path.partition(".")[2] for one in files} >= {"graphml", "gexf", "nodes.csv", "edges.csv"}
    for one in files:
        answer = client.get(one)
        assert answer.status_code == 200 and "sector=health" in one
        assert urlsplit(one).path.partition(".")[2] in answer.headers["content-disposition"]
    other = client.get("/reports/brokers", params=ASKED, headers={"Accept": "text/html"}).text
    assert "graphml" not in other and client.get("/reports/brokers.graphml", params=ASKED).status_code == 404
