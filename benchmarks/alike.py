"""How often `registry.mutations.similar_names` confuses different names, and how often it recognises a changed name.

    python -m benchmarks.alike [SEED]
    python -m benchmarks.alike time

All names of a list belong to different things. *Stopped* is the share of names that the registry would question because another
name of the list is alike. For each kind of change, *recall* is the share of changed names that are alike to their original, and
*precision* is the share of originals among all names that are alike to a changed name, for names with one error. Abbreviations come
from the code list itself, so these columns show that it is applied, and not how complete it is. All rules compare the same
candidates. Two rivals: the rule before (each word resembles a word of the other name, indel similarity 80), and the token sort ratio
of rapidfuzz at 90, the usual choice. A list whose file is not on this machine is skipped.

`time` measures how long saving takes with and without the check (`SaveInput.another`) on both engines: 10,000 new agencies in batches,
then single agencies, one with and one without the check in turn. No two names are alike.

The limits in `similar_names` were chosen on the lists in TUNED. The lists in HELD_OUT were not used for that.
"""

import csv
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

from rapidfuzz import fuzz
from rich.console import Console
from rich.table import Table

from benchmarks.load import Engine, embedded, neo4j
from registry.database.driver import Store
from registry.model.codelists import code_list
from registry.model.definitions import Agency
from registry.model.records import Problem, fold
from registry.mutations.save import SaveInput, save, save_all
from registry.mutations.similar_names import NameIndex, alike
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN

SAMPLE = Path(__file__).parent.parent / "loaders/sources/depok/data"
SHARED = Path(os.environ.get("REGISTRY_SHARED_DATA", Path(__file__).parent.parent.parent / "shared/data"))
TUNED: dict[str, tuple[Path, str | int]] = {
    "depok agencies": (SAMPLE / "agencies.csv", "name"),
    "depok services": (SAMPLE / "services.csv", "name"),
    "depok resources": (SAMPLE / "resources.csv", "name"),
    "id regencies": (SHARED / "id-areas/provinces-regencies.csv", 1),
    "us agencies": (SHARED / "us-fedramp-reuse/agencies.csv", "sub"),
    "us departments": (SHARED / "us-fedramp-reuse/agencies.csv", "parent"),
    "us products": (SHARED / "us-fedramp-reuse/products.csv", "cso"),
    "uk APIs": (SHARED / "uk-api-catalogue/catalogue.csv", "name"),
}
HELD_OUT: dict[str, tuple[Path, str | int]] = {
    "depok agreements": (SAMPLE / "partnerships.csv", "name"),
    "depok needs": (SAMPLE / "needs.csv", "name"),
    "depok districts": (SHARED / "id-areas/depok-32.76.csv", 1),
    "uk organisations": (SHARED / "uk-api-catalogue/organisation.csv", "name"),
    "functions, English": (SHARED / "cofog/cofog.csv", "Description_EN"),
    "functions, French": (SHARED / "cofog/cofog.csv", "Description_FR"),
    "functions, Spanish": (SHARED / "cofog/cofog.csv", "Description_ES"),
}
AGENCIES, BATCH, SINGLE = 10_000, 500, 50
ROUNDS, TRIED, LETTERS, USUAL, EARLIER = 5, 200, "aeinrst", 90, 80
Rule = Callable[[str, str], bool]


def names(console: Console) -> Iterator[tuple[str, list[str]]]:
    """Yield the title and the names of each list, each name once."""
    for title, (path, column) in (TUNED | HELD_OUT).items():
        if not path.exists():
            console.print(f"{title}: skipped, {path.name} is not on this machine.")
            continue
        with path.open(encoding="utf-8-sig", newline="") as table:
            rows = csv.reader(table)
            at = column if isinstance(column, int) else next(rows).index(column)
            yield title, sorted({fold(row[at]) for row in rows if len(row[at]) > 4})


def mistyped(name: str, errors: int = 1) -> str:
    """Return a name with letters left out, added, replaced or swapped."""
    for _ in range(errors):
        at, letter = random.randrange(1, len(name) - 1), random.choice(LETTERS)
        before, after = name[:at], name[at + 1 :]
        changed = [before + after, before + letter + name[at:], before + letter + after, _swapped(name, at)]
        name = random.choice(changed)
    return name


def reordered(name: str) -> str:
    """Return a name with its words in random order."""
    words = name.split()
    random.shuffle(words)
    return " ".join(words)


def abbreviated(name: str) -> str:
    """Return a name with an abbreviation instead of each full form in the code list."""
    return _replaced(name, [(full, form) for full, *others in _forms() for form in others])


def spelt_out(name: str) -> str:
    """Return a name with the full form instead of each abbreviation in the code list."""
    return _replaced(name, [(form, full) for full, *others in _forms() for form in others])


def measure(known: Sequence[str], same: Rule) -> list[str]:
    """Return the figures of a list and a rule."""
    index = NameIndex((name, name) for name in known)

    def found(name: str) -> set[str]:
        return {other for other, _name in index.like(name) if same(name, other)}

    stopped = sum(bool(found(one) - {one}) for one in known)
    tried = [name for _ in range(ROUNDS) for name in random.sample(known, min(TRIED, len(known)))]
    figures = [f"{stopped / len(known):.3f}"]
    changes: list[Callable[[str], str]] = [
        mistyped,
        lambda name: mistyped(name, 2),
        reordered,
        abbreviated,
        spelt_out,
    ]
    for change in changes:
        pairs = [(one, changed) for one in tried if (changed := change(one)) != one]
        matches = [(one, found(changed)) for one, changed in pairs]
        right = sum(one in those for one, those in matches)
        if change is mistyped:
            figures.append(f"{right / (sum(len(those) for _one, those in matches) or 1):.3f}")
        figures.append(f"{right / len(pairs):.2f} of {len(pairs)}" if pairs else "–")
    return figures


