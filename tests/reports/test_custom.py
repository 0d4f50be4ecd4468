"""Custom reports: who may run one, which rows a reader gets, and what is wrong with a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from loaders.run import run
from loaders.source import find_source
from registry.analysis.report import BrokenReport, ReportError, ReportForbidden, UnknownReport
from registry.auth import credentials
from registry.cli.main import app
from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store, StoreError
from registry.database.write import upsert
from registry.i18n import use_language
from registry.model.definitions import MODEL
from registry.permissions import ADMIN, ANONYMOUS, Actor, Role
from registry.reports import custom
from registry.reports.catalogue import DEFINITIONS, Library
from registry.reports.export import FORMATS
from registry.reports.render import as_csv, as_json, as_text
from registry.reports.saved import SavedRuns
from registry.web.app import build_app
from tests.support.cli import speaking_to
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record
from tests.support.paths import ROOT
from tests.support.server import serving

pytestmark = SLOW_ON_NEO4J

AS_OF = "2026-11-25"
SHIPPED = ROOT / "reports"
MEMBER = Actor("member", agencies=frozenset({"agency:closed"}))
HEADER = """\
// for = "everybody"
// question = { en = "How many?", id = "Berapa?" }
// method = { en = "They are counted.", id = "Dihitung." }
// title = { en = "Numbers", id = "Angka-angka" }
// [parameters.step]
// type = "integer"
// default = 1
// least = 1
// most = 9
// label = { en = "Step", id = "Langkah" }
// description = { en = "Each so many.", id = "Tiap sekian." }
//
// [columns.n]
// type = "integer"
// label = { en = "Number", id = "Angka" }
// description = { en = "A number.", id = "Sebuah angka." }
"""
TEXT = "UNWIND range(1, 7, $step) AS n\nRETURN n, n > 3 AS found, [] AS evidence\n"
OFFICES = HEADER.replace('"integer"\n// label', '"record"\n// label') + (
    "MATCH (a:Agency) RETURN a.id AS n, true AS found ORDER BY a.id\n"
)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def written(folder: Path, content: str, name: str = "how-many") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.cypher").write_text(content, encoding="utf-8")


def with_offices(store: Store) -> None:
    """Write an agency of each class of access, the closed one its own steward."""
    offices = [
        record("Agency", f"agency:{access}", f"Office {access}", kind="court", access=access, status="published",
               steward="agency:closed")
        for access in ("open", "restricted", "closed")
    ]  # fmt: skip
    store.write(upsert(MODEL["Agency"], offices, source="test", run="run:test", now=now()))


def test_a_report_is_there_as_soon_as_its_file_is(tmp_path: Path, store: Store) -> None:
    library = Library(tmp_path / "reports")
    assert "how-many" not in library.questions(ADMIN)
    written(tmp_path / "reports", HEADER + TEXT)
    assert library.run(store, "how-many", ADMIN, AS_OF, {"step": "2"}).found == 2
    written(tmp_path / "reports", HEADER + TEXT.replace("> 3", "> 0"))
    assert library.run(store, "how-many", ADMIN, AS_OF).found == 7
    (tmp_path / "reports" / "how-many.cypher").unlink()
    with pytest.raises(UnknownReport, match="There is no report called “how-many”"):
        library.run(store, "how-many", ADMIN, AS_OF)


def test_its_texts_are_there_in_both_languages(tmp_path: Path, library: Library, store: Store) -> None:
    written(tmp_path, HEADER + TEXT)
    for language, question, label in (("en", "How many?", "Number"), ("id", "Berapa?", "Angka")):
        with use_language(language):
            report = library.run(store, "how-many", ANONYMOUS, AS_OF)
            assert (report.question, report.columns[0].label) == (question, label)
            assert question in as_text(report)
            assert library.find("how-many", ADMIN).parameters[0].description in ("Each so many.", "Tiap sekian.")


# Who may run a report

AUDIENCES = {
    "everybody": {Role.VIEWER, Role.ANALYST, Role.COORDINATOR, Role.APPROVER, Role.ADMIN},
    "analyst": {Role.ANALYST, Role.COORDINATOR, Role.APPROVER, Role.ADMIN},
    "admin": {Role.ADMIN},
    "": {Role.ADMIN},
}


def for_audience(audience: str, content: str = HEADER + TEXT) -> str:
    return content.replace('// for = "everybody"\n', f'// for = "{audience}"\n' if audience else "")


@pytest.mark.parametrize("audience", AUDIENCES)
def test_only_the_audience_of_the_header_runs_it(tmp_path: Path, library: Library, store: Store, audience: str) -> None:
    written(tmp_path, for_audience(audience))
    for role in Role:
        actor, allowed = Actor("somebody", role), role in AUDIENCES[audience]
        assert ("how-many" in library.questions(actor)) is allowed
        if allowed:
            assert library.run(store, "how-many", actor, AS_OF).of == 7
        else:
            needed = "only for analysts, coordinators" if audience == "analyst" else "only for administrators"
            with pytest.raises(ReportForbidden, match=needed):
                library.run(store, "how-many", actor, AS_OF)
            with use_language("id"), pytest.raises(ReportForbidden, match="Laporan how-many hanya untuk"):
                library.find("how-many", actor)


def test_pages_files_and_graphql_refuse_others_than_the_audience(
    tmp_path: Path, store: Store, place: ConnectionSettings
) -> None:
    written(tmp_path / "reports", for_audience("analyst"))
    settings = Settings(_env_file=None, lang="en", reports=tmp_path / "reports", data=tmp_path)
    analyst = {"Authorization": f"Bearer {credentials.issue(store, 'Ani', Role.ANALYST, [], [])[0]}"}
    with serving(build_app(place, settings)) as client:
        files = ["how-many", *(f"how-many.{one}" for one in ("json", "csv", "xlsx", "html"))]
        for path in files:  # the analyst comes first, so that the result is already in the cache for others
            assert client.get(f"/reports/{path}", headers=analyst).status_code == 200, path
        for path in files:
            refused = client.get(f"/reports/{path}")
            assert refused.status_code == 403, path
            assert "only for analysts, coordinators, approvers and administrators" in refused.json()["message"]
        for headers, seen in (({}, False), (analyst, True)):
            for path in ("/reports", "/reports/schema.json"):
                assert ("how-many" in client.get(path, headers=headers).text) is seen, path
            asked = {text: graphql(client, text, headers) for text in ("{ reports { name } }", "{ howMany { found } }")}
            assert ("how-many" in json.dumps(asked["{ reports { name } }"])) is seen
            assert (asked["{ howMany { found } }"].get("data") == {"howMany": {"found": 4}}) is seen


def graphql(client: httpx.Client, text: str, headers: dict[str, str]) -> Any:
    return client.post("/reports/graphql", json={"query": text}, headers=headers).json()


@pytest.fixture
def command(place: ConnectionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command with the reports and saved runs in `tmp_path`."""
    settings = {**speaking_to(place), "REGISTRY_DATA": str(tmp_path), "REGISTRY_REPORTS": str(tmp_path / "reports")}
    for key, value in {**settings, "REGISTRY_LANG": "en", "COLUMNS": "200"}.items():
        monkeypatch.setenv(key, value)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
