"""What somebody tries who means no good: to speak, to decide and to act for others, or to publish without an approver."""

import pytest

from registry.database.driver import Store
from registry.model.definitions import Agency, Feedback, Partnership, Request, Resource, Service, Statement
from registry.mutations.confirmations import confirm, state_level
from registry.mutations.feedback import FeedbackInput, answer_feedback, give_feedback
from registry.mutations.lifecycle import APPROVE, RETIRE, SEND_BACK, make_transition
from registry.mutations.requests import ResourceRequest, decide, request
from registry.mutations.revisions import latest, undo
from registry.mutations.save import LinkChange, SaveInput, save_all
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN, ANONYMOUS, Actor, Role
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.two_agencies import HEAD, HEALTH, LIBRARY, by, codes, properties, publish, room, settle

pytestmark = SLOW_ON_NEO4J

SARI, TONO, BUDI = RequestContext(HEALTH, "api"), RequestContext(LIBRARY, "api"), RequestContext(HEAD, "api")


@pytest.fixture
def city(store: Store) -> Store:
    """Two agencies, published, and a sector."""
    return settle(store)


def service(store: Store) -> str:
    done = by(store, HEALTH, SaveInput(Service, None, {"name": "Imunisasi", "kind": "public"}))
    assert done.record, done.problems
    publish(store, Service, done.record)
    return done.record


def test_feedback_stays_what_its_sender_wrote_and_private(city: Store) -> None:
    heard = FeedbackInput(service(city), "Antreannya panjang.", private=True)
    record = give_feedback(city, RequestContext(ANONYMOUS, "form"), heard).record
    assert record
    for rewritten in ({"description": "Bagus sekali!"}, {"private": False}, {"access": "open"}):
        assert codes(by(city, HEAD, SaveInput(Feedback, record, rewritten))) == [("NOT_ALLOWED", "id")]
    for step in (APPROVE, SEND_BACK):
        assert codes(make_transition(city, BUDI, Feedback, record, step)) == [("NOT_ALLOWED", "id")]
    kept = properties(city, Feedback, record)
    assert (kept["description"], kept["access"], kept["status"]) == ("Antreannya panjang.", "closed", "proposed")
    assert not by(city, ADMIN, SaveInput(Feedback, record, {"received": "2026-01-02"})).problems


def test_nobody_makes_up_feedback_on_the_service_of_another(city: Store) -> None:
    links = {"service": LinkChange({service(city): {}}), "owner": LinkChange({"dinkes": {}})}
    made_up = SaveInput(Feedback, None, {"description": "Buruk!", "received": "2026-01-01"}, links)
    assert codes(by(city, LIBRARY, made_up)) == [("NOT_ALLOWED", "id")]
    (done,) = save_all(city, TONO, [made_up], dry=False)
    assert [one.code for one in done.problems] == ["NOT_ALLOWED"]


def test_a_request_is_decided_as_it_was_asked(city: Store) -> None:
    hall = room(city, capacity=100)
    publish(city, Resource, hall)
    asked = request(city, TONO, ResourceRequest("perpus", hall, properties={"quantity": 10})).record
    assert asked
    assert codes(by(city, LIBRARY, SaveInput(Request, asked, {"quantity": 100}))) == [("NOT_ALLOWED", "id")]
    assert not decide(city, SARI, asked, "accepted").problems
    assert properties(city, Resource, hall)["in_use"] == 10


def test_a_level_is_stated_by_a_party_and_on_its_scale_only(city: Store) -> None:
    assert not by(city, ADMIN, SaveInput(Agency, "lain", {"name": "Lain", "kind": "other"})).problems
    publish(city, Agency, "lain")
    parties = LinkChange({"dinkes": {}, "lain": {}})
    agreed = by(city, HEALTH, SaveInput(Partnership, None, {"name": "Pos"}, {"parties": parties})).record
    assert agreed
    publish(city, Partnership, agreed)
    said = {"scale": "four-c", "level": 99, "on": "2026-01-01"}
    links = {"agency": LinkChange({"perpus": {}}), "partnership": LinkChange({agreed: {}})}
    assert codes(by(city, LIBRARY, SaveInput(Statement, None, said, links))) == [("NOT_ALLOWED", "id")]
    assert codes(state_level(city, TONO, agreed, "perpus", said)) == [("UNFIT", "agency")]


@pytest.mark.parametrize("forged", [{"status": "published"}, {"version": 99.0}, {"source": "other"}, {"created": "x"}])
def test_what_nobody_gives_is_not_taken_from_who_sends_it(city: Store, forged: dict[str, object]) -> None:
    record = room(city)
    (name,) = forged
    before = properties(city, Resource, record)
    (done,) = save_all(city, SARI, [SaveInput(Resource, record, {**forged, "name": "Ruang"})], dry=False)
    assert (done.what, done.problems) == ("changed", ())
    after = properties(city, Resource, record)
    assert after["name"] == "Ruang"
    assert after[name] == (before["version"] + 1 if name == "version" else before[name])


