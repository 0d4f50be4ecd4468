"""Lists and search as a visitor of the sample finds them: filters, counts, pages there and back, files, languages."""

import csv
import html
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from registry.config import Settings
from registry.database.driver import ConnectionSettings, StoreError
from registry.model.definitions import MAIN, MODEL
from registry.web.app import build_app
from registry.web.list_query import filters_of
from registry.web.queries import PageQueries
from schema.types import camel
from tests.support.server import serving

PROXIED = {"proxy_headers": True, "forwarded_allow_ips": "127.0.0.1"}  # what this machine asks is not limited

ROW = re.compile(r'<th scope="row" role="rowheader"><a href="([^"]+)">([^<]*)</a>')
LISTED = ("Agency", "Service", "Resource", "Need", "Partnership", "Statement", "Channel", "Area", "Function")


def names(page: str) -> list[str]:
    return [html.unescape(name) for _path, name in ROW.findall(page)]


def following(page: str, rel: str) -> str | None:
    found = re.search(rf'<a rel="{rel}" href="([^"]+)"', page)
    return html.unescape(found[1]) if found else None


def total(page: str) -> int:
    found = re.search(r'class="total" role="status"><strong>([\d,.]+)</strong>', page)
    assert found, page
    return int(found[1].replace(",", "").replace(".", ""))


def choices(page: str) -> dict[str, tuple[int, str]]:
    """Return the values of the facets: how many records have each, and where it leads."""
    found = re.findall(r'<li><a href="([^"]+)" rel="nofollow".*?><span>(.*?)</span> <span class="n">([\d,.]+)<', page)
    return {html.unescape(text): (int(count.replace(",", "")), html.unescape(path)) for path, text, count in found}


def asked(client: httpx.Client, query: str, **variables: Any) -> Any:
    answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    return answer["data"]


@pytest.mark.parametrize("kind", MODEL.kinds)
def test_every_kind_has_a_list_that_counts_as_graphql_does(visitor: httpx.Client, kind: str) -> None:
    plural = MODEL[kind].plural
    page = visitor.get(f"/{plural}").text
    assert total(page) == asked(visitor, f"{{ {plural} {{ totalCount }} }}")[plural]["totalCount"]
    assert len(names(page)) == min(50, total(page))


def test_home_leads_to_the_lists_with_the_same_counts(visitor: httpx.Client) -> None:
    for path, count in re.findall(r'<a href="(/\w+)"><strong>([\d,]+)</strong>', visitor.get("/").text):
        assert total(visitor.get(path).text) == int(count.replace(",", ""))


@pytest.mark.parametrize("sort", ["name", "-name", "updated", "-updated"])
def test_pages_lead_through_the_whole_list_and_back(visitor: httpx.Client, sort: str) -> None:
    path: str | None = f"/services?kind=public&sort={sort}&first=50"
    there, pages = [], []
    while path:
        page = visitor.get(path).text
        there += names(page)
        pages.append(names(page))
        path, last = following(page, "next"), page
    assert len(there) == total(last) == 220
    if sort.endswith("name"):
        assert pages != [[]] and len(set(there)) > 200
    back = [pages[-1]]
    while path := following(last, "prev"):
        last = visitor.get(path).text
        back.append(names(last))
    assert back[::-1] == pages


@pytest.mark.parametrize("sort", ["-valid-until", "-parties"])
def test_a_list_is_sorted_by_a_column_on_all_its_pages(visitor: httpx.Client, sort: str) -> None:
    path: str | None = f"/partnerships?sort={sort}&first=50&ends-within=9999"
    found: list[str] = []
    while path:
        page = visitor.get(path).text
        assert len(re.findall('aria-sort="descending"', page)) == 1
        found += [html.unescape(one) for one, _name in ROW.findall(page)]
        path = following(page, "next")
    query = """query ($ids: [ID!]) { partnerships(where: {id: {in: $ids}}, first: 200) {
        nodes { id validUntil partiesCount } } }"""
    ids = [one.removeprefix("/partnerships/") for one in found]
    nodes = {one["id"]: one for one in asked(visitor, query, ids=ids)["partnerships"]["nodes"]}
    field = {"-valid-until": "validUntil", "-parties": "partiesCount"}[sort]
    values = [nodes[one][field] for one in ids]
    assert len(set(ids)) == len(ids) > 50 and len(set(values)) > 1
    assert values == sorted(values, reverse=True)
    assert f"&amp;sort={sort[1:]}" in page or f"?sort={sort[1:]}" in page, "the header reverses the order"


