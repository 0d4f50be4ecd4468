"""Audit events: the stored values of a record, the values that a change adds or removes, and the hash of each event."""

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

Relationships = dict[str, dict[str, object]]  # the link properties, by the id of the record at the far end
Difference = dict[str, Any]
LINK_CHANGES = "links"


@dataclass(frozen=True)
class RecordState:
    """The stored properties of a record, and the relationships that the record owns, by link name."""

    kind: type[Kind]
    properties: Mapping[str, object] = field(default_factory=dict)
    ties: Mapping[str, Relationships] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id of the record."""
        return str(self.properties["id"])

    @property
    def version(self) -> int:
        """The number of times that the record was saved; 0 for a record that is not saved yet."""
        return int(str(self.properties.get("version", 0)))

    def given(self) -> dict[str, object]:
        """Return the properties that people or sources supply, without the properties that the registry derives from them."""
        return {name: one for name in given_names(self.kind) if (one := self.properties.get(name)) is not None}


def empty_state(kind: type[Kind]) -> RecordState:
    """Return a record state without properties and relationships, for a record that does not exist yet."""
    return RecordState(kind, {}, {end.name: {} for end in own_ends(kind)})


def read_state(kind: type[Kind], rows: Sequence[Sequence[Any]]) -> RecordState | None:
    """Return the record's stored values, read from the rows of `database.write.several`.

    If there is no row for the record, return None.
    """
    if not rows:
        return None
    properties, *ties = rows[0]
    ends = zip(own_ends(kind), ties, strict=True)
    tied = {end.name: {far: link_properties(end.link, values) for far, values in sorted(those)} for end, those in ends}
    return RecordState(kind, properties, tied)


def without_outdated_confirmations(before: RecordState, after: RecordState) -> RecordState:
    """Return the new stored values of an agreement. If its terms changed, the confirmations of its parties are removed.

    The reason is that the parties confirmed the old terms only. If the terms are unchanged, the confirmations remain.
    """
    if not before.properties or not _terms_differ(before, after):
        return after
    return replace(
        after, ties={end.name: without_confirmations(end.link, after.ties[end.name]) for end in own_ends(after.kind)}
    )


def without_confirmations(link: Link, ties: Relationships) -> Relationships:
    """Return the relationships without the properties that only a record action may set, such as a party's confirmation."""
    by_action = {name for name, one in link.properties.items() if one.by_action}
    if not by_action:
        return ties
    return {far: {name: one for name, one in values.items() if name not in by_action} for far, values in ties.items()}


def _terms_differ(before: RecordState, after: RecordState) -> bool:
    """Return whether a change affects the terms of an agreement that its parties confirmed."""
    own = (name for name, one in after.kind.properties.items() if one.agreement_term)
    tied = (end for end in own_ends(after.kind) if end.link.agreement_term)
    return any(before.properties.get(name) != after.properties.get(name) for name in own) or any(
        without_confirmations(end.link, before.ties[end.name]) != without_confirmations(end.link, after.ties[end.name])
        for end in tied
    )


def difference(before: RecordState, after: RecordState) -> tuple[Difference, Difference]:
    """Compare two versions of a record. Return the values that only `before` has, and the values that only `after` has.

    Each of the two mappings holds the properties by name, and the relationships under the key `links`.
    """
    return _values_beyond(before, after), _values_beyond(after, before)


def _values_beyond(one: RecordState, other: RecordState) -> Difference:
    own, others = one.given(), other.given()
    found: Difference = {name: own.get(name) for name in sorted({*own, *others}) if own.get(name) != others.get(name)}
    links = {name: ties for name in one.ties if (ties := ties_beyond(one.ties[name], other.ties.get(name, {})))}
    return {**found, LINK_CHANGES: links} if links else found


def ties_beyond(ties: Relationships, others: Relationships) -> Relationships:
    """Return the relationships that are missing from `others`, and those that have different properties in `others`."""
    return {far: values for far, values in ties.items() if others.get(far) != values}


def link_properties(link: Link, values: Mapping[str, object]) -> dict[str, object]:
    """Return the properties of a stored relationship, without the properties that its link type does not declare."""
    return {name: one for name in link.properties if (one := values.get(name)) is not None}


