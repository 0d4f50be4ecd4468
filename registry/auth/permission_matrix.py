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
    return ("nothing", "summary", "all")[sum(seen)]


def page() -> Iterator[str]:
    """Yield the lines of docs/access.md."""
    yield "# Who may see and do what"
    yield ""
    yield "`make docs` generates this page from `registry/permissions.py`. `tests/auth/test_permission_matrix.py` tests every cell"
    yield "for records of each class, in GraphQL, on pages and in commands. The page `/KINDS/ID/allowed` shows them for a record."
    yield ""
    yield "*Own* records are those whose steward is an agency that the user acts for, or a unit of it. *Other* are all"
    yield "other records. Agencies and groups named in the grants of a record see all of it, whatever its access class."
    yield ""
    yield "## Seeing"
    yield ""
    yield from _table(
        ["status", "access", "record", *actors()],
        (
            [
                status,
                access,
                title,
                *(sight(actor, stored(steward, access, status)) for actor in actors().values()),
            ]
            for status in ("published", "draft")
            for access in (CLASSES if status == "published" else ("any",))
            for title, steward in (("own", OWN), ("other", OTHER))
        ),
    )
    yield "Proposed records are visible like drafts, and a proposed agreement also to its parties. Retired records stay visible to"
    yield "those who could see them before."
    yield ""
    yield "## Hidden values are unknown"
    yield ""
    yield "A link that belongs to the summary is visible to users who see at least the summary of both records. Any other link is"
    yield "visible to users who see all of both records. If users see only the summary of a record, its other links are unknown:"
    yield ""
    yield "- their counts and lists are null;"
    yield "- no filter on them is met (`some`, `none`, `every`), nor its negation (`not`);"
    yield "- facets count the record separately as `withheld`;"
    yield "- `impact`, `neighbourhood`, `paths`, `ties` and `sharedBetween` return `withheld`."
    yield ""
    yield "A flag on a record, such as a use without an agreement, depends only on what the user can see. If a record that a user"
    yield "sees in full has a link to a hidden record, this changes no flag: lists and counts contain only visible records, and"
    yield "pages say so to everybody except administrators. 0 and an empty list mean that no visible record exists; null and"
    yield '"not shown" mean unknown.'
    yield ""
    yield "## Actions"
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
    yield "Users who can propose a record can also withdraw its draft. Everybody can give feedback. Users confirm agreements, record"
    yield "levels and request resources only for agencies that they act for. Only administrators can rewrite feedback, requests and"
    yield "statements, or choose the id of an agency. Only an approver of an agency can change what it is part of, because rights"
    yield "follow from that. Users can undo only changes that they could make themselves."
    yield ""
    yield "New records need approval. **Changes of a published record by a coordinator are visible at once**, without approval;"
    yield "approvers find them in the history of the record and can undo them. Only approvers can change the steward and the"
    yield "visibility of a published record, or retire it."
    yield ""
    yield "To give feedback on a record, request it or state something about it, users must see all of it, not only its summary."
    yield ""
    yield "## Entry points"
    yield ""
    yield from _table(
        ["action", "GraphQL", "pages", "command line"],
        (
            [action.value, *(_listed(names) for names in (ways.changes, ways.forms, ways.commands))]
            for action, ways in ENTRY_POINTS.items()
        ),
    )
    public = f"{_listed(PUBLIC_ENTRY_POINTS.changes)}, {_listed(PUBLIC_ENTRY_POINTS.forms)}"
    yield f"Available without signing in: {public}. Commands that only read:"
    yield f"{_listed(READING)}."
    yield ""
    yield "A table uploaded on a page is not a load: its rows are saved as drafts and changes, with the rights of the user."
    yield ""
    yield "**Commands run as the administrator.** A user who can start `registry` on its machine has the password or the files of"
    yield "the database, and so all rights; no option or token restricts them. The audit log records `command` or `load` as the"
    yield "entry point of such changes. Only `report --public` reads as a user who is not signed in. On a server, therefore, restrict"
    yield "who can log in; users with fewer rights get a token and use GraphQL or pages."


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
