"""Neighbourhood: the records that can be reached from a record over a limited number of links."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database import exploration
from registry.explore import ExploreContext
from registry.explore.paths import has_detail_links

SEVERAL = 4  # the largest number of links between the same two records


@dataclass(frozen=True)
class NearbyRecord:
    """A nearby record, its distance in links, and the number of its links that are not in the result.

    `more` is None if some links of the record are withheld because the actor sees only its summary.
    """

    record: str
    kind: str
    name: str
    hops: int
    more: int | None


@dataclass(frozen=True)
class NeighbourLink:
    """A link between two records of the neighbourhood, in the direction in which it is stored."""

    relation: str
    start: str
    end: str


@dataclass(frozen=True)
class Neighbourhood:
    """The nearby records (nearest first), the links between the nearby records, and the number of other links.

    `left_out` is the number of links of the nearby records that are not in the result. If some links are withheld from the actor,
    `left_out` is None. `not_current` is the number of links that are not current on the day.
    """

    nodes: Sequence[NearbyRecord]
    links: Sequence[NeighbourLink]
    left_out: int | None
    not_current: int

    @property
    def withheld(self) -> bool:
        """Whether some links of the records in the neighbourhood are withheld from the actor."""
        return any(node.more is None for node in self.nodes)


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
    return _collected(read, distances, hops, relations) if of in read else None


def _collected(read: dict[str, Any], distances: dict[str, int], hops: int, relations: Collection[str]) -> Neighbourhood:
    nodes: list[NearbyRecord] = []
    links: dict[NeighbourLink, None] = {}
    for one, hop in distances.items():
        _, kind, name, found, many, _past, whole = read[one]
        shown = [_neighbour_link(one, *link) for link in found if link[3] in read]
        links |= dict.fromkeys(shown)
        nodes.append(
            NearbyRecord(
                one, kind, name, hop, many - len(shown) if whole or not has_detail_links(kind, relations) else None
            )
        )
    within = [node for node in nodes if node.hops < hops]
    beyond = [node.more for node in within]
    left_out = None if None in beyond else sum(more for more in beyond if more is not None)
    return Neighbourhood(nodes, list(links), left_out, sum(read[node.record][5] for node in within))


def _neighbour_link(near: str, relation: str, forward: bool, _kind: str, far: str, _name: str) -> NeighbourLink:
    return NeighbourLink(relation, near, far) if forward else NeighbourLink(relation, far, near)
