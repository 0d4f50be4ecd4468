"""No change, form or command is without a rule: each is named by an action of registry/permissions.py, and tried as everybody."""

import ast
from collections.abc import Iterator
from typing import Any

import typer
from starlette.routing import Route

from registry.cli.main import app as commands
from registry.config import Settings
from registry.database.driver import ConnectionSettings
from registry.model.definitions import MODEL
from registry.permissions import ENTRY_POINTS, PERSONAL_ENTRY_POINTS, PUBLIC_ENTRY_POINTS, READING, VIEWING, Action
from registry.web.app import build_app
from registry.web.csrf import SAFE
from schema.schema import build_schema
from tests.support.entry_points import CHANGES, FORMS
from tests.support.paths import ROOT
from tests.support.server import serving

COMMANDS = ROOT / "registry/commands"
NAME_IT = "name it in registry/permissions.py"


def named(part: str) -> set[str]:
    """Return the names of all ways of one sort."""
    return {
        name
        for ways in (*ENTRY_POINTS.values(), PUBLIC_ENTRY_POINTS, PERSONAL_ENTRY_POINTS)
        for name in getattr(ways, part)
    }


def expanded(names: set[str]) -> set[str]:
    """Return names with each kind in the place of those that stand for any."""
    return {name.replace("KINDS", kind.plural).replace("KIND", kind.__name__) for name in names for kind in MODEL}


def test_no_change_over_graphql_is_without_a_rule() -> None:
    mutation = build_schema(MODEL).graphql_schema.mutation_type
    assert mutation is not None
    assert set(mutation.fields) <= expanded(named("changes")), NAME_IT
    assert all(expanded({name}) & set(mutation.fields) for name in named("changes"))


def test_no_form_is_without_a_rule(embedded_place: ConnectionSettings) -> None:
    app = build_app(embedded_place, Settings(_env_file=None))
    with serving(app):  # which closes what it has opened
        routes = [one for one in app.routes if isinstance(one, Route)]
    sent_to = {one.path for one in routes if (one.methods or set()) - set(SAFE)}
    assert sent_to <= expanded(named("forms")), NAME_IT
    assert all(expanded({name}) & sent_to for name in named("forms"))
    assert {one.path for one in routes if one.methods is None} == {"/graphql", "/reports/graphql"}


def test_no_command_is_without_a_rule() -> None:
    assert set(_called(typer.main.get_command(commands))) == named("commands") | set(READING), NAME_IT


def _called(command: Any, above: str = "") -> Iterator[str]:
    below = getattr(command, "commands", {})
    if not below:
        yield above
    for name, one in below.items():
        yield from _called(one, f"{above} {name}".strip())


def test_commands_know_nobody_but_the_administrator_and_everybody() -> None:
    """Who can start a command holds the store: nothing that is given to it makes somebody else of them."""
    for path in COMMANDS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "registry.permissions":
                assert {one.name for one in node.names} <= {"ADMIN", "ANONYMOUS", "Role"}, path.name


def test_every_action_has_its_ways_and_every_way_is_tried() -> None:
    assert set(ENTRY_POINTS) == set(Action) - set(VIEWING)
    assert set(CHANGES) == {(action, name) for action, ways in ENTRY_POINTS.items() for name in ways.changes}
    assert set(FORMS) == {(action, name) for action, ways in ENTRY_POINTS.items() for name in ways.forms}
    by_command_alone = [action for action, ways in ENTRY_POINTS.items() if not (ways.changes or ways.forms)]
    assert by_command_alone == [Action.LOAD, Action.ADMINISTER]
