"""What parties said of an agreement, and loads: a load takes no word back, and other terms return every party to pending."""

import pytest

from registry.database.driver import Cypher, Store
from registry.mutations.confirmations import confirm
from registry.mutations.revisions import entries, verify
from registry.mutations.transaction import RequestContext
from registry.permissions import Actor, Role
from tests.loaders.test_run import found
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.sources import City

pytestmark = SLOW_ON_NEO4J

OFFICE = RequestContext(Actor("tono", Role.COORDINATOR, frozenset({"c:2"})), "form")
WORDS = Cypher(
    "MATCH (a:Agency)-[e:PARTY_TO]->(n:Partnership) WITH a, e ORDER BY a.id RETURN a.id, e.role, e.standing, e.remark"
)
PARTIES = "partnership,agency,role,standing,standing_on,remark\n"


@pytest.fixture
def agreed(city: City) -> City:
    """Two agencies and their agreement, of which the source says that the first has confirmed it."""
    city.agencies("c:1,City,other,c:1,", "c:2,Office,other,c:2,")
    city.write("services", "id,name,kind\ns:1,Bus,public\n")
    terms(city, "2030-12-31")
    parties(city)
    assert not city.load().refused
    return city


def terms(city: City, until: str, covers: str = "") -> None:
    city.write("partnerships", f"id,name,steward,valid_until,covers_services\np:1,One,c:1,{until},{covers}\n")


def parties(city: City, word: str = "confirmed,2026-01-02,", role: str = "partner") -> None:
    city.write("partnerships.parties", f"{PARTIES}p:1,c:1,lead,{word}\np:1,c:2,{role},,,\n")


def words(store: Store) -> list[list[str | None]]:
    return store.read(WORDS)


def test_a_load_gives_a_word_with_the_party_and_takes_none_back(agreed: City, store: Store) -> None:
    given = [["c:1", "lead", "confirmed", None], ["c:2", "partner", None, None]]
    assert words(store) == given
    parties(agreed, ",,")
    assert not agreed.load().refused and words(store) == given
    parties(agreed, "disputed,2026-02-02,Hardly")
    assert not agreed.load().refused and words(store) == given, "what the party says since is its own to say"


@pytest.mark.parametrize("other", ["date", "cover", "role"])
def test_other_terms_that_a_load_brings_return_every_party_to_pending(agreed: City, store: Store, other: str) -> None:
    if other == "role":
        parties(agreed, role="witness")
    else:
        terms(agreed, "2031-12-31" if other == "date" else "2030-12-31", "s:1" if other == "cover" else "")
    assert not agreed.load().refused
    assert [one[2] for one in words(store)] == [None, None]
    assert not agreed.load().refused
    assert [one[2] for one in words(store)] == [None, None], "the file still says what was said of other terms"
    assert any('"standing":"confirmed"' in (one["before"] or "") for one in entries(store))
    assert verify(store).what is None


def test_a_load_that_adds_to_what_a_party_confirmed_by_hand_asks_it_anew(agreed: City, store: Store) -> None:
    assert not confirm(store, OFFICE, "p:1", "c:2", "confirmed").problems
    assert [one[2] for one in words(store)] == ["confirmed", "confirmed"]
    assert ("BY_HAND", "partnerships.csv", 2, "id", "p:1") in found(agreed.load())
    assert [one[2] for one in words(store)] == ["confirmed", "confirmed"]
    terms(agreed, "2030-12-31", "s:1")
    assert not agreed.load().refused
    assert [one[2] for one in words(store)] == [None, None]
