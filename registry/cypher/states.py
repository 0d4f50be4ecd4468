"""A record as it stands, with its own links, and how it is put and changed by hand."""

from collections.abc import Mapping, Sequence

from registry.access import seen
from registry.cypher.ddl import words_index
from registry.cypher.text import Cypher
from registry.cypher.write import Stored, blank
from registry.model import MODEL
from registry.modelling import End, Kind

BY_HAND = "by-hand"  # the source of what people register
Tied = tuple[str, Mapping[str, object]]


def state(kind: type[Kind], record: str) -> Cypher:
    """Return one row of a record: its properties, then for each of `own_ends` a list of `[id, properties]`."""
    parts = [
        f"COLLECT {{ MATCH {_tied('(n)', end, f'(m:{end.target})')} RETURN [m.id, properties(e)] }}"
        for end in own_ends(kind)
    ]
    text = f"MATCH (n:{kind.__name__} {{id: $in.id}}) RETURN {', '.join(['properties(n)', *parts])}"
    return Cypher(text, {"in": {"id": record}})


def put(kind: type[Kind], row: Stored, *, source: str, now: str) -> Cypher:
    """Create or change a record, given as `cypher.write.stored` returns it; it then belongs to a source."""
    text = (
        f"MERGE (n:{kind.__name__} {{id: $in.row.id}})"
        " ON CREATE SET n.created = $in.now, n.version = 0, n.run = ''"
        " SET n += $in.blank, n += $in.row, n.source = $in.source,"
        " n.version = n.version + 1, n.updated = $in.now"
    )
    return Cypher(text, {"in": {"row": row, "blank": blank(kind), "source": source, "now": now}})


def tie(end: End, record: str, ties: Sequence[Tied], *, source: str) -> Cypher:
    """Tie a record to others, each given as its id and the properties of the link, which replace those there were."""
    text = (
        f"UNWIND $in.rows AS row MATCH (n:{end.kind} {{id: $in.id}}) MATCH (m:{end.target} {{id: row.id}})"
        f" MERGE {_tied('(n)', end, '(m)')} SET e = row.props"
    )
    rows = [{"id": far, "props": {**known(values), "source": source, "run": ""}} for far, values in ties]
    return Cypher(text, {"in": {"id": record, "rows": rows}})


def untie(end: End, record: str, ids: Sequence[str]) -> Cypher:
    """Remove the ties between a record and others."""
    near, far = f"(n:{end.kind} {{id: $in.id}})", f"(m:{end.target})"
    text = f"MATCH {_tied(near, end, far)} WHERE m.id IN $in.ids DELETE e"
    return Cypher(text, {"in": {"id": record, "ids": list(ids)}})


def taken(record: str) -> Cypher:
    """Return one row: how many records of any kind have this id."""
    return Cypher(f"MATCH (n:{'|'.join(MODEL.kinds)} {{id: $in.id}}) RETURN count(n)", {"in": {"id": record}})


def faces(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return one row: a list of `[id, who sees the face]` of those of the ids that records of the kind have."""
    text = f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN collect([n.id, n.seen_by])"
    return Cypher(text, {"in": {"ids": list(ids)}})


def named_like(kind: type[Kind], query: str, me: Mapping[str, object]) -> Cypher:
    """Return one row: `[id, name]` of records that the index of words finds, that are not retired and that `me` may see."""
    text = (
        "CALL db.index.fulltext.queryNodes($in.index, $in.query, {limit: 400}) YIELD node, score"
        f" WITH node AS n WHERE n.status <> 'retired' AND {seen('n')} RETURN collect([n.id, n.name])"
    )
    return Cypher(text, {"in": {"index": words_index(kind), "query": query}, "me": me})


def own_ends(kind: type[Kind]) -> list[End]:
    """Return the links that a kind declares: those that are changed with its records."""
    return [end for end in kind.ends.values() if end.declared]


def known(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values that are not null."""
    return {name: value for name, value in values.items() if value is not None}


def _tied(near: str, end: End, far: str) -> str:
    relation = f"[e:{end.link.relation}]"
    return f"{near}-{relation}->{far}" if end.outgoing else f"{near}<-{relation}-{far}"
