"""How long measures of networks take, beside the same measures in networkx.

    python -m benchmarks.networks [AGENCIES …]

Random registries of 1,000, 10,000 and 25,000 agencies with six ties each (`generated`), from the array of ties on. Seconds
are of processor time. What networkx cannot finish is run in part and scaled by its work; `~` marks that. Both give the same
values (`tests/analysis/test_measures.py`, `tests/analysis/test_likely_partners.py`), but for communities, where both search,
and swaps, which are drawn.
"""

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import networkx as nx
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.rivals import cpu_seconds
from registry.analysis.likely_partners import pairs_at_distance_two
from registry.analysis.measures import betweenness, clustering, communities, constraint, effective_size, transitivity
from registry.analysis.snapshot import Ints, Matrix, SnapshotArrays, adjacency
from registry.analysis.statistics import ROUNDS_BETWEEN, RandomAgreements
from registry.evaluation.calibration import AS_OF, network

SIZES, SOURCES, FEW, SEED, DENSE_MOST = (1_000, 10_000, 25_000), 256, 16, 4, 10_000


class Network(NamedTuple):
    """One network in both forms."""

    ties: Ints
    arcs: Matrix
    graph: "nx.Graph[int]"


class Measure(NamedTuple):
    """A measure: ours, and networkx's with the number its seconds are multiplied by; none where that needs too much memory."""

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object] | None
    times: float = 1


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print one table."""
    table = Table(title="Measures of networks, from an array of ties", box=None, title_justify="left")
    for heading in ("measure", "agencies", "seconds", "networkx", "ratio"):
        table.add_column(heading, justify="left" if heading == "measure" else "right")
    for size in sizes:
        ties = SnapshotArrays.of(network(np.random.default_rng(SEED), size), AS_OF).ties
        graph: nx.Graph[int] = nx.Graph()
        graph.add_nodes_from(range(size))
        graph.add_edges_from(ties.tolist())
        for one in _measures(Network(ties, adjacency(ties, size), graph)):
            ours = cpu_seconds(one.ours)
            table.add_row(one.name, f"{size:,}", f"{ours:.3f}", *_rival(one, ours))
    Console(width=110).print(table)


def _rival(one: Measure, ours: float) -> tuple[str, str]:
    if one.theirs is None:
        return "too much memory", ""
    theirs, about = cpu_seconds(one.theirs) * one.times, "~" if one.times > 1 else ""
    return f"{about}{theirs:,.2f}", f"{about}{theirs / ours:,.1f}x"


def _measures(one: Network) -> Iterator[Measure]:
    ties, arcs, graph = one
    size = len(graph)
    sources = np.random.default_rng(SEED).choice(size, min(SOURCES, size), replace=False)
    yield Measure(
        f"betweenness, {SOURCES} sources",
        lambda: betweenness(arcs, sources),
        lambda: nx.betweenness_centrality(graph, k=FEW, seed=SEED),
        len(sources) / FEW,
    )
    yield Measure("constraint", lambda: constraint(arcs), lambda: nx.constraint(graph))
    dense = None if size > DENSE_MOST else lambda: nx.effective_size(graph)
    yield Measure("effective size", lambda: effective_size(arcs), dense)
    yield Measure("clustering, transitivity", lambda: (clustering(arcs), transitivity(arcs)), lambda: _clustered(graph))
    pairs = pairs_at_distance_two(arcs)
    ends = list(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))
    yield Measure("allocation and Adamic-Adar", lambda: pairs_at_distance_two(arcs), lambda: _scored(graph, ends))
    yield Measure(
        "communities",
        lambda: communities(arcs, np.random.default_rng(SEED)),
        lambda: nx.community.louvain_communities(graph, seed=SEED),
    )
    swaps = ROUNDS_BETWEEN * len(ties)
    agreements = RandomAgreements(map(tuple, ties.tolist()), SEED)
    yield Measure(
        f"random agreements, {ROUNDS_BETWEEN} rounds",
        agreements.draw,
        lambda: nx.double_edge_swap(graph.copy(), swaps // 50, max_tries=swaps, seed=SEED),
        50,
    )


def _clustered(graph: "nx.Graph[int]") -> tuple[object, float]:
    return nx.clustering(graph), nx.transitivity(graph)


def _scored(graph: "nx.Graph[int]", ends: list[tuple[int, int]]) -> int:
    """Score the pairs that networkx would have to find itself."""
    return len(list(nx.resource_allocation_index(graph, ends))) + len(list(nx.adamic_adar_index(graph, ends)))


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
