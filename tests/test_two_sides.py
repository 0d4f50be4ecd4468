"""What needs more than one: agreements that parties confirm, levels that they state, requests, and feedback."""

from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from registry.access import ADMIN, ANONYMOUS, Actor
from registry.changing.auditing import verify
from registry.changing.hearing import Heard, answer_feedback, erase, give_feedback
from registry.changing.requesting import Wish, decide, request
from registry.changing.saving import LinkChange, Saving
from registry.changing.state import read_state
from registry.changing.stating import confirm, state_level, withdraw
from registry.changing.steps import PROPOSE, take
from registry.changing.turn import Asking, Outcome
from registry.clock import today
from registry.cypher import contacts, states
from registry.model import Channel, Feedback, Need, Partnership, Request, Resource, Service, Statement
from registry.store import Store
from tests.engines import SLOW_ON_NEO4J
from tests.town import HEAD, HEALTH, LIBRARY, by, codes, history, properties, publish, room, settle

pytestmark = SLOW_ON_NEO4J

SARI, TONO, BUDI = Asking(HEALTH, "form"), Asking(LIBRARY, "form"), Asking(HEAD, "form")


@pytest.fixture
def city(store: Store) -> Store:
    """Two agencies, published, and a sector."""
    return settle(store)


def agreement(store: Store) -> str:
    """An agreement of both agencies that the health agency has handed in."""
    parties = LinkChange({"dinkes": {"role": "lead"}, "perpus": {"role": "partner"}})
    done = by(store, HEALTH, Saving(Partnership, None, {"name": "Pojok baca"}, {"parties": parties}))
    assert done.record, done.problems
    assert codes(confirm(store, TONO, done.record, "perpus", "confirmed")) == [("NOT_FOUND", "id")]
    assert not take(store, SARI, Partnership, done.record, PROPOSE).problems
    return done.record


def parties(store: Store, record: str) -> dict[str, dict[str, object]]:
    kind = Partnership
    ends = [end.name for end in states.own_ends(kind)]
    row = store.read(states.state(kind, record))[0]
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
    done = by(city, HEALTH, Saving(Partnership, record, {}, {"parties": forged}))
    assert codes(done) == [("NOT_ALLOWED", "parties.standing")]
    assert not confirm(city, TONO, record, "perpus", "confirmed").problems
    changed = by(
        city, HEALTH, Saving(Partnership, record, {}, {"parties": LinkChange({"perpus": {"role": "witness"}})})
    )
    assert not changed.problems
    assert {"role": "witness", "standing": "confirmed"}.items() <= parties(city, record)["perpus"].items()
    told = Saving(
        Statement, None, {"scale": "four-c", "level": 4, "on": "2026-01-01"}, {"agency": LinkChange({"perpus": {}})}
    )
    assert codes(by(city, HEALTH, told)) == [("NOT_ALLOWED", "id")]


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


def ask_for(store: Store, resource: str, quantity: float, asking: Asking = TONO) -> str:
    done = request(store, asking, Wish("perpus", resource, properties={"quantity": quantity, "until": "2030-12-31"}))
    assert done.record, done.problems
    return done.record


def test_a_request_that_is_accepted_becomes_a_use(city: Store) -> None:
    resource = room(city, capacity=100, unit="kursi")
    publish(city, Resource, resource)
    record = ask_for(city, resource, 60)
    assert codes(decide(city, TONO, record, "accepted")) == [("NOT_ALLOWED", "id")]
    assert not decide(city, SARI, record, "accepted", "Silakan.").problems
    assert properties(city, Resource, resource)["in_use"] == 60
    users = dict(city.read(states.state(Resource, resource))[0][2])
    assert users["perpus"].items() >= {"role": "first", "since": today(), "until": "2030-12-31"}.items()
    assert codes(decide(city, SARI, record, "declined")) == [("WRONG_STATUS", "decision")]
    assert codes(decide(city, SARI, ask_for(city, resource, 50), "accepted")) == [("OVERBOOKED", "quantity")]
    assert not decide(city, SARI, record, "ended").problems
    assert properties(city, Resource, resource)["in_use"] == 0
    assert properties(city, Request, record)["decision"] == "ended"


def test_a_request_is_between_two_and_decided_by_no_other_way(city: Store) -> None:
    resource = room(city)
    publish(city, Resource, resource)
    record = ask_for(city, resource, 1)
    assert set(properties(city, Request, record)["seen_by"]) == {"*administrators", "perpus", "dinkes"}
    assert codes(by(city, LIBRARY, Saving(Request, record, {"decision": "accepted"}))) == [("NOT_ALLOWED", "id")]
    stranger = request(city, SARI, Wish("perpus", resource))
    assert ("NOT_ALLOWED", "steward") in codes(stranger)
    by(city, HEAD, Saving(Resource, resource, {"shareability": "not-shared"}))
    assert codes(request(city, TONO, Wish("perpus", resource))) == [("UNFIT", "resource")]


