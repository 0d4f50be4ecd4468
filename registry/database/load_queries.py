"""Cypher for loads: lock a source, compare its rows with the stored records, and retire or remove what the source no longer has."""

from collections.abc import Iterable, Mapping, Sequence

from registry.database.driver import Cypher
from registry.database.write import Stored, without_key
from registry.model.kinds import End, Kind, Link


def sources() -> Cypher:
    """Return Cypher that reads the last load run of each source, one row per source.

    A row is `[id, started, finished, created, changed, retired, left out]`.
    """
    text = (
        "MATCH (s:Source) WITH s ORDER BY s.id"
        " RETURN [s.id, head(COLLECT { MATCH (r:Run) WHERE r.source = s.id WITH r ORDER BY r.started DESC, r.id LIMIT 1"
        " RETURN [r.started, r.finished, r.records_created, r.records_changed, r.records_retired, r.rows_left_out] })]"
    )
    return Cypher(text)


def mark_seen(kind: type[Kind], ids: Sequence[str], *, source: str, run: str) -> Cypher:
    """Return Cypher that notes that a load run found these records in its source. The row holds the number of records."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) WHERE n.source = $in.source"
        " SET n.run = $in.run RETURN count(n)"
    )
    return Cypher(text, {"in": {"ids": list(ids), "source": source, "run": run}})


def retire(kind: type[Kind], *, source: str, run: str, now: str, size: int) -> Cypher:
    """Return Cypher that retires records of a source, at most `size`, if the load run did not find them in the source.

    The query's only row is a list of `[id, status before, steward]`.

    The readers of a record stay the same. A published record remains visible, and an unpublished record does not become visible.
    """
    text = (
        f"MATCH (n:{kind.__name__}) WHERE n.source = $in.source AND n.run <> $in.run AND n.status <> 'retired'"
        " WITH n, n.status AS before ORDER BY n.id LIMIT $n"
        " SET n.status = 'retired', n.hash = '', n.version = n.version + 1, n.updated = $in.now"
        " RETURN collect([n.id, before, n.steward])"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "run": run, "now": now}})


def prune_relationships(link: Link, *, source: str, run: str, size: int) -> Cypher:
    """Return Cypher that removes relationships of a source, at most `size`, if the load run did not find them in the source.

    The query's only row is a list of `[start id, end id, properties]`.
    """
    text = (
        f"MATCH (a:{link.start})-[e:{link.relation}]->(b:{link.end}) WHERE e.source = $in.source AND e.run <> $in.run"
        " WITH e, a.id AS start, b.id AS end, properties(e) AS was LIMIT $n DELETE e RETURN collect([start, end, was])"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "run": run}})


def remove_given_relationships(link: Link, rows: Sequence[Mapping[str, object]], *, source: str) -> Cypher:
    """Return Cypher that removes the given relationships that belong to this source.

    The row returned is a list of `[start id, end id, properties]`.
    """
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        " WHERE b.id = row.to AND e.source = $in.source"
        " WITH e, a.id AS start, b.id AS end, properties(e) AS was DELETE e RETURN collect([start, end, was])"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source}})


def manifest(source: str, file: str = "") -> Cypher:
    """Return Cypher that reads the content and the row hashes of the manifest of a source, or of one of its files.

    If there is no manifest, the query returns no row.
    """
    text = "UNWIND $in.ids AS id MATCH (m:Manifest {id: id}) RETURN m.content, m.hashes"
    return Cypher(text, {"in": {"ids": [_manifest_id(source, file)]}})


def put_manifest(source: str, file: str, content: str, hashes: str) -> Cypher:
    """Return Cypher that stores the manifest of a source or of one of its files."""
    text = "MERGE (m:Manifest {id: $in.id}) SET m.content = $in.content, m.hashes = $in.hashes"
    return Cypher(text, {"in": {"id": _manifest_id(source, file), "content": content, "hashes": hashes}})


def void_manifest(source: str) -> Cypher:
    """Return Cypher that deletes the manifest of a source, so that the next load does not skip rows."""
    text = "MATCH (m:Manifest {id: $in.id}) DELETE m"
    return Cypher(text, {"in": {"id": _manifest_id(source, "")}})


def _manifest_id(source: str, file: str) -> str:
    return f"{source}/{file}"


def changed_since(number: int, *, run: str) -> Cypher:
    """Return Cypher that reads which records were changed since an audit event by others than a load run.

    A row has a kind, and a list of the ids of the changed records of this kind.
    """
    text = (
        "MATCH (c:Change) WHERE c.number > $n AND coalesce(c.run <> $in.run, true)"
        " RETURN c.record_kind, collect(DISTINCT c.record)"
    )
    return Cypher(text, {"n": number, "in": {"run": run}})


def loaded_records(kind: type[Kind], ids: Sequence[str], *, source: str) -> Cypher:
    """Return Cypher that counts which of the given records belong to a source, or were found in it by a load run."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}})"
        " WHERE n.source = $in.source OR n.run STARTS WITH $in.runs RETURN count(n)"
    )
    return Cypher(text, {"in": {"ids": list(ids), "source": source, "runs": f"run:{source}:"}})


