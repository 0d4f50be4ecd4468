"""The peer that the registry is measured against: @neo4j/graphql with graphql-yoga, on Node, over the same graph.

It is fetched by npm into a cache of its own when the benchmark runs; the registry does not depend on it.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from registry.database.dialect import words_index
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind
from tests.support.neo4j_server import CACHE

PACKAGES = {"@neo4j/graphql": "7.6.3", "graphql": "16.12.0", "graphql-yoga": "5.24.1", "neo4j-driver": "5.28.3"}
KINDS = ("Agency", "Service", "Channel")
WORDS = f' @fulltext(indexes: [{{indexName: "{words_index(MODEL["Agency"])}", queryName: "agenciesByWords", fields: ["words"]}}])'
SCALARS = {"STRING": "String", "INTEGER": "Int", "FLOAT": "Float", "BOOLEAN": "Boolean"}


class PeerMissing(Exception):
    """Why there is no peer to measure against."""


def command(port: int) -> list[str]:
    """Return the command that serves the peer; it must run in `folder()`."""
    return ["node", "peer.mjs", str(port)]


def folder() -> Path:
    """Return the folder of the peer with all it needs. Raises PeerMissing."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise PeerMissing(f"{tool} is not installed")
    place = CACHE / f"peer-{PACKAGES['@neo4j/graphql']}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}), encoding="utf-8")
    (place / "peer.graphql").write_text("\n".join(_types()), encoding="utf-8")
    shutil.copy(Path(__file__).with_name("peer.mjs"), place)
    if not (place / "node_modules").exists():
        _install(place)
    return place


def _install(place: Path) -> None:
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=place, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(place / "node_modules", ignore_errors=True)
        raise PeerMissing(f"npm could not fetch it: {done.stderr.strip()[-200:]}")


def _types() -> Iterator[str]:
    for name in KINDS:
        yield f"type {name} @node{WORDS if name == 'Agency' else ''} {{"
        yield from (f"  {field}" for field in _fields(MODEL[name]))
        yield "}"


def _fields(kind: type[Kind]) -> Iterator[str]:
    yield "name_key: String!"
    yield "words: String"
    for name, declared in kind.properties.items():
        plain = "ID" if name == "id" else SCALARS[declared.value.stored]
        scalar = f"[{plain}!]" if declared.value.listed else plain
        yield f"{name}: {scalar}{'!' if declared.non_null else ''}"
    for end in kind.ends.values():
        if end.target in KINDS:
            yield f"{end.name}: {_relationship(end)}"


def _relationship(end: End) -> str:
    direction = "OUT" if end.outgoing else "IN"
    return f'[{end.target}!]! @relationship(type: "{end.link.relation}", direction: {direction})'
