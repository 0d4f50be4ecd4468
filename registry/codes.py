"""Short code lists with labels in two languages, as tables in `registry/codelists/`: codes change, so they are data."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from registry.words import language


@dataclass(frozen=True)
class Entry:
    """One code of a list and what it is called in Indonesian and English."""

    code: str
    label_id: str
    label_en: str


@cache
def code_list(name: str) -> dict[str, Entry]:
    """Return the entries of the list `name` by code, in the order of the table. Raises FileNotFoundError."""
    table = files("registry").joinpath("codelists", f"{name}.csv").read_text(encoding="utf-8")
    return {row["code"]: Entry(**row) for row in csv.DictReader(table.splitlines())}


def called(name: str, code: str) -> str:
    """Return what a code of the list `name` is called in the language of the moment; the code where the list lacks it."""
    try:
        entry = code_list(name).get(code)
    except FileNotFoundError:
        return code
    return code if entry is None else entry.label_id if language() == "id" else entry.label_en
