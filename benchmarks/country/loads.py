"""How long it takes to load a country: first, again without a change, and again with 1 % of the rows of one file changed."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from loaders.run import run
from loaders.source import read_source
from registry.database.driver import Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL

CHANGED = "services.csv"
SHARE = 0.01
SEED = 20261129


def measure(store: Store, folder: Path, database: int | None = None) -> None:
    """Load the source in a folder into an empty database and print a table of seconds and CPU seconds. The folder is changed.

    `database` is the id of the process of the database, if its CPU seconds are to be printed.
    """
    apply(store, MODEL)
    table = Table(title=f"Loads of {folder.name}", box=None, title_justify="left")
    for heading in ("", "seconds", "CPU s, loader", "CPU s, database", "created", "changed", "unchanged", "links"):
        table.add_column(heading, justify="left" if not heading else "right")
    steps: dict[str, Callable[[], None]] = {
        "first": lambda: None,
        "unchanged": lambda: None,
        f"{SHARE:.0%} of {CHANGED} changed": lambda: change_rows(folder / CHANGED, SHARE),
        "unchanged again": lambda: None,
    }
    for name, prepare in steps.items():
        prepare()
        began, loader, engine = time.perf_counter(), time.process_time(), _cpu(database)
        outcome = run(store, read_source(folder))
        if outcome.refused:
            raise SystemExit(f"The load was refused: {outcome.refused}")
        table.add_row(
            name,
            f"{time.perf_counter() - began:.1f}",
            f"{time.process_time() - loader:.1f}",
            f"{_cpu(database) - engine:.1f}" if database else "",
            *(f"{sum(one.values()):,}" for one in (outcome.created, outcome.changed, outcome.unchanged)),
            f"{sum(outcome.links_written.values()):,}",
        )
    Console(width=120).print(table)


def change_rows(table: Path, share: float) -> None:
    """Add a word to the second cell of a share of the rows of a CSV table without quoted line breaks."""
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    for number in random.Random(SEED).sample(range(1, len(lines)), round(share * (len(lines) - 1))):
        cells = lines[number].split(",")
        lines[number] = ",".join([cells[0], f"{cells[1]} baru", *cells[2:]])
    table.write_text("".join(lines), encoding="utf-8")


def _cpu(process: int | None) -> float:
    times = psutil.Process(process).cpu_times() if process else None
    return times.user + times.system if times else 0.0
