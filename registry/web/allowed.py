"""Who may change what on pages, and the page that says why somebody may not."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from registry.access import Action, Actor, Role, can
from registry.model import MODEL
from registry.modelling import Kind
from registry.values import today
from registry.web.actors import NO_STORE, actor_of, signed_in
from registry.web.addresses import record_path
from registry.web.graph import Graph
from registry.web.markup import page
from registry.web.record import operation
from registry.web.record_page import steward
from registry.web.showing import title
from registry.words import _
from schema.names import field_of

# What comes of steps of its own, such as a request, has pages of its own for them.
EDITED = [kind for kind in MODEL if not (kind.kept_by_us or kind.by_step)]


def may_register(actor: Actor) -> bool:
    """Tell whether an actor may register a record of some agency."""
    return actor.everything or bool(actor.for_whom(Action.PROPOSE))


def may_edit(actor: Actor, record: Mapping[str, Any]) -> bool:
    """Tell whether an actor may change a record, given as pages show it."""
    return record["status"] != "RETIRED" and can(actor, Action.EDIT, stewarded(record))


def stewarded(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record, given as pages show it, as far as what may be done with it depends on it."""
    return {"status": record["status"].lower(), "steward": record["steward"] and record["steward"]["id"]}


def role_called(role: Role) -> str:
    """Return what a role is called."""
    return {
        Role.VIEWER: _("viewer"),
        Role.ANALYST: _("analyst"),
        Role.COORDINATOR: _("coordinator"),
        Role.APPROVER: _("approver"),
        Role.ADMIN: _("administrator"),
    }[role]


def refused(request: Request, sentence: str, needed: str, whom: Any = None, onward: str = "/") -> Response:
    """Return the page that says why somebody may not do something: what it takes, and whom they can ask."""
    me = signed_in(request)
    response = page(
        request,
        "not_allowed.html",
        403,
        sentence=sentence,
        needed=needed,
        role=role_called(me.role) if me else "",
        steward=whom,
        onward=onward,
    )
    response.headers.update(NO_STORE)
    return response


def no_registering(request: Request, kind: type[Kind]) -> Response:
    """Return the page for who may not register a record of a kind."""
    needed = _("It takes the role of a coordinator or an approver of an agency; an administrator gives it.")
    return refused(request, _("You may not register {what}.").format(what=_(kind.plural)), needed)


async def no_editing(request: Request, graph: Graph, kind: type[Kind], one: str) -> Response | None:
    """Return the page for who may not change a record; None where they may not even know of it."""
    record = (await graph.ask(operation(kind), {"id": one}, actor_of(request)))[field_of(kind)]
    if record is None:
        return None
    sentence = _("You may not change “{title}”.").format(title=title(kind.__name__, record))
    needed = _("It takes the role of a coordinator or an approver of the agency that answers for it.")
    return refused(request, sentence, needed, steward(record, today()), record_path(kind.__name__, one))
