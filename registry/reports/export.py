"""Reports as files: CSV, JSON, HTML, XLSX, charts and networks."""

import io
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import xlsxwriter
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from registry.analysis.report import (
    CONFIDENCE,
    Cell,
    Column,
    Links,
    Report,
    ReportError,
    ReportRow,
    Tie,
    UnknownReport,
    cell_text,
)
from registry.i18n import _, day, language, ngettext, number
from registry.reports.charts import Spec, as_chart, chart
from registry.reports.render import (
    JSON,
    LISTS,
    as_csv,
    as_json,
    as_text,
    by_type,
    csv_table,
    empty_text,
    filled,
    given,
    headline,
)

if TYPE_CHECKING:
    import networkx as nx

MOST_ROWS, MOST_LETTERS, LONGEST_NAME, WIDEST = 1_048_575, 32_767, 31, 420
MOST_LINKS, LONGEST_LINK = 65_530, 2_079
FIRST_DAY = "1900-03-01"  # earlier days differ, because spreadsheets wrongly have a 29 February 1900
DAY, WHOLE, DECIMAL, TINY, PERCENT = "yyyy-mm-dd", "#,##0", "0.0##", "0.0#E+00", "0.0%"


def as_xlsx(report: Report, links: Links | None = None) -> bytes:
    """Return the report as an XLSX workbook in the current language.

    The first sheet is named after the report. The first sheet has the rows with all columns, the confidence, and the names and ids
    of the evidence. With `links`, each of the first 65,530 rows also has the address of a query for its evidence. Numbers, dates
    and percentages are typed cells; texts are never formulas. If the report combines several reports, each combined report has a
    sheet. The last sheet describes the methods. Raises ReportError for more rows than a sheet can have.
    """
    file = io.BytesIO()
    reports = [report, *report.parts]
    if any(len(one.rows) > MOST_ROWS for one in reports):
        raise ReportError(_("A sheet can have at most {n} rows. Use CSV or JSON instead.").format(n=number(MOST_ROWS)))
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.set_properties({"title": report.question})
        writing = _WorkbookWriter(book, links)
        for one in reports:
            writing.rows(one)
        writing.method(reports)
    return file.getvalue()


class _WorkbookWriter:
    """A workbook being written, with its cell formats."""

    def __init__(self, book: Any, links: Links | None) -> None:
        default = {"text_wrap": True, "valign": "top"}
        self._book, self._links = book, links
        self._heading = book.add_format({**default, "bold": True, "bottom": 1})
        self._text = book.add_format({**default, "quote_prefix": True})
        self._numbers = {
            style: book.add_format({**default, "num_format": style}) for style in (DAY, WHOLE, DECIMAL, TINY, PERCENT)
        }

    def rows(self, report: Report) -> None:
        """Write the sheet that has the rows of a report."""
        sheet = self._book.add_worksheet(report.name[:LONGEST_NAME])
        headings = [*map(_heading, report.columns), _("Confidence"), _("Based on"), _("Based on (identifiers)")]
        headings += [_("as GraphQL")] if self._links else []
        for place, heading in enumerate(headings):
            sheet.write_string(0, place, heading, self._heading)
        for line, row in enumerate(report.rows, 1):
            for place, column in enumerate(report.columns):
                self._cell(sheet, line, place, column, row[column.name])
            for place, text in enumerate(_evidence_cells(row), len(report.columns)):
                sheet.write_string(line, place, text, self._text)
            if self._links and row.evidence and line <= MOST_LINKS:
                self._link(sheet, line, len(headings) - 1, self._links.query(row.evidence))
        sheet.autofit(WIDEST)
        sheet.autofilter(0, 0, len(report.rows), len(headings) - 1)
        sheet.freeze_panes(1, 0)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)

    def _link(self, sheet: Any, line: int, place: int, path: str) -> None:
        if len(path) <= LONGEST_LINK:
            sheet.write_url(line, place, path, string=_("as GraphQL"))

    def method(self, reports: Iterable[Report]) -> None:
        """Write the sheet that describes the methods. The sheet's name contains spaces, so that it differs from every report name."""
        sheet = self._book.add_worksheet(_("Method and notes"))
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 1, 110)
        lines = count()
        for report in reports:
            self._pair(sheet, next(lines), report.title, report.question, self._heading)
            for what, value in _description(report):
                self._pair(sheet, next(lines), what, value, self._text)
            next(lines)

    def _pair(self, sheet: Any, line: int, what: str, value: str, style: Any) -> None:
        sheet.write_string(line, 0, what, style)
        sheet.write_string(line, 1, value, style)

    def _cell(self, sheet: Any, line: int, place: int, column: Column, cell: Cell) -> None:
        if cell is None or cell in ("", ()):
            return
        if isinstance(cell, int | float):
            value, style = (cell / 100, PERCENT) if column.unit == "%" else (cell, _number_format(cell))
            sheet.write_number(line, place, value, self._numbers[style])
        elif column.type == "date" and isinstance(cell, str) and cell >= FIRST_DAY:
            sheet.write_datetime(line, place, datetime.fromisoformat(cell), self._numbers[DAY])
        else:
            sheet.write_string(line, place, _text(column, cell), self._text)


