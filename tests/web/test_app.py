"""The pages as a visitor finds them: what they count and find, how they speak, what they refuse, and that they are safe."""

import html
import io
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from anyio import to_thread
from jsonschema import Draft202012Validator
from python_calamine import load_workbook

from registry.analysis.gaps import NEXT_STEPS
from registry.analysis.report import Report
from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.write import upsert, upsert_relationships
from registry.i18n import _, use_language
from registry.model.definitions import MAIN, MODEL
from registry.model.records import make_relationship
from registry.permissions import ADMIN, Actor, Role
from registry.reports.catalogue import Library
from registry.web import graphiql
from registry.web.app import build_app
from registry.web.inbox import LayoutMiddleware
from registry.web.queries import PageQueries
from tests.support.actors import acting, by
from tests.support.engines import SLOW_ON_NEO4J, until
from tests.support.example_queries import examples
from tests.support.factories import record
from tests.support.server import serving

pytestmark = SLOW_ON_NEO4J

RUN = {"source": "test", "run": "run:test"}
PAGE = {"Accept": "text/html,application/xhtml+xml;q=0.9"}
PAGES = (
    "/",
    "/search?q=office",
    "/agencies",
    "/agencies/agency:03",
    "/shared",
    "/reports",
    "/reports/gaps",
    "/reports/agreements",
    "/graphql",
    "/reports/graphql",
    "/nothing",
    "/reports/nothing",
)
HOSTILE = (
    "<script>alert(1)</script>", "x" * 10_000, "\x00", "a\x00b", "' OR 1=1 //", "\u0301", "%", "{{ 7 * 7 }}", "🙂\u202e",
)  # fmt: skip
RELEASES = {
    "react.production.min.js": "229bbf4d0e7488209564152c6723497f1ac3934136ca1684233d2fa88fa4146f",
    "react-dom.production.min.js": "9db33292007ab6c38527b39d5663e976a305564e19b2a5a8713ea2b2c00f505d",
    "graphiql-plugin-explorer.umd.js": "de152e8415dd5e57c28fa45378490916d121fe4506f9308301216914f2ebcef1",
    "style.css": "7c0d0b3d496e90c351e8be123d2785a834d86aff107568d0da7af9e7d6659f55",
    "graphiql.min.js": "9ff2ca6842eea42d47fcf53a8e8cfec9b7912474f6c4275e904b7a39830e3995",
    "graphiql.min.css": "3ac6ccf8b4077271478b4887ec050ab9e66f0dc101a32ff3e2127b8f1d5ca6c3",
}


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **{"lang": "en", **given})


@pytest.fixture(scope="module")
def world(ready_store: Store) -> Store:
    """Thirteen offices, one of them restricted and one closed, each with a service; an agreement that has long expired."""
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    offices = [record("Agency", f"agency:{n:02d}", f"Office {n:02d}", kind="department") for n in range(11)]
    offices.append(record("Agency", "agency:11", "Office 11 <b>&amp;", kind="court", access="restricted"))
    offices.append(record("Agency", "agency:12", "Office of secrets", kind="court", access="closed"))
    services = [record("Service", f"service:{n:02d}", f"Help {n:02d}", kind="public") for n in range(12)]
    services.append(record("Service", "service:12", "Help once", kind="public", status="retired"))
    dates = {"valid_from": "2020-01-01", "valid_until": "2021-02-03", "instrument": "mou"}
    agreement = record("Partnership", "partnership:1", "Handling of floods", **dates)
    provides, partnerships = MODEL["Agency"].ends["provides"], MODEL["Agency"].ends["partnerships"]
    done = [make_relationship(provides, f"agency:{n:02d}", f"service:{n:02d}", {"role": "lead"})[0] for n in range(13)]
    signed = [make_relationship(partnerships, f"agency:{n:02d}", "partnership:1", {})[0] for n in (0, 1, 12)]
    ready_store.write(
        upsert(MODEL["Agency"], offices, now=now(), **RUN),
        upsert(MODEL["Service"], services, now=now(), **RUN),
        upsert(MODEL["Partnership"], [agreement], now=now(), **RUN),
        upsert_relationships(provides.link, [one for one in done if one], **RUN),
        upsert_relationships(partnerships.link, [one for one in signed if one], **RUN),
    )
    return ready_store