def test_the_four_states_of_agreements_and_the_hidden_ones_are_all(visitor: httpx.Client) -> None:
    page = visitor.get("/partnerships").text
    states = {
        "in force": "in-force",
        "not yet in force": "upcoming",
        "expired": "ended",
        "no dates recorded": "undated",
    }
    counts = {text: choices(page)[text][0] for text in states}
    hidden = re.search(r'id="facet-own-1">Validity.*?not shown <span class="n">(\d+)<', page, re.DOTALL)
    assert hidden and int(hidden[1]) == total(visitor.get("/partnerships?access=restricted").text) > 0
    assert sum(counts.values()) + int(hidden[1]) == total(page)
    for text, code in states.items():
        narrowed = visitor.get(f"/partnerships?validity={code}").text
        assert total(narrowed) == counts[text] and f"Validity: {text}" in narrowed
        assert "does not find records that you can view only in summary" in narrowed
        badges = set(re.findall(r'class="badge ([\w-]+)"', narrowed))
        assert badges - {"disputed"} <= {"ended": {"expired"}, "upcoming": {"to-come"}}.get(code, {"in-force", "soon"})
    assert counts["expired"] > 0 and counts["in force"] > 100


def test_agreements_are_found_by_party_sector_and_end(visitor: httpx.Client) -> None:
    query = "query ($where: PartnershipWhere) { partnerships(where: $where) { totalCount } }"

    def count(where: dict[str, Any]) -> int:
        found: int = asked(visitor, query, where=where)["partnerships"]["totalCount"]
        return found

    health = {"parties": {"some": {"agency": {"sectors": {"some": {"within": ["sector:health"]}}}}}}
    page = visitor.get("/partnerships?party-sectors=sector:health").text
    assert total(page) == count(health) > 0 and "Sector of a party: Health" in page
    named = {
        "parties": {"some": {"agency": {"and": [{"name": {"contains": word}} for word in ("dinas", "kesehatan")]}}}
    }
    assert total(visitor.get("/partnerships?party=dinas kesehatan").text) == count(named) > 0
    last = {"validUntil": {"lte": "2027-01-31"}}
    page = visitor.get("/partnerships?ends-by=2027-01-31").text
    assert total(page) == count(last) > 0 and "Ends on or before: Jan 31, 2027" in page
    assert "Ends within 1 day" in visitor.get("/partnerships?ends-within=1").text
    lines = visitor.get("/partnerships.csv?ends-by=2027-01-31&party-sectors=sector:health").text.splitlines()
    assert len(lines) - 1 == count({"and": [last, health]}) > 0


def test_resources_show_owners_and_users_and_are_found_by_them(visitor: httpx.Client) -> None:
    query = """query ($where: ResourceWhere) { resources(where: $where, first: 200) {
        nodes { id withheld usersCount owners(first: 1) { id } } } }"""
    page = visitor.get("/resources?first=200").text
    rows = dict(
        zip([html.unescape(path) for path, _name in ROW.findall(page)], page.split("<tr role")[2:], strict=True)
    )
    hidden = 0
    for one in asked(visitor, query)["resources"]["nodes"]:
        cells = dict(re.findall(r'data-heading="(Users|Owners)"[^>]*>(.*?)</td>', rows[f"/resources/{one['id']}"]))
        shown = re.sub("<[^>]*>", "", cells["Users"])
        assert shown == ("not shown" if one["withheld"] else str(one["usersCount"]))
        assert ("<a href" in cells["Owners"]) == bool(one["owners"])
        hidden += one["withheld"]
    assert hidden
    for path, where in (
        ("users-at-least=2", {"usersCount": {"gte": 2}}),
        ("users-at-most=1&kind=data", {"usersCount": {"lte": 1}, "kind": {"eq": "data"}}),
        ("free-at-least=10.5", {"free": {"gte": 10.5}}),
        ("owner-sectors=sector:health", {"owners": {"some": {"sectors": {"some": {"within": ["sector:health"]}}}}}),
    ):
        found = asked(visitor, query, where=where)["resources"]["nodes"]
        assert 0 < total(visitor.get(f"/resources?{path}").text) == len(found) < len(rows), path
        assert len(visitor.get(f"/resources.csv?{path}").text.splitlines()) - 1 == len(found)
    counts = {one["id"]: one["users.count"] for one in csv.DictReader(io.StringIO(visitor.get("/resources.csv").text))}
    assert "" in counts.values() and "0" in counts.values()


