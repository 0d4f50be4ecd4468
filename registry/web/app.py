"""The web application: routes, middleware and the readiness check."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, request_response
from starlette.staticfiles import StaticFiles

from registry.analysis.gaps import GAPS
from registry.auth.oidc import BearerAuthentication, Provider
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Reader, StoreError
from registry.database.extract import network
from registry.i18n import _
from registry.model.definitions import MODEL
from registry.model.kinds import Model
from registry.permissions import ANONYMOUS
from registry.reports.catalogue import Library
from registry.reports.export import FILES
from registry.reports.saved import SavedRuns
from registry.web.auth import AuthenticationMiddleware, ProviderSignInPages, SignInPages
from registry.web.base import (
    GRAPHIQL,
    GRAPHIQL_OF_REPORTS,
    LanguageMiddleware,
    SecurityHeadersMiddleware,
    StoreThreads,
    actor_of,
)
from registry.web.compare import ComparePages
from registry.web.csrf import AllowedHostsMiddleware, CSRFMiddleware
from registry.web.errors import RETRY_SOON, exception_handlers, store_failure
from registry.web.explorer import OPERATIONS, Explorer
from registry.web.forms.actions import RecordActionPages, TransitionPages
from registry.web.forms.bulk import BulkForms
from registry.web.forms.records import Forms
from registry.web.graphiql import OPERATIONS as EXAMPLE_OPERATIONS
from registry.web.graphiql import GraphiQLPages, graphiql_folder
from registry.web.history import RecordHistories
from registry.web.inbox import IllustrativeNotice, Inbox, InboxBadge, LayoutMiddleware
from registry.web.lists import ListPages
from registry.web.queries import PageQueries, operation
from registry.web.rate_limits import RateLimitMiddleware, RateLimits
from registry.web.record_views import NeedMatches, RecordPages
from registry.web.reports import ReportPages, ReportRunner, evidence
from registry.web.saved_views import SavedViewPages, SavedViews, SavedViewsMiddleware
from registry.web.search import SearchPages
from schema.reports import ReportSchema
from schema.schema import build_schema
from schema.server import Endpoint, EntityTags, TrustedDocuments

# seconds for the database to plan the query, and seconds that one readiness request waits for that plan
PLANNING, PATIENCE = 120.0, 2.0


class Readiness:
    """Checks that the database is ready, and makes it plan the large query of the gap report before a user runs the report.

    After a start, Neo4j needs more time to plan this query than a single query may take.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._planning: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Return the task that plans the query. If there is no task yet, or if the last task failed, start a new task."""
        if self._planning is None or (self._planning.done() and self._failed(self._planning)):
            self._planning = asyncio.create_task(self._plan())
        return self._planning

    async def end(self) -> None:
        """Cancel the task that plans the query."""
        if self._planning is not None:
            self._planning.cancel()
            with suppress(asyncio.CancelledError, StoreError):
                await self._planning

    async def ready(self, _request: Request) -> Response:
        """Answer a readiness check: status 200 if the database is ready, otherwise 503."""
        try:
            await self._reader.connect()
            planned, _rest = await asyncio.wait([self.begin()], timeout=PATIENCE)
            for one in planned:
                one.result()
        except StoreError as error:
            if self._planning is not None and self._planning.done():
                self._planning = None  # a database that restarted has to plan the query again
            return PlainTextResponse(f"{store_failure(error)}\n", 503, RETRY_SOON)
        if not planned:
            return PlainTextResponse(f"{_('The registry is starting. Try again soon.')}\n", 503, RETRY_SOON)
        return PlainTextResponse("ok\n")

    async def _plan(self) -> None:
        query = network(GAPS.reads, ANONYMOUS)
        # this user sees no record, so the result is empty, but the plan is the same
        empty = Cypher(query.text, {**query.parameters, "me": {"names": []}})
        await self._reader.read([empty], timeout=PLANNING)

    @staticmethod
    def _failed(planning: asyncio.Task[None]) -> bool:
        return planning.cancelled() or planning.exception() is not None


def build_app(place: ConnectionSettings, settings: Settings, *, model: Model = MODEL) -> Starlette:
    """Return the ASGI application for one database.

    The application connects to the database at startup. If the database is down then, the first request that finds it running
    connects.
    """
    reader, schema = Reader(place), build_schema(model, introspection=settings.introspection)
    limits = RateLimits(settings)
    provider = Provider(settings) if settings.oidc_issuer else None
    library = Library(settings.reports, SavedRuns(settings.saved_runs), settings.smallest_count)
    threads = StoreThreads(place)
    answers, graph = ReportRunner(threads, reader, library), PageQueries(schema, reader)
    pages, inbox, readiness = ReportPages(answers, library), Inbox(graph, reader), Readiness(reader)
    documents = map(operation, (*OPERATIONS, *EXAMPLE_OPERATIONS))
    trusted = TrustedDocuments(settings.documents, documents) if settings.documents else None
    layout = partial(LayoutMiddleware, badge=InboxBadge(inbox, reader), notice=IllustrativeNotice(graph, reader))
    graphiql = GraphiQLPages(graph)
    endpoint = partial(
        Endpoint,
        reader=reader,
        actor=actor_of,
        trusted=trusted,
        suggesting=settings.introspection,
    )
    graphql = endpoint(
        schema,
        page=layout(request_response(graphiql.records)),
        store=threads.store,
        entity_tags=EntityTags(schema.as_str(), reader),
    )
    reports = endpoint(
        ReportSchema(library, answers.report, introspection=settings.introspection),
        page=layout(request_response(graphiql.reports)),
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with suppress(StoreError):
            await reader.connect()
            readiness.begin()
        yield
        await readiness.end()
        threads.close()
        await limits.close()
        await reader.close()
        if provider is not None:
            await provider.close()

    page_routes = [*_form_routes(graph, reader, threads, inbox), *_page_routes(pages, graph, reader)]
    page_routes += _sign_in_routes(provider, settings, threads, reader, limits)
    views = SavedViews(graph, reader, threads)
    page_routes += SavedViewPages(views).routes()
    for route in page_routes:
        route.app = layout(SavedViewsMiddleware(route.app, views))
    app = Starlette(
        # Routes are matched in order. GraphQL comes first, because it receives most requests.
        routes=[
            Route(GRAPHIQL, graphql),
            Route(GRAPHIQL_OF_REPORTS, reports),
            *_other_routes(pages, readiness),
            *page_routes,
        ],
        lifespan=lifespan,
        middleware=[
            Middleware(SecurityHeadersMiddleware),
            Middleware(LanguageMiddleware, default=settings.lang),
            Middleware(AllowedHostsMiddleware, hosts=settings.hosts),
            Middleware(CSRFMiddleware),
            Middleware(
                AuthenticationMiddleware,
                reader=reader,
                bearer=BearerAuthentication(reader, provider, settings),
                limits=limits,
            ),
            Middleware(RateLimitMiddleware, limits=limits),
        ],
        exception_handlers=exception_handlers(settings.lang),
    )
    app.router.default = layout(app.router.default)  # shows the page for an unknown address
    return app


def _other_routes(pages: ReportPages, readiness: Readiness) -> list[BaseRoute]:
    """Return the routes for files, health checks and redirects. The responses of these routes are not pages."""
    return [
        Route("/ready", readiness.ready),
        Route("/health", pages.health),
        Mount("/static/graphiql", StaticFiles(directory=graphiql_folder())),
        Mount("/static", StaticFiles(packages=[("registry.web", "static")])),
    ]


def _form_routes(graph: PageQueries, reader: Reader, threads: StoreThreads, inbox: Inbox) -> list[Route]:
    forms = [
        *BulkForms(threads).routes(),
        *Forms(graph, reader, threads).routes(),
        *RecordActionPages(graph, threads).routes(),
    ]
    return [*forms, *TransitionPages(graph, threads).routes(), *inbox.routes()]


def _sign_in_routes(
    provider: Provider | None, settings: Settings, threads: StoreThreads, reader: Reader, limits: RateLimits
) -> list[Route]:
    by_provider = (
        ProviderSignInPages(provider, settings, threads, reader).routes()
        if provider and settings.oidc_client_id
        else []
    )
    return [*SignInPages(threads, reader, limits, by_provider=bool(by_provider)).routes(), *by_provider]


def _page_routes(pages: ReportPages, graph: PageQueries, reader: Reader) -> list[Route]:
    return [
        Route("/", pages.home),
        *Explorer(graph, reader).routes(),
        Route("/reports", pages.reports),
        Route("/reports/schema.json", pages.report_schema),
        *(Route(f"/reports/{{name}}.{one}", pages.report_file) for one in FILES if "." in one),
        Route("/reports/{name}.{format}", pages.report_file),
        Route("/reports/{name}", pages.report),
        *ListPages(graph).routes(),
        *RecordPages(graph, RecordHistories(graph, reader), NeedMatches(graph, reader)).routes(),
        *SearchPages(graph).routes(),
        *ComparePages(graph).routes(),
        Route("/evidence", evidence),
    ]
