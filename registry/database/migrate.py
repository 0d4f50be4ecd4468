"""Migrate a database to this release: constraints and indexes, data version and derived values."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from registry.database import audit_log, schema
from registry.database.driver import Ask, Cypher, Store, StoreError
from registry.database.write import Stored, derived
from registry.model.kinds import Kind, Link, Model, Property
from registry.model.records import Record, is_searched

HERE = "(m:Metadata {id: 'registry'})"


def stored_metadata() -> Cypher:
    """Return one row: the map of the metadata, null where there is none."""
    return Cypher(f"OPTIONAL MATCH {HERE} RETURN properties(m)")


def put_metadata(values: Mapping[str, object]) -> Cypher:
    """Set these values of the metadata; null removes a value."""
    return Cypher(f"MERGE {HERE} SET m += $in.values", {"in": {"values": dict(values)}})


def kinds_with_records(model: Model) -> Cypher:
    """Return one row for each kind that has a record."""
    each = (f"MATCH (n:{name}) WITH n LIMIT 1 RETURN '{name}' AS kind" for name in model.kinds)
    return Cypher(" UNION ALL ".join(each))


def stored_properties(element: str) -> Cypher:
    """Return one row for each property name that the records of a kind, or the relationships of a link, have."""
    return Cypher(f"MATCH {_pattern(element)} UNWIND keys(e) AS name RETURN DISTINCT name")


def stored_links() -> Cypher:
    """Return one row for each type of relationship: the kind of its start, its relation, the kind of its end."""
    return Cypher("MATCH (a)-[e]->(b) RETURN DISTINCT labels(a)[0], type(e), labels(b)[0]")


def one_value(element: str, name: str) -> Cypher:
    """Return one row with one of the values of a property; no row where there is none."""
    return Cypher(f"MATCH {_pattern(element)} WHERE e.`{name}` IS NOT NULL WITH e LIMIT 1 RETURN e.`{name}`")


def count_elements(element: str) -> Cypher:
    """Return one row: the number of records of a kind, or of relationships of a link."""
    return Cypher(f"MATCH {_pattern(element)} RETURN count(e)")


def count_values(element: str, name: str) -> Cypher:
    """Return one row: how many records of a kind, or relationships of a link, have a value of a property."""
    return Cypher(f"MATCH {_pattern(element)} WHERE e.`{name}` IS NOT NULL RETURN count(e)")


def count_lacking(element: str, name: str) -> Cypher:
    """Return one row: how many records of a kind, or relationships of a link, have no value of a property."""
    return Cypher(f"MATCH {_pattern(element)} WHERE e.`{name}` IS NULL RETURN count(e)")


def records_after(kind: str, after: str, size: int) -> Cypher:
    """Return the properties of the records of a kind after an id, ordered by id, one row each."""
    text = f"MATCH (n:{kind}) WHERE n.id > $id RETURN properties(n) ORDER BY n.id LIMIT $n"
    return Cypher(text, {"id": after, "n": size})


def put_derived(kind: str, rows: Sequence[Stored]) -> Cypher:
    """Write derived values of records, given as `id` and `derived`; other values stay unchanged."""
    text = f"UNWIND $in.rows AS row MATCH (n:{kind} {{id: row.id}}) SET n += row.derived"
    return Cypher(text, {"in": {"rows": list(rows)}})


def rename_credential_kinds() -> Cypher:
    """Rename the property `sort` of credentials, written by versions with derived version 1, to `kind`."""
    return Cypher("MATCH (c:Credential) WHERE c.sort IS NOT NULL SET c.kind = c.sort REMOVE c.sort")


def _pattern(element: str) -> str:
    """Return the pattern of a kind, or of a link in the form `Agency-PROVIDES->Service`."""
    start, arrow, rest = element.partition("-")
    relation, _, end = rest.partition("->")
    return f"(:{start})-[e:{relation}]->(:{end})" if arrow else f"(e:{start})"


DATA_VERSION = 1  # raise it when this version misreads data of earlier versions, or they misread its data
DERIVED_VERSION = 2  # raise it when `registry.database.write.derived` returns something else for the same record
BATCH = 1_000
OBSOLETE_NAMES = ("face_words",)  # derived values of earlier versions, removed when derived values are computed
# Stored properties that are not declared by the kind or the link.
OWN_NAMES = frozenset({"hash", "run", "name_key", "seen_by", "shown_to", "words", "summary_words", *OBSOLETE_NAMES})
OWN_LINK_NAMES = frozenset({"source", "run", "key"})
PYTHON = {"STRING": str, "FLOAT": float, "INTEGER": int, "BOOLEAN": bool}
LOAD_AGAIN = "Use the version that wrote them, or load the sources again into an empty database."

Described = Mapping[str, Mapping[str, str]]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Metadata:
    """The metadata of the data in a database. Version 0: there are none."""

    version: int = 0
    derived: int = 0
    model: Described = field(default_factory=dict)
    progress: str = ""  # the kind and the id up to which derived values were computed, when that was interrupted


def describe(model: Model) -> Described:
    """Return the types of the properties of each kind and link, in GraphQL notation: `[String]`, `Float!`."""
    kinds = {kind.__name__: _types(kind.properties) for kind in model}
    return {**kinds, **{_name(link): _types(link.properties) for link in model.links()}}


def check(store: Store, model: Model) -> Metadata:
    """Return the metadata of a database whose data are compatible with this release.

    Raises StoreError: INCOMPATIBLE, with a message that names the first incompatible element.
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
    """Return whether the data need no migration. Raises StoreError when they are incompatible."""
    found = check(store, model)
    if not found.version:
        return not store.read(kinds_with_records(model))
    return found.derived == DERIVED_VERSION