def test_the_command_line_runs_as_administrator_or_as_everybody(
    tmp_path: Path, store: Store, command: Callable[..., Result]
) -> None:
    written(tmp_path / "reports", for_audience("admin"))
    assert "how-many" in command("reports").stdout
    assert command("report", "how-many").exit_code == 0
    refused = command("report", "how-many", "--public", "--save", "mine")
    assert refused.exit_code == 2 and "only for administrators" in refused.stderr
    assert not list((tmp_path / "saved-runs").glob("*"))


@pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")
def test_a_saved_run_is_compared_only_for_the_audience_of_its_report(
    tmp_path: Path, store: Store, command: Callable[..., Result]
) -> None:
    written(tmp_path / "reports", HEADER + TEXT)
    assert command("report", "how-many", "--public", "--save", "mine").exit_code == 0
    library = Library(tmp_path / "reports", SavedRuns(tmp_path / "saved-runs"))
    assert library.run(store, "changes", ANONYMOUS, AS_OF, {"run": "mine"}).of == 7
    written(tmp_path / "reports", for_audience("admin", HEADER + TEXT.replace("7", "8")))
    with pytest.raises(ReportForbidden, match="only for administrators"):
        library.run(store, "changes", ANONYMOUS, AS_OF, {"run": "mine"})
    assert library.run(store, "changes", ADMIN, AS_OF, {"run": "mine"}).found == 1


