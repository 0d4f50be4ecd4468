"""The query context of an exploration: the database and the actor."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database.driver import Cypher
from registry.permissions import Actor

Rows = list[list[Any]]


class ExplorationTooLarge(Exception):
    """An exploration that would read more of the graph than is allowed; the message suggests a smaller one."""


@dataclass(frozen=True)
class ExploreContext:
    """The function that reads from the database, and the actor whose permissions apply."""

    read: Callable[[Sequence[Cypher]], Awaitable[list[Rows]]]
    actor: Actor

    async def run(self, *cyphers: Cypher) -> list[Any]:
        """Return the single value that each statement returns; all see one state of the graph. Raises StoreError."""
        return [rows[0][0] for rows in await self.read(cyphers)]
