"""How fast a source of 100,000 rows is loaded, beside what the same engine takes when rows are merely thrown at it.

    python -m benchmarks.load [ROWS]

All write the same records and ties, in batches of the same size, over the same connection, into an empty graph:

- bare: the shortest statements there are, with the columns of the tables and nothing else
- ready rows: the statements of a run, with all that it keeps (hash, readers, version, source, run, dates), made before
- the whole run: reads CSV, validates, stages, checks every end, takes a lease, and then writes

CPU is that of this process and the engine together: on a busy machine it says more than the clock.
"""

import csv
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from loaders.run import run
from loaders.source import read_source
from loaders.validate import BATCH
from registry import engine
from registry.database.connect import connection_settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.migrate import apply
from registry.database.write import create_relationship_rows, first_rows, stored
from registry.model.definitions import MODEL
from registry.model.records import make_record
from tests.support.neo4j_server import Neo4jMissing, running

DECLARED = 'name = "Generated"\npublisher = "benchmark"\nlicence = "CC0"\nformat = "tables"\nfiles = "."\n'
ROWS = 100_000
TIMES = 3
Rows = Sequence[dict[str, object]]
World = tuple[Rows, Rows, Rows]


@dataclass
class Engine:
    """A store to write to, and how it is emptied."""

    name: str
    store: Store
    empty: Callable[[], None]


@dataclass
class Measured:
    """What one way of writing took, each time, in seconds and in seconds of CPU."""

    name: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, write: Callable[[], None]) -> None:
        """Do it once more and keep what it took."""
        before, began = _cpu(), time.perf_counter()
        write()
        self.seconds.append(time.perf_counter() - began)
        self.cpu.append(_cpu() - before)


def generate(rows: int) -> World:
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


def write_source(folder: Path, world: World) -> None:
    """Write the rows as the tables of a source."""
    (folder / "source.toml").write_text(DECLARED, encoding="utf-8")
    for name, rows in zip(("agencies", "resources", "resources.users"), world, strict=True):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)


def bare(world: World) -> list[Cypher]:
    """Return the shortest statements that write the rows."""
    record = "UNWIND $in.rows AS row MERGE (n:{} {{id: row.id}}) SET n += row"
    ties = (
        "UNWIND $in.rows AS row MATCH (a:Agency {id: row.agency}) MATCH (r:Resource {id: row.resource})"
        " MERGE (a)-[e:USES]->(r) SET e.role = row.role, e.since = row.since"
    )
    texts = (record.format("Agency"), record.format("Resource"), ties)
    return [
        Cypher(text, {"in": {"rows": batch}})
        for text, rows in zip(texts, world, strict=True)
        for batch in _batches(rows)
    ]


def ready(world: World) -> list[Cypher]:
    """Return the statements of a first run, with rows that are read, validated and checked already."""
    agencies, resources, uses = world
    (link,) = [link for link in MODEL.links() if link.relation == "USES"]
    ties = [
        {"from": use["agency"], "to": use["resource"], "props": {"role": use["role"], "since": use["since"]}}
        for use in uses
    ]
    return [
        *(
            first_rows(MODEL[kind], [_stored(kind, row) for row in batch], source="s", run="r", now="2026-11-25")
            for kind, rows in (("Agency", agencies), ("Resource", resources))
            for batch in _batches(rows)
        ),
        *(create_relationship_rows(link, batch, source="s", run="r") for batch in _batches(ties)),
    ]


