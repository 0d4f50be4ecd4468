"""Data that do not fit this version of the registry are refused by name, before anything is changed; others are prepared."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from registry.auth import credentials
from registry.database import migrate
from registry.database.dialect import words_index
from registry.database.driver import Cypher, Store, StoreError
from registry.database.migrate import (
    DATA_VERSION,
    DERIVED_VERSION,
    apply,
    check,
    compare,
    describe,
    is_current,
    put_metadata,
    stored_metadata,
)
from registry.database.write import upsert
from registry.model.definitions import MODEL, Agency
from registry.model.records import parse_search
from registry.permissions import Role
from tests.support.factories import record

RUN = {"source": "test", "run": "run:test", "now": "2026-01-01T00:00:00.000Z"}
FOUND = "CALL db.index.fulltext.queryNodes($in.index, $in.query) YIELD node RETURN node.id"


@pytest.fixture
def prepared(store: Store) -> Iterator[Store]:
    """A store with an agency, written by this version."""
    apply(store, MODEL)
    store.write(upsert(Agency, [record("Agency", "dinkes", "Dinas Kesehatan", kind="other", acronym="DINKES")], **RUN))
    yield store
    apply_nothing_else(store)


def apply_nothing_else(store: Store) -> None:
    store.write(Cypher("MATCH (n) DETACH DELETE n"))
    apply(store, MODEL)


def refusal(store: Store) -> str:
    """Return why the data are refused; nothing of them, and no index, is changed."""
    before = store.read(stored_metadata()), compare(store, MODEL)
    with pytest.raises(StoreError) as refused:
        apply(store, MODEL)
    assert refused.value.code == "INCOMPATIBLE"
    assert (store.read(stored_metadata()), compare(store, MODEL)) == before
    return str(refused.value)


def remember(store: Store, **values: Any) -> None:
    """Write metadata as another version of the registry would have."""
    if "model" in values:
        values["model"] = orjson.dumps(values["model"]).decode()
    store.write(put_metadata(values))


def found(store: Store, words: str) -> list[str]:
    given = {"index": words_index(Agency), "query": parse_search(words).query}
    return [row[0] for row in store.read(Cypher(FOUND, {"in": given}))]


def altered(name: str, **kept: str | None) -> dict[str, dict[str, str]]:
    """Return the model as it was when a kind or a link had other properties; None is one that it did not have."""
    model = {one: dict(types) for one, types in describe(MODEL).items()}
    model[name] = {**model.get(name, {}), **{key: kind for key, kind in kept.items() if kind}}
    for key, kind in kept.items():
        if kind is None:
            del model[name][key]
    return model


def test_data_of_this_version_are_taken_as_they_are(prepared: Store) -> None:
    assert is_current(prepared, MODEL)
    values = prepared.read(stored_metadata())[0][0]
    assert (values["version"], values["derived"]) == (DATA_VERSION, DERIVED_VERSION)
    assert orjson.loads(values["model"]) == describe(MODEL)


def test_an_empty_store_needs_nothing(store: Store) -> None:
    assert is_current(store, MODEL)


@pytest.mark.parametrize("newer", [{"version": DATA_VERSION + 1}, {"derived": DERIVED_VERSION + 1}])
def test_data_of_a_newer_version_are_refused(prepared: Store, newer: dict[str, int]) -> None:
    remember(prepared, **newer)
    assert "newer version of the registry" in refusal(prepared)


def test_a_property_that_the_model_lost_is_named_while_records_have_it(prepared: Store) -> None:
    remember(prepared, model=altered("Agency", short_name="String"))
    assert is_current(prepared, MODEL)  # no record has it: nothing is lost
    prepared.write(Cypher("MATCH (n:Agency) SET n.short_name = 'DINKES'"))
    assert "Agency.short_name is not in the model, and 1 records have it" in refusal(prepared)


def test_a_property_of_another_type_is_named(prepared: Store) -> None:
    remember(prepared, model=altered("Agency", acronym="[String]"))
    assert "Agency.acronym is now String, and was [String], and 1 records have it" in refusal(prepared)


def test_a_property_that_became_required_is_named(prepared: Store) -> None:
    remember(prepared, model=altered("Agency", kind="String"))
    assert is_current(prepared, MODEL)
    prepared.write(Cypher("MATCH (n:Agency) REMOVE n.kind"))
    assert "Agency.kind is required, and 1 records lack it" in refusal(prepared)


def test_a_link_that_the_model_lost_is_named(prepared: Store) -> None:
    remember(prepared, model=altered("Agency-BELONGS_TO->Agency", since="Date"))
    assert is_current(prepared, MODEL)
    prepared.write(Cypher("MATCH (n:Agency) MERGE (n)-[:BELONGS_TO]->(n)"))
    assert "Agency-BELONGS_TO->Agency is not in the model, but 1 exist" in refusal(prepared)


def test_an_optional_property_may_be_added(prepared: Store) -> None:
    remember(prepared, model=altered("Agency", acronym=None))
    apply(prepared, MODEL)
    assert orjson.loads(prepared.read(stored_metadata())[0][0]["model"]) == describe(MODEL)


def test_what_only_a_newer_model_has_stays_on_record(prepared: Store) -> None:
    remember(prepared, model=altered("Agency", motto="String"))
    apply(prepared, MODEL)
    assert check(prepared, MODEL).model["Agency"]["motto"] == "String"


def test_indexes_of_another_version_are_left_alone(prepared: Store) -> None:
    name = "registry_agency_motto_abc123"
    prepared.change_schema(f"CREATE INDEX {name} IF NOT EXISTS FOR (n:Agency) ON (n.motto)")
    try:
        difference = apply(prepared, MODEL)
        assert (difference.surplus, difference.obsolete) == ((name,), ())
        assert name in compare(prepared, MODEL).surplus
    finally:
        prepared.change_schema(f"DROP INDEX {name} IF EXISTS")


def test_what_is_known_to_be_obsolete_is_dropped(prepared: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "registry_agency_motto_abc124"
    prepared.change_schema(f"CREATE INDEX {name} IF NOT EXISTS FOR (n:Agency) ON (n.motto)")
    monkeypatch.setattr(migrate, "OBSOLETE", frozenset({name}))
    assert apply(prepared, MODEL).obsolete == (name,)
    assert not compare(prepared, MODEL).surplus


def outdated(store: Store, number: int) -> None:
    """Write agencies whose derived values an earlier version left behind, and metadata that say so."""
    rows = [record("Agency", f"agency:{n}", f"Puskesmas {n}", kind="other") for n in range(number)]
    retired = record("Agency", "agency:hidden", "Rahasia", kind="other", status="retired")
    store.write(upsert(Agency, [*rows, retired], **RUN))
    store.write(
        Cypher("MATCH (n:Agency) SET n.words = '', n.name_key = '', n.seen_by = ['x'], n.face_words = ' dinas '")
    )
    store.write(Cypher("MATCH (n:Agency) REMOVE n.summary_words"))
    remember(store, derived=0)


def test_derived_values_that_are_due_are_computed_before_anybody_searches(prepared: Store) -> None:
    outdated(prepared, 3)
    assert found(prepared, "puskesmas") == []
    assert not is_current(prepared, MODEL)
    told: list[str] = []
    apply(prepared, MODEL, told.append)
    assert sorted(found(prepared, "puskesmas")) == ["agency:0", "agency:1", "agency:2"]
    rows = prepared.read(Cypher("MATCH (n:Agency) RETURN n.id, n.name_key, n.seen_by ORDER BY n.id"))
    assert rows[0] == ["agency:0", "puskesmas 0", ["*"]]
    assert rows[3] == ["agency:hidden", "rahasia", ["x"]]  # what was retired keeps its readers
    renamed = prepared.read(Cypher("MATCH (n:Agency {id: 'agency:0'}) RETURN n.face_words, n.summary_words"))
    assert renamed == [[None, " puskesmas =puskisma 0 =puskesmas0 "]]
    assert told[-1] == "Preparing the data for this version: 5 records done."
    assert is_current(prepared, MODEL)


def test_tokens_of_the_first_data_version_stay_valid(prepared: Store) -> None:
    secret, _token = credentials.issue(prepared, "Dewi", Role.ANALYST, [], [])
    prepared.write(Cypher("MATCH (c:Credential) SET c.sort = c.kind REMOVE c.kind"))
    remember(prepared, derived=1)
    assert credentials.session_by_token(prepared, secret) is None
    apply(prepared, MODEL)
    assert credentials.session_by_token(prepared, secret)


def test_what_was_interrupted_goes_on_where_it_ended(prepared: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    outdated(prepared, 6)
    monkeypatch.setattr(migrate, "BATCH", 3)

    def interrupt(said: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(prepared, MODEL, interrupt)
    assert not is_current(prepared, MODEL)
    told: list[str] = []
    apply(prepared, MODEL, told.append)
    assert [int(one) for said in told for one in re.findall(r"\d+", said)] == [3, 5]  # 8 with dinkes, 3 done before
    assert len(found(prepared, "puskesmas")) == 6
    assert "progress" not in prepared.read(stored_metadata())[0][0]


def test_data_without_metadata_are_taken_over_where_they_fit(prepared: Store) -> None:
    outdated(prepared, 2)
    prepared.write(Cypher("MATCH (m:Metadata) DETACH DELETE m"))
    assert not is_current(prepared, MODEL)
    apply(prepared, MODEL)
    assert len(found(prepared, "puskesmas")) == 2
    assert is_current(prepared, MODEL)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("SET n.short_name = 'D'", "Agency.short_name is not in the model"),
        ("SET n.acronym = 7", "Agency.acronym is now String, and has other values"),
        ("MERGE (n)-[:BELONGS_TO]->(n)", "Agency-BELONGS_TO->Agency is not in the model"),
    ],
)
def test_data_without_metadata_that_do_not_fit_are_refused(prepared: Store, change: str, said: str) -> None:
    prepared.write(Cypher("MATCH (m:Metadata) DETACH DELETE m"))
    prepared.write(Cypher(f"MATCH (n:Agency) {change}"))
    said_of = refusal(prepared)
    assert said in said_of
    assert "load the sources again into an empty database" in said_of
