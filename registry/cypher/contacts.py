"""How a sender of feedback wants to be reached: kept apart from the record, and out of the chain of changes."""

from registry.cypher.text import Cypher


def keep(feedback: str, contact: str) -> Cypher:
    """Keep how the sender of feedback can be reached."""
    text = "MERGE (c:Contact {id: $in.feedback}) SET c.contact = $in.contact"
    return Cypher(text, {"in": {"feedback": feedback, "contact": contact}})


def of(feedback: str) -> Cypher:
    """Return one row: how the sender can be reached; none where that is not known."""
    return Cypher("MATCH (c:Contact {id: $in.feedback}) RETURN c.contact", {"in": {"feedback": feedback}})


def erase(feedback: str) -> Cypher:
    """Forget how the sender can be reached."""
    return Cypher("MATCH (c:Contact {id: $in.feedback}) DETACH DELETE c", {"in": {"feedback": feedback}})