def load(store: Store, folder: Path) -> None:
    """Run the source."""
    outcome = run(store, read_source(folder))
    if outcome.refused or outcome.problems:
        raise SystemExit(f"The generated rows are not clean: {outcome.refused} {outcome.problems[:1]}")


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
    """Print one table for each engine that is here."""
    world = generate(rows)
    with tempfile.TemporaryDirectory() as temporary:
        folder, small = Path(temporary, "source"), Path(temporary, "small")
        for place, content in ((folder, world), (small, generate(rows // 5))):
            place.mkdir()
            write_source(place, content)
        for opened in (embedded, neo4j):
            try:
                with opened(Path(temporary, "data")) as engine_:
                    _measure(engine_, world, folder, small)
            except Neo4jMissing as reason:
                Console().print(f"Not measured on Neo4j: {reason}.")


@contextmanager
def embedded(data: Path) -> Iterator[Engine]:
    """Run the embedded engine with its data in a folder."""
    started = engine.start(data, lasting=True)

    def empty() -> None:
        engine.command(started, f"drop database {engine.DATABASE}")
        engine.command(started, f"create database {engine.DATABASE}")
        apply(store, MODEL)

    try:
        with Store(connection_settings(started)) as store:
            yield Engine("embedded engine", store, empty)
    finally:
        engine.stop(data)


@contextmanager
def neo4j(_data: Path) -> Iterator[Engine]:
    """Run a Neo4j server. Raises Neo4jMissing."""

    def empty() -> None:
        for text in (
            "MATCH ()-[e]->() WITH e LIMIT 20000 DELETE e RETURN count(*)",
            "MATCH (n) WHERE NOT n:Mark WITH n LIMIT 20000 DELETE n RETURN count(*)",  # every write leaves one,
        ):
            while store.write(Cypher(text))[0][0][0]:
                pass

    with running() as server, Store(ConnectionSettings(server.uri, "", "", "", "")) as store:
        apply(store, MODEL)
        yield Engine("Neo4j", store, empty)


def _measure(on: Engine, world: World, folder: Path, small: Path) -> None:
    def throw(cyphers: Sequence[Cypher]) -> None:
        for cypher in cyphers:
            on.store.write(cypher)

    texts = bare(world), ready(world)
    for cyphers in texts:  # so that the engine is warm for all
        on.empty()
        throw(cyphers)
    on.empty()
    with Memory() as little:
        load(on.store, small)
    thrown, made_ready, whole = Measured("bare UNWIND MERGE"), Measured("ready rows"), Measured("the whole run")
    much = 0.0
    for _ in range(TIMES):
        for measured, cyphers in zip((thrown, made_ready), texts, strict=True):
            on.empty()
            measured.add(lambda cyphers=cyphers: throw(cyphers))  # type: ignore[misc]
        on.empty()
        with Memory() as memory:
            whole.add(lambda: load(on.store, folder))
        much = max(much, memory.growth)
    _print(on, sum(map(len, world)), (thrown, made_ready, whole), little.growth, much)


def _print(on: Engine, rows: int, measured: Sequence[Measured], little: float, much: float) -> None:
    table = Table(title=f"{rows:,} rows, {on.name}, best of {TIMES}", box=None, title_justify="left")
    for heading in ("", "seconds", "rows/s", "of bare", "of ready", "CPU s", "of bare", "of ready"):
        table.add_column(heading, justify="left" if not heading else "right")
    for one in measured:
        table.add_row(
            one.name,
            f"{min(one.seconds):.2f}",
            f"{rows / min(one.seconds):,.0f}",
            *(f"{100 * min(floor.seconds) / min(one.seconds):.0f} %" for floor in measured[:2]),
            f"{min(one.cpu):.2f}",
            *(f"{100 * min(floor.cpu) / min(one.cpu):.0f} %" for floor in measured[:2]),
        )
    Console(width=120).print(table)
    Console().print(
        f"Peak memory growth of the whole run: {little:.0f} MB at {rows // 5:,} rows, {much:.0f} MB here.\n"
    )


def _stored(kind: str, row: dict[str, object]) -> dict[str, object]:
    record, problems = make_record(MODEL[kind], row)
    if record is None:
        raise SystemExit(f"The generated rows are not clean: {problems}")
    return dict(stored(record))


def _cpu() -> float:
    """Return the CPU seconds of this process and of those it started, the engine among them."""
    me = psutil.Process()
    times = [one.cpu_times() for one in (me, *me.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def _batches(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
