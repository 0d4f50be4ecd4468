"""Convert GraphQL arguments to the conditions, sort orders, values and cursors of a query."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from functools import cache, partial
from typing import Any

import orjson
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    ListValueNode,
    NamedTypeNode,
    NonNullTypeNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    value_from_ast,
)

from registry.clock import today
from registry.database.query import (
    NO_CONDITION,
    AllOf,
    AnyOf,
    Compare,
    CompareCount,
    Condition,
    EndCondition,
    LinkCondition,
    LinkCount,
    Not,
    Order,
    Parameter,
    ParameterList,
    Runs,
    Within,
    parts_of,
)
from registry.model.codelists import code_list
from registry.model.kinds import End, Kind, Model, Property
from registry.model.records import fold
from registry.model.values import Number
from schema.limits import GraphQLRequestError, page_size
from schema.types import CLOSED_LISTS, camel, code_list_name, field_of

_OPERATORS = {camel(name): name for name in (
    "eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte", "contains", "starts_with", "ends_with", "is_null", "has",
)}  # fmt: skip


def listed(model: Model, kind: str, where: Mapping[str, Any] | None) -> Condition:
    """Return the condition that the records of a list must meet.

    If `where` has no condition on the status, retired records are left out.
    """
    return _and(_not_retired(where), condition(model, kind, where))


def condition(model: Model, kind: str, where: Mapping[str, Any] | None) -> Condition:
    """Return the condition that the argument `where` describes for a kind. The joined conditions are ordered by name."""
    given = {name: value for name, value in sorted((where or {}).items()) if value is not None}
    dated = _dated(given)
    parts = (_part(model, model[kind], name, value) for name, value in given.items() if name not in PERIOD)
    return _all((*parts, *([dated] if dated else [])))


@dataclass(frozen=True)
class LinkArguments:
    """The conditions on a list of links: on the far record, on the link with its records, and on the period of the link."""

    where: Condition
    links: Condition
    runs: Runs | None


def link_arguments(model: Model, end: End, given: Mapping[str, Any]) -> LinkArguments:
    """Return the conditions that the arguments of a list of links describe, or of the number of links.

    For a link with properties, `where` has conditions on the link. The arguments `period` and `asOf` are short for those in `where`.
    """
    where = given.get("where") or {}
    if not end.link.properties:
        return LinkArguments(listed(model, end.target, where), NO_CONDITION, None)
    where = {**where, **{name: given[name] for name in PERIOD if given.get(name) is not None}}
    found = _linked(model, end, "some", where)
    near = () if found.near == NO_CONDITION else (EndCondition("near", found.near),)
    return LinkArguments(_and(found.among, found.far), AllOf((*near, *parts_of(found.edge))), found.runs)


def link_count(model: Model, end: End) -> LinkCount:
    """Return the count of linked records that a count field without arguments returns."""
    counted = link_arguments(model, end, {})
    return LinkCount(end.name, counted.where, counted.runs, counted.links)


def count_names(kind: type[Kind]) -> dict[str, End]:
    """Return the links whose linked records are counted, by the GraphQL name of the count, such as `usersCount`."""
    return {f"{camel(end.name)}Count": end for end in kind.ends.values() if not end.single}


PERIOD = ("period", "asOf")


def _dated(given: Mapping[str, Any]) -> Runs | None:
    """Return the condition on a period that `period` and `asOf` describe, or None. The default period is `current`."""
    if given.get("period") is None and given.get("asOf") is None:
        return None
    period, day = given.get("period") or Parameter(fixed="current"), given.get("asOf") or Parameter()
    return None if period.fixed == "all" else Runs(period.fixed, Parameter(day.path, day.fixed, _or_today))


def _or_today(day: Any) -> Any:
    return day or today()


def orders(model: Model, kind: str, order: list[Mapping[str, Any]] | None) -> tuple[Order, ...]:
    """Return the properties and counts to sort records by, each with its direction, most important first."""
    names = _names(model[kind])
    counts = count_names(model[kind])
    return tuple(
        Order(name, direction.fixed == "desc", count=link_count(model, counts[name]))
        if name in counts
        else Order(names[name], direction.fixed == "desc")
        for one in order or []
        for name, direction in one.items()
    )


def link_orders(model: Model, end: End, order: list[Mapping[str, Any]] | None) -> tuple[Order, ...]:
    """Return what a list of links is sorted by: properties of the link, or properties and counts of its records."""
    if not end.link.properties:
        return orders(model, end.target, order)
    names, found = {camel(name): name for name in end.link.properties}, []
    for name, given in ((name, given) for one in order or [] for name, given in one.items()):
        if name in names:
            found.append(Order(names[name], given.fixed == "desc", "edge"))
        elif name == field_of(end.target):
            found += orders(model, end.target, [given])
        else:
            found += [replace(one, of="near") for one in orders(model, end.kind, [given])]
    return tuple(found)


def _part(model: Model, kind: type[Kind], name: str, given: Any) -> Condition:
    if name in ("and", "or"):
        parts = tuple(condition(model, kind.__name__, one) for one in given)
        return AllOf(parts) if name == "and" else AnyOf(parts)
    if name == "not":
        return Not(condition(model, kind.__name__, given))
    if name == "within":
        return Within(given)
    if end := count_names(kind).get(name):
        return _counted(model, end, name, given)
    own = _names(kind)[name]
    if own in kind.readable:
        return _compared(kind.readable[own], given)
    return _all(
        tuple(_linked(model, kind.ends[own], how, one) for how, one in sorted(given.items()) if one is not None)
    )


def _counted(model: Model, end: End, name: str, given: Mapping[str, Any]) -> Condition:
    count = link_count(model, end)
    compares = (_compare(name, operator, value) for operator, value in sorted(given.items()))
    return _all(tuple(CompareCount(count, one.operator, one.value) for one in compares))


def _linked(model: Model, end: End, quantifier: str, given: Mapping[str, Any]) -> LinkCondition:
    if not end.link.properties:
        plain = condition(model, end.target, given)
        return LinkCondition(end.name, quantifier, _not_retired(given), plain, NO_CONDITION, NO_CONDITION)
    far, near = given.get(field_of(end.target)), given.get(field_of(end.kind))
    not_retired = NO_CONDITION if _any_has(given, lambda one: _has_status(one, end)) else NOT_RETIRED
    conditions = condition(model, end.target, far), condition(model, end.kind, near), AllOf(_of_link(model, end, given))
    return LinkCondition(end.name, quantifier, not_retired, *conditions, _link_runs(end, given))


def _of_link(model: Model, end: End, given: Mapping[str, Any]) -> tuple[Condition, ...]:
    """Return the conditions on the properties of a link, and the conditions that `and`, `or` and `not` join."""
    compared = (
        _compared(declared, given[camel(name)])
        for name, declared in sorted(end.link.properties.items())
        if given.get(camel(name)) is not None
    )
    joined = tuple(
        join(tuple(_inner(model, end, one) for one in _members(given[name])))
        for name, join in _JOINS.items()
        if given.get(name) is not None
    )
    return (*compared, *joined)


_JOINS: Mapping[str, Callable[[tuple[Condition, ...]], Condition]] = {
    "and": AllOf,
    "or": AnyOf,
    "not": lambda parts: Not(*parts),
}


def _inner(model: Model, end: End, given: Mapping[str, Any]) -> Condition:
    """Return a condition on a link, for a member of `and`, `or` or `not`."""
    sides = (("far", end.target), ("near", end.kind))
    of_records = (
        EndCondition(side, condition(model, kind, given[field_of(kind)]))
        for side, kind in sides
        if given.get(field_of(kind)) is not None
    )
    dated = _dated(given)
    return _all((*of_records, *_of_link(model, end, given), *([dated] if dated else [])))


def _link_runs(end: End, given: Mapping[str, Any]) -> Runs | None:
    if not end.link.dated:
        return None
    speaks = given.get("since") or given.get("until") or any(_any_has(one, _has_dates) for one in _below(given))
    period = given.get("period") or Parameter(fixed="all" if speaks else "current")
    return _dated({"period": period, "asOf": given.get("asOf")})


def _compared(declared: Property, given: Mapping[str, Any]) -> Condition:
    found = []
    for name, value in sorted(given.items()):
        compare = _compare(declared.name, name, value)
        reading = _reading(declared, compare.operator)
        found.append(replace(compare, value=replace(compare.value, reading=reading)) if reading else compare)
    return _all(tuple(found))


def _compare(name: str, given: str, value: Parameter | ParameterList | None) -> Compare:
    operator = _OPERATORS[given]
    if value is None and operator in ("eq", "ne"):
        return Compare(name, "is_null", Parameter(fixed=operator == "eq"))
    if value is None:
        raise GraphQLRequestError("BAD_REQUEST", f"{camel(name)}.{given} cannot be null.")
    return Compare(name, operator, value)


def _reading(declared: Property, operator: str) -> Callable[[Any], Any] | None:
    """Return the function that converts the value that a property is compared with, if any is needed."""
    if operator in ("contains", "starts_with", "ends_with"):
        return fold if declared.name == "name" else str.lower
    if operator == "is_null":
        return None
    if declared.codes not in (None, *CLOSED_LISTS):
        return _codes_of(declared.codes, camel(declared.name))
    return _floats if issubclass(declared.value, Number) else None


@cache
def _codes_of(codes: str, field: str) -> Callable[[Any], Any]:
    """Return the function that checks the codes in a filter. It is cached, so that equal conditions stay equal."""
    return partial(_known_codes, codes, field)


def _known_codes(codes: str, field: str, value: Any) -> Any:
    """Return a code, or a list of codes, unchanged. Raises GraphQLRequestError if a code is not in the code list.

    Without this check, a misspelt code would look like a code that no record has.
    """
    known = code_list(codes)
    for code in value if isinstance(value, list) else [value]:
        if code is not None and code not in known:
            nearest = get_close_matches(str(code), known, n=3)
            name = code_list_name(codes)
            hint = f"Did you mean {' or '.join(nearest)}?" if nearest else f"Its codes are {', '.join(known)}."
            raise GraphQLRequestError(
                "BAD_REQUEST",
                f"{field}: {code!r} is not a code of the list {name}. {hint}",
                field=field,
                value=code,
                codeList=name,
                nearest=nearest,
            )
    return value


def checked_ids(ids: list[str]) -> list[str]:
    """Return ids without duplicates. Raises GraphQLRequestError if there are more of them than a page can have records."""
    page_size(len(ids))
    return list(dict.fromkeys(ids))


def _floats(value: Any) -> Any:
    """Convert numbers to floats, so that both database engines compare values of the same type."""
    return [float(one) for one in value] if isinstance(value, list) else float(value)


def _all(parts: tuple[Condition, ...]) -> Condition:
    return parts[0] if len(parts) == 1 else AllOf(parts)


def _and(first: Condition, second: Condition) -> Condition:
    return second if first == NO_CONDITION else AllOf((first, *parts_of(second)))


NOT_RETIRED = Compare("status", "ne", Parameter(fixed="retired"))


def _not_retired(where: Mapping[str, Any] | None) -> Condition:
    """Return the condition that a record is not retired.

    If `where` has a condition on the status, return a condition that always holds.
    """
    return NO_CONDITION if _any_has(where, lambda one: one.get("status") is not None) else NOT_RETIRED


def _has_status(where: Mapping[str, Any], end: End) -> bool:
    return _not_retired(where.get(field_of(end.target))) == NO_CONDITION


def _has_dates(where: Mapping[str, Any]) -> bool:
    return any(where.get(name) is not None for name in ("since", "until", *PERIOD))


def _any_has(where: Mapping[str, Any] | None, meets: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Return whether conditions, or conditions joined in them by `and`, `or` and `not`, meet a test."""
    return bool(where) and (meets(where or {}) or any(_any_has(one, meets) for one in _below(where or {})))


