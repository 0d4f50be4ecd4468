"""A site's own reports: nobody is told of what they may not see, and what cannot be run is refused in a sentence."""

import re
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from loaders.run import run
from loaders.source import find_source
from registry.analysis.report import BrokenReport, ReportError, UnknownReport
from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store, StoreError
from registry.database.user_cypher import Fault, checked
from registry.database.write import upsert
from registry.i18n import use_language
from registry.model.definitions import MODEL
from registry.permissions import ADMIN, ANONYMOUS, Actor
from registry.reports import custom
from registry.reports.catalogue import Library
from registry.reports.render import as_csv, as_text
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record
from tests.support.oracle import World, may_see_all
from tests.support.paths import ROOT
from tests.support.random_world import GROUPS, random_world, write_world

pytestmark = SLOW_ON_NEO4J

AS_OF = "2026-11-25"
SHIPPED = ROOT / "reports"
MEMBER = Actor("member", agencies=frozenset({"agency:number-0", "agency:number-3"}), groups=frozenset(GROUPS[:1]))
SEED = 20261125

TEXTS = {
    "one kind": "MATCH (a:Agency) RETURN count(a) AS n",
    "any kind": "MATCH (a:Agency|Service|Resource|Channel|Feedback) RETURN a.id AS id ORDER BY id",
    "a chain": "MATCH (a:Agency)-[e:PROVIDES]->(s:Service)-[:IN_AREA]->(w:Area) RETURN a.id AS a, e.role AS e, s.id AS s, w.id AS w"
    " ORDER BY a, e, s, w",
    "both ways": "MATCH (a:Agency)-[:PART_OF]-(b:Agency) RETURN a.id AS a, b.id AS b ORDER BY a, b",
    "without names": "MATCH (:Agency)<-[:STATED_BY]-(:Statement)-[:STATED_ABOUT]->(:Partnership) RETURN count(*) AS n",
    "bound before": "MATCH (a:Agency) MATCH (a)-[:OWNS|USES]->(r:Resource) RETURN a.id AS a, count(r) AS r ORDER BY a",
    "perhaps": "MATCH (s:Service) OPTIONAL MATCH (s)<-[:PROVIDES]-(a:Agency) WHERE a.name > 'D' OR a.name = 'a'"
    " WITH s, a ORDER BY a.id RETURN s.id AS s, collect(a.id) AS a ORDER BY s",
    "none": "MATCH (s:Service) WHERE NOT EXISTS { MATCH (s)<-[:PROVIDES]-(a:Agency) } RETURN s.id AS s ORDER BY s",
    "either": "MATCH (s:Service) WHERE s.kind = 'public' OR EXISTS { MATCH (s)-[:REQUIRES]->(:Resource) } RETURN s.id AS s ORDER BY s",
    "how many": "MATCH (p:Partnership) RETURN p.id AS p, COUNT { MATCH (p)<-[:PARTY_TO]-(:Agency) } AS n ORDER BY p",
    "a list": "MATCH (p:Partnership) RETURN p.id AS p, COLLECT { MATCH (p)-[:COVERS]->(r:Resource|Service) WITH r.id AS id ORDER BY id"
    " RETURN id } AS covered ORDER BY p",
    "beside each other": "MATCH (a:Agency)-[:OWNS]->(r:Resource), (n:Need)-[:NEEDED_BY]->(b:Agency)"
    " WHERE r.kind = n.kind AND a.id <> b.id RETURN DISTINCT a.id AS a, b.id AS b ORDER BY a, b",
    "counted again": "MATCH (a:Agency)-[:IN_SECTOR]->(s:Sector) WITH s, count(a) AS n WHERE n > 1"
    " RETURN s.id AS s, n, CASE WHEN n > 2 THEN 'many' ELSE 'two' END AS size ORDER BY n DESC, s SKIP 0 LIMIT 5",
    "of nothing": "UNWIND range(1, 3) AS x OPTIONAL MATCH (f:Feedback) WHERE f.received > '9' RETURN x, f.id AS f ORDER BY x",
    "a variable r": "MATCH (r:Resource)<-[e:USES]-(n:Agency) RETURN r.id AS r, n.id AS n ORDER BY r, n",
    "days": "MATCH (p:Partnership) WHERE p.valid_until IS NOT NULL"
    " RETURN p.id AS p, duration.inDays(date($as_of), date(p.valid_until)).days AS days ORDER BY p",
}  # fmt: skip


