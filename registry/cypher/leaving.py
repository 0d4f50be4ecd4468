"""What a run did not see again: its records are retired, its ties removed. All writes are idempotent."""

from collections.abc import Mapping, Sequence

from registry.access import seen_by, shown_to
from registry.cypher.text import Cypher
from registry.modelling import Kind, Link


def spare(kind: type[Kind], ids: Sequence[str], *, source: str, run: str) -> Cypher:
    """Mark records of this source as seen by the run, without changing them. Returns one row holding their number."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) WHERE n.source = $in.source"
        " SET n.run = $in.run RETURN count(n)"
    )
    return Cypher(text, {"in": {"ids": list(ids), "source": source, "run": run}})


def unseen(kind: type[Kind], *, source: str, run: str, size: int) -> Cypher:
    """Return one row holding at most `size` records of a source that the run did not see and that are not retired.

    Each is a mapping of `id` and what decides who may read it.
    """
    text = (
        f"MATCH (n:{kind.__name__}) WHERE n.source = $in.source AND n.run <> $in.run AND n.status <> 'retired'"
        " WITH n ORDER BY n.id LIMIT $n"
        " RETURN collect({id: n.id, access: n.access, steward: n.steward, grants: n.grants})"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "run": run}})


def retire(kind: type[Kind], records: Sequence[Mapping[str, object]], *, now: str) -> Cypher:
    """Retire records, given as `unseen` returns them, and list who may read them now. Returns one row: how many."""
    rows = [{"id": one["id"], **_readers({**one, "status": "retired"})} for one in records]
    text = (
        f"UNWIND $in.rows AS row MATCH (n:{kind.__name__} {{id: row.id}}) WHERE n.status <> 'retired'"
        " SET n.status = 'retired', n.seen_by = row.seen_by, n.shown_to = row.shown_to,"
        " n.hash = '', n.version = n.version + 1, n.updated = $in.now"
        " RETURN count(n)"
    )
    return Cypher(text, {"in": {"rows": rows, "now": now}})


def sweep_ties(link: Link, *, source: str, run: str, size: int) -> Cypher:
    """Remove at most `size` ties of a source that the run did not see. Returns one row holding their number."""
    text = (
        f"MATCH (:{link.start})-[e:{link.relation}]->(:{link.end}) WHERE e.source = $in.source AND e.run <> $in.run"
        " WITH e LIMIT $n DELETE e RETURN count(*)"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "run": run}})


def drop_outdated_ties(link: Link, rows: Sequence[Mapping[str, object]], *, source: str) -> Cypher:
    """Remove ties of this source that start where one of the rows does, and end elsewhere. Returns one row: how many."""
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        " WHERE b.id <> row.to AND e.source = $in.source DELETE e RETURN count(*)"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source}})


def _readers(record: Mapping[str, object]) -> dict[str, object]:
    return {"seen_by": seen_by(record), "shown_to": shown_to(record)}
