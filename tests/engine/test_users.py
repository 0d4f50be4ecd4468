"""The engine belongs to its data directory: it ends with its last user, and comes back when it dies while it is used."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from registry import engine
from registry.engine import supervisor
from registry.engine.files import STATE, state_of
from tests.reports.test_custom import HEADER
from tests.support.cli import command, finished, free_port, serves
from tests.support.engines import SAVE, cypher, gone, ids, require_embedded, until

USES_AND_ASKS = """
import sys, pathlib
from registry import engine
from registry.database.connect import connection_settings
from registry.database.driver import Cypher, Store
with engine.in_use(pathlib.Path(sys.argv[1])) as running, Store(connection_settings(running)) as store:
    print("in use", flush=True)
    for _ in sys.stdin:
        try:
            print(*store.read(Cypher("RETURN 1"))[0], flush=True)
        except Exception as error:
            print(getattr(error, "code", error), flush=True)
"""
PATIENCE = 90
KILL = signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM


@pytest.fixture(autouse=True)
def _embedded() -> None:
    require_embedded()


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, KILL)


class User:
    """A process that uses the engine of a data directory, with a driver that stays open."""

    def __init__(self, data: Path) -> None:
        arguments = [sys.executable, "-W", "ignore", "-c", USES_AND_ASKS, str(data)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.crashes = 0  # of its engine

    def is_ready(self) -> bool:
        """Tell whether what it asks of the engine is answered at last; wait until it uses it."""
        return self._line() == "in use" and until(lambda: self._ask() == "1", PATIENCE)

    def answers(self) -> bool:
        return until(lambda: self._ask() == "1", PATIENCE)

    def end(self) -> None:
        _out, err = self.process.communicate("", timeout=PATIENCE)
        assert self.process.returncode == 0, err

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _ask(self) -> str:
        assert self.process.stdin
        self.process.stdin.write("ask\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@contextmanager
def user(data: Path) -> Iterator[User]:
    one = User(data)
    try:
        yield one
    finally:
        one.kill()


def engines_on(data: Path) -> list[psutil.Process]:
    """Return the processes of engines and guards on a data directory."""

    def is_one(process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            line = process.cmdline()
            return any(part in line for part in (f"-Darcadedb.server.rootPath={data}", str(data / STATE)))
        return False

    return [one for one in psutil.process_iter() if is_one(one)]


def ended(data: Path) -> bool:
    return until(lambda: not engines_on(data), PATIENCE)


def another_than(before: engine.Engine) -> engine.Engine:
    """Return the engine that is there instead of one that died."""
    found: list[engine.Engine] = []

    def there() -> bool:
        one = engine.find(before.data)
        found[:] = [one] if one and one.pid != before.pid else []
        return bool(found)

    assert until(there, seconds=60)
    return found[0]


def test_the_engine_ends_with_its_last_user_not_with_who_started_it(engine_data: Path) -> None:
    with user(engine_data) as first:
        assert first.is_ready()
        pid = state_of(engine_data).pid  # type: ignore[union-attr]
        with engine.in_use(engine_data) as found:
            assert found.pid == pid
            first.end()
            assert cypher(found, SAVE).is_success
        assert gone(pid), "the last one waits until it is gone"
    assert ended(engine_data)
    assert not (engine_data / STATE).exists(), "that was a clean end"
    with engine.in_use(engine_data) as again:
        assert (again.uri, ids(again)) == (found.uri, ["dinkes"]), "it is where it was"


def test_a_guard_that_is_killed_is_replaced_and_the_engine_runs_on(engine_data: Path) -> None:
    with engine.in_use(engine_data) as running:
        first = state_of(engine_data)
        assert first
        kill(first.guard)
        assert until(lambda: (now := state_of(engine_data)) is not None and now.guard != first.guard)
        assert ids(running) == []
        assert engine.find(engine_data) == running
    assert gone(running.pid)
    assert not (engine_data / STATE).exists(), "that was a clean end"


def test_who_does_not_know_the_token_is_no_user(engine_data: Path) -> None:
    with user(engine_data) as one:
        assert one.is_ready()
        state = state_of(engine_data)
        assert state
        with keeping_a_connection_to(state.door):
            one.end()
            assert ended(engine_data)


@contextmanager
def keeping_a_connection_to(port: int) -> Iterator[None]:
    from socket import create_connection

    with create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"guess\n")
        yield


@pytest.mark.slow
def test_an_engine_that_dies_is_started_again_where_it_was(engine_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "MOST", 1)
    monkeypatch.setattr(supervisor, "PAUSE_SECONDS", 1)
    said: list[str] = []
    with engine.in_use(engine_data, progress=said.append) as first:
        assert cypher(first, SAVE).is_success
        kill(first.pid)
        second = another_than(first)
        assert (second.uri, second.http_url) == (first.uri, first.http_url)
        assert ids(second) == ["dinkes"]
        assert until(lambda: "The database has no errors." in said), said
        kill(second.pid)
        assert another_than(second).uri == first.uri, "it comes back however often it dies, but not at once"
        assert any("ended 2 times in ten minutes" in one for one in said), said
    assert engine.find(engine_data) is None


@pytest.mark.slow
def test_an_engine_that_is_stopped_is_left_so_until_it_is_started(engine_data: Path) -> None:
    with user(engine_data) as one:
        assert one.is_ready()
        before = state_of(engine_data)
        assert engine.stop(engine_data)
        assert before and gone(before.pid)
        assert engine.find(engine_data) is None
        assert one._ask() == "UNAVAILABLE"
        with engine.in_use(engine_data):
            assert one.answers()
            assert until(lambda: len(engines_on(engine_data)) == 2)
        assert one.answers(), "it uses the new one"
    assert ended(engine_data)


def test_random_users_of_one_directory(engine_data: Path) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    live_through(engine_data, random.Random(seed), steps=4)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(4))
def test_many_random_users_of_one_directory(engine_data: Path, seed: int) -> None:
    print(f"seed {seed}")
    live_through(engine_data, random.Random(seed), steps=25)


def live_through(data: Path, draw: random.Random, steps: int) -> None:
    """Start, end and kill users, engine and guard at random, some at the same time; see that those who are left are served."""
    users: list[User] = []

    def end_one(how: Callable[[User], None]) -> None:
        if users:
            how(users.pop(draw.randrange(len(users))))

    def kill_part(name: str) -> None:
        if state := state_of(data):
            kill(getattr(state, name))

    def crash_engine() -> None:
        if all(
            one.crashes < supervisor.MOST for one in users
        ):  # after more, a user pauses before it restarts the engine
            for one in users:
                one.crashes += 1
            kill_part("pid")

    acts: dict[str, Callable[[], object]] = {
        "start": lambda: users.append(User(data)),
        "end": lambda: end_one(User.end),
        "kill": lambda: end_one(User.kill),
        "kill the engine": crash_engine,
        "kill the guard": lambda: kill_part("guard"),
    }
    ready: set[User] = set()
    try:
        for step in range(steps):
            burst = ["start"] * (not users) + draw.choices(list(acts), [4, 2, 2, 2, 1], k=draw.randint(1, 3))
            print(f"step {step}: {', '.join(burst)}", flush=True)
            for act in burst:
                acts[act]()
            for one in users:
                assert one.answers() if one in ready else one.is_ready(), one.process.communicate("")
            ready |= set(users)
            if users:
                assert until(lambda: len(engines_on(data)) == 2), engines_on(data)
        while users:
            users.pop().end()
        assert ended(data), engines_on(data)
    finally:
        for one in users:
            one.kill()


@pytest.mark.slow
def test_a_server_says_to_wait_while_its_engine_is_started_again(engine_data: Path) -> None:
    port = free_port()
    server = command("serve", "--port", str(port), data=engine_data)
    serves(server, port)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        statuses = [client.get("/ready").status_code]

        def asked(status: int) -> bool:
            answer = client.get("/ready")
            statuses.append(answer.status_code)
            assert answer.status_code == 200 or answer.headers["retry-after"]
            return answer.status_code == status

        first = engine.find(engine_data)
        assert first
        kill(first.pid)
        assert until(lambda: asked(503)) and until(lambda: asked(200), seconds=60)
        assert set(statuses) == {200, 503}
        assert client.post("/graphql", json={"query": "{ agencies { totalCount } }"}).json()["data"]
    server.send_signal(signal.SIGTERM)
    _out, err = server.communicate(timeout=60)
    assert server.returncode == 0 and "It is being restarted" in err, err
    assert engine.find(engine_data) is None


GREEDY = "UNWIND range(1, 10000) AS a UNWIND range(1, 40) AS b WITH collect(a) AS l"
GREEDY += " WITH l + l AS l" * 10 + "\nRETURN size(l) AS n, true AS found, [] AS evidence\n"


@pytest.mark.slow
def test_the_server_answers_after_a_report_took_all_memory_of_the_engine(engine_data: Path, tmp_path: Path) -> None:
    (tmp_path / "greedy.cypher").write_text(HEADER + GREEDY, encoding="utf-8")
    port = free_port()
    server = command("serve", "--port", str(port), data=engine_data, REGISTRY_REPORTS=str(tmp_path))
    serves(server, port)
    before = engine.find(engine_data)
    assert before
    answer = httpx.get(f"http://127.0.0.1:{port}/reports/greedy.json", timeout=PATIENCE)
    assert answer.status_code == 503 and "message" in answer.json(), answer.text
    assert until(lambda: gone(before.pid)), "it ends, since nobody knows what still works"
    assert until(lambda: is_ready(port), PATIENCE)
    server.send_signal(signal.SIGTERM)
    _out, err = server.communicate(timeout=PATIENCE)
    assert server.returncode == 0 and "Traceback" not in err, err


COMMANDS = (
    ["load", "depok"],
    ["calibrate", "--settings", "own", "--rounds", "1"],
    ["sources"],
    ["report", "cut-points"],
    ["engine", "check"],
)


def is_ready(port: int) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/ready", timeout=60).status_code == 200
    return False


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(3))
def test_servers_and_commands_share_one_directory(engine_data: Path, seed: int) -> None:
    print(f"seed {seed}")
    draw = random.Random(seed)
    servers: dict[int, subprocess.Popen[str]] = {}

    def start_server() -> None:
        port = free_port()
        servers[port] = command("serve", "--port", str(port), "--workers", str(draw.randint(1, 2)), data=engine_data)

    def end_server(signal_number: int) -> None:
        if servers:
            one = servers.pop(draw.choice(list(servers)))
            one.send_signal(signal_number)
            one.communicate(timeout=PATIENCE)

    try:
        for step in range(6):
            commands = [command(*draw.choice(COMMANDS), data=engine_data) for _ in range(draw.randint(1, 2))]
            act = draw.choice(["start", "start", "end", "kill", "kill the engine"])
            print(f"step {step}: {[one.args[4:] for one in commands]}, {act}", flush=True)  # type: ignore[index]
            match act:
                case "start":
                    start_server()
                case "end":
                    end_server(signal.SIGTERM)
                case "kill":
                    end_server(KILL)
                case "kill the engine":
                    time.sleep(draw.random() * 3)
                    if state := state_of(engine_data):
                        kill(state.pid)
            for one in commands:
                code, _out, err = finished(one)
                assert code in ((0, 1, 2) if act == "kill the engine" or "in progress since" in err else (0, 1)), err
                assert "Traceback" not in err and "NEO4J_USERNAME" not in err, err
            for port, server in servers.items():
                assert until(lambda port=port: is_ready(port), PATIENCE), server.communicate()  # type: ignore[misc]
    finally:
        for one in servers.values():
            one.send_signal(signal.SIGTERM)
        for one in servers.values():
            one.communicate(timeout=PATIENCE)
    assert ended(engine_data), engines_on(engine_data)
