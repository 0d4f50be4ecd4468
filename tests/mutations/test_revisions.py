"""What a person or a load changed is undone, and what somebody changed since is never lost by that."""

import pytest

from loaders.result import LoadAborted
from loaders.undo import undo_load
from registry.database import write
from registry.database.driver import Store
from registry.model.definitions import Agency, Partnership, Resource
from registry.mutations.audit_events import Relationships, read_state
from registry.mutations.confirmations import confirm
from registry.mutations.lifecycle import RETIRE, make_transition
from registry.mutations.revisions import latest, undo, verify
from registry.mutations.save import LinkChange, SaveInput, save
from registry.mutations.transaction import MutationResult, RequestContext
from registry.permissions import ADMIN, Actor, Role
from tests.loaders.test_run import WORLD, found, names
from tests.mutations.test_confirmations import agreement
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.sources import City
from tests.support.two_agencies import HEAD, HEALTH, LIBRARY, by, codes, properties, room, settle

pytestmark = SLOW_ON_NEO4J

COMMAND = RequestContext(ADMIN, "command")
BOTH = ("c:1,City,other,c:1,", "c:2,Health Office,department,c:1,c:1")


def last(store: Store) -> int:
    number: int = latest(store, 1)[0]["number"]
    return number


def told(store: Store, record: str) -> tuple[dict[str, object], dict[str, Relationships]]:
    state = read_state(Resource, store.read(write.state(Resource, record)))
    assert state is not None
    return state.given(), dict(state.ties)


def undo_last(store: Store) -> MutationResult:
    return undo(store, COMMAND, last(store))


def test_a_change_is_undone_with_its_links(store: Store) -> None:
    settle(store)
    record = room(store, unit="kursi")
    before = told(store, record)
    owners = LinkChange({"perpus": {}}, ("dinkes",))
    by(store, HEALTH, SaveInput(Resource, record, {"unit": None, "name": "Ruang"}, {"owners": owners}))
    assert told(store, record) != before
    assert codes(undo(store, RequestContext(LIBRARY, "form"), last(store))) == [("NOT_ALLOWED", "id")]
    assert not undo_last(store).problems
    assert told(store, record) == before
    assert verify(store).what is None


def test_what_was_changed_since_stands_in_the_way(store: Store) -> None:
    settle(store)
    record = room(store, unit="kursi")
    by(store, HEALTH, SaveInput(Resource, record, {"unit": "meja", "name": "Ruang"}))
    number = last(store)
    by(store, HEALTH, SaveInput(Resource, record, {"unit": "orang"}))
    assert codes(undo(store, COMMAND, number)) == [("CHANGED_SINCE", "unit")]
    assert properties(store, Resource, record)["name"] == "Ruang"
    assert not undo_last(store).problems
    assert not undo(store, COMMAND, number).problems
    assert properties(store, Resource, record)["name"] == "Aula"


def test_what_was_made_is_retired_and_what_was_retired_is_back(store: Store) -> None:
    settle(store)
    record = room(store)
    assert not undo_last(store).problems
    assert properties(store, Resource, record)["status"] == "retired"
    assert "*" not in properties(store, Resource, record)["seen_by"]
    assert not undo_last(store).problems
    assert properties(store, Resource, record)["status"] == "draft"
    assert not make_transition(store, RequestContext(HEAD, "form"), Resource, record, RETIRE).problems
    assert not undo_last(store).problems
    assert properties(store, Resource, record)["status"] == "draft"
    assert codes(undo(store, COMMAND, 999)) == [("NOT_FOUND", "number")]


def test_a_first_load_is_undone(city: City, store: Store) -> None:
    city.agencies(*BOTH)
    first = city.load()
    counts = undo_load(store, first.run)
    assert counts == {"undone": 3}  # two agencies and a tie
    assert {status for _, status, _ in names(store).values()} == {"retired"}
    assert [row[6] for row in store.read(WORLD)] == [[], []]
    assert undo_load(store, first.run) == {"undone": 0}
    again = city.load()
    assert (again.changed, again.ties_written) == ({"agencies": 2}, {"agencies.part_of": 1})
    assert verify(store).what is None
    with pytest.raises(LoadAborted, match="registry audit show names the runs"):
        undo_load(store, "run:none")


