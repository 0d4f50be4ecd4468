"""The cells of docs/access.md by commands, which know one actor: whoever can start them is the administrator."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from registry.auth.permission_matrix import CLASSES, NOBODY, OTHER, OWN
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.permissions import Action
from schema.limits import CHANGES as CHANGES_AT_ONCE
from tests.support.cli import Ended, speaking_to
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.entry_points import CHANGES, FORMS
from tests.support.permission_cases import READ, ROLES, cells, check_read, held, operation, promised
from tests.support.sources import City

__all__ = ["held"]
pytestmark = SLOW_ON_NEO4J
Done = Callable[..., dict[str, Any]]


@pytest.fixture
def done(place: ConnectionSettings, tmp_path: Path, carried_out: Callable[..., Ended]) -> Done:
    """Carry out a command that prints JSON, by who can reach the store and says no more of who they are."""

    def done(*arguments: str, text: str = "") -> dict[str, Any]:
        code, out, err = carried_out(*arguments, data=tmp_path, text=text, **speaking_to(place))
        assert code == 0, (out, err)
        printed: dict[str, Any] = orjson.loads(out) if out.startswith("{") else {"said": out}
        return printed

    return done


def test_a_query_by_command_sees_and_changes_what_an_administrator_may(held: Store, done: Done) -> None:
    check_read(done("query", text=READ)["data"], promised("admin"))
    tried = [
        (trial, cell)
        for (action, change), trial in CHANGES.items()
        for cell in cells(held, action, f"query {change}", trial, ["admin"])["admin"]
    ]
    for begin in range(0, len(tried), CHANGES_AT_ONCE):
        some = tried[begin : begin + CHANGES_AT_ONCE]
        answer = done("query", text=operation({f"c{n}": trial.sent(cell) for n, (trial, cell) in enumerate(some)}))
        assert [one["problems"] for one in answer["data"].values()] == [[]] * len(some), answer
    assert by_whom(held, [cell.id for trial, cell in tried if trial.changes]) == ["admin", "command"]


@pytest.mark.parametrize(
    ("command", "action", "form"),
    [("audit undo", Action.MANAGE, "/KINDS/{id}/undo"), ("erase", Action.ANSWER, "/feedbacks/{id}/answer")],
)
def test_a_command_changes_what_an_administrator_may(
    held: Store, done: Done, command: str, action: Action, form: str
) -> None:
    tried = cells(held, action, command, FORMS[action, form], ["admin"])["admin"]
    for cell in tried:
        done(*command.split(), str(cell.entry) if command == "audit undo" else cell.id)
    assert by_whom(held, [cell.id for cell in tried]) == ["admin", "command"]


def by_whom(store: Store, records: Sequence[str]) -> list[str]:
    """Return who changed each of some records last, and how."""
    rows = store.read(Cypher("MATCH (c:Change) RETURN c.record, c.actor, c.how ORDER BY c.number"))
    last = {record: [actor, how] for record, actor, how in rows}
    assert all(last[one] == last[records[0]] for one in records)
    return last[records[0]]


def test_a_load_and_its_undoing_reach_the_records_of_everybody(held: Store, done: Done, tmp_path: Path) -> None:
    city = City(tmp_path / "city", held)
    rows = [f"c:{whose[7:]}-{access},Hall,facility,{whose},{access}" for whose in (OWN, OTHER) for access in CLASSES]
    city.write("resources", "\n".join(["id,name,kind,steward,access", *rows, ""]))
    loaded = done("load", str(city.folder), "--json")
    statuses = Cypher("MATCH (n:Resource) WHERE n.source = 'city' RETURN n.status, count(n)")
    assert held.read(statuses) == [["published", len(rows)]]
    done("audit", "undo-load", loaded["run"])
    assert held.read(statuses) == [["retired", len(rows)]]


@pytest.mark.parametrize("agency", [OWN, OTHER])
def test_a_command_gives_and_takes_the_rights_of_everybody(held: Store, done: Done, agency: str) -> None:
    for role in ROLES.keys() - {NOBODY}:
        made = done("token", "add", role, "--role", role, "--agency", agency, "--json")
        done("token", "revoke", made["id"])
    states = held.read(Cypher("MATCH (c:Credential) WHERE c.revoked IS NULL RETURN c.name"))
    assert states == []
