"""The engine goes away while something is changed: nothing is half-written, and what is asked for again is made once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from socket import create_server

import httpx
import pytest

from registry.clock import now
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.write import upsert
from registry.model.definitions import Agency
from registry.mutations.revisions import verify
from registry.permissions import Actor, Role
from registry.web.app import build_app
from tests.support.actors import acting, by
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record
from tests.support.server import serving
from tests.support.tcp_proxy import Way

pytestmark = SLOW_ON_NEO4J

COMMIT = b"\x00\x02\xb0\x12\x00\x00"  # of Bolt: a chunk of two bytes, a structure without fields
SARI = {"sari": Actor("sari", Role.COORDINATOR, frozenset({"agency:1"}))}
ASKED = {
    "query": 'mutation { saveResource(input: {name: "Aula", kind: "facility"}, key: "k") { record { id version } problems { code } } }'
}


class CommitUnanswered(Way):
    """Carries the commit of a change there, and no answer back."""

    def ask(self, part: bytes) -> bytes:
        if COMMIT in part:
            self.asked.set()
        return part


def in_the_middle(address: str, port: int) -> Way:
    return Way(address, port, until="CREATE (n:Change)")


@pytest.fixture
def port() -> int:
    with create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def client(store: Store, place: ConnectionSettings, port: int) -> Iterator[httpx.Client]:
    office = record("Agency", "agency:1", "Office", kind="department")
    store.write(upsert(Agency, [office], source="test", run="run:test", now=now()))
    here = replace(place, uri=f"bolt://127.0.0.1:{port}")
    with serving(acting(build_app(here, Settings(_env_file=None, lang="en")), SARI)) as client:
        yield client


def save(client: httpx.Client) -> httpx.Response:
    return client.post("/graphql", json=ASKED, headers=by("sari"))


@pytest.mark.parametrize("way", [in_the_middle, CommitUnanswered], ids=["middle", "commit"])
def test_what_was_cut_off_is_asked_for_again_and_made_once(
    client: httpx.Client, store: Store, place: ConnectionSettings, port: int, way: Callable[[str, int], Way]
) -> None:
    assert unavailable(save(client)), "nobody is there yet"
    with ThreadPoolExecutor() as people:
        with way(place.uri, port) as cut:
            answer = people.submit(save, client)
            assert cut.asked.wait(60)
        assert unavailable(answer.result(60))
    assert client.get("/health").status_code == 200
    with Way(place.uri, port):
        result = save(client).json()["data"]["saveResource"]
    assert result["problems"] == [] and result["record"]["version"] == 1
    assert [row[0] for row in store.read(Cypher("MATCH (n:Resource) RETURN n.id"))] == [result["record"]["id"]]
    assert verify(store)[::3] == (1, None)


def unavailable(answer: httpx.Response) -> bool:
    (error,) = answer.json()["errors"]
    return (
        answer.status_code == 503 and error["extensions"]["code"] == "UNAVAILABLE" and "retry-after" in answer.headers
    )
