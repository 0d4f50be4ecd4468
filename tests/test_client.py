"""The Python client returns the data frames and networks of a server, or of a database on this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import networkx as nx
import pandas as pd
import polars as pl
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from registry import client
from registry.client import ClientError, Registry
from registry.config import Settings
from registry.database.driver import ConnectionSettings
from registry.permissions import ADMIN
from registry.web.app import build_app
from tests.support.cli import environment, speaking_to
from tests.support.paths import ROOT
from tests.support.sample import AS_OF
from tests.support.server import serving

NOTEBOOK = ROOT / "examples" / "collaboration.ipynb"


TOKEN = "of-an-administrator"


def with_token(app: ASGIApp) -> ASGIApp:
    """Return an application that knows a token without writing it to the sample."""

    async def as_actor(scope: Scope, receive: Receive, send: Send) -> None:
        headers = list(scope.get("headers", ()))
        sent = (b"authorization", f"Bearer {TOKEN}".encode())
        others = [one for one in headers if one != sent]
        await app({**scope, "headers": others, "actor": ADMIN} if sent in headers else scope, receive, send)

    return as_actor


@pytest.fixture(scope="module")
def server(sample: ConnectionSettings) -> Iterator[httpx.Client]:
    with serving(with_token(build_app(sample, Settings(_env_file=None, lang="en")))) as http:
        yield http


@pytest.fixture(scope="module")
def registry(server: httpx.Client) -> Iterator[Registry]:
    with client.connect(str(server.base_url)) as registry:
        yield registry


def test_a_frame_has_the_cells_that_the_server_sends(server: httpx.Client, registry: Registry) -> None:
    for name in ("agency-measures", "agreements"):
        rows = server.get(f"/reports/{name}.json", params={"as-of": AS_OF}).json()["rows"]
        result = registry.report(name, as_of=AS_OF)
        pandas, polars = result.frame(), result.frame("polars")
        columns = [one["name"] for one in result.data["columns"]]
        assert list(pandas.columns) == list(polars.columns) == [*columns, "confidence", "evidence"]
        for column in columns:
            expected = [row[column] for row in rows]
            assert [as_sent(cell) for cell in pandas[column]] == expected, column
            assert [as_sent(cell) for cell in polars[column].to_list()] == expected, column
        ids = [[one["id"] for one in row["evidence"]] for row in rows]
        assert pandas["evidence"].to_list() == polars["evidence"].to_list() == ids


def as_sent(cell: object) -> object:
    if isinstance(cell, list):
        return cell
    if pd.isna(cell):  # type: ignore[call-overload]
        return None
    return cell.isoformat()[:10] if hasattr(cell, "isoformat") else cell


def test_an_unknown_value_is_missing_and_columns_have_types(registry: Registry) -> None:
    result = registry.report("agency-measures", as_of=AS_OF, sector="health")
    pandas, polars = result.frame(), result.frame("polars")
    kinds = {"agency": "string", "degree": "Int64", "closeness": "Float64", "sectors": "object"}
    assert {name: str(pandas[name].dtype) for name in kinds} == kinds
    assert polars.schema["degree"] == pl.Int64 and polars.schema["sectors"] == pl.List(pl.String)
    isolated = pandas[pandas["confidence"] == "unclear"]
    assert len(isolated) and isolated["degree"].isna().all() and pandas["degree"].sum() > 0
    assert str(registry.report("agreements", as_of=AS_OF).frame()["until"].dtype).startswith("datetime64")
    nothing = registry.report("agency-measures", as_of=AS_OF, agency="depok:dinkes-kota", sector="transport")
    assert nothing.data["rows"] == [] and nothing.frame().empty and nothing.frame("polars").is_empty()


def test_a_network_has_the_ties_of_the_server_and_lists_as_lists(server: httpx.Client, registry: Registry) -> None:
    result = registry.report("agency-measures", as_of=AS_OF)
    network, frame = result.network(), result.frame()
    ids = [one[0] for one in frame["evidence"]]
    assert isinstance(network, nx.Graph) and set(network) == set(ids)
    assert dict(network.degree) == dict(zip(ids, frame["degree"].fillna(0), strict=True))
    sectors = {one: network.nodes[one]["sectors"] for one in network}
    assert sectors == dict(zip(ids, frame["sectors"], strict=True))
    strength = dict(network.degree(weight="weight"))
    assert strength == pytest.approx(dict(zip(ids, frame["strength"].fillna(0), strict=True)))
    table = server.get("/reports/agency-measures.edges.csv", params={"as-of": AS_OF}).text.splitlines()
    assert len(table) - 1 == network.number_of_edges()
    assert all(tie["agreements"] == len(tie["agreement_ids"]) for _a, _b, tie in network.edges(data=True))


def test_what_cannot_be_answered_is_one_sentence(registry: Registry) -> None:
    with pytest.raises(ClientError, match="no report called “gap”"):
        registry.report("gap")
    with pytest.raises(ClientError, match="is not a date"):
        registry.report("gaps", as_of="soon")
    with pytest.raises(ClientError, match="no parameter “mots”"):
        registry.report("brokers", mots=3)
    with pytest.raises(ClientError, match="is not a network"):
        registry.report("coverage").network()
    with pytest.raises(ClientError, match="Choose one of: pandas, polars"):
        registry.report("coverage").frame("excel")
    with pytest.raises(ClientError, match="agencys"):
        registry.graphql("{ agencys { nodes { id } } }")
    with pytest.raises(ClientError, match="does not answer"), client.connect("http://127.0.0.1:9") as nobody:
        nobody.report("gaps")
    with pytest.raises(ClientError, match="no folder"):
        client.open("no-such-folder")


def test_a_wrong_token_is_refused(server: httpx.Client) -> None:
    with client.connect(str(server.base_url), token="wrong") as stranger, pytest.raises(ClientError, match="token"):
        stranger.report("coverage")


def test_a_database_on_this_machine_is_read_as_from_a_server(
    sample: ConnectionSettings, server: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in speaking_to(sample).items():
        monkeypatch.setenv(name, value)
    query = "query Some($first: Int!) { agencies(first: $first) { nodes { id name } } }"
    with client.open(sample.uri) as here, client.connect(str(server.base_url), TOKEN) as registry:
        ours, theirs = (one.report("agency-measures", as_of=AS_OF) for one in (here, registry))
        pd.testing.assert_frame_equal(ours.frame(), theirs.frame())
        assert nx.utils.graphs_equal(ours.network(), theirs.network())
        assert here.graphql(query, first=3) == registry.graphql(query, first=3)
        with pytest.raises(ClientError, match="no report called “gap”"):
            here.report("gap")


def test_the_notebook_runs_on_the_sample(server: httpx.Client) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment(REGISTRY_URL=str(server.base_url), PYTHONPATH=os.pathsep.join(sys.path)),
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "agencies have a tie" in ran.stdout and "assortativity by sector" in ran.stdout
