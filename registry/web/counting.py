"""How much waits for who is signed in, for the head of every page. Who is not signed in pays nothing for it."""

import logging

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.access import Actor
from registry.clock import today
from registry.cypher.changes import last_marks
from registry.store import Reader, StoreError
from registry.web.actors import signed_in
from registry.web.inbox import Inbox
from schema.paying import Spent

KEPT = 256
log = logging.getLogger(__name__)


class Counting:
    """Puts the number as `waiting` beside who asks; it is kept until the graph changes or the day ends."""

    def __init__(self, app: ASGIApp, inbox: Inbox, reader: Reader) -> None:
        self._app, self._inbox, self._reader = app, inbox, reader
        self._kept: dict[Actor, tuple[object, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the number where a page is asked for."""
        if scope["type"] != "http" or not (me := signed_in(request := Request(scope))):
            await self._app(scope, receive, send)
            return
        if "text/html" in request.headers.get("accept", ""):
            scope = {**scope, "waiting": await self._waiting(me)}
        await self._app(scope, receive, send)

    async def _waiting(self, me: Actor) -> int:
        try:
            ((marks,),) = (await self._reader.read([last_marks()]))[0]
            state, number = self._kept.get(me, (None, 0))
            if marks and state == (marks, today()):
                return number
            number = sum(part.waiting for part in await self._inbox.parts(me))
        except StoreError as error:
            log.warning("%s", error)
            return 0
        except Spent:  # what is asked for may cost nothing, so it is answered without the number
            return 0
        if len(self._kept) >= KEPT:
            self._kept.clear()
        self._kept[me] = (marks, today()), number
        return number
