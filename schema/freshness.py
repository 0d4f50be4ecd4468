"""Entity tags: digests of answers, so that only what changes an answer changes its tag."""

import hashlib
import time
from dataclasses import dataclass

from starlette.requests import Request
from strawberry import Schema

from registry import __version__
from registry.access import Actor
from registry.clock import today
from registry.cypher.changes import last_marks
from registry.store import Reader, StoreError
from registry.words import language
from schema.kept import Kept

KEPT_SECONDS = 1.0


@dataclass(frozen=True)
class Asked:
    """A question with all that its answer rests on, but for the graph; and the marks of the graph's last change."""

    key: str
    marks: list[str]


@dataclass(frozen=True)
class Tagged:
    """The tag of an answer that was made while the graph had these marks."""

    tag: str
    marks: list[str]


class Freshness:
    """Makes the entity tags of what is asked by GET.

    A tag is a digest of the answer: a change of what the actor may not see leaves it as it is. The tag is kept with the
    marks of the graph's last change, so that an answer is made again only when the graph has changed.
    """

    def __init__(self, schema: Schema, reader: Reader) -> None:
        self._reader = reader
        self._edition = _digest(__version__, schema.as_str())
        self._marks: list[str] = []
        self._kept_until = 0.0
        self._tags: Kept[Tagged] = Kept()

    async def asked(self, request: Request, actor: Actor, media: str) -> Asked:
        """Return what a request asks."""
        key = _digest(request.url.query, media, actor.parameter(), language(), today(), self._edition)
        return Asked(key, await self._last_marks())

    def tag(self, asked: Asked) -> str | None:
        """Return the tag that the answer has now; None where the answer has to be made to know."""
        found = self._tags.get(asked.key)
        return found.tag if found and asked.marks and found.marks == asked.marks else None

    def made(self, asked: Asked, answer: bytes | memoryview) -> str:
        """Return the tag of an answer that was just made."""
        tag = f'W/"{_digest(asked.key, hashlib.sha256(answer).digest())}"'
        return self._tags.keep(asked.key, Tagged(tag, asked.marks)).tag

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