@pytest.fixture(scope="module")
def address(world: Store, place: ConnectionSettings) -> Iterator[httpx.URL]:
    with serving(build_app(place, settings())) as client:
        yield client.base_url


@pytest.fixture
def client(address: httpx.URL) -> Iterator[httpx.Client]:
    """A visitor without cookies."""
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


def test_without_sectors_the_explorer_starts_with_the_most_linked(client: httpx.Client) -> None:
    text = client.get("/explore").text
    assert (
        "Agencies with the most links" in text and "Start with a sector" not in text and "Office of secrets" not in text
    )
    first = text[text.index("Agencies with the most links") :]
    found = re.findall(r'of=agency%3A(\d\d)">[^<]+</a> <span class="quiet">(\d) links?<', first)
    assert found[:3] == [("00", "2"), ("01", "2"), ("02", "1")] and len(found) == 12
    assert "Most used resources" not in text  # no resource has a user


def test_an_empty_list_does_not_claim_that_nothing_is_there(client: httpx.Client) -> None:
    text = client.get("/needs").text
    assert "There may be records that you have no access to." in text and "has no records of this kind" not in text
    assert 'href="/login?next=' in text


def test_only_administrators_see_how_often_answers_were_cached(place: ConnectionSettings) -> None:
    actors = {"root": ADMIN, "sari": Actor("sari", Role.APPROVER)}
    with serving(acting(build_app(place, settings()), actors)) as client:
        client.get("/agencies")
        client.get("/agencies")
        report = client.get("/answers.json", headers=by("root")).json()
        assert report["hits"] > 0 < report["misses"] and report["answers"] <= report["largest"]
        assert client.get("/answers.json", headers=by("sari")).status_code == 404
        assert client.get("/answers.json").status_code == 404


def test_only_page_routes_prepare_the_layout(place: ConnectionSettings) -> None:
    app = build_app(place, settings())
    with serving(app):
        plain = {
            getattr(one, "path", "")
            for one in app.routes
            if not isinstance(getattr(one, "app", None), LayoutMiddleware)
        }
    assert plain == {
        "/graphql",
        "/reports/graphql",
        "/ready",
        "/health",
        "/answers.json",
        "/static",
        "/static/graphiql",
    }


def counted(page: str) -> dict[str, int]:
    return {kind: int(n) for kind, n in re.findall(r'href="/(\w+)"><strong>(\d+)</strong>', page)}


def test_home_counts_what_everybody_may_see(client: httpx.Client) -> None:
    expected = {"agencies": 12, "services": 12, "resources": 0, "needs": 0, "partnerships": 1}
    assert counted(client.get("/").text) == expected


def test_home_tells_what_needs_attention_and_links_to_the_report(client: httpx.Client) -> None:
    page = client.get("/").text
    finding = page[page.index('<ol class="findings">') : page.index("</ol>")]
    assert "Handling of floods" in finding
    assert "Office 00 – Office 01" in finding
    assert NEXT_STEPS["expired"] in finding
    assert 'href="/reports/agreements"' in finding
    for path in re.findall(r'<h3><a href="(/reports/gaps\?finding=[0-9a-f]{12})">', finding):
        one = client.get(path).text
        assert one.count('id="finding-') == 1 and "Only one finding is shown." in one
        assert 'href="/evidence?' in one and 'href="/reports/gaps">Show all findings' in one
    assert "no longer has this finding" in client.get("/reports/gaps?finding=none").text


def test_each_row_of_a_report_links_to_itself(client: httpx.Client) -> None:
    page = html.unescape(client.get("/reports/agreements?as-of=2026-11-25&within=30").text)
    links = re.findall(r'href="([^"]+)">Link to this finding', page)
    assert links and len(links) == len(set(links)) == len(set(re.findall('id="(finding-[0-9a-f]{12})"', page)))
    for path in links[:3]:
        assert path.startswith("/reports/agreements?as-of=2026-11-25&within=30&finding=")
        assert client.get(path).text.count('id="finding-') == 1


