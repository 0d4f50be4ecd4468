"""Which records somebody may see all of, of some that were named before."""

from collections.abc import Collection

from registry.access import Actor, seen, seen_whole
from registry.cypher.text import Cypher
from registry.model import MODEL

KINDS = "|".join(kind.__name__ for kind in MODEL)


def visible(ids: Collection[str], actor: Actor) -> Cypher:
    """Return the ids, of these, of the records that there still are and that the actor may see all of, a row each."""
    return Cypher(
        f"UNWIND $in.ids AS id MATCH (n:{KINDS} {{id: id}}) WHERE {seen('n')} AND {seen_whole('n')} RETURN DISTINCT n.id",
        {"in": {"ids": sorted(ids)}, "me": actor.parameter()},
    )
