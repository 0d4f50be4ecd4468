"""Who asks, for tests that are not about how they are recognised: a header says it."""

from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.permissions import Actor

HEADER = "X-Actor"


def acting(app: ASGIApp, actors: Mapping[str, Actor]) -> ASGIApp:
    """Return an application that takes who asks from a header; who does not send it is nobody."""

    async def as_actor(scope: Scope, receive: Receive, send: Send) -> None:
        named = dict(scope.get("headers", ())).get(HEADER.lower().encode(), b"").decode()
        await app({**scope, "actor": actors[named]} if named else scope, receive, send)

    return as_actor


def by(actor: str) -> httpx.Headers:
    return httpx.Headers({HEADER: actor})
