"""What users may do on pages, and the 403 page that names the required role and the contact."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from registry.clock import today
from registry.i18n import _
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from registry.mutations.lifecycle import RETIRE, action_of
from registry.permissions import Action, Actor, can, role_label, role_needed
from registry.web.base import NO_STORE, actor_of, record_path, signed_in
from registry.web.presenters import title
from registry.web.queries import PageQueries
from registry.web.records import record_operation, record_variables, steward
from registry.web.templating import page
from schema.types import field_of

# Some kinds, such as requests, are created and changed by actions only, so they have no form.
EDITABLE = [kind for kind in MODEL if not (kind.read_only or kind.by_action)]


def may_register(actor: Actor) -> bool:
    """Return whether an actor may register records for at least one agency."""
    return actor.is_admin or bool(actor.agencies_for(Action.PROPOSE))


def may_edit(actor: Actor, record: Mapping[str, Any]) -> bool:
    """Return whether an actor may edit a record. `record` is a GraphQL result."""
    return record["status"] != "RETIRED" and can(actor, Action.EDIT, permission_properties(record))


def permission_properties(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a record that permissions depend on. `record` is a GraphQL result."""
    return {"status": record["status"].lower(), "steward": record["steward"] and record["steward"]["id"]}


def refusal_page(request: Request, heading: str, reason: str, whom: Any = None, back: str = "/") -> Response:
    """Return a 403 page with the reason and the contact. `whom` is the record's steward and the steward's channels."""
    me = signed_in(request)
    role = role_label(me.role) if me else ""
    response = page(
        request, "not_allowed.html", 403, heading=heading, reason=reason, role=role, steward=whom, back=back
    )
    response.headers.update(NO_STORE)
    return response


def cannot_register(request: Request, kind: type[Kind]) -> Response:
    """Return the 403 page for users who cannot register records of a kind."""
    heading = _("You may not register {what}.").format(what=_(kind.plural))
    return refusal_page(request, heading, role_needed(Action.PROPOSE, _("an agency")))


async def cannot_edit(request: Request, graph: PageQueries, kind: type[Kind], one: str) -> Response | None:
    """Return the 403 page for users who cannot edit a record. If the user may not know that the record exists, return None."""
    return await cannot_do(request, graph, kind, one, Action.EDIT, _("You may not change “{title}”."))


async def cannot_do(
    request: Request, graph: PageQueries, kind: type[Kind], one: str, action: Action, heading: str, reason: str = ""
) -> Response | None:
    """Return the 403 page for users who cannot perform an action on a record.

    If the user may not know that the record exists, return None. `heading` may contain `{title}`. If the user's role allows the
    action, `reason` says why the action is not possible for this record.
    """
    me = actor_of(request)
    record = (await graph.ask(record_operation(kind), record_variables(kind, one, today()), me))[field_of(kind)]
    if record is None:
        return None
    whom, known = steward(record, today()), permission_properties(record)
    action = action_of(RETIRE, known) if action is Action.RETIRE else action
    if not can(me, action, known):
        reason = role_needed(action, whom[0].title if whom else "")
    named = heading.replace("{title}", title(kind.__name__, record))
    return refusal_page(request, named, reason, whom, record_path(kind.__name__, one))
