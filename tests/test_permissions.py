"""Permissions: the generated page, and the rule in Cypher against the rule in Python."""

import random
from typing import Any

import pytest

from registry.auth.permission_matrix import CLASSES, page
from registry.database.driver import Cypher, Store
from registry.model.definitions import MODEL
from registry.permissions import (
    ADMIN,
    ANONYMOUS,
    VIEWING,
    Action,
    Actor,
    Role,
    actor_named,
    can,
    can_view_details,
    can_view_summary,
    may_do,
    role_needed,
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


def test_the_usual_agency_is_that_of_the_account_or_the_only_one() -> None:
    two = frozenset({"a:1", "a:2"})
    actors = ANONYMOUS, Actor(agencies=frozenset({"a:1"})), Actor(agencies=two), Actor(agencies=two, home="a:2")
    assert [one.default_agency for one in actors] == ["", "a:1", "", "a:2"]


def test_an_actor_is_listed_by_agencies_and_groups() -> None:
    member = Actor("m", Role.COORDINATOR, frozenset({"a:1"}), frozenset({"g:1"}))
    assert member.names() == {"*", "a:1", "g:1"} and ANONYMOUS.names() == {"*"}
    assert ADMIN.names() == {"*", "*administrators"}
    for one in (member, ANONYMOUS, ADMIN):
        assert actor_named(one.names()).names() == one.names()
        assert one.parameter() == {"names": sorted(one.names())}
    assert not member.is_admin and ADMIN.is_admin
    assert member.parameter_for(Action.EDIT) == {"names": ["*", "a:1", "g:1"], "is_admin": False, "agencies": ["a:1"]}
    assert (
        member.parameter_for(Action.APPROVE)["agencies"] == [] and ADMIN.parameter_for(Action.LOAD)["is_admin"] is True
    )


def test_a_refusal_names_the_roles_that_allow_the_action_and_the_agency() -> None:
    own, other = role_needed(Action.EDIT), role_needed(Action.MANAGE, "Dinas Kesehatan")
    assert own == "You need the coordinator or approver role for this record's steward. Ask an administrator."
    assert other == "You need the approver role for Dinas Kesehatan. Ask an administrator."


EVERYBODY, ADMINISTRATORS = ["*"], ["*administrators"]


@pytest.mark.parametrize(
    ("record", "summary", "details"),
    [
        ({"status": "published", "access": "open"}, EVERYBODY, EVERYBODY),
        ({"status": "retired", "access": "open"}, EVERYBODY, EVERYBODY),
        ({"status": "published", "access": "restricted"}, EVERYBODY, ADMINISTRATORS),
        ({"status": "published", "access": "closed"}, ADMINISTRATORS, ADMINISTRATORS),
        ({"status": "published"}, ADMINISTRATORS, ADMINISTRATORS),
        ({"status": "draft", "access": "open"}, ADMINISTRATORS, ADMINISTRATORS),
        ({"status": "proposed", "access": "open"}, ADMINISTRATORS, ADMINISTRATORS),
        ({}, ADMINISTRATORS, ADMINISTRATORS),
        (
            {"status": "draft", "access": "open", "steward": "a:1", "grants": ["a:2", "*", "*administrators", "g:1"]},
            ["*administrators", "a:1", "a:2", "g:1"],
            ["*administrators", "a:1", "a:2", "g:1"],
        ),
    ],
)
def test_who_may_see_a_record_follows_from_status_access_and_grants(
    record: dict[str, object], summary: list[str], details: list[str]
) -> None:
    assert (seen_by(record), shown_to(record)) == (summary, details)


def test_a_role_acts_on_the_records_of_its_agencies_only() -> None:
    own, other = {"steward": "a:1"}, {"steward": "a:2"}
    rights = {
        role: {action for action in Action if can(Actor("x", role, frozenset({"a:1"})), action, own)} for role in Role
    }
    coordinates = {Action.PROPOSE, Action.EDIT, Action.ANSWER}
    assert rights[Role.VIEWER] == rights[Role.ANALYST] == set()
    assert rights[Role.COORDINATOR] == coordinates
    assert rights[Role.APPROVER] == coordinates | {Action.MANAGE, Action.APPROVE, Action.RETIRE}
    assert rights[Role.ADMIN] == set(Action) - set(VIEWING)
    for role in (Role.COORDINATOR, Role.APPROVER):
        for record in (other, {}, {"steward": None}):
            assert not any(can(Actor("x", role, frozenset({"a:1"})), action, record) for action in Action)
    assert can(ADMIN, Action.LOAD, {}) and not can(ADMIN, Action.VIEW_SUMMARY, {"seen_by": "*"})
    assert can(ANONYMOUS, Action.VIEW_SUMMARY, {"seen_by": ["*"]}) and not can(
        ANONYMOUS, Action.VIEW_DETAILS, {"seen_by": ["*"]}
    )
