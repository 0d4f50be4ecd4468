"""Signing in through the site's provider: the code flow of OpenID Connect with PKCE (RFC 7636), state and nonce.

All three come of one random secret, which the browser keeps in a cookie for ten minutes: who comes back without it began
elsewhere.

A session by the provider lasts an hour, so that roles and agencies are never older. When it has ended, the browser is sent to
the provider once more, which says at once who it is (`prompt=none`), or that somebody has to sign in.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from registry.credentials import session_of
from registry.oidc.claims import actor_of_claims
from registry.oidc.provider import Provider, ProviderAway
from registry.oidc.tokens import Untrusted, identity
from registry.settings import Settings
from registry.store import Reader
from registry.web.actors import BACK, BY_PROVIDER, LOGIN, NO_STORE
from registry.web.addresses import address
from registry.web.cookies import PROVIDED, cookie, drop_cookie, set_cookie
from registry.web.problems import SOON, Unanswerable, problem, unheard
from registry.web.signing_in import let_in, onward
from registry.web.tools import Tools
from registry.words import _

BEGUN, MINUTES = "registry-signing-in", 10
ASKS_A_PERSON = ("login_required", "interaction_required", "consent_required", "account_selection_required")


class ByProvider:
    """Lets people in whom the provider knows."""

    def __init__(self, provider: Provider, settings: Settings, tools: Tools, reader: Reader) -> None:
        self._provider, self._settings, self._tools, self._reader = provider, settings, tools, reader

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route(BY_PROVIDER, self._begin), Route(BACK, self._back)]

    async def _begin(self, request: Request) -> Response:
        secret, there = secrets.token_urlsafe(32), onward(request.query_params.get("next"))
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
        except ProviderAway as error:
            return _away(request, error)
        response = RedirectResponse(to, 303, NO_STORE)
        set_cookie(request, response, BEGUN, f"{secret}.{quote(there, safe='')}", MINUTES * 60)
        return response

    async def _back(self, request: Request) -> Response:
        secret, _dot, there = (cookie(request, BEGUN) or "").partition(".")
        query, there = request.query_params, onward(unquote(there))
        begun = secret and secrets.compare_digest(_derived("state", secret), query.get("state", ""))
        if not begun or query.get("iss", self._provider.issuer) != self._provider.issuer:  # RFC 9207
            raise _not_signed_in(there)
        if query.get("error") in ASKS_A_PERSON:
            response: Response = RedirectResponse(address(LOGIN, [("ended", "1"), ("next", there)]), 303, NO_STORE)
            drop_cookie(request, response, PROVIDED)
            return response
        try:
            session = await self._session(query.get("code", ""), secret, _redirect_uri(request))
        except ProviderAway as error:
            return _away(request, error)
        except Untrusted:
            raise _not_signed_in(there) from None
        response = let_in(request, session, there, by_provider=True)
        drop_cookie(request, response, BEGUN)
        return response

    async def _session(self, code: str, secret: str, redirect_uri: str) -> str:
        token = await self._provider.id_token(code, verifier=secret, redirect_uri=redirect_uri) if code else None
        if token is None:
            raise Untrusted
        claims = await identity(self._provider, token, _derived("nonce", secret))
        return await self._tools.do(session_of, await actor_of_claims(self._reader, claims, self._settings))


def _redirect_uri(request: Request) -> str:
    return str(request.url.replace(path=BACK, query="", fragment=""))


def _derived(purpose: str, secret: str) -> str:
    return hashlib.sha256(f"{purpose} {secret}".encode()).hexdigest()


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _not_signed_in(there: str) -> Unanswerable:
    again = address(LOGIN, [("next", there)])
    return Unanswerable(_("You were not signed in; please try again."), again, _("Sign in"), 403)


def _away(request: Request, error: ProviderAway) -> Response:
    return problem(request, 503, unheard(error), SOON)
