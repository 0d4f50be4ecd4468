"""Whatever the schema allows to be asked, and what it does not: the endpoint answers it, and never by our fault."""

import re
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, mutations, nodes, queries

from loaders.run import run
from loaders.source import find_source
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.permissions import ADMIN
from registry.web.app import build_app
from schema.schema import build_schema
from tests.support.actors import acting, by
from tests.support.server import serving

SEED = 20261125
SCHEMA = build_schema(MODEL).as_str()
# Sizes that may be asked for, and no orders, of which hypothesis-graphql does not know that they take one property each:
# without both, four in five operations would be refused for the same few reasons.
ASKED = re.sub(r"\b(first|last|longest|depth|hops): Int", r"\1: Size", re.sub(r"order: \[\w+!\] = null,?", "", SCHEMA))
SCALARS = {
    "Size": st.integers(1, 9).map(nodes.Int),
    "Date": st.dates().map(lambda day: nodes.String(day.isoformat())),
    "DateTime": st.datetimes(timezones=st.just(UTC)).map(lambda moment: nodes.String(moment.isoformat())),
}
REFUSALS = {"BAD_REQUEST", "TOO_COSTLY", "TOO_DEEP"}


@pytest.fixture(scope="module")
def client(embedded_place: ConnectionSettings) -> Iterator[httpx.Client]:
    """The sample behind a server."""
    with Store(embedded_place) as store:
        apply(store, MODEL)
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        run(store, find_source("depok", Settings(_env_file=None)))
    with serving(acting(build_app(embedded_place, Settings(_env_file=None, lang="en")), {"admin": ADMIN})) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("operations", "examples"), [(queries, 40), (mutations, 20)], ids=["queries", "mutations"])
def test_any_operation_is_answered_or_refused(client: httpx.Client, operations: Any, examples: int, mode: Mode) -> None:
    print("seed", SEED)

    @seed(SEED)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(text=operations(f"{ASKED} scalar Size", custom_scalars=SCALARS, mode=mode, allow_null=mode is Mode.NEGATIVE))
    def asked(text: str) -> None:
        answer = client.post("/graphql", json={"query": text}, headers=by("admin"))
        assert answer.status_code == 200, (answer.text, text)
        codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
        assert codes <= REFUSALS, (answer.json()["errors"], text)

    asked()
    assert client.get("/health").status_code == 200


def test_every_type_field_argument_and_value_is_described() -> None:
    missing = []
    for name, kind in build_schema(MODEL).graphql_schema.type_map.items():
        if name.startswith("__"):
            continue
        values = getattr(kind, "values", {}) | getattr(kind, "fields", {})
        for value, declared in {"": kind, **values}.items():
            arguments = getattr(declared, "args", {}).items()
            parts = [(f"{name}.{value}", declared), *((f"{name}.{value}({one})", given) for one, given in arguments)]
            missing += [part for part, described in parts if not described.description]
    assert not missing
