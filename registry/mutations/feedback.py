"""Feedback on services: store feedback, answer it, and erase its text."""

import secrets
from dataclasses import dataclass, replace

from registry.clock import today
from registry.database import audit_log
from registry.database.driver import Store
from registry.i18n import _
from registry.model.definitions import Channel, Feedback, Service
from registry.model.records import Problem, make_record, show
from registry.model.values import Text
from registry.mutations.audit_events import RecordState, Relationships, empty_state
from registry.mutations.lifecycle import ACTIVE, PUBLISHED, check_status, find_or_fail, visible_in_full
from registry.mutations.save import not_allowed
from registry.mutations.transaction import (
    MutationResult,
    RequestContext,
    Transaction,
    ValidationFailed,
    change,
    clean_input,
)
from registry.permissions import Action, can, role_needed


@dataclass(frozen=True)
class FeedbackInput:
    """Feedback on a service, optionally with the channel used, a request for privacy, and contact details."""

    service: str
    text: str
    channel: str | None = None
    private: bool = False
    contact: str = ""


def give_feedback(store: Store, context: RequestContext, feedback: FeedbackInput) -> MutationResult:
    """Store feedback on a service. Raises StoreError.

    Until somebody answers the feedback, only users with the right to answer it can read it.
    """

    def work(transaction: Transaction) -> RecordState:
        service = visible_in_full(transaction, Service, feedback.service, PUBLISHED)
        if feedback.channel:
            _check_channel(transaction, feedback.channel, service)
        _check_text("text", feedback.text)
        record, problems = make_record(Feedback, _answeredvalues(feedback, service))
        if record is None:
            raise ValidationFailed(
                *(replace(one, field="text") if one.field == "description" else one for one in problems)
            )
        if contact := clean_input(Text, feedback.contact, "contact"):
            transaction.run(audit_log.put_contact(record.id, contact))
        state = replace(empty_state(Feedback), properties=record.values, ties=_ties(feedback, service))
        return transaction.write(None, state, "created")

    return change(store, context, Feedback, work)


def answer_feedback(store: Store, context: RequestContext, record: str, answer: str) -> MutationResult:
    """Answer feedback. If the sender did not ask for privacy, publish the feedback and the answer. Raises StoreError."""

    def work(transaction: Transaction) -> RecordState:
        before = _answerable(transaction, record)
        check_status(before, ACTIVE)
        _check_text("answer", answer)
        values = {"answer": answer, "answered": before.properties.get("answered") or today()}
        visibility = {"status": "published", "access": "closed" if before.properties.get("private") else "open"}
        answered, problems = make_record(Feedback, {**before.given(), **values, **visibility})
        if answered is None:
            raise ValidationFailed(*problems)
        return transaction.write(
            before, replace(before, properties={**before.properties, **answered.values}), "answered"
        )

    return change(store, context, Feedback, work)


def contact(store: Store, record: str) -> str:
    """Return the contact details of the person who sent the feedback, or "" if the person gave none. Raises StoreError.

    The caller must check that the user may answer the feedback.
    """
    rows = store.read(audit_log.contact_of(record))
    return str(rows[0][0]) if rows else ""


def erase(store: Store, context: RequestContext, record: str) -> MutationResult:
    """Erase the text of feedback and the sender's contact details. The record and its dates remain. Raises StoreError."""

    def work(transaction: Transaction) -> RecordState:
        before = find_or_fail(transaction, Feedback, record)
        if not transaction.actor.is_admin:  # the agency that the feedback criticises must not erase it
            raise ValidationFailed(not_allowed(_("Only an administrator can erase feedback.")))
        state = transaction.write(
            before, replace(before, properties={**before.properties, "description": None}), "erased"
        )
        # The contact is erased last, because this deletes the salt that the audit event needs.
        transaction.run(audit_log.erase_contact(record))
        return state

    return change(store, context, Feedback, work)


def _answerable(transaction: Transaction, record: str) -> RecordState:
    """Return the feedback. Raises ValidationFailed if the actor may not answer the feedback."""
    state = find_or_fail(transaction, Feedback, record)
    if not can(transaction.actor, Action.ANSWER, state.properties):
        raise ValidationFailed(not_allowed(role_needed(Action.ANSWER)))
    return state


def _check_channel(transaction: Transaction, channel: str, service: RecordState) -> None:
    """Reject a channel of another service, because the steward who answers the feedback is not responsible for that channel."""
    state = transaction.find(Channel, channel)
    if state is None or service.id not in state.ties["service"]:
        message = _("This channel does not belong to the service.")
        raise ValidationFailed(
            Problem("UNKNOWN_RECORD", "channel", show(channel), _("a channel of the service"), message)
        )


def _check_text(field: str, text: str) -> None:
    if not text.strip():
        raise ValidationFailed(Problem("REQUIRED", field, "", _("a text"), _("Enter a text.")))


def _answeredvalues(feedback: FeedbackInput, service: RecordState) -> dict[str, object]:
    # The status "proposed" makes the feedback visible to the steward, who answers it.
    return {
        "id": f"feedback:{secrets.token_hex(8)}",
        "description": feedback.text,
        "received": today(),
        "private": feedback.private,
        "access": "closed" if feedback.private else "open",
        "steward": service.properties.get("steward"),
        "status": "proposed",
    }


def _ties(feedback: FeedbackInput, service: RecordState) -> dict[str, Relationships]:
    steward = service.properties.get("steward")
    return {
        "service": {service.id: {}},
        "channel": {feedback.channel: {}} if feedback.channel else {},
        "owner": {str(steward): {}} if steward else {},
    }
