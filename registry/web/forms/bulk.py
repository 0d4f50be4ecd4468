"""Bulk forms: register many records by uploading a table. A template for the table and a preview are offered."""

import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, NamedTuple

from anyio import CapacityLimiter, to_thread
from pydantic import TypeAdapter
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from loaders.readers import UPLOAD_LIMITS, read
from loaders.result import LoadAborted, RowProblem
from loaders.rows import SourceRow, Table
from loaders.source import GivenLink, GivenRecord, Mapped
from loaders.tables import map_table, tables_of, write_template
from registry.database.driver import StoreError
from registry.i18n import _, number
from registry.model.kinds import Kind, Property, snake
from registry.model.records import Problem, show
from registry.model.values import InvalidValue, Text, Value
from registry.mutations.save import LinkChange, SaveInput, SaveResult, save_all
from registry.mutations.similar_names import alike
from registry.mutations.transaction import RequestContext
from registry.web.base import NO_STORE, StoreThreads, actor_of, list_path
from registry.web.errors import store_failure
from registry.web.form_data import open_upload
from registry.web.forms.fields import problem_sentence
from registry.web.forms.values import WORKFLOW_PROPERTIES
from registry.web.lists import endpoint_for
from registry.web.refusals import EDITABLE, cannot_register, may_register
from registry.web.templating import label, page
from schema.limits import UPLOAD_COST, pay

ENDINGS = (".csv", ".xlsx")
MOST_BYTES, MOST_ROWS = 5_000_000, 2_000
Properties = dict[str, str | float | bool]


@dataclass
class TableRow:
    """A row of an uploaded table.

    The fields are the row's location in the file, the record's id, the record's properties, and the linked records with the
    properties of the links.
    """

    sheet: str
    row: int
    id: str = ""
    properties: Properties = field(default_factory=dict)
    links: dict[str, dict[str, Properties]] = field(default_factory=dict)

    def saving(self, kind: type[Kind], *, another: bool) -> SaveInput:
        """Return the row as input for saving its record.

        An empty cell does not change the record's value. Links are added and never removed.
        """
        links = {name: LinkChange(records) for name, records in self.links.items()}
        return SaveInput(kind, self.id or None, self.properties, links, another=another)


class LineProblem(NamedTuple):
    """A problem in a row of a sheet. `cell` is the address of the cell, or "" in files without cell addresses, such as CSV files."""

    sheet: str
    row: int
    problem: Problem
    cell: str = ""


@dataclass(frozen=True)
class Upload:
    """An uploaded table: its readable rows, and the problems of the rows that cannot be read."""

    lines: Sequence[TableRow]
    problems: Sequence[LineProblem] = ()

    def written(self) -> str:
        """Return the rows as ASCII JSON, for a hidden field of the preview."""
        return _LINES.dump_json(list(self.lines), ensure_ascii=True).decode()


_LINES = TypeAdapter(list[TableRow])


def parse_upload(text: str) -> Upload:
    """Return the rows of a table, given the JSON text made by `Upload.written`. Raises LoadAborted."""
    try:
        if not text.isascii():  # Starlette reads a field that is not UTF-8 as Latin-1
            raise ValueError
        lines = _LINES.validate_json(text)
    except ValueError:
        raise LoadAborted(_("The table did not arrive complete. Upload it again.")) from None
    _check_number(len(lines))
    return Upload(lines)


def read_table(kind: type[Kind], name: str, file: BinaryIO) -> Upload:
    """Return the rows of a file.

    Raises LoadAborted if the file is too large or is not a table for records of the kind.
    """
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise LoadAborted(_("Choose a .csv or .xlsx file."))
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{kind.plural}{ending}")
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        tables = read(path, lambda _note: None, UPLOAD_LIMITS)
        if len(tables) == 1:
            tables = [Table(kind.plural, tables[0].file, tables[0].columns, tables[0].rows)]
        return _upload(kind, tables)


def _upload(kind: type[Kind], tables: Sequence[Table]) -> Upload:
    reading = _UploadReader(kind)
    for table in sorted(tables, key=lambda one: one.name):
        if table.name not in tables_of(kind.plural):
            raise LoadAborted(
                _("The sheet {name} does not belong to {kind}.").format(name=show(table.name), kind=_(kind.plural))
            )
        give = map_table(table)
        for row in islice(table.rows, MOST_ROWS + 1):
            if isinstance(row, RowProblem):
                problem = Problem(row.code, row.field, row.value, row.rule, row.message)
                reading.problems.append(LineProblem(table.name, row.row, problem))
            else:
                reading.take(table.name, row, give(row))
        _check_number(len(reading.lines) + len(reading.problems))
    return Upload(reading.lines, reading.problems)


