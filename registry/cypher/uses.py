"""What accepted requests promise of a resource, and the uses that follow from them: one of its own for each request."""

from collections.abc import Sequence

from registry.cypher.states import BY_HAND
from registry.cypher.text import Cypher

_OF = "(n)<-[:REQUEST_FOR]-(r:Request)-[:REQUESTED_BY]->(a:Agency)"
# A use that was given back before its first day never began.
_USES = (
    "r.status = 'published' AND r.decision IN ['accepted', 'ended']"
    " AND NOT (r.decision = 'ended' AND coalesce(r.since > r.decided_on, false))"
)
_UNTIL = "CASE WHEN r.decision = 'ended' AND coalesce(r.until > r.decided_on, true) THEN r.decided_on ELSE r.until END"


def promised(resources: Sequence[str], *, day: str) -> Cypher:
    """Return one row: a list of `[resource, request, agency, quantity, since]` of the accepted requests that are not over.

    Those whose use is yet to begin count, too.
    """
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Resource {{id: id}}) MATCH {_OF} WHERE r.status <> 'retired'"
        " AND r.decision = 'accepted' AND coalesce(r.until >= $in.day, true)"
        " WITH n, r, a ORDER BY r.id RETURN collect([n.id, r.id, a.id, coalesce(r.quantity, 0.0), r.since])"
    )
    return Cypher(text, {"in": {"ids": list(resources), "day": day}})


def drop(resources: Sequence[str]) -> Cypher:
    """Remove the uses of resources whose request no longer stands, or is now of another agency or resource."""
    text = (
        "UNWIND $in.ids AS id MATCH (n:Resource {id: id})<-[e:USES]-(a:Agency) WHERE e.key IS NOT NULL"
        " AND NOT EXISTS { MATCH (n)<-[:REQUEST_FOR]-(r:Request)-[:REQUESTED_BY]->(b:Agency)"
        f" WHERE r.id = e.key AND b.id = a.id AND {_USES} }} DELETE e"
    )
    return Cypher(text, {"in": {"ids": list(resources)}})


def put(resources: Sequence[str]) -> Cypher:
    """Make each accepted request of the resources a use with the request's id as its key, or change it to its days."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Resource {{id: id}}) MATCH {_OF} WHERE {_USES}"
        " WITH n, r, a, CASE WHEN EXISTS { MATCH (n)<-[o:USES]-(:Agency) WHERE coalesce(o.key <> r.id, true) }"
        f" THEN 'reuse' ELSE 'first' END AS role, {_UNTIL} AS until"
        " MERGE (a)-[e:USES {key: r.id}]->(n) ON CREATE SET e.role = role, e.source = $in.source, e.run = ''"
        " SET e.since = r.since, e.until = until"
    )
    return Cypher(text, {"in": {"ids": list(resources), "source": BY_HAND}})


def with_requests() -> Cypher:
    """Return one row: the ids of the resources that are asked for or that have a use that follows from a request."""
    text = (
        "RETURN COLLECT { MATCH (:Request)-[:REQUEST_FOR]->(n:Resource) RETURN DISTINCT n.id }"
        " + COLLECT { MATCH (n:Resource)<-[e:USES]-(:Agency) WHERE e.key IS NOT NULL RETURN DISTINCT n.id }"
    )
    return Cypher(text)
