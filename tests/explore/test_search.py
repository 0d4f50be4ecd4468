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
from registry.model.values import InvalidValue
from registry.mutations.similar_names import beginnings
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
    assert [found.total for found in answers[0]] == [4, 4, 3, 3]
    assert [[len(hit.missing_words) for hit in found.hits] for found in answers[0][:2]] == [[0, 0, 0, 0], [0, 0, 0, 1]]


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
        ("resource:003", 2.25),
        ("resource:002", 2.25),
    ]
    assert [(hit.record, hit.score) for hit in asked(place, "data bps").hits if hit.score >= 1] == [
        ("resource:001", 3.0),
        ("resource:002", 2.625),
        ("resource:003", 2.25),
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


NAMES = {
    "penduduk": "Dinas Kependudukan",
    "kependudukan": "Data penduduk",
    "kelola": "Pengelolaan limbah",
    "pengelolaan": "Sampah yang dikelola",
    "pemukiman": "Penataan permukiman",
    "permukiman": "Pemukiman kumuh",
    "apotik": "Apotek mitra",
    "aktifitas": "Aktivitas warga",
    "resiko": "Kajian risiko",
    "license": "Driving licences",
    "centers": "Data centre",
    "organization": "Organisations",
    "kerjasama": "Kerja sama daerah",
    "kerja sama": "Kerjasama",
    "antar daerah": "Antardaerah",
    "call centre": "Pusat Panggilan 112",
    "pusat panggilan": "The call center",
    "GIS": "Sistem informasi geografis",
    "peta": "GIS analyst",
    "ambulance": "Ambulans sosial",
    "hotline": "Pusat panggilan",
    "datacenter": "Pusat data",
    "NASA": "National Aeronautics and Space Administration",
    "DOI": "Department of the Interior",
    "the sampah untuk": "Sampah kota",
}


def test_forms_spellings_synonyms_and_initials_find_a_name(store: Store, place: ConnectionSettings) -> None:
    names = sorted(set(NAMES.values()))
    written(store, *(resource(number, name) for number, name in enumerate(names)))
    found = {text: {names[int(hit.record[-3:])] for hit in asked(place, text).hits} for text in NAMES}
    assert {text: name in found[text] for text, name in NAMES.items()} == dict.fromkeys(NAMES, True)


@pytest.mark.parametrize(
    ("text", "expected", "score"),
    [
        ("org:kab-3276", "agency:x.y-7", 5),
        ("KAB-3276", "agency:x.y-7", 5),
        ("agency:x.y-7", "agency:x.y-7", 5),
        ("x.y-7", "agency:x.y-7", 5),
        ("prokes", "agency:x.y-7", 5),
        ("PKS 119/123/2026", "p:1", 2.25),
        ("119/123/2026", "p:1", 2.25),
        ("channel:loket-7", "channel:loket-7", 5),
    ],
)
def test_identifiers_find_their_record(
    store: Store, place: ConnectionSettings, text: str, expected: str, score: float
) -> None:
    agreement = record("Partnership", "p:1", "Perjanjian", instrument="mou", document_number="PKS 119/123/2026")
    body = record("Agency", "agency:x.y-7", "Protokol", kind="board", acronym="Prokes", identifiers=["org:kab-3276"])
    other = record("Agency", "agency:x.z-7", "Kantor 3276", kind="board", identifiers=["org:kab-1"])
    channel = record("Channel", "channel:loket-7", "channel:loket-7", kind="counter", address="Jalan Merdeka")
    written(store, agreement, body, other, channel)
    found = asked(place, text, kinds=("Agency", "Partnership", "Channel")).hits
    assert (found[0].record, found[0].score) == (expected, score)
    assert all(hit.score < score for hit in found[1:])


def test_a_synonym_ranks_below_the_word_itself(store: Store, place: ConnectionSettings) -> None:
    written(store, resource(1, "Ambulans"), resource(2, "Mobil", description="ambulance"), resource(3, "Ambulance"))
    found = asked(place, "ambulance").hits
    assert [(hit.record, hit.score) for hit in found] == [
        ("resource:003", 5),
        ("resource:002", 2.25),
        ("resource:001", 2),
    ]


def test_records_with_some_of_the_words_follow_and_rare_words_weigh_more(
    store: Store, place: ConnectionSettings
) -> None:
    common = [resource(number, f"Layanan {number}") for number in range(10, 20)]
    written(store, resource(1, "Beasiswa"), resource(2, "Layanan beasiswa"), resource(3, "Zakat"), *common)
    found = asked(place, "layanan beasiswa").hits
    assert [(hit.record, list(hit.missing_words)) for hit in found][:4] == [
        ("resource:002", []),
        ("resource:001", ["layanan"]),
        ("resource:010", ["beasiswa"]),
        ("resource:011", ["beasiswa"]),
    ]
    assert found[0].score == 5 and 1 > found[1].score > found[2].score == found[-1].score > 0
    assert asked(place, "layanan-beasiswa").total == 1  # an identifier


def test_a_word_that_very_many_records_contain_does_not_count_alone(
    store: Store, place: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.explore.search.COMMON", 3)
    written(store, resource(1, "Zakat"), *(resource(number, f"Layanan {number}") for number in range(10, 13)))
    assert [hit.record for hit in asked(place, "layanan zakat").hits] == ["resource:001"]
    assert asked(place, "layanan zebra").total == 0 and asked(place, "layanan").total == 3


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("kesehtan", "kesehatan"),
        ("Kesehtan Ibu", "kesehatan ibu"),
        ("kesehatna ibu", "kesehatan ibu"),
        ("rahasai", None),
        ("kese", None),
        ("kesehatan", None),
        ("kesehatan zebra", None),
        ("imunisai", None),
        ("112233", None),
        ("hotline", None),
    ],
)
def test_a_mistyped_word_is_corrected_by_a_visible_name(
    store: Store, place: ConnectionSettings, text: str, suggestion: str | None
) -> None:
    hidden = {"access": "closed", "steward": "agency:y"}
    written(
        store,
        resource(1, "Kesehatan ibu", description="imunisasi"),
        resource(2, "Rahasia kesehtn", **hidden),
        resource(3, "Pusat panggilan"),
    )
    assert asked(place, text).suggestion == suggestion
    assert asked(place, "rahasai", ADMIN).suggestion == "rahasia"


