"""Migrate a database to this release: its constraints and indexes, its data version, and the derived values of its records."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from registry.database import audit_log
from registry.database.dialect import Dialect, words_index
from registry.database.driver import Ask, Cypher, Store, StoreError
from registry.database.write import Stored, derived
from registry.model.kinds import Kind, Link, Model, Property
from registry.model.records import Record, is_searched

HERE = "(m:Metadata {id: 'registry'})"


def stored_metadata() -> Cypher:
    """Return Cypher that reads the stored metadata, such as the data version, as a map. The map is null if no metadata are stored."""
    return Cypher(f"OPTIONAL MATCH {HERE} RETURN properties(m)")


def put_metadata(values: Mapping[str, object]) -> Cypher:
    """Return Cypher that stores the given metadata values; the value null removes an entry."""
    return Cypher(f"MERGE {HERE} SET m += $in.values", {"in": {"values": dict(values)}})


def kinds_with_records(model: Model) -> Cypher:
    """Return Cypher that reads the names of the kinds that have at least one record, one row each, in alphabetical order."""
    return Cypher(f"MATCH (n:{'|'.join(model.kinds)}) RETURN DISTINCT labels(n)[0] AS kind ORDER BY kind")


def stored_properties(element: str) -> Cypher:
    """Return Cypher that reads the names of all stored properties of the records of a kind, or of the relationships of a link type."""
    return Cypher(f"MATCH {_pattern(element)} UNWIND keys(e) AS name RETURN DISTINCT name")


def stored_links() -> Cypher:
    """Return Cypher that reads each stored relationship type as one row: start kind, relation, end kind."""
    return Cypher("MATCH (a)-[e]->(b) RETURN DISTINCT labels(a)[0], type(e), labels(b)[0]")


def one_value(element: str, name: str) -> Cypher:
    """Return Cypher that reads one stored value of a property. The query returns no row if no record or relationship has a value."""
    return Cypher(f"MATCH {_pattern(element)} WHERE e.`{name}` IS NOT NULL WITH e LIMIT 1 RETURN e.`{name}`")


def count_elements(element: str) -> Cypher:
    """Return Cypher that counts the records of a kind, or the relationships of a link type."""
    return Cypher(f"MATCH {_pattern(element)} RETURN count(e)")


def count_values(element: str, name: str) -> Cypher:
    """Return Cypher that counts the records of a kind, or the relationships of a link type, that have a value for a property."""
    return Cypher(f"MATCH {_pattern(element)} WHERE e.`{name}` IS NOT NULL RETURN count(e)")


def count_lacking(element: str, name: str) -> Cypher:
    """Return Cypher that counts the records of a kind, or the relationships of a link type, that lack a value for a property."""
    return Cypher(f"MATCH {_pattern(element)} WHERE e.`{name}` IS NULL RETURN count(e)")


def records_after(kind: str, after: str, size: int) -> Cypher:
    """Return Cypher that reads the properties of the records of a kind whose id is greater than an id, ordered by id, one per row."""
    text = f"MATCH (n:{kind}) WHERE n.id > $id RETURN properties(n) ORDER BY n.id LIMIT $n"
    return Cypher(text, {"id": after, "n": size})


def put_derived(kind: str, rows: Sequence[Stored]) -> Cypher:
    """Return Cypher that writes the derived values of records. The rows have `id` and `derived`. Other values stay unchanged."""
    text = f"UNWIND $in.rows AS row MATCH (n:{kind} {{id: row.id}}) SET n += row.derived"
    return Cypher(text, {"in": {"rows": list(rows)}})


def rename_credential_kinds() -> Cypher:
    """Return Cypher that renames the property `sort` of credentials to `kind`; databases of derived version 1 have `sort`."""
    return Cypher("MATCH (c:Credential) WHERE c.sort IS NOT NULL SET c.kind = c.sort REMOVE c.sort")


def _pattern(element: str) -> str:
    """Return the pattern that matches a kind such as `Agency`, or a link type such as `Agency-PROVIDES->Service`."""
    start, arrow, rest = element.partition("-")
    relation, _, end = rest.partition("->")
    return f"(:{start})-[e:{relation}]->(:{end})" if arrow else f"(e:{start})"


DATA_VERSION = 1  # raise it if this release misreads data of earlier releases, or they misread its data
DERIVED_VERSION = 3  # raise it if `registry.database.write.derived` changes its result for the same record
BATCH = 1_000
OBSOLETE_NAMES = ("face_words",)  # derived values of earlier releases, deleted when derived values are computed
# Stored properties that no kind and no link type declares.
SEARCH_NAMES = ("name_words", "summary_words", "words", "search_keys")
OWN_NAMES = frozenset({"hash", "run", "name_key", "seen_by", "shown_to", *SEARCH_NAMES, *OBSOLETE_NAMES})
OWN_LINK_NAMES = frozenset({"source", "run", "key"})
PYTHON = {"STRING": str, "FLOAT": float, "INTEGER": int, "BOOLEAN": bool}
LOAD_AGAIN = "Use the version that wrote them, or load the sources again into an empty database."

Described = Mapping[str, Mapping[str, str]]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Metadata:
    """What a database stores about its data, such as their version. Version 0 means that the database stores no metadata."""

    version: int = 0
    derived: int = 0
    model: Described = field(default_factory=dict)
    progress: str = ""  # the kind and id at which an interrupted computation of derived values stopped


def describe(model: Model) -> Described:
    """Return the types of the properties of each kind and link type, in GraphQL notation such as `[String]` or `Float!`."""
    kinds = {kind.__name__: _types(kind.properties) for kind in model}
    return {**kinds, **{_name(link): _types(link.properties) for link in model.links()}}


def check(store: Store, model: Model) -> Metadata:
    """Return the metadata of a database. Raises StoreError if its data are incompatible with this release.

    The error has the code INCOMPATIBLE, and its message names the first incompatible kind, link type or property.
    """
    found = _read(store)
    if found.version > DATA_VERSION or found.derived > DERIVED_VERSION:
        theirs, ours = f"{found.version}.{found.derived}", f"{DATA_VERSION}.{DERIVED_VERSION}"
        versions = f"data version {theirs}; this version reads {ours}"
        sentence = f"were written by a newer version of the registry ({versions}). Install the newer version."
        raise _incompatible(store, sentence)
    misfits = (
        _incompatibilities(store, found.model, describe(model)) if found.version else _unknown_elements(store, model)
    )
    if misfit := next(misfits, None):
        raise _incompatible(store, f"do not fit this version of the registry: {misfit}. {LOAD_AGAIN}")
    return found


def is_current(store: Store, model: Model) -> bool:
    """Return whether the data need no migration. Raises StoreError if the data are incompatible with this release."""
    found = check(store, model)
    if not found.version:
        return not store.read(kinds_with_records(model))
    return found.derived == DERIVED_VERSION


def complete(store: Store, model: Model, found: Metadata, tell: Tell) -> None:
    """Compute outdated derived values and write the metadata. The function resumes a computation that was interrupted."""
    if found.derived < DERIVED_VERSION and (found.version or store.read(kinds_with_records(model))):
        store.write(rename_credential_kinds())
        _derive_all(store, model, found.progress, tell)
    ours = describe(model)
    merged = {name: {**found.model.get(name, {}), **ours.get(name, {})} for name in {**found.model, **ours}}
    values: dict[str, object] = {"version": DATA_VERSION, "derived": DERIVED_VERSION, "progress": None}
    if (found.version, found.derived, found.model) != (DATA_VERSION, DERIVED_VERSION, merged):
        text = orjson.dumps(merged, option=orjson.OPT_SORT_KEYS).decode()
        store.write(put_metadata({**values, "model": text}))


def _read(store: Store) -> Metadata:
    values: Mapping[str, Any] | None = store.read(stored_metadata())[0][0]
    if not values:
        return Metadata()
    model = orjson.loads(values.get("model") or "{}")
    return Metadata(values.get("version") or 0, values.get("derived") or 0, model, values.get("progress") or "")


def _incompatibilities(store: Store, theirs: Described, ours: Described) -> Iterator[str]:
    """Yield the stored kinds, link types and properties that the model lacks or whose type it declares differently.

    A difference is reported only if values would be lost.
    """
    for element, types in theirs.items():
        if element not in ours:
            if count := store.read(count_elements(element))[0][0]:
                yield f"{element} is not in the model, but {count:,} exist"
            continue
        for name, had in types.items():
            has = ours[element].get(name)
            if has is not None and has.rstrip("!") == had.rstrip("!"):
                continue
            if count := store.read(count_values(element, name))[0][0]:
                now = f"is now {has}, and was {had}" if has else "is not in the model"
                yield f"{element}.{name} {now}, and {count:,} records have it"
    for element in ours.keys() & theirs.keys():
        for name, has in ours[element].items():
            if not has.endswith("!") or theirs[element].get(name, "").endswith("!"):
                continue
            if count := store.read(count_lacking(element, name))[0][0]:
                yield f"{element}.{name} is required, and {count:,} records lack it"


def _unknown_elements(store: Store, model: Model) -> Iterator[str]:
    """For a database without metadata, yield the stored kinds, link types and properties that the model lacks."""
    with_records = [row[0] for row in store.read(kinds_with_records(model))]
    links = {_name(link): link.properties for link in model.links()}
    for start, relation, end in store.read(stored_links()) if with_records else ():
        if {start, end} <= model.kinds.keys() and f"{start}-{relation}->{end}" not in links:
            yield f"{start}-{relation}->{end} is not in the model"
    elements: dict[str, tuple[Mapping[str, Property], frozenset[str]]]
    elements = {kind: (model[kind].properties, OWN_NAMES) for kind in with_records}
    elements |= {name: (properties, OWN_LINK_NAMES) for name, properties in links.items()} if with_records else {}
    for element, (properties, ours) in elements.items():
        for (name,) in store.read(stored_properties(element)):
            declared = properties.get(name)
            if declared is None and name not in ours:
                yield f"{element}.{name} is not in the model"
            elif declared and not _fits(declared, store.read(one_value(element, name))):
                yield f"{element}.{name} is now {_type(declared)}, and has other values"


def _fits(declared: Property, values: list[list[Any]]) -> bool:
    if not values:
        return True
    value = values[0][0]
    if declared.value.listed:
        return isinstance(value, list)
    return type(value) is PYTHON[declared.value.stored]


def _derive_all(store: Store, model: Model, progress: str, tell: Tell) -> None:
    """Compute the derived values of all searchable records, one batch per transaction."""
    kinds = [kind for kind in model if is_searched(kind)]
    begun, _, after = progress.partition(" ")
    names = [kind.__name__ for kind in kinds]
    done = 0
    for kind in kinds[names.index(begun) if begun in names else 0 :]:
        last = after if kind.__name__ == begun else ""
        while True:
            count, last = store.change(lambda ask, kind=kind, last=last: _derive(ask, kind, last))  # type: ignore[misc]
            done += count
            if not count:
                break
            tell(f"Preparing the data for this version: {done:,} records done.")


def _derive(ask: Ask, kind: type[Kind], after: str) -> tuple[int, str]:
    """Compute the derived values of the next batch of records, in order of id. Return the batch's size and last id."""
    ask(audit_log.lock())  # blocks other writers, so that the values are not computed from outdated records
    found = [row[0] for row in ask(records_after(kind.__name__, after, BATCH))]
    if not found:
        return 0, after
    last = str(found[-1]["id"])
    ask(put_derived(kind.__name__, [{"id": one["id"], "derived": _derived_values(kind, one)} for one in found]))
    ask(put_metadata({"progress": f"{kind.__name__} {last}"}))
    return len(found), last


