"""Each operation in `tests/queries` has its plan, its Cypher and its answer beside it: `pytest --rewrite` writes them anew."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from registry.cli.query import explain_cypher, explain_plan, format_cypher
from registry.clock import frozen_at
from registry.database.driver import ConnectionSettings, Cypher, Reader, Rows, Store
from registry.database.query import Explore, Query
from registry.model.definitions import MODEL
from registry.permissions import ADMIN, ANONYMOUS, Actor
from schema.execute import QueryContext
from schema.planner import Planned
from schema.response import Incomplete
from schema.schema import build_schema
from tests.support.engines import ON_EVERY_ENGINE, SLOW_ON_NEO4J
from tests.support.paths import TESTS
from tests.support.random_world import write_world
from tests.support.small_world import small_world

pytestmark = SLOW_ON_NEO4J

QUERIES = TESTS / "queries"
NAMES = sorted(path.stem for path in QUERIES.glob("*.graphql"))
DAY = datetime(2026, 11, 25, tzinfo=UTC)
ACTORS = {"admin": ADMIN, "anonymous": ANONYMOUS}
SCHEMA = build_schema(MODEL)


@dataclass(frozen=True)
class Operation:
    """A `.graphql` file. Comments at its head say who asks (`# as: anonymous`) and the variables, as JSON."""

    text: str
    variables: dict[str, object]
    actor: Actor


@pytest.fixture(scope="module")
def world(ready_store: Store) -> Store:
    """The small world, and nothing else; no test here changes it."""
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    write_world(ready_store, small_world())
    return ready_store


@ON_EVERY_ENGINE
@pytest.mark.parametrize("name", NAMES)
def test_plan_cypher_and_answer_are_as_written(
    world: Store, place: ConnectionSettings, name: str, rewrite: bool
) -> None:
    with frozen_at(DAY):
        answered = asyncio.run(answer(place, operation(name)))
    for kind, text in answered.items():
        file = QUERIES / f"{name}.{kind}"
        if rewrite:
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8"), f"{file.name}: if this is meant, run pytest --rewrite"


@pytest.mark.parametrize("name", NAMES)
def test_graphql_core_completes_the_same_answer(
    world: Store, place: ConnectionSettings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, tried = Planned.data, []

    def incomplete_at_first(self: Planned, rows: list[Rows], variables: dict[str, Any]) -> dict[str, Any]:
        tried.append(self)
        if len(tried) == 1:
            raise Incomplete
        return values(self, rows, variables)

    with frozen_at(DAY):
        compiled = asyncio.run(answer(place, operation(name)))
        monkeypatch.setattr(Planned, "data", incomplete_at_first)
        completed = asyncio.run(answer(place, operation(name)))
    assert len(tried) == 2 and compiled == completed


def test_nothing_stands_beside_an_operation_that_is_gone() -> None:
    assert {path.stem for path in QUERIES.iterdir()} == set(NAMES)


def operation(name: str) -> Operation:
    """Read an operation and what its head says."""
    text = (QUERIES / f"{name}.graphql").read_text(encoding="utf-8")
    head = dict(line[2:].split(": ", 1) for line in text.splitlines() if line.startswith(("# as: ", "# variables: ")))
    return Operation(text, json.loads(head.get("variables", "{}")), ACTORS[head.get("as", "admin")])


async def answer(place: ConnectionSettings, asked: Operation) -> dict[str, str]:
    """Ask the store, and lay out what was planned, sent and answered, each under its file's ending."""
    plans: list[str] = []
    cyphers: list[Cypher] = []

    def seen(asked_for: Sequence[Query | Explore], asked_with: Sequence[Cypher]) -> None:
        plans.extend(map(explain_plan, asked_for))
        cyphers.extend(asked_with)

    async with Reader(place) as reader:
        asking = QueryContext(reader, asked.actor, seen)
        result = await SCHEMA.execute(asked.text, asking, asked.variables)
    assert not result.errors
    assert all(" ".join(map(str.strip, format_cypher(one.text))) == one.text for one in cyphers)
    return {
        "plan": "\n\n".join(plans) + "\n",
        "cypher": "\n\n".join(map(explain_cypher, cyphers)) + "\n",
        "json": json.dumps(result.data, indent=2, ensure_ascii=False) + "\n",
    }
