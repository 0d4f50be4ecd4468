"""Who may see what: one rule, worked out when a record is written and asked again by every Cypher text.

A record keeps two lists of readers: who may know of it and see its face, and who may see all of it. An actor may read
what names one of their own names. A record without the lists shows itself to nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SHOWN = ("published", "retired")
ANYBODY, ADMINISTRATORS = "*", "*administrators"


@dataclass(frozen=True)
class Actor:
    """Who asks: an administrator or not, the agencies they act for with all units, and the groups they belong to."""

    name: str = "anonymous"
    everything: bool = False
    agencies: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """Return every name under which a record may list this actor."""
        administrators = {ADMINISTRATORS} if self.everything else set()
        return frozenset({ANYBODY} | administrators) | self.agencies | self.groups

    def parameter(self) -> dict[str, object]:
        """Return the actor as the parameter `$me` of every Cypher text."""
        return {"names": sorted(self.names())}


def seeing(names: Iterable[str]) -> Actor:
    """Return somebody whom records list by these names."""
    listed = frozenset(names)
    return Actor("somebody", ADMINISTRATORS in listed, listed - {ANYBODY, ADMINISTRATORS})


ANONYMOUS = Actor()
ADMIN = Actor("admin", everything=True)


def seen_by(record: Mapping[str, object]) -> list[str]:
    """Return who may know of the record and see its face."""
    return _readers(record, "open", "restricted")


def shown_to(record: Mapping[str, object]) -> list[str]:
    """Return who may see every property and link of the record."""
    return _readers(record, "open")


def seen(node: str) -> str:
    """Return the Cypher predicate of who may know of a node."""
    return f"any(r IN {node}.seen_by WHERE r IN $me.names)"


def seen_whole(node: str, reader: str = "r") -> str:
    """Return the Cypher predicate of who may see all of a node; `reader` is a variable that the text has no other use for."""
    return f"any({reader} IN {node}.shown_to WHERE {reader} IN $me.names)"


def _readers(record: Mapping[str, object], *classes: str) -> list[str]:
    if record.get("status") in SHOWN and record.get("access") in classes:
        return [ANYBODY]
    grants = record.get("grants")
    named = [str(one) for one in grants if not str(one).startswith(ANYBODY)] if isinstance(grants, list) else []
    steward = record.get("steward")
    return [ADMINISTRATORS, *([str(steward)] if steward else []), *named]
