"""Variables that are taken as they are given: the same that graphql-core would make of them, or left to it."""

import base64
import json
from enum import Enum
from typing import Any

import pytest
from graphql import OperationDefinitionNode, VariableDefinitionNode, build_schema, parse
from graphql.execution.values import get_variable_values

from registry.database.query import Order
from schema.arguments import cursor_fingerprint, plain_variables, read_cursor, shape_of, write_cursor
from schema.limits import GraphQLRequestError

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


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("keys", [["a:1"], ["é/?>", "a:1"], [1.5, 2**63 - 1, True, "a:1"]])
def test_a_cursor_holds_the_keys_of_its_record(keys: list[Any]) -> None:
    cursor = write_cursor("mark", keys)
    assert cursor.isascii() and "=" not in cursor
    assert read_cursor("mark", len(keys), cursor) == keys


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        (encoded(["other", 1, "a:1"]), "The cursor belongs to another list or order"),
        (encoded(["mark", "a:1"]), "The cursor belongs to another list or order"),
        (encoded(["mark", 1, 2, "a:1"]), "The cursor belongs to another list or order"),
        (encoded({"mark": 1}), "The cursor belongs to another list or order"),
        ("é", "The cursor belongs to another list or order"),
        ("a+b", "The cursor belongs to another list or order"),
        (encoded(["mark", 1, 2]), "The cursor is invalid"),
        (encoded(["mark", 2**63, "a:1"]), "The cursor is invalid"),
        (encoded(["mark", -(2**63), "a:1"]), "The cursor is invalid"),
        (encoded(["mark", None, "a:1"]), "The cursor is invalid"),
        (encoded(["mark", [1], "a:1"]), "The cursor is invalid"),
    ],
)
def test_a_cursor_of_something_else_is_refused(cursor: Any, reason: str) -> None:
    with pytest.raises(GraphQLRequestError, match=reason):
        read_cursor("mark", 2, cursor)


def test_a_cursor_belongs_to_one_list_in_one_order() -> None:
    orders = [(), (Order("name", descending=False),), (Order("name", descending=True),)]
    marks = {cursor_fingerprint(kind, order) for kind in ("Agency", "Service") for order in orders}
    assert len(marks) == 6 and {len(one) for one in marks} == {8}


def test_the_shape_of_variables_holds_what_decides_the_query() -> None:
    few = Enum("few", "ONE")
    assert shape_of({"b": "x", "a": [1, 2]}) == (("a", ...), ("b", ...)), "other values share a query"
    assert shape_of([None, 1]) == (None, ...) and shape_of([]) is ...
    assert [shape_of(one) for one in (None, True, few.ONE, 5, "x")] == [None, True, few.ONE, ..., ...]
    assert shape_of({"a": {"b": False}}) == (("a", (("b", False),)),)
