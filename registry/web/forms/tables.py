"""Many records at once: an empty table to fill in, what would come of a filled one, and then its loading."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from loaders.outcome import Refused
from loaders.template import write_template
from registry.changing.many import Done, save_all
from registry.changing.turn import Asking
from registry.figures import number
from registry.modelling import Kind
from registry.store import StoreError
from registry.web.actors import NO_STORE, actor_of
from registry.web.addresses import list_path
from registry.web.allowed import EDITED, may_register, no_registering
from registry.web.forms.table_rows import MOST_BYTES, Line, LineProblem, Upload, read_back, read_table
from registry.web.forms.telling import sentence
from registry.web.lists import of_kind
from registry.web.markup import page
from registry.web.multipart import sent
from registry.web.problems import away
from registry.web.tools import Tools
from registry.web.wording import label
from registry.words import _
from schema.limits import UPLOAD_COST
from schema.paying import pay

LONGEST, MOST_SHOWN = 15_000_000, 200
MOST_READ_AT_ONCE = 2  # each may take a process of its own
TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class Tables:
    """The tables of every kind that people may register."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._reading = CapacityLimiter(MOST_READ_AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        found: list[BaseRoute] = []
        for kind in EDITED:
            path = f"/register/{kind.plural}/table"
            found.append(Route(path, of_kind(kind, self._page), methods=["GET", "POST"]))
            found.append(Route(f"{path}.{{format}}", of_kind(kind, self._template)))
        return found

    async def _template(self, kind: type[Kind], request: Request) -> Response:
        ending = request.path_params["format"]
        if ending not in TYPES:
            raise HTTPException(404)
        content = await to_thread.run_sync(_template, kind.plural, ending)
        name = f'attachment; filename="{kind.plural}.{ending}"'
        return Response(content, media_type=TYPES[ending], headers={"Content-Disposition": name})

    async def _page(self, kind: type[Kind], request: Request) -> Response:
        if not may_register(actor_of(request)):
            return no_registering(request, kind)
        if request.method != "POST":
            return _shown(request, kind)
        await pay(UPLOAD_COST)
        parts = await sent(request, longest=LONGEST)
        loads = "rows" in parts
        try:
            upload = await to_thread.run_sync(_read, kind, parts, limiter=self._reading)
            done = await self._done(request, kind, upload, parts, dry=not loads)
        except Refused as refused:
            return _shown(request, kind, 422, refused=str(refused))
        except StoreError as error:
            return _shown(request, kind, 503, refused=away(error))
        problems = [*upload.problems, *_problems(upload.lines, done)]
        if loads and not problems:
            return RedirectResponse(list_path(kind.__name__, [("status", "draft"), ("sort", "-updated")]), 303)
        return _shown(request, kind, 422 if problems else 200, upload=upload, done=done, problems=problems)

    async def _done(
        self, request: Request, kind: type[Kind], upload: Upload, parts: dict[str, tuple[str, bytes]], *, dry: bool
    ) -> Sequence[Done]:
        savings = [line.saving(kind, another="another" in parts) for line in upload.lines]
        key = parts["key"][1].decode(errors="replace")[:100] if "key" in parts and not dry else None
        asking = Asking(actor_of(request), "form", key or None, upload.written() if key else None)
        return await self._tools.do(save_all, asking, savings, dry=dry or bool(upload.problems))


def _read(kind: type[Kind], parts: dict[str, tuple[str, bytes]]) -> Upload:
    if "rows" in parts:
        return read_back(parts["rows"][1].decode(errors="replace"))
    name, content = parts.get("file", ("", b""))
    if not content:
        raise Refused(_("Choose a file first."))
    if len(content) > MOST_BYTES:
        raise Refused(_("A file that is sent here has at most {n} MB.").format(n=MOST_BYTES // 1_000_000))
    return read_table(kind, name, content)


def _problems(lines: Sequence[Line], done: Sequence[Done]) -> list[LineProblem]:
    if len(done) == 1 != len(lines):
        return [LineProblem("", 0, problem) for problem in done[0].problems]
    found = zip(lines, done, strict=False)
    return [LineProblem(line.sheet, line.row, problem) for line, one in found for problem in one.problems]


def _shown(
    request: Request,
    kind: type[Kind],
    status: int = 200,
    *,
    refused: str = "",
    upload: Upload | None = None,
    done: Sequence[Done] = (),
    problems: Sequence[LineProblem] = (),
) -> Response:
    told = [
        (
            _place(kind, one),
            label(problem.field.rpartition(".")[2]) if problem.field else "",
            problem.value,
            sentence(problem),
        )
        for one in problems[:MOST_SHOWN]
        for problem in [one.problem]
    ]
    response = page(
        request,
        "table.html",
        status,
        kind=kind.__name__,
        refused=refused,
        asked=upload is not None,
        rows=upload.written() if upload and upload.lines and not problems else "",
        counts={what: sum(one.what == what for one in done) for what in ("created", "changed", "unchanged")},
        wrong=len({(one.sheet, one.row) for one in problems}),
        problems=told,
        more=len(problems) > MOST_SHOWN,
        alike=any(one.problem.code == "ALIKE" for one in problems),
        names=[line.properties.get("name") or line.id for line in upload.lines[:10]] if upload else [],
        key=secrets.token_urlsafe(16),
    )
    response.headers.update(NO_STORE)
    return response


def _place(kind: type[Kind], one: LineProblem) -> str:
    """Return where a problem is: its cell or its row, and its sheet where that is not the kind's own."""
    place = one.cell or number(one.row)
    return place if one.sheet in ("", kind.plural) else f"{one.sheet}, {place}"


def _template(plural: str, ending: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{plural}.{ending}")
        write_template(plural, path)
        return path.read_bytes()