def remove_outdated_relationships(link: Link, rows: Sequence[Mapping[str, object]], *, source: str) -> Cypher:
    """Return Cypher that removes outdated relationships of a source: from the start record of a row to a record other than its end.

    The row returned is a list of `[start id, end id, properties]`.
    """
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        " WHERE b.id <> row.to AND e.source = $in.source"
        " WITH e, a.id AS start, b.id AS end, properties(e) AS was DELETE e RETURN collect([start, end, was])"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source}})


def retire_of_run(kind: type[Kind], ids: Sequence[str], *, run: str, other: str, now: str) -> Cypher:
    """Return Cypher that retires the records that a load run created, except records that belong to a later run or to `other` now.

    The query's only row is a list of `[id, status before, steward]`.
    """
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}})"
        " WHERE n.run = $in.run AND n.source <> $in.other AND n.status <> 'retired'"
        " WITH n, n.status AS before SET n.status = 'retired', n.hash = '', n.version = n.version + 1, n.updated = $in.now"
        " RETURN collect([n.id, before, n.steward])"
    )
    return Cypher(text, {"in": {"ids": list(ids), "run": run, "other": other, "now": now}})


def remove_relationships_of_run(link: Link, *, run: str, size: int) -> Cypher:
    """Return Cypher that removes at most `size` relationships that a load run wrote.

    The query's only row is a list of `[start id, end id, properties]`.
    """
    text = (
        f"MATCH (a:{link.start})-[e:{link.relation}]->(b:{link.end}) WHERE e.run = $in.run"
        " WITH e, a.id AS start, b.id AS end, properties(e) AS was LIMIT $n DELETE e RETURN collect([start, end, was])"
    )
    return Cypher(text, {"n": size, "in": {"run": run}})


def clear_action_properties(end: End, records: Sequence[str], *, before: str) -> Cypher:
    """Return Cypher that clears link properties that only a record action sets, such as a party's confirmation.

    Only links of records created before the time `before` are changed. The row is a list of `[start id, end id, properties before]`.
    """
    names = [name for name, one in end.link.properties.items() if one.by_action]
    start, finish = ("n", "m") if end.outgoing else ("m", "n")
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{end.kind} {{id: id}}) WHERE n.created < $in.before"
        f" MATCH ({start})-[e:{end.link.relation}]->({finish}:{end.target if end.outgoing else end.kind})"
        f" WHERE {' OR '.join(f'e.{name} IS NOT NULL' for name in names)}"
        f" WITH e, {start}.id AS start, {finish}.id AS end, properties(e) AS was"
        f" SET {', '.join(f'e.{name} = null' for name in names)} RETURN collect([start, end, was])"
    )
    return Cypher(text, {"in": {"ids": list(records), "before": before}})


