"""The page of a need shows at once what would meet it, and leads to a request that begins with what the need says."""

import re
from html import unescape

import httpx
import pytest

from registry.database import write
from registry.database.driver import Cypher, Store
from registry.model.definitions import Area, Function, Need, Request, Resource
from registry.mutations.save import LinkChange, SaveInput
from tests.support.actors import HEADER as AS
from tests.support.two_agencies import HEALTH, by
from tests.web.forms.test_records import city, form, held, publish, send, served

__all__ = ["city", "held", "served"]
FACILITY = {"kind": "facility", "unit": "kursi", "capacity": 100, "in_use": 0, "shareability": "on-request"}


@pytest.fixture
def stocked(city: httpx.Client, held: Store) -> httpx.Client:
    """A town of two areas in a province, two functions, and facilities of the health agency."""
    for kind, name, above in (
        (Area, "a:province", None),
        (Area, "a:north", "a:province"),
        (Area, "a:south", "a:province"),
        (Function, "f:reading", None),
        (Function, "f:roads", None),
    ):
        given = {"name": name, "scheme": "s", "code": name, "steward": "dinkes"}
        publish(held, SaveInput(kind, name, given, {"broader": LinkChange({above: {}} if above else {})}))
    facility(held, "Fits", areas="a:province", functions="f:reading")
    facility(held, "Somewhere")
    facility(held, "Nearly", areas="a:north", capacity=60, in_use=20)
    facility(held, "Full", in_use=100)
    facility(held, "Elsewhere", areas="a:south")
    facility(held, "Roads", functions="f:roads")
    facility(held, "Ours", owner="perpus")
    facility(held, "Kept", shareability="not-shared")
    facility(held, "Data", kind="data")
    facility(held, "Hours", unit="jam")
    facility(held, "Late", available_since="2099-01-01")
    facility(held, "Closed", access="closed")
    by(held, HEALTH, SaveInput(Resource, "r:draft", {"name": "Draft", **FACILITY}, another=True))
    return city


def facility(
    store: Store, name: str, owner: str = "dinkes", areas: str = "", functions: str = "", **more: object
) -> None:
    links = {"owners": owner, **({"areas": areas} if areas else {}), **({"functions": functions} if functions else {})}
    given = {"name": name, **FACILITY, "steward": owner, **more}
    record, tied = f"r:{name.lower()}", {end: LinkChange({far: {}}) for end, far in links.items()}
    publish(store, SaveInput(Resource, record, given, tied, another=True))


def register(client: httpx.Client, who: str = "tono", **more: str) -> str:
    """Register a need of the library on the form; return its page."""
    typed = {
        "p-name": "Ruang baca",
        "p-kind": "facility",
        "p-unit": "kursi",
        "p-quantity": "80",
        "p-by_when": "2098-06-01",
    }
    linked = {"l-agency-0": "perpus", "l-areas-0": "a:north", "l-functions-0": "f:reading"}
    answer = send(client, "/register/needs", who, {**form(client, "/register/needs", who), **typed, **linked, **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0]


def offers(client: httpx.Client, path: str, who: str | None) -> dict[str, tuple[str, str]]:
    """Return what would meet a need by its name: what is said of it, and where it is asked for."""
    page = client.get(path, headers={AS: who} if who else {}).text
    section = page[page.index('aria-labelledby="meets"') :].partition("</section>")[0]
    found = {}
    for one in section.split("<li>")[1:]:
        name = re.findall(r'href="/resources/[^"/]+">([^<]+)<', one)[0]
        asked = re.findall(r'href="(/resources/[^"]+/request[^"]*)"', one)
        text = " ".join(
            re.sub(r"<[^>]+>", " ", one.partition('<a href="/resources/r:' + name.lower() + "/request")[0]).split()
        )
        found[name] = (unescape(text.removeprefix(name).strip()), unescape(asked[0]) if asked else "")
    return found


def test_a_draft_of_a_need_shows_what_would_meet_it(stocked: httpx.Client) -> None:
    path = register(stocked)
    found = offers(stocked, path, "tono")
    assert {name: told for name, (told, _ask) in found.items()} == {
        "Fits": "fits Dinas Kesehatan · Free: 100 kursi.",
        "Somewhere": "may fit, some facts are unknown Dinas Kesehatan · Free: 100 kursi.",
        "Nearly": "not enough available Dinas Kesehatan · Free: 40 kursi.",
    }
    assert list(found) == ["Fits", "Somewhere", "Nearly"]
    need = path.rpartition("/")[2]
    assert found["Fits"][1] == f"/resources/r:fits/request?need={need}"
    nothing = stocked.get(register(stocked, **{"p-name": "Jalan", "p-kind": "expertise"}), headers={AS: "tono"}).text
    assert "None of the resources that you have access to could meet this need." in nothing


def test_the_request_begins_with_the_need_and_is_linked_to_it(stocked: httpx.Client, held: Store) -> None:
    need = register(stocked)
    ask = offers(stocked, need, "tono")["Fits"][1]
    fields = form(stocked, ask, "tono")
    record = need.rpartition("/")[2]
    begun = {"agency": "perpus", "quantity": "80", "since": "2098-06-01", "need": record}
    assert {name: fields[name] for name in begun} == begun
    assert (
        f'Need that the request is for: <a href="/needs/{record}">Ruang baca</a>'
        in stocked.get(ask, headers={AS: "tono"}).text
    )
    wrong = stocked.post(ask, data={**fields, "quantity": "many"}, headers={AS: "tono"})
    assert wrong.status_code == 422 and f'name="need" value="{record}"' in wrong.text and 'value="many"' in wrong.text
    assert stocked.post(ask, data=fields, headers={AS: "tono"}).status_code == 303
    ((made,),) = held.read(Cypher("MATCH (n:Request) RETURN n.id"))
    state = held.read(write.state(Request, made))[0]
    ends = [end.name for end in write.own_ends(Request)]
    assert [far for far, _ in state[1 + ends.index("need")]] == [record]
    assert f'href="/requests/{made}"' in stocked.get(need, headers={AS: "tono"}).text
    assert record not in stocked.get(f"/requests/{made}", headers={AS: "sari"}).text, "a draft of others is not told of"


def test_the_link_to_request_and_the_need_are_shown_by_permission(stocked: httpx.Client, held: Store) -> None:
    given = {"name": "Ruang baca", "kind": "facility", "steward": "perpus"}
    publish(held, SaveInput(Need, "n:open", given, {"agency": LinkChange({"perpus": {}})}))
    publish(held, SaveInput(Need, "n:closed", {**given, "name": "Rahasia", "access": "closed"}))
    for who in (None, "dewi", "sari"):
        found = offers(stocked, "/needs/n:open", who)
        assert {"Fits", "Roads", "Hours"} <= set(found) and not any(ask for _told, ask in found.values())
    assert "Closed" not in offers(stocked, "/needs/n:open", None) and "Kept" not in offers(
        stocked, "/needs/n:open", "sari"
    )
    assert offers(stocked, "/needs/n:open", "tono")["Fits"][1]
    publish(held, SaveInput(Resource, "r:theirs", {"name": "Theirs", **FACILITY, "steward": "perpus"}, another=True))
    for need in ("n:closed", "n:none"):
        page = stocked.get(f"/resources/r:theirs/request?need={need}", headers={AS: "sari"})
        assert page.status_code == 200 and "Rahasia" not in page.text and need not in page.text
        asked = {"agency": "dinkes", "need": need}
        answer = stocked.post("/resources/r:theirs/request", data=asked, headers={AS: "sari"})
        assert answer.status_code == 422 and "There is no such record." in answer.text
