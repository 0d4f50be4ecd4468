"""What people may ask to have erased, as the chain of changes tells it: nothing that could be guessed once it is erased."""

import hmac
import secrets
from hashlib import sha256

import orjson

from registry.changing.state import Difference
from registry.cypher import contacts
from registry.modelling import Kind
from registry.store import Ask


def told(kind: type[Kind], record: str, difference: Difference, ask: Ask) -> str:
    """Return a difference as an entry tells it: of what may have to be erased, a digest only.

    It is the HMAC-SHA-256 (RFC 2104) of the text under a salt of the record, which is kept apart and erased with the text:
    who has both can show that this is what was said; of the digest alone not even a short text can be guessed.
    """
    erasable = {name: difference[name] for name in kind.erasable if difference.get(name) is not None}
    if not erasable:
        return orjson.dumps(difference).decode()
    salt = str(ask(contacts.salt(record, secrets.token_hex(16)))[0][0])
    return orjson.dumps({**difference, **{name: digest(salt, text) for name, text in erasable.items()}}).decode()


def digest(salt: str, text: object) -> str:
    """Return the digest by which the chain tells of a text."""
    return f"hmac-sha256:{hmac.new(salt.encode(), str(text).encode(), sha256).hexdigest()}"
