"""Pages from templates: words, numbers and days as the language of the moment has them."""

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from registry.figures import day, exact, number
from registry.model import MAIN, MODEL
from registry.reports.render import filled, headline, shown
from registry.reports.report import CONFIDENCE, Cell, Column
from registry.web.actors import LOGIN, LOGOUT, signed_in
from registry.web.addresses import address, evidence_path, list_path, record_path
from registry.web.language import COOKIE
from registry.web.wording import code_label, label, moment
from registry.words import LANGUAGES, _, language

VARY = {"Vary": "Accept-Language, Cookie"}
YEAR = 31_536_000


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; a language that the address asks for is remembered."""
    text = _TEMPLATES.get_template(template).render(lang=language(), request=request, me=signed_in(request), **values)
    response = HTMLResponse(text, status, {"Content-Language": language(), **VARY})
    if request.query_params.get("lang") == language():
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, language(), max_age=YEAR, samesite="lax", httponly=True, secure=secure)
    return response


def in_language(request: Request, other: str) -> str:
    """Return the address of a request, asked in another language."""
    url = request.url.include_query_params(lang=other)
    return f"{url.path}?{url.query}"


def login_path(request: Request) -> str:
    """Return the address at which one signs in, and from which one comes back here."""
    url = request.url
    here = url.path + (f"?{url.query}" if url.query else "")
    return LOGIN if url.path == LOGIN else address(LOGIN, [("next", here)])


def cell(value: Cell, column: Column) -> str:
    """Return a value of a report as people read it."""
    return shown(column, value)


def plural(kind: str) -> str:
    """Return what records of a kind are called."""
    return _(MODEL[kind].plural)


def singular(kind: str) -> str:
    """Return what one record of a kind is called."""
    return _(kind)


def code(value: str, codes: str) -> str:
    """Return a code of a list in words."""
    return code_label(codes, value)


_FOLDERS = ChoiceLoader([PackageLoader("registry.web"), PackageLoader("registry.reports")])
_TEMPLATES = Environment(loader=_FOLDERS, autoescape=True, undefined=StrictUndefined)
_TEMPLATES.trim_blocks = _TEMPLATES.lstrip_blocks = True
_TEMPLATES.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # keys in our order
_TEMPLATES.filters |= {"number": number, "day": day, "cell": cell, "columns": filled, "headline": headline}
_TEMPLATES.filters |= {"moment": moment, "code": code, "exact": exact}
_TEMPLATES.globals |= {"_": _, "in_language": in_language, "languages": LANGUAGES, "confidence": CONFIDENCE}
_TEMPLATES.globals |= {
    "list_path": list_path,
    "record_path": record_path,
    "browsed": MAIN,
    "evidence_path": evidence_path,
}
_TEMPLATES.globals |= {"login": LOGIN, "logout": LOGOUT, "login_path": login_path}
# Calls, not filters: Jinja works out a filter of a constant once and for all, in the language of that moment.
_TEMPLATES.globals |= {"label": label, "plural": plural, "singular": singular}
