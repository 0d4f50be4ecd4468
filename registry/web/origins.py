"""Pages of other sites change nothing here, whoever looks at them (cross-site request forgery).

Browsers say where a request comes from: `Sec-Fetch-Site` (W3C Fetch Metadata), and `Origin` (RFC 6454) where they are
older. The check is that of Go's http.CrossOriginProtection; besides, who brings a session is a browser, and says it.

Other sites cannot load what is here either, such as by an image tag: a person can follow their links, and no more. A page of
theirs thus cannot use up what an office behind one address may ask (a resource isolation policy, as web.dev describes it).
"""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.web.actors import FOR_EVERYBODY
from registry.web.cookies import SESSION, cookie
from registry.web.problems import refusal
from registry.words import _

SAFE = ("GET", "HEAD", "OPTIONS")
FRAMES = ("iframe", "frame", "embed", "object", "fencedframe")


class OwnPagesOnly:
    """Refuses what another site sent, unless a person followed its link."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse in one sentence."""
        if scope["type"] != "http" or scope["path"].startswith(FOR_EVERYBODY):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if not _loaded_elsewhere(request) if scope["method"] in SAFE else _ours(request):
            await self._app(scope, receive, send)
        else:
            sentence = _("This was sent by a page of another site, so it was not carried out.")
            await refusal(request, 403, "NOT_ALLOWED", sentence)(scope, receive, send)


def _loaded_elsewhere(request: Request) -> bool:
    """Tell whether a page of another site loads this, rather than a person who goes here."""
    sent = request.headers
    goes_here = sent.get("sec-fetch-mode") == "navigate" and sent.get("sec-fetch-dest") not in FRAMES
    return sent.get("sec-fetch-site") == "cross-site" and not goes_here


def _ours(request: Request) -> bool:
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    if origin is not None:
        return origin.partition("://")[2] == request.headers.get("host")
    return cookie(request, SESSION) is None
