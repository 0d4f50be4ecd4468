"""The limits and the query cost of an operation, and the errors that reject an operation."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError

from registry.database.query import (
    NO_CONDITION,
    ById,
    ByIds,
    Explore,
    FacetQuery,
    Follow,
    LinkCount,
    LinkPage,
    Lookup,
    MostLinks,
    Page,
    Query,
    Select,
    Total,
)
from registry.i18n import ngettext

MESSAGE = 300  # characters in an error message, which may quote the request
log = logging.getLogger(__name__)
AWAY = 5  # seconds after which a client should retry if the database does not respond


class GraphQLRequestError(GraphQLError):
    """An operation was rejected. `extensions.code` is one of the documented error codes."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        nodes, path = details.pop("nodes", None), details.pop("path", None)
        super().__init__(message, nodes=nodes, path=path, extensions={"code": code, **details})

    @property
    def code(self) -> str:
        """The error code."""
        return str((self.extensions or {})["code"])

    def at(self, key: str) -> GraphQLRequestError:
        """Return the error with `key`, the response name of the outer field, added at the beginning of its path."""
        return GraphQLRequestError(message=self.message, path=[key, *(self.path or ())], **(self.extensions or {}))


def internal(cause: BaseException, path: list[str | int] | None = None) -> GraphQLRequestError:
    """Return the error for an operation that failed because of a fault of the server.

    The cause is logged with an incident number.
    """
    incident = log_incident(cause, "an operation")
    return GraphQLRequestError(
        "INTERNAL", f"Internal error. Quote incident {incident} when you report it.", incident=incident, path=path
    )


def log_incident(cause: BaseException, what: str) -> str:
    """Log the cause of a server error and return an incident number. The client gets only the incident number, not the cause."""
    number = secrets.token_hex(4)
    log.error("%s failed, incident %s", what, number, exc_info=cause)
    return number


def error_response(error: GraphQLError) -> dict[str, Any]:
    """Return an error in the form used in responses, with its code. Unexpected exceptions become internal errors."""
    if not (error.extensions or {}).get("code"):
        if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
            error = internal(error.original_error, error.path)
        else:
            error.extensions = {**(error.extensions or {}), "code": "BAD_REQUEST"}
    message = error.message if len(error.message) <= MESSAGE else f"{error.message[:MESSAGE]} …"
    return {**error.formatted, "message": message}


BODY = 1_000_000  # bytes in a request
DOCUMENT = 50_000  # characters in a document
TOKENS = 4_000  # tokens in a document
DEFINITIONS = 50  # operations and fragments in a document
REPEATS = 200  # occurrences of one field in a document; validation compares all pairs of them
TEXT = 10_000  # characters in a value
DIGITS = 100  # digits in a number
VALUES = 4_000  # values in the variables, including values in lists and objects
NESTED = 16  # levels of lists and objects in an argument or a variable
ALIASES = 100
FIELDS = 5_000  # fields in an operation, after its fragments are expanded
CHANGES = 20  # mutation fields in an operation
LINKED = 500  # records to add to a link or to remove from it
CONDITIONS = 200  # conditions in all arguments of an operation together
DEPTH = 14  # levels of fields and of generated code; Python 3.12 and newer crash at about twice as many
PAGE = 200
FIRST = 20  # records in a page whose size the operation does not give
FIRST_LINKED = 50  # linked records in a list or a page whose size the operation does not give
COST = 400_000
TOTAL_COST = 10_000
EXPLORE_COST = 50_000  # the cost of an exploration or of a report
DATE_COST = 5_000  # the cost of each further date of a report over time, which reads the records only once
EXPORT_COST = 1_000_000  # the most that exporting a list to a file may cost; equals the smallest budget per minute
CHANGE_COST = 5_000
UPLOAD_COST = 200_000  # the cost of an uploaded table
ERRORS = 10  # the most errors in a response
COUNTED = 10**15  # larger costs are reported as this number


def page_size(requested: Any) -> int:
    """Check and return the requested number of records of a page or list.

    Raises GraphQLRequestError if the number is invalid.
    """
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
    """Return the number of rows to read for a page. Raises GraphQLRequestError.

    The number is the page size plus one. The extra row shows whether another page follows.
    """
    return page_size(requested) + 1


def check_variables(variables: Mapping[str, Any]) -> None:
    """Raise GraphQLRequestError if the variables have too many, too long or too deeply nested values.

    The check runs before the variables are converted to their declared types.
    """
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
    """Return the error that a value has too many characters."""
    return GraphQLRequestError("TOO_COSTLY", f"This value can have at most {limit:,} characters.", limit=limit)


def too_nested() -> GraphQLRequestError:
    """Return the error that a value is nested too deeply."""
    return GraphQLRequestError("TOO_DEEP", f"A value can be nested at most {NESTED} levels deep.", limit=NESTED)


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def check_cost(
    queries: Sequence[Query | Explore],
    variables: Mapping[str, Any],
    changes: int = 0,
    known: Mapping[Query, int] | None = None,
) -> int:
    """Return the cost of an operation: the largest number of values that its response could contain.

    A list counts with its page size, or with the number of its records if `known` has a smaller one: `bounds` returns the queries for
    these numbers. Raises GraphQLRequestError if the cost is above COST.
    """
    estimate = CostEstimate(variables, known or {})
    cost = sum(map(estimate.query, queries)) + changes * CHANGE_COST
    return within_limit(cost, estimate.advice(cost))


def largest_cost(queries: Sequence[Query | Explore], variables: Mapping[str, Any]) -> int:
    """Return the cost of an operation whose lists are as long as their page sizes."""
    return sum(map(CostEstimate(variables, {}).query, queries))


