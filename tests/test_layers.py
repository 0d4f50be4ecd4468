"""The direction of imports, where Cypher is written, who knows the driver, and the names of tests."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support import mutation
from tests.support.paths import ROOT, TESTS

LAYERS = [
    {"clock", "i18n", "progress"},
    {"model"},
    {"permissions"},
    {"config"},
    {"engine"},
    {"database"},
    {"auth", "analysis", "mutations", "explore"},
    {"reports", "evaluation"},
    {"loaders", "schema"},
    {"web"},
    {"cli", "docs"},
    {"client"},
]
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}
FILES = [path for folder in ("registry", "schema", "loaders") for path in sorted((ROOT / folder).rglob("*.py"))]


def _layer(module: str) -> str | None:
    parts = module.split(".")
    return parts[0] if parts[0] in ("schema", "loaders") else parts[1] if parts[0] == "registry" and parts[1:] else None


@cache
def _nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def _imports(path: Path) -> set[str]:
    found = set()
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    own = _layer(module)
    if own is None or own not in HEIGHT:
        return
    for imported in _imports(path):
        layer = _layer(imported)
        if layer in HEIGHT and layer != own:
            assert HEIGHT[layer] <= HEIGHT[own], f"{module} imports {imported}"
            assert {own, layer} != {"loaders", "schema"}, f"{module} imports {imported}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_cypher_is_written_in_one_place_and_the_driver_known_in_one(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    text = path.read_text(encoding="utf-8")
    if not place.startswith("registry/database/") and place != "registry/permissions.py":
        assert not re.search(r"\b(MATCH|MERGE|UNWIND|DETACH DELETE) ?[({$]", text), place
    if place != "registry/database/driver.py":
        assert not {"neo4j", "neo4j.exceptions"} & _imports(path), place


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_but_the_clock_uses_the_time_zone_of_the_machine(path: Path) -> None:
    if path == ROOT / "registry/clock.py":
        return
    for node in _nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "astimezone":
            assert node.args, f"{path.relative_to(ROOT)}:{node.lineno}: astimezone() without a zone"


def test_names_of_tests_have_at_most_70_characters() -> None:
    names = [
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(names) > 500 and [name for name in names if len(name) > 70] == []


def test_the_modules_of_make_mutate_and_their_tests_exist() -> None:
    named = [*mutation.TESTS, *(test.split("::")[0] for tests in mutation.TESTS.values() for test in tests)]
    assert [one for one in dict.fromkeys(named) if not (ROOT / one).exists()] == []
