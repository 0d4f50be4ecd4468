"""Permissions: roles, actions, the actor (the user of a request), and Cypher predicates for what the actor may see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from babel.lists import format_list

from registry.i18n import _, language
from registry.model.kinds import Link, Property

VISIBLE_STATUSES = ("published", "retired")
ANYBODY, ADMINISTRATORS = "*", "*administrators"


class Role(StrEnum):
    """The role of a user. The role applies to all agencies that the user acts for."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    COORDINATOR = "coordinator"
    APPROVER = "approver"
    ADMIN = "admin"


class Action(StrEnum):
    """An action that users may perform on a record."""

    VIEW_SUMMARY = "view_summary"
    VIEW_DETAILS = "view_details"
    PROPOSE = "propose"  # create a draft and submit it
    EDIT = "edit"
    MANAGE = "manage"  # change the record's steward, access and grants
    APPROVE = "approve"  # publish a proposed record, or send it back
    RETIRE = "retire"
    ANSWER = "answer"  # answer requests for the record and feedback on it
    LOAD = "load"
    ADMINISTER = "administer"


VIEWING = (Action.VIEW_SUMMARY, Action.VIEW_DETAILS)
_COORDINATES = frozenset({Action.PROPOSE, Action.EDIT, Action.ANSWER})
RIGHTS: Mapping[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset(),
    Role.ANALYST: frozenset(),
    Role.COORDINATOR: _COORDINATES,
    Role.APPROVER: _COORDINATES | {Action.MANAGE, Action.APPROVE, Action.RETIRE},
    Role.ADMIN: frozenset(Action) - frozenset(VIEWING),
}


def role_label(role: Role) -> str:
    """Return the label of a role."""
    return {
        Role.VIEWER: _("viewer"),
        Role.ANALYST: _("analyst"),
        Role.COORDINATOR: _("coordinator"),
        Role.APPROVER: _("approver"),
        Role.ADMIN: _("administrator"),
    }[role]


def role_needed(action: Action, agency: str = "") -> str:
    """Return a sentence that names the role that an action requires.

    `agency` is the name of the agency for which the user needs the role, or a phrase such as "the steward". The default is a phrase
    for the record's steward.
    """
    roles = [role_label(role) for role in Role if action in RIGHTS[role] and role is not Role.ADMIN]
    return _("You need the {roles} role for {agency}. Ask an administrator.").format(
        roles=format_list(roles, "or", language()), agency=agency or _("this record's steward")
    )


@dataclass(frozen=True)
class Actor:
    """A user: the role, the groups, and the agencies that the user acts for, with all units of these agencies."""

    name: str = "anonymous"
    role: Role = Role.VIEWER
    agencies: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    home: str = field(default="", compare=False)  # the agency named in the account if there is exactly one
    # The kinds of which the user sees some records only as a summary; None if they have not been read.
    partial_kinds: frozenset[str] | None = field(default=None, compare=False)

    @property
    def default_agency(self) -> str:
        """The agency that forms suggest for the user.

        If the user acts for no agency, or for several agencies without a main agency, the value is "".
        """
        return self.home or (next(iter(self.agencies)) if len(self.agencies) == 1 else "")

    @property
    def is_admin(self) -> bool:
        """Whether the user is an administrator, with access to everything."""
        return self.role is Role.ADMIN

    def has_role(self, least: Role) -> bool:
        """Return whether the user's role is `least` or a role with more rights. `Role` lists the roles, fewest rights first."""
        order = list(Role)
        return order.index(self.role) >= order.index(least)

    def names(self) -> frozenset[str]:
        """Return the names that stand for this user in a record's list of readers.

        A user has access if one of the user's names is in the list of readers.
        """
        administrators = {ADMINISTRATORS} if self.is_admin else set()
        return frozenset({ANYBODY} | administrators) | self.agencies | self.groups

    def parameter(self) -> dict[str, object]:
        """Return the value of the query parameter `$me`, which represents the user."""
        partial = self.partial_kinds
        return {"names": self._sorted_names, **({} if partial is None else {"partial_kinds": sorted(partial)})}

    @cached_property
    def _sorted_names(self) -> list[str]:
        return sorted(self.names())

    def may_be_partial(self, kinds: Iterable[str]) -> bool:
        """Return whether the user sees some records of one of the kinds only as a summary, or may do so."""
        those = frozenset(kinds)
        return bool(those) if self.partial_kinds is None else bool(self.partial_kinds & those)

    def agencies_for(self, action: Action) -> frozenset[str]:
        """Return the agencies for which the user may perform an action; each of them is the steward of the records acted on."""
        return self.agencies if action in RIGHTS[self.role] else frozenset()

    def parameter_for(self, action: Action) -> dict[str, object]:
        """Return the value of the query parameter `$me` for a query that uses the predicate `may_do` for an action."""
        return {**self.parameter(), "is_admin": self.is_admin, "agencies": sorted(self.agencies_for(action))}


