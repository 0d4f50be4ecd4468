"""A store that changes its leader, restarts, is too old, or cannot be reached safely: retried, then said in one sentence."""

import asyncio
import logging
import shutil
import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest

from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Reader, Store, StoreError
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.web.app import build_app
from tests.support.bolt import ScriptedServer
from tests.support.cli import Ended, refused
from tests.support.engines import until
from tests.support.neo4j_server import Neo4jMissing, running
from tests.support.requirements import missing
from tests.support.server import serving
from tests.support.tcp_proxy import Way

PASSING = (
    "Neo.ClientError.Cluster.NotALeader",
    "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
    "Neo.TransientError.General.DatabaseUnavailable",
    "Neo.TransientError.Database.DatabaseUnavailable",
    "Neo.TransientError.Transaction.DeadlockDetected",
)
ASKED = Cypher("RETURN 7")
SETTINGS = Settings(_env_file=None, lang="en")


def there(uri: str) -> ConnectionSettings:
    return ConnectionSettings(uri, "", "", "", "")


async def read(place: ConnectionSettings) -> object:
    async with Reader(place) as reader:
        return await reader.read([ASKED])


@pytest.mark.parametrize("code", PASSING)
def test_what_passes_is_tried_again(code: str) -> None:
    with ScriptedServer(code, code) as server, Store(there(server.uri)) as store:
        assert store.read(ASKED) == [[7]]
        assert server.begun == 3
        server.codes = [code]
        assert store.change(lambda ask: ask(ASKED)) == [[7]]
        server.codes = [code]
        assert asyncio.run(read(there(server.uri))) == [[[7]]]
        assert not server.codes


@pytest.mark.parametrize("code", PASSING[:-1])  # a deadlock is tried a number of times, however long that takes
def test_what_does_not_pass_is_unavailable_within_a_bound(code: str) -> None:
    with ScriptedServer(code, lasting=True) as server, Store(there(server.uri), patience=0.1) as store:
        for asked in (lambda: store.read(ASKED), lambda: store.change(lambda ask: ask(ASKED))):
            with pytest.raises(StoreError) as failed:
                asked()
            assert failed.value.code == "UNAVAILABLE"
            assert f"at {server.uri}" in str(failed.value) and "Try again soon." in str(failed.value)


def test_what_needs_too_much_memory_is_not_tried_again() -> None:
    with ScriptedServer("Neo.TransientError.General.MemoryPoolOutOfMemoryError", lasting=True) as server:
        with Store(there(server.uri)) as store, pytest.raises(StoreError) as failed:
            store.read(ASKED)
        assert (failed.value.code, server.begun) == ("TOO_COSTLY", 1)


def test_the_web_answers_503_with_a_time_to_come_back_and_never_internal() -> None:
    with (
        ScriptedServer("Neo.ClientError.Cluster.NotALeader", lasting=True) as server,
        serving(build_app(there(server.uri), SETTINGS)) as client,
    ):
        answer = client.post("/graphql", json={"query": "{ agencies { totalCount } }"})
        assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
        assert answer.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 5}
        page = client.get("/agencies", headers={"Accept": "text/html"})
        assert page.status_code == 503 and page.headers["retry-after"] == "5"
        assert client.get("/ready").status_code == 503


@pytest.mark.slow
def test_a_cold_server_answers_its_first_gap_report_once_ready() -> None:
    try:
        with running() as cold:
            with Store(there(cold.uri)) as store:
                apply(store, MODEL)
            with serving(build_app(there(cold.uri), SETTINGS)) as client:
                assert until(lambda: client.get("/ready").status_code == 200, seconds=120)
                assert client.get("/reports/gaps").status_code == 200
    except Neo4jMissing as reason:
        missing("NEO4J", str(reason))


def test_a_store_that_was_cut_off_answers_the_next_question(store: Store, place: ConnectionSettings) -> None:
    with Way(place.uri) as way:
        here = replace(place, uri=way.address)
        with Store(here) as asked:
            assert asked.read(ASKED) == [[7]]
            for one in way.open:
                one.close()
            assert asked.read(ASKED) == [[7]]
            assert asked.change(lambda ask: ask(ASKED)) == [[7]]


@pytest.mark.parametrize(
    ("agent", "works"),
    [
        ("Neo4j/5.26.30", True),
        ("Neo4j/2026.01.3", True),
        ("Neo4j/2031.05.0", True),
        ("Neo4j/dev", True),
        ("Neo4j/5.25.1", False),
        ("Neo4j/4.4.40", False),
        ("Neo4j/v5.11.0 compatible graph database server - Memgraph", False),
    ],
)
def test_the_version_of_a_server_is_looked_at(agent: str, works: bool, caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedServer(agent=agent) as server, caplog.at_level(logging.WARNING):
        if works:
            with Store(there(server.uri)):
                pass
            tested = agent in ("Neo4j/5.26.30", "Neo4j/2026.01.3")
            assert ("was not tested (tested: 5.26 and 2026.01)" in caplog.text) is not tested
            return
        for opened in (lambda: Store(there(server.uri)), lambda: asyncio.run(read(there(server.uri)))):
            with pytest.raises(StoreError) as failed:
                opened()
            assert "The registry needs Neo4j 5.26 or newer" in str(failed.value)
            assert agent in str(failed.value)


@pytest.mark.parametrize("uri", ["http://localhost:7474", "https://localhost:7473", "localhost:7687", "ftp://x"])
def test_an_address_that_is_none_is_said_in_a_sentence(
    carried_out: Callable[..., Ended], tmp_path: Path, uri: str
) -> None:
    assert f"{uri} is not a database address" in refused(carried_out("sources", data=tmp_path, NEO4J_URI=uri))


@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s"])
def test_a_server_without_encryption_is_named_as_such(scheme: str) -> None:
    with ScriptedServer() as server:
        uri = server.uri.replace("bolt", scheme)
        for opened in (lambda: Store(there(uri)), lambda: asyncio.run(read(there(uri)))):
            with pytest.raises(StoreError) as failed:
                opened()
            assert failed.value.code == "TLS_FAILED"
            assert "write neo4j:// or bolt:// for a server without TLS" in str(failed.value)


def test_a_certificate_that_nobody_vouches_for_is_named_as_such(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        missing("OPENSSL", "openssl is not installed")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    made += ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True)

        accepting = Thread(target=accept, daemon=True)
        accepting.start()
        with pytest.raises(StoreError) as failed:
            Store(there(f"bolt+s://127.0.0.1:{listening.getsockname()[1]}"))
        accepting.join(30)
    assert failed.value.code == "TLS_FAILED"
    assert "self-signed certificate" in str(failed.value) and "+ssc" in str(failed.value)
