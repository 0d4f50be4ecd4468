"""Reads the records that a network analysis needs, as one list per kind, in batches."""

from collections.abc import Mapping, Sequence
from typing import Any

from registry.clock import now
from registry.database.change_stamps import Kinds, all_kinds_in
from registry.database.conditions import PARTS, disputing
from registry.database.credential_queries import agencies_with_account
from registry.database.driver import Cypher, Readable, StoreError
from registry.i18n import _
from registry.permissions import Actor, can_view_details, can_view_summary
from registry.progress import steps

BATCH, SMALLEST_BATCH = 5_000, 100
COSTLY = ("TIMEOUT", "TOO_COSTLY")
Lists = list[list[list[Any]]]


def read_lists(store: Readable, reads: Sequence[str], actor: Actor) -> tuple[Lists, bool]:
    """Read one list of records for each member of `reads`, in that order, in batches. Raises StoreError.

    Also return whether no record of these kinds changed in the meantime. Every list is ordered by id. `whole` is whether the actor
    sees the details of the record. If `whole` is false, the details are null or left out.

    - `agencies`: `[id, name, whole, sector ids, area ids, ids of the bodies it is part of]`
    - `services`: `[id, name, whole, provider ids, function ids, ids of required resources, of
      services it depends on, of audiences, of lead providers]`
    - `resources`: `[id, name, whole, owner ids, [[user id, since, until, role], …], kind, shareability, application class,
      area ids, function ids, unit, capacity, in use, available since]`
    - `needs`: `[id, name, whole, agency ids, kind, area ids, function ids, unit, quantity, by when,
      ids of the services for which it is needed]`
    - `partnerships`: `[id, name, whole, instrument, valid from, valid until, legal basis, party ids, covered ids, whether
      it may cover more, ids of the agreements it renews, target scale, target level, ids of parties that dispute it, ids
      of parties that have confirmed it, whether the confirmation of a party is withheld, [[id, name], …] of retired parties,
      ids of parties that can confirm it, because they have an account, ids of the parties with the lead role]`
    - `statements`: `[id, name, whole, agency ids, partnership ids, scale, level, on]`
    - `channels`: `[id, name, whole, agency ids, service ids, kind, two-way, answers within]`
    - `feedbacks`: `[id, name, whole, service ids, channel ids, owner ids, received, answered]`
    - `sectors`, `areas`, `functions`: `[id, name, Indonesian label, English label, ids of broader terms, code]`
    """
    kinds = kinds_read(reads)
    return store.unchanged(lambda store: [_read_list(store, name, actor) for name in steps(_("Reading"), reads)], kinds)


def kinds_read(reads: Sequence[str]) -> Kinds:
    """Return the kinds whose records these lists depend on."""
    return all_kinds_in(_LISTS[name] for name in reads)


def _read_list(store: Readable, name: str, actor: Actor) -> list[list[Any]]:
    """Read all batches of a list. A batch that takes too much time or memory is read again in smaller parts."""
    rows, size = list[list[Any]](), BATCH
    while True:
        try:
            found = store.read(records_after(name, actor, rows[-1][0] if rows else "", size))
        except StoreError as error:
            if error.code not in COSTLY or size <= SMALLEST_BATCH:
                raise
            size //= 4
            continue
        rows += [row for (row,) in found]
        if len(found) < size:
            return rows


def records_after(name: str, actor: Actor, after: str, size: int) -> Cypher:
    """Return Cypher that reads the first records of a list with an id after `after`, ordered by id."""
    parameters = {"me": actor.parameter(), "in": {"now": now()}, "id": after, "n": size}
    return Cypher(_LISTS[name], parameters, long=True)


NOTHING: Mapping[str, str] = {}
COMPARED = ("resources", "areas", "functions")


def compared_with(need: str, kind: str, actor: Actor) -> Cypher:
    """Return Cypher that reads lists of records like `read_lists`, but only of the records that are compared with one need.

    The lists hold the resources of the needed kind, and the areas and functions of the need with all broader areas and functions.
    The need may be a draft.
    """
    resources = _records("Resource", *_RESOURCE, also="n.kind = $in.kind")
    areas, functions = (_terms(term, f"(:Need {{id: $in.need}})-[:{link}]->(:{term}){PARTS}") for term, link in _TERMS)
    text = f"RETURN [COLLECT {{ {resources} }}, COLLECT {{ {areas} }}, COLLECT {{ {functions} }}] AS lists"
    return Cypher(text, {"me": actor.parameter(), "in": {"need": need, "kind": kind}})


