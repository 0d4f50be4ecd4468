"""Writes: upsert of records and ties in batches, sweep of what a run no longer saw. All are idempotent."""

from collections.abc import Sequence

from registry.cypher.text import Cypher
from registry.modelling import Kind, Link
from registry.records import Record, Tie, fold


def upsert(kind: type[Kind], records: Sequence[Record], *, source: str, run: str, now: str) -> Cypher:
    """Create or change records of one kind; ids must be unique among them.

    Returns one row holding a list of `[id, 'created' | 'changed' | 'unchanged', version]`.
    """
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
    rows = [{"id": record.id, "hash": record.hash(), "props": _stored(record)} for record in records]
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run, "now": now}})


def tie(link: Link, ties: Sequence[Tie], *, source: str, run: str) -> Cypher:
    """Create or change ties of one link. Returns one row holding a list of `[number, start missing, end missing]`.

    `number` is the place in `ties` of one whose start or end is not in the graph; that tie is not written.
    """
    text = (
        "UNWIND $in.rows AS row"
        f" OPTIONAL MATCH (a:{link.start} {{id: row.from}}) OPTIONAL MATCH (b:{link.end} {{id: row.to}})"
        " FOREACH (x IN CASE WHEN a IS NULL OR b IS NULL THEN [] ELSE [1] END |"
        f" MERGE (a)-[e:{link.relation}]->(b) SET e += row.props, e.run = $in.run, e.source = $in.source)"
        " RETURN collect(CASE WHEN a IS NULL OR b IS NULL THEN [row.n, a IS NULL, b IS NULL] END)"
    )
    rows = [
        {"n": number, "from": one.start_id, "to": one.end_id, "props": dict(one.values)}
        for number, one in enumerate(ties)
    ]
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run}})


def known(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return one row holding those of the ids that a record of the kind has."""
    text = f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN collect(n.id)"
    return Cypher(text, {"in": {"ids": list(ids)}})


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


def _stored(record: Record) -> dict[str, object]:
    """Return what the store keeps: every property that a source may give, and the folded name."""
    kept = {
        name: record.values.get(name) for name, declared in record.kind.properties.items() if not declared.kept_by_us
    }
    return {**kept, "name_key": fold(str(record.values["name"]))}
