"""Export formats of a report, the printable page, and charts as SVG."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from registry.analysis.report import CONFIDENCE, Links, Report, cell_text
from registry.i18n import _, day, language, number
from registry.reports.charts import Spec, as_chart, chart
from registry.reports.render import as_csv, as_json, as_text, by_sort, filled, given, headline
from registry.reports.xlsx import as_xlsx

VEGA_LITE = "6.4"
AS_WIDE_AS_A4: Spec = {"width": 1_000, "autosize": {"type": "fit-x", "contains": "padding"}}
# Fonts as wide as the one that it is laid out with, where the reader has one.
ON_PAPER: Spec = {
    "aria": False,
    "background": None,
    "font": "Liberation Sans, Arial, Helvetica, sans-serif",
    "legend": {"columnPadding": 32},
}


def picture(spec: Spec) -> Markup | None:
    """Return the drawing of a Vega-Lite specification as an SVG element; None where what draws it is not installed.

    It holds no scripts, no style elements and no addresses, and nothing is fetched for it.
    """
    try:
        import vl_convert  # an extra; and 80 MB that only who prints should carry
    except ImportError:
        return None
    width = AS_WIDE_AS_A4 if spec.get("width") == "container" else {}
    drawn = vl_convert.vegalite_to_svg({**spec, **width}, vl_version=VEGA_LITE, config=ON_PAPER, allowed_base_urls=[])
    return Markup(drawn)  # nosec B704 # texts of records in it are escaped by the drawing


STYLE = files("registry.reports").joinpath("templates/printable.css").read_text(encoding="utf-8")
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
# The file says the first half itself, and so keeps to it also when it is opened from a disk.
OWN_POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'"
POLICY = f"{OWN_POLICY}; frame-ancestors 'none'"
# Jinja works out a filter of a constant only once, so words are calls; figures are only ever those of the report.
_TEMPLATES = Environment(loader=PackageLoader("registry.reports"), autoescape=True, undefined=StrictUndefined)
_TEMPLATES.trim_blocks = _TEMPLATES.lstrip_blocks = True
_TEMPLATES.globals |= {"_": _, "confidence": CONFIDENCE, "style": Markup(STYLE), "policy": OWN_POLICY}  # nosec B704 # a file of ours
_TEMPLATES.globals |= {
    "day": day,
    "number": number,
    "given": given,
    "shown": cell_text,
    "headline": headline,
    "by_sort": by_sort,
}


def as_html(report: Report, links: Links | None = None) -> str:
    """Return the report as a page of its own, in the language of the moment.

    It holds the columns that hold anything, every row with the records that it rests on (their ids as values; with `links`
    they lead to where each is cell_text), the charts of the report and of those that it is composed of, the method and the notes; a
    wide sheet of paper, on which the head of the table is repeated.
    """
    return _TEMPLATES.get_template("printable.html").render(
        lang=language(), report=report, columns=filled(report), links=links, figures=_figures(report)
    )


def _figures(report: Report) -> dict[str, tuple[str, Markup]]:
    """Return by the name of a report, it or a part of it, what its chart shows, and the chart."""
    charts = ((one.name, chart(one)) for one in (report, *report.parts))
    drawn = ((name, spec["description"], picture(spec)) for name, spec in charts if spec)
    return {name: (told, svg) for name, told, svg in drawn if svg}


class Format(NamedTuple):
    """A way to write a report: as a text, or as bytes that no terminal can show. One that is `linked` may be given Links."""

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
