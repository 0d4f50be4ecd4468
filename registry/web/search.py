"""A search: the operations that ask for it."""

from collections.abc import Mapping
from typing import Any

from registry.model import MODEL
from registry.modelling import snake
from registry.searching import is_searched
from registry.web.selecting import called
from registry.words import language

PAGE, SUGGESTED, MOST = 20, 8, 200
KINDS = {snake(kind.__name__): kind.__name__ for kind in MODEL if is_searched(kind)}


def _called() -> str:
    """Return the selection of what a record of whichever kind is called."""
    more = {name: called(MODEL[name]).split()[2:] for name in KINDS.values()}
    return "__typename id name " + " ".join(f"... on {name} {{ {' '.join(own)} }}" for name, own in more.items() if own)


def operation(asked: Mapping[str, str]) -> str:
    """Return the operation that asks for a page of hits, and how many there are of each kind, whichever is asked for."""
    cursor = (", $after: String", ", after: $after") if "after" in asked else ("", "")
    counts = "countByKind { kind count }"
    others = (
        f"\n  ofAnyKind: search(text: $text, sector: $sector, area: $area) {{ {counts} }}" if "kind" in asked else ""
    )
    return f"""query Search($text: String!, $kinds: [Kind!], $sector: ID, $area: ID, $first: Int!{cursor[0]}) {{
  search(text: $text, kinds: $kinds, sector: $sector, area: $area, first: $first{cursor[1]}) {{
    totalCount
    {counts}
    pageInfo {{ hasNextPage endCursor }}
    nodes {{ score record {{ {_called()} description }} }}
  }}{others}
}}
"""


def suggestions() -> str:
    """Return the operation that asks for what may be meant while somebody types."""
    return f"""query Suggestions($text: String!, $kinds: [Kind!]) {{
  search(text: $text, kinds: $kinds, first: {SUGGESTED}) {{ nodes {{ record {{ {_called()} }} }} }}
}}
"""


def places() -> str:
    """Return the operation that asks for the sectors and areas in which can be searched."""
    label = {"id": "labelId", "en": "labelEn"}[language()]
    lists = (f"  {name}(first: {MOST}) {{ totalCount nodes {{ id name {label} }} }}" for name in ("sectors", "areas"))
    return "\n".join(["query Places {", *lists, "}", ""])


def kinds(kind: str | None) -> dict[str, Any]:
    """Return the variable that keeps a search to one kind, if an address names one."""
    return {"kinds": [kind.upper()]} if kind else {}


def variables(asked: Mapping[str, str]) -> dict[str, Any]:
    """Return the variables of a search that an address asks for: q, kind, sector, area and after."""
    values = {
        "text": asked.get("q", ""),
        **kinds(asked.get("kind")),
        "sector": asked.get("sector"),
        "area": asked.get("area"),
        "first": PAGE,
        "after": asked.get("after"),
    }
    return {name: value for name, value in values.items() if value is not None}
