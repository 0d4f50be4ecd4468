"""The cells of docs/access.md: a world with a record for each, who is promised to see what, and a try for each of them."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from registry.auth.permission_matrix import CLASSES, OTHER, OWN, actors, sight, stored
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL, Resource
from registry.permissions import Action
from tests.support.entry_points import THIRD, Cell, Trial, agencies, kept, stated

ROLES = actors()
SIGHTS = {
    f"aula:{status}-{access}-{whose[7:]}": (whose, access, status)
    for status in ("published", "draft")
    for access in CLASSES
    for whose in (OWN, OTHER)
}


@pytest.fixture(scope="module")
def held(place: ConnectionSettings) -> Iterator[Store]:
    """Three agencies, a hall of the third, and a resource of two of them at each status and of each class."""
    with Store(place) as store:
        apply(store, MODEL)
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        hall = stated(Resource, Cell("resource:hall", THIRD, "open"), "published", kind="data")
        seen = [
            stated(Resource, Cell(one, whose, access), status, kind="data", description="Rahasia.")
            for one, (whose, access, status) in SIGHTS.items()
        ]
        kept(store, [*agencies(OWN, OTHER, THIRD), hall, *seen])
        yield store


def promised(who: str) -> dict[str, str]:
    """Return how much somebody sees of each of SIGHTS, as the page has it."""
    return {one: sight(ROLES[who], stored(*known)) for one, known in SIGHTS.items()}


def those(seen: Mapping[str, str], *how_much: str) -> set[str]:
    return {one for one, much in seen.items() if much in how_much}


def ours(ids: Any) -> set[str]:
    return set(ids) & set(SIGHTS)


def how_much(record: Mapping[str, Any] | None) -> str:
    return "nothing" if record is None else "summary" if record["withheld"] else "all"


READ = f"""{{
  {" ".join(f'r{place}: resource(id: "{one}") {{ withheld description }}' for place, one in enumerate(SIGHTS))}
  resources(where: {{name: {{startsWith: "aula:"}}}}) {{ nodes {{ id }} }}
  search(text: "rahasia", first: 50) {{ nodes {{ record {{ id }} }} }}
}}"""


def check_read(data: Mapping[str, Any], seen: Mapping[str, str]) -> None:
    """Check what an answer to READ holds."""
    records = [data[f"r{place}"] for place in range(len(SIGHTS))]
    assert dict(zip(SIGHTS, map(how_much, records), strict=True)) == seen
    told = {one for one, record in zip(SIGHTS, records, strict=True) if record and record["description"]}
    assert told == those(seen, "all")
    assert ours(one["id"] for one in data["resources"]["nodes"]) == those(seen, "all", "summary")
    assert ours(one["record"]["id"] for one in data["search"]["nodes"]) == those(seen, "all")


def cells(
    store: Store, action: Action, way: str, trial: Trial, roles: Collection[str] = ROLES
) -> dict[str, list[Cell]]:
    """Return a try for each of the cells of everybody, with what there is beforehand."""
    name = re.sub(r"\W+", "-", f"{action}{way}").lower()
    tried = {
        who: [
            Cell(f"{name}.{who.replace(' ', '-')}.{whose[7:]}.{access}", whose, access)
            for whose in (OWN, OTHER)
            for access in CLASSES
        ]
        for who in roles
    }
    entries = kept(store, [state for each in tried.values() for cell in each for state in trial.made(cell)])
    return {who: [replace(one, entry=entries.get(one.id, 0)) for one in each] for who, each in tried.items()}


def operation(sent: Mapping[str, str]) -> str:
    """Return one operation of several changes, by the names under which they are answered."""
    return f"mutation {{ {' '.join(f'{name}: {change} {{ problems {{ code }} }}' for name, change in sent.items())} }}"
