"""Cypher for access tokens, sessions, invitations and saved views: what users have besides records."""

from collections.abc import Sequence

from registry.database.conditions import LEVELS, match_ids
from registry.database.driver import Cypher
from registry.database.exploration import ANY
from registry.permissions import RIGHTS, Action, Actor, Role, can_view_summary

# Match the agencies given by `id` and all units below them, one level of the hierarchy after the other. A pattern of variable
# length would follow every path from a unit to the agency: a million paths if each of twenty levels has two parents. A user can act
# neither for a retired agency nor, through that agency, for its units.
_LIVE = "coalesce(u.status, '') <> 'retired'"
_UNITS = f"MATCH (u:Agency {{id: id}}) WHERE {_LIVE} WITH DISTINCT u" + LEVELS * (
    " MATCH (u)<-[:PART_OF*0..1]-(unit:Agency) WITH DISTINCT unit AS u"
)


def agencies_with_account(*, now: str) -> str:
    """Return the list expression for the ids of the agencies for which a valid token or session may edit records.

    `now` is the Cypher expression for the present time. Users of an identity provider count while they are logged in.
    """
    roles = [str(role) for role in Role if Action.EDIT in RIGHTS[role]]
    return (
        f"COLLECT {{ MATCH (c:Credential) WHERE c.kind <> 'invitation' AND c.role IN {roles} AND c.revoked IS NULL"
        f" AND c.expires > {now} UNWIND c.agencies AS id WITH DISTINCT id {_UNITS} RETURN DISTINCT u.id }}"
    )


def add(credential: dict[str, object]) -> Cypher:
    """Return Cypher that creates a credential with the given properties. No property may be null."""
    return Cypher("CREATE (c:Credential) SET c += $in.credential", {"in": {"credential": credential}})


def valid_credential(digest: str, *, kind: str, now: str) -> Cypher:
    """Return Cypher that finds the valid credential with this hash and kind.

    The query's only row is a list: the credential's name, role and groups; the number of agencies that the credential names; the
    active agencies among the named agencies; and the ids of the active agencies and all their units. The query returns no row if
    there is no valid credential.
    """
    text = (
        "WITH $in.hash AS hash MATCH (c:Credential {hash: hash})"
        " WHERE c.kind = $in.kind AND c.revoked IS NULL AND c.expires > $in.now"
        " RETURN [c.name, c.role, c.groups, size(c.agencies),"
        f" COLLECT {{ UNWIND c.agencies AS id MATCH (u:Agency {{id: id}}) WHERE {_LIVE} RETURN u.id }},"
        f" COLLECT {{ UNWIND c.agencies AS id {_UNITS} RETURN u.id }}]"
    )
    return Cypher(text, {"in": {"hash": digest, "kind": kind, "now": now}})


def begin_session(digest: str, session: dict[str, object], *, kind: str, now: str) -> Cypher:
    """Return Cypher that creates a session for the holder of a valid token or invitation; an invitation can be used only once.

    `session` has the properties that the session does not copy from the credential. The session ends no later than the token. The
    only row is 1 if the session was created, and 0 if there is no valid credential.
    """
    text = (  # the query writes before it checks, which locks the credential against concurrent use
        "WITH $in.hash AS hash MATCH (c:Credential {hash: hash}) WHERE c.kind = $in.kind SET c.asked = $in.session.hash"
        " WITH c WHERE c.revoked IS NULL AND c.expires > $in.now"
        " FOREACH (x IN CASE WHEN c.kind = 'invitation' THEN [1] ELSE [] END | SET c.revoked = $in.now)"
        " CREATE (s:Credential) SET s += $in.session, s.name = c.name, s.role = c.role, s.agencies = c.agencies,"
        " s.groups = c.groups, s.opened_by = c.id, s.expires = CASE WHEN c.kind = 'token'"
        " AND c.expires < $in.session.expires THEN c.expires ELSE $in.session.expires END RETURN count(s)"
    )
    return Cypher(text, {"in": {"hash": digest, "session": session, "kind": kind, "now": now}})


def end_session(digest: str, *, now: str) -> Cypher:
    """Return Cypher that revokes the session with this hash."""
    text = "WITH $in.hash AS hash MATCH (c:Credential {hash: hash}) WHERE c.kind = 'session' SET c.revoked = $in.now"
    return Cypher(text, {"in": {"hash": digest, "now": now}})


def revoke(credential: str, *, now: str) -> Cypher:
    """Return Cypher that revokes the credential with this id and all sessions that were started with it.

    The query's only row is the number of revoked credentials and sessions.
    """
    text = (
        "MATCH (c:Credential) WHERE c.id = $in.id OR c.opened_by = $in.id"
        " SET c.revoked = coalesce(c.revoked, $in.now) RETURN count(c)"
    )
    return Cypher(text, {"in": {"id": credential, "now": now}})


def delete_expired(*, now: str) -> Cypher:
    """Return Cypher that deletes the sessions and invitations that are expired or revoked."""
    text = "MATCH (c:Credential) WHERE c.kind <> 'token' AND (c.expires <= $in.now OR c.revoked IS NOT NULL) DETACH DELETE c"
    return Cypher(text, {"in": {"now": now}})


