"""Contradictions are refused by every way in: what a person saves, a table, a load, a step and an undoing."""

from typing import Any

import pytest

from loaders.result import LoadResult as Loaded
from registry.clock import today
from registry.database.driver import Cypher, Store
from registry.model.definitions import Agency, Need, Partnership, Request, Resource, Sector, Service
from registry.model.kinds import Kind
from registry.mutations.lifecycle import PROPOSE, RETIRE, make_transition
from registry.mutations.requests import ResourceRequest, decide, request
from registry.mutations.revisions import undo, verify
from registry.mutations.save import LinkChange, SaveInput, save_all
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.sources import City
from tests.support.two_agencies import HEAD, HEALTH, LIBRARY, by, codes, history, properties, publish, room, settle

pytestmark = SLOW_ON_NEO4J

BROKEN = "CONTRADICTION"
FORM, ADMINISTRATOR, TONO = (
    RequestContext(HEALTH, "form"),
    RequestContext(ADMIN, "command"),
    RequestContext(LIBRARY, "form"),
)
WITHIN: list[tuple[type[Kind], dict[str, Any], tuple[str, str]]] = [
    (Partnership, {"valid_from": "2026-02-01", "valid_until": "2026-01-31"}, (BROKEN, "valid_until")),
    (Resource, {"kind": "data", "capacity": 10, "in_use": 10.5}, (BROKEN, "in_use")),
    (Need, {"kind": "data", "quantity": 0}, (BROKEN, "quantity")),
    (Service, {"kind": "public", "name": "\u200b\u200d"}, ("UNFIT", "name")),
    (Service, {"kind": "public", "name": "\u0301\u0308"}, ("UNFIT", "name")),
    (Service, {"kind": "public", "name": "\u3164"}, ("UNFIT", "name")),
    (Service, {"kind": "public", "name": "A\x81"}, ("UNFIT", "name")),
]


@pytest.fixture
def registry(store: Store) -> Store:
    """Two agencies, published, and a sector."""
    return settle(store)


def found(outcome: Loaded) -> list[tuple[str, str, int, str, str]]:
    return [(one.code, one.file, one.row, one.field, one.value) for one in outcome.problems if one.level == "error"]


def saved(store: Store, kind: type[Kind], given: dict[str, Any], links: dict[str, LinkChange] | None = None) -> str:
    done = by(store, HEALTH, SaveInput(kind, None, {"name": "X", **given}, links or {}, another=True))
    assert done.record, done.problems
    return done.record


def test_a_record_does_not_contradict_itself_whoever_gives_it(registry: Store, city: City) -> None:
    for kind, given, problem in WITHIN:
        values = {"name": "Aula", "steward": "dinkes", **given}
        assert codes(by(registry, HEALTH, SaveInput(kind, None, values))) == [problem], given
        (each,) = save_all(registry, FORM, [SaveInput(kind, None, values)], dry=False)
        assert [(one.code, one.field) for one in each.problems] == [problem], given
        city.write(kind.plural, f"id,{','.join(values)}\nx:1,{','.join(map(str, values.values()))}\n")
        refused = city.load()
        assert refused.refused and [(one[0], one[3]) for one in found(refused)] == [problem], given
        (city.folder / f"{kind.plural}.csv").unlink()
    named = by(
        registry, HEALTH, SaveInput(Service, None, {"name": "Cafe\u0301 \u0915\u094d\u200d\u0937", "kind": "public"})
    )
    assert named.record and properties(registry, Service, named.record)["name"] == "Café \u0915\u094d\u200d\u0937"


def test_a_link_does_not_contradict_itself(registry: Store) -> None:
    hall = room(registry)
    use = {"role": "reuse", "since": "2026-02-01", "until": "2026-01-31"}
    done = by(registry, HEALTH, SaveInput(Resource, hall, {}, {"users": LinkChange({"perpus": use})}))
    assert codes(done) == [(BROKEN, "users.until")]
    service = saved(registry, Service, {"kind": "public"})
    done = by(registry, HEALTH, SaveInput(Service, service, {}, {"depends_on": LinkChange({service: {}})}))
    assert codes(done) == [(BROKEN, "depends_on")]


def test_what_is_undone_is_held_against_the_rules_too(registry: Store) -> None:
    hall = room(registry, capacity=10, in_use=5)
    assert not by(registry, HEALTH, SaveInput(Resource, hall, {"capacity": 20})).problems
    number = history(registry, hall)[0]["number"]
    assert not by(registry, HEALTH, SaveInput(Resource, hall, {"in_use": 12})).problems
    assert codes(undo(registry, ADMINISTRATOR, number)) == [(BROKEN, "in_use")]
    assert properties(registry, Resource, hall)["capacity"] == 20


