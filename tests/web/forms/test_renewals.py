"""An agreement that ends is renewed: its inbox and its page lead to a form that is filled in from it."""

import re
from datetime import date, timedelta

import httpx

from registry.clock import today
from registry.database import write
from registry.database.driver import Store
from registry.model.definitions import Agency, Partnership, Resource
from registry.mutations.save import LinkChange, SaveInput
from tests.support.actors import HEADER as AS
from tests.web.forms.test_records import city, form, held, publish, send, served
from tests.web.test_inbox import part

__all__ = ["city", "held", "served"]


def agreement(store: Store, name: str, days: int) -> str:
    until = (date.fromisoformat(today()) + timedelta(days=days)).isoformat()
    given = {
        "name": name,
        "document_number": "PKS 1/2024",
        "legal_basis": "Perwal 1/2020",
        "valid_from": "2024-01-01",
        "valid_until": until,
    }
    scale = {"target_scale": "four-c", "target_level": 2, "steward": "dinkes"}
    parties = LinkChange({"dinkes": {"role": "lead"}, "perpus": {"role": "partner"}})
    links = {"parties": parties, "covers_resources": LinkChange({"r:hall": {}})}
    publish(store, SaveInput(Partnership, f"p:{days}", {**given, **scale}, links, another=True))
    return f"/partnerships/p:{days}"


def hall(store: Store) -> None:
    given = {"name": "Aula", "kind": "facility", "steward": "dinkes"}
    publish(store, SaveInput(Resource, "r:hall", given, {"owners": LinkChange({"dinkes": {}})}))


def offered(client: httpx.Client, path: str, who: str) -> list[str]:
    page = client.get(path, headers={AS: who}).text
    return re.findall(r'href="(/register/partnerships\?renews=[^"]+)"', page)


def test_what_ends_is_renewed_with_all_but_its_days(city: httpx.Client, held: Store) -> None:
    hall(held)
    soon, over, later = (agreement(held, f"Pojok baca {days}", days) for days in (30, -5, 200))
    renew = "/register/partnerships?renews=p:30"
    assert offered(city, soon, "sari") == [renew] and offered(city, over, "sari") == [renew.replace("30", "-5")]
    assert offered(city, later, "sari") == offered(city, soon, "tono") == offered(city, soon, "dewi") == []
    assert renew in part(city, "sari", "endings") and "renews=" not in part(city, "tono", "endings")
    fields = form(city, renew, "sari")
    filled = {"p-name": "Pojok baca 30", "p-legal_basis": "Perwal 1/2020", "p-valid_from": "", "p-valid_until": ""}
    filled |= {
        "p-target_scale": "four-c",
        "p-target_level": "2",
        "p-steward": "dinkes",
        "p-id": "",
        "p-document_number": "",
    }
    filled |= {"l-parties-0": "Dinas Kesehatan (dinkes)", "l-parties-0-role": "lead", "l-parties-1-role": "partner"}
    filled |= {"l-covers_resources-0": "Aula (r:hall)", "l-renews-0": "Pojok baca 30 (p:30)"}
    assert {name: fields[name] for name in filled} == filled
    done = send(
        city,
        renew,
        "sari",
        {**fields, "p-valid_until": "2099-12-31", "p-document_number": "119/123/PKS/2026"},
        "propose",
    )
    assert done.status_code == 303, done.text
    new = done.headers["location"].partition("?")[0]
    kept = held.read(write.state(Partnership, new.rpartition("/")[2]))[0][0]
    assert (kept["name"], kept["valid_until"], kept["status"]) == ("Pojok baca 30", "2099-12-31", "proposed")
    assert kept["document_number"] == "119/123/PKS/2026"
    assert offered(city, soon, "sari") == [] and soon not in part(city, "sari", "endings")


def test_the_same_name_is_taken_for_another_agreement_that_is_not_renewed(city: httpx.Client, held: Store) -> None:
    hall(held)
    agreement(held, "Pojok baca", 30)
    agreement(held, "Pojok bacan", 60)
    again = send(city, "/register/partnerships", "sari", form(city, "/register/partnerships?renews=p:30", "sari"))
    assert again.status_code == 422 and "A record with a similar name exists: “Pojok bacan”" in again.text
    assert "exists: “Pojok baca”" not in again.text


def test_what_one_does_not_see_is_not_renewed(city: httpx.Client, held: Store) -> None:
    given = {"name": "Rahasia", "access": "closed", "steward": "dinkes"}
    publish(held, SaveInput(Agency, "other", {"name": "Other", "kind": "other"}))
    publish(held, SaveInput(Partnership, "p:30", given, {"parties": LinkChange({"dinkes": {}, "other": {}})}))
    for one in ("p:30", "p:none"):
        page = city.get(f"/register/partnerships?renews={one}", headers={AS: "tono"})
        assert page.status_code == 404 and "Rahasia" not in page.text
    assert form(city, "/register/partnerships?renews=p:30", "sari")["p-access"] == "closed"
    assert city.get("/register/partnerships?renews=p:30").status_code == 403
