"""Build GraphQL responses from database rows with generated Python code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from graphql import FieldNode, GraphQLObjectType, GraphQLOutputType, get_named_type, is_leaf_type, is_non_null_type

from registry.database.query import ByIds, Parameter
from registry.model.kinds import snake
from schema.arguments import page_info, write_cursor

if TYPE_CHECKING:
    from schema.planner import RecordPlanner

Source = str
Shape = Callable[[Source], Source]
Builder = Callable[[Any], Any]
KIND = "__kind"


class Incomplete(Exception):
    """A non-null value is missing. The caller then lets graphql-core build the response, which includes an error with the path."""


@dataclass(frozen=True)
class ResultRow:
    """The generated code for one row: the variables that its values are assigned to, and the expression for the result."""

    names: Source
    details: Source
    value: Source

    def many(self, rows: Source) -> Source:
        """Return the code for a list with the result of every row."""
        return f"[{self.value} for {self.names} in {rows}{self.details}]"

    def many_or_none(self, rows: Source) -> Source:
        """Return the code for a list with the result of every row. If the list of rows is null, the code returns None."""
        return f"(None if {rows} is None else {self.many(rows)})"

    def pieces(self, rows: Source) -> Source:
        """Return the code for a list with the result of every row as a JSON fragment.

        Each result is serialised at once, while its row is still in the CPU cache.
        """
        return f"[piece({self.value}) for {self.names} in {rows}{self.details}]"

    def only(self, row: Source) -> Source:
        """Return the code for the result of a single row."""
        return f"{self.many(f'[{row}]')}[0]"

    def first(self, rows: Source) -> Source:
        """Return the code for the result of the only row. If the query returned no row, the code returns None."""
        return f"({self.many(rows)} or [None])[0]"

    def first_or_none(self, rows: Source) -> Source:
        """Return the code for the result of the only row.

        If there is no row or the list of rows is null, the code returns None.
        """
        return f"(None if {rows} is None else {self.first(rows)})"


def record(
    keys: Mapping[str, int],
    width: int,
    *,
    details: tuple[int, int] = (0, 0),
    promised: int = 0,
    converted: Mapping[int, Shape] | None = None,
    type_name: str,
) -> ResultRow:
    """Return the code that builds a record. `keys` maps each response name to the position of its value.

    A row has `width` values; the position after the last value stands for the type name. `details` is the position and the length
    of the list of details. The code inserts the members of this list into the row; if the list is null, the code inserts nulls.
    `promised` says how many values at the start of the row must not be null.
    """
    at, hidden = details
    names = [f"v{place}" for place in range(width)]
    shaped = [(converted or {}).get(place, same)(name) for place, name in enumerate(names)] + [repr(type_name)]
    value = _dict(keys, shaped)
    if promised:
        value += f" if {' is not None and '.join(names[:promised])} is not None else missing()"
    if not hidden:
        return ResultRow(_listed(names), "", value)
    spread = f" for {_listed(names[at : at + hidden])} in [details or {[None] * hidden}]"
    return ResultRow(_listed([*names[:at], "details", *names[at + hidden :]]), spread, value)


def link(
    keys: Mapping[str, int], edge: int, behind: Sequence[ResultRow], *, type_name: str, identified: bool = False
) -> ResultRow:
    """Return the code that builds a link. `keys` maps each response name to the position of its value.

    A row begins with the `edge` properties of the link. If `identified` is set, the first property is what identifies the link; the
    code converts it to the id of the link. Then follow the linked records in `behind`, and last the type name. If a row
    would have a record as its only value, the row is the record itself.
    """
    if len(behind) > 1:
        converted = {edge + place: row.only for place, row in enumerate(behind)}
        if identified:
            converted[0] = partial(_link_id, type_name)
        return record(keys, edge + len(behind), converted=converted, type_name=type_name)
    names = [f"e{place}" for place in range(edge)]
    shaped = [_link_id(type_name, names[0]), *names[1:]] if identified else names
    value = _dict(keys, [*shaped, *(row.value for row in behind), repr(type_name)])
    listed = _listed([*names, *(row.names for row in behind)])
    return ResultRow(listed if names or not behind else behind[0].names, "".join(row.details for row in behind), value)


def unless_null(shape: Shape) -> Shape:
    """Return the code that returns None for a null value, and otherwise the result of other code."""
    return lambda value: f"(None if {value} is None else {shape(value)})"


def object_code(fields: Mapping[str, Source]) -> Source:
    """Return the code of an object, given the code of each field by response name."""
    return "{" + ", ".join(f"{key!r}: {field}" for key, field in fields.items()) + "}"


def link_page(fields: Mapping[str, Source], fingerprint: str, *, backward: bool, from_cursor: bool) -> Shape:
    """Return the code that builds a page of linked records from `[rows, size, total]`.

    The code of the fields may use the variables `page` (the rows of the page), `info` (the fields of `pageInfo`) and `total`.
    """
    value = object_code(fields)
    paged = f"paged(rows, size, {fingerprint!r}, {backward}, {from_cursor})"
    return lambda found: f"[{value} for rows, size, total in [{found}] for page, info in [{paged}]][0]"


def _paged(rows: list[Any], size: int, fingerprint: str, backward: bool, from_cursor: bool) -> tuple[list[Any], Any]:
    """Return the rows of a page in order, and the fields of its `pageInfo`. A row ends with its sort keys."""
    page = rows[:size][::-1] if backward else rows[:size]
    more = len(rows) > size
    keys = [row[-1] for row in page]
    return page, page_info(fingerprint, keys, more, backward=backward, from_cursor=from_cursor)


def piece(value: Any) -> orjson.Fragment:
    """Return a value, serialised as a JSON fragment."""
    return orjson.Fragment(orjson.dumps(value))


def link_id(type_name: str, identity: Sequence[str | None]) -> str:
    """Return the id of a link.

    The id is a digest, because the key of parallel links can be the id of a record that the user may not see.
    """
    return f"{type_name}:{hashlib.sha256(orjson.dumps(identity)).hexdigest()[:24]}"


def same(value: Source) -> Source:
    """Return the code of a value unchanged, because the value needs no conversion."""
    return value


def upper(code: Source) -> Source:
    """Return the code that converts a stored code to the name of its enum value."""
    return f"({code} and {code}.upper())"


def of_kinds(rows: Mapping[str, ResultRow], *, with_kind: bool) -> Builder:
    """Return the function that builds a record of any kind from `[kind, values]`.

    If `with_kind` is set, the result also contains the kind. graphql-core determines the type from the kind.
    """
    builders = {kind: compiled(row.only) for kind, row in rows.items()}
    if with_kind:
        return lambda row: {KIND: row[0], **builders[row[0]](row[1])}
    return lambda row: builders[row[0]](row[1])


def compiled(shape: Shape) -> Builder:
    """Compile generated code to a function that takes the rows."""
    builder: Builder = eval(f"lambda rows: {shape('rows')}", _FUNCTIONS)  # nosec B307 # generated from names of the schema only
    return builder


def _link_id(type_name: str, identity: Source) -> Source:
    return f"link_id({type_name!r}, {identity})"


def _dict(keys: Mapping[str, int], values: Sequence[Source]) -> Source:
    return object_code({key: values[place] for key, place in keys.items()})


def _listed(names: Sequence[Source]) -> Source:
    return f"[{', '.join(names)}]"


def _missing() -> None:
    raise Incomplete


_FUNCTIONS = {
    "link_id": link_id,
    "missing": _missing,
    "paged": _paged,
    "piece": piece,
    "write_cursor": write_cursor,
}


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