def _records(kind: str, *columns: str, path: str = "", also: str = "") -> str:
    """Return the subquery for the list of a kind. The list has the records at the end of `path` that meet the condition `also`."""
    return (
        f"MATCH {path}(n:{kind}) WHERE {_published('n')} AND {can_view_summary('n')}{f' AND {also}' if also else ''}"
        f" WITH {'DISTINCT ' if path else ''}n ORDER BY n.id RETURN [n.id, n.name, {', '.join(columns)}]"
    )


def _batch(kind: str, *columns: str, once: Mapping[str, str] = NOTHING) -> str:
    """Return the query for a batch of the list of a kind: the first `$n` records with an id after `$id`.

    `once` has expressions that are evaluated once for all records; their values are available by their names.
    """
    values = ", ".join(f"{expression} AS {name}" for name, expression in once.items())
    return (
        f"{f'WITH {values} ' if once else ''}"
        f"MATCH (n:{kind}) WHERE n.id > $id AND {_published('n')} AND {can_view_summary('n')}"
        f" WITH n{''.join(f', {name}' for name in once)} ORDER BY n.id LIMIT $n"
        f" RETURN [n.id, n.name, {', '.join(columns)}] AS row ORDER BY n.id"
    )


def _published(node: str) -> str:
    return f"coalesce({node}.status = 'published', false)"


def _retired(node: str) -> str:
    return f"coalesce({node}.status = 'retired', false)"


def _linked(pattern: str, wanted: str = "m.id", also: str = "true") -> str:
    """Return the list expression for the records at the far end `m` of a link, if the link is part of the summaries at both ends."""
    where = f"{_published('m')} AND {can_view_summary('m')} AND {also}"
    return f"COLLECT {{ MATCH {pattern} WHERE {where} WITH DISTINCT m ORDER BY m.id RETURN {wanted} }}"


def _linked_details(pattern: str) -> str:
    """Return the expression for the ids at the far end of a link. The actor must be able to see the details of both ends."""
    return _linked(pattern, also=f"{_DETAILS_VISIBLE} AND {can_view_details('m')}")


def _parties(also: str) -> str:
    """Return the ids of the parties to an agreement that meet a condition. Parties whose details are hidden are left out."""
    return _linked("(n)<-[e:PARTY_TO]-(m:Agency)", also=f"{_DETAILS_VISIBLE} AND {can_view_details('m')} AND {also}")


def _detail(name: str) -> str:
    return f"CASE WHEN {_DETAILS_VISIBLE} THEN n.{name} END"


def _term_columns(kind: str) -> tuple[str, ...]:
    return "n.label_id", "n.label_en", _linked(f"(n)-[:BROADER]->(m:{kind})"), "n.code"


def _terms(kind: str, path: str) -> str:
    return _records(kind, *_term_columns(kind), path=path)


def _term_batch(kind: str) -> str:
    return _batch(kind, *_term_columns(kind))


