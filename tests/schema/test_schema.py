"""What is asked over GraphQL that is no plain answer: pages, refusals, limits, who may see what, and fixed texts."""

import asyncio
from typing import Any

import pytest

from registry.clock import now
from registry.database.driver import ConnectionSettings, Cypher, Reader, Store
from registry.database.write import upsert, upsert_relationships
from registry.i18n import use_language
from registry.model.codelists import code_list
from registry.model.definitions import MODEL
from registry.model.records import make_relationship
from registry.permissions import ADMIN, ANONYMOUS, Actor
from schema.execute import QueryContext
from schema.limits import error_response
from schema.schema import build_schema
from schema.types import CODE_LISTS
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record

SCHEMA = build_schema(MODEL)
RUN = {"source": "test", "run": "run:test"}


@pytest.fixture
def agencies(store: Store) -> Store:
    """Eleven open agencies, one restricted and one closed, each providing one service."""
    agencies = [record("Agency", f"agency:{n:02d}", f"Office {n:02d}", kind="department") for n in range(11)]
    agencies.append(record("Agency", "agency:11", "Office 11", kind="court", access="restricted", description="Secret"))
    agencies.append(record("Agency", "agency:12", "Office 12", kind="court", access="closed"))
    services = [record("Service", f"service:{n:02d}", f"Service {n:02d}", kind="public") for n in range(13)]
    provides = MODEL["Agency"].ends["provides"]
    ties = [make_relationship(provides, f"agency:{n:02d}", f"service:{n:02d}", {"role": "lead"})[0] for n in range(13)]
    store.write(
        upsert(MODEL["Agency"], agencies, now=now(), **RUN),
        upsert(MODEL["Service"], services, now=now(), **RUN),
        upsert_relationships(provides.link, [one for one in ties if one], **RUN),
    )
    return store


def ask(place: ConnectionSettings, text: str, actor: Actor = ANONYMOUS, **variables: Any) -> dict[str, Any]:
    return asyncio.run(_ask(place, text, variables, actor))


async def _ask(place: ConnectionSettings, text: str, variables: dict[str, Any], actor: Actor) -> dict[str, Any]:
    async with Reader(place) as reader:
        answered = await SCHEMA.execute(text, QueryContext(reader, actor), variables)
    return {"data": answered.data, "errors": [error_response(error) for error in answered.errors or ()]}


