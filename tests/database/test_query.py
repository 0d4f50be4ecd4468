"""However much they vary, a thousand requests of a few shapes are a few Cypher texts, which Neo4j plans a few times."""

import asyncio
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from registry.database.driver import ConnectionSettings, Cypher, Reader, Store
from registry.database.query import Order
from registry.model.definitions import MODEL
from registry.permissions import ADMIN, ANONYMOUS, Actor
from schema.arguments import cursor_fingerprint, write_cursor
from schema.execute import QueryContext
from schema.schema import build_schema
from tests.support.random_world import write_world
from tests.support.small_world import small_world

pytestmark = pytest.mark.slow

SCHEMA = build_schema(MODEL)
REQUESTS = 1_000
ACTORS = [
    ANONYMOUS,
    ADMIN,
    Actor("one", groups=frozenset({"group:one"})),
    Actor("two", agencies=frozenset({"a:b", "a:c"})),
]


class Asked:
    """An operation in the making: a value stands in its text or comes as a variable; names differ every time."""

    def __init__(self, random: Random) -> None:
        self.random, self.variables = random, dict[str, Any]()
        self._declared: list[str] = []

    def given(self, type_name: str, value: Any) -> str:
        if self.random.random() < 0.5:
            return json.dumps(value)
        name = f"{self.word()}{len(self._declared)}"
        self._declared.append(f"${name}: {type_name}")
        self.variables[name] = value
        return f"${name}"

    def word(self, most: int = 12) -> str:
        return "".join(self.random.choices("abcdefgh", k=self.random.randint(1, most)))

    def fields(self, *names: str) -> str:
        """Select these in any order, some under other names."""
        chosen = self.random.sample(names, len(names))
        return " ".join(f"{self.word()}_{name}: {name}" if self.random.random() < 0.3 else name for name in chosen)

    def text(self, root: str) -> str:
        head = f"query {self.word()}({', '.join(self._declared)})" if self._declared else f"query {self.word()}"
        return f"{head} {{ {self.word()}_: {root} }}"


def one_by_id(asked: Asked) -> str:
    return f"agency(id: {asked.given('ID!', f'agency:{asked.word(40)}')}) {{ {asked.fields('id', 'name', 'kind')} }}"


def page_by_name(asked: Asked) -> str:
    keys = [asked.word(60), f"agency:{asked.word(40)}"] if asked.random.random() < 0.8 else None
    after = f"after: {asked.given('String', write_cursor(cursor_fingerprint('Agency', ()), keys))}," if keys else ""
    where = f"name: {{contains: {asked.given('String', asked.word(50))}}}, kind: {{in: {kinds(asked)}}}"
    return (
        f"agencies({after} first: {first(asked)}, where: {{{where}}}) {{ nodes {{ {asked.fields('id', 'acronym')} }} }}"
    )


def page_in_order(asked: Asked) -> str:
    marked = cursor_fingerprint("Service", (Order("digital_maturity", True), Order("name", False)))
    cursor = write_cursor(marked, [asked.random.randint(1, 5), asked.word(60), f"service:{asked.word(40)}"])
    order = "[{digitalMaturity: DESC}, {name: ASC}]"
    after = asked.given("String", cursor)
    return f"services(order: {order}, after: {after}, first: {first(asked)}) {{ nodes {{ {asked.fields('id', 'kind')} }} }}"


def linked(asked: Asked) -> str:
    nested = f"provides(first: {first(asked)}) {{ role service {{ {asked.fields('id', 'name')} }} }}"
    where = f"sectors: {{some: {{name: {{startsWith: {asked.given('String', asked.word(30))}}}}}}}"
    return (
        f"agencies(where: {{{where}}}, first: {first(asked)}) {{ nodes {{ {asked.fields('id', 'name')} {nested} }} }}"
    )


def counted(asked: Asked) -> str:
    facet = f"countBy(field: KIND, first: {first(asked)}) {{ {asked.fields('value', 'count')} }}"
    return f"agencies(where: {{kind: {{in: {kinds(asked)}}}}}) {{ totalCount {facet} }}"


def kinds(asked: Asked) -> str:
    return asked.given("[String!]", [asked.word() for _ in range(asked.random.randint(0, 30))])


def first(asked: Asked) -> str:
    return asked.given("Int", asked.random.randint(1, 100))


# Neo4j keeps a plan for a text and the size classes of its parameters: none, one, up to ten, up to a hundred letters.
# Values within the maps `$in` and `$me` do not count; the keys of an index, `$k` and `$id`, do: here at most seven pairs.
SHAPES: dict[Callable[[Asked], str], tuple[int, int]] = {
    one_by_id: (1, 1),
    page_by_name: (1, 7),
    page_in_order: (1, 1),
    linked: (1, 1),
    counted: (2, 1),
}
MARKS = 1  # the text of the change marks, which is asked together with counts
ONCE_NEW_AND_ONCE_HOT = 2  # Neo4j plans what is asked for the tenth time once more


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_requests_of_a_shape_are_few_texts_and_few_plans(
    store: Store, place: ConnectionSettings, shape: Callable[[Asked], str]
) -> None:
    write_world(store, small_world())
    texts, classes = SHAPES[shape]
    forget_plans(store)
    assert len(asyncio.run(ask(place, shape))) == texts
    assert forget_plans(store) <= (texts * classes + MARKS) * ONCE_NEW_AND_ONCE_HOT


def test_what_neo4j_planned_is_counted(store: Store) -> None:
    forget_plans(store)
    for number in range(5):
        store.read(Cypher(f"RETURN {number}"))
    assert forget_plans(store) == (0 if store.dialect.embedded else 5)


async def ask(place: ConnectionSettings, shape: Callable[[Asked], str]) -> set[str]:
    """Ask this shape's part of the thousand, whoever asks; return the Cypher texts that were sent."""
    random, texts = Random(shape.__name__), set[str]()
    async with Reader(place) as reader:
        for _ in range(REQUESTS // len(SHAPES)):
            asked = Asked(random)
            text = asked.text(shape(asked))
            asking = QueryContext(
                reader, random.choice(ACTORS), lambda _, cyphers: texts.update(one.text for one in cyphers)
            )
            result = await SCHEMA.execute(text, asking, asked.variables)
            assert not result.errors, (result.errors, text, asked.variables)
    return texts


def forget_plans(store: Store) -> int:
    """Empty Neo4j's cache of plans and return how many it held; of the embedded engine's nobody tells."""
    if store.dialect.embedded:
        return 0
    ((said,),) = store.read(Cypher("CALL db.clearQueryCaches()"))
    return int("".join(re.findall(r"cleared of (\d+) queries", said)) or 0)
