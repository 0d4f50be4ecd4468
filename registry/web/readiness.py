"""The readiness check: the store answers, and has planned the longest query."""

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from registry.analysis.gaps import GAPS
from registry.database.driver import Cypher, Reader, StoreError
from registry.database.extract import network
from registry.i18n import _
from registry.permissions import ANONYMOUS
from registry.web.errors import RETRY_SOON, store_failure

PLANNING, PATIENCE = 120.0, 2.0  # seconds that a cold store may take to plan, and that a request waits for it


class Readiness:
    """Makes a cold store plan the query of the gap report before the first user asks for it.

    Neo4j needs longer to plan it after a start than the time limit of one query.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._planning: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Start planning, unless it has started; start again if it failed."""
        if self._planning is None or (self._planning.done() and self._failed(self._planning)):
            self._planning = asyncio.create_task(self._plan())
        return self._planning

    async def end(self) -> None:
        """Stop planning."""
        if self._planning is not None:
            self._planning.cancel()
            with suppress(asyncio.CancelledError, StoreError):
                await self._planning

    async def ready(self, _request: Request) -> Response:
        """Return 200 if the server is ready, otherwise 503."""
        try:
            await self._reader.connect()
            planned, _rest = await asyncio.wait([self.begin()], timeout=PATIENCE)
            for one in planned:
                one.result()
        except StoreError as error:
            if self._planning is not None and self._planning.done():
                self._planning = None  # a store that restarted has to plan again
            return PlainTextResponse(f"{store_failure(error)}\n", 503, RETRY_SOON)
        if not planned:
            return PlainTextResponse(f"{_('The registry is starting. Try again soon.')}\n", 503, RETRY_SOON)
        return PlainTextResponse("ok\n")

    async def _plan(self) -> None:
        query = network(GAPS.reads, ANONYMOUS)
        empty = Cypher(query.text, {**query.parameters, "me": {"names": []}})  # the same plan, with an empty result
        await self._reader.read([empty], timeout=PLANNING)

    @staticmethod
    def _failed(planning: asyncio.Task[None]) -> bool:
        return planning.cancelled() or planning.exception() is not None
