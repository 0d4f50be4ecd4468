"""Change stamps: one value for each kind of record. Every transaction that changes records of the kind replaces the value.

Answers that were read at the same stamps are equal, so caches compare stamps. Which kinds a query reads or changes is found in
its text. A text that does not name the kinds counts as reading or changing every kind.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from registry.model.definitions import MODEL

Kinds = frozenset[str] | None
"""Kinds of records, and labels of the registry's own nodes; None stands for all of them."""

WRITE = "UNWIND $in.kinds AS kind MERGE (m:Mark {id: kind}) SET m.value = $in.mark"
READ = "MATCH (m:Mark) WITH m ORDER BY m.id RETURN collect([m.id, m.value])"
EVERY = "last"  # the id of the stamp that stands for every kind; the only one of earlier releases

_NAMES = re.compile(r":\s*([A-Z]\w*(?:\s*\|\s*:?\s*[A-Z]\w*)*)")
_UNNAMED = re.compile(
    r"--|\[\s*\w*\s*(?:\*[\d.]*\s*)?(?:\{[^}]*\}\s*)?\](?=-)"  # a relationship of any type
    r"|(?:\bMATCH|\bMERGE|\bCREATE|\),) \((\w*)\s*(?:\{[^}]*\})?\)(?!\s*<?-)"  # a node of any kind
    r"|\bCALL db\."
)
_WRITES = re.compile(r"\b(?:CREATE|MERGE|SET|DELETE|REMOVE)\b")
_ENDS: dict[str, set[str]] = {}
for _kind in MODEL:
    for _end in _kind.ends.values():
        _ENDS.setdefault(_end.link.relation, set()).update((_end.kind, _end.target))


@lru_cache(maxsize=5_000)
def kinds_in(text: str) -> Kinds:
    """Return the kinds whose records a Cypher text reads or changes. A relationship belongs to the kinds of both its ends."""
    if any(f"({found[1]}:" not in text or not found[1] for found in _UNNAMED.finditer(text)):
        return None
    names = {name.strip(" :") for found in _NAMES.findall(text) for name in found.split("|")}
    return frozenset(kind for name in names for kind in _ENDS.get(name, (name,)))


@lru_cache(maxsize=5_000)
def kinds_changed_by(text: str) -> Kinds:
    """Return the kinds whose records a Cypher text changes; a text that only reads changes none."""
    return kinds_in(text) if _WRITES.search(text) else frozenset()


def all_kinds_in(texts: Iterable[str]) -> Kinds:
    """Return the kinds whose records the texts read or change."""
    return union(map(kinds_in, texts))


def union(every: Iterable[Kinds]) -> Kinds:
    """Return the kinds that are in at least one of the sets."""
    joined = frozenset[str]()
    for one in every:
        if one is None:
            return None
        joined |= one
    return joined


class Stamps:
    """The change stamps that a database has at one time."""

    def __init__(self, rows: Iterable[Any] = ()) -> None:
        self._values: Mapping[str, str] = dict(rows)

    def of(self, kinds: Kinds = None) -> str:
        """Return the stamp of some kinds as one text; it is "" if the database has no stamps, so that nothing may be cached."""
        values = self._values
        wanted = values if kinds is None else [name for name in values if name in kinds or name == EVERY]
        return " ".join(f"{name}={values[name]}" for name in wanted) if wanted else "none" if values else ""