def code(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


@SLOW_ON_NEO4J
@pytest.mark.parametrize("order", ["", "order: [{kind: DESC}, {name: ASC}],"])
def test_pages_walk_through_everything_once_forwards_and_backwards(
    agencies: Store, place: ConnectionSettings, order: str
) -> None:
    every = [f"agency:{n:02d}" for n in ([*range(12)] if not order else [*range(11), 11])]
    for size, cursor, end, more in (
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    ):
        text = (
            f"query($c: String) {{ agencies({order} {size}: 5, {cursor}: $c)"
            f" {{ nodes {{ id }} pageInfo {{ {end} {more} }} }} }}"
        )
        walked: list[str] = []
        at = None
        while True:
            page = ask(place, text, c=at)["data"]["agencies"]
            ids = [one["id"] for one in page["nodes"]]
            walked = walked + ids if size == "first" else ids + walked
            at = page["pageInfo"][end]
            if not page["pageInfo"][more]:
                break
        assert walked == every


@pytest.mark.parametrize("order", ["", "order: [{kind: DESC}, {name: ASC}],"])
def test_a_page_goes_on_behind_a_record_that_is_no_longer_there(
    agencies: Store, place: ConnectionSettings, order: str
) -> None:
    text = (
        f"query($c: String) {{ agencies({order} first: 5, after: $c) {{ nodes {{ id }} pageInfo {{ endCursor }} }} }}"
    )
    at = ask(place, text)["data"]["agencies"]["pageInfo"]["endCursor"]
    agencies.write(Cypher("MATCH (n:Agency {id: 'agency:04'}) DETACH DELETE n"))
    page = ask(place, text, c=at)["data"]["agencies"]
    assert [one["id"] for one in page["nodes"]] == [f"agency:{n:02d}" for n in range(5, 10)]


def test_what_graphql_says_of_a_value_is_in_one_language(agencies: Store, place: ConnectionSettings) -> None:
    with use_language("id"):
        answer = ask(place, "query($d: Date) { ties(asOf: $d) { nodes { agencies } } }", d="soon")
    (message,) = (one["message"] for one in answer["errors"])
    assert "'soon': it is no date; expected: a date such as" in message


def test_a_restricted_record_shows_its_face_and_a_closed_one_nothing(
    agencies: Store, place: ConnectionSettings
) -> None:
    text = '{ r: agency(id: "agency:11") { name description withheld } c: agency(id: "agency:12") { name } }'
    assert ask(place, text)["data"] == {"r": {"name": "Office 11", "description": None, "withheld": True}, "c": None}
    assert ask(place, text, ADMIN)["data"] == {
        "r": {"name": "Office 11", "description": "Secret", "withheld": False},
        "c": {"name": "Office 12"},
    }
    hidden = """{ agencies(where: {description: {contains: "secret"}}) { totalCount }
                  services { nodes { providers { agency { id } } } } }"""
    answer = ask(place, hidden)["data"]
    assert answer["agencies"]["totalCount"] == 0
    assert {"agency": {"id": "agency:12"}} not in [
        one for node in answer["services"]["nodes"] for one in node["providers"]
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ agencies { nodes { name }", "BAD_REQUEST"),
        ("{ agencies { nodes { nme } } }", "BAD_REQUEST"),
        ("{ agencies(first: 1000000000) { nodes { name } } }", "TOO_COSTLY"),
        ("{ agencies(first: -1) { nodes { name } } }", "BAD_REQUEST"),
        ("{ agencies(after: \"x\") { nodes { name } } }", "BAD_REQUEST"),
        ("{ agencies(last: 2, after: \"x\") { nodes { name } } }", "BAD_REQUEST"),
        ("{ agencies(first: 2, last: 2) { nodes { name } } }", "BAD_REQUEST"),
        ("{ nodes(ids: [" + "\"agency:01\"," * 201 + "]) { id } }", "TOO_COSTLY"),
        ("{ agencies(where: {created: {gt: \"soon\"}}) { nodes { name } } }", "BAD_REQUEST"),
        ("{ agencies(where: {name: {contains: null}}) { nodes { name } } }", "BAD_REQUEST"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(200)) + " }", "TOO_COSTLY"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(1500)) + " }", "BAD_REQUEST"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(5000)) + " }", "TOO_COSTLY"),
        ("{ agencies { nodes " + "{ units " * 15 + "{ id }" + " }" * 15 + " } }", "TOO_DEEP"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_says_so_with_a_code(
    store: Store, place: ConnectionSettings, text: str, expected: str
) -> None:
    assert code(ask(place, text)) == expected


def test_an_argument_of_a_page_that_is_null_is_as_one_left_out(agencies: Store, place: ConnectionSettings) -> None:
    text = """query($first: Int, $last: Int, $after: String, $before: String) {
      agencies(first: $first, last: $last, after: $after, before: $before) { nodes { id } } }"""
    nothing = dict.fromkeys(("first", "last", "after", "before"))
    sizes = [{}, {"last": 2}, {"first": 3}]
    assert [len(ask(place, text, **nothing | one)["data"]["agencies"]["nodes"]) for one in sizes] == [12, 2, 3]


def test_records_are_read_again_by_their_ids_as_nodes(agencies: Store, place: ConnectionSettings) -> None:
    text = """query($ids: [ID!]!) { nodes(ids: $ids) { ...Any }
      one: node(id: "agency:11") { ...Any description: __typename ... on Record { withheld } }
      none: node(id: "agency:12") { id } }
      fragment Any on Node { id __typename ... on Agency { name } ... on Service { providers { agency { id } } } }"""
    office = {"id": "agency:01", "__typename": "Agency", "name": "Office 01"}
    service = {"id": "service:01", "__typename": "Service", "providers": [{"agency": {"id": "agency:01"}}]}
    answer = ask(place, text, ids=["service:01", "agency:12", "agency:01", "service:01", "nothing"])
    assert answer["errors"] == []
    assert answer["data"]["nodes"] == [service, None, office, service, None]
    restricted = {
        "id": "agency:11",
        "__typename": "Agency",
        "name": "Office 11",
        "description": "Agency",
        "withheld": True,
    }
    assert (answer["data"]["one"], answer["data"]["none"]) == (restricted, None)


def test_a_link_has_one_id_at_both_ends_and_one_for_each_use(agencies: Store, place: ConnectionSettings) -> None:
    text = """{ agency(id: "agency:01") { provides { id service { providers { id role again: id } } } }
              agencies { nodes { provides { id } } } }"""
    data = ask(place, text)["data"]
    (near,) = data["agency"]["provides"]
    (far,) = near["service"]["providers"]
    assert near["id"] == far["id"] == far["again"] and near["id"].startswith("Provides:")
    ids = [one["id"] for node in data["agencies"]["nodes"] for one in node["provides"]]
    assert len(set(ids)) == 12 and near["id"] in ids
    agencies.write(
        upsert(MODEL["Resource"], [record("Resource", "resource:1", "Data", kind="data")], now=now(), **RUN),
        Cypher(
            "UNWIND ['request:hidden', 'request:other', null] AS key MATCH (a:Agency {id: 'agency:01'}), (r:Resource)"
            " CREATE (a)-[e:USES {role: 'reuse'}]->(r) SET e.key = key"
        ),
    )
    uses = ask(place, '{ agency(id: "agency:01") { uses { id } } resource(id: "resource:1") { users { id } } }')["data"]
    assert len({one["id"] for one in uses["agency"]["uses"]}) == 3
    assert uses["agency"]["uses"] == uses["resource"]["users"]
    assert "request" not in str(uses)


COUNT = "{{ a: agencies(where: {{{}}}) {{ totalCount }} }}"
AGENCY_KIND, PROVIDER_ROLE, RESOURCE_KIND = (
    ("kind", "AGENCY_KIND"),
    ("role", "PROVIDER_ROLE"),
    ("kind", "RESOURCE_KIND"),
)
UNKNOWN_CODES = [
    (COUNT.format('kind: {eq: "departmnt"}'), {}, AGENCY_KIND, ["department"]),
    (COUNT.format('kind: {ne: "x"}'), {}, AGENCY_KIND, []),
    (COUNT.format('kind: {in: ["court", "cuort"]}'), {}, AGENCY_KIND, ["court"]),
    ("query($k: [String!]) " + COUNT.format("kind: {notIn: $k}"), {"k": ["cuort"]}, AGENCY_KIND, ["court"]),
    ("query($k: String!) " + COUNT.format('kind: {in: ["court", $k]}'), {"k": "cuort"}, AGENCY_KIND, ["court"]),
    ("query($n: AgencyWhere) " + COUNT.format("not: $n"), {"n": {"kind": {"eq": "cuort"}}}, AGENCY_KIND, ["court"]),
    (COUNT.format('provides: {none: {role: {eq: "laed"}}}'), {}, PROVIDER_ROLE, ["lead"]),
    ('{ a: agency(id: "agency:01") { ownsCount(where: {kind: {eq: "databse"}}) } }', {}, RESOURCE_KIND, ["data"]),
]


@pytest.mark.parametrize(("text", "variables", "field", "nearest"), UNKNOWN_CODES)
def test_a_filter_by_an_unknown_code_is_refused_and_not_empty(
    agencies: Store, place: ConnectionSettings, text: str, variables: Any, field: tuple[str, str], nearest: list[str]
) -> None:
    answer = ask(place, text, **variables)
    (error,) = answer["errors"]
    found = error["extensions"]
    assert (answer["data"], error["path"], found["code"]) == (None, ["a"], "BAD_REQUEST")
    assert (found["field"], found["codeList"], found["nearest"]) == (*field, nearest)
    assert repr(found["value"]) in error["message"] and field[1] in error["message"]
    assert (f"Did you mean {nearest[0]}" if nearest else "Its codes are") in error["message"]


@pytest.mark.parametrize(
    "condition", ['{eq: "court"}', "{eq: null}", '{contains: "cuo"}', "{isNull: true}", "{in: []}"]
)
def test_a_filter_by_a_known_code_or_a_part_of_one_is_no_mistake(
    agencies: Store, place: ConnectionSettings, condition: str
) -> None:
    assert ask(place, f"{{ agencies(where: {{kind: {condition}}}) {{ totalCount }} }}")["errors"] == []


def test_every_code_list_is_listed_with_its_labels(store: Store, place: ConnectionSettings) -> None:
    for name, codes in CODE_LISTS.items():
        text = "query($n: CodeListName!) { codeList(name: $n) { name entries { code labelId labelEn label } } }"
        with use_language("id"):
            found = ask(place, text, n=name)["data"]["codeList"]
        assert found["name"] == name
        assert found["entries"] == [
            {"code": one.code, "labelId": one.label_id, "labelEn": one.label_en, "label": one.label_id or one.code}
            for one in code_list(codes).values()
        ]
    twice = ask(place, "{ codeList(name: USE_ROLE) { __typename n: name } other: codeList(name: STATUS) { name } }")
    assert twice["data"] == {"codeList": {"__typename": "CodeList", "n": "USE_ROLE"}, "other": {"name": "STATUS"}}


def test_a_record_of_any_kind_is_asked_with_a_list(agencies: Store, place: ConnectionSettings) -> None:
    text = """{ record(id: "service:01") { ... on Service { providers(where: {agency: {id: {in: ["agency:01"]}}}) { role } } } }"""
    assert ask(place, text)["data"] == {"record": {"providers": [{"role": "lead"}]}}


def test_introspection_beside_data_and_a_missing_promised_value(agencies: Store, place: ConnectionSettings) -> None:
    answer = ask(place, '{ agency(id: "agency:01") { status } __schema { queryType { name } } }')
    assert answer["data"] == {"agency": {"status": "PUBLISHED"}, "__schema": {"queryType": {"name": "Query"}}}
    agencies.write(Cypher("MATCH (n:Agency {id: 'agency:01'}) REMOVE n.name"))
    answer = ask(place, '{ agency(id: "agency:01") { id name } }')
    assert answer["data"] == {"agency": None}
    assert answer["errors"][0]["path"] == ["agency", "name"]


def test_a_store_that_is_away_is_unavailable() -> None:
    nowhere = ConnectionSettings("bolt://127.0.0.1:1", "a", "b", "a", "b")

    async def asked() -> Any:
        reader = Reader(nowhere)
        result = await SCHEMA.execute("{ agencies { totalCount } }", QueryContext(reader, ANONYMOUS))
        await reader.close()
        return error_response(result.errors[0])

    assert asyncio.run(asked())["extensions"]["code"] == "UNAVAILABLE"
