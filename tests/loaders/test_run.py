"""Runs of a source into a real store: what a person sees in the graph afterwards."""

from pathlib import Path

import pytest
from xlsxwriter import Workbook

from loaders.result import LoadResult
from loaders.run import READING
from loaders.writer import WRITING
from registry.cli.load import print_outcome
from registry.database.driver import Cypher, Store
from registry.progress import silent
from tests.support.sources import TOML, City

WORLD = Cypher(
    "MATCH (n:Agency|Service) RETURN labels(n)[0], n.id, n.name, n.status, n.version, n.source,"
    " COLLECT { MATCH (n)-[e]->(m) WITH type(e) AS link, m ORDER BY link, m.id RETURN link + ' ' + m.id } ORDER BY n.id"
)


def names(store: Store) -> dict[str, tuple[str, str, int]]:
    """Return name, status and version of every agency and service, by id."""
    return {row[1]: (row[2], row[3], row[4]) for row in store.read(WORLD)}


def found(outcome: LoadResult) -> list[tuple[str, str, int, str, str]]:
    return [(one.code, one.file, one.row, one.field, one.value) for one in outcome.problems]


def test_a_run_writes_records_and_ties_and_a_second_changes_nothing(city: City, store: Store) -> None:
    city.agencies("c:1,City,other,c:1,", "c:2,Health Office,department,c:1,c:1")
    first = city.load()
    assert (first.created, first.links_written, first.refused) == ({"agencies": 2}, {"agencies.part_of": 1}, None)
    world = store.read(WORLD)
    assert world[1][1:] == ["c:2", "Health Office", "published", 1, "city", ["PART_OF c:1"]]
    second = city.load()
    assert (second.created, second.changed, second.retired) == ({}, {}, {})
    assert second.unchanged == {"agencies": 2}
    assert store.read(WORLD) == world


def test_a_changed_or_emptied_cell_changes_the_graph(city: City, store: Store) -> None:
    city.agencies("c:1,City,other,c:1,", "c:2,Health Office,department,c:1,c:1")
    city.load()
    city.agencies("c:1,City,other,c:1,", "c:2,Health Department,department,,")
    outcome = city.load()
    assert (outcome.changed, outcome.unchanged) == ({"agencies": 1}, {"agencies": 1})
    assert outcome.links_removed == {"agencies.part_of": 1}
    assert names(store)["c:2"] == ("Health Department", "published", 2)
    assert store.read(Cypher("MATCH (n:Agency {id: 'c:2'}) RETURN n.steward")) == [[None]]


def test_a_row_that_is_gone_is_retired_until_it_returns(city: City, store: Store) -> None:
    both = ("c:1,City,other,,", "c:2,Health Office,department,,c:1")
    city.agencies(*both)
    city.load()
    city.agencies(both[0])
    gone = city.load()
    assert (gone.retired, gone.links_removed) == ({"agencies": 1}, {"agencies.part_of": 1})
    assert names(store)["c:2"] == ("Health Office", "retired", 2)
    assert city.load().retired == {}
    city.agencies(*both)
    assert city.load().changed == {"agencies": 1}
    assert names(store)["c:2"] == ("Health Office", "published", 3)


def test_without_pruning_what_is_gone_stays(city: City, store: Store) -> None:
    city.agencies("c:1,City,other,,", "c:2,Health Office,department,,")
    city.load()
    city.agencies("c:1,City,other,,")
    assert city.load(prune=False).retired == {}
    assert names(store)["c:2"][1] == "published"


def test_pruning_retires_only_what_its_own_source_gave(city: City, other: City, store: Store) -> None:
    city.agencies("c:1,City,other,,")
    city.load()
    other.agencies("o:1,Other,other,,c:1")
    assert other.load().links_written == {"agencies.part_of": 1}
    assert city.load().links_removed == {}
    assert set(names(store)) == {"c:1", "o:1"}
    assert store.read(WORLD)[1][-1] == ["PART_OF c:1"]


