"""Build the response of an exploration: its values, and the records that a query reads by id."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, GraphQLObjectType, GraphQLOutputType, get_named_type, is_leaf_type, is_non_null_type

from registry.database.query import ByIds, Parameter
from registry.model.kinds import snake
from schema.response import Builder, Incomplete, compiled

if TYPE_CHECKING:
    from schema.planner import RecordPlanner

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
        """Return a function. It builds the response value from the rows of the operation and the result of the exploration."""
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
