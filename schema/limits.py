"""What one operation may ask for at most, and how its cost is counted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from registry.plan import ById, ByIds, Count, Explore, Facet, Follow, Look, Page, Question, Select, Total
from schema.refusal import Refused

BODY = 1_000_000  # bytes of a request
DOCUMENT = 50_000  # characters
TOKENS = 4_000  # of a document
DEFINITIONS = 50  # operations and fragments of a document
REPEATS = 200  # times that a document names one field: comparing them all takes the square of it
TEXT = 10_000  # characters of a value
DIGITS = 100  # of a number
VALUES = 4_000  # in the variables, with those inside of lists and objects
NESTED = 16  # lists and objects in one another, in an argument or a variable
ALIASES = 100
FIELDS = 5_000  # of an operation, its fragments written out
CHANGES = 20  # mutation fields of an operation
LINKED = 500  # records that a link is to be added to or removed from
CONDITIONS = 200  # parts of the arguments of an operation
DEPTH = 14  # levels; shapes are nested as deep, and Python 3.12 and newer crash compiling about twice as many
PAGE = 200
COST = 400_000
TOTAL_COST = 10_000
EXPLORE_COST = 50_000  # of a report, too
EXPORT_COST = 1_000_000  # of all records of a list as a file at most: as much as a minute allows at least
CHANGE_COST = 5_000
UPLOAD_COST = 200_000  # of a table that is sent
ERRORS = 10  # that an answer tells
COUNTED = 10**15  # costs beyond are all the same


def page_size(asked: Any) -> int:
    """Return how many records a page or a list shows. Raises Refused."""
    if asked is None or asked < 0:
        raise Refused("BAD_REQUEST", "first and last are numbers from 0 on.")
    if asked > PAGE:
        raise Refused(
            "TOO_COSTLY", f"A page holds at most {PAGE} records; {asked} were asked for.", cost=asked, limit=PAGE
        )
    return int(asked)


def page_rows(asked: Any) -> int:
    """Return how many rows to read for a page: one more, to know whether there is another. Raises Refused."""
    return page_size(asked) + 1


def check_variables(variables: Mapping[str, Any]) -> None:
    """Refuse variables of too many, too long or too deeply nested values, before anything is made of them."""
    counted, level = 0, list(variables.values())
    for _ in range(NESTED):
        if not level:
            return
        counted += len(level)
        if counted > VALUES:
            raise Refused("TOO_COSTLY", f"The variables hold at most {VALUES:,} values.", limit=VALUES)
        if any(isinstance(value, str) and len(value) > TEXT for value in level):
            raise too_long(TEXT)
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise too_nested()


def too_long(limit: int) -> Refused:
    """Return the refusal of a value of more characters."""
    return Refused("TOO_COSTLY", f"This value has at most {limit:,} characters.", limit=limit)


def too_nested() -> Refused:
    """Return the refusal of a value with too much in one another."""
    return Refused("TOO_DEEP", f"A value is nested at most {NESTED} levels deep.", limit=NESTED)


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def check_cost(questions: Sequence[Question | Explore], variables: Mapping[str, Any], changes: int = 0) -> int:
    """Return the cost of an operation: the values that its answer could hold. Raises Refused above COST."""
    return within_limit(sum(_cost(question, variables) for question in questions) + changes * CHANGE_COST)


def within_limit(cost: int) -> int:
    """Return the cost of an operation. Raises Refused if it is more than COST."""
    cost = min(cost, COUNTED)
    if cost > COST:
        message = (
            f"The answer could hold {cost:,} values; the limit is {COST:,}. Ask for fewer records or fewer levels."
        )
        raise Refused("TOO_COSTLY", message, cost=cost, limit=COST)
    return cost


def _cost(question: Question | Explore, variables: Mapping[str, Any]) -> int:
    match question:
        case ById():
            return max(_values(view, variables) for view in question.views)
        case ByIds():
            return len(question.ids.value(variables)) * max(_values(view, variables) for view in question.views)
        case Page():
            return int(question.rows.value(variables)) * sum(_values(view, variables) for view in question.views)
        case Total() | Facet():
            return TOTAL_COST
        case Explore():
            return EXPLORE_COST


def _values(select: Select, variables: Mapping[str, Any]) -> int:
    return 1 + len(select.properties) + sum(_part(part, variables) for part in select.parts)


def _part(part: Follow | Count | Look, variables: Mapping[str, Any]) -> int:
    match part:
        case Count():
            return 1
        case Look():
            return _values(part.select, variables)
        case Follow():
            each = len(part.edge) + sum(_values(view, variables) for view in part.far + part.near)
            return int(part.first.value(variables)) * each