# What a reader gets


def test_rows_that_name_a_hidden_record_are_left_out_and_counted(
    tmp_path: Path, library: Library, store: Store
) -> None:
    with_offices(store)
    written(tmp_path, OFFICES)
    readers = [
        (ANONYMOUS, ["open"]),
        (MEMBER, ["closed", "open", "restricted"]),
        (ADMIN, ["closed", "open", "restricted"]),
    ]
    for reader, shown in readers:
        report = library.run(store, "how-many", reader, AS_OF)
        assert [row["n"] for row in report.rows] == [f"Office {access}" for access in shown]
        assert [row.evidence[0] for row in report.rows] == [
            (f"agency:{one}", f"Office {one}", "Agency") for one in shown
        ]
        assert (report.found, report.of, report.withheld) == (len(shown), len(shown), 3 - len(shown))
    report = library.run(store, "how-many", ANONYMOUS, AS_OF)
    for write in (as_text, as_csv, as_json, FORMATS["html"].write):
        assert "restricted" not in str(write(report)) and "closed" not in str(write(report))
    assert "Rows left out because they name records that" in " ".join(as_text(report).split())


@pytest.mark.parametrize(
    "returned",
    ["1 AS n, ['agency:open', a.id] AS evidence", "1 AS n, [a.id, null] AS evidence", "1 AS n, a.id + '' AS evidence"],
)
def test_evidence_hides_a_row_as_a_column_does(tmp_path: Path, library: Library, store: Store, returned: str) -> None:
    with_offices(store)
    written(tmp_path, HEADER + f"MATCH (a:Agency) RETURN {returned}, true AS found")
    report = library.run(store, "how-many", ANONYMOUS, AS_OF)
    assert (len(report.rows), report.withheld) == (1, 2)
    assert [one.id for one in report.rows[0].evidence] == ["agency:open"]


def test_a_list_of_records_hides_the_row_if_one_is_hidden(tmp_path: Path, library: Library, store: Store) -> None:
    with_offices(store)
    of = '// of = "MATCH (a:Agency) RETURN count(a) AS of"\n'
    written(
        tmp_path,
        of + OFFICES.replace('"record"', '"records"').replace("a.id AS n, true AS found", "[a.id, 'agency:open'] AS n"),
    )
    report = library.run(store, "how-many", ANONYMOUS, AS_OF)
    assert [row["n"] for row in report.rows] == [("Office open", "Office open")]
    assert (report.found, report.of, report.withheld) == (1, 3, 2)


def test_a_text_that_returns_no_rows_is_a_report_without_findings(
    tmp_path: Path, library: Library, store: Store
) -> None:
    of = '// of = "MATCH (a:Agency) RETURN count(a) AS of"\n'
    written(tmp_path, of + HEADER + "MATCH (a:Agency {id: 'agency:nowhere'}) RETURN 1 AS n, [a.id] AS evidence")
    report = library.run(store, "how-many", ADMIN, AS_OF)
    assert (report.rows, report.found, report.withheld) == ((), 0, 0)


def test_an_id_of_no_record_hides_the_row_from_everybody(tmp_path: Path, library: Library, store: Store) -> None:
    written(tmp_path, HEADER + "RETURN 1 AS n, true AS found, ['agency:nowhere'] AS evidence")
    assert [library.run(store, "how-many", one, AS_OF).withheld for one in (ANONYMOUS, ADMIN)] == [1, 1]


def test_a_small_number_of_hidden_rows_is_withheld_too(tmp_path: Path, store: Store) -> None:
    with_offices(store)
    written(tmp_path, OFFICES)
    report = Library(tmp_path, smallest_count=5).run(store, "how-many", ANONYMOUS, AS_OF)
    assert "<5" in as_text(report) and json.loads(as_json(report))["withheld"] is None


