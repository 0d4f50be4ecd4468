"""Answers as files: the data of an operation as JSON, rows as CSV."""

import csv
import io
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from registry.reports.render import harmless
from registry.web.markup import VARY
from registry.words import language

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
