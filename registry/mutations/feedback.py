"""Feedback on services: submit, answer and erase it."""

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
    """Feedback on a service, optionally with the channel used, a wish for privacy, and contact details."""

    service: str
    text: str
    channel: str | None = None
    private: bool = False
    contact: str = ""


def give_feedback(store: Store, context: RequestContext, feedback: FeedbackInput) -> MutationResult:
    """Store feedback; until it is answered, only the users entitled to answer can read it. Raises StoreError."""

    def work(transaction: Transaction) -> RecordState:
        service = visible_in_full(transaction, Service, feedback.service, PUBLISHED)
        if feedback.channel:
            _check_channel(transaction, feedback.channel, service)
        _check_text("text", feedback.text)
        record, problems = make_record(Feedback, _record_values(feedback, service))
        if record is None:
            raise ValidationFailed(
                *(replace(one, field="text") if one.field == "description" else one for one in problems)
            )
        if contact := clean_input(Text, feedback.contact, "contact"):
            transaction.ask(audit_log.put_contact(record.id, contact))
        kept = replace(empty_state(Feedback), properties=record.values, ties=_ties(feedback, service))
        return transaction.keep(None, kept, "created")

    return change(store, context, Feedback, work)


def answer_feedback(store: Store, context: RequestContext, record: str, answer: str) -> MutationResult:
    """Answer feedback and publish both, unless its sender asked for privacy. Raises StoreError."""

    def work(transaction: Transaction) -> RecordState:
        before = _answerable(transaction, record)
        check_status(before, ACTIVE)
        _check_text("answer", answer)
        said = {"answer": answer, "answered": before.properties.get("answered") or today()}
        shown = {"status": "published", "access": "closed" if before.properties.get("private") else "open"}
        record_, problems = make_record(Feedback, {**before.given(), **said, **shown})
        if record_ is None:
            raise ValidationFailed(*problems)
        return transaction.keep(before, replace(before, properties={**before.properties, **record_.values}), "answered")

    return change(store, context, Feedback, work)


def contact(store: Store, record: str) -> str:
    """Return the contact details of the sender of feedback; "" if there are none.

    The caller checks that the user may answer the feedback. Raises StoreError.
    """
    rows = store.read(audit_log.contact_of(record))
    return str(rows[0][0]) if rows else ""


def erase(store: Store, context: RequestContext, record: str) -> MutationResult:
    """Erase the text of feedback and the sender's contact details; the record itself and its dates remain.

    Raises StoreError.
    """

    def work(transaction: Transaction) -> RecordState:
        before = find_or_fail(transaction, Feedback, record)
        if not transaction.actor.is_admin:  # the criticised agency must not erase it
            raise ValidationFailed(not_allowed(_("Only an administrator can do this.")))
        kept = transaction.keep(
            before, replace(before, properties={**before.properties, "description": None}), "erased"
        )
        transaction.ask(audit_log.erase_contact(record))  # last: the audit event needs the salt that this deletes
        return kept

    return change(store, context, Feedback, work)


def _answerable(transaction: Transaction, record: str) -> RecordState:
    """Return the feedback if the actor may answer it. Raises ValidationFailed."""
    state = find_or_fail(transaction, Feedback, record)
    if not can(transaction.actor, Action.ANSWER, state.properties):
        raise ValidationFailed(not_allowed(role_needed(Action.ANSWER)))
    return state


def _check_channel(transaction: Transaction, channel: str, service: RecordState) -> None:
    """Reject a channel of another service, whose steward would not be the one to answer."""
    state = transaction.find(Channel, channel)
    if state is None or service.id not in state.ties["service"]:
        message = _("This service has no such channel.")
        raise ValidationFailed(
            Problem("UNKNOWN_RECORD", "channel", show(channel), _("a channel of the service"), message)
        )


def _check_text(field: str, text: str) -> None:
    if not text.strip():
        raise ValidationFailed(Problem("REQUIRED", field, "", _("a few words"), _("Say what you want to say.")))


def _record_values(feedback: FeedbackInput, service: RecordState) -> dict[str, object]:
    # Status "proposed" makes it visible to the steward, who answers it.
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
