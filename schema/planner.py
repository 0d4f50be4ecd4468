"""From the selection of one record, at any depth, to what is selected and the shape that its row takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLObjectType

from registry.modelling import End, Model, Property
from registry.plan import Count, Follow, Given, Look, Runs, Select
from schema import shape
from schema.conditions import listed, orders, runs
from schema.inputs import arguments
from schema.limits import page_size
from schema.names import camel, field_of, link_type
from schema.selection import Operation
from schema.shape import Form, Made, Row, Shape

Part = Follow | Count | Look


@dataclass
class Records:
    """Plans records of an operation: the model says what each field is.

    Shapes check what the schema promises and name enums, except where the form leaves both to graphql-core.
    """

    model: Model
    operation: Operation
    form: Form

    def record(self, nodes: list[FieldNode], kind: str, depth: int) -> tuple[Select, Row]:
        """Return what these nodes select of a record, and its shape."""
        chosen = self.operation.fields(nodes, kind, depth)
        properties = self._properties(kind, chosen)
        parts = {key: part for key, fields in chosen.items() if (part := self._part(kind, fields, depth))}
        select = Select(kind, tuple(properties), tuple(part for part, _ in parts.values()))
        return select, self._shape(kind, chosen, properties, parts)

    def any_record(self, nodes: list[FieldNode], depth: int) -> tuple[tuple[Select, ...], Made]:
        """Return what these nodes select of a record of each kind, and the shape of whichever it is."""
        aliases = most = self.operation.aliases
        views: dict[str, tuple[Select, Row]] = {}
        for kind in self.model:
            self.operation.aliases = aliases  # an alias counts once, however many kinds there are
            views[kind.__name__] = self.record(nodes, kind.__name__, depth)
            most = max(most, self.operation.aliases)
        self.operation.aliases = most
        shapes = {kind: shaped for kind, (_, shaped) in views.items()}
        return tuple(select for select, _ in views.values()), shape.of_kinds(shapes, marked=not self.form.strict)

    def given(self, type_name: str, node: FieldNode) -> dict[str, Any]:
        """Return the arguments of a field of a type."""
        owner = self.operation.schema.get_type(type_name)
        assert isinstance(owner, GraphQLObjectType)
        asked = arguments(node, owner.fields[node.name.value], self.operation.variables)
        self.operation.count_conditions(asked.get("where", {}))
        return asked

    def _properties(self, kind: str, chosen: Mapping[str, list[FieldNode]]) -> list[str]:
        """Return the properties among the fields: promised ones first, faces before details, else as declared."""
        asked = {fields[0].name.value for fields in chosen.values()}
        declared = self.model[kind].properties
        own = [name for name, one in declared.items() if camel(name) in asked and not one.refers_to]
        faces = [name for name in own if declared[name].face] + ["withheld"] * ("withheld" in asked)
        details = [name for name in own if not declared[name].face]
        return sorted(faces, key=lambda name: name in declared and not declared[name].promised) + details

    def _part(self, kind: str, fields: list[FieldNode], depth: int) -> tuple[Part, Shape] | None:
        """Return how a field that is more than a property is answered; None for a property."""
        name = fields[0].name.value
        ends = {camel(end.name): end for end in self.model[kind].ends.values()}
        references = {camel(one.name): one for one in self.model[kind].properties.values() if one.refers_to}
        if name in ends:
            return self._follow(ends[name], kind, fields, depth)
        if name in references:
            return self._look(references[name], fields, depth)
        if name.removesuffix("Count") in ends:
            return self._count(ends[name.removesuffix("Count")], kind, fields)
        return None

    def _look(self, reference: Property, fields: list[FieldNode], depth: int) -> tuple[Part, Shape]:
        select, shaped = self.record(fields, str(reference.refers_to), depth + 1)
        return Look(reference.name, select), shaped.first

    def _count(self, end: End, kind: str, fields: list[FieldNode]) -> tuple[Part, Shape]:
        asked = self.given(kind, fields[0])
        where = listed(self.model, end.target, asked.get("where"))
        return Count(end.name, where, _runs(end, asked)), shape.same

    def _follow(self, end: End, kind: str, fields: list[FieldNode], depth: int) -> tuple[Part, Shape]:
        asked = {} if end.single else self.given(kind, fields[0])
        size = asked.get("first") or Given(fixed=None)
        first = Given(fixed=1) if end.single else Given(size.path, size.fixed, page_size)
        edge, far, near, shaped = self._linked(end, fields, depth + 1)
        where, order = (
            listed(self.model, end.target, asked.get("where")),
            orders(self.model, end.target, asked.get("order")),
        )
        follow = Follow(end.name, edge, far, near, where, order, first, _runs(end, asked))
        if end.single:
            return follow, shaped.first if end.link.face else shaped.first_or_none
        return follow, shaped.many if end.link.face else shaped.many_or_none

    def _linked(
        self, end: End, fields: list[FieldNode], depth: int
    ) -> tuple[tuple[str, ...], tuple[Select, ...], tuple[Select, ...], Row]:
        """Return what is selected of a link: its properties, views of the far and the near record, and the shape."""
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
        shaped = shape.link(places, len(edge), [row for _, (_, row) in behind], type_name=link_type(end.link))
        far, near = (tuple(select for select, _ in views[side].values()) for side in ("far", "near"))
        return edge, far, near, shaped

    def _shape(
        self,
        kind: str,
        chosen: Mapping[str, list[FieldNode]],
        properties: list[str],
        parts: Mapping[str, tuple[Part, Shape]],
    ) -> Row:
        declared = self.model[kind].properties
        details = [name for name in properties if name in declared and not declared[name].face]
        places = _places(chosen, properties, list(parts))
        closed = [name for name in ("access", "status") if name in properties and self.form.strict]
        return shape.record(
            places,
            len(properties) + len(parts),
            details=(len(properties) - len(details), len(details)),
            promised=sum(name not in declared or declared[name].promised for name in properties) * self.form.strict,
            converted={
                **{properties.index(name): shape.upper for name in closed},
                **{places[key]: shaped for key, (_, shaped) in parts.items()},
            },
            type_name=kind,
        )


def _runs(end: End, asked: Mapping[str, Any]) -> Runs | None:
    return runs(end, asked["period"], asked.get("asOf")) if end.link.dated else None


def _places(chosen: Mapping[str, list[FieldNode]], names: Sequence[str], parts: Sequence[str]) -> dict[str, int]:
    """Return where in a row each response name finds its value: properties first, then parts, then what is constant."""
    named = {camel(name): place for place, name in enumerate(names)}
    behind = {key: len(names) + place for place, key in enumerate(parts)}
    constant = len(names) + len(parts)
    return {key: behind.get(key, named.get(nodes[0].name.value, constant)) for key, nodes in chosen.items()}
