"""Whether an answer is still as it was: an entity tag made of the graph's last change and of all that an answer rests on."""

import hashlib
import time

from starlette.requests import Request
from strawberry import Schema

from registry import __version__
from registry.access import Actor
from registry.clock import today
from registry.cypher.changes import last_marks
from registry.store import Reader, StoreError
from registry.words import language

KEPT_SECONDS = 1.0


class Freshness:
    """Makes the entity tags of what is asked by GET."""

    def __init__(self, schema: Schema, reader: Reader) -> None:
        self._reader = reader
        self._edition = _digest(__version__, schema.as_str())
        self._marks: list[str] = []
        self._kept_until = 0.0

    async def tag(self, request: Request, actor: Actor, media: str) -> str | None:
        """Return the tag that the answer has now; None when no tool of ours wrote the graph, or the store is away."""
        marks = await self._last_marks()
        query, me = request.url.query, actor.parameter()
        return f'W/"{_digest(marks, query, media, me, language(), today(), self._edition)}"' if marks else None

    async def _last_marks(self) -> list[str]:
        began = time.monotonic()
        if began >= self._kept_until:
            try:
                ((self._marks,),) = (await self._reader.read([last_marks()]))[0]
            except StoreError:
                return []
            self._kept_until = began + KEPT_SECONDS
        return self._marks


def is_known(tag: str, request: Request) -> bool:
    """Tell whether the client has the answer with this tag (RFC 9110, 13.1.2)."""
    sent = request.headers.get("if-none-match", "").split(",")
    return tag.removeprefix("W/") in (one.strip().removeprefix("W/") for one in sent)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
