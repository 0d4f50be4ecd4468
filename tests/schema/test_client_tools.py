"""GraphQL clients as their authors publish them: compilers that read the schema, and caches that read a running registry."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.config import Settings
from registry.database.driver import ConnectionSettings
from registry.model.definitions import MODEL
from registry.web.app import build_app
from schema.schema import build_schema
from tests.support.npm import installed
from tests.support.paths import TESTS
from tests.support.server import serving

CLIENTS = TESTS / "support" / "graphql_clients"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def packages() -> Path:
    """The folder with the packages of npm, installed once."""
    return installed(CLIENTS)


@pytest.fixture
def project(packages: Path, tmp_path: Path) -> Path:
    """A client's project: the printed schema, documents, and the packages."""
    (tmp_path / "src").mkdir()
    for name in ("relay.config.json", "codegen.json", "documents.graphql"):
        shutil.copyfile(CLIENTS / name, tmp_path / name)
    shutil.copyfile(CLIENTS / "Directory.js", tmp_path / "src" / "Directory.js")
    (tmp_path / "schema.graphql").write_text(build_schema(MODEL).as_str(), encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    return tmp_path


@pytest.fixture(scope="module")
def answers(packages: Path, sample: ConnectionSettings) -> Iterator[dict[str, Any]]:
    """What the caches of Apollo Client and urql hold after they read the sample from a running registry."""
    with serving(build_app(sample, Settings(_env_file=None, lang="en"))) as client:
        asked = ["node", "caches.mjs", f"{client.base_url}/graphql", "documents.graphql"]
        yield json.loads(_run(asked, packages))


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_relay_compiles_connections_and_fragments_on_node(project: Path) -> None:
    _run(["node_modules/.bin/relay-compiler", "relay.config.json"], project)
    made = {path.name: path.read_text(encoding="utf-8") for path in (project / "src" / "__generated__").iterdir()}
    refetch = made["DirectoryRecordQuery.graphql.js"]
    assert "node(id: $id)" in refetch and "...Directory_record" in refetch
    page = made["DirectoryAgenciesQuery.graphql.js"]
    assert all(one in page for one in ("cursor", "endCursor", "hasNextPage"))
    assert '"kind": "LinkedHandle"' in page and '"key": "Directory_agencies"' in page
    assert all(f"Directory{one}Query.graphql.js" in made for one in ("Services", "Search", "Records", ""))


def test_graphql_codegen_makes_types_of_the_schema_and_its_documents(project: Path) -> None:
    _run(["node_modules/.bin/graphql-codegen", "--config", "codegen.json"], project)
    types = (project / "types.ts").read_text(encoding="utf-8")
    assert (
        re.search(r"export type Agency = (Node & Record|Record & Node) & {", types)
        and "export type RecordsQuery = " in types
    )
    scalars = types.partition("export type Scalars")[2].partition("};")[0]
    assert "Date: { input: string; output: string; }" in scalars and " any" not in scalars


def test_a_record_reached_in_two_ways_is_one_entry_of_the_cache(answers: dict[str, Any]) -> None:
    found = answers["apollo"]
    agency, service = found["agency"], found["agency"]["provides"][0]["service"]
    entries = [one for one in found["entries"] if agency["id"] in one or service["id"] in one]
    assert sorted(entries) == [f"Agency:{agency['id']}", f"Service:{service['id']}"]
    assert found["known"]["acronym"] and found["known"]["website"], "fields of both queries"
    (near, far) = agency["provides"][0], found["nodes"][1]["providers"]
    assert near["id"] in [one["id"] for one in far], "a link has the same id at both ends"
    before, after = (answers["urql"][one]["agency"] for one in ("before", "after"))
    assert (before["name"], before["website"]) == (agency["name"], None)
    assert after["website"] == found["known"]["website"]
    assert answers["warnings"] == []


def test_the_second_page_is_merged_behind_the_first(answers: dict[str, Any]) -> None:
    for pages in (answers["apollo"]["pages"], answers["urql"]["pages"]):
        assert len(pages) == len(set(pages)) == 6
    assert answers["apollo"]["pages"] == answers["urql"]["pages"]
