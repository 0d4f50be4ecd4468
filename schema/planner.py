"""Plan an operation: the queries that it needs, and the code that builds its response from their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import FieldNode, GraphQLObjectType

from registry.database.query import (
    LINK_ID,
    ById,
    ByIds,
    Explore,
    Follow,
    LinkCount,
    LinkPage,
    Lookup,
    Parameter,
    Query,
    Select,
)
from registry.model.codelists import Entry, code_list
from registry.model.kinds import End, Model, Property
from schema import response
from schema.arguments import (
    arguments,
    checked_ids,
    count_names,
    link_arguments,
    link_orders,
)
from schema.connections import ROOT_DEPTH, Build, Connection, Rows, link_page
from schema.explore import EXPLORATIONS
from schema.limits import page_size
from schema.response import Builder, ResultRow, Shape, Tree, compiled
from schema.selection import Operation
from schema.types import CODE_LISTS, camel, field_of, link_type

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

    def record_at(self, key: str, nodes: list[FieldNode], kind: str, depth: int) -> tuple[Select, ResultRow]:
        """Return what `record` returns, for a field with the given response name."""
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
            return link_page(self, ends[name.removesuffix("Connection")], kind, fields, depth)
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
        follow = self.linked_records(end, given, first, (edge, far, near))
        if end.single:
            return follow, shaped.first if end.link.summary else shaped.first_or_none
        return follow, shaped.many if end.link.summary else shaped.many_or_none

    def linked_records(
        self,
        end: End,
        given: Mapping[str, Any],
        first: Parameter,
        read: tuple[tuple[str, ...], tuple[Select, ...], tuple[Select, ...]],
    ) -> Follow:
        """Return the query part that reads linked records. `read` names what to read: link properties, far and near records."""
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
                key: self.record_at(key, nodes, kind, depth + 1)
                for key, nodes in chosen.items()
                if nodes[0].name.value == field_of(kind)
            }
            for side, kind in (("far", end.target), ("near", end.kind))
        }
        names = {nodes[0].name.value for nodes in chosen.values()}
        edge = tuple(name for name in (LINK_ID, *end.link.properties) if camel(name) in names)
        behind = [*views["far"].items(), *views["near"].items()]
        places = _places(chosen, edge, [key for key, _ in behind])
        rows = [row for _, (_, row) in behind]
        identified = edge[:1] == (LINK_ID,)
        shaped = response.link(places, len(edge), rows, type_name=link_type(end.link), identified=identified)
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
    reads_details: bool = False  # whether a condition concerns details
    introspection: dict[str, list[FieldNode]] = field(default_factory=dict)

    def add(self, query: Query, key: str) -> int:
        """Add a query for a root field and return the position of the query."""
        self.queries.append(query)
        self.root_fields.append(key)
        return len(self.queries) - 1

    def data(self, rows: list[Rows], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the data of the entire response. Raises Incomplete if a non-null value is missing."""
        return {key: build(rows, variables) for key, build in self.builds.items()}


@dataclass(frozen=True)
class CodeList:
    """A code list, as the field `codeList` returns it."""

    name: str
    entries: Sequence[Entry]


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
        elif name in ("record", "node"):
            planned.builds[key] = _one(planned, records, key, nodes, ANY)
        elif name == "nodes":
            planned.builds[key] = _several(planned, records, key, nodes)
        elif name == "codeList":
            planned.builds[key] = _code_list(planned, records, key, nodes)
        elif name in lists:
            planned.builds[key] = Connection(planned, records, key, nodes, lists[name]).build()
        elif name == "__typename":
            planned.builds[key] = lambda rows, variables: "Query"
        else:
            planned.introspection[key] = nodes
            planned.builds[key] = _introspected(f"@{key}")
    return planned


def _introspected(name: str) -> Build:
    return lambda rows, variables: variables[name]


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


def _several(planned: Planned, records: RecordPlanner, key: str, nodes: list[FieldNode]) -> Build:
    """Add the query for records of any kind by their ids. Return the function that builds them in the order of the ids."""
    given = records.given("Query", nodes[0])["ids"]
    views, shaped = records.any_record(nodes, ROOT_DEPTH)
    place = planned.add(ByIds(replace(given, reading=checked_ids), views), key)

    def build(rows: list[Rows], variables: dict[str, Any]) -> list[Any]:
        found = {one: shaped(row) for one, row in rows[place][0][0]}
        return [found.get(one) for one in given.value(variables)]

    return build


def _code_list(planned: Planned, records: RecordPlanner, key: str, nodes: list[FieldNode]) -> Build:
    """Return the function that builds a code list. It needs no query."""
    query_type = records.operation.schema.query_type
    assert query_type is not None
    name = records.given("Query", nodes[0])["name"].fixed
    found = CodeList(name, tuple(code_list(CODE_LISTS[name]).values()))
    tree = Tree(records, f"@{key}", lambda query: planned.add(query, key))
    build = tree.build(nodes, query_type.fields["codeList"].type)
    return lambda rows, variables: build(rows, {**variables, f"@{key}": found})


def _explored(planned: Planned, records: RecordPlanner, key: str, nodes: list[FieldNode]) -> Build:
    name, query_type = nodes[0].name.value, records.operation.schema.query_type
    given = records.given("Query", nodes[0]).items()
    planned.explored[key] = Explore(name, tuple((one, value) for one, value in given if value is not None))
    assert query_type is not None
    tree = Tree(records, f"@{key}", lambda query: planned.add(query, key))
    return tree.build(nodes, query_type.fields[name].type)
