"""What a source does not mention stays; what it clears is counted, listed and, when it is most, refused."""

import pytest

from loaders.source import no_link
from registry.cli.load import print_outcome
from registry.database.driver import Cypher, Store
from tests.support.sources import TOML, City

TEN = range(10)
USES = "resource,agency,role,since\n"
WORLD = Cypher(
    "MATCH (n:Agency|Resource) RETURN n.id, n.name, n.acronym, n.access, n.status, n.version, n.hash, n.words,"
    " COLLECT { MATCH (n)-[e]->(m) WITH e, m ORDER BY m.id RETURN [m.id, e.role, e.since] } ORDER BY n.id"
)


def agencies(city: City, columns: str, *cells: str) -> None:
    """Write ten agencies with the cells of these columns."""
    rows = ""
    for n in TEN:
        given = [one.format(n=n, parent="c:0" if n else "") for one in cells]
        rows += ",".join([f"c:{n},City {n},other", *given]) + "\n"
    city.write("agencies", f"id,name,kind{columns}\n{rows}")


@pytest.fixture
def full(city: City) -> City:
    """A source that was loaded once: ten agencies, a hall and its uses."""
    agencies(city, ",acronym,access,part_of", "A{n}", "restricted", "{parent}")
    city.write("resources", "id,name,kind\nc:r,Hall,facility\n")
    city.write("resources.users", USES + "".join(f"c:r,c:{n},reuse,2020-01-01\n" for n in TEN))
    outcome = city.load()
    assert outcome.refused is None, outcome
    return city


def test_a_column_that_is_not_there_leaves_values_and_links_as_they_are(full: City, store: Store) -> None:
    before = store.read(WORLD)
    agencies(full, "")
    full.write("resources.users", "resource,agency,role\n" + "".join(f"c:r,c:{n},reuse\n" for n in TEN))
    outcome = full.load()
    assert (outcome.refused, outcome.changed, outcome.cleared, outcome.links_removed) == (None, {}, {}, {})
    assert store.read(WORLD) == before
    assert any("stored links agencies.part_of (9); they are unchanged" in note for note in outcome.notes)


def test_another_column_changes_and_the_one_that_is_not_there_stays(full: City, store: Store) -> None:
    agencies(full, ",access,part_of", "open", "{parent}")
    assert full.load().changed == {"agencies": 10}
    assert store.read(Cypher("MATCH (n:Agency) RETURN DISTINCT n.access, n.acronym STARTS WITH 'A'")) == [
        ["open", True]
    ]
    agencies(full, ",acronym,access,part_of", "A{n}", "open", "{parent}")
    assert full.load().unchanged["agencies"] == 10, "what is kept is as if the source had given it"


def test_a_table_of_links_that_is_not_there_leaves_the_links(full: City, store: Store) -> None:
    before = store.read(WORLD)
    (full.folder / "resources.users.csv").unlink()
    outcome = full.load()
    assert (outcome.refused, outcome.links_removed) == (None, {})
    assert any('add "resources.users" to complete' in note for note in outcome.notes)
    assert store.read(WORLD) == before


def test_a_retired_record_that_returns_without_a_status_is_published(full: City, store: Store) -> None:
    text = (full.folder / "agencies.csv").read_text()
    full.write("agencies", text.replace("c:9,City 9,other,A9,restricted,c:0\n", ""))
    full.write("resources.users", USES)
    assert full.load(retire_most=True).retired == {"agencies": 1}
    agencies(full, "")
    full.load()
    row = store.read(Cypher("MATCH (n:Agency {id: 'c:9'}) RETURN n.status, n.access, n.acronym"))
    assert row == [["published", "restricted", "A9"]]