def existing_ids(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return Cypher that reads, as one list, the ids that belong to records of the kind."""
    text = f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN collect(n.id)"
    return Cypher(text, {"in": {"ids": list(ids)}})


def stored_states(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return Cypher that reads one list. It has `[id, source, hash, status]` for each given id that a record has."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN collect([n.id, n.source, n.hash, n.status])"
    )
    return Cypher(text, {"in": {"ids": list(ids)}})


def of_source(kind: type[Kind], ids: Sequence[str], source: str) -> Cypher:
    """Return Cypher that reads the properties of the given records that belong to this source."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) WHERE n.source = $in.source"
        " RETURN collect(properties(n))"
    )
    return Cypher(text, {"in": {"ids": list(ids), "source": source}})


def differing(kind: type[Kind], rows: Sequence[Stored]) -> Cypher:
    """Return Cypher that reads the stored properties of each record that would change if the rows were written.

    The rows are in the form that `stored` returns.
    """
    asked = [{"id": row["id"], "hash": row["hash"]} for row in rows]
    text = (
        f"UNWIND $in.rows AS row MATCH (n:{kind.__name__} {{id: row.id}}) WHERE n.hash <> row.hash"
        " RETURN collect(properties(n))"
    )
    return Cypher(text, {"in": {"rows": asked}})


def count_records(kinds: Iterable[type[Kind]], *, source: str) -> Cypher:
    """Return Cypher that counts records, one row per kind that has any.

    A row is `[kind, all records, records of the source, active records of the source]`. One query counts all kinds, because an
    empty database plans a query more slowly than it runs it.
    """
    text = (
        f"MATCH (n:{'|'.join(kind.__name__ for kind in kinds)})"
        " WITH labels(n)[0] AS kind, coalesce(n.source = $in.source, false) AS ours, n.status <> 'retired' AS active"
        " RETURN kind, count(*), sum(CASE WHEN ours THEN 1 ELSE 0 END), sum(CASE WHEN ours AND active THEN 1 ELSE 0 END)"
    )
    return Cypher(text, {"in": {"source": source}})


def count_property_values(kind: type[Kind], name: str, *, source: str) -> Cypher:
    """Return Cypher that counts the records of this source that have a value of a property."""
    text = f"MATCH (n:{kind.__name__}) WHERE n.source = $in.source RETURN count(n.{kind.properties[name].name})"
    return Cypher(text, {"in": {"source": source}})


def existing_relationships(link: Link, rows: Sequence[Stored]) -> Cypher:
    """Return Cypher that reads a list of `[start id, end id, properties]`: the given relationships that exist, from any source."""
    asked = [{"from": row["from"], "to": row["to"]} for row in rows]
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        f" WHERE b.id = row.to AND {without_key(link)} RETURN collect([row.from, row.to, properties(e)])"
    )
    return Cypher(text, {"in": {"rows": asked}})


def all_relationships(link: Link) -> Cypher:
    """Return Cypher that reads a list of `[start id, end id, source]` of all relationships of a link type."""
    text = f"MATCH (a:{link.start})-[e:{link.relation}]->(b:{link.end}) RETURN collect([a.id, b.id, e.source])"
    return Cypher(text)


def relationship_sources(end: End, ids: Sequence[str]) -> Cypher:
    """Return Cypher that reads a list of `[id, far id, source]` of the relationships of the given records of one link type."""
    relation = f"-[e:{end.link.relation}]-"
    arrow = f"{relation}>" if end.outgoing else f"<{relation}"
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{end.kind} {{id: id}}){arrow}(m:{end.target})"
        " RETURN collect([id, m.id, e.source])"
    )
    return Cypher(text, {"in": {"ids": list(ids)}})


