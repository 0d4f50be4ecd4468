"""The command line as a person uses it: the demo answers over HTTP, a query without a server, refusals in one sentence."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.cli import Ended, command, finished, free_port, serves
from tests.support.engines import require_embedded, until

HOME = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A running demo: its address and its data directory."""
    require_embedded()
    data, port = tmp_path_factory.mktemp("demo"), free_port()
    process = command("demo", "--port", str(port), data=data)
    serves(process, port)
    yield f"http://127.0.0.1:{port}", data
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in process.communicate(timeout=60)[1]


def test_the_demo_answers_a_question_about_the_sample(demo: tuple[str, Path]) -> None:
    asked = {
        "query": '{ agencies(where: {name: {contains: "dinas kesehatan"}}) { totalCount nodes { name } } services { totalCount } }'
    }
    answer = httpx.post(f"{demo[0]}/graphql", json=asked).json()
    assert answer["data"]["agencies"]["totalCount"] >= 1
    assert answer["data"]["services"]["totalCount"] > 200


def when_computed(url: str) -> httpx.Response:
    """Return the page; the server answers 202 after some seconds as long as the report of the page is being computed."""
    pages: list[httpx.Response] = []

    def computed() -> bool:
        pages.append(httpx.get(url, headers=HOME, timeout=30))
        return pages[-1].status_code != 202

    assert until(computed, 300), f"{url} is still being computed"
    return pages[-1]


def test_pages_speak_two_languages_and_load_nothing_from_elsewhere(demo: tuple[str, Path]) -> None:
    for path, indonesian, english in (
        ("/", "Yang perlu perhatian", "What needs attention"),
        ("/reports", "Laporan", "Reports"),
        ("/reports/gaps", "Metode", "Method"),
    ):
        for lang, words in (("id", indonesian), ("en", english)):
            page = when_computed(f"{demo[0]}{path}?lang={lang}")
            assert page.status_code == 200
            assert words in page.text
            assert 'src="http' not in page.text and 'href="http' not in page.text
            assert "default-src 'none'" in page.headers["content-security-policy"]
            assert "unsafe-inline" not in page.headers["content-security-policy"]


def test_search_finds_beginnings_of_words_and_is_safe_with_any_text(demo: tuple[str, Path]) -> None:
    assert "Dinas Kesehatan" in httpx.get(f"{demo[0]}/search", params={"q": "dinas kes"}).text
    for hostile in ("<script>alert(1)</script>", "x" * 400, "' OR 1=1 //", "\u0000", "a:b AND (", "*" * 500):
        page = httpx.get(f"{demo[0]}/search", params={"q": hostile}, timeout=30)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
    page = httpx.get(f"{demo[0]}/search", params={"q": "x" * 5000}, timeout=30)
    assert page.status_code == 400 and "The search text has 5,000 characters. Use at most 500." in page.text


def test_errors_are_one_sentence(demo: tuple[str, Path]) -> None:
    missing = httpx.get(f"{demo[0]}/reports/sector-gap", headers=HOME)
    assert missing.status_code == 404 and "sector-gaps" in missing.text
    assert httpx.get(f"{demo[0]}/nothing", headers=HOME).status_code == 404
    assert httpx.get(f"{demo[0]}/reports/gaps", params={"as-of": "soon"}, headers=HOME).status_code == 400
    big = httpx.post(f"{demo[0]}/graphql", content=b"x" * 10_000_000, headers={"Content-Type": "application/json"})
    assert big.status_code == 413
    assert big.json()["errors"][0]["extensions"]["code"] == "TOO_COSTLY"


def test_graphiql_is_served_from_here(demo: tuple[str, Path]) -> None:
    page = httpx.get(f"{demo[0]}/graphql", headers=HOME)
    assert "GraphiQL" in page.text
    for script in ("graphiql/graphiql.min.js", "graphiql/react.production.min.js", "graphiql-page.js", "registry.css"):
        assert httpx.get(f"{demo[0]}/static/{script}").status_code == 200


def test_a_query_needs_no_server_and_explains_itself(demo: tuple[str, Path]) -> None:
    code, out, err = finished(
        command("query", "--explain", data=demo[1]), "{ sectors(first: 1) { totalCount nodes { id } } }"
    )
    assert code == 0
    assert json.loads(out)["data"]["sectors"]["totalCount"] == 11
    assert "MATCH (n:Sector)" in err
    assert finished(command("query", data=demo[1]), "{ nothing }")[0] == 1


def test_loading_the_sample_again_changes_nothing(demo: tuple[str, Path]) -> None:
    code, out, err = finished(command("load", "depok", "--json", data=demo[1]))
    assert code == 0, err
    outcome = json.loads(out)
    assert not any(outcome[name] for name in ("created", "changed", "retired"))
    assert outcome["unchanged"]["agencies"] > 150


@pytest.mark.parametrize(
    ("arguments", "more", "sentence"),
    [
        (["load", "depock"], {}, "Did you mean depok?"),
        (["report", "sector-gap"], {}, "sector-gaps"),
        (["report", "gaps", "--param", "level=2"], {}, "False discovery rate"),
        (["query"], {"NEO4J_URI": "bolt://127.0.0.1:1"}, "does not answer"),
        (["query"], {"NEO4J_URI": "nonsense"}, "NEO4J_URI"),
        (["query"], {"REGISTRY_LANG": "fr"}, "REGISTRY_LANG"),
        (["query", "/no/such/file"], {}, "Cannot read"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(
    carried_out: Callable[..., Ended],
    demo: tuple[str, Path],
    arguments: list[str],
    more: dict[str, str],
    sentence: str,
) -> None:
    code, _, err = carried_out(*arguments, data=demo[1], text="{ __typename }", **more)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err


def test_a_taken_port_is_one_sentence(demo: tuple[str, Path]) -> None:
    code, _, err = finished(command("serve", "--port", demo[0].rsplit(":", 1)[1], data=demo[1]))
    assert code == 2
    assert "Choose another port with --port" in err
