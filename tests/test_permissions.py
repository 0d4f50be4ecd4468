"""Permissions: the generated page, and the rule in Cypher against the rule in Python."""

import random
from typing import Any

import pytest

from registry.auth.permission_matrix import CLASSES, page
from registry.database.driver import Cypher, Store
from registry.model.definitions import MODEL
from registry.permissions import (
    VIEWING,
    Action,
    Actor,
    Role,
    can,
    can_view_details,
    can_view_summary,
    may_do,
    seen_by,
    shown_to,
)
from tests.support.paths import ROOT

AGENCIES = ["a:1", "a:2", "a:3"]


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
            predicate = (
                can_view_summary("n")
                if action is Action.VIEW_SUMMARY
                else can_view_details("n")
                if action in VIEWING
                else may_do("n")
            )
            text = f"MATCH (n:Thing) WHERE {predicate} RETURN collect(n.id)"
            found = store.read(Cypher(text, {"me": actor.parameter_for(action)}))[0][0]
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


def test_every_kind_and_link_can_be_asked_who_may_see_it() -> None:
    for kind in MODEL:
        assert {"steward", "access", "status", "grants"} <= set(kind.properties)
        for end in kind.ends.values():
            assert isinstance(end.link.summary, bool) and isinstance(end.link.on_behalf, bool)
