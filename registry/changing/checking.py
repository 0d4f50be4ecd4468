"""Hold a record that is to be kept against the rules, by what the graph holds in this turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from registry.changing.state import State
from registry.cypher import uses
from registry.model import Request, Resource
from registry.records import Problem, show
from registry.rules import Promise, undercut
from registry.values import today

if TYPE_CHECKING:
    from registry.changing.turn import Turn


def broken(turn: Turn, before: State | None, after: State) -> Iterator[Problem]:
    """Yield the rules that a record breaks by what is different about it; one that is retired keeps none."""
    if after.properties.get("status") == "retired":
        return
    if after.kind is Resource and before and _differs(before, after, "in_use", "capacity"):
        yield from undercut(after.properties, promises(turn, after.id))
    if after.kind is Request and after.properties.get("decision") == "accepted":
        yield from _promising(turn, before, after)


def promises(turn: Turn, resource: str, *, but: str | None = None) -> list[Promise]:
    """Return what is promised of a resource, `but` for one request."""
    rows = turn.ask(uses.promised([resource], day=today()))[0][0]
    return [Promise(*rest) for _resource, *rest in rows if rest[0] != but]


def _promising(turn: Turn, before: State | None, request: State) -> Iterator[Problem]:
    """Yield what a resource would promise beyond what is kept free for it, where more of it is promised than before."""
    if before and not _differs(before, request, "decision", "quantity", "until", links=("resource",)):
        return
    quantity, until = request.properties.get("quantity"), request.properties.get("until")
    if not quantity or (until and str(until) < today()):
        return
    agency = next(iter(request.ties["agency"]), "")
    for one in request.ties["resource"]:
        if resource := turn.look(Resource, one):
            own = Promise(request.id, agency, float(str(quantity)))
            problems = list(undercut(resource.properties, [*promises(turn, one, but=request.id), own]))
            for problem in problems[-1:]:  # the capacity, if it does not suffice, rather than what is in use
                yield replace(problem, field="quantity", value=show(quantity))


def _differs(before: State, after: State, *names: str, links: Sequence[str] = ()) -> bool:
    return any(before.properties.get(name) != after.properties.get(name) for name in names) or any(
        before.ties[name].keys() != after.ties[name].keys() for name in links
    )
