"""The questions that are more than a list are answered as the oracle answers them, on both engines, whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from random import Random
from typing import Any, TypeVar

import networkx as nx
import pytest

from registry.database.answer_cache import AnswerCache
from registry.database.driver import ConnectionSettings, Reader, Store
from registry.explore import ExploreContext
from registry.explore.impact import LISTS, Narrowing, impact
from registry.explore.neighbourhood import neighbourhood
from registry.explore.paths import paths
from registry.explore.search import search
from registry.explore.shared import shared_between, ties
from registry.model.definitions import MODEL
from registry.permissions import ADMIN, ANONYMOUS, Actor
from schema.execute import with_partial_kinds
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.explore_oracle import Sight
from tests.support.oracle import World
from tests.support.random_world import GROUPS, random_world, write_world

pytestmark = SLOW_ON_NEO4J

MEMBER = Actor("member", agencies=frozenset({"agency:number-0", "agency:number-3"}), groups=frozenset(GROUPS[:1]))
RELATIONS = {link.relation for link in MODEL.links()}
SEED = 20261125
Answer = TypeVar("Answer")
Ask = Callable[[Callable[[ExploreContext], Awaitable[Answer]]], Answer]


@pytest.fixture(scope="module")
def world(ready_store: Store) -> World:
    """A random world, written into an empty store."""
    from registry.database.driver import Cypher

    print("seed", SEED)
    made = random_world(Random(SEED), each=9)
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    write_world(ready_store, made)
    return made


@pytest.fixture(scope="module", params=[ANONYMOUS, MEMBER, ADMIN], ids=lambda actor: actor.name)
def actor(request: pytest.FixtureRequest) -> Actor:
    found: Actor = request.param
    return found


@pytest.fixture
def sight(world: World, actor: Actor) -> Sight:
    return Sight(world, actor)


@pytest.fixture
def ask(place: ConnectionSettings, world: World, actor: Actor) -> Ask[Any]:
    """Ask the store as the actor."""

    def ask(question: Callable[[ExploreContext], Awaitable[Any]]) -> Any:
        async def asked() -> Any:
            async with Reader(place) as reader:
                return await question(
                    ExploreContext(reader.read, await with_partial_kinds(actor, MODEL, AnswerCache(), reader))
                )

        return asyncio.run(asked())

    return ask


def each_two(sight: Sight, number: int) -> Iterator[tuple[str, str]]:
    random = Random(SEED)
    for _ in range(number):
        yield tuple(random.sample(sorted(sight.records), 2))  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    ["kesehatan", "dinas kes", "statistics", "elysee", "alph bet", "123", "amter", "zzz", "AND ( *", "", "health"],
)
def test_search_finds_the_records_that_hold_every_word(ask: Ask[Any], sight: Sight, text: str) -> None:
    kinds = ["Agency", "Service", "Partnership", "Feedback", "Sector"]
    found = ask(lambda asker: search(asker, text, [MODEL[kind] for kind in kinds], first=200))
    assert {hit.record for hit in found.hits if not hit.missing_words} == sight.search(text, kinds)
    assert found.total == len(found.hits) and not found.more


def test_search_is_paged_without_losing_or_repeating_a_record(ask: Ask[Any]) -> None:
    async def pages(asker: ExploreContext) -> tuple[list[str], list[str]]:
        whole = await search(asker, "a", list(MODEL), first=200)
        paged: list[Any] = []
        while True:
            page = await search(asker, "a", list(MODEL), first=3, after=paged[-1].keys if paged else ())
            paged += page.hits
            if not page.more:
                return [hit.record for hit in whole.hits], [hit.record for hit in paged]

    whole, paged = ask(pages)
    assert whole and paged == whole


@pytest.mark.parametrize("day", ["2021-06-15", "2025-06-15"])
def test_a_neighbourhood_holds_what_can_be_reached_and_the_links_among_it(
    ask: Ask[Any], sight: Sight, day: str
) -> None:
    for relations in (RELATIONS, {"PARTY_TO", "USES", "COVERS"}):
        graph = sight.graph(relations, day)
        for of in (one for one, _ in each_two(sight, 6) if sight.in_force(one, day)):
            found = ask(lambda asker, of=of: neighbourhood(asker, of, relations, hops=2, first=200, day=day))  # noqa: B023
            away = nx.single_source_shortest_path_length(graph, of, cutoff=2)
            assert {node.record: node.hops for node in found.nodes} == away
            inside = graph.subgraph(away)
            assert {(one.relation, one.start, one.end) for one in found.links} == {
                key for *_, key in inside.edges(keys=True)
            }
            assert {node.record: node.more for node in found.nodes} == {
                one: sight.count(number_of_links(graph, one) - number_of_links(inside, one), [one], relations)
                for one in away
            }
            assert found.withheld == any(sight.may_hide(one, relations) for one in away)
            near = [one for one, hops in away.items() if hops < 2]
            left_out = sum(number_of_links(graph, one) - number_of_links(inside, one) for one in near)
            assert found.left_out == sight.count(left_out, near, relations)
            every = sight.graph(relations, None)
            past = sum(number_of_links(every, one) - number_of_links(graph, one) for one in near)
            assert found.not_current == sight.count(past, near, relations)


def number_of_links(graph: Any, one: str) -> int:
    return len(set(map(str, graph.edges(one, keys=True))))


def test_a_neighbourhood_is_capped_and_says_how_much_was_left_out(ask: Ask[Any], sight: Sight) -> None:
    day = "2025-06-15"
    graph = sight.graph(RELATIONS, day)
    of = max(sight.records, key=lambda one: len(graph[one].keys() - {one}))
    few = ask(lambda asker: neighbourhood(asker, of, RELATIONS, hops=1, first=4, day=day))
    assert len(few.nodes) == 4 and few.nodes[0].record == of and few.left_out != 0


def test_paths_are_simple_and_the_shortest_there_are(ask: Ask[Any], sight: Sight) -> None:
    day, relations = "2025-06-15", {"USES", "OWNS", "PARTY_TO", "PROVIDES", "REQUIRES"}
    graph: nx.Graph[str] = nx.Graph(sight.graph(relations, day))
    for start, end in each_two(sight, 6):
        found = ask(lambda asker, ends=(start, end): paths(asker, *ends, relations, longest=4, first=6, day=day))
        ways = sorted(nx.all_simple_paths(graph, start, end, cutoff=4), key=len)
        assert [path.length for path in found.nodes] == [len(way) - 1 for way in ways[:6]]
        assert found.withheld or not any(sight.may_hide(one, relations) for one in (start, end))
        walked = [[start, *(step.end for step in path.steps)] for path in found.nodes]
        assert all(way in ways for way in walked) and len(set(map(tuple, walked))) == len(walked)
        for step in (step for path in found.nodes for step in path.steps):
            tie = (step.start, step.end) if step.forward else (step.end, step.start)
            assert any((one.start, one.end) == tie for one in sight.of(step.relation))


def test_impact_tells_what_is_lost_and_what_is_degraded(ask: Ask[Any], sight: Sight) -> None:
    day = "2025-06-15"
    for start in (one for one in sight.records if sight.kind(one) in ("Agency", "Service", "Resource")):
        found = ask(lambda asker, start=start: impact(asker, start, day, depth=40))
        wanted = sight.impact(start, day)
        hits = [*found.services, *found.resources, *found.agencies, *found.areas]
        assert {hit.record: hit.lost for hit in hits} == wanted and len(hits) == len(wanted)
        assert {one.kind: (one.lost, one.degraded) for one in found.totals} == {
            kind: tuple(
                sum(1 for one in wanted if sight.kind(one) == kind and wanted[one] is lost) for lost in (True, False)
            )
            for kind in ("Service", "Resource", "Agency", "Area")
        }
        assert found.complete and {hit.record for hit in found.agencies} == {
            one for one in wanted if sight.kind(one) == "Agency"
        }
        affected = {one: lost for one, lost in {**wanted, start: True}.items() if sight.kind(one) == "Service"}
        assert {one.agency: (set(one.stopped), set(one.degraded)) for one in found.providers} == {
            agency: (
                {one for one in services if affected[one]},
                {one for one in services if not affected[one]},
            )
            for agency, services in sight.providers(affected).items()
        }
        assert found.withheld == sight.impact_withheld(start, wanted)
        for hit in [*hits, *found.users]:
            assert [hit.chain[0].start, hit.chain[-1].end] == [start, hit.record]
            assert all(one.end == next_one.start for one, next_one in zip(hit.chain, hit.chain[1:], strict=False))


def test_an_impact_is_listed_page_by_page_and_in_a_sector(ask: Ask[Any], sight: Sight) -> None:
    day, starts = "2025-06-15", [one for one in sorted(sight.records) if one.endswith(("number-1", "number-4"))]
    sectors = [one for one in sight.records if sight.kind(one) == "Sector"]
    for start in (one for one in starts if sight.kind(one) in ("Agency", "Service", "Resource")):
        whole = ask(lambda asker, start=start: impact(asker, start, day, depth=40))
        for name, (kind, _relations) in LISTS.items():
            listed, pages = [], [""]
            for after in pages:
                asked = {"first": 3, "after": after, "narrowing": Narrowing([kind])}
                page = getattr(ask(lambda asker, a=asked, start=start: impact(asker, start, day, depth=40, **a)), name)
                listed += page
                pages += [hit.cursor for hit in page[-1:]]
            assert listed == getattr(whole, name)
        hits = {hit.record for name in LISTS for hit in getattr(whole, name)}
        within = {one: sectors_of(sight, one) for one in hits}
        for sector in sectors[:2]:
            only = Narrowing(sector=sector)
            found = ask(lambda asker, start=start, only=only: impact(asker, start, day, depth=40, narrowing=only))
            assert {hit.record for name in LISTS for hit in getattr(found, name)} == {
                one for one in hits if sector in within[one]
            }
            assert sum(one.lost + one.degraded for one in found.matching) == sum(
                sector in those for those in within.values()
            )
            assert found.unplaced == sum(not those and sight.kind(one) != "Area" for one, those in within.items())
            assert found.totals == whole.totals


def sectors_of(sight: Sight, one: str) -> set[str]:
    owners = [tie.start for tie in sight.of("OWNS", end=one)] if sight.kind(one) == "Resource" else [one]
    return {tie.end for owner in owners for tie in sight.of("IN_SECTOR", start=owner)}


def test_what_agencies_share_is_told_side_by_side(ask: Ask[Any], sight: Sight) -> None:
    day, agencies = "2025-06-15", [f"agency:number-{number}" for number in range(5)]
    found, wanted = ask(lambda asker: shared_between(asker, agencies, day)), sight.shared(agencies, day)
    assert {
        one.resource: (
            set(one.owners),
            None if one.uses is None else {use.agency: bool(use.covered) for use in one.uses},
            None if one.agreements is None else set(one.agreements),
            None
            if one.other_agreements is None
            else {each.partnership: frozenset(each.parties) for each in one.other_agreements},
            None if one.disputed_agreements is None else {each.partnership for each in one.disputed_agreements},
        )
        for one in found.resources
    } == wanted["resources"]
    assert found.withheld == sight.shared_withheld(agencies)
    assert {one.service: {part.agency for part in one.providers} for one in found.services} == wanted["services"]
    assert {one.partnership: {part.agency for part in one.parties} for one in found.partnerships} == wanted[
        "partnerships"
    ]
    assert {(one.need, one.needed_by, one.resource, one.owner) for one in found.needs} == wanted["needs"]


@pytest.mark.parametrize("by", ["sector", "area", "parent", "level_of_government"])
def test_ties_are_rolled_up_and_each_is_counted_once(ask: Ask[Any], sight: Sight, by: str) -> None:
    day = "2025-06-15"
    found = ask(lambda asker: ties(asker, by, day))
    assert {
        (one.a.key, one.b.key): (one.agencies, one.partnerships, one.services, one.uses) for one in found.nodes
    } == sight.ties_by(sight.groups(by), day)


@pytest.mark.parametrize("of", ["nobody:knows", "run:one"])
def test_what_is_not_there_has_no_neighbours_and_no_impact(ask: Ask[Any], of: str) -> None:
    assert ask(lambda asker: neighbourhood(asker, of, RELATIONS, day="2025-06-15")) is None
    assert ask(lambda asker: impact(asker, of, "2025-06-15")) is None
    assert ask(lambda asker: paths(asker, of, "agency:number-1", RELATIONS, day="2025-06-15")) is None
    assert ask(lambda asker: paths(asker, "agency:number-1", of, RELATIONS, longest=1, day="2025-06-15")) is None
