"""What one operation may cost, and the ways around each limit: all are refused with a code, and in few words."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from graphql import GraphQLError, get_introspection_query

from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.query import (
    NO_CONDITION,
    ById,
    ByIds,
    Explore,
    Follow,
    LinkCount,
    Lookup,
    MostLinks,
    Page,
    Parameter,
    Select,
    Total,
)
from registry.database.write import upsert, upsert_relationships
from registry.model.definitions import MODEL
from registry.model.records import make_relationship
from registry.web.app import build_app
from schema import limits
from schema.limits import GraphQLRequestError
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record
from tests.support.server import serving

pytestmark = SLOW_ON_NEO4J

WHERE = "query($w: AgencyWhere) { agencies(where: $w) { totalCount } }"
SHORT = 5_000  # bytes of a refusal


@pytest.fixture(scope="module")
def client(ready_store: Store, place: ConnectionSettings) -> Iterator[httpx.Client]:
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    offices = [record("Agency", f"agency:{n:03d}", f"Office {n:03d}", kind="department") for n in range(250)]
    ready_store.write(upsert(MODEL["Agency"], offices, source="test", run="run:test", now=now()))
    # The first office has 59 units, so that lists of units can be long.
    part_of = MODEL["Agency"].ends["part_of"]
    made = (make_relationship(part_of, f"agency:{n:03d}", "agency:000", {})[0] for n in range(1, 60))
    ties = [one for one in made if one]
    ready_store.write(upsert_relationships(part_of.link, ties, source="test", run="run:test"))
    with serving(build_app(place, Settings(_env_file=None, lang="en"))) as client:
        yield client


def ask(client: httpx.Client, text: str, **variables: Any) -> httpx.Response:
    return client.post("/graphql", json={"query": text, "variables": variables})


def selected(fields: str) -> str:
    return f"{{ agencies(first: 1) {{ nodes {{ {fields} }} }} }}"


def tree(height: int) -> str:
    """Fragments that double what is selected with each level."""
    levels = (
        f"fragment F{n} on Agency {{ units(first: 1) {{ ...F{n + 1} }} partOf {{ ...F{n + 1} }} }}"
        for n in range(height)
    )
    return f"{selected('...F0')} {' '.join(levels)} fragment F{height} on Agency {{ id }}"


def chain(length: int) -> str:
    """Fragments of which each spreads the next twice."""
    links = (f"fragment F{n} on Agency {{ ...F{n + 1} ...F{n + 1} }}" for n in range(length))
    return f"{selected('...F0')} {' '.join(links)} fragment F{length} on Agency {{ id }}"


def within(opening: str, closing: str, times: int, inner: str = "{}") -> str:
    return opening * times + inner + closing * times


DOCUMENTS = {
    "a field again and again": (selected("id " * 3_900), "TOO_COSTLY"),
    "the same within other fields": (selected("provides { service { id } } " * 560), "TOO_COSTLY"),
    "the same in inline fragments": (selected("... { id } " * 900), "TOO_COSTLY"),
    "an unknown field again and again": ("{ " + "agencie " * 3_000 + "}", "TOO_COSTLY"),
    "many operations": (" ".join(f"query Q{n} {{ __typename }}" for n in range(100)), "TOO_COSTLY"),
    "many fragments": (chain(100), "TOO_COSTLY"),
    "fragments that double": (tree(12), "TOO_COSTLY"),
    "fragments in a circle": ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "BAD_REQUEST"),
    "inline fragments in one another": (selected(within("... on Agency {", "}", 700, "id")), "BAD_REQUEST"),
    "aliases": ("{ " + " ".join(f"a{n}: __typename" for n in range(101)) + " }", "TOO_COSTLY"),
    "aliases in one fragment": (
        selected(" ".join(f"u{n}: units {{ ...F }}" for n in range(60)))
        + " fragment F on Agency { x: id y: id }",
        "TOO_COSTLY",
    ),
    "the schema by aliases": ("{ a: __schema { types { name } } b: __schema { types { name } } }", "TOO_COSTLY"),
    "aliases within the schema": (
        "{ __schema { ...S } } fragment S on __Schema { a: types { name } b: types { name } }",
        "TOO_COSTLY",
    ),
    "the schema, deeper and deeper": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "BAD_REQUEST",
    ),
    "a type of a type of a type": (f"{{ __type(name: \"Agency\") {{ {within('ofType {', '}', 900, 'name')} }} }}", "BAD_REQUEST"),
    "known directives": ("{ __typename " + "@include(if: true) @skip(if: false) " * 280 + "}", "BAD_REQUEST"),
    "more directives": ("{ __typename " + "@include(if: true) @skip(if: false) " * 1_300 + "}", "BAD_REQUEST"),
    "ten thousand directives": ("{ __typename " + "@include(if: true) @skip(if: false) " * 10_000 + "}", "TOO_COSTLY"),
    "unknown directives": ("{ __typename " + "@a " * 1_900 + "}", "BAD_REQUEST"),
    "many faults": ("{ " + " ".join(f"nme{n}" for n in range(3_900)) + " }", "BAD_REQUEST"),
    "a long name": ("{ " + "x" * 40_000 + " }", "BAD_REQUEST"),
    "a long comment": ("{ __typename } #" + "x" * 60_000, "TOO_COSTLY"),
    "a number of many digits": (f"{{ agencies(first: {'9' * 5_000}) {{ totalCount }} }}", "TOO_COSTLY"),
    "a number that is too large": ("{ agencies(where: {version: {gt: 9223372036854775808}}) { totalCount } }", "BAD_REQUEST"),
    "a long text": (f'{{ agencies(where: {{name: {{eq: "{"x" * 20_000}"}}}}) {{ totalCount }} }}', "TOO_COSTLY"),
    "conditions in one another": (f"{{ agencies(where: {within('{not: ', '}', 100)}) {{ totalCount }} }}", "TOO_DEEP"),
    "a thousand of them": (f"{{ agencies(where: {within('{not: ', '}', 1_000)}) {{ totalCount }} }}", "BAD_REQUEST"),
    "linked records of linked records": (
        f"{{ agencies(where: {within('{units: {some: ', '}}', 40)}) {{ totalCount }} }}",
        "TOO_DEEP",
    ),
    "conditions beside one another": (
        "{ agencies(where: {or: [" + '{name: {contains: "a"}} ' * 300 + "]}) { totalCount } }",
        "TOO_COSTLY",
    ),
    "conditions at many fields": (
        selected(" ".join(f'u{n}: unitsCount(where: {{not: {{name: {{eq: "{n}"}}}}}})' for n in range(99))),
        "TOO_COSTLY",
    ),
    "totals": ("{ " + " ".join(f"a{n}: agencies {{ totalCount }}" for n in range(99)) + " }", "TOO_COSTLY"),
    "more than a store can count": (
        "{ agencies(first: 200) { nodes " + within("{ units(first: 200) ", " }", 10, "{ id }") + " } }",
        "TOO_COSTLY",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_gets_around_a_limit(client: httpx.Client, name: str) -> None:
    text, code = DOCUMENTS[name]
    answer = ask(client, text)
    errors = answer.json()["errors"]
    assert errors[0]["extensions"]["code"] == code, errors[0]["message"]
    assert len(errors) <= 10 and len(answer.content) < SHORT
    assert "data" not in answer.json()


def nested(times: int, wrap: Any) -> Any:
    value: Any = {}
    for _ in range(times):
        value = wrap(value)
    return value


VARIABLES = {
    "many ids": (WHERE, {"w": {"id": {"in": [f"agency:{n}" for n in range(50_000)]}}}, "TOO_COSTLY"),
    "a list that is not needed": ("query($k: [Kind!]) { search(text: \"a\", kinds: $k) { totalCount } }",
                                  {"k": ["AGENCY"] * 50_000}, "TOO_COSTLY"),
    "a long text": ("query($t: String!) { search(text: $t) { totalCount } }", {"t": "kesehatan " * 90_000}, "TOO_COSTLY"),
    "a text of marks": ("query($t: String!) { search(text: $t) { totalCount } }", {"t": "a" + "\u0301" * 150_000}, "TOO_COSTLY"),
    "not not not": (WHERE, {"w": nested(400, lambda inner: {"not": inner})}, "TOO_DEEP"),
    "and and and": (WHERE, {"w": nested(400, lambda inner: {"and": [inner]})}, "TOO_DEEP"),
    "lists in lists": ("query($t: [String!]) { agencies(where: {name: {in: $t}}) { totalCount } }",
                       {"t": nested(400, lambda inner: [inner])}, "TOO_DEEP"),
    "conditions beside one another": (WHERE, {"w": {"or": [{"name": {"contains": "a"}}] * 300}}, "TOO_COSTLY"),
    "links beside one another": (WHERE, {"w": {"or": [{"units": {"some": {}}}] * 300}}, "TOO_COSTLY"),
    "many faults": ("query($t: [ID!]) { agencies(where: {id: {in: $t}}) { totalCount } }",
                    {"t": [{"x" * 1_000: 1}] * 500}, "BAD_REQUEST"),
    "a page of any size": ("query($n: Int) { agencies(first: $n) { nodes { id } } }", {"n": 2**31 - 1}, "TOO_COSTLY"),
    "a number beyond all numbers": ("query($n: Int) { agencies(first: $n) { nodes { id } } }", {"n": 10**30}, "BAD_REQUEST"),
}  # fmt: skip


@pytest.mark.parametrize("name", VARIABLES)
def test_no_variable_gets_around_a_limit(client: httpx.Client, name: str) -> None:
    text, variables, code = VARIABLES[name]
    answer = ask(client, text, **variables)
    errors = answer.json()["errors"]
    assert errors[0]["extensions"]["code"] == code, errors[0]["message"]
    assert len(errors) <= 10 and len(answer.content) < SHORT


@pytest.mark.parametrize("levels", [1_000, 100_000])
def test_a_body_that_is_nested_without_end_is_refused(client: httpx.Client, levels: int) -> None:
    body = f'{{"query": "{WHERE}", "variables": {{"w": ' + within('{"not":', "}", levels) + "}}"
    answer = client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["errors"][0]["extensions"]["code"] in ("BAD_REQUEST", "TOO_DEEP")


def cursor_of(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "keys",
    [[2**63, "x"], [-(2**70), "x"], [1e308, "x"], ["x", "\u0000"], [True, "x"], ["x", 1], [None, "x"], [[1], "x"], [{}, "x"]],
    ids=range(9),
)  # fmt: skip
def test_a_cursor_that_was_changed_is_refused_or_finds_nothing_else(client: httpx.Client, keys: list[Any]) -> None:
    text = "query($c: String) { agencies(first: 1, after: $c) { nodes { id } pageInfo { endCursor } } }"
    good = ask(client, text).json()["data"]["agencies"]["pageInfo"]["endCursor"]
    mark = json.loads(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))[0]
    answer = ask(client, text, c=cursor_of([mark, *keys])).json()
    assert "errors" not in answer or answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("cursor", ["é", "=", "a" * 9_999, base64.urlsafe_b64encode(b"[" * 5_000).decode()])
def test_what_is_no_cursor_is_refused(client: httpx.Client, cursor: str) -> None:
    answer = ask(client, "query($c: String) { agencies(after: $c) { nodes { id } } }", c=cursor).json()
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


ALLOWED = {
    "the whole schema": (get_introspection_query(input_value_deprecation=True), {}),
    "as many aliases as may be": ("{ " + " ".join(f"a{n}: agencies(first: 200) {{ nodes {{ id }} }}" for n in range(100)) + " }", {}),
    "fragments that are spread twice": (chain(48), {}),
    "a fragment again and again": (selected("...F " * 1_300) + " fragment F on Agency { id }", {}),
    "as many ids as may be": (WHERE, {"w": {"id": {"in": [f"agency:{n}" for n in range(3_900)]}}}),
    "as many conditions as may be": (WHERE, {"w": {"or": [{"name": {"contains": "a"}}] * 65}}),
    "as many links as may be": (WHERE, {"w": {"or": [{"units": {"some": {"name": {"contains": "a"}}}}] * 39}}),
    "as deep as may be": (WHERE, {"w": nested(14, lambda inner: {"not": inner})}),
    "links as deep as may be": (WHERE, {"w": nested(7, lambda inner: {"units": {"every": inner}})}),
    "kinds again and again": ('query($k: [Kind!]) { search(text: "office", kinds: $k) { totalCount } }', {"k": ["AGENCY"] * 3_900}),
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_just_within_the_limits_is_answered(client: httpx.Client, name: str) -> None:
    text, variables = ALLOWED[name]
    answer = ask(client, text, **variables).json()
    assert "errors" not in answer, answer["errors"]


def given(value: Any) -> Parameter:
    return Parameter(fixed=value)


def refused(call: Callable[[], object]) -> dict[str, Any]:
    """Return the code and the numbers of a refusal."""
    with pytest.raises(GraphQLRequestError) as error:
        call()
    return dict(error.value.extensions or {})


def test_a_page_has_from_none_to_200_records() -> None:
    assert [limits.page_size(0), limits.page_size(200), limits.page_rows(0), limits.page_rows(200)] == [0, 200, 1, 201]
    assert refused(lambda: limits.page_size(201)) == {"code": "TOO_COSTLY", "cost": 201, "limit": 200}
    assert {refused(lambda one=one: limits.page_size(one))["code"] for one in (None, -1)} == {"BAD_REQUEST"}


def test_variables_are_counted_up_to_their_limits() -> None:
    longest, most = "x" * limits.TEXT, limits.VALUES
    for variables in (
        {},
        {"t": longest},
        {"l": [1] * (most - 1)},
        {"n": nested(limits.NESTED - 1, lambda one: {"a": one})},
    ):
        limits.check_variables(variables)
    assert refused(lambda: limits.check_variables({"t": longest + "x"})) == {"code": "TOO_COSTLY", "limit": limits.TEXT}
    assert refused(lambda: limits.check_variables({"l": [1] * most})) == {"code": "TOO_COSTLY", "limit": most}
    deep = nested(limits.NESTED, lambda one: [one])
    assert refused(lambda: limits.check_variables({"n": deep})) == {"code": "TOO_DEEP", "limit": limits.NESTED}


def test_an_operation_costs_the_values_that_its_answer_could_hold() -> None:
    named = Select("Agency", ("id", "name"))
    assert limits.check_cost([ById(given("a:1"), (named, Select("Agency", ())))], {}) == 3
    assert limits.check_cost([ByIds(given(["a:1", "a:2"]), (named,))], {}) == 6
    owners = Follow("owners", ("since",), (named,), (named,), NO_CONDITION, (), given(10))
    parts = (owners, LinkCount("owners", NO_CONDITION), Lookup("steward", named))
    page = Page(
        "Resource", (Select("Resource", ("id",), parts), named), NO_CONDITION, (), given(11), (), backward=False
    )
    assert limits.check_cost([page], {}) == 11 * (1 + 1 + 10 * (1 + 3 + 3) + 1 + 3 + 3)
    others = [Total("Agency", NO_CONDITION), Explore("impact", ())]
    assert limits.check_cost(others, {}, changes=2) == limits.TOTAL_COST + limits.EXPLORE_COST + 2 * limits.CHANGE_COST


def test_a_list_costs_no_more_than_there_is_to_list() -> None:
    named = Select("Agency", ("id", "name"))
    sectors = Select("Sector", ("id",), (Follow("agencies", (), (named,), (), NO_CONDITION, (), given(50)),))
    page = Page("Sector", (sectors,), NO_CONDITION, (), given(20), (), backward=False)
    sizes = limits.bounds([page, Total("Need", NO_CONDITION)])
    assert sizes == [Total("Sector", NO_CONDITION), MostLinks("Sector", "agencies")]
    assert limits.largest_cost([page], {}) == limits.check_cost([page], {}) == 20 * (2 + 50 * 3)
    assert limits.check_cost([page], {}, known=dict(zip(sizes, (7, 4), strict=True))) == 7 * (2 + 4 * 3)
    assert limits.check_cost([page], {}, known=dict(zip(sizes, (99, 99), strict=True))) == 20 * (2 + 50 * 3)


def test_a_refusal_names_the_longest_list_and_how_long_it_can_be(client: httpx.Client) -> None:
    text = "{ agencies { nodes { name units { name u: unitsConnection { edges { node { name units { id } } } } } } } }"
    assert "errors" not in ask(client, text.replace("units { id }", "id")).json()
    (error,) = ask(client, text).json()["errors"]
    told = error["extensions"]
    assert told["list"] == "agencies.nodes.units.u.edges.node.units" and told["list"] in error["message"]
    longest = text.replace("units { id }", f"units(first: {told['first']}) {{ id }}")
    assert "errors" not in ask(client, longest).json()
    assert "errors" in ask(client, text.replace("units { id }", f"units(first: {told['first'] + 1}) {{ id }}")).json()


def test_lists_without_a_size_are_answered_as_deep_as_there_are_records(client: httpx.Client) -> None:
    deep = within(
        "partOf { name ", "}", 6, "units { name sectors { name services { name requires { name users { role } } } } }"
    )
    answer = ask(client, f"{{ agencies {{ nodes {{ name provides {{ service {{ name }} }} {deep} }} }} }}").json()
    assert "errors" not in answer, answer["errors"]


def test_a_cost_is_refused_above_the_limit_and_said() -> None:
    assert limits.within_limit(limits.COST) == limits.COST
    above = limits.COST + 1
    assert refused(lambda: limits.within_limit(above)) == {"code": "TOO_COSTLY", "cost": above, "limit": limits.COST}
    assert refused(lambda: limits.within_limit(10**40))["cost"] == limits.COUNTED


def test_an_error_keeps_its_code_and_is_cut_to_a_few_words() -> None:
    long = GraphQLRequestError("TOO_DEEP", "x" * (limits.MESSAGE + 1))
    assert limits.error_response(long) == {"message": "x" * limits.MESSAGE + " …", "extensions": {"code": "TOO_DEEP"}}
    whole = GraphQLError("x" * limits.MESSAGE, extensions={"more": 1})
    assert limits.error_response(whole) == {
        "message": "x" * limits.MESSAGE, "extensions": {"more": 1, "code": "BAD_REQUEST"},
    }  # fmt: skip
    ours = limits.error_response(GraphQLError("secret", path=["a"], original_error=KeyError("secret")))
    assert ours["extensions"]["code"] == "INTERNAL" and ours["path"] == ["a"] and "secret" not in str(ours)
    theirs = limits.error_response(GraphQLError("wrong", original_error=GraphQLError("wrong")))
    assert theirs["extensions"]["code"] == "BAD_REQUEST"
    assert GraphQLRequestError("TOO_DEEP", "x", path=["b"], limit=3).at("a").formatted == {
        "message": "x", "path": ["a", "b"], "extensions": {"code": "TOO_DEEP", "limit": 3},
    }  # fmt: skip


def test_only_what_costs_much_is_charged_and_once() -> None:
    charged: list[int] = []

    async def spend(cost: int) -> int:
        charged.append(cost)
        return 0 if len(charged) < 2 else 7

    async def pay() -> None:
        await limits.pay(limits.FREE)
        with limits.spending(spend):
            await limits.pay(limits.FREE - 1)
            await limits.pay(limits.FREE)
            with limits.paid():
                await limits.pay(limits.COST)
            await limits.pay(limits.COST)

    with pytest.raises(limits.CostBudgetExceeded) as error:
        asyncio.run(pay())
    assert charged == [limits.FREE, limits.COST] and error.value.wait == 7
    assert error.value.extensions == {"code": "TOO_COSTLY", "retryAfter": 7}
