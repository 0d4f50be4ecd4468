"""What it costs to ask again for what has not changed: 304 and GET beside POST, which has no entity tag.

    python -m benchmarks.fresh

The three are asked in turn, of one server with the sample on the embedded engine.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx
from rich.console import Console
from rich.table import Table

from loaders.run import run
from loaders.source import find_source
from registry import engine
from registry.config import Settings
from registry.database.connect import connection_settings
from registry.database.driver import Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.web.app import build_app
from tests.support.server import serving

TIMES = 200
QUESTIONS = {
    "5 agencies": "{ agencies(first: 5) { nodes { id name } } }",
    "50 agencies with services and resources": (
        "{ agencies(first: 50) { nodes { id name"
        " provides(first: 10) { role service { name } } owns(first: 5) { name } } } }"
    ),
    "totals and one facet": (
        "{ agencies { totalCount countBy(field: KIND) { value count } } services { totalCount } }"
    ),
}


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as folder:
        started = engine.start(Path(folder), lasting=True)
        try:
            Console().print(_measured(started))
        finally:
            engine.stop(Path(folder))


def _measured(started: engine.Engine) -> Table:
    place, settings = connection_settings(started), Settings(_env_file=None)  # type: ignore[call-arg]
    with Store(place) as store:
        apply(store, MODEL)
        run(store, find_source("depok", settings))
    table = Table(title=f"Asking again, medians of {TIMES}", box=None, title_justify="left")
    for heading in ("question", "bytes", "POST ms", "GET, of POST", "304, of POST"):
        table.add_column(heading, justify="left" if heading == "question" else "right")
    with serving(build_app(place, settings)) as client:
        for name, text in QUESTIONS.items():
            table.add_row(name, *_row(client, text))
    return table


def _row(client: httpx.Client, text: str) -> list[str]:
    def get(tag: str = "") -> httpx.Response:
        return client.get("/graphql", params={"query": text}, headers={"If-None-Match": tag})

    first = get()
    ways: list[Callable[[], httpx.Response]] = [
        lambda: client.post("/graphql", json={"query": text}),
        get,
        lambda: get(first.headers["etag"]),
    ]
    assert [way().status_code for way in ways] == [200, 200, 304]
    rounds = [[_seconds(way) for way in ways] for _ in range(TIMES)]
    post, fresh, known = (median(taken) for taken in zip(*rounds, strict=True))
    return [f"{len(first.content):,}", f"{1000 * post:.1f}", f"{fresh / post:.2f}", f"{known / post:.2f}"]


def _seconds(ask: Callable[[], httpx.Response]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
