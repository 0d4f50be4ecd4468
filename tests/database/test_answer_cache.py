"""Answers are computed once for each content, shared between servers, and shown with their time until newer ones are there."""

import asyncio
import random as randomness
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from pydantic import TypeAdapter

from registry.clock import now
from registry.database import answer_cache
from registry.database.answer_cache import AnswerCache, Question, SharedAnswers
from registry.database.driver import ConnectionSettings, Cypher, Reader, Store, StoreError
from registry.database.write import upsert
from registry.model.definitions import MODEL
from registry.permissions import ADMIN, ANONYMOUS, Actor
from schema.execute import QueryContext
from schema.schema import build_schema
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record
from tests.support.random_world import random_world, write_world

pytestmark = SLOW_ON_NEO4J
T = TypeVar("T")
AGENCIES, SERVICES = frozenset({"Agency"}), frozenset({"Service"})


class Counted:
    """A question whose answers are 1, 2, 3 …; `failing` makes it fail, and it waits for `go`."""

    def __init__(self, kinds: frozenset[str] | None = AGENCIES, *, shared: bool = False) -> None:
        self.times, self.failing, self.go = 0, False, asyncio.Event()
        self.go.set()
        self.question = Question("question", kinds, self._answer, shared=TypeAdapter(int) if shared else None)

    async def _answer(self) -> int:
        self.times += 1
        await self.go.wait()
        if self.failing:
            raise StoreError("TIMEOUT", "It took too long.")
        return self.times


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_cache.PATIENCE, "again", 0.0)


def run(place: ConnectionSettings, work: Callable[[Reader], Awaitable[T]]) -> T:
    async def with_reader() -> T:
        async with Reader(place) as reader:
            return await work(reader)

    return asyncio.run(with_reader())


def touch(store: Store, kind: str = "Agency", name: str = "Office", **values: str) -> None:
    changed = record(kind, f"{kind.lower()}:1", name, kind="court" if kind == "Agency" else "public", **values)
    store.write(upsert(MODEL[kind], [changed], source="test", run="run:test", now=now()))


def test_an_answer_is_valid_until_a_record_of_its_kinds_changes(store: Store, place: ConnectionSettings) -> None:
    touch(store)

    async def work(reader: Reader) -> None:
        answers, counted = AnswerCache(), Counted()
        assert await answers.exact(counted.question, reader) == await answers.exact(counted.question, reader) == 1
        touch(store, "Service")
        assert await answers.exact(counted.question, reader) == 1, "no agency has changed"
        touch(store, name="Court")
        assert await answers.exact(counted.question, reader) == 2
        store.write(Cypher("MATCH (n {id: 'nothing'}) SET n.name = 'x'"))
        assert await answers.exact(counted.question, reader) == 3, "which kind this changes is unknown"
        assert answers.report() == {"answers": 1, "largest": answer_cache.SIZE, "hits": 2, "misses": 3}

    run(place, work)


def test_all_who_ask_at_once_wait_for_one_answer(store: Store, place: ConnectionSettings) -> None:
    touch(store)

    async def work(reader: Reader) -> None:
        answers, counted = AnswerCache(), Counted()
        assert await asyncio.gather(*(answers.exact(counted.question, reader) for _ in range(20))) == [1] * 20

    run(place, work)


def test_the_last_answer_is_shown_with_its_time_until_the_next_is_there(
    store: Store, place: ConnectionSettings
) -> None:
    touch(store)

    async def work(reader: Reader) -> None:
        answers, counted = AnswerCache(), Counted()
        first = await answers.latest(counted.question, reader, 5.0)
        assert (first.value, first.outdated, first.error) == (1, False, None) and first.at
        touch(store, name="Court")
        counted.go.clear()
        for _visit in range(3):
            shown = await answers.latest(counted.question, reader, 5.0)
            assert (shown.value, shown.at, shown.outdated) == (1, first.at, True)
        assert counted.times == 2
        counted.go.set()
        assert await answers.exact(counted.question, reader) == 2
        assert (await answers.latest(counted.question, reader, 5.0)).outdated is False

    run(place, work)


