"""The pages: home, reports, GraphiQL, and how the server is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from registry.access import ANONYMOUS
from registry.cypher.read import write
from registry.model import MODEL
from registry.plan import AllOf, Compare, Given, Page, Select, Total
from registry.records import fold
from registry.reports.catalogue import QUESTIONS, find_question, run_report
from registry.reports.render import as_csv, as_json, shown, summary
from registry.reports.report import Report, ReportError
from registry.settings import Settings
from registry.store import Place, Reader, Store, StoreError
from registry.words import LANGUAGES, _, speaking

COUNTED = ("Agency", "Service", "Resource", "Need", "Partnership")
FOUND, LONGEST_SEARCH, ATTENTION = 8, 100, 8
NOT_RETIRED = Compare("status", "ne", Given(fixed="retired"))


class Pages:
    """The pages of one store. Reports run in a thread, on a connection pool of their own."""

    def __init__(self, place: Place, reader: Reader, settings: Settings) -> None:
        self._place, self._reader, self._settings = place, reader, settings
        self._store: Store | None = None
        self._templates = Environment(loader=PackageLoader("registry.web"), autoescape=select_autoescape())

    def close(self) -> None:
        """Give the connections back."""
        if self._store is not None:
            self._store.close()

    async def home(self, request: Request) -> Response:
        """Search, counts, and what needs attention."""
        text = request.query_params.get("q", "").strip()[:LONGEST_SEARCH].replace("\x00", "")
        found = await self._search(text) if text else []
        gaps = await self._report("gaps", {}, self._language(request))
        return self._page(
            request, "home.html", q=text, found=found, counts=await self._counts(), gaps=gaps, shown=shown
        )

    async def reports(self, request: Request) -> Response:
        """The list of reports."""
        return self._page(request, "reports.html", questions=list(QUESTIONS.values()))

    async def report(self, request: Request) -> Response:
        """One report as a page."""
        return self._page(request, "report.html", report=await self._asked(request), shown=shown, summary=summary)

    async def report_file(self, request: Request) -> Response:
        """One report as JSON or CSV, the same rows."""
        report = await self._asked(request)
        match request.path_params["format"]:
            case "json":
                return Response(as_json(report), media_type="application/json")
            case "csv":
                return Response(as_csv(report), media_type="text/csv; charset=utf-8")
        raise HTTPException(404)

    async def graphiql(self, request: Request) -> Response:
        """GraphiQL, all of it served from here."""
        return self._page(request, "graphiql.html")

    async def health(self, request: Request) -> Response:
        """Say that the process lives."""
        return PlainTextResponse("ok\n")

    async def ready(self, request: Request) -> Response:
        """Say whether the store answers; 503 when it does not."""
        try:
            await self._counts()
        except StoreError:
            return PlainTextResponse("the store does not answer\n", 503)
        return PlainTextResponse("ok\n")

    def exception_handlers(self) -> dict[Any, Callable[[Request, Any], Any]]:
        """Return what answers when something goes wrong: one sentence, never a traceback."""
        return {HTTPException: self._http_error, ReportError: self._report_error, StoreError: self._store_error}

    async def _http_error(self, request: Request, error: HTTPException) -> Response:
        return self._problem(request, error.status_code, error.detail)

    async def _report_error(self, request: Request, error: ReportError) -> Response:
        known = request.path_params.get("name") in QUESTIONS
        return self._problem(request, 400 if known else 404, str(error))

    async def _store_error(self, request: Request, error: StoreError) -> Response:
        with speaking(self._language(request)):
            sentence = _("The registry's store does not answer; please try again soon.")
        return self._problem(request, 503, sentence)

    def _problem(self, request: Request, status: int, sentence: str) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return self._page(request, "problem.html", status, sentence=sentence)
        return JSONResponse({"message": sentence}, status)

    async def _asked(self, request: Request) -> Report:
        name = request.path_params["name"]
        find_question(name)
        asked = {key: value for key, value in request.query_params.items() if key != "lang" and value}
        return await self._report(name, asked, self._language(request))

    async def _report(self, name: str, asked: dict[str, str], language: str) -> Report:
        def answer() -> Report:
            if self._store is None:
                self._store = Store(self._place)
            parameters = {key: value for key, value in asked.items() if key != "as-of"}
            with speaking(language):
                return run_report(self._store, name, ANONYMOUS, asked.get("as-of"), parameters)

        return await run_in_threadpool(answer)

    async def _counts(self) -> dict[str, int]:
        me = ANONYMOUS.parameter()
        asked = [write(Total(kind, NOT_RETIRED), MODEL).ask({}, me) for kind in COUNTED]
        answers = await self._reader.read(asked)
        return {MODEL[kind].plural: rows[0][0] for kind, rows in zip(COUNTED, answers, strict=True)}

    async def _search(self, text: str) -> list[tuple[str, list[list[Any]]]]:
        """Return the first records of each kind whose name holds the text."""
        named = AllOf((NOT_RETIRED, Compare("name", "contains", Given(fixed=fold(text)))))
        views = {kind: (Select(kind, ("id", "name")),) for kind in COUNTED}
        pages = [Page(kind, views[kind], named, (), Given(fixed=FOUND), (), False) for kind in COUNTED]
        answers = await self._reader.read([write(page, MODEL).ask({}, ANONYMOUS.parameter()) for page in pages])
        found = {kind: [row[0][0] for row in rows] for kind, rows in zip(COUNTED, answers, strict=True)}
        return [(MODEL[kind].plural, records) for kind, records in found.items() if records]

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        language = self._language(request)
        with speaking(language):
            text = self._templates.get_template(template).render(
                _=_, lang=language, path=request.url.path, singular=_SINGULAR, **values
            )
        response = HTMLResponse(text, status, headers={"Content-Language": language, "Vary": "Accept-Language, Cookie"})
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie("lang", language, max_age=31_536_000, samesite="lax", httponly=True)
        return response

    def _language(self, request: Request) -> str:
        """Return the language that is asked for: in the address, by cookie, by the browser, else the usual one."""
        asked = [request.query_params.get("lang"), request.cookies.get("lang")]
        asked += [part.split(";")[0].strip()[:2] for part in request.headers.get("accept-language", "").split(",")]
        return next((one for one in asked if one in LANGUAGES), self._settings.lang)


_SINGULAR = {MODEL[kind].plural: kind[0].lower() + kind[1:] for kind in COUNTED}
