"""How fast a report reads the graph from a real Neo4j, beside what the raw driver takes for the same.

    python -m benchmarks.reading [AGENCIES …]

Random registries of 1,000, 10,000 and 25,000 agencies with 20 services each (`generated`), written as the loader stores them. All
read what `gaps` reads, in turn, best of three, by the clock:

- bare: the shortest text that gives the same lists, by the raw driver; nobody is asked who may see them
- raw driver: the texts of the registry in batches, their rows as the driver hands them over
- arrays: the same, named and made into the arrays that reports begin with
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import neo4j
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.reads.database import Database, database
from benchmarks.reads.world import record
from registry.analysis.gaps import READS
from registry.analysis.snapshot import Snapshot, SnapshotArrays, make_snapshot
from registry.database.driver import ConnectionSettings, Cypher, Store, StoreError, as_one_list
from registry.database.extract import BATCH as EXTRACTED
from registry.database.extract import read_lists, records_after
from registry.evaluation.calibration import AS_OF, registry
from registry.permissions import Actor
from tests.support.neo4j_server import Size

SIZES, SEED, TIMES, BATCH, SECONDS = (1_000, 10_000, 25_000), 4, 3, 10_000, 600.0
# Neo4j lets transactions have 70 % of its heap; at 25,000 agencies the lists take more than those of 1 GB.
ROOMY = Size(("-Xms3g", "-Xmx3g", "-XX:+UseG1GC"), "1g")
Pairs = Sequence[tuple[str, str]]
BARE = {
    "agencies": ("Agency", "true", "[(n)-[:IN_SECTOR]->(m) | m.id]", "[(n)-[:IN_AREA]->(m) | m.id]", "[]"),
    "services": (
        *("Service", "true", "[(n)<-[:PROVIDES]-(m) | m.id]", "[(n)-[:HAS_FUNCTION]->(m) | m.id]", "[]", "[]", "[]"),
        "[(n)<-[:PROVIDES]-(m) | m.id]",
    ),
    "partnerships": (
        *("Partnership", "true", "n.instrument", "n.valid_from", "n.valid_until", "n.legal_basis"),
        *("[(n)<-[:PARTY_TO]-(m) | m.id]", "[]", "0", "[]", "n.target_scale", "n.target_level"),
    ),
    **{f"{kind.lower()}s": (kind, "n.label_id", "n.label_en", "[]") for kind in ("Sector", "Area", "Function")},
}


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print one table for each size."""
    for size in sizes:
        known = registry(np.random.default_rng(SEED), size).snapshot
        with database(ROOMY) as graph:
            _fill(graph.store, known)
            Console(width=120).print(_table(graph, known))


def _table(graph: Database, known: Snapshot) -> Table:
    records = sum(len(getattr(known, name)) for name in READS)
    table = Table(title=f"{records:,} records of {len(known.agencies):,} agencies", box=None, title_justify="left")
    for heading in ("", "seconds", "records/s", "of bare", "of the raw driver"):
        table.add_column(heading, justify="left" if not heading else "right")
    with (
        neo4j.GraphDatabase.driver(graph.uri, notifications_min_severity="OFF") as driver,
        Store(ConnectionSettings(graph.uri, "", "", "", "", timeout=SECONDS)) as store,
    ):
        bare = Cypher(_bare())
        ways: dict[str, Callable[[], object]] = {
            "bare": lambda: _raw(driver, bare),
            "raw driver": lambda: [_raw_batches(driver, name) for name in READS],
            "arrays": lambda: _arrays(store),
        }
        took = {name: float("inf") for name in ways}
        for _time in range(TIMES):
            for name, way in ways.items():
                took[name] = min(took[name], _seconds(way))
    for name, seconds in took.items():
        shares = (f"{100 * took[floor] / seconds:.0f} %" for floor in ("bare", "raw driver"))
        table.add_row(name, f"{seconds:.2f}", f"{records / seconds:,.0f}", *shares)
    return table


def _raw(driver: neo4j.Driver, cypher: Cypher) -> list[list[Any]]:
    with driver.session(default_access_mode=neo4j.READ_ACCESS) as session:
        return session.run(neo4j.Query(cypher.text, timeout=SECONDS), cypher.parameters).values()  # type: ignore[arg-type]


def _raw_batches(driver: neo4j.Driver, name: str) -> list[list[Any]]:
    rows = list[list[Any]]()
    while True:
        cypher = records_after(name, Actor(), rows[-1][0] if rows else "", EXTRACTED)
        ((found,),) = _raw(driver, Cypher(as_one_list(cypher.text), cypher.parameters))
        rows += found
        if len(found) < EXTRACTED:
            return rows


def _arrays(store: Store) -> SnapshotArrays:
    try:
        answer, _unchanged = read_lists(store, tuple(READS), Actor())
    except StoreError as error:
        raise SystemExit(str(error)) from None
    return SnapshotArrays.of(make_snapshot(tuple(READS), answer), AS_OF)


def _bare() -> str:
    """Return the text that reads these lists; of what a generated registry has none, an empty list."""
    found = (
        f"COLLECT {{ MATCH (n:{BARE[name][0]}) WITH n ORDER BY n.id RETURN [n.id, n.name, {', '.join(BARE[name][1:])}] }}"
        if name in BARE
        else "[]"
        for name in READS
    )
    return f"RETURN [{', '.join(found)}] AS lists"


def _fill(store: Store, known: Snapshot) -> None:
    """Write the records of a registry and what links them."""
    for name, (kind, *_columns) in BARE.items():
        rows = [record(kind, one.id, one.name, **_values(one)) for one in getattr(known, name)]
        _throw(store, f"UNWIND $in.rows AS row CREATE (n:{kind}) SET n = row", rows)
    for start, relation, end, pairs in _links(known):
        text = (
            f"UNWIND $in.rows AS row MATCH (a:{start} {{id: row[0]}}) MATCH (b:{end} {{id: row[1]}})"
            f" CREATE (a)-[:{relation} {{role: 'lead'}}]->(b)"
        )
        _throw(store, text, pairs)


def _values(one: Any) -> dict[str, object]:
    kept = ("instrument", "valid_from", "valid_until", "legal_basis")
    return {name: getattr(one, name) for name in kept if getattr(one, name, None)}


def _links(known: Snapshot) -> Iterator[tuple[str, str, str, Pairs]]:
    yield "Agency", "IN_SECTOR", "Sector", [(one.id, other) for one in known.agencies for other in one.sectors]
    yield "Agency", "IN_AREA", "Area", [(one.id, other) for one in known.agencies for other in set(one.areas)]
    yield "Agency", "PROVIDES", "Service", [(other, one.id) for one in known.services for other in one.providers]
    yield "Service", "HAS_FUNCTION", "Function", [(one.id, other) for one in known.services for other in one.functions]
    yield "Agency", "PARTY_TO", "Partnership", [(other, one.id) for one in known.partnerships for other in one.parties]


def _throw(store: Store, text: str, rows: Sequence[object]) -> None:
    for start in range(0, len(rows), BATCH):
        store.write(Cypher(text, {"in": {"rows": rows[start : start + BATCH]}}))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
