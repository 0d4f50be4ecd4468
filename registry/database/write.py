"""Cypher that writes records and relationships and reads their stored state, and the uses that accepted requests grant."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from registry.database.driver import Cypher
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Link
from registry.model.records import Record, Relationship, fold, is_searched, search_values
from registry.permissions import seen_by, shown_to

Stored = Mapping[str, Any]


def upsert(kind: type[Kind], records: Sequence[Record], *, source: str, run: str, now: str) -> Cypher:
    """Return Cypher that creates or changes records of one kind. The ids must be unique among the records.

    The query's only row holds a list of `[id, 'created' | 'changed' | 'unchanged', version]`.
    """
    return upsert_rows(kind, [stored(record) for record in records], source=source, run=run, now=now)


def upsert_rows(kind: type[Kind], rows: Sequence[Stored], *, source: str, run: str, now: str) -> Cypher:
    """Return the same Cypher as `upsert`, for records in the form that `stored` returns."""
    text = (
        f"UNWIND $in.rows AS row MERGE (n:{kind.__name__} {{id: row.id}})"
        " ON CREATE SET n.created = $in.now, n.version = 0"
        " SET n.run = $in.run"
        " WITH n, row, n.hash AS before"
        " FOREACH (x IN CASE WHEN before = row.hash THEN [] ELSE [1] END |"
        " SET n += $in.blank, n += row, n.source = $in.source, n.version = n.version + 1,"
        " n.updated = $in.now)"
        " RETURN collect([row.id, CASE WHEN before IS NULL THEN 'created' WHEN before = row.hash THEN 'unchanged'"
        " ELSE 'changed' END, n.version])"
    )
    return Cypher(text, {"in": {"rows": rows, "blank": blank(kind), "source": source, "run": run, "now": now}})


def first_rows(kind: type[Kind], rows: Sequence[Stored], *, source: str, run: str, now: str) -> Cypher:
    """Return Cypher that creates records of a kind, for a source that has no records of this kind yet.

    In contrast to `upsert_rows`, it does not compare the records with stored records. The row holds the number of records.
    """
    text = (
        f"UNWIND $in.rows AS row MERGE (n:{kind.__name__} {{id: row.id}})"
        " SET n += row, n.source = $in.source, n.run = $in.run, n.version = 1,"
        " n.created = $in.now, n.updated = $in.now"
        " RETURN count(n)"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run, "now": now}})


def stored(record: Record) -> Stored:
    """Return the stored form of a record: the values that a source gave, their hash, the record's readers and its search words."""
    given = given_names(record.kind)
    kept = {name: value for name, value in record.values.items() if value is not None and name in given}
    return {**kept, "hash": record.hash(), **derived(record)}


def derived(record: Record) -> dict[str, object]:
    """Return the derived values of a record: its sort key, the names of its readers and its search words.

    Raise `registry.database.migrate.DERIVED_VERSION` if a change of this function changes its result for the same record.
    """
    found: dict[str, object] = {
        "name_key": fold(str(record.values["name"])),
        "seen_by": seen_by(record.values),
        "shown_to": shown_to(record.values),
    }
    if is_searched(record.kind):
        found |= search_values(record)
    return found


def upsert_relationships(link: Link, ties: Sequence[Relationship], *, source: str, run: str) -> Cypher:
    """Return Cypher that creates or changes relationships of one link type. Relationships of another source stay unchanged.

    The query's only row holds a list of `[start id, end id, source]`. A relationship is not written, and is not in the list, if the
    record at one of its ends does not exist.
    """
    rows = [{"from": one.start_id, "to": one.end_id, "props": dict(one.values)} for one in ties]
    return upsert_relationship_rows(link, rows, source=source, run=run)


def upsert_relationship_rows(
    link: Link, rows: Sequence[Stored], *, source: str, run: str, single: bool = False
) -> Cypher:
    """Return the same Cypher as `upsert_relationships`, for relationships given as mappings with `from`, `to` and `props`.

    If `single` is set, a relationship is not written if its start already has another relationship of the link type. Some
    properties, such as a party's confirmation, can later be changed only by a record action. This Cypher writes them only when it
    creates the relationship.
    """
    by_action = [name for name, one in link.properties.items() if one.by_action]
    created = "e.source = $in.source"
    if by_action:
        rows = [
            {**row, "props": _without(row["props"], by_action), "said": _subset(row["props"], by_action)}
            for row in rows
        ]
        created += ", e += row.said"
    text = (
        "UNWIND $in.rows AS row"
        f" MATCH (a:{link.start} {{id: row.from}}) MATCH (b:{link.end} {{id: row.to}})"
        f"{_unless_other(link) if single else ''}"
        f"{merge_relationship(link, 'a', 'b', created=created)}"
        " FOREACH (x IN CASE WHEN e.source = $in.source THEN [1] ELSE [] END | SET e += row.props, e.run = $in.run)"
        " RETURN collect([row.from, row.to, e.source])"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run}})


