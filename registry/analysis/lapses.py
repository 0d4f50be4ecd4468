"""What a network lacks without an agreement: who is alone, what falls apart, and what then hangs on one agency."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import networkx as nx

from registry.analysis.blocks import Spot, blocks, rooted


class Lapse(NamedTuple):
    """What is so without an agreement and would not be with it.

    Its parties that have no tie at all (`alone`), the number of `parts` that they are in, one for each agency alone, and the
    agencies without which a part would fall apart (`hinges`: articulation points).
    """

    alone: Sequence[str]
    parts: int
    hinges: Sequence[str]


class Without:
    """A network without some agreements; `lapse` tells what each of them, added alone, would mend.

    The tree of blocks and articulation points (Hopcroft & Tarjan 1973) is made once: an agreement joins the blocks on the ways
    between its parties, so only agencies on these ways can cease to be articulation points.
    """

    def __init__(self, network: "nx.Graph[str]") -> None:
        self._network = network
        parts = enumerate(nx.connected_components(network))
        self._part = {agency: number for number, part in parts for agency in part}
        self._home, self._tree = blocks(network)
        self._above = dict(rooted(self._tree))

    def lapse(self, parties: Iterable[str]) -> Lapse:
        """Return what is so without the agreement of these parties, who would all be tied by it."""
        known = [one for one in parties if one in self._network]
        alone = [one for one in known if not self._network.degree(one)]
        parts = {self._part[one] for one in known}
        return Lapse(alone, len(parts), sorted(self._mended(known)))

    def _mended(self, parties: Sequence[str]) -> Iterator[str]:
        """Yield the articulation points of which every branch holds a party, so that the agreement goes round them."""
        branches: Counter[Spot] = Counter()
        for steps in self._ways(parties):
            branches.update(steps)
        for spot, reached in branches.items():
            if isinstance(spot, str) and reached == self._tree.degree(spot):
                yield spot

    def _ways(self, parties: Sequence[str]) -> Iterator[tuple[Spot, Spot]]:
        """Yield each step of the tree once that lies between two of the parties."""
        firsts: dict[int, Spot] = {}
        taken: set[frozenset[Spot]] = set()
        for party in parties:
            if (home := self._home.get(party)) is not None:
                first = firsts.setdefault(self._part[party], home)
                taken.update(frozenset(step) for step in pairwise(self._way(first, home)))
        for step in taken:
            one, other = step
            yield one, other

    def _way(self, one: Spot, other: Spot) -> list[Spot]:
        up = [one, *self._upwards(one)]
        depth = {spot: place for place, spot in enumerate(up)}
        down = [other]
        while down[-1] not in depth:
            down.append(self._above[down[-1]])
        return up[: depth[down.pop()] + 1] + down[::-1]

    def _upwards(self, spot: Spot) -> Iterator[Spot]:
        while spot in self._above:
            spot = self._above[spot]
            yield spot
