"""The reports over GraphQL: the same rows as everywhere, the limits of all operations, custom ones as their files appear."""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from markupsafe import escape
from typer.testing import CliRunner

from registry.cli.main import app
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.reports.catalogue import DEFINITIONS
from registry.reports.render import SHOWN_BY
from registry.web.app import build_app
from registry.web.graphiql import EXAMPLE_REPORT_QUERY
from tests.reports.test_custom import HEADER, SHIPPED, TEXT
from tests.support.cli import speaking_to
from tests.support.paths import ROOT
from tests.support.server import serving

PATH, AS_OF = "/reports/graphql", "2026-11-25"
DOCS = ROOT / "docs" / "reports.md"
SITES = [path.stem for path in sorted(SHIPPED.glob("*.cypher"))]
CELL = r'<td class="text">(.*?)</td>|<li><a href="[^"]*">(.*?)</a></li>'
ABOUT = "name title question asOf found of unknown withheld method notes rowsCount"
CATALOGUE = """{ reports { name field question method
  parameters { name label type default least most description } columns { name label type unit description } } }"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("site") / "reports"
    shutil.copytree(SHIPPED, folder)
    return folder


@pytest.fixture(scope="module")
def opened(sample: ConnectionSettings) -> ConnectionSettings:
    """The sample with nothing in it that somebody may not see, so that everybody gets what an administrator gets."""
    with Store(sample) as store:
        store.write(Cypher("MATCH (n) WHERE n.shown_to IS NOT NULL SET n.shown_to = ['*'], n.seen_by = ['*']"))
    return sample


@pytest.fixture(scope="module")
def client(opened: ConnectionSettings, folder: Path) -> Iterator[httpx.Client]:
    with serving(build_app(opened, Settings(_env_file=None, lang="en", reports=folder))) as client:
        yield client


def ask(client: httpx.Client, text: str, **headers: str) -> Any:
    return client.post(PATH, json={"query": text}, headers=headers).json()


def catalogue(client: httpx.Client, **headers: str) -> dict[str, Any]:
    return {one["name"]: one for one in ask(client, CATALOGUE, **headers)["data"]["reports"]}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(one.capitalize() for one in rest)


def whole(client: httpx.Client, entry: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Return what a report says, and all its rows with all their evidence, a page at a time."""
    field, columns = entry["field"], " ".join(f"{one['name']}: {camel(one['name'])}" for one in entry["columns"])
    about: dict[str, Any] = {}
    rows: list[Any] = []
    while not about or len(rows) < about["rowsCount"]:
        evidence = "confidence key evidenceCount evidence(first: 200) { id name kind }"
        selected = f"rows(first: 50, skip: {len(rows)}) {{ {columns} {evidence} }}"
        about = ask(client, f'{{ {field}(asOf: "{AS_OF}") {{ {ABOUT} {selected} }} }}')["data"][field]
        rows += about.pop("rows")
    for place, row in enumerate(rows):
        while len(row["evidence"]) < row["evidenceCount"]:
            more = f"evidence(first: 200, skip: {len(row['evidence'])}) {{ id name kind }}"
            answer = ask(client, f'{{ {field}(asOf: "{AS_OF}") {{ rows(first: 1, skip: {place}) {{ {more} }} }} }}')
            row["evidence"] += answer["data"][field]["rows"][0]["evidence"]
        del row["evidenceCount"]
    return about, rows