@pytest.mark.parametrize("kind", LISTED)
def test_a_facet_counts_what_its_filter_then_shows(visitor: httpx.Client, kind: str) -> None:
    found = choices(visitor.get(f"/{MODEL[kind].plural}").text)
    for text, (count, path) in list(found.items())[:12]:
        narrowed = visitor.get(path).text
        assert total(narrowed) == count, text
        assert f'aria-current="true"><span>{html.escape(text, quote=False)}</span>' in narrowed


def test_facets_are_called_in_the_language_of_who_asks(visitor: httpx.Client) -> None:
    def called(language: str, field: str) -> list[str]:
        query = f"{{ agencies {{ countBy(field: {field}, first: 40) {{ value label }} }} }}"
        answer = visitor.post(f"/graphql?lang={language}", json={"query": query}).json()
        return [one["label"] for one in answer["data"]["agencies"]["countBy"]]

    for field, indonesian, english in (
        ("SECTORS", "Kesehatan", "Health"),
        ("AREAS", "Kecamatan Beji", "District of Beji"),
        ("KIND", "Dinas", "Department"),
    ):
        assert indonesian in called("id", field) and english in called("en", field)
        assert english in choices(visitor.get("/agencies").text)


def test_an_area_stands_for_its_parts(visitor: httpx.Client) -> None:
    query = """query ($where: ServiceWhere) { services(where: $where) { totalCount } }"""

    def services(area: dict[str, Any]) -> int:
        found: int = asked(visitor, query, where={"areas": {"some": area}})["services"]["totalCount"]
        return found

    of_the_city = total(visitor.get("/services?areas=area:32.76").text)
    assert of_the_city == services({"within": ["area:32.76"]}) > services({"id": {"eq": "area:32.76"}})
    counts = choices(visitor.get("/services").text)
    assert counts["City of Depok"][0] == of_the_city
    assert counts["Province of Jawa Barat"][0] == total(visitor.get("/services?areas=area:32").text)
    assert total(visitor.get("/areas?broader=area:32.76").text) == 11, "the districts, not the wards"


def test_filters_narrow_together_and_are_taken_off_one_by_one(visitor: httpx.Client) -> None:
    page = visitor.get("/agencies?kind=department&kind=agency&sectors=sector:health&q=dinas kota").text
    assert names(page) == ["Dinas Kesehatan Kota Depok"]
    chips = re.findall(r'<li><a href="([^"]+)" title="Remove this filter"><span>(.*?)</span>', page)
    assert [text for _path, text in chips] == [
        "“dinas kota”", "Kind: Department", "Kind: Agency", "Sectors: Health",
    ]  # fmt: skip
    for path, text in chips:
        wider = visitor.get(html.unescape(path)).text
        assert f"<span>{text}</span> <span aria-hidden" not in wider


@pytest.mark.slow
def test_a_list_can_be_asked_by_the_record_at_the_far_end_of_any_link(visitor: httpx.Client) -> None:
    page = visitor.get("/services?providers=depok:dinkes-kota").text
    query = '{ agency(id: "depok:dinkes-kota") { provides { service { name } } } }'
    provided = asked(visitor, query)["agency"]["provides"]
    assert sorted(names(page)) == sorted(one["service"]["name"] for one in provided)
    assert "Providers: Dinas Kesehatan Kota Depok" in page
    for kind in MODEL:
        for name in filters_of(kind):
            if name in kind.ends:
                answer = visitor.get(f"/{kind.plural}", params={name.replace("_", "-"): "no:such"})
                assert answer.status_code == 200 and total(answer.text) == 0


def test_an_empty_list_says_what_to_loosen(visitor: httpx.Client) -> None:
    assert "Remove one of them" in visitor.get("/agencies?kind=court&q=nobody").text
    assert "Remove the filter, or enter only part of a word" in visitor.get("/agencies?q=nobody").text


