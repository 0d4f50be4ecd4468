"""Who may see and do what: the page that says so, the rule in Cypher beside the rule in Python, and every cell over GraphQL."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry.access import ADMIN, SEEING, Action, Actor, Role, can, may_do, seen, seen_by, seen_whole, shown_to
from registry.changing.requesting import Wish, request
from registry.changing.turn import Asking
from registry.cypher.text import Cypher
from registry.cypher.write import upsert
from registry.model import MODEL
from registry.permitting import CLASSES, OTHER, OWN, actors, page, sight, stored
from registry.settings import Settings
from registry.store import Place, Store
from registry.values import now
from registry.web.app import build_app
from tests.acting import acting, by
from tests.engines import SLOW_ON_NEO4J
from tests.making import record
from tests.serving import serving

pytestmark = SLOW_ON_NEO4J

ROOT = Path(__file__).parent.parent
ROLES = actors()
AGENCIES = ["a:1", "a:2", "a:3"]
HOW_MUCH = {"nothing": None, "its face": True, "all": False}  # what is withheld, where there is a record at all


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs/access.md").read_text(encoding="utf-8").rstrip("\n") == "\n".join(page()).rstrip("\n"), (
        "run make docs"
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_rule_in_cypher_is_the_rule_in_python(store: Store, seed: int) -> None:
    print(f"seed {seed}")
    choose = random.Random(seed)
    records = [_random_record(choose, number) for number in range(40)]
    store.write(Cypher("UNWIND $in.rows AS row CREATE (n:Thing) SET n = row", {"in": {"rows": records}}))
    for actor in (_random_actor(choose) for _ in range(12)):
        for action in Action:
            predicate = seen("n") if action is Action.SEE_FACE else seen_whole("n") if action in SEEING else may_do("n")
            text = f"MATCH (n:Thing) WHERE {predicate} RETURN collect(n.id)"
            found = store.read(Cypher(text, {"me": actor.doing(action)}))[0][0]
            assert set(found) == {one["id"] for one in records if can(actor, action, one)}, (actor, action)


def _random_record(choose: random.Random, number: int) -> dict[str, Any]:
    steward, grants = choose.choice([None, *AGENCIES]), choose.sample([*AGENCIES, "group:x"], choose.randrange(3))
    status = choose.choice(["draft", "proposed", "published", "retired"])
    known = {"steward": steward, "grants": grants, "access": choose.choice(CLASSES), "status": status}
    kept = {name: value for name, value in known.items() if value}
    return {"id": f"r:{number}", **kept, "seen_by": seen_by(known), "shown_to": shown_to(known)}


def _random_actor(choose: random.Random) -> Actor:
    groups = frozenset(choose.sample(["group:x", "group:y"], choose.randrange(2)))
    return Actor("somebody", choose.choice(list(Role)), frozenset(choose.sample(AGENCIES, choose.randrange(3))), groups)


@pytest.fixture
def client(store: Store, place: Place) -> Iterator[httpx.Client]:
    """A server on two agencies, asked by somebody of each role who acts for one of them."""
    both = [record("Agency", one, one, kind="other", steward=one) for one in (OWN, OTHER)]
    keep(store, *both)
    named = {name: actor for name, actor in ROLES.items() if actor.name != Actor().name}
    with serving(acting(build_app(place, Settings(_env_file=None)), named)) as client:
        yield client


def keep(store: Store, *records: Any) -> None:
    for one in records:
        store.write(upsert(one.kind, [one], source="test", run="run:test", now=now()))


def ask(client: httpx.Client, who: str, text: str) -> dict[str, Any]:
    headers = by(who) if who in {role.value for role in Role} else None
    answered: dict[str, Any] = client.post("/graphql", json={"query": text}, headers=headers).json()
    return answered


def test_everybody_sees_what_the_page_says(client: httpx.Client, store: Store) -> None:
    cells = [
        (status, access, steward) for status in ("published", "draft") for access in CLASSES for steward in (OWN, OTHER)
    ]
    for number, (status, access, steward) in enumerate(cells):
        keep(
            store,
            record(
                "Resource",
                f"resource:{number}",
                f"R {number}",
                kind="data",
                steward=steward,
                access=access,
                status=status,
            ),
        )
    for who, actor in ROLES.items():
        for number, (status, access, steward) in enumerate(cells):
            seen = ask(client, who, f'{{ resource(id: "resource:{number}") {{ withheld }} }}')["data"]["resource"]
            promised = HOW_MUCH[sight(actor, stored(steward, access, status))]
            assert (seen and seen["withheld"]) == promised, (who, status, access, steward)


TOLD = "{ problems { code } }"
DONE = {
    Action.PROPOSE: ("draft", f'propose(id: "%s") {TOLD}'),
    Action.EDIT: ("published", f'saveResource(input: {{id: "%s", unit: "kursi"}}) {TOLD}'),
    Action.GOVERN: ("published", f'saveResource(input: {{id: "%s", access: RESTRICTED}}) {TOLD}'),
    Action.APPROVE: ("proposed", f'approve(id: "%s") {TOLD}'),
    Action.RETIRE: ("published", f'retireResource(id: "%s") {TOLD}'),
    Action.ANSWER: ("published", f'decideRequest(id: "%s", decision: DECLINED) {TOLD}'),
}


def test_every_action_is_done_by_some_change_or_by_the_command_line_alone() -> None:
    assert set(Action) - set(SEEING) - set(DONE) == {Action.LOAD, Action.ADMINISTER}


@pytest.mark.parametrize("action", DONE)
def test_everybody_does_what_the_page_says_and_nothing_else(client: httpx.Client, store: Store, action: Action) -> None:
    status, change = DONE[action]
    for steward in (OWN, OTHER):
        for who, actor in ROLES.items():
            name = f"resource:{who.replace(' ', '-')}.{steward[7:]}"
            keep(store, record("Resource", name, name, kind="data", steward=steward, status=status))
            about = _request(store, name, steward) if action is Action.ANSWER else name
            answer = ask(client, who, f"mutation {{ done: {change % about} }}")
            refused = "errors" in answer or bool(answer["data"]["done"]["problems"])
            assert refused is not can(actor, action, {"steward": steward}), (who, steward, answer)


def _request(store: Store, resource: str, steward: str) -> str:
    made = request(store, Asking(ADMIN, "command"), Wish(OTHER if steward == OWN else OWN, resource))
    assert made.record, made.problems
    return made.record


def test_every_kind_and_link_can_be_asked_who_may_see_it() -> None:
    for kind in MODEL:
        assert {"steward", "access", "status", "grants"} <= set(kind.properties)
        for end in kind.ends.values():
            assert isinstance(end.link.face, bool) and isinstance(end.link.speaks, bool)
