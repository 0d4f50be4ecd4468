"""The web application: its routes, and the connections that it keeps while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from registry.model import MODEL
from registry.modelling import Model
from registry.oidc.provider import Provider
from registry.reports.library import Library
from registry.reports.saved import SavedRuns
from registry.settings import Settings
from registry.store import Place, Reader, StoreError
from registry.web import graphiql
from registry.web.actors import actor_of
from registry.web.answers import Answers
from registry.web.bearers import Bearers
from registry.web.by_provider import ByProvider
from registry.web.counting import Counting, Illustrative
from registry.web.evidence import evidence
from registry.web.explore import Explorer
from registry.web.explorer_words import OPERATIONS
from registry.web.forms.doing import Acts
from registry.web.forms.pages import Forms
from registry.web.forms.steps import Steps
from registry.web.forms.tables import Tables
from registry.web.graph import Graph
from registry.web.graphiql import FIRST, FIRST_REPORT
from registry.web.hosts import OursOnly
from registry.web.inbox import Inbox
from registry.web.language import Speaking
from registry.web.limits import FewRequests, Limits
from registry.web.lists import Lists
from registry.web.meeting import Meetings
from registry.web.operations import operation
from registry.web.origins import OwnPagesOnly
from registry.web.pages import Pages
from registry.web.past import Histories
from registry.web.problems import exception_handlers
from registry.web.readiness import Readiness
from registry.web.recognising import Recognised
from registry.web.records import Records
from registry.web.rights import Rights
from registry.web.searches import Searches
from registry.web.security import GRAPHIQL, GRAPHIQL_OF_REPORTS, Secured
from registry.web.sharing import Sharing
from registry.web.signing_in import SigningIn
from registry.web.tools import Tools
from schema.freshness import Freshness
from schema.graph_api import build_schema
from schema.http import Endpoint
from schema.reports_api import ReportSchema
from schema.requests import TrustedDocuments


def build_app(place: Place, settings: Settings, *, model: Model = MODEL) -> Starlette:
    """Return the application for a store. It connects when it starts; a store that is away then is tried again."""
    reader, schema = Reader(place), build_schema(model, introspection=settings.introspection)
    limits = Limits(settings)
    provider = Provider(settings) if settings.oidc_issuer else None
    library, tools = Library(settings.reports, SavedRuns(settings.saved_runs), settings.smallest_count), Tools(place)
    answers, graph = Answers(tools, reader, library), Graph(schema, reader)
    pages, inbox, readiness = Pages(answers, library), Inbox(graph, reader), Readiness(reader)
    trusted = TrustedDocuments(settings.documents, map(operation, OPERATIONS)) if settings.documents else None
    endpoint = partial(
        Endpoint,
        reader=reader,
        actor=actor_of,
        trusted=trusted,
        suggesting=settings.introspection,
    )
    graphql = endpoint(schema, page=pages.graphiql(FIRST), store=tools.store, freshness=Freshness(schema, reader))
    reports = endpoint(
        ReportSchema(library, answers.report, introspection=settings.introspection), page=pages.graphiql(FIRST_REPORT)
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        with suppress(StoreError):
            await reader.connect()
            readiness.begin()
        yield
        await readiness.end()
        tools.close()
        await limits.close()
        await reader.close()
        if provider is not None:
            await provider.close()

    asked_most = Route(GRAPHIQL, graphql)  # first, since routes are tried in turn
    routes = [asked_most, Route("/ready", readiness.ready), *_changing(graph, reader, tools, inbox)]
    routes += _routes(pages, graph, reader, reports)
    return Starlette(
        routes=[*routes, *_entrances(provider, settings, tools, reader, limits)],
        lifespan=lifespan,
        middleware=[
            Middleware(Secured),
            Middleware(Speaking, usual=settings.lang),
            Middleware(OursOnly, hosts=settings.hosts),
            Middleware(OwnPagesOnly),
            Middleware(Recognised, reader=reader, bearer=Bearers(reader, provider, settings), limits=limits),
            Middleware(FewRequests, limits=limits),
            Middleware(Counting, inbox=inbox, reader=reader),
            Middleware(Illustrative, graph=graph),
        ],
        exception_handlers=exception_handlers(settings.lang),
    )


def _changing(graph: Graph, reader: Reader, tools: Tools, inbox: Inbox) -> list[BaseRoute]:
    forms = [*Tables(tools).routes(), *Forms(graph, reader, tools).routes(), *Acts(graph, tools).routes()]
    return [*forms, *Steps(graph, tools).routes(), *inbox.routes()]


def _entrances(
    provider: Provider | None, settings: Settings, tools: Tools, reader: Reader, limits: Limits
) -> list[BaseRoute]:
    by_provider = ByProvider(provider, settings, tools, reader).routes() if provider and settings.oidc_client_id else []
    return [*SigningIn(tools, reader, limits, by_provider=bool(by_provider)).routes(), *by_provider]


def _routes(pages: Pages, graph: Graph, reader: Reader, reports: Endpoint) -> list[BaseRoute]:
    return [
        Route("/", pages.home),
        Route("/explore", Explorer(graph).explore),
        Route("/reports", pages.reports),
        Route(GRAPHIQL_OF_REPORTS, reports),
        Route("/reports/schema.json", pages.report_schema),
        Route("/reports/{name}.vl.json", pages.report_chart),
        Route("/reports/{name}.{format}", pages.report_file),
        Route("/reports/{name}", pages.report),
        *Lists(graph).routes(),
        *Records(graph, Histories(graph, reader), Meetings(graph, reader)).routes(),
        *Rights(graph, reader).routes(),
        *Searches(graph).routes(),
        *Sharing(graph).routes(),
        Route("/evidence", evidence),
        Route("/health", pages.health),
        Mount("/static/graphiql", StaticFiles(directory=graphiql.folder())),
        Mount("/static", StaticFiles(packages=[("registry.web", "static")])),
    ]
