"""Reads of what stands in the graph, for runs that compare it with what they bring."""

from collections.abc import Sequence

from registry.cypher.text import Cypher
from registry.cypher.write import Stored, without_key
from registry.modelling import End, Kind, Link


def known(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return one row holding those of the ids that a record of the kind has."""
    text = f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN collect(n.id)"
    return Cypher(text, {"in": {"ids": list(ids)}})


def standing(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return one row holding a list of `[id, source, hash, status]` of those of the ids that the graph has."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN collect([n.id, n.source, n.hash, n.status])"
    )
    return Cypher(text, {"in": {"ids": list(ids)}})


def held(kind: type[Kind], *, source: str) -> Cypher:
    """Return one row: how many records of the kind there are, how many of this source, how many of those not retired."""
    text = (
        f"MATCH (n:{kind.__name__}) WITH n, coalesce(n.source = $in.source, false) AS ours RETURN count(n),"
        " sum(CASE WHEN ours THEN 1 ELSE 0 END), sum(CASE WHEN ours AND n.status <> 'retired' THEN 1 ELSE 0 END)"
    )
    return Cypher(text, {"in": {"source": source}})


def held_ties(link: Link, *, source: str) -> Cypher:
    """Return one row: how many ties of the link this source keeps."""
    text = f"MATCH (:{link.start})-[e:{link.relation}]->(:{link.end}) WHERE e.source = $in.source RETURN count(e)"
    return Cypher(text, {"in": {"source": source}})


def standing_ties(link: Link, rows: Sequence[Stored], *, source: str) -> Cypher:
    """Return one row: how many of the ties, given as `tie_rows` takes them, this source keeps already."""
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        f" WHERE b.id = row.to AND e.source = $in.source AND {without_key(link)} RETURN count(e)"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source}})


def outdated_ties(link: Link, rows: Sequence[Stored], *, source: str) -> Cypher:
    """Return one row: how many ties of this source start where one of the rows does, and end elsewhere."""
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        " WHERE b.id <> row.to AND e.source = $in.source RETURN count(e)"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source}})


def differing(kind: type[Kind], rows: Sequence[Stored]) -> Cypher:
    """Return one row: the properties of those records that the rows, given as `stored` returns them, would change."""
    asked = [{"id": row["id"], "hash": row["hash"]} for row in rows]
    text = (
        f"UNWIND $in.rows AS row MATCH (n:{kind.__name__} {{id: row.id}}) WHERE n.hash <> row.hash"
        " RETURN collect(properties(n))"
    )
    return Cypher(text, {"in": {"rows": asked}})


def ties_among(link: Link, rows: Sequence[Stored]) -> Cypher:
    """Return one row: those of the ties that are there, whoever keeps them, as a list of `[start id, end id, properties]`."""
    asked = [{"from": row["from"], "to": row["to"]} for row in rows]
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        f" WHERE b.id = row.to AND {without_key(link)} RETURN collect([row.from, row.to, properties(e)])"
    )
    return Cypher(text, {"in": {"rows": asked}})


def all_ties(link: Link) -> Cypher:
    """Return one row: every tie of the link, whoever keeps it, as a list of `[start id, end id, source]`."""
    text = f"MATCH (a:{link.start})-[e:{link.relation}]->(b:{link.end}) RETURN collect([a.id, b.id, e.source])"
    return Cypher(text)


def sources_of_ties(end: End, record: str) -> Cypher:
    """Return one row: the ties of a record by one of its links, as a list of `[far id, source]`."""
    relation = f"-[e:{end.link.relation}]-"
    arrow = f"{relation}>" if end.outgoing else f"<{relation}"
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{end.kind} {{id: id}}){arrow}(m:{end.target}) RETURN collect([m.id, e.source])"
    )
    return Cypher(text, {"in": {"ids": [record]}})


def of_source(kind: type[Kind], ids: Sequence[str], source: str) -> Cypher:
    """Return one row: the properties of those of the records that this source gave."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) WHERE n.source = $in.source"
        " RETURN collect(properties(n))"
    )
    return Cypher(text, {"in": {"ids": list(ids), "source": source}})


def held_values(kind: type[Kind], name: str, *, source: str) -> Cypher:
    """Return one row: how many records of this source have a value of the property."""
    text = f"MATCH (n:{kind.__name__}) WHERE n.source = $in.source RETURN count(n.{kind.properties[name].name})"
    return Cypher(text, {"in": {"source": source}})


def ties_of(link: Link, *, source: str, after: tuple[str, str], size: int) -> Cypher:
    """Return one row: a list of `[start id, end id]` of at most `size` ties of this source, by these ids, `after` some."""
    text = (
        f"MATCH (a:{link.start})-[e:{link.relation}]->(b:{link.end}) WHERE e.source = $in.source"
        " AND (a.id > $in.start OR (a.id = $in.start AND b.id > $in.end))"
        " WITH a.id AS start, b.id AS end ORDER BY start, end LIMIT $n RETURN collect([start, end])"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "start": after[0], "end": after[1]}})
