"""Middleware that checks the host name of a request (allowed hosts) and refuses cross-site requests (CSRF protection)."""

from collections.abc import Sequence

from cachetools import LRUCache
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.i18n import _
from registry.web.base import OPEN_PATHS, SESSION, cookie
from registry.web.errors import problem, refusal

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class AllowedHostsMiddleware:
    """Middleware that refuses requests for host names that are not allowed.

    Loopback names, such as localhost, and the names in `hosts` are allowed. In `hosts`, `*` allows any name and `*.example.org` any
    subdomain.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._check = TrustedHostMiddleware(_no_app, [*LOOPBACK, *hosts], www_redirect=False)
        self._allowed: LRUCache[bytes, bool] = LRUCache(100)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or refuse it with a message that names the setting for allowed hosts."""
        if scope["type"] != "http" or await self._is_allowed(scope, receive):
            await self._app(scope, receive, send)
        else:
            sentence = _("This host name is not allowed. Allow it with REGISTRY_HOSTS.")
            await problem(Request(scope), 400, sentence)(scope, receive, send)

    async def _is_allowed(self, scope: Scope, receive: Receive) -> bool:
        """Return whether the Host header of a request is allowed.

        Starlette's own middleware does the check: it sends a response only if the host is not allowed. Allowed hosts are cached.
        """
        name = next((value for header, value in scope["headers"] if header == b"host"), b"")
        if self._allowed.get(name):
            return True
        sent = []

        async def collect(message: Message) -> None:
            sent.append(message)

        await self._check(scope, receive, collect)
        if not sent:
            self._allowed[name] = True
        return not sent


async def _no_app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    pass


SAFE = ("GET", "HEAD", "OPTIONS")
FRAMES = ("iframe", "frame", "embed", "object", "fencedframe")


class CSRFMiddleware:
    """Middleware that refuses cross-site requests. A person may still follow a link from another site.

    The middleware reads the Fetch Metadata headers. If a browser does not send these headers, the middleware reads the Origin header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or refuse it with a message."""
        if scope["type"] != "http" or scope["path"].startswith(OPEN_PATHS):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if not _is_cross_site_subresource(request) if scope["method"] in SAFE else _is_same_origin(request):
            await self._app(scope, receive, send)
        else:
            sentence = _("This request came from a page of another site, so it was rejected.")
            await refusal(request, 403, "NOT_ALLOWED", sentence)(scope, receive, send)


def _is_cross_site_subresource(request: Request) -> bool:
    """Return whether a page of another site embeds this response, for example as an image or in a frame.

    A person who follows a link from another site is not refused.
    """
    sent = request.headers
    goes_here = sent.get("sec-fetch-mode") == "navigate" and sent.get("sec-fetch-dest") not in FRAMES
    return sent.get("sec-fetch-site") == "cross-site" and not goes_here


def _is_same_origin(request: Request) -> bool:
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    if origin is not None:
        return origin.partition("://")[2] == request.headers.get("host")
    return cookie(request, SESSION) is None
