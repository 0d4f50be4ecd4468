"""The home page, the report pages, and links to the records behind a finding (evidence)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from registry.analysis.coverage import COVERAGE
from registry.analysis.gap_summary import executive_summary
from registry.analysis.gaps import FROM, GAPS
from registry.analysis.report import SCOPE, Links, Report, ReportError, read_parameters
from registry.database.answer_cache import PATIENCE, AnswerCache, Latest, Question
from registry.database.change_stamps import all_kinds_in
from registry.database.compiler import compile_query
from registry.database.driver import Reader, StoreError
from registry.database.query import Compare, Parameter, Total
from registry.i18n import _, language
from registry.model.definitions import MAIN, MODEL
from registry.model.kinds import Kind, snake
from registry.model.values import NOTATIONS, Numeral
from registry.permissions import Actor
from registry.reports.catalogue import Library, read_day
from registry.reports.charts import chart
from registry.reports.export import FILES
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
from registry.web.list_query import row_selection
from registry.web.templating import VARY, page
from schema.limits import PAGE, pay, report_cost
from schema.types import camel

MAX_RUNS = 2
NOT_RETIRED = Compare("status", "ne", Parameter(fixed="retired"))


@dataclass(frozen=True)
class GapSummary:
    """What the home page shows of the collaboration gap report.

    `gaps` has only the most urgent finding of each type, and no rows in its parts but those of the coverage report. `numbers` has
    the number of findings of each type.
    """

    gaps: Report
    numbers: Mapping[str, int]

    @classmethod
    def of(cls, report: Report) -> GapSummary:
        """Return the summary of a collaboration gap report."""
        numbers = Counter(str(row["finding"]) for row in report.rows)
        first = {row["finding"]: row for row in reversed(report.rows)}
        parts = (part if part.name == COVERAGE.name else replace(part, rows=(), ties=None) for part in report.parts)
        rows = tuple(row for row in report.rows if first[row["finding"]] is row)
        return cls(replace(report, rows=rows, parts=tuple(parts), since=None), numbers)

    @property
    def parts(self) -> Mapping[str, Report]:
        """A mapping from report names to the reports whose findings the collaboration gap report combines."""
        return {part.name: part for part in self.gaps.parts}

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


_REPORT, _SUMMARY = TypeAdapter(Report), TypeAdapter(GapSummary)


class ReportRunner:
    """Runs reports in threads, at most MAX_RUNS at once, and numbers of records; the answer cache keeps the results."""

    def __init__(self, threads: StoreThreads, reader: Reader, library: Library, answers: AnswerCache) -> None:
        self._threads, self._reader, self._library, self._answers = threads, reader, library, answers
        self._limiter = CapacityLimiter(MAX_RUNS)

    async def counts(self, actor: Actor) -> Latest[Mapping[str, int]]:
        """Return the number of records of each main kind. Raises StoreError."""
        cyphers = {kind: compile_query(Total(kind, NOT_RETIRED), MODEL).ask({}, actor.parameter()) for kind in MAIN}
        kinds = all_kinds_in(one.text for one in cyphers.values())

        async def count() -> Mapping[str, int]:
            rows = await self._reader.read(list(cyphers.values()))
            return {kind: found[0][0] for kind, found in zip(cyphers, rows, strict=True)}

        return await self._answers.latest(
            Question(("counts", actor.names()), kinds, count), self._reader, PATIENCE.numbers
        )

    async def report(
        self, name: str, day: str | None, params: Mapping[str, object], actor: Actor, dates: DateRange | None = None
    ) -> Report:
        """Run a report for a day, on the records that the actor may see. If the day is None, use today.

        If `dates` is given, run the report on these dates. Raises ReportError and StoreError.
        """
        return await self._answers.exact(self._question(name, day, params, actor, dates), self._reader)

    async def latest(
        self, name: str, day: str | None, params: Mapping[str, object], actor: Actor, dates: DateRange | None = None
    ) -> Latest[Report]:
        """Return the latest run of a report. If it is out of date, start a new run.

        If the report has no earlier result, wait for the new run for a moment. Raises ReportError and StoreError.
        """
        question = self._question(name, day, params, actor, dates)
        latest = await self._answers.latest(question, self._reader, PATIENCE.report)
        if isinstance(latest.error, ReportError):
            raise latest.error.with_traceback(None)
        return latest

    async def attention(self, actor: Actor) -> Latest[GapSummary]:
        """Return the summary of the latest run of today's collaboration gap report; do not wait for a run. Raises StoreError."""
        whole = self._question(GAPS.name, None, {}, actor, None)

        async def summary() -> GapSummary:
            return GapSummary.of(await self._answers.exact(whole, self._reader, retry=False))

        question = Question(f"summary of {whole.key}", whole.kinds, summary, whole.edition, _summary_weight, _SUMMARY)
        return await self._answers.latest(question, self._reader, PATIENCE.home)

    def _question(
        self, name: str, day: str | None, params: Mapping[str, object], actor: Actor, dates: DateRange | None
    ) -> Question[Report]:
        definition = self._library.find(name, actor)
        as_of, values = read_day(day), read_parameters(definition, params)
        library, store = self._library, self._threads.store

        def work() -> Report:
            if dates:
                return library.run_series(store(), name, actor, dates, values)
            return library.run(store(), name, actor, as_of, values)

        async def run() -> Report:
            return await to_thread.run_sync(work, limiter=self._limiter)

        # a result depends on the reader's role, agencies and groups, not on the name
        reader = str(actor.role), sorted(actor.agencies), sorted(actor.groups)
        key = str(("report", language(), name, reader, day, dates, list(values.items()), library.state(name)))
        # servers share what many users ask for, not the answers for single days and parameters
        shared = None if day or dates or params else _REPORT
        return Question(key, library.kinds_read(name, values), run, as_of, _weight, shared)


