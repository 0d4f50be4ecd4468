"""What it costs to find what waits for a step, on a real Neo4j: without the index of status, and with it.

    python -m benchmarks.inbox [RECORDS]

There are 50,000 resources, or as many as are said, of 200 stewards; one of a thousand is handed in, two are drafts.
"""

import sys
import time
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.reads.database import database
from registry.database import inbox, migrate
from registry.database.driver import Cypher, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL, Resource
from registry.permissions import ADMIN, Action, Actor, Role

TIMES, BATCH = 50, 10_000
APPROVER = Actor("approver", Role.APPROVER, frozenset({"agency:0", "agency:1"}))
FILL = """UNWIND range($in.first, $in.last) AS i
CREATE (n:Resource {id: 'resource:' + i, name: 'Resource ' + i, name_key: 'resource ' + i, version: 1,
  updated: '2026-01-01T00:00:00Z', steward: 'agency:' + (i % 200),
  status: CASE WHEN i % 1000 = 0 THEN 'proposed' WHEN i % 500 = 1 THEN 'draft' ELSE 'published' END})"""


def main() -> None:
    """Print one table."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    table = Table(title=f"What waits, of {records:,} resources, medians of {TIMES}", box=None, title_justify="left")
    for heading in ("who asks for what", "without the index ms", "with it ms"):
        table.add_column(heading, justify="left" if heading.startswith("who") else "right")
    with database() as neo4j:
        for first in range(0, records, BATCH):
            last = min(first + BATCH, records) - 1
            neo4j.store.write(Cypher(FILL, {"in": {"first": first, "last": last}}))
        (index,) = (
            one
            for one in migrate.wanted_schema(MODEL, neo4j.store.dialect)
            if one.name.startswith("registry_resource_status")
        )
        for text in migrate.drop(index.name):
            neo4j.store.change_schema(text)
        without = _measured(neo4j.store)
        apply(neo4j.store, MODEL)
        for name, milliseconds in _measured(neo4j.store).items():
            table.add_row(name, f"{without[name]:.1f}", f"{milliseconds:.1f}")
    Console().print(table)


def _measured(store: Store) -> dict[str, float]:
    return {
        f"{who.name}: {status}": _median(
            store, inbox.with_status(Resource, status, me=who.parameter_for(action), size=50)
        )
        for who in (APPROVER, ADMIN)
        for status, action in (("proposed", Action.APPROVE), ("draft", Action.EDIT))
    }


def _median(store: Store, asked: Cypher) -> float:
    store.read(asked)
    return 1000 * median(_seconds(store, asked) for _ in range(TIMES))


def _seconds(store: Store, asked: Cypher) -> float:
    began = time.perf_counter()
    store.read(asked)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
