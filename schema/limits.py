"""Limits and query cost of an operation, and the errors that reject it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from graphql import GraphQLError

from registry.database.query import (
    ById,
    ByIds,
    Explore,
    FacetQuery,
    Follow,
    LinkCount,
    Lookup,
    Page,
    Query,
    Select,
    Total,
)
from registry.i18n import ngettext

MESSAGE = 300  # characters; a message may quote the request
log = logging.getLogger(__name__)
AWAY = 5  # seconds after which to retry when the database does not respond


class GraphQLRequestError(GraphQLError):
    """A rejected operation; `extensions.code` is one of the documented codes."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        nodes, path = details.pop("nodes", None), details.pop("path", None)
        super().__init__(message, nodes=nodes, path=path, extensions={"code": code, **details})

    def at(self, key: str) -> GraphQLRequestError:
        """Return the error with the path of the field with this response name in front of its own path."""
        return GraphQLRequestError(message=self.message, path=[key, *(self.path or ())], **(self.extensions or {}))


def internal(cause: BaseException, path: list[str | int] | None = None) -> GraphQLRequestError:
    """Return the error for an operation that failed by a fault of the server. The cause is logged under the incident number."""
    incident = log_incident(cause, "an operation")
    return GraphQLRequestError(
        "INTERNAL", f"Internal error. Quote incident {incident} when you report it.", incident=incident, path=path
    )


def log_incident(cause: BaseException, what: str) -> str:
    """Log the cause of a server error; return the incident number, the only part that the client gets."""
    number = secrets.token_hex(4)
    log.error("%s failed, incident %s", what, number, exc_info=cause)
    return number


def error_response(error: GraphQLError) -> dict[str, Any]:
    """Return an error in response form, with its code. Unexpected exceptions become internal errors."""
    if not (error.extensions or {}).get("code"):
        if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
            error = internal(error.original_error, error.path)
        else:
            error.extensions = {**(error.extensions or {}), "code": "BAD_REQUEST"}
    message = error.message if len(error.message) <= MESSAGE else f"{error.message[:MESSAGE]} …"
    return {**error.formatted, "message": message}


BODY = 1_000_000  # bytes of a request
DOCUMENT = 50_000  # characters
TOKENS = 4_000  # of a document
DEFINITIONS = 50  # operations and fragments of a document
REPEATS = 200  # occurrences of one field in a document; validation compares all pairs of them
TEXT = 10_000  # characters in a value
DIGITS = 100  # in a number
VALUES = 4_000  # in the variables, including values in lists and objects
NESTED = 16  # levels of lists and objects in an argument or a variable
ALIASES = 100
FIELDS = 5_000  # in an operation, with its fragments expanded
CHANGES = 20  # mutation fields in an operation
LINKED = 500  # records to add to or remove from a link
CONDITIONS = 200  # parts of all arguments of an operation
DEPTH = 14  # levels; the generated code is nested as deeply, and Python 3.12 and newer crash at about twice as many
PAGE = 200
COST = 400_000
TOTAL_COST = 10_000
EXPLORE_COST = 50_000  # also of a report
EXPORT_COST = 1_000_000  # maximum for exporting a list to a file; equals the smallest budget per minute
CHANGE_COST = 5_000
UPLOAD_COST = 200_000  # of an uploaded table
ERRORS = 10  # in a response, at most
COUNTED = 10**15  # larger costs are reported as this


def page_size(requested: Any) -> int:
    """Return the number of records of a page or a list. Raises GraphQLRequestError."""
    if requested is None or requested < 0:
        raise GraphQLRequestError("BAD_REQUEST", "first and last must be 0 or greater.")
    if requested > PAGE:
        raise GraphQLRequestError(
            "TOO_COSTLY",
            f"A page can have at most {PAGE} records; {requested} were requested.",
            cost=requested,
            limit=PAGE,
        )
    return int(requested)


def page_rows(requested: Any) -> int:
    """Return the number of rows to read for a page: one more, to find out whether another follows. Raises GraphQLRequestError."""
    return page_size(requested) + 1


