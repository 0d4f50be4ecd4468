"""Writes: upsert of records and ties in batches. All are idempotent."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from registry.access import seen_by, shown_to
from registry.cypher.text import Cypher
from registry.modelling import Kind, Link
from registry.records import Record, Tie, fold
from registry.searching import is_searched, words_of

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

    When it returns something else than before, `registry.compatibility.DERIVED_VERSION` is raised.
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
