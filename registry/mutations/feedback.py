"""Feedback on services: give, answer and erase it."""

import secrets
from dataclasses import dataclass, replace

from registry.clock import today
from registry.database import audit_log
from registry.database.driver import Store
from registry.i18n import _
from registry.model.definitions import Channel, Feedback, Service
from registry.model.records import Problem, make_record, show
from registry.model.values import Text
from registry.mutations.audit_events import RecordState, Ties, nothing
from registry.mutations.lifecycle import PUBLISHED, STANDING, check_stands, found, whole
from registry.mutations.save import not_allowed
from registry.mutations.transaction import (
    MutationResult,
    RequestContext,
    Transaction,
    ValidationFailed,
    change,
    cleaned,
)
from registry.permissions import Action, can


@dataclass(frozen=True)
class FeedbackInput:
    """What somebody says about a service, by which channel if any, whether others may read it, and how to reach them."""

    service: str
    text: str
    channel: str | None = None
    private: bool = False
    contact: str = ""


def give_feedback(store: Store, asking: RequestContext, heard: FeedbackInput) -> MutationResult:
    """Take in feedback; until it is answered, only who has to answer it reads it. Raises StoreError."""

    def work(turn: Transaction) -> RecordState:
        service = whole(turn, Service, heard.service, PUBLISHED)
        if heard.channel:
            _check_channel(turn, heard.channel, service)
        _check_said("text", heard.text)
        record, problems = make_record(Feedback, _given(heard, service))
        if record is None:
            raise ValidationFailed(
                *(replace(one, field="text") if one.field == "description" else one for one in problems)
            )
        if contact := cleaned(Text, heard.contact, "contact"):
            turn.ask(audit_log.keep(record.id, contact))
        kept = replace(nothing(Feedback), properties=record.values, ties=_ties(heard, service))
        return turn.keep(None, kept, "created")

    return change(store, asking, Feedback, work)


def answer_feedback(store: Store, asking: RequestContext, record: str, answer: str) -> MutationResult:
    """Answer feedback; unless its sender asked for none, others read both from then on. Raises StoreError."""

    def work(turn: Transaction) -> RecordState:
        before = _to_answer(turn, record)
        check_stands(before, STANDING)
        _check_said("answer", answer)
        said = {"answer": answer, "answered": before.properties.get("answered") or today()}
        shown = {"status": "published", "access": "closed" if before.properties.get("private") else "open"}
        record_, problems = make_record(Feedback, {**before.given(), **said, **shown})
        if record_ is None:
            raise ValidationFailed(*problems)
        return turn.keep(before, replace(before, properties={**before.properties, **record_.values}), "answered")

    return change(store, asking, Feedback, work)


def contact(store: Store, record: str) -> str:
    """Return how the sender of feedback wants to be reached, for who answers it; "" where that is not known.

    Raises StoreError.
    """
    rows = store.read(audit_log.of(record))
    return str(rows[0][0]) if rows else ""


def erase(store: Store, asking: RequestContext, record: str) -> MutationResult:
    """Erase what a sender of feedback wrote and how they can be reached; that there was feedback, and when, stays.

    Raises StoreError.
    """

    def work(turn: Transaction) -> RecordState:
        before = found(turn, Feedback, record)
        if not turn.actor.everything:  # who is criticised does not erase it
            raise ValidationFailed(not_allowed(_("Only an administrator may.")))
        kept = turn.keep(before, replace(before, properties={**before.properties, "description": None}), "erased")
        turn.ask(audit_log.erase(record))  # last: the entry was made with the salt that goes with it
        return kept

    return change(store, asking, Feedback, work)


def _to_answer(turn: Transaction, record: str) -> RecordState:
    """Return feedback, for who has to answer it. Raises Refused."""
    state = found(turn, Feedback, record)
    if not can(turn.actor, Action.ANSWER, state.properties):
        raise ValidationFailed(not_allowed(_("Whoever answers for the service answers this.")))
    return state


def _check_channel(turn: Transaction, channel: str, service: RecordState) -> None:
    """Refuse a channel of another service: who answers for that would be told to answer for this."""
    state = turn.find(Channel, channel)
    if state is None or service.id not in state.ties["service"]:
        message = _("This service has no such channel.")
        raise ValidationFailed(
            Problem("UNKNOWN_RECORD", "channel", show(channel), _("a channel of the service"), message)
        )


def _check_said(field: str, text: str) -> None:
    if not text.strip():
        raise ValidationFailed(Problem("REQUIRED", field, "", _("a few words"), _("Say what you want to say.")))


def _given(heard: FeedbackInput, service: RecordState) -> dict[str, object]:
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


def _ties(heard: FeedbackInput, service: RecordState) -> dict[str, Ties]:
    steward = service.properties.get("steward")
    return {
        "service": {service.id: {}},
        "channel": {heard.channel: {}} if heard.channel else {},
        "owner": {str(steward): {}} if steward else {},
    }