def test_an_id_of_another_source_or_kind_is_not_taken_over(city: City, other: City, store: Store) -> None:
    city.agencies("c:1,City,other,,")
    city.write("services", "id,name,kind\nc:s,Service,public\n")
    city.load()
    other.declare("left_out_at_most = 2\n")
    other.agencies("o:1,Other,other,,", "c:1,Mine now,other,,", "c:s,No service,other,,")
    outcome = other.load()
    assert found(outcome) == [("TAKEN", "agencies.csv", 3, "id", "c:1"), ("TAKEN", "agencies.csv", 4, "id", "c:s")]
    assert "city" in outcome.problems[0].message and "Service" in outcome.problems[1].message
    assert names(store)["c:1"] == ("City", "published", 1)


def test_a_tie_that_another_source_keeps_stays_as_it_is_and_that_is_told(city: City, other: City, store: Store) -> None:
    table = "resource,agency,role,since\n"
    city.agencies("c:1,City,other,,")
    city.write("resources", "id,name,kind\nc:r,Hall,facility\n")
    city.write("resources.users", table + "c:r,c:1,reuse,2020-01-01\n")
    city.load()
    other.write("resources.users", table + "c:r,c:1,reuse,2024-01-01\n")
    outcome = other.load()
    assert any("Links resources.users that belong to other sources: 1" in note for note in outcome.notes)
    assert store.read(Cypher("MATCH ()-[e:USES]->() RETURN e.since, e.source")) == [["2020-01-01", "city"]]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["c:2,Office,departement,,"], ("UNFIT", "agencies.csv", 2, "kind", "departement")),
        (["c:2,,department,,"], ("REQUIRED", "agencies.csv", 2, "name", "")),
        (["c 2,Office,department,,"], ("UNFIT", "agencies.csv", 2, "id", "c 2")),
        (["c:2,Office,department"], ("RAGGED", "agencies.csv", 2, "", "")),
        (["c:2,Office,department,c:9,"], ("UNKNOWN_RECORD", "agencies.csv", 2, "steward", "c:9")),
        (["c:2,Office,department,,c:9"], ("UNKNOWN_RECORD", "agencies.csv", 2, "part_of", "c:9")),
        (["c:2,A,department,,", "c:2,B,department,,"], ("CONFLICT", "agencies.csv", 3, "name", "B")),
    ],
)
def test_a_run_with_a_bad_row_is_refused_names_it_and_writes_nothing(
    city: City, store: Store, rows: list[str], problem: tuple[str, str, int, str, str]
) -> None:
    city.agencies(*rows, "c:3,Other,other,,")
    outcome = city.load()
    assert problem in found(outcome)
    assert outcome.refused == "Rows of city with errors: 1. At most 0 may be left out."
    assert store.read(Cypher("MATCH (n) WHERE NOT n:Mark RETURN count(n)")) == [[0]]


def test_a_bad_row_that_is_left_out_does_not_retire_its_record(city: City, store: Store) -> None:
    city.declare("left_out_at_most = 1\n")
    city.agencies("c:1,City,other,,", "c:2,Health Office,department,,")
    city.load()
    city.agencies("c:1,City,other,,c:2", "c:2,Health Office,depatment,,")
    outcome = city.load()
    assert (outcome.rows_left_out, outcome.retired, outcome.counts) == (1, {}, {"UNFIT": 1})
    assert names(store)["c:2"] == ("Health Office", "published", 1)
    assert store.read(WORLD)[0][-1] == ["PART_OF c:2"], "it is there, so others may name it"


def test_a_tie_to_what_this_run_would_retire_is_a_problem(city: City) -> None:
    city.agencies("c:1,City,other,,", "c:2,Health Office,department,,")
    city.load()
    city.agencies("c:1,City,other,,c:2")
    assert found(city.load()) == [("UNKNOWN_RECORD", "agencies.csv", 2, "part_of", "c:2")]
    assert city.load(prune=False).refused is None


def test_leaving_out_a_record_leaves_out_what_refers_to_it(city: City, store: Store) -> None:
    city.declare("left_out_at_most = 3\n")
    city.agencies("c:1,A,other,c:9,", "c:2,B,other,c:1,", "c:3,C,other,c:2,", "c:4,D,other,c:4,")
    outcome = city.load()
    assert outcome.counts == {"UNKNOWN_RECORD": 3}
    assert set(names(store)) == {"c:4"}


