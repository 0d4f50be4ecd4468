"""Whether an answer is still as it was: an entity tag made of the graph's last change and of all that an answer rests on."""

import hashlib

from starlette.requests import Request
from strawberry import Schema

from registry import __version__
from registry.access import Actor
from registry.cypher.changes import last_marks
from registry.store import Reader, StoreError
from registry.values import today
from registry.words import language


class Freshness:
    """Makes the entity tags of what is asked by GET."""

    def __init__(self, schema: Schema, reader: Reader) -> None:
        self._reader = reader
        self._edition = __version__, schema.as_str()

    async def tag(self, request: Request, actor: Actor, media: str) -> str | None:
        """Return the tag that the answer has now; None when no tool of ours wrote the graph, or the store is away."""
        try:
            ((marks,),) = (await self._reader.read([last_marks()]))[0]
        except StoreError:
            return None
        rests_on = (marks, request.url.query, media, actor.parameter(), language(), today(), self._edition)
        return f'W/"{hashlib.sha256(repr(rests_on).encode()).hexdigest()[:32]}"' if marks else None


def is_known(tag: str, request: Request) -> bool:
    """Tell whether the client has the answer with this tag (RFC 9110, 13.1.2)."""
    sent = request.headers.get("if-none-match", "").split(",")
    return tag.removeprefix("W/") in (one.strip().removeprefix("W/") for one in sent)