def check_variables(variables: Mapping[str, Any]) -> None:
    """Raise GraphQLRequestError for variables with too many, too long or too deeply nested values, before they are coerced."""
    counted, level = 0, list(variables.values())
    for _depth in range(NESTED):
        if not level:
            return
        counted += len(level)
        if counted > VALUES:
            raise GraphQLRequestError(
                "TOO_COSTLY", f"The variables can contain at most {VALUES:,} values.", limit=VALUES
            )
        if any(isinstance(value, str) and len(value) > TEXT for value in level):
            raise too_long(TEXT)
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise too_nested()


def too_long(limit: int) -> GraphQLRequestError:
    """Return the error for a value with too many characters."""
    return GraphQLRequestError("TOO_COSTLY", f"This value can have at most {limit:,} characters.", limit=limit)


def too_nested() -> GraphQLRequestError:
    """Return the error for a value that is nested too deeply."""
    return GraphQLRequestError("TOO_DEEP", f"A value can be nested at most {NESTED} levels deep.", limit=NESTED)


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def check_cost(queries: Sequence[Query | Explore], variables: Mapping[str, Any], changes: int = 0) -> int:
    """Return the cost of an operation: the number of values that its response could hold.

    Raises GraphQLRequestError above COST.
    """
    return within_limit(sum(_cost(query, variables) for query in queries) + changes * CHANGE_COST)


def within_limit(cost: int) -> int:
    """Return the cost of an operation. Raises GraphQLRequestError if it is above COST."""
    cost = min(cost, COUNTED)
    if cost > COST:
        message = f"The response could contain {cost:,} values; the limit is {COST:,}. Request fewer records or levels."
        raise GraphQLRequestError("TOO_COSTLY", message, cost=cost, limit=COST)
    return cost


def _cost(query: Query | Explore, variables: Mapping[str, Any]) -> int:
    match query:
        case ById():
            return max(_values(view, variables) for view in query.views)
        case ByIds():
            return len(query.ids.value(variables)) * max(_values(view, variables) for view in query.views)
        case Page():
            return int(query.rows.value(variables)) * sum(_values(view, variables) for view in query.views)
        case Total() | FacetQuery():
            return TOTAL_COST
        case Explore():
            return EXPLORE_COST


def _values(select: Select, variables: Mapping[str, Any]) -> int:
    return 1 + len(select.properties) + sum(_part(part, variables) for part in select.parts)


def _part(part: Follow | LinkCount | Lookup, variables: Mapping[str, Any]) -> int:
    match part:
        case LinkCount():
            return 1
        case Lookup():
            return _values(part.select, variables)
        case Follow():
            each = len(part.edge) + sum(_values(view, variables) for view in part.far + part.near)
            return int(part.first.value(variables)) * each


FREE = 1_000  # cheaper operations count only as requests
# Takes a cost from a budget; returns 0, or the seconds until the budget is renewed.
Spend = Callable[[int], Awaitable[int]]
_spending: ContextVar[Spend | None] = ContextVar("spending", default=None)


class CostBudgetExceeded(GraphQLRequestError):
    """The client has used up its cost budget; the request can be repeated after `wait` seconds."""

    def __init__(self, wait: int) -> None:
        sentence = ngettext(
            "Too many requests. Try again in {n} second.", "Too many requests. Try again in {n} seconds.", wait
        ).format(n=wait)
        super().__init__("TOO_COSTLY", sentence, retryAfter=wait)
        self.wait = wait


@contextmanager
def spending(spend: Spend) -> Iterator[None]:
    """Charge the operations within the block to this budget."""
    token = _spending.set(spend)
    try:
        yield
    finally:
        _spending.reset(token)


@contextmanager
def paid() -> Iterator[None]:
    """Charge nothing for the operations within the block, since their cost was charged as a whole."""
    token = _spending.set(None)
    try:
        yield
    finally:
        _spending.reset(token)


async def pay(cost: int) -> None:
    """Charge a cost to the client's budget. Raises CostBudgetExceeded where it is used up."""
    spend = _spending.get()
    if spend is not None and cost >= FREE and (wait := await spend(cost)):
        raise CostBudgetExceeded(wait)