class _UploadReader:
    """Collects the rows of an uploaded file.

    A file can have extra sheets for links. If the file has a row for the linking record, the links are added to that row.
    """

    def __init__(self, kind: type[Kind]) -> None:
        self.lines: list[TableRow] = []
        self.problems: list[LineProblem] = []
        self._kind = kind
        self._row_of_id: dict[str, TableRow] = {}
        self._records: dict[str, tuple[str, int]] = {}  # sheet and row number of each record
        self._links: dict[tuple[str, str, str], tuple[str, int]] = {}

    def take(self, sheet: str, row: SourceRow, given: Iterable[Mapped]) -> None:
        """Add the contents of a row."""
        line = TableRow(sheet, row.number)
        for one in given:
            match one:
                case GivenRecord():
                    line.id = self._clean_id(sheet, row, "id", one.id)
                    self._check_unique(self._records, line.id, (sheet, row.number), "id", line.id)
                    own = {
                        name: value
                        for name, value in one.properties.items()
                        if name not in (*WORKFLOW_PROPERTIES, "id")
                    }
                    line.properties = self._clean_filled(sheet, row, self._kind.properties, own)
                case GivenLink():
                    line = self._take_link(line, sheet, row, one)
        if line.id not in self._row_of_id:
            self.lines.append(line)
        if line.id:
            self._row_of_id.setdefault(line.id, line)

    def _take_link(self, line: TableRow, sheet: str, row: SourceRow, given: GivenLink) -> TableRow:
        end = self._kind.ends[given.end.partition(".")[2]]
        here, there = (
            self._clean_id(sheet, row, snake(self._kind.__name__), given.here),
            self._clean_id(sheet, row, snake(end.target) if end.link.properties else end.name, given.there),
        )
        line = line if line.id == here else self._row_of_id.get(here, line)
        line.id = here
        if end.link.properties:
            self._check_unique(self._links, (end.name, here, there), (sheet, row.number), snake(end.target), there)
        line.links.setdefault(end.name, {})[there] = self._clean_filled(
            sheet, row, end.link.properties, given.properties
        )
        return line

    def _check_unique(
        self, seen: dict[Any, tuple[str, int]], key: Any, place: tuple[str, int], field: str, value: str
    ) -> None:
        """Remember which record or link a row describes.

        If an earlier row describes the same record or link, add a problem that names both rows.
        """
        first = seen.setdefault(key, place)
        if first != place and value:
            rule = _("only one row for each record or link")
            message = _("Rows {one} and {other} describe the same record or link. Keep one of them.").format(
                one=first[1], other=place[1]
            )
            self.problems.append(LineProblem(*place, Problem("REPEATED", field, show(value), rule, message)))

    def _clean_id(self, sheet: str, row: SourceRow, field: str, cell: object) -> str:
        found = self._clean(sheet, row, field, Text, cell)
        return found if isinstance(found, str) else ""

    def _clean_filled(
        self, sheet: str, row: SourceRow, declared: Mapping[str, Property], cells: Mapping[str, Any]
    ) -> dict[str, str | float | bool]:
        values = {
            name: self._clean(sheet, row, name, declared[name].value, cell)
            for name, cell in cells.items()
            if cell not in (None, "")
        }
        return {name: value for name, value in values.items() if isinstance(value, str | float | bool)}

    def _clean(self, sheet: str, row: SourceRow, field: str, value: type[Value], cell: object) -> object:
        """Strip the text of a text cell. Convert any other cell to a value of the property's type.

        If the cell is invalid, return None and add a problem.
        """
        if isinstance(cell, str):
            return cell.strip()
        try:
            return value.clean(cell)
        except InvalidValue as error:
            problem = Problem("UNFIT", field, show(cell), error.rule, str(error))
            self.problems.append(LineProblem(sheet, row.number, problem, row.address(field)))
            return None


def _check_number(rows: int) -> None:
    if rows > MOST_ROWS:
        raise LoadAborted(_("The table can have at most {n} rows.").format(n=f"{MOST_ROWS:,}"))


