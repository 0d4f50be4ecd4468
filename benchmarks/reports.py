"""How long the reports take and how much memory, beside the same measures in plain networkx, and in igraph for overlaps.

    python -m benchmarks.reports [AGENCIES …]

Random registries of 1,000, 10,000 and 25,000 agencies with 20 services each (`generated`), from `World` on: reading the graph
is not counted (`benchmarks.reading` does). Seconds are of processor time, so that neighbours make less noise; memory is growth
above what the lists and arrays take. What a rival cannot finish is run in part, or at the smallest size, and scaled by its
work; `~` marks that. igraph (GPL) is no dependency: it is installed into a temporary environment, and its rows are left out
where that fails. A last table tells how the seconds per agency grow from the smallest size to the largest.
"""

import subprocess
import sys
import tempfile
import venv
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.load import Memory
from benchmarks.rivals import PAIRS, Rival, cpu_seconds, rivals
from registry.analysis.overlaps import ComparableAgencies, significant_pairs
from registry.analysis.sector_gaps import LEVEL
from registry.analysis.snapshot import Snapshot, SnapshotArrays
from registry.evaluation.calibration import AS_OF, registry
from registry.reports.catalogue import DEFINITIONS, report_on

SIZES, SEED = (1_000, 10_000, 25_000), 4
HEADINGS = ("report", "agencies", "seconds", "peak MB", "rival", "seconds of rival", "MB of rival", "time", "memory")


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print one table for each size."""
    with tempfile.TemporaryDirectory() as folder:
        igraph = _install_igraph(Path(folder))
        if igraph is None:
            print("igraph could not be installed; its rows are left out.")
        took: dict[str, list[float]] = {}
        for size in sizes:
            world = SnapshotArrays.of(_lapsing(registry(np.random.default_rng(SEED), size).snapshot), AS_OF)
            Console(width=150).print(_table(world, igraph, took))
        if len(sizes) > 1:
            Console(width=150).print(_growth(sizes, took))


def _table(world: SnapshotArrays, igraph: Path | None, took: dict[str, list[float]]) -> Table:
    """Run every report, add its seconds to `took`, and return the table."""
    table = Table(title="Reports, from arrays", box=None, title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in ("report", "rival") else "right")
    beside = rivals(world, igraph)
    works = {name: partial(report_on, world, name) for name in DEFINITIONS}
    works[PAIRS] = lambda: significant_pairs(ComparableAgencies.of(world), LEVEL.default)
    for name, work in works.items():
        with Memory() as memory:
            seconds = cpu_seconds(work)
        took.setdefault(name, []).append(seconds)
        ours = (name, f"{len(world.agencies):,}", f"{seconds:.2f}", f"{memory.growth:,.0f}")
        for rival in beside.get(name, []) or [None]:
            table.add_row(*ours, *(_cells(rival, seconds, memory.growth) if rival else ()))
    return table


def _growth(sizes: tuple[int, ...], took: dict[str, list[float]]) -> Table:
    """Return the seconds of each report at each size, and the seconds per agency at the last size over those at the first.

    1.0 is linear. Below about 0.1 s at the first size, the growth says little.
    """
    table = Table(
        title=f"Growth: seconds per agency at {sizes[-1]:,} over {sizes[0]:,}", box=None, title_justify="left"
    )
    table.add_column("report")
    for heading in (*(f"{size:,}" for size in sizes), "growth"):
        table.add_column(heading, justify="right")
    for name, seconds in took.items():
        growth = seconds[-1] / sizes[-1] / (seconds[0] / sizes[0])
        table.add_row(name, *(f"{one:.2f}" for one in seconds), f"{growth:.2f}x")
    return table


def _cells(rival: Rival, seconds: float, memory: float) -> tuple[str, str, str, str, str]:
    about = "~" if rival.scaled else ""
    took = f"{about}{rival.seconds:,.2f}", "" if rival.memory is None else f"{rival.memory:,.0f}"
    less = "" if rival.memory is None or memory < 1 else f"{rival.memory / memory:,.1f}x"
    return rival.name, *took, f"{about}{rival.seconds / seconds:,.1f}x", less


def _lapsing(lists: Snapshot) -> Snapshot:
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


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
