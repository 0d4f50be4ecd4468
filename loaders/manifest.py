"""The manifest of a source: what its last complete load read and wrote, so that the next load skips what has not changed.

A manifest is stored in the graph. It is valid only while nobody else has changed the records and relationships of the source.
"""

import hashlib
from array import array
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import orjson

from loaders.result import Tally
from loaders.rows import SourceRow, Table
from loaders.source import SourceDefinition
from loaders.staging import LINKS, LOADED, Staging, link_name
from loaders.tables import files_of
from loaders.validate import BATCH, BY_HAND_CODE, Baseline, FullLoadNeeded, LoadContext, StoredCounts
from registry.database import audit_log, load_queries
from registry.database.driver import Store
from registry.model.definitions import MODEL, Request

CODE = (("loaders",), ("registry", "model"), ("registry", "codelists"), ("registry",), ("registry", "database"))
"""The packages whose files, but not those of their folders, decide how a row is read, mapped, validated and stored."""
MOST_EVENTS = 100_000  # after more changes of other records, a full load costs less than looking at all of them
CHUNK = 1 << 20


@dataclass(frozen=True)
class SourceInputs:
    """The files of a source with the hash of each, and the hash of all else that decides which records its rows become.

    `rows` is the estimated number of rows of each file; 0 if its format does not show it. Raises LoadAborted.
    """

    paths: tuple[Path, ...]
    hashes: tuple[str, ...]
    rows: tuple[int, ...]
    rest: str

    @classmethod
    def of(cls, source: SourceDefinition, from_path: Path | None) -> "SourceInputs":
        """Read the inputs of a source. A file that cannot be read has the hash "". Raises LoadAborted."""
        paths = tuple(files_of(source, from_path))
        read = [_hash_file(path) for path in paths]
        own = {path.resolve() for path in paths}
        others = (path for path in sorted(source.folder.rglob("*")) if "__pycache__" not in path.parts)
        rest = hashlib.sha256(_code_hash().encode())
        for path in others:
            if path.is_file() and path.resolve() not in own:
                rest.update(f"{path.relative_to(source.folder)} {_hash_file(path)[0]}\n".encode())
        rows = [_rows(path, lines) for path, (_, lines) in zip(paths, read, strict=True)]
        return cls(paths, tuple(one for one, _ in read), tuple(rows), rest.hexdigest())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the files."""
        return tuple(path.name for path in self.paths)

    def hash_of(self, name: str) -> str:
        """Return the hash of the file with this name."""
        return self.hashes[self.names.index(name)]


def _rows(path: Path, lines: int) -> int:
    """Return about how many rows a file with so many lines has."""
    match path.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return max(0, lines - 1)
        case ".jsonl":
            return lines
    return 0


def _hash_file(path: Path) -> tuple[str, int]:
    """Return the hash of a file and its number of line ends. If the file cannot be read, return "" and 0."""
    found, lines = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                found.update(chunk)
                lines += chunk.count(b"\n")
    except OSError:
        return "", 0
    return found.hexdigest(), lines


def _code_hash() -> str:
    """Return a hash of the program's code and code lists, so that a load with another version reads all rows again."""
    return " ".join(hash_folder(files(package).joinpath(*folders)) for package, *folders in CODE)


def hash_folder(folder: Traversable) -> str:
    """Return a hash of the code and code lists in a folder, but not of those in its folders."""
    found = hashlib.sha256()
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith((".py", ".csv")):
            found.update(file.name.encode() + file.read_bytes())
    return found.hexdigest()


