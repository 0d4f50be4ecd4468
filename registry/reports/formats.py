"""The formats that a report is given in: how each is written, and what it is called in an answer over HTTP."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from registry.reports.charts import as_chart
from registry.reports.printable import POLICY, as_html
from registry.reports.render import as_csv, as_json, as_text
from registry.reports.sheets import as_xlsx


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
