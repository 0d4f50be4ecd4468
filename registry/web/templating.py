"""The template environment, and functions that show labels, codes, numbers and dates in the current language."""

from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from registry.analysis.report import CONFIDENCE, Cell, Column, cell_text
from registry.clock import day_of, time_of
from registry.i18n import LANGUAGES, _, day, exact, language, ngettext, number, pgettext
from registry.model.codelists import code_list
from registry.model.definitions import MAIN, MODEL
from registry.model.kinds import Property
from registry.model.values import Date, Flag, Instant
from registry.reports.render import changes_lines, empty_text, filled, finding_title, headline, missing_text
from registry.web.base import (
    LANGUAGE_COOKIE,
    LOGIN,
    LOGOUT,
    address,
    evidence_path,
    finding_id,
    finding_path,
    list_path,
    record_path,
    signed_in,
)

LONGEST_GLANCE = 160
LABELS = {
    "on": "Stated on",
    "label_id": "Name in Indonesian",
    "label_en": "Name in English",
    "free": "Free capacity",
    "feedback": "Feedback received",
    "source": "Data source",
    "level": "Level of working together",
    "target_level": "Target level",
    "target_scale": "Scale of the target level",
    "owner": "Agency that must answer",
    "to_answer": "Feedback to answer",
    "answers_within": "Answers within (hours)",
    "two_way": "Two-way",
    "digital_maturity": "Digital maturity (1 to 5)",
}


def label(name: str) -> str:
    """Return the label of a property or link. For `level_of_government`, this is "Level of government"."""
    return _(english_label(name))


def english_label(name: str) -> str:
    """Return the English label of a property or link. The translation catalogue uses the English label as message id."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def kind_noun(kind: str, count: int) -> str:
    """Return the noun for a kind of record. The number decides the form: singular for 1, otherwise plural."""
    return singular(kind).lower() if count == 1 else plural(kind)


def counted(kind: str, count: int) -> str:
    """Return a number with the noun of the kind: "1 service", "3 services"."""
    return f"{number(count)} {kind_noun(kind, count)}"


def code_label(codes: str | None, code: str) -> str:
    """Return the label of a code. If the code list does not contain the code, return the code."""
    entry = code_list(codes).get(code.lower()) if codes else None
    return str(getattr(entry, f"label_{language()}")) if entry else code


def level_label(scale: str, level: int) -> str:
    """Return a level of cooperation as text: its number, and its name on the scale."""
    names = code_list(f"level-{scale}") if scale in code_list("level-scale") else {}
    entry = names.get(str(level))
    return f"{level} {getattr(entry, f'label_{language()}')}" if entry else str(level)


def property_text(declared: Property, value: Any) -> str:
    """Return a property value as text. If the value is None or an empty list, return ""."""
    if value is None or value == []:
        return ""
    if declared.value is Flag:
        return _("yes") if value else _("no")
    if declared.value is Date:
        return day(value)
    if declared.value is Instant:
        return moment(value)
    if isinstance(value, int | float):
        return exact(value)
    return ", ".join(value) if isinstance(value, list) else code_label(declared.codes, str(value))


def term_label(record: Mapping[str, Any]) -> str:
    """Return the title of a record. The title of a vocabulary term is its label in the current language, if it has such a label."""
    return str(record.get({"id": "labelId", "en": "labelEn"}[language()]) or record["name"])


def shortened(text: str) -> str:
    """Return a text cut to LONGEST_GLANCE characters."""
    return shorten(text, LONGEST_GLANCE, placeholder="…")


def moment(text: str) -> str:
    """Return a point in time as day and time in the registry's time zone."""
    return f"{day(day_of(text))}, {time_of(text)}"


VARY = {"Vary": "Accept-Language, Cookie"}
YEAR = 31_536_000


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template as the response. If the URL has a `lang` parameter, a cookie stores the language."""
    text = _TEMPLATES.get_template(template).render(lang=language(), request=request, me=signed_in(request), **values)
    response = HTMLResponse(text, status, {"Content-Language": language(), **VARY})
    if request.query_params.get("lang") == language():
        secure = request.url.scheme == "https"
        response.set_cookie(LANGUAGE_COOKIE, language(), max_age=YEAR, samesite="lax", httponly=True, secure=secure)
    return response


def path_in_language(request: Request, other: str) -> str:
    """Return the path of the current page in another language."""
    url = request.url.include_query_params(lang=other)
    return f"{url.path}?{url.query}"


def login_path(request: Request) -> str:
    """Return the path of the sign-in page. After sign-in, the browser returns to the current page."""
    url = request.url
    here = url.path + (f"?{url.query}" if url.query else "")
    return LOGIN if url.path == LOGIN else address(LOGIN, [("next", here)])


def cell(value: Cell, column: Column) -> str:
    """Return a value in a report row as text."""
    return cell_text(column, value)


def plural(kind: str) -> str:
    """Return the plural noun of a kind."""
    return _(MODEL[kind].plural)


def singular(kind: str) -> str:
    """Return the singular noun of a kind."""
    return _(kind)


def code(value: str, codes: str) -> str:
    """Return the label of a code."""
    return code_label(codes, value)


_FOLDERS = ChoiceLoader([PackageLoader("registry.web"), PackageLoader("registry.reports")])
_TEMPLATES = Environment(loader=_FOLDERS, autoescape=True, undefined=StrictUndefined)
_TEMPLATES.trim_blocks = _TEMPLATES.lstrip_blocks = True
_TEMPLATES.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # keeps the order of keys
_TEMPLATES.filters |= {"number": number, "day": day, "cell": cell, "columns": filled, "headline": headline}
_TEMPLATES.filters |= {"missing_text": missing_text, "changes_lines": changes_lines, "finding_title": finding_title}
_TEMPLATES.filters |= {"empty_text": empty_text}
_TEMPLATES.filters |= {"moment": moment, "code": code, "exact": exact}
_TEMPLATES.globals |= {"_": _, "ngettext": ngettext, "pgettext": pgettext}
_TEMPLATES.globals |= {"in_language": path_in_language, "languages": LANGUAGES, "confidence": CONFIDENCE}
_TEMPLATES.globals |= {
    "address": address,
    "list_path": list_path,
    "record_path": record_path,
    "browsed": MAIN,
    "evidence_path": evidence_path,
    "finding_path": finding_path,
    "finding_id": finding_id,
}
_TEMPLATES.globals |= {"login": LOGIN, "logout": LOGOUT, "login_path": login_path}
# These are functions and not filters: Jinja evaluates a filter of a constant only once, in the language of that moment.
_TEMPLATES.globals |= {
    "label": label,
    "plural": plural,
    "singular": singular,
    "kind_noun": kind_noun,
    "counted": counted,
}
