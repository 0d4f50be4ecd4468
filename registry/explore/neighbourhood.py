"""Neighbourhood: the records that can be reached from a record over a limited number of links."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from registry.database import exploration
from registry.explore import ExploreContext
from registry.explore.paths import detail_targets
from registry.permissions import Actor

SEVERAL = 4  # the largest number of links between the same two records


@dataclass(frozen=True)
class NearbyRecord:
    """A nearby record, its distance in links, and the number of its links that are not in the result.

    `more` is None if the number is unknown: the actor sees only the summary of the record; or the number would be 0, but the record
    may have links to records of which the actor sees only the summary. In both cases, `withheld` is true.
    """

    record: str
    kind: str
    name: str
    hops: int
    more: int | None
    withheld: bool


@dataclass(frozen=True)
class NeighbourLink:
    """A link between two records of the neighbourhood, in the direction in which it is stored."""

    relation: str
    start: str
    end: str


@dataclass(frozen=True)
class Neighbourhood:
    """The nearby records (nearest first), the links between the nearby records, and the number of other links.

    `left_out` is the number of links of the nearby records that are not in the result, and `not_current` the number of links that
    are not current on the day. Both are None if the actor sees only the summary of one of these records, or if the number would be
    0 but some links may be withheld from the actor.
    """

    nodes: Sequence[NearbyRecord]
    links: Sequence[NeighbourLink]
    left_out: int | None
    not_current: int | None

    @property
    def withheld(self) -> bool:
        """Whether some links of the records in the neighbourhood may be withheld from the actor."""
        return any(node.withheld for node in self.nodes)


class LinkCounts(NamedTuple):
    """The links of a record: how many are not in the result, how many are not current, and whether links are or may be hidden."""

    more: int
    past: int
    unknown: bool
    partial: bool


async def neighbourhood(
    context: ExploreContext, of: str, relations: Collection[str], *, hops: int = 1, first: int = 200, day: str
) -> Neighbourhood | None:
    """Return at most `first` records within `hops` links of a record, including the record itself. Raises StoreError.

    If the record does not exist, return None. Records at the same distance are ordered by name. Uses and agreements that are not
    current on the day are left out.
    """
    distances: dict[str, int] = {of: 0}
    read: dict[str, Any] = {}
    frontier = [of]
    for hop in range(hops + 1):
        (rows,) = await context.run(
            exploration.links_of(frontier, relations, context.actor, day=day, most=SEVERAL * first)
        )
        read |= {row[0]: row for row in rows}
        names = {far: (name, far) for row in rows for _, _, _, far, name in row[3] if far not in distances}
        frontier = sorted(names, key=lambda one: names[one])[: first - len(distances)]
        if hop == hops or not frontier:
            break
        distances |= dict.fromkeys(frontier, hop + 1)
    return _collected(read, distances, hops, relations, context.actor) if of in read else None


def _collected(
    read: dict[str, Any], distances: dict[str, int], hops: int, relations: Collection[str], actor: Actor
) -> Neighbourhood:
    nodes: list[NearbyRecord] = []
    counts: list[LinkCounts] = []
    links: dict[NeighbourLink, None] = {}
    for one, hop in distances.items():
        _, kind, name, found, many, past, whole = read[one]
        shown = [_neighbour_link(one, *link) for link in found if link[3] in read]
        links |= dict.fromkeys(shown)
        targets = detail_targets(kind, relations)
        unknown = bool(targets) and not whole
        partial = actor.may_be_partial(targets)
        more = _known(many - len(shown), unknown=unknown, partial=partial)
        nodes.append(NearbyRecord(one, kind, name, hop, more, unknown or partial))
        if hop < hops:
            counts.append(LinkCounts(many - len(shown), past, unknown, partial))
    about = {"unknown": any(one.unknown for one in counts), "partial": any(one.partial for one in counts)}
    left_out, not_current = (sum(each) for each in zip(*((one.more, one.past) for one in counts), strict=True))
    return Neighbourhood(nodes, list(links), _known(left_out, **about), _known(not_current, **about))


def _known(number: int, *, unknown: bool, partial: bool) -> int | None:
    """Return a number of links, or None if it is unknown, or if it is 0 and the actor may not see all links."""
    return None if unknown or (partial and not number) else number


def _neighbour_link(near: str, relation: str, forward: bool, _kind: str, far: str, _name: str) -> NeighbourLink:
    return NeighbourLink(relation, near, far) if forward else NeighbourLink(relation, far, near)
