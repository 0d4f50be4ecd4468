"""Random operations are answered as the oracle answers them, on both engines, whoever asks."""

import asyncio
from random import Random
from typing import Any

import pytest

from registry.access import ADMIN, ANONYMOUS, Actor
from registry.model import MODEL
from registry.store import Place, Reader, Store
from schema.compiled import Asking
from schema.graph_api import build_schema
from tests.oracle import Oracle
from tests.random_operations import Operations
from tests.random_world import GROUPS, random_world, write_world

MEMBER = Actor("member", agencies=frozenset({"agency:number-0", "agency:number-3"}), groups=frozenset(GROUPS[:1]))
SCHEMA = build_schema(MODEL)
SEED = 20261125


async def answers(place: Place, operations: list[tuple[str, dict[str, Any]]], actor: Actor) -> list[Any]:
    """Return the data of each operation; an error fails the test."""
    found = []
    async with Reader(place) as reader:
        for text, variables in operations:
            result = await SCHEMA.execute(text, variable_values=variables, context_value=Asking(reader, actor))
            assert not result.errors, (result.errors, text, variables)
            found.append(result.data)
    return found


@pytest.mark.parametrize("actor", [ANONYMOUS, MEMBER, ADMIN], ids=lambda actor: actor.name)
def test_random_operations_are_answered_as_the_oracle_answers_them(store: Store, place: Place, actor: Actor) -> None:
    random = Random(f"{SEED}-{actor.name}")
    print("seed", SEED)
    world = random_world(random)
    write_world(store, world)
    maker, oracle = Operations(world, random), Oracle(world, SCHEMA.as_str(), actor)
    # Neo4j plans every new text for half a second, so it gets fewer of them.
    embedded = place.reader_username != place.username
    operations = [maker.make() for _ in range(80 if embedded else 10)]
    for (text, variables), answer in zip(operations, asyncio.run(answers(place, operations, actor)), strict=True):
        assert answer == oracle.answer(text, variables), (text, variables)
