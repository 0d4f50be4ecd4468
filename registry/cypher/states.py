"""A record as it stands, with its own links, and how it is put and changed by hand."""

from collections.abc import Mapping, Sequence

from registry.access import seen
from registry.cypher.ddl import words_index
from registry.cypher.text import Cypher
from registry.cypher.write import Stored, blank, joined, without_key
from registry.model import MODEL
from registry.modelling import End, Kind

BY_HAND = "by-hand"  # the source of what people register


def state(kind: type[Kind], record: str) -> Cypher:
    """Return one row of a record: its properties, then for each of `own_ends` a list of `[id, properties]`."""
    return several(kind, [record])


def several(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return a row of each record of the kind that has one of these ids, as `state` does."""
    parts = [
        f"COLLECT {{ MATCH {_tied('(n)', end, f'(m:{end.target})')} WHERE {without_key(end.link)}"
        " RETURN [m.id, properties(e)] }"
        for end in own_ends(kind)
    ]
    text = f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN {', '.join(['properties(n)', *parts])}"
    return Cypher(text, {"in": {"ids": list(ids)}})


def put(kind: type[Kind], rows: Sequence[Stored], *, source: str, now: str) -> Cypher:
    """Create or change records, given as `cypher.write.stored` returns them; they then belong to a source."""
    text = (
        f"UNWIND $in.rows AS row MERGE (n:{kind.__name__} {{id: row.id}})"
        " ON CREATE SET n.created = $in.now, n.version = 0, n.run = ''"
        " SET n += $in.blank, n += row, n.source = $in.source,"
        " n.version = n.version + 1, n.updated = $in.now"
    )
    return Cypher(text, {"in": {"rows": list(rows), "blank": blank(kind), "source": source, "now": now}})


def tie(end: End, rows: Sequence[Stored]) -> Cypher:
    """Tie records to others, given as `id`, `far` and the properties `props` of the tie, which replace those there were."""
    text = (
        f"UNWIND $in.rows AS row MATCH (n:{end.kind} {{id: row.id}}) MATCH (m:{end.target} {{id: row.far}})"
        f"{joined(end.link, *(('n', 'm') if end.outgoing else ('m', 'n')))} SET e = row.props"
    )
    return Cypher(text, {"in": {"rows": list(rows)}})


def untie(end: End, rows: Sequence[Stored]) -> Cypher:
    """Remove ties, given as `id` and `far`."""
    near, far = f"(n:{end.kind} {{id: row.id}})", f"(m:{end.target} {{id: row.far}})"
    text = f"UNWIND $in.rows AS row MATCH {_tied(near, end, far)} WHERE {without_key(end.link)} DELETE e"
    return Cypher(text, {"in": {"rows": list(rows)}})


def beyond(end: End, ids: Sequence[str]) -> Cypher:
    """Return one row: the ids that the link leads to from the records with these ids."""
    text = f"UNWIND $in.ids AS id MATCH {_tied(f'(n:{end.kind} {{id: id}})', end, f'(m:{end.target})')}"
    return Cypher(f"{text} RETURN collect(DISTINCT m.id)", {"in": {"ids": list(ids)}})


def taken(ids: Sequence[str]) -> Cypher:
    """Return a row of each of the ids that a record of any kind has."""
    each = (f"UNWIND $in.ids AS id MATCH (n:{kind} {{id: id}}) RETURN n.id AS id" for kind in MODEL.kinds)
    return Cypher(" UNION ALL ".join(each), {"in": {"ids": list(ids)}})


def faces(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return one row: a list of `[id, who sees the face]` of those of the ids that records of the kind have."""
    text = f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN collect([n.id, n.seen_by])"
    return Cypher(text, {"in": {"ids": list(ids)}})


def named_like(kind: type[Kind], beginnings: Sequence[str], me: Mapping[str, object], *, most: int) -> Cypher:
    """Return one row: `[id, name]` of records, at most `most`, with a word in the name that has one of these beginnings.

    They are not retired, and `me` may know of them. Those that share most beginnings come first; the index's own score
    and limit would count records that `me` may not know of.
    """
    text = (
        "CALL db.index.fulltext.queryNodes($in.index, $in.query) YIELD node"
        f" WITH node AS n WHERE n.status <> 'retired' AND {seen('n')}"
        " WITH n, size([one IN $in.beginnings WHERE ' ' + n.name_key CONTAINS ' ' + one]) AS shared"
        " WHERE shared > 0 WITH n ORDER BY shared DESC, n.name_key, n.id LIMIT $n RETURN collect([n.id, n.name])"
    )
    query = " ".join(f"{one}*" for one in beginnings)
    inside = {"index": words_index(kind), "query": query, "beginnings": list(beginnings)}
    return Cypher(text, {"n": most, "in": inside, "me": me})


def names(kind: type[Kind], me: Mapping[str, object]) -> Cypher:
    """Return one row: `[id, name]` of all records of a kind that are not retired and that `me` may see."""
    text = f"MATCH (n:{kind.__name__}) WHERE n.status <> 'retired' AND {seen('n')} RETURN collect([n.id, n.name])"
    return Cypher(text, {"me": me})


def own_ends(kind: type[Kind]) -> list[End]:
    """Return the links that a kind declares: those that are changed with its records."""
    return [end for end in kind.ends.values() if end.declared]


def known(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values that are not null."""
    return {name: value for name, value in values.items() if value is not None}


def _tied(near: str, end: End, far: str) -> str:
    relation = f"[e:{end.link.relation}]"
    return f"{near}-{relation}->{far}" if end.outgoing else f"{near}<-{relation}-{far}"