def _number_format(value: float) -> str:
    """Return the spreadsheet format that displays a number in the same way as `registry.i18n.number`."""
    if isinstance(value, int) or abs(value) >= 1000:
        return WHOLE
    return TINY if value and abs(value) < 1e-4 else DECIMAL


def _heading(column: Column) -> str:
    return f"{column.label} ({column.unit})" if column.unit not in ("", "%") else column.label


def _text(column: Column, cell: str | tuple[str, ...]) -> str:
    texts = cell if isinstance(cell, tuple) else (cell,)
    return _joined(column.words.get(one, one) for one in texts)


def _evidence_cells(row: ReportRow) -> tuple[str, str, str]:
    """Return three cells of a row: its confidence, the names of its evidence, and the ids of its evidence."""
    names, ids = _joined(one.name for one in row.evidence), _joined(one.id for one in row.evidence)
    return _(CONFIDENCE[row.confidence]), names, ids


def _joined(texts: Iterable[str]) -> str:
    """Join the texts to one text. If the text is too long for a cell, cut it and add `…`."""
    whole = "; ".join(texts)
    if len(whole) <= MOST_LETTERS:
        return whole
    return whole[: MOST_LETTERS - 3].rpartition("; ")[0] + "; …"


def _description(report: Report) -> Iterator[tuple[str, str]]:
    """Yield the labels and values that describe a report, such as its title and its day."""
    yield _("As of"), day(report.as_of)
    yield report.counts, ": ".join(filter(None, (headline(report), by_type(report))))
    if report.unjudged is not None:
        yield _("Not enough data to judge"), number(report.unjudged)
    yield report.withheld_label, number(report.withheld)
    for name, value in report.parameters.items():
        if value != "":
            yield report.labels[name], given(value)
    yield _("Method"), report.method
    for note in report.notes:
        yield _("Note"), note
    for column in report.columns:
        yield _heading(column), " ".join([column.description, *_codes(column)])


def _codes(column: Column) -> Iterator[str]:
    if column.words:
        yield "; ".join(f"{code}: {word}" for code, word in column.words.items())


VEGA_LITE = "6.4"
AS_WIDE_AS_A4: Spec = {"width": 1_000, "autosize": {"type": "fit-x", "contains": "padding"}}
# Fonts whose letters are as wide as those of the font that computes the layout.
ON_PAPER: Spec = {
    "aria": False,
    "background": None,
    "font": "Liberation Sans, Arial, Helvetica, sans-serif",
    "legend": {"columnPadding": 32},
}


