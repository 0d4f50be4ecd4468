"""Cypher for the audit log and for personal data: lock the log, append and read events, store contact details separately."""

from collections.abc import Mapping, Sequence

from registry.database.driver import Cypher


def lock() -> Cypher:
    """Return Cypher that locks the audit log until the transaction ends.

    The query's only row is the number and hash of the last event.
    """
    text = (
        "MERGE (c:Chain {id: 'changes'}) SET c.taken = coalesce(c.taken, 0) + 1"
        " RETURN coalesce(c.number, 0), coalesce(c.hash, '')"
    )
    return Cypher(text)


def append(entries: Sequence[Mapping[str, object]]) -> Cypher:
    """Return Cypher that appends events to the audit log in the given order and marks the last event as the end of the log."""
    text = (
        "UNWIND $in.entries AS entry CREATE (n:Change) SET n = entry"
        " WITH count(n) AS added MATCH (c:Chain {id: 'changes'}) SET c.number = $in.number, c.hash = $in.hash"
    )
    last = entries[-1]
    return Cypher(text, {"in": {"entries": list(entries), "number": last["number"], "hash": last["own_hash"]}})


def by_key(key: str) -> Cypher:
    """Return Cypher that reads the event with an idempotency key.

    The query's only row holds the id and the kind of the changed record, and the digest of the request.
    """
    text = "MATCH (n:Change) WHERE n.key = $in.key RETURN n.record, n.record_kind, n.asked ORDER BY n.number LIMIT 1"
    return Cypher(text, {"in": {"key": key}})


def entries(*, after: int, size: int) -> Cypher:
    """Return Cypher that reads the events whose number is greater than `after`, in order, one event per row."""
    text = "MATCH (n:Change) WHERE n.number > $in.after RETURN properties(n) ORDER BY n.number LIMIT $n"
    return Cypher(text, {"n": size, "in": {"after": after}})


def last_event() -> Cypher:
    """Return Cypher that reads the number and hash of the last event. The query returns no row if the log is empty."""
    return Cypher("MATCH (c:Chain {id: 'changes'}) WHERE c.number > 0 RETURN c.number, c.hash")


def of_record(record: str, *, size: int) -> Cypher:
    """Return Cypher that reads the last `size` events about a record, newest first, one event per row."""
    text = "MATCH (n:Change) WHERE n.record = $in.record RETURN properties(n) ORDER BY n.number DESC LIMIT $n"
    return Cypher(text, {"n": size, "in": {"record": record}})


def latest(*, size: int) -> Cypher:
    """Return Cypher that reads the last `size` events, newest first, one event per row."""
    return Cypher(
        "MATCH (n:Change) WHERE n.number > 0 RETURN properties(n) ORDER BY n.number DESC LIMIT $n", {"n": size}
    )


def by_number(number: int) -> Cypher:
    """Return Cypher that reads the event with the given number. If no event has this number, the query returns no row."""
    return Cypher("MATCH (n:Change) WHERE n.number = $in.number RETURN properties(n)", {"in": {"number": number}})


def of_run(run: str, *, before: int, size: int) -> Cypher:
    """Return Cypher that reads the events of a load whose number is below `before`, newest first, one event per row."""
    text = (
        "MATCH (n:Change) WHERE n.run = $in.run AND n.number < $in.before"
        " RETURN properties(n) ORDER BY n.number DESC LIMIT $n"
    )
    return Cypher(text, {"n": size, "in": {"run": run, "before": before}})


def put_contact(feedback: str, contact: str) -> Cypher:
    """Return Cypher that stores the contact details of the person who sent the feedback."""
    text = "MERGE (c:Contact {id: $in.feedback}) SET c.contact = $in.contact"
    return Cypher(text, {"in": {"feedback": feedback, "contact": contact}})


def contact_of(feedback: str) -> Cypher:
    """Return Cypher that reads the contact details of the person who sent the feedback; no row if there are no details."""
    return Cypher(
        "MATCH (c:Contact {id: $in.feedback}) WHERE c.contact IS NOT NULL RETURN c.contact",
        {"in": {"feedback": feedback}},
    )


def salt(record: str, new: str) -> Cypher:
    """Return Cypher that reads the salt, the random text that is hashed with the erasable texts of a record.

    If the record has no salt yet, the query first stores `new` as its salt.
    """
    text = "MERGE (c:Contact {id: $in.record}) SET c.salt = coalesce(c.salt, $in.new) RETURN c.salt"
    return Cypher(text, {"in": {"record": record, "new": new}})


def erase_contact(feedback: str) -> Cypher:
    """Return Cypher that deletes the contact details of the person who sent the feedback, and the salt for hashing its texts."""
    return Cypher("MATCH (c:Contact {id: $in.feedback}) DETACH DELETE c", {"in": {"feedback": feedback}})
