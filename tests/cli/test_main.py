"""What a command is given that it cannot use, and lists for scripts: one sentence and exit code 2, or JSON."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from python_calamine import load_workbook

from registry import engine
from registry.cli import output
from registry.cli.reports import reports
from registry.database.driver import ConnectionSettings, Store, StoreError
from tests.support.cli import Ended, command, finished, refused
from tests.support.engines import require_embedded
from tests.support.neo4j_server import Neo4jServer
from tests.support.paths import ROOT

SECRET = "s3cr3t-of-ours"
CarriedOut = Callable[..., Ended]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engine.Engine]:
    """An engine with nothing in it, for the commands that only look."""
    require_embedded()
    data = tmp_path_factory.mktemp("commands") / "data"
    yield engine.start(data)
    engine.stop(data)


@pytest.mark.parametrize(
    "uri", [f"neo4j://neo4j:{SECRET}@127.0.0.1:1", f"neo4j:{SECRET}@host", f"nonsense://{SECRET}@"]
)
@pytest.mark.parametrize("arguments", [["sources"], ["serve"], ["load", "depok"], ["schema", "show"]], ids=" ".join)
def test_credentials_in_an_address_are_refused_and_not_shown(
    carried_out: CarriedOut, tmp_path: Path, uri: str, arguments: list[str]
) -> None:
    said = refused(carried_out(*arguments, data=tmp_path, NEO4J_URI=uri))
    assert "NEO4J_URI" in said and "NEO4J_USERNAME and NEO4J_PASSWORD" in said
    assert SECRET not in said


def test_a_wrong_password_is_one_sentence_without_it(
    carried_out: CarriedOut, secured_neo4j_server: Neo4jServer, tmp_path: Path
) -> None:
    settings = {"NEO4J_URI": secured_neo4j_server.uri, "NEO4J_PASSWORD": SECRET}
    for arguments in (["sources"], ["load", "depok"], ["query", "-"]):
        said = refused(carried_out(*arguments, data=tmp_path, text="{ agencies { totalCount } }", **settings))
        assert (
            said
            == f"The database at {settings['NEO4J_URI']} rejects the credentials. Check NEO4J_USERNAME and NEO4J_PASSWORD."
        )
    place = ConnectionSettings(secured_neo4j_server.uri, "neo4j", SECRET, "neo4j", SECRET)
    for _ in range(6):  # after some the server refuses to look
        with pytest.raises(StoreError, match="Check NEO4J_USERNAME and NEO4J_PASSWORD") as failure:
            Store(place)
        assert failure.value.code == "WRONG_PASSWORD"


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        (["start"], "`neo4j start`"),
        (["stop"], "`neo4j stop`"),
        (["status"], "`neo4j status`"),
        (["check"], "`neo4j-admin database check`"),
        (["backup", "monday.zip"], "`neo4j-admin database dump`"),
        (["restore", "monday.zip"], "`neo4j-admin database load`"),
    ],
    ids=lambda one: one[0] if isinstance(one, list) else "",
)
def test_the_embedded_engine_is_left_alone_where_a_server_is_configured(
    carried_out: CarriedOut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], instead: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(carried_out("engine", *arguments, data=tmp_path / "data", NEO4J_URI="bolt://127.0.0.1:1"))
    assert f"Use {instead} on that server, or unset NEO4J_URI" in said
    assert ("saved-runs" in said) == (arguments[0] in ("backup", "restore"))
    assert not list(tmp_path.iterdir()), "nothing was written, no engine started"


def test_the_right_password_is_let_in(
    carried_out: CarriedOut, secured_neo4j_server: Neo4jServer, tmp_path: Path
) -> None:
    settings = {"NEO4J_URI": secured_neo4j_server.uri, "NEO4J_PASSWORD": secured_neo4j_server.password}
    code, out, err = carried_out("schema", "show", "--json", data=tmp_path, **settings)
    assert code == 0, err
    assert secured_neo4j_server.password not in out + err


@pytest.mark.parametrize(
    "arguments", [["sources"], ["serve"], ["engine", "start"], ["engine", "restore", "FILE"]], ids=" ".join
)
def test_a_data_directory_that_cannot_be_written_to_is_one_sentence(
    carried_out: CarriedOut, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "file").touch()
    names = {"FILE": str(tmp_path / "file")}
    said = refused(carried_out(*(names.get(one, one) for one in arguments), data=tmp_path / "file" / "data"))
    assert "Cannot write to the data directory" in said and "Choose another with REGISTRY_DATA" in said


@pytest.mark.parametrize("arguments", [["sources"], ["engine", "start"]], ids=" ".join)
def test_a_data_directory_that_another_engine_holds_is_one_sentence(
    carried_out: CarriedOut, running: engine.Engine, arguments: list[str]
) -> None:
    (running.data / "engine.json").rename(running.data / "hidden")
    try:
        said = refused(carried_out(*arguments, data=running.data))
    finally:
        (running.data / "hidden").rename(running.data / "engine.json")
    assert "Another engine" in said and "choose another directory with REGISTRY_DATA" in said


def test_a_workbook_goes_into_a_file_or_a_pipe_and_not_to_a_terminal(running: engine.Engine, tmp_path: Path) -> None:
    book = tmp_path / "coverage.xlsx"
    asked = ("report", "coverage", "--format", "xlsx")
    assert finished(command(*asked, "-o", str(book), data=running.data))[0] == 0
    assert load_workbook(book).sheet_names == ["coverage", "Method and notes"]
    terminal, far = os.openpty()
    with command(*asked, data=running.data, stdout=far) as process:
        assert "A terminal cannot show xlsx" in process.communicate(timeout=120)[1]
    os.close(far)
    os.close(terminal)
    assert process.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (["report", "gaps", "-o", "/no/such/folder/gaps.json"], {}, "Cannot write /no/such/folder/gaps.json: No such"),
        (["engine", "backup", "/no/such/folder/backup.zip"], {}, "Cannot write the backup to"),
        (["template", "agency", "-o", "/no/such/folder/agency.csv"], {}, "cannot be written"),
        (["reports"], {"REGISTRY_HOSTS": "http://registry.example"}, "The setting REGISTRY_HOSTS is invalid: each must be"),
        (["reports"], {"REGISTRY_HOSTS": "registry.example:8000"}, "The setting REGISTRY_HOSTS is invalid: each must be"),
        (["serve", "--host", "192.0.2.1"], {}, "Cannot listen on port 8000 of 192.0.2.1"),
        (["serve", "--host", "no such host"], {}, "Cannot listen on port 8000 of no such host"),
        (["serve", "--workers", "0"], {}, "--workers"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_sentence(
    carried_out: CarriedOut, running: engine.Engine, arguments: list[str], settings: dict[str, str], sentence: str
) -> None:
    assert sentence in refused(carried_out(*arguments, data=running.data, **settings))


@pytest.mark.parametrize(
    ("arguments", "shows"),
    [
        (["sources"], lambda listed: {"depok", "us-fedramp"} <= {one["source"] for one in listed}),
        (["reports"], lambda listed: {"gaps", "coverage"} <= {one["name"] for one in listed}),
        (["schema", "show"], lambda states: set(states) == {"present", "missing", "surplus"} and states["missing"]),
        (["engine", "status"], lambda status: status["running"] and status["uri"].startswith("bolt://127.0.0.1:")),
        (["engine", "check"], lambda found: found == {"sound": True, "findings": []}),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_every_list_is_json_for_scripts(
    carried_out: CarriedOut, running: engine.Engine, arguments: list[str], shows: Callable[[Any], bool]
) -> None:
    code, out, err = carried_out(*arguments, "--json", data=running.data)
    assert code == 0, err
    assert shows(json.loads(out))


def test_a_status_of_nothing_is_json_too(carried_out: CarriedOut, tmp_path: Path) -> None:
    code, out, _ = carried_out("engine", "status", "--json", data=tmp_path / "data")
    assert (code, json.loads(out)) == (0, {"running": False, "uri": None, "pid": None})


def test_settings_files_that_cannot_be_read_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registry.toml").write_text(f'neo4j_password = "{SECRET}')
    said = refused(finished(command("reports", data=tmp_path / "data")))
    assert "Cannot read the settings in .env or registry.toml" in said and SECRET not in said


@pytest.mark.parametrize(
    ("given", "spoken"),
    [
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "id_ID.UTF-8"}, "id"),
        ({"LANG": "id_ID.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "id_ID.UTF-8"}, "id"),
        ({"LANG": "en_GB.UTF-8", "REGISTRY_LANG": "id"}, "id"),
        ({"LANG": "id_ID.UTF-8", "REGISTRY_LANG": "en"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "id"),
        ({}, "id"),
    ],
)
def test_reports_are_listed_in_the_language_of_the_terminal(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, str],
    spoken: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "REGISTRY_LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(output.out, "_width", 200)
    reports(None, as_json=False)
    head, *lines = capsys.readouterr().out.splitlines()
    assert ("Question" if spoken == "en" else "Pertanyaan") in head
    question = {"en": "How complete are the records", "id": "Seberapa lengkap catatan"}[spoken]
    assert any(line.startswith("coverage") and question in line for line in lines)
