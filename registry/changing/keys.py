"""The keys that make it harmless to ask for a change again, as the chain of changes keeps them."""

from collections.abc import Mapping
from hashlib import sha256

import orjson

from registry.access import ANONYMOUS, Actor


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