def test_a_record_may_have_one_of_what_the_model_allows_once(city: City) -> None:
    city.agencies("c:1,A,other,,", "c:2,B,other,,")
    city.write("needs", "id,name,kind,agency\nc:n,Hall,facility,c:1;c:2\n")
    assert {one[0] for one in found(city.load())} == {"SEVERAL"}


def test_less_than_expected_is_refused_and_nothing_is_retired(city: City, store: Store) -> None:
    city.declare("[expect]\nagencies = 2\n")
    city.agencies("c:1,City,other,,", "c:2,Health Office,department,,")
    city.load()
    city.agencies("c:1,City,other,,")
    assert city.load().refused == "city must have at least 2 agencies, but has 1."
    assert names(store)["c:2"][1] == "published"


def test_ten_thousand_faults_are_counted_and_the_first_hundred_shown(
    city: City, capsys: pytest.CaptureFixture[str]
) -> None:
    city.agencies(*(f"c:{number},A,nonsense,," for number in range(10_000)))
    outcome = city.load()
    assert outcome.counts == {"UNFIT": 10_000}
    assert [one.row for one in outcome.problems] == list(range(2, 102))
    assert outcome.refused and outcome.rows_left_out == 10_000
    print_outcome(outcome)
    told = capsys.readouterr().err
    assert told.count("error: agencies.csv, row ") == 100
    assert "Further problems that are not listed: 9900." in told and "UNFIT: 10000" in told


def test_a_dry_run_says_the_same_and_writes_nothing(city: City, store: Store) -> None:
    def counts(outcome: LoadResult) -> list[object]:
        return [outcome.created, outcome.changed, outcome.unchanged, outcome.retired, outcome.links_removed]

    city.agencies("c:1,City,other,,", "c:2,Health Office,department,,c:1")
    assert city.load(dry_run=True).created == {"agencies": 2}
    assert store.read(Cypher("MATCH (n) WHERE NOT n:Mark RETURN count(n)")) == [[0]]
    city.load()
    city.agencies("c:1,Town,other,,", "c:3,Fire Service,department,,c:1")
    before = store.read(WORLD)
    foretold = city.load(dry_run=True)
    assert store.read(WORLD) == before
    assert counts(foretold) == counts(city.load())
    assert counts(foretold)[1:] == [{"agencies": 1}, {}, {"agencies": 1}, {"agencies.part_of": 1}]


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_the_next_run_finishes_an_interrupted_one(
    city: City, store: Store, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.writer.BATCH", 2)
    city.agencies(*(f"c:{number},City {number},other,,{'c:0' if number else ''}" for number in range(5)))
    city.load()
    clean = [row[:4] + row[5:] for row in store.read(WORLD)]
    store.write(Cypher("MATCH (n) DETACH DELETE n"))
    done = 0

    def interrupt(what: str, _done: int, _of: int) -> None:
        nonlocal done
        done += what == WRITING
        if done == batch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        city.load(progress=interrupt)
    assert store.read(Cypher("MATCH (r:Run) WHERE r.finished IS NULL RETURN count(r)")) == [[1]]
    city.load(progress=silent)
    assert [row[:4] + row[5:] for row in store.read(WORLD)] == clean
    assert {row[4] for row in store.read(WORLD)} == {1}, "no version is counted twice"


def test_the_source_and_its_runs_are_on_record(city: City, store: Store) -> None:
    city.agencies("c:1,City,other,,")
    outcome = city.load()
    assert store.read(Cypher("MATCH (s:Source) RETURN s.id, s.name, s.publisher, s.licence, s.format")) == [
        ["city", "N", "P", "L", "tables"]
    ]
    run_of = "MATCH (r:Run) RETURN r.id, r.source, r.rows_read, r.records_created, r.rows_left_out, r.finished IS NULL"
    assert store.read(Cypher(run_of)) == [[outcome.run, "city", 1, 1, 0, False]]


def test_records_without_steward_or_access_get_those_of_the_source(city: City, store: Store) -> None:
    city.declare('steward = "c:1"\naccess = "restricted"\n')
    city.agencies("c:1,City,other,,", "c:2,Health Office,department,c:2,")
    city.load()
    assert store.read(Cypher("MATCH (n:Agency) RETURN n.steward, n.access ORDER BY n.id")) == [
        ["c:1", "restricted"],
        ["c:2", "restricted"],
    ]


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ("yield record('Agency', row['nr'])", "agencies.csv has no column 'nr'. Its columns are: id, name."),
        ("yield 1 / 0", "failed at agencies.csv, row 2: ZeroDivisionError: division by zero."),
        (
            "yield record('Agenci', row['id'])",
            "uses the kind 'Agenci', which is not in the model. Did you mean Agency?",
        ),
        (
            "yield link('Agency.use', 'a:1', 'b:1')",
            "uses the link 'Agency.use', which is not in the model. Did you mean",
        ),
        ("return None", "failed at agencies.csv, row 2"),
    ],
)
def test_a_fault_of_a_mapping_is_one_sentence_that_names_the_row(
    city: City, mapping: str, sentence: str, store: Store
) -> None:
    (city.folder / "source.toml").write_text(TOML.replace('"tables"', '"csv"').replace('"."', '"agencies.csv"'))
    (city.folder / "mapping.py").write_text(f"from loaders.source import *\n\ndef agencies(row):\n    {mapping}\n")
    city.write("agencies", "id,name\nc:1,City\n")
    assert sentence in str(city.load().refused)


