"""Generate docs/access.md, the permission matrix: `python -m registry.auth.permission_matrix`."""

from collections.abc import Iterator, Sequence

from registry.permissions import (
    ENTRY_POINTS,
    PUBLIC_ENTRY_POINTS,
    READING,
    SEEING,
    Action,
    Actor,
    Role,
    can,
    seen_by,
    shown_to,
)

OWN, OTHER = "agency:own", "agency:other"
CLASSES = ("open", "restricted", "closed")
NOBODY = "not signed in"
DOING = [action for action in Action if action not in SEEING]


def actors() -> dict[str, Actor]:
    """Return a user of each role who acts for one agency, and one who is not logged in."""
    return {NOBODY: Actor()} | {role.value: Actor(role.value, role, frozenset({OWN})) for role in Role}


def stored(steward: str, access: str, status: str) -> dict[str, object]:
    """Return the stored properties of a record that decide about access."""
    record = {"steward": steward, "access": access, "status": status}
    return {**record, "seen_by": seen_by(record), "shown_to": shown_to(record)}


def sight(actor: Actor, record: dict[str, object]) -> str:
    """Return how much of a record a user can see, as text for a table cell."""
    seen = [can(actor, action, record) for action in SEEING]
    return ("nothing", "its face", "all")[sum(seen)]


def page() -> Iterator[str]:
    """Yield the lines of docs/access.md."""
    yield "# Who may see and do what"
    yield ""
    yield "`make docs` generates this page from `registry/permissions.py`. `tests/auth/test_permission_matrix.py` tests every cell"
    yield "for records of each class, over GraphQL, on pages and by commands. A refusal names the missing role."
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
    yield "## What is hidden is unknown"
    yield ""
    yield "A link of the face is seen by who may know of both its records; any other link, by who sees all of both."
    yield "Of a record of which you see the face only, the other links are unknown: their counts and lists are null, a filter"
    yield "on them holds neither way (`some`, `none`, `every`, `not`), a facet counts the record apart as `withheld`, and the"
    yield "questions that reach it (`impact`, `neighbourhood`, `paths`, `ties`, `sharedBetween`) say `withheld`."
    yield "Whether something is flagged follows from what you see of records that you may know of, never from a link or a"
    yield "record that is hidden from you. So nothing is flagged where a record that you see whole has a link to one that you do"
    yield "not: lists and counts hold what you have access to, and pages say so to everybody but administrators."
    yield '0 and an empty list mean that there is none among what you have access to; null and "not shown" mean unknown.'
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
    yield "What is undone is a change, too: nobody undoes what they may not change."
    yield ""
    yield "Approval is for what is new. **What a coordinator changes of a published record is seen at once**, without an approval;"
    yield "its approvers find it in the record's history and may undo it. Who answers for a published record, who sees it"
    yield "(`govern`) and whether it is retired is for approvers alone."
    yield ""
    yield "To speak of a record (feedback, a request, what a party says), one sees all of it: who is shown its face alone cannot."
    yield ""
    yield "## By which ways"
    yield ""
    yield from _table(
        ["action", "GraphQL", "pages", "command line"],
        (
            [action.value, *(_listed(names) for names in (ways.changes, ways.forms, ways.commands))]
            for action, ways in ENTRY_POINTS.items()
        ),
    )
    public = f"{_listed(PUBLIC_ENTRY_POINTS.changes)}, {_listed(PUBLIC_ENTRY_POINTS.forms)}"
    yield f"Anybody, signed in or not: {public}. Commands that only read:"
    yield f"{_listed(READING)}."
    yield ""
    yield "A table that is sent on a page is no load: its rows are saved one by one as drafts and changes, by who may."
    yield ""
    yield "**The command line knows one actor, the administrator.** Who can start `registry` on its machine has the password of the"
    yield "store, or its files, and so everything; no option or token makes somebody else of them. The chain of changes says"
    yield "`command` or `load` of what is done so. Only `report --public` reads as somebody who is not signed in. So the rule on"
    yield "a server is who may log in there; people who should have less get a token and use GraphQL or pages."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _table(headings: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


if __name__ == "__main__":
    print("\n".join(page()))
