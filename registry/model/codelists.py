"""Code lists with labels in Indonesian and English, read from the tables in `registry/codelists/`."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from registry.i18n import language


@dataclass(frozen=True)
class Entry:
    """A code in a code list, with labels in Indonesian and English."""

    code: str
    label_id: str
    label_en: str

    @property
    def label(self) -> str:
        """The label in the current language."""
        return label_of(self.code, self.label_id, self.label_en)


@cache
def code_list(name: str) -> dict[str, Entry]:
    """Return the entries of the code list `name` by code, in the order of its table. Raises FileNotFoundError."""
    table = files("registry").joinpath("codelists", f"{name}.csv").read_text(encoding="utf-8")
    return {row["code"]: Entry(**row) for row in csv.DictReader(table.splitlines())}


@cache
def code_list_names() -> list[str]:
    """Return the names of all code lists, in alphabetical order."""
    tables = files("registry").joinpath("codelists").iterdir()
    return sorted(table.name.removesuffix(".csv") for table in tables if table.name.endswith(".csv"))


def code_label(name: str, code: str) -> str:
    """Return the label of a code in the current language. If the code list or the code is unknown, return the code."""
    try:
        entry = code_list(name).get(code)
    except FileNotFoundError:
        return code
    return entry.label if entry else code


def label_of(name: str, label_id: str | None, label_en: str | None) -> str:
    """Return the label of a vocabulary term in the current language.

    If the term has no label in the current language, return the term's name.
    """
    return (label_id if language() == "id" else label_en) or name