def _weight(report: Report) -> int:
    """Return the size of a report in counts; a row takes about as much memory as a count."""
    return 100 + len(report.rows) + sum(map(_weight, report.parts))


def _summary_weight(summary: GapSummary) -> int:
    return _weight(summary.gaps)


def _assessed(report: Report) -> int:
    return max(0, report.of - report.unknown)


LINKED = 5
LISTED = "lists"  # the query parameter that says how a CSV file has lists
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
        return page(request, "home.html", q="", counts=counts.value, latest=attention, attention=attention.value)

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
        if latest.value is None:
            return self._page_without_result(request, latest)
        report, one = latest.value, request.query_params.get(FINDING)
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
            rows=report.rows if one is None else [row for row in report.rows if one == finding_id(row)],
            run=[pair for pair in request.query_params.multi_items() if pair[0] not in (FINDING, "lang") and pair[1]],
            finding=one,
        )

    def _page_without_result(self, request: Request, latest: Latest[Report]) -> Response:
        """Return the page for a report that has no result yet.

        If the first run is in progress, the page has status 202 and reloads itself. If the first run failed, the page shows the
        error.
        """
        if latest.error:
            return problem(request, 503, _("The report could not be computed. Try again in a minute."), RETRY_SOON)
        name = request.path_params["name"]
        response = page(
            request, "running.html", 202, name=name, title=self._library.find(name, actor_of(request)).title
        )
        response.headers.update(NO_STORE | {"Refresh": "3"})
        return response

    async def report_schema(self, request: Request) -> Response:
        """Return the JSON Schema of every report that the user may run, including custom reports."""
        return json_file(json_schema(self._library.questions(actor_of(request))))

    async def health(self, _request: Request) -> Response:
        """Return 200 as long as the process runs."""
        return PlainTextResponse("ok\n")

    async def report_file(self, request: Request) -> Response:
        """Return a report as a file with the same rows as the page. Respond 404 if the report has no such file.

        The extension is the text after the first dot, because names of reports have no dots. The file is written in a thread, because
        a long report takes time.
        """
        _path, _dot, extension = request.url.path.rpartition("/")[2].partition(".")
        chosen = FILES.get(extension)
        if chosen is None:
            raise HTTPException(404)
        wanted = await self._paid(request)
        report = await self._answers.report(*wanted)
        first = f"{wanted.dates.first}-" if wanted.dates else ""
        name = f'inline; filename="{wanted.name}-{first}{report.as_of}.{extension}"'
        headers = {"Content-Disposition": name, "Content-Language": language(), **VARY, **chosen.headers}
        links, lists = report_links(str(request.base_url).rstrip("/")), request.query_params.get(LISTED)
        content = await to_thread.run_sync(chosen.content, report, links, lists)
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
        asked = {
            key: value for key, value in request.query_params.items() if key not in ("lang", LISTED, FINDING) and value
        }
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
