"""GraphQL queries of the pages. The queries run in this process, with the permissions of the user."""

from collections.abc import Iterator, Mapping
from functools import cache, partial
from importlib.resources import files
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.exceptions import HTTPException

from registry.clock import today
from registry.database.answer_cache import Question
from registry.database.driver import Reader, StoreError
from registry.i18n import language
from registry.model.definitions import MODEL, Common, Term
from registry.model.kinds import End, Kind, Property
from registry.model.values import Code, Date, Flag, Instant, Number, Text
from registry.permissions import Actor
from schema.execute import QueryContext
from schema.limits import CostBudgetExceeded, error_response
from schema.schema import Schema
from schema.types import camel, field_of

BACKGROUND = 120.0  # seconds that a query may take for which no page waits


class PageQueries:
    """Runs the GraphQL operations of pages."""

    def __init__(self, schema: Schema, reader: Reader) -> None:
        self._schema, self._reader = schema, reader

    def question(self, operation: str, variables: Mapping[str, Any], actor: Actor) -> Question[dict[str, Any]]:
        """Return the question for the answer cache that runs an operation. Raises HTTPException for an invalid operation."""
        try:
            kinds = self._schema.kinds_read(operation, dict(variables))
        except GraphQLError as error:
            raise _exception_for(error) from None
        sight = actor.role, actor.agencies, actor.groups
        key = (language(), operation, orjson.dumps(variables, option=orjson.OPT_SORT_KEYS), sight)
        return Question(key, kinds, partial(self.ask, operation, variables, actor, BACKGROUND), today())

    async def ask(
        self, operation: str, variables: Mapping[str, Any], actor: Actor, timeout: float | None = None
    ) -> dict[str, Any]:
        """Run an operation and return its data. A field that names a record that the user cannot see is null.

        Raises StoreError, CostBudgetExceeded, and HTTPException for an invalid operation.
        """
        context = QueryContext(self._reader, actor, timeout=timeout)
        result = await self._schema.execute(operation, context, dict(variables))
        errors = [error for error in result.errors or () if result.data is None or not _is_missing_record(error)]
        if errors:
            raise _exception_for(errors[0])
        assert result.data is not None
        return result.data


def _is_missing_record(error: GraphQLError) -> bool:
    return (error.extensions or {}).get("code") == "NOT_FOUND"


def _exception_for(graphql_error: GraphQLError) -> Exception:
    if isinstance(graphql_error, CostBudgetExceeded):
        return graphql_error
    error = error_response(graphql_error)
    code, message = error["extensions"]["code"], error["message"]
    if code in ("UNAVAILABLE", "TIMEOUT"):
        return StoreError(code, message)
    return HTTPException({"INTERNAL": 500, "NOT_FOUND": 404}.get(code, 400), message)


POSITIONS = "positions: parties(first: 50) { standing }"  # which parties confirm or dispute an agreement
AGREEMENT_STATUS = f"validFrom validUntil withheld {POSITIONS}"
MOST_FACTS, MOST_LINKS, TITLE_FACTS = 4, 3, 2
COUNTED_LINKS = {"Resource": ("users",)}
COMMON = frozenset(name for name, declared in vars(Common).items() if isinstance(declared, Property))


def own_properties(kind: type[Kind]) -> list[Property]:
    """Return the properties of a kind without the properties that all kinds have."""
    return [one for name, one in kind.properties.items() if name not in COMMON]


def fact_properties(kind: type[Kind]) -> list[Property]:
    """Return the few properties by which readers can best distinguish the records of a kind."""
    return [one for one in own_properties(kind) if _is_distinguishing(kind, one)][:MOST_FACTS]


def shown_facts(kind: type[Kind]) -> list[Property]:
    """Return the facts of a kind and its computed properties, such as the free capacity of a resource."""
    return [*fact_properties(kind), *computed_properties(kind)]


def computed_properties(kind: type[Kind]) -> list[Property]:
    """Return the properties of a kind that are computed from other properties, in their unit."""
    return [one for one in kind.readable.values() if one.difference]


def main_links(kind: type[Kind]) -> list[End]:
    """Return the most important links of a kind.

    The result has the links that the kind declares as part of the summary. If no link belongs to the summary, the result has all
    declared links.
    """
    declared = [end for end in kind.ends.values() if end.declared]
    return ([end for end in declared if end.link.summary] or declared)[:MOST_LINKS]


def is_term(kind: type[Kind]) -> bool:
    """Return whether the records of a kind are terms of a code list, such as sectors."""
    return issubclass(kind, Term)


def term_uses(kind: type[Kind]) -> list[End]:
    """Return the links from a vocabulary term to the records classified by it. For other kinds, return no links."""
    return [end for end in kind.ends.values() if is_term(kind) and end.target != kind.__name__]


def counted_links(kind: type[Kind]) -> list[End]:
    """Return the links that a list shows only as the number of linked records, such as the users of a resource."""
    return [*term_uses(kind), *(kind.ends[name] for name in COUNTED_LINKS.get(kind.__name__, ()))]


def summary_selection(kind: type[Kind]) -> str:
    """Return the GraphQL selection set of a record in a list: the name and the facts."""
    fields = ["id", "name", "withheld", *(("labelId", "labelEn") if is_term(kind) else ())]
    positions = [POSITIONS] if kind is MODEL["Partnership"] else []
    details = (camel(name) for name in (*(one.name for one in fact_properties(kind)), *kind.erasable))
    return " ".join(
        [
            *dict.fromkeys([*fields, *details]),
            *positions,
            *(f"{camel(end.name)} {{ id name }}" for end in identifying_links(kind)),
        ]
    )


def identifying_links(kind: type[Kind]) -> list[End]:
    """Return the links whose records identify a record without a name. For kinds with names, return no links."""
    return [end for end in kind.ends.values() if end.single and not kind.named and end.target != "Channel"]


def title_selection(kind: type[Kind]) -> str:
    """Return the GraphQL selection set of a record's title.

    The title of a kind without names consists of its first facts.
    """
    named = [] if kind.named else [camel(one.name) for one in fact_properties(kind)[:TITLE_FACTS]]
    return " ".join(["id", "name", *(("labelId", "labelEn") if is_term(kind) else ()), *named])


def link_selection(end: End, far: str) -> str:
    """Return the GraphQL selection set of a link: its properties, and the selections `far` of the linked record."""
    if not end.link.properties:
        return f"{{ {far} }}"
    return f"{{ {' '.join(_link_properties(end))} {field_of(end.target)} {{ {far} }} }}"


def _link_properties(end: End) -> Iterator[str]:
    return (camel(name) for name in end.link.properties)


def _is_distinguishing(kind: type[Kind], one: Property) -> bool:
    by_default = one.required or one.value in (Date, Instant, Flag) or (one.summary and one.value is Code)
    return by_default or (one.value in (Text, Number) and not kind.named)


FOLDER = files("registry.web").joinpath("operations")
FRAGMENTS = ("Summary", "Term")


@cache
def operation(name: str) -> str:
    """Return the text of an operation file, with the fragments that it uses. Raises FileNotFoundError."""
    text = _read(name)
    for fragment in FRAGMENTS:
        if f"...{fragment}" in text:
            text += "\n" + _read(fragment.lower())
    return text


def _read(name: str) -> str:
    return FOLDER.joinpath(f"{name}.graphql").read_text(encoding="utf-8")
