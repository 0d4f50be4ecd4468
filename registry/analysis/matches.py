"""Which idle resource fits which need, and through whom its owner can be reached."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from registry.analysis.assigning import heaviest
from registry.analysis.fitting import OBSTACLES, Fitting, certain, known, spare
from registry.analysis.lists import Need, Resource
from registry.analysis.one_agency import AGENCY, place_of
from registry.analysis.progress import steps
from registry.analysis.world import World
from registry.figures import number
from registry.reports.report import Cell, Column, Confidence, Evidence, Question, Report, Row
from registry.words import _

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

MATCHES = Question(
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

    need: Need
    resource: Resource
    value: float
    way: Sequence[str] | None
    also: Sequence[Resource]


def matches(world: World, *, agency: str = "") -> Report:
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


def _needs(world: World, agency: str) -> Sequence[Need]:
    """Return the needs of an agency, or all."""
    if not agency:
        return world.lists.needs
    place_of(world, agency)
    return [one for one in world.lists.needs if agency in one.agencies]


class Matching:
    """The needs and the resources on a day, compared."""

    def __init__(self, world: World) -> None:
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

    def notes(self, needs: Sequence[Need], found: Sequence[Match]) -> list[str]:
        """Say what stands in the way of those of the needs that nothing is matched with."""
        if not needs:
            return [_("There are no needs on record that you may see, so there is nothing to match.")]
        met = {one.need.id for one in found}
        unmet = Counter(self._nearest(need) for need in needs if need.id not in met)
        return [_(UNMET[one]).format(n=number(unmet[one])) for one in UNMET if unmet[one]] or [
            _("Every need on record is matched.")
        ]

    def _round(self, waiting: Sequence[Need]) -> list[Match]:
        place = {one: n for n, one in enumerate(self._resources)}
        ids = list(self._resources)
        values = {
            (n, place[one.id]): self._value(need, one)
            for n, need in enumerate(waiting) for one in self._fits[need.id] if self._open(need, one)
        }  # fmt: skip
        return [
            self._match(waiting[n], self._resources[ids[column]], values[n, column]) for n, column in heaviest(values)
        ]

    def _open(self, need: Need, resource: Resource) -> bool:
        return self._fitting.obstacle(need, resource, self._left[resource.id]) is None

    def _match(self, need: Need, resource: Resource, value: float) -> Match:
        also = [one for one in self._fits[need.id] if one is not resource]
        return Match(need, resource, value, self._way(need, resource), also[:ALSO])

    def _value(self, need: Need, resource: Resource) -> float:
        left = _days(need, self._as_of)
        urgency = 1 / (1 + max(SOMETIME if left is None else left, 0) / SOON)
        way = self._way(need, resource)
        steps = FARTHEST + 1 if way is None else len(way) - 1
        return (1 if certain(need, resource) else UNKNOWN_SHARE) * urgency / (1 + steps)

    def _way(self, need: Need, resource: Resource) -> Sequence[str] | None:
        """Return the shortest way by agreements from who needs it to who owns it, both included; None where there is none."""
        ways = [
            self._ways[who][owner] for who in need.agencies for owner in resource.owners if owner in self._ways[who]
        ]
        return min(ways, key=lambda way: (len(way), way), default=None)

    def _nearest(self, need: Need) -> str:
        """Return what stands between the need and the resource that comes nearest to it."""
        at_first = [self._fitting.obstacle(need, one, spare(one)) for one in self._fitting.candidates(need)]
        if None in at_first:
            return "given"
        return max(at_first, key=lambda one: OBSTACLES.index(str(one)), default="none") or "none"


def _ways(world: World, agencies: set[str]) -> Iterator[tuple[str, Mapping[str, Sequence[str]]]]:
    """Yield each of the agencies with its shortest ways by agreements in force to others, up to FARTHEST of them."""
    if not agencies:
        return
    import networkx as nx  # half a second, which only who asks for ways should wait

    graph = world.graph(one for one in world.lists.partnerships if one.in_force(world.as_of))
    for who in steps(_("ways to owners"), sorted(agencies)):
        yield who, nx.single_source_shortest_path(graph, who, FARTHEST) if who in graph else {}


def _sure(match: Match) -> bool:
    return certain(match.need, match.resource)


def _days(need: Need, as_of: str) -> int | None:
    return (date.fromisoformat(need.by_when) - date.fromisoformat(as_of)).days if need.by_when else None


def _row(world: World, match: Match) -> Row:
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
    return Row(values, (*matched, *world.agencies.records(agencies), *also), CONFIDENCE[finding])


def _plain(amount: float | None) -> float | None:
    """Return a whole amount as a whole number."""
    return int(amount) if amount is not None and float(amount).is_integer() else amount
