"""The sources that ship, on real input where it is there, and tables with faults: what a coordinator would see."""

import os
from pathlib import Path

import pytest

from loaders.outcome import Outcome
from loaders.run import run
from loaders.source import find_source, read_source
from registry.cypher.text import Cypher
from registry.settings import Settings
from registry.store import Store

SHARED = Path(os.environ.get("REGISTRY_SHARED_DATA", Path(__file__).parent.parent.parent / "shared/data"))


def real(folder: str) -> Path:
    """Return the folder of real input, or skip."""
    if not (SHARED / folder).is_dir():
        pytest.skip(f"{SHARED / folder} is not there; set REGISTRY_SHARED_DATA to the folder of real input")
    return SHARED / folder


def load(store: Store, name: str, path: Path | None = None) -> Outcome:
    return run(store, find_source(name, Settings()), from_path=path)


def count(store: Store, text: str) -> int:
    return int(store.read(Cypher(text))[0][0])


def test_fedramp_reuse_is_loaded_whole_and_its_faults_are_named(store: Store) -> None:
    outcome = load(store, "us-fedramp", real("us-fedramp-reuse"))
    assert outcome.refused is None
    assert outcome.created == {"agencies": 232, "resources": 436}
    assert outcome.ties_written["resources.users"] == 2338
    assert count(store, "MATCH (:Agency)-[u:USES]->(:Resource) RETURN count(u)") == 2338
    known = {"UNKNOWN_RECORD": 43, "REPEATED": 114, "NO_ROW": 2, "NO_AGENCY": 6, "JOINT_BOARD": 58}
    assert {code: outcome.counts[code] for code in known} == known
    again = load(store, "us-fedramp", real("us-fedramp-reuse"))
    assert not any((again.created, again.changed, again.retired))
    assert count(store, "MATCH (n:Agency) WHERE n.version > 1 RETURN count(n)") == 0


def test_the_uk_catalogue_gives_its_apis_with_their_owners(store: Store) -> None:
    outcome = load(store, "uk-api-catalogue", real("uk-api-catalogue"))
    assert outcome.refused is None
    assert outcome.created["resources"] == 231
    assert count(store, "MATCH (a:Agency) WHERE (a)-[:OWNS]->() RETURN count(a)") == 33


def site(folder: Path, text: bytes, name: str = "agencies.csv", **expect: int) -> Path:
    """Write a source of one table and return its folder."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data" / name).write_bytes(text)
    wanted = "".join(f"{plural} = {number}\n" for plural, number in expect.items())
    (folder / "source.toml").write_text(
        f'name = "Site"\npublisher = "Site"\nlicence = "CC0"\nformat = "tables"\nfiles = "data"\n[expect]\n{wanted}'
    )
    return folder


HEAD = "id,name,kind\n"


@pytest.mark.parametrize(
    ("encoding", "separator"), [("utf-8", ","), ("utf-8-sig", ";"), ("latin-1", ","), ("cp1252", "\t"), ("utf-16", ",")]
)
def test_a_table_is_read_whatever_its_encoding_and_separator(
    store: Store, tmp_path: Path, encoding: str, separator: str
) -> None:
    text = "\n".join(["id,name,kind", "site:one,Élysée café über alles,department", "site:two,Ñandú à côté,court"])
    folder = site(tmp_path / "my-site", text.replace(",", separator).encode(encoding))
    outcome = run(store, read_source(folder))
    assert outcome.refused is None, outcome.problems
    assert store.read(Cypher("MATCH (n:Agency) RETURN n.name ORDER BY n.id")) == [
        ["Élysée café über alles"],
        ["Ñandú à côté"],
    ]
    assert any("agencies.csv: read as" in note for note in outcome.notes)


def test_a_row_gone_from_the_source_retires_its_record_and_only_its_own(store: Store, tmp_path: Path) -> None:
    run(store, read_source(site(tmp_path / "site-a", (HEAD + "a:one,One,court\na:two,Two,court\n").encode())))
    run(store, read_source(site(tmp_path / "site-b", (HEAD + "b:one,One,court\n").encode())))
    outcome = run(store, read_source(site(tmp_path / "site-a", (HEAD + "a:one,One,court\n").encode())))
    assert outcome.retired == {"agencies": 1}
    read = store.read(Cypher("MATCH (n:Agency) RETURN n.id, n.status ORDER BY n.id"))
    assert read == [["a:one", "published"], ["a:two", "retired"], ["b:one", "published"]]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (HEAD + "a:one,One,nonsense\n", "kind"),
        (HEAD + "a:one,,court\n", "name"),
        (HEAD + "??,One,court\n", "id"),
        (HEAD + "a:one,One\n", ""),
        ("id,name,kind,part_of\na:one,One,court,a:nobody\n", "part_of"),
    ],
)
def test_a_fault_refuses_the_run_names_its_place_and_writes_nothing(
    store: Store, tmp_path: Path, text: str, field: str
) -> None:
    outcome = run(store, read_source(site(tmp_path / "my-site", text.encode())))
    assert outcome.refused
    problem = outcome.problems[0]
    assert (problem.file, problem.row) == ("agencies.csv", 2)
    assert field in problem.field
    assert count(store, "MATCH (n) RETURN count(n)") == 0


def test_of_ten_thousand_faults_a_hundred_are_shown_and_all_counted(store: Store, tmp_path: Path) -> None:
    rows = "".join(f"a:{n:05d},One,nonsense\n" for n in range(10_000))
    outcome = run(store, read_source(site(tmp_path / "my-site", (HEAD + rows).encode())))
    assert outcome.refused
    assert len(outcome.problems) == 100
    assert sum(outcome.counts.values()) == 10_000


def test_fewer_records_than_expected_or_a_wrong_column_is_a_refusal(store: Store, tmp_path: Path) -> None:
    few = run(store, read_source(site(tmp_path / "site-a", (HEAD + "a:one,One,court\n").encode(), agencies=2)))
    assert few.refused and "2 are expected" in few.refused
    wrong = run(store, read_source(site(tmp_path / "site-b", b"id,nme,kind\na:one,One,court\n")))
    assert wrong.refused and "nme" in wrong.refused
    assert count(store, "MATCH (n) RETURN count(n)") == 0