PIECES = re.split(
    r"\s*;\s*",
    """(;);[;];{;};,;.;:;|;-;--;-->;<-;>;=;+;*;MATCH;OPTIONAL;WHERE;WITH;RETURN;UNWIND;EXISTS;COUNT;COLLECT;OR;NOT;AND;IN;AS;DISTINCT
    ;UNION;CALL;a;b;s;(a);(x);(:Agency);(a:Agency);(x:Resource);-[:OWNS]->;-[*]-;1;'x';null;true;count;size;labels;match;nodes;properties
    ;keys;a.id;a.name;s.id;.id;{.*};/*;*/;//;$as_of;$me;MATCH (x);match (x);COUNT { (x) };COUNT { MATCH (x:Agency) }
    ;EXISTS { MATCH (a)--(x) };[(a)--(x) | x.id];OR true;OR EXISTS { MATCH (x:Agency) };UNION MATCH (a) RETURN a.id AS id
    ;RETURN count(*) AS n;WITH * MATCH (x:Agency)""",
)


def mangled(text: str, random: Random) -> str:
    """Return a text with a few of its pieces left out, doubled, moved, or replaced by what might find something else."""
    pieces = re.findall(r"\w+|\s+|.", text)
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(pieces))
        match random.choice(["leave out", "double", "move", "put in", "put in", "replace"]):
            case "leave out":
                del pieces[place]
            case "double":
                pieces.insert(place, pieces[place])
            case "move":
                pieces.insert(random.randrange(len(pieces)), pieces.pop(place))
            case "put in":
                pieces.insert(place, f" {random.choice(PIECES)} ")
            case "replace":
                pieces[place] = f" {random.choice(PIECES)} "
    return "".join(pieces)


def fit(text: str) -> bool:
    """Tell whether a text may be run; one that takes some rows of many may take others each time."""
    try:
        return not re.search("SKIP|LIMIT", text) and bool(checked(text, ["as_of"]))
    except Fault:
        return False


def told(store: Store, text: str, actor: Actor) -> Any:
    """Return the rows of a text without their order, or why there are none."""
    try:
        return ordered(rows(store, text, actor))
    except StoreError as error:
        return error.code


