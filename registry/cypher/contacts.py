"""What is kept apart from feedback, and erased with it: how its sender can be reached, and what hides its text in the chain.

Neither is in the chain of changes.
"""

from registry.cypher.text import Cypher


def keep(feedback: str, contact: str) -> Cypher:
    """Keep how the sender of feedback can be reached."""
    text = "MERGE (c:Contact {id: $in.feedback}) SET c.contact = $in.contact"
    return Cypher(text, {"in": {"feedback": feedback, "contact": contact}})


def of(feedback: str) -> Cypher:
    """Return one row: how the sender can be reached; none where that is not known."""
    return Cypher(
        "MATCH (c:Contact {id: $in.feedback}) WHERE c.contact IS NOT NULL RETURN c.contact",
        {"in": {"feedback": feedback}},
    )


def salt(record: str, new: str) -> Cypher:
    """Return one row: the salt of a record's digests, which is `new` where it has none yet."""
    text = "MERGE (c:Contact {id: $in.record}) SET c.salt = coalesce(c.salt, $in.new) RETURN c.salt"
    return Cypher(text, {"in": {"record": record, "new": new}})


def erase(feedback: str) -> Cypher:
    """Forget how the sender can be reached, and the salt."""
    return Cypher("MATCH (c:Contact {id: $in.feedback}) DETACH DELETE c", {"in": {"feedback": feedback}})