def test_two_that_are_accepted_at_once_never_overbook(city: Store) -> None:
    resource = room(city, capacity=10)
    publish(city, Resource, resource)
    asked = [ask_for(city, resource, 3) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda record: decide(city, BUDI, record, "accepted"), asked))
    assert sorted(one.code for each in done for one in each.problems) == ["OVERBOOKED"] * 3
    assert properties(city, Resource, resource)["in_use"] == 9
    assert verify(city).what is None


def service(store: Store, name: str = "Imunisasi") -> str:
    done = by(store, HEALTH, Saving(Service, None, {"name": name, "kind": "public"}))
    assert done.record, done.problems
    publish(store, Service, done.record)
    return done.record


def test_anybody_gives_feedback_and_its_owner_answers(city: Store) -> None:
    about = service(city)
    visitor = Asking(ANONYMOUS, "form")
    assert codes(give_feedback(city, visitor, Heard(about, "  "))) == [("REQUIRED", "text")]
    assert codes(give_feedback(city, visitor, Heard(about, "x" * 10_001))) == [("UNFIT", "text")]
    done = give_feedback(city, visitor, Heard(about, "Antreannya panjang.", contact="warga@example.org"))
    assert done.record, done.problems
    assert "*" not in properties(city, Feedback, done.record)["seen_by"]
    assert codes(answer_feedback(city, TONO, done.record, "Maaf.")) == [("NOT_FOUND", "id")]
    assert not answer_feedback(city, SARI, done.record, "Kami tambah loket.").problems
    answered = properties(city, Feedback, done.record)
    assert (answered["answer"], answered["answered"], answered["shown_to"]) == ("Kami tambah loket.", today(), ["*"])
    told = str(history(city, done.record))
    assert "warga@example.org" not in told and "Antreannya" not in told


def channel(store: Store, of: str) -> str:
    made = Saving(Channel, None, {"kind": "phone", "address": "112"}, {"service": LinkChange({of: {}})})
    done = by(store, HEALTH, made)
    assert done.record, done.problems
    publish(store, Channel, done.record)
    return done.record


def test_feedback_came_by_a_channel_of_its_service(city: Store) -> None:
    about, other = service(city), service(city, "Vaksinasi")
    visitor = Asking(ANONYMOUS, "form")
    refused = give_feedback(city, visitor, Heard(about, "Tidak diangkat.", channel(city, other)))
    assert codes(refused) == [("UNKNOWN_RECORD", "channel")]
    assert codes(give_feedback(city, visitor, Heard(about, "Halo?", "channel:none"))) == codes(refused)
    own = channel(city, about)
    done = give_feedback(city, visitor, Heard(about, "Tidak diangkat.", own))
    assert done.record, done.problems
    through = read_state(Feedback, city.read(states.state(Feedback, done.record)))
    assert through and through.ties["channel"] == {own: {}}


def test_the_keys_of_who_is_not_known_stand_in_nobodys_way(city: Store) -> None:
    about = service(city)

    def give(text: str, who: Actor = ANONYMOUS) -> Outcome:
        return give_feedback(city, Asking(who, "api", "1", {"service": about, "text": text}), Heard(about, text))

    first, other, again, signed_in = give("Bagus."), give("Kurang bagus."), give("Bagus."), give("Bagus.", LIBRARY)
    assert not any(one.problems for one in (first, other, again, signed_in))
    assert first.record == again.record and len({first.record, other.record, signed_in.record}) == 3
    assert codes(give("Lain.", LIBRARY)) == [("KEY_REUSED", "key")]


def test_private_feedback_stays_private_and_is_erased_when_asked(city: Store) -> None:
    about = service(city)
    done = give_feedback(city, Asking(ANONYMOUS, "form"), Heard(about, "Rahasia.", private=True, contact="0812"))
    assert done.record
    assert not answer_feedback(city, SARI, done.record, "Terima kasih.").problems
    assert "*" not in properties(city, Feedback, done.record)["seen_by"]
    assert codes(erase(city, TONO, done.record)) == [("NOT_FOUND", "id")]
    assert city.read(contacts.of(done.record)) == [["0812"]]
    assert codes(erase(city, SARI, done.record)) == [("NOT_ALLOWED", "id")], "nor does who is criticised erase it"
    assert not erase(city, Asking(ADMIN, "command"), done.record).problems
    assert city.read(contacts.of(done.record)) == []
    assert "Rahasia" not in str([properties(city, Feedback, done.record), history(city, done.record)])
    assert verify(city).what is None


def test_a_need_is_posted_for_the_own_agency_only(city: Store) -> None:
    foreign = Saving(Need, None, {"name": "Ruang", "kind": "facility"}, {"agency": LinkChange({"dinkes": {}})})
    assert codes(by(city, LIBRARY, foreign)) == [("NOT_ALLOWED", "agency")]
    assert not by(city, ADMIN, foreign).problems
    assert orjson.loads(
        history(city, by(city, LIBRARY, Saving(Need, "need:own", {"name": "Ruang", "kind": "facility"})).record or "")[
            0
        ]["after"]
    )
