"""Refusals on pages: which role or permission an action needs, and whom to ask."""

from collections.abc import Mapping
from typing import Any

from babel.lists import format_list
from starlette.requests import Request
from starlette.responses import Response

from registry.clock import today
from registry.i18n import _, language
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from registry.permissions import ANYBODY, ENTRY_POINTS, RIGHTS, VIEWING, Action, Actor, Role, can
from registry.web.base import NO_STORE, actor_of, permissions_path, record_path, signed_in
from registry.web.presenters import title
from registry.web.queries import PageQueries
from registry.web.records import record_operation, steward
from registry.web.templating import page
from schema.types import field_of

Record = Mapping[str, object]  # properties as stored


def action_label(action: Action) -> str:
    """Return the label of an action."""
    return {
        Action.VIEW_SUMMARY: _("View its summary: what it is and which agency is responsible"),
        Action.VIEW_DETAILS: _("View all details and the history"),
        Action.PROPOSE: _("Register it and hand it in"),
        Action.EDIT: _("Change it"),
        Action.MANAGE: _("Once it is published, change who answers for it and who sees it; undo its changes"),
        Action.APPROVE: _("Publish what was handed in, or send it back"),
        Action.RETIRE: _("Retire it; as long as it is a draft, withdraw it"),
        Action.ANSWER: _("Answer requests for it and feedback on it"),
        Action.LOAD: _("Load it from a source"),
        Action.ADMINISTER: _("Administer the registry"),
    }[action]


def role_label(role: Role) -> str:
    """Return the label of a role."""
    return {
        Role.VIEWER: _("viewer"),
        Role.ANALYST: _("analyst"),
        Role.COORDINATOR: _("coordinator"),
        Role.APPROVER: _("approver"),
        Role.ADMIN: _("administrator"),
    }[role]


def permission_reason(actor: Actor, action: Action, record: Record, agency: str) -> str:
    """Return why an actor may or may not do something with a record; `agency` is the name of its steward, or ""."""
    if action in VIEWING:
        return _reason_to_see(actor, action, record, agency)
    reason, ways = _reason_to_act(actor, action, record, agency), ENTRY_POINTS[action]
    if ways.changes or ways.forms:
        return reason
    return reason + " " + _("It is done by command, by who runs the registry.")


def _reason_to_see(actor: Actor, action: Action, record: Record, agency: str) -> str:
    readers = record.get("seen_by" if action is Action.VIEW_SUMMARY else "shown_to")
    if isinstance(readers, list) and ANYBODY in readers:
        return _("Everybody may.")
    if not can(actor, action, record):
        return _("Who answers for it may, those to whom it is granted, and administrators.")
    if record.get("steward") in actor.agencies:
        return _("You act for {agency}, which answers for it.").format(agency=agency)
    return _("You are an administrator.") if actor.is_admin else _("It is granted to an agency or a group of yours.")


def _reason_to_act(actor: Actor, action: Action, record: Record, agency: str) -> str:
    if actor.is_admin:
        return _("You are an administrator.")
    roles = [role for role in Role if action in RIGHTS[role] and role is not Role.ADMIN]
    if not roles:
        return _("Only an administrator may.")
    if action not in RIGHTS[actor.role]:
        called = format_list([role_label(role) for role in roles], "or", language())
        return _("It takes the role of {roles} of the agency that answers for it.").format(roles=called)
    if not agency:
        return _("No agency answers for it, so only an administrator may.")
    if not can(actor, action, record):
        return _("You do not act for {agency}, which answers for it.").format(agency=agency)
    reason = _("You act for {agency}, which answers for it.").format(agency=agency)
    if action is Action.EDIT and record.get("status") == "published":
        return reason + " " + _("It is published: what you change is seen at once, without an approval.")
    return reason


# Kinds with actions of their own, such as requests, are created and changed on the pages of those actions.
EDITED = [kind for kind in MODEL if not (kind.read_only or kind.by_action)]


def may_register(actor: Actor) -> bool:
    """Return whether an actor may register records for some agency."""
    return actor.is_admin or bool(actor.agencies_for(Action.PROPOSE))


def may_edit(actor: Actor, record: Mapping[str, Any]) -> bool:
    """Return whether an actor may edit a record, given as a GraphQL result."""
    return record["status"] != "RETIRED" and can(actor, Action.EDIT, permission_properties(record))


def permission_properties(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties on which permissions depend, from a record given as a GraphQL result."""
    return {"status": record["status"].lower(), "steward": record["steward"] and record["steward"]["id"]}


def role_of_user(request: Request) -> str:
    """Return the label of the signed-in user's role, or ""."""
    me = signed_in(request)
    return role_label(me.role) if me else ""


def refusal_page(
    request: Request, sentence: str, needed: str, whom: Any = None, onward: str = "/", rights: str = ""
) -> Response:
    """Return a 403 page that says what an action needs and whom to ask.

    `whom` is the steward and its channels, `onward` the path to continue at, `rights` the path of the permission page.
    """
    response = page(
        request,
        "not_allowed.html",
        403,
        sentence=sentence,
        needed=needed,
        role=role_of_user(request),
        steward=whom,
        onward=onward,
        rights=rights,
    )
    response.headers.update(NO_STORE)
    return response


def cannot_register(request: Request, kind: type[Kind]) -> Response:
    """Return the 403 page for registering records of a kind."""
    needed = _("It takes the role of a coordinator or an approver of an agency; an administrator gives it.")
    return refusal_page(request, _("You may not register {what}.").format(what=_(kind.plural)), needed)


async def cannot_edit(request: Request, graph: PageQueries, kind: type[Kind], one: str) -> Response | None:
    """Return the 403 page for editing a record; None if the user may not know that it exists."""
    return await cannot_do(request, graph, kind, one, Action.EDIT, _("You may not change “{title}”."))


async def cannot_do(
    request: Request, graph: PageQueries, kind: type[Kind], one: str, action: Action, sentence: str
) -> Response | None:
    """Return the 403 page for an action on a record. `sentence` may contain `{title}`.

    None if the user may not know that the record exists.
    """
    me = actor_of(request)
    record = (await graph.ask(record_operation(kind), {"id": one}, me))[field_of(kind)]
    if record is None:
        return None
    whom = steward(record, today())
    known = permission_properties(record)
    needed = "" if can(me, action, known) else permission_reason(me, action, known, whom[0].title if whom else "")
    named = sentence.replace("{title}", title(kind.__name__, record))
    path = record_path(kind.__name__, one)
    return refusal_page(request, named, needed, whom, path, permissions_path(path))
