"""Cypher for the audit log: lock it, append and read events; and for personal data, which is stored separately."""

from collections.abc import Mapping, Sequence

from registry.database.driver import Cypher


def lock() -> Cypher:
    """Lock the audit log until the end of the transaction. Returns one row: the number and hash of the last event."""
    text = (
        "MERGE (c:Chain {id: 'changes'}) SET c.taken = coalesce(c.taken, 0) + 1"
        " RETURN coalesce(c.number, 0), coalesce(c.hash, '')"
    )
    return Cypher(text)


def append(entries: Sequence[Mapping[str, object]]) -> Cypher:
    """Append events, in this order, and update the end of the log to the last one."""
    text = (
        "UNWIND $in.entries AS entry CREATE (n:Change) SET n = entry"
        " WITH count(n) AS added MATCH (c:Chain {id: 'changes'}) SET c.number = $in.number, c.hash = $in.hash"
    )
    last = entries[-1]
    return Cypher(text, {"in": {"entries": list(entries), "number": last["number"], "hash": last["own_hash"]}})


def by_key(key: str) -> Cypher:
    """Return one row for the event with an idempotency key: its record, the kind of the record, and the request."""
    text = "MATCH (n:Change) WHERE n.key = $in.key RETURN n.record, n.record_kind, n.asked ORDER BY n.number LIMIT 1"
    return Cypher(text, {"in": {"key": key}})


def entries(*, after: int, size: int) -> Cypher:
    """Return the properties of the events after a number, in order, one row each."""
    text = "MATCH (n:Change) WHERE n.number > $in.after RETURN properties(n) ORDER BY n.number LIMIT $n"
    return Cypher(text, {"n": size, "in": {"after": after}})


def last_event() -> Cypher:
    """Return one row: the number and hash of the last event; no row where the log is empty."""
    return Cypher("MATCH (c:Chain {id: 'changes'}) WHERE c.number > 0 RETURN c.number, c.hash")


def of_record(record: str, *, size: int) -> Cypher:
    """Return the properties of the last events about a record, newest first, one row each."""
    text = "MATCH (n:Change) WHERE n.record = $in.record RETURN properties(n) ORDER BY n.number DESC LIMIT $n"
    return Cypher(text, {"n": size, "in": {"record": record}})


def latest(*, size: int) -> Cypher:
    """Return the properties of the last events, newest first, one row each."""
    return Cypher(
        "MATCH (n:Change) WHERE n.number > 0 RETURN properties(n) ORDER BY n.number DESC LIMIT $n", {"n": size}
    )


def by_number(number: int) -> Cypher:
    """Return one row: the properties of the event with this number; no row where there is none."""
    return Cypher("MATCH (n:Change) WHERE n.number = $in.number RETURN properties(n)", {"in": {"number": number}})


def of_run(run: str, *, before: int, size: int) -> Cypher:
    """Return the properties of the events of a load before a number, newest first, one row each."""
    text = (
        "MATCH (n:Change) WHERE n.run = $in.run AND n.number < $in.before"
        " RETURN properties(n) ORDER BY n.number DESC LIMIT $n"
    )
    return Cypher(text, {"n": size, "in": {"run": run, "before": before}})


def put_contact(feedback: str, contact: str) -> Cypher:
    """Store the contact details of the sender of feedback."""
    text = "MERGE (c:Contact {id: $in.feedback}) SET c.contact = $in.contact"
    return Cypher(text, {"in": {"feedback": feedback, "contact": contact}})


def contact_of(feedback: str) -> Cypher:
    """Return one row: the contact details of the sender; no row where they are unknown."""
    return Cypher(
        "MATCH (c:Contact {id: $in.feedback}) WHERE c.contact IS NOT NULL RETURN c.contact",
        {"in": {"feedback": feedback}},
    )


def salt(record: str, new: str) -> Cypher:
    """Return one row: the salt for digests about a record, which is set to `new` if there is none yet."""
    text = "MERGE (c:Contact {id: $in.record}) SET c.salt = coalesce(c.salt, $in.new) RETURN c.salt"
    return Cypher(text, {"in": {"record": record, "new": new}})


def erase_contact(feedback: str) -> Cypher:
    """Delete the contact details of the sender, and the salt."""
    return Cypher("MATCH (c:Contact {id: $in.feedback}) DETACH DELETE c", {"in": {"feedback": feedback}})