def test_a_count_and_its_noun_agree(visitor: httpx.Client) -> None:
    status = re.compile(r'role="status"><strong>(\d+)</strong> (\w+)')
    assert status.findall(visitor.get("/partnerships?status=retired").text) == [("1", "partnership")]
    ((many, noun),) = status.findall(visitor.get("/partnerships").text)
    assert int(many) > 1 and noun == "partnerships"


def test_retired_records_are_shown_only_when_asked_for(visitor: httpx.Client) -> None:
    page = visitor.get("/services").text
    count, path = choices(page)["Retired"]
    assert total(visitor.get(path).text) == count == 1
    assert names(visitor.get(path).text)[0] not in names(page)


@pytest.mark.parametrize("kind", LISTED)
def test_files_hold_what_the_pages_hold(visitor: httpx.Client, kind: str) -> None:
    declared = MODEL[kind]
    whole = visitor.get(f"/{declared.plural}.json?first=200").json()[camel(declared.plural)]
    rows = list(csv.DictReader(io.StringIO(visitor.get(f"/{declared.plural}.csv").text)))
    assert len(rows) == whole["totalCount"]
    shown = names(visitor.get(f"/{declared.plural}?first=200").text)
    assert len(shown) == len(whole["nodes"])
    for row, record in zip(rows, whole["nodes"], strict=False):
        assert (row["id"], row["access"]) == (record["id"], record["access"].lower())
        assert row["name"].removeprefix("'") == record["name"]


def test_a_csv_file_holds_more_than_a_page(visitor: httpx.Client) -> None:
    lines = visitor.get("/services.csv?sort=-name").text.splitlines()
    assert len(lines) == 251 and len(set(lines)) == 251


def test_as_graphql_is_exactly_what_the_page_shows(visitor: httpx.Client) -> None:
    page = visitor.get("/resources?kind=data&q=data&sort=-updated").text
    link = next(one for one in re.findall(r'href="(/graphql[^"]+)"', page) if "operation" in one)
    query = parse_qs(urlsplit(html.unescape(link)).query)
    sent = {"query": query["operation"][0], "variables": query["variables"][0]}
    answer = visitor.get("/graphql", params=sent, headers={"Accept": "application/json"}).json()["data"]
    assert answer == visitor.get("/resources.json?kind=data&q=data&sort=-updated").json()
    assert [one["name"] for one in answer["resources"]["nodes"]] == names(page)


def test_lists_speak_indonesian(visitor: httpx.Client) -> None:
    page = visitor.get("/partnerships?lang=id&access=restricted").text
    assert '<h1 class="first">kerja sama</h1>' in page and "Akses: Ringkasan saja" in page
    assert "ringkasan saja" in page and "tanggal tidak ditampilkan" in page
    assert "Kesehatan" in choices(visitor.get("/agencies?lang=id").text)
    assert "Health" in choices(visitor.get("/agencies?lang=en").text)


@pytest.mark.parametrize(
    ("path", "sentence", "link"),
    [
        ("/agencies?after=nonsense&q=dinas", "This page of the list does not exist.", "/agencies?q=dinas"),
        ("/agencies?before=bm9uc2Vuc2U", "This page of the list does not exist.", "/agencies"),
        ("/agencies?sectr=x", "This list cannot be filtered by sectr.", "/agencies"),
        ("/agencies?kind=dinas", "“dinas” is not a valid value for “Kind”.", "/agencies"),
        ("/channels?two-way=perhaps", "“perhaps” is not a valid value for “Two-way”.", "/channels"),
        ("/agencies?first=201", "A page can have 1 to 200 records.", "/agencies"),
        ("/agencies?first=-1", "A page can have 1 to 200 records.", "/agencies"),
        ("/agencies.csv?sort=size", "This list can be sorted only by name, kind, level-of-government", "/agencies"),
        ("/partnerships?validity=soon", "“soon” is not a valid value for “Validity”.", "/partnerships"),
        (
            "/partnerships?ends-by=2026-02-30",
            "“2026-02-30” is not a valid value for “Ends on or before”.",
            "/partnerships",
        ),
        ("/partnerships?ends-within=-1", "“-1” is not a valid value for “Ends within (days)”.", "/partnerships"),
        ("/search?q=a&kind=dinas", "There are no records of the kind dinas.", "/search?q=a"),
        ("/search?q=a&after=nonsense", "This page of results does not exist.", "/search?q=a"),
    ],
)
def test_what_cannot_be_listed_is_a_sentence_with_a_way_on(
    visitor: httpx.Client, path: str, sentence: str, link: str
) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 400
    assert sentence in answer.text and f'<a href="{link}">' in answer.text
    assert visitor.get(link).status_code == 200