def test_what_contradicted_itself_before_may_be_mended_and_retired(registry: Store) -> None:
    hall = room(registry, capacity=10, in_use=5)
    registry.write(Cypher("MATCH (n:Resource) SET n.in_use = 12.0"))
    assert not by(registry, HEALTH, SaveInput(Resource, hall, {"unit": "kursi"})).problems
    assert codes(by(registry, HEALTH, SaveInput(Resource, hall, {"in_use": 11}))) == [(BROKEN, "in_use")]
    assert not make_transition(registry, FORM, Resource, hall, RETIRE).problems


def test_nothing_is_part_of_itself_by_any_way_round(registry: Store) -> None:
    unit = by(
        registry,
        ADMIN,
        SaveInput(Agency, "unit", {"name": "Unit", "kind": "other"}, {"part_of": LinkChange({"dinkes": {}})}),
    )
    assert not unit.problems
    below = SaveInput(Agency, "desk", {"name": "Desk", "kind": "other"}, {"part_of": LinkChange({"unit": {}})})
    assert not by(registry, ADMIN, below).problems
    circle = by(registry, ADMIN, SaveInput(Agency, "dinkes", {}, {"part_of": LinkChange({"desk": {}, "perpus": {}})}))
    assert [(one.code, one.field, one.value) for one in circle.problems] == [(BROKEN, "part_of", "desk")]
    term = SaveInput(Sector, "sector:health", {}, {"broader": LinkChange({"sector:health": {}})})
    assert codes(by(registry, ADMIN, term)) == [(BROKEN, "broader")]
    two = [
        SaveInput(Agency, "a:1", {"name": "Satu", "kind": "other"}),
        SaveInput(Agency, "a:2", {"name": "Dua", "kind": "other"}, {"part_of": LinkChange({"a:1": {}})}),
        SaveInput(Agency, "a:1", {}, {"part_of": LinkChange({"a:2": {}})}),
    ]
    done = save_all(registry, ADMINISTRATOR, two, dry=False)
    assert [[one.field for one in each.problems] for each in done] == [[], [], ["part_of"]], "also within one table"


def test_a_load_leaves_out_circles_with_new_and_with_old_links(store: Store, city: City, other: City) -> None:
    city.declare("left_out_at_most = 9\n")
    city.agencies("c:1,City,other,,c:2", "c:2,Office,other,,c:1", "c:3,Desk,other,,c:2", "c:4,Self,other,,c:4")
    outcome = city.load()
    assert sorted(found(outcome)) == [
        (BROKEN, "agencies.csv", 2, "part_of", "c:2"),
        (BROKEN, "agencies.csv", 3, "part_of", "c:1"),
        (BROKEN, "agencies.csv", 5, "part_of", "c:4"),
    ]
    assert outcome.links_written == {"agencies.part_of": 1}
    other.agencies("o:1,Other,other,,c:3")
    assert not other.load().refused
    city.agencies("c:1,City,other,,", "c:2,Office,other,,o:1", "c:3,Desk,other,,c:2")
    assert found(city.load(retire_most=True)) == [(BROKEN, "agencies.csv", 3, "part_of", "o:1")]


def test_an_agreement_has_two_parties_before_it_is_handed_in(registry: Store) -> None:
    one = {"parties": LinkChange({"dinkes": {"role": "lead"}})}
    record = saved(registry, Partnership, {}, one)
    assert codes(make_transition(registry, FORM, Partnership, record, PROPOSE)) == [(BROKEN, "parties")]
    both = {"parties": LinkChange({"perpus": {"role": "partner"}})}
    assert not by(registry, HEALTH, SaveInput(Partnership, record, {}, both)).problems
    publish(registry, Partnership, record)
    fewer = {"parties": LinkChange({}, ("perpus",))}
    assert codes(by(registry, HEAD, SaveInput(Partnership, record, {}, fewer))) == [(BROKEN, "parties")]
    renewed = SaveInput(Partnership, record, {}, {"renews": LinkChange({record: {}})})
    assert codes(by(registry, HEAD, renewed)) == [(BROKEN, "renews")]


def test_a_load_leaves_out_agreements_of_fewer_than_two(store: Store, city: City) -> None:
    city.declare("left_out_at_most = 9\n")
    city.agencies("c:1,City,other,,", "c:2,Office,other,,")
    city.write("partnerships", "id,name,status,renews\np:1,One,published,\np:2,Two,published,p:1\np:3,Draft,draft,\n")
    city.write("partnerships.parties", "partnership,agency,role\np:1,c:1,lead\np:2,c:1,lead\np:2,c:2,partner\n")
    outcome = city.load()
    assert found(outcome) == [
        (BROKEN, "partnerships.csv", 2, "parties", "1"),
        ("UNKNOWN_RECORD", "partnerships.parties.csv", 2, "parties", "p:1"),
        ("UNKNOWN_RECORD", "partnerships.csv", 3, "renews", "p:1"),
    ]
    assert outcome.created["partnerships"] == 2


