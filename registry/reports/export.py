"""Export formats of a report, the printable page, and charts as SVG."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from registry.analysis.report import CONFIDENCE, Links, Report, cell_text
from registry.i18n import _, day, language, ngettext, number
from registry.reports.charts import Spec, as_chart, chart
from registry.reports.render import as_csv, as_json, as_text, by_type, filled, given, headline
from registry.reports.xlsx import as_xlsx

VEGA_LITE = "6.4"
AS_WIDE_AS_A4: Spec = {"width": 1_000, "autosize": {"type": "fit-x", "contains": "padding"}}
# Fonts with the metrics of the font that is used for the layout.
ON_PAPER: Spec = {
    "aria": False,
    "background": None,
    "font": "Liberation Sans, Arial, Helvetica, sans-serif",
    "legend": {"columnPadding": 32},
}


def picture(spec: Spec) -> Markup | None:
    """Return a Vega-Lite specification as an SVG element, or None if vl-convert is not installed.

    The SVG contains no scripts, style elements or addresses, and rendering makes no requests.
    """
    try:
        import vl_convert  # an optional dependency of 80 MB
    except ImportError:
        return None
    width = AS_WIDE_AS_A4 if spec.get("width") == "container" else {}
    drawn = vl_convert.vegalite_to_svg({**spec, **width}, vl_version=VEGA_LITE, config=ON_PAPER, allowed_base_urls=[])
    return Markup(drawn)  # nosec B704 # vl-convert escapes the texts


STYLE = files("registry.reports").joinpath("templates/printable.css").read_text(encoding="utf-8")
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
# The page includes OWN_POLICY itself, so that it also applies when the file is opened from a disk.
OWN_POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'"
POLICY = f"{OWN_POLICY}; frame-ancestors 'none'"
# Jinja evaluates a filter on a constant only once, so templates translate with calls.
_TEMPLATES = Environment(loader=PackageLoader("registry.reports"), autoescape=True, undefined=StrictUndefined)
_TEMPLATES.trim_blocks = _TEMPLATES.lstrip_blocks = True
_TEMPLATES.globals |= {
    "_": _,
    "ngettext": ngettext,
    "confidence": CONFIDENCE,
    "style": Markup(STYLE),
    "policy": OWN_POLICY,
}  # nosec B704 # a file of this package
_TEMPLATES.globals |= {
    "day": day,
    "number": number,
    "given": given,
    "shown": cell_text,
    "headline": headline,
    "by_type": by_type,
}


def as_html(report: Report, links: Links | None = None) -> str:
    """Return the report as a self-contained page in the current language.

    It has the non-empty columns, all rows with their evidence (as ids; with `links`, linked to the pages of the
    records), the charts of the report and its parts, the method and the notes. It is laid out for wide paper with
    repeated table heads.
    """
    return _TEMPLATES.get_template("printable.html").render(
        lang=language(), report=report, columns=filled(report), links=links, figures=_charts(report)
    )


def _charts(report: Report) -> dict[str, tuple[str, Markup]]:
    """Return the chart description and SVG of the report and its parts, by report name."""
    charts = ((one.name, chart(one)) for one in (report, *report.parts))
    drawn = ((name, spec["description"], picture(spec)) for name, spec in charts if spec)
    return {name: (description, svg) for name, description, svg in drawn if svg}


class Format(NamedTuple):
    """An export format. `binary`: not printable in a terminal. `linked`: `write` accepts Links."""

    write: Callable[..., str | bytes]
    media_type: str
    binary: bool = False
    linked: bool = False
    headers: Mapping[str, str] = {}


CHART = "vl.json"
SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILES: Mapping[str, Format] = {
    "json": Format(as_json, "application/json", linked=True),
    "csv": Format(as_csv, "text/csv; charset=utf-8"),
    "xlsx": Format(as_xlsx, SHEETS, binary=True, linked=True),
    CHART: Format(as_chart, "application/json"),
    "html": Format(as_html, "text/html; charset=utf-8", linked=True, headers={"Content-Security-Policy": POLICY}),
}
FORMATS: Mapping[str, Format] = {"text": Format(as_text, "text/plain; charset=utf-8"), **FILES}
