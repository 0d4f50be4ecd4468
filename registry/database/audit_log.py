"""Cypher for the audit log: lock it, append events, read them; and for the personal data kept apart from it."""

from collections.abc import Mapping, Sequence

from registry.database.driver import Cypher


def take() -> Cypher:
    """Take the end of the chain; others then wait until the transaction is over. Returns one row: its number and hash."""
    text = (
        "MERGE (c:Chain {id: 'changes'}) SET c.taken = coalesce(c.taken, 0) + 1"
        " RETURN coalesce(c.number, 0), coalesce(c.hash, '')"
    )
    return Cypher(text)


def append(entries: Sequence[Mapping[str, object]]) -> Cypher:
    """Add entries, which follow the end of the chain in this order, and make the last the end."""
    text = (
        "UNWIND $in.entries AS entry CREATE (n:Change) SET n = entry"
        " WITH count(n) AS added MATCH (c:Chain {id: 'changes'}) SET c.number = $in.number, c.hash = $in.hash"
    )
    last = entries[-1]
    return Cypher(text, {"in": {"entries": list(entries), "number": last["number"], "hash": last["own_hash"]}})


def keyed(key: str) -> Cypher:
    """Return one row of the entry that was made under a key: its record, the kind of that, and what was asked for."""
    text = "MATCH (n:Change) WHERE n.key = $in.key RETURN n.record, n.record_kind, n.asked ORDER BY n.number LIMIT 1"
    return Cypher(text, {"in": {"key": key}})


def entries(*, after: int, size: int) -> Cypher:
    """Return the entries behind a number, in order: a row each, holding its properties."""
    text = "MATCH (n:Change) WHERE n.number > $in.after RETURN properties(n) ORDER BY n.number LIMIT $n"
    return Cypher(text, {"n": size, "in": {"after": after}})


def end() -> Cypher:
    """Return one row: number and hash of the end of the chain; none where nothing was ever changed."""
    return Cypher("MATCH (c:Chain {id: 'changes'}) WHERE c.number > 0 RETURN c.number, c.hash")


def of_record(record: str, *, size: int) -> Cypher:
    """Return the last entries about a record, newest first: a row each, holding its properties."""
    text = "MATCH (n:Change) WHERE n.record = $in.record RETURN properties(n) ORDER BY n.number DESC LIMIT $n"
    return Cypher(text, {"n": size, "in": {"record": record}})


def latest(*, size: int) -> Cypher:
    """Return the last entries, newest first: a row each, holding its properties."""
    return Cypher(
        "MATCH (n:Change) WHERE n.number > 0 RETURN properties(n) ORDER BY n.number DESC LIMIT $n", {"n": size}
    )


def numbered(number: int) -> Cypher:
    """Return one row: the properties of the entry of this number; none where there is none."""
    return Cypher("MATCH (n:Change) WHERE n.number = $in.number RETURN properties(n)", {"in": {"number": number}})


def of_run(run: str, *, before: int, size: int) -> Cypher:
    """Return the entries of a load before a number, newest first: a row each, holding its properties."""
    text = (
        "MATCH (n:Change) WHERE n.run = $in.run AND n.number < $in.before"
        " RETURN properties(n) ORDER BY n.number DESC LIMIT $n"
    )
    return Cypher(text, {"n": size, "in": {"run": run, "before": before}})


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
