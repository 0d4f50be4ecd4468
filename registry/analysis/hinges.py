"""What hangs on one agency or on one tie, how much, and whether it would if ties are missing from the record."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import networkx as nx
import numpy as np

from registry.analysis.blocks import Spot, blocks, rooted
from registry.analysis.progress import steps
from registry.words import _


class Hinge(NamedTuple):
    """Without an agency, or without the tie between two (`ends`), what they hold together falls into `parts`.

    Then `cut_off` agencies no longer reach the largest of these; `beyond` are the first of them. In the share `firm` of draws
    it would be so although more ties were there than are on record.
    """

    ends: Sequence[str]
    parts: int
    cut_off: int
    beyond: Sequence[str]
    firm: float


class Hinges:
    """The articulation points of a network, and the bridges with more than one agency on either side.

    Both are spots of the tree of blocks (an inner bridge is a block of nothing but two articulation points), and a tie that
    is added between two agencies makes of the tree what it makes of the network; so draws need the tree alone.
    """

    def __init__(self, network: "nx.Graph[str]") -> None:
        self._network = network
        self._home, self._tree = blocks(network)
        self._above = dict(rooted(self._tree))
        self._members: dict[Spot, list[str]] = {spot: [] for spot in self._tree}
        for agency, spot in self._home.items():
            self._members[spot].append(agency)
        self._below = {spot: len(members) for spot, members in self._members.items()}
        for spot, above in reversed(self._above.items()):
            self._below[above] += self._below[spot]
        self._part = {spot: self._below[spot] for spot in self._tree if spot not in self._above}
        for spot, above in self._above.items():
            self._part[spot] = self._part[above]

    def found(self, draws: int, more: float, seed: int, shown: int) -> list[Hinge]:
        """Return them, those that cut off the most first.

        In each draw ties are added at random between agencies that have any, `more` being their share of the ties there are;
        those drawn that are there already change nothing. Of the agencies cut off, so many are `shown`.
        """
        spots = [spot for spot in self._tree if isinstance(spot, str) or self._is_inner_bridge(spot)]
        firm = Counter(chain.from_iterable(map(self.holding, self._drawn(draws, more, seed))))
        found = [self._hinge(spot, firm[spot] / draws, shown) for spot in spots]
        return sorted(found, key=lambda one: (-one.cut_off, len(one.ends), -one.firm, tuple(one.ends)))

    def holding(self, added: Iterable[tuple[str, str]]) -> set[Spot]:
        """Return the spots of the tree, agencies and blocks, that alone hold others when these ties are added."""
        new = ((self._home[a], self._home[b]) for a, b in added if a != b and not self._network.has_edge(a, b))
        edges = [(a, b) for a, b in new if a != b and not self._tree.has_edge(a, b)]
        self._tree.add_edges_from(edges)
        held = set(nx.articulation_points(self._tree))
        self._tree.remove_edges_from(edges)
        return held

    def _is_inner_bridge(self, block: Spot) -> bool:
        return not self._members[block] and self._tree.degree(block) == 2

    def _hinge(self, spot: Spot, firm: float, shown: int) -> Hinge:
        sizes = {step: self._beyond(spot, step) for step in self._tree[spot]}
        largest = max(sizes, key=lambda step: sizes[step])
        cut = chain.from_iterable(self._agencies(spot, step) for step in sizes if step != largest)
        ends = (spot,) if isinstance(spot, str) else sorted(map(str, self._tree[spot]))
        return Hinge(ends, len(sizes), sum(sizes.values()) - sizes[largest], list(islice(cut, shown)), firm)

    def _beyond(self, spot: Spot, step: Spot) -> int:
        """Return how many agencies are reached from the spot by this step."""
        return self._below[step] if self._above.get(step) == spot else self._part[spot] - self._below[spot]

    def _agencies(self, spot: Spot, step: Spot) -> Iterator[str]:
        """Yield the agencies that are reached from the spot by this step, the nearest first."""
        ahead = [(spot, step)]
        for before, here in ahead:
            yield from sorted(self._members[here])
            ahead += [(here, further) for further in self._tree[here] if further != before]

    def _drawn(self, draws: int, more: float, seed: int) -> Iterator[list[tuple[str, str]]]:
        agencies, random = list(self._home), np.random.default_rng(seed)
        for _draw in steps(_("networks with more ties"), range(draws)):
            pairs = random.integers(len(agencies), size=(round(more * self._network.number_of_edges()), 2)).tolist()
            yield [(agencies[a], agencies[b]) for a, b in pairs]
