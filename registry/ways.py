"""By which ways each action is done: changes of GraphQL, forms of pages, commands. Tests try each of them as everybody.

KIND stands for any kind of record and KINDS for what its records are called in addresses; a change, a form or a command
that is new is named here, or the build fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from registry.access import Action


@dataclass(frozen=True)
class Ways:
    """The fields of the mutation type, the addresses to which a form is sent, and the commands; none where there is none."""

    changes: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


WAYS: Mapping[Action, Ways] = {
    Action.PROPOSE: Ways(
        ("saveKIND", "propose", "requestResource"),
        ("/register/KINDS", "/register/KINDS/table", "/KINDS/{id}/propose", "/resources/{id}/request"),
        ("query",),
    ),
    Action.EDIT: Ways(
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
    Action.GOVERN: Ways(("saveKIND",), ("/KINDS/{id}/edit", "/KINDS/{id}/undo"), ("query", "audit undo")),
    Action.APPROVE: Ways(("approve", "sendBack"), ("/KINDS/{id}/approve", "/KINDS/{id}/send-back"), ("query",)),
    Action.RETIRE: Ways(("retireKIND",), ("/KINDS/{id}/retire",), ("query",)),
    Action.ANSWER: Ways(
        ("decideRequest", "answerFeedback"),
        ("/requests/{id}/accept", "/requests/{id}/decline", "/requests/{id}/end", "/feedbacks/{id}/answer"),
        ("query",),
    ),
    Action.LOAD: Ways(commands=("load", "audit undo-load", "demo")),
    Action.ADMINISTER: Ways(
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
# What anybody does, signed in or not: give feedback, and sign in and out.
ANYBODY = Ways(("giveFeedback",), ("/services/{id}/feedback", "/login", "/logout", "/first"))
# Commands that only read: what there is, and what is there to be read or filled in.
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
