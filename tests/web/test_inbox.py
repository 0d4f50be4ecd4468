"""The inbox: what waits for whom, and that nobody finds there what is not theirs."""

import re
from datetime import date, timedelta

import httpx

from registry.clock import today
from registry.database.driver import Store
from registry.model.definitions import Agency, Partnership, Resource
from registry.mutations.lifecycle import PROPOSE, SEND_BACK, make_transition
from registry.mutations.save import LinkChange, SaveInput, save
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN
from tests.support.actors import HEADER as AS
from tests.support.two_agencies import HEAD
from tests.web.forms.test_records import city, held, publish, register, served

__all__ = ["city", "held", "served"]


def part(client: httpx.Client, who: str, name: str) -> str:
    page = client.get("/inbox", headers={AS: who})
    assert page.status_code == 200 and page.headers["cache-control"] == "no-store"
    start = page.text.index(f'aria-labelledby="part-{name}"')
    return page.text[start : page.text.index("</section>", start)]


def count(client: httpx.Client, who: str) -> int:
    found = re.search(
        r'href="/inbox"[^>]*>Inbox(?: <span class="n">\((\d+)\)</span>)?</a>',
        client.get("/agencies", headers={AS: who}).text,
    )
    assert found
    return int(found[1] or 0)


def test_what_is_handed_in_waits_for_the_approver_of_its_agency(city: httpx.Client) -> None:
    path = register(city, do="propose")
    assert f'href="{path}"' in part(city, "budi", "approve") and f'href="{path}"' in part(city, "admin", "approve")
    assert count(city, "budi") == 1 and count(city, "sari") == 0
    assert '<span class="n">(1)</span>' in city.get("/nothing-here", headers={AS: "budi"}).text
    for who in ("sari", "tono", "dewi"):
        assert "Nothing is waiting for your approval." in part(city, who, "approve")
    city.post(f"{path}/approve", data={"version": ""}, headers={AS: "budi"})
    assert count(city, "budi") == 0 and path not in part(city, "budi", "approve")


def test_what_was_sent_back_comes_first_with_its_note(city: httpx.Client, held: Store) -> None:
    first, second = register(city, **{"p-name": "Aula"}), register(city, **{"p-name": "Mobil <b>"})
    record = first.rpartition("/")[2]
    budi = RequestContext(HEAD, "api")
    assert not make_transition(held, budi, Resource, record, PROPOSE).problems
    assert not make_transition(held, budi, Resource, record, SEND_BACK, "Berapa kursi?").problems
    city.post(f"{second}/propose", data={"version": "99"}, headers={AS: "sari"})
    drafts = part(city, "sari", "drafts")
    assert drafts.index(first) < drafts.index(second)
    assert "“Berapa kursi?”" in drafts and "Mobil &lt;b&gt;" in drafts
    assert first not in part(city, "tono", "drafts") and count(city, "sari") == 1


def test_agreements_that_end_wait_for_their_parties(city: httpx.Client, held: Store) -> None:
    assert not save(
        held, RequestContext(ADMIN, "api"), SaveInput(Agency, "other", {"name": "Other", "kind": "other"})
    ).problems
    parties = {"parties": LinkChange({"dinkes": {"role": "partner"}, "other": {"role": "lead"}})}

    def agreement(name: str, days: int) -> str:
        until = (date.fromisoformat(today()) + timedelta(days=days)).isoformat()
        given = {"name": f"Agreement {name}", "valid_until": until, "steward": "perpus"}
        publish(held, SaveInput(Partnership, name, given, parties, another=True))
        return f"/partnerships/{name}"

    soon, later, over = agreement("soon", 30), agreement("later", 200), agreement("over", -5)
    waiting = part(city, "sari", "endings")
    assert soon in waiting and over in waiting and later not in waiting and soon not in part(city, "tono", "endings")
    assert "expires in 30 days" in waiting and "expired on" in waiting
    assert count(city, "sari") == 4, "three agreements to confirm, and one that ends soon"
    links = {**parties, "renews": LinkChange({"over": {}})}
    follower = SaveInput(Partnership, "next", {"name": "Next", "steward": "perpus"}, links)
    publish(held, follower)
    assert over not in part(city, "sari", "endings")


def test_my_last_changes_are_mine(city: httpx.Client) -> None:
    path = register(city)
    assert path in part(city, "sari", "changes") and "Created" in part(city, "sari", "changes")
    assert "You have changed nothing yet." in part(city, "budi", "changes")


def test_who_is_not_signed_in_is_asked_to(city: httpx.Client) -> None:
    answer = city.get("/inbox")
    assert answer.status_code == 303 and answer.headers["location"].startswith("/login?next=")
    assert 'href="/inbox"' not in city.get("/").text


def test_an_inbox_speaks_indonesian(city: httpx.Client, held: Store) -> None:
    assert not save(
        held,
        RequestContext(ADMIN, "api"),
        SaveInput(Resource, None, {"name": "x", "kind": "data", "steward": "dinkes"}),
    ).problems
    page = city.get("/inbox?lang=id", headers={AS: "budi"}).text
    city.cookies.clear()
    assert "Kotak masuk" in page and "Menunggu persetujuan" in page
