"""Small random worlds: records and ties of every kind that has links, with every access class and status."""

from collections.abc import Mapping
from random import Random
from typing import Any

from registry.database.driver import Store
from registry.database.write import upsert, upsert_relationships
from registry.model.codelists import code_list
from registry.model.definitions import MODEL
from registry.model.kinds import Kind, Property
from registry.model.records import contradictions, make_record, make_relationship
from registry.model.values import Date, Flag, Identifiers, Instant, Integer, Number, Ref, Texts, Url
from tests.support.factories import record
from tests.support.oracle import World

NAMES = [
    "Dinas Kesehatan",
    "dinas kesehatan",
    "Élysée",
    "Badan Pusat Statistik",
    "Zebra",
    "Ökologie",
    "a",
    "Ä b",
    "123",
    "Ñandu",
]
GROUPS = ["group:one", "group:two"]


def random_world(random: Random, each: int = 7) -> World:
    """Return a world with so many records of each kind, about two ties a record and link."""
    world = World(MODEL)
    kinds = [kind for kind in MODEL if not kind.read_only]
    ids = {kind.__name__: [f"{kind.__name__.lower()}:number-{number}" for number in range(each)] for kind in kinds}
    for kind in kinds:
        for record_id in ids[kind.__name__]:
            made, problems = make_record(kind, {"id": record_id, **_values(random, kind, ids)})
            assert made, problems
            world.records.append(made)
    world.records.append(record("Source", world.source, "World"))
    for kind in kinds:
        for end in kind.ends.values():
            if end.declared:
                drawn = {
                    (random.choice(ids[end.kind]), random.choice(ids[end.target]))
                    for _ in range(each if end.single else 2 * each)
                }
                pairs = {(here, there) for here, there in drawn if here != there}
                for here, there in sorted(dict(sorted(pairs)).items() if end.single else pairs):
                    values = agreeing(
                        end.link.properties,
                        {name: random_value(random, one) for name, one in end.link.properties.items()},
                    )
                    made, problems = make_relationship(end, here, there, values)
                    assert made, problems
                    world.ties.append(made)
    return world


def write_world(store: Store, world: World) -> None:
    """Write a world into an empty store."""
    run = {"source": world.source, "run": "run:one"}
    for kind in world.model:
        records = [record for record in world.records if record.kind is kind]
        store.write(upsert(kind, records, now=world.made, **run))
    for link in world.model.links():
        ties = [one for one in world.ties if one.end.link == link]
        store.write(upsert_relationships(link, ties, **run))


def _values(random: Random, kind: type[Kind], ids: dict[str, list[str]]) -> dict[str, Any]:
    own = {
        name: random_value(random, one) for name, one in kind.properties.items() if name != "id" and not one.read_only
    }
    return {
        **agreeing(kind.properties, own),
        "name": random.choice(NAMES),
        "access": random.choice(["open", "open", "restricted", "closed"]),
        "status": random.choice(["published", "published", "published", "draft", "proposed", "retired"]),
        "steward": random.choice([None, *ids["Agency"][:3]]),
        "grants": random.choice([None, None, GROUPS[:1], GROUPS, ids["Agency"][3:4]]),
    }


def agreeing(declared: Mapping[str, Property], values: dict[str, Any]) -> dict[str, Any]:
    """Return values without those that the model says contradict others."""
    lost = {problem.field for problem in contradictions(declared, values)}
    return {name: None if name in lost else value for name, value in values.items()}


def random_value(random: Random, declared: Property) -> Any:
    """Return a value that a property may have, now and then none."""
    if issubclass(declared.value, Ref) or (not declared.required and random.random() < 0.3):
        return None
    if declared.codes:
        return random.choice(list(code_list(declared.codes))[:3])
    if declared.value is Date:
        return f"202{random.randint(0, 9)}-0{random.randint(1, 9)}-1{random.randint(0, 9)}"
    if declared.value is Instant:
        return f"202{random.randint(0, 9)}-01-01T00:00:00Z"
    if declared.value is Integer:
        return random.randint(1, 4)
    if declared.value is Number:
        return random.choice([0, 1, 2.5, 2.5, 1000])
    if declared.value is Flag:
        return random.choice([True, False])
    if declared.value is Identifiers:
        return [f"{random.choice('ab')}:{random.randint(1, 3)}" for _ in range(random.randint(1, 2))]
    if declared.value is Texts:
        return [random.choice(["x", "y", "z"])]
    if declared.value is Url:
        return random.choice(["https://example.org/a", "https://example.org/B"])
    return random.choice(["Alpha", "beta", "ALPHA beta", "Ämter", "γ"])
