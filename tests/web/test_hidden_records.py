"""What somebody may not see changes no byte of any answer that they get.

Two random worlds differ only in what is hidden from an actor; everything that is asked of both is answered the same.
"""

import difflib
import json
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from registry.auth import credentials
from registry.clock import current_time, frozen_at
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.explore.impact import STOPPABLE
from registry.model.definitions import MODEL
from registry.model.kinds import Kind, snake
from registry.permissions import ANONYMOUS, Actor, Role
from registry.reports.catalogue import DEFINITIONS
from registry.web.app import build_app
from schema.types import camel
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.hidden_changes import HiddenChanges
from tests.support.oracle import World
from tests.support.random_operations import Operations
from tests.support.random_world import GROUPS, random_world, write_world
from tests.support.server import serving

pytestmark = SLOW_ON_NEO4J

MEMBER = Actor("member", Role.ANALYST, groups=frozenset(GROUPS[:1]))
SEED = 20261128
WORDS = (
    "dinas",
    "kesehatan",
    "alph",
    "beta amter",
    "a",
    "bps",
    "123",
    "elysee",
    "γ",
    "zebra",
    "kesehtan",
    "dinas zebra beta",
)
KINDS = [kind for kind in MODEL if not kind.read_only]
SEVERAL = {"agency": [f"agency:number-{number}" for number in range(5)]}


@pytest.mark.parametrize("actor", [ANONYMOUS, MEMBER], ids=lambda actor: actor.name)
@pytest.mark.parametrize(
    ("seed", "share"), [(SEED, 0.1), *(pytest.param(SEED + n, 1.0, marks=pytest.mark.slow) for n in range(1, 4))]
)
def test_what_is_hidden_changes_no_byte_of_any_answer(
    store: Store, place: ConnectionSettings, actor: Actor, seed: int, share: float
) -> None:
    print("seed", seed)
    random = Random(f"{seed}-{actor.name}")
    world = random_world(random)
    other = HiddenChanges(world, actor, random).make()
    asked = [one for one in questions(world, random) if random.random() < share]
    headers = {"Accept-Language": random.choice(["en", "id"])} | signed_in(store, actor)
    with frozen_at(current_time()):  # reports say when they were computed
        before, after = (list(answers(store, place, one, asked, headers)) for one in (world, other))
    changed = [path for path, was, since in zip(asked, before, after, strict=True) if was != since]
    assert not changed, difference(
        changed[0], dict(zip(asked, before, strict=True)), dict(zip(asked, after, strict=True))
    )
    assert len({one for one in before if one.startswith("200")}) > len(asked) / 4


def difference(path: str, before: dict[str, str], after: dict[str, str]) -> str:
    lines = difflib.unified_diff(before[path].splitlines(), after[path].splitlines(), n=1, lineterm="")
    return "\n".join([path, *lines])


def answers(
    store: Store, place: ConnectionSettings, world: World, asked: list[str], headers: dict[str, str]
) -> Iterator[str]:
    """Yield the status, the entity tag and the text of every answer on a world."""
    store.write(Cypher("MATCH (n) WHERE NOT n:Credential DETACH DELETE n"))
    write_world(store, world)
    settings = Settings(_env_file=None, lang="en")
    with serving(build_app(place, settings)) as client, httpx.Client(base_url=client.base_url, timeout=60) as visitor:
        for path in asked:
            found = visitor.get(path, headers=headers)
            told = found.text.replace(f"127.0.0.1:{client.base_url.port}", "registry.example")
            yield f"{found.status_code}\n{found.headers.get('etag')}\n{told}"


def signed_in(store: Store, actor: Actor) -> dict[str, str]:
    """Return the header of a request of an actor who acts for no agency."""
    if actor == ANONYMOUS:
        return {}
    secret, _credential = credentials.issue(store, actor.name, actor.role, [], sorted(actor.groups))
    return {"Authorization": f"Bearer {secret}"}