def _derived_values(kind: type[Kind], stored: Mapping[str, Any]) -> dict[str, object]:
    values = {name: stored.get(name) for name in kind.properties}
    found = {**dict.fromkeys(OBSOLETE_NAMES), **derived(Record(kind, str(values["id"]), values))}
    if values["status"] == "retired":  # retiring a record does not change who may read it
        return {name: value for name, value in found.items() if name not in ("seen_by", "shown_to")}
    return found


def _types(properties: Mapping[str, Property]) -> dict[str, str]:
    return {name: _type(declared) for name, declared in properties.items()}


def _type(declared: Property) -> str:
    scalar = f"[{declared.value.scalar}]" if declared.value.listed else declared.value.scalar
    return f"{scalar}!" if declared.required else scalar


def _name(link: Link) -> str:
    return f"{link.start}-{link.relation}->{link.end}"


def _incompatible(store: Store, sentence: str) -> StoreError:
    return StoreError("INCOMPATIBLE", f"The data in the database at {store.address} {sentence}")


@dataclass(frozen=True)
class Difference:
    """The names of the constraints and indexes that a database lacks, and of those that it has but the model does not require.

    A surplus constraint or index may belong to a newer release. Only the constraints and indexes in `obsolete` are known to be unused.
    """

    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    present: tuple[str, ...]

    @property
    def obsolete(self) -> tuple[str, ...]:
        """The surplus constraints and indexes that earlier releases created and that no release needs any more."""
        return tuple(name for name in self.surplus if name in OBSOLETE)


