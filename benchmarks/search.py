"""How well the search ranks what planners look for, and which stemmer recognises more forms of a word.

    python -m benchmarks.search [-v] [--speed]

The queries and the judgements (3: wanted, 2: useful, 1: related) are in `search-judgements.csv`; they were written before
the ranking was. nDCG@10 is the gain of the first ten records, discounted by their rank, as a share of the best possible gain.
A source whose files are not on this machine is skipped. `-v` also prints each query. `--speed` prints only how long searches
take among 50,000 services on the embedded engine. The pairs of words are in
`stem-pairs.csv`: two words of names in the sample, and whether they have the same root.
"""

import asyncio
import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from statistics import mean, median

import psutil
import snowballstemmer
from rich.console import Console
from rich.table import Table
from Sastrawi.Stemmer.StemmerFactory import StemmerFactory

from loaders.run import run
from loaders.source import find_source
from registry import engine
from registry.clock import now
from registry.config import Settings
from registry.database.connect import connection_settings
from registry.database.driver import ConnectionSettings, Reader, Store
from registry.database.migrate import apply
from registry.database.write import upsert
from registry.explore import ExploreContext
from registry.explore.search import search
from registry.model.definitions import MODEL
from registry.model.records import Record, make_record
from registry.permissions import ADMIN

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("REGISTRY_SHARED_DATA", HERE.parent.parent / "shared/data"))
TABLES = {"depok": None, "us-fedramp": SHARED / "us-fedramp-reuse", "uk-api-catalogue": SHARED / "uk-api-catalogue"}
FIRST, MANY, BATCH, TIMES = 10, 50_000, 1_000, 3
TOPICS = (
    "kesehatan",
    "pendidikan",
    "perizinan",
    "kependudukan",
    "perhubungan",
    "persampahan",
    "perpajakan",
    "pertanahan",
)
DESCRIPTION = "Menerima permohonan dari warga, memeriksa berkas, dan menerbitkan dokumen dalam dua hari kerja."
SEARCHES = {
    "two words of every name": "layanan kota",
    "two words of every description": "permohonan warga",
    "a rare word": "3117",
    "a common and a rare word": "layanan 3117",
    "the beginning of every name": "pusat",
    "a typing error": "kesehtan",
    "a typing error and a common word": "layanan kesehtan",
}


@dataclass(frozen=True)
class Judged:
    """A query on a source, and the grade of each relevant record, by id."""

    source: str
    query: str
    grades: Mapping[str, int]


def judged_queries() -> list[Judged]:
    """Return the judged queries."""
    with (HERE / "search-judgements.csv").open(encoding="utf-8", newline="") as table:
        return [Judged(row["source"], row["query"], _grades(row["judgements"])) for row in csv.DictReader(table)]


def ndcg(found: Sequence[str], grades: Mapping[str, int]) -> float:
    """Return the normalised discounted cumulative gain of the first records that were found."""
    best = sorted(grades.values(), reverse=True)
    return _gain([grades.get(one, 0) for one in found]) / _gain(best)


def measured(source: str, queries: Sequence[Judged]) -> list[tuple[float, list[str]]]:
    """Load a source into an empty database; return the nDCG and the records found for each query."""
    with tempfile.TemporaryDirectory() as folder:
        place = connection_settings(engine.start(Path(folder)))
        try:
            with Store(place) as store:
                apply(store, MODEL)
                assert not run(store, find_source(source, Settings(_env_file=None)), from_path=TABLES[source]).refused
            answers = asyncio.run(_answers(place, queries))
        finally:
            engine.stop(Path(folder))
    return [(ndcg(found, one.grades), found) for one, found in zip(queries, answers, strict=True)]


def speed() -> Iterator[tuple[str, float, float]]:
    """Yield what is searched among many services, the median of its seconds, and the engine's processor seconds."""
    with tempfile.TemporaryDirectory() as folder:
        started = engine.start(Path(folder), lasting=True)
        place, process = connection_settings(started), psutil.Process(started.pid)
        try:
            with Store(place) as store:
                apply(store, MODEL)
                for first in range(0, MANY, BATCH):
                    services = [_service(number) for number in range(first, first + BATCH)]
                    store.write(upsert(MODEL["Service"], services, source="test", run="run:test", now=now()))
            for title, text in SEARCHES.items():
                before = process.cpu_times()
                seconds = asyncio.run(_median(place, text))
                after = process.cpu_times()
                yield title, seconds, (after.user + after.system - before.user - before.system) / TIMES
        finally:
            engine.stop(Path(folder))


