"""What people do on pages beside saving: parties speak, resources are asked for, feedback is given and answered."""

import re
from collections.abc import Iterator

import httpx
import pytest

from registry.config import Settings
from registry.database.driver import ConnectionSettings, Store
from registry.model.definitions import Resource
from registry.mutations.feedback import erase
from registry.mutations.revisions import entries
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN
from registry.web.app import build_app
from tests.mutations.test_confirmations import agreement, channel, service
from tests.support.actors import acting, by
from tests.support.server import serving
from tests.support.two_agencies import HEAD, HEALTH, LIBRARY, properties, publish, room
from tests.web.forms.test_records import form

ACTORS = {"sari": HEALTH, "tono": LIBRARY, "budi": HEAD}


@pytest.fixture
def client(town: Store, embedded_place: ConnectionSettings) -> Iterator[httpx.Client]:
    """A server on the town, asked as anybody whom a test names."""
    with serving(acting(build_app(embedded_place, Settings(_env_file=None, lang="en")), ACTORS)) as client:
        yield client


def get(client: httpx.Client, who: str | None, path: str) -> httpx.Response:
    return client.get(path, headers={"Accept": "text/html", **(by(who) if who else {})})


def send(client: httpx.Client, who: str | None, path: str, **typed: str) -> httpx.Response:
    own = {"Origin": str(client.base_url).rstrip("/"), **(by(who) if who else {})}
    return client.post(path, data=typed, headers=own)


def offered(client: httpx.Client, who: str | None, path: str) -> set[str]:
    """Return the acts that the page of a record leads to."""
    return set(re.findall(rf'href="{re.escape(path)}/([a-z-]+)"', get(client, who, path).text)) - {"edit"}


def test_the_other_party_finds_an_agreement_in_its_inbox_and_speaks(client: httpx.Client, town: Store) -> None:
    path = f"/partnerships/{agreement(town)}"
    assert "Pojok baca" in get(client, "tono", "/inbox").text
    assert offered(client, "tono", path) == {"confirm", "level"}
    form = get(client, "tono", f"{path}/confirm").text
    assert '<option value="perpus" selected>' in form and "dinkes" not in form
    again = send(client, "tono", f"{path}/confirm", agency="perpus", standing="disputed", remark="")
    assert again.status_code == 422 and "This field is required." in again.text
    assert '<option value="disputed" selected>' in again.text, "what was typed stays"
    done = send(client, "tono", f"{path}/confirm", agency="perpus", standing="disputed", remark="Belum ada naskah.")
    assert done.status_code == 303
    page = get(client, "tono", done.headers["location"]).text
    assert "Your statement is recorded." in page
    assert "Agreements to confirm or dispute" in get(client, "tono", "/inbox").text
    assert "No agreements are waiting for your confirmation." in get(client, "tono", "/inbox").text
    level = send(client, "tono", f"{path}/level", agency="perpus", level="four-c:3", on="", note="Rapat tiap bulan.")
    assert level.status_code == 303
    assert "Rapat tiap bulan." in str(list(entries(town)))


def test_a_resource_is_asked_for_and_its_owner_decides(client: httpx.Client, town: Store) -> None:
    hall = room(town, capacity=100, unit="kursi")
    publish(town, Resource, hall)
    path = f"/resources/{hall}"
    assert offered(client, None, path) == offered(client, "sari", path) == set()
    assert offered(client, "tono", path) == {"request"}
    assert "Free: 100 kursi." in get(client, "tono", f"{path}/request").text
    wrong = send(client, "tono", f"{path}/request", agency="perpus", quantity="many")
    assert wrong.status_code == 422 and "It is no number" in wrong.text and 'value="many"' in wrong.text
    asked = send(client, "tono", f"{path}/request", agency="perpus", quantity="120", purpose="Pameran buku")
    assert asked.status_code == 303
    inbox = get(client, "sari", "/inbox").text
    request = re.findall(r'href="(/requests/[^"]+)">Aula – Dinas Perpustakaan<', inbox)[0]
    assert get(client, None, request).status_code == 404
    assert offered(client, "tono", request) == set()
    assert offered(client, "sari", request) == {"accept", "decline"}
    full = send(client, "sari", f"{request}/accept", answer="")
    assert full.status_code == 422 and "The available amount is 100." in full.text
    assert send(client, "sari", f"{request}/decline", answer="Terlalu banyak.").status_code == 303
    assert offered(client, "sari", request) == set()
    assert "No requests are waiting for your decision." in get(client, "sari", "/inbox").text
    refused = get(client, "tono", f"{request}/decline")
    assert refused.status_code == 403 and "You need the coordinator or approver role for the resource" in refused.text
    decided = get(client, "sari", f"{request}/accept")
    assert decided.status_code == 403 and "A request in this status cannot be changed this way." in decided.text


