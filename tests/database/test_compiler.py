"""Random operations are answered as the oracle answers them, on both engines, whoever asks."""

import asyncio
from random import Random
from typing import Any

import pytest

from registry.database import compiler
from registry.database.driver import ConnectionSettings, Cypher, Reader, Store
from registry.database.query import MostLinks
from registry.i18n import use_language
from registry.model.definitions import MODEL
from registry.model.records import make_relationship
from registry.permissions import ADMIN, ANONYMOUS, Actor
from schema.execute import QueryContext
from schema.schema import build_schema
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record
from tests.support.oracle import Oracle, World
from tests.support.random_operations import Operations
from tests.support.random_world import GROUPS, random_world, write_world

pytestmark = SLOW_ON_NEO4J

MEMBER = Actor("member", agencies=frozenset({"agency:number-0", "agency:number-3"}), groups=frozenset(GROUPS[:1]))
SCHEMA = build_schema(MODEL)
SEED = 20261125


async def answers(place: ConnectionSettings, operations: list[tuple[str, dict[str, Any]]], actor: Actor) -> list[Any]:
    """Return the data of each operation; an error fails the test."""
    found = []
    async with Reader(place) as reader:
        for text, variables in operations:
            asking = QueryContext(reader, actor)
            result = await SCHEMA.execute(text, asking, variables)
            assert not result.errors, (result.errors, text, variables)
            found.append(result.data)
    return found


OF_A_SORT = 'where: {provides: {some: {service: {kind: {in: ["public", "administrative"]}, status: {ne: DRAFT}}}}}'
OF_ONE_SORT = 'where: {provides: {some: {service: {kind: {eq: "administrative"}}}}, status: {ne: RETIRED}}'


@pytest.mark.parametrize("few", [1, pytest.param(4, marks=pytest.mark.slow), 1000])
@pytest.mark.parametrize("where", [OF_A_SORT, OF_ONE_SORT], ids=["in", "eq"])
def test_linked_records_of_a_sort_are_found_whether_they_are_few_or_many(
    store: Store, place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch, few: int, where: str
) -> None:
    monkeypatch.setattr(compiler, "FEW", few)
    world = random_world(Random(SEED))
    write_world(store, world)
    asked = [
        f"{{ agencies({where}, first: 3) {{ nodes {{ id }} pageInfo {{ hasNextPage }} totalCount }} }}",
        f"{{ agencies({where}, last: 2) {{ nodes {{ id }} countBy(field: KIND) {{ value label count }} }} }}",
        f"{{ agencies({where}, order: [{{version: ASC}}, {{name: DESC}}], first: 3) {{ nodes {{ id }} }} }}",
    ]
    expected = [Oracle(world, SCHEMA.as_str(), MEMBER).answer(text, {}) for text in asked]
    assert asyncio.run(answers(place, [(text, {}) for text in asked], MEMBER)) == expected
    assert expected[0]["agencies"]["totalCount"]


def test_a_term_that_is_part_of_itself_is_found_with_its_parts(store: Store, place: ConnectionSettings) -> None:
    ids = ("sector:a", "sector:b", "sector:c")
    world = World(MODEL)
    for one in ids:
        world.records.append(record("Sector", one, one, scheme="local", code=one))
    world.records += [record("Agency", "agency:x", "X", kind="department"), record("Source", world.source, "World")]
    broader, sectors = MODEL["Sector"].ends["broader"], MODEL["Agency"].ends["sectors"]
    circle = zip(ids, (*ids[1:], ids[0]), strict=True)
    ties = [*((broader, *parts) for parts in circle), (sectors, "agency:x", "sector:a")]
    world.ties += [made for tie in ties if (made := make_relationship(*tie, {})[0])]
    write_world(store, world)
    asked = [
        ("query ($ids: [ID!]) { agencies(where: {sectors: {some: {within: $ids}}}) { nodes { id } } }", {"ids": [one]})
        for one in ids
    ]
    counted = "{ agencies { countBy(field: SECTORS, rollUp: true) { value label count } } }", {}
    *found, rolled = asyncio.run(answers(place, [*asked, counted], ANONYMOUS))
    assert found == [{"agencies": {"nodes": [{"id": "agency:x"}]}}] * 3
    assert rolled["agencies"]["countBy"] == [{"value": one, "label": one, "count": 1} for one in ids]


