"""Where the server's time of one read goes: the floor and ever more of ours, in one process and without a socket.

    python -m benchmarks.reads.steps [AGENCIES]

Each step is asked once in turn, in an order that is drawn anew, since a step that is repeated in a loop finds all it needs
in the processor's caches: between two requests of a client the database works on the same cores.
"""

import asyncio
import gc
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from benchmarks.reads.asked import OURS
from benchmarks.reads.database import database
from benchmarks.reads.world import fill
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher
from registry.permissions import ANONYMOUS
from registry.web.app import build_app
from registry.web.base import GRAPHIQL
from schema.execute import QueryContext

TIMES, WARMING = 500, 100
Step = Callable[[], Awaitable[object]]


def main(first: int = 10) -> None:
    """Print what each step costs."""
    with database() as graph:
        fill(graph.store, range(50), 3)
        os.environ["NEO4J_URI"] = graph.uri  # where the floor looks for it
        spent = asyncio.run(_spent(ConnectionSettings(graph.uri, "", "", "", ""), first))
    floor = next(iter(spent.values()))
    table = Table(title=f"{41 * first:,} objects, medians of {TIMES}", box=None, title_justify="left")
    for heading in ("", "CPU ms", "of floor"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, milliseconds in spent.items():
        table.add_row(name, f"{milliseconds:.2f}", f"{milliseconds / floor:.2f}")
    Console().print(table)


async def _spent(place: ConnectionSettings, first: int) -> dict[str, float]:
    """Return the milliseconds of processor time that each step takes."""
    app = build_app(place, Settings(_env_file=None))
    async with app.router.lifespan_context(app):
        steps = await _steps(app, first)
        taken: dict[str, list[float]] = {name: [] for name in steps}
        gc.collect()
        gc.freeze()  # as the server does
        for _ in range(TIMES + WARMING):
            for name in random.sample(list(steps), len(steps)):
                began = time.process_time_ns()
                await steps[name]()
                taken[name].append((time.process_time_ns() - began) / 1e6)
    return {name: median(each[WARMING:]) for name, each in taken.items()}


async def _steps(app: Starlette, first: int) -> dict[str, Step]:
    """Return the steps, which all use the application's own connection and schema."""
    from benchmarks.reads import floor  # which opens its driver as it is imported

    endpoint: Any = next(route.app for route in app.routes if isinstance(route, Route) and route.path == GRAPHIQL)
    schema, reader = endpoint._schema, endpoint._reader
    asked, told = OURS.body("tree", {"first": first}), list[Cypher]()
    assert isinstance(asked, dict)
    known = QueryContext(reader, ANONYMOUS, explain=lambda _questions, cyphers: told.extend(cyphers))
    await schema.execute(asked["query"], known, asked["variables"])

    async def answer() -> bytes:
        result = await schema.execute_json(asked["query"], QueryContext(reader, ANONYMOUS), asked["variables"])
        assert not result.errors
        return orjson.dumps(result.data)

    by_hand = Starlette(routes=[Route("/", floor.answer, methods=["POST"])])
    return {
        "floor": _asking(by_hand, "/", {"question": "tree", "values": {"first": first}}),
        "our text, read alone": lambda: reader.read(told),
        "and planned, limited, written as JSON": answer,
        "and the endpoint": _asking(endpoint, "/graphql", asked),
        "and the application": _asking(app, "/graphql", asked),
    }


def _asking(app: ASGIApp, path: str, body: object) -> Step:
    """Return what asks an application in this process, and looks whether it answers."""
    content = orjson.dumps(body)
    told = {b"host": b"127.0.0.1", b"accept": b"application/json", b"content-type": b"application/json"}

    async def receive() -> Message:
        return {"type": "http.request", "body": content}

    async def send(message: Message) -> None:
        assert message.get("status", 200) == 200

    async def ask() -> None:
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "root_path": "", "scheme": "http"}
        await app({**scope, "headers": list(told.items()), "client": ("127.0.0.1", 1), "server": None}, receive, send)

    return ask


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
