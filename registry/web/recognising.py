"""Who asks: the holder of the access token or of the session that a request brings, or nobody we know.

A token or a session that is not valid is never taken for nobody: it is refused, so that who thinks to be signed in does
not read, or write, as a stranger without noticing. What is valid passes, however many others have failed before it.
"""

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.access import Actor
from registry.credentials import actor_of_session
from registry.oidc.provider import ProviderAway
from registry.store import Reader, StoreError
from registry.web.actors import BY_PROVIDER, CHALLENGE, FIRST, FOR_EVERYBODY, LOGIN, LOGOUT, NO_STORE
from registry.web.addresses import address
from registry.web.cookies import PROVIDED, SESSION, cookie, drop_cookie
from registry.web.holding import held, here
from registry.web.limits import Limits, too_many
from registry.web.problems import SOON, away, refusal, unheard
from registry.words import _

ENTRANCES = (LOGIN, LOGOUT, FIRST)
COOKIE = SESSION.encode()
PRIVATE = "private, no-cache"
Bearer = Callable[[str], Awaitable[Actor | None]]


class Unrecognised(Exception):
    """A token or session that makes nobody; `session` says which of the two, the message is a sentence."""

    def __init__(self, sentence: str, *, session: bool = False) -> None:
        super().__init__(sentence)
        self.session = session


def brings_something(scope: Scope) -> bool:
    """Tell whether there is something to look at."""
    return (
        scope["type"] == "http"
        and any(name == b"authorization" or (name == b"cookie" and COOKIE in value) for name, value in scope["headers"])
        and not scope["path"].startswith(FOR_EVERYBODY)
    )


class Recognised:
    """Finds out who asks, where a request says so; what they are answered is kept by nobody else."""

    def __init__(self, app: ASGIApp, reader: Reader, bearer: Bearer, limits: Limits) -> None:
        self._app, self._reader, self._bearer, self._limits = app, reader, bearer, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the holder of what the request brings."""
        await (self._recognised if brings_something(scope) else self._app)(scope, receive, send)

    async def _recognised(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            async with self._limits.looking_up(scope):
                actor = await self._actor(request)
        except Unrecognised as refused:
            response = await self._refusal(request, refused)
            await response(scope, receive, send)
        except StoreError as error:
            await refusal(request, 503, "UNAVAILABLE", away(error), SOON)(scope, receive, send)
        except ProviderAway as error:
            await refusal(request, 503, "UNAVAILABLE", unheard(error), SOON)(scope, receive, send)
        else:
            await self._app(scope if actor is None else {**scope, "actor": actor}, receive, _privately(send, actor))

    async def _refusal(self, request: Request, refused: Unrecognised) -> Response:
        """Return the answer, after counting: a session may end without anybody's fault, so it is a request like others."""
        visitor = self._limits.visitor(request.scope)
        if refused.session:
            wait = await self._limits.ask(visitor) if visitor else 0
        else:
            wait = await self._limits.fail(request.scope)
        return too_many(request, wait) if wait else await _answer(request, refused)

    async def _actor(self, request: Request) -> Actor | None:
        sent = request.headers.get("authorization", "")
        scheme, _space, secret = sent.partition(" ")
        if sent and scheme.lower() != "basic":  # which is for a proxy before us
            if scheme.lower() != "bearer":
                raise Unrecognised(_("An access token is sent as “Authorization: Bearer …”."))
            actor = await self._bearer(secret.strip())
            if actor is None:
                raise Unrecognised(_("This access token is not known, has expired or was revoked."))
            return actor
        session = cookie(request, SESSION)
        if session is None:
            return None
        actor = await actor_of_session(self._reader, session)
        if actor is None and not request.url.path.startswith(ENTRANCES):
            raise Unrecognised(_("Your session has ended; please sign in again."), session=True)
        return actor


async def _answer(request: Request, refused: Unrecognised) -> Response:
    if not refused.session:
        challenge = {"WWW-Authenticate": 'Bearer realm="registry", error="invalid_token"'}
        return refusal(request, 401, "NOT_ALLOWED", str(refused), challenge)
    if "text/html" in request.headers.get("accept", ""):
        silently = request.method == "GET" and cookie(request, PROVIDED)
        login = address(
            BY_PROVIDER if silently else LOGIN, [("silently" if silently else "ended", "1"), ("next", here(request))]
        )
        response = await held(request) or RedirectResponse(login, 303)
        drop_cookie(request, response, SESSION)
    else:  # a script, whose next request must not pass for that of a stranger
        response = refusal(request, 401, "NOT_ALLOWED", str(refused), CHALLENGE)
    response.headers.update(NO_STORE)
    return response


def _privately(send: Send, actor: Actor | None) -> Send:
    async def privately(message: Message) -> None:
        if message["type"] == "http.response.start" and actor is not None:
            headers = MutableHeaders(raw=message["headers"])
            headers.setdefault("Cache-Control", PRIVATE)
            headers.add_vary_header("Authorization")
        await send(message)

    return privately