def merge_relationship(link: Link, start: str, end: str, *, created: str = "") -> str:
    """Return the Cypher that finds or creates the relationship `e` between the two records of a `row`.

    `created` is the SET clause for a new relationship. Relationships with a key are derived from another record and are ignored.
    """
    first = f" SET {created}" if created else ""
    if not link.keyed:
        return f" MERGE ({start})-[e:{link.relation}]->({end}){f' ON CREATE{first}' if first else ''}"
    found = f"({start})-[{{}}:{link.relation}]->({end}) WHERE {{}}.key IS NULL"
    return (
        f" OPTIONAL MATCH {found.format('known', 'known')} WITH row, {start}, {end}, count(known) AS known"
        f" FOREACH (x IN CASE WHEN known = 0 THEN [1] ELSE [] END | CREATE ({start})-[e:{link.relation}]->({end}){first})"
        f" WITH row, {start}, {end} MATCH {found.format('e', 'e')} WITH row, {start}, {end}, e"
    )


def without_key(link: Link, relationship: str = "e") -> str:
    """Return the predicate that a relationship was not derived from another record, such as a use from a request.

    If relationships of the link type are never derived, the predicate is "true".
    """
    return f"{relationship}.key IS NULL" if link.keyed else "true"


def create_relationship_rows(link: Link, rows: Sequence[Stored], *, source: str, run: str) -> Cypher:
    """Return Cypher that creates relationships of a link type that has no relationships yet. The row holds their number."""
    text = (
        "UNWIND $in.rows AS row"
        f" MATCH (a:{link.start} {{id: row.from}}) MATCH (b:{link.end} {{id: row.to}})"
        f"{merge_relationship(link, 'a', 'b')} SET e += row.props, e.source = $in.source, e.run = $in.run"
        " RETURN count(e)"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run}})


def is_empty() -> Cypher:
    """Return Cypher that reads whether the graph has no agency."""
    return Cypher("OPTIONAL MATCH (n:Agency) WITH n LIMIT 1 RETURN n IS NULL")


def given_names(kind: type[Kind]) -> Mapping[str, object]:
    """Return the properties of a kind that a source may supply, by name."""
    return _given_names(kind)  # type: ignore[arg-type]  # a class is hashable


@cache
def _given_names(kind: type[Kind]) -> Mapping[str, object]:
    return {name: declared for name, declared in kind.properties.items() if not declared.read_only}


def blank(kind: type[Kind]) -> dict[str, None]:
    """Return nulls for all properties that a source may supply, except the id. Setting these nulls clears a record."""
    return {name: None for name in given_names(kind) if name != "id"}


def _without(values: Stored, names: Collection[str]) -> Stored:
    return {name: value for name, value in values.items() if name not in names}


def _subset(values: Stored, names: Collection[str]) -> Stored:
    return {name: values.get(name) for name in names}


def _unless_other(link: Link) -> str:
    return f" WHERE NOT EXISTS {{ MATCH (a)-[:{link.relation}]->(other:{link.end}) WHERE other.id <> row.to }}"


BY_HAND = "by-hand"  # the source of all records that people register on the pages or through the API


def state(kind: type[Kind], record: str) -> Cypher:
    """Return Cypher that reads a record: its properties, then for each link of `own_ends` a list of `[id, properties]`."""
    return several(kind, [record])


