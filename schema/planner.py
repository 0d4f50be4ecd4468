"""Plan an operation: the queries that it needs, and the code that builds its response from their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import FieldNode, GraphQLObjectType

from registry.database.query import (
    NO_ROWS,
    ById,
    Condition,
    Explore,
    FacetQuery,
    Follow,
    LinkCount,
    LinkPage,
    Lookup,
    Order,
    Page,
    Parameter,
    Query,
    Select,
    Total,
)
from registry.model.codelists import code_list, label_of
from registry.model.kinds import End, Kind, Model, Property
from schema import response
from schema.arguments import (
    arguments,
    count_names,
    cursor_fingerprint,
    keys_of,
    link_arguments,
    link_orders,
    listed,
    orders,
    page_info,
    write_cursor,
)
from schema.exploration_tree import Tree
from schema.explore import EXPLORATIONS
from schema.limits import GraphQLRequestError, page_rows, page_size
from schema.response import Builder, ResultRow, Shape, compiled
from schema.selection import Operation
from schema.types import camel, connection_type, edge_type, field_of, link_type

Part = Follow | LinkCount | LinkPage | Lookup


@dataclass
class RecordPlanner:
    """Plans how the records of an operation are read. The model defines how each field is read.

    The planned code checks non-null fields, converts enums and writes the records of a page as JSON. If `lenient` is set, the code
    returns Python values instead, and graphql-core does the checks and conversions.
    """

    model: Model
    operation: Operation
    lenient: bool = False
    path: list[str] = field(default_factory=list)  # the response names of the fields around the one that is planned

    @contextmanager
    def at(self, key: str) -> Iterator[None]:
        """Add a response name to the path of the fields that are planned in the `with` block."""
        self.path.append(key)
        try:
            yield
        finally:
            self.path.pop()

    def record(self, nodes: list[FieldNode], kind: str, depth: int) -> tuple[Select, ResultRow]:
        """Return the query part that reads the selected fields of a record, and the code that builds the record."""
        chosen = self.operation.fields(nodes, kind, depth)
        properties = self._properties(kind, chosen)
        parts = {key: part for key, fields in chosen.items() if (part := self._part_at(key, kind, fields, depth))}
        select = Select(kind, tuple(properties), tuple(part for part, _ in parts.values()))
        return select, self._shape(kind, chosen, properties, parts)

    def any_record(self, nodes: list[FieldNode], depth: int) -> tuple[tuple[Select, ...], Builder]:
        """For a record that may be of any kind, return one query part for each kind, and the function that builds the record."""
        aliases = maximum = self.operation.aliases
        views: dict[str, tuple[Select, ResultRow]] = {}
        for kind in self.model:
            self.operation.aliases = aliases  # aliases count once, not once per kind
            views[kind.__name__] = self.record(nodes, kind.__name__, depth)
            maximum = max(maximum, self.operation.aliases)
        self.operation.aliases = maximum
        shapes = {kind: shaped for kind, (_, shaped) in views.items()}
        return tuple(select for select, _ in views.values()), response.of_kinds(shapes, with_kind=self.lenient)

    def given(self, type_name: str, node: FieldNode) -> dict[str, Any]:
        """Return the arguments of a field, given the name of the type that has the field."""
        owner = self.operation.schema.get_type(type_name)
        assert isinstance(owner, GraphQLObjectType)
        given = arguments(node, owner.fields[node.name.value], self.operation.variables)
        self.operation.count_conditions(given.get("where", {}))
        return given

    def _properties(self, kind: str, chosen: Mapping[str, list[FieldNode]]) -> list[str]:
        """Return the selected properties: non-null ones first, then the summary, then the details, each in declared order."""
        selected = {fields[0].name.value for fields in chosen.values()}
        declared = self.model[kind].readable
        own = [name for name, one in declared.items() if camel(name) in selected and not one.refers_to]
        summary = [name for name in own if declared[name].summary] + ["withheld"] * ("withheld" in selected)
        details = [name for name in own if not declared[name].summary]
        return sorted(summary, key=lambda name: name in declared and not declared[name].non_null) + details

    def _part_at(self, key: str, kind: str, fields: list[FieldNode], depth: int) -> tuple[Part, Shape] | None:
        with self.at(key):
            return self._part(kind, fields, depth)

    def _record_at(self, key: str, nodes: list[FieldNode], kind: str, depth: int) -> tuple[Select, ResultRow]:
        with self.at(key):
            return self.record(nodes, kind, depth)

    def _part(self, kind: str, fields: list[FieldNode], depth: int) -> tuple[Part, Shape] | None:
        """Return the part of the query that reads a field such as a link, and the code that builds the field's value.

        If the field is a plain property, return None.
        """
        name = fields[0].name.value
        ends = {camel(end.name): end for end in self.model[kind].ends.values()}
        references = {camel(one.name): one for one in self.model[kind].properties.values() if one.refers_to}
        if name in ends:
            return self._follow(ends[name], kind, fields, depth)
        if name in references:
            return self._look(references[name], fields, depth)
        if end := count_names(self.model[kind]).get(name):
            return self._count(end, kind, fields)
        if name.removesuffix("Connection") in ends:
            return self._link_page(ends[name.removesuffix("Connection")], kind, fields, depth)
        return None

    def _look(self, reference: Property, fields: list[FieldNode], depth: int) -> tuple[Part, Shape]:
        select, shaped = self.record(fields, str(reference.refers_to), depth + 1)
        return Lookup(reference.name, select), shaped.first

    def _count(self, end: End, kind: str, fields: list[FieldNode]) -> tuple[Part, Shape]:
        counted = link_arguments(self.model, end, self.given(kind, fields[0]))
        return LinkCount(end.name, counted.where, counted.runs, counted.links), response.same

    def _follow(self, end: End, kind: str, fields: list[FieldNode], depth: int) -> tuple[Part, Shape]:
        given = {} if end.single else self.given(kind, fields[0])
        size = given.get("first") or Parameter(fixed=None)
        first = Parameter(fixed=1) if end.single else Parameter(size.path, size.fixed, page_size)
        edge, far, near, shaped = self._linked(end, fields, depth + 1)
        follow = self._linked_records(end, given, first, (edge, far, near))
        if end.single:
            return follow, shaped.first if end.link.summary else shaped.first_or_none
        return follow, shaped.many if end.link.summary else shaped.many_or_none

    def _link_page(self, end: End, kind: str, fields: list[FieldNode], depth: int) -> tuple[Part, Shape]:
        given = self.given(kind, fields[0])
        order = link_orders(self.model, end, given.get("order"))
        fingerprint = cursor_fingerprint(".".join([kind, end.name, *(one.of for one in order)]), order)
        backward, size, cursor = window(given)
        start = keys_of(cursor, fingerprint, len(order or (None,)) + 1 + end.link.keyed) if cursor else ()
        chosen = self.operation.fields(fields, connection_type(end), depth + 1)
        edge, far, shapes = self._page_fields(end, chosen, fingerprint, depth + 2)
        selected = {nodes[0].name.value for nodes in chosen.values()}
        rows = Parameter(size.path, size.fixed, page_rows if "pageInfo" in selected else page_size)
        if not selected & {"nodes", "edges", "pageInfo"}:
            rows = NO_ROWS
        size = Parameter(size.path, size.fixed, page_size)
        follow = self._linked_records(end, given, rows, (edge, far, ()))
        total = LinkCount(end.name, follow.where, follow.runs, follow.links, each=True)
        part = LinkPage(follow, size, start, backward, total if "totalCount" in selected else None)
        shape = response.link_page(shapes, fingerprint, backward=backward, from_cursor=bool(start))
        return part, shape if end.link.summary else response.unless_null(shape)

    def _page_fields(
        self, end: End, chosen: Mapping[str, list[FieldNode]], fingerprint: str, depth: int
    ) -> tuple[tuple[str, ...], tuple[Select, ...], dict[str, response.Source]]:
        """Return the properties of the link to read, the views of the far records, and the code of each selected field."""
        shapes = response.page_fields(
            {key: nodes[0].name.value for key, nodes in chosen.items()}, type_name=connection_type(end)
        )
        edges = {
            key: self.operation.fields(nodes, edge_type(end), depth)
            for key, nodes in chosen.items()
            if nodes[0].name.value == "edges"
        }
        names = {below[0].name.value for fields in edges.values() for below in fields.values()}
        edge = tuple(name for name in end.link.properties if camel(name) in names)
        views: list[tuple[Select, ResultRow]] = []
        nodes_at, node_at = dict[str, int](), dict[tuple[str, str], int]()
        for key, nodes in chosen.items():
            if nodes[0].name.value == "nodes":
                nodes_at[key] = len(views)
                views.append(self._record_at(key, nodes, end.target, depth))
            elif nodes[0].name.value == "pageInfo":
                fields = self.operation.fields(nodes, "PageInfo", depth)
                shapes[key] = response.info_fields({one: below[0].name.value for one, below in fields.items()})
            for one, below in edges.get(key, {}).items():
                if below[0].name.value == "node":
                    node_at[key, one] = len(views)
                    with self.at(key):
                        views.append(self._record_at(one, below, end.target, depth + 1))
        width = len(edge) + len(views)
        for key, place in nodes_at.items():
            shapes[key] = views[place][1].many(f"[row[{len(edge) + place}] for row in page]")
        for key, fields in edges.items():
            known = {
                "cursor": width,
                "__typename": width + 1,
                **{camel(name): place for place, name in enumerate(edge)},
            }
            places = {
                one: len(edge) + node_at[key, one] if (key, one) in node_at else known[below[0].name.value]
                for one, below in fields.items()
            }
            rows = [views[place][1] for place in range(len(views))]
            converted = {
                len(edge) + place: row.only for place, row in enumerate(rows) if len(edge) + place in places.values()
            }
            converted[width] = partial(response.cursor, fingerprint)
            shapes[key] = response.record(places, width + 1, converted=converted, type_name=edge_type(end)).many("page")
        return edge, tuple(select for select, _ in views), shapes

    def _linked_records(
        self,
        end: End,
        given: Mapping[str, Any],
        first: Parameter,
        read: tuple[tuple[str, ...], tuple[Select, ...], tuple[Select, ...]],
    ) -> Follow:
        found, order = link_arguments(self.model, end, given), link_orders(self.model, end, given.get("order"))
        return Follow(end.name, *read, found.where, order, first, found.runs, found.links, tuple(self.path))

    def _linked(
        self, end: End, fields: list[FieldNode], depth: int
    ) -> tuple[tuple[str, ...], tuple[Select, ...], tuple[Select, ...], ResultRow]:
        """Return the part of the query that reads a link, and the code that builds the link's value.

        The query part names the properties of the link, and the views of the far and the near record.
        """
        if not end.link.properties:
            select, shaped = self.record(fields, end.target, depth)
            return (), (select,), (), shaped
        chosen = self.operation.fields(fields, link_type(end.link), depth)
        views = {
            side: {
                key: self._record_at(key, nodes, kind, depth + 1)
                for key, nodes in chosen.items()
                if nodes[0].name.value == field_of(kind)
            }
            for side, kind in (("far", end.target), ("near", end.kind))
        }
        edge = tuple(
            name for name in end.link.properties if any(nodes[0].name.value == camel(name) for nodes in chosen.values())
        )
        behind = [*views["far"].items(), *views["near"].items()]
        places = _places(chosen, edge, [key for key, _ in behind])
        shaped = response.link(places, len(edge), [row for _, (_, row) in behind], type_name=link_type(end.link))
        far, near = (tuple(select for select, _ in views[side].values()) for side in ("far", "near"))
        return edge, far, near, shaped

    def _shape(
        self,
        kind: str,
        chosen: Mapping[str, list[FieldNode]],
        properties: list[str],
        parts: Mapping[str, tuple[Part, Shape]],
    ) -> ResultRow:
        declared = self.model[kind].readable
        details = [name for name in properties if name in declared and not declared[name].summary]
        places = _places(chosen, properties, list(parts))
        closed = [name for name in ("access", "status") if name in properties and not self.lenient]
        return response.record(
            places,
            len(properties) + len(parts),
            details=(len(properties) - len(details), len(details)),
            promised=sum(name not in declared or declared[name].non_null for name in properties) * (not self.lenient),
            converted={
                **{properties.index(name): response.upper for name in closed},
                **{places[key]: shaped for key, (_, shaped) in parts.items()},
            },
            type_name=kind,
        )


def _places(chosen: Mapping[str, list[FieldNode]], names: Sequence[str], parts: Sequence[str]) -> dict[str, int]:
    """Return, for each response name, the position of its value in a row.

    The properties come first, then the linked records and counts, then the type name.
    """
    named = {camel(name): place for place, name in enumerate(names)}
    behind = {key: len(names) + place for place, key in enumerate(parts)}
    constant = len(names) + len(parts)
    return {key: behind.get(key, named.get(nodes[0].name.value, constant)) for key, nodes in chosen.items()}


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


Rows = list[list[Any]]
Build = Callable[[list[Rows], dict[str, Any]], Any]
ROOT_DEPTH = 1
ANY = "Record"  # the type of a record of any kind


@dataclass
class Planned:
    """The plan of an operation: its queries and, for each response name, the function that builds the value from the rows read.

    The explorations in `explored` run first. Each result becomes a variable whose name is `@` followed by the response name. The
    fields in `introspection` are executed by graphql-core, and their results become variables in the same way.
    """

    explored: dict[str, Explore] = field(default_factory=dict)
    queries: list[Query] = field(default_factory=list)
    root_fields: list[str] = field(default_factory=list)
    builds: dict[str, Build] = field(default_factory=dict)
    introspection: dict[str, list[FieldNode]] = field(default_factory=dict)

    def add(self, query: Query, key: str) -> int:
        """Add a query for a root field and return the position of the query."""
        self.queries.append(query)
        self.root_fields.append(key)
        return len(self.queries) - 1

    def data(self, rows: list[Rows], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the data of the entire response. Raises Incomplete if a non-null value is missing."""
        return {key: build(rows, variables) for key, build in self.builds.items()}