def _below(where: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for name in ("and", "or", "not") for one in _members(where.get(name))]


def _members(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [] if given is None else [given]


def _names(kind: type[Kind]) -> dict[str, str]:
    return {camel(name): name for name in (*kind.readable, *kind.ends)}


Path = tuple[str | int, ...]
PLAIN = {"ID": str, "String": str, "Int": int, "Boolean": bool}
LARGEST = 2**31 - 1  # the largest value of GraphQL's Int


def arguments(node: FieldNode, declared: GraphQLField, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a field: input objects as dicts, lists of them as lists, and all other values as `Parameter`."""
    nodes = {one.name.value: one.value for one in node.arguments}
    read = {}
    for name, argument in declared.args.items():
        value = _from_node(nodes[name], argument.type, variables) if name in nodes else Undefined
        if value is Undefined and argument.default_value is not Undefined:
            value = _from_value(argument.default_value, argument.type, (), fixed=True)
        if value is not Undefined:
            read[name] = value
    return read


def plain_variables(definitions: Iterable[VariableDefinitionNode], given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the variables if every value already has its declared built-in type. If some value needs coercion, return None.

    The function saves time: most requests need no coercion, but the coercion of graphql-core is slow even then.
    """
    values = {}
    for one in definitions:
        name, declared = one.variable.name.value, one.type
        if isinstance(declared, NonNullTypeNode):
            declared = declared.type
        elif name not in given and one.default_value is None:
            continue
        if not _is_plain(given.get(name), declared):
            return None
        values[name] = given[name]
    return values


def shape_of(value: Any) -> Any:
    """Return the aspects of a value that determine the structure of the query: nesting, nulls, flags and enums."""
    if isinstance(value, dict):
        return tuple((name, shape_of(one)) for name, one in sorted(value.items()))
    if isinstance(value, list):
        shapes = [shape_of(one) for one in value]
        return tuple(shapes) if any(one is not ... for one in shapes) else ...
    return value if value is None or isinstance(value, bool | Enum) else ...


def _is_plain(value: Any, declared: Any) -> bool:
    named = isinstance(declared, NamedTypeNode) and type(value) is PLAIN.get(declared.name.value)
    return named and not (type(value) is int and abs(value) > LARGEST)


def _from_node(node: ValueNode, declared: Any, variables: Mapping[str, Any]) -> Any:
    plain = get_nullable_type(declared)
    if isinstance(node, VariableNode):
        name = node.name.value
        return _from_value(variables[name], plain, (name,)) if name in variables else Undefined
    if isinstance(node, NullValueNode):
        return None
    if isinstance(plain, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        fields = (
            (one.name.value, _from_node(one.value, plain.fields[one.name.value].type, variables)) for one in node.fields
        )
        return {name: value for name, value in fields if value is not Undefined}
    if isinstance(plain, GraphQLList):
        members = node.values if isinstance(node, ListValueNode) else (node,)
        return _listed([_from_node(member, plain.of_type, variables) for member in members], plain)
    return _leaf(value_from_ast(node, plain), plain, ())


def _listed(members: list[Any], declared: Any) -> Any:
    if isinstance(get_named_type(declared), GraphQLInputObjectType):
        return members
    parts = tuple(one for one in members if isinstance(one, Parameter))
    if any(part.path for part in parts):
        return ParameterList(parts)
    return Parameter(fixed=[part.fixed for part in parts])


def _from_value(value: Any, declared: Any, path: Path, *, fixed: bool = False) -> Any:
    plain = get_nullable_type(declared)
    if value is None:
        return None
    if isinstance(plain, GraphQLInputObjectType):
        return {name: _from_value(one, plain.fields[name].type, (*path, name)) for name, one in value.items()}
    if isinstance(plain, GraphQLList) and isinstance(get_named_type(plain), GraphQLInputObjectType):
        return [_from_value(one, plain.of_type, (*path, index)) for index, one in enumerate(value)]
    return _leaf(value, plain, () if fixed else path)


def _leaf(value: Any, declared: Any, path: Path) -> Parameter:
    if isinstance(get_named_type(declared), GraphQLEnumType):
        return Parameter(fixed=[_code(one) for one in value] if isinstance(value, list) else _code(value))
    return Parameter(path=path) if path else Parameter(fixed=value)


def _code(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


LARGEST_CURSORS = 2**63  # the largest integer that a database can store


def cursor_fingerprint(kind: str, order: tuple[Order, ...]) -> str:
    """Return a fingerprint of a kind and a sort order. A cursor with another fingerprint is rejected."""
    return hashlib.sha256(repr((kind, order)).encode()).hexdigest()[:8]


def write_cursor(fingerprint: str, keys: list[Any]) -> str:
    """Return the page cursor for a record, given the record's sort keys. The last sort key is the id."""
    return base64.urlsafe_b64encode(orjson.dumps([fingerprint, *keys])).decode().rstrip("=")


def page_info(
    fingerprint: str, keys: Sequence[list[Any]], more: bool, *, backward: bool, from_cursor: bool
) -> dict[str, Any]:
    """Return the fields of `PageInfo`, given the sort keys of every record of the page. `more` is whether records follow."""
    ahead, behind = (from_cursor, more) if backward else (more, from_cursor)
    return {
        "hasNextPage": ahead,
        "hasPreviousPage": behind,
        "startCursor": write_cursor(fingerprint, keys[0]) if keys else None,
        "endCursor": write_cursor(fingerprint, keys[-1]) if keys else None,
        "__typename": "PageInfo",
    }


def read_cursor(fingerprint: str, count: int, cursor: Any) -> list[Any]:
    """Return the sort keys in a page cursor. Raises GraphQLRequestError."""
    try:
        found = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, list) or found[:1] != [fingerprint] or len(found) != count + 1:
        raise GraphQLRequestError(
            "BAD_REQUEST", "The cursor belongs to another list or order. Start again without a cursor."
        )
    if not all(map(_is_key, found[1:])) or not isinstance(found[-1], str):
        raise GraphQLRequestError("BAD_REQUEST", "The cursor is invalid. Start again without a cursor.")
    return found[1:]


def _is_key(key: Any) -> bool:
    return isinstance(key, str | float) or (isinstance(key, int) and abs(key) < LARGEST_CURSORS)


def keys_of(given: Parameter, fingerprint: str, count: int) -> tuple[Parameter, ...]:
    """Return parameters for the sort keys in a page cursor. `given` is the parameter that holds the cursor."""
    return tuple(Parameter(given.path, given.fixed, partial(_key, fingerprint, count, index)) for index in range(count))


def _key(fingerprint: str, count: int, index: int, cursor: Any) -> Any:
    return read_cursor(fingerprint, count, cursor)[index]
