"""Report `matches`: idle resources assigned to needs by maximum-weight matching."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from registry.analysis.report import Cell, Column, Confidence, Evidence, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import AGENCY, NeedRow, ResourceRow, Snapshot, SnapshotArrays, TermRow, place_of
from registry.i18n import _, number
from registry.model.records import fold
from registry.progress import steps

NOT_SHARED = "not-shared"
# What stands in the way, the farthest from a fit first.
OBSTACLES = ("own", "not-shared", "elsewhere", "purpose", "later", "full", "too-little")


class Fitting:
    """Compares needs with resources of the same kind and unit."""

    def __init__(self, lists: Snapshot) -> None:
        self._areas, self._functions = Wider(lists.areas), Wider(lists.functions)
        self._of_sort: dict[tuple[str | None, str], list[ResourceRow]] = defaultdict(list)
        self._of_kind: dict[str | None, list[ResourceRow]] = defaultdict(list)
        for one in lists.resources:
            self._of_sort[one.kind, fold(one.unit or "")].append(one)
            self._of_kind[one.kind].append(one)

    def candidates(self, need: NeedRow) -> Iterator[ResourceRow]:
        """Yield the resources of the need's kind that are counted in its unit; a unit that is not known may be the same."""
        if not need.unit:
            yield from self._of_kind[need.kind]
        else:
            yield from self._of_sort[need.kind, fold(need.unit)]
            yield from self._of_sort[need.kind, ""]

    def obstacle(self, need: NeedRow, resource: ResourceRow, spare: float | None) -> str | None:
        """Return the first of OBSTACLES that stands in the way, None where nothing that is known does."""
        there = zip(OBSTACLES, self._hindered(need, resource, spare), strict=True)
        return next((obstacle for obstacle, hinders in there if hinders), None)

    def _hindered(self, need: NeedRow, resource: ResourceRow, spare: float | None) -> Iterator[bool]:
        """Yield for each of OBSTACLES, when it is asked for, whether it stands in the way."""
        yield any(owner in need.agencies for owner in resource.owners)
        yield resource.shareability == NOT_SHARED
        yield not self._areas.reach(resource.areas, need.areas)
        yield not self._functions.reach(resource.functions, need.functions, some=True)
        yield bool(need.by_when and resource.available_since and need.by_when < resource.available_since)
        yield spare is not None and spare <= 0
        yield spare is not None and spare < (known(need.quantity) or 0)


class Wider:
    """Terms with all that is broader."""

    def __init__(self, terms: Sequence[TermRow]) -> None:
        self._broader = {one.id: one.broader for one in terms}
        self._reached: dict[str, set[str]] = {}

    def reach(self, held: Sequence[str], wanted: Sequence[str], *, some: bool = False) -> bool:
        """Tell whether what is held is, or is broader than, each (or `some`) of what is wanted; where one is unknown it may be."""
        if not held or not wanted:
            return True
        met = (not self.upwards(one).isdisjoint(held) for one in wanted)
        return any(met) if some else all(met)

    def upwards(self, term: str) -> set[str]:
        """Return the term and all that is broader; circles do no harm."""
        if term not in self._reached:
            reached, new = {term}, [term]
            while new:
                new += [up for up in self._broader.get(new.pop(), ()) if up not in reached]
                reached.update(new)
            self._reached[term] = reached
        return self._reached[term]


def spare(resource: ResourceRow) -> float | None:
    """Return the capacity that is not in use, in the resource's unit; None where it is not known."""
    capacity, used = known(resource.capacity), known(resource.in_use)
    return None if capacity is None or used is None else capacity - used


def known(amount: float | None) -> float | None:
    """Return the amount, None where it is no number."""
    return None if amount is None or not isfinite(amount) else amount


def certain(need: NeedRow, resource: ResourceRow) -> bool:
    """Tell whether all is known that a fit depends on: amounts, units and places."""
    amounts = known(need.quantity), spare(resource)
    told = need.unit, resource.unit, need.areas, resource.areas
    return None not in amounts and all(told)


Finding = Literal["fits", "may-fit", "too-little"]
ORDER: tuple[Finding, ...] = ("fits", "may-fit", "too-little")


class Candidate(NamedTuple):
    """A resource that could meet a need, all of it or some: `spare` is what is free, in its unit; None where not known."""

    resource: ResourceRow
    finding: Finding
    spare: float | None


def meeting(need: NeedRow, lists: Snapshot) -> list[Candidate]:
    """Return the resources of the lists that could meet a need: what fits first, what is too little last, most free first."""
    return sorted(_candidates(need, lists), key=lambda one: (ORDER.index(one.finding), -(one.spare or 0)))


def _candidates(need: NeedRow, lists: Snapshot) -> Iterator[Candidate]:
    fitting = Fitting(lists)
    for resource in fitting.candidates(need):
        left = spare(resource)
        obstacle = fitting.obstacle(need, resource, left)
        if obstacle == "too-little":
            yield Candidate(resource, "too-little", left)
        elif obstacle is None:
            yield Candidate(resource, "fits" if certain(need, resource) else "may-fit", left)


