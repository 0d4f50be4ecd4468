"""Impact: the services, resources and agencies that are affected if one record becomes unavailable."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from registry.database import exploration
from registry.database.exploration import DEPENDENTS
from registry.explore import ExploreContext
from registry.explore.paths import PathStep, sentence
from registry.permissions import Actor

STOPPABLE = ("Agency", "Service", "Resource")
WALKED = ("Service", "Resource")  # the search continues from records of these kinds; it ends at agencies and areas
KINDS = ("Service", "Resource", "Agency", "Area")
# The lists of affected records: their kind and, for the users of affected resources, the relation by which they were reached.
LISTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "services": ("Service", ()),
    "resources": ("Resource", ()),
    "agencies": ("Agency", ()),
    "users": ("Agency", ("USES",)),
    "areas": ("Area", ()),
}
MOST_HITS, BATCH = 50_000, 5_000
SERVICES_OF_PROVIDER = 20  # the most services that are listed of each affected provider

HitKey = tuple[str, str]


class Reached(NamedTuple):
    """A record that the search has reached, with the record from which it was reached, and the link followed.

    If the affected record has an alternative to the lost record, it is only degraded; otherwise it is lost too.
    """

    record: str
    kind: str
    lost: bool
    cause: "Reached | None" = None
    relation: str = ""
    forward: bool = True  # whether the link was followed in its own direction
    path: tuple[str, ...] = ()  # the ids of the records before this one

    @property
    def key(self) -> HitKey:
        """The key of the hit. An agency can be hit twice: it provides an affected service, and it uses an affected resource."""
        return self.record, self.relation if self.kind == "Agency" else ""

    @property
    def order(self) -> str:
        """The sort key: records that stop come first, and among them those with the shortest chain of links."""
        return f"{1 - self.lost} {len(self.path):03} {self.record} {self.key[1]}"

    def steps(self) -> "list[Reached]":
        """Return the hits on the chain of links from the unavailable record to this one."""
        return [*self.cause.steps(), self] if self.cause else []


@dataclass(frozen=True)
class ImpactHit:
    """An affected record. It is lost or only degraded, as `Reached` describes. `cursor` is its sort key."""

    record: str
    kind: str
    lost: bool
    chain: Sequence[PathStep]
    cursor: str

    @property
    def text(self) -> str:
        """The chain of links, in words, from the unavailable record to this affected record."""
        return sentence(self.chain)


@dataclass(frozen=True)
class AffectedProvider:
    """An agency that provides affected services, as lead or co-provider: the services that stop, and the degraded services.

    `stopped` and `degraded` are the first of these services.
    """

    agency: str
    stopped: Sequence[str]
    degraded: Sequence[str]
    stopped_count: int
    degraded_count: int


@dataclass(frozen=True)
class ImpactTotal:
    """The number of records of a kind that would stop, and the number of those that would only work less well."""

    kind: str
    lost: int
    degraded: int


@dataclass(frozen=True)
class Narrowing:
    """What the listed records of an impact must be: of one of the kinds, in the sector, and in the area. None means any."""

    kinds: Collection[str] | None = None
    sector: str | None = None
    area: str | None = None

    @property
    def terms(self) -> dict[str, str]:
        """The ids of the sector and of the area, by kind."""
        return {kind: one for kind, one in (("Sector", self.sector), ("Area", self.area)) if one is not None}


ANY_RECORD = Narrowing()


@dataclass(frozen=True)
class Impact:
    """The affected records: how many there are, and the first ones of each kind. Those that stop come first, then the nearest.

    `totals` count all affected records, and `matching` those that pass the filters. `unplaced` is the number of affected records
    that fail the filters because the actor sees no sector or area of them. An agency counts once. `agencies` use or provide
    something affected; `users` are those that use an affected resource. `providers` are the agencies with affected services, those
    with the most stopped services first.

    `withheld` says that more records may be affected: the actor sees only the summary of records on the way, or of records that may
    depend on them. `complete` says that the search ended because no further record depends on the affected ones, and not because of
    a limit.
    """

    record: str
    services: Sequence[ImpactHit]
    resources: Sequence[ImpactHit]
    agencies: Sequence[ImpactHit]
    users: Sequence[ImpactHit]
    areas: Sequence[ImpactHit]
    totals: Sequence[ImpactTotal]
    matching: Sequence[ImpactTotal]
    providers: Sequence[AffectedProvider]
    providers_stopped_count: int
    providers_degraded_count: int
    users_count: int
    unplaced: int
    withheld: bool
    complete: bool


@dataclass
class ImpactSearch:
    """The state of a search for affected records."""

    of: str
    hits: dict[HitKey, Reached] = field(default_factory=dict)
    provided: set[tuple[str, str]] = field(default_factory=set)  # pairs of an agency and an affected service
    withheld: bool = False
    complete: bool = True

    def ordered(self) -> list[Reached]:
        """Return all hits in the order in which they are listed."""
        return sorted(self.hits.values(), key=lambda hit: hit.order)


async def impact(
    context: ExploreContext,
    of: str,
    day: str,
    *,
    depth: int = 6,
    first: int | None = None,
    after: str = "",
    narrowing: Narrowing = ANY_RECORD,
) -> Impact | None:
    """Return the records that are affected if an agency, a service or a resource becomes unavailable. Raises StoreError.

    If the record does not exist, return None. The result counts the services and resources within `depth` links, and their
    agencies and areas. It lists at most `first` records of each kind that pass the filters and come after the sort key `after`; if
    `first` is None, it lists all.

    A record with an alternative is degraded, and so are its dependents. An agency is degraded if it uses a lost resource or
    provides an affected service. The other services of a degraded agency are affected only if they require a lost record. If
    several chains of links lead to a record, a chain by which the record is lost takes precedence over a chain by which it is
    degraded. Among equal chains, the shortest is reported. If there are more than MOST_HITS hits, the search ends early.
    """
    search = await _searched(context, of, day, depth)
    if search is None:
        return None
    ordered = search.ordered()
    matching, unplaced = await _narrowed(context, ordered, narrowing)
    page = {name: list(_listed(matching, name, first, after)) for name in LISTS}
    names = await _names(context, [hit for hits in page.values() for hit in hits])
    lost = {of, *(hit.record for hit in ordered if hit.lost)}
    providers = _providers(search.provided, lost, first)
    stopped = sum(1 for one in providers if one.stopped_count)
    return Impact(
        of,
        **{name: [_as_hit(hit, names) for hit in hits] for name, hits in page.items()},
        totals=_totals(ordered),
        matching=_totals(matching),
        providers=providers[:first],
        providers_stopped_count=stopped,
        providers_degraded_count=len(providers) - stopped,
        users_count=sum(1 for hit in ordered if hit.key[1] == "USES"),
        unplaced=unplaced,
        withheld=search.withheld,
        complete=search.complete,
    )


async def _searched(context: ExploreContext, of: str, day: str, depth: int) -> ImpactSearch | None:
    """Return the finished search. If the record does not exist, return None."""
    search = ImpactSearch(of)
    frontier = {kind: {of: Reached(of, kind, True)} for kind in STOPPABLE}
    for step in range(depth + 1):
        rows, replaced = await _dependents(context, frontier, day)
        if step == 0 and not any(rows.values()):
            return None
        search.withheld = search.withheld or _hides(rows, context.actor)
        found = _next_hits(search, rows, replaced, frontier)
        if step == depth:
            search.hits |= {hit.key: hit for hit in found if hit.kind not in WALKED}
            search.complete = not any(hit.kind in WALKED for hit in found)
            break
        search.hits |= {hit.key: hit for hit in found}
        frontier = {kind: {hit.record: hit for hit in found if hit.kind == kind} for kind in WALKED}
        if not any(frontier.values()):
            break
        if len(search.hits) > MOST_HITS:
            search.complete = False
            break
    return search


async def _dependents(
    context: ExploreContext, frontier: Mapping[str, Mapping[str, Reached]], day: str
) -> tuple[dict[str, list[Any]], set[str]]:
    """Return the rows of `exploration.dependents` by kind, and the ids of the resources that have an alternative."""
    batches = [(kind, ids) for kind, hits in frontier.items() for ids in _batches(sorted(hits))]
    resources = [ids for kind, ids in batches if kind == "Resource"]
    answers = await context.run(
        *(exploration.dependents(kind, ids, context.actor, day=day) for kind, ids in batches),
        *(exploration.alternatives(ids, context.actor) for ids in resources),
    )
    rows: dict[str, list[Any]] = {kind: [] for kind in frontier}
    for (kind, _ids), answer in zip(batches, answers, strict=False):
        rows[kind] += answer
    similar = {(function, kind): two for answer in answers[len(batches) :] for function, kind, two in answer}
    replaced = {
        one
        for one, _whole, kind, functions, _lists in rows.get("Resource", ())
        if any(other != one for function in functions for other in similar.get((function, kind), ()))
    }
    return rows, replaced


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _next_hits(
    search: ImpactSearch,
    rows: Mapping[str, Sequence[Any]],
    replaced: Collection[str],
    frontier: Mapping[str, Mapping[str, Reached]],
) -> list[Reached]:
    """Return the new hits among the dependents of the frontier, and hits that are lost and were only degraded.

    If a record is hit several times, its worst hit is returned.
    """
    worst: dict[HitKey, Reached] = {}
    for kind, found in rows.items():
        for near, _whole, _kind, _functions, lists in found:
            cause = frontier[kind][near]
            path = (*cause.path, near)
            for link, dependents in zip(DEPENDENTS[kind], lists, strict=True):
                is_agency = link.kind == "Agency"
                if is_agency and link.relation == "PROVIDES":
                    search.provided |= {(far, near) for far in dependents}
                always = link.replaced or near in replaced
                for dependent in dependents:
                    far, has_alternative = dependent if link.alternative else (dependent, always)
                    lost = cause.lost and not has_alternative
                    key = (far, link.relation if is_agency else "")
                    known, other = search.hits.get(key), worst.get(key)
                    is_new = far != search.of and (known is None or (lost and not known.lost))
                    if is_new and (other is None or (other.lost, other.path) < (lost, path)):
                        worst[key] = Reached(far, link.kind, lost, cause, link.relation, link.forward, path)
    return list(worst.values())


def _hides(rows: Mapping[str, Sequence[Any]], actor: Actor) -> bool:
    """Return whether records may have dependents that the actor may not see."""
    for kind, found in rows.items():
        kinds = [link.kind for link in DEPENDENTS[kind] if link.hidden]
        if found and kinds and (actor.may_be_partial(kinds) or not all(row[1] for row in found)):
            return True
    return False


async def _narrowed(
    context: ExploreContext, ordered: Sequence[Reached], narrowing: Narrowing
) -> tuple[Sequence[Reached], int]:
    """Return the hits that pass the filters, and how many fail because the actor sees no sector or area of them."""
    matching = [hit for hit in ordered if narrowing.kinds is None or hit.kind in narrowing.kinds]
    if not narrowing.terms:
        return matching, 0
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for hit in ordered:
        ids[hit.kind].add(hit.record)
    batches = [(kind, batch) for kind, those in ids.items() for batch in _batches(sorted(those))]
    answers = await context.run(
        *(exploration.placed(kind, batch, context.actor, narrowing.terms) for kind, batch in batches)
    )
    rows = [(kind, row) for (kind, _batch), answer in zip(batches, answers, strict=True) for row in answer]
    fitting = {one for _kind, (one, fits, _known) in rows if fits}
    unplaced = sum(1 for kind, (_one, _fits, known) in rows if kind != "Area" and not known)
    return [hit for hit in matching if hit.record in fitting], unplaced


def _listed(hits: Sequence[Reached], name: str, first: int | None, after: str) -> Iterator[Reached]:
    """Yield the first hits of a list after a sort key. A record is in a list only once."""
    kind, relations = LISTS[name]
    once = {
        hit.record: hit for hit in reversed(hits) if hit.kind == kind and hit.relation in (relations or (hit.relation,))
    }
    return islice((hit for hit in reversed(once.values()) if hit.order > after), first)


async def _names(context: ExploreContext, hits: Iterable[Reached]) -> dict[str, str]:
    """Return the names of the hits and of the records on their chains, by id."""
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for hit in hits:
        one: Reached | None = hit
        while one:
            ids[one.kind].add(one.record)
            one = one.cause
    if not ids:
        return {}
    answers = await context.run(*(exploration.names_of(kind, those, context.actor) for kind, those in ids.items()))
    return {one: name for answer in answers for one, name in answer}


def _as_hit(hit: Reached, names: Mapping[str, str]) -> ImpactHit:
    chain = [
        PathStep(one.relation, one.forward, near, names.get(near, near), one.record, names.get(one.record, one.record))
        for one in hit.steps()
        for near in one.path[-1:]
    ]
    return ImpactHit(hit.record, hit.kind, hit.lost, chain, hit.order)


def _totals(hits: Sequence[Reached]) -> list[ImpactTotal]:
    counts = Counter((kind, lost) for kind, lost, _record in {(hit.kind, hit.lost, hit.record) for hit in hits})
    return [ImpactTotal(kind, counts[kind, True], counts[kind, False]) for kind in KINDS]


def _providers(provided: Iterable[tuple[str, str]], lost: Collection[str], first: int | None) -> list[AffectedProvider]:
    services: dict[str, list[str]] = {}
    for agency, service in sorted(provided):
        services.setdefault(agency, []).append(service)
    found, most = [], None if first is None else SERVICES_OF_PROVIDER
    for agency, each in services.items():
        stopped, degraded = ([one for one in each if (one in lost) is is_lost] for is_lost in (True, False))
        found.append(AffectedProvider(agency, stopped[:most], degraded[:most], len(stopped), len(degraded)))
    return sorted(found, key=lambda one: (-one.stopped_count, -one.degraded_count, one.agency))
