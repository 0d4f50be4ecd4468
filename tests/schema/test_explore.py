"""The questions that are more than a list, as GraphQL asks them: what is selected, what is refused, who sees what."""

import asyncio
from typing import Any

import pytest

from registry.database.driver import ConnectionSettings, Cypher, Reader, Store
from registry.database.write import upsert, upsert_relationships
from registry.model.definitions import MODEL
from registry.model.records import make_relationship
from registry.permissions import ADMIN, ANONYMOUS, Actor
from registry.web import search
from schema.execute import QueryContext
from schema.limits import error_response
from schema.schema import build_schema
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record

pytestmark = SLOW_ON_NEO4J

SCHEMA = build_schema(MODEL)
RECORDS = [
    record("Agency", "dinkes", "Dinas Kesehatan", kind="department", acronym="DKK"),
    record("Agency", "disdukcapil", "Dinas Kependudukan", kind="department"),
    record("Resource", "data-penduduk", "Basis data penduduk", kind="data", shareability="on-request"),
    record("Resource", "data-rahasia", "Data rahasia", kind="data", access="closed", steward="dinkes"),
    record("Service", "imunisasi", "Imunisasi", kind="public"),
    record("Partnership", "perjanjian", "Perjanjian data", instrument="mou", legal_basis="Perwal 1/2020"),
]
TIES = [
    ("Resource", "owners", "data-penduduk", "disdukcapil", {}),
    ("Resource", "owners", "data-rahasia", "dinkes", {}),
    ("Resource", "users", "data-penduduk", "dinkes", {"role": "reuse"}),
    ("Service", "requires", "imunisasi", "data-penduduk", {}),
    ("Service", "providers", "imunisasi", "dinkes", {"role": "lead"}),
    ("Partnership", "parties", "perjanjian", "dinkes", {"role": "lead"}),
    ("Partnership", "parties", "perjanjian", "disdukcapil", {"role": "partner"}),
    ("Partnership", "covers_resources", "perjanjian", "data-penduduk", {}),
]


@pytest.fixture
def ask(store: Store, place: ConnectionSettings) -> Any:
    """Ask a small world; an answer is its data and the codes of its errors; of `ask.whole`, the data and the errors."""
    run = {"source": "test", "run": "run:one"}
    for one in RECORDS:
        store.write(upsert(one.kind, [one], now="2026-11-25T00:00:00.000Z", **run))
    for kind, end, here, there, values in TIES:
        made, problems = make_relationship(MODEL[kind].ends[end], here, there, values)
        assert made, problems
        store.write(upsert_relationships(made.end.link, [made], **run))

    def ask(operation: str, actor: Actor = ADMIN, **variables: Any) -> tuple[Any, list[dict[str, Any]]]:
        async def asked() -> Any:
            async with Reader(place) as reader:
                return await SCHEMA.execute(operation, QueryContext(reader, actor), variables)

        result = asyncio.run(asked())
        return result.data, [error_response(error) for error in result.errors or ()]

    def codes(operation: str, actor: Actor = ADMIN, **variables: Any) -> tuple[Any, list[str]]:
        data, errors = ask(operation, actor, **variables)
        return data, [error["extensions"]["code"] for error in errors]

    codes.whole = ask  # type: ignore[attr-defined]
    return codes


def test_a_record_of_any_kind_is_read_with_what_only_its_kind_has(ask: Any) -> None:
    operation = """query($id: ID!) { record(id: $id) { __typename name ... on Agency { acronym owns { name } } ...summary } }
      fragment summary on Record { access }"""
    assert ask(operation, id="dinkes") == (
        {
            "record": {
                "__typename": "Agency",
                "name": "Dinas Kesehatan",
                "acronym": "DKK",
                "owns": [{"name": "Data rahasia"}],
                "access": "OPEN",
            }
        },
        [],
    )
    assert ask(operation, id="imunisasi")[0] == {
        "record": {"__typename": "Service", "name": "Imunisasi", "access": "OPEN"}
    }


def test_a_closed_record_is_as_one_that_does_not_exist(ask: Any) -> None:
    operation = """query($id: ID!) {
      record(id: $id) { id } neighbourhood(of: $id) { leftOut } impact(of: $id) { record { id } }
      paths(from: $id, to: "dinkes") { withheld } search(text: "rahasia") { totalCount }
    }"""
    nothing = {"record": None, "neighbourhood": None, "impact": None, "paths": None, "search": {"totalCount": 0}}
    unknown = (nothing, ["NOT_FOUND"] * 3)
    assert ask(operation, ANONYMOUS, id="data-rahasia") == ask(operation, ANONYMOUS, id="nobody-knows") == unknown
    assert ask(operation, ADMIN, id="data-rahasia")[0]["record"] == {"id": "data-rahasia"}


