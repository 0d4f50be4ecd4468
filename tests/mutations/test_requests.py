"""What is more than saving, over GraphQL: parties speak, resources are asked for, feedback is given and answered."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from registry.config import Settings
from registry.database.driver import ConnectionSettings, Store
from registry.model.definitions import Request, Resource
from registry.mutations.requests import ResourceRequest, decide, request
from registry.mutations.transaction import RequestContext
from registry.web.app import build_app
from tests.mutations.test_confirmations import agreement, channel, service
from tests.support.actors import acting, by
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.server import serving
from tests.support.two_agencies import HEAD, HEALTH, LIBRARY, codes, properties, publish, room, settle

pytestmark = SLOW_ON_NEO4J

SARI, TONO = RequestContext(HEALTH, "form"), RequestContext(LIBRARY, "form")
ACTORS = {"sari": HEALTH, "tono": LIBRARY, "budi": HEAD}
TOLD = "problems { code field }"


@pytest.fixture
def client(store: Store, place: ConnectionSettings) -> Iterator[httpx.Client]:
    """A server on a small town, asked as anybody whom a test names."""
    settle(store)
    with serving(acting(build_app(place, Settings(_env_file=None)), ACTORS)) as client:
        yield client


def ask(client: httpx.Client, who: str | None, operation: str, **variables: object) -> dict[str, Any]:
    asked = {"query": operation, "variables": variables}
    answered: dict[str, Any] = client.post("/graphql", json=asked, headers=by(who) if who else None).json()
    return answered


def test_parties_confirm_and_state_levels(client: httpx.Client, store: Store) -> None:
    made = agreement(store)
    confirm = f"""mutation($p: ID!, $a: ID!) {{ confirm(partnership: $p, agency: $a, standing: CORRECTED, remark: "Sejak Mei.") {{
        record {{ parties {{ standing remark agency {{ id }} }} }} {TOLD} }} }}"""
    assert ask(client, "tono", confirm, p=made, a="dinkes")["data"]["confirm"]["problems"] == [
        {"code": "NOT_ALLOWED", "field": "agency"}
    ]
    said = ask(client, "tono", confirm, p=made, a="perpus")["data"]["confirm"]["record"]["parties"]
    assert {"standing": "corrected", "remark": "Sejak Mei.", "agency": {"id": "perpus"}} in said
    level = f"""mutation($p: ID!, $l: Int!) {{
        stateLevel(partnership: $p, agency: "perpus", scale: "four-c", level: $l, note: "Rapat.") {{
            record {{ id level description agency {{ id }} }} {TOLD} }} }}"""
    assert ask(client, "tono", level, p=made, l=7)["data"]["stateLevel"]["problems"][0]["field"] == "level"
    stated = ask(client, "tono", level, p=made, l=2)["data"]["stateLevel"]["record"]
    assert (stated["level"], stated["description"], stated["agency"]) == (2, "Rapat.", {"id": "perpus"})
    withdraw = f"mutation($s: ID!) {{ withdrawStatement(id: $s) {{ record {{ status }} {TOLD} }} }}"
    assert ask(client, "tono", withdraw, s=stated["id"])["data"]["withdrawStatement"]["record"]["status"] == "RETIRED"


def test_a_resource_is_asked_for_accepted_and_given_back(client: httpx.Client, store: Store) -> None:
    hall = room(store, capacity=100)
    publish(store, Resource, hall)
    request = f"""mutation($r: ID!, $n: Float) {{ requestResource(agency: "perpus", resource: $r, quantity: $n, key: "once") {{
        record {{ id resource {{ id }} }} {TOLD} }} }}"""
    asked = ask(client, "tono", request, r=hall, n=40)["data"]["requestResource"]["record"]
    assert ask(client, "tono", request, r=hall, n=40)["data"]["requestResource"]["record"] == asked
    decide = f"""mutation($i: ID!, $d: Decision!) {{ decideRequest(id: $i, decision: $d, answer: "Silakan.") {{
        record {{ decision answer resource {{ inUse users {{ agency {{ id }} }} }} }} {TOLD} }} }}"""
    assert ask(client, "tono", decide, i=asked["id"], d="ACCEPTED")["data"]["decideRequest"]["problems"]
    accepted = ask(client, "sari", decide, i=asked["id"], d="ACCEPTED")["data"]["decideRequest"]["record"]
    assert accepted["resource"] == {"inUse": 40.0, "users": [{"agency": {"id": "perpus"}}]}
    again = request.replace('"once"', '"twice"')
    other = ask(client, "tono", again, r=hall, n=30)["data"]["requestResource"]["record"]
    both = ask(client, "sari", decide, i=other["id"], d="ACCEPTED")["data"]["decideRequest"]["record"]["resource"]
    assert both == {"inUse": 70.0, "users": [{"agency": {"id": "perpus"}}] * 2}, "each is a use of its own"
    counted = "query($r: ID!) { resource(id: $r) { usersCount users { until } } }"
    seen = ask(client, "sari", counted, r=hall)["data"]["resource"]
    assert seen == {"usersCount": 1, "users": [{"until": None}] * 2}, "of one agency"
    save = f"mutation($r: ID!) {{ saveResource(input: {{id: $r, inUse: 0, capacity: 69}}) {{ {TOLD} }} }}"
    assert ask(client, "sari", save, r=hall)["data"]["saveResource"]["problems"] == [
        {"code": "PROMISED", "field": "inUse"},
        {"code": "PROMISED", "field": "capacity"},
    ]
    assert ask(client, "sari", decide, i=other["id"], d="ENDED")["data"]["decideRequest"]["record"]
    ended = ask(client, "sari", decide, i=asked["id"], d="ENDED")["data"]["decideRequest"]["record"]
    assert ended["resource"]["inUse"] == 0


def test_feedback_does_not_name_a_channel_of_another_service(client: httpx.Client, store: Store) -> None:
    about, other = service(store), channel(store, service(store, "Vaksinasi"))
    give = f'mutation($s: ID!, $c: ID) {{ giveFeedback(service: $s, text: "Halo?", channel: $c) {{ {TOLD} }} }}'
    given = ask(client, None, give, s=about, c=other)["data"]["giveFeedback"]
    assert given["problems"] == [{"code": "UNKNOWN_RECORD", "field": "channel"}]
    assert ask(client, None, give, s=about, c=channel(store, about))["data"]["giveFeedback"]["problems"] == []


def test_anybody_gives_feedback_but_changes_nothing_else(client: httpx.Client, store: Store) -> None:
    about = service(store)
    give = f"""mutation($s: ID!, $t: String!) {{
        giveFeedback(service: $s, text: $t, contact: "0812") {{ record {{ id }} {TOLD} }} }}"""
    given = ask(client, None, give, s=about, t="Antreannya panjang.")["data"]["giveFeedback"]
    assert given == {"record": None, "problems": []}, "who gave it does not read it until it is answered"
    waiting = ask(client, "sari", "{ feedbacks { nodes { id description answer } } }")["data"]["feedbacks"]["nodes"]
    assert [one["description"] for one in waiting] == ["Antreannya panjang."]
    answer = f"mutation($i: ID!, $t: String!) {{ answerFeedback(id: $i, text: $t) {{ record {{ answer }} {TOLD} }} }}"
    refused = ask(client, None, answer, i=waiting[0]["id"], t="Saya jawab sendiri.")
    assert refused["errors"][0]["extensions"]["code"] == "NOT_ALLOWED"
    mixed = (
        f'mutation {{ giveFeedback(service: "{about}", text: "x") {{ {TOLD} }} propose(id: "{about}") {{ {TOLD} }} }}'
    )
    assert ask(client, None, mixed)["errors"][0]["extensions"]["code"] == "NOT_ALLOWED"
    assert ask(client, "sari", answer, i=waiting[0]["id"], t="Loket ditambah.")["data"]["answerFeedback"]["record"]
    shown = ask(client, None, "{ feedbacks { nodes { description answer } } }")["data"]["feedbacks"]["nodes"]
    assert shown == [{"description": "Antreannya panjang.", "answer": "Loket ditambah."}]


def test_a_name_that_is_there_already_is_told_of_unless_one_insists(client: httpx.Client) -> None:
    save = """mutation($another: Boolean!) {
        saveAgency(input: {name: "Dinas Kesehatn", kind: "other"}, isAnother: $another) {
            record { status } problems { code value } } }"""
    held_up = ask(client, "sari", save, another=False)["data"]["saveAgency"]
    assert held_up == {"record": None, "problems": [{"code": "ALIKE", "value": "dinkes"}]}
    assert ask(client, "sari", save, another=True)["data"]["saveAgency"]["record"] == {"status": "DRAFT"}


def test_a_long_name_of_a_resource_is_shortened_in_the_name_of_a_request(town: Store) -> None:
    hall = room(town, name="A" * 490)
    publish(town, Resource, hall)
    done = request(town, TONO, ResourceRequest("perpus", hall))
    assert done.record, done.problems
    assert properties(town, Request, done.record)["name"] == f"{'A' * 490} – Dinas P"


def test_a_refused_decision_names_the_current_and_the_needed_one(town: Store) -> None:
    hall = room(town)
    publish(town, Resource, hall)
    asked = request(town, TONO, ResourceRequest("perpus", hall)).record or ""

    def refused(decision: str) -> tuple[str, str]:
        done = decide(town, SARI, asked, decision)
        assert codes(done) == [("WRONG_STATUS", "decision")]
        return done.problems[0].value, done.problems[0].rule

    assert refused("ended") == ("", "an accepted request")
    assert not decide(town, SARI, asked, "accepted").problems
    assert refused("accepted") == refused("declined") == ("accepted", "an open request")