def test_nobody_learns_of_a_closed_record(client: httpx.Client) -> None:
    pages = ("/", "/search?q=secrets", "/search.json?q=secrets", "/agencies", "/agencies.csv", "/shared?find=secrets")
    for path in (*pages, "/reports/gaps", "/reports/agreements.json", "/reports/coverage.csv"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "Office of secrets" not in answer.text
        assert "agency:12" not in answer.text
    assert "Office of secrets" not in client.get("/partnerships/partnership:1").text
    assert "1 of the agencies" in client.get("/shared?agency=agency:01&agency=agency:12").text


def test_a_closed_record_is_as_one_that_is_not_there(client: httpx.Client) -> None:
    for path in ("/agencies/agency:12", "/agencies/agency:12.json", "/services/agency:12", "/records/agency:12"):
        closed, nothing = client.get(path), client.get(path.replace("agency:12", "agency:99"))
        assert closed.status_code == nothing.status_code == 404
        assert closed.text == nothing.text


def test_names_are_text_never_markup(client: httpx.Client) -> None:
    page = client.get("/search", params={"q": "office 11"}).text
    assert "Office 11 &lt;b&gt;&amp;amp;" in page
    assert "<b>" not in page


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_may_be_searched_for(client: httpx.Client, text: str) -> None:
    for path in ("/search", "/search.json", "/agencies", "/agencies.csv", "/shared", "/reports/gaps", "/graphql"):
        asked = {"q": text, "kind": text, "find": text, "after": text, "agency": text, "operation": text}
        for name in asked:
            answer = client.get(path, params={name: text}, headers=PAGE)
            assert answer.status_code in (200, 400), name
            assert "<script>alert" not in answer.text
            assert "49" not in re.findall(r'value="(.*?)"', answer.text)


@pytest.mark.parametrize("lang", ["id", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_strict_and_loads_nothing_from_elsewhere(client: httpx.Client, path: str, lang: str) -> None:
    answer = client.get(path, headers=PAGE | {"Accept-Language": lang})
    assert answer.headers["content-language"] == lang
    assert f'lang="{lang}"' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
    assert ("unsafe-inline" in policy) is path.endswith("/graphql")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.findall(r"(?:src|href|action)=[\"'](?!/|#|\?)", answer.text)
    assert not re.findall(r"<style|<script(?![^>]* src=)|\sstyle=|\son\w+=", answer.text)


def test_the_language_is_that_of_the_address_the_cookie_or_the_browser(client: httpx.Client) -> None:
    def spoken(path: str = "/reports", accept: str = "") -> str:
        return client.get(path, headers=PAGE | {"Accept-Language": accept}).headers["content-language"]

    assert spoken() == "en"
    assert spoken(accept="fr, en;q=0.5, id-ID;q=0.9") == "id"
    assert spoken(accept="id;q=0, en;q=nonsense, *") == "en"
    assert spoken("/reports?lang=xx", "id") == "id"
    assert spoken("/reports?lang=id", "en") == "id"
    assert spoken(accept="en") == "id", "the address was remembered"
    assert spoken("/reports?lang=en", "id") == "en"


def test_the_other_language_is_one_link_away_and_keeps_the_question(client: httpx.Client) -> None:
    page = client.get("/search", params={"q": "office 03", "lang": "en"}).text
    (link,) = re.findall(r'href="([^"]*)" lang="id"', page)
    other = client.get(link.replace("&amp;", "&")).text
    assert "Hasil untuk “office 03”" in other and "Office 03" in other


def test_pages_in_indonesian_hold_no_english_sentence(client: httpx.Client) -> None:
    home, report = (client.get(path, params={"lang": "id"}).text for path in ("/", "/reports/gaps"))
    for step in NEXT_STEPS.values():
        assert step not in home and step not in report
    with use_language("id"):
        assert not [kind for kind in MAIN if _(MODEL[kind].plural) == MODEL[kind].plural]


def test_numbers_and_days_are_written_as_the_language_has_them(client: httpx.Client) -> None:
    asked = {"as-of": "2026-08-05"}
    english = client.get("/reports/agreements", params=asked | {"lang": "en"}).text
    indonesian = client.get("/reports/agreements", params=asked | {"lang": "id"}).text
    assert "Which agreements" in english and "Kerja sama yang perlu ditindaklanjuti" in indonesian
    assert "Aug 5, 2026" in english and "Feb 3, 2021" in english and "-2,009" in english
    assert "5 Agu 2026" in indonesian and "3 Feb 2021" in indonesian and "-2.009" in indonesian


def test_the_policy_of_a_printed_report_allows_only_its_own_style(client: httpx.Client) -> None:
    answer = client.get("/reports/agreements.html", headers=PAGE | {"Accept-Language": "id"})
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1 and "default-src 'none'" in policy[0]
    assert f"style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy[0]
    assert "<script" not in answer.text and 'lang="id"' in answer.text
    assert "style-src 'self'" in client.get("/reports/agreement.html", headers=PAGE).headers["content-security-policy"]


def test_the_schema_of_reports_is_served_in_the_language_of_who_asks(client: httpx.Client) -> None:
    schema = client.get("/reports/schema.json", headers={"Accept-Language": "id"}).json()
    Draft202012Validator.check_schema(schema)
    assert schema["$defs"]["agreements"]["title"].startswith("Kerja sama yang perlu ditindaklanjuti")
    Draft202012Validator(schema).validate(client.get("/reports/agreements.json").json())


def test_a_report_is_a_workbook(client: httpx.Client) -> None:
    answer = client.get("/reports/agreements.xlsx?as-of=2026-11-25", headers={"Accept-Language": "id"})
    assert 'filename="agreements-2026-11-25.xlsx"' in answer.headers["content-disposition"]
    assert load_workbook(io.BytesIO(answer.content)).sheet_names == ["agreements", "Metode dan keterangan"]


def test_a_report_is_asked_with_what_its_form_holds(client: httpx.Client) -> None:
    page = client.get("/reports/agreements", params={"as-of": "2021-01-20", "within": "30"}).text
    assert 'value="2021-01-20"' in page and 'name="within" inputmode="numeric" value="30"' in page
    assert "expires soon" in page
    assert "expires soon" not in client.get("/reports/agreements?as-of=2021-01-20&within=5").text


@pytest.mark.parametrize(
    ("asked", "status", "shown"),
    [
        ("within=1.250&numbers=id", 200, 'name="within" inputmode="numeric" value="1,250"'),
        ("within=1250", 200, 'name="within" inputmode="numeric" value="1,250"'),
        ("within=1,250&numbers=en", 200, 'name="within" inputmode="numeric" value="1,250"'),
        ("within=1.250&numbers=en", 400, "enter a whole number"),
        ("within=1,250&numbers=id", 400, "enter a whole number"),
    ],
)
def test_a_number_of_a_report_is_read_as_the_page_writes_it(
    client: httpx.Client, asked: str, status: int, shown: str
) -> None:
    page = client.get(f"/reports/agreements?as-of=2021-01-20&{asked}")
    assert page.status_code == status and shown in page.text
    assert ('name="numbers" value="en"' in page.text) == (status == 200)


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/nothing", 404, "There is nothing at this address."),
        ("/static/nothing.css", 404, "There is nothing at this address."),
        ("/reports/gap", 404, "Did you mean gaps?"),
        ("/reports/gaps.pdf", 404, "There is nothing at this address."),
        ("/reports/gaps?as-of=soon", 400, "soon is not a date"),
        ("/reports/gaps?within=-1", 400, "enter a whole number"),
        ("/reports/gaps?withn=1", 400, "Did you mean within?"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence_as_page_or_json(
    client: httpx.Client, path: str, status: int, sentence: str
) -> None:
    page, plain = client.get(path, headers=PAGE), client.get(path, headers={"Accept": "application/json"})
    assert page.status_code == plain.status_code == status
    assert sentence in re.sub(r"\s+", " ", page.text)
    assert sentence in plain.json()["message"]
    indonesian = client.get(path, headers=PAGE | {"Accept-Language": "id"})
    assert sentence not in indonesian.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "", "a b", "[::2]"])
def test_a_name_that_was_turned_to_us_reads_nothing(client: httpx.Client, host: str) -> None:
    for path in ("/", "/graphql?query={agencies{totalCount}}", "/static/registry.css", "/health"):
        answer = client.get(path, headers=PAGE | {"Host": host})
        assert answer.status_code == 400
        assert "Office 0" not in answer.text and '"data"' not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    plain = client.get("/", headers={"Host": host, "Accept": "application/json", "Accept-Language": "en"})
    assert "REGISTRY_HOSTS" in plain.json()["message"]


@pytest.mark.parametrize(
    ("listens", "hosts", "host", "status"),
    [
        ("127.0.0.1", "", "localhost:8000", 200),
        ("::1", "", "[::1]:8000", 200),
        ("127.0.0.1", "", "registry.example", 400),
        ("0.0.0.0", "", "registry.example", 200),
        ("0.0.0.0", "registry.example, *.city.example", "REGISTRY.example:443", 200),
        ("0.0.0.0", "registry.example, *.city.example", "a.city.example", 200),
        ("0.0.0.0", "registry.example, *.city.example", "other.example", 400),
        ("0.0.0.0", "registry.example", "127.0.0.1", 200),
    ],
)
def test_the_server_answers_to_its_names(
    embedded_place: ConnectionSettings, listens: str, hosts: str, host: str, status: int
) -> None:
    with serving(build_app(embedded_place, settings(hosts=hosts).served_at(listens))) as client:
        assert client.get("/health", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "BAD_REQUEST"),
        (b"[", 400, "BAD_REQUEST"),
        (b"7", 400, "BAD_REQUEST"),
        (b"{}", 400, "BAD_REQUEST"),
        (b"[" * 100_000, 400, "BAD_REQUEST"),
        (b'{"query": 7}', 400, "BAD_REQUEST"),
        (b'{"query": "\xff"}', 400, "BAD_REQUEST"),
        (b'{"query": "{ agencies"}', 200, "BAD_REQUEST"),
        (b'{"query": "{ agencies { nme } }"}', 200, "BAD_REQUEST"),
        (b'{"query": "{ a { b }"}', 200, "BAD_REQUEST"),
        (b'{"query": "query A { agencies { totalCount } }", "operationName": "B"}', 400, "BAD_REQUEST"),
        (b'{"query": "{ agencies { totalCount } }", "variables": [1]}', 400, "BAD_REQUEST"),
        (b'{"query": "{ agencies(first: 1000000000) { nodes { name } } }"}', 200, "TOO_COSTLY"),
        (b'{"query": "{ ' + b"{ a " * 1_900 + b'"}', 200, "BAD_REQUEST"),
        (b'{"query": "{ agencies(where: ' + b"{not: " * 900 + b"{}" + b"}" * 900 + b') { totalCount } }"}', 200, "BAD_REQUEST"),
        (b'{"query": "{ ' + b"".join(b"a%d:__typename " % n for n in range(1_000_000)) + b'}"}', 413, "TOO_COSTLY"),
        (b'{"query": "' + b"x" * 10_000_000 + b'"}', 413, "TOO_COSTLY"),
    ],
    ids=range(17),
)  # fmt: skip
def test_any_body_is_answered_with_a_code(client: httpx.Client, body: bytes, status: int, code: str) -> None:
    for content in (body, iter([body[:100], body[100:]])):  # with a length, and in chunks without one
        answer = client.post("/graphql", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code), answer.text
    assert client.get("/health").status_code == 200


