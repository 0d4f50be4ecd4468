"""Transactions: conflicts with other transactions, engines and servers that are killed, and the caches of a transaction."""

import os
import random
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Lock

import httpx
import psutil
import pytest

from registry import engine
from registry.auth.credentials import issue
from registry.database.connect import connection_settings
from registry.database.driver import TRIES, ConnectionSettings, Store, StoreError
from registry.database.migrate import apply
from registry.database.write import state
from registry.model.definitions import MODEL, Sector
from registry.model.records import Problem
from registry.mutations.audit_events import RecordState
from registry.mutations.revisions import entries, verify
from registry.mutations.save import SaveInput, save
from registry.mutations.transaction import (
    MOST,
    SIZE,
    NameIndex,
    RecordCache,
    RequestContext,
    Transaction,
    ValidationFailed,
    change,
)
from registry.permissions import ADMIN, Role
from tests.support.cli import command, free_port, serves
from tests.support.engines import require_embedded
from tests.support.two_agencies import HEALTH

NOT_ON_WINDOWS = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill that a process cannot see")
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


@pytest.mark.slow
@pytest.mark.timeout(900)
@NOT_ON_WINDOWS
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


@pytest.mark.slow
@pytest.mark.timeout(900)
@NOT_ON_WINDOWS
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


REFUSED = Problem("UNFIT", "name", "", "a name", "No.")


@pytest.mark.parametrize(("conflicts", "runs"), [(0, 1), (1, 2), (TRIES, TRIES)])
def test_a_rejected_change_runs_again_only_after_a_conflict(
    town: Store, embedded_place: ConnectionSettings, conflicts: int, runs: int
) -> None:
    """A conflict may be the reason for the rejection, so the change runs again, but at most TRIES times."""
    run = 0

    def work(transaction: Transaction) -> RecordState:
        nonlocal run
        run += 1
        if run <= conflicts:
            keep(other, f"sector:{run}")
        raise ValidationFailed(REFUSED)

    with Store(embedded_place) as other:
        assert change(town, RequestContext(HEALTH, "form"), Sector, work).problems == (REFUSED,)
    assert run == runs


def test_a_rejection_after_a_lost_race_is_final(town: Store, embedded_place: ConnectionSettings) -> None:
    run = 0

    def work(transaction: Transaction) -> RecordState:
        nonlocal run
        run += 1
        if run > 1:
            raise ValidationFailed(REFUSED)
        found = transaction.find(Sector, "sector:health")
        assert found
        keep(other, "sector:other")
        return transaction.write(found, replace(found, properties={**found.properties, "code": "h"}), "changed")

    with Store(embedded_place) as other:
        assert change(town, RequestContext(HEALTH, "form"), Sector, work).problems == (REFUSED,)
    assert run == 2, "the second run met no conflict"


def test_names_are_found_by_numbers_and_beginnings() -> None:
    index = NameIndex([("a", "Dinas Kesehatan"), ("b", "Dinas Kebersihan"), ("c", "Posko")])
    index.add("d", "Kesenian")
    index.add("e", "Posko 5")
    assert dict(index.like("dinas")) == {"a": "Dinas Kesehatan", "b": "Dinas Kebersihan"}
    assert set(dict(index.like("Kesatuan"))) == {"a", "d"}, "three letters are enough"
    assert set(dict(index.like("posko 5"))) == {"e"} and not dict(index.like("posko 6"))
    many = NameIndex([(f"m{number}", "Dinas") for number in range(MOST)])
    assert len(dict(many.like("dinas"))) == MOST
    many.add("z", "Zoo")
    found = list(dict(many.like("dinas zoo")))
    assert found[0] == "z" and len(found) == MOST, "rare beginnings come first"


def test_a_value_is_read_once_and_in_batches() -> None:
    asked: list[tuple[str, int]] = []

    def read(kind: str, ids: Sequence[str]) -> dict[str, str]:
        asked.append((kind, len(ids)))
        return {one: one.upper() for one in ids if one != "none"}

    cache = RecordCache(read)
    assert cache.all_of("Agency", ["a", "none", "a"]) == {"a": "A", "none": None}
    assert cache.of("Agency", "a") == "A" and cache.of("Agency", "none") is None and asked == [("Agency", 2)]
    assert cache.of("Service", "a") == "A" and asked[-1] == ("Service", 1)
    cache.put("Agency", "a", "B")
    assert cache.of("Agency", "a") == "B"
    cache.drop("Agency", "a")
    assert cache.of("Agency", "a") == "A" and len(asked) == 3
    cache.all_of("Need", map(str, range(2 * SIZE + 1)))
    assert asked[3:] == [("Need", SIZE), ("Need", SIZE), ("Need", 1)]
