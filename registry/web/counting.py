"""What stands around every page: how much waits for who is signed in, and whether records are invented."""

import logging
import time

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.access import ANONYMOUS, Actor
from registry.clock import today
from registry.cypher.changes import last_marks
from registry.store import Reader, StoreError
from registry.web.actors import signed_in
from registry.web.graph import Graph
from registry.web.inbox import Inbox
from schema.paying import Spent, paid

FRESH, KEPT = 30.0, 256
Waiting = tuple[int, bool]  # how much, and whether there may be more
NOTHING: Waiting = (0, False)
ILLUSTRATIVE = """query Illustrative {
  sources(where: {illustrative: {eq: true}}, order: [{name: ASC}], first: 20) { nodes { name } }
}
"""
log = logging.getLogger(__name__)


class Counting:
    """Puts the number as `waiting` beside who asks; it is kept until the graph changes or the day ends."""

    def __init__(self, app: ASGIApp, inbox: Inbox, reader: Reader) -> None:
        self._app, self._inbox, self._reader = app, inbox, reader
        self._kept: dict[Actor, tuple[object, Waiting]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the number where a page is asked for."""
        if scope["type"] != "http" or not (me := signed_in(request := Request(scope))):
            await self._app(scope, receive, send)
            return
        if "text/html" in request.headers.get("accept", ""):
            number, more = await self._waiting(me)
            scope = {**scope, "waiting": number, "waiting_more": more}
        await self._app(scope, receive, send)

    async def _waiting(self, me: Actor) -> Waiting:
        try:
            ((marks,),) = (await self._reader.read([last_marks()]))[0]
            state, waiting = self._kept.get(me, (None, NOTHING))
            if marks and state == (marks, today()):
                return waiting
            parts = await self._inbox.parts(me)
        except StoreError as error:
            log.warning("%s", error)
            return NOTHING
        except Spent:  # what is asked for may cost nothing, so it is answered without the number
            return NOTHING
        waiting = sum(part.waiting for part in parts), any(part.full and part.waiting for part in parts)
        if len(self._kept) >= KEPT:
            self._kept.clear()
        self._kept[me] = (marks, today()), waiting
        return waiting


class Illustrative:
    """Puts the names of sources with invented records as `illustrative` beside who asks; they are kept for half a minute."""

    def __init__(self, app: ASGIApp, graph: Graph) -> None:
        self._app, self._graph = app, graph
        self._until = 0.0
        self._names: tuple[str, ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the names where a page is asked for."""
        if scope["type"] == "http" and "text/html" in Request(scope).headers.get("accept", ""):
            scope = {**scope, "illustrative": await self._sources()}
        await self._app(scope, receive, send)

    async def _sources(self) -> tuple[str, ...]:
        if self._until <= time.monotonic():
            try:
                with paid():
                    found = (await self._graph.ask(ILLUSTRATIVE, {}, ANONYMOUS))["sources"]["nodes"]
            except StoreError as error:
                log.warning("%s", error)
                return self._names
            self._names, self._until = tuple(one["name"] for one in found), time.monotonic() + FRESH
        return self._names
