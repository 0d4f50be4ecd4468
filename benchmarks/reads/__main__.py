"""GraphQL reads: the registry, the raw driver, Strawberry written the usual ways, and @neo4j/graphql.

    python -m benchmarks.reads

All servers run on one Neo4j in the same run and are asked in turn. Their answers are compared before anything is timed.
"""

import contextlib

from rich.console import Console
from rich.table import Table

from benchmarks.reads import servers
from benchmarks.reads.asked import objects
from benchmarks.reads.database import Database, database
from benchmarks.reads.measure import CLIENTS, Asking, Cost, Question, compared, rounds
from benchmarks.reads.servers import Server
from benchmarks.reads.world import agency_id, fill

ROUNDS = 9
AGENCIES, CHANNELS = 50, 3
QUESTIONS = [
    Question("tree", {"first": 50}, 20),
    Question("tree", {"first": 10}, 40),
    Question("tree", {"first": 1}, 80),
    Question("one", {"id": agency_id(7)}, 80),
]
FLOOR, PEER = 1, 4


def main() -> None:
    """Print one table."""
    with database() as graph, contextlib.ExitStack() as stack:
        fill(graph.store, range(AGENCIES), CHANNELS)
        running = list(servers.all_of(stack, graph.uri))
        found = [_measured(graph, running, question) for question in QUESTIONS]
        Console().print(_table(running, found))


def _measured(graph: Database, running: list[Server], question: Question) -> tuple[int, list[Cost]]:
    """Return how many records the answer has, and what it costs each server."""
    asked = [Asking(server, question) for server in running]
    rows = compared(asked)
    return objects(rows), rounds(asked, graph.process, ROUNDS)


def _table(running: list[Server], found: list[tuple[int, list[Cost]]]) -> Table:
    headings = ("server ms", "database ms", "p50 ms", f"req/s, {CLIENTS} clients", "server, of floor", "req/s, of peer")
    table = Table(title=f"GraphQL reads on Neo4j, medians of {ROUNDS} rounds", box=None, title_justify="left")
    for heading in ("objects", "", *headings, "peak MiB"):
        table.add_column(heading, justify="left" if not heading else "right")
    for size, costs in found:
        floor, peer = costs[FLOOR], costs[PEER] if len(costs) > PEER else None
        for server, cost in zip(running, costs, strict=True):
            table.add_row(
                f"{size:,}",
                server.name,
                f"{cost.server:.2f}",
                f"{cost.database:.2f}",
                f"{cost.wait:.2f}",
                f"{cost.rate:,.0f}",
                f"{cost.server / floor.server:.2f}",
                f"{cost.rate / peer.rate:.2f}" if peer else "–",
                f"{server.peak_memory:.0f}",
            )
        table.add_section()
    return table


if __name__ == "__main__":
    main()
