"""The web application: routes, the stores it asks, and the headers of every answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.access import ANONYMOUS
from registry.model import MODEL
from registry.settings import Settings
from registry.store import Place, Reader
from registry.web.pages import Pages
from schema.graph_api import build_schema
from schema.http import Endpoint

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data:; font-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def build_app(place: Place, settings: Settings) -> Starlette:
    """Return the application for a store; it connects when it starts."""
    reader = Reader(place)
    pages = Pages(place, reader, settings)
    graphql = Endpoint(build_schema(MODEL), reader, lambda request: ANONYMOUS, pages.graphiql)
    routes = [
        Route("/", pages.home),
        Route("/reports", pages.reports),
        Route("/reports/{name}.{format}", pages.report_file),
        Route("/reports/{name}", pages.report),
        Route("/graphql", graphql),
        Route("/health", pages.health),
        Route("/ready", pages.ready),
        Mount("/static/graphiql", StaticFiles(directory=_graphiql())),
        Mount("/static", StaticFiles(packages=[("registry.web", "static")])),
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with reader:
            yield
        pages.close()

    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Headers)],
        exception_handlers=pages.exception_handlers(),
    )


class Headers:
    """Adds the security headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers."""
        # GraphiQL's editor sets style attributes and style elements while it runs; no page of ours does.
        policy = POLICY.format(styles=" 'unsafe-inline'" if scope.get("path") == "/graphql" else "")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
            await send(message)

        await self._app(scope, receive, with_headers)


def _graphiql() -> str:
    package = "graphene_django_graphiql_static"
    return str(files(package).joinpath("static", package))
