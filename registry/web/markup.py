"""Pages from templates: words, numbers and days as the language of the moment has them."""

from datetime import date
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, format_scientific
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from registry.reports.report import CONFIDENCE, Cell, Column, Report
from registry.web.language import COOKIE
from registry.words import LANGUAGES, _, language

VARY = {"Vary": "Accept-Language, Cookie"}
YEAR = 31_536_000


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; a language that the address asks for is remembered."""
    text = _TEMPLATES.get_template(template).render(lang=language(), request=request, **values)
    response = HTMLResponse(text, status, {"Content-Language": language(), **VARY})
    if request.query_params.get("lang") == language():
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, language(), max_age=YEAR, samesite="lax", httponly=True, secure=secure)
    return response


def in_language(request: Request, other: str) -> str:
    """Return the address of a request, asked in another language."""
    url = request.url.include_query_params(lang=other)
    return f"{url.path}?{url.query}"


def number(value: float) -> str:
    """Return a number to three figures, a whole one in full."""
    if isinstance(value, int):
        return format_decimal(value, locale=language())
    if value and abs(value) < 1e-4:
        return format_scientific(value, format="0.##E0", locale=language())
    return format_decimal(value, format="#,##0" if abs(value) >= 1000 else "@@#", locale=language())


def day(text: str) -> str:
    """Return a day, given as ISO 8601 text, in words."""
    return format_date(date.fromisoformat(text), format="medium", locale=language())


def cell(value: Cell, column: Column) -> str:
    """Return a value of a report as people read it; nothing, and what is never there, as an empty text."""
    if isinstance(value, tuple):
        return "; ".join(value)
    if isinstance(value, int | float):
        return number(value)
    if value and column.type == "date":
        return day(value)
    return column.words.get(value, value) if value else ""


def columns(report: Report) -> list[Column]:
    """Return the columns that hold anything."""
    return [one for one in report.columns if any(row[one.name] not in (None, ()) for row in report.rows)]


_TEMPLATES = Environment(loader=PackageLoader("registry.web"), autoescape=True, undefined=StrictUndefined)
_TEMPLATES.trim_blocks = _TEMPLATES.lstrip_blocks = True
_TEMPLATES.filters |= {"number": number, "day": day, "cell": cell, "columns": columns}
_TEMPLATES.globals |= {"_": _, "in_language": in_language, "languages": LANGUAGES, "confidence": CONFIDENCE}
