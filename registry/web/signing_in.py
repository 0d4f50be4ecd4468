"""The pages of signing in: by an access token, by the first administrator's link; and the way out.

A session is a credential of its own: the browser keeps a secret that says nothing, and the store knows whose it is.
"""

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from registry.credentials import SESSION as LASTS
from registry.credentials import actor_of_token, end_session, is_invitation, session_by_invitation, session_by_token
from registry.store import Reader
from registry.web.actors import BY_PROVIDER, CHALLENGE, FIRST, LOGIN, LOGOUT, NO_STORE
from registry.web.addresses import address
from registry.web.cookies import PROVIDED, SESSION, cookie, drop_cookie, set_cookie
from registry.web.limits import Limits, too_many
from registry.web.markup import page
from registry.web.posted import posted
from registry.web.tools import Tools
from registry.words import _

OURS = re.compile(r"/(?![/\\])[^\x00-\x20\x7f]*")  # nothing that a browser takes for another host


class SigningIn:
    """Lets people in and out."""

    def __init__(self, tools: Tools, reader: Reader, limits: Limits, *, by_provider: bool) -> None:
        self._tools, self._reader, self._limits, self._by_provider = tools, reader, limits, by_provider

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(LOGIN, self._login),
            Route(LOGIN, self._by_token, methods=["POST"]),
            Route(LOGOUT, self._out, methods=["POST"]),
            Route(FIRST, self._first),
            Route(FIRST, self._by_invitation, methods=["POST"]),
        ]

    async def _login(self, request: Request) -> Response:
        query = request.query_params
        sentence = _("Your session has ended; please sign in again.") if query.get("ended") else ""
        return self._form(request, onward(query.get("next")), sentence)

    async def _by_token(self, request: Request) -> Response:
        form = await posted(request)
        there, token = onward(form.get("next")), form.get("token", "").strip()
        async with self._limits.looking_up(request.scope):
            known = await actor_of_token(self._reader, token) is not None
        session = await self._tools.do(session_by_token, token) if known else None
        if session is None:
            if wait := await self._limits.fail(request.scope):
                return too_many(request, wait)
            sentence = _("This access token is not known, has expired or was revoked.")
            return self._form(request, there, sentence, 401)
        return let_in(request, session, there)

    async def _out(self, request: Request) -> Response:
        session = cookie(request, SESSION)
        if session is not None:
            await self._tools.do(end_session, session)
        response = RedirectResponse("/", 303, NO_STORE)
        drop_cookie(request, response, SESSION)
        drop_cookie(request, response, PROVIDED)
        return response

    async def _first(self, request: Request) -> Response:
        """Show the button that uses the link up; the link alone does nothing, since programs look at links, too.

        A wrong one is no failed attempt: a page of another site can make a browser ask for it.
        """
        code = request.query_params.get("code", "")
        return _first(request, code if await self._invites(request, code) else "")

    async def _by_invitation(self, request: Request) -> Response:
        code = (await posted(request)).get("code", "")
        known = await self._invites(request, code)
        if known and (session := await self._tools.do(session_by_invitation, code)):
            return let_in(request, session, "/")
        wait = await self._limits.fail(request.scope)
        return too_many(request, wait) if wait else _first(request, "")

    async def _invites(self, request: Request, code: str) -> bool:
        async with self._limits.looking_up(request.scope):
            return await is_invitation(self._reader, code)

    def _form(self, request: Request, there: str, sentence: str, status: int = 200) -> Response:
        by_provider = address(BY_PROVIDER, [("next", there)]) if self._by_provider else ""
        response = page(request, "login.html", status, next=there, sentence=sentence, by_provider=by_provider)
        response.headers.update(NO_STORE if status == 200 else NO_STORE | CHALLENGE)
        return response


def onward(path: str | None) -> str:
    """Return the path of ours to go on to; the first page where what is named is none."""
    return path if path and OURS.fullmatch(path) else "/"


def let_in(request: Request, session: str, path: str, *, by_provider: bool = False) -> Response:
    """Go on to a page, signed in."""
    response, seconds = RedirectResponse(path, 303, NO_STORE), int(LASTS.total_seconds())
    set_cookie(request, response, SESSION, session, seconds)
    if by_provider:
        set_cookie(request, response, PROVIDED, "1", seconds)
    elif cookie(request, PROVIDED):
        drop_cookie(request, response, PROVIDED)
    return response


def _first(request: Request, code: str) -> Response:
    response = page(request, "first.html", 200 if code else 410, code=code)
    response.headers.update(NO_STORE)
    return response
