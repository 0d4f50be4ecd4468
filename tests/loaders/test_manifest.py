"""Loads that skip what has not changed: their results are those of loads that read every row."""

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from loaders.manifest import hash_folder, row_hash
from loaders.result import LoadResult
from loaders.rows import LooseRow, SourceRow
from loaders.run import RowValidator
from loaders.source import Mapped
from loaders.undo import undo_load
from loaders.writer import WRITING
from registry.database.driver import Cypher, Store
from registry.model.definitions import Agency
from registry.model.kinds import Kind
from registry.mutations.lifecycle import RETIRE, make_transition
from registry.mutations.save import SaveInput, save
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.sources import City

pytestmark = SLOW_ON_NEO4J

GRAPH = Cypher(
    "MATCH (n:Agency|Resource|Partnership) RETURN n.id, n.name, n.acronym, n.steward, n.status, n.version, n.source, n.hash,"
    " COLLECT { MATCH (n)-[e]->(m) WITH e, m ORDER BY type(e), m.id RETURN [type(e), m.id, e.role, e.since, e.source] }"
    " ORDER BY n.id"
)
EVENTS = Cypher("MATCH (c:Change) RETURN c.what, c.record, c.before, c.after ORDER BY c.number")
MANIFEST = Cypher("MATCH (m:Manifest {id: 'city/'}) RETURN count(m)")
CONTEXT = RequestContext(ADMIN, "command")
TWO = ("c:1,City,other,,", "c:2,Health Office,department,c:1,c:1")


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The rows that loads check, by file and number."""
    rows: list[tuple[str, int]] = []
    take = RowValidator.take

    def note(self: RowValidator, row: SourceRow, given: list[Mapped]) -> None:
        rows.append((row.file, row.number))
        take(self, row, given)

    monkeypatch.setattr(RowValidator, "take", note)
    return rows


def loaded(city: City, checked: list[tuple[str, int]], **options: Any) -> LoadResult:
    """Load the source, so that `checked` has only the rows of this load."""
    checked.clear()
    return city.load(**options)


def edit(store: Store, record: str, kind: type[Kind] = Agency, **values: object) -> None:
    """Change a record by hand."""
    done = save(store, CONTEXT, SaveInput(kind, record, values, another=True))
    assert not done.problems, done


def counts(outcome: LoadResult) -> list[object]:
    return [outcome.rows_read, outcome.unchanged, outcome.links_written, outcome.notes, outcome.refused]


def test_an_unchanged_load_writes_nothing_and_counts_the_same(
    city: City, store: Store, checked: list[tuple[str, int]]
) -> None:
    city.agencies(*TWO)
    city.load()
    graph, events = store.read(GRAPH), store.read(EVENTS)
    every, skipped = city.load(skip_unchanged=False), loaded(city, checked)
    assert checked == []
    assert counts(skipped) == counts(every)
    assert (skipped.created, skipped.changed, skipped.retired, skipped.links_removed) == ({}, {}, {}, {})
    assert (store.read(GRAPH), store.read(EVENTS)) == (graph, events)
    assert store.read(Cypher("MATCH (r:Run) WHERE r.finished IS NULL RETURN count(r)")) == [[0]]


def test_a_changed_row_of_one_file_is_found(city: City, store: Store, checked: list[tuple[str, int]]) -> None:
    city.agencies(*TWO)
    city.write("resources", "id,name,kind\nc:r,Hall,facility\n")
    city.load()
    city.agencies(TWO[0], "c:2,Health Department,department,c:1,c:1")
    outcome = loaded(city, checked)
    assert checked == [("agencies.csv", 3)]
    assert (outcome.changed, outcome.unchanged) == ({"agencies": 1}, {"agencies": 1, "resources": 1})
    assert outcome.links_written == {"agencies.part_of": 1}
    assert store.read(Cypher("MATCH (n:Agency {id: 'c:2'}) RETURN n.name, n.version")) == [["Health Department", 2]]
    assert loaded(city, checked).unchanged == {"agencies": 2, "resources": 1} and checked == []


def test_a_table_in_two_files_is_read_from_both(city: City, checked: list[tuple[str, int]]) -> None:
    city.agencies(*TWO)
    more = city.folder / "agencies.tsv"
    more.write_text("id\tname\tkind\nc:3\tOffice\tother\n")
    city.load()
    more.write_text("id\tname\tkind\nc:3\tBureau\tother\n")
    outcome = loaded(city, checked)
    assert (outcome.changed, outcome.unchanged, checked) == ({"agencies": 1}, {"agencies": 2}, [("agencies.tsv", 2)])
    more.write_text("id\tname\tkind\nc:2\tBureau\tother\n")
    assert "CONFLICT" in city.load().counts


def test_links_of_other_files_to_a_row_that_is_gone_are_found(city: City) -> None:
    city.agencies(*TWO, "c:3,Office,other,,", "c:4,Bureau,other,,", "c:5,Centre,other,,")
    city.write("resources", "id,name,kind,owners\nc:r,Hall,facility,c:3\n")
    city.load()
    city.agencies(*TWO, "c:4,Bureau,other,,", "c:5,Centre,other,,")
    assert [(one.code, one.file, one.row) for one in city.load().problems] == [("UNKNOWN_RECORD", "resources.csv", 2)]


@pytest.mark.parametrize("table", ["agencies", "resources.users"])
def test_a_new_row_that_contradicts_an_unchanged_row_is_found(city: City, table: str) -> None:
    city.agencies(*TWO)
    city.write("resources", "id,name,kind\nc:r,Hall,facility\n")
    city.write("resources.users", "resource,agency,role,since\nc:r,c:1,reuse,2020-01-01\n")
    city.load()
    row = {"agencies": "c:2,Another,department,c:1,\n", "resources.users": "c:r,c:1,reuse,2024-01-01\n"}[table]
    city.write(table, (city.folder / f"{table}.csv").read_text() + row)
    assert city.load().counts == {"CONFLICT": 1}


@pytest.mark.parametrize("name", ["c:2", "c:1"])
def test_a_record_edited_by_hand_is_treated_as_by_a_full_load(
    city: City, store: Store, checked: list[tuple[str, int]], name: str
) -> None:
    city.agencies(*TWO)
    city.load()
    edit(store, name, name="Edited by hand")
    outcome = loaded(city, checked)
    assert outcome.counts == {"BY_HAND": 1} and len(checked) == 2
    assert store.read(Cypher(f"MATCH (n:Agency {{id: '{name}'}}) RETURN n.name, n.source")) == [
        ["Edited by hand", "by-hand"]
    ]
    again = loaded(city, checked)
    assert len(checked) == 1, "only the row with a problem is checked again"
    assert counts(again) == counts(city.load(skip_unchanged=False))
    assert again.problems == outcome.problems


def test_a_change_of_other_records_does_not_void_the_shortcut(
    city: City, other: City, store: Store, checked: list[tuple[str, int]]
) -> None:
    city.agencies(*TWO)
    other.agencies("o:1,Other,other,,c:1")
    city.load()
    other.load()
    edit(store, "o:1", name="Another")
    city.load()
    assert loaded(city, checked).unchanged == {"agencies": 2} and checked == []


def declare(city: City) -> None:
    city.declare('access = "restricted"\n')


def change_code(city: City) -> None:
    found = Cypher("MATCH (m:Manifest {id: 'city/'}) RETURN m.content")
    content = city.store.read(found)[0][0].replace('"rest":"', '"rest":"other code ')
    city.store.write(
        Cypher("MATCH (m:Manifest {id: 'city/'}) SET m.content = $in.content", {"in": {"content": content}})
    )


def retire(city: City) -> None:
    done = make_transition(city.store, CONTEXT, Agency, "c:2", RETIRE)
    assert not done.problems, done


def undo(city: City) -> None:
    ((run,),) = city.store.read(Cypher("MATCH (r:Run) RETURN r.id"))
    undo_load(city.store, run)


def interrupt(city: City) -> None:
    before = (city.folder / "agencies.csv").read_text()
    city.agencies("c:1,Town,other,,", TWO[1])

    def stop(what: str, *_: object) -> None:
        if what == WRITING:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        city.load(progress=stop)
    (city.folder / "agencies.csv").write_text(before)


def load_without_pruning(city: City) -> None:
    before = (city.folder / "agencies.csv").read_text()
    city.agencies(TWO[0], "c:9,Unpruned,other,,")
    city.load(prune=False)
    (city.folder / "agencies.csv").write_text(before)


def add_to_folder(city: City) -> None:
    (city.folder / "lookup.py").write_text("")


def remove_link(city: City) -> None:
    city.store.write(Cypher("MATCH (:Agency)-[e:PART_OF]->(:Agency) DELETE e"))


@pytest.mark.parametrize(
    "happen", [declare, change_code, retire, undo, interrupt, load_without_pruning, add_to_folder, remove_link]
)
def test_what_may_change_the_result_makes_the_load_read_every_row(
    city: City, store: Store, checked: list[tuple[str, int]], happen: Callable[[City], None]
) -> None:
    city.agencies(*TWO)
    city.load()
    happen(city)
    outcome = loaded(city, checked)
    assert checked == [("agencies.csv", 2), ("agencies.csv", 3)]
    assert outcome.refused is None
    if happen not in (declare, retire):
        assert [row[0] for row in store.read(GRAPH) if row[4] == "published"] == ["c:1", "c:2"]
        assert store.read(GRAPH)[1][-1] == [["PART_OF", "c:1", None, None, "city"]]


def test_a_code_list_is_part_of_what_must_be_unchanged(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text("code\na\n")
    before = hash_folder(tmp_path)
    (tmp_path / "codes.csv").write_text("code\nb\n")
    assert hash_folder(tmp_path) != before


def test_a_load_with_errors_leaves_no_manifest(city: City, store: Store, checked: list[tuple[str, int]]) -> None:
    city.declare("left_out_at_most = 1\n")
    city.agencies(*TWO, "c:3,Office,other,c:9,")
    assert city.load().rows_left_out == 1
    assert store.read(MANIFEST) == [[0]]
    edit(store, "c:1", name="Town")
    assert loaded(city, checked).counts == {"UNKNOWN_RECORD": 1, "BY_HAND": 1} and len(checked) == 3


class Edits:
    """Random changes of the files of a source and of its records."""

    def __init__(self, city: City, chance: random.Random) -> None:
        self._city, self._chance, self._next = city, chance, 5
        numbers = range(5)
        self.tables: dict[str, list[list[str]]] = {
            "agencies": [
                ["id", "name", "kind", "acronym", "part_of"],
                *([f"c:{n}", f"Office {n}", "other", f"O{n}", "c:0" if n else ""] for n in numbers),
            ],
            "resources": [
                ["id", "name", "kind", "owners"],
                *([f"c:r{n}", f"Hall {n}", "facility", f"c:{n}"] for n in numbers),
            ],
            "resources.users": [
                ["resource", "agency", "role", "since"],
                *([f"c:r{n}", f"c:{4 - n}", "reuse", "2020-01-01"] for n in numbers),
            ],
            "partnerships": [["id", "name", "instrument"], *([f"c:p{n}", f"Pact {n}", "mou"] for n in range(3))],
            "partnerships.parties": [
                ["partnership", "agency", "role"],
                *([f"c:p{n}", f"c:{n + more}", "partner"] for n in range(3) for more in (0, 1)),
            ],
        }
        self.write()

    def write(self) -> None:
        for name, rows in self.tables.items():
            self._city.write(name, "".join(",".join(row) + "\n" for row in rows))

    def step(self) -> str:
        """Change something, and return what."""
        self.tables = {name: self._without_faults(rows) for name, rows in self.tables.items()}
        change = self._chance.choice(
            [self._nothing, self._value, self._value, self._move, self._add, self._remove, self._repeat, self._by_hand]
        )
        change()
        self.write()
        return change.__name__

    def _without_faults(self, table: list[list[str]]) -> list[list[str]]:
        rows = {"".join(row[:2]) if row[0].startswith("c:p") else row[0]: row for row in table if "nonsense" not in row}
        return list(rows.values()) if self._chance.random() < 0.7 else table

    def _table(self) -> list[list[str]]:
        return self.tables[self._chance.choice(sorted(self.tables))]

    def _nothing(self) -> None:
        pass

    def _value(self) -> None:
        table = self._table()
        row = self._chance.choice(table[1:])
        column = self._chance.randrange(1, len(row))
        values = {
            "part_of": ["", "c:1", "c:2", "c:3"],
            "owners": ["", "c:1;c:2", "c:3"],
            "agency": ["c:1", "c:4"],
            "since": ["", "2021-05-05"],
            "role": [row[column], "first" if "since" in table[0] else "lead", "nonsense"],
            "kind": [row[column]],
            "instrument": ["mou", "informal"],
        }
        row[column] = self._chance.choice(
            values.get(table[0][column], [f"Name {self._chance.randrange(99)}", row[column]])
        )

    def _move(self) -> None:
        table = self._table()
        table.insert(1, table.pop())

    def _add(self) -> None:
        self._next += 1
        self.tables["agencies"].append([f"c:{self._next}", f"Office {self._next}", "other", "", "c:0"])

    def _remove(self) -> None:
        table = self._table()
        if len(table) > 3:
            del table[self._chance.randrange(1, len(table))]

    def _repeat(self) -> None:
        table = self._table()
        table.append(list(self._chance.choice(table[1:])))

    def _by_hand(self) -> None:
        record = f"c:{self._chance.randrange(5)}"
        if self._city.store.read(Cypher(f"MATCH (n:Agency {{id: '{record}', status: 'published'}}) RETURN n.id")):
            edit(self._city.store, record, acronym=f"H{self._chance.randrange(9)}")


def results(city: City, seed: int, *, skip_unchanged: bool) -> list[object]:
    """Return what the graph holds and what each load reports, for a random sequence of changes and loads."""
    city.store.write(Cypher("MATCH (n) DETACH DELETE n"))
    city.declare("left_out_at_most = 4\n")
    edits, found = Edits(city, random.Random(seed)), []
    assert city.load(dry_run=True).refused is None
    for number in range(9):
        what = edits.step() if number else "first"
        outcome = city.load(skip_unchanged=skip_unchanged).as_json()
        given = {
            name: value for name, value in outcome.items() if name not in ("run", "notes", "clearings", "problems")
        }
        listed = [sorted(map(str, outcome[name])) for name in ("notes", "clearings", "problems")]
        found += [(number, what, given, listed), city.store.read(GRAPH)]
    return found


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 12))])
def test_random_changes_end_as_with_full_loads(city: City, seed: int) -> None:
    skipping, full = (results(city, seed, skip_unchanged=one) for one in (True, False))
    for one, other in zip(skipping, full, strict=True):
        assert one == other, seed


def test_rows_with_other_cells_or_columns_have_other_hashes() -> None:
    cells = [1, 1.5, True, "1", "true", None, "", 2**70, -(2**70), date(2026, 1, 1), "2026-01-01", "\ud800", [1], ["1"]]
    rows = [
        *(LooseRow([("a", cell)], "f", 1) for cell in cells),
        SourceRow([("b", "1")], "f", 1),
        SourceRow([("a", "1"), ("b", "")], "f", 1),
        SourceRow([("b", ""), ("a", "1")], "f", 1),
    ]
    assert len({row_hash(row) for row in rows}) == len(rows)
    assert row_hash(SourceRow([("a", "1")], "f", 1)) == row_hash(SourceRow([("a", "1")], "other", 2))
