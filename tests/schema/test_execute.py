"""Each document is prepared once. Counts are read again after every change, separately for each actor, and not otherwise."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from registry.clock import now
from registry.database import answer_cache
from registry.database.driver import ConnectionSettings, Cypher, Reader, Rows, Store
from registry.database.write import upsert
from registry.model.definitions import MODEL
from registry.permissions import ADMIN, ANONYMOUS, Actor
from schema import execute
from schema.execute import QueryContext
from schema.schema import build_schema
from tests.support.factories import record

OPERATION = "{ agencies(first: 1) { nodes { id } totalCount countBy(field: KIND) { value count } } }"
Ask = Callable[..., tuple[int, int, int]]


STEPS = ("parse", "validate", "plan_operation", "compile_query")
PAGE = "query Page($first: Int) { agencies(first: $first) { nodes { id name } } }"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The number of calls of each step that prepares an operation; the steps themselves run unchanged."""
    calls: Counter[str] = Counter()

    def counted(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            return step(*args, **kwargs)

        return call

    for name in STEPS:
        monkeypatch.setattr(execute, name, counted(name, getattr(execute, name)))
    return calls


def test_the_second_request_of_a_document_prepares_nothing(
    store: Store, place: ConnectionSettings, steps: Counter[str]
) -> None:
    add(store, 1)
    schema = build_schema(MODEL)
    steps.clear()

    async def request(**variables: Any) -> tuple[Any, dict[str, int]]:
        steps.clear()
        async with Reader(place) as reader:
            result = await schema.execute_json(PAGE, QueryContext(reader, ANONYMOUS), variables, "Page")
        assert not result.errors
        return orjson.loads(orjson.dumps(result.data)), dict(steps)

    found = {"agencies": {"nodes": [{"id": "agency:1", "name": "Office 1"}]}}
    assert asyncio.run(request(first=5)) == (found, dict.fromkeys(STEPS, 1))
    assert asyncio.run(request(first=5)) == (found, {})
    assert asyncio.run(request(first=1)) == (found, {}), "other values of the same shape"
    assert asyncio.run(request()) == (found, {"plan_operation": 1, "compile_query": 1}), "another shape"
    assert asyncio.run(request()) == (found, {})


class Counting(Reader):
    """A reader that knows how many texts it was asked that count."""

    texts, counted = 0, "count(n)"

    async def read(self, cyphers: Sequence[Cypher], *, timeout: float | None = None) -> list[Rows]:
        self.texts += sum(self.counted in one.text for one in cyphers)
        return await super().read(cyphers, timeout=timeout)


def add(store: Store, number: int, **values: str) -> None:
    office = record("Agency", f"agency:{number}", f"Office {number}", kind="court", **values)
    store.write(upsert(MODEL["Agency"], [office], source="test", run="run:test", now=now()))


@pytest.fixture
def ask(store: Store, place: ConnectionSettings) -> Ask:
    """Ask for the numbers: in all, of courts, and how many texts counted something."""
    add(store, 1)
    add(store, 2, access="closed")
    schema = build_schema(MODEL)

    async def asked(actor: Actor) -> tuple[int, int, int]:
        async with Counting(place) as reader:
            answer: Any = await schema.execute(OPERATION, QueryContext(reader, actor))
            assert not answer.errors and len(answer.data["agencies"]["nodes"]) == 1
            (courts,) = answer.data["agencies"]["countBy"]
            return answer.data["agencies"]["totalCount"], courts["count"], reader.texts

    return lambda actor=ANONYMOUS: asyncio.run(asked(actor))


def test_what_was_counted_is_counted_anew_after_every_change_only(ask: Ask, store: Store) -> None:
    assert ask() == (1, 1, 2)
    assert ask() == (1, 1, 0)
    add(store, 3)
    assert ask() == (2, 2, 2)
    add(store, 3, access="closed")
    assert ask() == (1, 1, 2), "what was closed is counted by nobody a moment longer"
    assert ask() == (1, 1, 0)


def test_nobody_is_told_what_was_counted_for_another(ask: Ask) -> None:
    assert ask(ADMIN) == (2, 2, 2)
    assert ask(ANONYMOUS) == (1, 1, 2)
    assert ask(Actor("steward", agencies=frozenset({"agency:2"}))) == (1, 1, 2)
    assert ask(ADMIN) == (2, 2, 0)


@pytest.fixture
def expiring_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_cache, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(answer_cache, "TIMES_TAKEN", 0)


def test_what_other_tools_changed_is_counted_in_time(expiring_at_once: None, ask: Ask) -> None:
    assert ask() == ask() == (1, 1, 2)


def test_a_graph_without_a_mark_is_counted_each_time(ask: Ask, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.database.change_stamps.WRITE", "MATCH (m:Mark) DELETE m")
    add(store, 3)
    assert ask() == ask() == (2, 2, 2)


class Reading(Counting):
    """A reader that knows how many texts it was asked that read names."""

    counted = "n.name"


def test_what_took_long_is_read_again_after_a_change_only(
    store: Store, place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.execute.SLOW_SECONDS", 0.0)
    schema = build_schema(MODEL)
    add(store, 1)

    async def asked(actor: Actor) -> tuple[Any, int]:
        async with Reading(place) as reader:
            answer = await schema.execute(
                '{ agency(id: "agency:1") { name } neighbourhood(of: "agency:1") { nodes { record { name } } } }',
                QueryContext(reader, actor),
            )
            return answer.data, reader.texts

    def ask(actor: Actor = ANONYMOUS) -> tuple[Any, int]:
        return asyncio.run(asked(actor))

    name = {"name": "Office 1"}
    shown = {"agency": name, "neighbourhood": {"nodes": [{"record": name}]}}
    first, again = ask(), ask()
    assert first == again and first[0] == shown and first[1] > 0
    assert ask() == (shown, 0)
    assert ask(ADMIN) == first, "nobody gets what was read for another"
    add(store, 1, access="closed")
    hidden = {"agency": None, "neighbourhood": None}
    assert ask()[0] == ask()[0] == hidden, "what was closed is shown to nobody a moment longer"
    assert ask(ADMIN)[0] == shown
