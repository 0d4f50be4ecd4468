"""The query context of an exploration: the database and the reader."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database.driver import Cypher
from registry.permissions import Actor

Rows = list[list[Any]]


class TooMuch(Exception):
    """A question that would walk more of the graph than one may; the message says what to ask instead."""


@dataclass(frozen=True)
class ExploreContext:
    """Who asks which store."""

    read: Callable[[Sequence[Cypher]], Awaitable[list[Rows]]]
    actor: Actor

    async def ask(self, *cyphers: Cypher) -> list[Any]:
        """Return the one list of each answer; all see one state of the graph. Raises StoreError."""
        return [rows[0][0] for rows in await self.read(cyphers)]
