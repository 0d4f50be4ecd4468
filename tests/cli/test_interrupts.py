"""Ctrl-C, in the middle of every command: one sentence, no traceback, no engine left, and the command may be run again."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen
from threading import Thread

import httpx
import psutil
import pytest

from registry import engine
from registry.database.connect import connection_settings
from registry.database.driver import Cypher, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from tests.support.cli import command, finished, free_port, serves
from tests.support.engines import SAVE, cypher, gone, ids, require_embedded, until
from tests.support.tcp_proxy import Way

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to interrupt like this"),
]

INTERRUPTED = (130, "Interrupted. It is safe to run this command again.")


@pytest.fixture(autouse=True)
def _embedded() -> None:
    require_embedded()


def interrupt(process: "Popen[str]") -> None:
    """Do what a terminal does at Ctrl-C: it interrupts every process that was started from there."""
    os.killpg(process.pid, signal.SIGINT)


def ended(process: "Popen[str]") -> tuple[int, str]:
    """Return the exit code and the last that was said; whatever was said holds no traceback."""
    code, out, err = finished(process)
    assert "Traceback" not in out + err, err
    return code, (err.strip().splitlines() or [""])[-1]


def processes_on(data: Path) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if str(data) in " ".join(one.info["cmdline"] or ())]


@contextmanager
def way_to(running: engine.Engine, text: str) -> Iterator[tuple[Way, dict[str, str]]]:
    """Yield a way to an engine that is blocked at a text, and the settings that name it."""
    with Way(running.uri, until=text) as way:
        yield way, {"NEO4J_URI": way.address, "NEO4J_USERNAME": running.username, "NEO4J_PASSWORD": running.password}


@pytest.fixture
def empty(embedded_engine: engine.Engine) -> engine.Engine:
    """The engine of the session, with nothing in it."""
    with Store(connection_settings(embedded_engine)) as store:
        apply(store, MODEL)
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
    return embedded_engine


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["demo", "--port", "PORT"], "MERGE"),
        (["serve", "--port", "PORT"], "SHOW"),
        (["serve", "--port", "PORT", "--workers", "2"], "SHOW"),
        (["load", "depok"], "MERGE"),
        (["sources"], "MATCH"),
        (["report", "gaps", "-o", "FILE"], "MATCH"),
        (["calibrate"], "MATCH"),
        (["query", "QUERY"], "MATCH"),
        (["schema", "show"], "SHOW"),
        (["schema", "apply"], "SHOW"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else one,
)
def test_in_the_middle_of_a_question(empty: engine.Engine, tmp_path: Path, arguments: list[str], text: str) -> None:
    (tmp_path / "query").write_text("{ agencies { totalCount } }")
    names = {"PORT": str(free_port()), "FILE": str(tmp_path / "file"), "QUERY": str(tmp_path / "query")}
    with way_to(empty, text) as (way, settings):
        process = command(*(names.get(one, one) for one in arguments), data=tmp_path / "data", **settings)
        assert way.asked.wait(60)
        interrupt(process)
        assert ended(process) == INTERRUPTED
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    "arguments",
    [["serve"], ["load", "depok"], ["engine", "start"], ["engine", "backup", "TO"]],
    ids=" ".join,
)
def test_while_its_engine_starts(engine_data: Path, arguments: list[str]) -> None:
    to = engine_data.with_name("to")
    process = command(*(str(to) if one == "TO" else one for one in arguments), data=engine_data)
    assert until((engine_data / "log" / "engine.log").exists, 60)
    interrupt(process)
    assert ended(process) == INTERRUPTED
    assert until(lambda: not processes_on(engine_data))
    assert not to.exists()


@pytest.mark.parametrize("arguments", [["template", "agency", "-o", "FILE"], ["reports"]], ids=" ".join)
def test_while_python_starts(tmp_path: Path, arguments: list[str]) -> None:
    names = {"FILE": str(tmp_path / "agency.xlsx")}
    process = command(*(names.get(one, one) for one in arguments), data=tmp_path, python=("-X", "importtime"))
    assert process.stderr
    assert any("registry.cli" in line for line in process.stderr)
    interrupt(process)
    assert ended(process) == INTERRUPTED
    assert list(tmp_path.iterdir()) == []


def test_while_it_reckons(empty: engine.Engine, tmp_path: Path) -> None:
    settings = {"NEO4J_URI": empty.uri, "NEO4J_USERNAME": empty.username, "NEO4J_PASSWORD": empty.password}
    process = command("calibrate", "--rounds", "10000", data=tmp_path / "data", **settings)
    assert process.stderr
    assert any("10000 rounds" in line for line in process.stderr)
    interrupt(process)
    assert ended(process) == INTERRUPTED


def test_a_load_that_was_interrupted_is_run_again_to_the_same_end(empty: engine.Engine, tmp_path: Path) -> None:
    with way_to(empty, "PROVIDES") as (way, settings):
        process = command("load", "depok", data=tmp_path, **settings)
        assert way.asked.wait(60)
        interrupt(process)
        assert ended(process) == INTERRUPTED
    direct = settings | {"NEO4J_URI": empty.uri}
    assert finished(command("load", "depok", data=tmp_path, **direct))[0] == 0
    code, out, _ = finished(command("load", "depok", "--json", data=tmp_path, **direct))
    outcome = json.loads(out)
    assert (code, outcome["created"], outcome["changed"], outcome["retired"]) == (0, {}, {}, {})


def test_a_backup_leaves_nothing_half_written(engine_data: Path, tmp_path: Path) -> None:
    running = engine.start(engine_data)
    state = json.loads((engine_data / "engine.json").read_text())
    with Way(running.http_url, until="BACKUP DATABASE") as way:
        (engine_data / "engine.json").write_text(json.dumps(state | {"http": way.port}))
        process = command("engine", "backup", str(tmp_path / "to.zip"), data=engine_data)
        archives = engine_data / "backups" / "registry"
        assert until(lambda: any(archives.glob("*")), 60)
        interrupt(process)
        assert ended(process) == INTERRUPTED
    assert not any(archives.glob("*")) and not any(tmp_path.glob("to.zip*"))
    assert not gone(running.pid), "it was not started by this command"


def test_a_restore_changes_nothing(engine_data: Path, tmp_path: Path) -> None:
    running = engine.start(engine_data)
    cypher(running, SAVE)
    archive = engine.backup(running, tmp_path / "monday.zip")
    engine.stop(engine_data)
    elsewhere = tmp_path / "elsewhere"
    process = command("engine", "restore", str(archive), data=elsewhere)
    assert until((elsewhere / "engine.lock").exists, 60)
    interrupt(process)
    assert ended(process) == INTERRUPTED
    assert until(lambda: not processes_on(elsewhere))
    assert not (elsewhere / "databases" / "registry").exists() and not (elsewhere / "restoring").exists()
    assert finished(command("engine", "restore", str(archive), data=elsewhere))[0] == 0
    assert ids(engine.start(elsewhere)) == ["dinkes"]
    engine.stop(elsewhere)


def test_a_stop_may_be_asked_again(engine_data: Path) -> None:
    running = engine.start(engine_data)
    psutil.Process(running.pid).suspend()
    process = command("engine", "stop", data=engine_data)
    assert process.stderr
    assert "Stopping" in process.stderr.readline()
    interrupt(process)
    assert ended(process) == INTERRUPTED
    psutil.Process(running.pid).resume()
    assert finished(command("engine", "stop", data=engine_data))[0] == 0
    assert until(lambda: gone(running.pid))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("times", [1, 3])
def test_a_server_ends_when_it_is_told_to(engine_data: Path, workers: int, times: int) -> None:
    port = free_port()
    process = command("serve", "--workers", str(workers), "--port", str(port), data=engine_data)
    serves(process, port)
    for _ in range(10):
        answer = httpx.post(
            f"http://127.0.0.1:{port}/graphql", json={"query": "{ agencies { totalCount } }"}, timeout=60
        )
        assert answer.json() == {"data": {"agencies": {"totalCount": 0}}}
    family = psutil.Process(process.pid).children(recursive=True)
    secret = (engine_data / "reader-password").read_text()
    assert not any(secret in " ".join(one.cmdline()) for one in family)
    for _ in range(times):
        interrupt(process)
    assert ended(process)[0] == 0
    assert until(lambda: all(gone(one.pid) for one in family)), "engine and workers end with it"


def test_workers_end_with_a_parent_that_is_killed(empty: engine.Engine, tmp_path: Path) -> None:
    port = free_port()
    with way_to(empty, "nothing") as (_, settings):
        process = command("serve", "--workers", "2", "--port", str(port), data=tmp_path, **settings)
        serves(process, port)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        assert until(lambda: all(gone(one.pid) for one in family))
        process.communicate()


def test_a_server_that_is_being_asked_ends_in_seconds(empty: engine.Engine, tmp_path: Path) -> None:
    port = free_port()
    with way_to(empty, "nothing") as (way, settings):
        process = command("serve", "--port", str(port), data=tmp_path, **settings)
        serves(process, port)
        way.until = "MATCH"
        for path in ("", "graphql?query={agencies{totalCount}}", "reports/gaps.json"):
            Thread(target=visit, args=(f"http://127.0.0.1:{port}/{path}",), daemon=True).start()
        assert way.asked.wait(60)
        interrupt(process)
        interrupt(process)
        assert ended(process)[0] == 0


def visit(address: str) -> None:
    with suppress(httpx.TransportError):
        httpx.get(address, timeout=120)
