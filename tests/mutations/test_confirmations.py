"""What needs more than one: agreements that parties confirm, levels that they state, requests, and feedback."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from registry.clock import today
from registry.database import audit_log, write
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.model.definitions import (
    Agency,
    Channel,
    Feedback,
    Partnership,
    Request,
    Resource,
    Service,
    Statement,
)
from registry.mutations.audit_events import read_state
from registry.mutations.confirmations import confirm, state_level, withdraw
from registry.mutations.feedback import FeedbackInput, answer_feedback, erase, give_feedback
from registry.mutations.lifecycle import PROPOSE, make_transition
from registry.mutations.requests import ResourceRequest, decide, request
from registry.mutations.revisions import undo, verify
from registry.mutations.save import LinkChange, SaveInput, save_all
from registry.mutations.transaction import MutationResult, RequestContext
from registry.permissions import ADMIN, ANONYMOUS, Actor
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.two_agencies import HEAD, HEALTH, LIBRARY, by, codes, history, properties, publish, room, settle

pytestmark = SLOW_ON_NEO4J

SARI, TONO, BUDI = RequestContext(HEALTH, "form"), RequestContext(LIBRARY, "form"), RequestContext(HEAD, "form")


@pytest.fixture
def city(store: Store) -> Store:
    """Two agencies, published, and a sector."""
    return settle(store)


def agreement(store: Store) -> str:
    """An agreement of both agencies that the health agency has handed in."""
    parties = LinkChange({"dinkes": {"role": "lead"}, "perpus": {"role": "partner"}})
    done = by(store, HEALTH, SaveInput(Partnership, None, {"name": "Pojok baca"}, {"parties": parties}))
    assert done.record, done.problems
    assert codes(confirm(store, TONO, done.record, "perpus", "confirmed")) == [("NOT_FOUND", "id")]
    assert not make_transition(store, SARI, Partnership, done.record, PROPOSE).problems
    return done.record


def parties(store: Store, record: str) -> dict[str, dict[str, object]]:
    kind = Partnership
    ends = [end.name for end in write.own_ends(kind)]
    row = store.read(write.state(kind, record))[0]
    return {far: dict(values) for far, values in row[1 + ends.index("parties")]}


def test_the_other_party_confirms_or_disputes_what_was_handed_in(city: Store) -> None:
    record = agreement(city)
    assert codes(confirm(city, TONO, record, "perpus", "disputed")) == [("REQUIRED", "remark")]
    assert codes(confirm(city, TONO, record, "perpus", "maybe", "?")) == [("UNFIT", "standing")]
    assert codes(confirm(city, TONO, record, "dinkes", "confirmed")) == [("NOT_ALLOWED", "agency")]
    assert not confirm(city, TONO, record, "perpus", "disputed", "Belum kami tanda tangani.").problems
    said = parties(city, record)["perpus"]
    assert (said["standing"], said["remark"], said["role"]) == ("disputed", "Belum kami tanda tangani.", "partner")
    assert "standing" not in parties(city, record)["dinkes"]


def test_nobody_says_it_for_the_other_party(city: Store) -> None:
    record = agreement(city)
    forged = LinkChange({"perpus": {"role": "partner", "standing": "confirmed"}})
    done = by(city, HEALTH, SaveInput(Partnership, record, {}, {"parties": forged}))
    assert codes(done) == [("NOT_ALLOWED", "parties.standing")]
    assert not confirm(city, TONO, record, "perpus", "confirmed").problems
    changed = by(
        city, HEALTH, SaveInput(Partnership, record, {}, {"parties": LinkChange({"perpus": {"role": "witness"}})})
    )
    assert not changed.problems
    assert parties(city, record)["perpus"]["role"] == "witness"
    assert "standing" not in parties(city, record)["perpus"], "it was confirmed as a partner"
    told = SaveInput(
        Statement, None, {"scale": "four-c", "level": 4, "on": "2026-01-01"}, {"agency": LinkChange({"perpus": {}})}
    )
    assert codes(by(city, HEALTH, told)) == [("NOT_ALLOWED", "id")]


def said(store: Store, record: str) -> dict[str, object]:
    return {far: values.get("standing") for far, values in parties(store, record).items()}


def test_only_itself_or_an_administrator_removes_a_party_that_spoke(city: Store) -> None:
    record = agreement(city)
    partner = {"perpus": {"role": "partner"}}
    assert not confirm(city, TONO, record, "perpus", "disputed", "Belum.").problems
    without, again = LinkChange({}, ("perpus",)), LinkChange(partner, ("perpus",))
    assert codes(by(city, HEALTH, SaveInput(Partnership, record, {}, {"parties": without}))) == [
        ("NOT_ALLOWED", "parties"),
        ("CONTRADICTION", "parties"),
    ]
    assert not by(city, HEALTH, SaveInput(Partnership, record, {}, {"parties": again})).problems
    assert said(city, record)["perpus"] == "disputed", "removed and added again at once it is the same party"
    (number,) = (one["number"] for one in history(city, record) if one["what"] == "stated")
    assert codes(undo(city, SARI, number)) == [("NOT_ALLOWED", "id")]
    assert codes(undo(city, BUDI, number)) == [("NOT_ALLOWED", "id")]
    third = by(city, ADMIN, SaveInput(Agency, "lain", {"name": "Lain", "kind": "other"}))
    assert not third.problems
    assert not by(
        city, ADMIN, SaveInput(Partnership, record, {}, {"parties": LinkChange({"lain": {}}, ("perpus",))})
    ).problems
    assert history(city, record)[0]["actor"] == ADMIN.name and "Belum." in history(city, record)[0]["before"]


TERMS = (
    {"valid_until": "2031-12-31"},
    {"instrument": "informal"},
    {"document_number": "PKS 2/2026"},
    {"legal_basis": "PKS 2/2026"},
    {"target_scale": "four-c", "target_level": 2},
)


def test_other_terms_return_every_party_to_pending(city: Store) -> None:
    record = agreement(city)
    covered = service(city)

    def confirmed() -> None:
        assert not confirm(city, TONO, record, "perpus", "confirmed").problems
        assert not confirm(city, SARI, record, "dinkes", "confirmed").problems

    confirmed()
    assert not by(city, HEALTH, SaveInput(Partnership, record, {"description": "Lebih jelas."})).problems
    assert said(city, record) == {"dinkes": "confirmed", "perpus": "confirmed"}, "which is no term"
    for given in TERMS:
        assert not by(city, HEALTH, SaveInput(Partnership, record, given)).problems
        assert said(city, record) == {"dinkes": None, "perpus": None}, given
        assert {"standing_on", "remark"}.isdisjoint(parties(city, record)["perpus"])
        confirmed()
    covers = {"covers_services": LinkChange({covered: {}})}
    (done,) = save_all(city, SARI, [SaveInput(Partnership, record, {}, covers)], dry=False)
    assert not done.problems and said(city, record) == {"dinkes": None, "perpus": None}
    assert not by(city, HEALTH, SaveInput(Partnership, record, {"legal_basis": "PKS 3/2026"})).problems
    number = history(city, record)[0]["number"]
    confirmed()
    assert not undo(city, RequestContext(HEAD, "form"), number).problems
    assert said(city, record) == {"dinkes": None, "perpus": None}, "what is undone are other terms, too"
    assert "confirmed" in history(city, record)[0]["before"]
    assert verify(city).what is None


def test_each_party_states_its_own_level(city: Store) -> None:
    record = agreement(city)
    level = {"scale": "four-c", "level": 3, "description": "Rapat tiap bulan."}
    assert codes(state_level(city, TONO, record, "dinkes", level)) == [("NOT_ALLOWED", "agency")]
    assert codes(state_level(city, TONO, record, "perpus", {**level, "level": 9})) == [("UNFIT", "level")]
    done = state_level(city, TONO, record, "perpus", level)
    assert done.record, done.problems
    said = properties(city, Statement, done.record)
    assert (said["level"], said["on"], said["steward"], said["status"]) == (3, today(), "perpus", "published")
    assert codes(withdraw(city, SARI, done.record)) == [("NOT_ALLOWED", "id")]
    assert not withdraw(city, TONO, done.record).problems
    assert properties(city, Statement, done.record)["status"] == "retired"


def ask_for(store: Store, resource: str, quantity: float, asking: RequestContext = TONO) -> str:
    done = request(
        store, asking, ResourceRequest("perpus", resource, properties={"quantity": quantity, "until": "2030-12-31"})
    )
    assert done.record, done.problems
    return done.record


def test_a_request_that_is_accepted_becomes_a_use(city: Store) -> None:
    resource = room(city, capacity=100, unit="kursi")
    publish(city, Resource, resource)
    record = ask_for(city, resource, 60)
    assert codes(decide(city, TONO, record, "accepted")) == [("NOT_ALLOWED", "id")]
    assert not decide(city, SARI, record, "accepted", "Silakan.").problems
    assert properties(city, Resource, resource)["in_use"] == 60
    assert uses(city, resource) == [["perpus", "first", today(), "2030-12-31"]]
    assert codes(decide(city, SARI, record, "declined")) == [("WRONG_STATUS", "decision")]
    assert codes(decide(city, SARI, ask_for(city, resource, 50), "accepted")) == [("OVERBOOKED", "quantity")]
    assert not decide(city, SARI, record, "ended").problems
    assert properties(city, Resource, resource)["in_use"] == 0
    assert properties(city, Request, record)["decision"] == "ended"


def uses(store: Store, resource: str) -> list[list[str | None]]:
    text = "MATCH (n:Resource {id: $in.id})<-[e:USES]-(a:Agency) RETURN a.id, e.role, e.since, e.until ORDER BY e.key"
    return sorted(store.read(Cypher(text, {"in": {"id": resource}})), key=str)


def test_each_accepted_request_is_a_use_of_its_own(city: Store) -> None:
    resource = room(city, capacity=100)
    publish(city, Resource, resource)
    tied = SaveInput(
        Resource, resource, {}, {"users": LinkChange({"perpus": {"role": "first", "since": "2020-01-01"}})}
    )
    assert not by(city, HEAD, tied).problems
    one, other = ask_for(city, resource, 10), ask_for(city, resource, 20)
    for record in (one, other):
        assert not decide(city, SARI, record, "accepted").problems
    stated = ["perpus", "first", "2020-01-01", None]
    running = ["perpus", "reuse", today(), "2030-12-31"]
    assert uses(city, resource) == [stated, running, running]
    assert not decide(city, SARI, one, "ended").problems
    assert uses(city, resource) == sorted([stated, ["perpus", "reuse", today(), today()], running], key=str)
    assert properties(city, Resource, resource)["in_use"] == 20
    (number,) = (each["number"] for each in history(city, other) if each["what"] == "decided")
    assert codes(undo(city, RequestContext(ADMIN, "command"), number)) == [], (
        "the decision is taken back, and its use with it"
    )
    assert uses(city, resource) == sorted([stated, ["perpus", "reuse", today(), today()]], key=str)
    untied = SaveInput(Resource, resource, {}, {"users": LinkChange({}, ("perpus",))})
    assert not by(city, HEAD, untied).problems
    assert uses(city, resource) == [["perpus", "reuse", today(), today()]], "what followed from a request stays"


def test_what_is_promised_is_not_undercut(city: Store) -> None:
    resource = room(city, capacity=10)
    publish(city, Resource, resource)
    record = ask_for(city, resource, 10)
    assert not decide(city, SARI, record, "accepted").problems
    undercut = by(city, HEAD, SaveInput(Resource, resource, {"in_use": 0, "capacity": 9.5}))
    assert codes(undercut) == [("PROMISED", "in_use"), ("PROMISED", "capacity")]
    assert undercut.problems[1].message == "Capacity must be at least 10, the amount already promised to one agency."
    assert codes(by(city, HEAD, SaveInput(Resource, resource, {"in_use": None}))) == [("PROMISED", "in_use")]
    (each,) = save_all(city, BUDI, [SaveInput(Resource, resource, {"in_use": 0})], dry=False)
    assert [one.code for one in each.problems] == ["PROMISED"]
    assert codes(by(city, ADMIN, SaveInput(Request, record, {"quantity": 11}))) == [("PROMISED", "quantity")]
    (number,) = (one["number"] for one in history(city, resource) if one["what"] == "decided")
    assert codes(undo(city, RequestContext(ADMIN, "command"), number)) == [("PROMISED", "in_use")]
    assert codes(decide(city, SARI, ask_for(city, resource, 10), "accepted")) == [("OVERBOOKED", "quantity")]
    assert not by(city, HEAD, SaveInput(Resource, resource, {"capacity": 12, "in_use": 11})).problems
    assert not decide(city, SARI, record, "ended").problems
    assert properties(city, Resource, resource)["in_use"] == 1, "what the owner itself states stays"
    assert not by(city, HEAD, SaveInput(Resource, resource, {"in_use": 0, "capacity": 1})).problems


def test_a_request_is_between_two_and_decided_by_no_other_way(city: Store) -> None:
    resource = room(city)
    publish(city, Resource, resource)
    record = ask_for(city, resource, 1)
    assert set(properties(city, Request, record)["seen_by"]) == {"*administrators", "perpus", "dinkes"}
    assert codes(by(city, LIBRARY, SaveInput(Request, record, {"decision": "accepted"}))) == [("NOT_ALLOWED", "id")]
    stranger = request(city, SARI, ResourceRequest("perpus", resource))
    assert ("NOT_ALLOWED", "steward") in codes(stranger)
    by(city, HEAD, SaveInput(Resource, resource, {"shareability": "not-shared"}))
    assert codes(request(city, TONO, ResourceRequest("perpus", resource))) == [("UNFIT", "resource")]


def test_two_that_are_accepted_at_once_never_overbook(city: Store, place: ConnectionSettings) -> None:
    resource = room(city, capacity=10)
    publish(city, Resource, resource)
    asked = [ask_for(city, resource, 3) for _ in range(6)]
    with ExitStack() as stack, ThreadPoolExecutor(7) as pool:
        servers = [
            stack.enter_context(Store(place)) for _ in range(7)
        ]  # each as another process: none waits for another
        lowering = SaveInput(Resource, resource, {"in_use": 0, "capacity": 9})
        lowered = pool.submit(by, servers[6], HEAD, lowering)
        done = list(pool.map(lambda one, record: decide(one, BUDI, record, "accepted"), servers, asked))
    assert sorted(one.code for each in done for one in each.problems) == ["OVERBOOKED"] * 3
    assert {one.code for one in lowered.result().problems} <= {"PROMISED"}
    assert properties(city, Resource, resource)["in_use"] == 9
    assert len(uses(city, resource)) == 3
    assert verify(city).what is None


def service(store: Store, name: str = "Imunisasi") -> str:
    done = by(store, HEALTH, SaveInput(Service, None, {"name": name, "kind": "public"}))
    assert done.record, done.problems
    publish(store, Service, done.record)
    return done.record


def test_anybody_gives_feedback_and_its_owner_answers(city: Store) -> None:
    about = service(city)
    visitor = RequestContext(ANONYMOUS, "form")
    assert codes(give_feedback(city, visitor, FeedbackInput(about, "  "))) == [("REQUIRED", "text")]
    assert codes(give_feedback(city, visitor, FeedbackInput(about, "x" * 10_001))) == [("UNFIT", "text")]
    done = give_feedback(city, visitor, FeedbackInput(about, "Antreannya panjang.", contact="warga@example.org"))
    assert done.record, done.problems
    assert "*" not in properties(city, Feedback, done.record)["seen_by"]
    assert codes(answer_feedback(city, TONO, done.record, "Maaf.")) == [("NOT_FOUND", "id")]
    assert not answer_feedback(city, SARI, done.record, "Kami tambah loket.").problems
    answered = properties(city, Feedback, done.record)
    assert (answered["answer"], answered["answered"], answered["shown_to"]) == ("Kami tambah loket.", today(), ["*"])
    told = str(history(city, done.record))
    assert "warga@example.org" not in told and "Antreannya" not in told


def channel(store: Store, of: str) -> str:
    made = SaveInput(Channel, None, {"kind": "phone", "address": "112"}, {"service": LinkChange({of: {}})})
    done = by(store, HEALTH, made)
    assert done.record, done.problems
    publish(store, Channel, done.record)
    return done.record


def test_feedback_came_by_a_channel_of_its_service(city: Store) -> None:
    about, other = service(city), service(city, "Vaksinasi")
    visitor = RequestContext(ANONYMOUS, "form")
    refused = give_feedback(city, visitor, FeedbackInput(about, "Tidak diangkat.", channel(city, other)))
    assert codes(refused) == [("UNKNOWN_RECORD", "channel")]
    assert codes(give_feedback(city, visitor, FeedbackInput(about, "Halo?", "channel:none"))) == codes(refused)
    own = channel(city, about)
    done = give_feedback(city, visitor, FeedbackInput(about, "Tidak diangkat.", own))
    assert done.record, done.problems
    through = read_state(Feedback, city.read(write.state(Feedback, done.record)))
    assert through and through.ties["channel"] == {own: {}}


def test_the_keys_of_who_is_not_known_stand_in_nobodys_way(city: Store) -> None:
    about = service(city)

    def give(text: str, who: Actor = ANONYMOUS) -> MutationResult:
        return give_feedback(
            city, RequestContext(who, "api", "1", {"service": about, "text": text}), FeedbackInput(about, text)
        )

    first, other, again, signed_in = give("Bagus."), give("Kurang bagus."), give("Bagus."), give("Bagus.", LIBRARY)
    assert not any(one.problems for one in (first, other, again, signed_in))
    assert first.record == again.record and len({first.record, other.record, signed_in.record}) == 3
    assert codes(give("Lain.", LIBRARY)) == [("KEY_REUSED", "key")]


def test_private_feedback_stays_private_and_is_erased_when_asked(city: Store) -> None:
    about = service(city)
    done = give_feedback(
        city, RequestContext(ANONYMOUS, "form"), FeedbackInput(about, "Rahasia.", private=True, contact="0812")
    )
    assert done.record
    assert not answer_feedback(city, SARI, done.record, "Terima kasih.").problems
    assert "*" not in properties(city, Feedback, done.record)["seen_by"]
    assert codes(erase(city, TONO, done.record)) == [("NOT_FOUND", "id")]
    assert city.read(audit_log.contact_of(done.record)) == [["0812"]]
    assert codes(erase(city, SARI, done.record)) == [("NOT_ALLOWED", "id")], "nor does who is criticised erase it"
    assert not erase(city, RequestContext(ADMIN, "command"), done.record).problems
    assert city.read(audit_log.contact_of(done.record)) == []
    assert "Rahasia" not in str([properties(city, Feedback, done.record), history(city, done.record)])
    assert verify(city).what is None
