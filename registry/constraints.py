"""Bring the constraints and indexes of a store in line with the model."""

import time
from dataclasses import dataclass

from registry.cypher import ddl
from registry.modelling import Model
from registry.store import Store


@dataclass(frozen=True)
class Difference:
    """What the store lacks and what it has that the model no longer asks for, by name."""

    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    present: tuple[str, ...]


def compare(store: Store, model: Model) -> Difference:
    """Return the difference between what the model asks for and what the store has."""
    has = {name for read in ddl.present() for (name,) in store.read(read) if ddl.ours(name)}
    wished = [wish.name for wish in ddl.wishes(model, store.dialect)]
    return Difference(
        missing=tuple(name for name in wished if name not in has),
        surplus=tuple(sorted(has - set(wished))),
        present=tuple(name for name in wished if name in has),
    )


def apply(store: Store, model: Model) -> Difference:
    """Take away what is surplus, make what is missing, wait until the indexes are filled; return what was different."""
    difference = compare(store, model)
    for name in difference.surplus:
        for text in ddl.drop(name):
            store.change_schema(text)
    for wish in ddl.wishes(model, store.dialect):
        if wish.name in difference.missing:
            store.change_schema(wish.text, native=wish.native)
    while store.read(ddl.still_filling())[0][0]:
        time.sleep(0.1)
    return difference
