"""The embedded engine: always a real one."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import create_server

import psutil
import pytest

from registry import engine
from registry.engine import files, process
from registry.engine.files import STATE
from tests.support.engines import SAVE, cypher, gone, ids, require_embedded, until

STARTS_AND_WAITS = """
import sys, pathlib
from registry import engine
print(engine.start(pathlib.Path(sys.argv[1]), detached=len(sys.argv) > 2).pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _embedded() -> None:
    require_embedded()


def another_process(data: Path, *detached: str, start_new_session: bool = False) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", STARTS_AND_WAITS, str(data), *detached]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=start_new_session
    )


def started_by(owner: "subprocess.Popen[str]") -> int:
    assert owner.stdout
    assert owner.stderr
    return int(owner.stdout.readline() or owner.stderr.read())


def end(owner: "subprocess.Popen[str]") -> None:
    owner.kill()
    owner.communicate()


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write everywhere: give that up for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_engine_starts_keeps_what_it_is_given_and_stops(engine_data: Path) -> None:
    running = engine.start(engine_data)
    assert cypher(running, SAVE).is_success
    assert engine.stop(engine_data)
    assert gone(running.pid)
    assert engine.find(engine_data) is None
    assert not engine.stop(engine_data)
    said: list[str] = []
    assert ids(engine.start(engine_data, progress=said.append)) == ["dinkes"]
    assert said == []


def test_the_engine_that_runs_is_found_not_started_again(engine_data: Path) -> None:
    owner = another_process(engine_data)
    pid = started_by(owner)
    found = engine.start(engine_data)
    assert found.pid == pid
    assert engine.find(engine_data) == found
    assert cypher(found, SAVE).is_success
    end(owner)


def test_of_two_that_start_at_once_one_finds_what_the_other_started(engine_data: Path) -> None:
    both = [another_process(engine_data), another_process(engine_data)]
    first, second = (started_by(owner) for owner in both)
    assert first == second
    for owner in both:
        end(owner)


def test_the_engine_ends_with_its_owner_even_if_that_is_killed(engine_data: Path) -> None:
    owner = another_process(engine_data)
    pid = started_by(owner)
    guard = psutil.Process(pid).ppid()
    end(owner)
    assert until(lambda: gone(pid) and gone(guard))
    assert engine.find(engine_data) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to interrupt like this")
def test_an_interrupt_in_the_terminal_is_a_clean_stop(engine_data: Path) -> None:
    owner = another_process(engine_data, start_new_session=True)
    pid = started_by(owner)
    os.killpg(owner.pid, signal.SIGINT)
    owner.communicate()
    assert gone(pid)
    assert not (engine_data / STATE).exists(), "nothing is left to be checked"


def test_an_engine_without_its_guard_is_found_and_stopped(engine_data: Path) -> None:
    running = engine.start(engine_data)
    psutil.Process(psutil.Process(running.pid).ppid()).kill()
    found = engine.find(engine_data)
    assert found
    assert found.pid == running.pid
    assert engine.stop(engine_data)
    assert gone(running.pid)


def test_the_end_of_the_owner_is_a_clean_stop(engine_data: Path) -> None:
    owner = another_process(engine_data)
    pid = started_by(owner)
    owner.communicate("")
    assert gone(pid), "an owner that ends by itself waits for its engine"
    assert not (engine_data / STATE).exists(), "nothing is left to be checked"


def test_who_starts_an_engine_waits_for_its_end(engine_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guards: list[process.Guard] = []
    monkeypatch.setattr(process, "_close_pipe", guards.append)  # the guard notices that late
    running, use = process.join(engine_data, heap="512m", lasting=False)
    use.leave()
    assert gone(running.pid)
    guards[0].communicate()
    assert not (engine_data / STATE).exists(), "nothing is left to be checked"


def test_a_detached_engine_outlives_its_owner_until_it_is_stopped(engine_data: Path) -> None:
    owner = another_process(engine_data, "detached")
    pid = started_by(owner)
    guard = psutil.Process(pid).parent()
    assert guard
    end(owner)
    found = engine.find(engine_data)
    assert found
    assert found.pid == pid
    assert engine.stop(engine_data)
    assert gone(pid)
    assert until(lambda: gone(guard.pid))


def test_a_directory_that_another_engine_holds_is_said(engine_data: Path) -> None:
    running = engine.start(engine_data)
    (engine_data / "engine.json").rename(engine_data / "hidden")
    try:
        with pytest.raises(engine.EngineError, match=r"Another engine, which cannot be reached from here, uses "):
            engine.start(engine_data)
        assert cypher(running, SAVE).is_success, "the first goes on"
    finally:
        (engine_data / "hidden").rename(engine_data / "engine.json")


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        engine.EngineError, match=r"Cannot write to the data directory .*\. Choose another with REGISTRY_DATA"
    ):
        engine.start(tmp_path / "file" / "data")
    (tmp_path / "fixed").mkdir(mode=0o500)
    with (
        as_nobody(),
        pytest.raises(engine.EngineError, match=r"Cannot write to the data directory .* \(Permission denied\)"),
    ):
        engine.start(tmp_path / "fixed")


def test_a_port_that_is_taken_is_left_for_another(engine_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = process._free_ports()
    with create_server(("127.0.0.1", 0)) as busy:
        answers = iter([(busy.getsockname()[1], free[1]), free])
        monkeypatch.setattr(process, "_free_ports", lambda: next(answers))
        assert engine.start(engine_data).uri == f"bolt://127.0.0.1:{free[0]}"


def test_memory_that_java_does_not_understand_is_said(engine_data: Path) -> None:
    with pytest.raises(engine.EngineError, match=r"failed to start \(.*\)\. See .*engine\.log\.$"):
        engine.start(engine_data, heap="much")


def test_a_missing_wheel_is_said_with_what_to_do(engine_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "find_spec", lambda _: None)
    install = r"Run pip install 'shared-services-registry\[embedded\]', or set NEO4J_URI"
    with pytest.raises(engine.EngineError, match=install):
        engine.start(engine_data)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(engine.EngineError, match=r"There is no embedded engine for .* on riscv64\. Set NEO4J_URI"):
        engine.start(engine_data)
