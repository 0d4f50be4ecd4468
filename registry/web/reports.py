"""The home page, the report pages, and links to the records behind a finding (evidence)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from anyio import CapacityLimiter, to_thread
from cachetools import LRUCache
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from registry.analysis.coverage import COVERAGE
from registry.analysis.gap_summary import executive_summary
from registry.analysis.gaps import FROM, GAPS
from registry.analysis.report import SCOPE, Links, Report, ReportError, read_parameters
from registry.clock import now
from registry.database.compiler import compile_query
from registry.database.driver import Reader, StoreError
from registry.database.query import Compare, Parameter, Query, Total
from registry.i18n import _, language
from registry.model.definitions import MAIN, MODEL
from registry.model.kinds import Kind, snake
from registry.model.values import NOTATIONS, Numeral
from registry.permissions import Actor
from registry.reports.catalogue import Library, read_day
from registry.reports.charts import chart
from registry.reports.export import CHART, FILES
from registry.reports.json_schema import json_schema
from registry.reports.series import NAME as SERIES
from registry.reports.series import NOT_REPEATED, STEPS, DateRange
from registry.web.base import (
    FINDING,
    NO_STORE,
    StoreThreads,
    actor_of,
    address,
    evidence_path,
    finding_id,
    graphiql_path,
    param,
    record_path,
)
from registry.web.errors import RETRY_SOON, problem, store_failure
from registry.web.form_data import json_file
from registry.web.forms.values import NOTATION, id_in_value
from registry.web.lists import row_selection
from registry.web.templating import VARY, page
from schema.execute import CountCache
from schema.limits import PAGE, pay, report_cost
from schema.types import camel

FAILURE_SECONDS, RESULT_SECONDS, CACHE_SIZE, MAX_RUNS = 30.0, 600.0, 64, 2
PATIENCE = 2.0  # seconds that a page waits for the first run of a report
log = logging.getLogger(__name__)
NOT_RETIRED = Compare("status", "ne", Parameter(fixed="retired"))


@dataclass(frozen=True)
class LatestRun:
    """The latest completed run of a report, and when it ended.

    `running` says whether a newer run is in progress; `failed` says whether the last run failed.
    """

    report: Report | None = None
    ended: str = ""
    running: bool = False
    failed: bool = False


@dataclass(frozen=True)
class GapSummary:
    """The last run of the collaboration gap report, as the home page shows it."""

    latest: LatestRun

    @property
    def gaps(self) -> Report | None:
        """The collaboration gap report, or None if it has never run."""
        return self.latest.report

    @property
    def parts(self) -> Mapping[str, Report]:
        """A mapping from report names to the reports whose findings the collaboration gap report combines."""
        return {part.name: part for part in self.gaps.parts} if self.gaps else {}

    @property
    def assessed(self) -> int:
        """The number of cases that had enough data to judge. Cases of the coverage report are not counted."""
        return sum(_assessed(part) for part in self.parts.values() if part.name != COVERAGE.name)

    @property
    def not_assessed(self) -> Sequence[Report]:
        """The combined reports in which no case had enough data to judge. The coverage report is left out."""
        return [part for part in self.parts.values() if part.name != COVERAGE.name and not _assessed(part)]

    def part(self, about: str) -> Report:
        """Return the report that produces the findings of a type."""
        return self.parts[FROM[about].name]


class Stamp(NamedTuple):
    """Everything that the result of a run depends on. Runs with equal stamps give equal results."""

    as_of: str
    change_stamp: str
    edition: Hashable


@dataclass(frozen=True)
class FinishedRun:
    """A finished run with its report. The report is None if the run failed. `refusal` is the error if the request is invalid."""

    stamp: Stamp
    at: str
    expires: float
    report: Report | None
    refusal: ReportError | None = None

    def is_current(self, stamp: Stamp) -> bool:
        """Return whether the result is still valid.

        A result also expires, because other tools change the graph without writing a new change stamp.
        """
        return self.stamp == stamp and time.monotonic() < self.expires


@dataclass(frozen=True)
class ActiveRun:
    """A run in progress."""

    stamp: Stamp
    task: asyncio.Task[Report]


@dataclass(frozen=True)
class ReportRequest:
    """A request to run a report. Requests with the same key get the same result."""

    key: Hashable
    stamp: Stamp
    work: Callable[[], Report]


class ReportRunner:
    """Runs reports in threads. At most MAX_RUNS reports run at once, and no report runs twice at the same time.

    Results are cached until the graph changes. While a newer run is in progress, pages show the previous result with its time.
    """

    def __init__(self, threads: StoreThreads, reader: Reader, library: Library) -> None:
        self._threads, self._reader, self._library = threads, reader, library
        self._limiter = CapacityLimiter(MAX_RUNS)
        self._counts = CountCache()
        self._reports: LRUCache[Hashable, FinishedRun] = LRUCache(CACHE_SIZE)
        self._failures: LRUCache[Hashable, FinishedRun] = LRUCache(CACHE_SIZE)
        self._running: dict[Hashable, ActiveRun] = {}

    async def counts(self, actor: Actor) -> dict[str, int]:
        """Return the number of records of each main kind. Raises StoreError."""
        answers = await self._ask([Total(kind, NOT_RETIRED) for kind in MAIN], actor)
        return {kind: rows[0][0] for kind, rows in zip(MAIN, answers, strict=True)}

    async def report(
        self, name: str, day: str | None, params: Mapping[str, object], actor: Actor, dates: DateRange | None = None
    ) -> Report:
        """Run a report for a day, on the records that the actor may see. If the day is None, use today.

        If `dates` is given, run the report on these dates. Raises ReportError and StoreError.
        """
        request = await self._wanted(name, day, params, actor, dates)
        ended = self._reports.get(request.key)
        if ended and ended.report and ended.is_current(request.stamp):
            return ended.report
        while (running := self._running.get(request.key)) and running.stamp != request.stamp:
            await asyncio.wait([running.task])
        return await asyncio.shield(self._start(request).task)

    async def latest(
        self, name: str, day: str | None, params: Mapping[str, object], actor: Actor, dates: DateRange | None = None
    ) -> LatestRun:
        """Return the last run of a report. If the last run is out of date, start a new run.

        If the report has no earlier result, wait for the new run, at most PATIENCE seconds. Raises ReportError and StoreError. The
        error of an earlier failed run is raised again only if the request is invalid.
        """
        request = await self._wanted(name, day, params, actor, dates)
        last, failure = self._reports.get(request.key), self._failures.get(request.key)
        if failure and failure.refusal and failure.is_current(request.stamp):
            raise failure.refusal.with_traceback(None)
        if not (last and last.is_current(request.stamp)) and not (failure and failure.is_current(request.stamp)):
            task = (self._running.get(request.key) or self._start(request)).task
            if last is None:
                await asyncio.wait([task], timeout=PATIENCE)
                last = self._reports.get(request.key)
            if not task.done():
                return LatestRun(last.report if last else None, last.at if last else "", running=True)
            if error := task.exception():
                raise error
        failed = not (last and last.is_current(request.stamp)) and failure is not None
        return LatestRun(last.report if last else None, last.at if last else "", failed=failed)

    async def attention(self, actor: Actor) -> GapSummary:
        """Return the last run of today's collaboration gap report. Raises StoreError."""
        return GapSummary(await self.latest(GAPS.name, None, {}, actor))

    async def _wanted(
        self, name: str, day: str | None, params: Mapping[str, object], actor: Actor, dates: DateRange | None
    ) -> ReportRequest:
        as_of, values = read_day(day), read_parameters(self._library.find(name, actor), params)
        # a result depends on the reader's role, agencies and groups, not on the name
        reader = actor.role, actor.agencies, actor.groups
        library, store = self._library, self._threads.store

        def work() -> Report:
            if dates:
                return library.run_series(store(), name, actor, dates, values)
            return library.run(store(), name, actor, as_of, values)

        return ReportRequest(
            (language(), name, reader, day, dates, *values.items()),
            Stamp(as_of, await self._reader.change_stamp(), library.state(name)),
            work,
        )

    def _start(self, request: ReportRequest) -> ActiveRun:
        """Return the run in progress for the key of a request. If no run for this key is in progress, start one."""
        running = self._running.get(request.key)
        if running is None:
            running = self._running[request.key] = ActiveRun(request.stamp, asyncio.create_task(self._run(request)))
            running.task.add_done_callback(_log_failure)
        return running

    async def _run(self, request: ReportRequest) -> Report:
        cache, report, refusal = self._failures, None, None
        try:
            report = await to_thread.run_sync(request.work, limiter=self._limiter)
            cache = self._reports
            return report
        except ReportError as error:
            refusal = error
            raise
        finally:
            lasts = FAILURE_SECONDS if report is None or not request.stamp.change_stamp else RESULT_SECONDS
            cache[request.key] = FinishedRun(request.stamp, now(), time.monotonic() + lasts, report, refusal)
            del self._running[request.key]

    async def _ask(self, questions: list[Query], actor: Actor) -> list[list[list[Any]]]:
        texts = [compile_query(one, MODEL).ask({}, actor.parameter()) for one in questions]
        return await self._counts.read(self._reader, questions, texts)


