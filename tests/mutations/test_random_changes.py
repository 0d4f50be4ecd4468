"""Any sequence of changes by three people over GraphQL, beside a plain model of what should come of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.write import upsert
from registry.model.definitions import Agency
from registry.mutations.revisions import verify
from registry.permissions import Actor, Role
from registry.web.app import build_app
from tests.support.actors import acting, by
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record
from tests.support.server import serving

SEED = 20261127
AGENCIES = ["agency:1", "agency:2"]
ACTORS = {
    "sari": Actor("sari", Role.COORDINATOR, frozenset({"agency:1"})),
    "budi": Actor("budi", Role.APPROVER, frozenset({"agency:1"})),
    "tono": Actor("tono", Role.APPROVER, frozenset({"agency:2"})),
}
OURS = {"sari": "agency:1", "budi": "agency:1", "tono": "agency:2"}
RESULT = "{ record { ... on Resource { id name status version owners { id } } } problems { code } }"
SAVE = f"""mutation($input: ResourceInput!, $v: Int, $k: ID) {{
    done: saveResource(input: $input, isAnother: true, ifVersion: $v, key: $k) {RESULT} }}"""
STEPS = {  # from which statuses to which, and whether it takes an approver
    "propose": (["DRAFT"], "PROPOSED", False),
    "approve": (["PROPOSED"], "PUBLISHED", True),
    "sendBack": (["PROPOSED"], "DRAFT", True),
    "retireResource": (["DRAFT", "PROPOSED", "PUBLISHED"], "RETIRED", True),
}
people, versions = st.sampled_from(sorted(ACTORS)), st.sampled_from([None, 0, 0, 0, -1, 1])
links = st.lists(st.sampled_from(AGENCIES), max_size=2, unique=True)


@dataclass
class Thing:
    """A resource as it should be."""

    name: str
    steward: str
    owners: set[str] = field(default_factory=set)
    status: str = "DRAFT"
    version: int = 1
    shown: bool = False

    def seen_by(self, actor: str) -> bool:
        return self.shown or OURS[actor] == self.steward

    def told(self, record: str) -> dict[str, Any]:
        owners = [{"id": one} for one in sorted(self.owners)]
        return {"id": record, "name": self.name, "status": self.status, "version": self.version, "owners": owners}


class Registry(RuleBasedStateMachine):
    """Asks for changes, and compares what is answered with the model."""

    records = Bundle("records")

    def __init__(self, client: httpx.Client, store: Store) -> None:
        super().__init__()
        self._client, self._store = client, store
        self._things: dict[str, Thing] = {}
        self._names = self._entries = 0
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        agencies = [record("Agency", one, one, kind="department") for one in AGENCIES]
        store.write(upsert(Agency, agencies, source="test", run="run:test", now=now()))

    @rule(target=records, actor=people, owners=links, again=st.booleans())
    def create(self, actor: str, owners: list[str], again: bool) -> Any:
        name = self._name()
        given = {"name": name, "kind": "facility", "owners": {"add": owners}}
        answers = [self._ask(actor, SAVE, input=given, k=name) for _ in range(1 + again)]
        made = answers[0]["record"]["id"]
        self._things[made] = Thing(name, OURS[actor], set(owners))
        self._entries += 1
        for answer in answers:
            self._compare(actor, made, answer, None)
        return made

    @rule(target=records)
    def make_up(self) -> Any:
        """Speak of a record that nobody has."""
        return multiple() if "resource:none" in self._things else "resource:none"

    @rule(actor=people, made=records, version=versions)
    def rename(self, actor: str, made: str, version: int | None) -> None:
        self._save(actor, made, version, name=self._name())

    @rule(actor=people, made=records, version=versions, add=links, remove=links)
    def link(self, actor: str, made: str, version: int | None, add: list[str], remove: list[str]) -> None:
        self._save(actor, made, version, owners={"add": add, "remove": remove})

    @rule(actor=people, made=records, name=st.sampled_from(sorted(STEPS)), version=versions)
    def step(self, actor: str, made: str, name: str, version: int | None) -> None:
        thing, (of, to, approving) = self._things.get(made), STEPS[name]
        problem = None
        if thing is None or not thing.seen_by(actor):
            problem = "NOT_FOUND"
        elif not self._may(actor, thing, approving and not (name == "retireResource" and thing.status == "DRAFT")):
            problem = "NOT_ALLOWED"
        elif version:
            problem = "STALE"
        elif thing.status not in of:
            problem = "WRONG_STATUS"
        else:
            after, shown = to, thing.shown or to == "PUBLISHED"
        text = f"mutation($id: ID!, $v: Int) {{ done: {name}(id: $id, ifVersion: $v) {RESULT} }}"
        answer = self._ask(actor, text, id=made, v=self._version(thing, version))
        if thing and not problem:
            thing.status, thing.shown = after, shown
            self._changed(thing)
        self._compare(actor, made, answer, problem)

    @invariant()
    def the_chain_holds_every_change_once(self) -> None:
        found = verify(self._store)
        assert (found.entries, found.what) == (self._entries, None)

    def _save(self, actor: str, made: str, version: int | None, **given: Any) -> None:
        thing = self._things.get(made)
        problem = None
        if thing is None:
            if version is not None or "name" not in given:
                return  # what is new has no version, and needs more than this
            given |= {"kind": "facility"}
        elif not thing.seen_by(actor):
            problem = "TAKEN"
        elif not self._may(actor, thing, False):
            problem = "NOT_ALLOWED"
        elif thing.status == "RETIRED":
            problem = "RETIRED"
        elif version:
            problem = "STALE"
        answer = self._ask(actor, SAVE, input={"id": made, **given}, v=self._version(thing, version))
        if thing is None:
            self._things[made] = Thing(given["name"], OURS[actor])
            self._entries += 1
        elif not problem:
            before = (thing.name, set(thing.owners))
            thing.name = given.get("name", thing.name)
            linked = given.get("owners", {"add": [], "remove": []})
            thing.owners = (thing.owners - set(linked["remove"])) | set(linked["add"])
            if before != (thing.name, thing.owners):
                self._changed(thing)
        self._compare(actor, made, answer, problem)

    def _compare(self, actor: str, made: str, answer: Any, problem: str | None) -> None:
        thing = self._things.get(made)
        assert [one["code"] for one in answer["problems"]] == ([problem] if problem else [])
        assert answer["record"] == (thing.told(made) if thing and thing.seen_by(actor) else None)

    def _may(self, actor: str, thing: Thing, approving: bool) -> bool:
        return OURS[actor] == thing.steward and not (approving and actor == "sari")

    def _changed(self, thing: Thing) -> None:
        thing.version += 1
        self._entries += 1

    def _version(self, thing: Thing | None, off: int | None) -> int | None:
        return thing.version + off if thing and off is not None else None

    def _name(self) -> str:
        self._names += 1
        return sha256(bytes([self._names % 256, self._names // 256])).hexdigest()[:12]

    def _ask(self, actor: str, text: str, **variables: Any) -> Any:
        answer = self._client.post("/graphql", json={"query": text, "variables": variables}, headers=by(actor)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]["done"]


@pytest.fixture(scope="module")
def client(place: ConnectionSettings) -> Iterator[httpx.Client]:
    with serving(acting(build_app(place, Settings(_env_file=None, lang="en")), ACTORS)) as client:
        yield client


@SLOW_ON_NEO4J
@pytest.mark.parametrize(
    ("examples", "steps"), [(8, 20), pytest.param(60, 50, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_whatever_is_asked_for_becomes_what_the_rules_say(
    client: httpx.Client, store: Store, examples: int, steps: int
) -> None:
    print("seed", SEED)

    @seed(SEED)
    def machine() -> Registry:
        return Registry(client, store)

    phases = [Phase.generate, Phase.shrink]
    rules = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=rules)