def test_hidden_records_change_neither_suggestions_nor_weights(store: Store, place: ConnectionSettings) -> None:
    texts = ("kesehtan", "layanan beasiswa zakat", "beasisw layanan", "layanan zebra")
    written(store, resource(1, "Kesehatan ibu"), resource(2, "Layanan beasiswa"), resource(3, "Zakat layanan"))
    before = [asked(place, text) for text in texts]
    written(store, *drafts("Kesehtan zebra layanan"), resource(9, "Kesehtann", access="closed"))
    restricted = {"access": "restricted", "description": "beasiswa zebra zakat"}
    written(store, *(resource(800 + number, "Lain", **restricted) for number in range(5)))
    assert [asked(place, text) for text in texts] == before
    assert [asked(place, text, ADMIN) for text in texts] != before


@pytest.mark.parametrize("text", ["x" * 501, " ".join(map(str, range(100, 133))), "a " * 1000])
def test_a_text_that_is_too_long_is_refused(place: ConnectionSettings, text: str) -> None:
    with pytest.raises(InvalidValue, match="Use at most"):
        asked(place, text)


@pytest.mark.parametrize("hidden", [0, DRAFTS])
def test_drafts_of_others_hide_no_name_alike_from_who_registers_a_record(store: Store, hidden: int) -> None:
    written(store, resource(1, "Peta rawan bencana"), *drafts("Peta rawan bencana")[:hidden])
    (((found,),),) = (
        store.read(exploration.named_like(MODEL["Resource"], ["ben", "raw"], ANONYMOUS.parameter(), most=9)),
    )
    assert found == [["resource:001", "Peta rawan bencana"]]


def test_an_abbreviation_comes_before_names_of_more_words(store: Store) -> None:
    names = ["BPBD Kota", *(f"Badan Bencana Daerah Kota {town} Utara Raya Baru Lama Besar" for town in "abcdefgh")]
    written(store, *(record("Agency", f"agency:{n}", one, kind="other") for n, one in enumerate(names)))
    texts = beginnings("Badan Penanggulangan Bencana Daerah (Kota)")
    assert "bpb" in texts
    query = exploration.named_like(MODEL["Agency"], texts, ANONYMOUS.parameter(), most=2)
    assert store.read(query)[0][0] == [["agency:0", "BPBD Kota"], ["agency:1", names[1]]]