def _assessed(report: Report) -> int:
    return max(0, report.of - report.unknown)


def _log_failure(task: asyncio.Task[Report]) -> None:
    """Log why a run failed. The log entry is needed, because perhaps no request waits for the result."""
    if not task.cancelled() and (error := task.exception()):
        log.warning("A report failed: %s", error)


LINKED = 5
_KINDS: Mapping[str, type[Kind]] = {param(snake(kind.__name__)): kind for kind in MODEL}


def report_links(base: str = "") -> Links:
    """Return the functions that make the URLs of records and of evidence.

    `base` is the URL of the server. If `base` is "", the URLs are relative.
    """
    return Links(lambda one: base + record_path(one.kind, one.id), lambda rests_on: base + evidence_path(rests_on))


async def evidence(request: Request) -> Response:
    """Redirect to GraphiQL with a query for the records that the URL names, such as `/evidence?agency=ID&resource=ID`."""
    query = request.query_params
    chosen = {name: query.getlist(name)[:PAGE] for name in dict.fromkeys(query) if name in _KINDS}
    if not chosen:
        raise HTTPException(404)
    kinds = [_KINDS[name] for name in chosen]
    variables = {camel(kind.plural): ids for kind, ids in zip(kinds, chosen.values(), strict=True)}
    return RedirectResponse(graphiql_path(operation(kinds), variables), 303)