NOTHING = 1e-9


def heaviest(values: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of greatest total value in which no row and no column comes twice.

    `values` holds a value above NOTHING for each pair that may be; a row may stay without a column. Sparse Jonker-Volgenant
    (Jonker & Volgenant 1987), each row having a column of its own that stands for nothing.
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
FINDINGS = {"fits": "fits", "may-fit": "may fit, not all is known"}
CONFIDENCE: Mapping[str, Confidence] = {"fits": "certain", "may-fit": "unclear"}
UNMET = {
    "none": "{n} needs: no resource of that kind and unit is on record.",
    "own": "{n} needs: only the agency itself has such a resource.",
    "not-shared": "{n} needs: what there is, is not shared.",
    "elsewhere": "{n} needs: what there is, is elsewhere.",
    "purpose": "{n} needs: what there is serves other functions.",
    "later": "{n} needs: what there is comes too late.",
    "full": "{n} needs: what there is, is full.",
    "too-little": "{n} needs: too little is left of what there is.",
    "given": "{n} needs: what fits is more useful to others.",
}

MATCHES = ReportDefinition(
    "matches",
    "Which idle resource fits which need?",
    "A resource fits a need when it is of the same kind and unit, serves one of its functions or a broader one, can be used in all "
    "of its areas, is shared, is there in time, is not the agency's own and has the quantity to spare (capacity less what is in use). "
    "What fits is dealt out so that the whole is worth most, what is left then in further rounds (Jonker & Volgenant 1987): a match "
    "is worth more the sooner the need is, and less the more agreements lie between the two.",
    ("agencies", "resources", "needs", "partnerships", "areas", "functions"),
    (
        Column("finding", "Finding", "code", "Whether it fits.", words=FINDINGS),
        Column("agencies", "Agencies", "texts", "Who needs something."),
        Column("need", "Need", "text", "What is needed."),
        Column("resource", "Resource", "text", "The resource that it is matched with."),
        Column("owners", "Owners", "texts", "Whose it is."),
        Column("quantity", "Needed", "number", "How much is needed."),
        Column("spare", "Spare", "number", "How much of the resource is idle, before any of it is dealt out."),
        Column("unit", "Unit", "text", "What both are counted in."),
        Column("by_when", "By", "date", "The day by which it is needed."),
        Column("days", "Days", "integer", "Days until that day; below 0 since then.", "days"),
        Column("steps", "Steps", "integer", "How many agreements away the owner is, 1 for one of both; up to 3.", "agreements"),
        Column("via", "Through", "texts", "Agencies through which the owner can be reached by agreements in force."),
        Column("also", "Also fits", "texts", "Other resources that fit, up to five."),
    ),
    (AGENCY,),
    key=("need",),
    counts="Needs that a resource surely fits",
)  # fmt: skip


class Match(NamedTuple):
    """A need and the resource it is matched with, what that is worth, the way to the owner, and what else fits."""

    need: NeedRow
    resource: ResourceRow
    value: float
    way: Sequence[str] | None
    also: Sequence[ResourceRow]


def matches(world: SnapshotArrays, *, agency: str = "") -> Report:
    """Match each need with at most one resource; a resource may serve several as long as enough is left of it.

    Where one `agency` is asked about, only its needs are shown and counted; what there is, is dealt out among all.

    The value of a match is the share of the need that is met (half where it is not known) times the urgency (1 on the day, half 90
    days before it, as a year before it where there is no day), divided by one and the number of agreements to the owner, at most four.
    """
    matching = Matching(world)
    needs = _needs(world, agency)
    asked = {one.id for one in needs}
    found = [one for one in matching.found() if one.need.id in asked]
    rows = [_row(world, one) for one in sorted(found, key=lambda one: (not _sure(one), -one.value, one.need.id))]
    sure = sum(map(_sure, found))
    return MATCHES.answer(
        world.as_of, rows, found=sure, of=len(needs), unknown=len(found) - sure,
        withheld=world.withheld, notes=matching.notes(needs, found), agency=agency,
    )  # fmt: skip


def _needs(world: SnapshotArrays, agency: str) -> Sequence[NeedRow]:
    """Return the needs of an agency, or all."""
    if not agency:
        return world.lists.needs
    place_of(world, agency)
    return [one for one in world.lists.needs if agency in one.agencies]


class Matching:
    """The needs and the resources on a day, compared."""

    def __init__(self, world: SnapshotArrays) -> None:
        self._as_of, self._needs = world.as_of, world.lists.needs
        self._resources = {one.id: one for one in world.lists.resources}
        self._fitting = Fitting(world.lists)
        self._left = {one.id: spare(one) for one in world.lists.resources}
        self._fits = {
            need.id: [one for one in self._fitting.candidates(need) if self._open(need, one)] for need in self._needs
        }
        fitted = (need for need in self._needs if self._fits[need.id])
        self._ways = dict(_ways(world, {who for need in fitted for who in need.agencies}))

    def found(self) -> list[Match]:
        """Deal the resources out in rounds, until nothing that is left fits a need that waits."""
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
        """Say what stands in the way of those of the needs that nothing is matched with."""
        if not needs:
            return [_("There are no needs on record that you may see, so there is nothing to match.")]
        met = {one.need.id for one in found}
        unmet = Counter(self._nearest(need) for need in needs if need.id not in met)
        return [_(UNMET[one]).format(n=number(unmet[one])) for one in UNMET if unmet[one]] or [
            _("Every need on record is matched.")
        ]

    def _round(self, waiting: Sequence[NeedRow]) -> list[Match]:
        place = {one: n for n, one in enumerate(self._resources)}
        ids = list(self._resources)
        values = {
            (n, place[one.id]): self._value(need, one)
            for n, need in enumerate(waiting) for one in self._fits[need.id] if self._open(need, one)
        }  # fmt: skip
        return [
            self._match(waiting[n], self._resources[ids[column]], values[n, column]) for n, column in heaviest(values)
        ]

    def _open(self, need: NeedRow, resource: ResourceRow) -> bool:
        return self._fitting.obstacle(need, resource, self._left[resource.id]) is None

    def _match(self, need: NeedRow, resource: ResourceRow, value: float) -> Match:
        also = [one for one in self._fits[need.id] if one is not resource]
        return Match(need, resource, value, self._way(need, resource), also[:ALSO])

    def _value(self, need: NeedRow, resource: ResourceRow) -> float:
        left = _days(need, self._as_of)
        urgency = 1 / (1 + max(SOMETIME if left is None else left, 0) / SOON)
        way = self._way(need, resource)
        steps = FARTHEST + 1 if way is None else len(way) - 1
        return (1 if certain(need, resource) else UNKNOWN_SHARE) * urgency / (1 + steps)

    def _way(self, need: NeedRow, resource: ResourceRow) -> Sequence[str] | None:
        """Return the shortest way by agreements from who needs it to who owns it, both included; None where there is none."""
        ways = [
            self._ways[who][owner] for who in need.agencies for owner in resource.owners if owner in self._ways[who]
        ]
        return min(ways, key=lambda way: (len(way), way), default=None)

    def _nearest(self, need: NeedRow) -> str:
        """Return what stands between the need and the resource that comes nearest to it."""
        at_first = [self._fitting.obstacle(need, one, spare(one)) for one in self._fitting.candidates(need)]
        if None in at_first:
            return "given"
        return max(at_first, key=lambda one: OBSTACLES.index(str(one)), default="none") or "none"


def _ways(world: SnapshotArrays, agencies: set[str]) -> Iterator[tuple[str, Mapping[str, Sequence[str]]]]:
    """Yield each of the agencies with its shortest ways by agreements in force to others, up to FARTHEST of them."""
    if not agencies:
        return
    import networkx as nx  # half a second, which only who asks for ways should wait

    graph = world.graph(one for one in world.lists.partnerships if one.in_force(world.as_of))
    for who in steps(_("ways to owners"), sorted(agencies)):
        yield who, nx.single_source_shortest_path(graph, who, FARTHEST) if who in graph else {}


def _sure(match: Match) -> bool:
    return certain(match.need, match.resource)


def _days(need: NeedRow, as_of: str) -> int | None:
    return (date.fromisoformat(need.by_when) - date.fromisoformat(as_of)).days if need.by_when else None


def _row(world: SnapshotArrays, match: Match) -> ReportRow:
    need, resource = match.need, match.resource
    finding = "fits" if _sure(match) else "may-fit"
    values: dict[str, Cell] = {
        "finding": finding,
        "need": need.name,
        "agencies": world.agencies.named(need.agencies),
        "resource": resource.name,
        "owners": world.agencies.named(resource.owners),
        "quantity": _plain(known(need.quantity)),
        "spare": _plain(spare(resource)),
        "unit": need.unit or resource.unit,
        "by_when": need.by_when,
        "days": _days(need, world.as_of),
        "steps": len(match.way) - 1 if match.way else None,
        "via": world.agencies.named((match.way or ())[1:-1]),
        "also": tuple(one.name for one in match.also),
    }
    agencies = dict.fromkeys((*need.agencies, *(match.way or ()), *resource.owners))
    matched = Evidence(need.id, need.name, "Need"), Evidence(resource.id, resource.name, "Resource")
    also = (Evidence(one.id, one.name, "Resource") for one in match.also)
    return ReportRow(values, (*matched, *world.agencies.records(agencies), *also), CONFIDENCE[finding])


def _plain(amount: float | None) -> float | None:
    """Return a whole amount as a whole number."""
    return int(amount) if amount is not None and float(amount).is_integer() else amount
