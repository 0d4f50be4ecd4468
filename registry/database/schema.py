"""The constraints and indexes that the model requires in the database, as Cypher."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from registry.database.driver import Cypher, Dialect
from registry.model.kinds import Kind, Model
from registry.model.records import is_searched

OURS = ("Chain", "Contact", "Credential", "Lease", "Mark", "Metadata")  # node labels that are not kinds of the model
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


def words_index(kind: type[Kind]) -> str:
    """Return the name of the full-text index for a kind."""
    return f"registry_{kind.__name__.lower()}_words"


def _item(label: str, purpose: str, definition: str) -> SchemaItem:
    digest = hashlib.sha256(definition.encode()).hexdigest()[:6]
    name = f"registry_{label.lower()}_{purpose}_{digest}"
    return SchemaItem(name, "CREATE " + definition.format(name))