def bounds(queries: Sequence[Query | Explore]) -> list[Query]:
    """Return the queries for the numbers of records and links that limit how long the lists of an operation can be."""
    found: dict[Query, None] = {}
    estimate = CostEstimate(None, {}, found.setdefault)
    for query in queries:
        estimate.query(query)
    return list(found)


def report_cost(dates: int = 1) -> int:
    """Return the cost of a report on a number of dates."""
    return EXPLORE_COST + (dates - 1) * DATE_COST


def within_limit(cost: int, advice: Mapping[str, Any] | None = None) -> int:
    """Return the cost of an operation unchanged. Raises GraphQLRequestError if it is above COST.

    `advice` names the list that contributes most to the cost, and its largest page size within the limit.
    """
    cost = min(cost, COUNTED)
    if cost > COST:
        message = f"The response could contain {cost:,} values; the limit is {COST:,}. "
        message += (
            "The list {list} contributes most: request it with first: {first} or less, or request fewer levels.".format(
                **advice
            )
            if advice
            else "Request fewer records or levels."
        )
        raise GraphQLRequestError("TOO_COSTLY", message, cost=cost, limit=COST, **(advice or {}))
    return cost


@dataclass(frozen=True)
class CostlyList:
    """A list in a response: its path, its page size, the number of its records in the response, and their cost."""

    path: tuple[str, ...]
    size: int
    records: int
    cost: int


@dataclass
class CostEstimate:
    """Adds up the largest numbers of values that the queries of an operation can return.

    `known` has the largest sizes of lists, by the query for the size. If `variables` is None, all lists have one record. `sized` is
    called with the query for the size of each list.
    """

    variables: Mapping[str, Any] | None
    known: Mapping[Query, int]
    sized: Callable[[Query], object] = lambda query: None
    lists: list[CostlyList] = field(default_factory=list)

    def query(self, query: Query | Explore) -> int:
        """Return the cost of a query."""
        match query:
            case ById():
                return max(self._values(view, 1) for view in query.views)
            case ByIds():
                times = self._size(query.ids, None, len)
                return times * max(self._values(view, times) for view in query.views)
            case Page():
                size = self._size(query.rows, Total(query.kind, NO_CONDITION))
                return self._list(query.path, 1, size, 0, query.views)
            case Total() | FacetQuery() | MostLinks():
                return TOTAL_COST
            case Explore():
                return EXPLORE_COST

    def advice(self, cost: int) -> dict[str, Any] | None:
        """Return the path of the list with most records and its largest page size within the limit, if there is such a list."""
        for one in sorted(self.lists, key=lambda one: -one.records):
            allowed = one.size * (COST - cost + one.cost) // one.cost if one.cost else 0
            if 0 < allowed < one.size:
                return {"list": ".".join(one.path), "first": allowed}
        return None

    def _values(self, select: Select, times: int) -> int:
        return 1 + len(select.properties) + sum(self._part(part, select.kind, times) for part in select.parts)

    def _part(self, part: Follow | LinkCount | LinkPage | Lookup, kind: str, times: int) -> int:
        match part:
            case LinkCount():
                return 1
            case Lookup():
                return self._values(part.select, times)
            case LinkPage():
                return 1 + self._part(part.follow, kind, times)
            case Follow():
                most = MostLinks(kind, part.end) if part.first.path or part.first.fixed != 1 else None
                size = self._size(part.first, most)
                return self._list(part.path, times, size, len(part.edge), part.far + part.near)

    def _list(self, path: tuple[str, ...], times: int, size: int, edge: int, views: Sequence[Select]) -> int:
        cost = size * (edge + sum(self._values(view, times * size) for view in views))
        self.lists.append(CostlyList(path, size, times * size, times * cost))
        return cost

    def _size(self, given: Any, most: Query | None, reading: Callable[[Any], int] = int) -> int:
        if most is not None:
            self.sized(most)
        if self.variables is None:
            return 1
        requested = reading(given.value(self.variables))
        return min(requested, self.known.get(most, requested)) if most is not None else requested


FREE = 1_000  # cheaper operations are not charged to the cost budget; they only count as requests
# Charges a cost to a budget. Returns 0, or the seconds until the budget is renewed if it is used up.
Spend = Callable[[int], Awaitable[int]]
_spending: ContextVar[Spend | None] = ContextVar("spending", default=None)


class CostBudgetExceeded(GraphQLRequestError):
    """The client has used up its cost budget. The client can repeat the request after `wait` seconds."""

    def __init__(self, wait: int) -> None:
        sentence = ngettext(
            "Too many requests. Try again in {n} second.", "Too many requests. Try again in {n} seconds.", wait
        ).format(n=wait)
        super().__init__("TOO_COSTLY", sentence, retryAfter=wait)
        self.wait = wait


@contextmanager
def spending(spend: Spend) -> Iterator[None]:
    """Charge the cost of all operations in the `with` block to the given budget."""
    token = _spending.set(spend)
    try:
        yield
    finally:
        _spending.reset(token)


@contextmanager
def paid() -> Iterator[None]:
    """Charge nothing for the operations in the `with` block, because their total cost has been charged already."""
    token = _spending.set(None)
    try:
        yield
    finally:
        _spending.reset(token)


async def pay(cost: int) -> None:
    """Charge a cost to the client's budget. Raises CostBudgetExceeded if the budget is used up."""
    spend = _spending.get()
    if spend is not None and cost >= FREE and (wait := await spend(cost)):
        raise CostBudgetExceeded(wait)
