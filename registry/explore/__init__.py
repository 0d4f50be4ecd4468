"""Graph queries beyond lists: paths, neighbourhood, impact, shared resources and search."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from registry.database import exploration
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


class RecordRefused(Exception):
    """An exploration cannot start at a record. `argument` and `id` say which one.

    If `missing` is set, the user can see no such record, or the record is retired. Otherwise the record has a wrong kind.
    """

    def __init__(self, argument: str, one: str, reason: str, *, missing: bool = True) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument, self.id, self.missing = argument, one, missing


async def check_records(
    context: ExploreContext, argument: str, ids: Sequence[str], kinds: Sequence[str], *, retired: bool
) -> None:
    """Raise RecordRefused if there is no record with one of the ids, if it has another kind than `kinds`, or if it is retired.

    Without `kinds`, records of all kinds are accepted; if `retired` is set, retired records too. The error for a record that the
    actor may not see is the same as for a record that does not exist. Raises StoreError.
    """
    (rows,) = await context.run(exploration.kinds_of(ids, context.actor))
    known = {one: (kind, is_retired) for one, kind, is_retired in rows}
    for one in ids:
        if one not in known:
            raise RecordRefused(argument, one, f"you can see no record with the id {one!r}.")
        kind, is_retired = known[one]
        if kinds and kind not in kinds:
            expected = " or ".join(kinds)
            raise RecordRefused(
                argument, one, f"{one!r} is the id of a record of the kind {kind}, not {expected}.", missing=False
            )
        if is_retired and not retired:
            raise RecordRefused(argument, one, f"the record {one!r} is retired.")