def actor_named(names: Iterable[str]) -> Actor:
    """Return a user for whom `Actor.names` returns the given names."""
    listed = frozenset(names)
    return Actor(
        "somebody", Role.ADMIN if ADMINISTRATORS in listed else Role.VIEWER, listed - {ANYBODY, ADMINISTRATORS}
    )


ANONYMOUS = Actor()
ADMIN = Actor("admin", Role.ADMIN)


def can(actor: Actor, action: Action, record: Mapping[str, object]) -> bool:
    """Return whether a user may perform an action on a record. `record` holds the record's stored properties."""
    if action in VIEWING:
        readers = record.get("seen_by" if action is Action.VIEW_SUMMARY else "shown_to")
        return isinstance(readers, list) and not actor.names().isdisjoint(readers)
    return actor.is_admin or record.get("steward") in actor.agencies_for(action)


def seen_by(record: Mapping[str, object]) -> list[str]:
    """Return the names of the readers of the summary of a record."""
    return _readers(record, "open", "restricted")


def shown_to(record: Mapping[str, object]) -> list[str]:
    """Return the names of the readers of the details of a record."""
    return _readers(record, "open")


def can_view_summary(node: str) -> str:
    """Return the Cypher predicate that the user `$me` may view the summary of the record `node`."""
    return f"any(r IN {node}.seen_by WHERE r IN $me.names)"


def can_view_details(node: str, reader: str = "r") -> str:
    """Return the Cypher predicate that the user `$me` may view the details of the record `node`.

    `reader` must be a variable name that the query does not use.
    """
    return f"any({reader} IN {node}.shown_to WHERE {reader} IN $me.names)"


def may_be_partial(kinds: Iterable[str]) -> str:
    """Return the Cypher predicate that the user `$me` sees some records of one of the kinds only as a summary.

    The links of such records may lead to any record, so that an empty list of links is unknown, not empty. The predicate depends
    on all records of the kinds, and thus reveals nothing about a single record. If the partial kinds have not been read, it is true.
    """
    return f"coalesce(any(k IN {sorted(kinds)} WHERE k IN $me.partial_kinds), true)"


def can_view_path(way: str) -> str:
    """Return the Cypher predicate that the user `$me` may view the summary of every record on a path.

    With this predicate, no path leads through a hidden record.
    """
    return f"all(x IN nodes({way}) WHERE {can_view_summary('x')})"


def can_view_link(near: str, far: str, link: Link) -> str:
    """Return the Cypher predicate that the user `$me` may view a link.

    The user must be able to view the records at both ends, and also their details if the link is declared as a detail.
    """
    return (
        can_view_far_end(far, link) if link.summary else f"{can_view_details(near)} AND {can_view_far_end(far, link)}"
    )


