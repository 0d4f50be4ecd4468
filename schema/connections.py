"""Plan connections: pages of the records of a kind, and pages of the records at the far end of a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphql import FieldNode

from registry.database.query import (
    NO_ROWS,
    Condition,
    FacetQuery,
    LinkCount,
    LinkPage,
    Order,
    Page,
    Parameter,
    Select,
    Total,
    detail_kinds,
)
from registry.model.codelists import code_list, label_of
from registry.model.kinds import End, Kind
from schema import response
from schema.arguments import cursor_fingerprint, keys_of, link_orders, listed, orders, page_info, write_cursor
from schema.limits import FIRST, FIRST_LINKED, GraphQLRequestError, page_rows, page_size
from schema.response import ResultRow, Shape, Source, compiled
from schema.types import camel, connection_type, edge_type

if TYPE_CHECKING:
    from schema.planner import Planned, RecordPlanner

Rows = list[list[Any]]
Build = Callable[[list[Rows], dict[str, Any]], Any]
ROOT_DEPTH = 1
ACTOR = "@actor"  # the variable with the actor


Value = Callable[[list[Any]], Any]
DEPTH = 2


class PageShape:
    """Builds the fields of a page from its rows. A row is a list of views, followed by the sort keys."""

    def __init__(
        self, records: RecordPlanner, kind: str, fingerprint: str, size: Parameter, backward: bool, *, from_cursor: bool
    ) -> None:
        self.views: list[tuple[Select, ResultRow]] = []
        self.place = 0
        self._records, self._kind, self._fingerprint, self._size = records, kind, fingerprint, size
        self._backward, self._from_cursor = backward, from_cursor
        self._values: dict[str, Callable[[list[Any], bool], Any]] = {}

    def add(self, key: str, nodes: list[FieldNode]) -> None:
        """Add the page field `nodes`, `edges` or `pageInfo` under a response name."""
        make = {"nodes": self._nodes, "edges": self._edges, "pageInfo": self._info}[nodes[0].name.value]
        with self._records.at(key):
            self._values[key] = make(nodes)

    def build(self, key: str) -> Callable[[list[Any], dict[str, Any]], Any]:
        """Return the function that builds the value for a response name from all rows of the operation."""
        value = self._values[key]

        def build(rows: list[Any], variables: dict[str, Any]) -> Any:
            size = page_size(self._size.value(variables))
            page = [row for (row,) in rows[self.place][:size]]
            return value(page[::-1] if self._backward else page, len(rows[self.place]) > size)

        return build

    def _nodes(self, nodes: list[FieldNode]) -> Callable[[list[Any], bool], Any]:
        place, row = self._view(nodes)
        shaped = compiled(row.many if self._records.lenient else row.pieces)
        return lambda page, more: shaped([row[place] for row in page])

    def _edges(self, nodes: list[FieldNode]) -> Callable[[list[Any], bool], Any]:
        chosen = self._records.operation.fields(nodes, f"{self._kind}Edge", DEPTH)
        fields: dict[str, Value] = {key: self._edge_field(key, below) for key, below in chosen.items()}
        return lambda page, more: [{key: field(row) for key, field in fields.items()} for row in page]

    def _edge_field(self, key: str, nodes: list[FieldNode]) -> Value:
        match nodes[0].name.value:
            case "node":
                with self._records.at(key):
                    place, below = self._view(nodes)
                shaped = compiled(below.only)
                return lambda row: shaped(row[place])
            case "cursor":
                return lambda row: write_cursor(self._fingerprint, row[-1])
        return lambda row: f"{self._kind}Edge"

    def _info(self, nodes: list[FieldNode]) -> Callable[[list[Any], bool], Any]:
        chosen = self._records.operation.fields(nodes, "PageInfo", DEPTH)
        names = {key: below[0].name.value for key, below in chosen.items()}

        def info(page: list[Any], more: bool) -> dict[str, Any]:
            keys = [row[-1] for row in page]
            known = page_info(self._fingerprint, keys, more, backward=self._backward, from_cursor=self._from_cursor)
            return {key: known[name] for key, name in names.items()}

        return info

    def _view(self, nodes: list[FieldNode]) -> tuple[int, ResultRow]:
        self.views.append(self._records.record(nodes, self._kind, DEPTH))
        return len(self.views) - 1, self.views[-1][1]


class Connection:
    """Plans a connection field: the queries for a page of records, their total and their facets, if these fields are selected."""

    def __init__(
        self, planned: Planned, records: RecordPlanner, key: str, nodes: list[FieldNode], kind: type[Kind]
    ) -> None:
        self._planned, self._records, self._key, self._kind = planned, records, key, kind
        self._type = f"{kind.__name__}Connection"
        self._chosen = records.operation.fields(nodes, self._type, ROOT_DEPTH)
        self._arguments = records.given("Query", nodes[0])
        self._where: Condition = listed(records.model, kind.__name__, self._arguments.get("where"))
        self._order: tuple[Order, ...] = orders(records.model, kind.__name__, self._arguments.get("order"))

    def build(self) -> Build:
        """Add the queries for the selected fields, and return the function that builds the value of the connection field."""
        page = self._page()
        fields: dict[str, Build] = {}
        for key, nodes in self._chosen.items():
            match nodes[0].name.value:
                case "totalCount":
                    fields[key] = self._total()
                case "countBy":
                    fields[key] = self._facet(nodes)
                case "withheld":
                    fields[key] = self._withheld()
                case "__typename":
                    fields[key] = lambda rows, variables: self._type
                case _:
                    assert page is not None
                    fields[key] = page.build(key)
        return lambda rows, variables: {key: build(rows, variables) for key, build in fields.items()}

    def _total(self) -> Build:
        place = self._planned.add(Total(self._kind.__name__, self._where), self._key)
        return lambda rows, variables: rows[place][0][0]

    def _withheld(self) -> Build:
        kinds = detail_kinds(self._where, self._kind, self._records.model)
        self._planned.reads_details |= bool(kinds)
        return lambda rows, variables: variables[ACTOR].may_be_partial(kinds)

    def _facet(self, nodes: list[FieldNode]) -> Build:
        given = self._records.given(self._type, nodes[0])
        name, size = given["field"].fixed, given["first"]
        rolled_up = given["rollUp"].value(self._records.operation.variables)
        facet = FacetQuery(
            self._kind.__name__, self._where, name, Parameter(size.path, size.fixed, page_size), rolled_up
        )
        place = self._planned.add(facet, self._key)
        declared = self._kind.properties.get(name)
        codes = declared.codes if declared else None
        chosen = self._records.operation.fields(nodes, "FacetCount", ROOT_DEPTH + 1)
        fields = {key: one[0].name.value for key, one in chosen.items()}

        def build(rows: list[Rows], _variables: dict[str, Any]) -> list[dict[str, Any]]:
            counts = (
                _count(value, names, number, codes, withheld=withheld)
                for value, names, number, withheld in rows[place][0][0]
            )
            return [{key: count[field] for key, field in fields.items()} for count in counts]

        return build

    def _page(self) -> PageShape | None:
        wanted = {
            key: nodes for key, nodes in self._chosen.items() if nodes[0].name.value in ("nodes", "edges", "pageInfo")
        }
        if not wanted:
            return None
        backward, size, cursor = window(self._arguments, FIRST, [self._key])
        fingerprint = cursor_fingerprint(self._kind.__name__, self._order)
        start = keys_of(cursor, fingerprint, len(self._order or (None,)) + 1) if cursor else ()
        shaped = PageShape(self._records, self._kind.__name__, fingerprint, size, backward, from_cursor=bool(start))
        for key, nodes in wanted.items():
            shaped.add(key, nodes)
        counting = page_rows if any(nodes[0].name.value == "pageInfo" for nodes in wanted.values()) else page_size
        rows = Parameter(size.path, size.fixed, counting)
        views = tuple(select for select, _ in shaped.views)
        shaped.place = self._planned.add(
            Page(self._kind.__name__, views, self._where, self._order, rows, start, backward, (self._key,)),
            self._key,
        )
        return shaped


def window(given: Mapping[str, Any], default: int, path: Sequence[str]) -> tuple[bool, Parameter, Parameter | None]:
    """Return whether a page is read backwards, the page size, and the cursor from which the page is read.

    Raises GraphQLRequestError with the given path.
    """
    first, last, after, before = (given.get(name) for name in ("first", "last", "after", "before"))
    if first and last:
        raise GraphQLRequestError("BAD_REQUEST", "Use first or last, not both.", path=list(path))
    if (after and last) or (before and not last):
        raise GraphQLRequestError("BAD_REQUEST", "Use first with after, or last with before.", path=list(path))
    return (True, last, before) if last else (False, first or Parameter(fixed=default), after)


def _count(
    value: Any, names: Sequence[Any] | None, number: int, codes: str | None, *, withheld: bool
) -> dict[str, Any]:
    entry = code_list(codes).get(str(value)) if codes else None
    words = label_of(*names) if names else entry.label if entry else None
    text = str(value).lower() if isinstance(value, bool) else value
    return {"value": text, "label": words, "count": number, "withheld": withheld, "__typename": "FacetCount"}


class LinkPageShape:
    """Makes the code that builds the fields of a page of linked records.

    A row of the page has the properties of the link named by `edge`, the views of the far record, and the list of sort keys.
    """

    def __init__(self, records: RecordPlanner, end: End, fingerprint: str, depth: int, edge: Sequence[str]) -> None:
        self.views: list[tuple[Select, ResultRow]] = []
        self._records, self._end, self._fingerprint, self._depth = records, end, fingerprint, depth
        self._edge = {camel(name): place for place, name in enumerate(edge)}

    def field(self, key: str, nodes: list[FieldNode]) -> Source:
        """Return the code of a field of the page, given its response name."""
        with self._records.at(key):
            match nodes[0].name.value:
                case "nodes":
                    place, row = self._view(nodes, self._depth)
                    return row.many(f"[row[{place}] for row in page]")
                case "edges":
                    chosen = self._records.operation.fields(nodes, edge_type(self._end), self._depth)
                    fields = {one: self._edge_field(one, below) for one, below in chosen.items()}
                    return f"[{response.object_code(fields)} for row in page]"
                case "pageInfo":
                    chosen = self._records.operation.fields(nodes, "PageInfo", self._depth)
                    return response.object_code(
                        {one: f"info[{below[0].name.value!r}]" for one, below in chosen.items()}
                    )
                case "totalCount":
                    return "total"
        return repr(connection_type(self._end))

    def _edge_field(self, key: str, nodes: list[FieldNode]) -> Source:
        match nodes[0].name.value:
            case "node":
                with self._records.at(key):
                    place, row = self._view(nodes, self._depth + 1)
                return row.only(f"row[{place}]")
            case "cursor":
                return f"write_cursor({self._fingerprint!r}, row[-1])"
            case "__typename":
                return repr(edge_type(self._end))
            case name:
                return f"row[{self._edge[name]}]"

    def _view(self, nodes: list[FieldNode], depth: int) -> tuple[int, ResultRow]:
        self.views.append(self._records.record(nodes, self._end.target, depth))
        return len(self._edge) + len(self.views) - 1, self.views[-1][1]


def link_page(
    records: RecordPlanner, end: End, kind: str, fields: list[FieldNode], depth: int
) -> tuple[LinkPage, Shape]:
    """Return the query part that reads a page of linked records, and the code that builds it."""
    given = records.given(kind, fields[0])
    order = link_orders(records.model, end, given.get("order"))
    fingerprint = cursor_fingerprint(".".join([kind, end.name, *(one.of for one in order)]), order)
    backward, size, cursor = window(given, FIRST_LINKED, records.path[:1])
    start = keys_of(cursor, fingerprint, len(order or (None,)) + 1 + end.link.keyed) if cursor else ()
    chosen = records.operation.fields(fields, connection_type(end), depth + 1)
    selected = {nodes[0].name.value for nodes in chosen.values()}
    edge = _selected_properties(records, end, chosen, depth + 2)
    shaped = LinkPageShape(records, end, fingerprint, depth + 2, edge)
    code = {key: shaped.field(key, nodes) for key, nodes in chosen.items()}
    rows = Parameter(size.path, size.fixed, page_rows if "pageInfo" in selected else page_size)
    if not selected & {"nodes", "edges", "pageInfo"}:
        rows = NO_ROWS
    follow = records.linked_records(end, given, rows, (edge, tuple(select for select, _ in shaped.views), ()))
    total = LinkCount(end.name, follow.where, follow.runs, follow.links, each=True)
    size = Parameter(size.path, size.fixed, page_size)
    part = LinkPage(follow, size, start, backward, total if "totalCount" in selected else None)
    shape = response.link_page(code, fingerprint, backward=backward, from_cursor=bool(start))
    return part, shape if end.link.summary else response.unless_null(shape)


def _selected_properties(
    records: RecordPlanner, end: End, chosen: Mapping[str, list[FieldNode]], depth: int
) -> tuple[str, ...]:
    edges = (nodes for nodes in chosen.values() if nodes[0].name.value == "edges")
    fields = (records.operation.fields(nodes, edge_type(end), depth) for nodes in edges)
    names = {below[0].name.value for one in fields for below in one.values()}
    return tuple(name for name in end.link.properties if camel(name) in names)
