"""The lifecycle of a record: propose, approve, send back and retire it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from registry.database.driver import Store
from registry.i18n import _
from registry.model.codelists import code_label
from registry.model.kinds import Kind
from registry.model.records import Problem, show
from registry.mutations.audit_events import RecordState
from registry.mutations.save import check_by_hand, not_allowed, stale
from registry.mutations.transaction import MutationResult, RequestContext, Transaction, ValidationFailed, change
from registry.permissions import Action, Actor, can, role_needed


@dataclass(frozen=True)
class Transition:
    """A transition between two statuses of a record.

    The fields are the transition's name in the audit log, the action that a user must be allowed to perform, the possible statuses
    before the transition, and the status after it.
    """

    what: str
    action: Action
    of: tuple[str, ...]
    to: str


ACTIVE, PUBLISHED = ("draft", "proposed", "published"), ("published",)
PROPOSE = Transition("proposed", Action.PROPOSE, ("draft",), "proposed")
APPROVE = Transition("approved", Action.APPROVE, ("proposed",), "published")
SEND_BACK = Transition("sent-back", Action.APPROVE, ("proposed",), "draft")
RETIRE = Transition("retired", Action.RETIRE, ACTIVE, "retired")


def make_transition(
    store: Store,
    context: RequestContext,
    kind: type[Kind],
    record: str,
    step: Transition,
    note: str = "",
    version: int | None = None,
) -> MutationResult:
    """Change the status of a record. Raises StoreError.

    `version` is the version of the record that the user saw.
    """
    return change(
        store, context, kind, lambda transaction: make_transition_in(transaction, kind, record, step, note, version)
    )


def make_transition_in(
    transaction: Transaction, kind: type[Kind], record: str, step: Transition, note: str, version: int | None
) -> RecordState:
    """Change the status of a record within a transaction, as `make_transition` does. Raises ValidationFailed."""
    before = find_or_fail(transaction, kind, record)
    if step is not RETIRE:
        check_by_hand(transaction, kind)
    if not is_allowed(transaction.actor, step, before.properties):
        raise ValidationFailed(not_allowed(role_needed(action_of(step, before.properties))))
    if version is not None and version != before.version:
        raise ValidationFailed(stale(version, before.version))
    check_status(before, step.of)
    after = replace(before, properties={**before.properties, "status": step.to, **_added_grants(before, step)})
    return transaction.write(before, after, step.what, note.strip() or None)


def _added_grants(before: RecordState, step: Transition) -> dict[str, object]:
    """Return the access grants that a transition adds.

    A proposed agreement becomes visible to its parties, so that they can confirm it.
    """
    if step is not PROPOSE or "parties" not in before.ties:
        return {}
    granted = before.properties.get("grants")
    return {"grants": sorted({*(granted if isinstance(granted, list) else []), *before.ties["parties"]})}


def find_or_fail(transaction: Transaction, kind: type[Kind], record: str) -> RecordState:
    """Return the stored record with this id.

    Raises ValidationFailed if no record has this id, or if the actor cannot see the record.
    """
    state = transaction.find(kind, record)
    if state is None:
        rule = _("the id of a record of the kind {kind}").format(kind=_(kind.__name__))
        raise ValidationFailed(Problem("NOT_FOUND", "id", show(record), rule, _("There is no such record.")))
    return state


def visible_in_full(transaction: Transaction, kind: type[Kind], record: str, statuses: Collection[str]) -> RecordState:
    """Return a record.

    Raises ValidationFailed if the record's status is not in `statuses`, or if the actor cannot see the record's details.
    """
    state = find_or_fail(transaction, kind, record)
    if not can(transaction.actor, Action.VIEW_DETAILS, state.properties):
        message = _("You can see only a summary of this record. Ask its steward for access to the rest.")
        raise ValidationFailed(not_allowed(message))
    check_status(state, statuses)
    return state


def check_status(state: RecordState, statuses: Collection[str]) -> None:
    """Raise ValidationFailed if the status of the record is not in `statuses`."""
    status = str(state.properties.get("status"))
    if status not in statuses:
        labels = " / ".join(code_label("status", one) for one in statuses)
        rule = _("a record with the status {status}").format(status=labels)
        message = _("Not available for a record with the status {status}.").format(status=code_label("status", status))
        raise ValidationFailed(Problem("WRONG_STATUS", "status", status, rule, message))


def is_allowed(actor: Actor, step: Transition, record: Mapping[str, object]) -> bool:
    """Return whether an actor may make this status transition of a record."""
    return can(actor, action_of(step, record), record)


def action_of(step: Transition, record: Mapping[str, object]) -> Action:
    """Return the action that a status transition requires. A user with the right to create a draft can also withdraw it."""
    withdraws = step is RETIRE and record.get("status") == "draft"
    return Action.PROPOSE if withdraws else step.action
