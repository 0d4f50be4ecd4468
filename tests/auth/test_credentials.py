"""Access tokens, sessions and invitations on each engine: whom they make, and when they stop."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from registry.auth import credentials
from registry.auth.credentials import CredentialError
from registry.clock import current_time, instant, now
from registry.database.driver import ConnectionSettings, Cypher, Reader, Store
from registry.database.write import upsert, upsert_relationships
from registry.model.definitions import MODEL
from registry.model.records import make_relationship
from registry.permissions import ADMIN, Actor, Role
from tests.support.cli import command, finished, speaking_to
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record

pytestmark = SLOW_ON_NEO4J

RUN = {"source": "test", "run": "run:test"}
UNITS = {
    "agency:city": [],
    "agency:health": ["agency:city"],
    "agency:clinic": ["agency:health"],
    "agency:desk": ["agency:clinic", "agency:health"],
    "agency:roads": ["agency:city"],
    "agency:here": ["agency:there"],
    "agency:there": ["agency:here"],
}


@pytest.fixture
def world(store: Store) -> Store:
    """Agencies and their units: one has two above it, two are above each other."""
    store.write(
        upsert(MODEL["Agency"], [record("Agency", one, one, kind="department") for one in UNITS], now=now(), **RUN)
    )
    part_of = MODEL["Agency"].ends["part_of"]
    made = [make_relationship(part_of, here, above, {})[0] for here, all_above in UNITS.items() for above in all_above]
    store.write(upsert_relationships(part_of.link, [one for one in made if one], **RUN))
    return store


def token(store: Store, *agencies: str, role: Role = Role.COORDINATOR, groups: tuple[str, ...] = ()) -> str:
    return credentials.issue(store, "Siti", role, agencies, groups)[0]


def by_token(place: ConnectionSettings, secret: str) -> Actor | None:
    return asyncio.run(_ask(place, credentials.actor_of_token, secret))


def by_session(place: ConnectionSettings, secret: str) -> Actor | None:
    return asyncio.run(_ask(place, credentials.actor_of_session, secret))


async def _ask(place: ConnectionSettings, ask: object, secret: str) -> Actor | None:
    async with Reader(place) as reader:
        return await ask(reader, secret)  # type: ignore[operator, no-any-return]


@pytest.mark.parametrize(
    ("agencies", "acts_for"),
    [
        (["agency:health"], {"agency:health", "agency:clinic", "agency:desk"}),
        (["agency:city"], {"agency:city", "agency:health", "agency:clinic", "agency:desk", "agency:roads"}),
        (["agency:here"], {"agency:here", "agency:there"}),
        (["agency:desk", "agency:roads"], {"agency:desk", "agency:roads"}),
    ],
)
def test_a_token_acts_for_its_agencies_and_all_their_units(
    world: Store, place: ConnectionSettings, agencies: list[str], acts_for: set[str]
) -> None:
    secret = token(world, *agencies, groups=("auditors",))
    assert by_token(place, secret) == Actor("Siti", Role.COORDINATOR, frozenset(acts_for), frozenset({"auditors"}))


def test_units_are_those_of_now(world: Store, place: ConnectionSettings) -> None:
    secret = token(world, "agency:roads")
    world.write(
        Cypher("MATCH (a:Agency {id: 'agency:desk'}), (b:Agency {id: 'agency:roads'}) CREATE (a)-[:PART_OF]->(b)")
    )
    actor = by_token(place, secret)
    assert actor and actor.agencies == {"agency:roads", "agency:desk"}


def retire(store: Store, agency: str) -> None:
    store.write(Cypher("MATCH (a:Agency {id: $in.id}) SET a.status = 'retired'", {"in": {"id": agency}}))


def test_nobody_acts_for_an_agency_that_is_retired_nor_through_it(world: Store, place: ConnectionSettings) -> None:
    one, both = token(world, "agency:health"), token(world, "agency:health", "agency:roads")
    session = credentials.session_by_token(world, one)
    assert session
    retire(world, "agency:health")
    for left in (by_token(place, one), by_session(place, session)):
        assert left == Actor("Siti", Role.VIEWER), "who acts for nobody only reads what everybody may"
    assert by_token(place, both) == Actor("Siti", Role.COORDINATOR, frozenset({"agency:roads"}))
    assert by_token(place, token(world, "agency:clinic")) == Actor(
        "Siti", Role.COORDINATOR, frozenset({"agency:clinic", "agency:desk"})
    )
    with pytest.raises(CredentialError, match="agency:health is retired, so nobody can act for it"):
        token(world, "agency:health")


def test_an_administrator_and_a_viewer_need_no_agency(world: Store, place: ConnectionSettings) -> None:
    assert by_token(place, token(world, role=Role.ADMIN)) == Actor("Siti", Role.ADMIN)
    assert by_token(place, token(world, role=Role.VIEWER)) == Actor("Siti", Role.VIEWER)


def test_only_the_hash_of_a_secret_is_kept(world: Store) -> None:
    secret = token(world, role=Role.ADMIN)
    assert secret.startswith("ssr_") and len(secret) > 40
    (kept,) = world.read(Cypher("MATCH (c:Credential) RETURN properties(c)"))[0]
    assert secret.removeprefix("ssr_") not in json.dumps(kept)
    assert token(world, role=Role.ADMIN) != secret


def test_a_secret_that_is_wrong_expired_or_revoked_makes_nobody(world: Store, place: ConnectionSettings) -> None:
    secret, made = credentials.issue(world, "Siti", Role.ADMIN, (), ())
    assert by_token(place, secret)
    assert by_token(place, secret[:-1]) is None
    assert by_token(place, "") is None
    assert by_session(place, secret) is None, "a token is no session"
    world.write(Cypher("MATCH (c:Credential) SET c.expires = $in.now", {"in": {"now": now()}}))
    assert by_token(place, secret) is None
    assert [one.state for one in credentials.list_credentials(world)] == ["expired"]
    secret, made = credentials.issue(world, "Budi", Role.ADMIN, (), ())
    credentials.revoke(world, made.id)
    assert by_token(place, secret) is None
    assert [one.state for one in credentials.list_credentials(world)] == ["expired", "revoked"]


def test_a_session_is_for_who_held_the_token_and_ends_with_it(world: Store, place: ConnectionSettings) -> None:
    secret, made = credentials.issue(world, "Siti", Role.APPROVER, ["agency:clinic"], ["auditors"], days=1)
    session = credentials.session_by_token(world, secret)
    assert session
    assert by_session(place, session) == by_token(place, secret)
    assert by_token(place, session) is None, "a session is no token"
    credentials.revoke(world, made.id)
    assert by_session(place, session) is None
    assert credentials.session_by_token(world, secret) is None


def test_a_session_ends_after_half_a_day_with_its_token_or_at_logout(world: Store, place: ConnectionSettings) -> None:
    secret, made = credentials.issue(world, "Siti", Role.ADMIN, (), ())
    session = credentials.session_by_token(world, secret)
    token_kept, session_kept = sorted(credentials.list_credentials(world), key=lambda one: one.kind, reverse=True)
    assert session_kept.created[:10] <= session_kept.expires[:10] < token_kept.expires
    soon = instant(current_time() + timedelta(minutes=5))
    world.write(
        Cypher("MATCH (c:Credential {id: $in.id}) SET c.expires = $in.soon", {"in": {"id": made.id, "soon": soon}})
    )
    shorter = credentials.session_by_token(world, secret)
    assert [one.expires for one in credentials.list_credentials(world)].count(soon) == 2
    assert session and shorter
    credentials.end_session(world, session)
    assert by_session(place, session) is None
    assert by_session(place, shorter)


def test_an_invitation_makes_one_administrator_however_many_try_at_once(
    world: Store, place: ConnectionSettings
) -> None:
    invitation = credentials.invite(world)
    assert invitation
    with ThreadPoolExecutor(8) as pool:
        sessions = [
            one for one in pool.map(lambda _n: credentials.session_by_invitation(world, invitation), range(8)) if one
        ]
    assert len(sessions) == 1
    assert by_session(place, sessions[0]) == ADMIN
    assert credentials.invite(world) is None, "there is an administrator"


def test_a_newer_invitation_replaces_the_older_and_none_signs_in_alone(world: Store, place: ConnectionSettings) -> None:
    older, newer = credentials.invite(world), credentials.invite(world)
    assert older and newer
    assert credentials.session_by_invitation(world, older) is None
    assert credentials.session_by_token(world, newer) is None
    assert by_token(place, newer) is None and by_session(place, newer) is None
    assert credentials.session_by_invitation(world, newer)


def test_what_is_over_is_not_kept_for_ever(world: Store) -> None:
    secret = token(world, role=Role.ADMIN)
    for _n in range(3):
        session = credentials.session_by_token(world, secret)
        assert session
        credentials.end_session(world, session)
    credentials.session_by_token(world, secret)
    assert [one.kind for one in credentials.list_credentials(world)] == ["token", "session"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"agencies": ["agency:helth"]}, "There is no agency agency:helth. Did you mean agency:health?"),
        ({"agencies": []}, "The role coordinator requires an agency"),
        ({"name": " "}, "A token must have the name"),
        ({"groups": ["*administrators"]}, "'*administrators' is not a valid name of a group."),
        ({"groups": ["agency:roads"]}, "agency:roads is an agency, not a group"),
    ],
)
def test_a_token_that_makes_no_sense_is_not_issued(world: Store, given: dict[str, object], sentence: str) -> None:
    asked = {"name": "Siti", "role": Role.COORDINATOR, "agencies": ["agency:health"], "groups": [], **given}
    with pytest.raises(CredentialError) as refusal:
        credentials.issue(world, **asked)  # type: ignore[arg-type]
    assert sentence in str(refusal.value)
    assert credentials.list_credentials(world) == []


def test_what_is_not_there_cannot_be_revoked(world: Store) -> None:
    with pytest.raises(CredentialError, match="There is no token token:12345678"):
        credentials.revoke(world, "token:12345678")


def test_the_commands_add_list_and_revoke(world: Store, place: ConnectionSettings, tmp_path: Path) -> None:
    def registry(*arguments: str) -> tuple[int, str, str]:
        return finished(command("token", *arguments, data=tmp_path, **speaking_to(place)))

    code, out, err = registry("add", "Siti", "--role", "coordinator", "--agency", "agency:clinic", "--days", "7")
    secret = out.strip()
    assert code == 0 and secret.startswith("ssr_") and "\n" not in secret
    assert "is not shown again." in err and secret not in err
    actor = by_token(place, secret)
    assert actor and actor.agencies == {"agency:clinic", "agency:desk"}
    code, out, err = registry("add", "Robot", "--role", "admin", "--json")
    made = json.loads(out)
    assert by_token(place, made["secret"]) == Actor("Robot", Role.ADMIN)
    listed = json.loads(registry("list", "--json")[1])
    assert [(one["name"], one["role"], one["state"]) for one in listed] == [
        ("Siti", "coordinator", "valid"),
        ("Robot", "admin", "valid"),
    ]
    assert "secret" not in listed[0] and "hash" not in listed[0]
    assert registry("revoke", made["id"])[:2] == (0, f"{made['id']} was revoked.\n")
    assert by_token(place, made["secret"]) is None
    assert "revoked" in registry("list")[1]
    for arguments, sentence in (
        (("revoke", "token:none"), "There is no token token:none"),
        (("add", "X", "--role", "approver", "--agency", "agency:clinik"), "Did you mean agency:clinic?"),
    ):
        code, out, err = registry(*arguments)
        assert (code, out) == (2, "") and sentence in err