def test_the_text_knows_its_reader_by_parameters(tmp_path: Path, store: Store, place: ConnectionSettings) -> None:
    with_offices(store)
    known = HEADER.replace('"integer"\n// label', '"texts"\n// label')
    written(tmp_path, known + "RETURN $actor_names + $actor_agencies + [$actor_role, $as_of] AS n, true AS found")
    cell = ["*", "agency:closed", "agency:closed", "viewer", AS_OF]
    assert Library(tmp_path).run(store, "how-many", MEMBER, AS_OF).rows[0]["n"] == tuple(cell)

    def bearer(name: str, role: Role, *agencies: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {credentials.issue(store, name, role, agencies, [])[0]}"}

    readers = [{}, bearer("Ani", Role.ANALYST, "agency:open"), bearer("Budi", Role.VIEWER, "agency:open")]
    readers.append(bearer("Cici", Role.VIEWER, "agency:restricted"))
    with serving(build_app(place, Settings(_env_file=None, lang="en", reports=tmp_path, data=tmp_path))) as client:
        path = f"/reports/how-many.json?as-of={AS_OF}"
        rows = [client.get(path, headers=one).json()["rows"][0]["n"] for one in readers * 2]
    assert (
        rows[:4]
        == rows[4:]
        == [
            ["*", "viewer", AS_OF],
            ["*", "agency:open", "agency:open", "analyst", AS_OF],
            ["*", "agency:open", "agency:open", "viewer", AS_OF],
            ["*", "agency:restricted", "agency:restricted", "viewer", AS_OF],
        ]
    )


def test_parameters_are_bounded_and_never_part_of_the_text(tmp_path: Path, library: Library, store: Store) -> None:
    written(tmp_path, HEADER + TEXT)
    for value in ("0", "10", "1.5", "1 CREATE (n)", ""):
        with pytest.raises(ReportError, match="enter a whole number from 1 to 9"):
            library.run(store, "how-many", ADMIN, AS_OF, {"step": value})
    with pytest.raises(ReportError, match="has no parameter “actor_role”"):
        library.run(store, "how-many", ANONYMOUS, AS_OF, {"actor_role": "admin"})


def test_a_report_of_very_many_rows_is_cut_and_says_so(tmp_path: Path, library: Library, store: Store) -> None:
    written(tmp_path, HEADER + TEXT.replace("range(1, 7, $step)", f"range(-9, {custom.ROWS}, $step)"))
    report = library.run(store, "how-many", ADMIN, AS_OF)
    assert (len(report.rows), report.of) == (custom.ROWS, custom.ROWS)
    assert any("only the first 5,000 rows are shown and counted" in note for note in report.notes)


# What a text may not do

WRITING = {
    "create": "CREATE (n:Agency {id: 'agency:new'}) RETURN 1 AS n, true AS found",
    "a bare node": "UNWIND [1] AS n CREATE (x) RETURN n, true AS found",
    "set": "MATCH (a:Agency) SET a.name = 'changed' RETURN 1 AS n, true AS found",
    "merge": "MERGE (n:Agency {id: 'agency:new'}) RETURN 1 AS n, true AS found",
    "delete": "MATCH (a:Agency) DETACH DELETE a RETURN 1 AS n, true AS found",
    "a subquery": "UNWIND [1] AS n CALL (n) { CREATE (:Agency {id: 'agency:new'}) } RETURN n, true AS found",
    "its own transactions": "UNWIND [1] AS n CALL (n) { CREATE (:Agency {id: 'agency:new'}) } IN TRANSACTIONS OF 1 ROWS"
    " RETURN n, true AS found",
    "an index": "CREATE INDEX own FOR (n:Agency) ON (n.description)",
    "a procedure": "CALL db.createLabel('Own') RETURN 1 AS n, true AS found",
    "a second text": "RETURN 1 AS n, true AS found; CREATE (:Agency {id: 'agency:new'})",
}  # fmt: skip


@pytest.mark.parametrize("way", WRITING)
@pytest.mark.parametrize("in_of", [False, True], ids=["text", "of"])
def test_a_text_that_writes_is_refused_by_file_name(
    tmp_path: Path, library: Library, store: Store, way: str, in_of: bool
) -> None:
    with_offices(store)
    counting = f"// of = '''{WRITING[way]}'''\n{HEADER}RETURN 1 AS n"
    written(tmp_path, counting if in_of else HEADER + WRITING[way])
    before = store.read(Cypher("MATCH (n) RETURN properties(n) ORDER BY n.id"))
    with pytest.raises(BrokenReport, match=r"^how-many\.cypher cannot be run: (a report may only read|.*the database)"):
        library.run(store, "how-many", ADMIN, AS_OF)
    assert store.read(Cypher("MATCH (n) RETURN properties(n) ORDER BY n.id")) == before
    assert not store.read(Cypher("SHOW INDEXES YIELD name WHERE name = 'own' RETURN name"))


def test_a_refusal_to_write_says_what_to_do(tmp_path: Path, library: Library, store: Store) -> None:
    written(tmp_path, HEADER + WRITING["create"])
    with pytest.raises(BrokenReport, match=r"may only read the graph\. Remove the clauses that change data"):
        library.run(store, "how-many", ADMIN, AS_OF)
    with use_language("id"), pytest.raises(BrokenReport, match="laporan hanya boleh membaca graf"):
        library.run(store, "how-many", ADMIN, AS_OF)


@pytest.mark.slow
def test_a_text_without_end_is_stopped(tmp_path: Path, library: Library, neo4j_server: Any) -> None:
    login = neo4j_server.username, neo4j_server.password
    endless = "".join(f" UNWIND range(1, 10000) AS {one}" for one in "abc")
    written(tmp_path, HEADER + f"{endless} RETURN count(*) AS n, true AS found")
    with (
        Store(ConnectionSettings(neo4j_server.uri, *login, *login, timeout=0.5)) as store,
        pytest.raises(StoreError) as stopped,
    ):
        library.run(store, "how-many", ADMIN, AS_OF)
    assert stopped.value.code == "TIMEOUT"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("RETURN 'a' AS n, true AS found", "the column n has a value that is not of the type integer"),
        ("RETURN 3000000000 AS n, true AS found", "the column n has a value that is not of the type integer"),
        ("MATCH (a:Agency) RETURN a AS n, true AS found", "the column n has a value that is not of the type integer"),
        ("MATCH (a:Agency) RETURN 1 AS n, true AS found, [a] AS evidence", "Return a.id, not a."),
        ("UNWIND [0] AS n RETURN 1 / n AS n, true AS found", "the database cannot run the Cypher"),
        ("UNWIND [1] AS n RETRUN n, true AS found", "the database cannot run the Cypher"),
        ("MATCH (a:Agency) WHERE a.id = $stop RETURN 1 AS n, true AS found", "the database cannot run the Cypher"),
        ("RETURN true AS found", "the header has the column n, but RETURN does not"),
        ("RETURN 1 AS n, true AS found, 2 AS m", "RETURN has the column m, but the header does not"),
        ("RETURN 1 AS n", "a report needs either a Cypher text “of”"),
    ],
)  # fmt: skip
def test_a_text_that_does_not_fit_is_a_sentence(
    tmp_path: Path, library: Library, store: Store, text: str, sentence: str
) -> None:
    with_offices(store)
    written(tmp_path, HEADER + text)
    with pytest.raises(BrokenReport) as broken:
        library.run(store, "how-many", ADMIN, AS_OF)
    assert str(broken.value).startswith("how-many.cypher cannot be run: ") and sentence in str(broken.value)
    assert "Office" not in str(broken.value)


