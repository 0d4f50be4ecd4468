"""The lists: one address a kind, as page, JSON and CSV."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from registry.access import Actor
from registry.clock import today
from registry.model import MODEL
from registry.modelling import Kind
from registry.web import list_page
from registry.web.actors import actor_of
from registry.web.addresses import graphiql_path
from registry.web.allowed import EDITED, may_register
from registry.web.asked import SORTS, Asked
from registry.web.files import csv_file, json_file
from registry.web.graph import Graph
from registry.web.listing import operation, variables
from registry.web.markup import page
from registry.web.names import names
from registry.web.problems import Unanswerable
from registry.web.selecting import facts, main_links
from registry.web.showing import Data, far_records
from registry.words import _
from schema.building import CLOSED_LISTS
from schema.limits import EXPORT_COST, PAGE
from schema.names import camel
from schema.paying import paid, pay

MOST_NAMED = 50
Endpoint = Callable[[Request], Awaitable[Response]]
Answer = Callable[[type[Kind], Request], Awaitable[Response]]
COMMON = ("id", "name", "access", "status", "updated", "withheld")


class Lists:
    """The lists of every kind."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def routes(self) -> list[BaseRoute]:
        """Return the routes: the name of a kind's records, as a page and as files."""
        pages = {"": self._page, ".json": self._json, ".csv": self._csv}
        return [Route(f"/{kind.plural}{end}", of_kind(kind, answer)) for kind in MODEL for end, answer in pages.items()]

    async def _page(self, kind: type[Kind], request: Request) -> Response:
        asked, me = Asked.of(kind, request.query_params), actor_of(request)
        data = await self._asked(asked, me)
        found = data[camel(kind.plural)]
        called = await names(self._graph, list_page.ids_to_name(asked), me)
        return page(
            request,
            "list.html",
            asked=asked,
            sorts=SORTS,
            found=found,
            rows=list_page.rows(asked, data, today()),
            facets=list_page.facets(asked, data, called),
            chips=list_page.chips(asked, called),
            registering=kind in EDITED and may_register(me),
            narrowed=asked.by_details and not me.everything,
            pages=_beside(asked, found["pageInfo"]),
            graphiql=graphiql_path(operation(asked), variables(asked)),
        )

    async def _json(self, kind: type[Kind], request: Request) -> Response:
        return json_file(await self._asked(Asked.of(kind, request.query_params), actor_of(request)))

    async def _csv(self, kind: type[Kind], request: Request) -> Response:
        asked, me = replace(Asked.of(kind, request.query_params).from_the_start(), first=PAGE), actor_of(request)
        first = await self._rows(asked, me)
        await pay(min(first["totalCount"] * len(_headings(kind)), EXPORT_COST))
        return csv_file(request, kind.plural, self._lines(asked, me, first))

    async def _lines(self, asked: Asked, me: Actor, found: Data) -> AsyncIterator[list[Any]]:
        """Yield the headings, then a line for each record there is, page after page."""
        yield _headings(asked.kind)
        while True:
            for record in found["nodes"]:
                yield _line(asked.kind, record)
            if not found["pageInfo"]["hasNextPage"]:
                return
            with paid():
                found = await self._rows(replace(asked, after=found["pageInfo"]["endCursor"]), me)

    async def _rows(self, asked: Asked, me: Actor) -> Data:
        text = operation(asked, named=MOST_NAMED, facets=False)
        data = await self._graph.ask(text, variables(asked, facets=False), me)
        rows: Data = data[camel(asked.kind.plural)]
        return rows

    async def _asked(self, asked: Asked, me: Actor) -> Data:
        try:
            return await self._graph.ask(operation(asked), variables(asked), me)
        except HTTPException as refused:
            if refused.status_code != 400 or not (asked.after or asked.before):
                raise
            sentence = _("This page of the list cannot be found.")
            raise Unanswerable(sentence, asked.from_the_start().path(), _("Go to its first page")) from None


def of_kind(kind: type[Kind], answer: Answer) -> Endpoint:
    """Return what answers requests, told of which kind the records are that are asked for."""

    async def endpoint(request: Request) -> Response:
        return await answer(kind, request)

    return endpoint


def _beside(asked: Asked, info: Data) -> dict[str, str]:
    """Return the addresses of the pages before and after."""
    before = {"before": asked.from_the_start(before=info["startCursor"]).path()} if info["hasPreviousPage"] else {}
    return before | ({"after": asked.from_the_start(after=info["endCursor"]).path()} if info["hasNextPage"] else {})


def _headings(kind: type[Kind]) -> list[str]:
    """Return the headings of a file. Of a link to many the first are named, and it is said how many there are."""
    ends = [(end.name, "id", "name", *([] if end.single else ["count"])) for end in main_links(kind)]
    return [
        *COMMON,
        *(one.name for one in facts(kind)),
        *(f"{name}.{heading}" for name, *headings in ends for heading in headings),
    ]


def _line(kind: type[Kind], record: Data) -> list[Any]:
    cells = [record[name].lower() if name in CLOSED_LISTS else record[name] for name in COMMON]
    cells += [record[camel(one.name)] for one in facts(kind)]
    for end in main_links(kind):
        far = far_records(end, record[camel(end.name)])
        cells += [[one["id"] for one in far], [one["name"] for one in far]]
        if not end.single:
            cells.append(record[f"{camel(end.name)}Count"])
    return cells