def operation(kinds: Sequence[type[Kind]]) -> str:
    """Return the GraphQL operation that reads records of the given kinds by id, and the main links of each record."""
    names = [camel(kind.plural) for kind in kinds]
    lines = [f"query Evidence({', '.join(f'${name}: [ID!]' for name in names)}) {{"]
    for name, kind in zip(names, kinds, strict=True):
        lines += [f"  {name}(where: {{id: {{in: ${name}}}}}, first: {PAGE}) {{", "    nodes {"]
        lines += [*(f"      {selected}" for selected in row_selection(kind, LINKED)), "    }", "  }"]
    return "\n".join([*lines, "}", ""])


PICKERS = {one.name: one.name for one in SCOPE}  # the kind of the record that the field of a parameter finds


class ReportPages:
    """The home page and the report pages."""

    def __init__(self, answers: ReportRunner, library: Library) -> None:
        self._answers, self._library = answers, library

    async def home(self, request: Request) -> Response:
        """Show the home page: search, numbers of records, and findings that need attention. Respond 503 if the database is down."""
        if request.query_params.get("q"):
            return RedirectResponse(address("/search", request.query_params.multi_items()), 307)
        me = actor_of(request)
        try:
            counts, attention = await asyncio.gather(self._answers.counts(me), self._answers.attention(me))
        except StoreError as error:
            response = page(request, "home_unavailable.html", 503, q="", sentence=store_failure(error))
            response.headers.update(RETRY_SOON)
            return response
        return page(request, "home.html", q="", counts=counts, attention=attention)

    async def reports(self, request: Request) -> Response:
        """Show the list of reports. An agency, sector or area in the URL limits the reports that the page links to."""
        questions = list(self._library.questions(actor_of(request)).values())
        query = request.query_params
        scope = [(name, id_in_value(query[name])) for name in PICKERS if query.get(name)]
        return page(request, "reports.html", questions=questions, scope=scope)

    async def report(self, request: Request) -> Response:
        """Show a report with a form for its parameters. During its first run, show a page that reloads itself."""
        wanted = await self._paid(request)
        latest = await self._answers.latest(*wanted)
        if latest.report is None:
            return self._page_without_result(request, latest)
        report, one = latest.report, request.query_params.get(FINDING)
        definition, dates = self._library.find(wanted.name, actor_of(request)), wanted.dates
        return page(
            request,
            "report.html",
            report=report,
            name=definition.name,
            dates=dates,
            suggested=dates or _suggested_dates(report.as_of),
            series_steps=None if definition.name in NOT_REPEATED else STEPS,
            latest=latest,
            first_page=None if one else executive_summary(report),
            parameters=definition.all_parameters,
            pickers=PICKERS if definition.limitable else {},
            scope=[(key, str(report.parameters[key])) for key in PICKERS if report.scope_names.get(key)],
            chart=None if one else chart(report),
            notation=NOTATION,
            rows=[row for row in report.rows if one in (None, finding_id(row))],
            run=[pair for pair in request.query_params.multi_items() if pair[0] not in (FINDING, "lang") and pair[1]],
            finding=one,
        )

    def _page_without_result(self, request: Request, latest: LatestRun) -> Response:
        """Return the page for a report that has no result yet.

        If the first run is in progress, the page has status 202 and reloads itself. If the first run failed, the page shows the
        error.
        """
        if latest.failed:
            return problem(request, 503, _("The report could not be computed. Try again in a minute."), RETRY_SOON)
        name = request.path_params["name"]
        response = page(
            request, "running.html", 202, name=name, title=self._library.find(name, actor_of(request)).title
        )
        response.headers.update(NO_STORE | {"Refresh": "3"})
        return response

    async def report_file(self, request: Request) -> Response:
        """Return a report as a file with the same rows as the page."""
        return await self._file(request, request.path_params["format"])

    async def report_chart(self, request: Request) -> Response:
        """Return the chart of a report as Vega-Lite. Respond 404 if the report has no chart."""
        return await self._file(request, CHART)

    async def report_schema(self, request: Request) -> Response:
        """Return the JSON Schema of every report that the user may run, including custom reports."""
        return json_file(json_schema(self._library.questions(actor_of(request))))

    async def health(self, _request: Request) -> Response:
        """Return 200 as long as the process runs."""
        return PlainTextResponse("ok\n")

    async def _file(self, request: Request, extension: str) -> Response:
        """Return a report as a file. The file is written in a thread, because a long report takes time."""
        chosen = FILES.get(extension)
        if chosen is None:
            raise HTTPException(404)
        wanted = await self._paid(request)
        report = await self._answers.report(*wanted)
        first = f"{wanted.dates.first}-" if wanted.dates else ""
        name = f'inline; filename="{wanted.name}-{first}{report.as_of}.{extension}"'
        headers = {"Content-Disposition": name, "Content-Language": language(), **VARY, **chosen.headers}
        shown_at = [report_links(str(request.base_url).rstrip("/"))] if chosen.linked else []
        content = await to_thread.run_sync(chosen.write, report, *shown_at)
        return Response(content, media_type=chosen.media_type, headers=headers)

    async def _paid(self, request: Request) -> WantedReport:
        """Return what is requested, after its cost is paid."""
        wanted = self._wanted(request)
        await pay(report_cost(len(wanted.dates.days) if wanted.dates else 1))
        return wanted

    def _wanted(self, request: Request) -> WantedReport:
        """Return what is requested. The parameters `series`, `from` and `to` of the URL request a series of dates.

        Numbers in the URL are read in the notation of the form's language. A field for a record has its name, then its id in
        brackets; the parameter is the id.
        """
        name = request.path_params["name"]
        asked = {key: value for key, value in request.query_params.items() if key not in ("lang", FINDING) and value}
        actor = actor_of(request)
        notation, day, dates = asked.pop(NOTATION, None), asked.pop("as-of", None), None
        if step := asked.pop(SERIES, None):
            last = read_day(asked.pop("to", day))
            dates, day = DateRange(step, read_day(asked.pop("from", _five_years_before(last))), last), None
        parameters = dict[str, object](asked)
        if notation in NOTATIONS:
            numbers = {one.name for one in self._library.find(name, actor).all_parameters if one.type != "text"}
            parameters |= {
                key: Numeral(value, notation) for key, value in asked.items() if key.replace("-", "_") in numbers
            }
        if self._library.find(name, actor).limitable:
            parameters |= {key: id_in_value(asked[key]) for key in PICKERS if key in asked}
        return WantedReport(name, day, parameters, actor, dates)


class WantedReport(NamedTuple):
    """A report that a page or file shows: its name, its day, its parameters, the actor, and the dates if it is a series."""

    name: str
    day: str | None
    parameters: Mapping[str, object]
    actor: Actor
    dates: DateRange | None


def _suggested_dates(last: str) -> DateRange:
    return DateRange("year", _five_years_before(last), last)


def _five_years_before(last: str) -> str:
    day = date.fromisoformat(last)
    return day.replace(year=max(day.year - 5, 1), day=min(day.day, 28) if day.month == 2 else day.day).isoformat()