def plan_operation(operation: Operation, model: Model, *, lenient: bool = False) -> Planned:
    """Plan every root field of a query operation. Raises GraphQLRequestError.

    `lenient` affects only how values are built. `lenient` does not affect which queries run.
    """
    planned, records = Planned(), RecordPlanner(model, operation, lenient)
    singles = {field_of(kind): kind for kind in model}
    lists = {camel(kind.plural): kind for kind in model}
    for key, nodes in operation.root_fields().items():
        name, records.path = nodes[0].name.value, [key]
        if name in singles:
            planned.builds[key] = _one(planned, records, key, nodes, singles[name].__name__)
        elif name in EXPLORATIONS:
            planned.builds[key] = _explored(planned, records, key, nodes)
        elif name == "record":
            planned.builds[key] = _one(planned, records, key, nodes, ANY)
        elif name in lists:
            planned.builds[key] = Connection(planned, records, key, nodes, lists[name]).build()
        elif name == "__typename":
            planned.builds[key] = lambda rows, variables: "Query"
        else:
            planned.introspection[key] = nodes
            planned.builds[key] = partial(_introspected, f"@{key}")
    return planned


def _introspected(name: str, _rows: list[Rows], variables: dict[str, Any]) -> Any:
    return variables[name]


def _one(planned: Planned, records: RecordPlanner, key: str, nodes: list[FieldNode], kind: str) -> Build:
    return one_record(planned, records, key, nodes, kind, records.given("Query", nodes[0])["id"], ROOT_DEPTH)


