"""What else gives the measures of reports, in plain networkx and, for overlaps, in igraph; and what that takes."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import networkx as nx
import numpy as np

from registry.analysis import brokers
from registry.analysis.agreements import AgreementStatus
from registry.analysis.snapshot import SnapshotArrays
from registry.analysis.statistics import ROUNDS_BETWEEN, draws_for
from registry.analysis.ties import FEWEST_DRAWS

FINISHED, DENSE_MOST, FEW, SEED = 1_000, 10_000, 8, 4
DRAWS, SWAPS_A_TIE, SOME = 1_000, 5, 3
PAIRS = "pairs of overlaps"
IGRAPH = """
import resource, sys, time, igraph, numpy
cells = numpy.load(sys.argv[1]); rows = int(cells[:, 0].max()) + 1
graph = igraph.Graph.Bipartite([n >= rows for n in range(rows + int(cells[:, 1].max()) + 1)], (cells + [0, rows]).tolist())
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
graph.bipartite_projection(multiplicity=True, which=0)
print(time.process_time() - began, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3)
"""


class Rival(NamedTuple):
    """What else gives the measure: its name, its seconds, whether these were scaled up, its memory in MB where known."""

    name: str
    seconds: float
    scaled: bool = False
    memory: float | None = None


def rivals(world: SnapshotArrays, igraph: Path | None) -> Mapping[str, Sequence[Rival]]:
    """Return the rivals of reports by name, and of counting and judging the pairs of `overlaps`; `igraph` is a Python that has it."""
    projections, swaps, lapses = list(_projections(world, igraph)), _swapped(world), _dropped(world)
    parts = sum(one.seconds for one in (projections[0], lapses))
    return {
        "overlaps": projections,
        PAIRS: projections,
        "sector-gaps": [swaps],
        "agreements": [lapses],
        "gaps": [
            Rival("networkx, two of its parts, no draws", parts, True),
            Rival("networkx, these and the draws", parts + swaps.seconds, True),
        ],
        **_of_ties(world),
    }


def _projections(world: SnapshotArrays, igraph: Path | None) -> Iterator[Rival]:
    """Yield projections alone: no significance, ranking or permuted copy, which the report has; PAIRS has the first."""
    few = world.functions[:FINISHED]
    graph = nx.Graph()
    graph.add_nodes_from(range(few.shape[0]), bipartite=0)
    graph.add_edges_from((row, -1 - column) for row, column in zip(*few.nonzero(), strict=True))
    seconds = cpu_seconds(lambda: nx.bipartite.weighted_projected_graph(graph, range(few.shape[0])))
    work, done = (float((one.sum(axis=0).astype(float) ** 2).sum()) for one in (world.functions, few))
    yield Rival("networkx, projection", seconds * work / done, len(world.agencies) > FINISHED)
    if igraph is not None:
        yield _projected(igraph, world)


def _projected(python: Path, world: SnapshotArrays) -> Rival:
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, np.stack(world.functions.nonzero(), axis=1))
        told = subprocess.run([python, "-c", IGRAPH, file.name], check=True, capture_output=True, text=True).stdout
    seconds, memory = map(float, told.split())
    return Rival("igraph, projection", seconds, False, memory or None)


def _of_ties(world: SnapshotArrays) -> Mapping[str, Sequence[Rival]]:
    """Return what networkx has of the three reports about the network of ties as a whole."""
    graph = nx.Graph(world.ties.tolist())
    size = len(graph)
    swaps = ROUNDS_BETWEEN * len(world.ties)
    swap = 50 * cpu_seconds(lambda: nx.double_edge_swap(graph.copy(), swaps // 50, max_tries=swaps, seed=SEED))
    louvain = cpu_seconds(lambda: nx.community.louvain_communities(graph, seed=SEED))
    plain = cpu_seconds(lambda: (nx.transitivity(graph), nx.average_clustering(graph), nx.core_number(graph)))
    way = cpu_seconds(lambda: nx.betweenness_centrality(graph, k=FEW, seed=SEED)) / FEW
    again = draws_for(size, brokers.WORK, brokers.MOST_DRAWS, brokers.FEWEST_DRAWS)
    sources = min(size, brokers.SOURCES) + again * min(size, brokers.SOURCES_A_DRAW)
    holes = cpu_seconds(lambda: nx.constraint(graph))
    holes += cpu_seconds(lambda: nx.effective_size(graph)) if size <= DENSE_MOST else 0
    draws = FEWEST_DRAWS
    return {
        "network": [Rival(f"networkx, {draws} draws", draws * (swap + plain + louvain), True)],
        "communities": [Rival(f"networkx, {draws} draws", draws * (swap + louvain), True)],
        "brokers": [Rival(f"networkx, {again} draws", holes + way * sources, True)],
    }


def _swapped(world: SnapshotArrays) -> Rival:
    """Swap a tenth of what one draw takes, for the 1,000 draws that 55 pairs of sectors need."""
    graph = nx.Graph(world.ties.tolist())
    swaps = SWAPS_A_TIE * len(world.ties)
    seconds = cpu_seconds(lambda: nx.double_edge_swap(graph, swaps // 10, max_tries=swaps * 10, seed=SEED))
    return Rival(f"networkx, {DRAWS:,} draws of swapped ties", 10 * DRAWS * seconds, True)


def _dropped(world: SnapshotArrays) -> Rival:
    """Find articulation points and components again for a sample of ended agreements, scaled to all of them."""
    status = AgreementStatus(world.snapshot, world.as_of, 90)
    lapsing = [one for one in status.agreements if status.expired(one) or status.expiring(one)]
    graph = world.graph([one for one in status.agreements if one.in_force(world.as_of)])

    def whole() -> None:
        for one in lapsing[:SOME]:
            with_it = graph.copy()
            with_it.add_edge(*one.parties)
            list(nx.articulation_points(with_it))
            nx.number_connected_components(with_it)

    return Rival("networkx, once for each agreement", cpu_seconds(whole) * len(lapsing) / SOME, True)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that it takes."""
    began = time.process_time()
    work()
    return time.process_time() - began
