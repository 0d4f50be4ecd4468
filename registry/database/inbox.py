"""Cypher for the inbox: records that wait for a decision, and a user's recent changes."""

from collections.abc import Mapping, Sequence

from registry.database.driver import Cypher
from registry.database.write import BY_HAND
from registry.model.kinds import Kind
from registry.permissions import can_view_details, may_do


def with_status(kind: type[Kind], status: str, *, me: Mapping[str, object], size: int) -> Cypher:
    """Return `id, when` of the records with a status on which `$me` may act; newest first."""
    text = (
        f"MATCH (n:{kind.__name__}) WHERE n.status = $in.status AND {may_do('n')}"
        " RETURN n.id, n.updated ORDER BY n.updated DESC, n.id LIMIT $n"
    )
    return Cypher(text, {"n": size, "in": {"status": status}, "me": me})


def last_entries(records: Sequence[str]) -> Cypher:
    """Return one row for each audit event about these records: its record, number, action and note."""
    text = (
        "UNWIND $in.ids AS id MATCH (c:Change) WHERE c.record = id"
        " RETURN c.record, c.number, c.what, c.note ORDER BY c.number"
    )
    return Cypher(text, {"in": {"ids": list(records)}})


def expiring(agencies: Sequence[str], *, until: str, me: Mapping[str, object], size: int) -> Cypher:
    """Return `id, last day, steward` of agreements of these agencies that end by a day and have no renewal.

    The agreement that ends last comes first.
    """
    text = (
        "MATCH (a:Agency)-[:PARTY_TO]->(n:Partnership) WHERE a.id IN $in.agencies AND n.status = 'published'"
        f" AND n.valid_until <= $in.until AND {can_view_details('n')} AND NOT EXISTS {{ MATCH (:Partnership)-[:RENEWS]->(n) }}"
        " RETURN DISTINCT n.id, n.valid_until, n.steward ORDER BY n.valid_until DESC, n.id LIMIT $n"
    )
    return Cypher(text, {"n": size, "in": {"agencies": list(agencies), "until": until}, "me": me})


def changes_by(actor: str, *, size: int) -> Cypher:
    """Return `record, its kind, when, action` of the last audit events of a user, newest first."""
    text = (
        "MATCH (c:Change) WHERE c.actor = $in.actor"
        " RETURN c.record, c.record_kind, c.at, c.what ORDER BY c.number DESC LIMIT $n"
    )
    return Cypher(text, {"n": size, "in": {"actor": actor}})


def unconfirmed(agencies: Sequence[str], *, me: Mapping[str, object], size: int) -> Cypher:
    """Return `id, when` of agreements, registered by hand, that these agencies have neither confirmed nor disputed.

    Agreements of which one of the agencies is the steward are left out.
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
    """Return `id, when` of the requests without a decision that `$me` may decide; oldest first."""
    text = (
        "MATCH (n:Request)-[:REQUEST_FOR]->(r:Resource)"
        f" WHERE n.decision IS NULL AND n.status = 'published' AND {may_do('r')}"
        " RETURN n.id, n.created ORDER BY n.created, n.id LIMIT $n"
    )
    return Cypher(text, {"n": size, "me": me})


def unanswered(*, me: Mapping[str, object], size: int) -> Cypher:
    """Return `id, when, text` of the feedback without an answer that `$me` may answer; oldest first."""
    text = (
        f"MATCH (n:Feedback) WHERE n.answered IS NULL AND n.status <> 'retired' AND {may_do('n')}"
        " RETURN n.id, n.received, n.description ORDER BY n.received, n.id LIMIT $n"
    )
    return Cypher(text, {"n": size, "me": me})
