"""Changes over GraphQL: every kind is saved by one rule; who may, what stands in the way, and what is refused."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest

from registry.clock import now
from registry.config import Settings
from registry.database import audit_log
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.write import own_ends, upsert
from registry.model.codelists import code_list
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Property
from registry.model.records import DEFAULTS, Record
from registry.model.values import Code, Date, Flag, Identifiers, Integer, Number, Prose, Ref, Text, Texts, Url
from registry.permissions import ADMIN, Actor, Role
from registry.web.app import build_app
from schema.mutations import editable_link_properties, editable_properties
from schema.types import camel, field_of
from tests.support.actors import acting, by
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record
from tests.support.paths import ROOT
from tests.support.server import serving

pytestmark = SLOW_ON_NEO4J

ACTORS = {
    "admin": ADMIN,
    "sari": Actor("sari", Role.COORDINATOR, frozenset({"agency:1"})),
    "budi": Actor("budi", Role.APPROVER, frozenset({"agency:1"})),
    "tono": Actor("tono", Role.COORDINATOR, frozenset({"agency:2"})),
    "rina": Actor("rina", Role.ANALYST, frozenset({"agency:1"})),
}
KINDS = [kind for kind in MODEL if not kind.read_only]
SAMPLES: dict[type, Any] = {
    Text: "Aula besar", Prose: "One line.\nAnother.", Code: "local", Ref: "agency:2", Url: "https://example.org/a",
    Number: 12.5, Integer: 3, Flag: True, Date: "2026-12-31", Texts: ["group:a", "b"], Identifiers: ["x:1", "y:2"],
}  # fmt: skip
PROBLEMS = "problems { code field value rule message }"
RESULT = f"{{ record {{ id name version status }} {PROBLEMS} }}"
SAVE = f"""mutation($input: ResourceInput!, $v: Int, $k: ID) {{
  done: saveResource(input: $input, isAnother: true, ifVersion: $v, key: $k) {RESULT} }}"""
README = ROOT / "README.md"
GRAPHQL = "application/graphql-response+json"


@pytest.fixture(scope="module")
def world(ready_store: Store) -> Store:
    """Two open records of each kind, a closed one, and nothing else."""
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    for kind in KINDS:
        known = [a_record(kind, 1), a_record(kind, 2), a_record(kind, 3, access="closed", steward="agency:3")]
        ready_store.write(upsert(kind, known, source="test", run="run:test", now=now()))
    return ready_store


@pytest.fixture(scope="module")
def client(world: Store, place: ConnectionSettings) -> Iterator[httpx.Client]:
    with serving(acting(build_app(place, Settings(_env_file=None, lang="en")), ACTORS)) as client:
        yield client


def a_record(kind: type[Kind], number: int, **values: Any) -> Record:
    return record(kind.__name__, f"{field_of(kind)}:{number}", f"{kind.__name__} {number}", **required(kind), **values)


def required(kind: type[Kind]) -> dict[str, Any]:
    apart = {"id", "name", *DEFAULTS}
    return {name: sample(one) for name, one in kind.properties.items() if one.required and name not in apart}


def sample(declared: Property) -> Any:
    return list(code_list(declared.codes))[-1] if declared.codes else SAMPLES[declared.value]


def ask(client: httpx.Client, text: str, actor: str = "admin", **variables: Any) -> dict[str, Any]:
    answer = client.post("/graphql", json={"query": text, "variables": variables}, headers=by(actor))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def done(client: httpx.Client, text: str, actor: str = "admin", **variables: Any) -> Any:
    """Return what the only change of a text answers; errors fail the test."""
    answer = ask(client, text, actor, **variables)
    assert "errors" not in answer, answer["errors"]
    return next(iter(answer["data"].values()))


def room(client: httpx.Client, actor: str = "sari", **given: Any) -> str:
    made = done(client, SAVE, actor, input={"name": "Aula", "kind": "facility", **given})
    assert made["problems"] == [] and made["record"]["status"] == "DRAFT"
    return str(made["record"]["id"])


def step(client: httpx.Client, field: str, record: str, actor: str = "admin") -> Any:
    return done(client, f"mutation($id: ID!) {{ {field}(id: $id) {RESULT} }}", actor, id=record)


def published(client: httpx.Client, **given: Any) -> str:
    made = room(client, **given)
    assert not step(client, "propose", made)["problems"] and not step(client, "approve", made)["problems"]
    return made


def codes(result: Any) -> list[tuple[str, str]]:
    return [(one["code"], one["field"]) for one in result["problems"]]


def error(answer: dict[str, Any]) -> str:
    assert not answer.get("data"), answer
    return str(answer["errors"][0]["extensions"]["code"])


def history(world: Store, record: str) -> list[dict[str, Any]]:
    return [
        row[0]
        for row in world.read(
            Cypher("MATCH (n:Change {record: $r}) RETURN properties(n) ORDER BY n.number", {"r": record})
        )
    ]


def save_of(kind: type[Kind], selected: str) -> str:
    name = kind.__name__
    wanted = f"{{ record {{ id version {selected} }} {PROBLEMS} }}"
    return f"mutation($input: {name}Input!) {{ save{name}(input: $input, isAnother: true) {wanted} }}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_property_of_every_kind_is_given_changed_and_cleared(client: httpx.Client, kind: type[Kind]) -> None:
    needed = {camel(name): value for name, value in required(kind).items()} | {"name": "First"}
    made = done(client, save_of(kind, "name"), input=needed)
    assert made["problems"] == [] and made["record"]["name"] == "First"
    record, version = made["record"]["id"], 1
    for name, declared in editable_properties(kind).items():
        field = camel(name)
        selected = f"{field} {{ id }}" if declared.refers_to else field
        value = sample(declared).upper() if name == "access" else sample(declared)
        changed = done(client, save_of(kind, selected), input={"id": record, field: value})
        assert changed["problems"] == [], field
        found = changed["record"][field]
        assert (found["id"] if declared.refers_to else found) == value
        version += name not in required(kind)
        assert changed["record"]["version"] == version, field
        if name in DEFAULTS:
            assert error(ask(client, save_of(kind, selected), input={"id": record, field: None})) == "BAD_REQUEST"
            continue
        cleared = done(client, save_of(kind, selected), input={"id": record, field: None})
        if declared.required and (name != "name" or kind.named):
            assert codes(cleared) == [("REQUIRED", field)] and cleared["record"]["version"] == version
        else:
            assert cleared["problems"] == []
            assert cleared["record"][field] == (record if name == "name" else None)
            version = cleared["record"]["version"]


@pytest.mark.parametrize(
    "end", [end for kind in KINDS for end in own_ends(kind)], ids=lambda end: f"{end.kind}.{end.name}"
)
def test_every_link_of_every_kind_is_added_changed_and_removed(client: httpx.Client, end: End) -> None:
    kind, far, field = MODEL[end.kind], field_of(end.target), camel(end.name)
    tie = {camel(name): sample(one) for name, one in editable_link_properties(end).items()}
    ids = [f"{far}:1", f"{far}:2"][: 1 if end.single else 2]
    edge = f"{' '.join(tie)} {far} {{ id }}" if tie else "id"
    every = "(period: ALL)" if end.link.dated else ""
    text = save_of(kind, f"{field}{every} {{ {edge} }}")

    def linked(**change: Any) -> list[Any]:
        result = done(client, text, input={"id": record, field: change})
        assert result["problems"] == []
        found = result["record"][field]
        return found if isinstance(found, list) else [found] if found else []

    needed = {camel(name): value for name, value in required(kind).items()} | {"name": "Linked"}
    record = done(client, save_of(kind, ""), input=needed)["record"]["id"]
    added = [{far: one, **tie} for one in ids] if tie else ids
    expected = [{far: {"id": one}, **tie} for one in ids] if tie else [{"id": one} for one in ids]
    assert linked(add=added) == expected
    assert linked(add=added[:1]) == expected, "nothing is doubled"
    assert linked(remove=ids[:1]) == expected[1:]
    assert linked(remove=ids) == []
    hidden = f"{far}:3"
    unknown, closed = (
        done(client, text, "sari", input={**needed, field: {"add": [{far: one, **tie} if tie else one]}})
        for one in (f"{far}:99", hidden)
    )
    assert codes(unknown) == codes(closed)
    assert (("NOT_ALLOWED", "id") if kind.by_action else ("UNKNOWN_RECORD", field)) in codes(unknown)


def test_a_record_goes_from_a_draft_to_retired(client: httpx.Client, world: Store) -> None:
    made = room(client, capacity=250, owners={"add": ["agency:1"]})
    assert codes(step(client, "approve", made, "budi")) == [("WRONG_STATUS", "status")]
    assert step(client, "propose", made, "sari")["record"]["status"] == "PROPOSED"
    assert codes(step(client, "approve", made, "sari")) == [("NOT_ALLOWED", "id")]
    back = f'mutation($id: ID!) {{ sendBack(id: $id, note: "Capacity?") {RESULT} }}'
    assert done(client, back, "budi", id=made)["record"]["status"] == "DRAFT"
    step(client, "propose", made, "sari")
    assert step(client, "approve", made, "budi")["record"]["status"] == "PUBLISHED"
    seen = client.post("/graphql", json={"query": f'{{ resource(id: "{made}") {{ capacity }} }}'})
    assert seen.json()["data"]["resource"] == {"capacity": 250.0}, "anybody sees it now"
    retire = f'mutation($id: ID!) {{ retireResource(id: $id, reason: "Sold.") {RESULT} }}'
    assert codes(done(client, retire, "sari", id=made)) == [("NOT_ALLOWED", "id")]
    assert done(client, retire, "budi", id=made)["record"] == {
        "id": made,
        "name": "Aula",
        "version": 6,
        "status": "RETIRED",
    }
    told = [(one["what"], one["actor"], one["how"], one.get("note")) for one in history(world, made)]
    assert told == [
        ("created", "sari", "api", None),
        ("proposed", "sari", "api", None),
        ("sent-back", "budi", "api", "Capacity?"),
        ("proposed", "sari", "api", None),
        ("approved", "budi", "api", None),
        ("retired", "budi", "api", "Sold."),
    ]


def test_problems_of_a_change_are_translated_and_nothing_is_saved(client: httpx.Client) -> None:
    wrong = {
        "name": "Aula",
        "kind": "castle",
        "capacity": -1,
        "description": " ",
        "users": {"add": [{"agency": "agency:1", "role": "owner"}]},
    }
    result = done(client, SAVE, "sari", input={"id": "resource:wrong", **wrong})
    assert set(codes(result)) == {("UNFIT", "kind"), ("UNFIT", "capacity"), ("UNFIT", "users.role")}
    assert result["record"] is None
    capacity = next(one for one in result["problems"] if one["field"] == "capacity")
    assert capacity == {
        "code": "UNFIT",
        "field": "capacity",
        "value": "-1.0",
        "rule": "at least 0",
        "message": "it is too small",
    }
    several = {"name": "N", "kind": "facility", "service": {"add": ["service:1", "service:2"]}}
    result = done(client, save_of(MODEL["Need"], ""), "sari", input=several)
    assert codes(result) == [("SEVERAL", "service")]
    twice = {"name": "S", "digitalMaturity": 0}
    assert {("REQUIRED", "kind"), ("UNFIT", "digitalMaturity")} == set(
        codes(done(client, save_of(MODEL["Service"], ""), "sari", input=twice))
    )
    late = client.post(
        "/graphql",
        json={"query": SAVE, "variables": {"input": {"id": "resource:1"}}},
        headers={**by("sari"), "Accept-Language": "id"},
    )
    assert (
        late.json()["data"]["done"]["problems"][0]["message"]
        == "Anda memerlukan peran koordinator atau penyetuju untuk penanggung jawab data catatan ini. Hubungi administrator."
    )


def test_whoever_comes_second_is_shown_what_the_first_changed(client: httpx.Client, world: Store) -> None:
    made = room(client)

    def change(number: int) -> Any:
        return done(client, SAVE, "sari", input={"id": made, "name": f"Aula {number}"}, v=1)

    with ThreadPoolExecutor(4) as people:
        results = list(people.map(change, range(4)))
    (first,) = [one for one in results if not one["problems"]]
    late = [one for one in results if one["problems"]]
    assert {tuple(codes(one)) for one in late} == {(("STALE", "version"),)}
    assert all(one["record"] == first["record"] for one in late), "the current record is beside it"
    assert first["record"]["version"] == 2 and len(history(world, made)) == 2


def test_a_key_makes_a_repeated_call_harmless(client: httpx.Client, world: Store) -> None:
    given = {"name": "Once", "kind": "facility", "unit": "seats"}
    first, again = (done(client, SAVE, "sari", input=given, k="key-1") for _ in range(2))
    assert first == again and first["record"]
    inside = '{unit: "seats", kind: "facility", name: "Once"}'
    renamed = f"mutation($k: ID) {{ x: saveResource(key: $k, isAnother: true, input: {inside}) {{ record {{ id }} }} }}"
    assert done(client, renamed, "sari", k="key-1")["record"]["id"] == first["record"]["id"], "however it is written"
    assert codes(done(client, SAVE, "sari", input={**given, "unit": "beds"}, k="key-1")) == [("KEY_REUSED", "key")]
    assert done(client, SAVE, "budi", input=given, k="key-1")["record"]["id"] != first["record"]["id"]
    propose = f'mutation($id: ID!) {{ propose(id: $id, key: "key-2") {RESULT} }}'
    one, other = (done(client, propose, "sari", id=first["record"]["id"]) for _ in range(2))
    assert one == other and not one["problems"]
    with ThreadPoolExecutor(4) as people:
        at_once = list(people.map(lambda _: done(client, SAVE, "sari", input=given, k="key-3"), range(4)))
    assert len({one["record"]["id"] for one in at_once}) == 1
    assert len(history(world, at_once[0]["record"]["id"])) == 1


def test_an_answer_that_got_lost_is_asked_for_again(client: httpx.Client, world: Store) -> None:
    body = orjson.dumps({"query": SAVE, "variables": {"input": {"name": "Lost", "kind": "facility"}, "k": "lost-1"}})
    head = {"Host": "127.0.0.1", **by("sari"), "Content-Type": "application/json", "Content-Length": len(body)}
    lines = ["POST /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as line:
        line.sendall("\r\n".join(lines).encode() + body)  # and nobody stays for the answer
    result = done(client, SAVE, "sari", input={"name": "Lost", "kind": "facility"}, k="lost-1")
    assert not result["problems"]
    named = world.read(Cypher("MATCH (n:Resource {name: 'Lost'}) RETURN n.id"))
    assert named == [[result["record"]["id"]]]


def test_changes_of_an_operation_are_made_one_after_the_other(client: httpx.Client) -> None:
    made = room(client)
    text = """mutation($id: ID!, $not: Boolean = false) {
      ...First
      b: propose(id: $id) { record { ...R } problems { code } __typename }
      left: retireResource(id: $id) @include(if: $not) { record { id } }
      c: approve(id: $id) { again: problems { c: code } record { __typename ... on Resource { s: status t: name } } }
      __typename
    }
    fragment First on Mutation { a: saveResource(input: {id: $id, name: "Renamed"}) { ...Result } }
    fragment Result on ResourceResult { one: record { name } other: record { version owners { id } } problems { code } }
    fragment R on Record { status name withheld steward { id } }"""
    answer = ask(client, text, id=made)
    assert answer == {
        "data": {
            "a": {"one": {"name": "Renamed"}, "other": {"version": 2, "owners": []}, "problems": []},
            "b": {
                "record": {"status": "PROPOSED", "name": "Renamed", "withheld": False, "steward": {"id": "agency:1"}},
                "problems": [],
                "__typename": "RecordResult",
            },
            "c": {"again": [], "record": {"__typename": "Resource", "s": "PUBLISHED", "t": "Renamed"}},
            "__typename": "Mutation",
        }
    }


def test_what_readme_asks_is_answered(client: httpx.Client) -> None:
    (body,) = re.findall(r"-d '(.*)'", README.read_text(encoding="utf-8"))
    body = body.replace("depok:dinkes-kota", "agency:1")
    answer = client.post("/graphql", content=body, headers={**by("sari"), "Content-Type": "application/json"}).json()
    result = answer["data"]["saveResource"]
    assert (result["problems"], result["record"]["status"]) == ([], "DRAFT")


def test_nobody_we_know_changes_nothing(client: httpx.Client, world: Store) -> None:
    before = world.read(audit_log.last_event())
    for text in (
        'mutation { saveResource(input: {name: "Mine", kind: "facility"}) { record { id } } }',
        'mutation { propose(id: "resource:1") { problems { code } } }',
        'mutation { retireAgency(id: "agency:1") { problems { code } } }',
    ):
        answer = client.post("/graphql", json={"query": text})
        assert (answer.status_code, error(answer.json())) == (200, "NOT_ALLOWED")
        assert client.post("/graphql", json={"query": text}, headers={"Accept": GRAPHQL}).status_code == 403
    assert world.read(audit_log.last_event()) == before


def test_changes_are_asked_for_by_post_only(client: httpx.Client) -> None:
    text = 'mutation { propose(id: "resource:1") { problems { code } } }'
    for _ in range(2):
        answer = client.get("/graphql", params={"query": text}, headers={**by("admin"), "Accept": GRAPHQL})
        assert answer.status_code in (400, 405) and "data" not in answer.json()
    posted = client.post("/graphql", json={"query": text}, headers=by("admin"))
    assert "etag" not in posted.headers


@pytest.mark.parametrize("actor", ["tono", "rina"])
def test_who_may_not_learns_nothing_of_what_is_closed(client: httpx.Client, actor: str) -> None:
    for text in (
        f"mutation($id: ID!) {{ retireResource(id: $id) {RESULT} }}",
        f"mutation($id: ID!) {{ propose(id: $id) {RESULT} }}",
        f'mutation($id: ID!) {{ approve(id: $id, note: "x") {RESULT} }}',
        f"mutation($id: ID!) {{ sendBack(id: $id, ifVersion: 7) {RESULT} }}",
    ):
        closed, missing = (done(client, text, actor, id=one) for one in ("resource:3", "resource:4"))
        assert codes(closed) == [("NOT_FOUND", "id")] and closed["record"] is None
        closed["problems"][0]["value"] = missing["problems"][0]["value"]
        assert closed == missing
    open_to_see = done(client, f'mutation {{ propose(id: "resource:1") {RESULT} }}', actor)
    assert codes(open_to_see) == [("NOT_ALLOWED", "id")] and open_to_see["record"]["name"] == "Resource 1"


def test_what_nobody_keeps_by_hand_is_not_changed(client: httpx.Client, world: Store) -> None:
    made = room(client)
    entry = history(world, made)[0]["id"]
    for one in (entry, "by-hand"):
        assert codes(step(client, "propose", one)) == [("NOT_FOUND", "id")]
    assert error(ask(client, f'mutation {{ retireChange(id: "{entry}") {{ problems {{ code }} }} }}')) == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"access": "OPEN"}, ("NOT_ALLOWED", "access")),
        ({"steward": "agency:2"}, ("NOT_ALLOWED", "steward")),
        ({"grants": ["agency:2"]}, ("NOT_ALLOWED", "grants")),
    ],
)
def test_who_sees_a_published_record_is_for_approvers(
    client: httpx.Client, given: dict[str, Any], refused: Any
) -> None:
    made = published(client, access="RESTRICTED")
    assert refused in codes(done(client, SAVE, "sari", input={"id": made, **given}))


@pytest.mark.parametrize(
    "field",
    ["status", "version", "source", "created", "updated", "seen_by", "seenBy", "hash", "withheld", "__typename"],
)
def test_what_the_registry_keeps_itself_is_not_given(client: httpx.Client, field: str) -> None:
    value = 7 if field == "version" else "PUBLISHED"
    answer = ask(client, SAVE, input={"name": "A", "kind": "facility", field: value})
    assert error(answer) == "BAD_REQUEST"
    literal = (
        f'mutation {{ saveResource(input: {{name: "A", kind: "facility", {field}: {value}}}) {{ record {{ id }} }} }}'
    )
    assert error(ask(client, literal)) == "BAD_REQUEST"


LONG = "mutation { " + " ".join(f'a{n}: propose(id: "resource:1") {{ problems {{ code }} }}' for n in range(21)) + " }"
FLOOD = "mutation {{ {} }}".format(
    " ".join(
        f'm{n}: propose(id: "resource:1") {{ record {{ {" ".join(f"a{k}: name" for k in range(9))} }} }}'
        for n in range(12)
    )
)
DEEP = 'mutation { saveAgency(input: {id: "agency:1"}) { record ' + "{ units " * 14 + "{ id }" + " }" * 14 + " } }"
WIDE = "{ record { units(first: 200) { units(first: 200) { id } } } }"
WIDER = "{ record { units(first: 200) { units(first: 200) { units(first: 200) { id } } } } }"
ACRONYM = 'saveAgency(input: {id: "agency:1", acronym: "X"})'
COSTLY = f"mutation {{ {ACRONYM} {WIDER} }}"
SEVERAL_COSTLY = f"mutation {{ {' '.join(f'm{n}: {ACRONYM} {WIDE}' for n in range(12))} }}"


@pytest.mark.parametrize(
    ("text", "variables", "code"),
    [
        (LONG, {}, "TOO_COSTLY"),
        (FLOOD, {}, "TOO_COSTLY"),
        (DEEP, {}, "TOO_DEEP"),
        (COSTLY, {}, "TOO_COSTLY"),
        (SEVERAL_COSTLY, {}, "TOO_COSTLY"),
        (SAVE, {"input": {"name": "x" * 100_000, "kind": "facility"}}, "TOO_COSTLY"),
        (SAVE, {"input": {"name": "A", "owners": {"add": [f"agency:{n}" for n in range(501)]}}}, "TOO_COSTLY"),
        (SAVE, {"input": {"name": "A", "owners": {"add": ["agency:1"] * 250, "remove": ["agency:1"] * 251}}}, "TOO_COSTLY"),
        (SAVE, {"input": {"name": "A", "owners": None}}, "BAD_REQUEST"),
        (SAVE, {"input": {"name": "A", "owners": ["agency:1"]}}, "BAD_REQUEST"),
        (SAVE, {"input": {"name": "A", "owners": {"add": [None]}}}, "BAD_REQUEST"),
        (SAVE, {"input": {"name": "A", "users": {"add": [{"role": "first"}]}}}, "BAD_REQUEST"),
        (SAVE, {"input": {"name": "A", "users": {"add": [{"agency": "agency:1"}] * 2}}}, "BAD_REQUEST"),
        (SAVE, {"input": {"name": 7}}, "BAD_REQUEST"),
        (SAVE, {"input": {"id": ""}}, "BAD_REQUEST"),
        (SAVE, {"input": {"id": "resource:1", "access": None}}, "BAD_REQUEST"),
        (SAVE, {"input": {"access": "closed"}}, "BAD_REQUEST"),
        (SAVE, {"input": {"availableSince": "31/12/2026"}}, "BAD_REQUEST"),
        (SAVE, {"input": {"availableSince": ""}}, "BAD_REQUEST"),
        (SAVE, {"input": {"capacity": "many"}}, "BAD_REQUEST"),
        (SAVE, {"input": None}, "BAD_REQUEST"),
        (SAVE, {}, "BAD_REQUEST"),
        (SAVE, {"input": {"id": "resource:1"}, "v": 2**40}, "BAD_REQUEST"),
        (SAVE, {"input": {"id": "resource:1"}, "k": "\x00"}, "BAD_REQUEST"),
        (SAVE, {"input": {"id": "resource:1"}, "k": "k" * 501}, "BAD_REQUEST"),
        ('mutation { approve(id: "resource:1", note: "\\u0000") { problems { code } } }', {}, "BAD_REQUEST"),
    ],
    ids=range(26),
)  # fmt: skip
def test_what_no_person_would_ask_is_refused_before_anything_is_changed(
    client: httpx.Client, world: Store, text: str, variables: dict[str, Any], code: str
) -> None:
    before = world.read(audit_log.last_event())
    assert error(ask(client, text, **variables)) == code
    assert world.read(audit_log.last_event()) == before


def test_as_many_changes_and_links_as_may_be(client: httpx.Client) -> None:
    text = (
        "mutation { " + " ".join(f'a{n}: propose(id: "resource:1") {{ problems {{ code }} }}' for n in range(20)) + " }"
    )
    assert {one["problems"][0]["code"] for one in ask(client, text)["data"].values()} == {"WRONG_STATUS"}
    many = done(
        client, SAVE, input={"name": "A", "kind": "facility", "owners": {"add": [f"agency:{n}" for n in range(1, 501)]}}
    )
    assert codes(many) == [("UNKNOWN_RECORD", "owners")] * 497


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "\u2028\u2029",
        "\U0001f469\u200d\U0001f467",
        "'; MATCH (n) DETACH DELETE n //",
        "${jndi:x}",
        "\ufffe",
        "{{7*7}}",
    ],
    ids=range(7),
)
def test_any_text_is_kept_as_text(client: httpx.Client, text: str) -> None:
    wanted = save_of(MODEL["Resource"], "name conditions")
    given = {"name": f"A {text} b", "kind": "facility", "conditions": f"A {text} b"}
    made = done(client, wanted, "sari", input=given)
    assert made["record"]["name"] == " ".join(given["name"].split())
    assert made["record"]["conditions"] == given["conditions"]
    page = client.get(f"/resources/{made['record']['id']}", headers={**by("sari"), "Accept": "text/html"})
    assert page.status_code == 200 and "<script>alert" not in page.text


@pytest.mark.parametrize("text", ["a\x00b", "a" * 501, "\x00", "\u202eevil\u202c txt", "a\x07b\x1b[31m"])
def test_what_is_no_text_or_too_much_of_it_is_a_problem(client: httpx.Client, text: str) -> None:
    result = done(client, SAVE, "sari", input={"name": text, "kind": "facility"})
    assert codes(result) == [("UNFIT", "name")] and "\x00" not in result["problems"][0]["value"]


@pytest.mark.parametrize("record", ["\x00", "x" * 5_000, "resource:1\n", "' OR 1=1", "‮", " resource:1"])
def test_an_id_that_cannot_be_is_nobodys(client: httpx.Client, record: str) -> None:
    assert codes(step(client, "propose", record)) == [("NOT_FOUND", "id")]
    made = done(client, SAVE, "sari", input={"id": record, "name": "A", "kind": "facility"})
    assert made["problems"] and {field for _, field in codes(made)} == {"id"}, "nor is it another's with white space"


def test_an_id_of_another_kind_or_of_what_is_closed_is_taken(client: httpx.Client) -> None:
    for taken in ("agency:1", "resource:3"):
        result = done(client, SAVE, "sari", input={"id": taken, "name": "A", "kind": "facility"})
        assert codes(result) == [("TAKEN", "id")] and result["record"] is None
