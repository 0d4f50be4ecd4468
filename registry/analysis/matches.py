"""Report `matches`: assign idle resources to the needs of agencies, with the highest possible total value."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from registry.analysis.agreements import agreements_note
from registry.analysis.report import SCOPE, Cell, Column, Confidence, Evidence, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import NeedRow, ResourceRow, Snapshot, SnapshotArrays, TermRow
from registry.analysis.ties import TIE_RULES
from registry.i18n import _, ngettext, number
from registry.model.records import fold
from registry.progress import steps

NOT_SHARED = "not-shared"
# The reasons why a resource does not fit, from the farthest from a fit to the nearest.
OBSTACLES = ("own", "not-shared", "elsewhere", "purpose", "later", "full", "too-little")


class FitChecker:
    """Compares needs with resources of the same kind and unit."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._areas, self._functions = TermHierarchy(snapshot.areas), TermHierarchy(snapshot.functions)
        self._of_kind_and_unit: dict[tuple[str | None, str], list[ResourceRow]] = defaultdict(list)
        self._of_kind: dict[str | None, list[ResourceRow]] = defaultdict(list)
        for one in snapshot.resources:
            self._of_kind_and_unit[one.kind, fold(one.unit or "")].append(one)
            self._of_kind[one.kind].append(one)

    def candidates(self, need: NeedRow) -> Iterator[ResourceRow]:
        """Yield the resources that have the type and the unit of the need; a resource without a recorded unit is included."""
        if not need.unit:
            yield from self._of_kind[need.kind]
        else:
            yield from self._of_kind_and_unit[need.kind, fold(need.unit)]
            yield from self._of_kind_and_unit[need.kind, ""]

    def obstacle(self, need: NeedRow, resource: ResourceRow, spare: float | None) -> str | None:
        """Return the first reason in OBSTACLES why the resource does not meet the need; return None if it may meet the need."""
        there = zip(OBSTACLES, self._checks(need, resource, spare), strict=True)
        return next((obstacle for obstacle, hinders in there if hinders), None)

    def _checks(self, need: NeedRow, resource: ResourceRow, spare: float | None) -> Iterator[bool]:
        """Yield lazily, for each reason in OBSTACLES, whether it applies to the need and the resource."""
        yield any(owner in need.agencies for owner in resource.owners)
        yield resource.shareability == NOT_SHARED
        yield not self._areas.reach(resource.areas, need.areas)
        yield not self._functions.reach(resource.functions, need.functions, some=True)
        yield bool(need.by_when and resource.available_since and need.by_when < resource.available_since)
        yield spare is not None and spare <= 0
        yield spare is not None and spare < (known(need.quantity) or 0)


class TermHierarchy:
    """The terms of a code list, each with its broader terms."""

    def __init__(self, terms: Sequence[TermRow]) -> None:
        self._broader = {one.id: one.broader for one in terms}
        self._reached: dict[str, set[str]] = {}

    def reach(self, held: Sequence[str], wanted: Sequence[str], *, some: bool = False) -> bool:
        """Return whether a resource with the functions or areas `held` covers those `wanted` by a need.

        For each wanted term, `held` must contain the term or a broader term. If `some` is set, one wanted term is enough. If no
        terms are wanted or held, the result is True, because terms that are not recorded may match.
        """
        if not held or not wanted:
            return True
        met = (not self.upwards(one).isdisjoint(held) for one in wanted)
        return any(met) if some else all(met)

    def upwards(self, term: str) -> set[str]:
        """Return the term and all its broader terms, direct and indirect. The hierarchy may contain cycles."""
        if term not in self._reached:
            reached, new = {term}, [term]
            while new:
                new += [up for up in self._broader.get(new.pop(), ()) if up not in reached]
                reached.update(new)
            self._reached[term] = reached
        return self._reached[term]


def spare(resource: ResourceRow) -> float | None:
    """Return the unused capacity in the unit of the resource; return None if the capacity is not known."""
    capacity, used = known(resource.capacity), known(resource.in_use)
    return None if capacity is None or used is None else capacity - used


def known(amount: float | None) -> float | None:
    """Return the amount; return None if the amount is NaN or infinite."""
    return None if amount is None or not isfinite(amount) else amount


def certain(need: NeedRow, resource: ResourceRow) -> bool:
    """Return whether the amounts, units and areas that decide if the resource meets the need are all recorded."""
    amounts = known(need.quantity), spare(resource)
    facts = need.unit, resource.unit, need.areas, resource.areas
    return None not in amounts and all(facts)


