"""Bodies that belong to several each, level over level: what is above and below is found without following every way."""

import asyncio

import pytest

from registry.auth import credentials
from registry.clock import now
from registry.database.conditions import LEVELS
from registry.database.driver import ConnectionSettings, Reader, Store
from registry.database.exploration import groups
from registry.database.write import upsert, upsert_relationships
from registry.model.definitions import MODEL
from registry.model.records import make_relationship
from registry.permissions import ADMIN, Role
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record

pytestmark = SLOW_ON_NEO4J

RUN = {"source": "test", "run": "run:test"}
SIDES = "abcd"
RUNGS = [f"agency:{level}:{side}" for level in range(LEVELS + 1) for side in SIDES]


@pytest.fixture
def ladder(store: Store) -> Store:
    """Twelve levels below the uppermost; there are four to the power of twelve ways from a body at the end to them."""
    made = [record("Agency", one, one, kind="department") for one in RUNGS]
    store.write(upsert(MODEL["Agency"], made, now=now(), **RUN))
    part_of = MODEL["Agency"].ends["part_of"]
    for level in range(1, LEVELS + 1):
        ties = [
            make_relationship(part_of, f"agency:{level}:{a}", f"agency:{level - 1}:{b}", {})[0]
            for a in SIDES
            for b in SIDES
        ]
        store.write(upsert_relationships(part_of.link, [one for one in ties if one], **RUN))
    return store


def test_who_acts_for_a_body_acts_for_all_below_it(ladder: Store, place: ConnectionSettings) -> None:
    secret = credentials.issue(ladder, "Siti", Role.COORDINATOR, ["agency:0:a"], ())[0]

    async def actor() -> frozenset[str]:
        async with Reader(place) as reader:
            found = await credentials.actor_of_token(reader, secret)
            assert found
            assert await credentials.with_units(reader, found) == found
            return found.agencies

    assert asyncio.run(actor()) == {*RUNGS} - {"agency:0:b", "agency:0:c", "agency:0:d"}


def test_a_body_is_counted_with_all_that_are_uppermost_above_it(ladder: Store) -> None:
    ((rows,),) = ladder.read(groups("parent", ADMIN))
    tops = {agency: [one for one, *_ in found] for agency, found in rows}
    assert tops[f"agency:{LEVELS}:a"] == [f"agency:0:{side}" for side in SIDES]
    assert tops["agency:0:a"] == ["agency:0:a"]
