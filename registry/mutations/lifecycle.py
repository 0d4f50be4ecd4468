"""The lifecycle of a record: propose, approve, send back, retire."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from registry.database.driver import Store
from registry.i18n import _
from registry.model.kinds import Kind
from registry.model.records import Problem, show
from registry.mutations.audit_events import RecordState
from registry.mutations.save import check_by_hand, not_allowed, stale
from registry.mutations.transaction import MutationResult, RequestContext, Transaction, ValidationFailed, change
from registry.permissions import Action, Actor, can


@dataclass(frozen=True)
class Transition:
    """From which statuses a step leads to which, who may take it, and what the chain of changes calls it."""

    what: str
    action: Action
    of: tuple[str, ...]
    to: str


STANDING, PUBLISHED = ("draft", "proposed", "published"), ("published",)
PROPOSE = Transition("proposed", Action.PROPOSE, ("draft",), "proposed")
APPROVE = Transition("approved", Action.APPROVE, ("proposed",), "published")
SEND_BACK = Transition("sent-back", Action.APPROVE, ("proposed",), "draft")
RETIRE = Transition("retired", Action.RETIRE, STANDING, "retired")


def take(
    store: Store,
    asking: RequestContext,
    kind: type[Kind],
    record: str,
    step: Transition,
    note: str = "",
    version: int | None = None,
) -> MutationResult:
    """Take a step with a record; `version` is the one that was looked at. Raises StoreError."""
    return change(store, asking, kind, lambda turn: taken(turn, kind, record, step, note, version))


def taken(
    turn: Transaction, kind: type[Kind], record: str, step: Transition, note: str, version: int | None
) -> RecordState:
    """Do what `take` does within a turn. Raises changing.turn.Refused."""
    before = found(turn, kind, record)
    if step is not RETIRE:
        check_by_hand(turn, kind)
    if not may_take(turn.actor, step, before.properties):
        raise ValidationFailed(not_allowed(_("You may not do this with this record.")))
    if version is not None and version != before.version:
        raise ValidationFailed(stale(version, before.version))
    check_stands(before, step.of)
    after = replace(before, properties={**before.properties, "status": step.to, **_told(before, step)})
    return turn.keep(before, after, step.what, note.strip() or None)


def _told(before: RecordState, step: Transition) -> dict[str, object]:
    """Return who is granted sight by a step: an agreement that is handed in is shown to its parties, who confirm it."""
    if step is not PROPOSE or "parties" not in before.ties:
        return {}
    granted = before.properties.get("grants")
    return {"grants": sorted({*(granted if isinstance(granted, list) else []), *before.ties["parties"]})}


def found(turn: Transaction, kind: type[Kind], record: str) -> RecordState:
    """Return a record as it stands. Raises Refused where the actor finds none."""
    state = turn.find(kind, record)
    if state is None:
        rule = _("the id of a record of the kind {kind}").format(kind=_(kind.__name__))
        raise ValidationFailed(Problem("NOT_FOUND", "id", show(record), rule, _("There is no such record.")))
    return state


def whole(turn: Transaction, kind: type[Kind], record: str, statuses: Collection[str]) -> RecordState:
    """Return a record at one of some statuses, of which the actor sees all: who sees less cannot speak of it. Raises Refused."""
    state = found(turn, kind, record)
    if not can(turn.actor, Action.SEE_DETAIL, state.properties):
        raise ValidationFailed(not_allowed(_("Only its face is shown to you; its steward may show you the rest.")))
    check_stands(state, statuses)
    return state


def check_stands(state: RecordState, statuses: Collection[str]) -> None:
    """Refuse what cannot be done with a record at another status. Raises Refused."""
    status = str(state.properties.get("status"))
    if status not in statuses:
        rule = _("a record that is {status}").format(status=" / ".join(statuses))
        message = _("Where this record stands, it cannot be done.")
        raise ValidationFailed(Problem("WRONG_STATUS", "status", status, rule, message))


def may_take(actor: Actor, step: Transition, record: Mapping[str, object]) -> bool:
    """Tell whether an actor may take a step with a record."""
    return can(actor, action_of(step, record), record)


def action_of(step: Transition, record: Mapping[str, object]) -> Action:
    """Return the action that a step with a record is; who may make drafts may withdraw them, too."""
    withdraws = step is RETIRE and record.get("status") == "draft"
    return Action.PROPOSE if withdraws else step.action
