"""The pages: home, reports, GraphiQL, and how the server is."""

import asyncio
from collections.abc import Awaitable, Callable

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from registry.reports.charts import chart
from registry.reports.formats import CHART, FILES
from registry.reports.json_schema import json_schema
from registry.reports.library import Library
from registry.reports.report import Report
from registry.store import Reader, StoreError
from registry.values import NOTATIONS, Numeral
from registry.web.actors import actor_of
from registry.web.addresses import address
from registry.web.answers import Answers
from registry.web.evidence import links
from registry.web.files import json_file
from registry.web.forms.typed import NOTATION
from registry.web.markup import VARY, page
from registry.web.problems import SOON, away
from registry.words import language
from schema.limits import EXPLORE_COST
from schema.paying import pay


class Pages:
    """The pages of one store."""

    def __init__(self, reader: Reader, answers: Answers, library: Library) -> None:
        self._reader, self._answers, self._library = reader, answers, library

    async def home(self, request: Request) -> Response:
        """Search, counts, and what needs attention; while the store is away a sentence that says so."""
        if request.query_params.get("q"):
            return RedirectResponse(address("/search", request.query_params.multi_items()), 307)
        me = actor_of(request)
        try:
            counts, attention = await asyncio.gather(self._answers.counts(me), self._answers.attention(me))
        except StoreError as error:
            response = page(request, "away.html", 503, q="", sentence=away(error))
            response.headers.update(SOON)
            return response
        return page(request, "home.html", q="", counts=counts, attention=attention)

    async def reports(self, request: Request) -> Response:
        """The list of reports."""
        return page(request, "reports.html", questions=list(self._library.questions().values()))

    async def report(self, request: Request) -> Response:
        """One report as a page, with a form that asks it again."""
        report = await self._asked(request)
        asked = self._library.find(report.name)
        return page(
            request,
            "report.html",
            report=report,
            parameters=asked.parameters,
            title=asked.title,
            chart=chart(report),
            notation=NOTATION,
        )

    async def report_file(self, request: Request) -> Response:
        """One report as a file, the same rows."""
        return await self._file(request, request.path_params["format"])

    async def report_chart(self, request: Request) -> Response:
        """The chart of a report as Vega-Lite; 404 where it has none."""
        return await self._file(request, CHART)

    async def report_schema(self, _request: Request) -> Response:
        """The JSON Schema of every report as JSON, those of the site too."""
        return json_file(json_schema(self._library.questions()))

    def graphiql(self, first: str) -> Callable[[Request], Awaitable[Response]]:
        """GraphiQL, with the operation and the variables that the address holds, or with `first` to try."""

        async def graphiql(request: Request) -> Response:
            operation, variables = (request.query_params.get(name, "") for name in ("operation", "variables"))
            return page(request, "graphiql.html", operation=operation, variables=variables, first=first)

        return graphiql

    async def health(self, _request: Request) -> Response:
        """Say that the process lives."""
        return PlainTextResponse("ok\n")

    async def ready(self, _request: Request) -> Response:
        """Say whether the store answers; 503 when it does not."""
        try:
            await self._reader.connect()
        except StoreError as error:
            return PlainTextResponse(f"{away(error)}\n", 503, SOON)
        return PlainTextResponse("ok\n")

    async def _file(self, request: Request, extension: str) -> Response:
        """Write a report in a thread, since a long one takes its time."""
        chosen = FILES.get(extension)
        if chosen is None:
            raise HTTPException(404)
        report = await self._asked(request)
        name = f'inline; filename="{report.name}-{report.as_of}.{extension}"'
        headers = {"Content-Disposition": name, "Content-Language": language(), **VARY, **chosen.headers}
        shown_at = [links(str(request.base_url).rstrip("/"))] if chosen.linked else []
        content = await to_thread.run_sync(chosen.write, report, *shown_at)
        return Response(content, media_type=chosen.media_type, headers=headers)

    async def _asked(self, request: Request) -> Report:
        await pay(EXPLORE_COST)
        asked = {key: value for key, value in request.query_params.items() if key != "lang" and value}
        notation = asked.pop(NOTATION, None)
        if notation in NOTATIONS:
            numbers = {
                one.name for one in self._library.find(request.path_params["name"]).parameters if one.type != "text"
            }
            asked = {
                key: Numeral(value, notation) if key.replace("-", "_") in numbers else value
                for key, value in asked.items()
            }
        return await self._answers.report(
            request.path_params["name"], asked.pop("as-of", None), asked, actor_of(request)
        )
