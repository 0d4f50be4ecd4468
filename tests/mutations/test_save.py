"""Records registered, changed, proposed and approved by hand: who may, what stands in the way, what is kept of it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import orjson
import pytest

from registry.database import write
from registry.database.driver import Ask, ConnectionSettings, Cypher, Rows, Store
from registry.model.codelists import code_list
from registry.model.definitions import Agency, Channel, Need, Resource
from registry.mutations.lifecycle import APPROVE, PROPOSE, RETIRE, SEND_BACK, make_transition
from registry.mutations.save import LinkChange, SaveInput, save_all
from registry.mutations.similar_names import MOST, NameIndex, alike
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.two_agencies import HEAD, HEALTH, LIBRARY, by, codes, history, properties, publish, room, settle

pytestmark = SLOW_ON_NEO4J

Answer = TypeVar("Answer")


@pytest.fixture
def city(store: Store) -> Store:
    """Two agencies, published, and a sector."""
    return settle(store)


def test_a_coordinator_registers_a_resource_and_an_approver_publishes_it(city: Store) -> None:
    record = room(city, capacity="250", unit="kursi")
    draft = properties(city, Resource, record)
    assert (draft["status"], draft["steward"], draft["capacity"], draft["version"]) == ("draft", "dinkes", 250.0, 1)
    assert "*" not in draft["seen_by"]
    assert not make_transition(city, RequestContext(HEALTH, "api"), Resource, record, PROPOSE).problems
    assert codes(make_transition(city, RequestContext(HEALTH, "api"), Resource, record, APPROVE)) == [
        ("NOT_ALLOWED", "id")
    ]
    done = make_transition(city, RequestContext(HEAD, "api"), Resource, record, APPROVE, "Sudah diperiksa.")
    assert (done.problems, done.version) == ((), 3)
    assert properties(city, Resource, record)["seen_by"] == ["*"]
    approved, proposed, created = history(city, record)
    assert (created["what"], proposed["what"], approved["what"]) == ("created", "proposed", "approved")
    assert (created["actor"], approved["actor"], approved["note"]) == ("sari", "budi", "Sudah diperiksa.")
    assert orjson.loads(created["after"])["links"] == {"owners": {"dinkes": {}}}
    assert orjson.loads(approved["before"]) == {"status": "proposed"}


def test_what_does_not_fit_is_told_and_nothing_is_kept(city: Store) -> None:
    wrong = SaveInput(
        Resource,
        "aula",
        {"name": "Aula", "kind": "castle", "capacity": -1, "steward": "perpus", "description": "x" * 10_001},
        {"owners": LinkChange({"nobody": {}}), "users": LinkChange({"dinkes": {"role": "owner"}})},
    )
    done = by(city, HEALTH, wrong)
    assert set(codes(done)) == {
        ("UNFIT", "kind"),
        ("UNFIT", "capacity"),
        ("UNFIT", "description"),
        ("NOT_ALLOWED", "steward"),
        ("UNKNOWN_RECORD", "owners"),
        ("UNFIT", "users.role"),
    }
    assert not city.read(write.state(Resource, "aula")) and not history(city, "aula")


def test_who_looked_at_an_old_version_saves_nothing(city: Store) -> None:
    record = room(city)
    assert by(city, HEALTH, SaveInput(Resource, record, {"name": "Aula besar"}, version=1)).version == 2
    late = by(city, HEALTH, SaveInput(Resource, record, {"name": "Aula kecil"}, version=1))
    assert codes(late) == [("STALE", "version")]
    assert properties(city, Resource, record)["name"] == "Aula besar"
    assert by(city, HEALTH, SaveInput(Resource, record, {"name": "Aula besar"}, version=2)).version == 2
    assert len(history(city, record)) == 2


def test_absent_fields_stay_and_null_clears(city: Store) -> None:
    record = room(city, unit="kursi", capacity=10)
    by(city, HEALTH, SaveInput(Resource, record, {"unit": None}, {"owners": LinkChange({"perpus": {}}, ("dinkes",))}))
    now = properties(city, Resource, record)
    assert (now.get("unit"), now["capacity"], now["name"]) == (None, 10.0, "Aula")
    changed = history(city, record)[0]
    assert orjson.loads(changed["before"]) == {"unit": "kursi", "links": {"owners": {"dinkes": {}}}}
    assert orjson.loads(changed["after"]) == {"unit": None, "links": {"owners": {"perpus": {}}}}


def test_nobody_changes_what_is_not_theirs_nor_learns_of_it(city: Store) -> None:
    record = room(city)
    assert codes(by(city, LIBRARY, SaveInput(Resource, record, {"name": "Milik kami"}))) == [("TAKEN", "id")]
    assert codes(make_transition(city, RequestContext(LIBRARY, "api"), Resource, record, RETIRE)) == [
        ("NOT_FOUND", "id")
    ]
    publish(city, Resource, record)
    assert codes(by(city, LIBRARY, SaveInput(Resource, record, {"name": "Milik kami"}))) == [("NOT_ALLOWED", "id")]
    assert codes(by(city, HEALTH, SaveInput(Resource, record, {"access": "closed"}))) == [("NOT_ALLOWED", "access")]
    assert (
        codes(by(city, HEALTH, SaveInput(Resource, record, {"steward": "perpus"}))) == [("NOT_ALLOWED", "steward")] * 2
    )
    closed = by(city, HEAD, SaveInput(Resource, record, {"access": "closed"}))
    assert not closed.problems
    need = SaveInput(Need, None, {"name": "Ruang", "kind": "facility"}, {"agency": LinkChange({"perpus": {}})})
    assert by(city, LIBRARY, need).record
    hidden = SaveInput(Channel, None, {"kind": "web"}, {"agency": LinkChange({record: {}})})
    assert codes(by(city, LIBRARY, hidden)) == [("UNKNOWN_RECORD", "agency")]


def test_a_need_is_posted_for_the_own_agency_only(town: Store) -> None:
    foreign, own = ({"agency": LinkChange({one: {}})} for one in ("dinkes", "perpus"))
    need = SaveInput(Need, None, {"name": "Ruang", "kind": "facility"}, foreign)
    assert codes(by(town, LIBRARY, need)) == [("NOT_ALLOWED", "agency")]
    made = by(town, LIBRARY, replace(need, links=own))
    assert made.record, made.problems
    moved = SaveInput(Need, made.record, {"unit": "kursi"}, foreign)
    assert codes(by(town, LIBRARY, moved)) == [("NOT_ALLOWED", "agency")]
    assert not by(town, ADMIN, moved).problems
    assert not by(town, LIBRARY, replace(moved, properties={"unit": "meja"})).problems, "the link is not new"


@pytest.mark.parametrize("around", ["{} ", " {}", "\t{}\n"])
def test_white_space_around_an_id_makes_it_nobody_elses(city: Store, around: str) -> None:
    record = room(city)
    mine = SaveInput(Resource, around.format(record), {"name": "Milik kami", "kind": "facility"})
    assert codes(by(city, LIBRARY, mine)) == [("TAKEN", "id")]
    assert properties(city, Resource, record)["name"] == "Aula"


def test_a_draft_that_is_withdrawn_is_shown_to_nobody_else(city: Store) -> None:
    record = room(city)
    assert not make_transition(city, RequestContext(HEALTH, "api"), Resource, record, RETIRE, "Keliru.").problems
    assert "*" not in properties(city, Resource, record)["seen_by"]
    assert codes(by(city, HEALTH, SaveInput(Resource, record, {"name": "Lagi"}))) == [("RETIRED", "status")]


def test_what_is_sent_back_is_a_draft_again(city: Store) -> None:
    record = room(city)
    assert codes(make_transition(city, RequestContext(HEAD, "api"), Resource, record, SEND_BACK)) == [
        ("WRONG_STATUS", "status")
    ]
    make_transition(city, RequestContext(HEALTH, "api"), Resource, record, PROPOSE)
    assert not make_transition(city, RequestContext(HEAD, "api"), Resource, record, SEND_BACK, "Kapasitas?").problems
    assert properties(city, Resource, record)["status"] == "draft"
    assert history(city, record)[0]["note"] == "Kapasitas?"


def test_a_key_makes_it_harmless_to_ask_twice(city: Store) -> None:
    asked = {"name": "Aula"}
    saving = SaveInput(Resource, None, {**asked, "kind": "facility"})
    first, again = by(city, HEALTH, saving, "k1", asked), by(city, HEALTH, saving, "k1", asked)
    assert first.record and (first.record, first.version) == (again.record, again.version)
    assert codes(by(city, HEALTH, saving, "k1", {"name": "Lain"})) == [("KEY_REUSED", "key")]
    assert by(city, ADMIN, saving, "k1", {"name": "Lain"}).record != first.record


@pytest.mark.parametrize("name", ["Dinas Kesehatn", "Kesehatan DINAS", "Dinkes", "Dians Keseahtan"])
def test_a_duplicate_is_not_registered_unless_it_is_another(city: Store, name: str) -> None:
    again = SaveInput(Agency, None, {"name": name, "kind": "other"})
    assert [(one.code, one.field, one.value) for one in by(city, HEALTH, again).problems] == [
        ("ALIKE", "name", "dinkes")
    ]
    assert not by(city, HEALTH, replace(again, another=True)).problems


def test_the_three_most_similar_names_are_listed_the_most_similar_first(town: Store) -> None:
    for number, name in enumerate(["Pariwis", "Pariwist", "Pariwisat", "Pariwisata"]):
        existing = SaveInput(Agency, f"agency:{number}", {"name": f"Dinas {name}", "kind": "other"}, another=True)
        assert not by(town, ADMIN, existing).problems
    again = by(town, ADMIN, SaveInput(Agency, None, {"name": "Dinas Pariwisata", "kind": "other"}))
    assert [(one.code, one.value) for one in again.problems] == [("ALIKE", f"agency:{one}") for one in (3, 2, 1)]


@pytest.mark.parametrize("name", ["Dinas Kesehatan II", "Dinas Perhubungan", "Dinas", "Dinsos"])
def test_what_is_only_somewhat_alike_is_let_through(city: Store, name: str) -> None:
    assert not by(city, HEALTH, SaveInput(Agency, None, {"name": name, "kind": "other"})).problems


def test_nobody_learns_of_a_closed_record_by_registering_its_name(city: Store) -> None:
    record = room(city, name="Ruang sandi", access="closed")
    publish(city, Resource, record)
    assert codes(by(city, HEALTH, SaveInput(Resource, None, {"name": "Ruang sandi", "kind": "facility"}))) == [
        ("ALIKE", "name")
    ]
    assert not by(city, LIBRARY, SaveInput(Resource, None, {"name": "Ruang sandi", "kind": "facility"})).problems


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Dinas Kesehatan", "Dinas Kesehatn", True),
        ("Dinas Kesehatan", "KESEHATAN, DINAS", True),
        ("Dinas Kesehatan", "Dinas Pendidikan", False),
        ("Dinas Kesehatan", "Dinas Kesehatan Kota", False),
        ("Dinas Kesehatan Kota", "Dinas Kesehatan", False),
        ("Puskesmas 1", "Puskesmas 2", False),
        ("Puskesmas 1", "Puskesmas 1", True),
        ("", "", False),
        ("abcde", "abcdf", True),
        ("abcd", "abce", False),
        ("–", "Dinas", False),
        ("", "–", False),
        ("KAB. BANDUNG", "Kabupaten Bandung", True),
        ("Kota Bandung", "Kabupaten Bandung", False),
        ("KAB. MALANG", "KAB. MAGELANG", False),
        ("Kelurahan Jatimulya", "Kelurahan Kalimulya", False),
        ("SDN 1 Beji", "Sekolah Dasar Negeri 01 Beji", True),
        ("SDN 1 Beji", "SDN 2 Beji", False),
        ("SMAN II", "SMAN III", False),
        ("SMAN II", "SMA Negeri 2", True),
        ("R.S.U.D. Cibinong", "Rumah Sakit Umum Daerah Cibinng", True),
        ("Min. of Health", "Ministry of Health", True),
        ("MIN 1 Depok", "Madrasah Ibtidaiyah Negeri 1 Depok", True),
        ("Kementerian Kesehatan", "Kemenkes", True),
        ("Dept. of State", "Departments of State", True),
        ("DP3AP2KB", "DP2AP3KB", False),
        ("Eastern District", "Western District", False),
        ("North Nias", "South Nias", False),
        ("Dishub", "Dishut", False),
        ("Sekretariat & Arsip", "Arsip dan Sekretariat", True),
        ("Bagian Kerjasama", "Bag. Kerja Sama", True),
        ("Kelurahan Beji (Beji)", "Kelurahan Beji (Bji)", True),
        ("Badan Narkoika Nasional Kotandepok", "Badan Narkotika Nasional Kota Depok", True),
        ("Ruma hsakit Harapanw arga", "Rumah Sakit Harapan Warga", True),
        ("Rumah Kemasan da Legaltias", "Rumah Kemasan dan Legalitas", True),
        ("Bagian Pengadaan Barangd an Jasa", "Bagian Pengadaan Barang dan Jasa", True),
        ("Police services", "Police services (cs)", False),
        ("Kelurahan Cilangkap", "Kelurahan Cinangka", False),
        ("Kab. Magelang", "Kab. Magetan", False),
        ("Kab. Probolinggo", "Kab. Probolngo", True),
    ],
)
def test_names_are_alike_word_by_word_with_equal_numbers(one: str, other: str, expected: bool) -> None:
    assert alike(one, other) is expected and alike(other, one) is expected


def test_each_abbreviation_is_alike_to_its_full_form() -> None:
    for entry in code_list("abbreviations").values():
        for label in filter(None, (entry.label_id, entry.label_en)):
            full, *others = (form.strip() for form in label.split(";"))
            missed = [one for one in others if not alike(f"{one} Margonda 7", f"Margonda {full} 07")]
            assert not missed, (entry.code, missed)


def test_an_index_of_names_finds_equal_numbers_and_abbreviations() -> None:
    names = [
        "BPBD Kota",
        *(f"Badan Bencana {n} Kota" for n in range(MOST)),
        *(f"Badan Daerah x{n}" for n in range(MOST)),
    ]
    found = [
        one for one, _name in NameIndex(zip(names, names, strict=True)).like("Badan Penanggulangan Bencana Daerah Kota")
    ]
    assert "BPBD Kota" in found and len(found) <= MOST
    assert [one for one, _name in NameIndex([("1", "SDN 1"), ("2", "SDN 2")]).like("SD Negeri 2")] == ["2"]


class Counting(Store):
    """A store that counts the queries of its changes."""

    queries = 0

    def change(self, work: Callable[[Ask], Answer]) -> Answer:
        def counted(ask: Ask, cypher: Cypher) -> Rows:
            self.queries += 1
            return ask(cypher)

        return super().change(lambda ask: work(partial(counted, ask)))


@pytest.mark.parametrize("owner", ["dinkes", "agency:{}"])
def test_a_batch_is_read_in_bulk_however_many_records_it_has(
    town: Store, embedded_place: ConnectionSettings, owner: str
) -> None:
    def queries(kind: str, many: int) -> int:
        savings = [
            SaveInput(
                Resource,
                f"resource:{kind}-{one}",
                {"name": f"{kind} {one}", "kind": kind},
                {"owners": LinkChange({owner.format(one): {}})},
            )
            for one in range(many)
        ]
        with Counting(embedded_place) as store:
            done = save_all(store, RequestContext(HEALTH, "form"), savings, dry=False)
            assert {(one.what, *(each.code for each in one.problems)) for one in done} == {expected}
            return store.queries

    expected = ("created",) if owner == "dinkes" else ("", "UNKNOWN_RECORD")
    assert queries("facility", 2) == queries("equipment", 20)
