"""What a running embedded engine lets in, keeps and gives back: always a real one."""

import dataclasses
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from registry import engine
from registry.config import SAVED_RUNS
from tests.support.engines import READ, SAVE, cypher, gone, ids, require_embedded, until


@pytest.fixture(autouse=True)
def _embedded() -> None:
    require_embedded()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engine.Engine]:
    """One engine for the tests that only speak to it."""
    require_embedded()
    data = tmp_path_factory.mktemp("engine") / "data"
    yield engine.start(data)
    engine.stop(data)


def test_the_reader_reads_and_cannot_write(running: engine.Engine) -> None:
    cypher(running, SAVE)
    assert cypher(running, READ, reader=True).json()["result"] == [{"n.id": "dinkes"}]
    for write in ("CREATE (n:Agency {id: 'x'})", "MATCH (n) DETACH DELETE n", "CREATE INDEX i FOR (n:A) ON (n.x)"):
        assert cypher(running, write, reader=True).status_code == 403
    assert ids(running) == ["dinkes"]


def test_the_database_can_be_dropped_and_made_again(running: engine.Engine) -> None:
    cypher(running, SAVE)
    engine.command(running, "drop database registry")
    engine.command(running, "create database registry")
    assert ids(running) == []
    assert cypher(running, READ, reader=True).is_success, "the reader's rights stay"


def test_what_the_engine_refuses_is_one_sentence(running: engine.Engine) -> None:
    with pytest.raises(engine.EngineError, match=r"^The embedded engine rejected a command: .*\)\.$"):
        engine.sql(running, "SELEKT 1")
    with pytest.raises(engine.EngineError, match="rejected a command"):
        engine.command(running, "create database registry")
    away = dataclasses.replace(running, http_url="http://127.0.0.1:1")
    with pytest.raises(engine.EngineError, match=r"does not respond \(ConnectError\)\.$"):
        engine.command(away, "list databases")


def test_passwords_are_ours_alone(running: engine.Engine) -> None:
    passwords = (running.password, running.reader_password)
    assert all(len(password) >= 24 for password in passwords)
    assert passwords[0] != passwords[1]
    assert running.data.stat().st_mode & 0o077 == 0
    files = [path for path in running.data.rglob("*") if path.is_file()]
    kept = [path for path in files if any(password in path.read_text("latin-1") for password in passwords)]
    assert {path.name for path in kept} == {"password", "reader-password"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)
    shown = [repr(running), *psutil.Process(running.pid).cmdline(), *psutil.Process(running.pid).environ().values()]
    assert not any(password in text for password in passwords for text in shown)


def test_the_engine_is_reachable_from_this_machine_only(running: engine.Engine) -> None:
    open_at = psutil.Process(running.pid).net_connections("tcp")
    listening = {connection.laddr.ip for connection in open_at if connection.status == psutil.CONN_LISTEN}
    assert listening
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}


@pytest.mark.slow
def test_lost_passwords_are_made_anew_and_the_records_stay(engine_data: Path) -> None:
    cypher(engine.start(engine_data), SAVE)
    engine.stop(engine_data)
    (engine_data / "password").unlink()
    assert ids(engine.start(engine_data)) == ["dinkes"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill that a process cannot see")
@pytest.mark.slow
def test_after_an_unclean_stop_the_database_is_checked_and_that_is_said(engine_data: Path) -> None:
    running = engine.start(engine_data)
    cypher(running, SAVE)
    os.kill(running.pid, signal.SIGKILL)
    assert until(lambda: gone(running.pid))
    said: list[str] = []
    running = engine.start(engine_data, progress=said.append)
    assert said == [
        "The engine was not stopped cleanly last time. Checking the database.",
        "The database has no errors.",
    ]
    assert ids(running) == ["dinkes"], "what was acknowledged is kept"
    engine.stop(engine_data)
    engine.start(engine_data, progress=said.append)
    assert len(said) == 2, "said once"


@pytest.mark.slow
def test_a_damaged_database_is_told_from_a_sound_one(engine_data: Path) -> None:
    running = engine.start(engine_data)
    cypher(running, "UNWIND range(1, 500) AS i CREATE (:Agency {id: 'a' + i})-[:PROVIDES]->(:Service {id: 's' + i})")
    assert engine.check(running) == []
    engine.stop(engine_data)
    [bucket] = (engine_data / "databases" / "registry").glob("Agency_0.*.bucket")
    content = bytearray(bucket.read_bytes())
    content[12_000:14_000] = b"\x7f" * 2_000
    bucket.write_bytes(content)
    findings = engine.check(engine.start(engine_data))
    assert findings
    assert all("\n" not in finding and finding for finding in findings)


@pytest.mark.slow
def test_a_backup_brings_back_what_was_there(engine_data: Path, tmp_path: Path) -> None:
    running = engine.start(engine_data)
    cypher(running, SAVE)
    runs = engine_data / SAVED_RUNS
    runs.mkdir()
    (runs / "2026-q3.json").write_text("{}")
    archive = engine.backup(running, tmp_path / "monday.zip")
    assert archive == tmp_path / "monday.zip"
    cypher(running, "CREATE (n:Agency {id: 'disdik'})")
    (runs / "2026-q3.json").rename(runs / "2026-q4.json")
    with pytest.raises(engine.EngineError, match=r"is running\. Stop it before you restore"):
        engine.restore(engine_data, archive)
    engine.stop(engine_data)
    engine.restore(engine_data, archive)
    assert ids(engine.start(engine_data)) == ["dinkes"]
    assert {one.name: one.read_text() for one in runs.iterdir()} == {"2026-q3.json": "{}"}
    assert not any(engine_data.rglob("saved-runs.zip"))


@pytest.mark.slow
def test_a_backup_brings_what_was_there_elsewhere(engine_data: Path, tmp_path: Path) -> None:
    running = engine.start(engine_data)
    cypher(running, SAVE)
    engine.restore(tmp_path / "elsewhere", engine.backup(running, tmp_path / "monday.zip"))
    assert ids(engine.start(tmp_path / "elsewhere")) == ["dinkes"]
    engine.stop(tmp_path / "elsewhere")


def test_what_is_not_a_backup_changes_nothing(engine_data: Path, tmp_path: Path) -> None:
    kept = engine_data / "databases" / "registry" / "schema.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    (tmp_path / "letter.zip").write_text("Dear registry")
    for archive, reason in (("letter.zip", "is not a backup of a registry"), ("none.zip", "There is no backup at")):
        with pytest.raises(engine.EngineError, match=reason):
            engine.restore(engine_data, tmp_path / archive)
    assert kept.read_text() == "{}" and not (engine_data / "restoring").exists()