def test_what_agencies_share_names_the_agreement_that_covers_it(ask: Any) -> None:
    data, errors = ask("""{ sharedBetween(agencies: ["dinkes", "disdukcapil", "dinkes"], asOf: "2026-11-25") {
      asOf agencies { name }
      resources { resource { name } owners { name } uses { agency { acronym } covered } agreements { legalBasis } }
      uncovered { resource { id } } partnerships { inForce disagreement parties { role agency { id } } }
    } }""")
    assert not errors
    assert data["sharedBetween"] == {
        "asOf": "2026-11-25",
        "agencies": [{"name": "Dinas Kesehatan"}, {"name": "Dinas Kependudukan"}],
        "resources": [
            {
                "resource": {"name": "Basis data penduduk"},
                "owners": [{"name": "Dinas Kependudukan"}],
                "uses": [{"agency": {"acronym": "DKK"}, "covered": True}],
                "agreements": [{"legalBasis": "Perwal 1/2020"}],
            }
        ],
        "uncovered": [],
        "partnerships": [
            {
                "inForce": True,
                "disagreement": None,
                "parties": [
                    {"role": "lead", "agency": {"id": "dinkes"}},
                    {"role": "partner", "agency": {"id": "disdukcapil"}},
                ],
            }
        ],
    }


def test_agreements_of_third_parties_stand_apart(ask: Any, store: Store) -> None:
    run = {"source": "test", "run": "run:one"}
    records = [
        record("Agency", "bpjs", "BPJS", kind="department"),
        record("Agency", "rsud", "RSUD", kind="department"),
        record("Partnership", "pihak-ketiga", "Data untuk BPJS", instrument="mou"),
        record("Partnership", "lain", "Data antara yang lain", instrument="mou"),
    ]
    for one in records:
        store.write(upsert(one.kind, [one], now="2026-11-25T00:00:00.000Z", **run))
    for agreement, parties in {"pihak-ketiga": ("disdukcapil", "bpjs"), "lain": ("bpjs", "rsud")}.items():
        ends = [("covers_resources", "data-penduduk", {}), *(("parties", one, {"role": "partner"}) for one in parties)]
        for end, there, values in ends:
            made, problems = make_relationship(MODEL["Partnership"].ends[end], agreement, there, values)
            assert made, problems
            store.write(upsert_relationships(made.end.link, [made], **run))
    data, errors = ask("""{ sharedBetween(agencies: ["dinkes", "disdukcapil"]) { resources {
      agreements { id } otherAgreements { partnership { id } parties { id } } uses { covered } } } }""")
    assert not errors
    assert data["sharedBetween"]["resources"] == [
        {
            "agreements": [{"id": "perjanjian"}],
            "otherAgreements": [  # not the one between two agencies that are not compared
                {"partnership": {"id": "pihak-ketiga"}, "parties": [{"id": "bpjs"}, {"id": "disdukcapil"}]},
            ],
            "uses": [{"covered": True}],
        }
    ]


@pytest.mark.parametrize(
    ("asked", "argument"),
    [
        ('a: neighbourhood(of: "{}") {{ leftOut }}', "of"),
        ('a: impact(of: "{}") {{ withheld }}', "of"),
        ('a: paths(from: "{}", to: "dinkes") {{ withheld }}', "from"),
        ('a: paths(from: "dinkes", to: "{}") {{ withheld }}', "to"),
        ('a: sharedBetween(agencies: ["dinkes", "{}"]) {{ withheld }}', "agencies"),
        ('a: search(text: "a", sector: "{}") {{ totalCount }}', "sector"),
        ('a: search(text: "a", area: "{}") {{ totalCount }}', "area"),
    ],
)
def test_an_id_of_no_visible_record_is_named_and_a_hidden_one_alike(ask: Any, asked: str, argument: str) -> None:
    operation = '{{ b: neighbourhood(of: "dinkes") {{ withheld }} ' + asked + " }}"
    hidden, unknown = (ask.whole(operation.format(one), ANONYMOUS) for one in ("data-rahasia", "nobody-knows"))
    assert str(hidden).replace("data-rahasia", "nobody-knows") == str(unknown)
    (error,) = unknown[1]
    assert error["extensions"] == {"code": "NOT_FOUND", "argument": argument, "id": "nobody-knows"}
    assert error["path"] == ["a"] and "nobody-knows" in error["message"]
    assert unknown[0] == (None if "search" in asked else {"a": None, "b": {"withheld": False}})


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ('impact(of: "perjanjian") { withheld }', "BAD_REQUEST"),
        ('sharedBetween(agencies: ["dinkes", "imunisasi"]) { withheld }', "BAD_REQUEST"),
        ('search(text: "a", sector: "dinkes") { totalCount }', "BAD_REQUEST"),
        ('neighbourhood(of: "lama") { leftOut }', "NOT_FOUND"),
    ],
)
def test_a_record_of_a_wrong_kind_and_a_retired_one_are_named(ask: Any, store: Store, asked: str, code: str) -> None:
    retired = record("Agency", "lama", "Dinas Lama", kind="department", status="retired")
    store.write(upsert(retired.kind, [retired], source="test", run="run:two", now="2026-11-26T00:00:00.000Z"))
    _data, (error,) = ask.whole(f"{{ {asked} }}")
    assert error["extensions"]["code"] == code
    assert f'"{error["extensions"]["id"]}"' in asked and error["extensions"]["argument"] in asked