def test_search_finds_by_beginnings_and_stems_and_leads_through_all_pages(visitor: httpx.Client) -> None:
    path, found = "/search?q=layan", []
    while path:
        page = visitor.get(path).text
        found += re.findall(r'<p class="kind">(\w+)</p>\s*<h2><a href="([^"]+)">', page)
        path = following(page, "next") or ""
    query = """query($t: String!) { search(text: $t, first: 200) {
        totalCount countByKind { kind count } nodes { record { id __typename } } } }"""
    hits = asked(visitor, query, t="layan")["search"]
    kinds = sorted(Counter(one["record"]["__typename"] for one in hits["nodes"]).items())
    assert [(one["kind"], one["count"]) for one in hits["countByKind"]] == kinds and len(kinds) > 1
    assert len(found) == hits["totalCount"] > 20
    plurals = {one["record"]["id"]: MODEL[one["record"]["__typename"]].plural for one in hits["nodes"]}
    assert [path for _kind, path in found] == [f"/{plural}/{one}" for one, plural in plurals.items()]


def test_search_is_narrowed_by_kind_sector_and_area(visitor: httpx.Client) -> None:
    page = visitor.get("/search?q=data").text
    kinds = re.findall(r'<a href="(/search[^"]+)"(?: aria-current="true")?>([^<]+) <span class="n">(\d+)<', page)
    assert kinds[0][1] == "all kinds" and sum(int(n) for _path, _text, n in kinds[1:]) == int(kinds[0][2])
    path, _text, count = next(one for one in kinds if one[1] == "resources")
    narrowed = visitor.get(html.unescape(path)).text
    assert f"{count} results, best matches first" in narrowed and set(
        re.findall(r'<p class="kind">(\w+)</p>', narrowed)
    ) == {"Resource"}
    health = visitor.get("/search?q=data&sector=sector:health").text
    assert '<option value="sector:health" selected>Health</option>' in health
    unknown = visitor.get("/search?q=data&area=no:area")
    assert unknown.status_code == 400 and "This sector or area does not exist." in unknown.text


def test_records_with_some_of_the_words_follow_under_a_heading(visitor: httpx.Client) -> None:
    page = visitor.get("/search?q=pemukiman kumuh").text
    whole, some = page.split("<h2>Records with some of the words</h2>")
    assert "Penataan drainase permukiman" in whole and "Without: " not in whole
    assert "Peta kawasan kumuh" in some and "Without: pemukiman" in some
    assert "No result contains all words." not in page
    assert "No result contains all words." in visitor.get("/search?q=beasiswa zzzz").text


def test_a_search_says_that_details_were_not_searched(visitor: httpx.Client) -> None:
    said = "the details of some records were not searched"
    for text in ("permukiman", "zzzz"):
        assert said in visitor.get("/search", params={"q": text, "lang": "en"}).text


def test_a_typing_error_is_corrected_by_a_link(visitor: httpx.Client) -> None:
    page = visitor.get("/search?q=Perpustakan&kind=service&lang=id").text
    found = re.search(r'Apakah maksud Anda <a href="([^"]+)">perpustakaan</a>\?', page)
    assert found and "Perpustakaan umum kota" in visitor.get(html.unescape(found[1])).text
    assert "kind=service" in found[1]
    assert "maksud Anda" not in visitor.get("/search?q=perpustakaan&lang=id").text


def test_a_text_that_is_too_long_is_refused_with_a_way_on(visitor: httpx.Client) -> None:
    answer = visitor.get("/search", params={"q": "x" * 501, "lang": "id"})
    assert answer.status_code == 400 and "Teks pencarian berisi 501 karakter." in answer.text
    words = visitor.get("/search.json", params={"q": " ".join(map(str, range(100, 140))), "lang": "en"})
    assert words.status_code == 400 and "The search text has 40 words. Use at most 32." in words.text


