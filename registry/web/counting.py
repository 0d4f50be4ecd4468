"""How much waits for who is signed in, for the head of every page. Who is not signed in pays nothing for it."""

import logging
import time

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.access import Actor
from registry.store import StoreError
from registry.web.actors import signed_in
from registry.web.inbox import Inbox
from schema.paying import Spent

FRESH, KEPT = 30.0, 256
log = logging.getLogger(__name__)


class Counting:
    """Puts the number as `waiting` beside who asks; it is kept for half a minute, or until somebody changes something."""

    def __init__(self, app: ASGIApp, inbox: Inbox) -> None:
        self._app, self._inbox = app, inbox
        self._kept: dict[Actor, tuple[float, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the number where a page is asked for."""
        if scope["type"] != "http" or not (me := signed_in(request := Request(scope))):
            await self._app(scope, receive, send)
            return
        if "text/html" in request.headers.get("accept", ""):
            scope = {**scope, "waiting": await self._waiting(me)}
        try:
            await self._app(scope, receive, send)
        finally:
            if request.method not in ("GET", "HEAD"):
                self._kept.clear()

    async def _waiting(self, me: Actor) -> int:
        until, number = self._kept.get(me, (0.0, 0))
        if until > time.monotonic():
            return number
        try:
            number = sum(part.waiting for part in await self._inbox.parts(me))
        except StoreError as error:
            log.warning("%s", error)
            return 0
        except Spent:  # what is asked for may cost nothing, so it is answered without the number
            return 0
        if len(self._kept) >= KEPT:
            self._kept.clear()
        self._kept[me] = time.monotonic() + FRESH, number
        return number
