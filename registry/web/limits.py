"""How much one visitor may ask in a minute: of answers, and of failed attempts to be somebody.

Who is signed in counts by name, so that an office behind one address is not one visitor; everybody else counts by
address, one of IPv6 by its network (a /64 is what one customer has). This machine itself is not limited.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address, ip_network

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.settings import Settings
from registry.web.actors import FOR_EVERYBODY, signed_in
from registry.web.problems import refusal
from registry.words import _

Count = Callable[[RateLimitItem, str], Awaitable[bool]]
log = logging.getLogger(__name__)
FAILED = (401, 410)  # a token, a session or an invitation that is not valid


class Limits:
    """Counts, in this process or in a Redis that all processes share."""

    def __init__(self, settings: Settings) -> None:
        place = settings.limits.get_secret_value() if settings.limits else ""
        options: dict[str, str | bool] = {"implementation": "redispy", "wrap_exceptions": True} if place else {}
        self._counts = SlidingWindowCounterRateLimiter(storage_from_string(f"async+{place or 'memory://'}", **options))
        self._requests = RateLimitItemPerMinute(settings.requests_a_minute, namespace="requests")
        self._failures = RateLimitItemPerMinute(settings.failures_a_minute, namespace="failures")

    async def ask(self, visitor: str) -> int:
        """Count a request; return 0, or the seconds to wait where it is one too many."""
        return await self._wait(self._counts.hit, self._requests, visitor)

    async def fail(self, visitor: str) -> None:
        """Count a failed attempt."""
        await self._wait(self._counts.hit, self._failures, visitor)

    async def failing(self, visitor: str) -> int:
        """Return 0, or the seconds to wait where too many attempts have failed."""
        return await self._wait(self._counts.test, self._failures, visitor)

    async def _wait(self, count: Count, item: RateLimitItem, visitor: str) -> int:
        """Count; nobody waits while the Redis is away: a registry that nobody can read helps nobody."""
        try:
            if await count(item, visitor):
                return 0
            return max(1, round((await self._counts.get_window_stats(item, visitor)).reset_time - time.time()))
        except StorageError as error:
            log.warning("Requests are not counted: %s", type(error.storage_error).__name__)
            return 0


class Trying:
    """Lets an address be wrong only so often; stands before who asks is looked up."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse until the minute is over."""
        visitor = _address(scope)
        if visitor is None:
            await self._app(scope, receive, send)
        elif wait := await self._limits.failing(visitor):
            await _refuse(wait, scope, receive, send)
        else:
            await self._app(scope, receive, self._counting(visitor, send))

    def _counting(self, visitor: str, send: Send) -> Send:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in FAILED:
                await self._limits.fail(visitor)
            await send(message)

        return counting


class Asking:
    """Answers a visitor only so often; stands behind who asks is looked up."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse until the minute is over."""
        visitor = _address(scope)
        if visitor is not None and (wait := await self._limits.ask(_named(scope, visitor))):
            await _refuse(wait, scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _address(scope: Scope) -> str | None:
    """Return whom a request counts for; None where it does not count."""
    if scope["type"] != "http" or not scope.get("client") or scope["path"].startswith(FOR_EVERYBODY):
        return None
    try:
        address = ip_address(scope["client"][0])
    except ValueError:  # a proxy may name its clients otherwise
        return str(scope["client"][0])
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return None
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def _named(scope: Scope, address: str) -> str:
    actor = signed_in(HTTPConnection(scope))
    return f"{address} {actor.name}" if actor else address


async def _refuse(wait: int, scope: Scope, receive: Receive, send: Send) -> None:
    sentence = _("These are too many requests; please go on in {n} seconds.").format(n=wait)
    response = refusal(Request(scope), 429, "TOO_COSTLY", sentence, {"Retry-After": str(wait)})
    await response(scope, receive, send)
