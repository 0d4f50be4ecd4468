"""What a registry with the size of a country costs, on a real Neo4j and on the embedded engine.

    python -m benchmarks.country [--scale 1] [--engine neo4j] [--engine embedded] [--minutes 1]

The tables are generated, loaded, loaded again without a change, and served by `registry serve` with one worker. Scale 1 has
10,000 agencies; scale 5 takes hours. Figures of one run can be compared with each other, not with those of other machines.
"""

import argparse
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.country import loads, mixed, pages
from benchmarks.country.tables import Country
from registry import engine
from registry.auth import credentials
from registry.database.connect import connection_settings
from registry.database.driver import ConnectionSettings, Store
from registry.engine.files import state_of
from registry.permissions import Role
from tests.support.cli import command, free_port, serves, speaking_to
from tests.support.engines import until
from tests.support.neo4j_server import Neo4jMissing, Size, running

ROOMY = Size(("-Xms1g", "-Xmx4g", "-XX:+UseG1GC"), "1g")
EMBEDDED_HEAP = "2g"
ENGINES = ("neo4j", "embedded")
UNLIMITED = {"REGISTRY_REQUESTS_A_MINUTE": "1000000", "REGISTRY_COST_A_MINUTE": "1000000000000"}


@dataclass(frozen=True)
class Database:
    """A database: its address, its process, and the settings with which `registry` finds it."""

    place: ConnectionSettings
    process: int
    settings: dict[str, str]


def main(arguments: list[str] | None = None) -> None:
    """Print the tables of each engine that is here."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.country")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--engine", choices=ENGINES, action="append")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long each mixed load lasts")
    asked = parser.parse_args(arguments)
    country = Country(asked.scale)
    with tempfile.TemporaryDirectory() as temporary:
        tables = Path(temporary, "country")
        tables.mkdir()
        print(f"{country.write(tables):,} rows of {country.agencies:,} agencies", flush=True)
        for name in asked.engine or ENGINES:
            try:
                with _database(name, Path(temporary, name)) as database:
                    _measure(name, database, country, tables, Path(temporary, name), 60 * asked.minutes)
            except Neo4jMissing as reason:
                print(f"Not measured on Neo4j: {reason}.")


def _measure(name: str, database: Database, country: Country, tables: Path, data: Path, seconds: float) -> None:
    print(f"== {name}", flush=True)
    with Store(database.place) as store:
        loads.measure(store, tables, database.process)
        token, _made = credentials.issue(store, "benchmark", Role.ADMIN, [], [])
        with _serving(database, data) as (base, server):
            findings = pages.seconds_until_findings(base)
            costs = [pages.measure(base, label, path) for label, path in _pages(country).items()]
            change = partial(pages.change_service, store)
            changed = {path: pages.after_changes(base, path, change) for path in ("/", "/services", "/resources")}
            processes = [server, *server.children(recursive=True), psutil.Process(database.process)]
            loaded = {pause: mixed.run(base, token, seconds, pause, processes) for pause in mixed.PAUSES}
    _print(findings, costs, changed)
    for pause, load in loaded.items():
        print(f"{mixed.READERS} readers and {mixed.WRITERS} writers, {pause:g} s between the requests of each:")
        for name, value in load.rows(seconds):
            print(f"  {name}: {value}")


def _pages(country: Country) -> dict[str, str]:
    hub, popular = country.hub, country.popular
    return {
        "home": "/",
        "services": "/services",
        "services, two filters": "/services?sectors=sector:001&kind=public",
        "hub agency": f"/agencies/{hub}",
        "most used resource": f"/resources/{popular}",
        "another agency": "/agencies/bench:agency-0000123",
        "explorer of the hub": f"/explore?of={hub}",
        "explorer of the resource": f"/explore?of={popular}",
        "two hubs compared": f"/shared?agency={hub}&agency=bench:agency-0000001",
        "impact of the hub": f"/explore?impact={hub}",
        "impact of the hub in a sector": f"/explore?impact={hub}&sector=sector:001",
        "impact of the resource": f"/explore?impact={popular}",
        "search": "/search?q=kesehatan",
        "report matches": "/reports/matches",
        "report gaps": "/reports/gaps",
    }


def _print(findings: float | None, costs: list[pages.PageCost], changed: dict[str, float]) -> None:
    table = Table(title="Pages", box=None, title_justify="left")
    for heading in ("page", "first ms", "again ms", f"requests/s of {pages.CLIENTS}", "bytes", "status"):
        table.add_column(heading, justify="left" if heading == "page" else "right")
    for one in costs:
        numbers = f"{one.first:,.0f}", f"{one.again:,.0f}", f"{one.per_second:,.1f}", f"{one.size:,}"
        table.add_row(one.name, *numbers, str(one.status))
    console = Console(width=120)
    console.print(table)
    until = "never within ten minutes" if findings is None else f"after {findings:.0f} s"
    console.print(f"The home page showed its first findings {until}.")
    for path, taken in changed.items():
        console.print(f"First visit of {path} after a change of a service: {taken:,.0f} ms")


@contextmanager
def _database(name: str, data: Path) -> Iterator[Database]:
    """Run an empty database of one of the ENGINES, with its data in a folder of the block. Raises Neo4jMissing."""
    data.mkdir()
    if name == "neo4j":
        with running(size=ROOMY) as server:
            place = ConnectionSettings(server.uri, "", "", "", "")
            yield Database(place, server.pid or 0, speaking_to(place))
        return
    started = engine.start(data, heap=EMBEDDED_HEAP, lasting=True)
    try:
        state = state_of(data)
        yield Database(connection_settings(started), state.pid if state else 0, {"REGISTRY_HEAP": EMBEDDED_HEAP})
    finally:
        engine.stop(data)


@contextmanager
def _serving(database: Database, data: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve the database by one worker. When the server is ready, yield the address and the process."""
    port = free_port()
    process = command("serve", "--port", str(port), data=data, **database.settings, **UNLIMITED)
    try:
        serves(process, port)
        assert until(lambda: httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200, 60), "it is never ready"
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


if __name__ == "__main__":
    main()
