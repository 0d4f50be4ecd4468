"""Where pages are: the list of a kind, one record, and an operation in GraphiQL."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from registry.model import MODEL
from registry.modelling import End, snake
from registry.reports.report import Evidence

Pairs = Iterable[tuple[str, str]]
LONGEST = 100


def list_path(kind: str, asked: Pairs = ()) -> str:
    """Return the address of the list of a kind, asked for these names and values."""
    return address(f"/{MODEL[kind].plural}", asked)


def record_path(kind: str, record: str) -> str:
    """Return the address of a record."""
    return f"/{MODEL[kind].plural}/{quote(record, safe=':~')}"


def rights_path(record: str) -> str:
    """Return where is told what one may do with a record, given by the address of its page."""
    return f"{record}/allowed"


def address(path: str, asked: Pairs = ()) -> str:
    """Return a path with a query, in which the characters of ids stand as they are."""
    query = urlencode(list(asked), safe=":~,")
    return f"{path}?{query}" if query else path


def graphiql_path(operation: str, variables: Mapping[str, Any]) -> str:
    """Return the address at which GraphiQL shows an operation with its variables."""
    return address(
        "/graphql", [("operation", operation), ("variables", json.dumps(variables, ensure_ascii=False, indent=2))]
    )


def evidence_path(rests_on: Iterable[Evidence]) -> str:
    """Return the address that opens, in GraphiQL, the query that shows these records."""
    return address("/evidence", [(param(snake(one.kind)), one.id) for one in rests_on])


def param(name: str) -> str:
    """Return how a name of the model stands in an address: `level_of_government` as `level-of-government`."""
    return name.replace("_", "-")


def typed(text: str, longest: int | None = LONGEST) -> str:
    """Return what somebody typed: white space single, and cut to so many characters."""
    return " ".join(text.replace("\x00", "").split())[:longest]


def other_end(end: End) -> End:
    """Return the same link as seen from its other kind."""
    there = MODEL[end.target].ends.values()
    return next(one for one in there if one.link is end.link and one.outgoing is not end.outgoing)
