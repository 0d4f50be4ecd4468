"""What keeps a run from doing harm: retiring too much, meeting another run, leaving a second tie where one may be."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from loaders.writer import WRITING, process_name
from registry.database import load_queries
from registry.database.driver import Cypher, Store, StoreError
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.sources import City

pytestmark = SLOW_ON_NEO4J

STATUSES = Cypher("MATCH (n:Agency|Service) RETURN n.id, n.status ORDER BY n.id")
NEEDED_BY = Cypher("MATCH (n:Need)-[:NEEDED_BY]->(a:Agency) RETURN n.id, a.id ORDER BY n.id, a.id")
FOUR = [f"c:{number},Office {number},other,," for number in range(4)]


def statuses(store: Store) -> dict[str, str]:
    return {row[0]: row[1] for row in store.read(STATUSES)}


@pytest.mark.parametrize(
    "rows", [[], FOUR[:1], [row.replace("c:", "new:") for row in FOUR]], ids=["none", "few", "new"]
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_that_would_retire_most_of_a_kind_is_refused(
    city: City, store: Store, rows: list[str], dry_run: bool
) -> None:
    city.agencies(*FOUR)
    city.load()
    city.agencies(*rows)
    refused = city.load(dry_run=dry_run).refused
    assert refused and f"city no longer has {4 - len(rows) % 4} of its 4 agencies" in refused
    assert "--retire-most" in refused and "--no-prune" in refused
    assert statuses(store) == dict.fromkeys(["c:0", "c:1", "c:2", "c:3"], "published")


def test_most_of_a_kind_is_retired_on_request_and_kept_without_pruning(city: City, store: Store) -> None:
    city.agencies(*FOUR)
    city.load()
    city.agencies()
    assert city.load(prune=False).refused is None
    assert set(statuses(store).values()) == {"published"}
    assert city.load(retire_most=True).retired == {"agencies": 4}
    assert set(statuses(store).values()) == {"retired"}
    assert city.load().refused is None, "what is retired already is not lost again"


def test_a_missing_table_is_noticed_although_the_others_are_complete(city: City, store: Store) -> None:
    city.agencies(*FOUR)
    city.write("services", "id,name,kind\ns:1,Service,public\n")
    city.load()
    (city.folder / "services.csv").unlink()
    refused = city.load().refused
    assert refused and "1 of its 1 services" in refused


def test_half_may_go_and_a_row_that_is_left_out_is_not_gone(city: City, store: Store) -> None:
    city.declare("left_out_at_most = 1\n")
    city.agencies(*FOUR)
    city.load()
    city.agencies(FOUR[0], FOUR[1].replace("other", "nonsense"))
    assert city.load().retired == {"agencies": 2}
    assert statuses(store) == {"c:0": "published", "c:1": "published", "c:2": "retired", "c:3": "retired"}


@pytest.mark.parametrize("prune", [True, False])
def test_a_new_end_takes_the_place_of_the_old_where_there_may_be_one(city: City, store: Store, prune: bool) -> None:
    needs = "id,name,kind,agency\nc:n,Hall,facility,{}\n"
    city.agencies(*FOUR)
    city.write("needs", needs.format("c:0"))
    city.load()
    city.write("needs", needs.format("c:1"))
    assert city.load(prune=prune, dry_run=True).links_removed == {"needs.agency": 1}
    assert city.load(prune=prune).links_removed == {"needs.agency": 1}
    assert store.read(NEEDED_BY) == [["c:n", "c:1"]]


def test_an_only_tie_that_another_source_keeps_stays_and_that_is_told(city: City, other: City, store: Store) -> None:
    city.agencies(*FOUR)
    city.write("needs", "id,name,kind,agency\nc:n,Hall,facility,c:0\n")
    city.load()
    (other.folder / "source.toml").write_text(
        'name = "O"\npublisher = "P"\nlicence = "L"\nformat = "csv"\nfiles = "owners.csv"\n', encoding="utf-8"
    )
    (other.folder / "mapping.py").write_text(
        "from loaders.source import link\n\ndef owners(row):\n    yield link('Need.agency', row['need'], row['agency'])\n"
    )
    other.write("owners", "need,agency\nc:n,c:1\n")
    assert any("Links needs.agency that belong to other sources: 1" in note for note in other.load().notes)
    assert store.read(NEEDED_BY) == [["c:n", "c:0"]]


@pytest.mark.parametrize("moment", [4, 6], ids=["writing records", "writing ties"])
def test_a_second_run_at_the_same_time_is_refused(city: City, store: Store, moment: int) -> None:
    city.agencies(*FOUR)
    city.write("resources", "id,name,kind\nc:r,Hall,facility\n")
    city.write("resources.users", "resource,agency,role\nc:r,c:1,reuse\n")
    second: list[str | None] = []

    def start_another(what: str, done: int, of: int) -> None:
        if (what, done, of) == (WRITING, moment, 6):
            second.append(city.load().refused)

    assert city.load(progress=start_another).created == {"agencies": 4, "resources": 1}
    assert second[0] and second[0].startswith("Another run of city has been in progress since ")
    assert city.load().unchanged == {"agencies": 4, "resources": 1}, "the first gave its lease back"
    assert store.read(Cypher("MATCH (l:Lease) RETURN count(l)")) == [[0]]


def test_sources_do_not_wait_for_each_other_and_a_dry_run_waits_for_nobody(city: City, other: City) -> None:
    city.agencies(*FOUR)
    other.agencies("o:1,Other,other,,")
    met: list[str | None] = []

    def start_others(what: str, _done: int, _of: int) -> None:
        if what == WRITING:
            met.extend([other.load().refused, city.load(dry_run=True).refused])

    assert city.load(progress=start_others).refused is None
    assert met == [None, None]


ELSEWHERE = "elsewhere 1700000000 1 1700000001"


@pytest.mark.parametrize(("lasts", "refused"), [(60_000, True), (0, False)], ids=["a moment ago", "long ago"])
def test_the_lock_of_a_crashed_run_expires(city: City, store: Store, lasts: int, refused: bool) -> None:
    leave_behind(store, ELSEWHERE, lasts)
    city.agencies(*FOUR)
    outcome = city.load()
    assert bool(outcome.refused) is refused
    assert not refused or "in progress since 2026-11-25T08:00:00.000Z" in str(outcome.refused)


def test_what_a_run_leaves_behind_that_crashed_here_blocks_nobody(city: City, store: Store) -> None:
    city.agencies(*FOUR)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as crashed:
        leave_behind(store, process_name(crashed.pid), 60_000)
        assert "Another run of city has been in progress" in str(city.load().refused), "it is alive"
    assert city.load().refused is None


def leave_behind(store: Store, process: str, lasts: int) -> None:
    store.write(
        load_queries.take_lease("city", run="run:crashed", process=process, now="2026-11-25T08:00:00.000Z", lasts=lasts)
    )


def test_a_run_whose_place_was_taken_while_it_stood_still_retires_nothing(city: City, store: Store) -> None:
    city.agencies(*FOUR)
    city.load()
    city.agencies(*FOUR[:3])

    def take_over(_what: str, _done: int, _of: int) -> None:
        store.write(Cypher("MATCH (l:Lease) SET l.holder = 'run:other'"))

    with pytest.raises(StoreError, match="Another run of city started while"):
        city.load(progress=take_over)
    assert statuses(store)["c:3"] == "published"


def test_of_many_that_ask_at_once_one_gets_the_lease(store: Store) -> None:
    def ask(run: str) -> bool:
        asked = load_queries.take_lease("city", run=run, process=ELSEWHERE, now="now", lasts=60_000)
        return bool(store.write(asked)[0][0][0] == run)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, [f"run:{number}" for number in range(24)])) == 1


def test_what_is_retired_is_seen_by_those_who_saw_it(city: City, store: Store) -> None:
    city.write(
        "agencies",
        "id,name,kind,steward,access,grants,status\n"
        + "".join(
            f"c:{was}-{access},A,other,,{access},group:x,{was}\n"
            for was in ("draft", "published")
            for access in ("open", "restricted", "closed")
        ),
    )
    readers = Cypher("MATCH (n:Agency) RETURN n.id, n.seen_by, n.shown_to ORDER BY n.id")
    city.load()
    before = store.read(readers)
    city.agencies()
    assert city.load(retire_most=True).retired == {"agencies": 6}
    assert store.read(readers) == before
    assert ["c:draft-open", *[["*administrators", "group:x"]] * 2] in before


def test_a_first_run_keeps_of_a_record_what_a_later_one_would(city: City, other: City, store: Store) -> None:
    kept = Cypher(
        "MATCH (n:Agency) WHERE n.source = $in.source AND n.id ENDS WITH ':2'"
        " RETURN n.name, n.acronym, n.kind, n.steward, n.status, n.version, n.seen_by, n.shown_to, n.name_key, n.hash = '',"
        " n.created = n.updated, n.run IS NULL, COLLECT { MATCH (n)-[e:PART_OF]->() RETURN [e.source, e.run IS NULL] }"
    )
    city.agencies("c:1,A,other,,", "c:2,B,other,,c:1")
    city.load()
    other.agencies("o:1,A,other,,")
    other.load()
    other.agencies("o:1,A,other,,", "o:2,B,other,,o:1")
    other.load()
    first, later = (store.read(Cypher(kept.text, {"in": {"source": one}}))[0] for one in ("city", "other"))
    assert (first[:-1], first[-1]) == (later[:-1], [["city", False]])
    assert later[-1] == [["other", False]]
