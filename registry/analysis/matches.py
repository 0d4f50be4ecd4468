"""Report `matches`: assign idle resources to the needs of agencies, with the highest possible total value."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import chain, islice
from math import isfinite, nan
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from registry.analysis.agreements import agreements_note
from registry.analysis.report import SCOPE, Cell, Column, Confidence, Evidence, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import (
    Bools,
    Floats,
    Ids,
    Ints,
    Matrix,
    NeedRow,
    ResourceRow,
    Snapshot,
    SnapshotArrays,
    TermRow,
)
from registry.analysis.ties import TIE_RULES, AgreementPaths, members
from registry.i18n import _, ngettext, number
from registry.model.records import fold
from registry.progress import steps

NOT_SHARED = "not-shared"
# The reasons why a resource does not fit, from the farthest from a fit to the nearest.
OBSTACLES = ("own", "not-shared", "elsewhere", "purpose", "later", "full", "too-little")
FITS = len(OBSTACLES)
MOST_CELLS = 1 << 21  # so many pairs of a need and a resource are compared at a time


class Comparison(NamedTuple):
    """Needs and the resources of their kind and unit, as indices, and the first obstacle of each pair (needs x resources).

    An obstacle is an index of OBSTACLES; it is FITS if the resource may meet the need.
    """

    needs: Ints
    resources: Ints
    obstacles: NDArray[np.uint8]


class FitChecker:
    """Compares needs with resources of the same kind and unit."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._areas, self._functions = TermHierarchy(snapshot.areas), TermHierarchy(snapshot.functions)
        self._resources = snapshot.resources
        self._of_kind_and_unit: dict[tuple[str | None, str], list[int]] = defaultdict(list)
        self._of_kind: dict[str | None, list[int]] = defaultdict(list)
        for n, one in enumerate(snapshot.resources):
            self._of_kind_and_unit[one.kind, fold(one.unit or "")].append(n)
            self._of_kind[one.kind].append(n)

    def compare(self, needs: Sequence[NeedRow]) -> Iterator[Comparison]:
        """Compare every need with the resources of its kind and unit, in blocks; show the progress."""
        alike: dict[tuple[str | None, str], list[int]] = defaultdict(list)
        for n, need in enumerate(needs):
            alike[need.kind, fold(need.unit or "")].append(n)
        blocks = [
            (group[first : first + height], resources)
            for (kind, unit), group in alike.items()
            if (resources := self._candidates(kind, unit))
            for height in (max(MOST_CELLS // len(resources), 1),)
            for first in range(0, len(group), height)
        ]
        for group, resources in steps(_("comparisons of needs with resources"), blocks):
            rows = [needs[n] for n in group], [self._resources[n] for n in resources]
            yield Comparison(np.array(group), np.array(resources), self._obstacles(*rows))

    def _candidates(self, kind: str | None, unit: str) -> list[int]:
        """Return the resources of the kind and the unit; a resource without a recorded unit is included."""
        if not unit:
            return self._of_kind[kind]
        return self._of_kind_and_unit[kind, unit] + self._of_kind_and_unit[kind, ""]

    def _obstacles(self, needs: Sequence[NeedRow], resources: Sequence[ResourceRow]) -> NDArray[np.uint8]:
        """Return the first obstacle of each pair (needs x resources)."""
        left, wanted = spare_amounts(resources), wanted_amounts(needs)[:, None]
        checks = (
            overlapping([one.agencies for one in needs], [one.owners for one in resources]).toarray() > 0,
            np.array([one.shareability == NOT_SHARED for one in resources]),
            ~self._areas.covers([one.areas for one in resources], [one.areas for one in needs]),
            ~self._functions.covers([one.functions for one in resources], [one.functions for one in needs], some=True),
            _too_late(needs, resources),
            left <= 0,
            left < wanted,
        )
        found = np.full((len(needs), len(resources)), FITS, np.uint8)
        for place, hinders in reversed(tuple(enumerate(checks))):
            np.copyto(found, np.uint8(place), where=hinders)
        return found


def _too_late(needs: Sequence[NeedRow], resources: Sequence[ResourceRow]) -> Bools:
    """Return for each pair (needs x resources) whether the resource becomes available after the day by which it is needed."""
    days = {*(one.by_when for one in needs), *(one.available_since for one in resources)}
    place = {day: n for n, day in enumerate(sorted(filter(None, days)))}
    by_when = np.array([place.get(one.by_when or "", len(place)) for one in needs])
    return by_when[:, None] < np.array([place.get(one.available_since or "", -1) for one in resources])


def overlapping(groups: Sequence[Ids], others: Sequence[Ids]) -> Matrix:
    """Return how many ids each of the groups has in common with each of the `others` (groups x others)."""
    place = {one: n for n, one in enumerate(dict.fromkeys(chain.from_iterable(others)))}
    common: Matrix = (members(groups, place) @ members(others, place).T).tocsr()
    return common


class TermHierarchy:
    """The terms of a code list, each with its broader terms."""

    def __init__(self, terms: Sequence[TermRow]) -> None:
        self._broader = {one.id: one.broader for one in terms}
        self._reached: dict[str, set[str]] = {}

    def covers(self, held: Sequence[Ids], wanted: Sequence[Ids], *, some: bool = False) -> Bools:
        """Return which needs each resource covers (wanted x held), if resources `held` and needs want these functions or areas.

        For each wanted term, the resource must have the term or a broader term. If `some` is set, one wanted term is enough. If no
        terms are wanted or held, the result is True, because terms that are not recorded may match.
        """
        place = {one: n for n, one in enumerate(dict.fromkeys(chain.from_iterable(wanted)))}
        wants = members(wanted, place)
        met = wants @ (overlapping([tuple(self.upwards(one)) for one in place], held) > 0).astype(np.int32)
        enough = np.minimum(wants.sum(axis=1), 1) if some else wants.sum(axis=1)
        unlimited = np.array([not one for one in held], np.bool_)
        return np.asarray((met.toarray() >= enough[:, None]) | unlimited)

    def reach(self, held: Ids, wanted: Ids) -> bool:
        """Return whether a resource that has the terms `held` covers those `wanted`, as `covers` does for many."""
        return not held or all(not self.upwards(one).isdisjoint(held) for one in wanted)

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


def spare_amounts(resources: Sequence[ResourceRow]) -> Floats:
    """Return the unused capacity of each resource; NaN if it is not known."""
    return np.array([nan if (left := spare(one)) is None else left for one in resources], np.float64)


def wanted_amounts(needs: Sequence[NeedRow]) -> Floats:
    """Return the quantity of each need; 0 if it is not known."""
    return np.array([known(one.quantity) or 0 for one in needs], np.float64)


def known(amount: float | None) -> float | None:
    """Return the amount; return None if the amount is NaN or infinite."""
    return None if amount is None or not isfinite(amount) else amount


def certain(need: NeedRow, resource: ResourceRow) -> bool:
    """Return whether the amounts, units and areas that decide if the resource meets the need are all recorded."""
    return _need_is_certain(need) and _resource_is_certain(resource)


def _need_is_certain(one: NeedRow) -> bool:
    return known(one.quantity) is not None and bool(one.unit and one.areas)


def _resource_is_certain(one: ResourceRow) -> bool:
    return spare(one) is not None and bool(one.unit and one.areas)


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
    for _needs, resources, obstacles in FitChecker(snapshot).compare([need]):
        for n, obstacle in zip(resources.tolist(), obstacles[0].tolist(), strict=True):
            resource = snapshot.resources[n]
            if obstacle == FITS:
                yield Candidate(resource, "fits" if certain(need, resource) else "may-fit", spare(resource))
            elif OBSTACLES[obstacle] == "too-little":
                yield Candidate(resource, "too-little", spare(resource))


NOTHING = 1e-9


def maximum_weight_matching(rows: Ints, columns: Ints, weights: Floats) -> Ints:
    """Return which of the possible pairs form the matching with the highest total weight, in the order of their rows.

    Each row and each column is in at most one pair. The possible pairs are distinct, and every weight is above the constant
    NOTHING. The sparse Jonker-Volgenant algorithm (Jonker & Volgenant 1987; `scipy.sparse.csgraph`) gets a dummy column for each
    row, so that a row may stay unmatched.
    """
    if not len(weights):
        return np.empty(0, np.int64)
    height, width = (len(np.unique(side)) for side in (rows, columns))
    here, there = (np.unique(side, return_inverse=True)[1] for side in (rows, columns))
    dummy = np.arange(height)
    cells = np.concatenate([here, dummy]), np.concatenate([there, width + dummy])
    matrix = sparse.csr_array((np.concatenate([weights, np.full(height, NOTHING)]), cells), (height, width + height))
    row, column = min_weight_full_bipartite_matching(matrix, maximize=True)
    order = np.lexsort([there, here])
    codes, real = here[order] * width + there[order], column < width
    return order[np.searchsorted(codes, row[real].astype(np.int64) * width + column[real])]


SOON, SOMETIME, UNKNOWN_SHARE, ALSO = 90, 365, 0.5, 5
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
    rows = [_row(arrays, one) for one in sorted(found, key=lambda one: (not _certain_match(one), -one.value))]
    ours = [one for one in found if arrays.concerned((*one.need.agencies, *one.resource.owners))]
    counted = {one.id for one in arrays.snapshot.needs if arrays.concerned(one.agencies)}
    notes = [*matching.notes(arrays.snapshot.needs, found), agreements_note(arrays.snapshot.partnerships, arrays.as_of)]
    return MATCHES.answer(
        arrays.as_of, rows, found=sum(map(_certain_match, found)), of=len(counted | {one.need.id for one in ours}),
        unknown=sum(not _certain_match(one) for one in ours),
        withheld=arrays.withheld, notes=notes,
    )  # fmt: skip


class Matching:
    """Assigns the resources of a snapshot to its needs.

    `_need` and `_resource` are the indices of every pair of a need and a resource that may meet it, in the order of the needs.
    """

    def __init__(self, arrays: SnapshotArrays) -> None:
        self._as_of, self._needs, self._resources = arrays.as_of, arrays.snapshot.needs, arrays.snapshot.resources
        self._nearest = np.full(len(self._needs), -1)
        pairs = [np.empty((0, 2), np.int64)]
        for needs, resources, obstacles in FitChecker(arrays.snapshot).compare(self._needs):
            self._nearest[needs] = obstacles.max(axis=1)
            need, resource = (obstacles == FITS).nonzero()
            pairs.append(np.column_stack([needs[need], resources[resource]]))
        found = np.concatenate(pairs)
        self._need, self._resource = found[np.argsort(found[:, 0], kind="stable")].T
        self._paths = AgreementPaths(arrays)

    def found(self) -> list[Match]:
        """Assign resources in rounds until no remaining resource fits an unmet need, and return the matches.

        In a round, each resource is assigned to at most one need.
        """
        left, wanted = spare_amounts(self._resources), wanted_amounts(self._needs)
        values, waiting = self._values(), np.ones(len(self._needs), np.bool_)
        found: list[Match] = []
        while True:
            spare_now = left[self._resource]
            short = (spare_now <= 0) | (spare_now < wanted[self._need])
            open_pairs = np.flatnonzero(waiting[self._need] & ~short)
            chosen = open_pairs[
                maximum_weight_matching(self._need[open_pairs], self._resource[open_pairs], values[open_pairs])
            ]
            if not len(chosen):
                return found
            left[self._resource[chosen]] -= wanted[self._need[chosen]]
            waiting[self._need[chosen]] = False
            found += map(self._match, chosen.tolist(), values[chosen].tolist())

    def notes(self, needs: Sequence[NeedRow], found: Sequence[Match]) -> list[str]:
        """Return notes that count the unmet needs by the reason why no resource fits."""
        if not needs:
            return [_("There are no recorded needs that you may see.")]
        met = {one.need.id for one in found}
        reasons = ("none", *OBSTACLES, "given")  # by the resource that comes closest to meeting the need
        pairs = zip(needs, self._nearest.tolist(), strict=True)
        unmet = Counter(reasons[nearest + 1] for need, nearest in pairs if need.id not in met)
        return [ngettext(*UNMET[one], unmet[one]).format(n=number(unmet[one])) for one in UNMET if unmet[one]] or [
            _("Every recorded need has a resource.")
        ]

    def _match(self, pair: int, value: float) -> Match:
        need, resource = self._needs[self._need[pair]], self._resources[self._resource[pair]]
        first = np.searchsorted(self._need, self._need[pair])
        last = np.searchsorted(self._need, self._need[pair], "right")
        others = (n for n in self._resource[first : min(last, first + ALSO + 1)].tolist() if n != self._resource[pair])
        also = [self._resources[n] for n in islice(others, ALSO)]
        return Match(need, resource, value, self._paths.shortest(need.agencies, resource.owners), also)

    def _values(self) -> Floats:
        """Return the value of each pair; `matches` describes the formula."""
        days = (_days(need, self._as_of) for need in self._needs)
        urgency = np.array([1 / (1 + max(SOMETIME if left is None else left, 0) / SOON) for left in days])
        certain_needs = np.array([_need_is_certain(one) for one in self._needs], np.bool_)
        certain_resources = np.array([_resource_is_certain(one) for one in self._resources], np.bool_)
        sure = certain_needs[self._need] & certain_resources[self._resource]
        far = self._paths.lengths(
            [one.agencies for one in self._needs], [one.owners for one in self._resources], self._need, self._resource
        )
        return np.asarray(np.where(sure, 1, UNKNOWN_SHARE) * urgency[self._need] / (1 + far))


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