@pytest.mark.parametrize("counted", ["RETURN 'a' AS of", "UNWIND [1, 2] AS of RETURN of", "RETURN 1 AS of, 2 AS more"])
def test_of_is_one_whole_number(tmp_path: Path, library: Library, store: Store, counted: str) -> None:
    written(tmp_path, f'// of = "{counted}"\n{HEADER}RETURN 1 AS n')
    with pytest.raises(BrokenReport, match="“of” in the header returns something other than one whole number"):
        library.run(store, "how-many", ADMIN, AS_OF)


# What is wrong with a file


@pytest.mark.parametrize(
    ("changed", "line", "sentence"),
    [
        (("question = {", "question = ["), 2, "The header is not valid TOML"),
        (("// method", "// mothod"), 3, "unknown key mothod"),
        (('id = "Berapa?"', 'fr = "Combien ?"'), 2, "unknown key question.fr"),
        (('"everybody"', '"nobody"'), 1, "wrong value at for: input should be 'admin', 'analyst' or 'everybody'"),
        (('type = "integer"\n// default', 'type = "text"\n// default'), 6, "parameters.step.type"),
        (
            ("default = 1", "default = 10"),
            5,
            "the value default of a parameter must be between the values least and most",
        ),
        (("default = 1", "default = 1.5"), 5, "whole numbers"),
        (("default = 1", "default = nan"), 7, "parameters.step.default"),
        (("[parameters.step]", "[parameters.actor_role]"), 5, "use a name of lower-case letters"),
        (("[columns.n]", "[columns.evidence]"), 13, "use a name of lower-case letters"),
        (("[columns.n]", "[columns.N]"), 13, "use a name of lower-case letters"),
        (('type = "integer"\n// label', 'type = "money"\n// label'), 14, "columns.n.type"),
        ((TEXT, "\n"), 16, "There is no Cypher after the header"),
        (("// question", "question"), 1, "lacks title"),
    ],
    ids=range(14),
)
def test_a_fault_names_the_file_and_the_line(
    tmp_path: Path, library: Library, changed: tuple[str, str], line: int, sentence: str
) -> None:
    written(tmp_path, (HEADER + TEXT).replace(*changed, 1))
    with pytest.raises(BrokenReport) as broken:
        library.find("how-many", ADMIN)
    assert str(broken.value).startswith(f"how-many.cypher, line {line}: "), str(broken.value)
    assert sentence in str(broken.value)
    assert [str(one) for one in library.faults()] == [str(broken.value)]
    assert "how-many" not in library.questions(ADMIN)
    with pytest.raises(BrokenReport, match="Ask an administrator for the reason"):
        library.find("how-many", ANONYMOUS)
    with use_language("id"):
        assert str(library.faults()[0]).startswith(f"how-many.cypher, baris {line}: ")


