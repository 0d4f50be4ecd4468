"""What is hidden from somebody is unknown to them, never none: tried for every link of the model, by every question.

Each kind has a record of which nobody knows more than its summary, and records seen whole whose far ends are hidden; each
of them has every link of its kind. Beside them stand records without links: what is hidden makes no difference.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Reader, Store
from registry.explore.impact import STOPPABLE
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind
from registry.model.records import make_record, make_relationship
from registry.permissions import ADMIN, ANONYMOUS, Actor
from registry.web.app import build_app
from registry.web.base import record_path
from registry.web.templating import label
from schema.execute import QueryContext
from schema.schema import build_schema, facets_of
from schema.types import camel, field_of
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.oracle import World
from tests.support.random_world import random_value, write_world
from tests.support.server import serving

pytestmark = SLOW_ON_NEO4J

SCHEMA = build_schema(MODEL)
KINDS = [kind for kind in MODEL if kind.ends and not kind.read_only]
ENDS = [end for kind in KINDS for end in kind.ends.values()]
# How much is seen of a record and of the far ends of its links.
SEEN = {"summary": ("restricted", "open"), "far-summary": ("open", "restricted"), "far-closed": ("open", "closed")}
BARE = {"summary": "bare-summary", "far-summary": "bare-whole", "far-closed": "bare-whole"}
MAY_DEPEND = re.compile("Not everything that depends on it is shown|Other records may depend on it")
STEWARD = Actor("steward", agencies=frozenset({"agency:court"}))  # sees the details of every record
ALWAYS = "Pages list and count only what you have access to."
NONE = re.compile(r"(?<!not )\b(nothing|none|no path)\b(?! that you have access)", re.IGNORECASE)
Ask = Callable[..., Any]


def near(kind: str, how: str) -> str:
    return f"{kind.lower()}:{how}"


def far(kind: str, how: str) -> str:
    return f"{kind.lower()}:end-of-{how}"


def made(kind: type[Kind], one: str, access: str) -> Any:
    """Return a record with no more than it needs."""
    required = {
        name: random_value(Random(0), declared) for name, declared in kind.properties.items() if declared.required
    }
    found, problems = make_record(
        kind, {**required, "id": one, "name": one, "access": access, "status": "published", "steward": "agency:court"}
    )
    assert found, problems
    return found


def world() -> World:
    """Return records of every kind, with every link of the model from both of its ends."""
    found = World(MODEL)
    for kind in KINDS:
        name = kind.__name__
        for how, (access, far_access) in SEEN.items():
            found.records += [made(kind, near(name, how), access), made(kind, far(name, how), far_access)]
        found.records += [
            made(kind, near(name, "bare-summary"), "restricted"),
            made(kind, near(name, "bare-whole"), "open"),
        ]
    for end in (end for end in ENDS if end.declared):
        values = {
            name: random_value(Random(0), declared)
            for name, declared in end.link.properties.items()
            if declared.required
        }
        for how in SEEN:
            for here, there in (
                (near(end.kind, how), far(end.target, how)),
                (far(end.kind, how), near(end.target, how)),
            ):
                tie, problems = make_relationship(end, here, there, values)
                assert tie, problems
                found.ties.append(tie)
    return found


@pytest.fixture(scope="module")
def hidden(ready_store: Store, place: ConnectionSettings) -> ConnectionSettings:
    """Where the world is."""
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    write_world(ready_store, world())
    return place


@pytest.fixture
def ask(hidden: ConnectionSettings) -> Ask:
    """Ask operations, one after the other, as nobody in particular; return what each answers."""

    def ask(*operations: str, actor: Actor = ANONYMOUS) -> list[Any]:
        async def asked() -> list[Any]:
            async with Reader(hidden) as reader:
                answers = [await SCHEMA.execute(one, QueryContext(reader, actor)) for one in operations]
            errors = [error for answer in answers for error in answer.errors or ()]
            assert {error.extensions["code"] for error in errors if error.extensions} <= {"NOT_FOUND"}, errors
            return [answer.data for answer in answers]

        return asyncio.run(asked())

    return ask


def links_of(kind: type[Kind], one: str) -> str:
    """Return the operation that reads every link of a record, and counts it."""
    parts = " ".join(
        f"{camel(end.name)} {{ __typename }}" + ("" if end.single else f" {camel(end.name)}Count")
        for end in kind.ends.values()
    )
    return f'{{ one: {field_of(kind)}(id: "{one}") {{ withheld {parts} }} }}'


@pytest.mark.parametrize("how", SEEN)
def test_counts_and_lists_of_links_that_are_not_seen_are_unknown(ask: Ask, how: str) -> None:
    told = ask(*(links_of(kind, near(kind.__name__, how)) for kind in KINDS))
    bare = ask(*(links_of(kind, near(kind.__name__, BARE[how])) for kind in KINDS))
    for kind, one, none in zip(KINDS, told, bare, strict=True):
        assert one["one"]["withheld"] is (how == "summary")
        for end in kind.ends.values():
            listed, count = one["one"][camel(end.name)], one["one"].get(f"{camel(end.name)}Count", 1)
            if not end.link.summary:  # also where nothing is hidden: what is there of it depends on what is seen alone
                assert listed is None and none["one"][camel(end.name)] is None, end
                assert end.single or (count is None and none["one"][f"{camel(end.name)}Count"] is None), end
            elif how != "far-closed":
                assert listed and count == 1, end
            else:
                assert listed == none["one"][camel(end.name)] and listed in (None, []), end


def test_who_sees_all_details_is_told_that_there_are_none(ask: Ask) -> None:
    found = ask(*(links_of(kind, near(kind.__name__, "bare-whole")) for kind in KINDS), actor=STEWARD)
    for kind, one in zip(KINDS, found, strict=True):
        for end in kind.ends.values():
            assert one["one"][camel(end.name)] == (None if end.single else []), end
            assert end.single or one["one"][f"{camel(end.name)}Count"] == 0, end


def test_a_filter_on_links_that_are_not_seen_holds_neither_way(ask: Ask) -> None:
    def counts(end: End, how: str) -> str:
        link = camel(end.name)
        asked = [f"{link}: {{{quantifier}: {{}}}}" for quantifier in ("some", "none", "every")]
        wheres = [*asked, *(f"not: {{{one}}}" for one in asked)]
        one = near(end.kind, how)
        return " ".join(
            f'{how.replace("-", "_")}{number}: {camel(MODEL[end.kind].plural)}(where: {{id: {{eq: "{one}"}}, {where}}})'
            " { totalCount withheld }"
            for number, where in enumerate(wheres)
        )

    ways = ("summary", "far-summary", "bare-whole")
    found = ask(*(f"{{ {' '.join(counts(end, how) for how in ways)} }}" for end in ENDS))
    for end, counted in zip(ENDS, found, strict=True):
        assert {one["withheld"] for one in counted.values()} == {not end.link.summary}, end
        some, none, every, *opposite = zip(
            *[[counted[f"{how.replace('-', '_')}{number}"]["totalCount"] for number in range(6)] for how in ways],
            strict=True,
        )
        if end.link.summary:
            assert (some, none, every) == ((1, 1, 0), (0, 0, 1), (1, 1, 1)), end
        else:
            assert (some, none, every) == ((0, 0, 0), (0, 1, 1), (0, 1, 1)), end
            assert [one[0] for one in opposite] == [0, 0, 0], end


def test_a_facet_counts_apart_what_is_not_seen(ask: Ask) -> None:
    """Links by which records are counted are all part of the summary, so that only properties can be withheld."""
    facets = [(kind, name) for kind in KINDS for name in facets_of(kind)]
    assert all(kind.ends[name].link.summary for kind, name in facets if name in kind.ends)
    of_details = [
        (kind, name) for kind, name in facets if name in kind.properties and not kind.properties[name].summary
    ]
    assert of_details
    found = ask(
        *(
            f'{{ {camel(kind.plural)}(where: {{id: {{eq: "{near(kind.__name__, "summary")}"}}}})'
            f" {{ countBy(field: {name.upper()}) {{ value label count withheld }} }} }}"
            for kind, name in of_details
        )
    )
    for (kind, _name), counted in zip(of_details, found, strict=True):
        assert counted[camel(kind.plural)]["countBy"] == [{"value": None, "label": None, "count": 1, "withheld": True}]


def impact(one: str) -> str:
    hit = "{ record { id } }"
    return (
        f'{{ impact(of: "{one}") {{ services {hit} resources {hit} agencies {hit} areas {hit} withheld complete }} }}'
    )


def test_a_list_says_that_a_condition_concerns_what_is_not_seen(ask: Ask) -> None:
    def lists(kind: type[Kind]) -> str:
        wheres = {
            name: f"{camel(name)}: {{isNull: false}}" for name in kind.properties if name not in ("access", "status")
        }
        wheres |= {
            f"{name}__{deep}": f"{camel(name)}: {{some: {{{deepest}}}}}"
            for name, end in kind.ends.items()
            for deep, deepest in (
                ("name", f"{field_of(MODEL[end.target])}: {{name: {{contains: 1}}}}".replace("1", '"a"')),
                ("details", f"{field_of(MODEL[end.target])}: {{description: {{isNull: false}}}}"),
            )
            if end.link.properties
        }
        wheres |= {
            f"{name}__details": f"{camel(name)}: {{none: {{description: {{isNull: false}}}}}}"
            for name, end in kind.ends.items()
            if not end.link.properties
        }
        return " ".join(
            f"{one}: {camel(kind.plural)}(where: {{{where}}}) {{ withheld }}" for one, where in wheres.items()
        )

    for kind, found in zip(KINDS, ask(*(f"{{ {lists(kind)} }}" for kind in KINDS)), strict=True):
        for one, counted in found.items():
            name, _, deep = one.partition("__")
            summary = kind.ends[name].link.summary if deep else kind.properties[name].summary
            assert counted["withheld"] is (deep == "details" or not summary), (kind, one)
    (found,) = ask("{ services(where: {description: {isNull: false}}) { withheld } }", actor=STEWARD)
    assert not found["services"]["withheld"]


def test_an_impact_that_is_not_seen_is_withheld(ask: Ask) -> None:
    for kind in STOPPABLE:
        for how in (*SEEN, "bare-whole"):
            of = near(kind, how)
            (told,), *whole = (ask(impact(of), actor=actor) for actor in (ANONYMOUS, ADMIN, STEWARD))
            hit = {one["record"]["id"] for hits in told["impact"].values() if isinstance(hits, list) for one in hits}
            depended = any(one.startswith(("service:", "resource:")) for one in {of, *hit})
            assert told["impact"]["withheld"] is depended, (of, hit)
            assert whole[0] == whole[1] and not whole[0][0]["impact"]["withheld"] and whole[0][0]["impact"]["complete"]


def test_a_neighbourhood_says_where_links_are_withheld(ask: Ask) -> None:
    query = (
        '{{ neighbourhood(of: "{}", links: [{}]) {{ leftOut notCurrent withheld nodes {{ more record {{ id }} }} }} }}'
    )
    for end in ENDS:
        ways = [*SEEN, "bare-whole"]
        found = ask(*(query.format(near(end.kind, how), end.link.relation) for how in ways))
        relation = [one for one in MODEL[end.kind].ends.values() if one.link.relation == end.link.relation]
        details = any(not one.link.summary for one in relation)
        for how, answer in zip(ways, found, strict=True):
            told = answer["neighbourhood"]
            if details:
                unknown = {"leftOut": None, "notCurrent": None, "withheld": True}
                assert told | unknown == told and told["nodes"][0]["more"] is None, (end, how)
            else:
                assert (told["leftOut"], told["notCurrent"], told["nodes"][0]["more"]) == (0, 0, 0), (end, how)
        assert found[2] == {"neighbourhood": found[3]["neighbourhood"] | {"nodes": found[2]["neighbourhood"]["nodes"]}}
        (told,) = ask(query.format(near(end.kind, "bare-whole"), end.link.relation), actor=STEWARD)
        assert told["neighbourhood"] | {"leftOut": 0, "notCurrent": 0, "withheld": False} == told["neighbourhood"]


def test_paths_say_where_links_are_withheld(ask: Ask) -> None:
    def path(end: End, how: str) -> str:
        ends = f'from: "{near(end.kind, how)}", to: "{far(end.target, how)}", through: [{end.link.relation}]'
        return f"{{ paths({ends}) {{ nodes {{ length }} withheld }} }}"

    for end in ENDS:
        by_summary, by_far, by_closed = (one["paths"] for one in ask(*(path(end, how) for how in SEEN)))
        assert by_closed is None, end
        if end.link.summary:
            assert by_summary["nodes"] and by_far["nodes"], end
        else:
            unseen = {"nodes": [], "withheld": True}
            assert by_summary == unseen and by_far == unseen, end


def test_a_search_says_that_some_details_are_not_searched(ask: Ask) -> None:
    for actor in (ANONYMOUS, STEWARD):
        (told,) = ask('{ search(text: "no such word") { totalCount withheld } }', actor=actor)
        assert told["search"] == {"totalCount": 0, "withheld": actor is ANONYMOUS}


def test_what_is_shared_says_what_is_withheld(ask: Ask) -> None:
    pairs = [("summary", "bare-whole"), ("far-summary", "end-of-far-summary"), ("bare-whole", "far-closed")]
    parts = "withheld resources { withheld resource { id } uses { covered } }"
    for one, other in pairs:
        shared = f'{{ sharedBetween(agencies: ["agency:{one}", "agency:{other}"]) {{ {parts} }} ties {{ withheld }} }}'
        (told,), (whole,) = ask(shared), ask(shared, actor=STEWARD)
        assert told["sharedBetween"]["withheld"] and told["ties"]["withheld"], (one, other)
        assert not whole["sharedBetween"]["withheld"] and not whole["ties"]["withheld"]
        assert all(one["withheld"] for one in told["sharedBetween"]["resources"])
        assert not any(one["withheld"] for one in whole["sharedBetween"]["resources"])
        assert not any(
            use["covered"] is False for each in told["sharedBetween"]["resources"] for use in each["uses"] or []
        )


@pytest.fixture(scope="module")
def pages(hidden: ConnectionSettings) -> Iterator[Callable[[str], str]]:
    """Return the words of a page as somebody reads it who is not signed in."""
    with serving(build_app(hidden, Settings(_env_file=None, lang="en"))) as client:

        def read(path: str) -> str:
            answer = client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"})
            assert answer.status_code == 200, path
            text = answer.text.partition("<main")[2]
            return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))

        yield read


def test_pages_say_what_is_not_shown_and_never_that_there_is_none(pages: Callable[[str], str]) -> None:
    for kind in KINDS:
        for how in SEEN:
            text = pages(record_path(kind.__name__, near(kind.__name__, how)))
            assert ALWAYS in text and not NONE.search(text), (kind, how)
            assert kind.__name__ not in ("Service", "Resource") or MAY_DEPEND.search(text), (kind, how)
            unseen = [label(end.name) for end in kind.ends.values() if not (end.link.summary or end.single)]
            if how != "summary" and unseen:
                there_may_be = text.partition("There may be some of these that you cannot see:")[2]
                assert all(one in there_may_be.partition(".")[0] for one in unseen), (kind, how)
            details = [label(end.name) for end in kind.ends.values() if not end.link.summary]
            if how == "summary" and details:
                listed = text.partition("Not shown, if recorded:")[2]
                assert all(one in listed for one in details), kind
    text = pages("/shared?agency=agency:summary&agency=agency:bare-whole")
    assert "Not everything is shown" in text and "not known" in text
    assert not NONE.search(text.partition("Partnerships")[0])
    assert "This filter does not find records" in pages("/resources?users=agency:bare-whole")
