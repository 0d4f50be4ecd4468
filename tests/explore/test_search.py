"""A search ranks what the actor sees by what they see of it: hidden records and words take no place and leave no trace."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from registry.clock import now
from registry.database import exploration
from registry.database.driver import ConnectionSettings, Reader, Store
from registry.database.write import upsert
from registry.explore import ExploreContext
from registry.explore.search import SearchResults, search
from registry.model.definitions import MODEL
from registry.model.records import Record
from registry.permissions import ADMIN, ANONYMOUS, Actor
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record

pytestmark = SLOW_ON_NEO4J

DRAFTS = 430  # more than an index was once asked for


def written(store: Store, *records: Record) -> None:
    for kind in MODEL:
        if those := [one for one in records if one.kind is kind]:
            store.write(upsert(kind, those, source="test", run="run:test", now=now()))


def asked(
    place: ConnectionSettings,
    text: str,
    actor: Actor = ANONYMOUS,
    kinds: Sequence[str] = ("Agency", "Resource"),
    **how: Any,
) -> SearchResults:
    async def asked_of_reader() -> SearchResults:
        async with Reader(place) as reader:
            return await search(ExploreContext(reader.read, actor), text, [MODEL[kind] for kind in kinds], **how)

    return asyncio.run(asked_of_reader())


def resource(number: int, name: str, **values: Any) -> Record:
    return record("Resource", f"resource:{number:03d}", name, **{"kind": "data", **values})


def drafts(name: str, **values: Any) -> list[Record]:
    draft = {"status": "draft", "steward": "agency:x", **values}
    return [resource(500 + number, name, **draft) for number in range(DRAFTS)]


def test_drafts_of_others_crowd_nothing_out(store: Store, place: ConnectionSettings) -> None:
    public = [resource(number, f"Peta rawan bencana {number}") for number in range(3)]
    written(store, *public)
    before = asked(place, "bencana")
    written(store, *drafts("Bencana"), *drafts("Peta", description="bencana " * 30))
    assert asked(place, "bencana") == before and before.total == 3
    assert asked(place, "bencana", ADMIN).hits != before.hits


def test_words_of_a_hidden_record_cannot_be_read_by_filling_the_index(store: Store, place: ConnectionSettings) -> None:
    coordinator = Actor("coordinator", agencies=frozenset({"agency:x"}))
    mine = drafts("Rapat", description="zakat")
    closed = resource(1, "Kebutuhan", access="closed", steward="agency:y", description="zakat")
    written(store, *mine)
    before = [asked(place, text, coordinator, first=200) for text in ("zakat", "zak", "rapat")]
    written(store, closed)
    assert [asked(place, text, coordinator, first=200) for text in ("zakat", "zak", "rapat")] == before


def test_hidden_details_change_neither_hits_nor_scores_nor_order(store: Store, place: ConnectionSettings) -> None:
    texts = ("peta", "peta banjir", "banjir", "b")
    public = [resource(number, f"Peta {number}", description="banjir") for number in range(3)]
    answers = []
    for description in ("", "peta " * 40, "banjir dan longsor"):
        written(store, *public, resource(9, "Peta jalan", access="restricted", description=description))
        answers.append([asked(place, text) for text in texts])
    assert answers[0] == answers[1] == answers[2]
    assert [found.total for found in answers[0]] == [4, 3, 3, 3]


def test_hits_are_in_order_of_score_then_name_on_both_engines(store: Store, place: ConnectionSettings) -> None:
    agency = {"kind": "department"}
    written(
        store,
        record("Agency", "agency:1", "Badan Pusat Statistik", acronym="BPS", **agency),
        record("Agency", "agency:2", "BPS Kota Depok", **agency),
        record("Agency", "agency:3", "Bps", **agency),
        resource(1, "Data sensus BPS"),
        resource(2, "Data sensus", description="Dari BPS"),
        resource(3, "Arsip", description="Data dari BPS"),
        resource(4, "Arsip BPS", access="restricted", description="Data sensus"),
    )
    found = asked(place, "bps")
    assert [(hit.record, hit.score) for hit in found.hits] == [
        ("agency:1", 5.0),
        ("agency:3", 5.0),
        ("agency:2", 4.0),
        ("resource:004", 3.0),
        ("resource:001", 3.0),
        ("resource:003", 1.0),
        ("resource:002", 1.0),
    ]
    assert [(hit.record, hit.score) for hit in asked(place, "data bps").hits] == [
        ("resource:001", 3.0),
        ("resource:002", 1.5),
        ("resource:003", 1.0),
    ]
    pages = [asked(place, "bps", first=1, after=hit.keys).hits for hit in found.hits]
    assert [one.record for page in pages for one in page] == [hit.record for hit in found.hits[1:]]


def test_names_that_begin_with_the_text_are_enough_where_there_are_many(
    store: Store, place: ConnectionSettings
) -> None:
    written(
        store,
        *(resource(number, f"Data {number:03d}") for number in range(240)),
        resource(900, "Peta", description="data"),
    )
    found = asked(place, "data", first=200)
    assert [hit.record for hit in found.hits] == [f"resource:{number:03d}" for number in range(200)]
    assert (found.total, found.more, {hit.score for hit in found.hits}) == (200, False, {4.0})
    assert asked(place, "data 23").total == 10


@pytest.mark.parametrize("hidden", [0, DRAFTS])
def test_drafts_of_others_hide_no_name_alike_from_who_registers_a_record(store: Store, hidden: int) -> None:
    written(store, resource(1, "Peta rawan bencana"), *drafts("Peta rawan bencana")[:hidden])
    (((found,),),) = (
        store.read(exploration.named_like(MODEL["Resource"], ["ben", "raw"], ANONYMOUS.parameter(), most=9)),
    )
    assert found == [["resource:001", "Peta rawan bencana"]]
