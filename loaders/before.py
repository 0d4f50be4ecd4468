"""What the graph held when a run began, counted by kind: where there was nothing, there is nothing to compare."""

from typing import NamedTuple

from loaders.source import Source
from loaders.staging import LOADED
from registry.cypher import standing
from registry.modelling import Kind, Link
from registry.store import Store


class Held(NamedTuple):
    """How many records of a kind there were, how many of this source, and how many of those not retired."""

    total: int
    ours: int
    alive: int


class Before:
    """What there was of each kind: `before[kind].alive`."""

    def __init__(self, source: Source, store: Store) -> None:
        self._held = {kind.__name__: Held(*store.read(standing.held(kind, source=source.id))[0]) for kind in LOADED}

    def __getitem__(self, kind: type[Kind]) -> Held:
        return self._held[kind.__name__]

    def may_hold_ties(self, link: Link) -> bool:
        """Tell whether there were records at both ends of the link."""
        return bool(self._held[link.start].total and self._held[link.end].total)
