"""Who asks, for tests of pages: a header names one of some actors, as signing in would."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp

from registry.access import Actor, Role

AS = "x-actor"
ACTORS: Mapping[str, Actor] = {
    one.name: one
    for one in (
        Actor("sari", Role.COORDINATOR, frozenset({"dinkes"})),
        Actor("budi", Role.APPROVER, frozenset({"dinkes"})),
        Actor("tono", Role.COORDINATOR, frozenset({"perpus"})),
        Actor("dewi", Role.VIEWER, frozenset({"dinkes"})),
        Actor("admin", Role.ADMIN),
    )
}


class Acting:
    """Answers as the actor that a request names."""

    def __init__(self, app: ASGIApp, actors: Mapping[str, Actor] = ACTORS) -> None:
        self._app, self._actors = app, actors

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = Headers(scope=scope).get(AS) if scope["type"] == "http" else None
        await self._app({**scope, "actor": self._actors[name]} if name else scope, receive, send)
