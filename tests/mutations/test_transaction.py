"""The engine or the server is killed while people change things: nothing acknowledged is lost, nothing is torn or twice."""

import os
import random
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event, Lock

import httpx
import psutil
import pytest

from registry import engine
from registry.auth.credentials import issue
from registry.database.connect import connection_settings
from registry.database.driver import Store, StoreError
from registry.database.migrate import apply
from registry.database.write import state
from registry.model.definitions import MODEL, Sector
from registry.mutations.revisions import entries, verify
from registry.mutations.save import SaveInput, save
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN, Role
from tests.support.cli import command, free_port, serves
from tests.support.engines import require_embedded

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill that a process cannot see"),
]
ENGINE_ROUNDS, SERVER_ROUNDS, WRITERS = 10, 10, 6


class Writers:
    """Make changes, each under a key of its own, until what they write to is away; some time after that is killed."""

    def __init__(self, seed: int, write: Callable[[str], None]) -> None:
        self._write = write
        self._kill_after = random.Random(seed).randrange(1, 25)
        self._lock, self._stop = Lock(), Event()
        self.acknowledged: set[str] = set()
        self.unsure: set[str] = set()

    def run(self, seed: int, kill: Callable[[], None]) -> None:
        """Write in several threads, and kill once enough was acknowledged."""
        with ThreadPoolExecutor(WRITERS) as pool:
            futures = [pool.submit(self._keep_writing, seed, writer, kill) for writer in range(WRITERS)]
        for future in futures:
            future.result()

    def _keep_writing(self, seed: int, writer: int, kill: Callable[[], None]) -> None:
        for number in range(1000):
            record = f"sector:{seed}-{writer}-{number}"
            try:
                self._write(record)
            except (StoreError, httpx.HTTPError):
                with self._lock:
                    self.unsure.add(record)
                return
            with self._lock:
                self.acknowledged.add(record)
                enough = len(self.acknowledged) == self._kill_after
            if enough:
                kill()
        raise AssertionError("it was never away")


def keep(store: Store, record: str) -> None:
    """Make a record and change it, each under a key: what is asked for again is done once."""
    for number, name in enumerate((record, f"{record}, changed")):
        properties = {"name": name, "scheme": "s", "code": record}
        asking = RequestContext(ADMIN, "api", f"{record} {number}", properties)
        done = save(store, asking, SaveInput(Sector, record, properties, another=True))
        assert not done.problems, done.problems


def is_whole(store: Store, writers: Writers, again: Callable[[str], None]) -> None:
    """Check the chain, and that each record is there as it was acknowledged; what nobody is sure of is asked for again."""
    assert verify(store).what is None
    for record in writers.acknowledged:
        known = store.read(state(Sector, record))[0][0]
        assert (known["name"], known["version"]) == (f"{record}, changed", 2)
    for record in writers.unsure:
        again(record)
        assert store.read(state(Sector, record))[0][0]["version"] == 2
    told = [(entry["record"], entry["what"]) for entry in entries(store)]
    assert len(told) == len(set(told)), "no change is told twice"
    assert verify(store).what is None


def test_an_engine_that_is_killed_loses_nothing_that_it_acknowledged(engine_data: Path) -> None:
    require_embedded()
    running = engine.start(engine_data)
    with Store(connection_settings(running)) as store:
        apply(store, MODEL)
    for seed in range(ENGINE_ROUNDS):
        print(f"seed {seed}")
        with Store(
            connection_settings(running), patience=0
        ) as store:  # the engine stays away until the writers have given up
            writers = Writers(seed, partial(keep, store))
            writers.run(seed, partial(os.kill, running.pid, signal.SIGKILL))
        engine.stop(engine_data)
        running = engine.start(engine_data)
        with Store(connection_settings(running)) as store:
            is_whole(store, writers, partial(keep, store))


SAVE = """mutation($id: ID!, $code: String!, $name: String!, $key: ID!) {
  saveSector(input: {id: $id, name: $name, scheme: "s", code: $code}, key: $key, isAnother: true) { problems { code } } }"""


def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(engine_data: Path, tmp_path: Path) -> None:
    require_embedded()
    running = engine.start(engine_data)
    with Store(connection_settings(running)) as store:
        apply(store, MODEL)
        secret, _ = issue(store, "tests", Role.ADMIN, (), ())
        before: Writers | None = None
        for seed in range(SERVER_ROUNDS + 1):
            print(f"seed {seed}")
            port = free_port()
            server = command("serve", "--port", str(port), data=engine_data)
            serves(server, port)
            own = {"Authorization": f"Bearer {secret}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=own) as client:
                if before:
                    is_whole(store, before, partial(_ask, client))
                before = Writers(seed, partial(_ask, client))
                before.run(seed, psutil.Process(server.pid).kill)
            server.communicate(timeout=60)


def _ask(client: httpx.Client, record: str) -> None:
    for number, name in enumerate((record, f"{record}, changed")):
        variables = {"id": record, "code": record, "name": name, "key": f"{record} {number}"}
        answer = client.post("/graphql", json={"query": SAVE, "variables": variables}).json()
        assert answer == {"data": {"saveSector": {"problems": []}}}, answer
