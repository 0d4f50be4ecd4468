"""Whatever the schema allows to be asked, and what it does not: the endpoint answers it, and never by our fault."""

import re
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import httpx
import pytest
from graphql import (
    DocumentNode,
    GraphQLSchema,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    parse,
    print_ast,
)
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, mutations, nodes, queries

from loaders.run import run
from loaders.source import find_source
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.permissions import ADMIN
from registry.reports.catalogue import DEFINITIONS
from registry.web.app import build_app
from schema.reports import report_schema
from schema.schema import build_schema
from schema.types import CLOSED_LISTS, camel, code_list_name, link_type
from tests.support.actors import acting, by
from tests.support.server import serving

SEED = 20261125


def without_nodes(text: str) -> str:
    """Return a schema without the interface Node, for which hypothesis-graphql would nest two interfaces in each other for ever.

    The fields of Node are planned like the field `record`, which remains.
    """
    document = parse(text, no_location=True)
    kept = [one for one in document.definitions if getattr(one, "name", None) is None or one.name.value != "Node"]
    for one in kept:
        if isinstance(one, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            one.interfaces = tuple(each for each in one.interfaces if each.name.value != "Node")
            nodes = ("node", "nodes") if one.name.value == "Query" else ()
            one.fields = tuple(each for each in one.fields if each.name.value not in nodes)
    return print_ast(DocumentNode(definitions=tuple(kept)))


SCHEMA = build_schema(MODEL).as_str()
# Sizes that may be asked for, and no orders, of which hypothesis-graphql does not know that they take one property each:
# without both, four in five operations would be refused for the same few reasons.
ASKED = re.sub(
    r"\b(first|last|longest|depth|hops): Int",
    r"\1: Size",
    re.sub(r"order: \[\w+!\] = null,?", "", without_nodes(SCHEMA)),
)
SCALARS = {
    "Size": st.integers(1, 9).map(nodes.Int),
    "Date": st.dates().map(lambda day: nodes.String(day.isoformat())),
    "DateTime": st.datetimes(timezones=st.just(UTC)).map(lambda moment: nodes.String(moment.isoformat())),
}
REFUSALS = {"BAD_REQUEST", "NOT_FOUND", "TOO_COSTLY", "TOO_DEEP"}


@pytest.fixture(scope="module")
def client(embedded_place: ConnectionSettings) -> Iterator[httpx.Client]:
    """The sample behind a server."""
    with Store(embedded_place) as store:
        apply(store, MODEL)
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        run(store, find_source("depok", Settings(_env_file=None)))
    with serving(acting(build_app(embedded_place, Settings(_env_file=None, lang="en")), {"admin": ADMIN})) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("operations", "examples"), [(queries, 40), (mutations, 20)], ids=["queries", "mutations"])
def test_any_operation_is_answered_or_refused(client: httpx.Client, operations: Any, examples: int, mode: Mode) -> None:
    print("seed", SEED)

    @seed(SEED)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(text=operations(f"{ASKED} scalar Size", custom_scalars=SCALARS, mode=mode, allow_null=mode is Mode.NEGATIVE))
    def asked(text: str) -> None:
        answer = client.post("/graphql", json={"query": text}, headers=by("admin"))
        assert answer.status_code == 200, (answer.text, text)
        codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
        assert codes <= REFUSALS, (answer.json()["errors"], text)

    asked()
    assert client.get("/health").status_code == 200


DEFINED_BY_GRAPHQL = {"ID", "String", "Int", "Float", "Boolean"}
PRONOUN = re.compile(r"\b(its?|they|their|them)\b", re.IGNORECASE)
NOUN = re.compile(r"\b(the|an?|all|each|this|records?|agencies|parties|links)\b", re.IGNORECASE)
POINTING = re.compile(r"\b(these (?!groups)|here\b)", re.IGNORECASE)


def is_clear(text: str) -> bool:
    """Return whether a description is a sentence, and says itself what its pronouns refer to."""
    pronoun = PRONOUN.search(text)
    known = pronoun is None or NOUN.search(text, 0, pronoun.start())
    return bool(
        re.fullmatch(r"[A-Z`].*[.?]", text, re.DOTALL) and len(text.split()) > 1 and known and not POINTING.search(text)
    )


SCHEMAS = {"main": build_schema(MODEL).graphql_schema, "reports": report_schema(DEFINITIONS, list)}


def descriptions(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Yield the name and the description of every type, field, argument, input field and enum value of a schema."""
    for name, kind in schema.type_map.items():
        if name.startswith("__") or name in DEFINED_BY_GRAPHQL:
            continue
        yield name, kind.description or ""
        for part, declared in (getattr(kind, "values", {}) | getattr(kind, "fields", {})).items():
            yield f"{name}.{part}", declared.description or ""
            for argument, accepted in getattr(declared, "args", {}).items():
                yield f"{name}.{part}({argument})", accepted.description or ""


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_description_is_a_sentence_that_can_be_read_alone(schema: str) -> None:
    assert {name: text for name, text in descriptions(SCHEMAS[schema]) if not is_clear(text)} == {}


def test_each_end_of_a_link_is_described_by_itself() -> None:
    texts = dict(descriptions(SCHEMAS["main"]))
    for kind in MODEL:
        others = [one for each in MODEL for one in each.ends.values()]
        for end in kind.ends.values():
            (far,) = (one for one in others if one.link is end.link and one.declared is not end.declared)
            field = f"{kind.__name__}.{camel(end.name)}"
            for name in (field, f"{kind.__name__}Where.{camel(end.name)}", *([] if end.single else [f"{field}Count"])):
                assert end.doc in texts[name] and far.doc not in texts[name], name


def test_each_field_of_codes_names_its_code_list() -> None:
    texts = dict(descriptions(SCHEMAS["main"]))
    links = [(link_type(link), link.properties) for link in MODEL.links() if link.properties]
    for owner, properties in (*((kind.__name__, kind.properties) for kind in MODEL), *links):
        for name, declared in properties.items():
            if declared.codes and declared.codes not in CLOSED_LISTS:
                listed = f"`{code_list_name(declared.codes)}`"
                assert listed in texts[f"{owner}.{camel(name)}"] and listed in texts[f"{owner}Where.{camel(name)}"]
