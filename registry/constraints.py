"""Prepare a store for the model: its constraints and indexes, what is derived from its data, and its metadata."""

import time
from dataclasses import dataclass

from registry import compatibility
from registry.compatibility import Tell
from registry.cypher import ddl
from registry.modelling import Model
from registry.store import Store


@dataclass(frozen=True)
class Difference:
    """What the store lacks, and what it has that the model does not ask for, by name.

    The surplus may be a newer version's; only what is `obsolete` is known to be nobody's.
    """

    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    present: tuple[str, ...]

    @property
    def obsolete(self) -> tuple[str, ...]:
        """The surplus that earlier versions made, and that no version needs any more."""
        return tuple(name for name in self.surplus if name in ddl.OBSOLETE)


def compare(store: Store, model: Model) -> Difference:
    """Return the difference between what the model asks for and what the store has."""
    has = {name for read in ddl.present() for (name,) in store.read(read) if ddl.ours(name)}
    wished = [wish.name for wish in ddl.wishes(model, store.dialect)]
    return Difference(
        missing=tuple(name for name in wished if name not in has),
        surplus=tuple(sorted(has - set(wished))),
        present=tuple(name for name in wished if name in has),
    )


def apply(store: Store, model: Model, tell: Tell = lambda said: None) -> Difference:
    """Make the store ready for the model; return what was different. Raises StoreError, also when its data do not fit.

    Drops what is obsolete, makes what is missing, waits until the indexes are filled, and computes derived values that
    are due; `tell` is told of their progress.
    """
    found = compatibility.check(store, model)  # before anything is changed
    difference = compare(store, model)
    for name in difference.obsolete:
        for text in ddl.drop(name):
            store.change_schema(text)
    for wish in ddl.wishes(model, store.dialect):
        if wish.name in difference.missing:
            store.change_schema(wish.text, native=wish.native)
    while store.read(ddl.still_filling())[0][0]:
        time.sleep(0.1)
    compatibility.complete(store, model, found, tell)
    return difference
