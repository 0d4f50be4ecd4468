"""What one operation may ask for at most, and how its cost is counted."""

from collections.abc import Mapping, Sequence
from typing import Any

from registry.plan import ById, ByIds, Count, Explore, Facet, Follow, Look, Page, Question, Select, Total
from schema.refusal import Refused

BODY = 1_000_000
TOKENS = 4_000
ALIASES = 100
DEPTH = 14
PAGE = 200
COST = 400_000
TOTAL_COST = 1_000
EXPLORE_COST = 50_000


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


def check_cost(questions: Sequence[Question | Explore], variables: Mapping[str, Any]) -> None:
    """Refuse an operation whose answer could hold more than COST values."""
    cost = sum(_cost(question, variables) for question in questions)
    if cost > COST:
        message = (
            f"The answer could hold {cost:,} values; the limit is {COST:,}. Ask for fewer records or fewer levels."
        )
        raise Refused("TOO_COSTLY", message, cost=cost, limit=COST)


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