@pytest.mark.parametrize("many", [32, pytest.param(80, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("actor", "language"), [(ANONYMOUS, "en"), (MEMBER, "id"), (ADMIN, "en")], ids=["anonymous", "member", "admin"]
)
def test_random_operations_are_answered_as_the_oracle_answers_them(
    store: Store, place: ConnectionSettings, actor: Actor, language: str, many: int
) -> None:
    random = Random(f"{SEED}-{actor.name}-{many}")
    print("seed", SEED)
    world = random_world(random)
    write_world(store, world)
    maker, oracle = Operations(world, random), Oracle(world, SCHEMA.as_str(), actor)
    # Neo4j plans every new text for half a second, so it gets fewer of them.
    embedded = place.reader_username != place.username
    operations = [maker.make() for _ in range(many if embedded else many // 8)]
    with use_language(language):
        for (text, variables), answer in zip(operations, asyncio.run(answers(place, operations, actor)), strict=True):
            assert answer == oracle.answer(text, variables), (text, variables)


# Lists by number of links, free capacity, and properties of links and of the records at their ends; the last is hidden from most.
LISTS = {
    "resources": "order: [{usersCount: DESC}, {name: ASC}]",
    "services": "order: [{dependentsCount: ASC}], where: {providersCount: {gte: 1}}",
    "agencies": "order: [{ownsCount: DESC}, {partnershipsCount: ASC}]",
    "partnerships": "order: [{partiesCount: ASC}, {validUntil: DESC}], where: {not: {coversServicesCount: {gte: 2}}}",
}
LINKED = {
    "resource": ("usersConnection", "order: [{since: DESC}, {agency: {usesCount: ASC}}], period: ALL"),
    "agency": ("usesConnection", "order: [{resource: {free: DESC}}], where: {or: [{period: ENDED}, {period: CURRENT}]}"),
    "service": ("providersConnection", 'order: [{role: ASC}], where: {not: {agency: {unitsCount: {gte: 2}}}}'),
    "partnership": ("partiesConnection", "order: [{standing: ASC}, {role: DESC}]"),
    "sector": ("agenciesConnection", "order: [{providesCount: DESC}]"),
}  # fmt: skip


def test_the_most_links_of_a_record_are_counted_as_the_actor_sees_them(store: Store, place: ConnectionSettings) -> None:
    world = random_world(Random(f"most-{SEED}"))
    write_world(store, world)
    differing = set()
    for end in (
        MODEL[kind].ends[name] for kind, name in (("Resource", "users"), ("Agency", "units"), ("Sector", "agencies"))
    ):
        compiled = compiler.compile_query(MostLinks(end.kind, end.name), MODEL)
        for actor in (ANONYMOUS, MEMBER, ADMIN):
            ((number,),) = store.read(compiled.ask({}, actor.parameter()))
            assert number == Oracle(world, SCHEMA.as_str(), actor).most_links(end.kind, end), (end, actor)
            differing.add((end.name, number))
    assert len(differing) > 3  # what is hidden changes the numbers


@pytest.mark.parametrize("actor", [ANONYMOUS, MEMBER, ADMIN], ids=["anonymous", "member", "admin"])
def test_pages_in_both_directions_hold_what_the_whole_list_holds(
    store: Store, place: ConnectionSettings, actor: Actor
) -> None:
    world = random_world(Random(f"pages-{SEED}"), 9)
    write_world(store, world)
    oracle = Oracle(world, SCHEMA.as_str(), actor)
    whole, pages = [], []
    for name, given in LISTS.items():
        whole.append(oracle.answer(f"{{ {name}({given}) {{ nodes {{ id }} }} }}", {})[name]["nodes"])
        pages.append((f"{name}({given}, PAGE) {{ edges {{ cursor node {{ id }} }} }}", [name]))
    for kind, (name, given) in LINKED.items():
        for one in ("number-0", "number-1", "number-2"):
            record = f'{kind}(id: "{kind}:{one}")'
            found = oracle.answer(f"{{ {record} {{ {name}({given}) {{ nodes {{ id }} }} }} }}", {})[kind]
            if found and found[name]:
                whole.append(found[name]["nodes"])
                page = f"{record} {{ {name}({given}, PAGE) {{ totalCount edges {{ cursor node {{ id }} }} }} }}"
                pages.append((page, [kind, name]))
    assert max(map(len, whole)) > 3
    for forward in (True, False):
        walked = asyncio.run(walk(place, pages, actor, forward))
        assert walked == whole, forward


async def walk(
    place: ConnectionSettings, pages: list[tuple[str, list[str]]], actor: Actor, forward: bool
) -> list[list[Any]]:
    """Read each list to its end, two records a page, from its start or backward from its end."""
    walked = []
    async with Reader(place) as reader:
        for text, path in pages:
            found, cursor = list[Any](), None
            while True:
                size, beyond = ("first", "after") if forward else ("last", "before")
                given = f"{size}: 2" + (f', {beyond}: "{cursor}"' if cursor else "")
                result = await SCHEMA.execute(f"{{ {text.replace('PAGE', given)} }}", QueryContext(reader, actor), {})
                assert result.data and not result.errors, (result.errors, text)
                page: Any = result.data
                for name in path:
                    page = page[name]
                assert page.get("totalCount", 9) >= len(page["edges"])
                nodes = [edge["node"] for edge in page["edges"]]
                found = found + nodes if forward else nodes + found
                if len(nodes) < 2:
                    break
                cursor = page["edges"][-1 if forward else 0]["cursor"]
            walked.append(found)
    return walked


def test_parallel_links_are_edges_of_their_own_and_one_user(store: Store, place: ConnectionSettings) -> None:
    world = World(MODEL, records=[record("Source", "world", "World"), record("Resource", "r:1", "R", kind="data")])
    world.records += [record("Agency", f"agency:{one}", one, kind="department") for one in "ab"]
    users = MODEL["Resource"].ends["users"]
    made, problems = make_relationship(users, "r:1", "agency:a", {"role": "reuse"})
    assert made, problems
    world.ties.append(made)
    write_world(store, world)
    parallel = "MATCH (a:Agency {id: row[0]}), (n:Resource {id: 'r:1'}) MERGE (a)-[e:USES {key: row[1]}]->(n) SET e.role = 'reuse'"
    rows = [["agency:a", "request:1"], ["agency:a", "request:2"], ["agency:b", "request:3"]]
    store.write(Cypher(f"UNWIND $in.rows AS row {parallel}", {"in": {"rows": rows}}))
    page = 'resource(id: "r:1") { usersConnection(PAGE) { edges { cursor node { id } } } }'
    for forward in (True, False):
        (walked,) = asyncio.run(walk(place, [(page, ["resource", "usersConnection"])], ADMIN, forward))
        assert [one["id"] for one in walked] == ["agency:a"] * 3 + ["agency:b"]
    counted = "{ resources(where: {usersCount: {eq: 2}}) { nodes { usersCount usersConnection { totalCount } } } }"
    assert asyncio.run(answers(place, [(counted, {})], ADMIN)) == [
        {"resources": {"nodes": [{"usersCount": 2, "usersConnection": {"totalCount": 4}}]}}
    ]