def test_a_page_cannot_be_posted_to(client: httpx.Client) -> None:
    answer = client.post("/reports", headers=PAGE)
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert "does not accept this kind of request" in answer.text


def test_graphql_is_a_page_for_browsers_and_answers_for_programs(client: httpx.Client) -> None:
    page = client.get("/graphql", headers=PAGE).text
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert client.get(asset).status_code == 200, asset
    query = {"query": "{ agencies { totalCount } }"}
    assert client.get("/graphql", params=query).json() == client.post("/graphql", json=query).json()
    assert client.post("/graphql", json=query).json()["data"]["agencies"]["totalCount"] == 12


def test_graphiql_begins_with_the_operation_of_the_address_or_one_to_try(client: httpx.Client) -> None:
    assert 'data-query="query WhatAgenciesProvide' in client.get("/graphql", headers=PAGE).text
    asked = {"operation": "{ sectors { totalCount } }", "variables": '{"a": "<b>"}'}
    page = client.get("/graphql", params=asked, headers=PAGE).text
    assert (
        'data-query="{ sectors { totalCount } }" data-given data-variables="{&#34;a&#34;: &#34;&lt;b&gt;&#34;}"' in page
    )


def test_graphiql_has_the_header_of_every_page(client: httpx.Client) -> None:
    headers = [
        re.search(r"<header.*</header>", client.get(path, headers=PAGE).text, re.DOTALL)
        for path in ("/compare", "/graphql", "/reports/graphql")
    ]
    texts = [re.sub(r' aria-current="page"|href="[^"]*(lang|next)=[^"]*"', "", one[0]) for one in headers if one]
    assert len(texts) == 3 and len(set(texts)) == 1