def test_nobody_takes_the_name_of_a_group_for_an_agency_of_their_own(city: Store) -> None:
    """A record is shown to who bears a name that it grants: who could call an agency so would be shown it."""
    given = {"name": "Auditor", "kind": "other"}
    assert codes(by(city, HEAD, SaveInput(Agency, "auditors", given))) == [("NOT_ALLOWED", "id")]
    made = by(city, HEAD, SaveInput(Agency, None, given, {"part_of": LinkChange({"dinkes": {}})}))
    assert made.record and made.record.startswith("agency:")


def test_who_keeps_the_record_of_an_agency_does_not_come_to_act_for_it(city: Store) -> None:
    """Who acts for an agency acts for its units, too; so what it is part of is said by who acts for it already."""
    made = by(city, ADMIN, SaveInput(Agency, "terminal", {"name": "Terminal", "kind": "other", "steward": "dinkes"}))
    assert not made.problems
    publish(city, Agency, "terminal")
    taking = SaveInput(Agency, "terminal", {}, {"part_of": LinkChange({"dinkes": {}})})
    assert codes(by(city, HEAD, taking)) == [("NOT_ALLOWED", "part_of")]
    assert not by(city, HEAD, SaveInput(Agency, "terminal", {"acronym": "T"})).problems
    own = Actor("ani", Role.APPROVER, frozenset({"dinkes", "terminal"}))
    assert not by(city, own, taking).problems


def test_the_steward_cannot_undo_the_dispute_of_another_party(city: Store) -> None:
    parties = LinkChange({"dinkes": {}, "perpus": {}})
    agreed = by(city, HEALTH, SaveInput(Partnership, None, {"name": "Pojok baca"}, {"parties": parties})).record
    assert agreed
    publish(city, Partnership, agreed)
    assert not confirm(city, TONO, agreed, "perpus", "disputed", "Belum ditandatangani.").problems
    number = latest(city, 1, agreed)[0]["number"]
    assert codes(undo(city, BUDI, number)) == [("NOT_ALLOWED", "id")]
    assert not undo(city, RequestContext(ADMIN, "command"), number).problems


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "moc.live\u202e", "\u2066a"])
def test_no_text_holds_what_is_not_seen_but_changes_what_is(city: Store, text: str) -> None:
    hall = room(city)
    publish(city, Resource, hall)
    asked = request(city, TONO, ResourceRequest("perpus", hall)).record
    assert asked
    assert codes(decide(city, SARI, asked, "declined", text)) == [("UNFIT", "answer")]
    agreed = by(
        city, HEALTH, SaveInput(Partnership, None, {"name": "Pos"}, {"parties": LinkChange({"dinkes": {}})})
    ).record
    assert agreed
    assert codes(confirm(city, SARI, agreed, "dinkes", "disputed", text)) == [("UNFIT", "remark")]
    assert codes(by(city, HEALTH, SaveInput(Resource, hall, {"name": text}))) == [("UNFIT", "name")]
    assert codes(give_feedback(city, SARI, FeedbackInput(service(city), "Halo", contact=text))) == [
        ("UNFIT", "contact")
    ]


def test_who_is_shown_a_face_alone_does_not_speak_of_the_rest(city: Store) -> None:
    hall, ward = room(city), service(city)
    publish(city, Resource, hall)
    parties = LinkChange({"dinkes": {}, "perpus": {}})
    agreed = by(city, HEALTH, SaveInput(Partnership, None, {"name": "Pos"}, {"parties": parties})).record
    assert agreed
    publish(city, Partnership, agreed)
    for kind, record in ((Resource, hall), (Service, ward), (Partnership, agreed)):
        assert not by(city, ADMIN, SaveInput(kind, record, {"access": "restricted", "grants": []})).problems
    assert codes(request(city, TONO, ResourceRequest("perpus", hall))) == [("NOT_ALLOWED", "id")]
    assert codes(give_feedback(city, RequestContext(ANONYMOUS, "api"), FeedbackInput(ward, "Halo"))) == [
        ("NOT_ALLOWED", "id")
    ]
    assert codes(confirm(city, TONO, agreed, "perpus", "confirmed")) == [("NOT_ALLOWED", "id")]
    assert not by(city, ADMIN, SaveInput(Partnership, agreed, {"grants": ["perpus"]})).problems
    assert not confirm(city, TONO, agreed, "perpus", "confirmed").problems


def test_what_is_retired_comes_back_by_nobodys_answer(city: Store) -> None:
    """Who answers is a coordinator; who retires, or undoes that, an approver."""
    heard = give_feedback(city, RequestContext(ANONYMOUS, "form"), FeedbackInput(service(city), "Halo")).record
    hall = room(city)
    publish(city, Resource, hall)
    asked = request(city, TONO, ResourceRequest("perpus", hall)).record
    assert heard and asked
    for kind, record in ((Feedback, heard), (Request, asked)):
        assert not make_transition(city, RequestContext(ADMIN, "api"), kind, record, RETIRE).problems
    assert codes(answer_feedback(city, SARI, heard, "Terima kasih.")) == [("WRONG_STATUS", "status")]
    assert codes(decide(city, SARI, asked, "accepted")) == [("WRONG_STATUS", "status")]
    assert properties(city, Feedback, heard)["status"] == properties(city, Request, asked)["status"] == "retired"