def questions(world: World, random: Random) -> Iterator[str]:
    """Yield the addresses of all that can be asked: pages, files, searches, explorations, reports, random operations."""
    yield from ("/", "/explore", "/reports")
    for kind in KINDS:
        yield from of_kind(world, kind, random)
    for words in WORDS:
        for also in ({}, {"kind": snake(random.choice(KINDS).__name__)}, {"area": "area:number-1"}):
            yield from (address(f"/search{end}", q=words, **also) for end in ("", ".json"))
    for name in DEFINITIONS:
        yield from (f"/reports/{name}{end}?as-of=2025-06-15" for end in ("", ".json", ".csv"))
    yield from (address(f"/shared{end}", **SEVERAL, **{"as-of": "2025-06-15"}) for end in ("", ".json"))
    maker = Operations(world, random)
    for text, variables in [*(maker.make() for _ in range(60)), *explorations(world, random)]:
        yield address("/graphql", query=text, variables=json.dumps(variables))


def of_kind(world: World, kind: type[Kind], random: Random) -> Iterator[str]:
    """Yield the addresses of lists and of records of a kind, hidden ones, too."""
    ordered = [name for name, declared in kind.properties.items() if declared.value.ordered]
    for end in ("", ".json", ".csv"):
        yield f"/{kind.plural}{end}"
        yield address(f"/{kind.plural}{end}", order=random.choice(ordered), name="a")
    for one in (record.id for record in world.records if record.kind is kind):
        yield from (f"/{kind.plural}/{one}{end}" for end in ("", ".json"))
        if kind.__name__ in STOPPABLE:
            yield from (
                address(path, impact=one, sector="sector:number-1") for path in ("/explore", "/explore/impact.csv")
            )
    facets = " ".join(
        f"f{number}: countBy(field: {name.upper()}, first: 50) {{ value label count }}"
        for number, name in enumerate([*(end.name for end in kind.ends.values() if end.target in ("Sector", "Area"))])
    )
    orders = " ".join(
        f"o{number}: {camel(kind.plural)}(first: 50, order: [{{{camel(name)}: DESC}}])"
        f" {{ totalCount pageInfo {{ endCursor }} nodes {{ id }} {facets} }}"
        for number, name in enumerate(ordered)
    )
    yield address("/graphql", query=f"{{ {orders} }}")


def explorations(world: World, random: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield operations that explore around records and between them."""
    ids = [one.id for one in world.records if one.kind.__name__ in ("Agency", "Service", "Resource", "Partnership")]
    step = "{ link forward from { id name } to { id name } }"
    hit = f"{{ record {{ id name }} lost text chain {step} }}"
    for text in WORDS:
        found = "totalCount withheld countByKind { kind count } pageInfo { hasNextPage endCursor }"
        yield (
            f"query($text: String!) {{ search(text: $text, first: 5) {{ {found} nodes {{ score record {{ id }} }} }} }}",
            {"text": text},
        )
    for by in ("SECTOR", "AREA", "PARENT", "LEVEL_OF_GOVERNMENT"):
        nodes = "nodes { a { key label } b { key } agencies partnerships services uses }"
        yield f"{{ ties(by: {by}) {{ withheld {nodes} }} }}", {}
    for _ in range(20):
        asked = {"a": random.choice(ids), "b": random.choice(ids)}
        yield (
            (
                f"query($a: ID!) {{ impact(of: $a) {{ services {hit} resources {hit} users {hit} areas {hit} withheld complete"
                " providers { agency { id } stopped { id } degraded { id } } } }"
            ),
            {"a": asked["a"]},
        )
        yield (
            f"query($a: ID!, $b: ID!) {{ paths(from: $a, to: $b) {{ withheld nodes {{ length text steps {step} }} }} }}",
            asked,
        )
        near = "withheld notCurrent leftOut links { link from to } nodes { hops more record { id name } }"
        yield f"query($a: ID!) {{ neighbourhood(of: $a, hops: 2, first: 12) {{ {near} }} }}", {"a": asked["a"]}


def address(path: str, **asked: Any) -> str:
    """Return an address that asks for these values."""
    return f"{path}?{urlencode(asked, doseq=True)}"
