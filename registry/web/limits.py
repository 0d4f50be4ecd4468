"""How much one visitor may ask in a minute: of answers, of what they cost, and of failed attempts to be somebody.

Who is signed in counts by name, so that an office behind one address is not one visitor; everybody else counts by
address, one of IPv6 by its network (a /64 is what one customer has). This machine itself is not limited, but who comes by
a proxy on it is: what that adds last to `X-Forwarded-For` is the address, also where settings do not name the proxy, since
whoever else could write it here need not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from ipaddress import ip_address, ip_network
from typing import Any

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.settings import Settings
from registry.web.actors import FOR_EVERYBODY, signed_in
from registry.web.problems import refusal
from registry.words import _
from schema.paying import spending

Count = Callable[[RateLimitItem, str], Awaitable[bool]]
log = logging.getLogger(__name__)
UNNAMED_PROXY = (
    "Requests come by a proxy on this machine that REGISTRY_PROXIES does not name. Set it, such as to 127.0.0.1, so that"
    " cookies and links are made for https where visitors come by https."
)
LONGEST_NAME = 64  # of an address that a proxy tells
FAILED = (401, 410)  # a token, a session or an invitation that is not valid


class Limits:
    """Counts, in this process or in a Redis that all processes share."""

    def __init__(self, settings: Settings) -> None:
        self._pool = _pool(settings.limits.get_secret_value()) if settings.limits else None
        self._counts = FixedWindowRateLimiter(_storage(self._pool))
        self._requests = RateLimitItemPerMinute(settings.requests_a_minute, namespace="requests")
        self._cost = RateLimitItemPerMinute(settings.cost_a_minute, namespace="cost")
        self._failures = RateLimitItemPerMinute(settings.failures_a_minute, namespace="failures")
        self._told_of_proxy = False

    def visitor(self, scope: Scope) -> str | None:
        """Return whom a request counts for; None where it does not count."""
        if scope["type"] != "http" or not scope.get("client") or scope["path"].startswith(FOR_EVERYBODY):
            return None
        return _visitor(scope["client"][0]) or self._by_proxy_here(scope)

    def _by_proxy_here(self, scope: Scope) -> str | None:
        told = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        visitor = _visitor(told[-1].decode("latin-1").rpartition(",")[2].strip()[:LONGEST_NAME]) if told else None
        if visitor and not self._told_of_proxy:
            log.warning(UNNAMED_PROXY)
            self._told_of_proxy = True
        return visitor

    async def close(self) -> None:
        """Give the connections back."""
        if self._pool is not None:
            await self._pool.aclose()

    async def ask(self, visitor: str) -> int:
        """Count a request; return 0, or the seconds to wait where it is one too many."""
        return await self._wait(self._counts.hit, self._requests, visitor)

    async def spend(self, visitor: str, cost: int) -> int:
        """Count what an answer costs; return 0, or the seconds to wait where it is too much."""
        return await self._wait(partial(self._counts.hit, cost=cost), self._cost, visitor)

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


def _pool(address: str) -> Any:
    from redis.asyncio import ConnectionPool  # which is there where an address is set

    return ConnectionPool.from_url(address)


def _storage(pool: Any) -> Storage:
    if pool is None:
        return MemoryStorage()
    return RedisStorage("async+redis://", implementation="redispy", connection_pool=pool, wrap_exceptions=True)


class FewFailures:
    """Lets an address be wrong about who asks only so often; stands before that is looked up."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse until the minute is over."""
        visitor = self._limits.visitor(scope)
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


class FewRequests:
    """Answers a visitor only so often; stands behind who asks is looked up."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse until the minute is over."""
        address = self._limits.visitor(scope)
        if address is None:
            await self._app(scope, receive, send)
            return
        visitor = _named(scope, address)
        if wait := await self._limits.ask(visitor):
            await _refuse(wait, scope, receive, send)
            return
        with spending(partial(self._limits.spend, visitor)):
            await self._app(scope, receive, send)


@lru_cache(4096)
def _visitor(client: str) -> str | None:
    try:
        address = ip_address(client)
    except ValueError:  # a proxy may name its clients otherwise
        return client
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