def test_a_request_is_for_what_is_there_to_be_had(registry: Store) -> None:
    hall = room(registry, available_since="2027-01-01", capacity=10)
    publish(registry, Resource, hall)
    early = ResourceRequest("perpus", hall, properties={"quantity": 1, "since": "2026-12-31"})
    assert codes(request(registry, TONO, early)) == [(BROKEN, "since")]
    assert codes(request(registry, TONO, ResourceRequest("perpus", hall, properties={"quantity": 0}))) == [
        (BROKEN, "quantity")
    ]
    waits, decided = (
        request(registry, TONO, ResourceRequest("perpus", hall, properties={"quantity": one})).record or ""
        for one in (2, 3)
    )
    assert not decide(registry, FORM, decided, "accepted").problems
    since = properties(registry, Request, decided)["since"]
    assert since == max(today(), "2027-01-01"), "a use without a first day begins when it can"
    assert codes(by(registry, HEAD, SaveInput(Resource, hall, {"available_since": "2099-01-01"}))) == [
        ("PROMISED", "available_since")
    ]
    retire = RequestContext(HEAD, "form")
    assert codes(make_transition(registry, retire, Resource, hall, RETIRE)) == [("PROMISED", "status")]
    assert not decide(registry, FORM, decided, "ended").problems
    assert not make_transition(registry, retire, Resource, hall, RETIRE).problems
    assert codes(decide(registry, FORM, waits, "accepted")) == [(BROKEN, "resource")]
    assert not decide(registry, FORM, waits, "declined").problems
    assert verify(registry).what is None


def test_an_accepted_request_does_not_grow_beyond_the_amount_in_use(town: Store) -> None:
    hall = room(town, capacity=20)
    publish(town, Resource, hall)
    asked = request(town, TONO, ResourceRequest("perpus", hall, properties={"quantity": 10})).record or ""
    assert not decide(town, FORM, asked, "accepted").problems
    grown = by(town, ADMIN, SaveInput(Request, asked, {"quantity": 11}))
    assert [(one.code, one.field, one.value) for one in grown.problems] == [("PROMISED", "quantity", "11.0")]
    assert properties(town, Resource, hall)["in_use"] == 10
    assert not by(town, ADMIN, SaveInput(Request, asked, {"quantity": 9})).problems


def test_a_load_holds_requests_and_promises_against_each_other(store: Store, city: City) -> None:
    city.declare("left_out_at_most = 9\n")
    city.agencies("c:1,City,other,,", "c:2,Office,other,,", "c:3,Desk,other,,")
    city.write(
        "resources",
        "id,name,kind,status,capacity,in_use,available_since\n"
        "r:1,Hall,facility,published,10,8,2020-01-01\nr:2,Old,facility,retired,,,\nr:3,Small,facility,published,10,1,\n",
    )
    city.write(
        "requests",
        "id,name,quantity,since,until,decision,decided_on,agency,resource\n"
        "q:1,A,3,2021-01-01,,accepted,2021-01-01,c:2,r:1\n"
        "q:2,B,5,2021-01-01,,accepted,2021-01-01,c:2,r:1\n"
        "q:3,C,1,2019-01-01,,accepted,2019-01-01,c:2,r:1\n"
        "q:4,D,1,,,,,c:2,r:2\n"
        "q:5,E,1,,2021-01-01,ended,2021-01-01,c:2,r:2\n"
        "q:6,F,2,2021-01-01,,accepted,2021-01-01,c:2,r:3\n",
    )
    outcome = city.load()
    assert found(outcome) == [
        (BROKEN, "requests.csv", 4, "since", "2019-01-01"),
        (BROKEN, "requests.csv", 5, "resource", "r:2"),
        ("PROMISED", "resources.csv", 4, "in_use", "1.0"),
        ("UNKNOWN_RECORD", "requests.csv", 7, "resource", "r:3"),
    ]
    uses = Cypher(
        "MATCH (a:Agency)-[e:USES]->(n:Resource) WITH a, e, n ORDER BY n.id, e.key"
        " RETURN collect([a.id, n.id, e.key, e.since, e.until])"
    )
    two = [["c:2", "r:1", one, "2021-01-01", None] for one in ("q:1", "q:2")]
    over = ["c:2", "r:2", "q:5", None, "2021-01-01"]
    assert store.read(uses)[0][0] == [*two, over], "accepted requests that are loaded are uses as well"
    city.write(
        "resources", "id,name,kind,status,capacity,in_use\nr:1,Hall,facility,published,7,7\nr:2,O,data,retired,,\n"
    )
    again = city.load(retire_most=True)
    assert {one[:4] for one in found(again)} >= {
        ("PROMISED", "resources.csv", 2, "in_use"),
        ("PROMISED", "resources.csv", 2, "capacity"),
    }
    assert store.read(Cypher("MATCH (n:Resource {id: 'r:1'}) RETURN n.capacity"))[0][0] == 10
    assert store.read(uses)[0][0] == [*two, over]
