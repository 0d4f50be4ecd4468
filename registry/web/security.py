"""The headers of every answer: nothing from elsewhere runs, loads, frames or learns of our pages."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# GraphiQL's editor (CodeMirror) places its lines with style attributes and adds style elements while it runs, and its
# style sheet holds its fonts as data: addresses. Scripts stay as strict as everywhere.
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


def secure(headers: list[tuple[bytes, bytes]], path: str) -> None:
    """Add the headers to those of an answer to a request for this path; a policy that it has already stays."""
    if all(name != CONTENT_POLICY for name, _value in headers):
        policy = GRAPHIQL_POLICY if path in (GRAPHIQL, GRAPHIQL_OF_REPORTS) else POLICY
        headers.append((CONTENT_POLICY, policy.encode()))
    headers.extend(HEADERS)


class Secured:
    """Adds the headers to every answer of an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure(message["headers"], scope["path"])
            await send(message)

        await self._app(scope, receive, with_headers)
