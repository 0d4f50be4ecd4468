"""Who may see what: one rule, as a function of Python values and as the same Cypher predicate."""

from collections.abc import Mapping
from dataclasses import dataclass

SHOWN = ("published", "retired")


@dataclass(frozen=True)
class Actor:
    """Who asks: an administrator or not, the agencies they act for with all units, and the groups they belong to."""

    name: str = "anonymous"
    everything: bool = False
    agencies: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def parameter(self) -> dict[str, object]:
        """Return the actor as the parameter `$me` of every Cypher text."""
        return {"all": self.everything, "agencies": sorted(self.agencies), "groups": sorted(self.groups)}


ANONYMOUS = Actor()
ADMIN = Actor("admin", everything=True)


def may_see(actor: Actor, record: Mapping[str, object]) -> bool:
    """Tell whether the actor may know of the record and see its face."""
    return _granted(actor, record) or (record.get("status") in SHOWN and record.get("access") in ("open", "restricted"))


def may_see_all(actor: Actor, record: Mapping[str, object]) -> bool:
    """Tell whether the actor may see every property and link of the record."""
    return _granted(actor, record) or (record.get("status") in SHOWN and record.get("access") == "open")


def seen(node: str) -> str:
    """Return the predicate that `may_see` is, never null, for a node variable of a Cypher text."""
    return f"({_shown(node)} AND {node}.access IN ['open', 'restricted'] OR {_granted_in(node)})"


def seen_whole(node: str) -> str:
    """Return the predicate that `may_see_all` is, never null, for a node variable of a Cypher text."""
    return f"({_shown(node)} AND {node}.access = 'open' OR {_granted_in(node)})"


def _granted(actor: Actor, record: Mapping[str, object]) -> bool:
    grants = record.get("grants")
    named = set(grants) if isinstance(grants, list) else set()
    return actor.everything or record.get("steward") in actor.agencies or bool(named & (actor.groups | actor.agencies))


def _shown(node: str) -> str:
    return f"{node}.status IN ['published', 'retired']"


def _granted_in(node: str) -> str:
    """Return a predicate that is never null; the embedded engine does not take `coalesce` around a whole one."""
    return (
        f"$me.all OR coalesce({node}.steward IN $me.agencies, false)"
        f" OR any(g IN coalesce({node}.grants, []) WHERE g IN $me.groups OR g IN $me.agencies)"
    )
