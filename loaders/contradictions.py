"""Leave out what breaks the rules of `registry.rules`, by what a run read and what the graph will hold beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from loaders.before import Before
from loaders.outcome import RowProblem, Tally
from loaders.source import Source
from loaders.staging import LINKS, Place, Staging, declared_end, link_name
from registry.clock import today
from registry.cypher import standing, states, uses
from registry.model import Request, Resource
from registry.modelling import Link
from registry.records import Problem
from registry.rules import Promise, in_circle, of_request, too_few, undercut, withdrawn
from registry.store import Store

if TYPE_CHECKING:
    import networkx as nx

BATCH = 1_000
AGENCY, RESOURCE = (f"{Request.plural}.{name}" for name in ("agency", "resource"))
Values = Mapping[str, Any]


class Asked(NamedTuple):
    """A request as a row gives it."""

    id: str
    values: Values
    place: Place
    agency: str
    resource: str

    def promises(self, day: str) -> bool:
        """Tell whether it promises something on a day or after it."""
        status, until = self.values.get("status"), self.values.get("until")
        return self.values.get("decision") == "accepted" and status != "retired" and (until is None or until >= day)


class Contradictions:
    """The rules as one run holds what it read against them."""

    def __init__(
        self, source: Source, staging: Staging, store: Store, before: Before, tally: Tally, *, sweep: bool
    ) -> None:
        self._source, self._staging, self._store, self._before = source, staging, store, before
        self._tally, self._sweep = tally, sweep
        self.lost: set[Place] = set()  # the rows of what was left out

    def circles(self) -> None:
        """Leave out links that lead back to where they begin."""
        for link in LINKS:
            if link.acyclic:
                self._circles(link)

    def records(self) -> int:
        """Leave out records that break a rule. Returns how many."""
        return sum(self._few(link) for link in LINKS if link.at_least) + self._requests()

    def _circles(self, link: Link) -> None:
        read = {(row["from"], row["to"]) for rows in self._staging.ties(link_name(link), BATCH) for row in rows}
        if not read:
            return
        import networkx as nx  # half a second, which only who loads such links should wait

        graph: nx.DiGraph[str] = nx.DiGraph(list(read))
        held = self._store.read(standing.all_ties(link))[0][0] if self._before.may_hold_ties(link) else []
        graph.add_edges_from((start, end) for start, end, owner in held if self._stays(owner))
        for blamed in (read - {(start, end) for start, end, _owner in held}, read):  # rather what is new
            for start, end in sorted(blamed & _in_circles(graph)):
                graph.remove_edge(start, end)
                place = self._staging.lose_tie(link_name(link), start, end)
                self._tell(in_circle(declared_end(link), end), place)

    def _few(self, link: Link) -> int:
        """Leave out records that have fewer of a link than they need, counting those that others give them."""
        end, dropped = declared_end(link), []
        side = "start" if end.outgoing else "finish"
        for record, status, place, far in self._staging.with_few(link_name(link), side, end.kind, link.at_least):
            held = self._store.read(standing.sources_of_ties(end, record))[0][0]
            count = len(far | {one for one, owner in held if self._stays(owner)})
            for problem in too_few(end, status, count):
                self._tell(problem, place)
                dropped.append(record)
        self._staging.drop_records(end.kind, dropped)
        return len(dropped)

    def _requests(self) -> int:
        """Leave out requests that their resource cannot give, and resources that take back what is promised."""
        read = [
            Asked(one, values, place, far.get(AGENCY, ""), far.get(RESOURCE, ""))
            for one, values, place, far in self._staging.linked(Request.__name__, (AGENCY, RESOURCE))
        ]
        lost = self._unavailable(read)
        promised: dict[str, list[Promise]] = {}
        for resource, promise in (*self._promised_before(read), *_promised(read, lost)):
            promised.setdefault(resource, []).append(promise)
        places = {one.id: one.place for one in read}
        return len(lost) + sum(self._undercut(one, those, places) for one, those in promised.items())

    def _unavailable(self, read: Sequence[Asked]) -> set[str]:
        lost = set()
        for one in read:
            resource = self._resource(one.resource)
            for problem in of_request(one.values, resource, today()) if resource else ():
                self._tell(problem, one.place)
                lost.add(one.id)
        self._staging.drop_records(Request.__name__, lost)
        return lost

    def _promised_before(self, read: Sequence[Asked]) -> Iterator[tuple[str, Promise]]:
        """Yield what the graph promises of the resources at hand by requests that this run does not read again."""
        if not self._before[Request].total:
            return
        again = {one.id for one in read}
        asked_for = sorted({one.resource for one in read if one.resource})
        for ids in (*self._staging.ids(Resource.__name__, BATCH), asked_for):
            for resource, *promise in self._store.read(uses.promised(ids, day=today()))[0][0]:
                if promise[0] not in again:
                    again.add(promise[0])
                    yield resource, Promise(*promise)

    def _undercut(self, one: str, promises: Sequence[Promise], requests: Mapping[str, Place]) -> int:
        """Leave out a resource that promises more than it has, or, where it was not read, the requests that were.

        Returns how many records.
        """
        resource = self._resource(one)
        problems = [*undercut(resource, promises), *withdrawn(resource, promises)] if resource else []
        if not problems:
            return 0
        if place := self._staging.place_of(Resource.__name__, one):
            for problem in problems:
                self._tell(problem, place)
            self._staging.drop_records(Resource.__name__, [one])
            return 1
        ours = [each.request for each in promises if each.request in requests]
        for record in ours:
            self._tell(problems[-1], requests[record])
        self._staging.drop_records(Request.__name__, ours)
        return len(ours)

    def _resource(self, one: str) -> Values | None:
        """Return a resource as it will be after the run."""
        if body := self._staging.body(Resource.__name__, one):
            return body
        rows = self._store.read(states.several(Resource, [one])) if one else []
        return rows[0][0] if rows else None

    def _stays(self, owner: str) -> bool:
        return not self._sweep or owner != self._source.id

    def _tell(self, problem: Problem, place: Place) -> None:
        rest = (problem.field, problem.value, problem.rule, problem.message)
        self._tally.add(RowProblem("error", problem.code, *place, *rest))
        self.lost.add(place)


def _in_circles(graph: nx.DiGraph[str]) -> set[tuple[str, str]]:
    """Return the links that lead back to where they begin."""
    import networkx as nx

    parts = nx.strongly_connected_components(graph)
    part_of = {one: number for number, part in enumerate(parts) for one in part}
    return {(start, end) for start, end in graph.edges if part_of[start] == part_of[end]}


def _promised(read: Sequence[Asked], lost: set[str]) -> Iterator[tuple[str, Promise]]:
    for one in read:
        if one.id not in lost and one.promises(today()):
            yield one.resource, Promise(one.id, one.agency, one.values.get("quantity") or 0.0, one.values.get("since"))
