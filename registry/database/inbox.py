"""Cypher for the inbox: records that wait for a user's decision, and the user's recent changes."""

from collections.abc import Mapping, Sequence

from registry.database.conditions import disputing
from registry.database.driver import Cypher
from registry.database.write import BY_HAND
from registry.model.kinds import Kind
from registry.permissions import can_view_details, may_do


def with_status(kind: type[Kind], status: str, *, me: Mapping[str, object], size: int) -> Cypher:
    """Return Cypher that reads `id, when` of records with this status, newest first.

    Records on which the user may not act are left out.
    """
    text = (
        f"MATCH (n:{kind.__name__}) WHERE n.status = $in.status AND {may_do('n')}"
        " RETURN n.id, n.updated ORDER BY n.updated DESC, n.id LIMIT $n"
    )
    return Cypher(text, {"n": size, "in": {"status": status}, "me": me})


def last_entries(records: Sequence[str]) -> Cypher:
    """Return Cypher that reads audit events about the given records. A row is the event's record, number, action and note."""
    text = (
        "UNWIND $in.ids AS id MATCH (c:Change) WHERE c.record = id"
        " RETURN c.record, c.number, c.what, c.note ORDER BY c.number"
    )
    return Cypher(text, {"in": {"ids": list(records)}})


def expiring(agencies: Sequence[str], *, until: str, me: Mapping[str, object], size: int) -> Cypher:
    """Return Cypher that reads agreements of the given agencies.

    The agreements end by the day `until`, and no later agreement renews them.

    A row is `id, last day, steward, whether a party disputes it`. The agreement with the latest end date comes first.
    """
    text = (
        "MATCH (a:Agency)-[:PARTY_TO]->(n:Partnership) WHERE a.id IN $in.agencies AND n.status = 'published'"
        f" AND n.valid_until <= $in.until AND {can_view_details('n')} AND NOT EXISTS {{ MATCH (:Partnership)-[:RENEWS]->(n) }}"
        " WITH DISTINCT n ORDER BY n.valid_until DESC, n.id LIMIT $n"
        f" RETURN n.id, n.valid_until, n.steward, EXISTS {{ {disputing('n')} }} ORDER BY n.valid_until DESC, n.id"
    )
    return Cypher(text, {"n": size, "in": {"agencies": list(agencies), "until": until}, "me": me})


def changes_by(actor: str, *, size: int) -> Cypher:
    """Return Cypher that reads the last audit events that a user caused, newest first.

    A row is the id of the changed record, its kind, the time, and the action.
    """
    text = (
        "MATCH (c:Change) WHERE c.actor = $in.actor"
        " RETURN c.record, c.record_kind, c.at, c.what ORDER BY c.number DESC LIMIT $n"
    )
    return Cypher(text, {"n": size, "in": {"actor": actor}})


def unconfirmed(agencies: Sequence[str], *, me: Mapping[str, object], size: int) -> Cypher:
    """Return Cypher that reads manually registered agreements on which the given agencies have not yet taken a position.

    An agency takes a position when it confirms or disputes an agreement. A row is `id, when`. If one of the agencies is the steward
    of an agreement, the agreement is left out.
    """
    text = (
        "MATCH (a:Agency)-[e:PARTY_TO]->(n:Partnership) WHERE a.id IN $in.agencies AND e.standing IS NULL"
        f" AND n.source = $in.by_hand AND n.status IN $in.statuses AND {can_view_details('n')}"
        " AND NOT coalesce(n.steward, '') IN $in.agencies"
        " RETURN DISTINCT n.id, n.updated ORDER BY n.updated DESC, n.id LIMIT $n"
    )
    given = {"agencies": list(agencies), "by_hand": BY_HAND, "statuses": ["proposed", "published"]}
    return Cypher(text, {"n": size, "in": given, "me": me})


def undecided(*, me: Mapping[str, object], size: int) -> Cypher:
    """Return Cypher that reads `id, when` of undecided requests, oldest first; requests that the user may not decide are left out."""
    text = (
        "MATCH (n:Request)-[:REQUEST_FOR]->(r:Resource)"
        f" WHERE n.decision IS NULL AND n.status = 'published' AND {may_do('r')}"
        " RETURN n.id, n.created ORDER BY n.created, n.id LIMIT $n"
    )
    return Cypher(text, {"n": size, "me": me})


def unanswered(*, me: Mapping[str, object], size: int) -> Cypher:
    """Return Cypher that reads `id, when, text` of unanswered feedback, oldest first.

    Feedback that the user may not answer is left out.
    """
    text = (
        f"MATCH (n:Feedback) WHERE n.answered IS NULL AND n.status <> 'retired' AND {may_do('n')}"
        " RETURN n.id, n.received, n.description ORDER BY n.received, n.id LIMIT $n"
    )
    return Cypher(text, {"n": size, "me": me})
