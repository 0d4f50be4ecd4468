"""The pages: home, reports, GraphiQL, and that the server lives."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from registry.access import Actor
from registry.reports.charts import chart
from registry.reports.formats import CHART, FILES
from registry.reports.json_schema import json_schema
from registry.reports.library import Library
from registry.reports.report import Report
from registry.store import StoreError
from registry.values import NOTATIONS, Numeral
from registry.web.actors import NO_STORE, actor_of
from registry.web.addresses import address
from registry.web.answers import Answers, Latest
from registry.web.evidence import links
from registry.web.files import json_file
from registry.web.forms.typed import NOTATION
from registry.web.markup import VARY, page
from registry.web.problems import SOON, away, problem
from registry.words import _, language
from schema.limits import EXPLORE_COST
from schema.paying import pay


class Pages:
    """The pages of one store."""

    def __init__(self, answers: Answers, library: Library) -> None:
        self._answers, self._library = answers, library

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
        """One report as a page, with a form that asks it again; while it runs for the first time, a page that says so."""
        await pay(EXPLORE_COST)
        latest = await self._answers.latest(*self._wanted(request))
        if latest.report is None:
            return self._without(request, latest)
        report = latest.report
        asked = self._library.find(report.name)
        return page(
            request,
            "report.html",
            report=report,
            latest=latest,
            parameters=asked.parameters,
            title=asked.title,
            chart=chart(report),
            notation=NOTATION,
        )

    def _without(self, request: Request, latest: Latest) -> Response:
        """Return what is shown in place of a report: that it runs, and is looked for again in seconds, or that it failed."""
        if latest.failed:
            return problem(request, 503, _("The report could not be made; please try again in a minute."), SOON)
        name = request.path_params["name"]
        response = page(request, "running.html", 202, name=name, title=self._library.find(name).title)
        response.headers.update(NO_STORE | {"Refresh": "3"})
        return response

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
        return await self._answers.report(*self._wanted(request))

    def _wanted(self, request: Request) -> tuple[str, str | None, Mapping[str, object], Actor]:
        """Return which report is asked for: its name, its day, its parameters, and as whom.

        Numbers of a form are read as the language of its page writes them.
        """
        name = request.path_params["name"]
        asked = {key: value for key, value in request.query_params.items() if key != "lang" and value}
        notation, day, parameters = asked.pop(NOTATION, None), asked.pop("as-of", None), dict[str, object](asked)
        if notation in NOTATIONS:
            numbers = {one.name for one in self._library.find(name).parameters if one.type != "text"}
            parameters |= {
                key: Numeral(value, notation) for key, value in asked.items() if key.replace("-", "_") in numbers
            }
        return name, day, parameters, actor_of(request)
