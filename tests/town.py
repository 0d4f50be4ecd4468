"""A small town whose people change the registry: two agencies and a sector, a coordinator of each and an approver."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from registry.access import ADMIN, Actor, Role
from registry.changing.saving import LinkChange, Saving, save
from registry.changing.steps import APPROVE, PROPOSE, take
from registry.changing.turn import Asking, Outcome
from registry.constraints import apply
from registry.cypher import chain, states
from registry.cypher.text import Cypher
from registry.model import MODEL, Agency, Resource, Sector
from registry.store import Place, Store

HEALTH = Actor("sari", Role.COORDINATOR, frozenset({"dinkes"}))
HEAD = Actor("budi", Role.APPROVER, frozenset({"dinkes"}))
LIBRARY = Actor("tono", Role.COORDINATOR, frozenset({"perpus"}))


@pytest.fixture
def town(embedded_place: Place) -> Iterator[Store]:
    """The town on the embedded engine, and nothing else."""
    with Store(embedded_place) as store:
        apply(store, MODEL)
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        yield settle(store)


def settle(store: Store) -> Store:
    """Two agencies, published, and a sector."""
    for name, title in (("dinkes", "Dinas Kesehatan"), ("perpus", "Dinas Perpustakaan")):
        done = by(store, ADMIN, Saving(Agency, name, {"name": title, "kind": "other", "steward": name}))
        assert not done.problems, done.problems
        publish(store, Agency, name)
    done = by(
        store,
        ADMIN,
        Saving(Sector, "sector:health", {"name": "Kesehatan", "scheme": "s", "code": "health", "steward": "dinkes"}),
    )
    assert not done.problems, done.problems
    publish(store, Sector, "sector:health")
    return store


def by(store: Store, actor: Actor, saving: Saving, key: str | None = None, asked: Any = None) -> Outcome:
    return save(store, Asking(actor, "api", key, asked), saving)


def publish(store: Store, kind: Any, record: str) -> None:
    assert not take(store, Asking(ADMIN, "api"), kind, record, PROPOSE).problems
    assert not take(store, Asking(ADMIN, "api"), kind, record, APPROVE).problems


def room(store: Store, actor: Actor = HEALTH, **properties: object) -> str:
    done = by(
        store,
        actor,
        Saving(
            Resource, None, {"name": "Aula", "kind": "facility", **properties}, {"owners": LinkChange({"dinkes": {}})}
        ),
    )
    assert not done.problems, done.problems
    assert done.record
    return done.record


def codes(done: Outcome) -> list[tuple[str, str]]:
    return [(one.code, one.field) for one in done.problems]


def properties(store: Store, kind: Any, record: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = store.read(states.state(kind, record))[0][0]
    return found


def history(store: Store, record: str) -> list[Mapping[str, Any]]:
    return [row[0] for row in store.read(chain.of_record(record, size=100))]