def test_coverage_of_a_use_is_unknown_where_an_agreement_is_hidden(ask: Any, store: Store) -> None:
    hidden = record("Partnership", "perjanjian", "Perjanjian data", access="restricted")
    store.write(upsert(hidden.kind, [hidden], source="test", run="run:two", now="2026-11-26T00:00:00.000Z"))
    operation = """{ sharedBetween(agencies: ["dinkes", "disdukcapil"]) {
      resources { uses { covered } } uncovered { resource { id } } partnerships { inForce } } }"""
    unknown = {"resources": [{"uses": [{"covered": None}]}], "uncovered": [], "partnerships": [{"inForce": None}]}
    assert ask(operation, ANONYMOUS) == ({"sharedBetween": unknown}, [])
    assert ask(operation, ADMIN)[0]["sharedBetween"]["resources"] == [{"uses": [{"covered": True}]}]


def test_there_is_no_path_where_nothing_leads(ask: Any) -> None:
    operation = 'query($t: ID!) { paths(from: "imunisasi", to: $t, through: [COVERS, REQUIRES, USES]) { nodes { length } withheld } }'
    none = {"paths": {"nodes": [], "withheld": False}}
    assert ask(operation, t="disdukcapil") == ask(operation, t="imunisasi") == (none, [])


def test_paths_and_impact_read_as_sentences(ask: Any) -> None:
    data, errors = ask("""{ paths(from: "dinkes", to: "disdukcapil", through: [USES, OWNS]) { nodes { length text } }
      impact(of: "disdukcapil") { services { lost text record { ... on Service { kind } } } } }""")
    assert not errors
    assert data["paths"]["nodes"] == [
        {"length": 2, "text": "Dinas Kesehatan uses Basis data penduduk, owned by Dinas Kependudukan"}
    ]
    assert data["impact"]["services"] == [
        {
            "lost": True,
            "text": "Dinas Kependudukan owns Basis data penduduk, required by Imunisasi",
            "record": {"kind": "public"},
        }
    ]


def test_an_impact_names_the_agencies_whose_own_services_stop(ask: Any) -> None:
    operation = """query($of: ID!, $depth: Int = 6) { impact(of: $of, depth: $depth) { agencies { lost text record { id } }
      providers { agency { id } stopped { id } degraded { id } } users { text record { id } } complete } }"""
    provider = {"lost": False, "text": "Imunisasi provided by Dinas Kesehatan", "record": {"id": "dinkes"}}
    provides = {"agency": {"id": "dinkes"}, "stopped": [{"id": "imunisasi"}], "degraded": []}
    uses = {"text": "Basis data penduduk used by Dinas Kesehatan", "record": {"id": "dinkes"}}
    assert ask(operation, of="imunisasi") == (
        {"impact": {"agencies": [provider], "providers": [provides], "users": [], "complete": True}},
        [],
    )
    found = ask(operation, of="data-penduduk")[0]["impact"]  # its only user provides what requires it
    assert [one["record"]["id"] for one in found["agencies"]] == ["dinkes"]
    assert (found["providers"], found["users"], found["complete"]) == ([provides], [uses], True)
    cut = ask(operation, of="disdukcapil", depth=1)[0]["impact"]
    assert (cut["providers"], cut["users"], cut["complete"]) == (
        [],
        [uses | {"text": "Dinas Kependudukan owns " + uses["text"][:19] + ", used by Dinas Kesehatan"}],
        False,
    )


def test_a_disputed_agreement_is_not_in_force_and_covers_no_use(ask: Any, store: Store) -> None:
    store.write(Cypher("MATCH (:Agency {id: 'disdukcapil'})-[e:PARTY_TO]->(:Partnership) SET e.standing = 'disputed'"))
    data, errors = ask("""{ sharedBetween(agencies: ["dinkes", "disdukcapil"]) {
      resources { uses { covered agreements { id } } agreements { id } disputedAgreements { partnership { id } disputedBy { id } } }
      uncovered { resource { id } } partnerships { inForce disputedBy { id } } } }""")
    by = {"disputedBy": [{"id": "disdukcapil"}]}
    assert not errors and data["sharedBetween"] == {
        "resources": [
            {
                "uses": [{"covered": False, "agreements": []}],
                "agreements": [],
                "disputedAgreements": [{"partnership": {"id": "perjanjian"}} | by],
            }
        ],
        "uncovered": [{"resource": {"id": "data-penduduk"}}],
        "partnerships": [{"inForce": False} | by],
    }


