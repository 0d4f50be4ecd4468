"""Read the form data and file uploads of a request; make JSON and CSV responses."""

import csv
import io
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import orjson
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from registry.i18n import language
from registry.reports.render import harmless
from registry.web.templating import VARY
from schema.server import limit_body

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MAX_FORM_BYTES = 16_384
log = logging.getLogger(__name__)


async def read_form(request: Request, *, longest: int = MAX_FORM_BYTES, fields: int = 100) -> dict[str, str]:
    """Return the fields of a URL-encoded form. If a name occurs twice, the last field is used. Line ends become LF.

    Raises HTTPException. At most `longest` bytes and `fields` fields are read.
    """
    limited = _limited_request(request, FORM, longest)
    if not (
        await limited.body()
    ).isascii():  # browsers percent-encode all other bytes; Starlette would read them as Latin-1
        raise HTTPException(400)
    form = await limited.form(max_fields=fields)
    return {name: str(value).replace("\r\n", "\n") for name, value in form.multi_items()}


def open_upload(request: Request, *, longest: int) -> AbstractAsyncContextManager[FormData]:
    """Return a context manager that reads a multipart form: its text fields and one file. A large file is stored on disk.

    The request body can have at most `longest` bytes. Raises HTTPException.
    """
    return _limited_request(request, MULTIPART, longest).form(max_files=1, max_fields=10, max_part_size=longest)


def _limited_request(request: Request, content_type: str, longest: int) -> Request:
    """Return the request with a limit on its body.

    Raises HTTPException if more bytes are read, or if the request has another content type.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != content_type:
        raise HTTPException(415)
    return Request(request.scope, limit_body(request.receive, longest, HTTPException(413)))


def json_file(data: Mapping[str, Any]) -> Response:
    """Return a JSON response. The JSON is indented, so that people can read it."""
    text = orjson.dumps(data, option=orjson.OPT_INDENT_2)
    return Response(text, media_type="application/json", headers={"Content-Language": language(), **VARY})


class DownloadAborted(Exception):
    """A file download failed midway. The server closes the connection, so that no client takes the file for complete."""


def csv_file(request: Request, name: str, rows: AsyncIterator[Iterable[Any]]) -> Response:
    """Return rows as a CSV response (RFC 4180) that is sent while the rows are read.

    Cells that a spreadsheet would read as formulas are escaped.
    """
    headers = {"Content-Disposition": f'inline; filename="{name}.csv"', "Content-Language": language(), **VARY}
    if request.method == "HEAD":
        return Response(media_type="text/csv; charset=utf-8", headers=headers)
    return StreamingResponse(_csv_lines(name, rows), media_type="text/csv; charset=utf-8", headers=headers)


async def _csv_lines(name: str, rows: AsyncIterator[Iterable[Any]]) -> AsyncIterator[str]:
    try:
        async for row in rows:
            line = io.StringIO()
            csv.writer(line).writerow([harmless(_cell(one)) for one in row])
            yield line.getvalue()
    except Exception as error:
        log.warning("%s.csv was cut off: %s", name, error)
        raise DownloadAborted(name) from error


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else tuple(map(str, value)) if isinstance(value, list | tuple) else value
