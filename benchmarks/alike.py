"""How often `registry.mutations.save` takes different things for one, and how often it finds a name that was mistyped.

    python -m benchmarks.alike [SEED]

False: of the names of a list, all of different things, how many would be held up because another one is alike. Found: of
200 names, how many are recognised with one letter left out, put in or swapped, with two such errors, with the words in
another order. Beside it the token sort ratio of rapidfuzz at 90, the usual choice.
"""

import csv
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rapidfuzz import fuzz
from rich.console import Console
from rich.table import Table

from registry.model.records import fold
from registry.mutations.similar_names import alike

SAMPLE = Path(__file__).parent.parent / "loaders/sources/depok/data"
SHARED = Path(os.environ.get("REGISTRY_SHARED_DATA", Path(__file__).parent.parent.parent / "shared/data"))
LISTS = {
    "depok agencies": (SAMPLE / "agencies.csv", "name"),
    "depok services": (SAMPLE / "services.csv", "name"),
    "depok resources": (SAMPLE / "resources.csv", "name"),
    "us products": (SHARED / "us-fedramp-reuse/products.csv", "cso"),
    "us agencies": (SHARED / "us-fedramp-reuse/agencies.csv", "sub"),
    "uk APIs": (SHARED / "uk-api-catalogue/catalogue.csv", "name"),
}
TRIED, LETTERS, USUAL = 200, "aeinrst", 90


def names() -> Iterator[tuple[str, list[str]]]:
    """Give the lists that are there, each name once, as it is compared."""
    for title, (path, column) in LISTS.items():
        if path.exists():
            with path.open(encoding="utf-8-sig", newline="") as table:
                yield title, sorted({fold(row[column]) for row in csv.DictReader(table) if len(row[column] or "") > 4})


def mistyped(name: str, errors: int = 1) -> str:
    """Return a name with letters left out, put in or swapped."""
    for _ in range(errors):
        at, letter = random.randrange(1, len(name) - 1), random.choice(LETTERS)
        name = random.choice([name[:at] + name[at + 1 :], name[:at] + letter + name[at:], _swapped(name, at)])
    return name


def measure(title: str, known: list[str], same: Callable[[str, str], bool], way: str) -> list[str]:
    """Return a row of the table."""
    held_up = sum(any(same(one, other) for other in known if other != one) for one in known)
    tried = random.sample(known, min(TRIED, len(known)))
    changes: list[Callable[[str], str]] = [mistyped, lambda one: mistyped(one, 2), _reordered]
    found = [sum(same(change(one), one) for one in tried) / len(tried) for change in changes]
    return [title, way, str(len(known)), f"{held_up / len(known):.3f}", *(f"{one:.2f}" for one in found)]


def _swapped(name: str, at: int) -> str:
    return name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]


def _reordered(name: str) -> str:
    words = name.split()
    random.shuffle(words)
    return " ".join(words)


def _usual(one: str, other: str) -> bool:
    return fuzz.token_sort_ratio(one, other) >= USUAL


def main() -> None:
    """Measure and print."""
    seed = int(sys.argv[1]) if sys.argv[1:] else 1
    table = Table(
        "list", "by", "names", "false", "found, one error", "two", "reordered", title=f"Names alike, seed {seed}"
    )
    for title, known in names():
        for way, same in (("words", alike), ("token sort", _usual)):
            random.seed(seed)
            table.add_row(*measure(title, known, same, way))
    Console().print(table)


if __name__ == "__main__":
    main()