def relationships_of_source(link: Link, *, source: str, after: tuple[str, str], size: int) -> Cypher:
    """Return Cypher that reads `[start id, end id]` of at most `size` relationships of this source, ordered by these two ids.

    `after` is the last pair of ids of the previous page.
    """
    text = (
        f"MATCH (a:{link.start})-[e:{link.relation}]->(b:{link.end}) WHERE e.source = $in.source"
        " AND (a.id > $in.start OR (a.id = $in.start AND b.id > $in.end))"
        " WITH a.id AS start, b.id AS end ORDER BY start, end LIMIT $n RETURN collect([start, end])"
    )
    return Cypher(text, {"n": size, "in": {"source": source, "start": after[0], "end": after[1]}})


def count_relationships(link: Link, *, source: str) -> Cypher:
    """Return Cypher that counts the relationships of a link type that belong to this source."""
    text = f"MATCH (:{link.start})-[e:{link.relation}]->(:{link.end}) WHERE e.source = $in.source RETURN count(e)"
    return Cypher(text, {"in": {"source": source}})


def count_relationships_by_type(*, source: str) -> Cypher:
    """Return Cypher that reads `[relation, number of relationships]` of the relationships that belong to a source."""
    text = "MATCH ()-[e]->() WHERE e.source = $in.source RETURN type(e), count(e)"
    return Cypher(text, {"in": {"source": source}})


def count_existing_relationships(link: Link, rows: Sequence[Stored], *, source: str) -> Cypher:
    """Return Cypher that counts the given relationships that this source already has.

    The relationships are given as for `upsert_relationship_rows`.
    """
    asked = [{"from": row["from"], "to": row["to"]} for row in rows]
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        f" WHERE b.id = row.to AND e.source = $in.source AND {without_key(link)} RETURN count(e)"
    )
    return Cypher(text, {"in": {"rows": asked, "source": source}})


def count_outdated_relationships(link: Link, rows: Sequence[Stored], *, source: str) -> Cypher:
    """Return Cypher that counts outdated relationships of a source: from the start record of a row to a record other than its end."""
    text = (
        f"UNWIND $in.rows AS row MATCH (a:{link.start} {{id: row.from}})-[e:{link.relation}]->(b:{link.end})"
        " WHERE b.id <> row.to AND e.source = $in.source RETURN count(e)"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source}})


def take_lease(source: str, *, run: str, process: str, now: str, lasts: int, ended: str = "") -> Cypher:
    """Return Cypher that takes the lease of a source for `lasts` milliseconds. If another load run holds the lease, nothing changes.

    A lease is a lock that expires. If the run `ended` holds the lease, the lease counts as free. The row has the run that now holds
    the lease, the time since when, and the process of that run.
    """
    text = (
        "MERGE (l:Lease {id: $in.source}) SET l.asked_by = $in.run"
        " WITH l, l.holder IS NULL OR l.holder = $in.ended OR l.until <= timestamp() AS free"
        " FOREACH (x IN CASE WHEN free THEN [1] ELSE [] END | SET l.holder = $in.run, l.process = $in.process,"
        " l.since = $in.now, l.until = timestamp() + $in.lasts)"
        " RETURN l.holder, l.since, l.process"
    )
    given = {"source": source, "run": run, "process": process, "now": now, "lasts": lasts, "ended": ended}
    return Cypher(text, {"in": given})


def renew_lease(source: str, *, run: str, lasts: int) -> Cypher:
    """Return Cypher that extends a run's lease to `lasts` milliseconds from now.

    The row is 1 if the lease was extended, and 0 if the run does not hold the lease.
    """
    text = (
        "MATCH (l:Lease {id: $in.source}) WHERE l.holder = $in.run SET l.until = timestamp() + $in.lasts"
        " RETURN count(l)"
    )
    return Cypher(text, {"in": {"source": source, "run": run, "lasts": lasts}})


def release_lease(source: str, *, run: str) -> Cypher:
    """Return Cypher that releases the lease of a load run."""
    text = "MATCH (l:Lease {id: $in.source}) WHERE l.holder = $in.run DELETE l"
    return Cypher(text, {"in": {"source": source, "run": run}})