def can_view_far_end(far: str, link: Link) -> str:
    """Return the Cypher predicate that the user `$me` may view a link.

    It is already known that the user may view the links of the near record.
    """
    return can_view_summary(far) if link.summary else can_view_details(far)


def can_view_link_property(near: str, far: str, declared: Property, link: Link) -> str:
    """Return the Cypher predicate that the user `$me` may view a property of a visible link.

    If every user may view the property, return "".
    """
    return f"{can_view_details(near)} AND {can_view_details(far)}" if link.summary and not declared.summary else ""


def may_do(node: str) -> str:
    """Return the Cypher predicate that the user `$me` may perform an action on the record `node`.

    `$me` must be the result of `Actor.parameter_for`, which determines the action.
    """
    return f"($me.is_admin OR coalesce({node}.steward, '') IN $me.agencies)"


def _readers(record: Mapping[str, object], *classes: str) -> list[str]:
    if record.get("status") in VISIBLE_STATUSES and record.get("access") in classes:
        return [ANYBODY]
    grants = record.get("grants")
    named = [str(one) for one in grants if not str(one).startswith(ANYBODY)] if isinstance(grants, list) else []
    steward = record.get("steward")
    return [ADMINISTRATORS, *([str(steward)] if steward else []), *named]


@dataclass(frozen=True)
class EntryPoints:
    """The entry points through which an action can be requested: GraphQL mutation fields, form addresses and commands."""

    changes: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


ENTRY_POINTS: Mapping[Action, EntryPoints] = {
    Action.PROPOSE: EntryPoints(
        ("saveKIND", "propose", "requestResource"),
        ("/register/KINDS", "/register/KINDS/table", "/KINDS/{id}/propose", "/resources/{id}/request"),
        ("query",),
    ),
    Action.EDIT: EntryPoints(
        ("saveKIND", "confirm", "stateLevel", "withdrawStatement"),
        (
            "/KINDS/{id}/edit",
            "/register/KINDS/table",
            "/partnerships/{id}/confirm",
            "/partnerships/{id}/level",
            "/statements/{id}/withdraw",
        ),
        ("query",),
    ),
    Action.MANAGE: EntryPoints(("saveKIND",), ("/KINDS/{id}/edit", "/KINDS/{id}/undo"), ("query", "audit undo")),
    Action.APPROVE: EntryPoints(("approve", "sendBack"), ("/KINDS/{id}/approve", "/KINDS/{id}/send-back"), ("query",)),
    Action.RETIRE: EntryPoints(("retireKIND",), ("/KINDS/{id}/retire",), ("query",)),
    Action.ANSWER: EntryPoints(
        ("decideRequest", "answerFeedback"),
        ("/requests/{id}/accept", "/requests/{id}/decline", "/requests/{id}/end", "/feedbacks/{id}/answer"),
        ("query",),
    ),
    Action.LOAD: EntryPoints(commands=("load", "audit undo-load", "demo")),
    Action.ADMINISTER: EntryPoints(
        commands=(
            "serve",
            "token add",
            "token list",
            "token revoke",
            "saved list",
            "saved remove",
            "erase",
            "schema show",
            "schema apply",
            "engine start",
            "engine stop",
            "engine status",
            "engine check",
            "engine backup",
            "engine restore",
        )
    ),
}
# Entry points that are open to everybody, even without a login: give feedback, log in and log out.
PUBLIC_ENTRY_POINTS = EntryPoints(("giveFeedback",), ("/services/{id}/feedback", "/login", "/logout", "/first"))
# Entry points that change nothing but the saved views of the user, or of an agency that the user coordinates.
PERSONAL_ENTRY_POINTS = EntryPoints(forms=("/views", "/views/{id}/delete"))
# Commands that only read the data.
READING = (
    "query",
    "report",
    "calibrate",
    "backtest reuse",
    "backtest likely-partners",
    "audit show",
    "audit verify",
    "sources",
    "reports",
    "template",
)