def test_the_search_of_the_first_page_still_works_by_its_old_address(visitor: httpx.Client) -> None:
    answer = visitor.get("/?q=puskesmas", follow_redirects=True)
    assert str(answer.url).endswith("/search?q=puskesmas") and "Puskesmas Kecamatan Beji" in answer.text


def test_suggestions_are_few_and_lead_to_records(visitor: httpx.Client) -> None:
    found = visitor.get("/search.json?q=dinas kes&lang=id").json()["suggestions"]
    assert {"id": "depok:dinkes-kota", "kind": "Agency", "name": "Dinas Kesehatan Kota Depok",
            "path": "/agencies/depok:dinkes-kota", "label": "Instansi"} in found  # fmt: skip
    assert len(visitor.get("/search.json?q=a").json()["suggestions"]) == 8
    for text in ("", "dinas entah"):  # no record has both words
        assert visitor.get(f"/search.json?q={text}").json() == {"suggestions": []}


def test_the_main_kinds_are_in_the_navigation(visitor: httpx.Client) -> None:
    page = visitor.get("/needs").text
    nav = re.findall(r'<a href="/(\w+)"( aria-current="page")?>', page[page.index("<nav") : page.index("</nav>")])
    assert [path for path, _here in nav][: len(MAIN)] == [MODEL[kind].plural for kind in MAIN]
    assert [path for path, here in nav if here] == ["needs"]


@contextmanager
def small_pages(sample: ConnectionSettings, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[httpx.Client]:
    """Serve the sample with pages of two records, so that a file needs many."""
    monkeypatch.setattr("registry.web.lists.EXPORT_PAGE", 2)
    with serving(build_app(sample, Settings(_env_file=None, lang="en", **settings)), **PROXIED) as client:
        client.headers["X-Forwarded-For"] = "203.0.113.7"
        yield client


def test_a_csv_file_holds_every_record_however_many_pages_it_takes(
    sample: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_pages(sample, monkeypatch) as client:
        lines = client.get("/services.csv").text.splitlines()
        assert len(lines) == 251 and len(set(lines)) == 251, "125 pages"
        head = client.head("/services.csv")
        assert head.status_code == 200 and head.headers["content-type"].startswith("text/csv")


def test_a_csv_file_that_is_cut_off_does_not_pass_for_whole(
    sample: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, asked = PageQueries.ask, itertools.count()

    async def ask_until_the_store_fails(self: PageQueries, *given: Any) -> Any:
        if next(asked) == 3:
            raise StoreError("UNAVAILABLE", "The store is gone.")
        return await ask(self, *given)

    with small_pages(sample, monkeypatch) as client:
        monkeypatch.setattr(PageQueries, "ask", ask_until_the_store_fails)
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/services.csv")
        assert client.get("/services.csv").status_code == 200, "the server lives"


def test_a_csv_file_costs_what_it_holds_and_is_never_cut_off_for_it(
    sample: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_pages(sample, monkeypatch, cost_a_minute=1_000_000) as client:
        monkeypatch.setattr("registry.web.lists.EXPORT_PAGE", 50)
        answers = (client.get("/services.csv") for _n in range(200))
        paid = list(itertools.takewhile(lambda one: one.status_code == 200, answers))
        assert 10 < len(paid) < 200 and {len(one.text.splitlines()) for one in paid} == {251}
        assert next(answers).status_code == 429


def test_a_csv_file_counts_linked_records_that_it_does_not_name(
    sample: ConnectionSettings, visitor: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = list(csv.DictReader(io.StringIO(visitor.get("/services.csv").text)))
    monkeypatch.setattr("registry.web.lists.MOST_NAMED", 1)
    with small_pages(sample, monkeypatch) as client:
        cut = list(csv.DictReader(io.StringIO(client.get("/services.csv").text)))
    assert [one["providers.count"] for one in cut] == [one["providers.count"] for one in rows]
    assert max(int(one["providers.count"]) for one in rows) > 1
    assert [len(json.loads(one["providers.id"])) for one in rows if one["providers.count"] != "0"] == [
        int(one["providers.count"]) for one in rows if one["providers.count"] != "0"
    ]
