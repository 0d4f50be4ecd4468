"""How fast a source of 100,000 rows is loaded, beside what the same engine takes when rows are merely thrown at it.

    python -m benchmarks.load [ROWS]

Both write the same records and ties, in batches of the same size, over the same connection, into an empty graph. The
run does more: it reads CSV, validates, stages, checks every end, keeps versions and hashes, and sweeps.
"""

import csv
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from loaders.checks import BATCH
from loaders.run import run
from loaders.source import read_source
from registry import engine
from registry.constraints import apply
from registry.cypher.text import Cypher
from registry.model import MODEL
from registry.opening import place_of
from registry.store import Store

DECLARED = 'name = "Generated"\npublisher = "benchmark"\nlicence = "CC0"\nformat = "tables"\nfiles = "."\n'
ROWS = 100_000
TIMES = 3
Rows = Sequence[dict[str, object]]


def generate(rows: int) -> tuple[Rows, Rows, Rows]:
    """Return agencies, resources and uses, together `rows` of them."""
    agencies = [
        {
            "id": f"bench:agency-{number:06}",
            "name": f"Dinas Contoh Nomor {number}",
            "kind": "department",
            "acronym": f"DC{number}",
            "level_of_government": "city",
            "website": f"https://dc{number}.example.org",
            "access": "open",
        }
        for number in range(rows // 2)
    ]
    resources = [
        {"id": f"bench:resource-{number:04}", "name": f"Aplikasi {number}", "kind": "application", "access": "open"}
        for number in range(rows // 100)
    ]
    uses = [
        {
            "resource": resources[number % len(resources)]["id"],
            "agency": agencies[number % len(agencies)]["id"],
            "role": "reuse",
            "since": f"20{10 + number % 15}-01-{1 + number % 28:02}",
        }
        for number in range(rows - len(agencies) - len(resources))
    ]
    return agencies, resources, uses


def write_source(folder: Path, world: tuple[Rows, Rows, Rows]) -> None:
    """Write the rows as the tables of a source."""
    (folder / "source.toml").write_text(DECLARED, encoding="utf-8")
    for name, rows in zip(("agencies", "resources", "resources.users"), world, strict=True):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)


def throw(store: Store, world: tuple[Rows, Rows, Rows]) -> float:
    """Write the same rows with bare statements; return the seconds it took."""
    agencies, resources, uses = world
    record = "UNWIND $in.rows AS row MERGE (n:{} {{id: row.id}}) SET n += row"
    ties = (
        "UNWIND $in.rows AS row MATCH (a:Agency {id: row.agency}) MATCH (r:Resource {id: row.resource})"
        " MERGE (a)-[e:USES]->(r) SET e.role = row.role, e.since = row.since"
    )
    began = time.perf_counter()
    for text, rows in ((record.format("Agency"), agencies), (record.format("Resource"), resources), (ties, uses)):
        for batch in _batches(rows):
            store.write(Cypher(text, {"in": {"rows": batch}}))
    return time.perf_counter() - began


def load(store: Store, folder: Path) -> float:
    """Run the source; return the seconds it took."""
    began = time.perf_counter()
    outcome = run(store, read_source(folder))
    if outcome.refused or outcome.problems:
        raise SystemExit(f"The generated rows are not clean: {outcome.refused} {outcome.problems[:1]}")
    return time.perf_counter() - began


class Memory:
    """The largest resident memory of this process within a block, above what it was before, in MB."""

    def __enter__(self) -> "Memory":
        self._process, self._over = psutil.Process(), threading.Event()
        self._before = self._peak = self._process.memory_info().rss
        self._watch = threading.Thread(target=self._look)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self._peak = max(self._peak, self._process.memory_info().rss)

    @property
    def growth(self) -> float:
        return (self._peak - self._before) / 1e6


def main(rows: int = ROWS) -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as temporary:
        data, folder, small = (Path(temporary, name) for name in ("data", "source", "small"))
        folder.mkdir()
        small.mkdir()
        world = generate(rows)
        write_source(folder, world)
        write_source(small, generate(rows // 5))
        running = engine.start(data)
        try:
            with Store(place_of(running)) as store:
                _print(rows, *_measure(running, store, world, folder, small))
        finally:
            engine.stop(data)


def _measure(
    running: engine.Engine, store: Store, world: tuple[Rows, Rows, Rows], folder: Path, small: Path
) -> tuple[list[float], list[float], float, float]:
    _empty(running, store)
    throw(store, world)  # so that the engine is warm for both
    _empty(running, store)
    with Memory() as little:
        load(store, small)
    thrown, loaded, much = [], [], 0.0
    for _ in range(TIMES):
        _empty(running, store)
        thrown.append(throw(store, world))
        _empty(running, store)
        with Memory() as memory:
            loaded.append(load(store, folder))
        much = max(much, memory.growth)
    return thrown, loaded, little.growth, much


def _print(rows: int, thrown: list[float], loaded: list[float], little: float, much: float) -> None:
    table = Table(title=f"{rows:,} rows, embedded engine, best of {TIMES}", box=None, title_justify="left")
    for heading in ("", "seconds", "rows/s", "of bare", "peak memory growth"):
        table.add_column(heading, justify="left" if not heading else "right")
    bare, whole = min(thrown), min(loaded)
    table.add_row("bare UNWIND MERGE", f"{bare:.2f}", f"{rows / bare:,.0f}", "100 %", "")
    table.add_row(
        "the whole run", f"{whole:.2f}", f"{rows / whole:,.0f}", f"{100 * bare / whole:.0f} %", f"{much:.0f} MB"
    )
    table.add_row(f"the whole run, {rows // 5:,} rows", "", "", "", f"{little:.0f} MB")
    Console().print(table)


def _empty(running: engine.Engine, store: Store) -> None:
    engine.command(running, f"drop database {engine.DATABASE}")
    engine.command(running, f"create database {engine.DATABASE}")
    apply(store, MODEL)


def _batches(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
