"""Authentication of requests, the sign-in pages, and the page that keeps a submitted form until the user has signed in."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.auth.credentials import SESSION as SESSION_LIFETIME
from registry.auth.credentials import (
    actor_of_session,
    actor_of_token,
    end_session,
    is_invitation,
    session_by_invitation,
    session_by_token,
    start_session,
)
from registry.auth.oidc import Provider, ProviderUnavailable, Untrusted, actor_of_claims, identity
from registry.config import Settings
from registry.database.driver import Reader, StoreError
from registry.i18n import _
from registry.permissions import Actor
from registry.web.base import (
    CHALLENGE,
    INVITATION,
    LOGIN,
    LOGOUT,
    NO_STORE,
    OPEN_PATHS,
    PROVIDER_CALLBACK,
    PROVIDER_LOGIN,
    PROVIDER_SESSION,
    SESSION,
    StoreThreads,
    address,
    cookie,
    drop_cookie,
    set_cookie,
    signed_in,
)
from registry.web.errors import RETRY_SOON, UserError, problem, provider_failure, refusal, store_failure
from registry.web.form_data import read_form
from registry.web.rate_limits import RateLimits, too_many_requests
from registry.web.templating import page

LOCAL_PATH = re.compile(
    r"/(?![/\\])[^\x00-\x20\x7f]*"
)  # a path on this host: browsers never read it as the address of another host


class SignInPages:
    """The sign-in and sign-out pages for users with an access token or an invitation link."""

    def __init__(self, threads: StoreThreads, reader: Reader, limits: RateLimits, *, by_provider: bool) -> None:
        self._threads, self._reader, self._limits, self._by_provider = threads, reader, limits, by_provider

    def routes(self) -> list[Route]:
        """Return the routes of these pages."""
        return [
            Route(LOGIN, self._login),
            Route(LOGIN, self._by_token, methods=["POST"]),
            Route(LOGOUT, self._logout, methods=["POST"]),
            Route(INVITATION, self._invitation),
            Route(INVITATION, self._by_invitation, methods=["POST"]),
        ]

    async def _login(self, request: Request) -> Response:
        query = request.query_params
        sentence = _("Your session has ended; please sign in again.") if query.get("ended") else ""
        return self._form(request, safe_path(query.get("next")), sentence)

    async def _by_token(self, request: Request) -> Response:
        form = await read_form(request)
        path, token = safe_path(form.get("next")), form.get("token", "").strip()
        async with self._limits.credential_lookup(request.scope):
            known = await actor_of_token(self._reader, token) is not None
        session = await self._threads.run(session_by_token, token) if known else None
        if session is None:
            if wait := await self._limits.count_failure(request.scope):
                return too_many_requests(request, wait)
            sentence = _("This access token is not known, has expired or was revoked.")
            return self._form(request, path, sentence, 401)
        return sign_in_response(request, session, path)

    async def _logout(self, request: Request) -> Response:
        session = cookie(request, SESSION)
        if session is not None:
            await self._threads.run(end_session, session)
        response = RedirectResponse("/", 303, NO_STORE)
        drop_cookie(request, response, SESSION)
        drop_cookie(request, response, PROVIDER_SESSION)
        return response

    async def _invitation(self, request: Request) -> Response:
        """Show the button that accepts an invitation.

        Opening the link does not accept the invitation, because mail scanners open links too. A wrong code does not count as a
        failed sign-in, because a page of another site can make a browser request it.
        """
        code = request.query_params.get("code", "")
        return _invitation_page(request, code if await self._is_invitation(request, code) else "")

    async def _by_invitation(self, request: Request) -> Response:
        code = (await read_form(request)).get("code", "")
        known = await self._is_invitation(request, code)
        if known and (session := await self._threads.run(session_by_invitation, code)):
            return sign_in_response(request, session, "/")
        wait = await self._limits.count_failure(request.scope)
        return too_many_requests(request, wait) if wait else _invitation_page(request, "")

    async def _is_invitation(self, request: Request, code: str) -> bool:
        async with self._limits.credential_lookup(request.scope):
            return await is_invitation(self._reader, code)

    def _form(self, request: Request, path: str, sentence: str, status: int = 200) -> Response:
        by_provider = address(PROVIDER_LOGIN, [("next", path)]) if self._by_provider else ""
        response = page(request, "login.html", status, next=path, sentence=sentence, by_provider=by_provider)
        response.headers.update(NO_STORE if status == 200 else NO_STORE | CHALLENGE)
        return response


def safe_path(path: str | None) -> str:
    """Return the path to open after sign-in. If `path` is missing or leads to another host, return `/`."""
    return path if path and LOCAL_PATH.fullmatch(path) else "/"


def sign_in_response(request: Request, session: str, path: str, *, by_provider: bool = False) -> Response:
    """Return a response that redirects to a path and sets the session cookie."""
    response, seconds = RedirectResponse(path, 303, NO_STORE), int(SESSION_LIFETIME.total_seconds())
    set_cookie(request, response, SESSION, session, seconds)
    if by_provider:
        set_cookie(request, response, PROVIDER_SESSION, "1", seconds)
    elif cookie(request, PROVIDER_SESSION):
        drop_cookie(request, response, PROVIDER_SESSION)
    return response


def _invitation_page(request: Request, code: str) -> Response:
    response = page(request, "invitation.html", 200 if code else 410, code=code)
    response.headers.update(NO_STORE)
    return response


PENDING_SIGN_IN, MINUTES = "registry-signing-in", 10
INTERACTION_ERRORS = ("login_required", "interaction_required", "consent_required", "account_selection_required")


class ProviderSignInPages:
    """The pages for sign-in with an OpenID Connect provider (authorization code flow with PKCE)."""

    def __init__(self, provider: Provider, settings: Settings, threads: StoreThreads, reader: Reader) -> None:
        self._provider, self._settings, self._threads, self._reader = provider, settings, threads, reader

    def routes(self) -> list[Route]:
        """Return the routes of these pages."""
        return [Route(PROVIDER_LOGIN, self._start), Route(PROVIDER_CALLBACK, self._callback)]

    async def _start(self, request: Request) -> Response:
        secret, path = secrets.token_urlsafe(32), safe_path(request.query_params.get("next"))
        prompt = {"prompt": "none"} if request.query_params.get("silently") else {}
        try:
            to = await self._provider.sign_in_address(
                redirect_uri=_redirect_uri(request),
                state=_derived("state", secret),
                nonce=_derived("nonce", secret),
                code_challenge=_challenge(secret),
                code_challenge_method="S256",
                **prompt,
            )
        except ProviderUnavailable as error:
            return _provider_unavailable(request, error)
        response = RedirectResponse(to, 303, NO_STORE)
        set_cookie(request, response, PENDING_SIGN_IN, f"{secret}.{quote(path, safe='')}", MINUTES * 60)
        return response

    async def _callback(self, request: Request) -> Response:
        secret, _dot, path = (cookie(request, PENDING_SIGN_IN) or "").partition(".")
        query, path = request.query_params, safe_path(unquote(path))
        is_valid = secret and secrets.compare_digest(_derived("state", secret), query.get("state", ""))
        if (
            not is_valid or query.get("iss", self._provider.issuer) != self._provider.issuer
        ):  # RFC 9207: the response names its issuer
            raise _not_signed_in(path)
        if query.get("error") in INTERACTION_ERRORS:
            response: Response = RedirectResponse(address(LOGIN, [("ended", "1"), ("next", path)]), 303, NO_STORE)
            drop_cookie(request, response, PROVIDER_SESSION)
            return response
        try:
            session = await self._session(query.get("code", ""), secret, _redirect_uri(request))
        except ProviderUnavailable as error:
            return _provider_unavailable(request, error)
        except Untrusted:
            raise _not_signed_in(path) from None
        response = sign_in_response(request, session, path, by_provider=True)
        drop_cookie(request, response, PENDING_SIGN_IN)
        return response

    async def _session(self, code: str, secret: str, redirect_uri: str) -> str:
        token = await self._provider.id_token(code, verifier=secret, redirect_uri=redirect_uri) if code else None
        if token is None:
            raise Untrusted
        claims = await identity(self._provider, token, _derived("nonce", secret))
        return await self._threads.run(start_session, await actor_of_claims(self._reader, claims, self._settings))


def _redirect_uri(request: Request) -> str:
    return str(request.url.replace(path=PROVIDER_CALLBACK, query="", fragment=""))


def _derived(purpose: str, secret: str) -> str:
    return hashlib.sha256(f"{purpose} {secret}".encode()).hexdigest()


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _not_signed_in(path: str) -> UserError:
    login = address(LOGIN, [("next", path)])
    return UserError(_("You were not signed in; please try again."), login, _("Sign in"), 403)


def _provider_unavailable(request: Request, error: ProviderUnavailable) -> Response:
    return problem(request, 503, provider_failure(error), RETRY_SOON)


MAX_FORM_BYTES, MAX_FORM_FIELDS = 500_000, 2_000  # the same limits as for the largest form


async def resume_page(request: Request) -> Response | None:
    """Return a page that keeps the submitted form until the user has signed in again.

    If the user is signed in, or if the request has no form, return None.
    """
    if request.method != "POST" or signed_in(request):
        return None
    try:
        form = await read_form(request, longest=MAX_FORM_BYTES, fields=MAX_FORM_FIELDS)
    except HTTPException:
        return None
    login = address(LOGIN, [("next", "/inbox")])
    response = page(request, "resume.html", 401, form=form, action=current_path(request), login=login)
    response.headers.update(NO_STORE | CHALLENGE)
    return response


def current_path(request: Request) -> str:
    """Return the path of a request, with its query string."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


