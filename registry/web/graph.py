"""What pages ask: the same GraphQL that everybody may send, answered in this process as the visitor may see it."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError
from starlette.exceptions import HTTPException

from registry.access import Actor
from registry.store import Reader, StoreError
from schema.compiled import Asking
from schema.graph_api import Schema
from schema.paying import Spent
from schema.refusal import presented


class Graph:
    """The registry's own GraphQL."""

    def __init__(self, schema: Schema, reader: Reader) -> None:
        self._schema, self._reader = schema, reader

    async def ask(self, operation: str, variables: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        """Return the data of an operation. Raises StoreError, Spent, and HTTPException where it is nonsense."""
        context = Asking(self._reader, actor)
        result = await self._schema.execute(operation, variable_values=dict(variables), context_value=context)
        if result.errors:
            raise _refusal(result.errors[0])
        assert result.data is not None
        return result.data


def _refusal(refused: GraphQLError) -> Exception:
    if isinstance(refused, Spent):
        return refused
    error = presented(refused)
    code, message = error["extensions"]["code"], error["message"]
    if code in ("UNAVAILABLE", "TIMEOUT"):
        return StoreError(code, message)
    return HTTPException(500 if code == "INTERNAL" else 400, message)
