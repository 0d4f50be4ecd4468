"""Audit events: the state of a record, the difference a change makes, and the hash of each event."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import orjson

from registry.database import audit_log
from registry.database.driver import Ask
from registry.database.write import given_names, own_ends
from registry.model.kinds import Kind, Link
from registry.permissions import ADMINISTRATORS, ANONYMOUS, Actor

Ties = dict[str, dict[str, object]]  # by the id at the far end, the properties of the link
Difference = dict[str, Any]
LINK_CHANGES = "links"


@dataclass(frozen=True)
class RecordState:
    """What a record holds: its properties as they are stored, and its own ties by the name of their link."""

    kind: type[Kind]
    properties: Mapping[str, object] = field(default_factory=dict)
    ties: Mapping[str, Ties] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The record's id."""
        return str(self.properties["id"])

    @property
    def version(self) -> int:
        """How often it was changed; 0 where it is new."""
        return int(str(self.properties.get("version", 0)))

    def given(self) -> dict[str, object]:
        """Return the properties that a person or a source gives."""
        return {name: one for name in given_names(self.kind) if (one := self.properties.get(name)) is not None}


def nothing(kind: type[Kind]) -> RecordState:
    """Return what there is of a record before it is made."""
    return RecordState(kind, {}, {end.name: {} for end in own_ends(kind)})


def read_state(kind: type[Kind], rows: Sequence[Sequence[Any]]) -> RecordState | None:
    """Return the state that the rows of `cypher.states.state` tell; None where there is no such record."""
    if not rows:
        return None
    properties, *ties = rows[0]
    ends = zip(own_ends(kind), ties, strict=True)
    tied = {end.name: {far: of_link(end.link, values) for far, values in sorted(those)} for end, those in ends}
    return RecordState(kind, properties, tied)


def asked_anew(before: RecordState, after: RecordState) -> RecordState:
    """Return a record as it is to be, without what parties said of its terms where these are not those they spoke of."""
    if not before.properties or not _other_terms(before, after):
        return after
    return replace(after, ties={end.name: agreed(end.link, after.ties[end.name]) for end in own_ends(after.kind)})


def agreed(link: Link, ties: Ties) -> Ties:
    """Return ties without what a step of its own sets of them: what a party says."""
    by_step = {name for name, one in link.properties.items() if one.by_step}
    if not by_step:
        return ties
    return {far: {name: one for name, one in values.items() if name not in by_step} for far, values in ties.items()}


def _other_terms(before: RecordState, after: RecordState) -> bool:
    """Tell whether what parties agree to is different."""
    own = (name for name, one in after.kind.properties.items() if one.term)
    tied = (end for end in own_ends(after.kind) if end.link.term)
    return any(before.properties.get(name) != after.properties.get(name) for name in own) or any(
        agreed(end.link, before.ties[end.name]) != agreed(end.link, after.ties[end.name]) for end in tied
    )


def difference(before: RecordState, after: RecordState) -> tuple[Difference, Difference]:
    """Return what of the one is not in the other, and the reverse: properties, and ties under `links`."""
    return _beyond(before, after), _beyond(after, before)


def _beyond(one: RecordState, other: RecordState) -> Difference:
    own, others = one.given(), other.given()
    found: Difference = {name: own.get(name) for name in sorted({*own, *others}) if own.get(name) != others.get(name)}
    links = {name: ties for name in one.ties if (ties := ties_beyond(one.ties[name], other.ties.get(name, {})))}
    return {**found, LINK_CHANGES: links} if links else found


def ties_beyond(ties: Ties, others: Ties) -> Ties:
    """Return those of the ties that the others have not, or not with the same properties."""
    return {far: values for far, values in ties.items() if others.get(far) != values}


def of_link(link: Link, values: Mapping[str, object]) -> dict[str, object]:
    """Return, of what a tie holds, the properties of its link."""
    return {name: one for name in link.properties if (one := values.get(name)) is not None}


