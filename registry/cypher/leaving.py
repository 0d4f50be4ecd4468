"""What a run did not see again: its records are retired, its ties removed. All writes are idempotent."""

from collections.abc import Mapping, Sequence

from registry.cypher.text import Cypher
from registry.modelling import End, Kind, Link


def spare(kind: type[Kind], ids: Sequence[str], *, source: str, run: str) -> Cypher:
    """Mark records of this source as seen by the run, without changing them. Returns one row holding their number."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) WHERE n.source = $in.source"
        " SET n.run = $in.run RETURN count(n)"
    )
    return Cypher(text, {"in": {"ids": list(ids), "source": source, "run": run}})


def retire(kind: type[Kind], *, source: str, run: str, now: str, size: int) -> Cypher:
    """Retire at most `size` records of a source that the run did not see.

    Returns one row: a list of `[id, status before, steward]`.

    Who may read them stays: what was published is seen as before, and what never was is not shown by being withdrawn.
    """
    text = (
        f"MATCH (n:{kind.__name__}) WHERE n.source = $in.source AND n.run <> $in.run AND n.status <> 'retired'"
        " WITH n, n.status AS before ORDER BY n.id LIMIT $n"
        " SET n.status = 'retired', n.hash = '', n.version = n.version + 1, n.updated = $in.now"
        " RETURN collect([n.id, before, n.steward])"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "run": run, "now": now}})


def sweep_ties(link: Link, *, source: str, run: str, size: int) -> Cypher:
    """Remove at most `size` ties of a source that the run did not see.

    Returns one row: a list of `[start id, end id, properties]`.
    """
    text = (
        f"MATCH (a:{link.start})-[e:{link.relation}]->(b:{link.end}) WHERE e.source = $in.source AND e.run <> $in.run"
        " WITH e, a.id AS start, b.id AS end, properties(e) AS was LIMIT $n DELETE e RETURN collect([start, end, was])"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "run": run}})


def drop_outdated_ties(link: Link, rows: Sequence[Mapping[str, object]], *, source: str) -> Cypher:
    """Remove ties of this source that start where one of the rows does, and end elsewhere.

    Returns one row: a list of `[start id, end id, properties]`.
    """
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        " WHERE b.id <> row.to AND e.source = $in.source"
        " WITH e, a.id AS start, b.id AS end, properties(e) AS was DELETE e RETURN collect([start, end, was])"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source}})


def retire_again(kind: type[Kind], ids: Sequence[str], *, run: str, other: str, now: str) -> Cypher:
    """Retire those of the records that a run made, that no later run saw and that no `other` source took over.

    Returns one row: a list of `[id, status before, steward]`.
    """
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}})"
        " WHERE n.run = $in.run AND n.source <> $in.other AND n.status <> 'retired'"
        " WITH n, n.status AS before SET n.status = 'retired', n.hash = '', n.version = n.version + 1, n.updated = $in.now"
        " RETURN collect([n.id, before, n.steward])"
    )
    return Cypher(text, {"in": {"ids": list(ids), "run": run, "other": other, "now": now}})


def untie_run(link: Link, *, run: str, size: int) -> Cypher:
    """Remove at most `size` ties that a run wrote. Returns one row: a list of `[start id, end id, properties]`."""
    text = (
        f"MATCH (a:{link.start})-[e:{link.relation}]->(b:{link.end}) WHERE e.run = $in.run"
        " WITH e, a.id AS start, b.id AS end, properties(e) AS was LIMIT $n DELETE e RETURN collect([start, end, was])"
    )
    return Cypher(text, {"n": size, "in": {"run": run}})


def take_back(end: End, records: Sequence[str], *, before: str) -> Cypher:
    """Remove what a step of its own set of a link of records, such as what parties say, that were made before an instant.

    Returns one row: a list of `[start id, end id, properties before]`.
    """
    names = [name for name, one in end.link.properties.items() if one.by_step]
    start, finish = ("n", "m") if end.outgoing else ("m", "n")
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{end.kind} {{id: id}}) WHERE n.created < $in.before"
        f" MATCH ({start})-[e:{end.link.relation}]->({finish}:{end.target if end.outgoing else end.kind})"
        f" WHERE {' OR '.join(f'e.{name} IS NOT NULL' for name in names)}"
        f" WITH e, {start}.id AS start, {finish}.id AS end, properties(e) AS was"
        f" SET {', '.join(f'e.{name} = null' for name in names)} RETURN collect([start, end, was])"
    )
    return Cypher(text, {"in": {"ids": list(records), "before": before}})
