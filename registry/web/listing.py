"""A list of a kind: the operation that asks for it, and what its page shows."""

from collections.abc import Iterator
from typing import Any

from registry.codes import code_list
from registry.model import MODEL
from registry.modelling import Kind
from registry.web.asked import SORTS, Asked
from registry.web.selecting import called, glance, linked, main_links, of_terms
from schema.graph_api import facets_of
from schema.names import camel

NAMED, COUNTED = 3, 50
EVERY_STATUS = [code.upper() for code in code_list("status")]


def operation(asked: Asked, *, named: int = NAMED, facets: bool = True) -> str:
    """Return the operation that asks for a page of a list; its text depends only on what sorts of things are asked."""
    kind, start = asked.kind, "before" if asked.before else "after"
    size, plural = "last" if asked.before else "first", camel(asked.kind.plural)
    apart = [name for name in facets_of(kind) if facets and _counted_apart(asked, name)]
    wheres = "".join(f", ${_where_name(name)}: {kind.__name__}Where" for name in apart)
    cursor = (f", ${start}: String", f", {start}: ${start}") if asked.after or asked.before else ("", "")
    return "\n".join(
        [
            f"query List($where: {kind.__name__}Where, $order: [{kind.__name__}Order!], $size: Int{cursor[0]}{wheres}) {{",
            f"  {plural}(where: $where, order: $order, {size}: $size{cursor[1]}) {{",
            *(["    totalCount"] if facets or not asked.after else []),
            "    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }",
            *(f"    {_count(name)}" for name in facets_of(kind) if facets and name not in apart),
            f"    nodes {{ {' '.join(row(kind, named))} }}",
            "  }",
            *(f"  {camel(name)}Apart: {plural}(where: ${_where_name(name)}) {{ {_count(name)} }}" for name in apart),
            "}",
            "",
        ]
    )


def variables(asked: Asked, *, facets: bool = True) -> dict[str, Any]:
    """Return the variables of the operation."""
    values: dict[str, Any] = {"where": asked.where(), "order": [SORTS[asked.sort]], "size": asked.first}
    values |= {key: cursor for key in ("after", "before") if (cursor := getattr(asked, key))}
    for name in facets_of(asked.kind):
        if facets and _counted_apart(asked, name):
            values[_where_name(name)] = _where_apart(asked, name)
    return values


def _counted_apart(asked: Asked, name: str) -> bool:
    """Tell whether a facet is counted among more records than are listed: those that its own filter leaves out.

    So is the status always, since a list leaves out retired records unless it is asked for a status.
    """
    return name in asked.chosen or name == "status"


def _where_apart(asked: Asked, name: str) -> dict[str, Any]:
    where = asked.where(without=name)
    return {"and": [*where.get("and", []), {"status": {"in": EVERY_STATUS}}]} if name == "status" else where


def _where_name(name: str) -> str:
    return f"{camel(name)}Where"


def _count(name: str) -> str:
    return f"{camel(name)}Count: countBy(field: {name.upper()}, first: {COUNTED}, rollUp: true) {{ value label count withheld }}"


def row(kind: type[Kind], named: int) -> Iterator[str]:
    """Yield what is selected of a record of a list: its face, and `named` records of each main link."""
    yield f"{glance(kind)} access status updated"
    for end in main_links(kind):
        far = linked(end, called(MODEL[end.target]))
        yield f"{camel(end.name)} {far}" if end.single else f"{camel(end.name)}(first: {named}) {far}"
        if not end.single:
            yield f"{camel(end.name)}Count"
    for end in of_terms(kind):
        yield f"{camel(end.name)}Count"
