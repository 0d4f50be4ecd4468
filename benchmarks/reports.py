"""How long the reports take and how much memory, beside the same measures in plain networkx, and in igraph for overlaps.

    python -m benchmarks.reports [AGENCIES …]

Random registries of 1,000, 10,000 and 25,000 agencies with 20 services each (`generated`), from `World` on: reading the
graph is not counted. Seconds are of processor time, so that neighbours make less noise; memory is growth above what the lists
and arrays take. What a rival cannot finish is run in part, or at the smallest size, and scaled by its work; `~` marks that.
igraph (GPL) is no dependency: it is installed into a temporary environment, and its rows are left out where that fails.
"""

import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import networkx as nx
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.load import Memory
from registry.analysis.generated import AS_OF, registry
from registry.analysis.lists import Lists
from registry.analysis.register import Register
from registry.analysis.world import World
from registry.reports.catalogue import QUESTIONS, report_on

SIZES, FINISHED, IGRAPH_MOST = (1_000, 10_000, 25_000), 1_000, 10_000
DRAWS, SWAPS_A_TIE, SEED, SOME = 1_000, 5, 4, 3
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


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print one table."""
    table = Table(title="Reports, from arrays", box=None, title_justify="left")
    for heading in ("report", "agencies", "seconds", "peak MB", "rival", "seconds of rival", "MB of rival", "ratio"):
        table.add_column(heading, justify="left" if heading in ("report", "rival") else "right")
    with tempfile.TemporaryDirectory() as folder:
        igraph = _install_igraph(Path(folder))
        for size in sizes:
            _add_rows(table, World.of(_lapsing(registry(np.random.default_rng(SEED), size).lists), AS_OF), igraph)
    Console(width=130).print(table)
    if igraph is None:
        print("igraph could not be installed; its rows are left out.")


def _add_rows(table: Table, world: World, igraph: Path | None) -> None:
    rivals = {
        "overlaps": list(_overlap_rivals(world, igraph)),
        "sector-gaps": [_swapped(world)],
        "agreements": [_dropped(world)],
    }
    plain = [rival for found in rivals.values() for rival in found if rival.name.startswith("networkx")]
    rivals["gaps"] = [Rival("networkx, these three of its parts", sum(one.seconds for one in plain), True)]
    for name in QUESTIONS:
        with Memory() as memory:
            seconds = cpu_seconds(partial(report_on, world, name))
        ours = (name, f"{len(world.agencies):,}", f"{seconds:.2f}", f"{memory.growth:,.0f}")
        for rival in rivals.get(name, []) or [None]:
            table.add_row(*ours, *(_cells(rival, seconds) if rival else ()))


def _cells(rival: Rival, ours: float) -> tuple[str, str, str, str]:
    about = "~" if rival.scaled else ""
    memory = "" if rival.memory is None else f"{rival.memory:,.0f}"
    return rival.name, f"{about}{rival.seconds:,.2f}", memory, f"{about}{rival.seconds / ours:,.1f}x"


def _overlap_rivals(world: World, igraph: Path | None) -> Iterator[Rival]:
    """Yield projections alone: no significance, no ranking, no copy dealt out anew, which the report has."""
    few = world.functions[:FINISHED]
    graph = nx.Graph()
    graph.add_nodes_from(range(few.shape[0]), bipartite=0)
    graph.add_edges_from((row, -1 - column) for row, column in zip(*few.nonzero(), strict=True))
    seconds = cpu_seconds(lambda: nx.bipartite.weighted_projected_graph(graph, range(few.shape[0])))
    work, done = (float((one.sum(axis=0).astype(float) ** 2).sum()) for one in (world.functions, few))
    yield Rival("networkx, projection", seconds * work / done, len(world.agencies) > FINISHED)
    if igraph is not None and len(world.agencies) <= IGRAPH_MOST:
        yield _projected(igraph, world)


def _projected(python: Path, world: World) -> Rival:
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, np.stack(world.functions.nonzero(), axis=1))
        told = subprocess.run([python, "-c", IGRAPH, file.name], check=True, capture_output=True, text=True).stdout
    seconds, memory = map(float, told.split())
    return Rival("igraph, projection", seconds, False, memory or None)


def _swapped(world: World) -> Rival:
    """Swap a tenth of what one draw takes, for the 1,000 draws that 55 pairs of sectors need."""
    graph = nx.Graph(world.ties.tolist())
    swaps = SWAPS_A_TIE * len(world.ties)
    seconds = cpu_seconds(lambda: nx.double_edge_swap(graph, swaps // 10, max_tries=swaps * 10, seed=SEED))
    return Rival(f"networkx, {DRAWS:,} draws of swapped ties", 10 * DRAWS * seconds, True)


def _dropped(world: World) -> Rival:
    """Look for articulation points and parts anew with each of some agreements that lapse, scaled to all of them."""
    register = Register(world.lists, world.as_of, 90)
    lapsing = [one for one in register.agreements if register.expired(one) or register.expiring(one)]
    graph = world.graph([one for one in register.agreements if one.in_force(world.as_of)])

    def whole() -> None:
        for one in lapsing[:SOME]:
            with_it = graph.copy()
            with_it.add_edge(*one.parties)
            list(nx.articulation_points(with_it))
            nx.number_connected_components(with_it)

    return Rival("networkx, anew for each agreement", cpu_seconds(whole) * len(lapsing) / SOME, True)


def _lapsing(lists: Lists) -> Lists:
    """End one agreement in ten before the day, and one in fifty within 90 days after it."""
    ends = np.random.default_rng(SEED).choice(
        ["2030-12-31", "2026-01-31", "2027-01-15"], len(lists.partnerships), p=[0.88, 0.1, 0.02]
    )
    pairs = zip(lists.partnerships, ends.tolist(), strict=True)
    return lists._replace(partnerships=[one._replace(valid_until=end) for one, end in pairs])


def _install_igraph(folder: Path) -> Path | None:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "igraph", "numpy"], check=False, capture_output=True
    )
    return python if installed.returncode == 0 else None


def cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
