"""Cursors: opaque texts that hold the sort keys of a record, never an offset."""

import base64
import hashlib
from functools import partial
from typing import Any

import orjson

from registry.plan import Given, Order
from schema.refusal import Refused

LARGEST = 2**63  # what a store can hold


def mark(kind: str, order: tuple[Order, ...]) -> str:
    """Return the mark of a kind and an order; a cursor of another mark is refused."""
    return hashlib.sha256(repr((kind, order)).encode()).hexdigest()[:8]


def write_cursor(marked: str, keys: list[Any]) -> str:
    """Return the cursor of a record with these sort keys, its id last."""
    return base64.urlsafe_b64encode(orjson.dumps([marked, *keys])).decode().rstrip("=")


def read_cursor(marked: str, count: int, cursor: Any) -> list[Any]:
    """Return the sort keys that a cursor holds. Raises Refused."""
    try:
        found = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, list) or found[:1] != [marked] or len(found) != count + 1:
        raise Refused("BAD_REQUEST", "The cursor is none of this list in this order; begin again without it.")
    if not all(map(_is_key, found[1:])) or not isinstance(found[-1], str):
        raise Refused("BAD_REQUEST", "The cursor was changed; begin again without it.")
    return found[1:]


def _is_key(key: Any) -> bool:
    return isinstance(key, str | float) or (isinstance(key, int) and abs(key) < LARGEST)


def keys_of(given: Given, marked: str, count: int) -> tuple[Given, ...]:
    """Return where the keys of a cursor are found, the cursor itself being found at `given`."""
    return tuple(Given(given.path, given.fixed, partial(_key, marked, count, place)) for place in range(count))


def _key(marked: str, count: int, place: int, cursor: Any) -> Any:
    return read_cursor(marked, count, cursor)[place]
