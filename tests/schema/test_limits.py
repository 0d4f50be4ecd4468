"""What one operation may cost, and the ways around each limit: all are refused with a code, and in few words."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query

from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.write import upsert
from registry.model.definitions import MODEL
from registry.web.app import build_app
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
