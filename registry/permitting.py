"""Who may do what, worked out cell by cell from the rule itself: `python -m registry.permitting` prints docs/access.md."""

from collections.abc import Iterator

from registry.access import SEEING, Action, Actor, Role, can, seen_by, shown_to

OWN, OTHER = "agency:own", "agency:other"
CLASSES = ("open", "restricted", "closed")
NOBODY = "not signed in"
DOING = [action for action in Action if action not in SEEING]


def actors() -> dict[str, Actor]:
    """Return somebody of each role who acts for one agency, and somebody who is not signed in."""
    return {NOBODY: Actor()} | {role.value: Actor(role.value, role, frozenset({OWN})) for role in Role}


def stored(steward: str, access: str, status: str) -> dict[str, object]:
    """Return what decides about a record, as it is stored."""
    record = {"steward": steward, "access": access, "status": status}
    return {**record, "seen_by": seen_by(record), "shown_to": shown_to(record)}


def sight(actor: Actor, record: dict[str, object]) -> str:
    """Return how much of a record an actor sees."""
    seen = [can(actor, action, record) for action in SEEING]
    return ("nothing", "its face", "all")[sum(seen)]


def page() -> Iterator[str]:
    """Give the lines of docs/access.md."""
    yield "# Who may see and do what"
    yield ""
    yield "Made by `make docs` from `registry/access.py`; a test tries every cell over GraphQL."
    yield ""
    yield "*Own* records are those whose steward is an agency that somebody acts for, or a unit of it; *other* are all the rest."
    yield "Grants let the agencies and groups that a record names see all of it, whatever its class."
    yield ""
    yield "## Seeing"
    yield ""
    yield from _table(
        ["status", "access", "record", *actors()],
        (
            [status, access, title, *(sight(actor, stored(steward, access, status)) for actor in actors().values())]
            for status in ("published", "draft")
            for access in (CLASSES if status == "published" else ("any",))
            for title, steward in (("own", OWN), ("other", OTHER))
        ),
    )
    yield "What is proposed is seen as a draft is, by the parties of an agreement, too; what is retired as before."
    yield ""
    yield "## Doing"
    yield ""
    yield from _table(
        ["action", "record", *actors()],
        (
            [
                action.value,
                title,
                *(
                    "yes" if can(actor, action, stored(steward, "open", "published")) else "no"
                    for actor in actors().values()
                ),
            ]
            for action in DOING
            for title, steward in (("own", OWN), ("other", OTHER))
        ),
    )
    yield "Whoever may propose may also withdraw a draft. Feedback is given by anybody. Each party speaks for itself alone: it"
    yield "confirms an agreement, states levels and asks for resources only for agencies that who asks acts for. What was said"
    yield "so, feedback, requests and statements, is rewritten by nobody but administrators. Only they choose the id of an"
    yield "agency, and only an approver who acts for an agency already changes what it is part of: rights follow from both."


def _table(headings: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


if __name__ == "__main__":
    print("\n".join(page()))
