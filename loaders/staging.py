"""The staging area: a temporary SQLite database that holds everything a run has read until it is checked."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple, Self

import orjson

from loaders.source import Policy
from registry.database.write import Stored, given_names, stored
from registry.model.definitions import MODEL
from registry.model.kinds import End, Link
from registry.model.records import Record, Tie, show

SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8192;
CREATE TABLE records (id TEXT PRIMARY KEY, kind TEXT, body TEXT, file TEXT, row INTEGER, implied INTEGER);
CREATE TABLE ties (
    link TEXT, start TEXT, finish TEXT, body TEXT, field TEXT, file TEXT, row INTEGER,
    PRIMARY KEY (link, start, finish)
) WITHOUT ROWID;
CREATE TABLE spared (kind TEXT, id TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE missing (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
LOADED = [kind for kind in MODEL if not kind.kept_by_us]
ENDS = {f"{kind.__name__}.{end.name}": end for kind in LOADED for end in kind.ends.values()}
LINK_NAMES = {
    (end.link.relation, end.link.start, end.link.end): f"{MODEL[end.kind].plural}.{end.name}"
    for end in ENDS.values()
    if end.declared
}
LINKS = [link for link in MODEL.links() if (link.relation, link.start, link.end) in LINK_NAMES]


class RowLocation(NamedTuple):
    """The row that gave something."""

    file: str
    row: int


class Repeat(NamedTuple):
    """Something that is given a second time: where it was given before, and the first field that differs, if any."""

    before: RowLocation
    field: str | None
    value: str = ""


class Named(NamedTuple):
    """An id that a row names: which row, in which field."""

    place: RowLocation
    field: str
    id: str


def link_name(link: Link) -> str:
    """Return the name of a link as its table has it: the end that declares it, such as `resources.users`."""
    return LINK_NAMES[link.relation, link.start, link.end]


def declared_end(link: Link) -> End:
    """Return the end of a link that declares it."""
    return next(end for end in ENDS.values() if end.declared and end.link == link)


def is_single(link: Link) -> bool:
    """Tell whether the model allows a record to start one tie of the link at most."""
    return any(end.single and end.link == link for end in ENDS.values())


class Staging:
    """Records and ties, each once. Memory stays flat: what does not fit a small cache is on disk, deleted at the end."""

    def __init__(self, repeated: Mapping[str, Policy]) -> None:
        self._repeated = repeated
        self._given: dict[tuple[str, str], set[str]] = {}
        self._links_given: set[str] = set()
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(SCHEMA)
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add_record(self, record: Record, place: RowLocation, *, implied: bool = False) -> Repeat | None:
        """Keep a record. Returns the repeat when a row gave the same id before; then what was kept stays."""
        kind, row = record.kind.__name__, stored(record)
        values = (record.id, kind, orjson.dumps(row).decode(), *place, implied)
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
        return Repeat(RowLocation(file, number), field, show(record.values.get(field or "")))

    def add_tie(self, tie: Tie, field: str, place: RowLocation) -> Repeat | None:
        """Keep a tie. Returns the repeat when it was given before; where the source says how, the two are made one."""
        key = (link_name(tie.end.link), tie.start_id, tie.end_id)
        values = (*key, orjson.dumps(tie.values).decode(), field, *place)
        if self._db.execute("INSERT OR IGNORE INTO ties VALUES (?, ?, ?, ?, ?, ?, ?)", values).rowcount:
            return None
        found = "SELECT body, file, row FROM ties WHERE link = ? AND start = ? AND finish = ?"
        body, file, number = self._db.execute(found, key).fetchone()
        merged = dict(orjson.loads(body))
        for name in list(_differing(merged, tie.values)):
            if name not in self._repeated:
                return Repeat(RowLocation(file, number), name, show(tie.values.get(name)))
            merged[name] = _KEEP[self._repeated[name]](merged.get(name), tie.values.get(name))
        change = "UPDATE ties SET body = ? WHERE link = ? AND start = ? AND finish = ?"
        self._db.execute(change, (orjson.dumps(merged).decode(), *key))
        return Repeat(RowLocation(file, number), None)

    def give(self, file: str, of: str, names: Iterable[str]) -> None:
        """Keep in mind that a file says something of these properties of a kind or of a link, be it that there is none."""
        self._given.setdefault((file, of), set()).update(names)

    def given(self, file: str, of: str) -> set[str]:
        """Return the properties of a kind or of a link of which a file says something."""
        return self._given.get((file, of), set())

    def give_link(self, link: str) -> None:
        """Keep in mind that the source says which ties of a link there are, be it that there are none."""
        self._links_given.add(link)

    def gives_link(self, link: str) -> bool:
        """Tell whether the source says which ties of a link there are."""
        return link in self._links_given

    def change_record(self, row: Stored) -> None:
        """Keep other values of a record, as the store keeps them."""
        self._db.execute("UPDATE records SET body = ? WHERE id = ?", (orjson.dumps(row).decode(), row["id"]))

    def change_tie(self, link: str, row: Stored) -> None:
        """Keep other properties of a tie, as the store keeps them."""
        change = "UPDATE ties SET body = ? WHERE link = ? AND start = ? AND finish = ?"
        self._db.execute(change, (orjson.dumps(row["props"]).decode(), link, row["from"], row["to"]))

    def has_tie(self, link: str, start: str, finish: str) -> bool:
        """Tell whether a tie is kept."""
        found = "SELECT 1 FROM ties WHERE link = ? AND start = ? AND finish = ?"
        return bool(self._db.execute(found, (link, start, finish)).fetchone())

    def spare(self, kind: str, record_id: str) -> None:
        """Keep in mind that a row gave a record of this id, although the row is left out."""
        self._db.execute("INSERT OR IGNORE INTO spared VALUES (?, ?)", (kind, record_id))

    def drop_records(self, kind: str, ids: Iterable[str]) -> None:
        """Forget records, and keep in mind that rows gave them; their ties stay."""
        for record_id in ids:
            self._db.execute("DELETE FROM records WHERE id = ?", (record_id,))
            self.spare(kind, record_id)

    def count_records(self) -> dict[str, int]:
        """Return how many records of each kind are kept."""
        return dict(self._db.execute("SELECT kind, count(*) FROM records GROUP BY kind"))

    def records(self, kind: str, size: int) -> Iterator[list[Stored]]:
        """Give the records of a kind in batches, as the store keeps them."""
        for batch in self._batches("SELECT body FROM records WHERE kind = ? ORDER BY rowid", (kind,), size):
            yield [orjson.loads(body) for (body,) in batch]

    def ties(self, link: str, size: int) -> Iterator[list[Stored]]:
        """Give the ties of a link in batches, as the store keeps them."""
        for batch in self._batches("SELECT start, finish, body FROM ties WHERE link = ?", (link,), size):
            yield [{"from": start, "to": finish, "props": orjson.loads(body)} for start, finish, body in batch]

    def records_by_file(self, kind: str, size: int) -> Iterator[list[tuple[str, Stored]]]:
        """Give the records of a kind in batches, each with the file that gave it."""
        for batch in self._batches("SELECT file, body FROM records WHERE kind = ? ORDER BY rowid", (kind,), size):
            yield [(file, orjson.loads(body)) for file, body in batch]

    def ties_by_file(self, link: str, size: int) -> Iterator[list[tuple[str, Stored]]]:
        """Give the ties of a link in batches, each with the file that gave it."""
        for batch in self._batches("SELECT file, start, finish, body FROM ties WHERE link = ?", (link,), size):
            yield [
                (file, {"from": start, "to": finish, "props": orjson.loads(body)})
                for file, start, finish, body in batch
            ]

    def ids(self, kind: str, size: int) -> Iterator[list[str]]:
        """Give the ids of the records of a kind in batches."""
        for batch in self._batches("SELECT id FROM records WHERE kind = ?", (kind,), size):
            yield [record_id for (record_id,) in batch]

    def spared(self, kind: str, size: int) -> Iterator[list[str]]:
        """Give the ids of the records of a kind that only rows gave that were left out, in batches."""
        text = "SELECT id FROM spared WHERE kind = ? AND NOT EXISTS (SELECT 1 FROM records WHERE id = spared.id)"
        for batch in self._batches(text, (kind,), size):
            yield [record_id for (record_id,) in batch]

    def is_spared(self, kind: str, record_id: str) -> bool:
        """Tell whether a row that gave this record was left out."""
        return bool(self._db.execute("SELECT 1 FROM spared WHERE kind = ? AND id = ?", (kind, record_id)).fetchone())

    def origin(self, record_id: str) -> tuple[RowLocation, bool]:
        """Return the row that gave a record that is kept, and whether it is only implied there."""
        text = "SELECT file, row, implied FROM records WHERE id = ?"
        file, row, implied = self._db.execute(text, (record_id,)).fetchone()
        return RowLocation(file, row), bool(implied)

    def implied(self) -> Iterator[tuple[str, str, RowLocation]]:
        """Give kind, id and place of the records that no row of their own gives."""
        for kind, record_id, *place in self._db.execute("SELECT kind, id, file, row FROM records WHERE implied"):
            yield kind, record_id, RowLocation(*place)

    def ends_not_here(self, link: str, side: str, kind: str, size: int) -> Iterator[list[str]]:
        """Give the ids at one side of a link's ties that no record of the kind has here, each once, in batches."""
        text = (
            f"SELECT DISTINCT {side} FROM ties WHERE link = ? AND NOT EXISTS"  # nosec B608 # a column of ours
            f" (SELECT 1 FROM records WHERE id = {side} AND kind = ?)"
        )
        for batch in self._batches(text, (link, kind), size):
            yield [record_id for (record_id,) in batch]

    def lose_ties(self, link: str, side: str, ids: Iterable[str]) -> list[Named]:
        """Forget the ties of a link that have one of the ids at this side, and return the rows that gave them."""
        self._db.execute("DELETE FROM missing")
        self._db.executemany("INSERT OR IGNORE INTO missing VALUES (?)", ((one,) for one in ids))
        which = f"FROM ties WHERE link = ? AND {side} IN (SELECT id FROM missing)"  # nosec B608 # a column of ours
        rows = self._db.execute(f"SELECT file, row, field, {side} {which} ORDER BY file, row", (link,)).fetchall()
        self._db.execute(f"DELETE {which}", (link,))
        return [Named(RowLocation(file, row), field, record_id) for file, row, field, record_id in rows]

    def lose_tie(self, link: str, start: str, finish: str) -> RowLocation:
        """Forget a tie, and return the row that gave it."""
        which = (link, start, finish)
        text = "SELECT file, row FROM ties WHERE link = ? AND start = ? AND finish = ?"
        place = RowLocation(*self._db.execute(text, which).fetchone())
        self._db.execute("DELETE FROM ties WHERE link = ? AND start = ? AND finish = ?", which)
        return place

    def with_few(self, link: str, side: str, kind: str, least: int) -> list[tuple[str, str, RowLocation, set[str]]]:
        """Return the records of a kind that have fewer ties of a link: id, status, place, and the ids at the far side."""
        far = "finish" if side == "start" else "start"
        text = (
            "SELECT id, json_extract(body, '$.status'), records.file, records.row, own FROM records LEFT JOIN"
            f" (SELECT {side} AS one, count(*) AS ties, json_group_array({far}) AS own"  # nosec B608 # columns of ours
            f" FROM ties WHERE link = ? GROUP BY {side}) ON one = id WHERE kind = ? AND coalesce(ties, 0) < ?"
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
        """Give the records of a kind: id, properties, place, and by link the record that they are tied to, if one is."""
        text = "SELECT id, body, file, row FROM records WHERE kind = ? ORDER BY rowid"
        tied = "SELECT link, finish FROM ties WHERE start = ? AND link = ?"
        for one, body, *place in self._db.execute(text, (kind,)).fetchall():
            far = dict(pair for link in links for pair in self._db.execute(tied, (one, link)))
            yield one, orjson.loads(body), RowLocation(*place), far

    def body(self, kind: str, record_id: str) -> Mapping[str, Any] | None:
        """Return what is kept of a record, None where none of the kind is."""
        row = self._db.execute("SELECT body FROM records WHERE id = ? AND kind = ?", (record_id, kind)).fetchone()
        return dict(orjson.loads(row[0])) if row else None

    def place_of(self, kind: str, record_id: str) -> RowLocation | None:
        """Return the row that gave a record, None where none of the kind is kept."""
        row = self._db.execute("SELECT file, row FROM records WHERE id = ? AND kind = ?", (record_id, kind)).fetchone()
        return RowLocation(*row) if row else None

    def several(self, link: str) -> list[str]:
        """Return the ids that start more than one tie of a link."""
        text = "SELECT start FROM ties WHERE link = ? GROUP BY start HAVING count(*) > 1"
        return [record_id for (record_id,) in self._db.execute(text, (link,))]

    def references_not_here(self, kind: str, field: str, target: str, size: int) -> Iterator[list[tuple[str, Named]]]:
        """Give the records whose `field` names an id that no record of the kind `target` has here, in batches."""
        text = (
            "SELECT id, file, row, json_extract(body, ?) AS named FROM records WHERE kind = ? AND named IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM records AS other WHERE other.id = named AND other.kind = ?)"
        )
        for batch in self._batches(text, (f"$.{field}", kind, target), size):
            yield [(record_id, Named(RowLocation(file, row), field, named)) for record_id, file, row, named in batch]

    def _batches(self, text: str, values: Sequence[str], size: int) -> Iterator[list[Any]]:
        with closing(self._db.execute(text, values)) as rows:
            while batch := rows.fetchmany(size):
                yield batch


def _differing(old: Mapping[str, Any], new: Any) -> Iterator[str]:
    return (name for name in {**old, **new} if old.get(name) != new.get(name))


def _earliest(old: Any, new: Any) -> Any:
    """Return the earlier of two beginnings; one that is not known says nothing."""
    return min(filter(None, (old, new)), default=None)


def _latest(old: Any, new: Any) -> Any:
    """Return the later of two ends; an open end comes after all others."""
    return max(old, new) if old and new else None


_KEEP: Mapping[Policy, Any] = {"earliest": _earliest, "latest": _latest, "first": lambda old, _: old}
