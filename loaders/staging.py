"""The staging area: a temporary SQLite database with all records and relationships of a load, which are checked before writing."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple, Self

import orjson

from loaders.source import Policy
from registry.database.write import Stored, given_names, stored
from registry.model.definitions import MODEL
from registry.model.kinds import End, Link
from registry.model.records import Record, Relationship, show

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8192;
CREATE TABLE records (id TEXT PRIMARY KEY, kind TEXT, body TEXT, file TEXT, row INTEGER, implied INTEGER);
CREATE TABLE links (
    link TEXT, start TEXT, finish TEXT, body TEXT, field TEXT, file TEXT, row INTEGER,
    PRIMARY KEY (link, start, finish)
) WITHOUT ROWID;
CREATE TABLE protected (kind TEXT, id TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE missing (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE unchanged (of TEXT, start TEXT, finish TEXT, PRIMARY KEY (of, start, finish)) WITHOUT ROWID;
CREATE TABLE removed (link TEXT, start TEXT, finish TEXT);
"""
LOADED = [kind for kind in MODEL if not kind.read_only]
ENDS = {f"{kind.__name__}.{end.name}": end for kind in LOADED for end in kind.ends.values()}
LINK_NAMES = {
    (end.link.relation, end.link.start, end.link.end): f"{MODEL[end.kind].plural}.{end.name}"
    for end in ENDS.values()
    if end.declared
}
LINKS = [link for link in MODEL.links() if (link.relation, link.start, link.end) in LINK_NAMES]


class RowLocation(NamedTuple):
    """The file and row that a value comes from."""

    file: str
    row: int


class Duplicate(NamedTuple):
    """A record or relationship that occurs twice: where it first occurs, and the first field that differs, if any."""

    before: RowLocation
    field: str | None
    value: str = ""


class Reference(NamedTuple):
    """A reference to a record: the row and the field that contain the reference, and the id of the record."""

    location: RowLocation
    field: str
    id: str


def link_name(link: Link) -> str:
    """Return the table name of a link, such as `resources.users`; the name comes from the link end that declares the link."""
    return LINK_NAMES[link.relation, link.start, link.end]


def declared_end(link: Link) -> End:
    """Return the end of a link that declares the link in the model."""
    return next(end for end in ENDS.values() if end.declared and end.link == link)


def is_single(link: Link) -> bool:
    """Return whether a record can be the start of only one relationship of the link."""
    return any(end.single and end.link == link for end in ENDS.values())