def test_a_later_load_is_undone_to_what_was_before(city: City, store: Store) -> None:
    city.agencies(*BOTH, "c:3,Library,department,c:1,c:1")
    city.load()
    world = store.read(WORLD)
    city.agencies("c:1,City,other,c:1,", "c:2,Health Department,department,c:1,", "c:4,Museum,department,c:1,c:1")
    second = city.load()
    assert (second.created, second.changed, second.retired) == ({"agencies": 1}, {"agencies": 1}, {"agencies": 1})
    undo_load(store, second.run)
    now = [row for row in store.read(WORLD) if row[1] != "c:4"]
    assert [[*row[:4], *row[5:]] for row in now] == [[*row[:4], *row[5:]] for row in world]  # all but the versions
    assert names(store)["c:4"][1] == "retired"
    assert verify(store).what is None


def test_loads_and_their_undoing_leave_records_changed_by_hand(city: City, store: Store) -> None:
    city.agencies(*BOTH)
    first = city.load()
    assert not save(store, COMMAND, SaveInput(Agency, "c:2", {"name": "Dinas Kesehatan"})).problems
    again = city.load()
    assert again.refused is None
    assert found(again) == [("BY_HAND", "agencies.csv", 3, "id", "c:2")]
    assert names(store)["c:2"][:2] == ("Dinas Kesehatan", "published")
    undo_load(store, first.run)
    assert names(store)["c:2"][:2] == ("Dinas Kesehatan", "published")
    assert names(store)["c:1"][1] == "published", "a later load has seen it again"


def test_what_another_party_said_is_taken_back_by_an_administrator_only(store: Store) -> None:
    settle(store)
    record, approver = agreement(store), RequestContext(HEAD, "form")
    assert not confirm(store, RequestContext(LIBRARY, "form"), record, "perpus", "disputed", "Belum.").problems
    said = last(store)
    assert codes(undo(store, approver, said)) == [("NOT_ALLOWED", "id")]
    assert not undo_last(store).problems
    assert codes(undo(store, approver, last(store))) == [("NOT_ALLOWED", "id")], "nor is that undone by them"
    assert not undo_last(store).problems
    assert not by(store, HEAD, SaveInput(Partnership, record, {"name": "Sudut baca"})).problems
    assert not undo(store, approver, last(store)).problems


def test_what_one_may_not_change_one_does_not_undo(store: Store) -> None:
    """Who acts for an agency acts for its units, and who answers for a record decides of it: undoing gives neither away."""
    settle(store)
    steward = Actor("budi", Role.APPROVER, frozenset({"dinkes"}))
    unit = SaveInput(Agency, "terminal", {"name": "Terminal", "kind": "other", "steward": "dinkes"}, PART_OF)
    assert not by(store, ADMIN, unit).problems
    assert not by(store, ADMIN, SaveInput(Agency, "terminal", {}, {"part_of": LinkChange({}, ("dinkes",))})).problems
    assert codes(undo(store, RequestContext(steward, "form"), last(store))) == [("NOT_ALLOWED", "part_of")]
    hall = room(store)
    assert not by(store, ADMIN, SaveInput(Resource, hall, {"steward": "perpus"})).problems
    reader = RequestContext(Actor("tini", Role.APPROVER, frozenset({"perpus"})), "form")
    assert codes(undo(store, reader, last(store))) == [("NOT_ALLOWED", "steward")]
    both = RequestContext(Actor("ani", Role.APPROVER, frozenset({"dinkes", "perpus", "terminal"})), "form")
    assert not undo(store, both, last(store)).problems


PART_OF = {"part_of": LinkChange({"dinkes": {}})}
