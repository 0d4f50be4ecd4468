"""What an embedded engine costs that compiles quickly, and one that compiles thoroughly: at first, and after some time.

    python -m benchmarks.engine

Milliseconds are those of the engine's processor time: on a busy machine they say more than the clock.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from loaders.run import run
from loaders.source import find_source
from registry import engine
from registry.config import Settings
from registry.database.compiler import compile_query
from registry.database.connect import connection_settings
from registry.database.driver import Store
from registry.database.migrate import apply
from registry.database.query import NO_CONDITION, Follow, Page, Parameter, Select
from registry.model.definitions import MODEL
from registry.permissions import ANONYMOUS

SPELLS, READS = 6, 400
SERVICES = Follow(
    "provides", (), (Select("Service", ("id", "name", "kind")),), (), NO_CONDITION, (), Parameter(fixed=10)
)
AGENCIES = Page(
    "Agency", (Select("Agency", ("id", "name"), (SERVICES,)),), NO_CONDITION, (), Parameter(fixed=50), (), False
)


def main() -> None:
    """Print one table."""
    table = Table(title="Processor time of the embedded engine", box=None, title_justify="left")
    for heading in (
        "compiles",
        "start, schema and sample, s",
        *(f"reads {n * READS + 1:,} on, ms" for n in range(SPELLS)),
    ):
        table.add_column(heading, justify="left" if heading == "compiles" else "right")
    for name, lasting in (("quickly", False), ("thoroughly", True)):
        until_loaded, reads = _measured(lasting)
        table.add_row(name, f"{until_loaded:.1f}", *(f"{1000 * spent / READS:.2f}" for spent in reads))
    Console(width=200).print(table)


def _measured(lasting: bool) -> tuple[float, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        started = engine.start(Path(folder), lasting=lasting)
        try:
            process = psutil.Process(started.pid)
            with Store(connection_settings(started)) as store:
                apply(store, MODEL)
                run(store, find_source("depok", Settings(_env_file=None)))
                loaded = _spent(process)
                return loaded, [_spell(store, lambda: _spent(process)) for _ in range(SPELLS)]
        finally:
            engine.stop(Path(folder))


def _spell(store: Store, spent: Callable[[], float]) -> float:
    before = spent()
    asked = compile_query(AGENCIES, MODEL).ask({}, ANONYMOUS.parameter())
    for _ in range(READS):
        store.read(asked)
    return spent() - before


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
