"""Check a change against the rules. The transaction of the change reads the other records that the rules need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from registry.clock import today
from registry.database import write
from registry.database.write import own_ends
from registry.model.definitions import Request, Resource
from registry.model.kinds import End
from registry.model.records import Problem, contradictions, itself, show
from registry.model.rules import Promise, circular, of_request, too_few, undercut, withdrawn
from registry.mutations.audit_events import RecordState, empty_state, ties_beyond

if TYPE_CHECKING:
    from registry.mutations.transaction import Transaction


def broken_rules(transaction: Transaction, before: RecordState | None, after: RecordState) -> Iterator[Problem]:
    """Yield a problem for each rule that a change breaks.

    Rules about a single record are checked earlier, when its values are cleaned (`registry.model.records`). If the record broke a
    rule before the change, it may still break that rule. For a retired record, only the quantities promised to requests are
    checked.
    """
    old = before or empty_state(after.kind)
    if after.kind is Resource and before:
        yield from _promise_problems(transaction, old, after)
    if after.properties.get("status") == "retired":
        return
    for end in own_ends(after.kind):
        yield from _link_problems(transaction, end, old, after)
    if after.kind is Request:
        yield from _request_problems(transaction, old, after)


def promises_of(transaction: Transaction, resource: str, *, but: str | None = None) -> list[Promise]:
    """Return the quantities of a resource that are promised to accepted requests, except to the request `but`."""
    rows = transaction.run(write.promised([resource], day=today()))[0][0]
    return [Promise(*rest) for _resource, *rest in rows if rest[0] != but]


def _link_problems(transaction: Transaction, end: End, old: RecordState, after: RecordState) -> Iterator[Problem]:
    was, ties = old.ties[end.name], after.ties[end.name]
    for far, values in ties_beyond(ties, was).items():
        for one in contradictions(end.link.properties, values):
            yield replace(one, field=f"{end.name}.{one.field}")
        if far == after.id and end.kind == end.target:
            yield itself(end, far)
    if end.link.acyclic and (new := [far for far in ties if far not in was and far != after.id]):
        yield from circular(end, after.id, new, lambda ids: set(transaction.run(write.far_ids(end, list(ids)))[0][0]))
    if end.link.at_least and (was.keys() != ties.keys() or _differs(old, after, "status")):
        yield from too_few(end, after.properties.get("status"), len(ties))


def _promise_problems(transaction: Transaction, old: RecordState, resource: RecordState) -> Iterator[Problem]:
    """Yield a problem for each change of a resource that breaks a promise made to an accepted request."""
    if _differs(old, resource, "in_use", "capacity", "available_since", "status"):
        known = promises_of(transaction, resource.id)
        if _differs(old, resource, "available_since", "status"):
            yield from withdrawn(resource.properties, known)
        if _differs(old, resource, "in_use", "capacity"):
            yield from undercut(resource.properties, known)


def _request_problems(transaction: Transaction, old: RecordState, request: RecordState) -> Iterator[Problem]:
    """Yield a problem for each reason why the resource cannot satisfy a request."""
    moved = old.ties["resource"].keys() != request.ties["resource"].keys()
    affected = moved or _differs(old, request, "decision", "since", "quantity", "until")
    for one in request.ties["resource"] if affected else ():
        if resource := transaction.get(Resource, one):
            yield from of_request(request.properties, resource.properties, today())
            yield from _capacity_problems(transaction, request, resource)


def _capacity_problems(transaction: Transaction, request: RecordState, resource: RecordState) -> Iterator[Problem]:
    """Yield a problem if accepting the request would promise more than the capacity of the resource."""
    quantity, until = request.properties.get("quantity"), request.properties.get("until")
    over = until is not None and str(until) < today()
    if request.properties.get("decision") == "accepted" and quantity and not over:
        agency = next(iter(request.ties["agency"]), "")
        own = Promise(request.id, agency, float(str(quantity)))
        problems = list(undercut(resource.properties, [*promises_of(transaction, resource.id, but=request.id), own]))
        for problem in problems[-1:]:  # the last one is about the capacity, which matters most
            yield replace(problem, field="quantity", value=show(quantity))


def _differs(old: RecordState, after: RecordState, *names: str) -> bool:
    return any(old.properties.get(name) != after.properties.get(name) for name in names)
