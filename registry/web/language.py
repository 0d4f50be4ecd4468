"""In which language a request is answered: as its address asks, then as its cookie, then as its browser."""

from functools import lru_cache

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.words import LANGUAGES, speaking

COOKIE = "lang"
SAYING = (b"cookie", b"accept-language")


def chosen(scope: Scope, usual: str) -> str:
    """Return the language that a request asks for, `usual` when it asks for none that we speak."""
    if not scope["query_string"] and all(name not in SAYING for name, _value in scope["headers"]):
        return usual  # a script says nothing of it
    request = HTTPConnection(scope)
    named = (request.query_params.get("lang"), request.cookies.get(COOKIE))
    wanted = (*named, *_accepted(request.headers.get("accept-language", "")))
    return next((one for one in wanted if one in LANGUAGES), usual)


@lru_cache(maxsize=100)
def _accepted(header: str) -> list[str]:
    """Return the languages of an Accept-Language header (RFC 9110, 12.5.4), most wanted first."""
    weighed = [_weighed(part) for part in header.split(",")]
    return [language for weight, language in sorted(weighed, key=lambda one: -one[0]) if weight > 0]


def _weighed(part: str) -> tuple[float, str]:
    tag, _semicolon, parameter = part.partition(";")
    try:
        weight = float(parameter.strip().removeprefix("q=") or 1)
    except ValueError:
        weight = 0.0
    return weight, tag.strip().partition("-")[0].lower()


class Speaking:
    """Answers every request in its language."""

    def __init__(self, app: ASGIApp, usual: str) -> None:
        self._app, self._usual = app, usual

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, speaking that language."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with speaking(chosen(scope, self._usual)):
            await self._app(scope, receive, send)
