"""The history of a record: what each entry of the chain changed, and how the record stood before it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from registry.changing.state import LINKS, Difference, State
from registry.clock import day_of


@dataclass(frozen=True)
class Told:
    """An entry of the chain as far as it is about a record: who, when and how, and what is different since.

    `number` is 0 for what a load changed, whose changes are undone together only.
    """

    at: str
    actor: str
    how: str
    what: str
    note: str
    before: Difference
    after: Difference
    number: int = 0

    @property
    def day(self) -> str:
        """The day on which it was made, as a Date's text."""
        return day_of(self.at)


@dataclass(frozen=True)
class Passage:
    """A change with the record before and after it; there is nothing before a record was made."""

    told: Told
    before: State | None
    after: State


def read_entry(entry: Mapping[str, Any]) -> Told:
    """Return an entry, given by its properties as they are stored."""
    before, after = (orjson.loads(entry.get(name) or "{}") for name in ("before", "after"))
    at, actor, how, what, note = (str(entry.get(name) or "") for name in ("at", "actor", "how", "what", "note"))
    return Told(at, actor, how, what, note, before, after, 0 if entry.get("run") else entry["number"])


def first_undone(told: Told, find: Callable[[str], Told | None]) -> Told:
    """Return the entry that an entry undid, or whose undoing it undid, and so on; itself if it undid none.

    `find` finds an entry by its id, which an undoing notes.
    """
    while told.what == "undone" and (undid := find(told.note)):
        told = undid
    return told


def passages(state: State, entries: Iterable[Told]) -> Iterator[Passage]:
    """Walk back from a record as it stands, by all its entries, newest first."""
    for told in entries:
        before = None if told.after.get("id") else undone(state, told)
        yield Passage(told, before, state)
        if before is None:
            return
        state = before


def undone(state: State, told: Told) -> State:
    """Return a record as it stood before an entry, from how it stood after it."""
    properties = {**state.properties, "version": state.version - 1}
    for name in ({*told.before, *told.after} - {LINKS}) & state.kind.properties.keys():
        properties[name] = told.before.get(name)
    ties = {name: dict(tied) for name, tied in state.ties.items()}
    lost, gained = told.before.get(LINKS, {}), told.after.get(LINKS, {})
    for name in ties:
        kept = {far: values for far, values in ties[name].items() if far not in gained.get(name, {})}
        ties[name] = {**kept, **lost.get(name, {})}
    return replace(state, properties={name: one for name, one in properties.items() if one is not None}, ties=ties)


def as_it_was(state: State, entries: Sequence[Told], day: str) -> State | None:
    """Return a record as it stood at the end of a day; None if it was made later. `entries` are all, newest first."""
    if day < day_of(str(state.properties["created"])):
        return None
    found: State | None = state
    for passage in passages(state, entries):
        if passage.told.day <= day:
            break
        found = passage.before
    return found


def is_whole(state: State, entries: Sequence[Told]) -> bool:
    """Tell whether every change of a record is in the chain; that a load made it is told there with many others."""
    return state.version <= len(entries) + 1