def test_who_must_not_wait_is_told_that_there_is_no_answer_yet(store: Store, place: ConnectionSettings) -> None:
    touch(store)

    async def work(reader: Reader) -> None:
        answers, counted = AnswerCache(), Counted()
        counted.go.clear()
        shown = await answers.latest(counted.question, reader, 0.0)
        assert (shown.value, shown.at, shown.outdated) == (None, "", True)
        counted.go.set()
        assert await answers.exact(counted.question, reader) == 1

    run(place, work)


def test_an_answer_that_fails_is_not_tried_again_at_every_visit(store: Store, place: ConnectionSettings) -> None:
    touch(store)

    async def work(reader: Reader) -> None:
        answers, counted = AnswerCache(), Counted()
        await answers.latest(counted.question, reader, 5.0)
        touch(store, name="Court")
        counted.failing = True
        with pytest.raises(StoreError):
            await answers.exact(counted.question, reader)
        shown = await answers.latest(counted.question, reader, 5.0)
        assert shown.value == 1 and isinstance(shown.error, StoreError) and counted.times == 2

    run(place, work)


def test_an_answer_that_took_long_is_not_renewed_at_once(
    store: Store, place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(store)
    monkeypatch.setattr(answer_cache, "LONG_SECONDS", 0.0)

    async def work(reader: Reader) -> None:
        answers, counted = AnswerCache(), Counted()
        stamp, ended = await counted.question.stamp(reader), answer_cache.time.monotonic()
        answers.keep("question", stamp, 0, ended - 1000)
        touch(store, name="Court")
        shown = await answers.latest(counted.question, reader, 5.0)
        assert (shown.value, shown.outdated, counted.times) == (0, True, 0)

    run(place, work)


def test_servers_share_an_answer_and_a_new_server_has_it_at_once(store: Store, place: ConnectionSettings) -> None:
    touch(store)

    async def work(reader: Reader) -> None:
        one, other, third = (AnswerCache(SharedAnswers(lambda: store)) for _ in range(3))
        counted = [Counted(shared=True) for _ in range(3)]
        assert await one.exact(counted[0].question, reader) == 1
        found = await other.latest(counted[1].question, reader, 0.0)
        assert (found.value, found.outdated, counted[1].times) == (1, False, 0)
        touch(store, name="Court")
        counted[2].go.clear()
        shown = await third.latest(counted[2].question, reader, 0.0)
        assert (shown.value, shown.outdated, shown.at) == (1, True, found.at), (
            "a restarted server shows the last answer"
        )
        counted[2].go.set()
        await third.exact(counted[2].question, reader)
        unshared = Counted()
        assert await other.exact(unshared.question, reader) == 1

    run(place, work)


class CountedLeases(SharedAnswers):
    """Answers that servers share; `tries` is how often a server wanted to compute one."""

    tries = 0

    def lease(self, question: Question[Any]) -> Any:
        self.tries += 1
        return super().lease(question)


def test_two_servers_do_not_compute_the_same_answer(
    store: Store, place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(store)
    monkeypatch.setattr(answer_cache, "POLL_SECONDS", 0.02)

    async def work(reader: Reader) -> None:
        counted, shared = [Counted(shared=True) for _ in range(2)], CountedLeases(lambda: store)
        for one in counted:
            one.go.clear()
        found = [asyncio.create_task(AnswerCache(shared).exact(one.question, reader)) for one in counted]
        while shared.tries < 5:
            await asyncio.sleep(0)
        assert sum(one.times for one in counted) == 1
        for one in counted:
            one.go.set()
        assert await asyncio.gather(*found) == [1, 1] and sum(one.times for one in counted) == 1

    run(place, work)


def test_who_wants_the_valid_answer_does_not_get_one_from_before_a_change(
    store: Store, place: ConnectionSettings
) -> None:
    touch(store)

    async def work(reader: Reader) -> None:
        answers, counted = AnswerCache(), Counted()
        counted.go.clear()
        before = asyncio.create_task(answers.exact(counted.question, reader))
        while not counted.times:
            await asyncio.sleep(0)
        touch(store, name="Court")
        after = asyncio.create_task(answers.exact(counted.question, reader))
        await counted.question.stamp(reader)  # as many steps as the second question needs to find the first one running
        await counted.question.stamp(reader)
        counted.go.set()
        assert await asyncio.gather(before, after) == [1, 2]

    run(place, work)


def test_all_who_come_during_an_older_run_share_the_next_one(store: Store, place: ConnectionSettings) -> None:
    touch(store)

    async def work(reader: Reader) -> None:
        answers, counted = AnswerCache(), Counted()
        counted.go.clear()
        asked = [asyncio.create_task(answers.exact(counted.question, reader))]
        for number in range(8):
            while not counted.times:
                await asyncio.sleep(0)
            touch(store, name=f"Court {number}")
            asked.append(asyncio.create_task(answers.exact(counted.question, reader)))
            await counted.question.stamp(reader)
        counted.go.set()
        assert await asyncio.gather(*asked) == [1] + 8 * [2]

    run(place, work)


def test_an_older_answer_of_another_server_does_not_replace_a_newer_one(
    store: Store, place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(store)
    monkeypatch.setattr(answer_cache, "LONG_SECONDS", 0.0)

    async def work(reader: Reader) -> None:
        counted, question = Counted(shared=True), Counted(shared=True).question
        await AnswerCache(SharedAnswers(lambda: store)).exact(counted.question, reader)
        touch(store, name="Court")
        own = AnswerCache(SharedAnswers(lambda: store))
        own.keep(question.key, await question.stamp(reader), 7, answer_cache.time.monotonic() - 1000)
        touch(store, name="Hall")
        assert (await own.latest(question, reader, 5.0)).value == 7

    run(place, work)


COUNTS = """query Counts($kind: String!) {
  agencies(where: {partnerships: {some: {partnership: {access: {eq: OPEN}}}}}) {
    totalCount countBy(field: KIND) { value count withheld }
  }
  resources(where: {kind: {eq: $kind}}) { totalCount }
  services(where: {providers: {some: {agency: {access: {eq: OPEN}}}}}) { totalCount countBy(field: SECTORS) { value count } }
  partnerships { totalCount countBy(field: INSTRUMENT) { value count withheld } }
}"""
ACTORS = (
    ANONYMOUS,
    ADMIN,
    Actor("one", agencies=frozenset({"agency:number-1"})),
    Actor("two", groups=frozenset({"group:one"})),
)


LINKS = """{ agencies(first: 5) { nodes { id name providesCount uses { resource { id } } partnerships { partnership { id } } } }
  neighbourhood(of: "agency:number-1") { leftOut nodes { more record { id } } links { link from to } }
  impact(of: "agency:number-1") { totals { kind lost degraded } services { text record { id } } withheld } }"""


@pytest.mark.parametrize("slow", [0.05, 0.0], ids=["counts", "everything"])
def test_answers_with_and_without_cache_are_equal_under_random_changes(
    store: Store, place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch, slow: float
) -> None:
    monkeypatch.setattr("schema.execute.SLOW_SECONDS", slow)
    seed = randomness.randrange(10**6)
    print("seed", seed)
    random = randomness.Random(seed)
    write_world(store, random_world(random))
    cached = build_schema(MODEL)

    async def work(reader: Reader) -> None:
        for _change in range(25 if slow else 6):
            _change_something(store, random)
            for actor in random.sample(ACTORS, 3):
                context, values = QueryContext(reader, actor), {"kind": random.choice(["data", "application"])}
                ours = await cached.execute(COUNTS, context, values)
                plain = await build_schema(MODEL).execute(COUNTS, context, values)
                assert not plain.errors
                assert ours.data == plain.data
                if not slow:
                    for _time in range(2):
                        ours = await cached.execute(LINKS, context)
                        plain = await build_schema(MODEL).execute(LINKS, context)
                        assert (ours.data, ours.errors) == (plain.data, plain.errors)

    run(place, work)


def _change_something(store: Store, random: randomness.Random) -> None:
    """Change the properties or the links of a record of any kind, as a load does, or nothing."""
    world = random_world(random)
    if random.random() < 0.7:
        changed = random.choice([one for one in world.records if one.kind.__name__ != "Source"])
        store.write(upsert(changed.kind, [changed], source=world.source, run="run:two", now=now()))
    if random.random() < 0.5:
        kind = random.choice([("Service", "Agency", "PROVIDES"), ("Partnership", "Agency", "PARTY_TO")])
        store.write(Cypher(f"MATCH (n:{kind[0]})<-[e:{kind[2]}]-(m:{kind[1]}) WITH e LIMIT 1 DELETE e"))