def several(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return Cypher that reads the records of the kind with these ids, one row per record, with the columns of `state`."""
    parts = [
        f"COLLECT {{ MATCH {_relationship('(n)', end, f'(m:{end.target})')} WHERE {without_key(end.link)}"
        " RETURN [m.id, properties(e)] }"
        for end in own_ends(kind)
    ]
    text = f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN {', '.join(['properties(n)', *parts])}"
    return Cypher(text, {"in": {"ids": list(ids)}})


def put(kind: type[Kind], rows: Sequence[Stored], *, source: str, now: str) -> Cypher:
    """Return Cypher that creates or changes records, in the form that `stored` returns. They then belong to `source`."""
    text = (
        f"UNWIND $in.rows AS row MERGE (n:{kind.__name__} {{id: row.id}})"
        " ON CREATE SET n.created = $in.now, n.version = 0, n.run = ''"
        " SET n += $in.blank, n += row, n.source = $in.source,"
        " n.version = n.version + 1, n.updated = $in.now"
    )
    return Cypher(text, {"in": {"rows": list(rows), "blank": blank(kind), "source": source, "now": now}})


def put_relationships(end: End, rows: Sequence[Stored]) -> Cypher:
    """Return Cypher that creates or replaces relationships, given as `id`, `far` and `props`; `props` replaces all properties."""
    text = (
        f"UNWIND $in.rows AS row MATCH (n:{end.kind} {{id: row.id}}) MATCH (m:{end.target} {{id: row.far}})"
        f"{merge_relationship(end.link, *(('n', 'm') if end.outgoing else ('m', 'n')))} SET e = row.props"
    )
    return Cypher(text, {"in": {"rows": list(rows)}})


def remove_relationships(end: End, rows: Sequence[Stored]) -> Cypher:
    """Return Cypher that removes relationships, given as `id` and `far`, the ids of the two records."""
    near, far = f"(n:{end.kind} {{id: row.id}})", f"(m:{end.target} {{id: row.far}})"
    text = f"UNWIND $in.rows AS row MATCH {_relationship(near, end, far)} WHERE {without_key(end.link)} DELETE e"
    return Cypher(text, {"in": {"rows": list(rows)}})


def far_ids(end: End, ids: Sequence[str]) -> Cypher:
    """Return Cypher that reads one list: the ids of all records that are linked with the given records by one type of link."""
    text = f"UNWIND $in.ids AS id MATCH {_relationship(f'(n:{end.kind} {{id: id}})', end, f'(m:{end.target})')}"
    return Cypher(f"{text} RETURN collect(DISTINCT m.id)", {"in": {"ids": list(ids)}})


def ids_in_use(ids: Sequence[str]) -> Cypher:
    """Return Cypher that reads the given ids that are in use, by a record of any kind; one row per id."""
    each = (f"UNWIND $in.ids AS id MATCH (n:{kind} {{id: id}}) RETURN n.id AS id" for kind in MODEL.kinds)
    return Cypher(" UNION ALL ".join(each), {"in": {"ids": list(ids)}})


def summary_readers(kind: type[Kind], ids: Sequence[str]) -> Cypher:
    """Return Cypher that reads one list. It has `[id, readers of the summary]` for each given id that a record has."""
    text = f"UNWIND $in.ids AS id MATCH (n:{kind.__name__} {{id: id}}) RETURN collect([n.id, n.seen_by])"
    return Cypher(text, {"in": {"ids": list(ids)}})


def own_ends(kind: type[Kind]) -> list[End]:
    """Return the links that a kind declares. A change of a record can also change the record's links of these types."""
    return [end for end in kind.ends.values() if end.declared]


def known_states(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values that are not null."""
    return {name: value for name, value in values.items() if value is not None}


def _relationship(near: str, end: End, far: str) -> str:
    relation = f"[e:{end.link.relation}]"
    return f"{near}-{relation}->{far}" if end.outgoing else f"{near}<-{relation}-{far}"


_REQUESTS = "(n)<-[:REQUEST_FOR]-(r:Request)-[:REQUESTED_BY]->(a:Agency)"
# A use that ended before its first day never took place.
_IS_A_USE = (
    "r.status = 'published' AND r.decision IN ['accepted', 'ended']"
    " AND NOT (r.decision = 'ended' AND coalesce(r.since > r.decided_on, false))"
)
_UNTIL = "CASE WHEN r.decision = 'ended' AND coalesce(r.until > r.decided_on, true) THEN r.decided_on ELSE r.until END"


def promised(resources: Sequence[str], *, day: str) -> Cypher:
    """Return Cypher that reads the quantity of each given resource that is promised to each current or future accepted request.

    A row is `[resource, request, agency, quantity, since]`.
    """
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Resource {{id: id}}) MATCH {_REQUESTS} WHERE r.status <> 'retired'"
        " AND r.decision = 'accepted' AND coalesce(r.until >= $in.day, true)"
        " WITH n, r, a ORDER BY r.id RETURN collect([n.id, r.id, a.id, coalesce(r.quantity, 0.0), r.since])"
    )
    return Cypher(text, {"in": {"ids": list(resources), "day": day}})


def remove_stale_uses(resources: Sequence[str]) -> Cypher:
    """Return Cypher that removes uses of the given resources, if a use was derived from a request that no longer grants it."""
    text = (
        "UNWIND $in.ids AS id MATCH (n:Resource {id: id})<-[e:USES]-(a:Agency) WHERE e.key IS NOT NULL"
        " AND NOT EXISTS { MATCH (n)<-[:REQUEST_FOR]-(r:Request)-[:REQUESTED_BY]->(b:Agency)"
        f" WHERE r.id = e.key AND b.id = a.id AND {_IS_A_USE} }} DELETE e"
    )
    return Cypher(text, {"in": {"ids": list(resources)}})


def put_uses(resources: Sequence[str]) -> Cypher:
    """Return Cypher that creates or updates a use of a resource for each accepted request. Ended uses are written too.

    The id of the request becomes the key of the use.
    """
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Resource {{id: id}}) MATCH {_REQUESTS} WHERE {_IS_A_USE}"
        " WITH n, r, a, CASE WHEN EXISTS { MATCH (n)<-[o:USES]-(:Agency) WHERE coalesce(o.key <> r.id, true) }"
        f" THEN 'reuse' ELSE 'first' END AS role, {_UNTIL} AS until"
        " MERGE (a)-[e:USES {key: r.id}]->(n) ON CREATE SET e.role = role, e.source = $in.source, e.run = ''"
        " SET e.since = r.since, e.until = until"
    )
    return Cypher(text, {"in": {"ids": list(resources), "source": BY_HAND}})


def with_requests() -> Cypher:
    """Return Cypher that reads one list: the ids of all resources that have a request, or a use derived from a request."""
    text = (
        "RETURN COLLECT { MATCH (:Request)-[:REQUEST_FOR]->(n:Resource) RETURN DISTINCT n.id }"
        " + COLLECT { MATCH (n:Resource)<-[e:USES]-(:Agency) WHERE e.key IS NOT NULL RETURN DISTINCT n.id }"
    )
    return Cypher(text)