def compare(store: Store, model: Model) -> Difference:
    """Return how the constraints and indexes of a database differ from those that the model requires."""
    has = {name for read in present() for (name,) in store.read(read) if ours(name)}
    wanted = [item.name for item in wanted_schema(model, store.dialect)]
    return Difference(
        missing=tuple(name for name in wanted if name not in has),
        surplus=tuple(sorted(has - set(wanted))),
        present=tuple(name for name in wanted if name in has),
    )


def apply(store: Store, model: Model, tell: Tell = lambda said: None) -> Difference:
    """Migrate a database to the model and return the differences found. Raises StoreError, also if the data are incompatible.

    The function drops obsolete constraints and indexes, creates missing ones, waits until the indexes are populated, and recomputes
    outdated derived values. The function reports progress through the callback.
    """
    found = check(store, model)  # raises an error before anything is changed
    difference = compare(store, model)
    for name in difference.obsolete:
        for text in drop(name):
            store.change_schema(text)
    missing = [item for item in wanted_schema(model, store.dialect) if item.name in difference.missing]
    if not difference.present:  # a new database: no constraint has to wait for data, so all are created at once
        store.change_schema(*(item.text for item in missing if not item.native))
    for item in missing:
        if difference.present or item.native:
            store.change_schema(item.text, native=item.native)
    while store.read(still_filling())[0][0]:
        time.sleep(0.1)
    complete(store, model, found, tell)
    return difference


