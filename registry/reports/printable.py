"""A report as one HTML file to print and hand on: no scripts, its style inside, nothing that is fetched."""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from registry.figures import day, number
from registry.reports.charts import chart
from registry.reports.pictures import picture
from registry.reports.render import by_sort, filled, given, headline, shown
from registry.reports.report import CONFIDENCE, Links, Report
from registry.words import _, language

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
    "shown": shown,
    "headline": headline,
    "by_sort": by_sort,
}


def as_html(report: Report, links: Links | None = None) -> str:
    """Return the report as a page of its own, in the language of the moment.

    It holds the columns that hold anything, every row with the records that it rests on (their ids as values; with `links`
    they lead to where each is shown), the charts of the report and of those that it is composed of, the method and the notes; a
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
