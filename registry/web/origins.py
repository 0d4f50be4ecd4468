"""Pages of other sites change nothing here, whoever looks at them (cross-site request forgery).

Browsers say where a request comes from: `Sec-Fetch-Site` (W3C Fetch Metadata), and `Origin` (RFC 6454) where they are
older. The check is that of Go's http.CrossOriginProtection; besides, who brings a session is a browser, and says it.
"""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.web.cookies import SESSION, cookie
from registry.web.problems import refusal
from registry.words import _

SAFE = ("GET", "HEAD", "OPTIONS")


class OwnPagesOnly:
    """Refuses what is more than reading where another site sent it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse in one sentence."""
        if scope["type"] != "http" or scope["method"] in SAFE or _ours(request := Request(scope)):
            await self._app(scope, receive, send)
        else:
            sentence = _("This was sent by a page of another site, so it was not carried out.")
            await refusal(request, 403, "NOT_ALLOWED", sentence)(scope, receive, send)


def _ours(request: Request) -> bool:
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    if origin is not None:
        return origin.partition("://")[2] == request.headers.get("host")
    return cookie(request, SESSION) is None
