"""Impact: the services, resources and agencies that stop when one record stops."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database import traverse
from registry.explore.context import ExploreContext, TooMuch
from registry.explore.paths import PathStep, sentence
from registry.i18n import _

STOPPABLE = ("Agency", "Service", "Resource")
WALKED = ("Service", "Resource")  # what rests on them is hit with them; agencies and areas are where a chain ends
MOST_HITS, EACH = 5_000, 500
AWAY = frozenset({("PROVIDES", "Service"), ("OWNS", "Resource"), ("IN_AREA", "Area")})  # walked along their direction


@dataclass(frozen=True)
class ImpactHit:
    """A record that is hit. It is lost, or only degraded where it has something to fall back on."""

    record: str
    kind: str
    lost: bool
    chain: Sequence[PathStep]

    @property
    def text(self) -> str:
        """The chain in words, from the record that stops to this one."""
        return sentence(self.chain)


@dataclass(frozen=True)
class Impact:
    """All that is hit, nearest first.

    `withheld` tells that more may be hit: of a record that stops or is hit, the actor sees the summary only, so that
    what rests on it is unknown.
    """

    record: str
    hits: Sequence[ImpactHit]
    withheld: bool = False

    @property
    def services(self) -> Sequence[ImpactHit]:
        """The services that are hit."""
        return self._of("Service")

    @property
    def resources(self) -> Sequence[ImpactHit]:
        """The resources that are hit."""
        return self._of("Resource")

    @property
    def agencies(self) -> Sequence[ImpactHit]:
        """The agencies that are hit."""
        return self._of("Agency")

    @property
    def areas(self) -> Sequence[ImpactHit]:
        """The areas in which a service that is hit is offered."""
        return self._of("Area")

    def _of(self, kind: str) -> Sequence[ImpactHit]:
        return [hit for hit in self.hits if hit.kind == kind]


async def impact(asker: ExploreContext, of: str, day: str, *, depth: int = 6) -> Impact | None:
    """Return what is hit when an agency, a service or a resource stops; None if it is not there.

    Those are the services and resources within `depth` steps, and the agencies and areas that they concern.

    What has something to fall back on is degraded, and so is what rests on it. An agency that loses what it uses is
    degraded, and what it does goes on unless it requires what is lost; so is an agency that provides a service that is
    hit. Of two chains to a record the one that loses it counts, then the shorter. Raises TooMuch beyond MOST_HITS hits,
    and StoreError.
    """
    hits: dict[str, ImpactHit] = {}
    frontier: Mapping[str, ImpactHit] = {of: ImpactHit(of, "", True, ())}
    withheld = False
    for step in range(depth + 1):
        (rows,) = await asker.ask(traverse.resting_on(sorted(frontier), asker.actor, day=day, most=EACH))
        if step == 0 and not rows:
            return None
        found = [hit for hit in _further(rows, frontier) if hit.record != of and _worse(hit, hits)]
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
            raise TooMuch(_("Too much depends on this record; ask for a smaller depth."))
    return Impact(of, sorted(hits.values(), key=lambda hit: (len(hit.chain), not hit.lost, hit.record)), withheld)


def _further(rows: Sequence[Any], frontier: Mapping[str, ImpactHit]) -> list[ImpactHit]:
    """Return what rests on the frontier; of several hits of one record the worst comes last."""
    found = []
    for near, name, _withheld, dependents in rows:
        cause = frontier[near]
        for relation, kind, far, far_name, falls_back in dependents:
            lost = cause.lost and not falls_back
            away = (relation, kind) in AWAY
            found.append(
                ImpactHit(far, kind, lost, (*cause.chain, PathStep(relation, away, near, name, far, far_name)))
            )
    return sorted(found, key=lambda hit: (hit.lost, hit.record, [step.start for step in hit.chain]))


def _worse(hit: ImpactHit, hits: Mapping[str, ImpactHit]) -> bool:
    known = hits.get(hit.record)
    return known is None or (hit.lost and not known.lost)
