"""Cypher for access tokens, sessions and invitations."""

from collections.abc import Sequence

from registry.database.driver import Cypher
from registry.database.read import LEVELS

# From agencies, given by `id`, to them and all their units, level by level: a pattern of any length would follow every way
# by which a unit belongs to an agency, of which there are a million where each of twenty levels has two bodies above it.
# Nobody acts for an agency that is retired, nor through it for its units.
_LIVE = "coalesce(u.status, '') <> 'retired'"
_UNITS = f"MATCH (u:Agency {{id: id}}) WHERE {_LIVE} WITH DISTINCT u" + LEVELS * (
    " MATCH (u)<-[:PART_OF*0..1]-(unit:Agency) WITH DISTINCT unit AS u"
)


def add(credential: dict[str, object]) -> Cypher:
    """Keep a credential, given by its properties without null."""
    return Cypher("CREATE (c:Credential) SET c += $in.credential", {"in": {"credential": credential}})


def who(digest: str, *, sort: str, now: str) -> Cypher:
    """Find the credential of this hash and sort that is valid now.

    Returns one row, or none: a list of its name, role, groups, how many agencies it names, those of them that are not
    retired, and the ids of these and all their units.
    """
    text = (
        "WITH $in.hash AS hash MATCH (c:Credential {hash: hash})"
        " WHERE c.sort = $in.sort AND c.revoked IS NULL AND c.expires > $in.now"
        " RETURN [c.name, c.role, c.groups, size(c.agencies),"
        f" COLLECT {{ UNWIND c.agencies AS id MATCH (u:Agency {{id: id}}) WHERE {_LIVE} RETURN u.id }},"
        f" COLLECT {{ UNWIND c.agencies AS id {_UNITS} RETURN u.id }}]"
    )
    return Cypher(text, {"in": {"hash": digest, "sort": sort, "now": now}})


def begin_session(digest: str, session: dict[str, object], *, sort: str, now: str) -> Cypher:
    """Keep a session for the holder of a token or an invitation that is valid now; an invitation is used up by it.

    `session` says all but who it is for. It ends no later than its token. Returns one row: 1, or 0 where nothing is valid.
    """
    text = (  # what is written before validity is looked at holds up whoever uses the same invitation
        "WITH $in.hash AS hash MATCH (c:Credential {hash: hash}) WHERE c.sort = $in.sort SET c.asked = $in.session.hash"
        " WITH c WHERE c.revoked IS NULL AND c.expires > $in.now"
        " FOREACH (x IN CASE WHEN c.sort = 'invitation' THEN [1] ELSE [] END | SET c.revoked = $in.now)"
        " CREATE (s:Credential) SET s += $in.session, s.name = c.name, s.role = c.role, s.agencies = c.agencies,"
        " s.groups = c.groups, s.opened_by = c.id, s.expires = CASE WHEN c.sort = 'token'"
        " AND c.expires < $in.session.expires THEN c.expires ELSE $in.session.expires END RETURN count(s)"
    )
    return Cypher(text, {"in": {"hash": digest, "session": session, "sort": sort, "now": now}})


def end_session(digest: str, *, now: str) -> Cypher:
    """Revoke the session of this hash."""
    text = "WITH $in.hash AS hash MATCH (c:Credential {hash: hash}) WHERE c.sort = 'session' SET c.revoked = $in.now"
    return Cypher(text, {"in": {"hash": digest, "now": now}})


def revoke(credential: str, *, now: str) -> Cypher:
    """Revoke a credential by its id, with the sessions that it opened. Returns one row: how many there are of both."""
    text = (
        "MATCH (c:Credential) WHERE c.id = $in.id OR c.opened_by = $in.id"
        " SET c.revoked = coalesce(c.revoked, $in.now) RETURN count(c)"
    )
    return Cypher(text, {"in": {"id": credential, "now": now}})


def sweep(*, now: str) -> Cypher:
    """Take away sessions and invitations that are over."""
    text = "MATCH (c:Credential) WHERE c.sort <> 'token' AND (c.expires <= $in.now OR c.revoked IS NOT NULL) DETACH DELETE c"
    return Cypher(text, {"in": {"now": now}})


def revoke_invitations(*, now: str) -> Cypher:
    """Revoke every invitation."""
    return Cypher("MATCH (c:Credential) WHERE c.sort = 'invitation' SET c.revoked = $in.now", {"in": {"now": now}})


def kept() -> Cypher:
    """Return one row a token or session, oldest first: its properties but for the hash."""
    text = (
        "MATCH (c:Credential) WHERE c.sort <> 'invitation'"
        " RETURN c.id, c.sort, c.name, c.role, c.agencies, c.groups, c.created, c.expires, c.revoked"
        " ORDER BY c.created, c.id"
    )
    return Cypher(text)


def has_administrator(*, now: str) -> Cypher:
    """Return one row: how many valid tokens and sessions administrators have."""
    text = (
        "MATCH (c:Credential) WHERE c.role = 'admin' AND c.sort <> 'invitation' AND c.revoked IS NULL"
        " AND c.expires > $in.now RETURN count(c)"
    )
    return Cypher(text, {"in": {"now": now}})


def acting(agencies: Sequence[str]) -> Cypher:
    """Return one row: the ids of these agencies, as far as they are known, and of all their units."""
    text = f"UNWIND $in.ids AS id {_UNITS} WITH u.id AS unit ORDER BY unit RETURN collect(unit)"
    return Cypher(text, {"in": {"ids": list(agencies)}})


def acted_for(names: Sequence[str]) -> Cypher:
    """Return one row: the ids among these names of agencies that somebody can act for, and of those that are retired."""
    text = (
        "UNWIND $in.names AS id MATCH (u:Agency {id: id})"
        f" WITH u.id AS id, {_LIVE} AS live WITH collect(CASE WHEN live THEN id END) AS live,"
        " collect(CASE WHEN NOT live THEN id END) AS retired RETURN live, retired"
    )
    return Cypher(text, {"in": {"names": list(names)}})


def known(names: Sequence[str]) -> Cypher:
    """Return one row: the ids among these names that are ids of agencies."""
    text = "UNWIND $in.names AS id MATCH (a:Agency {id: id}) RETURN collect(a.id)"
    return Cypher(text, {"in": {"names": list(names)}})


def identified(names: Sequence[str]) -> Cypher:
    """Return one row: a list of `[identifier, agency, whether it is retired]` for these names that are identifiers."""
    text = (
        "MATCH (u:Agency) WHERE any(one IN u.identifiers WHERE one IN $in.names) UNWIND u.identifiers AS name"
        f" WITH name, u.id AS id, NOT {_LIVE} AS retired WHERE name IN $in.names WITH name, id, retired ORDER BY name, id"
        " RETURN collect([name, id, retired])"
    )
    return Cypher(text, {"in": {"names": list(names)}})


def agencies() -> Cypher:
    """Return one row: the ids of all agencies."""
    return Cypher("MATCH (a:Agency) WITH a.id AS id ORDER BY id RETURN collect(id)")