def row_hash(row: SourceRow) -> int:
    """Return a hash of the cells of a row and of their columns, as an unsigned number of 64 bits."""
    try:
        text = orjson.dumps(row, default=repr, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError:  # a number of more than 64 bits, or half of a character
        text = repr(tuple(row.items())).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


class RowHashes:
    """The hashes of the rows that a load reads, by file, with the table and number of each row."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, tuple[array[int], array[int]]]] = {}

    def table(self, path: Path, table: Table) -> tuple["array[int]", "array[int]"]:
        """Return the two arrays for the rows of a table: the row numbers and the hashes. The reader of the table fills them."""
        return self._tables.setdefault(path.name, {}).setdefault(table.file, (array("Q"), array("Q")))

    def files(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each file with the names of its tables."""
        yield from ((name, list(tables)) for name, tables in self._tables.items())

    def without_problems(self, name: str, tally: Tally) -> bytes:
        """Return the hashes of the rows of a file for which the load found no problem."""
        found = array("Q")
        for table, (numbers, hashes) in self._tables[name].items():
            bad = tally.rows_with_problems(table)
            found.extend(one for number, one in zip(numbers, hashes, strict=True) if number not in bad)
        return found.tobytes()


@dataclass(frozen=True)
class FileRecord:
    """What a load read from a file: the file's hash, rows by table, messages, and the record types and links that it supplies.

    `again` is set if some rows have problems, which the next load reports again.
    """

    hash: str
    rows: Mapping[str, int]
    notes: Sequence[str]
    supplies: Sequence[str]
    again: bool


@dataclass(frozen=True)
class Manifest:
    """What the last complete load of a source read and wrote.

    - `run`, `event`: the load, and the number of the last audit event after it
    - `rest`: the hash of all inputs other than the files
    - `files`: what was read, by file name
    - `records`, `links`: the number of records (by plural) and relationships (by link) that the source supplied
    - `stored`: the number of records (by type) and relationships (by relation) in the graph that belonged to the source after the load
    """

    run: str
    event: int
    rest: str
    files: Mapping[str, FileRecord]
    records: Mapping[str, int]
    links: Mapping[str, int]
    stored: Mapping[str, int]

    def fits(self, inputs: SourceInputs) -> bool:
        """Return whether a load with these inputs reads the same files, and reads a row in the same way."""
        return self.rest == inputs.rest and sorted(self.files) == sorted(inputs.names)

    def files_to_read(self, inputs: SourceInputs) -> list[Path]:
        """Return the files that changed, those with problems, and those that supply the same record types or links as these."""
        again = {name for name, one in self.files.items() if one.again or one.hash != inputs.hash_of(name)}
        while more := {
            name
            for name, one in self.files.items()
            if name not in again and self._supplied_by(again) & set(one.supplies)
        }:
            again |= more
        return [path for path in inputs.paths if path.name in again]

    def repeat(self, path: Path, tally: Tally) -> None:
        """Report for a file that is not read what the last load reported."""
        tally.rows_read.update(self.files[path.name].rows)
        for note in self.files[path.name].notes:
            tally.note(note)

    def baseline(self, read: RowHashes, staging: Staging) -> Baseline:
        """Return the baseline for the checks of a load that read only some rows. Raises FullLoadNeeded.

        A full load is needed if the files that were read no longer supply the same record types and links, or also supply those of
        other files.
        """
        names = {name for name, _tables in read.files()}
        now = {of for _name, tables in read.files() for table in tables for of in staging.supplied_by(table)}
        others = self._supplied_by(self.files.keys() - names)
        if now & others or self._supplied_by(names) - now:
            raise FullLoadNeeded
        unchanged = staging.count_unchanged()
        return Baseline(
            self.records,
            _by_name({kind.__name__: kind.plural for kind in LOADED}, now, unchanged, self.records),
            _by_name({link_name(link): link_name(link) for link in LINKS}, now, unchanged, self.links),
            now,
        )

    def _supplied_by(self, names: Iterable[str]) -> set[str]:
        return {of for name in names for of in self.files[name].supplies}


def _by_name(
    names: Mapping[str, str], read: Collection[str], unchanged: Mapping[str, int], before: Mapping[str, int]
) -> dict[str, int]:
    counts = {name: unchanged.get(of, 0) if of in read else before.get(name, 0) for of, name in names.items()}
    return {name: count for name, count in counts.items() if count}


class ManifestStore:
    """Reads and writes the manifest of a source for one load."""

    def __init__(self, store: Store, source: SourceDefinition, run: str) -> None:
        self._store, self._source, self._run = store, source.id, run
        self._began = self._last_event()

    def previous(self, inputs: SourceInputs, before: StoredCounts) -> Manifest | None:
        """Return the manifest of the last load, if a load with these inputs may skip what that load has read.

        `before` counts the records that are stored now.
        """
        found = self._read("")
        if not found or len(set(inputs.names)) < len(inputs.names):
            return None
        content = orjson.loads(found[0])
        records = {name: FileRecord(**one) for name, one in content.pop("files").items()}
        manifest = Manifest(**content, files=records)
        is_valid = (
            manifest.fits(inputs)
            and not self._is_changed(manifest.event, manifest.run)
            and self._stored(before) == manifest.stored
        )
        return manifest if is_valid else None

    def row_hashes(self, name: str, content: str) -> Collection[int]:
        """Return the hashes of the rows that the last load read from a file, given the hash of the file's content."""
        found = self._read(name)
        return frozenset(array("Q", b64decode(found[1]))) if found and found[0] == content else frozenset()

    def void(self) -> None:
        """Delete the manifest before the load writes, so that an interrupted load leaves none. Raises StoreError."""
        self._store.write(load_queries.void_manifest(self._source))

    def save(self, context: LoadContext, inputs: SourceInputs, read: RowHashes, previous: Manifest | None) -> None:
        """Store the manifest of a completed load, if the next load may skip what this load has read. Raises StoreError."""
        tally, staging = context.tally, context.staging
        event = self._last_event()
        records = {MODEL[kind].plural: count for kind, count in staging.count_records().items()}
        supplied = Counter(context.unchanged_records) + Counter(records)
        if not context.prune or not tally.is_repeatable({BY_HAND_CODE}) or Request.plural in supplied:
            return
        if "" in inputs.hashes or self._is_changed(self._began, self._run):
            return
        found, puts = dict(previous.files) if previous else {}, []
        for name, tables in read.files():
            supplies = sorted({of for table in tables for of in staging.supplied_by(table)})
            rows = {table: tally.rows_read[table] for table in tables}
            notes = [note for note in tally.notes if note.startswith((f"{name}:", f"{name},"))]
            again = any(tally.rows_with_problems(table) for table in tables)
            found[name] = FileRecord(inputs.hash_of(name), rows, notes, supplies, again)
            hashes = b64encode(read.without_problems(name, tally)).decode()
            puts.append(load_queries.put_manifest(self._source, name, inputs.hash_of(name), hashes))
        stored = self._stored(StoredCounts(context.source, self._store))
        manifest = Manifest(self._run, event, inputs.rest, found, supplied, dict(tally.links_written), stored)
        puts.append(load_queries.put_manifest(self._source, "", orjson.dumps(manifest).decode(), ""))
        self._store.write(*puts)

    def _read(self, name: str) -> tuple[str, str] | None:
        found = self._store.read(load_queries.manifest(self._source, name))
        return (found[0][0], found[0][1]) if found else None

    def _last_event(self) -> int:
        return next((number for number, _hash in self._store.read(audit_log.last_event())), 0)

    def _is_changed(self, event: int, run: str) -> bool:
        """Return whether anything but the run has changed a record of the source since an audit event."""
        if self._last_event() - event > MOST_EVENTS:
            return True
        for name, ids in self._store.read(load_queries.changed_since(event, run=run)):
            kind = MODEL[name]
            for start in range(0, len(ids) if kind in LOADED else 0, BATCH):
                some = load_queries.loaded_records(kind, ids[start : start + BATCH], source=self._source)
                if self._store.read(some)[0][0]:
                    return True
        return False

    def _stored(self, counts: StoredCounts) -> dict[str, int]:
        """Return how many stored records of each type and relationships of each relation belong to the source, without zeros."""
        relations = self._store.read(load_queries.count_relationships_by_type(source=self._source))
        return counts.ours() | {relation: count for relation, count in relations if count}
