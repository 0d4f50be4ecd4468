"""Form data and file uploads of a request; JSON and CSV files as responses."""

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

FORM, LONGEST = "application/x-www-form-urlencoded", 16_384


async def posted(request: Request, *, longest: int = LONGEST, fields: int = 100) -> dict[str, str]:
    """Return the fields of a form by name, of several of one name the last; lines end as ours do. Raises HTTPException.

    `longest` is the most bytes that are read, `fields` how many there may be.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise HTTPException(415)
    try:
        pairs = parse_qsl((await body(request, longest)).decode(), keep_blank_values=True, max_num_fields=fields)
    except ValueError:
        raise HTTPException(400) from None
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


async def body(request: Request, longest: int) -> bytes:
    """Return what a request brings, if it is no longer than so many bytes. Raises HTTPException."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > longest:
            raise HTTPException(413)
    return bytes(parts)


FORM_MULTIPART = "multipart/form-data"


async def sent(request: Request, *, longest: int) -> dict[str, tuple[str, bytes]]:
    """Return the parts of a form by name, each as the name of its file, if it is one, and its bytes. Raises HTTPException.

    `longest` is the most bytes that are read of all of it.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != FORM_MULTIPART:
        raise HTTPException(415)
    text = b"Content-Type: " + kind.encode("ascii", "ignore") + b"\r\n\r\n" + await body(request, longest)
    try:
        message = BytesParser().parsebytes(text)
    except RecursionError:  # parts in parts in parts
        raise HTTPException(400) from None
    if not message.is_multipart():
        raise HTTPException(400)
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    return {str(part.get_param("name", header="content-disposition")): _part(part) for part in parts}


def _part(part: Message) -> tuple[str, bytes]:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise HTTPException(400)
    return part.get_filename() or "", content


log = logging.getLogger(__name__)


def json_file(data: Mapping[str, Any]) -> Response:
    """Return data as JSON, to read by programs and people."""
    text = orjson.dumps(data, option=orjson.OPT_INDENT_2)
    return Response(text, media_type="application/json", headers={"Content-Language": language(), **VARY})


class CutOff(Exception):
    """A file that ends too early. The server closes the connection, so that nobody takes the file for whole."""


def csv_file(request: Request, name: str, rows: AsyncIterator[Iterable[Any]]) -> Response:
    """Return rows as CSV (RFC 4180), sent as they come; what a spreadsheet would take for a formula is made harmless."""
    headers = {"Content-Disposition": f'inline; filename="{name}.csv"', "Content-Language": language(), **VARY}
    if request.method == "HEAD":
        return Response(media_type="text/csv; charset=utf-8", headers=headers)
    return StreamingResponse(_lines(name, rows), media_type="text/csv; charset=utf-8", headers=headers)


async def _lines(name: str, rows: AsyncIterator[Iterable[Any]]) -> AsyncIterator[str]:
    try:
        async for row in rows:
            line = io.StringIO()
            csv.writer(line).writerow([harmless(_cell(one)) for one in row])
            yield line.getvalue()
    except Exception as error:
        log.warning("%s.csv was cut off: %s", name, error)
        raise CutOff(name) from error


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else tuple(map(str, value)) if isinstance(value, list | tuple) else value