def revoke_invitations(*, now: str) -> Cypher:
    """Return Cypher that revokes all invitations."""
    return Cypher("MATCH (c:Credential) WHERE c.kind = 'invitation' SET c.revoked = $in.now", {"in": {"now": now}})


def list_credentials() -> Cypher:
    """Return Cypher that reads all tokens and sessions, oldest first: one row per credential, without its hash."""
    text = (
        "MATCH (c:Credential) WHERE c.kind <> 'invitation'"
        " RETURN c.id, c.kind, c.name, c.role, c.agencies, c.groups, c.created, c.expires, c.revoked"
        " ORDER BY c.created, c.id"
    )
    return Cypher(text)


def has_administrator(*, now: str) -> Cypher:
    """Return Cypher that counts the valid tokens and sessions of administrators."""
    text = (
        "MATCH (c:Credential) WHERE c.role = 'admin' AND c.kind <> 'invitation' AND c.revoked IS NULL"
        " AND c.expires > $in.now RETURN count(c)"
    )
    return Cypher(text, {"in": {"now": now}})


def units_of(agencies: Sequence[str]) -> Cypher:
    """Return Cypher that reads one list: the ids of the given agencies and of all their units, without retired agencies."""
    text = f"UNWIND $in.ids AS id {_UNITS} WITH u.id AS unit ORDER BY unit RETURN collect(unit)"
    return Cypher(text, {"in": {"ids": list(agencies)}})


def acted_for(names: Sequence[str]) -> Cypher:
    """Return Cypher that finds the given names that are ids of agencies.

    The query's only row holds two lists: the ids of active agencies and the ids of retired agencies.
    """
    text = (
        "UNWIND $in.names AS id MATCH (u:Agency {id: id})"
        f" WITH u.id AS id, {_LIVE} AS live WITH collect(CASE WHEN live THEN id END) AS live,"
        " collect(CASE WHEN NOT live THEN id END) AS retired RETURN live, retired"
    )
    return Cypher(text, {"in": {"names": list(names)}})


def known(names: Sequence[str]) -> Cypher:
    """Return Cypher that reads one list: the given names that are ids of agencies."""
    text = "UNWIND $in.names AS id MATCH (a:Agency {id: id}) RETURN collect(a.id)"
    return Cypher(text, {"in": {"names": list(names)}})


def by_identifier(names: Sequence[str]) -> Cypher:
    """Return Cypher that finds the agencies that have one of the given names as an official identifier.

    The query's only row is a list of `[identifier, agency, whether the agency is retired]`.
    """
    text = (
        "MATCH (u:Agency) WHERE any(one IN u.identifiers WHERE one IN $in.names) UNWIND u.identifiers AS name"
        f" WITH name, u.id AS id, NOT {_LIVE} AS retired WHERE name IN $in.names WITH name, id, retired ORDER BY name, id"
        " RETURN collect([name, id, retired])"
    )
    return Cypher(text, {"in": {"names": list(names)}})


def agencies() -> Cypher:
    """Return Cypher that reads the ids of all agencies as one list."""
    return Cypher("MATCH (a:Agency) WITH a.id AS id ORDER BY id RETURN collect(id)")


def saved_views(owners: Sequence[str], actor: Actor, *, most: int) -> Cypher:
    """Return Cypher that reads the saved views of the given owners, ordered by name.

    A row is `[id, owner, name, path, person who saved it, time, whether the actor may see every record that the view names]`.
    """
    seen = f"COUNT {{ UNWIND v.records AS one MATCH (n:{'|'.join(ANY)} {{id: one}}) WHERE {can_view_summary('n')} RETURN DISTINCT n }}"
    text = (
        "UNWIND $in.owners AS owner MATCH (v:SavedView {owner: owner})"
        " WITH v ORDER BY v.name, v.id LIMIT $n"
        f" RETURN v.id, v.owner, v.name, v.path, v.saved_by, v.saved, {seen} = size(v.records)"
    )
    return Cypher(text, {"in": {"owners": list(owners)}, "me": actor.parameter(), "n": most})


def count_visible(ids: Sequence[str], actor: Actor) -> Cypher:
    """Return Cypher that counts those of the given records whose summary the actor may see."""
    text = f"{match_ids('$in.ids', ANY)} WHERE {can_view_summary('n')} RETURN count(DISTINCT n)"
    return Cypher(text, {"in": {"ids": list(ids)}, "me": actor.parameter()})


def save_view(view: dict[str, object], *, most: int) -> Cypher:
    """Return Cypher that stores a saved view, or replaces the view with the same id.

    The query returns no row if the owner has `most` other views already.
    """
    text = (
        "WITH $in.view AS view OPTIONAL MATCH (other:SavedView {owner: view.owner}) WHERE other.id <> view.id"
        " WITH view, count(other) AS others WHERE others < $in.most"
        " MERGE (v:SavedView {id: view.id}) SET v += view RETURN v.id"
    )
    return Cypher(text, {"in": {"view": view, "most": most}})


def delete_view(one: str, owners: Sequence[str]) -> Cypher:
    """Return Cypher that deletes the saved view with this id if it belongs to one of the owners."""
    text = "WITH $in.id AS id MATCH (v:SavedView {id: id}) WHERE v.owner IN $in.owners DETACH DELETE v"
    return Cypher(text, {"in": {"id": one, "owners": list(owners)}})
