"""Requests by agencies to use a resource, and the decisions that the steward of the resource makes on them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from registry.clock import today
from registry.database.driver import Store
from registry.i18n import _, amount
from registry.model.definitions import Agency, Request, Resource
from registry.model.records import Problem, show
from registry.model.rules import DIGITS, total
from registry.model.values import Prose
from registry.mutations.audit_events import RecordState
from registry.mutations.checks import promises_of
from registry.mutations.lifecycle import PUBLISHED, check_status, find_or_fail, visible_in_full
from registry.mutations.save import LinkChange, SaveInput, new_state, not_allowed
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
class ResourceRequest:
    """A request of an agency to use a resource, optionally to meet one of the agency's needs.

    `properties` holds the quantity, the dates and the purpose.
    """

    agency: str
    resource: str
    need: str | None = None
    properties: Mapping[str, object] | None = None


def request(store: Store, context: RequestContext, wish: ResourceRequest) -> MutationResult:
    """Request the use of a resource. Raises StoreError.

    Only the requesting agency and the steward of the resource can see the request.
    """

    def work(transaction: Transaction) -> RecordState:
        resource = visible_in_full(transaction, Resource, wish.resource, PUBLISHED)
        steward = resource.properties.get("steward")
        if resource.properties.get("shareability") == "not-shared" or not steward:
            message = (
                _("This resource is not shared. Contact its owner.")
                if steward
                else _("This resource has no steward who could decide on a request.")
            )
            raise ValidationFailed(
                Problem("UNFIT", "resource", wish.resource, _("a resource that can be requested"), message)
            )
        agency = transaction.find(Agency, wish.agency)
        name = " – ".join(str(one.properties["name"]) for one in (resource, agency) if one)[:500]
        links = {"agency": wish.agency, "resource": wish.resource, **({"need": wish.need} if wish.need else {})}
        saving = SaveInput(
            Request,
            None,
            {**(wish.properties or {}), "name": name, "steward": wish.agency, "access": "closed", "grants": [steward]},
            {end: LinkChange({far: {}}) for end, far in links.items()},
            another=True,
        )
        draft = new_state(transaction, None, saving)
        return transaction.write(
            None, replace(draft, properties={**draft.properties, "status": "published"}), "created"
        )

    return change(store, context, Request, work)


def decide(store: Store, context: RequestContext, record: str, decision: str, answer: str = "") -> MutationResult:
    """Decide on a request on behalf of the steward of the resource. Raises StoreError.

    `decision` is `accepted`, `declined`, or `ended`, which ends the use.
    """

    def work(transaction: Transaction) -> RecordState:
        before = find_or_fail(transaction, Request, record)
        resource = _requested_resource(transaction, before)
        check_status(before, PUBLISHED)
        if decision not in _PREVIOUS_DECISION or before.properties.get("decision") != _PREVIOUS_DECISION[decision]:
            current = str(before.properties.get("decision") or "")
            rule = _("an accepted request") if decision == "ended" else _("an open request")
            message = _("A request in this status cannot be changed this way.")
            raise ValidationFailed(Problem("WRONG_STATUS", "decision", current, rule, message))
        values: dict[str, object] = {
            "decision": decision,
            "decided_on": today(),
            "answer": clean_input(Prose, answer, "answer") or None,
        }
        if decision == "accepted":
            values["since"] = before.properties.get("since") or _default_start(resource)
            transaction.write(resource, _with_allocation(transaction, resource, before), "decided")
        after = transaction.write(before, replace(before, properties={**before.properties, **values}), "decided")
        if decision == "ended":
            transaction.write(resource, _with_release(transaction, resource, before), "decided")
        return after

    return change(store, context, Request, work)


_PREVIOUS_DECISION = {"accepted": None, "declined": None, "ended": "accepted"}


def _requested_resource(transaction: Transaction, request: RecordState) -> RecordState:
    """Return the requested resource. Raises ValidationFailed if the actor may not decide on requests for the resource."""
    resource = transaction.get(Resource, next(iter(request.ties["resource"]), ""))
    if resource is None or not can(transaction.actor, Action.ANSWER, resource.properties):
        raise ValidationFailed(not_allowed(role_needed(Action.ANSWER, _("the resource's steward"))))
    return resource


def _default_start(resource: RecordState) -> str:
    """If a request names no first day, return the first day of the granted use."""
    return max(today(), str(resource.properties.get("available_since") or ""))


def _with_allocation(transaction: Transaction, resource: RecordState, request: RecordState) -> RecordState:
    """Return the resource with the requested quantity added to the amount in use.

    Raises ValidationFailed if the free amount is less than the requested quantity.
    """
    quantity = _number(request, "quantity")
    if not quantity:
        return resource
    promised = max(_number(resource, "in_use"), total(promises_of(transaction, resource.id)))
    in_use = round(promised + quantity, DIGITS)
    if "capacity" in resource.properties and in_use > _number(resource, "capacity"):
        free = max(0.0, _number(resource, "capacity") - promised)
        message = _("The available amount is {free}.").format(free=amount(free))
        raise ValidationFailed(
            Problem("OVERBOOKED", "quantity", show(quantity), _("at most the available amount"), message)
        )
    return replace(resource, properties={**resource.properties, "in_use": in_use})


def _with_release(transaction: Transaction, resource: RecordState, request: RecordState) -> RecordState:
    """Return the resource with the request's quantity subtracted from the amount in use.

    The amount in use stays at least as large as the quantities promised to other requests.
    """
    quantity = _number(request, "quantity")
    if not quantity:
        return resource
    in_use = round(_number(resource, "in_use") - quantity, DIGITS)
    others = total(promises_of(transaction, resource.id, but=request.id))
    return replace(resource, properties={**resource.properties, "in_use": max(in_use, others)})


def _number(state: RecordState, name: str) -> float:
    return float(str(state.properties.get(name) or 0))
