"""Arguments as a plan needs them: values stay where they are found, only what shapes the question is looked at."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

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

from registry.plan import Given, Several

Path = tuple[str | int, ...]
PLAIN = {"ID": str, "String": str, "Int": int, "Boolean": bool}
LARGEST = 2**31 - 1  # of GraphQL's Int


def arguments(node: FieldNode, declared: GraphQLField, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a field is asked with: input objects as dicts, lists of them as lists, all else as `Given`."""
    asked = {one.name.value: one.value for one in node.arguments}
    read = {}
    for name, argument in declared.args.items():
        value = _read(asked[name], argument.type, variables) if name in asked else Undefined
        if value is Undefined and argument.default_value is not Undefined:
            value = _found(argument.default_value, argument.type, (), fixed=True)
        if value is not Undefined:
            read[name] = value
    return read


def plain_variables(definitions: Iterable[VariableDefinitionNode], given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return variables that are what they are declared, each of a built-in type; None where something is to be coerced.

    Most are, and graphql-core takes longer to find out the same.
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
    """Return what of a variable's value can shape a question: structure, nulls, flags and enums, no other value."""
    if isinstance(value, dict):
        return tuple((name, shape_of(one)) for name, one in sorted(value.items()))
    if isinstance(value, list):
        shapes = [shape_of(one) for one in value]
        return tuple(shapes) if any(one is not ... for one in shapes) else ...
    return value if value is None or isinstance(value, bool | Enum) else ...


def _is_plain(value: Any, declared: Any) -> bool:
    named = isinstance(declared, NamedTypeNode) and type(value) is PLAIN.get(declared.name.value)
    return named and not (type(value) is int and abs(value) > LARGEST)


def _read(node: ValueNode, declared: Any, variables: Mapping[str, Any]) -> Any:
    plain = get_nullable_type(declared)
    if isinstance(node, VariableNode):
        name = node.name.value
        return _found(variables[name], plain, (name,)) if name in variables else Undefined
    if isinstance(node, NullValueNode):
        return None
    if isinstance(plain, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        fields = (
            (one.name.value, _read(one.value, plain.fields[one.name.value].type, variables)) for one in node.fields
        )
        return {name: value for name, value in fields if value is not Undefined}
    if isinstance(plain, GraphQLList):
        members = node.values if isinstance(node, ListValueNode) else (node,)
        return _listed([_read(member, plain.of_type, variables) for member in members], plain)
    return _leaf(value_from_ast(node, plain), plain, ())


def _listed(members: list[Any], declared: Any) -> Any:
    if isinstance(get_named_type(declared), GraphQLInputObjectType):
        return members
    parts = tuple(one for one in members if isinstance(one, Given))
    if any(part.path for part in parts):
        return Several(parts)
    return Given(fixed=[part.fixed for part in parts])


def _found(value: Any, declared: Any, path: Path, *, fixed: bool = False) -> Any:
    plain = get_nullable_type(declared)
    if value is None:
        return None
    if isinstance(plain, GraphQLInputObjectType):
        return {name: _found(one, plain.fields[name].type, (*path, name)) for name, one in value.items()}
    if isinstance(plain, GraphQLList) and isinstance(get_named_type(plain), GraphQLInputObjectType):
        return [_found(one, plain.of_type, (*path, place)) for place, one in enumerate(value)]
    return _leaf(value, plain, () if fixed else path)


def _leaf(value: Any, declared: Any, path: Path) -> Given:
    if isinstance(get_named_type(declared), GraphQLEnumType):
        return Given(fixed=[_code(one) for one in value] if isinstance(value, list) else _code(value))
    return Given(path=path) if path else Given(fixed=value)


def _code(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