def ordered(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(map(ordered, value), key=repr)
    return value["id"] if hasattr(value, "labels") else value.type if hasattr(value, "nodes") else value


@pytest.mark.parametrize("many", [40, pytest.param(2_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("actor", [ANONYMOUS, MEMBER], ids=lambda actor: actor.name)
def test_no_mangled_text_finds_anything_else(store: Store, place: ConnectionSettings, actor: Actor, many: int) -> None:
    random = Random(f"{SEED}-{actor.name}-{many}")
    print("seed", SEED)
    # Neo4j plans every new text for a tenth of a second, so it gets fewer of them.
    wanted = many if place.reader_username != place.username else many // 10
    mangling = (mangled(random.choice(list(TEXTS.values())), random) for _ in iter(int, 1))
    texts = list(islice(filter(fit, mangling), wanted))
    whole = random_world(random, 8)
    write_world(store, whole)
    found = {text: told(store, text, actor) for text in texts}
    store.write(Cypher("MATCH (n) DETACH DELETE n"))
    write_world(store, _left_for(actor, whole))
    assert {text: told(store, text, ADMIN) for text in texts} == found
    assert sum(isinstance(one, list) for one in found.values()) > wanted / 8


def rows(store: Store, text: str, actor: Actor) -> Any:
    safe = checked(text, ["as_of"])
    return store.read(safe.rows(list(safe.columns), {"as_of": AS_OF}, actor, 1_000))


@pytest.mark.parametrize(
    "actor",
    [MEMBER, *(pytest.param(one, marks=pytest.mark.slow) for one in (ANONYMOUS, ADMIN))],
    ids=lambda actor: actor.name,
)
def test_a_text_finds_what_it_would_find_if_nothing_else_were_there(store: Store, actor: Actor) -> None:
    print("seed", SEED)
    whole = random_world(Random(f"{SEED}-{actor.name}"), 12)
    write_world(store, whole)
    found = {name: rows(store, text, actor) for name, text in TEXTS.items()}
    store.write(Cypher("MATCH (n) DETACH DELETE n"))
    write_world(store, _left_for(actor, whole))
    assert {name: rows(store, text, ADMIN) for name, text in TEXTS.items()} == found
    assert sum(map(bool, found.values())) > len(found) / 2


def _left_for(actor: Actor, world: World) -> World:
    """Return a world of nothing but the published records of which somebody may see all."""
    records = [one for one in world.records if one.values["status"] == "published" and may_see_all(actor, one.values)]
    kept = {one.id for one in records}
    return World(MODEL, records=records, ties=[one for one in world.ties if {one.start_id, one.end_id} <= kept])


WAYS_AROUND = {
    "a write": ("MATCH (n:Agency) SET n.name = '' RETURN n.id AS id", "SET may not be used"),
    "a write in small letters": ("MATCH (n:Agency) detach delete n RETURN 1 AS id", "detach may not follow a pattern"),
    "small letters": ("match (n) return n.id as id", "match is no function"),
    "a procedure": ("CALL db.labels() YIELD label RETURN label AS id", "CALL may not be used"),
    "a subquery": ("WITH 1 AS x CALL { MATCH (n) RETURN n.id AS id } RETURN id", "CALL may not be used"),
    "a file": ("LOAD CSV FROM 'file:///etc/passwd' AS id RETURN id", "LOAD may not be used"),
    "a file in small letters": ("WITH * load csv from 'file:///etc/passwd' as id RETURN id", "csv may not follow load"),
    "another graph": ("USE system MATCH (n:Agency) RETURN n.id AS id", "USE may not be used"),
    "a second text": ("MATCH (a:Agency) RETURN a.id AS id UNION MATCH (n) RETURN n.id AS id", "UNION may not be used"),
    "a hidden match": ("WITH * match (n) RETURN n.id AS id", "match is no function"),
    "a count without match": ("MATCH (a:Agency) RETURN COUNT { (n) } AS id", "Behind COUNT there has to be { MATCH"),
    "the same in small letters": ("MATCH (a:Agency) RETURN count { (n) } AS id", "Braces stand only behind"),
    "a pattern as a condition": ("MATCH (a:Agency) WHERE (a)--(:Service) RETURN a.id AS id", "Ties are followed behind MATCH alone"),
    "a pattern as a list": ("MATCH (a:Agency) RETURN size([(a)-[:OWNS]->(r) | r.id]) AS id", "Ties are followed behind MATCH alone"),
    "the same with gaps": ("MATCH (a:Agency) RETURN size([(a)-/* */ [:OWNS]->(r) | r.id]) AS id", "Ties are followed"),
    "any length": ("MATCH (a:Agency)-[:PART_OF*1..3]->(b:Agency) RETURN b.id AS id", "there has to be ] here, not *"),
    "any tie": ("MATCH (a:Agency)-->(b:Agency) RETURN b.id AS id", "there has to be [ here, not -"),
    "a quantifier": ("MATCH ((a:Agency)-[:PART_OF]->(b:Agency)){1,3} RETURN b.id AS id", "there has to be"),
    "a path": ("MATCH p = (a:Agency)-[:PART_OF]->(b:Agency) RETURN nodes(p) AS id", "there has to be ( here, not p"),
    "any kind": ("MATCH (a) RETURN a.id AS id", "a has no kind"),
    "any kind without a name": ("MATCH (:Agency)-[:OWNS]->() RETURN 1 AS id", "needs a kind"),
    "all kinds": ("MATCH (a:%) RETURN a.id AS id", "a kind of the model here, not %"),
    "a map": ("MATCH (a:Agency {id: 'a'}) RETURN a.id AS id", "there has to be ) here, not {"),
    "everything of a record": ("MATCH (a:Agency) RETURN properties(a) AS id", "properties is no function"),
    "its map": ("MATCH (a:Agency) RETURN a {.*} AS id", "Braces stand only behind"),
    "who may read it": ("MATCH (a:Agency) RETURN a.shown_to AS id", "The model has no property shown_to"),
    "the ends of a tie": ("MATCH (a:Agency)-[e:OWNS]->(r:Resource) RETURN endNode(e) AS id", "endNode is no function"),
    "an extension": ("MATCH (a:Agency) RETURN apoc.graph() AS id", "apoc.graph is no function"),
    "quoted names": ("MATCH (`a:Agency) RETURN 1 //`) RETURN 1 AS id", "'`' may not stand here"),
    "escaped letters": (r"MATCH (a:Agency) WHERE a.name = '\u0027 OR EXISTS { (b) } //' RETURN a.id AS id", "may not stand here"),
    "other dashes": ("MATCH (a:Agency)–[:OWNS]–(r:Resource) RETURN r.id AS id", "'–' may not stand here"),
    "an open comment": ("MATCH (a:Agency) /* RETURN 1 AS id", "'/' may not stand here"),
    "a value of its own": ("MATCH (a:Agency) WHERE a.id = $me RETURN a.id AS id", "$me is no parameter of this report"),
    "no such tie": ("MATCH (a:Agency)-[:OWN]->(r:Resource) RETURN r.id AS id", "a tie of the model here, not OWN"),
    "no such property": ("MATCH (a:Agency) RETURN a.nmae AS id", "no property nmae. Did you mean name?"),
    "no name": ("MATCH (a:Agency) RETURN a.name", "Give the column a.name a name with AS"),
    "one name twice": ("MATCH (a:Agency) RETURN a.name AS id, a.id AS id", "the column id twice"),
    "no end": ("MATCH (a:Agency) WITH a", "ends with one RETURN"),
    "nothing": ("// only this", "There is no Cypher here"),
    "an open bracket": ("MATCH (a:Agency) RETURN (a.name AS id", "( is never closed"),
    "a closed one": ("MATCH (a:Agency) RETURN a.name] AS id", "] closes nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS_AROUND)
def test_what_could_find_something_else_is_refused(name: str) -> None:
    text, sentence = WAYS_AROUND[name]
    with pytest.raises(Fault) as refused:
        checked(f"\n{text}", [])
    assert sentence in str(refused.value) and str(refused.value).endswith((".", "?"))
    assert refused.value.line in (1, 2)


HEADER = """\
// question = { en = "How many?", id = "Berapa?" }
// method = { en = "They are counted.", id = "Dihitung." }
// title = { en = "Numbers", id = "Angka-angka" }
// [parameters.step]
// type = "integer"
// default = 1
// least = 1
// most = 9
// en = "Each so many."
// id = "Tiap sekian."
//
// [columns.n]
// type = "integer"
// label = { en = "Number", id = "Angka" }
// description = { en = "A number.", id = "Sebuah angka." }
"""
TEXT = "UNWIND range(1, 7, $step) AS n\nRETURN n, n > 3 AS found, [] AS evidence\n"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def written(folder: Path, content: str, name: str = "how-many") -> None:
    (folder / f"{name}.cypher").write_text(content, encoding="utf-8")


def test_a_report_is_there_as_soon_as_its_file_is(tmp_path: Path, store: Store) -> None:
    library = Library(tmp_path / "reports")
    assert "how-many" not in library.questions()
    (tmp_path / "reports").mkdir()
    written(tmp_path / "reports", HEADER + TEXT)
    assert library.run(store, "how-many", ADMIN, AS_OF, {"step": "2"}).found == 2
    written(tmp_path / "reports", HEADER + TEXT.replace("> 3", "> 0"))
    assert library.run(store, "how-many", ADMIN, AS_OF).found == 7
    (tmp_path / "reports" / "how-many.cypher").unlink()
    with pytest.raises(UnknownReport, match="There is no report called “how-many”"):
        library.run(store, "how-many", ADMIN, AS_OF)


def test_its_texts_are_there_in_both_languages(tmp_path: Path, library: Library, store: Store) -> None:
    written(tmp_path, HEADER + TEXT)
    for language, question, label in (("en", "How many?", "Number"), ("id", "Berapa?", "Angka")):
        with use_language(language):
            report = library.run(store, "how-many", ANONYMOUS, AS_OF)
            assert (report.question, report.columns[0].label) == (question, label)
            assert question in as_text(report)
            assert library.find("how-many").parameters[0].label in ("Each so many", "Tiap sekian")


@pytest.mark.parametrize(
    ("changed", "line", "sentence"),
    [
        (("question = {", "question = ["), 1, "no sound TOML"),
        (("// method", "// mothod"), 2, "mothod"),
        (('id = "Berapa?"', 'fr = "Combien ?"'), 1, "question.fr: extra inputs are not permitted"),
        (('type = "integer"\n// default', 'type = "text"\n// default'), 5, "parameters.step.type"),
        (("default = 1", "default = 10"), 4, "the default lies between least and most"),
        (("default = 1", "default = 1.5"), 4, "whole numbers"),
        (("default = 1", "default = nan"), 6, "parameters.step.default"),
        (("[columns.n]", "[columns.evidence]"), 12, "a name is made of small letters"),
        (("[columns.n]", "[columns.N]"), 12, "a name is made of small letters"),
        (('type = "integer"\n// label', 'type = "money"\n// label'), 13, "columns.n.type"),
        (("[columns.n]", "[columns.m]"), 17, "the column m, which RETURN does not give"),
        (("n, n > 3", "n, 1 AS m, n > 3"), 17, "the column m, of which the header says nothing"),
        ((", [] AS evidence", ""), 17, "no list of records named evidence"),
        (("n > 3 AS found, ", ""), 17, "Say of how many"),
        (("// method", '// of = "RETURN 1 AS of"\n// method'), 18, "Say of how many"),
        (("RETURN n", "RETRUN n"), 17, "RETRUN may not be used"),
        (("$step) AS n", "$stop) AS n"), 16, "Did you mean step?"),
        (("// question", "question"), 1, "title: field required"),
    ],
    ids=range(18),
)
def test_a_fault_of_a_file_is_told_with_its_line(
    tmp_path: Path, library: Library, changed: tuple[str, str], line: int, sentence: str
) -> None:
    written(tmp_path, (HEADER + TEXT).replace(*changed, 1))
    with pytest.raises(BrokenReport) as broken:
        library.find("how-many")
    assert str(broken.value).startswith(f"how-many.cypher, line {line}: "), str(broken.value)
    assert sentence in str(broken.value)
    assert [str(one) for one in library.faults()] == [str(broken.value)]
    assert "how-many" not in library.questions()
    with use_language("id"):
        assert str(library.faults()[0]).startswith(f"how-many.cypher, baris {line}: ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("UNWIND [1] AS n\nRETURN size(reduce(s = 'x', i IN [1, 2] | s + s)) AS n", "reduce may not be used"),
        ("UNWIND [1] AS n\nRETURN size(range(1, 1000000000)) AS n", "range gives at most 10,000 numbers"),
        ("UNWIND [1] AS n\nRETURN size(range(1, $step)) AS n", "whole numbers that are written out"),
        ("UNWIND [1] AS n\nRETURN size(range(1, n * 9)) AS n", "whole numbers that are written out"),
        ("UNWIND ['x'] AS s WITH " + " WITH ".join(["s + s AS s"] * 30) + "\nRETURN size(s) AS n", "at most 10 times"),
        ("UNWIND ['x'] AS s\nRETURN size(replace(s, 'x', s)) AS n", "a text in quotes"),
        ("UNWIND ['x'] AS s\nRETURN size(" + "replace(" * 3 + "s" + f", 'x', '{'x' * 40}')" * 3 + ") AS n", "at most 10"),
        ("UNWIND ['x'] AS s\nRETURN size('" + "x" * 1001 + "') AS n", "at most 1,000 characters"),
        ("UNWIND [[1, 2]] AS l\nRETURN size([a IN l | [b IN l | [c IN l | 1]]]) AS n", "for each member of a list"),
    ],
    ids=["reduce", "range", "parameter", "value", "plus", "replace", "replaced often", "literal", "lists in lists"],
)  # fmt: skip
def test_what_would_grow_without_a_limit_is_refused_with_its_line(
    tmp_path: Path, library: Library, text: str, sentence: str
) -> None:
    written(tmp_path, HEADER + f"{text}, true AS found, [] AS evidence\n")
    with pytest.raises(BrokenReport, match=r"^how-many\.cypher, line 1[67]: .*" + sentence):
        library.find("how-many")


@pytest.mark.parametrize("name", ["gaps", "graphql", "reports", "How-Many", "how_many", "how-1", "x" * 41])
def test_a_name_that_is_taken_or_is_none_is_told(tmp_path: Path, library: Library, name: str) -> None:
    written(tmp_path, HEADER + TEXT, name)
    (fault,) = library.faults()
    assert str(fault).startswith(f"{name}.cypher, line 1: ") and str(fault).endswith(".")
    assert library.questions().keys() == Library().questions().keys()


def test_files_that_are_no_text_are_told(tmp_path: Path, library: Library) -> None:
    (tmp_path / "bytes.cypher").write_bytes(b"// a\n\xff")
    (tmp_path / "long.cypher").write_text("// a\n" * 30_000)
    (tmp_path / "folder.cypher").mkdir()
    assert [str(one) for one in library.faults()] == [
        "bytes.cypher, line 2: It is no UTF-8 text.",
        "long.cypher, line 1: It holds more than 100,000 bytes.",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("MATCH (a:Agency) RETURN a.name AS n, true AS found, [a] AS evidence", "a value in n that is none of the type integer"),
        ("MATCH (a:Agency) RETURN a AS n, true AS found, [a] AS evidence", "a value in n that is none of the type integer"),
        ("UNWIND [3000000000] AS n RETURN n, true AS found, [] AS evidence", "a value in n that is none of the type integer"),
        ("UNWIND [0] AS n RETURN 1 / n AS n, true AS found, [] AS evidence", "cannot do what its text says"),
        ("MATCH (a:Agency) RETURN 1 AS n, AND AS found, [] AS evidence", "cannot do what its text says"),
        ("MATCH (a:Agency) RETURN 1 AS n, true AS found, [null] AS evidence, 1 AS m", "of which the header says nothing"),
    ],
    ids=range(6),
)  # fmt: skip
def test_what_the_store_cannot_do_is_a_sentence(
    tmp_path: Path, library: Library, store: Store, text: str, sentence: str
) -> None:
    offices = [record("Agency", "agency:one", "Secretariat", kind="department", access="open", status="published")]
    store.write(upsert(MODEL["Agency"], offices, source="test", run="run:test", now=now()))
    written(tmp_path, HEADER + text)
    with pytest.raises(BrokenReport) as broken:
        library.run(store, "how-many", ADMIN, AS_OF)
    assert sentence in str(broken.value) and "Secretariat" not in str(broken.value)


def test_a_text_without_end_is_stopped(tmp_path: Path, library: Library, neo4j_server: Any) -> None:
    login = neo4j_server.username, neo4j_server.password
    written(tmp_path, HEADER + TEXT.replace("\n", "".join(f" UNWIND range(1, 10000) AS {one}" for one in "abc") + "\n", 1)
            .replace("n,", "count(*) AS n,").replace("n >", "count(*) >"))  # fmt: skip
    with (
        Store(ConnectionSettings(neo4j_server.uri, *login, *login, timeout=0.5)) as store,
        pytest.raises(StoreError) as stopped,
    ):
        library.run(store, "how-many", ADMIN, AS_OF)
    assert stopped.value.code == "TIMEOUT"


def test_a_report_of_very_many_rows_is_cut_and_says_so(tmp_path: Path, library: Library, store: Store) -> None:
    written(tmp_path, HEADER + TEXT.replace("range(1, 7, $step)", f"range(-9, {custom.ROWS}, $step)"))
    report = library.run(store, "how-many", ADMIN, AS_OF)
    assert len(report.rows) == custom.ROWS
    assert (report.found, report.of) == (custom.ROWS - 3, custom.ROWS + 10)
    assert any("more are left out" in note for note in report.notes)


def test_a_restricted_record_is_counted_as_withheld(tmp_path: Path, library: Library, store: Store) -> None:
    offices = [
        record("Agency", f"agency:{access}", f"Office {access}", kind="department", access=access, status="published")
        for access in ("open", "restricted", "closed")
    ]
    store.write(upsert(MODEL["Agency"], offices, source="test", run="run:test", now=now()))
    written(tmp_path, HEADER + "MATCH (a:Agency) RETURN count(a) AS n, true AS found, collect(a) AS evidence")
    report = library.run(store, "how-many", ANONYMOUS, AS_OF)
    assert (report.rows[0]["n"], report.withheld) == (1, 1)
    assert "closed" not in as_csv(report) and "restricted" not in as_csv(report)
    assert library.run(store, "how-many", ADMIN, AS_OF).rows[0]["n"] == 3


def test_the_reports_that_ship_find_what_the_sample_has(store: Store) -> None:
    assert not run(store, find_source("depok", Settings(_env_file=None))).refused
    library = Library(SHIPPED)
    assert not library.faults()
    unshared = library.run(store, "unshared-data", ADMIN, AS_OF)
    channels = library.run(store, "services-without-a-channel", ADMIN, AS_OF)
    assert unshared.found and channels.found
    assert {row["users"] for row in unshared.rows} > {0}
    assert all(row.evidence[0].kind == "Resource" for row in unshared.rows)
    everybody = library.run(store, "unshared-data", ANONYMOUS, AS_OF)
    assert everybody.of < unshared.of and everybody.withheld
    with pytest.raises(ReportError, match="enter a whole number from 1 to 100"):
        library.run(store, "unshared-data", ADMIN, AS_OF, {"least_users": "0"})