class Staging:
    """The staged records and relationships, without duplicates.

    Memory use is constant: the database lives in a temporary file, except for a small cache.
    """

    def __init__(self, repeated: Mapping[str, Policy]) -> None:
        self._repeated = repeated
        self._supplied: dict[tuple[str, str], set[str]] = {}
        self._given_links: set[str] = set()
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(SCHEMA)
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add_record(self, record: Record, location: RowLocation, *, implied: bool = False) -> Duplicate | None:
        """Add a record. If a record with the same id is already staged, leave the staged record unchanged and return a Duplicate."""
        kind, row = record.kind.__name__, stored(record)
        values = (record.id, kind, orjson.dumps(row).decode(), *location, implied)
        if self._db.execute("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?, ?)", values).rowcount or implied:
            return None
        found = "SELECT kind, body, file, row, implied FROM records WHERE id = ?"
        old_kind, body, file, number, was_implied = self._db.execute(found, (record.id,)).fetchone()
        if was_implied:
            self._db.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)", values)
            return None
        given = given_names(record.kind)
        differing = (name for name in _differing(orjson.loads(body), row) if name in given)
        field = "kind" if old_kind != kind else next(differing, None)
        return Duplicate(RowLocation(file, number), field, show(record.values.get(field or "")))

    def add_link(self, relationship: Relationship, field: str, location: RowLocation) -> Duplicate | None:
        """Add a relationship. If the relationship is already staged, return a Duplicate.

        If the source says which value of a property is used for repeated relationships, the two relationships are merged first.
        """
        key = (link_name(relationship.end.link), relationship.start_id, relationship.end_id)
        values = (*key, orjson.dumps(relationship.values).decode(), field, *location)
        if self._db.execute("INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?, ?, ?, ?)", values).rowcount:
            return None
        found = "SELECT body, file, row FROM links WHERE link = ? AND start = ? AND finish = ?"
        body, file, number = self._db.execute(found, key).fetchone()
        merged = dict(orjson.loads(body))
        for name in list(_differing(merged, relationship.values)):
            if name not in self._repeated:
                return Duplicate(RowLocation(file, number), name, show(relationship.values.get(name)))
            merged[name] = _MERGE[self._repeated[name]](merged.get(name), relationship.values.get(name))
        change = "UPDATE links SET body = ? WHERE link = ? AND start = ? AND finish = ?"
        self._db.execute(change, (orjson.dumps(merged).decode(), *key))
        return Duplicate(RowLocation(file, number), None)

    def supply(self, file: str, of: str, names: Iterable[str]) -> None:
        """Note that a file has columns for these properties of a record type or link, even if all their values are empty."""
        self._supplied.setdefault((file, of), set()).update(names)

    def supplied(self, file: str, of: str) -> set[str]:
        """Return the properties of a record type or link for which a file has columns."""
        return self._supplied.get((file, of), set())

    def supplied_by(self, file: str) -> set[str]:
        """Return the record types and links that a file supplies."""
        return {of for one, of in self._supplied if one == file}

    def supply_link(self, link: str, file: str) -> None:
        """Note that a file of the source covers a link, even if the source has no relationship of this link."""
        self._given_links.add(link)
        self.supply(file, link, ())

    def supplies_link(self, link: str) -> bool:
        """Return whether the source covers a link."""
        return link in self._given_links

    def skip(self, of: str, start: str, finish: str = "") -> bool:
        """Note a record or relationship of an unchanged row, which is not staged. Return whether it was not noted before."""
        return bool(self._db.execute("INSERT OR IGNORE INTO unchanged VALUES (?, ?, ?)", (of, start, finish)).rowcount)

    def count_unchanged(self) -> dict[str, int]:
        """Return the number of unchanged records of each type, and of unchanged relationships of each link."""
        return dict(self._db.execute("SELECT of, count(*) FROM unchanged GROUP BY of"))

    def repeats_unchanged(self) -> bool:
        """Return whether a staged record or relationship also occurs in an unchanged row."""
        text = (
            "SELECT EXISTS (SELECT 1 FROM records JOIN unchanged ON of = kind AND start = id AND finish = '') OR EXISTS"
            " (SELECT 1 FROM links AS l JOIN unchanged AS u ON of = link AND u.start = l.start AND u.finish = l.finish)"
        )
        return bool(self._db.execute(text).fetchone()[0])

    def note_removed(self, link: str, start: str, finish: str) -> None:
        """Note a stored relationship that the load will remove."""
        self._db.execute("INSERT INTO removed VALUES (?, ?, ?)", (link, start, finish))

    def removed(self, link: str, size: int) -> Iterator[list[Stored]]:
        """Yield in batches the stored relationships of a link that the load will remove."""
        for batch in self._batches("SELECT start, finish FROM removed WHERE link = ?", (link,), size):
            yield [{"from": start, "to": finish} for start, finish in batch]

    def change_record(self, row: Stored) -> None:
        """Replace the values of a staged record. `row` has the values in the form in which they are stored in the graph."""
        self._db.execute("UPDATE records SET body = ? WHERE id = ?", (orjson.dumps(row).decode(), row["id"]))

    def change_link(self, link: str, row: Stored) -> None:
        """Replace the properties of a staged relationship. `row` has the values in the form in which they are stored in the graph."""
        change = "UPDATE links SET body = ? WHERE link = ? AND start = ? AND finish = ?"
        self._db.execute(change, (orjson.dumps(row["props"]).decode(), link, row["from"], row["to"]))

    def has_link(self, link: str, start: str, finish: str) -> bool:
        """Return whether the source has a relationship of the link between these two records, in a staged or unchanged row."""
        found = (
            "SELECT 1 FROM links WHERE link = ?1 AND start = ?2 AND finish = ?3"
            " UNION ALL SELECT 1 FROM unchanged WHERE of = ?1 AND start = ?2 AND finish = ?3"
        )
        return bool(self._db.execute(found, (link, start, finish)).fetchone())

    def protect(self, kind: str, record_id: str) -> None:
        """Note the id of a record whose row was left out, so that the stored record is not pruned."""
        self._db.execute("INSERT OR IGNORE INTO protected VALUES (?, ?)", (kind, record_id))

    def drop_records(self, kind: str, ids: Iterable[str]) -> None:
        """Remove staged records and protect their ids from pruning; their relationships stay staged."""
        for record_id in ids:
            self._db.execute("DELETE FROM records WHERE id = ?", (record_id,))
            self.protect(kind, record_id)

    def count(self) -> int:
        """Return the number of staged records and relationships."""
        text = "SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM links)"
        return int(self._db.execute(text).fetchone()[0])

    def count_records(self) -> dict[str, int]:
        """Return the number of staged records of each type."""
        return dict(self._db.execute("SELECT kind, count(*) FROM records GROUP BY kind"))

    def records(self, kind: str, size: int) -> Iterator[list[Stored]]:
        """Yield the staged records of a type in batches, in the form in which they are stored in the graph."""
        for batch in self._batches("SELECT body FROM records WHERE kind = ? ORDER BY rowid", (kind,), size):
            yield [orjson.loads(body) for (body,) in batch]

    def links(self, link: str, size: int) -> Iterator[list[Stored]]:
        """Yield the staged relationships of a link in batches, in the form in which they are stored in the graph."""
        for batch in self._batches("SELECT start, finish, body FROM links WHERE link = ?", (link,), size):
            yield [{"from": start, "to": finish, "props": orjson.loads(body)} for start, finish, body in batch]

    def records_by_file(self, kind: str, size: int) -> Iterator[list[tuple[str, Stored]]]:
        """Yield the staged records of a type in batches, each record with the file that it comes from."""
        for batch in self._batches("SELECT file, body FROM records WHERE kind = ? ORDER BY rowid", (kind,), size):
            yield [(file, orjson.loads(body)) for file, body in batch]

    def links_by_file(self, link: str, size: int) -> Iterator[list[tuple[str, Stored]]]:
        """Yield the staged relationships of a link in batches, each relationship with the file that it comes from."""
        for batch in self._batches("SELECT file, start, finish, body FROM links WHERE link = ?", (link,), size):
            yield [
                (file, {"from": start, "to": finish, "props": orjson.loads(body)})
                for file, start, finish, body in batch
            ]

    def ids(self, kind: str, size: int) -> Iterator[list[str]]:
        """Yield the ids of the staged records of a type in batches."""
        for batch in self._batches("SELECT id FROM records WHERE kind = ?", (kind,), size):
            yield [record_id for (record_id,) in batch]

    def protected(self, kind: str, size: int) -> Iterator[list[str]]:
        """Yield in batches the ids of the records of a type that occur only in rows that were left out."""
        text = "SELECT id FROM protected WHERE kind = ? AND NOT EXISTS (SELECT 1 FROM records WHERE id = protected.id)"
        for batch in self._batches(text, (kind,), size):
            yield [record_id for (record_id,) in batch]

    def is_protected(self, kind: str, record_id: str) -> bool:
        """Return whether a row that supplies this record was left out."""
        return bool(self._db.execute("SELECT 1 FROM protected WHERE kind = ? AND id = ?", (kind, record_id)).fetchone())

    def origin(self, record_id: str) -> tuple[RowLocation, bool]:
        """Return where a staged record comes from, and whether rows only refer to the record."""
        text = "SELECT file, row, implied FROM records WHERE id = ?"
        file, row, implied = self._db.execute(text, (record_id,)).fetchone()
        return RowLocation(file, row), bool(implied)

    def implied(self) -> Iterator[tuple[str, str, RowLocation]]:
        """Yield the type, id and location of each staged record that no row supplies and rows only refer to."""
        for kind, record_id, *location in self._db.execute("SELECT kind, id, file, row FROM records WHERE implied"):
            yield kind, record_id, RowLocation(*location)

    def missing_ends(self, link: str, side: str, kind: str, size: int) -> Iterator[list[str]]:
        """Yield in batches the distinct ids on one side of a link that belong to no staged record of the type."""
        text = (
            f"SELECT DISTINCT {side} FROM links WHERE link = ? AND NOT EXISTS"  # nosec B608 # column name from our own code
            f" (SELECT 1 FROM records WHERE id = {side} AND kind = ?)"
        )
        for batch in self._batches(text, (link, kind), size):
            yield [record_id for (record_id,) in batch]

    def remove_links(self, link: str, side: str, ids: Iterable[str]) -> list[Reference]:
        """Remove the relationships of a link that have one of the ids on this side, and return the removed references."""
        self._db.execute("DELETE FROM missing")
        self._db.executemany("INSERT OR IGNORE INTO missing VALUES (?)", ((one,) for one in ids))
        which = f"FROM links WHERE link = ? AND {side} IN (SELECT id FROM missing)"  # nosec B608 # column name from our own code
        rows = self._db.execute(f"SELECT file, row, field, {side} {which} ORDER BY file, row", (link,)).fetchall()
        self._db.execute(f"DELETE {which}", (link,))
        return [Reference(RowLocation(file, row), field, record_id) for file, row, field, record_id in rows]

    def remove_link(self, link: str, start: str, finish: str) -> RowLocation:
        """Remove a relationship, and return the location of the row that supplied it."""
        which = (link, start, finish)
        text = "SELECT file, row FROM links WHERE link = ? AND start = ? AND finish = ?"
        location = RowLocation(*self._db.execute(text, which).fetchone())
        self._db.execute("DELETE FROM links WHERE link = ? AND start = ? AND finish = ?", which)
        return location

    def with_few(self, link: str, side: str, kind: str, least: int) -> list[tuple[str, str, RowLocation, set[str]]]:
        """Return the records that have fewer than `least` relationships of a link.

        Each record is given by its id, its status, its location, and the ids at the other end of its relationships.
        """
        far = "finish" if side == "start" else "start"
        text = (
            "SELECT id, json_extract(body, '$.status'), records.file, records.row, own FROM records LEFT JOIN"
            f" (SELECT {side} AS one, count(*) AS number, json_group_array({far}) AS own"  # nosec B608 # column names from our own code
            f" FROM links WHERE link = ? GROUP BY {side}) ON one = id WHERE kind = ? AND coalesce(number, 0) < ?"
            " ORDER BY records.rowid"
        )
        rows = self._db.execute(text, (link, kind, least)).fetchall()
        return [
            (one, status, RowLocation(file, row), set(orjson.loads(own or "[]")))
            for one, status, file, row, own in rows
        ]

    def linked(
        self, kind: str, links: Sequence[str]
    ) -> Iterator[tuple[str, Mapping[str, Any], RowLocation, dict[str, str]]]:
        """Yield the staged records of a type, each with one related record per link.

        Each record is given by its id, its properties, its location and, by link, the id of one related record, if there is any.
        """
        text = "SELECT id, body, file, row FROM records WHERE kind = ? ORDER BY rowid"
        tied = "SELECT link, finish FROM links WHERE start = ? AND link = ?"
        for one, body, *location in self._db.execute(text, (kind,)).fetchall():
            far = dict(pair for link in links for pair in self._db.execute(tied, (one, link)))
            yield one, orjson.loads(body), RowLocation(*location), far

    def body(self, kind: str, record_id: str) -> Mapping[str, Any] | None:
        """Return the staged properties of a record, or None if the record is not staged."""
        row = self._db.execute("SELECT body FROM records WHERE id = ? AND kind = ?", (record_id, kind)).fetchone()
        return dict(orjson.loads(row[0])) if row else None

    def location_of(self, kind: str, record_id: str) -> RowLocation | None:
        """Return the location of a staged record, or None if the record is not staged."""
        row = self._db.execute("SELECT file, row FROM records WHERE id = ? AND kind = ?", (record_id, kind)).fetchone()
        return RowLocation(*row) if row else None

    def with_several(self, link: str) -> list[str]:
        """Return the ids of the records at which more than one relationship of a link starts."""
        text = "SELECT start FROM links WHERE link = ? GROUP BY start HAVING count(*) > 1"
        return [record_id for (record_id,) in self._db.execute(text, (link,))]

    def missing_references(
        self, kind: str, field: str, target: str, size: int
    ) -> Iterator[list[tuple[str, Reference]]]:
        """Yield in batches the records whose `field` has an id that belongs to no staged record of the type `target`."""
        text = (
            "SELECT id, file, row, json_extract(body, ?) AS referenced FROM records WHERE kind = ? AND referenced IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM records AS other WHERE other.id = referenced AND other.kind = ?)"
        )
        for batch in self._batches(text, (f"$.{field}", kind, target), size):
            yield [
                (record_id, Reference(RowLocation(file, row), field, referenced))
                for record_id, file, row, referenced in batch
            ]

    def _batches(self, text: str, values: Sequence[str], size: int) -> Iterator[list[Any]]:
        with closing(self._db.execute(text, values)) as rows:
            while batch := rows.fetchmany(size):
                yield batch


def _differing(old: Mapping[str, Any], new: Any) -> Iterator[str]:
    return (name for name in {**old, **new} if old.get(name) != new.get(name))


def _earliest(old: Any, new: Any) -> Any:
    """Return the earlier of two start dates; a missing date is ignored."""
    return min(filter(None, (old, new)), default=None)


def _latest(old: Any, new: Any) -> Any:
    """Return the later of two end dates; a missing end date is later than any date."""
    return max(old, new) if old and new else None


_MERGE: Mapping[Policy, Any] = {"earliest": _earliest, "latest": _latest, "first": lambda old, _: old}
