"""The tree of blocks and articulation points of a network (Hopcroft & Tarjan 1973)."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import cast

import networkx as nx

Spot = str | int


def blocks(network: "nx.Graph[str]") -> tuple[dict[str, Spot], "nx.Graph[Spot]"]:
    """Return where each tied agency is in the tree of blocks (numbers) and articulation points (agencies), and the tree."""
    parts = cast("Iterator[set[str]]", nx.biconnected_components(network))
    found = [sorted(part) for part in parts]  # sets have another order in every process
    times = Counter(chain.from_iterable(found))
    home: dict[str, Spot] = {}
    tree: nx.Graph[Spot] = nx.Graph()
    for number, block in enumerate(found):
        tree.add_node(number)
        hinges = [one for one in block if times[one] > 1]
        tree.add_edges_from((number, one) for one in hinges)
        home |= dict.fromkeys(block, number) | {one: one for one in hinges}
    return home, tree


def rooted(tree: "nx.Graph[Spot]") -> Iterator[tuple[Spot, Spot]]:
    """Yield each spot of the tree but the roots with the one above it, those nearer to a root first."""
    place = {spot: number for number, spot in enumerate(tree)}
    for part in nx.connected_components(tree):
        yield from nx.bfs_predecessors(tree, min(part, key=place.__getitem__))
