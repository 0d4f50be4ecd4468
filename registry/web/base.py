"""Code that all pages share: the actor, cookies, URL paths, the language, database threads, and security headers."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote, urlencode

from anyio import to_thread
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.analysis.report import Evidence, ReportRow
from registry.database.driver import PATIENCE, ConnectionSettings, Store
from registry.i18n import LANGUAGES, use_language
from registry.model.definitions import MODEL
from registry.model.kinds import End, snake
from registry.permissions import ANONYMOUS, Actor

NO_STORE = {"Cache-Control": "no-store"}  # for responses that only this user may see, and only now
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="registry"'}
LOGIN, LOGOUT, INVITATION = "/login", "/logout", "/first"
OPEN_PATHS = (
    "/static/",
    "/health",
    "/ready",
)  # paths that need no authentication and have no rate limits or CSRF checks
PROVIDER_LOGIN, PROVIDER_CALLBACK = "/login/provider", "/login/back"


def actor_of(request: HTTPConnection) -> Actor:
    """Return the actor of a request: the signed-in user, or `ANONYMOUS`."""
    return signed_in(request) or ANONYMOUS


def signed_in(request: HTTPConnection) -> Actor | None:
    """Return the signed-in user of a request, or None if nobody is signed in."""
    actor: Actor | None = request.scope.get("actor")
    return actor


SESSION = "registry-session"
PROVIDER_SESSION = (
    "registry-provided"  # marks a browser whose session began at the identity provider, which can renew it
)


def cookie(request: HTTPConnection, name: str) -> str | None:
    """Return the value of a cookie that the registry set. If the request does not have the cookie, return None."""
    return request.cookies.get(_cookie_name(request, name)) or None


def set_cookie(request: HTTPConnection, response: Response, name: str, value: str, seconds: int) -> None:
    """Set an HTTP-only, SameSite=Lax cookie that expires after `seconds`."""
    secure = request.scope["scheme"] == "https"
    response.set_cookie(
        _cookie_name(request, name), value, seconds, path="/", secure=secure, httponly=True, samesite="lax"
    )


def drop_cookie(request: HTTPConnection, response: Response, name: str) -> None:
    """Delete a cookie in the browser."""
    set_cookie(request, response, name, "", 0)


def _cookie_name(request: HTTPConnection, name: str) -> str:
    return f"__Host-{name}" if request.scope["scheme"] == "https" else name


QueryPairs = Iterable[tuple[str, str]]
MAX_INPUT = 100


def list_path(kind: str, pairs: QueryPairs = ()) -> str:
    """Return the path of the list of a kind, with query parameters."""
    return address(f"/{MODEL[kind].plural}", pairs)


def record_path(kind: str, record: str) -> str:
    """Return the path of a record."""
    return f"/{MODEL[kind].plural}/{quote(record, safe=':~')}"


def address(path: str, pairs: QueryPairs = ()) -> str:
    """Return the URL of a path with query parameters.

    The characters `:`, `~` and `,`, which occur in ids, are not percent-encoded.
    """
    query = urlencode(list(pairs), safe=":~,")
    return f"{path}?{query}" if query else path


def graphiql_path(operation: str, variables: Mapping[str, Any]) -> str:
    """Return the path that opens an operation and its variables in GraphiQL."""
    return address(
        "/graphql", [("operation", operation), ("variables", json.dumps(variables, ensure_ascii=False, indent=2))]
    )


def evidence_path(rests_on: Iterable[Evidence]) -> str:
    """Return the path that opens GraphiQL with a query for the given records."""
    return address("/evidence", [(param(snake(one.kind)), one.id) for one in rests_on])


FINDING = "finding"


def finding_id(row: ReportRow) -> str:
    """Return a short identifier of a row of a report. It is the same in every run of the report."""
    return sha256("\n".join(row.key).encode()).hexdigest()[:12]


def finding_path(report: str, row: ReportRow, pairs: QueryPairs = ()) -> str:
    """Return the path of the page that shows one row of a report. `pairs` are the day and the parameters of the run."""
    return address(f"/reports/{report}", [*pairs, (FINDING, finding_id(row))])


def param(name: str) -> str:
    """Return the query parameter for a property or link: `level-of-government` for `level_of_government`."""
    return name.replace("_", "-")


def clean_input(text: str, longest: int | None = MAX_INPUT) -> str:
    """Clean user input: remove NUL characters, collapse whitespace to single spaces, and cut the text to `longest` characters."""
    return " ".join(text.replace("\x00", "").split())[:longest]


def other_end(end: End) -> End:
    """Return a link as seen from its other kind: for `Agency.provides`, return `Service.providers`."""
    there = MODEL[end.target].ends.values()
    return next(one for one in there if one.link is end.link and one.outgoing is not end.outgoing)


LANGUAGE_COOKIE = "lang"
LANGUAGE_HEADERS = (b"cookie", b"accept-language")


def requested_language(scope: Scope, default: str) -> str:
    """Return the language that a request asks for. If the request names no supported language, return `default`."""
    if not scope["query_string"] and all(name not in LANGUAGE_HEADERS for name, _value in scope["headers"]):
        return default  # most scripts send no `lang` parameter and neither of these headers
    request = HTTPConnection(scope)
    explicit = (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE))
    candidates = (*explicit, *_accepted_languages(request.headers.get("accept-language", "")))
    return next((one for one in candidates if one in LANGUAGES), default)


@lru_cache(maxsize=100)
def _accepted_languages(header: str) -> list[str]:
    """Yield the languages of an Accept-Language header (RFC 9110, 12.5.4), the most preferred first."""
    weighed = [_weight_and_language(part) for part in header.split(",")]
    return [language for weight, language in sorted(weighed, key=lambda one: -one[0]) if weight > 0]


def _weight_and_language(part: str) -> tuple[float, str]:
    tag, _semicolon, parameter = part.partition(";")
    try:
        weight = float(parameter.strip().removeprefix("q=") or 1)
    except ValueError:
        weight = 0.0
    return weight, tag.strip().partition("-")[0].lower()


class LanguageMiddleware:
    """Middleware that sets the language for each request."""

    def __init__(self, app: ASGIApp, default: str) -> None:
        self._app, self._default = app, default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request in the language that it asks for."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with use_language(requested_language(scope, self._default)):
            await self._app(scope, receive, send)


P = ParamSpec("P")
T = TypeVar("T")


class StoreThreads:
    """Opens the database at first use, and runs blocking work with it in threads."""

    def __init__(self, place: ConnectionSettings) -> None:
        self._place = place
        self._store: Store | None = None
        self._opening = Lock()

    def store(self) -> Store:
        """Return the open database. Raises StoreError."""
        with self._opening:
            if self._store is None:
                self._store = Store(self._place, patience=PATIENCE)
            return self._store

    async def run(self, work: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` with the database in a thread and return its result. Raises StoreError."""
        return await to_thread.run_sync(lambda: work(self.store(), *args, **kwargs))

    def close(self) -> None:
        """Close the database connections if they are open."""
        if self._store is not None:
            self._store.close()


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# GraphiQL's editor (CodeMirror) positions its lines with style attributes, adds style elements at run time, and its style
# sheet embeds its fonts as data: URLs. Scripts are as restricted as on other pages.
GRAPHIQL_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "font-src 'self'", "font-src 'self' data:"
)
GRAPHIQL, GRAPHIQL_OF_REPORTS = "/graphql", "/reports/graphql"
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
CONTENT_POLICY = b"content-security-policy"


def add_security_headers(headers: list[tuple[bytes, bytes]], path: str) -> None:
    """Add the security headers for a path to the headers of a response. An existing Content-Security-Policy is not replaced."""
    if all(name != CONTENT_POLICY for name, _value in headers):
        policy = GRAPHIQL_POLICY if path in (GRAPHIQL, GRAPHIQL_OF_REPORTS) else POLICY
        headers.append((CONTENT_POLICY, policy.encode()))
    headers.extend(HEADERS)


class SecurityHeadersMiddleware:
    """Middleware that adds the security headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request and add the security headers to its response."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_security_headers(message["headers"], scope["path"])
            await send(message)

        await self._app(scope, receive, with_headers)
