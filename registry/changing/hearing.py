"""Feedback on a service: anybody gives it, whoever answers for the service answers it, and its sender may have it erased."""

import secrets
from dataclasses import dataclass, replace

from registry.access import Action, can
from registry.changing.saving import not_allowed
from registry.changing.state import State, Ties, nothing
from registry.changing.steps import PUBLISHED, STANDING, check_stands, found, whole
from registry.changing.turn import Asking, Outcome, Refused, Turn, change, cleaned
from registry.clock import today
from registry.cypher import contacts
from registry.model import Channel, Feedback, Service
from registry.records import Problem, make_record, show
from registry.store import Store
from registry.values import Text
from registry.words import _


@dataclass(frozen=True)
class Heard:
    """What somebody says about a service, by which channel if any, whether others may read it, and how to reach them."""

    service: str
    text: str
    channel: str | None = None
    private: bool = False
    contact: str = ""


def give_feedback(store: Store, asking: Asking, heard: Heard) -> Outcome:
    """Take in feedback; until it is answered, only who has to answer it reads it. Raises StoreError."""

    def work(turn: Turn) -> State:
        service = whole(turn, Service, heard.service, PUBLISHED)
        if heard.channel:
            _check_channel(turn, heard.channel, service)
        _check_said("text", heard.text)
        record, problems = make_record(Feedback, _given(heard, service))
        if record is None:
            raise Refused(*(replace(one, field="text") if one.field == "description" else one for one in problems))
        if contact := cleaned(Text, heard.contact, "contact"):
            turn.ask(contacts.keep(record.id, contact))
        kept = replace(nothing(Feedback), properties=record.values, ties=_ties(heard, service))
        return turn.keep(None, kept, "created")

    return change(store, asking, Feedback, work)


def answer_feedback(store: Store, asking: Asking, record: str, answer: str) -> Outcome:
    """Answer feedback; unless its sender asked for none, others read both from then on. Raises StoreError."""

    def work(turn: Turn) -> State:
        before = _to_answer(turn, record)
        check_stands(before, STANDING)
        _check_said("answer", answer)
        said = {"answer": answer, "answered": before.properties.get("answered") or today()}
        shown = {"status": "published", "access": "closed" if before.properties.get("private") else "open"}
        record_, problems = make_record(Feedback, {**before.given(), **said, **shown})
        if record_ is None:
            raise Refused(*problems)
        return turn.keep(before, replace(before, properties={**before.properties, **record_.values}), "answered")

    return change(store, asking, Feedback, work)


def contact(store: Store, record: str) -> str:
    """Return how the sender of feedback wants to be reached, for who answers it; "" where that is not known.

    Raises StoreError.
    """
    rows = store.read(contacts.of(record))
    return str(rows[0][0]) if rows else ""


def erase(store: Store, asking: Asking, record: str) -> Outcome:
    """Erase what a sender of feedback wrote and how they can be reached; that there was feedback, and when, stays.

    Raises StoreError.
    """

    def work(turn: Turn) -> State:
        before = found(turn, Feedback, record)
        if not turn.actor.everything:  # who is criticised does not erase it
            raise Refused(not_allowed(_("Only an administrator may.")))
        kept = turn.keep(before, replace(before, properties={**before.properties, "description": None}), "erased")
        turn.ask(contacts.erase(record))  # last: the entry was made with the salt that goes with it
        return kept

    return change(store, asking, Feedback, work)


def _to_answer(turn: Turn, record: str) -> State:
    """Return feedback, for who has to answer it. Raises Refused."""
    state = found(turn, Feedback, record)
    if not can(turn.actor, Action.ANSWER, state.properties):
        raise Refused(not_allowed(_("Whoever answers for the service answers this.")))
    return state


def _check_channel(turn: Turn, channel: str, service: State) -> None:
    """Refuse a channel of another service: who answers for that would be told to answer for this."""
    state = turn.find(Channel, channel)
    if state is None or service.id not in state.ties["service"]:
        message = _("This service has no such channel.")
        raise Refused(Problem("UNKNOWN_RECORD", "channel", show(channel), _("a channel of the service"), message))


def _check_said(field: str, text: str) -> None:
    if not text.strip():
        raise Refused(Problem("REQUIRED", field, "", _("a few words"), _("Say what you want to say.")))


def _given(heard: Heard, service: State) -> dict[str, object]:
    # It waits as what is handed in does: shown to its steward, who is to answer it.
    return {
        "id": f"feedback:{secrets.token_hex(8)}",
        "description": heard.text,
        "received": today(),
        "private": heard.private,
        "access": "closed" if heard.private else "open",
        "steward": service.properties.get("steward"),
        "status": "proposed",
    }


def _ties(heard: Heard, service: State) -> dict[str, Ties]:
    steward = service.properties.get("steward")
    return {
        "service": {service.id: {}},
        "channel": {heard.channel: {}} if heard.channel else {},
        "owner": {str(steward): {}} if steward else {},
    }
