"""The chain of changes: 32 writers never fork it, and whatever is done to it afterwards is found."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.write import state
from registry.model.definitions import Sector
from registry.mutations.audit_events import LogHead, first_invalid
from registry.mutations.revisions import entries, verify
from registry.mutations.save import SaveInput, save
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN
from tests.support.engines import SLOW_ON_NEO4J

pytestmark = SLOW_ON_NEO4J

HAND = RequestContext(ADMIN, "command")
WRITERS, PROCESSES = 32, 4


def saving(record: str, **properties: object) -> SaveInput:
    return SaveInput(Sector, record, {"scheme": "s", "code": record, "name": record, "steward": None, **properties})


@pytest.fixture
def chained(store: Store) -> Store:
    """A store with five changes in it."""
    for number in range(5):
        assert not save(store, HAND, saving(f"sector:{number}")).problems
    return store


@pytest.fixture
def stores(store: Store, place: ConnectionSettings) -> Iterator[list[Store]]:
    """Several stores on one graph, as several processes have: none of them waits for the others by itself."""
    opened = [Store(place) for _ in range(PROCESSES)]
    yield opened
    for one in opened:
        one.close()


def test_an_untouched_chain_is_whole(chained: Store) -> None:
    found = verify(chained)
    assert (found.entries, found.broken_at) == (5, None)
    assert len(found.hash) == 64


def test_a_registry_without_changes_is_whole(store: Store) -> None:
    assert verify(store) == (0, "", None, None)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("MATCH (n:Change) WHERE n.number = 2 SET n.actor = 'somebody'", (2, "CHANGED")),
        ("MATCH (n:Change) WHERE n.number = 3 SET n.after = '{}'", (3, "CHANGED")),
        ("MATCH (n:Change) WHERE n.number = 4 SET n.own_hash = 'f'", (4, "CHANGED")),
        ("MATCH (n:Change) WHERE n.number = 1 SET n.previous_hash = 'f'", (1, "UNCHAINED")),
        ("MATCH (n:Change) WHERE n.number = 2 DETACH DELETE n", (2, "MISSING")),
        ("MATCH (n:Change) WHERE n.number = 5 DETACH DELETE n", (5, "MISSING")),
        ("MATCH (n:Change) WHERE n.number = 5 SET n.number = 4", (4, "CHANGED")),
        ("MATCH (c:Chain) SET c.number = 4", (6, "MISSING")),
    ],
)
def test_the_first_entry_that_was_touched_is_named(chained: Store, text: str, broken: tuple[int, str]) -> None:
    chained.write(Cypher(text))
    found = verify(chained)
    assert found.broken_at is not None
    if "SET n.number = 4" in text:
        assert found.broken_at in (4, 5)  # of two with one number, either may come first
    else:
        assert (found.broken_at, found.what) == broken


def test_an_entry_put_between_others_is_found(chained: Store) -> None:
    told: list[Any] = list(entries(chained))
    end = LogHead(5, told[-1]["own_hash"])
    assert first_invalid(told, end) is None
    assert first_invalid([*told[:2], told[1], *told[2:]], end) == (3, "TWICE")


def test_writers_at_once_lose_nothing_and_fork_nothing(stores: list[Store]) -> None:
    save(stores[0], HAND, saving("sector:one", code="0"))

    def count_up(writer: int) -> None:
        own = save(stores[writer % PROCESSES], HAND, saving(f"sector:w{writer}"))
        assert not own.problems
        while True:
            ((now,), *_) = [stores[writer % PROCESSES].read(state(Sector, "sector:one"))[0][:1]]
            asked = saving("sector:one", code=str(int(now["code"]) + 1))
            done = save(
                stores[writer % PROCESSES],
                HAND,
                SaveInput(asked.kind, asked.id, asked.properties, version=now["version"]),
            )
            if not done.problems:
                return
            assert [one.code for one in done.problems] == ["STALE"]

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(count_up, range(WRITERS)))
    counted = stores[0].read(state(Sector, "sector:one"))[0][0]
    assert (counted["code"], counted["version"]) == (str(WRITERS), WRITERS + 1)
    assert verify(stores[0])[:3] == (2 * WRITERS + 1, verify(stores[0]).hash, None)