def picture(spec: Spec) -> Markup | None:
    """Render a Vega-Lite specification as an SVG element; return None if the package vl-convert is not installed.

    The SVG contains no scripts, no style elements and no addresses. Rendering sends no requests.
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
# The page includes OWN_POLICY, so that the policy also applies if the page is opened as a file.
OWN_POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'"
POLICY = f"{OWN_POLICY}; frame-ancestors 'none'"
# Jinja evaluates a filter on a constant only once, so templates translate with calls.
_TEMPLATES = Environment(loader=PackageLoader("registry.reports"), autoescape=True, undefined=StrictUndefined)
_TEMPLATES.trim_blocks = _TEMPLATES.lstrip_blocks = True
_TEMPLATES.globals |= {
    "_": _,
    "ngettext": ngettext,
    "confidence": CONFIDENCE,
    "style": Markup(STYLE),  # nosec B704 # a file of this package
    "policy": OWN_POLICY,
}
_TEMPLATES.globals |= {
    "day": day,
    "number": number,
    "given": given,
    "shown": cell_text,
    "headline": headline,
    "empty_text": empty_text,
    "by_type": by_type,
}


def as_html(report: Report, links: Links | None = None) -> str:
    """Return the report as a self-contained HTML page in the current language.

    The page has all rows with the ids of their evidence, but no empty columns. The page also has the charts, the method and the notes.
    With `links`, each id is a link to the page of the record. If the report combines several reports, the page includes their
    charts. The page is laid out for landscape paper; each printed sheet repeats the table head.
    """
    return _TEMPLATES.get_template("printable.html").render(
        lang=language(), report=report, columns=filled(report), links=links, figures=_charts(report)
    )


def _charts(report: Report) -> dict[str, tuple[str, Markup]]:
    """Return the descriptions and the SVGs of the charts of the report and of the reports that it combines, by report name."""
    charts = ((one.name, chart(one)) for one in (report, *report.parts))
    drawn = ((name, spec["description"], picture(spec)) for name, spec in charts if spec)
    return {name: (description, svg) for name, description, svg in drawn if svg}


NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_network(report: Report) -> "nx.Graph[str]":
    """Return the network of a report: its agencies (by id) with their names and columns, and the ties between these agencies.

    A tie has its number of `agreements`, its `weight`, and the `agreement_ids`. Lists are JSON arrays, unknown values have no
    attribute, and characters that XML 1.0 forbids are removed. Raises UnknownReport if the report does not describe a network.
    """
    import networkx as nx  # imported here because it takes half a second

    graph: nx.Graph[str] = nx.Graph(name=_plain(report.title))
    ties = _ties(report)
    for row in report.rows:
        graph.add_node(_plain(row.evidence[0].id), **_attributes({"name": row["agency"], **_measures(report, row)}))
    for tie in ties:
        graph.add_edge(_plain(tie.a), _plain(tie.b), **_attributes(_of_tie(tie)))
    return graph


def _ties(report: Report) -> list[Tie]:
    """Return the ties between the agencies of the report. Raises UnknownReport if the report does not describe a network."""
    if report.ties is None:
        raise UnknownReport(_("“{report}” is not a network.").format(report=report.title))
    listed = {row.evidence[0].id for row in report.rows}
    return [tie for tie in report.ties if tie.a in listed and tie.b in listed]


def _measures(report: Report, row: ReportRow) -> dict[str, Cell]:
    """Return the cells of a row without the name of the agency; numbers have the type of their column."""
    cells = {one.name: (one, row[one.name]) for one in report.columns if one.name != "agency"}
    return {
        name: float(cell) if column.type == "number" and isinstance(cell, int) else cell
        for name, (column, cell) in cells.items()
    }


def _of_tie(tie: Tie) -> dict[str, Cell]:
    return {"agreements": len(tie.agreements), "weight": tie.weight, "agreement_ids": tie.agreements}


def _attributes(cells: Mapping[str, Cell]) -> dict[str, str | int | float]:
    lists = {name: orjson.dumps(cell).decode() if isinstance(cell, tuple) else cell for name, cell in cells.items()}
    return {name: _plain(cell) if isinstance(cell, str) else cell for name, cell in lists.items() if cell is not None}


def _plain(text: str) -> str:
    return NOT_XML.sub("", text)


def as_graphml(report: Report) -> bytes:
    """Return the network of a report as GraphML. Raises UnknownReport if the report does not describe a network."""
    import networkx as nx

    file = io.BytesIO()
    nx.write_graphml_xml(as_network(report), file)
    return file.getvalue()


def as_gexf(report: Report) -> bytes:
    """Return the network of a report as GEXF 1.2. Raises UnknownReport if the report does not describe a network."""
    import networkx as nx

    graph, file = as_network(report), io.BytesIO()
    for _id, attributes in graph.nodes(data=True):
        attributes["label"] = attributes["name"]
    nx.write_gexf(graph, file)
    return file.getvalue()


def as_edges_csv(report: Report, lists: str = JSON) -> str:
    """Return the ties of a report as CSV: the ids of the two agencies, and the attributes of `as_network`. Raises UnknownReport."""
    rows = ([tie.a, tie.b, *_of_tie(tie).values()] for tie in _ties(report))
    headings = ["source", "target", "agreements", "weight", "agreement_ids"]
    return csv_table(headings, ["agreement_ids"], rows, lists)


def as_nodes_csv(report: Report, lists: str = JSON) -> str:
    """Return the agencies of a report that describes a network as CSV: ids, names and columns. Raises UnknownReport."""
    _ties(report)
    columns = [one for one in report.columns if one.name != "agency"]
    rows = ([row.evidence[0].id, row["agency"], *(row[one.name] for one in columns)] for row in report.rows)
    listed = [one.name for one in columns if one.type == "texts"]
    return csv_table(["id", "name", *(one.name for one in columns)], listed, rows, lists)


class Format(NamedTuple):
    """An export format.

    If `binary` is true, a terminal cannot display it. If `linked` is true, the function `write` accepts a `Links` object, so that
    records become web links. If `lists` is true, `write` accepts one of LISTS, which says how lists are written.
    """

    write: Callable[..., str | bytes]
    media_type: str
    binary: bool = False
    linked: bool = False
    headers: Mapping[str, str] = {}
    lists: bool = False

    def content(self, report: Report, links: Links | None = None, lists: str | None = None) -> str | bytes:
        """Return the report in this format. Raises ReportError if the format cannot write the report, or lists in this way."""
        if lists is not None and (not self.lists or lists not in LISTS):
            sentence = _("“{name}” is only for CSV. Choose one of: {names}.")
            raise ReportError(sentence.format(name="lists", names=", ".join(LISTS)))
        more = {"lists": lists} if lists is not None else {"links": links} if self.linked else {}
        return self.write(report, **more)


CHART = "vl.json"
CSV = "text/csv; charset=utf-8"
SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NETWORKS: Mapping[str, Format] = {
    "graphml": Format(as_graphml, "application/graphml+xml"),
    "gexf": Format(as_gexf, "application/gexf+xml"),
    "nodes.csv": Format(as_nodes_csv, CSV, lists=True),
    "edges.csv": Format(as_edges_csv, CSV, lists=True),
}
FILES: Mapping[str, Format] = {
    "json": Format(as_json, "application/json", linked=True),
    "csv": Format(as_csv, CSV, lists=True),
    "xlsx": Format(as_xlsx, SHEETS, binary=True, linked=True),
    CHART: Format(as_chart, "application/json"),
    "html": Format(as_html, "text/html; charset=utf-8", linked=True, headers={"Content-Security-Policy": POLICY}),
    **NETWORKS,
}
FORMATS: Mapping[str, Format] = {"text": Format(as_text, "text/plain; charset=utf-8"), **FILES}