def as_cell(values: list[str]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def summary(client: httpx.Client) -> dict[str, Any]:
    """Return the first page of the gap report, with the keys of its findings."""
    parts = (
        "scope assessed { report check assessed text } missing hidden order findings { key } "
        "since { compared text new gone }"
    )
    told: dict[str, Any] = ask(client, f'{{ gaps(asOf: "{AS_OF}") {{ summary {{ {parts} }} }} }}')["data"]["gaps"][
        "summary"
    ]
    return told | {"findings": [row["key"] for row in told["findings"]]}


def without_addresses(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of a server's file as it is without the server."""
    evidence = [{key: one[key] for key in ("id", "name", "kind")} for one in row["evidence"]]
    return {key: value for key, value in row.items() if key != SHOWN_BY} | {"evidence": evidence}


@pytest.mark.parametrize("name", [*DEFINITIONS, *SITES])
def test_a_report_is_the_same_by_command_page_file_and_graphql(
    client: httpx.Client, opened: ConnectionSettings, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    about, rows = whole(client, catalogue(client)[name])
    as_file = client.get(f"/reports/{name}.json", params={"as-of": AS_OF}).json()
    as_file["rows"] = [without_addresses(row) for row in as_file["rows"]]
    if name == "gaps":
        first_page = as_file["summary"]
        first_page["findings"] = [without_addresses(row) for row in first_page["findings"]]
        assert summary(client) == first_page | {"findings": [row["key"] for row in first_page["findings"]]}
    assert rows == as_file["rows"]
    assert {camel(key): one for key, one in as_file.items() if camel(key) in about} | {"rowsCount": len(rows)} == about

    for key, value in {**speaking_to(opened), "REGISTRY_REPORTS": str(folder), "REGISTRY_LANG": "en"}.items():
        monkeypatch.setenv(key, value)
    by_command = CliRunner().invoke(app, ["report", name, "--as-of", AS_OF, "--format", "json"])
    assert by_command.exit_code == 0, by_command.output
    assert json.loads(by_command.stdout) == as_file
    table = client.get(f"/reports/{name}.csv", params={"as-of": AS_OF}).text
    heading, *lines = csv.reader(io.StringIO(table))
    assert [line[-1] for line in lines] == [as_cell([one["id"] for one in row["evidence"]]) for row in rows]
    for row, line in zip(rows, lines, strict=True):
        for cell, column in zip(line, heading, strict=True):
            assert not isinstance(row.get(column), str) or cell in (row[column], f"'{row[column]}"), column
            assert not isinstance(row.get(column), list) or column == "evidence" or cell == as_cell(row[column]), column
    assert heading == [*(one["name"] for one in as_file["columns"]), "confidence", "evidence"]
    page = client.get(f"/reports/{name}", params={"as-of": AS_OF}, headers={"Accept": "text/html"}).text
    assert page.count("<tr") == min(len(rows), 250) + bool(rows)
    assert told(page) == [
        [str(escape(row[column] or "")) for column in texts(as_file)]
        + [str(escape(one["name"])) for one in row["evidence"]]
        for row in rows[:250]
    ]


@pytest.mark.parametrize("name", ["isolates", "gaps"])
def test_a_limited_report_is_the_same_wherever_it_is_asked(
    client: httpx.Client, opened: ConnectionSettings, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    given = {"agency": "depok:dinkes-kota", "sector": "health", "area": "area:32"}
    arguments = ", ".join(f'{key}: "{value}"' for key, value in given.items())
    asked = f'{{ {name}(asOf: "{AS_OF}", {arguments}) {{ found of unknown scope notes rows(first: 200) {{ key }} }} }}'
    about = ask(client, asked)["data"][name]
    in_form = {**given, "agency": "Dinas Kesehatan Kota Depok (depok:dinkes-kota)", "as-of": AS_OF}
    as_file = client.get(f"/reports/{name}.json", params=in_form).json()
    assert about.pop("scope") in about["notes"][0]
    counts = "found", "of", "unknown", "notes"
    assert [as_file[key] for key in counts] == [about[key] for key in counts]
    assert [row["key"] for row in about["rows"]] == [row["key"] for row in as_file["rows"]] != []
    assert as_file["parameters"].items() >= given.items()
    for key, value in {**speaking_to(opened), "REGISTRY_REPORTS": str(folder), "REGISTRY_LANG": "en"}.items():
        monkeypatch.setenv(key, value)
    params = [text for key, value in given.items() for text in ("--param", f"{key}={value}")]
    by_command = CliRunner().invoke(app, ["report", name, "--as-of", AS_OF, "--format", "json", *params])
    assert json.loads(by_command.stdout)["rows"] == [without_addresses(row) for row in as_file["rows"]]
    page = client.get(f"/reports/{name}", params=in_form, headers={"Accept": "text/html"}).text
    assert page.count("<tr") == len(as_file["rows"]) + 1
    assert 'value="Dinas Kesehatan Kota Depok (depok:dinkes-kota)"' in page and 'value="Health (health)"' in page
    listed = client.get("/reports", params={"agency": "depok:dinkes-kota"}, headers={"Accept": "text/html"}).text
    assert f'href="/reports/{name}?agency=depok:dinkes-kota"' in listed and 'href="/reports/network"' in listed
    record = client.get("/agencies/depok:dinkes-kota", headers={"Accept": "text/html"}).text
    assert 'href="/reports?agency=depok:dinkes-kota"' in record
    assert (about["of"] is None) == (name == "gaps")


def test_a_series_is_the_same_by_command_page_file_and_graphql(
    client: httpx.Client, opened: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, given = "agreements", {"agency": "depok:dinkes-kota", "within": "180"}
    in_form = {**given, "series": "year", "from": "2024-11-25", "to": AS_OF}
    as_file = client.get(f"/reports/{name}.json", params=in_form).json()
    days = ["2024-11-25", "2025-11-25", AS_OF]
    assert [row["day"] for row in as_file["rows"]] == days
    values = ", ".join(f'{{name: "{key}", value: "{value}"}}' for key, value in given.items())
    asked = f"""{{ series(report: "{name}", each: YEAR, from: "2024-11-25", to: "{AS_OF}", parameters: [{values}]) {{
      {ABOUT} rows {{ day found of unknown remark numbers {{ name label value }} }} }} }}"""
    about = ask(client, asked)["data"]["series"]
    rows = about.pop("rows")
    assert {camel(key): one for key, one in as_file.items() if camel(key) in about} | {"rowsCount": 3} == about
    for row, same in zip(rows, as_file["rows"], strict=True):
        numbers = {one["name"]: one["value"] for one in row.pop("numbers")}
        assert numbers == {key: value for key, value in same.items() if key.startswith("count_")} != {}
        assert row == {key: same.get(key) for key in row}
    for key, value in {**speaking_to(opened), "REGISTRY_LANG": "en"}.items():
        monkeypatch.setenv(key, value)
    params = [text for key, value in given.items() for text in ("--param", f"{key}={value}")]
    command = ["report", name, "--each", "year", "--from", "2024-11-25", "--to", AS_OF, *params, "--format"]
    by_command = CliRunner().invoke(app, [*command, "json"])
    assert json.loads(by_command.stdout) == as_file
    table = list(csv.DictReader(io.StringIO(CliRunner().invoke(app, [*command, "csv"]).stdout)))
    assert [int(line["found"]) for line in table] == [row["found"] for row in as_file["rows"]]
    drawn = json.loads(CliRunner().invoke(app, [*command, "vl.json"]).stdout)
    assert drawn == client.get(f"/reports/{name}.vl.json", params=in_form).json()
    page = client.get(f"/reports/{name}", params=in_form, headers={"Accept": "text/html"}).text
    links = re.findall(rf'<td class="date"><a href="(/reports/{name}\?as-of=[^"]*)"', page)
    assert len(links) == 3 and "data-chart" in page
    for row, link in zip(as_file["rows"], links, strict=True):
        single = client.get(link.replace("&amp;", "&").replace(f"/{name}?", f"/{name}.json?")).json()
        assert (single["found"], single["of"], single["as_of"]) == (row["found"], row.get("of"), row["day"])
        assert single["parameters"].items() <= as_file["parameters"].items()


def test_a_series_that_cannot_be_is_refused_everywhere(
    client: httpx.Client, opened: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {**speaking_to(opened), "REGISTRY_LANG": "en"}.items():
        monkeypatch.setenv(key, value)
    for name, first, said in (
        ("agreements", "2027-01-01", "must not be after its last day"),
        ("agreements", "1900-01-01", "has 127 dates, but at most 60 are possible"),
        ("changes", "2024-11-25", "cannot be computed for a series of dates"),
    ):
        asked = f'{{ series(report: "{name}", each: YEAR, from: "{first}", to: "{AS_OF}") {{ found }} }}'
        (error,) = ask(client, asked)["errors"]
        assert said in error["message"] and error["extensions"]["code"] == "BAD_REQUEST"
        in_form = {"series": "year", "from": first, "to": AS_OF}
        for _time in range(2):  # an error that is the fault of the request is told again
            page = client.get(f"/reports/{name}", params=in_form, headers={"Accept": "text/html"})
            assert page.status_code == 400 and said in page.text
        done = CliRunner().invoke(app, ["report", name, "--each", "year", "--from", first, "--to", AS_OF])
        assert done.exit_code == 2 and said in " ".join(done.stderr.split())
    for more in (["--each", "year"], ["--from", "2024-01-01"], ["--each", "year", "--from", AS_OF, "--save", "x"]):
        assert CliRunner().invoke(app, ["report", "gaps", *more]).exit_code == 2
    form = client.get("/reports/changes", headers={"Accept": "text/html"}).text
    assert (
        "Over time" not in form and "Over time" in client.get("/reports/isolates", headers={"Accept": "text/html"}).text
    )


def told(page: str) -> list[list[str]]:
    """Return of each row of a page the cells that are texts, and the names of what it rests on."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)[1:]
    return [["".join(one) for one in re.findall(CELL, row)] for row in rows]


def texts(report: dict[str, Any]) -> list[str]:
    """Return the columns of a report that are texts and hold any."""
    return [
        one["name"]
        for one in report["columns"]
        if one["type"] == "text" and any(row[one["name"]] not in (None, "") for row in report["rows"])
    ]


def test_the_catalogue_says_what_each_report_is_asked_with_and_holds(client: httpx.Client) -> None:
    listed = catalogue(client)
    assert list(listed) == [*DEFINITIONS, *SITES]
    assert listed["sector-gaps"]["field"] == "sectorGaps"
    (parameter,) = listed["unshared-data"]["parameters"]
    label = "Number of users from which data are not listed"
    assert parameter == {"name": "least_users", "label": label, "type": "integer", "default": 1.0, "least": 1.0, "most": 100.0,
                         "description": "Data with at least this many users are not listed."}  # fmt: skip
    assert listed["unshared-data"]["columns"][-1]["unit"] == "agencies"


def test_it_speaks_the_language_of_who_asks(client: httpx.Client) -> None:
    for language, question in (("en", "Which pairs of sectors work together"), ("id", "Pasangan sektor mana")):
        entry = catalogue(client, **{"Accept-Language": language})["sector-gaps"]
        told = ask(client, "{ sectorGaps { question notes } }", **{"Accept-Language": language})["data"]["sectorGaps"]
        assert entry["question"] == told["question"] and told["question"].startswith(question)
    site = ask(client, "{ unsharedData { question } }", **{"Accept-Language": "id"})["data"]["unsharedData"]
    assert site["question"].startswith("Data mana")


def test_parameters_change_the_answer(client: httpx.Client) -> None:
    later = "later: agreements(within: 3650) { found }"
    then = 'then: agreements(asOf: "1900-01-01") { asOf }'
    answer = ask(client, f"{{ now: agreements {{ found }} {later} {then} }}")["data"]
    assert answer["now"]["found"] < answer["later"]["found"]
    assert answer["then"] == {"asOf": "1900-01-01"}


REFUSED = {
    "no such report": ("{ nothing { found } }", "BAD_REQUEST", ""),
    "no such parameter": ("{ gaps(levle: 1) { found } }", "BAD_REQUEST", "levle"),
    "out of range": ("{ sectorGaps(level: 7) { found } }", "BAD_REQUEST", "“False discovery rate”: enter a number"),
    "of another type": ('{ sectorGaps(level: "a") { found } }', "BAD_REQUEST", "Float"),
    "no day": ('{ gaps(asOf: "soon") { found } }', "BAD_REQUEST", "soon"),
    "a number as a day": ("{ gaps(asOf: 7) { found } }", "BAD_REQUEST", ""),
    "a page of any size": ("{ gaps { rows(first: 201) { who } } }", "TOO_COSTLY", "at most 200"),
    "no page": ("{ gaps { rows(first: null) { who } } }", "BAD_REQUEST", "must be 0 or greater"),
    "backwards": ("{ gaps { rows(skip: -1) { who } } }", "BAD_REQUEST", "skip must be 0 or greater"),
    "from nowhere": ("{ gaps { rows(skip: null) { who } } }", "BAD_REQUEST", "skip must be 0 or greater"),
    "many reports": ("{ " + " ".join(f"a{n}: gaps {{ found }}" for n in range(9)) + " }", "TOO_COSTLY", "400,000"),
    "everything of a few": (
        "{ " + " ".join(f"a{n}: gaps {{ rows(first: 200) {{ evidence(first: 200) {{ id name kind }} }} }}" for n in range(3)) + " }",
        "TOO_COSTLY", "400,000",
    ),
    "aliases": ("{ " + " ".join(f"a{n}: __typename" for n in range(101)) + " }", "TOO_COSTLY", "aliases"),
    "a field again and again": ("{ gaps { " + "found " * 300 + "} }", "TOO_COSTLY", "200 times"),
    "a change": ("mutation { gaps { found } }", "BAD_REQUEST", "mutation"),
    "news": ("subscription { gaps { found } }", "BAD_REQUEST", "subscription"),
    "no sense": ("{ gaps { found", "BAD_REQUEST", "Syntax Error"),
    "several": ("query A { gaps { found } } query B { gaps { of } }", "BAD_REQUEST", "operationName"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_answered_is_refused_with_a_code(client: httpx.Client, name: str) -> None:
    text, code, sentence = REFUSED[name]
    answer = client.post(PATH, json={"query": text})
    errors = answer.json()["errors"]
    assert (errors[0]["extensions"]["code"], sentence in errors[0]["message"]) == (code, True), errors[0]
    assert len(errors) <= 10 and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("variables", "code"),
    [({"n": 2**40}, "BAD_REQUEST"), ({"n": "x" * 20_000}, "TOO_COSTLY"), ({"n": [[1]] * 5_000}, "TOO_COSTLY"), ({}, "BAD_REQUEST")],
    ids=range(4),
)  # fmt: skip
def test_variables_have_the_limits_of_all_operations(client: httpx.Client, variables: Any, code: str) -> None:
    asked = {"query": "query($n: Int!) { gaps { rows(first: $n) { who } } }", "variables": variables}
    assert client.post(PATH, json=asked).json()["errors"][0]["extensions"]["code"] == code


def test_one_report_that_is_refused_does_not_take_the_others_with_it(client: httpx.Client) -> None:
    answer = ask(client, "{ coverage { found } sectorGaps(level: 7) { found } }")
    assert answer["data"]["coverage"] and answer["data"]["sectorGaps"] is None
    assert answer["errors"][0]["path"] == ["sectorGaps"]


def test_http_is_that_of_the_other_endpoint(client: httpx.Client) -> None:
    assert client.get(PATH, params={"query": "{ gaps { name } }"}).json() == {"data": {"gaps": {"name": "gaps"}}}
    asked = {"query": '{ gaps(asOf: "x") { name } }'}
    refused = client.post(PATH, json=asked, headers={"Accept": "application/graphql-response+json"})
    assert (refused.status_code, refused.headers["content-type"].partition(";")[0]) == (
        400,
        "application/graphql-response+json",
    )
    assert client.post(PATH, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.put(PATH, json=asked).status_code == 405


def test_a_browser_gets_graphiql_with_a_report_to_try(client: httpx.Client) -> None:
    page = client.get(PATH, headers={"Accept": "text/html"})
    assert "sectorGaps" in page.text and "graphiql.min.js" in page.text
    assert "style-src 'self' 'unsafe-inline'" in page.headers["content-security-policy"]
    assert "errors" not in ask(client, EXAMPLE_REPORT_QUERY)


def test_a_store_that_is_away_is_told(folder: Path) -> None:
    nowhere = ConnectionSettings("bolt://127.0.0.1:9", "neo4j", "", "neo4j", "")
    with serving(build_app(nowhere, Settings(_env_file=None, lang="en", reports=folder))) as client:
        answer = client.post(PATH, json={"query": "{ gaps { found } }"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


def test_a_report_is_there_everywhere_as_soon_as_its_file_is(client: httpx.Client, folder: Path) -> None:
    asked = "{ howMany(step: 2) { found of rows { n } } }"
    assert ask(client, asked)["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert client.get("/reports/how-many").status_code == 404
    file = folder / "how-many.cypher"
    file.write_text(HEADER + TEXT, encoding="utf-8")
    assert ask(client, asked)["data"]["howMany"] == {
        "found": 2,
        "of": 4,
        "rows": [{"n": 1}, {"n": 3}, {"n": 5}, {"n": 7}],
    }
    assert "Angka-angka" in client.get("/reports", headers={"Accept-Language": "id"}).text
    assert "<title>Numbers" in client.get("/reports/how-many", headers={"Accept": "text/html"}).text
    assert client.get("/reports/how-many.json", params={"step": 3}).json()["of"] == 3
    assert client.get("/reports/how-many", params={"step": 0}, headers={"Accept": "text/html"}).status_code == 400

    file.write_text(
        (HEADER + TEXT).replace("columns.n]", "columns.from]").replace("RETURN n,", "RETURN n AS from,"),
        encoding="utf-8",
    )
    assert ask(client, "{ howMany { rows(first: 1) { from } } }")["data"]["howMany"]["rows"] == [{"from": 1}]
    file.write_text(HEADER + TEXT.replace("RETURN", "CREATE (x) RETURN"), encoding="utf-8")
    broken = client.get("/reports/how-many.json")
    assert broken.status_code == 404 and "how-many.cypher cannot be run: a report may only read" in broken.text
    file.write_text(HEADER.replace("type", "typo") + TEXT, encoding="utf-8")
    assert "The report how-many cannot be used at present." in client.get("/reports/how-many.json").json()["message"]
    assert catalogue(client).keys() == {*DEFINITIONS, *SITES}
    file.unlink()
    assert ask(client, asked)["errors"]


def test_a_text_that_the_store_cannot_run_is_a_sentence_everywhere(client: httpx.Client, folder: Path) -> None:
    file = folder / "cannot.cypher"
    file.write_text(HEADER + TEXT.replace("n > 3", "1 / (n - n)"), encoding="utf-8")
    (error,) = ask(client, "{ cannot { found } }")["errors"]
    assert error["message"].startswith("cannot.cypher cannot be run: the database cannot run the Cypher.")
    assert client.get("/reports/cannot.json").json()["message"] == error["message"]
    file.unlink()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


def test_what_the_documentation_shows_is_answered(client: httpx.Client, folder: Path) -> None:
    for operation in blocks("graphql"):
        assert "errors" not in ask(client, operation)
    file = folder / "of-the-documentation.cypher"
    for text in blocks("cypher"):
        file.write_text(text.replace('for = "analyst"', 'for = "everybody"'), encoding="utf-8")
        report = client.get("/reports/of-the-documentation.json").json()
        assert 0 < report["found"] < report["of"], report
    file.unlink()


def test_the_schema_may_be_kept_from_who_asks(opened: ConnectionSettings, folder: Path) -> None:
    with serving(build_app(opened, Settings(_env_file=None, lang="en", introspection=False, reports=folder))) as client:
        assert "data" not in ask(client, "{ __schema { types { name } } }")
        (error,) = ask(client, "{ sectorGap { found } }")["errors"]
        assert "Did you mean" not in error["message"]
