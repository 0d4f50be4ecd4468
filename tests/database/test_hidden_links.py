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
FLAGGED = "Not shown: you need access to the details of this record."
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
            if not end.link.summary and how == "summary":
                assert listed is None and (end.single or count is None), end
            elif end.link.summary and how != "far-closed":
                assert listed and count == 1, end
            else:  # what is there of it depends on what is seen alone
                assert listed == none["one"][camel(end.name)] and listed in (None, []), end


def test_a_filter_on_links_that_are_not_seen_holds_neither_way(ask: Ask) -> None:
    def counts(end: End, how: str) -> str:
        link = camel(end.name)
        asked = [f"{link}: {{{quantifier}: {{}}}}" for quantifier in ("some", "none", "every")]
        wheres = [*asked, *(f"not: {{{one}}}" for one in asked)]
        one = near(end.kind, how)
        return " ".join(
            f'{how.replace("-", "_")}{number}: {camel(MODEL[end.kind].plural)}(where: {{id: {{eq: "{one}"}}, {where}}})'
            " { totalCount }"
            for number, where in enumerate(wheres)
        )

    ways = ("summary", "far-summary", "bare-whole")
    found = ask(*(f"{{ {' '.join(counts(end, how) for how in ways)} }}" for end in ENDS))
    for end, counted in zip(ENDS, found, strict=True):
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
    return f'{{ impact(of: "{one}") {{ services {hit} resources {hit} agencies {hit} areas {hit} withheld }} }}'


def test_an_impact_that_is_not_seen_is_withheld(ask: Ask) -> None:
    summaries = {one.id for one in world().records if one.values["access"] == "restricted"}
    for kind in STOPPABLE:
        for how in SEEN:
            of = near(kind, how)
            (told,), (whole,) = (ask(impact(of), actor=actor) for actor in (ANONYMOUS, ADMIN))
            hit = {one["record"]["id"] for hits in told["impact"].values() if isinstance(hits, list) for one in hits}
            details = {one for one in summaries & {of, *hit} if one.startswith(("service:", "resource:"))}
            assert told["impact"]["withheld"] is bool(details), (of, hit)
            assert not whole["impact"]["withheld"]


def test_a_neighbourhood_says_where_links_are_withheld(ask: Ask) -> None:
    for kind in KINDS:
        query = '{{ neighbourhood(of: "{}") {{ leftOut withheld nodes {{ more record {{ id }} }} }} }}'
        (told,) = ask(query.format(near(kind.__name__, "summary")))
        details = any(not end.link.summary for end in kind.ends.values())
        found = told["neighbourhood"]
        assert found["withheld"] is details, kind
        assert (found["leftOut"] is None, found["nodes"][0]["more"] is None) == (details, details), kind
        (told,), (bare,) = (ask(query.format(near(kind.__name__, how))) for how in ("far-closed", "bare-whole"))
        assert told["neighbourhood"]["leftOut"] == bare["neighbourhood"]["leftOut"] == 0
        assert len(told["neighbourhood"]["nodes"]) == 1 and not told["neighbourhood"]["withheld"]


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


def test_what_is_shared_says_what_is_withheld(ask: Ask) -> None:
    pair = 'sharedBetween(agencies: ["agency:summary", "agency:bare-whole"])'
    (told,) = ask(f"{{ {pair} {{ withheld resources {{ resource {{ id }} }} }} }}")
    assert told["sharedBetween"] == {"withheld": True, "resources": []}
    pair = 'sharedBetween(agencies: ["agency:far-summary", "agency:end-of-far-summary"])'
    (told,) = ask(f"{{ {pair} {{ withheld }} }}")
    assert told["sharedBetween"]["withheld"]
    (whole,) = ask('{ sharedBetween(agencies: ["agency:bare-whole", "agency:far-closed"]) { withheld } }', actor=ADMIN)
    assert not whole["sharedBetween"]["withheld"]
    (told,) = ask("{ ties { withheld } }")
    assert told["ties"]["withheld"]


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
            details = [label(end.name) for end in kind.ends.values() if not end.link.summary]
            if how == "summary" and details:
                listed = text.partition("Not shown, if recorded:")[2]
                assert all(one in listed for one in details), kind
                assert (FLAGGED in text or "Not everything that depends" in text) or kind.__name__ not in (
                    "Service",
                    "Resource",
                )
    text = pages("/shared?agency=agency:summary&agency=agency:bare-whole")
    assert "Not everything is shown" in text and "or more" in text
    assert not NONE.search(text.partition("Partnerships")[0])
    assert "This filter does not find records" in pages("/resources?users=agency:bare-whole")