def test_a_mapping_may_leave_out_note_and_imply(city: City, store: Store) -> None:
    (city.folder / "source.toml").write_text(
        TOML.replace('"tables"', '"csv"').replace('"."', '["agencies.csv"]') + "left_out_at_most = 1\n"
    )
    (city.folder / "mapping.py").write_text(
        "from loaders.source import implied, left_out, link, noted, record\n\n"
        "def agencies(row):\n"
        "    if not row['name']:\n"
        "        yield left_out('NAMELESS', 'name', '', 'a name', 'it has none')\n"
        "        return\n"
        "    yield noted('SEEN', 'name', row['name'], 'anything', 'it was seen')\n"
        "    yield record('Agency', row['id'], name=row['name'], kind='other')\n"
        "    yield implied('Agency', 'c:0', name='Above', kind='other')\n"
        "    yield link('Agency.part_of', row['id'], 'c:0')\n"
    )
    city.write("agencies", "id,name\nc:1,City\nc:2,\nc:3,Town\n")
    outcome = city.load()
    assert outcome.counts == {"SEEN": 2, "NAMELESS": 1, "NO_ROW": 1}
    assert found(outcome)[-1] == ("NO_ROW", "agencies.csv", 2, "id", "c:0")
    assert set(names(store)) == {"c:0", "c:1", "c:3"}
    assert city.load().created == {}


def test_an_outcome_is_plain_json(city: City) -> None:
    city.agencies("c:1,City,nonsense,,")
    outcome = city.load().as_json()
    assert outcome["problems"][0]["row"] == 2
    assert outcome["rows_read"] == {"agencies.csv": 1}


def test_tables_may_be_given_as_one_workbook(city: City, tmp_path: Path) -> None:
    with Workbook(tmp_path / "all.xlsx") as book:
        sheet = book.add_worksheet("agencies")
        for number, row in enumerate([["id", "name", "kind"], ["c:1", "A", "other"], ["c:2", "B", "other"]]):
            sheet.write_row(number, 0, row)
    outcome = city.load(from_path=tmp_path / "all.xlsx")
    assert outcome.created == {"agencies": 2}, outcome.refused
    assert outcome.rows_read == {"all.xlsx, sheet agencies": 2}


def test_the_progress_of_a_load_counts_to_the_number_of_all_rows(city: City) -> None:
    city.agencies(*(f"c:{number},City {number},other,,{'c:0' if number else ''}" for number in range(1_500)))
    city.write("services", 'id,name,kind,description\nc:s,Permits,public,"one\ntwo"\n')
    seen: dict[str, list[tuple[int, int]]] = {}
    city.load(progress=lambda what, done, of: seen.setdefault(what, []).append((done, of)))
    assert seen[READING] == [(1_000, 1_502), (1_500, 1_502), (1_501, 1_501)]
    assert seen[WRITING] == [(1_000, 3_000), (1_500, 3_000), (1_501, 3_000), (2_501, 3_000), (3_000, 3_000)]