def _forms() -> Iterator[list[str]]:
    for entry in code_list("abbreviations").values():
        yield from ([one.strip() for one in label.split(";")] for label in (entry.label_id, entry.label_en) if label)


def _replaced(name: str, changes: Sequence[tuple[str, str]]) -> str:
    """Return a name with each phrase replaced, the longest first; every phrase is replaced at most once."""
    wanted = dict(sorted(changes, key=lambda change: -len(change[0])))
    phrases = "|".join(map(re.escape, wanted))
    return re.sub(rf"\b(?:{phrases})\b\.?", lambda match: wanted[match[0].rstrip(".")], name)


def _swapped(name: str, at: int) -> str:
    return name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]


def _usual(one: str, other: str) -> bool:
    return fuzz.token_sort_ratio(one, other) >= USUAL


def _earlier(one: str, other: str) -> bool:
    (numbers, words), (other_numbers, other_words) = (
        (re.findall(r"\d+", name), re.findall(r"[^\W_]+", name)) for name in (one, other)
    )
    return numbers == other_numbers and _resemble(words, other_words) and _resemble(other_words, words)


def _resemble(words: Sequence[str], others: Sequence[str]) -> bool:
    return bool(words) and all(any(fuzz.ratio(word, other) >= EARLIER for other in others) for word in words)


def generated(agencies: int) -> list[str]:
    """Return names of agencies, of which no two are alike."""
    offices = (
        "Kesehatan",
        "Pendidikan",
        "Sosial",
        "Perhubungan",
        "Lingkungan Hidup",
        "Pariwisata",
        "Perikanan",
        "Pertanian",
    )
    towns: list[str] = []
    while len(towns) * len(offices) < agencies:
        town = "".join(random.choice("bdgjklmnprst") + random.choice("aeiou") for _ in range(random.randint(3, 5)))
        if not any(alike(town, other) for other in towns):
            towns.append(town)
    return [f"Dinas {office} Kabupaten {town.title()}" for town in towns for office in offices][:agencies]


def saving_time(store: Store, names: Sequence[str], *, checked: bool) -> float:
    """Return the seconds for saving new agencies in one batch."""
    savings = [SaveInput(Agency, None, {"name": name, "kind": "other"}, another=not checked) for name in names]
    start = time.perf_counter()
    done = save_all(store, RequestContext(ADMIN, "benchmark"), savings, dry=False)
    _check_saved(problem for one in done for problem in one.problems)
    return time.perf_counter() - start


def _check_saved(problems: Iterable[Problem]) -> None:
    for problem in problems:
        raise SystemExit(f"Not saved: {problem.message}")


def measure_time(on: Engine) -> list[tuple[str, float, float]]:
    """Return the seconds without and with the check, of each measurement on an engine."""
    names = generated(AGENCIES + 2 * SINGLE)
    batches = [names[start : start + BATCH] for start in range(0, AGENCIES, BATCH)]
    many: dict[bool, float] = {}
    for checked in (False, True):
        on.empty()
        many[checked] = sum(saving_time(on.store, batch, checked=checked) for batch in batches)
    one: dict[bool, list[float]] = {False: [], True: []}
    for at, name in enumerate(names[AGENCIES:]):
        saving = SaveInput(Agency, None, {"name": name, "kind": "other"}, another=at % 2 == 0)
        start = time.perf_counter()
        _check_saved(save(on.store, RequestContext(ADMIN, "benchmark"), saving).problems)
        one[at % 2 == 1].append(time.perf_counter() - start)
    return [
        (f"{AGENCIES:,} agencies in batches of {BATCH:,}", many[False], many[True]),
        (f"one agency beside {AGENCIES:,}, median", median(one[False]), median(one[True])),
    ]


def print_times() -> None:
    """Measure on both engines and print."""
    table = Table("engine", "saving", "without the check, s", "with the check, s", "ratio")
    for opened in (embedded, neo4j):
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder, "data")) as on:
            random.seed(1)
            for title, without, with_check in measure_time(on):
                table.add_row(on.name, title, f"{without:.3f}", f"{with_check:.3f}", f"{with_check / without:.2f}")
    Console().print(table)


def main() -> None:
    """Measure and print."""
    if sys.argv[1:] == ["time"]:
        print_times()
        return
    seed, console = int(sys.argv[1]) if sys.argv[1:] else 1, Console()
    columns = ("stopped", "precision", "one error", "two", "reordered", "abbreviated", "spelt out")
    table = Table("list", "held out", "names", "rule", *columns, title=f"Names alike, seed {seed}")
    for title, known in names(console):
        for rule, same in (("now", alike), ("before", _earlier), ("token sort", _usual)):
            random.seed(seed)
            table.add_row(title, "yes" if title in HELD_OUT else "", str(len(known)), rule, *measure(known, same))
    console.print(table)


if __name__ == "__main__":
    main()
