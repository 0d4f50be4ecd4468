"""The example queries in the menu of GraphiQL, as a visitor of the sample runs them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from registry.clock import frozen_at
from registry.web.graphiql import example_queries
from tests.support.example_queries import examples

DAY = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
def day() -> Iterator[None]:
    """The day of the sample, on which some of its agreements are about to end."""
    with frozen_at(DAY):
        yield


def test_each_of_eight_examples_finds_something_in_the_sample(day: None, visitor: httpx.Client) -> None:
    found = examples(visitor.get("/graphql").text)
    assert len(found) == 8
    for title, asked in found.items():
        answer = visitor.post("/graphql", json=asked, headers={"Accept": "application/json"}).json()
        assert "errors" not in answer, (title, answer)
        (value,) = answer["data"].values()
        assert any(value[name] for name in ("nodes", "services", "resources", "partnerships") if name in value), title


def test_the_menu_is_in_the_language_of_the_reader(visitor: httpx.Client) -> None:
    english, indonesian = (visitor.get("/graphql", headers={"Accept-Language": one}).text for one in ("en", "id"))
    assert "Example queries" in english and "Contoh kueri" in indonesian
    assert not examples(english).keys() & examples(indonesian).keys()
    asked = [{str(one["query"]) for one in examples(page).values()} for page in (english, indonesian)]
    assert asked[0] == asked[1]


def test_an_example_opens_in_the_editor_with_its_variables(visitor: httpx.Client) -> None:
    found: dict[str, Any] = examples(visitor.get("/graphql").text)
    (one,) = (asked for title, asked in found.items() if "until when" in title)
    page = visitor.get("/graphql", params={"operation": one["query"], "variables": "{}"}).text
    assert "data-given" in page and page.count('aria-current="true"') == 1


def test_without_records_there_are_fewer_examples() -> None:
    agency = {"id": "agency:1", "name": "Office"}
    none = {name: {"nodes": []} for name in ("partnerships", "resources", "agencies")}
    counts = [len(example_queries(known)) for known in ({}, none, none | {"agencies": {"nodes": [agency]}})]
    assert counts == [5, 5, 6]