@pytest.mark.parametrize("name", ["gaps", "graphql", "reports", "How-Many", "how_many", "how-1", "x" * 41])
def test_a_name_that_is_taken_or_not_valid_is_refused(tmp_path: Path, library: Library, name: str) -> None:
    written(tmp_path, HEADER + TEXT, name)
    (fault,) = library.faults()
    assert str(fault).startswith(f"{name}.cypher, line 1: ") and "ename the file" in str(fault)
    assert library.questions(ADMIN).keys() == DEFINITIONS.keys()


def test_a_file_that_is_not_text_is_refused(tmp_path: Path, library: Library) -> None:
    (tmp_path / "bytes.cypher").write_bytes(b"// a\n\xff")
    (tmp_path / "long.cypher").write_text("// a\n" * 30_000)
    (tmp_path / "folder.cypher").mkdir()
    assert [str(one) for one in library.faults()] == [
        "bytes.cypher, line 2: The file is not UTF-8 text. Save it as UTF-8.",
        "long.cypher, line 1: The file is longer than 100,000 bytes. Shorten it.",
    ]


def test_the_reports_that_ship_find_what_the_sample_has(store: Store) -> None:
    assert not run(store, find_source("depok", Settings(_env_file=None))).refused
    library = Library(SHIPPED)
    assert not library.faults()
    unshared = library.run(store, "unshared-data", ADMIN, AS_OF)
    channels = library.run(store, "services-without-a-channel", ADMIN, AS_OF)
    assert unshared.found and channels.found and not (unshared.withheld or channels.withheld)
    assert {row["users"] for row in unshared.rows} > {0}
    assert all(row.evidence[0].kind == "Resource" for row in unshared.rows)
    everybody = library.run(store, "unshared-data", ANONYMOUS, AS_OF)
    assert everybody.of < unshared.of == everybody.of + everybody.withheld
    with pytest.raises(ReportError, match="enter a whole number from 1 to 100"):
        library.run(store, "unshared-data", ADMIN, AS_OF, {"least_users": "0"})
