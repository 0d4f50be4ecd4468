"""Rate limits per client and minute: requests, query cost and failed sign-ins."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from asyncio import Semaphore
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.config import COUNTS_FILE, Settings, SettingsError
from registry.i18n import ngettext
from registry.web.base import OPEN_PATHS, signed_in
from registry.web.errors import refusal
from schema.limits import spending

Count = Callable[[RateLimitItem, str], Awaitable[bool]]
log = logging.getLogger(__name__)
UNNAMED_PROXY = (
    "Requests come by a proxy on this machine that REGISTRY_PROXIES does not name. Set it, such as to 127.0.0.1, so that"
    " cookies and links are made for https where visitors come by https."
)
LONGEST_NAME = 64  # the longest client address that is read from a forwarded header
MAX_LOOKUPS = 4  # the number of concurrent sign-in checks for all clients that failed too often
PORT = re.compile(r"\[(?P<six>[^]]*)\](:\d*)?|(?P<four>[\d.]+):\d*")
TABLE = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = OFF",  # counts are kept for a minute, so losing them in a crash does no harm
    "CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, count INTEGER, expires REAL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS expiring ON counts (expires)",
)
EXPIRED = "DELETE FROM counts WHERE expires <= ?"
INCREASE = (
    "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET count = count + excluded.count RETURNING count"
)


class RateLimits:
    """The rate limits and the counts of each client.

    The counts are kept in one of three places: in this process, in a file that all processes of one machine share, or in a Redis
    server that several machines share.
    """

    def __init__(self, settings: Settings) -> None:
        shared = settings.limits.get_secret_value() if settings.limits else ""
        self._pool = _pool(shared) if shared and not shared.startswith(COUNTS_FILE) else None
        self._storage = _storage(self._pool, shared)
        self._counts = FixedWindowRateLimiter(self._storage)
        self._few = Semaphore(MAX_LOOKUPS)
        self._requests = RateLimitItemPerMinute(settings.requests_a_minute, namespace="requests")
        self._cost = RateLimitItemPerMinute(settings.cost_a_minute, namespace="cost")
        self._failures = RateLimitItemPerMinute(settings.failures_a_minute, namespace="failures")
        self._warned_of_proxy = False

    def visitor(self, scope: Scope) -> str | None:
        """Return the account or address whose limits apply to a request. If no limits apply to the request, return None."""
        if scope["type"] != "http" or not scope.get("client") or scope["path"].startswith(OPEN_PATHS):
            return None
        return _client_key(scope["client"][0]) or self._forwarded_visitor(scope)

    def _forwarded_visitor(self, scope: Scope) -> str | None:
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        visitor = (
            _client_key(forwarded[-1].decode("latin-1").rpartition(",")[2].strip()[:LONGEST_NAME])
            if forwarded
            else None
        )
        if visitor and not self._warned_of_proxy:
            log.warning(UNNAMED_PROXY)
            self._warned_of_proxy = True
        return visitor

    async def close(self) -> None:
        """Close the connections to the storage if they are open."""
        if self._pool is not None:
            await self._pool.aclose()
        if isinstance(self._storage, CountsFile):
            self._storage.close()

    async def count_request(self, visitor: str) -> int:
        """Count a request. If the client made too many requests, return the seconds to wait, otherwise 0."""
        return await self._wait(self._counts.hit, self._requests, visitor)

    async def count_cost(self, visitor: str, cost: int) -> int:
        """Count the cost of a query. If the client's cost budget is used up, return the seconds to wait, otherwise 0."""
        return await self._wait(partial(self._counts.hit, cost=cost), self._cost, visitor)

    async def count_failure(self, scope: Scope) -> int:
        """Count a failed sign-in. If the client failed too often, return the seconds to wait, otherwise 0."""
        visitor = self.visitor(scope)
        return await self._wait(self._counts.hit, self._failures, visitor) if visitor else 0

    @asynccontextmanager
    async def credential_lookup(self, scope: Scope) -> AsyncIterator[None]:
        """Return a context manager for looking up a token or session.

        The number of concurrent look-ups is limited for clients that failed too often. Guessing tokens therefore costs the server
        little.
        """
        visitor = self.visitor(scope)
        if visitor and await self._wait(self._counts.test, self._failures, visitor):
            async with self._few:
                yield
        else:
            yield

    async def _wait(self, count: Count, item: RateLimitItem, visitor: str) -> int:
        """Count one event and return the seconds to wait.

        If the storage does not respond, return 0, so that the registry stays readable.
        """
        try:
            if await count(item, visitor):
                return 0
            return max(1, round((await self._counts.get_window_stats(item, visitor)).reset_time - time.time()))
        except StorageError as error:
            log.warning("Requests are not counted: %s", type(error.storage_error).__name__)
            return 0


