"""The permission matrix: what users with each role may view and do."""

from collections.abc import Iterator, Sequence

from registry.permissions import (
    ENTRY_POINTS,
    PERSONAL_ENTRY_POINTS,
    PUBLIC_ENTRY_POINTS,
    READING,
    VIEWING,
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
CHANGING = [action for action in Action if action not in VIEWING]


def actors() -> dict[str, Actor]:
    """Return a sample user for each role, who acts for one agency, and a user who is not logged in."""
    return {NOBODY: Actor()} | {role.value: Actor(role.value, role, frozenset({OWN})) for role in Role}


def stored(steward: str, access: str, status: str) -> dict[str, object]:
    """Return the properties of a sample record on which the permissions depend, in their stored form."""
    record = {"steward": steward, "access": access, "status": status}
    return {**record, "seen_by": seen_by(record), "shown_to": shown_to(record)}


def sight(actor: Actor, record: dict[str, object]) -> str:
    """Return a table cell that says whether a user sees the details of a record, only its summary, or nothing."""
    seen = [can(actor, action, record) for action in VIEWING]
    return ("nothing", "summary", "all")[sum(seen)]


def page() -> Iterator[str]:
    """Yield the lines of docs/access.md."""
    yield "# Permissions"
    yield ""
    yield "`make docs` generates this page from `registry/permissions.py`. `tests/auth/test_permission_matrix.py` tests every cell"
    yield "of the tables below in GraphQL, on pages and with commands. If the registry refuses an action, it names the missing role."
    yield ""
    yield "The steward of an *own* record is an agency that you act for, or one of its units. All other records are called *other*."
    yield "The agencies and groups listed in the grants of a record can view all its details, whatever its access class."
    yield ""
    yield "## View"
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
    yield "A proposed record has the same readers as a draft; the parties to a proposed agreement can also view it. A retired record"
    yield "keeps its readers."
    yield ""
    yield "## Hidden values are unknown"
    yield ""
    yield "A link joins two records. If the link belongs to the summary, you can view it if you can view the summaries of both"
    yield "records. Otherwise you can view the link only if you can view the details of both records."
    yield "If you can view only the summary of a record, you cannot know its other links:"
    yield ""
    yield "- The counts and lists of these links are null."
    yield "- A filter on these links (`some`, `none`, `every`, `not`) does not match the record."
    yield "- A facet counts the record as `withheld`."
    yield "- Queries that follow links (`impact`, `neighbourhood`, `paths`, `ties`, `sharedBetween`) return `withheld`."
    yield ""
    yield "Such a link of a record that you can view in full is also unknown if you can view only the summary of some records at its"
    yield "other end. If you see no such link, the list and the count are null, because there may be links that are hidden from you. A"
    yield "list with a condition on details says so in its field `withheld`. These marks depend on all records of a kind, so that they"
    yield "reveal nothing about a single record. If you see some links, the list and the count include only those."
    yield ""
    yield "A record whose summary you cannot view leaves no mark, because the mark would reveal that the record exists. Lists and"
    yield "counts therefore include only what you have access to, and pages state this to everybody except administrators."
    yield '0 and an empty list mean that you have access to no such record; null and "not shown" mean unknown.'
    yield ""
    yield "## Change"
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
            for action in CHANGING
            for title, steward in (("own", OWN), ("other", OTHER))
        ),
    )
    yield "If you can propose a record, you can also withdraw its draft. Everybody can give feedback. You can confirm agreements,"
    yield "assess levels and request resources only on behalf of agencies that you act for. Only administrators can"
    yield "edit feedback, requests and assessments afterwards. Only administrators can choose the identifier of an agency. Only an"
    yield "approver who acts for an agency can change its parent bodies. Both restrictions exist because access rights depend on the"
    yield "identifier and on the parent bodies."
    yield "An undo is a change: you can undo only what you can change."
    yield ""
    yield "Only new records need approval. **A coordinator's change of a published record takes effect at once.** Its approvers find"
    yield "the change in the record's history and can undo it. Only approvers change the steward and the access of a published record"
    yield "(`manage`), and only approvers retire it."
    yield ""
    yield "You can give feedback on a record, request it or respond to it only if you can view its details."
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
    yield f"Everybody, signed in or not, can use {public}. Commands that only read:"
    yield f"{_listed(READING)}."
    yield ""
    yield "Signed-in users save and delete their own views of lists, the explorer and comparisons with"
    yield f"{_listed(PERSONAL_ENTRY_POINTS.forms)}."
    yield "To save or delete a view of an agency, you need the action `edit` for the agency; everybody who acts for the agency sees"
    yield "the view. A view that names a record that you cannot see is not shown to you, not even its name. Saved views are not"
    yield "records: they belong to the name in the access token or in the account of the identity provider, and the audit log does"
    yield "not list them."
    yield ""
    yield "A table uploaded on a page is not a load: each row is saved as a draft or a change, with the permissions of its sender."
    yield ""
    yield "**Every command runs as the administrator.** A user who can start `registry` on its server has the database password"
    yield "or its files, and so all rights; no option or token limits them. The audit log records changes by commands as"
    yield "`command` or `load`. Only `report --public` reads with the permissions of a user who is not signed in. Therefore give"
    yield "access to the server only to administrators; everybody else gets a token and uses GraphQL or the pages."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _table(headings: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