def complete(store: Store, model: Model, found: Metadata, tell: Tell) -> None:
    """Compute outdated derived values and write the metadata. An interrupted computation continues where it stopped."""
    if found.derived < DERIVED_VERSION:
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
    """Yield what the stored data contain that this model reads differently or not at all; changes that lose nothing are fine."""
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
    """Yield what data without metadata, from an earlier version, contain that the model lacks."""
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
    """Compute the derived values of all records that can be searched, in one transaction per batch."""
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
    """Compute the derived values of a batch of records after an id; return how many, and the last id."""
    ask(audit_log.lock())  # blocks other writers, so that no values are computed from outdated records
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
    if values["status"] == "retired":  # its readers stay the same
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
    """The constraints and indexes that a database lacks, and those that the model does not ask for, by name.

    A surplus item may belong to a newer version. Only `obsolete` items are known to be unused.
    """

    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    present: tuple[str, ...]

    @property
    def obsolete(self) -> tuple[str, ...]:
        """The surplus items that earlier versions created and that no version needs any more."""
        return tuple(name for name in self.surplus if name in schema.OBSOLETE)


def compare(store: Store, model: Model) -> Difference:
    """Compare the constraints and indexes of a database with those that the model asks for."""
    has = {name for read in schema.present() for (name,) in store.read(read) if schema.ours(name)}
    wanted = [item.name for item in schema.wanted_schema(model, store.dialect)]
    return Difference(
        missing=tuple(name for name in wanted if name not in has),
        surplus=tuple(sorted(has - set(wanted))),
        present=tuple(name for name in wanted if name in has),
    )


def apply(store: Store, model: Model, tell: Tell = lambda said: None) -> Difference:
    """Migrate a database to the model; return what was different. Raises StoreError, also when the data are incompatible.

    Drops obsolete items, creates missing ones, waits until the indexes are populated, and computes outdated derived values.
    It reports its progress by calling `tell`.
    """
    found = check(store, model)  # before anything is changed
    difference = compare(store, model)
    for name in difference.obsolete:
        for text in schema.drop(name):
            store.change_schema(text)
    for item in schema.wanted_schema(model, store.dialect):
        if item.name in difference.missing:
            store.change_schema(item.text, native=item.native)
    while store.read(schema.still_filling())[0][0]:
        time.sleep(0.1)
    complete(store, model, found, tell)
    return difference
