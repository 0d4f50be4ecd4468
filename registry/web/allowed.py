"""Who may change what on pages, and the page that says why somebody may not."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from registry.access import Action, Actor, can
from registry.clock import today
from registry.model import MODEL
from registry.modelling import Kind
from registry.web.actors import NO_STORE, actor_of, signed_in
from registry.web.addresses import record_path, rights_path
from registry.web.graph import Graph
from registry.web.markup import page
from registry.web.reasons import role_called, why
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


def role_named(request: Request) -> str:
    """Return the role of who is signed in; nothing where nobody is."""
    me = signed_in(request)
    return role_called(me.role) if me else ""


def refused(
    request: Request, sentence: str, needed: str, whom: Any = None, onward: str = "/", rights: str = ""
) -> Response:
    """Return the page that says why somebody may not do something: what it takes, and whom they can ask.

    `onward` is where they go on, and `rights` where they read what they may do.
    """
    response = page(
        request,
        "not_allowed.html",
        403,
        sentence=sentence,
        needed=needed,
        role=role_named(request),
        steward=whom,
        onward=onward,
        rights=rights,
    )
    response.headers.update(NO_STORE)
    return response


def no_registering(request: Request, kind: type[Kind]) -> Response:
    """Return the page for who may not register a record of a kind."""
    needed = _("It takes the role of a coordinator or an approver of an agency; an administrator gives it.")
    return refused(request, _("You may not register {what}.").format(what=_(kind.plural)), needed)


async def no_editing(request: Request, graph: Graph, kind: type[Kind], one: str) -> Response | None:
    """Return the page for who may not change a record; None where they may not even know of it."""
    return await no_doing(request, graph, kind, one, Action.EDIT, _("You may not change “{title}”."))


async def no_doing(
    request: Request, graph: Graph, kind: type[Kind], one: str, action: Action, sentence: str
) -> Response | None:
    """Return the page for who may not do something with a record, which `sentence` may name by its `{title}`.

    None where they may not even know of it.
    """
    me = actor_of(request)
    record = (await graph.ask(operation(kind), {"id": one}, me))[field_of(kind)]
    if record is None:
        return None
    whom = steward(record, today())
    known = stewarded(record)
    needed = "" if can(me, action, known) else why(me, action, known, whom[0].title if whom else "")
    named = sentence.replace("{title}", title(kind.__name__, record))
    path = record_path(kind.__name__, one)
    return refused(request, named, needed, whom, path, rights_path(path))