def test_the_example_queries_of_graphiql_are_answered_here_too(client: httpx.Client) -> None:
    page = client.get("/graphql", headers=PAGE).text
    assert len(examples(page)) == 8
    for title, asked in examples(page).items():
        assert "errors" not in client.post("/graphql", json=asked).json(), title


TWO = "query A($n: Int = 2) { agencies(first: $n) { nodes { id } } } query B { agencies { totalCount } }"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"operationName": "A"}, ["agency:00", "agency:01"]),
        ({"operationName": "A", "variables": {"n": 1}}, ["agency:00"]),
        ({"operationName": "A", "variables": {"n": "one"}}, "Int cannot represent"),
        ({"operationName": "A", "variables": {"n": -1}}, "first and last must be 0 or greater"),
        ({"operationName": "A", "variables": ["n"]}, "variables"),
        ({"operationName": "C"}, "operation"),
        ({"operationName": "B"}, 12),
    ],
)
def test_a_document_that_is_known_is_answered_as_one_that_is_new(
    client: httpx.Client, asked: dict[str, Any], expected: Any
) -> None:
    new = client.post("/graphql", json={"query": f"{TWO} # {asked}", **asked})
    client.post("/graphql", json={"query": TWO, "operationName": "B"})
    known = client.post("/graphql", json={"query": TWO, **asked})
    assert (known.status_code, known.headers["content-type"]) == (new.status_code, new.headers["content-type"])
    assert known.json().get("data") == new.json().get("data")
    if isinstance(expected, str):
        assert expected in known.text and expected in new.text
    elif isinstance(expected, int):
        assert known.json()["data"]["agencies"]["totalCount"] == expected
    else:
        assert [one["id"] for one in known.json()["data"]["agencies"]["nodes"]] == expected