def _pool(address: str) -> Any:
    from redis.asyncio import ConnectionPool  # the package is installed only if the settings have a Redis address

    return ConnectionPool.from_url(address)


def _storage(pool: Any, shared: str) -> Storage:
    if pool is not None:
        return RedisStorage("async+redis://", implementation="redispy", connection_pool=pool, wrap_exceptions=True)
    return CountsFile(Path(shared.removeprefix(COUNTS_FILE))) if shared else MemoryStorage()


class CountsFile(Storage):
    """Storage of the `limits` library: an SQLite file that the processes of one machine share. A count takes 40 microseconds."""

    STORAGE_SCHEME = None  # `limits` finds storages by URL scheme; this storage is made directly

    def __init__(self, path: Path) -> None:
        super().__init__(wrap_exceptions=True)
        try:
            self._file = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
            for text in TABLE:
                self._file.execute(text)
        except sqlite3.Error as error:
            raise SettingsError(f"Requests cannot be counted in {path} (REGISTRY_LIMITS): {error}.") from None

    @property
    def base_exceptions(self) -> type[Exception]:
        """The exceptions that the storage may raise."""
        return sqlite3.Error

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to a count that expires after `expiry` seconds, and return the new count."""
        now = time.time()
        self._file.execute("BEGIN IMMEDIATE")
        try:
            self._file.execute(EXPIRED, (now,))
            ((count,),) = self._file.execute(INCREASE, (key, amount, now + expiry)).fetchall()
        finally:
            self._file.execute("COMMIT")
        return int(count)

    async def get(self, key: str) -> int:
        """Return the value of a count."""
        return int(self._found("count", key, 0))

    async def get_expiry(self, key: str) -> float:
        """Return when a count expires, as a Unix time."""
        return float(self._found("expires", key, time.time()))

    async def check(self) -> bool:
        """Return True if the file can be read."""
        self._file.execute("SELECT 1 FROM counts LIMIT 1")
        return True

    async def reset(self) -> int:
        """Delete all counts, and return how many there were."""
        return self._file.execute("DELETE FROM counts").rowcount

    async def clear(self, key: str) -> None:
        """Delete a count."""
        self._file.execute("DELETE FROM counts WHERE key = ?", (key,))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _found(self, column: str, key: str, otherwise: float) -> Any:
        text = f"SELECT {column} FROM counts WHERE key = ? AND expires > ?"  # nosec B608 # the column is one of two literals
        rows = self._file.execute(text, (key, time.time())).fetchall()
        return rows[0][0] if rows else otherwise


class RateLimitMiddleware:
    """Middleware that limits the requests and the query cost of each client. It runs after authentication."""

    def __init__(self, app: ASGIApp, limits: RateLimits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. If the client is over its limit, refuse the request until the minute is over."""
        address = self._limits.visitor(scope)
        if address is None:
            await self._app(scope, receive, send)
            return
        visitor = _visitor_key(scope, address)
        if wait := await self._limits.count_request(visitor):
            await too_many_requests(Request(scope), wait)(scope, receive, send)
            return
        with spending(partial(self._limits.count_cost, visitor)):
            await self._app(scope, receive, send)


@lru_cache(4096)
def _client_key(client: str) -> str | None:
    if match := PORT.fullmatch(client):
        client = match["six"] or match["four"]
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:  # a proxy may send an identifier in place of the client's address
        return client
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return None
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def _visitor_key(scope: Scope, address: str) -> str:
    actor = signed_in(HTTPConnection(scope))
    return f"{address} {actor.name}" if actor else address


def too_many_requests(request: Request, wait: int) -> Response:
    """Return the response to a request over the limit. `wait` is in seconds."""
    sentence = ngettext(
        "Too many requests. Try again in {n} second.", "Too many requests. Try again in {n} seconds.", wait
    )
    return refusal(request, 429, "TOO_COSTLY", sentence.format(n=wait), {"Retry-After": str(wait)})
