"""Writes: upsert of records and ties in batches, sweep of what a run no longer saw. All are idempotent."""

from collections.abc import Mapping, Sequence
from functools import cache

from registry.access import seen_by, shown_to
from registry.cypher.text import Cypher
from registry.modelling import Kind, Link
from registry.records import Record, Tie, fold
from registry.searching import is_searched, words_of

Stored = Mapping[str, object]


def upsert(kind: type[Kind], records: Sequence[Record], *, source: str, run: str, now: str) -> Cypher:
    """Create or change records of one kind; ids must be unique among them.

    Returns one row holding a list of `[id, 'created' | 'changed' | 'unchanged', version]`.
    """
    return upsert_rows(kind, [stored(record) for record in records], source=source, run=run, now=now)


def upsert_rows(kind: type[Kind], rows: Sequence[Stored], *, source: str, run: str, now: str) -> Cypher:
    """Do what `upsert` does, with records as `stored` returns them."""
    text = (
        f"UNWIND $in.rows AS row MERGE (n:{kind.__name__} {{id: row.id}})"
        " ON CREATE SET n.created = $in.now, n.version = 0"
        " SET n.run = $in.run"
        " WITH n, row, n.hash AS before"
        " FOREACH (x IN CASE WHEN before = row.hash THEN [] ELSE [1] END |"
        " SET n += row.props, n.hash = row.hash, n.source = $in.source, n.version = n.version + 1, n.updated = $in.now)"
        " RETURN collect([row.id, CASE WHEN before IS NULL THEN 'created' WHEN before = row.hash THEN 'unchanged'"
        " ELSE 'changed' END, n.version])"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run, "now": now}})


def stored(record: Record) -> Stored:
    """Return what the store keeps of a record: the values that a source gave, its readers, and what finds it."""
    given = ((name, record.values.get(name)) for name in given_names(record.kind))
    kept = {name: value for name, value in given if value is not None}
    derived = {
        "name_key": fold(str(record.values["name"])),
        "seen_by": seen_by(record.values),
        "shown_to": shown_to(record.values),
    }
    if is_searched(record.kind):
        derived |= {"words": words_of(record, face=False), "face_words": words_of(record, face=True)}
    return {"id": record.id, "hash": record.hash(), "props": {**kept, **derived}}


def tie(link: Link, ties: Sequence[Tie], *, source: str, run: str) -> Cypher:
    """Create or change ties of one link; one that another source keeps stays as it is.

    Returns one row holding a list of `[start id, end id, source that keeps it]`; a tie of which the graph lacks an end
    is not written and not in the list.
    """
    rows = [{"from": one.start_id, "to": one.end_id, "props": dict(one.values)} for one in ties]
    return tie_rows(link, rows, source=source, run=run)


def tie_rows(link: Link, rows: Sequence[Stored], *, source: str, run: str) -> Cypher:
    """Do what `tie` does, with ties as mappings of `from`, `to` and `props`."""
    text = (
        "UNWIND $in.rows AS row"
        f" MATCH (a:{link.start} {{id: row.from}}) MATCH (b:{link.end} {{id: row.to}})"
        f" MERGE (a)-[e:{link.relation}]->(b) ON CREATE SET e.source = $in.source"
        " FOREACH (x IN CASE WHEN e.source = $in.source THEN [1] ELSE [] END | SET e += row.props, e.run = $in.run)"
        " RETURN collect([row.from, row.to, e.source])"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run}})


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
        " WHERE b.id = row.to AND e.source = $in.source RETURN count(e)"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source}})


def spare(kind: type[Kind], ids: Sequence[str], *, source: str, run: str) -> Cypher:
    """Mark records of this source as seen by the run, without changing them. Returns one row holding their number."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) WHERE n.source = $in.source"
        " SET n.run = $in.run RETURN count(n)"
    )
    return Cypher(text, {"in": {"ids": list(ids), "source": source, "run": run}})


def sweep(kind: type[Kind], *, source: str, run: str, now: str, size: int) -> Cypher:
    """Retire at most `size` records of a source that the run did not see. Returns one row holding their ids."""
    text = (
        f"MATCH (n:{kind.__name__}) WHERE n.source = $in.source AND n.run <> $in.run AND n.status <> 'retired'"
        " WITH n ORDER BY n.id LIMIT $n"
        " SET n.status = 'retired', n.hash = '', n.version = n.version + 1, n.updated = $in.now"
        " RETURN collect(n.id)"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "run": run, "now": now}})


def sweep_ties(link: Link, *, source: str, run: str, size: int) -> Cypher:
    """Remove at most `size` ties of a source that the run did not see. Returns one row holding their number."""
    text = (
        f"MATCH (:{link.start})-[e:{link.relation}]->(:{link.end}) WHERE e.source = $in.source AND e.run <> $in.run"
        " WITH e LIMIT $n DELETE e RETURN count(*)"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "run": run}})


def sources() -> Cypher:
    """Return one row a source: `[id, started, finished, created, changed, retired, left out]` of its last run."""
    text = (
        "MATCH (s:Source) WITH s ORDER BY s.id"
        " RETURN [s.id, head(COLLECT { MATCH (r:Run) WHERE r.source = s.id WITH r ORDER BY r.started DESC, r.id LIMIT 1"
        " RETURN [r.started, r.finished, r.records_created, r.records_changed, r.records_retired, r.rows_left_out] })]"
    )
    return Cypher(text)


def is_empty() -> Cypher:
    """Return one row saying whether the graph holds no agency yet."""
    return Cypher("OPTIONAL MATCH (n:Agency) WITH n LIMIT 1 RETURN n IS NULL")


@cache
def given_names(kind: type[Kind]) -> tuple[str, ...]:
    """Return the names of the properties of a kind that a source may give."""
    return tuple(name for name, declared in kind.properties.items() if not declared.kept_by_us)
