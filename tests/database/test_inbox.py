"""However much is published, what waits for a step is found without looking at it."""

from collections.abc import Iterator
from typing import Any

import neo4j
import pytest

from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.inbox import with_status
from registry.model.kinds import Kind
from registry.permissions import ADMIN, Action, Actor, Role
from registry.web.refusals import EDITABLE

BUDI = Actor("budi", Role.APPROVER, frozenset({"dinkes"}))
PUBLISHED = 500


@pytest.mark.parametrize("place", ["neo4j"], indirect=True)
@pytest.mark.parametrize("kind", EDITABLE)
def test_what_waits_is_found_by_an_index(store: Store, place: ConnectionSettings, kind: type[Kind]) -> None:
    text = f"UNWIND range(1, $in.n) AS i CREATE (n:{kind.__name__} {{id: $in.status + i, status: $in.status, steward: 'dinkes'}})"
    for status, number in (("published", PUBLISHED), ("proposed", 2)):
        store.write(Cypher(text, {"in": {"n": number, "status": status}}))
    for actor in (BUDI, ADMIN):
        asked = with_status(kind, "proposed", me=actor.parameter_for(Action.APPROVE), size=10)
        assert len(store.read(asked)) == 2
        steps = list(profiled(place, asked))
        assert "NodeIndexSeek" in {name for name, _hits in steps}
        assert sum(hits for _name, hits in steps) < PUBLISHED / 5


def profiled(place: ConnectionSettings, asked: Cypher) -> Iterator[tuple[str, int]]:
    """Yield the steps by which Neo4j answers a text, and how often each looked into the store."""
    auth = (place.username, place.password) if place.password else None
    opened = neo4j.GraphDatabase.driver(place.uri, auth=auth, notifications_min_severity="OFF")
    with opened as driver, driver.session() as session:
        told: Any = session.run(f"PROFILE {asked.text}", dict(asked.parameters)).consume().profile
    steps = [told]
    while steps:
        step = steps.pop()
        yield step["operatorType"].partition("@")[0], step.get("dbHits", 0)
        steps += step.get("children", [])