SIGN_IN_PATHS = (LOGIN, LOGOUT, INVITATION)
COOKIE = SESSION.encode()
PRIVATE = "private, no-cache"
Bearer = Callable[[str], Awaitable[Actor | None]]


class InvalidCredentials(Exception):
    """A request has an access token or a session that is unknown or expired.

    If the credential is a session, `session` is true. The message is a sentence for the user.
    """

    def __init__(self, sentence: str, *, session: bool = False) -> None:
        super().__init__(sentence)
        self.session = session


def has_credentials(scope: Scope) -> bool:
    """Return whether a request has a token or session cookie that must be checked."""
    return (
        scope["type"] == "http"
        and any(name == b"authorization" or (name == b"cookie" and COOKIE in value) for name, value in scope["headers"])
        and not scope["path"].startswith(OPEN_PATHS)
    )


class AuthenticationMiddleware:
    """Middleware that sets `scope["actor"]` from a bearer token or session cookie.

    The middleware also prevents shared caches from storing responses to signed-in users.
    """

    def __init__(self, app: ASGIApp, reader: Reader, bearer: Bearer, limits: RateLimits) -> None:
        self._app, self._reader, self._bearer, self._limits = app, reader, bearer, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request as the user of its token or session. If the token or session is invalid, refuse the request."""
        await (self._authenticate if has_credentials(scope) else self._app)(scope, receive, send)

    async def _authenticate(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            async with self._limits.credential_lookup(scope):
                actor = await self._actor(request)
        except InvalidCredentials as refused:
            response = await self._refusal(request, refused)
            await response(scope, receive, send)
        except StoreError as error:
            await refusal(request, 503, "UNAVAILABLE", store_failure(error), RETRY_SOON)(scope, receive, send)
        except ProviderUnavailable as error:
            await refusal(request, 503, "UNAVAILABLE", provider_failure(error), RETRY_SOON)(scope, receive, send)
        else:
            await self._app(
                scope if actor is None else {**scope, "actor": actor}, receive, _with_private_cache(send, actor)
            )

    async def _refusal(self, request: Request, error: InvalidCredentials) -> Response:
        """Return the response to invalid credentials, and count the failed sign-in.

        An expired session does not count as a failed sign-in, because every session expires.
        """
        visitor = self._limits.visitor(request.scope)
        if error.session:
            wait = await self._limits.count_request(visitor) if visitor else 0
        else:
            wait = await self._limits.count_failure(request.scope)
        return too_many_requests(request, wait) if wait else await _invalid_credentials_response(request, error)

    async def _actor(self, request: Request) -> Actor | None:
        sent = request.headers.get("authorization", "")
        scheme, _space, secret = sent.partition(" ")
        if sent and scheme.lower() != "basic":  # a proxy in front of the registry may use basic credentials
            if scheme.lower() != "bearer":
                raise InvalidCredentials(_("Send the access token in the header “Authorization: Bearer …”."))
            actor = await self._bearer(secret.strip())
            if actor is None:
                raise InvalidCredentials(_("This access token is not known, has expired or was revoked."))
            return actor
        session = cookie(request, SESSION)
        if session is None:
            return None
        actor = await actor_of_session(self._reader, session)
        if actor is None and not request.url.path.startswith(SIGN_IN_PATHS):
            raise InvalidCredentials(_("Your session has ended; please sign in again."), session=True)
        return actor


async def _invalid_credentials_response(request: Request, error: InvalidCredentials) -> Response:
    if not error.session:
        challenge = {"WWW-Authenticate": 'Bearer realm="registry", error="invalid_token"'}
        return refusal(request, 401, "NOT_ALLOWED", str(error), challenge)
    if "text/html" in request.headers.get("accept", ""):
        silently = request.method == "GET" and cookie(request, PROVIDER_SESSION)
        login = address(
            PROVIDER_LOGIN if silently else LOGIN,
            [("silently" if silently else "ended", "1"), ("next", current_path(request))],
        )
        response = await resume_page(request) or RedirectResponse(login, 303)
        drop_cookie(request, response, SESSION)
    else:  # The client is a script: if its next request were anonymous, it would not notice the error.
        response = refusal(request, 401, "NOT_ALLOWED", str(error), CHALLENGE)
    response.headers.update(NO_STORE)
    return response


def _with_private_cache(send: Send, actor: Actor | None) -> Send:
    async def privately(message: Message) -> None:
        if message["type"] == "http.response.start" and actor is not None:
            headers = MutableHeaders(raw=message["headers"])
            headers.setdefault("Cache-Control", PRIVATE)
            headers.add_vary_header("Authorization")
        await send(message)

    return privately