@pytest.mark.parametrize(
    ("complete", "gone"),
    [
        ('["agencies"]', "10 of its 10 values of agencies.acronym"),
        ('["resources.users"]', "10 of its 10 links of resources.users"),
        ('["agencies.part_of"]', "9 of its 9 links of agencies.part_of"),
    ],
)
def test_a_complete_list_is_cleared_but_most_of_it_only_on_request(
    full: City, store: Store, complete: str, gone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, count = store.read(WORLD), int(gone.split()[0])
    full.declare(f"complete = {complete}\n")
    agencies(full, ",access", "restricted")
    (full.folder / "resources.users.csv").unlink()
    refused = full.load()
    assert refused.refused and f"no longer has {gone}" in refused.refused and "--retire-most" in refused.refused
    assert store.read(WORLD) == before
    foretold = full.load(dry_run=True, retire_most=True)
    assert store.read(WORLD) == before and sum(foretold.cleared.values()) == count
    print_outcome(foretold)
    told = capsys.readouterr().err
    assert told.count("Would be cleared: ") == count and f"Would be cleared, {gone.split()[-1]}: {count}." in told
    done = full.load(retire_most=True)
    assert (done.refused, done.cleared, done.links_removed) == (None, foretold.cleared, foretold.links_removed)
    assert full.load().changed == {}


@pytest.mark.parametrize("emptied", [4, 5, 6])
def test_most_of_the_values_or_links_that_a_file_empties_is_refused(full: City, store: Store, emptied: int) -> None:
    rows = "".join(
        f"c:{n},City {n},other,{'' if n < emptied else f'A{n}'},restricted,{'c:0' if n else ''}\n" for n in TEN
    )
    full.write("agencies", f"id,name,kind,acronym,access,part_of\n{rows}")
    outcome = full.load(dry_run=True)
    assert outcome.cleared == {"agencies.acronym": emptied}
    assert [(one.of, one.record, one.value) for one in outcome.clearings] == [
        ("agencies.acronym", f"c:{n}", f"A{n}") for n in range(emptied)
    ]
    assert bool(outcome.refused) == (emptied > 5)
    agencies(full, ",acronym,access,part_of", "A{n}", "restricted", "{parent}")
    full.write("resources.users", USES + "".join(f"c:r,c:{n},reuse,\n" for n in TEN if n >= emptied))
    outcome = full.load(dry_run=True)
    assert outcome.cleared["resources.users"] == emptied and bool(outcome.refused)
    assert ("resources.users", "c:0", "c:r") in [(one.of, one.record, one.value) for one in outcome.clearings]


def test_an_empty_table_of_links_says_that_there_are_none(full: City, store: Store) -> None:
    full.write("resources.users", USES)
    assert "10 of its 10 links of resources.users" in str(full.load().refused)
    assert full.load(retire_most=True).links_removed == {"resources.users": 10}


def test_json_rows_leave_what_no_row_names(city: City, store: Store) -> None:
    path = city.folder / "agencies.json"
    path.write_text('[{"id": "c:1", "name": "A", "kind": "other", "acronym": "X", "website": "https://a.id"}]')
    assert city.load().refused is None
    path.write_text('[{"id": "c:1", "name": "B", "kind": "other", "acronym": null}]')
    assert city.load().cleared == {"agencies.acronym": 1}
    assert store.read(Cypher("MATCH (n:Agency) RETURN n.name, n.acronym, n.website")) == [["B", None, "https://a.id"]]


def test_a_mapping_keeps_properties_it_omits_and_can_empty_them(city: City, store: Store) -> None:
    def declare(more: str) -> None:
        (city.folder / "source.toml").write_text(TOML.replace('"tables"', '"csv"').replace('"."', '"agencies.csv"'))
        (city.folder / "mapping.py").write_text(
            "from loaders.source import *\n\ndef agencies(row):\n"
            f"    yield record('Agency', row['id'], name=row['name'], kind='other'{more}\n"
        )

    city.write("agencies", "id,name\nc:1,City\nc:2,Office\n")
    declare(", acronym='A')\n    if row['id'] != 'c:1':\n        yield link('Agency.part_of', row['id'], 'c:1')")
    assert city.load().refused is None
    declare(")")
    assert (city.load().changed, city.load().links_removed) == ({}, {})
    declare(f", acronym=None)\n    yield {no_link.__name__}('Agency.part_of')")
    outcome = city.load()
    assert (outcome.cleared, outcome.links_removed) == (
        {"agencies.acronym": 2, "agencies.part_of": 1},
        {"agencies.part_of": 1},
    )


def test_complete_names_a_table_or_a_link(city: City) -> None:
    city.declare('complete = ["agency"]\n')
    with pytest.raises(Exception, match=r"'agency' is neither a table nor a link. Did you mean agencies\?"):
        _ = city.source
