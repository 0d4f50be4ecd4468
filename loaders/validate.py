"""Check the staged rows of a load against each other and against stored records: references, ownership, rules, expected numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from loaders.result import LoadAborted, RowProblem, Tally
from loaders.source import PLURALS, SourceDefinition
from loaders.staging import (
    LINKS,
    LOADED,
    Reference,
    RowLocation,
    Staging,
    declared_end,
    is_single,
    link_name,
)
from registry.clock import today
from registry.database import load_queries, write
from registry.database.driver import Store
from registry.database.write import BY_HAND
from registry.model.definitions import MODEL, Request, Resource
from registry.model.kinds import Kind, Link
from registry.model.records import Problem
from registry.model.rules import Promise, in_circle, of_request, too_few, undercut, withdrawn

if TYPE_CHECKING:
    import networkx as nx


class KindCounts(NamedTuple):
    """The number of stored records of a type: from all sources, from this source, and from this source without retired records."""

    total: int
    ours: int
    alive: int


class StoredCounts:
    """The number of stored records of each type before the load, such as `before[kind].alive`."""

    def __init__(self, source: SourceDefinition, store: Store) -> None:
        rows = store.read(load_queries.count_records(LOADED, source=source.id))
        self._counts = {kind: KindCounts(*counts) for kind, *counts in rows}

    def __getitem__(self, kind: type[Kind]) -> KindCounts:
        return self._of(kind.__name__)

    def _of(self, kind: str) -> KindCounts:
        return self._counts.get(kind, KindCounts(0, 0, 0))

    def ours(self) -> dict[str, int]:
        """Return the number of stored records of the source, by type, without zeros."""
        return {kind: counts.ours for kind, counts in self._counts.items() if counts.ours}

    def may_have_links(self, link: Link) -> bool:
        """Return whether there were records at both ends of the link before the load."""
        return bool(self._of(link.start).total and self._of(link.end).total)


class FullLoadNeeded(Exception):
    """Raised by a load that reads only changed rows if its result may differ from that of a full load."""


@dataclass(frozen=True)
class Baseline:
    """What the previous load of the source left in the graph, for a load that reads only what has changed since.

    - `records`: the number of records that the source had, by plural
    - `unchanged_records`, `unchanged_links`: the number of records (by plural) and relationships (by link) in unchanged rows
    - `read_again`: the record types and links of the files that are read again
    """

    records: Mapping[str, int]
    unchanged_records: Mapping[str, int]
    unchanged_links: Mapping[str, int]
    read_again: Collection[str]


@dataclass(frozen=True)
class LoadContext:
    """The data that the checks and the writing of one load share.

    `before` counts the stored records before the load. With `prune`, the load retires records that the source no longer has. With a
    `baseline`, only changed rows are staged, and no record of the source may be gone.
    """

    source: SourceDefinition
    staging: Staging
    store: Store
    before: StoredCounts
    tally: Tally
    prune: bool
    baseline: Baseline | None = None

    def stays(self, owner: str) -> bool:
        """Return whether a stored value of source `owner` stays in the graph even if the load does not supply the value."""
        return not self.prune or self.baseline is not None or owner != self.source.id

    @property
    def unchanged_records(self) -> Mapping[str, int]:
        """The number of records in unchanged rows, which are not staged, by plural."""
        return self.baseline.unchanged_records if self.baseline else {}

    @property
    def unchanged_links(self) -> Mapping[str, int]:
        """The number of relationships in unchanged rows, which are not staged, by link."""
        return self.baseline.unchanged_links if self.baseline else {}


AGENCY, RESOURCE = (f"{Request.plural}.{name}" for name in ("agency", "resource"))
Values = Mapping[str, Any]


class RequestRow(NamedTuple):
    """A request to use a resource, with the values in the rows of the source."""

    id: str
    values: Values
    location: RowLocation
    agency: str
    resource: str

    def promises(self, day: str) -> bool:
        """Return whether the request is accepted and not retired, and still reserves a part of the resource on or after this day."""
        status, until = self.values.get("status"), self.values.get("until")
        return self.values.get("decision") == "accepted" and status != "retired" and (until is None or until >= day)


class RuleChecks:
    """Checks the staged records against rules that concern several records."""

    def __init__(self, context: LoadContext) -> None:
        self._context, self._staging, self._store = context, context.staging, context.store
        self.left_out: set[RowLocation] = set()

    def cycles(self) -> None:
        """Leave out links that form a cycle, such as an agency that belongs to itself through others."""
        for link in LINKS:
            if link.acyclic:
                self._check_cycles(link)

    def records(self) -> int:
        """Leave out records that break a rule, and return their number."""
        return sum(self._check_minimum(link) for link in LINKS if link.at_least) + self._check_requests()

    def _check_cycles(self, link: Link) -> None:
        read = {(row["from"], row["to"]) for rows in self._staging.links(link_name(link), BATCH) for row in rows}
        if not read:
            return
        import networkx as nx  # the import takes half a second, and few loads need it

        graph: nx.DiGraph[str] = nx.DiGraph(list(read))
        existing = (
            self._store.read(load_queries.all_relationships(link))[0][0]
            if self._context.before.may_have_links(link)
            else []
        )
        graph.add_edges_from((start, end) for start, end, owner in existing if self._context.stays(owner))
        for blamed in (read - {(start, end) for start, end, _owner in existing}, read):  # leave out new links first
            for start, end in sorted(blamed & _edges_on_cycles(graph)):
                graph.remove_edge(start, end)
                location = self._staging.remove_link(link_name(link), start, end)
                self._add_problem(in_circle(declared_end(link), end), location)

    def _check_minimum(self, link: Link) -> int:
        """Leave out records with too few relationships of a link, and return their number.

        Relationships that other sources own are counted too.
        """
        end, dropped = declared_end(link), []
        side = "start" if end.outgoing else "finish"
        few = self._staging.with_few(link_name(link), side, end.kind, link.at_least)
        stored: dict[str, set[str]] = {}
        for start in range(0, len(few), BATCH):
            ids = [record for record, *_ in few[start : start + BATCH]]
            for record, other, owner in self._store.read(load_queries.relationship_sources(end, ids))[0][0]:
                if self._context.stays(owner):
                    stored.setdefault(record, set()).add(other)
        for record, status, location, far in few:
            count = len(far | stored.get(record, set()))
            for problem in too_few(end, status, count):
                self._add_problem(problem, location)
                dropped.append(record)
        self._staging.drop_records(end.kind, dropped)
        return len(dropped)

    def _check_requests(self) -> int:
        """Leave out requests that their resource cannot satisfy, and resources with less capacity than is already promised.

        Returns the number of records left out.
        """
        read = [
            RequestRow(one, values, location, far.get(AGENCY, ""), far.get(RESOURCE, ""))
            for one, values, location, far in self._staging.linked(Request.__name__, (AGENCY, RESOURCE))
        ]
        lost = self._unavailable(read)
        promised: dict[str, list[Promise]] = {}
        for resource, promise in (*self._promised_before(read), *_promised(read, lost)):
            promised.setdefault(resource, []).append(promise)
        locations = {one.id: one.location for one in read}
        return len(lost) + sum(self._undercut(one, those, locations) for one, those in promised.items())

    def _unavailable(self, read: Sequence[RequestRow]) -> set[str]:
        lost = set()
        for one in read:
            resource = self._resource(one.resource)
            for problem in of_request(one.values, resource, today()) if resource else ():
                self._add_problem(problem, one.location)
                lost.add(one.id)
        self._staging.drop_records(Request.__name__, lost)
        return lost

    def _promised_before(self, read: Sequence[RequestRow]) -> Iterator[tuple[str, Promise]]:
        """Yield the stored promises of the resources that the load changes; skip promises of requests that the load supplies again."""
        if not self._context.before[Request].total:
            return
        again = {one.id for one in read}
        requested = sorted({one.resource for one in read if one.resource})
        for ids in (*self._staging.ids(Resource.__name__, BATCH), requested):
            for resource, *promise in self._store.read(write.promised(ids, day=today()))[0][0]:
                if promise[0] not in again:
                    again.add(promise[0])
                    yield resource, Promise(*promise)

    def _undercut(self, one: str, promises: Sequence[Promise], requests: Mapping[str, RowLocation]) -> int:
        """Leave out a resource with less capacity than was promised. If the resource is not staged, leave out its staged requests.

        Returns the number of records left out.
        """
        resource = self._resource(one)
        problems = [*undercut(resource, promises), *withdrawn(resource, promises)] if resource else []
        if not problems:
            return 0
        if location := self._staging.location_of(Resource.__name__, one):
            for problem in problems:
                self._add_problem(problem, location)
            self._staging.drop_records(Resource.__name__, [one])
            return 1
        ours = [each.request for each in promises if each.request in requests]
        for record in ours:
            self._add_problem(problems[-1], requests[record])
        self._staging.drop_records(Request.__name__, ours)
        return len(ours)

    def _resource(self, one: str) -> Values | None:
        """Return the values that a resource will have after the load; return None if the resource will not exist."""
        if body := self._staging.body(Resource.__name__, one):
            return body
        rows = self._store.read(write.several(Resource, [one])) if one else []
        return rows[0][0] if rows else None

    def _add_problem(self, problem: Problem, location: RowLocation) -> None:
        rest = (problem.field, problem.value, problem.rule, problem.message)
        self._context.tally.add(RowProblem("error", problem.code, *location, *rest))
        self.left_out.add(location)


def _edges_on_cycles(graph: nx.DiGraph[str]) -> set[tuple[str, str]]:
    """Return the edges of the graph that lie on a cycle."""
    import networkx as nx

    parts = nx.strongly_connected_components(graph)
    part_of = {one: number for number, part in enumerate(parts) for one in part}
    return {(start, end) for start, end in graph.edges if part_of[start] == part_of[end]}


def _promised(read: Sequence[RequestRow], lost: set[str]) -> Iterator[tuple[str, Promise]]:
    for one in read:
        if one.id not in lost and one.promises(today()):
            yield one.resource, Promise(one.id, one.agency, one.values.get("quantity") or 0.0, one.values.get("since"))


BATCH = 1_000
BY_HAND_CODE = "BY_HAND"
CHANGED_BY_HAND = "this record was changed by hand; the load leaves it unchanged"
Found = list[tuple[str, str, str, str]]


class Checks:
    """The checks of one load, which compare staged records with each other and with stored records.

    Rows with errors are left out.
    """

    def __init__(self, context: LoadContext) -> None:
        self._context, self._staging, self._store = context, context.staging, context.store
        self._source = context.source
        self._found_again: Counter[str] = Counter()  # by kind, the active stored records that the source still has

    def run(self, *, retire_most: bool) -> None:
        """Run all checks.

        Raises LoadAborted if fewer records remain than the source expects or, unless `retire_most` is set, if more than half of the
        records of a type would be retired.
        """
        self._owners()
        self._require_all_records()
        while self._references():
            pass  # repeat, because other records may refer to a record that was just left out
        self._ends()
        self._single_ends()
        self._contradictions()
        self._implied()
        self._expectations()
        if self._context.baseline:
            if self._context.tally.counts.keys() - {BY_HAND_CODE}:
                raise FullLoadNeeded
        elif self._context.prune and not retire_most:
            self._retirements()

    def _owners(self) -> None:
        """Leave out records whose id belongs to a record of another source or of another type."""
        known = [kind for kind in LOADED if self._context.before[kind].total]
        for kind in LOADED if known else ():
            for ids in self._staging.protected(kind.__name__, BATCH):
                self._found_again[kind.plural] += self._alive(self._stored_owners(kind, ids))
            self._drop_owned_by_others(kind, [other for other in known if other is not kind])

    def _require_all_records(self) -> None:
        """Raise FullLoadNeeded if a record of the baseline is gone or supplied twice, because other rows may refer to it."""
        if self._context.baseline is None:
            return
        unchanged = self._context.unchanged_records
        for plural, count in self._context.baseline.records.items():
            if count != unchanged.get(plural, 0) + self._found_again[plural]:
                raise FullLoadNeeded
        if self._staging.repeats_unchanged():
            raise FullLoadNeeded

    def _drop_owned_by_others(self, kind: type[Kind], others: Sequence[type[Kind]]) -> None:
        taken: dict[str, str] = {}
        for ids in self._staging.ids(kind.__name__, BATCH):
            found = self._stored_owners(kind, ids)
            self._found_again[kind.plural] += self._alive(found)
            taken |= self._taken(ids, found, others)
        for record_id, message in taken.items():
            location, implied = self._staging.origin(record_id)
            if message == CHANGED_BY_HAND:
                rule = "a record not changed by hand"
                self._context.tally.add(RowProblem("warning", BY_HAND_CODE, *location, "id", record_id, rule, message))
            elif not implied:
                self._add_problem(Reference(location, "id", record_id), "TAKEN", "an id of this source", message)
        self._staging.drop_records(kind.__name__, taken)

    def _taken(self, ids: list[str], found: Found, others: Sequence[type[Kind]]) -> dict[str, str]:
        """Return the ids that this source may not write, each with the reason."""
        taken = {
            one: CHANGED_BY_HAND if owner == BY_HAND else f"this id belongs to the source {owner}"
            for one, owner, *_ in found
            if owner != self._source.id
        }
        new = sorted(set(ids) - {one for one, *_ in found})
        for other in others if new else ():
            known = self._store.read(load_queries.existing_ids(other, new))[0][0]
            taken |= dict.fromkeys(known, f"this id belongs to a record of the kind {other.__name__}")
        return taken

    def _references(self) -> int:
        """Leave out records that refer to a missing record, and return their number."""
        lost = 0
        for kind in self._staging.count_records():
            for field, declared in MODEL[kind].properties.items():
                if declared.refers_to and not declared.read_only:
                    lost += self._reference(kind, field, declared.refers_to)
        return lost

    def _reference(self, kind: str, field: str, target: str) -> int:
        dropped = []
        for batch in self._staging.missing_references(kind, field, target, BATCH):
            nowhere = self._missing(target, {reference.id for _, reference in batch})
            for record_id, reference in batch:
                if reference.id in nowhere:
                    self._add_unknown(reference, target)
                    dropped.append(record_id)
        self._staging.drop_records(kind, dropped)
        return len(dropped)

    def _ends(self, lost: Collection[RowLocation] = ()) -> None:
        """Leave out relationships with missing records. Rows in `lost` already have an error and get no second error."""
        for link in LINKS:
            for side, target in (("start", link.start), ("finish", link.end)):
                nowhere: set[str] = set()
                for ids in self._staging.missing_ends(link_name(link), side, target, BATCH):
                    nowhere |= self._missing(target, set(ids))
                for reference in self._staging.remove_links(link_name(link), side, nowhere):
                    if reference.location not in lost:
                        self._add_unknown(reference, target)

    def _single_ends(self) -> None:
        """If a record has several relationships of a link but the model allows only one, leave all of them out."""
        for name, start in [(link_name(link), link.start) for link in LINKS if is_single(link)]:
            for reference in self._staging.remove_links(name, "start", self._staging.with_several(name)):
                self._add_problem(reference, "SEVERAL", "at most one", f"{start} {reference.id} has more than one")

    def _contradictions(self) -> None:
        """Leave out records that break a rule, and then the records that refer to them."""
        rules = RuleChecks(self._context)
        rules.cycles()
        while rules.records():
            while self._references():
                pass
            self._ends(rules.left_out)

    def _implied(self) -> None:
        for kind, record_id, location in self._staging.implied():
            message = f"no row describes this {kind.lower()}; other rows only refer to it"
            self._context.tally.add(
                RowProblem("warning", "NO_ROW", *location, "id", record_id, f"a row for this {kind.lower()}", message)
            )

    def _expectations(self) -> None:
        counts, unchanged = self._staging.count_records(), self._context.unchanged_records
        for plural, least in self._source.expect.items():
            found = counts.get(PLURALS[plural], 0) + unchanged.get(plural, 0)
            if found < least:
                raise LoadAborted(f"{self._source.id} must have at least {least} {plural}, but has {found}.")
        lost, most = self._context.tally.rows_left_out, self._source.left_out_at_most
        if lost > most:
            raise LoadAborted(f"Rows of {self._source.id} with errors: {lost}. At most {most} may be left out.")

    def _retirements(self) -> None:
        """Abort the load if it would retire more than half of the records of a type, because the files are probably incomplete."""
        for kind in LOADED:
            alive = self._context.before[kind].alive
            gone = alive - self._found_again[kind.plural]
            if 2 * gone > alive:
                raise LoadAborted(
                    f"{self._source.id} no longer has {gone} of its {alive} {kind.plural}, which would be retired. If that is"
                    " intended, add --retire-most. To leave them unchanged, add --no-prune."
                )

    def _stored_owners(self, kind: type[Kind], ids: Sequence[str]) -> Found:
        found: Found = self._store.read(load_queries.stored_states(kind, ids))[0][0]
        return found

    def _alive(self, found: Found) -> int:
        return sum(owner == self._source.id and status != "retired" for _, owner, _, status in found)

    def _missing(self, kind: str, ids: set[str]) -> set[str]:
        """Return the ids that will not be in the graph after the load; none of the given ids is staged."""
        found = self._stored_owners(MODEL[kind], sorted(ids)) if ids else []
        return ids - {one for one, owner, *_ in found if self._stays(kind, one, owner)}

    def _stays(self, kind: str, record_id: str, owner: str) -> bool:
        return self._context.stays(owner) or self._staging.is_protected(kind, record_id)

    def _add_unknown(self, reference: Reference, kind: str) -> None:
        self._add_problem(
            reference, "UNKNOWN_RECORD", f"the id of a record of the kind {kind}", f"this {kind.lower()} does not exist"
        )

    def _add_problem(self, reference: Reference, code: str, rule: str, message: str) -> None:
        location: RowLocation = reference.location
        self._context.tally.add(RowProblem("error", code, *location, reference.field, reference.id, rule, message))
