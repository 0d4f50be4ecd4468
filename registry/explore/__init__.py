"""Graph queries beyond lists: paths, neighbourhood, impact, shared resources and search."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database.driver import Cypher
from registry.permissions import Actor

Rows = list[list[Any]]


class ExplorationTooLarge(Exception):
    """The exploration would read more of the graph than is allowed; the message suggests a smaller exploration."""


@dataclass(frozen=True)
class ExploreContext:
    """The context of a graph exploration: the function that reads from the database, and the actor whose permissions apply."""

    read: Callable[[Sequence[Cypher]], Awaitable[list[Rows]]]
    actor: Actor

    async def run(self, *cyphers: Cypher) -> list[Any]:
        """Run Cypher queries that each return a single value, and return these values. Raises StoreError.

        All queries read the same snapshot of the graph.
        """
        return [rows[0][0] for rows in await self.read(cyphers)]
