"""What becomes of a question when there are fifty thousand agencies and half a million services.

    python -m benchmarks.reads.scale [AGENCIES]

Ours, Cypher written by hand, and @neo4j/graphql on one Neo4j, asked in turn; ours also on five hundred agencies.
"""

import contextlib
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.reads import servers
from benchmarks.reads.database import Database, database
from benchmarks.reads.measure import CLIENTS, Asking, Cost, Question, compared, rounds
from benchmarks.reads.servers import Server
from benchmarks.reads.world import agency_id, fill
from registry.cypher.text import Cypher
from schema.cursors import mark, write_cursor

SMALL, LARGE = 500, 50_000
ROUNDS, TIMES, CHANNELS = 3, 40, 1
INDEX = "CREATE INDEX FOR (n:Agency) ON (n.name_key)"


def main(large: int = LARGE) -> None:
    """Print one table."""
    with database() as graph, contextlib.ExitStack() as stack:
        fill(graph.store, range(SMALL), CHANNELS)
        running = [stack.enter_context(one(graph.uri)) for one in (servers.ours, servers.floor)]
        running += servers.peer_of(stack, graph.uri)
        before = [_measured(graph, running[:1], question)[0] for question in _questions(SMALL).values()]
        fill(graph.store, range(SMALL, large), CHANNELS)
        graph.store.change_schema(INDEX)  # which the others need; ours are there
        graph.store.read(Cypher("CALL db.awaitIndexes(300)"))
        graph.store.read(Cypher("CALL db.clearQueryCaches()"))  # plans made for the small graph
        found = [_measured(graph, running, question) for question in _questions(large).values()]
        Console().print(_table(large, running, before, found))


def _questions(agencies: int) -> dict[str, Question]:
    middle = {"key": f"dinas contoh nomor {agencies // 2:06}", "offset": agencies // 2 + 1}
    deep = {"after": write_cursor(mark("Agency", ()), [middle["key"], agency_id(agencies // 2)]), **middle}
    return {
        "page of 20, two levels below": Question("tree", {"first": 20}, TIMES),
        "the same, from the middle": Question("tree", {"first": 20, **deep}, TIMES),
        "name contains": Question("named", {"text": "pusat"}, TIMES),
        "linked record, one in a thousand": Question("linked", {"kind": "rare"}, TIMES),
        "linked record, one in fifty": Question("linked", {"kind": "uncommon"}, TIMES),
        "count": Question("count", {}, TIMES),
        "one by id": Question("one", {"id": agency_id(7)}, TIMES),
    }


def _measured(graph: Database, running: list[Server], question: Question) -> list[Cost]:
    asked = [Asking(server, question) for server in running]
    compared(asked)
    return rounds(asked, graph.process, ROUNDS)


def _table(large: int, running: list[Server], before: list[Cost], found: list[list[Cost]]) -> Table:
    title = f"{large:,} agencies, {10 * large:,} services: medians of {ROUNDS} rounds"
    table = Table(title=title, box=None, title_justify="left")
    headings = ("database ms", "p50 ms", f"req/s, {CLIENTS} clients", "database, of by hand", f"of {SMALL} agencies")
    for heading in ("question", "", *headings):
        table.add_column(heading, justify="left" if heading in ("question", "") else "right")
    for question, small, costs in zip(_questions(large), before, found, strict=True):
        for server, cost in zip(running, costs, strict=True):
            ours = server is running[0]
            table.add_row(
                question if ours else "",
                server.name,
                f"{cost.database:.2f}",
                f"{cost.wait:.2f}",
                f"{cost.rate:,.0f}",
                f"{cost.database / costs[1].database:.2f}",
                f"{cost.database / small.database:.2f}" if ours else "",
            )
    return table


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
