"""Requests to use a resource, and the decisions of its owner."""

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
from registry.mutations.checks import promises
from registry.mutations.lifecycle import PUBLISHED, check_stands, found, whole
from registry.mutations.save import LinkChange, Saving, not_allowed, prepared
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
class ResourceRequest:
    """What an agency asks for: which resource, for which need if any, how much, from when until when, and why."""

    agency: str
    resource: str
    need: str | None = None
    properties: Mapping[str, object] | None = None


def request(store: Store, asking: RequestContext, wish: ResourceRequest) -> MutationResult:
    """Ask to use a resource. It is shown to who asks and to the resource's steward only. Raises StoreError."""

    def work(turn: Transaction) -> RecordState:
        resource = whole(turn, Resource, wish.resource, PUBLISHED)
        steward = resource.properties.get("steward")
        if resource.properties.get("shareability") == "not-shared" or not steward:
            message = (
                _("This resource is not shared; ask its owner about it.") if steward else _("Nobody answers for it.")
            )
            raise ValidationFailed(
                Problem("UNFIT", "resource", wish.resource, _("a resource that can be asked for"), message)
            )
        agency = turn.find(Agency, wish.agency)
        name = " – ".join(str(one.properties["name"]) for one in (resource, agency) if one)[:500]
        links = {"agency": wish.agency, "resource": wish.resource, **({"need": wish.need} if wish.need else {})}
        saving = Saving(
            Request,
            None,
            {**(wish.properties or {}), "name": name, "steward": wish.agency, "access": "closed", "grants": [steward]},
            {end: LinkChange({far: {}}) for end, far in links.items()},
            another=True,
        )
        draft = prepared(turn, None, saving)
        return turn.keep(None, replace(draft, properties={**draft.properties, "status": "published"}), "created")

    return change(store, asking, Request, work)


def decide(store: Store, asking: RequestContext, record: str, decision: str, answer: str = "") -> MutationResult:
    """Say for a resource's steward that a request is `accepted` or `declined`, or that a use has `ended`.

    Raises StoreError.
    """

    def work(turn: Transaction) -> RecordState:
        before = found(turn, Request, record)
        resource = _asked_for(turn, before)
        check_stands(before, PUBLISHED)
        if decision not in _FOLLOWS or before.properties.get("decision") != _FOLLOWS[decision]:
            stands = str(before.properties.get("decision") or "")
            message = _("Where this request stands, it cannot be done.")
            raise ValidationFailed(
                Problem("WRONG_STATUS", "decision", stands, _("a request that waits for this"), message)
            )
        said: dict[str, object] = {
            "decision": decision,
            "decided_on": today(),
            "answer": cleaned(Prose, answer, "answer") or None,
        }
        if decision == "accepted":
            said["since"] = before.properties.get("since") or _first_day(resource)
            turn.keep(resource, _with_taken(turn, resource, before), "decided")
        after = turn.keep(before, replace(before, properties={**before.properties, **said}), "decided")
        if decision == "ended":
            turn.keep(resource, _with_given_back(turn, resource, before), "decided")
        return after

    return change(store, asking, Request, work)


_FOLLOWS = {"accepted": None, "declined": None, "ended": "accepted"}


def _asked_for(turn: Transaction, request: RecordState) -> RecordState:
    """Return the resource of a request, for who answers for it. Raises Refused."""
    resource = turn.look(Resource, next(iter(request.ties["resource"]), ""))
    if resource is None or not can(turn.actor, Action.ANSWER, resource.properties):
        raise ValidationFailed(not_allowed(_("The steward of the resource answers this.")))
    return resource


def _first_day(resource: RecordState) -> str:
    """Return the day on which a use begins that was asked for without one."""
    return max(today(), str(resource.properties.get("available_since") or ""))


def _with_taken(turn: Transaction, resource: RecordState, request: RecordState) -> RecordState:
    """Return a resource with what a request asks for taken. Raises Refused where so much is not free."""
    quantity = _number(request, "quantity")
    if not quantity:
        return resource
    taken = max(_number(resource, "in_use"), total(promises(turn, resource.id)))
    in_use = round(taken + quantity, DIGITS)
    if "capacity" in resource.properties and in_use > _number(resource, "capacity"):
        free = max(0.0, _number(resource, "capacity") - taken)
        message = _("Only {free} are free.").format(free=amount(free))
        raise ValidationFailed(Problem("OVERBOOKED", "quantity", show(quantity), _("at most what is free"), message))
    return replace(resource, properties={**resource.properties, "in_use": in_use})


def _with_given_back(turn: Transaction, resource: RecordState, request: RecordState) -> RecordState:
    """Return a resource with what was promised for a request free again; what others were promised stays taken."""
    quantity = _number(request, "quantity")
    if not quantity:
        return resource
    in_use = round(_number(resource, "in_use") - quantity, DIGITS)
    others = total(promises(turn, resource.id, but=request.id))
    return replace(resource, properties={**resource.properties, "in_use": max(0.0, in_use, others)})


def _number(state: RecordState, name: str) -> float:
    return float(str(state.properties.get(name) or 0))
