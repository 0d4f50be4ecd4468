"""A small town whose people change the registry: two agencies and a sector, a coordinator of each and an approver."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from registry.database import audit_log, write
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL, Agency, Resource, Sector
from registry.mutations.lifecycle import APPROVE, PROPOSE, make_transition
from registry.mutations.save import LinkChange, SaveInput, save
from registry.mutations.transaction import MutationResult, RequestContext
from registry.permissions import ADMIN, Actor, Role

HEALTH = Actor("sari", Role.COORDINATOR, frozenset({"dinkes"}))
HEAD = Actor("budi", Role.APPROVER, frozenset({"dinkes"}))
LIBRARY = Actor("tono", Role.COORDINATOR, frozenset({"perpus"}))


@pytest.fixture
def town(embedded_place: ConnectionSettings) -> Iterator[Store]:
    """The town on the embedded engine, and nothing else."""
    with Store(embedded_place) as store:
        apply(store, MODEL)
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        yield settle(store)


def settle(store: Store) -> Store:
    """Two agencies, published, and a sector."""
    for name, title in (("dinkes", "Dinas Kesehatan"), ("perpus", "Dinas Perpustakaan")):
        done = by(store, ADMIN, SaveInput(Agency, name, {"name": title, "kind": "other", "steward": name}))
        assert not done.problems, done.problems
        publish(store, Agency, name)
    done = by(
        store,
        ADMIN,
        SaveInput(Sector, "sector:health", {"name": "Kesehatan", "scheme": "s", "code": "health", "steward": "dinkes"}),
    )
    assert not done.problems, done.problems
    publish(store, Sector, "sector:health")
    return store


def by(store: Store, actor: Actor, saving: SaveInput, key: str | None = None, asked: Any = None) -> MutationResult:
    return save(store, RequestContext(actor, "api", key, asked), saving)


def publish(store: Store, kind: Any, record: str) -> None:
    assert not make_transition(store, RequestContext(ADMIN, "api"), kind, record, PROPOSE).problems
    assert not make_transition(store, RequestContext(ADMIN, "api"), kind, record, APPROVE).problems


def room(store: Store, actor: Actor = HEALTH, **properties: object) -> str:
    done = by(
        store,
        actor,
        SaveInput(
            Resource, None, {"name": "Aula", "kind": "facility", **properties}, {"owners": LinkChange({"dinkes": {}})}
        ),
    )
    assert not done.problems, done.problems
    assert done.record
    return done.record


def codes(done: MutationResult) -> list[tuple[str, str]]:
    return [(one.code, one.field) for one in done.problems]


def properties(store: Store, kind: Any, record: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = store.read(write.state(kind, record))[0][0]
    return found


def history(store: Store, record: str) -> list[Mapping[str, Any]]:
    return [row[0] for row in store.read(audit_log.of_record(record, size=100))]