def stemmers() -> Mapping[str, Callable[[str], str]]:
    """Return the Indonesian stemmers by name."""
    return {
        "PySastrawi": StemmerFactory().create_stemmer().stem,
        "snowballstemmer": snowballstemmer.stemmer("indonesian").stemWord,
    }


def main() -> None:
    """Print both tables."""
    console = Console(width=120)
    if "--speed" in sys.argv:
        for title, seconds, processor in speed():
            console.print(f"{title}: {1000 * seconds:.0f} ms, processor {1000 * processor:.0f} ms")
        return
    console.print(_stemmer_table())
    table, every = Table(title="nDCG@10 of the judged queries", box=None, title_justify="left"), []
    for heading in ("source", "queries", "nDCG@10"):
        table.add_column(heading, justify="left" if heading == "source" else "right")
    for source, tables in TABLES.items():
        queries = [one for one in judged_queries() if one.source == source]
        if tables and not tables.is_dir():
            table.add_row(source, str(len(queries)), "skipped: no files")
            continue
        results = measured(source, queries)
        values = [value for value, _ in results]
        every += values
        table.add_row(source, str(len(values)), f"{mean(values):.3f}")
        if "-v" in sys.argv:
            for one, (value, found) in zip(queries, results, strict=True):
                console.print(f"{value:.2f} {one.query}: {' '.join(f'{x}={one.grades.get(x, 0)}' for x in found)}")
    table.add_row("total", str(len(every)), f"{mean(every):.3f}")
    console.print(table)


async def _answers(place: ConnectionSettings, queries: Sequence[Judged]) -> list[list[str]]:
    kinds = list(MODEL)
    async with Reader(place) as reader:
        context = ExploreContext(reader.read, ADMIN)
        found = [await search(context, one.query, kinds, first=FIRST) for one in queries]
    return [[hit.record for hit in one.hits] for one in found]


async def _median(place: ConnectionSettings, text: str) -> float:
    spent = []
    async with Reader(place) as reader:
        for _ in range(TIMES):
            began = time.perf_counter()
            await search(ExploreContext(reader.read, ADMIN), text, list(MODEL), first=FIRST)
            spent.append(time.perf_counter() - began)
    return median(spent)


def _service(number: int) -> Record:
    name = f"Pusat layanan {TOPICS[number % len(TOPICS)]} kota nomor {number:05}"
    given = {"id": f"service:number-{number:05}", "name": name, "kind": "public", "description": DESCRIPTION}
    made, _problems = make_record(MODEL["Service"], given)
    assert made
    return made


def _stemmer_table() -> Table:
    with (HERE / "stem-pairs.csv").open(encoding="utf-8", newline="") as pairs:
        rows = [(row["first"], row["second"], row["same_root"] == "1") for row in csv.DictReader(pairs)]
    title = f"Indonesian stemmers on {len(rows)} pairs of words, {sum(same for *_, same in rows)} with the same root"
    table = Table(title=title, box=None, title_justify="left")
    for heading in ("stemmer", "joined rightly", "joined wrongly", "missed", "precision", "recall"):
        table.add_column(heading, justify="left" if heading == "stemmer" else "right")
    for name, stem in stemmers().items():
        joined = [(same, stem(first) == stem(second)) for first, second, same in rows]
        right, wrong = joined.count((True, True)), joined.count((False, True))
        missed = joined.count((True, False))
        precision, recall = right / (right + wrong), right / (right + missed)
        table.add_row(name, *map(str, (right, wrong, missed)), f"{precision:.3f}", f"{recall:.3f}")
    return table


def _gain(grades: Sequence[int]) -> float:
    return sum((2**grade - 1) / log2(rank + 2) for rank, grade in enumerate(grades[:FIRST]))


def _grades(text: str) -> dict[str, int]:
    return dict(_graded(text))


def _graded(text: str) -> Iterator[tuple[str, int]]:
    for one in text.split():
        record, _, grade = one.rpartition("=")
        yield record, int(grade)


if __name__ == "__main__":
    main()