SEALED = (
    "number", "at", "actor", "how", "what", "record", "record_kind", "run", "note", "before", "after", "key",
    "asked", "previous_hash",
)  # fmt: skip
AuditEvent = dict[str, object]


@dataclass(frozen=True)
class LogHead:
    """The number and hash of the last event in the audit log. If the log is empty, the number is 0 and the hash is ""."""

    number: int = 0
    hash: str = ""


def new_event(end: LogHead, values: Mapping[str, object], steward: str | None) -> AuditEvent:
    """Return the audit event to append after the last event `end`, with its number and hashes.

    The readers of the event are administrators and the users who act for the steward of the changed record.
    """
    number = end.number + 1
    name = f"change:{number}"
    entry: AuditEvent = {**values, "number": number, "previous_hash": end.hash}
    entry = {key: value for key, value in entry.items() if value is not None}
    readers = [ADMINISTRATORS, *([steward] if steward else [])]
    shown = {"id": name, "name": name, "name_key": name, "seen_by": readers, "shown_to": readers}
    common = {"access": "closed", "status": "published", "version": 1, "created": values["at"], "updated": values["at"]}
    return {**entry, "own_hash": event_hash(entry), **shown, **common, **({"steward": steward} if steward else {})}


def event_hash(entry: Mapping[str, object]) -> str:
    """Return the SHA-256 hash of an event.

    The hash covers the sealed properties of the event; one of these properties is the hash of the previous event.
    """
    sealed = {name: entry[name] for name in SEALED if entry.get(name) is not None}
    return hashlib.sha256(orjson.dumps(sealed, option=orjson.OPT_SORT_KEYS)).hexdigest()


def first_invalid(entries: Iterable[Mapping[str, Any]], end: LogHead) -> tuple[int, str] | None:
    """Return the number of the first event that was tampered with, and a problem code. If the log is intact, return None.

    `entries` are all events in the order of their numbers. `end` is the recorded end of the log.
    """
    last = LogHead()
    for entry in entries:
        number = last.number + 1
        if entry["number"] != number:
            return number, "MISSING" if entry["number"] > number else "TWICE"
        if entry.get("previous_hash") != last.hash:
            return number, "UNCHAINED"
        if entry.get("own_hash") != event_hash(entry):
            return number, "CHANGED"
        last = LogHead(number, str(entry["own_hash"]))
    if last != end:
        return last.number + 1, "MISSING"
    return None


def key_digests(actor: Actor, key: str, asked: object) -> Mapping[str, object]:
    """Return digests of an idempotency key and of its request, as properties of the audit event.

    `asked` is the request as JSON values. The digest of a key includes the name of the actor, so that two users may use the same
    key. Anonymous senders cannot be distinguished. The digest of their keys therefore includes the request, so that two senders who
    choose the same key do not collide. Only digests are stored, because the request may have to be erased later. Without the key,
    the digests reveal nothing.
    """
    body = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str)
    whose = body if actor == ANONYMOUS else actor.name.encode()
    return {"key": _digest(whose, key.encode()), "asked": _digest(body, key.encode())}


def _digest(*parts: bytes) -> str:
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()


def difference_json(kind: type[Kind], record: str, difference: Difference, ask: Ask) -> str:
    """Return a difference as JSON for the audit log. Each text that may have to be erased is replaced by its digest.

    The digest is the HMAC-SHA-256 (RFC 2104) of the text under the record's salt. The salt is stored separately and erased with the
    text. Text and salt together prove what was written; the digest alone does not reveal even a short text.
    """
    erasable = {name: difference[name] for name in kind.erasable if difference.get(name) is not None}
    if not erasable:
        return orjson.dumps(difference).decode()
    salt = str(ask(audit_log.salt(record, secrets.token_hex(16)))[0][0])
    return orjson.dumps({**difference, **{name: digest(salt, text) for name, text in erasable.items()}}).decode()


def digest(salt: str, text: object) -> str:
    """Return the digest that replaces a text in the audit log."""
    return f"hmac-sha256:{hmac.new(salt.encode(), str(text).encode(), sha256).hexdigest()}"
