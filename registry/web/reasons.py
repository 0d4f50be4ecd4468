"""Why somebody may do something with a record, or may not: the rule of `registry.access` in words."""

from collections.abc import Mapping

from babel.lists import format_list

from registry.access import ANYBODY, RIGHTS, SEEING, Action, Actor, Role, can
from registry.ways import WAYS
from registry.words import _, language

Record = Mapping[str, object]  # its properties as they are stored


def doing(action: Action) -> str:
    """Return what an action is called."""
    return {
        Action.SEE_FACE: _("See its face: what it is and who answers for it"),
        Action.SEE_DETAIL: _("See all of it, and its history"),
        Action.PROPOSE: _("Register it and hand it in"),
        Action.EDIT: _("Change it"),
        Action.GOVERN: _("Once it is published, change who answers for it and who sees it; undo its changes"),
        Action.APPROVE: _("Publish what was handed in, or send it back"),
        Action.RETIRE: _("Retire it; as long as it is a draft, withdraw it"),
        Action.ANSWER: _("Answer requests for it and feedback on it"),
        Action.LOAD: _("Load it from a source"),
        Action.ADMINISTER: _("Administer the registry"),
    }[action]


def role_called(role: Role) -> str:
    """Return what a role is called."""
    return {
        Role.VIEWER: _("viewer"),
        Role.ANALYST: _("analyst"),
        Role.COORDINATOR: _("coordinator"),
        Role.APPROVER: _("approver"),
        Role.ADMIN: _("administrator"),
    }[role]


def why(actor: Actor, action: Action, record: Record, agency: str) -> str:
    """Return why an actor may do something with a record, or may not; `agency` is what its steward is called, if it has one."""
    if action in SEEING:
        return _why_seen(actor, action, record, agency)
    reason, ways = _why_done(actor, action, record, agency), WAYS[action]
    if ways.changes or ways.forms:
        return reason
    return reason + " " + _("It is done by command, by who runs the registry.")


def _why_seen(actor: Actor, action: Action, record: Record, agency: str) -> str:
    readers = record.get("seen_by" if action is Action.SEE_FACE else "shown_to")
    if isinstance(readers, list) and ANYBODY in readers:
        return _("Everybody may.")
    if not can(actor, action, record):
        return _("Who answers for it may, those to whom it is granted, and administrators.")
    if record.get("steward") in actor.agencies:
        return _("You act for {agency}, which answers for it.").format(agency=agency)
    return _("You are an administrator.") if actor.everything else _("It is granted to an agency or a group of yours.")


def _why_done(actor: Actor, action: Action, record: Record, agency: str) -> str:
    if actor.everything:
        return _("You are an administrator.")
    roles = [role for role in Role if action in RIGHTS[role] and role is not Role.ADMIN]
    if not roles:
        return _("Only an administrator may.")
    if action not in RIGHTS[actor.role]:
        called = format_list([role_called(role) for role in roles], "or", language())
        return _("It takes the role of {roles} of the agency that answers for it.").format(roles=called)
    if not agency:
        return _("No agency answers for it, so only an administrator may.")
    if not can(actor, action, record):
        return _("You do not act for {agency}, which answers for it.").format(agency=agency)
    reason = _("You act for {agency}, which answers for it.").format(agency=agency)
    if action is Action.EDIT and record.get("status") == "published":
        return reason + " " + _("It is published: what you change is seen at once, without an approval.")
    return reason
