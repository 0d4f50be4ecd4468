"""The lease of a source: at most one run writes it at a time, whichever machine it is on. The store's clock counts."""

from registry.cypher.text import Cypher


def take(source: str, *, run: str, now: str, lasts: int) -> Cypher:
    """Take the lease of a source for so many milliseconds, unless another run holds it.

    Returns one row: the run that holds it now, and since when.
    """
    text = (
        "MERGE (l:Lease {id: $in.source}) SET l.asked_by = $in.run"
        " WITH l FOREACH (x IN CASE WHEN l.holder IS NULL OR l.until <= timestamp() THEN [1] ELSE [] END |"
        " SET l.holder = $in.run, l.since = $in.now, l.until = timestamp() + $in.lasts)"
        " RETURN l.holder, l.since"
    )
    return Cypher(text, {"in": {"source": source, "run": run, "now": now, "lasts": lasts}})


def renew(source: str, *, run: str, lasts: int) -> Cypher:
    """Let the lease last so many milliseconds from now. Returns one row: 1, or 0 when the run does not hold it."""
    text = (
        "MATCH (l:Lease {id: $in.source}) WHERE l.holder = $in.run SET l.until = timestamp() + $in.lasts"
        " RETURN count(l)"
    )
    return Cypher(text, {"in": {"source": source, "run": run, "lasts": lasts}})


def give_back(source: str, *, run: str) -> Cypher:
    """End the lease that the run holds."""
    text = "MATCH (l:Lease {id: $in.source}) WHERE l.holder = $in.run DELETE l"
    return Cypher(text, {"in": {"source": source, "run": run}})
