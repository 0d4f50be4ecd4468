"""Impact: the services, resources and agencies that are affected if one record becomes unavailable."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database import exploration
from registry.explore import ExplorationTooLarge, ExploreContext
from registry.explore.paths import PathStep, sentence
from registry.i18n import _

STOPPABLE = ("Agency", "Service", "Resource")
WALKED = ("Service", "Resource")  # the search continues from records of these kinds; it ends at agencies and areas
MOST_HITS, EACH = 5_000, 500
FORWARD = frozenset(
    {("PROVIDES", "Service"), ("OWNS", "Resource"), ("IN_AREA", "Area")}
)  # these links are followed only from their start to their end

HitKey = tuple[str, str]


@dataclass(frozen=True)
class ImpactHit:
    """An affected record.

    If the affected record has an alternative to the lost record, it is only degraded; otherwise it is lost too.
    """

    record: str
    kind: str
    lost: bool
    chain: Sequence[PathStep]

    @property
    def text(self) -> str:
        """The chain of links, in words, from the unavailable record to this affected record."""
        return sentence(self.chain)


@dataclass(frozen=True)
class AffectedProvider:
    """An agency that provides affected services, as lead or co-provider: the services that stop, and the degraded services."""

    agency: str
    stopped: Sequence[str]
    degraded: Sequence[str]


@dataclass(frozen=True)
class Impact:
    """All affected records. Records with the shortest chain of links come first.

    `providers` are the agencies with affected services, those with the most stopped services first. `withheld` says that more
    records may be affected: the actor sees only the summary of records on the way, or of records that may depend on them.
    `complete` says that the search ended because no further record depends on the affected ones, and not because of a limit.
    """

    record: str
    hits: Sequence[ImpactHit]
    providers: Sequence[AffectedProvider] = ()
    withheld: bool = False
    complete: bool = True

    @property
    def services(self) -> Sequence[ImpactHit]:
        """The affected services."""
        return self._of("Service")

    @property
    def resources(self) -> Sequence[ImpactHit]:
        """The affected resources."""
        return self._of("Resource")

    @property
    def agencies(self) -> Sequence[ImpactHit]:
        """The affected agencies, each once."""
        return list({hit.record: hit for hit in reversed(self._of("Agency"))}.values())[::-1]

    @property
    def users(self) -> Sequence[ImpactHit]:
        """The agencies that use an affected resource."""
        return [hit for hit in self._of("Agency") if hit.chain[-1].relation == "USES"]

    @property
    def areas(self) -> Sequence[ImpactHit]:
        """The areas in which an affected service is offered."""
        return self._of("Area")

    def _of(self, kind: str) -> Sequence[ImpactHit]:
        return [hit for hit in self.hits if hit.kind == kind]


async def impact(context: ExploreContext, of: str, day: str, *, depth: int = 6) -> Impact | None:
    """Return the records that are affected if an agency, a service or a resource becomes unavailable.

    If the record does not exist, return None. The result contains the services and resources within `depth` links, and their
    agencies and areas.

    A record with an alternative is degraded, and so are its dependents. An agency is degraded if it uses a lost resource or
    provides an affected service. The other services of a degraded agency are affected only if they require a lost record. If
    several chains of links lead to a record, a chain by which the record is lost takes precedence over a chain by which it is
    degraded. Among equal chains, the shortest is reported. Raises StoreError, and ExplorationTooLarge if there are more than
    MOST_HITS hits.
    """
    hits: dict[HitKey, ImpactHit] = {}
    frontier: Mapping[str, ImpactHit] = {of: ImpactHit(of, "", True, ())}
    provided: set[tuple[str, str]] = set()
    withheld, complete = False, True
    for step in range(depth + 1):
        (rows,) = await context.run(exploration.dependents(sorted(frontier), context.actor, day=day, most=EACH))
        if step == 0 and not rows:
            return None
        every = _next_hits(rows, frontier)
        provided |= {(hit.record, hit.chain[-1].start) for hit in every if _is_provider(hit)}
        found = [hit for hit in every if hit.record != of and _is_worse(hit, hits)]
        withheld = withheld or any(row[2] for row in rows)
        complete = complete and not any(_is_cut(row[3]) for row in rows)
        if step == depth:
            hits |= {_key(hit): hit for hit in found if hit.kind not in WALKED}
            complete = complete and not any(hit.kind in WALKED for hit in found)
            break
        new = {_key(hit): hit for hit in found}
        hits |= new
        frontier = {hit.record: hit for hit in new.values() if hit.kind in WALKED}
        if not frontier:
            break
        if len(hits) > MOST_HITS:
            raise ExplorationTooLarge(_("Too many records depend on this record. Choose a smaller depth."))
    ordered = sorted(hits.values(), key=lambda hit: (len(hit.chain), not hit.lost, hit.record))
    lost = {of, *(hit.record for hit in ordered if hit.lost)}
    return Impact(of, ordered, _providers(provided, lost), withheld, complete)


def _key(hit: ImpactHit) -> HitKey:
    """Return the key of a hit. An agency can be hit twice: it provides an affected service, and it uses an affected resource."""
    return hit.record, hit.chain[-1].relation if hit.kind == "Agency" else ""


def _is_provider(hit: ImpactHit) -> bool:
    return hit.kind == "Agency" and hit.chain[-1].relation == "PROVIDES"


def _is_cut(dependents: Sequence[Any]) -> bool:
    """Return whether the list of dependents may be cut, because it holds as many of one type as are read."""
    return max(Counter((relation, kind) for relation, kind, *_ in dependents).values(), default=0) >= EACH


def _providers(provided: Iterable[tuple[str, str]], lost: Collection[str]) -> list[AffectedProvider]:
    services: dict[str, list[str]] = {}
    for agency, service in sorted(provided):
        services.setdefault(agency, []).append(service)
    found = [
        AffectedProvider(agency, [one for one in each if one in lost], [one for one in each if one not in lost])
        for agency, each in services.items()
    ]
    return sorted(found, key=lambda one: (-len(one.stopped), -len(one.degraded), one.agency))


def _next_hits(rows: Sequence[Any], frontier: Mapping[str, ImpactHit]) -> list[ImpactHit]:
    """Return the dependents of the records in the frontier. If a record is hit several times, its worst hit comes last."""
    found = []
    for near, name, _withheld, dependents in rows:
        cause = frontier[near]
        for relation, kind, far, far_name, falls_back in dependents:
            lost = cause.lost and not falls_back
            forward = (relation, kind) in FORWARD
            found.append(
                ImpactHit(far, kind, lost, (*cause.chain, PathStep(relation, forward, near, name, far, far_name)))
            )
    return sorted(found, key=lambda hit: (hit.lost, hit.record, [step.start for step in hit.chain]))


def _is_worse(hit: ImpactHit, hits: Mapping[HitKey, ImpactHit]) -> bool:
    known = hits.get(_key(hit))
    return known is None or (hit.lost and not known.lost)
