"""The mark of the last change: every write leaves a new one, so that who finds the same mark knows that nothing changed."""

from registry.cypher.text import Cypher


def leave_mark(mark: str) -> Cypher:
    """Leave a mark; in the transaction of a change, and last, so that others wait for it as shortly as may be."""
    return Cypher("MERGE (m:Mark {id: 'last'}) SET m.value = $in.mark", {"in": {"mark": mark}})


def last_marks() -> Cypher:
    """Return one row holding the marks: one, or none where nobody left one."""
    return Cypher("MATCH (m:Mark) WITH m.value AS mark ORDER BY mark RETURN collect(mark)")
