"""A run that was kept, and what has changed since, by command, page and GraphQL; nobody sees more by it than they may."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from registry.analysis.run_comparison import compare
from registry.cli.main import app
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.reports.catalogue import DEFINITIONS
from registry.web.app import build_app
from tests.reports.test_json_schema import PUBLISHED
from tests.schema.test_reports import without_addresses
from tests.support.cli import speaking_to
from tests.support.sample import sample_report
from tests.support.server import serving

AS_OF = "2026-11-25"
Run = Callable[..., Result]


@pytest.fixture
def run(sample: ConnectionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the sample, with runs of its own."""

    def run(*arguments: str, lang: str = "en") -> Result:
        settings = {**speaking_to(sample), "REGISTRY_DATA": str(tmp_path), "REGISTRY_LANG": lang, "COLUMNS": "200"}
        for key, value in settings.items():
            monkeypatch.setenv(key, value)
        return CliRunner().invoke(app, list(arguments))

    return run


@pytest.fixture
def client(sample: ConnectionSettings, tmp_path: Path) -> Iterator[httpx.Client]:
    with serving(build_app(sample, Settings(_env_file=None, lang="en", data=tmp_path))) as client:
        client.headers["Accept"] = "text/html"
        yield client


@contextmanager
def altered(place: ConnectionSettings, record: str, **properties: object) -> Iterator[None]:
    """Let properties of a record be others for a while."""
    with Store(place) as store:
        ((before,),) = store.read(Cypher("MATCH (n {id: $in.id}) RETURN properties(n)", {"in": {"id": record}}))
        put = "MATCH (n {id: $in.id}) SET " + ", ".join(f"n.{name} = $in.{name}" for name in properties)
        store.write(Cypher(put, {"in": {"id": record, **properties}}))
        try:
            yield
        finally:
            store.write(Cypher(put, {"in": {"id": record, **{name: before.get(name) for name in properties}}}))


def report(run: Run, name: str, *more: str, **settings: str) -> Any:
    done = run("report", name, "--as-of", AS_OF, "--format", "json", *more, **settings)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def changes(run: Run, label: str, *more: str, **settings: str) -> Any:
    return report(run, "changes", "--param", f"run={label}", *more, **settings)


def test_without_a_saved_run_it_says_how_to_keep_one(run: Run) -> None:
    told = report(run, "changes")
    assert (told["found"], told["of"], told["rows"]) == (0, 0, [])
    assert "registry report gaps --save LABEL" in told["notes"][0]
    since = report(run, "gaps")["summary"]["since"]
    assert not since["compared"] and "registry report gaps --save LABEL" in since["text"]


def test_a_run_is_kept_once_listed_and_removed(run: Run, tmp_path: Path) -> None:
    kept = report(run, "agreements", "--save", "first")
    again = run("report", "agreements", "--save", "first")
    assert again.exit_code == 2 and "There is already a saved run called first." in " ".join(again.stderr.split())
    file = json.loads((tmp_path / "saved-runs" / "first.json").read_text(encoding="utf-8"))
    assert file["report"] == kept
    assert [path.name for path in (tmp_path / "saved-runs").iterdir()] == ["first.json"]
    assert not list(PUBLISHED.descend(file, PUBLISHED.schema["$defs"]["savedRun"]))
    assert list(PUBLISHED.descend({**file, "sight": None}, PUBLISHED.schema["$defs"]["savedRun"]))
    (entry,) = json.loads(run("saved", "list", "--json").stdout)
    assert (entry["label"], entry["report"], entry["as_of"]) == ("first", "agreements", AS_OF)
    assert (entry["found"], entry["of"], entry["for"]) == (kept["found"], kept["of"], "administrators")
    assert run("saved", "remove", "first").exit_code == 0
    gone = run("saved", "remove", "first")
    assert (gone.exit_code, gone.stderr.strip()) == (2, "There is no saved run called first.")


def test_changes_can_be_limited_to_an_agency(run: Run, sample: ConnectionSettings) -> None:
    agreement = next(
        one for one in report(run, "agreements", "--save", "before")["rows"] if one["finding"] == "expired"
    )
    parties = [one["id"] for one in agreement["evidence"] if one["kind"] == "Agency"]
    with altered(sample, agreement["evidence"][0]["id"], valid_until="2040-01-01"):
        whole = changes(run, "before")
        part = changes(run, "before", "--param", f"agency={parties[0]}")
        other = changes(run, "before", "--param", "agency=depok:dprd-kota")
    gone = [row for row in whole["rows"] if row["change"] == "gone" and agreement["evidence"][0] in row["evidence"]]
    assert gone and all(row in part["rows"] for row in gone)
    assert part["found"] == len(part["rows"]) <= part["of"] < whole["of"]
    assert not [row for row in gone if row in other["rows"]]


