"""An entry of the chain of changes, and what shows that nobody touched it: each holds the hash of the one before."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from registry.access import ADMINISTRATORS

SEALED = (
    "number", "at", "actor", "how", "what", "record", "record_kind", "run", "note", "before", "after", "key",
    "asked", "previous_hash",
)  # fmt: skip
Stored = dict[str, object]


@dataclass(frozen=True)
class End:
    """The end of the chain: number and hash of the last entry, 0 and nothing where there is none."""

    number: int = 0
    hash: str = ""


def sealed(end: End, told: Mapping[str, object], steward: str | None) -> Stored:
    """Return what is told of a change as the entry that follows the end of the chain.

    It is read by administrators and by those who act for the steward of the changed record.
    """
    number = end.number + 1
    name = f"change:{number}"
    entry: Stored = {**told, "number": number, "previous_hash": end.hash}
    entry = {key: value for key, value in entry.items() if value is not None}
    readers = [ADMINISTRATORS, *([steward] if steward else [])]
    shown = {"id": name, "name": name, "name_key": name, "seen_by": readers, "shown_to": readers}
    kept = {"access": "closed", "status": "published", "version": 1, "created": told["at"], "updated": told["at"]}
    return {**entry, "own_hash": seal(entry), **shown, **kept, **({"steward": steward} if steward else {})}


def seal(entry: Mapping[str, object]) -> str:
    """Return the hash of an entry: SHA-256 over all that it tells, and the hash of the entry before."""
    told = {name: entry[name] for name in SEALED if entry.get(name) is not None}
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def first_broken(entries: Iterable[Mapping[str, Any]], end: End) -> tuple[int, str] | None:
    """Return the number of the first entry that is not as it was written, and what is wrong; None if all are whole.

    `entries` are all of the chain, by number; `end` is where the chain says that it ends.
    """
    last = End()
    for entry in entries:
        number = last.number + 1
        if entry["number"] != number:
            return number, "MISSING" if entry["number"] > number else "TWICE"
        if entry.get("previous_hash") != last.hash:
            return number, "UNCHAINED"
        if entry.get("own_hash") != seal(entry):
            return number, "CHANGED"
        last = End(number, str(entry["own_hash"]))
    if last != end:
        return last.number + 1, "MISSING"
    return None