# Node labels that are not kinds of the model.
OURS = ("Answer", "Chain", "Contact", "Credential", "Lease", "Manifest", "Mark", "Metadata", "SavedView")
# Names of constraints and indexes of earlier releases that conflict with this release. Others are left unchanged, because they may
# belong to a newer release on the same server.
OBSOLETE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SchemaItem:
    """A required constraint or index. The name of the item ends in a hash of its definition."""

    name: str
    text: str
    native: bool = False  # in SQL, for what the embedded engine cannot do in Cypher


def wanted_schema(model: Model, dialect: Dialect) -> list[SchemaItem]:
    """Return the constraints and indexes that the model requires, in the order in which to create them."""
    ours = [
        _item(label, name, f"CONSTRAINT {{}} IF NOT EXISTS FOR (n:{label}) REQUIRE n.{name} IS UNIQUE")
        for label, name in (*((label, "id") for label in OURS), ("Credential", "hash"))
    ]
    ours.append(_item("SavedView", "owner", "INDEX {} IF NOT EXISTS FOR (n:SavedView) ON (n.owner)"))
    return [*(item for kind in model for item in _items_of_kind(kind, dialect)), *ours]


def present() -> tuple[Cypher, Cypher]:
    """Return two Cypher queries: the first reads the names of all constraints, the second the names of all other indexes."""
    return (
        Cypher("SHOW CONSTRAINTS YIELD name, type RETURN name ORDER BY name"),
        Cypher(
            "SHOW INDEXES YIELD name, type, owningConstraint WHERE type <> 'LOOKUP' AND owningConstraint IS NULL"
            " RETURN name ORDER BY name"
        ),
    )


def still_filling() -> Cypher:
    """Return Cypher that counts the indexes that are not online yet."""
    return Cypher("SHOW INDEXES YIELD state WHERE state <> 'ONLINE' RETURN count(*)")


def ours(name: str) -> bool:
    """Return whether a constraint or an index has a name that this module generated."""
    return name.startswith("registry_")


def drop(wished: str) -> tuple[str, str]:
    """Return two commands that drop the constraint with this name and the index with this name."""
    return f"DROP CONSTRAINT {wished} IF EXISTS", f"DROP INDEX {wished} IF EXISTS"


def _items_of_kind(kind: type[Kind], dialect: Dialect) -> Iterator[SchemaItem]:
    label = kind.__name__
    if dialect.types_properties:
        for name in ("id", "name_key", "words"):
            yield _item(
                label, f"{name}_type", f"CONSTRAINT {{}} IF NOT EXISTS FOR (n:{label}) REQUIRE n.{name} IS :: STRING"
            )
        for name, declared in kind.properties.items():
            if declared.value.stored in ("FLOAT", "INTEGER") and name != "version":
                yield _item(
                    label,
                    f"{name}_type",
                    f"CONSTRAINT {{}} IF NOT EXISTS FOR (n:{label}) REQUIRE n.{name} IS :: {declared.value.stored}",
                )
    yield _item(label, "id", f"CONSTRAINT {{}} IF NOT EXISTS FOR (n:{label}) REQUIRE n.id IS UNIQUE")
    yield _item(label, "name", f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n.name_key, n.id)")
    for name, declared in kind.properties.items():
        if declared.indexed or (declared.is_category and dialect.seeks):
            yield _item(label, name, f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n.{name})")
    if dialect.seeks and not (
        kind.read_only or kind.by_action
    ):  # lets the inbox find the few records that wait for an action
        yield _item(label, "status", f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n.status)")
    if dialect.seeks_in_writes:
        yield _item(label, "source", f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n.source, n.run)")
    if is_searched(kind):
        yield SchemaItem(
            words_index(kind), dialect.words_index.format(name=words_index(kind), label=label), dialect.embedded
        )


def _item(label: str, purpose: str, definition: str) -> SchemaItem:
    digest = hashlib.sha256(definition.encode()).hexdigest()[:6]
    name = f"registry_{label.lower()}_{purpose}_{digest}"
    return SchemaItem(name, "CREATE " + definition.format(name))