MAX_BODY_BYTES, MOST_SHOWN = 15_000_000, 200
MOST_READ_AT_ONCE = 2  # reading a file may need a process of its own
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class BulkForms:
    """The bulk forms for every kind of record that can be edited."""

    def __init__(self, threads: StoreThreads) -> None:
        self._threads = threads
        self._reading = CapacityLimiter(MOST_READ_AT_ONCE)

    def routes(self) -> list[Route]:
        """Return the routes of the bulk forms."""
        found: list[Route] = []
        for kind in EDITABLE:
            path = f"/register/{kind.plural}/table"
            found.append(Route(path, endpoint_for(kind, self._page), methods=["GET", "POST"]))
            found.append(Route(f"{path}.{{format}}", endpoint_for(kind, self._template)))
        return found

    async def _template(self, kind: type[Kind], request: Request) -> Response:
        ending = request.path_params["format"]
        if ending not in MEDIA_TYPES:
            raise HTTPException(404)
        content = await to_thread.run_sync(_template_bytes, kind.plural, ending)
        name = f'attachment; filename="{kind.plural}.{ending}"'
        return Response(content, media_type=MEDIA_TYPES[ending], headers={"Content-Disposition": name})

    async def _page(self, kind: type[Kind], request: Request) -> Response:
        if not may_register(actor_of(request)):
            return cannot_register(request, kind)
        if request.method != "POST":
            return _bulk_page(request, kind)
        await pay(UPLOAD_COST)
        try:
            async with open_upload(request, longest=MAX_BODY_BYTES) as form:
                upload = await to_thread.run_sync(_read_upload, kind, form, limiter=self._reading)
            loads = "rows" in form
            done = await self._save(request, kind, upload, form, dry=not loads)
        except LoadAborted as refused:
            return _bulk_page(request, kind, 422, refused=str(refused))
        except StoreError as error:
            return _bulk_page(request, kind, 503, refused=store_failure(error))
        problems = [*upload.problems, *_save_problems(upload.lines, done)]
        if loads and not problems:
            return RedirectResponse(list_path(kind.__name__, [("status", "draft"), ("sort", "-updated")]), 303)
        return _bulk_page(request, kind, 422 if problems else 200, upload=upload, done=done, problems=problems)

    async def _save(
        self, request: Request, kind: type[Kind], upload: Upload, form: FormData, *, dry: bool
    ) -> Sequence[SaveResult]:
        savings = [line.saving(kind, another="another" in form) for line in upload.lines]
        key = None if dry else str(form.get("key", ""))[:100]
        request_context = RequestContext(actor_of(request), "form", key or None, upload.written() if key else None)
        return await self._threads.run(save_all, request_context, savings, dry=dry or bool(upload.problems))


def _read_upload(kind: type[Kind], form: FormData) -> Upload:
    if "rows" in form:
        return parse_upload(str(form["rows"]))
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.size:
        raise LoadAborted(_("Choose a file first."))
    if file.size > MOST_BYTES:
        raise LoadAborted(_("The file can have at most {n} MB.").format(n=MOST_BYTES // 1_000_000))
    return read_table(kind, file.filename or "", file.file)


def _save_problems(lines: Sequence[TableRow], done: Sequence[SaveResult]) -> list[LineProblem]:
    if len(done) == 1 != len(lines):
        return [LineProblem("", 0, problem) for problem in done[0].problems]
    found = list(zip(lines, done, strict=False))
    named = {one.record: line for line, one in found if one.what and "name" in line.properties}
    return [
        LineProblem(line.sheet, line.row, _with_row(problem, line, named))
        for line, one in found
        for problem in one.problems
    ]


def _with_row(problem: Problem, line: TableRow, named: Mapping[str | None, TableRow]) -> Problem:
    """Return the problem of a row. If the similar name is in an earlier row of the file, the message names that row."""
    earlier, name = named.get(problem.value), str(line.properties.get("name"))
    if problem.code != "ALIKE" or earlier is None or not alike(name, str(earlier.properties["name"])):
        return problem
    message = _(
        "Row {n} of this file has a similar name: “{name}”. Remove one of the two rows, or confirm that these are different records."
    ).format(n=number(earlier.row), name=show(earlier.properties["name"]))
    return replace(problem, value=show(name), message=message)


def _bulk_page(
    request: Request,
    kind: type[Kind],
    status: int = 200,
    *,
    refused: str = "",
    upload: Upload | None = None,
    done: Sequence[SaveResult] = (),
    problems: Sequence[LineProblem] = (),
) -> Response:
    texts = [
        (
            _location(kind, one),
            label(problem.field.rpartition(".")[2]) if problem.field else "",
            problem.value,
            problem_sentence(problem),
        )
        for one in problems[:MOST_SHOWN]
        for problem in [one.problem]
    ]
    response = page(
        request,
        "bulk.html",
        status,
        kind=kind.__name__,
        refused=refused,
        asked=upload is not None,
        rows=upload.written() if upload and upload.lines and not problems else "",
        counts={what: sum(one.what == what for one in done) for what in ("created", "changed", "unchanged")},
        wrong=len({(one.sheet, one.row) for one in problems}),
        problems=texts,
        more=len(problems) > MOST_SHOWN,
        alike=any(one.problem.code == "ALIKE" for one in problems),
        names=[line.properties.get("name") or line.id for line in upload.lines[:10]] if upload else [],
        key=secrets.token_urlsafe(16),
    )
    response.headers.update(NO_STORE)
    return response


def _location(kind: type[Kind], one: LineProblem) -> str:
    """Return where a problem is: its cell or row. If the problem is not in the kind's main sheet, the text also names the sheet."""
    location = one.cell or number(one.row)
    return location if one.sheet in ("", kind.plural) else f"{one.sheet}, {location}"


def _template_bytes(plural: str, ending: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{plural}.{ending}")
        write_template(plural, path)
        return path.read_bytes()