@pytest.mark.parametrize("name", RELEASES)
def test_graphiql_is_the_published_release(name: str) -> None:
    content = Path(graphiql.graphiql_folder(), name).read_bytes()
    assert sha256(content.removesuffix(b"\n") if "graphiql.min" in name else content).hexdigest() == RELEASES[name]


def test_a_report_is_run_again_after_every_change_and_not_otherwise(
    store: Store, place: ConnectionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(number: int) -> None:
        office = record("Agency", f"agency:{number}", f"Office {number}", kind="court")
        store.write(upsert(MODEL["Agency"], [office], **RUN, now=now()))

    runs: list[str] = []
    run = Library.run

    def counted(library: Library, store: Any, name: str, *asked: Any) -> Report:
        runs.append(name)
        return run(library, store, name, *asked)

    monkeypatch.setattr(Library, "run", counted)
    with serving(build_app(place, Settings(_env_file=None, lang="en", data=tmp_path))) as client:
        add(1)
        assert [client.get("/reports/coverage.json").json()["rows"][0]["of"] for _ask in range(2)] == [1, 1]
        assert runs == ["coverage"]
        add(2)
        assert client.get("/reports/coverage.json").json()["rows"][0]["of"] == 2


def test_the_pages_of_main_records_are_prepared_at_the_start(
    store: Store, place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations: list[str] = []
    ask = PageQueries.ask

    async def watched(graph: PageQueries, operation: str, *given: Any) -> dict[str, Any]:
        operations.append(operation)
        return await ask(graph, operation, *given)

    monkeypatch.setattr(PageQueries, "ask", watched)
    with serving(build_app(place, settings())) as client:
        assert until(lambda: len(operations) == len(MAIN))
        prepared = set(operations)
        for kind in MAIN:
            before = len(operations)
            assert client.get(f"/{MODEL[kind].plural}/unknown", headers=PAGE).status_code == 404
            assert prepared.intersection(operations[before:])


def test_a_server_is_ready_when_the_database_has_the_plans(
    store: Store, place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = Event()

    async def prepare(_graph: PageQueries, _seconds: float) -> None:
        await to_thread.run_sync(go.wait, 60)

    monkeypatch.setattr("registry.web.app.prepare_record_pages", prepare)
    with serving(build_app(place, settings())) as client:
        embedded = client.get("/ready").status_code == 200
        assert embedded == (place.natively is not None), "the embedded engine needs no plans"
        go.set()
        assert until(lambda: client.get("/ready").status_code == 200)