def one_record(
    planned: Planned, records: RecordPlanner, key: str, nodes: list[FieldNode], kind: str, given: Parameter, depth: int
) -> Build:
    """Add the query for one record by id. The record has a given kind, or any kind.

    Return the function that builds the record. If the record is missing, the function returns None.
    """
    if kind == ANY:
        views, shaped = records.any_record(nodes, depth)
    else:
        select, row = records.record(nodes, kind, depth)
        views, shaped = (select,), compiled(row.only)
    place = planned.add(ById(given, views), key)
    return lambda rows, variables: shaped(rows[place][0][0]) if rows[place] else None


def _explored(planned: Planned, records: RecordPlanner, key: str, nodes: list[FieldNode]) -> Build:
    name, query_type = nodes[0].name.value, records.operation.schema.query_type
    given = records.given("Query", nodes[0]).items()
    planned.explored[key] = Explore(name, tuple((one, value) for one, value in given if value is not None))
    assert query_type is not None
    tree = Tree(records, f"@{key}", lambda query: planned.add(query, key))
    return tree.build(nodes, query_type.fields[name].type)


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
                case "__typename":
                    fields[key] = lambda rows, variables: self._type
                case _:
                    assert page is not None
                    fields[key] = page.build(key)
        return lambda rows, variables: {key: build(rows, variables) for key, build in fields.items()}

    def _total(self) -> Build:
        place = self._planned.add(Total(self._kind.__name__, self._where), self._key)
        return lambda rows, variables: rows[place][0][0]

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
        backward, size, cursor = window(self._arguments)
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


def window(given: Mapping[str, Any]) -> tuple[bool, Parameter, Parameter | None]:
    """Return whether a page is read backwards, the page size, and the cursor from which the page is read."""
    first, last, after, before = (given.get(name) for name in ("first", "last", "after", "before"))
    if (after and last) or (before and not last):
        raise GraphQLRequestError("BAD_REQUEST", "Use first with after, or last with before.")
    return (True, last, before) if last else (False, first or Parameter(), after)


def _count(
    value: Any, names: Sequence[Any] | None, number: int, codes: str | None, *, withheld: bool
) -> dict[str, Any]:
    entry = code_list(codes).get(str(value)) if codes else None
    words = label_of(*names) if names else entry.label if entry else None
    text = str(value).lower() if isinstance(value, bool) else value
    return {"value": text, "label": words, "count": number, "withheld": withheld, "__typename": "FacetCount"}
