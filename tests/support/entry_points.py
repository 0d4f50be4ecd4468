"""How each way of doing something is tried: what there is beforehand, and what is sent then."""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx

from registry.database.driver import Cypher, Store
from registry.model.definitions import Agency, Feedback, Partnership, Request, Resource, Statement
from registry.model.kinds import Kind
from registry.mutations.audit_events import RecordState, empty_state
from registry.mutations.transaction import RequestContext, in_transaction
from registry.permissions import ADMIN, Action

THIRD = "agency:third"
DAY = "2026-01-02"
Ties = dict[str, dict[str, dict[str, object]]]


@dataclass(frozen=True)
class Cell:
    """One try: the record that it is about, whose it is, its access class, and the entry by which it came to be."""

    id: str
    steward: str
    access: str
    entry: int = 0


Made = Callable[[Cell], Sequence[RecordState]]  # what there is beforehand; the last is what it is about


@dataclass(frozen=True)
class Trial:
    """One way of doing something: `sent` tells what is sent, as text or as fields of a form; `changes` the record itself."""

    made: Made
    sent: Callable[[Cell], Any]
    changes: bool = True


def kept(store: Store, states: Sequence[RecordState]) -> dict[str, int]:
    """Write records as they are given, in one transaction; return the number of the audit event of each by its id."""
    in_transaction(
        store,
        RequestContext(ADMIN, "api"),
        lambda transaction: [transaction.write(None, one, "created") for one in states],
    )
    return {str(one[0]): int(one[1]) for one in store.read(Cypher("MATCH (c:Change) RETURN c.record, c.number"))}


def stated(of: type[Kind], cell: Cell, status: str, ties: Ties | None = None, **properties: object) -> RecordState:
    """Return a record of a kind as it stands."""
    whose = {"id": cell.id, "name": cell.id, "steward": cell.steward, "access": cell.access, "status": status}
    empty = empty_state(of)
    return replace(empty, properties={**whose, **properties}, ties={**empty.ties, **(ties or {})})


def agencies(*names: str) -> list[RecordState]:
    """Return agencies, published, each its own steward."""
    return [stated(Agency, Cell(one, one, "open"), "published", kind="other") for one in names]


def resource(status: str) -> Made:
    return lambda cell: [stated(Resource, cell, status, kind="data")]


def of_third(_cell: Cell) -> Sequence[RecordState]:
    return []


def agreement(cell: Cell) -> Sequence[RecordState]:
    """An agreement of others to which the cell's agency is a party."""
    of_others = replace(cell, steward=THIRD)
    ties: Ties = {"parties": {cell.steward: {"role": "partner"}, THIRD: {"role": "lead"}}}
    return [stated(Partnership, of_others, "published", ties, grants=[cell.steward])]


def statement(cell: Cell) -> Sequence[RecordState]:
    said = {"scale": "four-c", "level": 2, "on": DAY}
    return [stated(Statement, cell, "published", {"agency": {cell.steward: {}}}, **said)]


def asked_for(decision: str | None = None) -> Made:
    """A request of others for a resource of the cell's agency."""

    def made(cell: Cell) -> Sequence[RecordState]:
        hall = replace(cell, id=f"{cell.id}.hall")
        ties: Ties = {"agency": {THIRD: {}}, "resource": {hall.id: {}}}
        known = {"grants": [cell.steward], **({"decision": decision} if decision else {})}
        by_others = replace(cell, steward=THIRD, access="closed")
        return [*resource("published")(hall), stated(Request, by_others, "published", ties, **known)]

    return made


def feedback(cell: Cell) -> Sequence[RecordState]:
    ties: Ties = {"owner": {cell.steward: {}}}
    return [stated(Feedback, cell, "proposed", ties, received=DAY, description="Antreannya panjang.")]


def _text(change: str) -> Callable[[Cell], str]:
    return lambda cell: (
        change.replace("ID", cell.id).replace("WHOSE", cell.steward).replace("ACCESS", cell.access.upper())
    )


