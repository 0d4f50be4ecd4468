"""Code lists with labels in Indonesian and English, read from the tables in `registry/codelists/`."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from registry.i18n import language


@dataclass(frozen=True)
class Entry:
    """One code of a list and what it is called in Indonesian and English."""

    code: str
    label_id: str
    label_en: str

    @property
    def label(self) -> str:
        """What it is called in the language of the moment."""
        return label_of(self.code, self.label_id, self.label_en)


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
    return entry.label if entry else code


def label_of(name: str, label_id: str | None, label_en: str | None) -> str:
    """Return a term's label in the language of the moment; its name where it has none."""
    return (label_id if language() == "id" else label_en) or name
