"""Check a change against the rules with the state of the graph in its transaction."""

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
from registry.mutations.audit_events import RecordState, nothing, ties_beyond

if TYPE_CHECKING:
    from registry.mutations.transaction import Transaction


def broken(turn: Transaction, before: RecordState | None, after: RecordState) -> Iterator[Problem]:
    """Yield the rules that a record breaks by what is different about it.

    What a record alone can tell is checked where its values are cleaned (`registry.model.records`). What broke a rule before may
    go on as it is, and what is retired only keeps what was promised.
    """
    old = before or nothing(after.kind)
    if after.kind is Resource and before:
        yield from _promised(turn, old, after)
    if after.properties.get("status") == "retired":
        return
    for end in own_ends(after.kind):
        yield from _tied(turn, end, old, after)
    if after.kind is Request:
        yield from _requested(turn, old, after)


def promises(turn: Transaction, resource: str, *, but: str | None = None) -> list[Promise]:
    """Return what is promised of a resource, `but` for one request."""
    rows = turn.ask(write.promised([resource], day=today()))[0][0]
    return [Promise(*rest) for _resource, *rest in rows if rest[0] != but]


def _tied(turn: Transaction, end: End, old: RecordState, after: RecordState) -> Iterator[Problem]:
    was, ties = old.ties[end.name], after.ties[end.name]
    for far, values in ties_beyond(ties, was).items():
        for one in contradictions(end.link.properties, values):
            yield replace(one, field=f"{end.name}.{one.field}")
        if far == after.id and end.kind == end.target:
            yield itself(end, far)
    if end.link.acyclic and (new := [far for far in ties if far not in was and far != after.id]):
        yield from circular(end, after.id, new, lambda ids: set(turn.ask(write.beyond(end, list(ids)))[0][0]))
    if end.link.at_least and (was.keys() != ties.keys() or _differs(old, after, "status")):
        yield from too_few(end, after.properties.get("status"), len(ties))


def _promised(turn: Transaction, old: RecordState, resource: RecordState) -> Iterator[Problem]:
    """Yield what of a resource takes away what others were promised."""
    if _differs(old, resource, "in_use", "capacity", "available_since", "status"):
        known = promises(turn, resource.id)
        if _differs(old, resource, "available_since", "status"):
            yield from withdrawn(resource.properties, known)
        if _differs(old, resource, "in_use", "capacity"):
            yield from undercut(resource.properties, known)


def _requested(turn: Transaction, old: RecordState, request: RecordState) -> Iterator[Problem]:
    """Yield what of a request its resource cannot give."""
    moved = old.ties["resource"].keys() != request.ties["resource"].keys()
    asked = moved or _differs(old, request, "decision", "since", "quantity", "until")
    for one in request.ties["resource"] if asked else ():
        if resource := turn.look(Resource, one):
            yield from of_request(request.properties, resource.properties, today())
            yield from _promising(turn, request, resource)


def _promising(turn: Transaction, request: RecordState, resource: RecordState) -> Iterator[Problem]:
    """Yield that more of a resource would be promised than is kept for it."""
    quantity, until = request.properties.get("quantity"), request.properties.get("until")
    over = until is not None and str(until) < today()
    if request.properties.get("decision") == "accepted" and quantity and not over:
        agency = next(iter(request.ties["agency"]), "")
        own = Promise(request.id, agency, float(str(quantity)))
        problems = list(undercut(resource.properties, [*promises(turn, resource.id, but=request.id), own]))
        for problem in problems[-1:]:  # the capacity, if it does not suffice, rather than what is in use
            yield replace(problem, field="quantity", value=show(quantity))


def _differs(old: RecordState, after: RecordState, *names: str) -> bool:
    return any(old.properties.get(name) != after.properties.get(name) for name in names)