def test_what_is_promised_is_told_at_the_field_that_undercuts_it(client: httpx.Client, town: Store) -> None:
    hall = room(town, capacity=100, unit="kursi")
    publish(town, Resource, hall)
    path = f"/resources/{hall}"
    assert send(client, "tono", f"{path}/request", agency="perpus", quantity="12.5").status_code == 303
    (request,) = set(re.findall(r'href="(/requests/[^"]+)">Aula', get(client, "sari", "/inbox").text))
    assert send(client, "sari", f"{request}/accept", answer="").status_code == 303
    fields = form(client, f"{path}/edit", "sari")
    assert fields["p-in_use"] == "12.5"
    refused = send(client, "sari", f"{path}/edit", **{**fields, "p-in_use": "0", "p-capacity": "10", "do": "save"})
    assert refused.status_code == 422
    for field in ("The amount in use", "Capacity"):
        assert f"{field} must be at least 12.5, the amount already promised to one agency." in refused.text
    earlier = {"l-users-0": "Dinas Perpustakaan", "l-users-0-role": "first", "l-users-0-since": "2020-01-01"}
    assert send(client, "sari", f"{path}/edit", **{**fields, **earlier, "do": "save"}).status_code == 303
    page = get(client, "sari", path).text
    assert page.count("Dinas Perpustakaan</a>") >= 2 and "since Jan 1, 2020" in page, "two uses of one agency"
    fields = form(client, f"{path}/edit", "sari")
    assert fields["l-users-0-since"] == "2020-01-01" and not fields.get("l-users-1"), "the form holds the stated one"


def test_anybody_gives_feedback_and_machines_do_not(client: httpx.Client, town: Store) -> None:
    path = f"/services/{service(town)}"
    assert offered(client, None, path) == {"feedback"}
    form = get(client, None, f"{path}/feedback").text
    assert 'name="website"' in form and not client.cookies
    before = len(list(entries(town)))
    assert send(client, None, f"{path}/feedback", text="Buy this", website="https://spam.example").status_code == 303
    assert len(list(entries(town))) == before
    assert send(client, None, f"{path}/feedback", text=" ").status_code == 422
    done = send(client, None, f"{path}/feedback", text="Antreannya <b>panjang</b>.", contact="0812")
    assert "Thank you." in get(client, None, done.headers["location"]).text
    waiting = re.findall(r'href="(/feedbacks/[^"]+)"', get(client, "sari", "/inbox").text)[0]
    assert get(client, None, waiting).status_code == 404
    answer = get(client, "sari", f"{waiting}/answer").text
    assert "Antreannya &lt;b&gt;panjang&lt;/b&gt;." in answer and "Contact of the sender: 0812" in answer
    assert "0812" not in get(client, None, f"{waiting}/answer").text + get(client, "tono", f"{waiting}/answer").text
    assert send(client, "sari", f"{waiting}/answer", answer="Loket ditambah.").status_code == 303
    assert "Loket ditambah." in get(client, None, waiting).text
    assert offered(client, "tono", waiting) == set()
    assert not erase(town, RequestContext(ADMIN, "command"), waiting.rpartition("/")[2].replace("%3A", ":")).problems
    assert "panjang" not in get(client, None, waiting).text
    assert "0812" not in get(client, "sari", f"{waiting}/answer").text


def test_feedback_does_not_name_a_channel_of_another_service(client: httpx.Client, town: Store) -> None:
    about, other = service(town), channel(town, service(town, "Vaksinasi"))
    own = channel(town, about)
    form = get(client, None, f"/services/{about}/feedback").text
    assert own in form and other not in form
    sent = send(client, None, f"/services/{about}/feedback", text="Tidak diangkat.", channel=other)
    assert (
        sent.status_code == 422
        and "Tidak diangkat." in sent.text
        and "This channel does not belong to the service." in sent.text
    )


def test_what_is_sent_twice_is_done_once(client: httpx.Client, town: Store) -> None:
    path = f"/services/{service(town)}/feedback"
    before = len(list(entries(town)))
    for _ in range(2):
        assert send(client, "tono", path, text="Bagus.", key="once").status_code == 303
    assert len(list(entries(town))) == before + 1


def test_another_site_does_nothing_in_somebodys_name(client: httpx.Client, town: Store) -> None:
    hall = room(town)
    publish(town, Resource, hall)
    headers = {"Origin": "https://elsewhere.example", **by("tono")}
    assert client.post(f"/resources/{hall}/request", data={"agency": "perpus"}, headers=headers).status_code == 403
    assert properties(town, Resource, hall)["version"] == 3
