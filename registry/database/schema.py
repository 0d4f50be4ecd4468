"""The constraints and indexes that the model asks for, as Cypher."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from registry.database.driver import Cypher, Dialect
from registry.model.kinds import Kind, Model
from registry.model.records import is_searched

OURS = ("Chain", "Contact", "Credential", "Lease", "Mark", "Metadata")  # what is kept that is no kind of the model
# Names of constraints and indexes that earlier versions made and that stand in the way of this one. What is not named
# here is left alone: it may belong to a newer version that shares the server.
OBSOLETE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SchemaItem:
    """A constraint or an index that should be there. Its name ends in a digest of its definition."""

    name: str
    text: str
    native: bool = False  # in the embedded engine's own SQL, where it takes no Cypher


def wanted_schema(model: Model, dialect: Dialect) -> list[SchemaItem]:
    """Return what the model asks for, in the order in which it must be made."""
    ours = [
        _wish(label, name, f"CONSTRAINT {{}} IF NOT EXISTS FOR (n:{label}) REQUIRE n.{name} IS UNIQUE")
        for label, name in (*((label, "id") for label in OURS), ("Credential", "hash"))
    ]
    return [*(wish for kind in model for wish in _of_kind(kind, dialect)), *ours]


def present() -> tuple[Cypher, Cypher]:
    """Return the reads of the names of all constraints and of all indexes that stand for themselves."""
    return (
        Cypher("SHOW CONSTRAINTS YIELD name, type RETURN name ORDER BY name"),
        Cypher(
            "SHOW INDEXES YIELD name, type, owningConstraint WHERE type <> 'LOOKUP' AND owningConstraint IS NULL"
            " RETURN name ORDER BY name"
        ),
    )


def still_filling() -> Cypher:
    """Return the read of how many indexes are not ready yet."""
    return Cypher("SHOW INDEXES YIELD state WHERE state <> 'ONLINE' RETURN count(*)")


def ours(name: str) -> bool:
    """Tell whether a constraint or an index is one that this module named."""
    return name.startswith("registry_")


def drop(wished: str) -> tuple[str, str]:
    """Return the texts that take away what has this name, whichever of the two it is."""
    return f"DROP CONSTRAINT {wished} IF EXISTS", f"DROP INDEX {wished} IF EXISTS"


def _of_kind(kind: type[Kind], dialect: Dialect) -> Iterator[SchemaItem]:
    label = kind.__name__
    if dialect.types_properties:
        for name in ("id", "name_key", "words"):
            yield _wish(
                label, f"{name}_type", f"CONSTRAINT {{}} IF NOT EXISTS FOR (n:{label}) REQUIRE n.{name} IS :: STRING"
            )
        for name, declared in kind.properties.items():
            if declared.value.stored in ("FLOAT", "INTEGER") and name != "version":
                yield _wish(
                    label,
                    f"{name}_type",
                    f"CONSTRAINT {{}} IF NOT EXISTS FOR (n:{label}) REQUIRE n.{name} IS :: {declared.value.stored}",
                )
    yield _wish(label, "id", f"CONSTRAINT {{}} IF NOT EXISTS FOR (n:{label}) REQUIRE n.id IS UNIQUE")
    yield _wish(label, "name", f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n.name_key, n.id)")
    for name, declared in kind.properties.items():
        if declared.sought or (declared.sorts and dialect.seeks):
            yield _wish(label, name, f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n.{name})")
    if dialect.seeks and not (kind.kept_by_us or kind.by_step):  # the inbox finds the few that wait for a step
        yield _wish(label, "status", f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n.status)")
    if dialect.seeks_in_writes:
        yield _wish(label, "source", f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n.source, n.run)")
    if is_searched(kind):
        yield SchemaItem(
            words_index(kind), dialect.words_index.format(name=words_index(kind), label=label), dialect.embedded
        )


def words_index(kind: type[Kind]) -> str:
    """Return the name of the full-text index of a kind."""
    return f"registry_{kind.__name__.lower()}_words"


def _wish(label: str, purpose: str, definition: str) -> SchemaItem:
    digest = hashlib.sha256(definition.encode()).hexdigest()[:6]
    name = f"registry_{label.lower()}_{purpose}_{digest}"
    return SchemaItem(name, "CREATE " + definition.format(name))
