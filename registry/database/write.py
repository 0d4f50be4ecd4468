"""Cypher that writes records and links, retires pruned ones, and locks a source during a load."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from registry.database.driver import Cypher
from registry.database.schema import words_index
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Link
from registry.model.records import Record, Tie, fold, is_searched, words_of
from registry.permissions import seen, seen_by, shown_to

Stored = Mapping[str, Any]


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
        " SET n += $in.blank, n += row, n.source = $in.source, n.version = n.version + 1,"
        " n.updated = $in.now)"
        " RETURN collect([row.id, CASE WHEN before IS NULL THEN 'created' WHEN before = row.hash THEN 'unchanged'"
        " ELSE 'changed' END, n.version])"
    )
    return Cypher(text, {"in": {"rows": rows, "blank": blank(kind), "source": source, "run": run, "now": now}})


def first_rows(kind: type[Kind], rows: Sequence[Stored], *, source: str, run: str, now: str) -> Cypher:
    """Do what `upsert_rows` does where the source has no record of the kind yet: there is nothing to compare.

    Returns one row holding the number of records.
    """
    text = (
        f"UNWIND $in.rows AS row MERGE (n:{kind.__name__} {{id: row.id}})"
        " SET n += row, n.source = $in.source, n.run = $in.run, n.version = 1,"
        " n.created = $in.now, n.updated = $in.now"
        " RETURN count(n)"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run, "now": now}})


def stored(record: Record) -> Stored:
    """Return what the store keeps of a record: the values that a source gave, their hash, its readers, what finds it."""
    given = given_names(record.kind)
    kept = {name: value for name, value in record.values.items() if value is not None and name in given}
    return {**kept, "hash": record.hash(), **derived(record)}


def derived(record: Record) -> dict[str, object]:
    """Return what is computed of a record's values: its sort key, its readers, and the words that it is found by.

    When it returns something else than before, `registry.database.migrate.DERIVED_VERSION` is raised.
    """
    found: dict[str, object] = {
        "name_key": fold(str(record.values["name"])),
        "seen_by": seen_by(record.values),
        "shown_to": shown_to(record.values),
    }
    if is_searched(record.kind):
        found["face_words"], found["words"] = words_of(record)
    return found


def tie(link: Link, ties: Sequence[Tie], *, source: str, run: str) -> Cypher:
    """Create or change ties of one link; one that another source keeps stays as it is.

    Returns one row holding a list of `[start id, end id, source that keeps it]`; a tie of which the graph lacks an end
    is not written and not in the list.
    """
    rows = [{"from": one.start_id, "to": one.end_id, "props": dict(one.values)} for one in ties]
    return tie_rows(link, rows, source=source, run=run)


def tie_rows(link: Link, rows: Sequence[Stored], *, source: str, run: str, single: bool = False) -> Cypher:
    """Do what `tie` does, with ties as mappings of `from`, `to` and `props`.

    With `single`, a tie is not written either beside another one of the same start. What a step of its own sets, such as
    what a party says, is only written of a tie that is new.
    """
    by_step = [name for name, one in link.properties.items() if one.by_step]
    created = "e.source = $in.source"
    if by_step:
        rows = [{**row, "props": _but(row["props"], by_step), "said": _only(row["props"], by_step)} for row in rows]
        created += ", e += row.said"
    text = (
        "UNWIND $in.rows AS row"
        f" MATCH (a:{link.start} {{id: row.from}}) MATCH (b:{link.end} {{id: row.to}})"
        f"{_no_other(link) if single else ''}"
        f"{joined(link, 'a', 'b', created=created)}"
        " FOREACH (x IN CASE WHEN e.source = $in.source THEN [1] ELSE [] END | SET e += row.props, e.run = $in.run)"
        " RETURN collect([row.from, row.to, e.source])"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run}})


def joined(link: Link, start: str, end: str, *, created: str = "") -> str:
    """Return the text that finds the relationship `e` between two records of a `row`, or creates it.

    `created` is what a new one is given. One with a key follows from another record: it is neither found nor in the way.
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
    """Return the predicate that a relationship of the link follows from no other record, where any may."""
    return f"{relationship}.key IS NULL" if link.keyed else "true"


def first_tie_rows(link: Link, rows: Sequence[Stored], *, source: str, run: str) -> Cypher:
    """Do what `tie_rows` does where no tie of the link was there before. Returns one row holding their number."""
    text = (
        "UNWIND $in.rows AS row"
        f" MATCH (a:{link.start} {{id: row.from}}) MATCH (b:{link.end} {{id: row.to}})"
        f"{joined(link, 'a', 'b')} SET e += row.props, e.source = $in.source, e.run = $in.run"
        " RETURN count(e)"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run}})


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


def given_names(kind: type[Kind]) -> Mapping[str, object]:
    """Return the names of the properties of a kind that a source may give."""
    return _given_names(kind)  # type: ignore[arg-type]  # a class is hashable


def blank(kind: type[Kind]) -> dict[str, None]:
    """Return what clears all that a source may give of a record, but for its id."""
    return {name: None for name in given_names(kind) if name != "id"}


@cache
def _given_names(kind: type[Kind]) -> Mapping[str, object]:
    return {name: declared for name, declared in kind.properties.items() if not declared.kept_by_us}


def _but(values: Stored, names: Collection[str]) -> Stored:
    return {name: value for name, value in values.items() if name not in names}


def _only(values: Stored, names: Collection[str]) -> Stored:
    return {name: values.get(name) for name in names}


def _no_other(link: Link) -> str:
    return f" WHERE NOT EXISTS {{ MATCH (a)-[:{link.relation}]->(other:{link.end}) WHERE other.id <> row.to }}"


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


def tie_states(end: End, rows: Sequence[Stored]) -> Cypher:
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


def known_states(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values that are not null."""
    return {name: value for name, value in values.items() if value is not None}


def _tied(near: str, end: End, far: str) -> str:
    relation = f"[e:{end.link.relation}]"
    return f"{near}-{relation}->{far}" if end.outgoing else f"{near}<-{relation}-{far}"


def take(source: str, *, run: str, process: str, now: str, lasts: int, ended: str = "") -> Cypher:
    """Take the lease of a source for so many milliseconds, unless a run holds it that is not known to have `ended`.

    Returns one row: the run that holds it now, since when, and in which process.
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


def renew(source: str, *, run: str, lasts: int) -> Cypher:
    """Let the lease last so many milliseconds from now. Returns one row: 1, or 0 when the run does not hold it."""
    text = (
        "MATCH (l:Lease {id: $in.source}) WHERE l.holder = $in.run SET l.until = timestamp() + $in.lasts"
        " RETURN count(l)"
    )
    return Cypher(text, {"in": {"source": source, "run": run, "lasts": lasts}})


def give_back(source: str, *, run: str) -> Cypher:
    """End the lease that the run holds."""
    text = "MATCH (l:Lease {id: $in.source}) WHERE l.holder = $in.run DELETE l"
    return Cypher(text, {"in": {"source": source, "run": run}})


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


def put_uses(resources: Sequence[str]) -> Cypher:
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