Finding = Literal["fits", "may-fit", "too-little"]
ORDER: tuple[Finding, ...] = ("fits", "may-fit", "too-little")


class Candidate(NamedTuple):
    """A resource that could meet a need, at least partly; `spare` is its unused capacity, None if unknown."""

    resource: ResourceRow
    finding: Finding
    spare: float | None


def meeting(need: NeedRow, snapshot: Snapshot) -> list[Candidate]:
    """Return the resources that could meet a need.

    Resources that fit come first. Resources with too little capacity follow. Each group is ordered by capacity, largest first.
    """
    return sorted(_candidates(need, snapshot), key=lambda one: (ORDER.index(one.finding), -(one.spare or 0)))


def _candidates(need: NeedRow, snapshot: Snapshot) -> Iterator[Candidate]:
    fitting = FitChecker(snapshot)
    for resource in fitting.candidates(need):
        left = spare(resource)
        obstacle = fitting.obstacle(need, resource, left)
        if obstacle == "too-little":
            yield Candidate(resource, "too-little", left)
        elif obstacle is None:
            yield Candidate(resource, "fits" if certain(need, resource) else "may-fit", left)


NOTHING = 1e-9


def maximum_weight_matching(values: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Return the (row, column) pairs of the matching with the highest total weight.

    Each row and each column is in at most one pair. `values` holds the weight of each possible pair; every weight is above the
    constant NOTHING. The sparse Jonker-Volgenant algorithm (Jonker & Volgenant 1987; `scipy.sparse.csgraph`) gets a dummy column
    for each row, so that a row may stay unmatched.
    """
    if not values:
        return []
    rows, columns = (sorted(set(side)) for side in zip(*values, strict=True))
    place = ({one: n for n, one in enumerate(rows)}, {one: n for n, one in enumerate(columns)})
    here = [place[0][row] for row, _column in values] + list(range(len(rows)))
    there = [place[1][column] for _row, column in values] + [len(columns) + n for n in range(len(rows))]
    weights = np.array([*values.values(), *[NOTHING] * len(rows)])
    matrix = sparse.csr_array((weights, (here, there)), (len(rows), len(columns) + len(rows)))
    chosen = min_weight_full_bipartite_matching(matrix, maximize=True)
    pairs = zip(*(side.tolist() for side in chosen), strict=True)
    return [(rows[row], columns[column]) for row, column in pairs if column < len(columns)]


FARTHEST, SOON, SOMETIME, UNKNOWN_SHARE, ALSO = 3, 90, 365, 0.5, 5
FINDINGS = {"fits": "fits", "may-fit": "may fit, some facts are unknown"}
CONFIDENCE: Mapping[str, Confidence] = {"fits": "certain", "may-fit": "unclear"}
UNMET = {
    "none": (
        "{n} need: no resource of that kind and unit is recorded.",
        "{n} needs: no resource of that kind and unit is recorded.",
    ),
    "own": (
        "{n} need: only the agency itself has such a resource.",
        "{n} needs: only the agency itself has such a resource.",
    ),
    "not-shared": ("{n} need: such resources are not shared.", "{n} needs: such resources are not shared."),
    "elsewhere": ("{n} need: such resources are in other areas.", "{n} needs: such resources are in other areas."),
    "purpose": ("{n} need: such resources serve other functions.", "{n} needs: such resources serve other functions."),
    "later": ("{n} need: such resources are available too late.", "{n} needs: such resources are available too late."),
    "full": ("{n} need: such resources are fully used.", "{n} needs: such resources are fully used."),
    "too-little": (
        "{n} need: such resources have too little spare capacity.",
        "{n} needs: such resources have too little spare capacity.",
    ),
    "given": (
        "{n} need: the resources that fit are assigned to other needs.",
        "{n} needs: the resources that fit are assigned to other needs.",
    ),
}

MATCHES = ReportDefinition(
    "matches",
    "Spare resources that meet a need",
    "Which spare resources could meet which needs?",
    "A resource fits a need if it is of the same kind and unit, serves one of the functions of the need or a broader "
    "one, can be used in all areas of the need, is shared, is available in time, does not belong to the agency "
    "itself, and has enough spare capacity (capacity minus use). Resources are assigned so that the total value is "
    "the largest possible, in several rounds (maximum-weight matching; Jonker & Volgenant 1987). A match has a "
    "higher value if the need is urgent and if few agreements separate the two agencies.",
    ("agencies", "resources", "needs", "partnerships", "areas", "functions"),
    (
        Column("finding", "Finding", "code", "Whether the resource fits the need.", words=FINDINGS),
        Column("agencies", "Agencies", "texts", "The agencies that have the need."),
        Column("need", "Need", "text", "The need."),
        Column("resource", "Resource", "text", "The resource that is assigned to the need."),
        Column("owners", "Owners", "texts", "The agencies that own the resource."),
        Column("quantity", "Needed", "number", "The quantity that is needed."),
        Column("spare", "Spare", "number", "The spare capacity of the resource, before any of it is assigned."),
        Column("unit", "Unit", "text", "The unit of both quantities."),
        Column("by_when", "Deadline", "date", "The last day by which it is needed."),
        Column(
            "days", "Days", "integer", "Days until the date; negative if it has passed.", "days", changes_daily=True
        ),
        Column(
            "steps",
            "Distance",
            "integer",
            "The number of agreements between the agency and an owner: 1 if they are partners; at most 3.",
            "agreements",
        ),
        Column("via", "Through", "texts", "Agencies that connect the two by agreements in force."),
        Column("also", "Alternatives", "texts", "Up to five other resources that fit."),
    ),
    key=("need",),
    counts="Needs with a fitting resource",
    common=(*TIE_RULES, *SCOPE),
    concern="A match concerns the agencies with the need and the owners of the resource.",
)


class Match(NamedTuple):
    """A need and the resource assigned to it.

    The match also has a value, the path of agreements to an owner of the resource, and other resources that fit.
    """

    need: NeedRow
    resource: ResourceRow
    value: float
    way: Sequence[str] | None
    also: Sequence[ResourceRow]


def matches(arrays: SnapshotArrays) -> Report:
    """Assign a resource to each need if possible; a resource can serve several needs while it has enough capacity left.

    If agencies are selected, their needs and the needs that their resources can meet are counted; the assignment includes all needs.

    The value of a match is the share of the need that is met, times the urgency, divided by one plus the number of agreements on
    the path to the owner (at most four). An unknown share counts as a half. The urgency is 1 on the day by which the resource is
    needed and a half 90 days before; a need without a day is treated as due in a year.
    """
    matching = Matching(arrays)
    found = matching.found()
    rows = [
        _row(arrays, one) for one in sorted(found, key=lambda one: (not _certain_match(one), -one.value, one.need.id))
    ]
    ours = [one for one in found if arrays.concerned((*one.need.agencies, *one.resource.owners))]
    counted = {one.id for one in arrays.snapshot.needs if arrays.concerned(one.agencies)}
    notes = [*matching.notes(arrays.snapshot.needs, found), agreements_note(arrays.snapshot.partnerships, arrays.as_of)]
    return MATCHES.answer(
        arrays.as_of, rows, found=sum(map(_certain_match, found)), of=len(counted | {one.need.id for one in ours}),
        unknown=sum(not _certain_match(one) for one in ours),
        withheld=arrays.withheld, notes=notes,
    )  # fmt: skip


class Matching:
    """Assigns the resources of a snapshot to its needs."""

    def __init__(self, arrays: SnapshotArrays) -> None:
        self._as_of, self._needs = arrays.as_of, arrays.snapshot.needs
        self._resources = {one.id: one for one in arrays.snapshot.resources}
        self._fitting = FitChecker(arrays.snapshot)
        self._left = {one.id: spare(one) for one in arrays.snapshot.resources}
        self._fits = {
            need.id: [one for one in self._fitting.candidates(need) if self._fits_now(need, one)]
            for need in self._needs
        }
        fitted = (need for need in self._needs if self._fits[need.id])
        self._paths = dict(_paths(arrays, {who for need in fitted for who in need.agencies}))

    def found(self) -> list[Match]:
        """Assign resources in rounds until no remaining resource fits an unmet need, and return the matches."""
        waiting, found = list(self._needs), []
        while round_ := self._round(waiting):
            for match in round_:
                left = self._left[match.resource.id]
                self._left[match.resource.id] = None if left is None else left - (known(match.need.quantity) or 0)
            found += round_
            met = {match.need.id for match in round_}
            waiting = [need for need in waiting if need.id not in met]
        return found

    def notes(self, needs: Sequence[NeedRow], found: Sequence[Match]) -> list[str]:
        """Return notes that count the unmet needs by the reason why no resource fits."""
        if not needs:
            return [_("There are no recorded needs that you may see.")]
        met = {one.need.id for one in found}
        unmet = Counter(self._main_obstacle(need) for need in needs if need.id not in met)
        return [ngettext(*UNMET[one], unmet[one]).format(n=number(unmet[one])) for one in UNMET if unmet[one]] or [
            _("Every recorded need has a resource.")
        ]

    def _round(self, waiting: Sequence[NeedRow]) -> list[Match]:
        """Return the matches of one round; in a round, each resource is assigned to at most one need."""
        place = {one: n for n, one in enumerate(self._resources)}
        ids = list(self._resources)
        values = {
            (n, place[one.id]): self._value(need, one)
            for n, need in enumerate(waiting) for one in self._fits[need.id] if self._fits_now(need, one)
        }  # fmt: skip
        return [
            self._match(waiting[n], self._resources[ids[column]], values[n, column])
            for n, column in maximum_weight_matching(values)
        ]

    def _fits_now(self, need: NeedRow, resource: ResourceRow) -> bool:
        return self._fitting.obstacle(need, resource, self._left[resource.id]) is None

    def _match(self, need: NeedRow, resource: ResourceRow, value: float) -> Match:
        also = [one for one in self._fits[need.id] if one is not resource]
        return Match(need, resource, value, self._path(need, resource), also[:ALSO])

    def _value(self, need: NeedRow, resource: ResourceRow) -> float:
        """Return the value of assigning the resource to the need; `matches` describes the formula."""
        left = _days(need, self._as_of)
        urgency = 1 / (1 + max(SOMETIME if left is None else left, 0) / SOON)
        way = self._path(need, resource)
        steps = FARTHEST + 1 if way is None else len(way) - 1
        return (1 if certain(need, resource) else UNKNOWN_SHARE) * urgency / (1 + steps)

    def _path(self, need: NeedRow, resource: ResourceRow) -> Sequence[str] | None:
        """Return the shortest path of agreements from the agency with the need to an owner of the resource.

        The path is a list of agencies and includes both ends. The result is None if there is no path.
        """
        ways = [
            self._paths[who][owner] for who in need.agencies for owner in resource.owners if owner in self._paths[who]
        ]
        return min(ways, key=lambda way: (len(way), way), default=None)

    def _main_obstacle(self, need: NeedRow) -> str:
        """Find the resource that comes closest to meeting the need, and return the reason why it does not meet the need."""
        at_first = [self._fitting.obstacle(need, one, spare(one)) for one in self._fitting.candidates(need)]
        if None in at_first:
            return "given"
        return max(at_first, key=lambda one: OBSTACLES.index(str(one)), default="none") or "none"


def _paths(arrays: SnapshotArrays, agencies: set[str]) -> Iterator[tuple[str, Mapping[str, Sequence[str]]]]:
    """Yield each agency with its shortest paths, over agreements in force, to the agencies at most FARTHEST ties away."""
    if not agencies:
        return
    import networkx as nx  # imported here because it takes half a second

    graph = arrays.graph(arrays.agreements)
    for who in steps(_("paths to owners"), sorted(agencies)):
        yield who, nx.single_source_shortest_path(graph, who, FARTHEST) if who in graph else {}


def _certain_match(match: Match) -> bool:
    return certain(match.need, match.resource)


def _days(need: NeedRow, as_of: str) -> int | None:
    return (date.fromisoformat(need.by_when) - date.fromisoformat(as_of)).days if need.by_when else None


def _row(arrays: SnapshotArrays, match: Match) -> ReportRow:
    need, resource = match.need, match.resource
    finding = "fits" if _certain_match(match) else "may-fit"
    values: dict[str, Cell] = {
        "finding": finding,
        "need": need.name,
        "agencies": arrays.agencies.named(need.agencies),
        "resource": resource.name,
        "owners": arrays.agencies.named(resource.owners),
        "quantity": _as_integer(known(need.quantity)),
        "spare": _as_integer(spare(resource)),
        "unit": need.unit or resource.unit,
        "by_when": need.by_when,
        "days": _days(need, arrays.as_of),
        "steps": len(match.way) - 1 if match.way else None,
        "via": arrays.agencies.named((match.way or ())[1:-1]),
        "also": tuple(one.name for one in match.also),
    }
    agencies = dict.fromkeys((*need.agencies, *(match.way or ()), *resource.owners))
    matched = Evidence(need.id, need.name, "Need"), Evidence(resource.id, resource.name, "Resource")
    also = (Evidence(one.id, one.name, "Resource") for one in match.also)
    evidence = (*matched, *arrays.agencies.records(agencies), *also)
    concerns = tuple(dict.fromkeys((*need.agencies, *resource.owners)))
    return ReportRow(values, evidence, CONFIDENCE[finding], concerns=concerns)


def _as_integer(amount: float | None) -> float | None:
    """Return an amount without a fractional part as an int, and any other amount unchanged."""
    return int(amount) if amount is not None and float(amount).is_integer() else amount
