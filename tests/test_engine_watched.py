"""An engine that dies while it is needed is started again: those who ask are told to wait, and nothing is lost."""

import os
import signal
from functools import partial
from pathlib import Path

import httpx
import pytest

from registry import engine
from registry.engine import watch
from tests.commands import command, free_port
from tests.engines import SAVE, cypher, ids, require_embedded, until
from tests.test_interrupts import serves


@pytest.fixture(autouse=True)
def _embedded() -> None:
    require_embedded()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


def another_than(before: engine.Engine) -> engine.Engine:
    """Return the engine that is there instead of one that died."""
    found: list[engine.Engine] = []

    def there() -> bool:
        one = engine.find(before.data)
        found[:] = [one] if one and one.pid != before.pid else []
        return bool(found)

    assert until(there, seconds=60)
    return found[0]


@pytest.mark.slow
def test_an_engine_that_dies_is_started_again_where_it_was(engine_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MOST", 1)
    said: list[str] = []
    first = engine.start(engine_data)
    assert cypher(first, SAVE).is_success
    with engine.kept_running(engine_data, partial(engine.start, engine_data, progress=said.append), said.append):
        kill(first.pid)
        second = another_than(first)
        assert (second.uri, second.http_url) == (first.uri, first.http_url)
        assert ids(second) == ["dinkes"]
        assert until(lambda: "The database is sound." in said), said
        kill(second.pid)
        assert until(lambda: "2 times in ten minutes" in said[-1]), said
        assert engine.find(engine_data) is None


@pytest.mark.slow
def test_an_engine_that_is_stopped_is_left_alone(engine_data: Path) -> None:
    said: list[str] = []
    again = partial(engine.start, engine_data)
    first = engine.start(engine_data)
    with engine.kept_running(engine_data, again, said.append):
        assert engine.stop(engine_data)
        assert not watch.died(first.data)
    assert (engine.find(engine_data), said) == (None, [])


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
    assert server.returncode == 0 and "it is started again" in err, err
    assert engine.find(engine_data) is None