def test_the_first_page_of_an_agency_is_compared_with_a_run_about_all(run: Run, sample: ConnectionSettings) -> None:
    saved = report(run, "gaps", "--save", "before")
    ended = next(one for one in saved["rows"] if one["finding"] == "expired")
    agreement, *parties = ended["evidence"]
    with altered(sample, agreement["id"], valid_until="2040-01-01"):
        own, other = (
            report(run, "gaps", "--param", f"agency={one}")["summary"]["since"]
            for one in (parties[0]["id"], "depok:dprd-kota")
        )
    assert own["compared"] and other["compared"] and "Compared with the saved run before" in own["text"]
    assert any(agreement["name"] in text for text in own["gone"])
    assert not any(agreement["name"] in text for text in other["gone"])


@pytest.mark.parametrize("label", ["", "../first", "/tmp/first", ".first", "a/b", "First", "a" * 61, "a\x00b"])
def test_a_label_with_a_path_is_refused_before_anything_runs(run: Run, tmp_path: Path, label: str) -> None:
    done = run("report", "agreements", "--save", label)
    assert done.exit_code == 2 and "Use at most 60 lower-case letters" in done.stderr
    assert run("report", "changes", "--param", f"run={label}x/y").exit_code == 2
    assert list(tmp_path.rglob("*")) == []


def test_a_file_that_cannot_be_used_is_told_of_and_stops_nothing(run: Run, tmp_path: Path) -> None:
    report(run, "agreements", "--save", "sound")
    (tmp_path / "saved-runs" / "broken.json").write_text('{"label": "broken", "report": {')
    listed = run("saved", "list", "--json")
    assert [one["label"] for one in json.loads(listed.stdout)] == ["sound"]
    assert "The saved run broken cannot be used" in listed.stderr
    assert "The saved run broken cannot be used" in run("report", "changes", "--param", "run=broken").stderr


def test_the_comparison_itself_cannot_be_kept(run: Run) -> None:
    done = run("report", "changes", "--save", "one")
    assert done.exit_code == 2 and "compares a report with a saved run" in done.stderr


@pytest.mark.parametrize("lang", ["en", "id"])
def test_nothing_has_changed_at_once_and_in_whatever_language_it_is_asked(run: Run, lang: str) -> None:
    kept = report(run, "gaps", "--save", "before", lang="id")
    told = changes(run, "before", lang=lang)
    assert (told["found"], told["of"], told["rows"]) == (0, len(kept["rows"]), [])
    assert any("have not changed since" in note or "tidak berubah sejak itu" in note for note in told["notes"])


def test_an_agreement_that_ended_since_is_new_with_its_evidence(run: Run, sample: ConnectionSettings) -> None:
    before = report(run, "gaps", "--save", "before")
    with altered(sample, "depok:ks-kampus-sehat", valid_until="2026-10-31"):
        told, now = report(run, "changes"), report(run, "gaps")
    keys = {tuple(row["key"]) for row in before["rows"]}, {tuple(row["key"]) for row in now["rows"]}
    by_change = {one: [row for row in told["rows"] if row["change"] == one] for one in ("new", "gone")}
    assert {tuple(row["key"][1:]) for row in by_change["new"]} == keys[1] - keys[0]
    assert {tuple(row["key"][1:]) for row in by_change["gone"]} == keys[0] - keys[1]
    expired = [row for row in by_change["new"] if row["what"].startswith("expired without a renewal")]
    assert [row["evidence"][0]["id"] for row in expired] == ["depok:ks-kampus-sehat"]
    assert any(row["what"].startswith("the parties disagree on the level") for row in by_change["gone"])
    assert told["found"] == len(told["rows"]) <= told["of"] == len(keys[0] | keys[1])
    since = now["summary"]["since"]
    assert since["compared"] and "before" in since["text"]
    assert [since["new"], since["gone"]] == [[row["what"] for row in by_change[one]] for one in ("new", "gone")]
    assert not report(run, "gaps", "--param", "within=30")["summary"]["since"]["compared"], "other parameters"
    assert not any("have not changed since" in note for note in told["notes"])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(one, marks=() if one in ("agreements", "matches", "channels", "feedback") else pytest.mark.slow)
        for one in DEFINITIONS
        if one not in ("changes", "what-if")
    ],
)
def test_a_day_later_no_row_has_changed_although_no_record_has(name: str) -> None:
    then, now = sample_report(name, AS_OF), sample_report(name, "2026-11-26")
    compared = compare(now.columns, then.rows, now.rows)
    assert not [one.differences for one in compared if one.change == "changed"]
    assert name == "reuse" or {one.change for one in compared} <= {"same", "new", "gone"}
    if name in ("gaps", "agreements"):
        assert Counter(one.change for one in compared)["new"] == 1, "the findings that begin are listed"