_DETAILS_VISIBLE = can_view_details("n")
_USES = (
    f"COLLECT {{ MATCH (n)<-[e:USES]-(m:Agency) WHERE {_published('m')} AND {_DETAILS_VISIBLE} AND {can_view_details('m')}"
    " WITH e, m ORDER BY m.id, e.key RETURN [m.id, e.since, e.until, e.role] }"
)
_HIDING = (
    f"EXISTS {{ MATCH (m:Service|Resource) WHERE {_published('m')} AND {can_view_summary('m')}"
    f" AND NOT {can_view_details('m')} }}"
)
_RESOURCE = (
    _DETAILS_VISIBLE,
    _linked("(n)<-[:OWNS]-(m:Agency)"),
    _USES,
    "n.kind",
    "n.shareability",
    "n.application_class",
    _linked("(n)-[:IN_AREA]->(m:Area)"),
    _linked("(n)-[:HAS_FUNCTION]->(m:Function)"),
    _detail("unit"),
    _detail("capacity"),
    _detail("in_use"),
    _detail("available_since"),
)
_TERMS = (("Area", "IN_AREA"), ("Function", "HAS_FUNCTION"))
_LISTS = {
    "agencies": _batch(
        "Agency",
        _DETAILS_VISIBLE,
        _linked("(n)-[:IN_SECTOR]->(m:Sector)"),
        _linked("(n)-[:IN_AREA]->(m:Area)"),
        _linked("(n)-[:PART_OF]->(m:Agency)"),
    ),
    "services": _batch(
        "Service",
        _DETAILS_VISIBLE,
        _linked("(n)<-[:PROVIDES]-(m:Agency)"),
        _linked("(n)-[:HAS_FUNCTION]->(m:Function)"),
        _linked_details("(n)-[:REQUIRES]->(m:Resource)"),
        _linked_details("(n)-[:DEPENDS_ON]->(m:Service)"),
        _linked("(n)-[:FOR_AUDIENCE]->(m:Audience)"),
        _linked("(n)<-[e:PROVIDES]-(m:Agency)", also="coalesce(e.role = 'lead', false)"),
    ),
    "resources": _batch("Resource", *_RESOURCE),
    "needs": _batch(
        "Need",
        _DETAILS_VISIBLE,
        _linked("(n)-[:NEEDED_BY]->(m:Agency)"),
        "n.kind",
        _linked("(n)-[:IN_AREA]->(m:Area)"),
        _linked("(n)-[:HAS_FUNCTION]->(m:Function)"),
        _detail("unit"),
        _detail("quantity"),
        _detail("by_when"),
        _linked_details("(n)-[:NEEDED_FOR]->(m:Service)"),
    ),
    "partnerships": _batch(
        "Partnership",
        _DETAILS_VISIBLE,
        "n.instrument",
        _detail("valid_from"),
        _detail("valid_until"),
        _detail("legal_basis"),
        _linked("(n)<-[:PARTY_TO]-(m:Agency)"),
        _linked_details("(n)-[:COVERS]->(m:Service|Resource)"),
        f"({_DETAILS_VISIBLE} AND hiding)",
        _linked_details("(n)-[:RENEWS]->(m:Partnership)"),
        _detail("target_scale"),
        _detail("target_level"),
        f"COLLECT {{ {disputing('n')} WITH x ORDER BY x.id RETURN x.id }}",
        _parties("coalesce(e.standing = 'confirmed', false)"),
        f"(NOT {_DETAILS_VISIBLE} OR EXISTS {{ MATCH (n)<-[:PARTY_TO]-(m:Agency)"
        f" WHERE ({_published('m')} OR {_retired('m')}) AND {can_view_summary('m')} AND NOT {can_view_details('m')} }})",
        f"COLLECT {{ MATCH (n)<-[:PARTY_TO]-(m:Agency) WHERE {_retired('m')} AND {can_view_summary('m')}"
        " WITH DISTINCT m ORDER BY m.id RETURN [m.id, m.name] }",
        _parties("(m.id IN accounts OR e.standing IS NOT NULL)"),
        _linked("(n)<-[e:PARTY_TO]-(m:Agency)", also="coalesce(e.role = 'lead', false)"),
        once={"hiding": _HIDING, "accounts": agencies_with_account(now="$in.now")},
    ),
    "statements": _batch(
        "Statement",
        _DETAILS_VISIBLE,
        _linked_details("(n)-[:STATED_BY]->(m:Agency)"),
        _linked_details("(n)-[:STATED_ABOUT]->(m:Partnership)"),
        _detail("scale"),
        _detail("level"),
        _detail("on"),
    ),
    "channels": _batch(
        "Channel",
        _DETAILS_VISIBLE,
        _linked("(n)-[:CHANNEL_OF]->(m:Agency)"),
        _linked("(n)-[:CHANNEL_FOR]->(m:Service)"),
        "n.kind",
        "n.two_way",
        "n.answers_within",
    ),
    "feedbacks": _batch(
        "Feedback",
        _DETAILS_VISIBLE,
        _linked_details("(n)-[:SAID_ABOUT]->(m:Service)"),
        _linked_details("(n)-[:SAID_THROUGH]->(m:Channel)"),
        _linked_details("(n)-[:TO_ANSWER]->(m:Agency)"),
        _detail("received"),
        _detail("answered"),
    ),
    "sectors": _term_batch("Sector"),
    "areas": _term_batch("Area"),
    "functions": _term_batch("Function"),
}
