"""What becomes of a question when there are fifty thousand agencies and half a million services.

    python -m benchmarks.reads.scale [AGENCIES]

Ours, Cypher written by hand, and @neo4j/graphql on one Neo4j, asked in turn; ours also on five hundred agencies. Who breaks
at a question is left out of it. Filling takes minutes; what each question costs is told as soon as it is known.
"""

import base64
import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.reads import servers
from benchmarks.reads.database import Database, database
from benchmarks.reads.measure import CLIENTS, Asking, Cost, Question, answering, compared, rounds
from benchmarks.reads.servers import Server
from benchmarks.reads.world import agency_id, fill
from registry.database.driver import Cypher
from registry.model.records import parse_search as words_asked
from schema.arguments import cursor_fingerprint, write_cursor

SMALL, LARGE = 500, 50_000
ROUNDS, TIMES, SECONDS, CHANNELS = 3, 40, 4.0, 1
STEP, WIDTH = 1_000, 140
INDEX = "CREATE INDEX FOR (n:Agency) ON (n.name_key)"
Costs = dict[str, Cost]


def main(large: int = LARGE) -> None:
    """Print what each question costs, then a table of all."""
    with database() as graph, contextlib.ExitStack() as stack:
        fill(graph.store, range(SMALL), CHANNELS)
        running = [stack.enter_context(one(graph.uri)) for one in (servers.ours, servers.floor)]
        running += servers.peer_of(stack, graph.uri)
        before = dict(_measured(graph, running[:1], SMALL))
        for start in track(range(SMALL, large, STEP), f"Writing {large:,} agencies"):
            fill(graph.store, range(start, min(start + STEP, large)), CHANNELS)
        graph.store.change_schema(INDEX)  # which the others need; ours are there
        graph.store.read(Cypher("CALL db.awaitIndexes(300)"))
        graph.store.read(Cypher("CALL db.clearQueryCaches()"))  # plans made for the small graph
        found = dict(_measured(graph, running, large))
        Console(width=WIDTH).print(_table(large, running, before, found))
        for server in running:
            Console().print(f"{server.name}: {server.peak_memory:.0f} MiB at most")


def _questions(agencies: int) -> dict[str, Question]:
    middle = {"key": f"dinas contoh nomor {agencies // 2:06}", "offset": agencies // 2 + 1}
    place = base64.b64encode(f"arrayconnection:{agencies // 2}".encode()).decode()
    after = write_cursor(cursor_fingerprint("Agency", ()), [middle["key"], agency_id(agencies // 2)])
    words = words_asked("pusat")
    return {
        "page of 20, two levels below": Question("tree", {"first": 20}, TIMES),
        "the same, from the middle": Question("tree", {"first": 20, "after": after, **middle}, TIMES),
        "connection, from the middle": Question(
            "connection", {"first": 20, "after": after, "place": place, **middle}, TIMES
        ),
        "name contains": Question("named", {"text": "pusat"}, TIMES),
        "linked record, one in a thousand": Question("linked", {"kind": "rare"}, TIMES),
        "linked record, one in fifty": Question("linked", {"kind": "uncommon"}, TIMES),
        "search by words": Question("words", {"text": words.text, "phrase": words.query}, TIMES),
        "count": Question("count", {}, TIMES),
        "one by id": Question("one", {"id": agency_id(7)}, TIMES),
    }


def _measured(graph: Database, running: list[Server], agencies: int) -> Iterator[tuple[str, Costs]]:
    """Yield each question and what it costs each server that answers it."""
    for name, question in _questions(agencies).items():
        asked = list(answering([Asking(server, question) for server in running], SECONDS))
        compared(asked)
        costs = {one.server.name: cost for one, cost in zip(asked, rounds(asked, graph.process, ROUNDS), strict=True)}
        told = "; ".join(f"{server} {cost.database:.2f} ms, {cost.rate:,.0f}/s" for server, cost in costs.items())
        Console().print(f"{agencies:,} agencies, {name}: {told}", highlight=False, markup=False)
        yield name, costs


def _table(large: int, running: list[Server], before: dict[str, Costs], found: dict[str, Costs]) -> Table:
    title = f"{large:,} agencies, {10 * large:,} services: medians of {ROUNDS} rounds"
    table = Table(title=title, box=None, title_justify="left")
    headings = (
        "server ms",
        "database ms",
        "p50 ms",
        f"req/s, {CLIENTS} clients",
        "database, of by hand",
        f"p50, of {SMALL} agencies",
    )
    for heading in ("question", "", *headings):
        table.add_column(heading, justify="left" if heading in ("question", "") else "right")
    ours, by_hand, *_peer = (server.name for server in running)
    for question, costs in found.items():
        for server in (one.name for one in running):
            named = question if server == ours else ""
            if server not in costs:
                table.add_row(named, server, "breaks")
                continue
            cost, small = costs[server], before[question][ours]
            table.add_row(
                named,
                server,
                f"{cost.server:.2f}",
                f"{cost.database:.2f}",
                f"{cost.wait:.2f}",
                f"{cost.rate:,.0f}",
                f"{cost.database / costs[by_hand].database:.2f}",
                f"{cost.wait / small.wait:.2f}" if server == ours else "",
            )
    return table


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
