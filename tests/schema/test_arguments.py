"""Variables that are taken as they are given: the same that graphql-core would make of them, or left to it."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, VariableDefinitionNode, build_schema, parse
from graphql.execution.values import get_variable_values

from schema.arguments import plain_variables

FIELD = "f(id: ID, size: Float, flag: Boolean, few: Few, in: In, day: Day): Int"
SCHEMA = build_schema(f"input In {{ a: Int }} enum Few {{ ONE }} scalar Day type Query {{ {FIELD} }}")
TYPES = ("ID", "String", "Int", "Boolean", "Float", "Day", "Few", "In", "[Int]", "[ID!]")
DECLARED = [f"{one}{ending}" for one in TYPES for ending in ("", "!", " = null", " = 1", ' = "x"')]
GIVEN: list[dict[str, Any]] = [
    {},
    {"other": 1},
    *(
        {"v": value}
        for value in (None, "", "x", "1", 0, -1, 2**31 - 1, 2**31, -(2**31), 10**30, 1.0, 1.5, True, [1], {})
    ),
]


def defined(declared: str) -> tuple[VariableDefinitionNode, ...]:
    """Return the definitions of a variable `v` that is declared so."""
    (operation,) = parse(f"query($v: {declared}) {{ f }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation.variable_definitions


@pytest.mark.parametrize("declared", DECLARED)
def test_what_is_plain_is_what_graphql_makes_of_it(declared: str) -> None:
    definitions = defined(declared)
    for given in GIVEN:
        plain = plain_variables(definitions, given)
        assert plain is None or plain == get_variable_values(SCHEMA, definitions, given), given


@pytest.mark.parametrize(
    ("declared", "given"),
    [("ID!", "agency:x"), ("String", "x"), ("Int!", 5), ("Boolean", False), ("String", None)],
)
def test_most_variables_are_plain(declared: str, given: Any) -> None:
    values = {} if given is None else {"v": given}
    assert plain_variables(defined(f"{declared}, $w: ID"), values) == values
