"""What a person or a load changed is undone, and what somebody changed since is never lost by that."""

import orjson
import pytest

from loaders.result import LoadAborted
from loaders.undo import undo_load
from registry.database import write
from registry.database.driver import Store
from registry.model.definitions import Agency, Partnership, Resource
from registry.mutations.audit_events import (
    RecordState,
    Relationships,
    difference,
    empty_state,
    read_state,
    without_outdated_confirmations,
)
from registry.mutations.confirmations import confirm
from registry.mutations.lifecycle import RETIRE, make_transition
from registry.mutations.revisions import (
    HistoryEvent,
    is_whole,
    latest,
    may_undo,
    original_event,
    read_event,
    revisions_of,
    state_before,
    state_on,
    undo,
    verify,
)
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
    assert (again.changed, again.links_written) == ({"agencies": 2}, {"agencies.part_of": 1})
    assert verify(store).what is None
    with pytest.raises(LoadAborted, match="`registry audit show` lists the runs"):
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


def event(
    day: str, before: dict[str, object], after: dict[str, object], what: str = "changed", **more: object
) -> HistoryEvent:
    given = {"at": f"{day}T05:00:00.000Z", "actor": "sari", "how": "page", "what": what, "number": 7, **more}
    return read_event({**given, "before": orjson.dumps(before).decode(), "after": orjson.dumps(after).decode()})


OWNERS = {"dinkes": {"since": "2026-01-01"}}
NOW = RecordState(
    Resource,
    {"id": "r:1", "name": "Aula", "capacity": 5.0, "version": 3, "created": "2026-01-01T05:00:00.000Z"},
    {**empty_state(Resource).ties, "owners": OWNERS},
)
EVENTS = [
    event("2026-03-01", {"capacity": 3.0}, {"capacity": 5.0, "links": {"owners": OWNERS}}),
    event("2026-02-01", {"description": "Tua", "links": {"owners": {"perpus": {}}}}, {"description": None}),
    event("2026-01-01", {}, {"id": "r:1", "name": "Aula"}, "created"),
]


def test_past_states_follow_from_the_events() -> None:
    newest, middle, first = revisions_of(NOW, EVENTS)
    assert newest.after == NOW and newest.before == middle.after and first.before is None
    assert (middle.after.properties["capacity"], middle.after.version) == (3.0, 2)
    assert middle.after.ties["owners"] == {} and first.after.ties["owners"] == {"perpus": {}}
    assert (first.after.properties["description"], first.after.version) == ("Tua", 1)
    assert "description" not in middle.after.properties
    assert NOW.ties["owners"] == OWNERS, "the state itself does not change"
    emptied = state_before(NOW, event("2026-03-01", {}, {"capacity": 5.0, "unknown": 1}))
    assert "capacity" not in emptied.properties and "unknown" not in emptied.properties


@pytest.mark.parametrize(
    ("day", "version"),
    [
        ("2025-12-31", None),
        ("2026-01-01", 1),
        ("2026-01-31", 1),
        ("2026-02-01", 2),
        ("2026-02-28", 2),
        ("2026-03-01", 3),
    ],
)
def test_a_record_is_shown_as_of_the_end_of_a_day(day: str, version: int | None) -> None:
    found = state_on(NOW, EVENTS, day)
    assert (found and found.version) == version


def test_a_history_is_whole_with_an_event_for_each_version() -> None:
    assert is_whole(NOW, EVENTS) and is_whole(NOW, EVENTS[:2]), "a load made it"
    assert not is_whole(NOW, EVENTS[:1])


def test_an_undo_of_an_undo_leads_to_the_first_event() -> None:
    first = event("2026-01-01", {}, {}, "stated")
    notes = {"change:2": event("2026-01-02", {}, {}, "undone", note="change:1"), "change:1": first}
    assert original_event(event("2026-01-03", {}, {}, "undone", note="change:2"), notes.get) == first
    lost = event("2026-01-03", {}, {}, "undone", note="change:9")
    assert original_event(lost, notes.get) == lost and original_event(first, notes.get) == first


def test_an_event_of_a_load_has_no_number() -> None:
    assert event("2026-01-01", {}, {}).number == 7 and event("2026-01-01", {}, {}, run="run:1").number == 0
    bare = read_event({"number": 1})
    assert (bare.before, bare.after, bare.note, bare.actor) == ({}, {}, "", "")


def test_what_other_agencies_did_only_an_administrator_undoes() -> None:
    steward = Actor("budi", Role.APPROVER, frozenset({"dinkes"}))
    state = RecordState(Resource, {"steward": "dinkes"})
    assert may_undo(steward, state, "changed") and may_undo(ADMIN, state, "stated")
    for what in ("stated", "decided", "answered", "erased"):
        assert not may_undo(steward, state, what)
    assert not may_undo(Actor("sari", Role.COORDINATOR, frozenset({"dinkes"})), state, "changed")


def test_a_difference_holds_what_each_side_has_alone() -> None:
    after = RecordState(
        Resource,
        {**NOW.properties, "capacity": 6.0, "unit": "kursi", "version": 4},
        {**NOW.ties, "owners": {"perpus": {}}},
    )
    assert difference(NOW, after) == (
        {"capacity": 5.0, "unit": None, "links": {"owners": OWNERS}},
        {"capacity": 6.0, "unit": "kursi", "links": {"owners": {"perpus": {}}}},
    )
    assert difference(NOW, NOW) == ({}, {})


def test_other_terms_make_confirmations_void() -> None:
    said = {"dinkes": {"role": "lead", "standing": "confirmed", "standing_on": "2026-01-01"}, "perpus": {}}
    ties = {**empty_state(Partnership).ties, "parties": said}
    before = RecordState(Partnership, {"id": "p:1", "name": "P", "valid_until": "2026-12-31"}, ties)

    def standing(after: RecordState) -> object:
        return without_outdated_confirmations(before, after).ties["parties"]["dinkes"].get("standing")

    renamed = RecordState(Partnership, {**before.properties, "name": "Q"}, ties)
    longer = RecordState(Partnership, {**before.properties, "valid_until": "2027-12-31"}, ties)
    wider = RecordState(Partnership, before.properties, {**ties, "parties": {**said, "bps": {}}})
    assert [standing(one) for one in (before, renamed, longer, wider)] == ["confirmed", "confirmed", None, None]
    disputed = {**said, "perpus": {"standing": "disputed"}}
    assert standing(RecordState(Partnership, before.properties, {**ties, "parties": disputed})) == "confirmed"
