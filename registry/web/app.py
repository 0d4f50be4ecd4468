"""The web application and its server: routes, connections, worker processes."""

import atexit
import gc
import logging
import multiprocessing
import os
import signal
import sys
from asyncio import CancelledError
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from registry.auth.oidc import BearerAuthentication, Provider
from registry.config import COUNTS_FILE, Settings, SettingsError, load_settings
from registry.database.connect import open_connection
from registry.database.driver import ConnectionSettings, Reader, StoreError
from registry.engine import EngineError
from registry.model.definitions import MODEL
from registry.model.kinds import Model
from registry.reports.catalogue import Library
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
from registry.web.errors import exception_handlers
from registry.web.explorer import OPERATIONS, Explorer
from registry.web.form_data import DownloadAborted
from registry.web.forms.actions import RecordActionPages, TransitionPages
from registry.web.forms.bulk import BulkForms
from registry.web.forms.records import Forms
from registry.web.history import RecordHistories
from registry.web.http_protocol import Protocol
from registry.web.inbox import IllustrativeNotice, Inbox, InboxBadge, LayoutMiddleware
from registry.web.lists import ListPages
from registry.web.middleware import AllowedHostsMiddleware, CSRFMiddleware
from registry.web.queries import PageQueries, operation
from registry.web.rate_limits import CountsFile, RateLimitMiddleware, RateLimits
from registry.web.readiness import Readiness
from registry.web.record_views import NeedMatches, RecordPages
from registry.web.reports import (
    EXAMPLE_QUERY,
    EXAMPLE_REPORT_QUERY,
    ReportPages,
    ReportRunner,
    evidence,
    graphiql_folder,
)
from registry.web.search import SearchPages
from schema.reports import ReportSchema
from schema.schema import build_schema
from schema.server import Endpoint, EntityTags, TrustedDocuments


def build_app(place: ConnectionSettings, settings: Settings, *, model: Model = MODEL) -> Starlette:
    """Return the ASGI application for one store. The connection opens at startup; if the store is down, requests retry it."""
    reader, schema = Reader(place), build_schema(model, introspection=settings.introspection)
    limits = RateLimits(settings)
    provider = Provider(settings) if settings.oidc_issuer else None
    library = Library(settings.reports, SavedRuns(settings.saved_runs), settings.smallest_count)
    threads = StoreThreads(place)
    answers, graph = ReportRunner(threads, reader, library), PageQueries(schema, reader)
    pages, inbox, readiness = ReportPages(answers, library), Inbox(graph, reader), Readiness(reader)
    trusted = TrustedDocuments(settings.documents, map(operation, OPERATIONS)) if settings.documents else None
    endpoint = partial(
        Endpoint,
        reader=reader,
        actor=actor_of,
        trusted=trusted,
        suggesting=settings.introspection,
    )
    graphql = endpoint(
        schema, page=pages.graphiql(EXAMPLE_QUERY), store=threads.store, entity_tags=EntityTags(schema.as_str(), reader)
    )
    reports = endpoint(
        ReportSchema(library, answers.report, introspection=settings.introspection),
        page=pages.graphiql(EXAMPLE_REPORT_QUERY),
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

    layout = partial(LayoutMiddleware, badge=InboxBadge(inbox, reader), notice=IllustrativeNotice(graph, reader))
    page_routes = [*_form_routes(graph, reader, threads, inbox), *_page_routes(pages, graph, reader)]
    page_routes += _sign_in_routes(provider, settings, threads, reader, limits)
    for route in page_routes:
        route.app = layout(route.app)
    app = Starlette(
        # GraphQL first, since routes are matched in order and this one is used most
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
    app.router.default = layout(app.router.default)  # the page for an unknown address
    return app


def _other_routes(pages: ReportPages, readiness: Readiness) -> list[BaseRoute]:
    """Return the routes that show no pages."""
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
        Route("/explore", Explorer(graph).explore),
        Route("/reports", pages.reports),
        Route("/reports/schema.json", pages.report_schema),
        Route("/reports/{name}.vl.json", pages.report_chart),
        Route("/reports/{name}.{format}", pages.report_file),
        Route("/reports/{name}", pages.report),
        *ListPages(graph).routes(),
        *RecordPages(graph, RecordHistories(graph, reader), NeedMatches(graph, reader)).routes(),
        *SearchPages(graph).routes(),
        *ComparePages(graph).routes(),
        Route("/evidence", evidence),
    ]


CONFIG: dict[str, Any] = {
    "log_level": "warning",
    "access_log": False,
    "server_header": False,
    "ws": "none",
    "http": Protocol,
    "timeout_graceful_shutdown": 5,  # seconds for open requests to finish when the server stops
}
STARTUP_FAILURE = 3  # uvicorn's code for a worker that would fail again if it were started again


class Server(uvicorn.Server):
    """A uvicorn server that handles the first stop signal only, so a second Ctrl-C neither forces an exit nor logs errors."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start the shutdown on the first signal and ignore later ones."""
        if not self.should_exit:
            super().handle_exit(sig, frame)


def run_alone(place: ConnectionSettings, settings: Settings, host: str, port: int) -> None:
    """Serve in this process until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises the captured signal again after shutdown
    config = uvicorn.Config(
        _build_frozen_app(place, settings), host=host, port=port, **_proxy_options(settings), **CONFIG
    )
    with suppress(KeyboardInterrupt):
        Server(config).run()


def run_workers(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve in `workers` processes until Ctrl-C or SIGTERM.

    Workers read the settings from the same environment and the engine's passwords from its data directory, so no secret is on
    a command line. A worker that dies is replaced. All workers count requests for the rate limits in one file.
    """
    os.environ["REGISTRY_HOSTS"] = ",".join(settings.hosts)
    with TemporaryDirectory(prefix="registry-", ignore_cleanup_errors=True) as folder:
        if settings.limits is None:
            counts = Path(folder, "counts")
            CountsFile(counts).close()  # create the file once, before the workers open it
            os.environ["REGISTRY_LIMITS"] = f"{COUNTS_FILE}{counts}"
        uvicorn.run(
            f"{__name__}:{worker.__name__}",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            **_proxy_options(settings),
            **CONFIG,
        )


def _proxy_options(settings: Settings) -> dict[str, Any]:
    """Return uvicorn's proxy options: `X-Forwarded-*` headers are trusted from the proxies in the settings only."""
    return {"proxy_headers": bool(settings.proxies), "forwarded_allow_ips": settings.proxies}


def worker() -> Starlette:
    """Return the application of a worker process, which stops when its parent stops it or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C in the terminal
    Thread(target=_end_with_parent, daemon=True).start()
    settings, use = load_settings(), ExitStack()
    atexit.register(use.close)
    try:
        return _build_frozen_app(use.enter_context(open_connection(settings, lasting=True)), settings)
    except (EngineError, SettingsError) as error:
        print(error, file=sys.stderr)
        sys.exit(STARTUP_FAILURE)


def _build_frozen_app(place: ConnectionSettings, settings: Settings) -> Starlette:
    """Return the application and exclude its objects from garbage collection, because they live as long as the process."""
    logging.getLogger("uvicorn.error").addFilter(_is_worth_logging)
    app = build_app(place, settings)
    gc.collect()
    gc.freeze()
    return app


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Return whether to log a record: not if shutdown cancelled a response, or if a cut-off file was logged already."""
    return not (record.exc_info and isinstance(record.exc_info[1], CancelledError | DownloadAborted))


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
