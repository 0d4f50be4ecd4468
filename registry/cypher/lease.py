"""The lease of a source: at most one run writes it at a time, whichever machine it is on. The store's clock counts."""

from registry.cypher.text import Cypher


def take(source: str, *, run: str, process: str, now: str, lasts: int, ended: str = "") -> Cypher:
    """Take the lease of a source for so many milliseconds, unless a run holds it that is not known to have `ended`.

    Returns one row: the run that holds it now, since when, and in which process.
    """
    text = (
        "MERGE (l:Lease {id: $in.source}) SET l.asked_by = $in.run"
        " WITH l, l.holder IS NULL OR l.holder = $in.ended OR l.until <= timestamp() AS free"
        " FOREACH (x IN CASE WHEN free THEN [1] ELSE [] END | SET l.holder = $in.run, l.process = $in.process,"
        " l.since = $in.now, l.until = timestamp() + $in.lasts)"
        " RETURN l.holder, l.since, l.process"
    )
    given = {"source": source, "run": run, "process": process, "now": now, "lasts": lasts, "ended": ended}
    return Cypher(text, {"in": given})


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
