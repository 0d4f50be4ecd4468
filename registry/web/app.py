"""The web application: routes, middleware and the readiness check."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, request_response
from starlette.staticfiles import StaticFiles

from registry.auth.oidc import BearerAuthentication, Provider
from registry.config import Settings
from registry.database.answer_cache import AnswerCache, SharedAnswers
from registry.database.driver import ConnectionSettings, Reader, StoreError
from registry.model.definitions import MODEL
from registry.model.kinds import Model
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
from registry.web.form_data import json_file
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
from registry.web.record_views import NeedMatches, RecordPages, prepare_record_pages
from registry.web.reports import ReportPages, ReportRunner, evidence
from registry.web.saved_views import SavedViewPages, SavedViews, SavedViewsMiddleware
from registry.web.search import SearchPages
from schema.reports import ReportSchema
from schema.schema import build_schema
from schema.server import Endpoint, EntityTags, TrustedDocuments

PREPARING_SECONDS = 30.0


async def ready(reader: Reader, request: Request) -> Response:
    """Answer a readiness check: status 200 if the database responds, otherwise 503.

    After a start, the server is ready when the database has the plans of the record pages. If many visitors needed a plan before,
    they would slow it down so much that they exceed the time limit.
    """
    try:
        await reader.connect()
        await reader.stamps()
    except StoreError as error:
        return PlainTextResponse(f"{store_failure(error)}\n", 503, RETRY_SOON)
    if reader.caches_plans and not request.app.state.preparing.done():
        return PlainTextResponse("The pages are being prepared.\n", 503, RETRY_SOON)
    return PlainTextResponse("ok\n")


async def answers_report(cache: AnswerCache, request: Request) -> Response:
    """Show administrators the size of the answer cache of this process, and its hits and misses."""
    if not actor_of(request).is_admin:
        raise HTTPException(404)
    return json_file(cache.report())


def build_app(place: ConnectionSettings, settings: Settings, *, model: Model = MODEL) -> Starlette:
    """Return the ASGI application for one database.

    The application connects to the database at startup. If the database is down then, the first request that finds it running
    connects.
    """
    reader, threads = Reader(place), StoreThreads(place)
    cache = AnswerCache(SharedAnswers(threads.store))
    schema = build_schema(model, cache, introspection=settings.introspection)
    limits = RateLimits(settings)
    provider = Provider(settings) if settings.oidc_issuer else None
    library = Library(settings.reports, SavedRuns(settings.saved_runs), settings.smallest_count)
    answers, graph = ReportRunner(threads, reader, library, cache), PageQueries(schema, reader)
    pages, inbox = ReportPages(answers, library), Inbox(graph, reader)
    documents = map(operation, (*OPERATIONS, *EXAMPLE_OPERATIONS))
    trusted = TrustedDocuments(settings.documents, documents) if settings.documents else None
    layout = partial(
        LayoutMiddleware, badge=InboxBadge(inbox, reader, cache), notice=IllustrativeNotice(graph, reader, cache)
    )
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
        entity_tags=EntityTags(schema.as_str(), reader, cache),
    )
    reports = endpoint(
        ReportSchema(library, answers.report, introspection=settings.introspection),
        page=layout(request_response(graphiql.reports)),
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with suppress(StoreError):
            await reader.connect()
        app.state.preparing = asyncio.create_task(prepare_record_pages(graph, PREPARING_SECONDS))
        yield
        app.state.preparing.cancel()
        await asyncio.wait([app.state.preparing])
        threads.close()
        await limits.close()
        await reader.close()
        if provider is not None:
            await provider.close()

    page_routes = [*_form_routes(graph, reader, threads, inbox), *_page_routes(pages, graph, reader, cache)]
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
            *_other_routes(pages, reader, cache),
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


def _other_routes(pages: ReportPages, reader: Reader, cache: AnswerCache) -> list[BaseRoute]:
    """Return the routes for files, health checks and redirects. The responses of these routes are not pages."""
    return [
        Route("/ready", partial(ready, reader)),
        Route("/health", pages.health),
        Route("/answers.json", partial(answers_report, cache)),
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


def _page_routes(pages: ReportPages, graph: PageQueries, reader: Reader, cache: AnswerCache) -> list[Route]:
    return [
        Route("/", pages.home),
        *Explorer(graph, reader).routes(),
        Route("/reports", pages.reports),
        Route("/reports/schema.json", pages.report_schema),
        *(Route(f"/reports/{{name}}.{one}", pages.report_file) for one in FILES if "." in one),
        Route("/reports/{name}.{format}", pages.report_file),
        Route("/reports/{name}", pages.report),
        *ListPages(graph, reader, cache).routes(),
        *RecordPages(graph, RecordHistories(graph, reader), NeedMatches(graph, reader)).routes(),
        *SearchPages(graph).routes(),
        *ComparePages(graph).routes(),
        Route("/evidence", evidence),
    ]
