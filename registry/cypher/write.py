"""Writes: upsert of records and ties in batches. All are idempotent."""

from collections.abc import Mapping, Sequence
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

    With `single`, a tie is not written either beside another one of the same start.
    """
    text = (
        "UNWIND $in.rows AS row"
        f" MATCH (a:{link.start} {{id: row.from}}) MATCH (b:{link.end} {{id: row.to}})"
        f"{_no_other(link) if single else ''}"
        f" MERGE (a)-[e:{link.relation}]->(b) ON CREATE SET e.source = $in.source"
        " FOREACH (x IN CASE WHEN e.source = $in.source THEN [1] ELSE [] END | SET e += row.props, e.run = $in.run)"
        " RETURN collect([row.from, row.to, e.source])"
    )
    return Cypher(text, {"in": {"rows": rows, "source": source, "run": run}})


def first_tie_rows(link: Link, rows: Sequence[Stored], *, source: str, run: str) -> Cypher:
    """Do what `tie_rows` does where no tie of the link was there before. Returns one row holding their number."""
    text = (
        "UNWIND $in.rows AS row"
        f" MATCH (a:{link.start} {{id: row.from}}) MATCH (b:{link.end} {{id: row.to}})"
        f" MERGE (a)-[e:{link.relation}]->(b) SET e += row.props, e.source = $in.source, e.run = $in.run"
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


def _no_other(link: Link) -> str:
    return f" WHERE NOT EXISTS {{ MATCH (a)-[:{link.relation}]->(other:{link.end}) WHERE other.id <> row.to }}"
