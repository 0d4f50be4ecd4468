"""Impact: the services, resources and agencies that are affected if one record becomes unavailable."""

from collections.abc import Mapping, Sequence
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
class Impact:
    """All affected records. Records with the shortest chain of links come first.

    `withheld` says that more records may be affected. The actor then sees only the summary of the unavailable record or of an
    affected record, so that the dependents of that record are unknown.
    """

    record: str
    hits: Sequence[ImpactHit]
    withheld: bool = False

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
        """The affected agencies."""
        return self._of("Agency")

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
    hits: dict[str, ImpactHit] = {}
    frontier: Mapping[str, ImpactHit] = {of: ImpactHit(of, "", True, ())}
    withheld = False
    for step in range(depth + 1):
        (rows,) = await context.run(exploration.dependents(sorted(frontier), context.actor, day=day, most=EACH))
        if step == 0 and not rows:
            return None
        found = [hit for hit in _next_hits(rows, frontier) if hit.record != of and _is_worse(hit, hits)]
        if step == depth:
            hits |= {hit.record: hit for hit in found if hit.kind not in WALKED}
            break
        withheld = withheld or any(row[2] for row in rows)
        new = {hit.record: hit for hit in found}
        hits |= new
        frontier = {one: hit for one, hit in new.items() if hit.kind in WALKED}
        if not frontier:
            break
        if len(hits) > MOST_HITS:
            raise ExplorationTooLarge(_("Too many records depend on this record. Choose a smaller depth."))
    return Impact(of, sorted(hits.values(), key=lambda hit: (len(hit.chain), not hit.lost, hit.record)), withheld)


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


def _is_worse(hit: ImpactHit, hits: Mapping[str, ImpactHit]) -> bool:
    known = hits.get(hit.record)
    return known is None or (hit.lost and not known.lost)