def test_introspection_may_stand_beside_a_question(ask: Any) -> None:
    data, errors = ask(
        "{ __schema { queryType { name } }"
        ' search(text: "imun") { nodes { record { __typename ... on Service { kind } } } } }'
    )
    assert (data["search"]["nodes"], errors) == ([{"record": {"__typename": "Service", "kind": "public"}}], [])


def test_an_alias_in_a_record_of_any_kind_counts_once(ask: Any) -> None:
    many = " ".join(f"a{number}: name" for number in range(60))
    assert ask(f'{{ record(id: "dinkes") {{ {many} }} }}')[1] == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ('sharedBetween(agencies: ["dinkes"]) { asOf }', "BAD_REQUEST"),
        ('sharedBetween(agencies: ["dinkes", "dinkes"]) { asOf }', "BAD_REQUEST"),
        (f'sharedBetween(agencies: [{", ".join(f"{chr(34)}a-{n}{chr(34)}" for n in range(30))}]) {{ asOf }}', "BAD_REQUEST"),
        ('sharedBetween(agencies: ["dinkes", "x-1"], asOf: "yesterday") { asOf }', "BAD_REQUEST"),
        ('neighbourhood(of: "dinkes", hops: 99) { leftOut }', "TOO_COSTLY"),
        ('neighbourhood(of: "dinkes", first: 100000) { leftOut }', "TOO_COSTLY"),
        ('paths(from: "dinkes", to: "imunisasi", longest: 50) { withheld }', "TOO_COSTLY"),
        ('impact(of: "dinkes", depth: -1) { record { id } }', "BAD_REQUEST"),
        ('search(text: "a", after: "tampered") { totalCount }', "BAD_REQUEST"),
        (f'search(text: "{"x" * 501}") {{ totalCount }}', "BAD_REQUEST"),
        (f'search(text: "{" ".join(map(str, range(100, 133)))}") {{ totalCount }}', "BAD_REQUEST"),
        ('search(text: "a", first: null) { totalCount }', "BAD_REQUEST"),
        (" ".join(f'a{number}: search(text: "a") {{ totalCount }}' for number in range(20)), "TOO_COSTLY"),
    ],
)  # fmt: skip
def test_a_question_beyond_its_limits_is_refused(ask: Any, asked: str, code: str) -> None:
    data, errors = ask(f"{{ {asked} }}")
    assert (data, errors) == (None, [code])


def test_a_search_tells_what_a_record_lacks_and_what_may_be_meant(ask: Any) -> None:
    operation = "query($text: String!) { search(text: $text) { suggestion nodes { missingWords record { id } } } }"
    data, errors = ask(operation, text="basis data pendudk")
    assert not errors and data["search"]["suggestion"] == "basis data penduduk"
    assert data["search"]["nodes"] == [{"missingWords": ["pendudk"], "record": {"id": "data-penduduk"}}]
    data, _errors = ask(operation, text="data")
    assert data["search"]["suggestion"] is None and not any(one["missingWords"] for one in data["search"]["nodes"])


@pytest.mark.parametrize(("kind", "reads"), [({}, 1), ({"kind": "resource"}, 2)])
def test_a_search_page_reads_the_index_once_and_again_to_count_kinds(
    ask: Any, place: ConnectionSettings, kind: dict[str, str], reads: int
) -> None:
    texts: list[str] = []
    asked = {"q": "data", **kind}

    async def answer() -> Any:
        async with Reader(place) as reader:
            asking = QueryContext(reader, ADMIN, lambda _questions, cyphers: texts.extend(one.text for one in cyphers))
            variables = search.search_variables(asked)
            return await SCHEMA.execute(search.search_operation(asked), asking, variables)

    data = asyncio.run(answer()).data
    of_any = data.get("ofAnyKind", data["search"])
    assert of_any["countByKind"] == [{"kind": "Partnership", "count": 1}, {"kind": "Resource", "count": 2}]
    assert len([text for text in texts if "fulltext" in text]) == reads


@pytest.mark.parametrize(
    "text",
    ["AND (", "*", "a:b", "", " ", "x" * 500, "?? ** ~1 /a/ [a TO b]", '+-&|!(){}[]^"~*?:\\/', "\u0000", "kes' OR 1=1"],
)
def test_any_text_may_be_searched_for(ask: Any, text: str) -> None:
    data, errors = ask("query($text: String!) { search(text: $text) { totalCount nodes { score } } }", text=text)
    assert not errors and data["search"]["totalCount"] == len(data["search"]["nodes"])
