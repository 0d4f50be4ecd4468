"""What every question is asked with: the store, and who asks."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from registry.access import Actor
from registry.cypher.text import Cypher

Rows = list[list[Any]]


class TooMuch(Exception):
    """A question that would walk more of the graph than one may; the message says what to ask instead."""


@dataclass(frozen=True)
class Asker:
    """Who asks which store."""

    read: Callable[[Sequence[Cypher]], Awaitable[list[Rows]]]
    actor: Actor

    async def ask(self, *cyphers: Cypher) -> list[Any]:
        """Return the one list of each answer; all see one state of the graph. Raises StoreError."""
        return [rows[0][0] for rows in await self.read(cyphers)]