SEALED = (
    "number", "at", "actor", "how", "what", "record", "record_kind", "run", "note", "before", "after", "key",
    "asked", "previous_hash",
)  # fmt: skip
AuditEvent = dict[str, object]


@dataclass(frozen=True)
class LogHead:
    """The end of the chain: number and hash of the last entry, 0 and nothing where there is none."""

    number: int = 0
    hash: str = ""


def sealed(end: LogHead, told: Mapping[str, object], steward: str | None) -> AuditEvent:
    """Return what is told of a change as the entry that follows the end of the chain.

    It is read by administrators and by those who act for the steward of the changed record.
    """
    number = end.number + 1
    name = f"change:{number}"
    entry: AuditEvent = {**told, "number": number, "previous_hash": end.hash}
    entry = {key: value for key, value in entry.items() if value is not None}
    readers = [ADMINISTRATORS, *([steward] if steward else [])]
    shown = {"id": name, "name": name, "name_key": name, "seen_by": readers, "shown_to": readers}
    kept = {"access": "closed", "status": "published", "version": 1, "created": told["at"], "updated": told["at"]}
    return {**entry, "own_hash": seal(entry), **shown, **kept, **({"steward": steward} if steward else {})}


def seal(entry: Mapping[str, object]) -> str:
    """Return the hash of an entry: SHA-256 over all that it tells, and the hash of the entry before."""
    told = {name: entry[name] for name in SEALED if entry.get(name) is not None}
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def first_broken(entries: Iterable[Mapping[str, Any]], end: LogHead) -> tuple[int, str] | None:
    """Return the number of the first entry that is not as it was written, and what is wrong; None if all are whole.

    `entries` are all of the chain, by number; `end` is where the chain says that it ends.
    """
    last = LogHead()
    for entry in entries:
        number = last.number + 1
        if entry["number"] != number:
            return number, "MISSING" if entry["number"] > number else "TWICE"
        if entry.get("previous_hash") != last.hash:
            return number, "UNCHAINED"
        if entry.get("own_hash") != seal(entry):
            return number, "CHANGED"
        last = LogHead(number, str(entry["own_hash"]))
    if last != end:
        return last.number + 1, "MISSING"
    return None


def kept(actor: Actor, key: str, asked: object) -> Mapping[str, object]:
    """Return how a key is kept: a change is found again by its `key`, and `asked` tells what the key stood for.

    `asked` is of values that JSON knows. Each actor has keys of their own. Nobody knows one anonymous sender from another,
    so theirs are told apart by what they ask for: none is answered for, or stands in the way of, another's. Both are
    digests, since what is asked for may have to be erased: who does not know the key guesses nothing of it.
    """
    body = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str)
    whose = body if actor == ANONYMOUS else actor.name.encode()
    return {"key": _digest(whose, key.encode()), "asked": _digest(body, key.encode())}


def _digest(*parts: bytes) -> str:
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()


def told(kind: type[Kind], record: str, difference: Difference, ask: Ask) -> str:
    """Return a difference as an entry tells it: of what may have to be erased, a digest only.

    It is the HMAC-SHA-256 (RFC 2104) of the text under a salt of the record, which is kept apart and erased with the text:
    who has both can show that this is what was said; of the digest alone not even a short text can be guessed.
    """
    erasable = {name: difference[name] for name in kind.erasable if difference.get(name) is not None}
    if not erasable:
        return orjson.dumps(difference).decode()
    salt = str(ask(audit_log.salt(record, secrets.token_hex(16)))[0][0])
    return orjson.dumps({**difference, **{name: digest(salt, text) for name, text in erasable.items()}}).decode()


def digest(salt: str, text: object) -> str:
    """Return the digest by which the chain tells of a text."""
    return f"hmac-sha256:{hmac.new(salt.encode(), str(text).encode(), sha256).hexdigest()}"
