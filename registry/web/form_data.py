"""Form data and file uploads of a request; JSON and CSV responses."""

import csv
import io
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from email.message import Message
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from registry.i18n import language
from registry.reports.render import harmless
from registry.web.templating import VARY

FORM, MAX_FORM_BYTES = "application/x-www-form-urlencoded", 16_384


async def read_form(request: Request, *, longest: int = MAX_FORM_BYTES, fields: int = 100) -> dict[str, str]:
    """Return the fields of a URL-encoded form; of repeated names the last. CRLF becomes LF. Raises HTTPException.

    `longest` is the most bytes that are read, `fields` the most fields.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise HTTPException(415)
    try:
        pairs = parse_qsl((await read_body(request, longest)).decode(), keep_blank_values=True, max_num_fields=fields)
    except ValueError:
        raise HTTPException(400) from None
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


async def read_body(request: Request, longest: int) -> bytes:
    """Return the body of a request. Raises HTTPException (413) if it is longer than `longest` bytes."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > longest:
            raise HTTPException(413)
    return bytes(parts)


FORM_MULTIPART = "multipart/form-data"


async def read_multipart(request: Request, *, longest: int) -> dict[str, tuple[str, bytes]]:
    """Return the parts of a multipart form by name, each as file name (or "") and bytes. Raises HTTPException.

    `longest` is the most bytes of the whole body.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != FORM_MULTIPART:
        raise HTTPException(415)
    text = b"Content-Type: " + kind.encode("ascii", "ignore") + b"\r\n\r\n" + await read_body(request, longest)
    try:
        message = BytesParser().parsebytes(text)
    except RecursionError:  # deeply nested parts
        raise HTTPException(400) from None
    if not message.is_multipart():
        raise HTTPException(400)
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    return {str(part.get_param("name", header="content-disposition")): _part_content(part) for part in parts}


def _part_content(part: Message) -> tuple[str, bytes]:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise HTTPException(400)
    return part.get_filename() or "", content


log = logging.getLogger(__name__)


def json_file(data: Mapping[str, Any]) -> Response:
    """Return data as an indented JSON response."""
    text = orjson.dumps(data, option=orjson.OPT_INDENT_2)
    return Response(text, media_type="application/json", headers={"Content-Language": language(), **VARY})


class DownloadAborted(Exception):
    """A file download that failed midway. The server closes the connection, so that no client takes the file for complete."""


def csv_file(request: Request, name: str, rows: AsyncIterator[Iterable[Any]]) -> Response:
    """Return rows as a streamed CSV response (RFC 4180); cells that a spreadsheet would read as formulas are escaped."""
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
