"""A change writes the stamps of the kinds that it changes, and of no other kinds."""

import pytest

from registry.clock import now
from registry.database.change_stamps import EVERY, Stamps, kinds_changed_by, kinds_in
from registry.database.driver import Cypher, Store
from registry.database.write import upsert
from registry.model.definitions import MODEL
from registry.mutations.save import SaveInput, save
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record

OTHERS = [kind.__name__ for kind in MODEL if kind.__name__ not in ("Resource", "Agency", "Change", "Source")]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("MATCH (n:Service) RETURN count(n)", {"Service"}),
        ("MATCH (n:Service|Resource) RETURN n.id", {"Service", "Resource"}),
        ("MATCH (n:Need)-[:NEEDED_BY]->(m) RETURN n.id", {"Need", "Agency"}),
        ("MATCH (n:Agency) WHERE COUNT { (n)-[:USES]->() } > 1 RETURN n.id", {"Agency", "Resource"}),
        ("MATCH (c:Credential) RETURN c.id", {"Credential"}),
        (
            "MATCH (n:Area) WITH n MATCH (n)<-[:BROADER*0..]-(m:Area) RETURN m.id",
            {"Area", "Sector", "Audience", "Function"},
        ),
    ],
)
def test_the_kinds_of_a_text_are_its_labels_and_both_ends_of_its_links(text: str, kinds: set[str]) -> None:
    assert kinds_in(text) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "MATCH (n) RETURN count(n)",
        "MATCH (n {id: $in.id}) RETURN n",
        "MATCH (n:Agency)-[e]-(m:Agency) RETURN e",
        "MATCH (n:Agency)--(m:Agency) RETURN m",
        "MATCH (n:Agency)-[e {role: 'lead'}]->(m:Agency) RETURN m",
        "MATCH (n:Agency), (m) RETURN m",
        "MATCH (n:Agency)-[*1..2]->(m:Agency) RETURN m",
        "CALL db.index.fulltext.queryNodes('words', $in.text) YIELD node RETURN node",
    ],
)
def test_a_text_that_does_not_name_its_kinds_stands_for_every_kind(text: str) -> None:
    assert kinds_in(text) is None


def test_a_text_that_only_reads_changes_no_kind() -> None:
    assert kinds_changed_by("MATCH (n:Service) RETURN count(n)") == frozenset()
    assert kinds_changed_by("MATCH (n:Service) SET n.name = $in.name") == {"Service"}
    assert kinds_changed_by("MATCH (n) DETACH DELETE n") is None


def test_stamps_of_nothing_are_no_stamp() -> None:
    assert Stamps().of() == Stamps().of(frozenset({"Agency"})) == ""
    stamps = Stamps([("Agency", "a"), ("Resource", "r")])
    assert stamps.of(frozenset({"Need"})) != "", "no need has ever changed, which is known"
    assert Stamps([(EVERY, "b"), ("Resource", "r")]).of(frozenset({"Need"})) != stamps.of(frozenset({"Need"}))


@SLOW_ON_NEO4J
def test_a_change_of_a_resource_leaves_the_stamps_of_other_kinds(store: Store) -> None:
    store.write(
        upsert(MODEL["Agency"], [record("Agency", "agency:1", "Office", kind="court")], source="s", run="r", now=now())
    )
    before = store.stamps()
    values = {"name": "Hall", "kind": "facility", "steward": "agency:1"}
    assert not save(store, RequestContext(ADMIN, "form"), SaveInput(MODEL["Resource"], "resource:1", values)).problems
    after = store.stamps()
    for kind in OTHERS:
        assert after.of(frozenset({kind})) == before.of(frozenset({kind})), kind
    assert after.of(frozenset({"Resource"})) != before.of(frozenset({"Resource"}))


@SLOW_ON_NEO4J
def test_what_is_read_while_records_change_is_read_again(store: Store) -> None:
    seen = list[int]()

    def read_and_change(reading: object) -> int:
        seen.append(len(seen))
        if len(seen) < 2:
            store.write(Cypher("CREATE (n:Agency {id: 'agency:9'})"))
        store.write(Cypher("MERGE (n:SavedView {id: 'other'}) SET n.name = 'x'"))
        return len(seen)

    assert store.unchanged(read_and_change, frozenset({"Agency"})) == (2, True)
    store.write(Cypher("CREATE (n:Agency {id: 'agency:8'})"))
    changing = store.unchanged(
        lambda _: store.write(Cypher("MATCH (n:Agency) SET n.name = 'y'")), frozenset({"Agency"})
    )
    assert changing[1] is False
