"""Plan an operation: the queries that it needs, and the code that builds its response from their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import FieldNode, GraphQLObjectType, GraphQLOutputType, get_named_type, is_leaf_type, is_non_null_type

from registry.database.query import (
    ById,
    ByIds,
    Condition,
    Explore,
    FacetQuery,
    Follow,
    LinkCount,
    Lookup,
    Order,
    Page,
    Parameter,
    Query,
    Select,
    Total,
)
from registry.model.codelists import code_list, label_of
from registry.model.kinds import End, Kind, Model, Property, snake
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
    write_cursor,
)
from schema.explore import EXPLORATIONS
from schema.limits import GraphQLRequestError, page_rows, page_size
from schema.response import Builder, Incomplete, ResultRow, Shape, compiled
from schema.selection import Operation
from schema.types import camel, field_of, link_type

Part = Follow | LinkCount | Lookup


@dataclass
class RecordPlanner:
    """Plans how the records of an operation are read. The model defines how each field is read.

    The planned code checks non-null fields, converts enums and writes the records of a page as JSON. If `lenient` is set, the code
    returns Python values instead, and graphql-core does the checks and conversions.
    """

    model: Model
    operation: Operation
    lenient: bool = False

    def record(self, nodes: list[FieldNode], kind: str, depth: int) -> tuple[Select, ResultRow]:
        """Return the query part that reads the selected fields of a record, and the code that builds the record."""
        chosen = self.operation.fields(nodes, kind, depth)
        properties = self._properties(kind, chosen)
        parts = {key: part for key, fields in chosen.items() if (part := self._part(kind, fields, depth))}
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

    def _linked_records(
        self,
        end: End,
        given: Mapping[str, Any],
        first: Parameter,
        read: tuple[tuple[str, ...], tuple[Select, ...], tuple[Select, ...]],
    ) -> Follow:
        found, order = link_arguments(self.model, end, given), link_orders(self.model, end, given.get("order"))
        return Follow(end.name, *read, found.where, order, first, found.runs, found.links)

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
                key: self.record(nodes, kind, depth + 1)
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
        fields: dict[str, Value] = {key: self._edge_field(below) for key, below in chosen.items()}
        return lambda page, more: [{key: field(row) for key, field in fields.items()} for row in page]

    def _edge_field(self, nodes: list[FieldNode]) -> Value:
        match nodes[0].name.value:
            case "node":
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
            ahead, behind = (self._from_cursor, more) if self._backward else (more, self._from_cursor)
            known = {
                "hasNextPage": ahead,
                "hasPreviousPage": behind,
                "startCursor": write_cursor(self._fingerprint, page[0][-1]) if page else None,
                "endCursor": write_cursor(self._fingerprint, page[-1][-1]) if page else None,
                "__typename": "PageInfo",
            }
            return {key: known[name] for key, name in names.items()}

        return info

    def _view(self, nodes: list[FieldNode]) -> tuple[int, ResultRow]:
        self.views.append(self._records.record(nodes, self._kind, DEPTH))
        return len(self.views) - 1, self.views[-1][1]


Tables = list[dict[str, Any]]
ValueTrees = Callable[[Any, Tables], Any]
ATTRIBUTES = {"from": "start", "to": "end", "link": "relation"}


class Tree:
    """Builds the response of an exploration. For each response field with records, a query reads the records by id."""

    def __init__(self, records: RecordPlanner, found: str, add: Callable[[ByIds], int]) -> None:
        self._records, self._found, self._add = records, found, add
        self._places: list[tuple[int, Builder]] = []

    def build(
        self, nodes: list[FieldNode], declared: GraphQLOutputType
    ) -> Callable[[list[Any], Mapping[str, Any]], Any]:
        """Return the function that builds the response value from the operation's rows and the exploration's result."""
        value = self._value(nodes, declared, (), 1)

        def build(rows: list[Any], variables: Mapping[str, Any]) -> Any:
            tables = [{one: shaped(row) for one, row in rows[place][0][0]} for place, shaped in self._places]
            return value(variables[self._found], tables)

        return build

    def _value(
        self, nodes: list[FieldNode], declared: GraphQLOutputType, path: tuple[str, ...], depth: int
    ) -> ValueTrees:
        named = get_named_type(declared)
        if is_leaf_type(named):
            return lambda found, tables: found
        if named.name == "Record" or named.name in self._records.model.kinds:
            return self._records_at(nodes, named.name, path, depth, promised=is_non_null_type(declared))
        assert isinstance(named, GraphQLObjectType)
        one = self._object(nodes, named, path, depth)

        def value(found: Any, tables: Tables) -> Any:
            if found is None:
                return None
            return [one(each, tables) for each in found] if isinstance(found, list | tuple) else one(found, tables)

        return value

    def _object(
        self, nodes: list[FieldNode], named: GraphQLObjectType, path: tuple[str, ...], depth: int
    ) -> ValueTrees:
        chosen = self._records.operation.fields(nodes, named.name, depth)
        fields: dict[str, ValueTrees] = {}
        for key, below in chosen.items():
            name = below[0].name.value
            if name == "__typename":
                fields[key] = lambda found, tables: named.name
                continue
            attribute = ATTRIBUTES.get(name, snake(name))
            value = self._value(below, named.fields[name].type, (*path, attribute), depth + 1)
            fields[key] = partial(_of_attribute, attribute, value)
        return lambda found, tables: {key: field(found, tables) for key, field in fields.items()}

    def _records_at(
        self, nodes: list[FieldNode], kind: str, path: tuple[str, ...], depth: int, *, promised: bool
    ) -> ValueTrees:
        """Return a function that replaces an id, or a list of ids, with records. Lists leave out the ids of missing records."""
        if kind == "Record":
            views, shaped = self._records.any_record(nodes, depth)
        else:
            select, row = self._records.record(nodes, kind, depth)
            views, shaped = (select,), compiled(row.only)
        place = self._add(ByIds(Parameter((self._found,), reading=partial(_ids, path)), views))
        self._places.append((place, shaped))
        table, required = len(self._places) - 1, promised and not self._records.lenient

        def records(found: Any, tables: Tables) -> Any:
            known = tables[table]
            if isinstance(found, list | tuple):
                return [known[one] for one in found if one in known]
            if required and found not in known:
                raise Incomplete
            return known.get(found)

        return records


def _of_attribute(attribute: str, value: ValueTrees, found: Any, tables: Tables) -> Any:
    return value(getattr(found, attribute), tables)


def _ids(path: tuple[str, ...], found: Any) -> list[str]:
    """Return the ids found along a path of attributes, without duplicates."""
    return list(dict.fromkeys(_along(path, found)))


def _along(path: tuple[str, ...], found: Any) -> Iterator[str]:
    if isinstance(found, list | tuple):
        for one in found:
            yield from _along(path, one)
    elif found is not None:
        yield from _along(path[1:], getattr(found, path[0])) if path else (found,)


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
        name = nodes[0].name.value
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
        backward, size, cursor = self._window()
        fingerprint = cursor_fingerprint(self._kind.__name__, self._order)
        start = keys_of(cursor, fingerprint, len(self._order or (None,)) + 1) if cursor else ()
        shaped = PageShape(self._records, self._kind.__name__, fingerprint, size, backward, from_cursor=bool(start))
        for key, nodes in wanted.items():
            shaped.add(key, nodes)
        counting = page_rows if any(nodes[0].name.value == "pageInfo" for nodes in wanted.values()) else page_size
        rows = Parameter(size.path, size.fixed, counting)
        views = tuple(select for select, _ in shaped.views)
        shaped.place = self._planned.add(
            Page(self._kind.__name__, views, self._where, self._order, rows, start, backward), self._key
        )
        return shaped

    def _window(self) -> tuple[bool, Parameter, Parameter | None]:
        """Return whether the page is read backwards, the page size, and the cursor from which the page is read."""
        first, last, after, before = (self._arguments.get(name) for name in ("first", "last", "after", "before"))
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