CHANGES = {
    (Action.PROPOSE, "saveKIND"): Trial(
        of_third,
        _text('saveResource(input: {name: "ID", kind: "data", steward: "WHOSE", access: ACCESS}, isAnother: true)'),
        changes=False,
    ),
    (Action.PROPOSE, "propose"): Trial(resource("draft"), _text('propose(id: "ID")')),
    (Action.PROPOSE, "requestResource"): Trial(
        of_third, _text('requestResource(agency: "WHOSE", resource: "resource:hall")'), changes=False
    ),
    (Action.EDIT, "saveKIND"): Trial(resource("published"), _text('saveResource(input: {id: "ID", unit: "kursi"})')),
    (Action.EDIT, "confirm"): Trial(
        agreement, _text('confirm(partnership: "ID", agency: "WHOSE", standing: CONFIRMED)')
    ),
    (Action.EDIT, "stateLevel"): Trial(
        agreement, _text('stateLevel(partnership: "ID", agency: "WHOSE", scale: "four-c", level: 2)'), changes=False
    ),
    (Action.EDIT, "withdrawStatement"): Trial(statement, _text('withdrawStatement(id: "ID")')),
    (Action.MANAGE, "saveKIND"): Trial(
        resource("published"), _text('saveResource(input: {id: "ID", grants: ["group:x"]})')
    ),
    (Action.APPROVE, "approve"): Trial(resource("proposed"), _text('approve(id: "ID")')),
    (Action.APPROVE, "sendBack"): Trial(resource("proposed"), _text('sendBack(id: "ID")')),
    (Action.RETIRE, "retireKIND"): Trial(resource("published"), _text('retireResource(id: "ID")')),
    (Action.ANSWER, "decideRequest"): Trial(asked_for(), _text('decideRequest(id: "ID", decision: DECLINED)')),
    (Action.ANSWER, "answerFeedback"): Trial(feedback, _text('answerFeedback(id: "ID", text: "Terima kasih.")')),
}


def _typed(**fields: str) -> Callable[[Cell], dict[str, str]]:
    return lambda cell: {"do": "", **{name: one.replace("WHOSE", cell.steward) for name, one in fields.items()}}


def _new(cell: Cell) -> dict[str, str]:
    own = {"name": cell.id, "kind": "data", "access": cell.access, "steward": cell.steward}
    return {**{f"p-{name}": one for name, one in own.items()}, "another": "yes"}


def _rows(cell: Cell) -> str:
    return f"id,name,kind,access,steward\n,{cell.id},data,{cell.access},{cell.steward}\n"


TABLE, REGISTER = "/register/KINDS/table", "/register/KINDS"
FORMS = {
    (Action.PROPOSE, REGISTER): Trial(of_third, _new, changes=False),
    (Action.PROPOSE, TABLE): Trial(of_third, _rows, changes=False),
    (Action.PROPOSE, "/KINDS/{id}/propose"): Trial(resource("draft"), _typed()),
    (Action.PROPOSE, "/resources/{id}/request"): Trial(
        lambda cell: [stated(Resource, replace(cell, steward=THIRD, access="open"), "published", kind="data")],
        _typed(agency="WHOSE"),
        changes=False,
    ),
    (Action.EDIT, "/KINDS/{id}/edit"): Trial(resource("published"), _typed(**{"p-unit": "kursi"})),
    (Action.EDIT, TABLE): Trial(resource("published"), lambda cell: f"id,name,kind,unit\n{cell.id},,,kursi\n"),
    (Action.EDIT, "/partnerships/{id}/confirm"): Trial(agreement, _typed(agency="WHOSE", standing="confirmed")),
    (Action.EDIT, "/partnerships/{id}/level"): Trial(
        agreement, _typed(agency="WHOSE", level="four-c:2"), changes=False
    ),
    (Action.EDIT, "/statements/{id}/withdraw"): Trial(statement, _typed()),
    (Action.MANAGE, "/KINDS/{id}/edit"): Trial(resource("published"), _typed(**{"p-grants": "group:x"})),
    (Action.MANAGE, "/KINDS/{id}/undo"): Trial(resource("published"), lambda cell: {"number": str(cell.entry)}),
    (Action.APPROVE, "/KINDS/{id}/approve"): Trial(resource("proposed"), _typed()),
    (Action.APPROVE, "/KINDS/{id}/send-back"): Trial(resource("proposed"), _typed(note="Belum lengkap.")),
    (Action.RETIRE, "/KINDS/{id}/retire"): Trial(resource("published"), _typed(note="Tidak ada lagi.")),
    (Action.ANSWER, "/requests/{id}/accept"): Trial(asked_for(), _typed(answer="Silakan.")),
    (Action.ANSWER, "/requests/{id}/decline"): Trial(asked_for(), _typed(answer="Maaf.")),
    (Action.ANSWER, "/requests/{id}/end"): Trial(asked_for("accepted"), _typed()),
    (Action.ANSWER, "/feedbacks/{id}/answer"): Trial(feedback, _typed(answer="Terima kasih.")),
}


def sent_to_table(client: httpx.Client, path: str, rows: str) -> httpx.Response:
    """Send a table as a person does: it is looked at first, then its load is confirmed."""
    looked = client.post(path, files={"file": ("t.csv", rows.encode())}, data={"another": "yes"})
    held = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', looked.text)
    if looked.status_code != 200:
        return looked
    return client.post(path, files={name: (None, html.unescape(value)) for name, value in held})