def test_a_run_of_a_day_before_lists_what_began_since_and_no_more(run: Run) -> None:
    report(run, "agreements", "--save", "before")
    done = run("report", "changes", "--as-of", "2026-11-26", "--format", "json", "--param", "run=before")
    told = json.loads(done.stdout)
    assert [row["change"] for row in told["rows"]] == ["new"]
    assert any("the differences come from the date alone" in note for note in told["notes"])


def test_a_changed_value_is_shown_then_and_now_in_the_same_row(run: Run, sample: ConnectionSettings) -> None:
    report(run, "agreements", "--save", "before")
    with altered(sample, "depok:ks-segera-cadangan", valid_until="2026-12-25", name="Cadangan data"):
        rows = changes(run, "before")["rows"]
    assert Counter(row["change"] for row in rows)["new"] == 0
    (row,) = [row for row in rows if row["evidence"][0]["id"] == "depok:ks-segera-cadangan"]
    assert row["change"] in ("changed", "moved")
    assert "Until: Dec 15, 2026 → Dec 25, 2026" in row["differences"]
    assert any(one.startswith("Agreement: ") and one.endswith("→ Cadangan data") for one in row["differences"])


def test_what_an_administrator_saw_is_not_there_for_others(run: Run, client: httpx.Client) -> None:
    report(run, "gaps", "--save", "whole")
    page = client.get("/reports/changes", params={"run": "whole"})
    nothing = client.get("/reports/changes", params={"run": "never"})
    assert page.status_code == nothing.status_code == 400
    assert page.text.replace("whole", "never") == nothing.text
    assert "There is no saved run that you may see." in client.get("/reports/changes").text
    asked = client.post("/reports/graphql", json={"query": '{ changes(run: "whole") { rows { what } } }'}).json()
    assert asked["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert "called whole that you may see" in asked["errors"][0]["message"]
    assert run("report", "changes", "--public", "--param", "run=whole").exit_code == 2


def test_a_public_saved_run_is_there_for_everybody_in_every_format(
    run: Run, client: httpx.Client, sample: ConnectionSettings
) -> None:
    report(run, "gaps", "--save", "open", "--public")
    with altered(sample, "depok:ks-kampus-sehat", valid_until="2026-10-31"):
        by_command = changes(run, "open", "--public")
        as_file = client.get("/reports/changes.json", params={"run": "open", "as-of": AS_OF}).json()
        page = client.get("/reports/changes", params={"run": "open", "as-of": AS_OF}).text
        query = f'{{ changes(run: "open", asOf: "{AS_OF}") {{ found of rows {{ change what differences key }} }} }}'
        answer = client.post("/reports/graphql", json={"query": query}).json()["data"]["changes"]
    assert by_command["found"] > 0
    assert [without_addresses(row) for row in as_file["rows"]] == by_command["rows"]
    assert [row["what"] for row in answer["rows"]] == [row["what"] for row in as_file["rows"]]
    assert re.search(r'<input id="run" name="run" value="open" maxlength="60"', page)
    assert "/reports/changes.csv?as-of=2026-11-25&amp;run=open" in page


def test_what_was_open_then_and_is_not_now_is_counted_and_not_told(
    run: Run, client: httpx.Client, sample: ConnectionSettings
) -> None:
    report(run, "agreements", "--save", "open", "--public")
    closed: dict[str, object] = {"seen_by": ["*administrators"], "shown_to": ["*administrators"]}
    with altered(sample, "depok:ks-segera-cadangan", **closed):
        page = client.get("/reports/changes", params={"run": "open", "as-of": AS_OF}).text
        told = changes(run, "open", "--public")
    assert told["unknown"] == 1
    assert any("1 row of the saved run is not shown" in note for note in told["notes"])
    assert "depok:ks-segera-cadangan" not in json.dumps(told) + page
    assert "Cadangan data sistem keuangan" not in json.dumps(told) + page
