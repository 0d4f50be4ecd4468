"""Reports as files that people hand on: the same rows in each, nothing in them that runs."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import date
from zipfile import ZipFile

import networkx as nx
import pytest
from markupsafe import escape
from python_calamine import CalamineWorkbook

from registry.analysis.report import Column, Evidence, Report, ReportError, ReportRow, UnknownReport, cell_text
from registry.i18n import use_language
from registry.reports.catalogue import DEFINITIONS
from registry.reports.export import CHART, FORMATS, NETWORKS, as_html, as_network, as_xlsx
from registry.reports.render import as_csv, as_json, filled
from tests.support.sample import sample_report

EVIL = "=HYPERLINK(\"http://evil\")<script>alert('1')</script>"


def sheet(report: Report, name: str = "") -> list[list[object]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx(report)))
    return book.get_sheet_by_name(name or report.name).to_python()


def expected(column: Column, value: object) -> object:
    """Return what a cell of a sheet holds for a value of JSON."""
    if value is None or value == []:
        return ""
    if isinstance(value, list):
        return "; ".join(column.words.get(one, one) for one in value)
    if column.type == "date":
        return date.fromisoformat(str(value))
    if isinstance(value, int | float):
        return pytest.approx(value / 100 if column.unit == "%" else value)
    return column.words.get(str(value), value)


@pytest.fixture(scope="module", params=list(DEFINITIONS))
def report(request: pytest.FixtureRequest) -> Report:
    return sample_report(request.param)


def test_the_rows_are_the_same_in_every_format(report: Report) -> None:
    whole, page = json.loads(as_json(report)), as_html(report)
    heading, *lines = sheet(report)
    assert heading[: len(report.columns)] == [
        f"{one.label} ({one.unit})" if one.unit not in ("", "%") else one.label for one in report.columns
    ]
    printed = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]
    listed = list(csv.reader(io.StringIO(as_csv(report))))[1:]
    assert len(whole["rows"]) == len(lines) == len(printed) == len(listed) == len(report.rows)
    for told, line, paper, comma, row in zip(whole["rows"], lines, printed, listed, report.rows, strict=True):
        assert line[: len(report.columns)] == [expected(one, told[one.name]) for one in report.columns]
        ids = [one["id"] for one in told["evidence"]]
        assert line[-1] == "; ".join(ids) and json.loads(comma[-1]) == ids
        assert line[-2] == "; ".join(one["name"] for one in told["evidence"])
        assert re.findall(r'<data value="([^"]*)">', paper) == ids
        cells = re.findall(r"<td class=[^>]*>(.*?)</td>", paper)
        assert cells[:-1] == [str(escape(cell_text(one, row[one.name]))) for one in filled(report)]


def test_a_workbook_of_gaps_holds_the_reports_that_it_is_composed_of() -> None:
    gaps = sample_report("gaps")
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx(gaps)))
    assert book.sheet_names == ["gaps", *(one.name for one in gaps.parts), "Method and notes"]
    overlaps = next(one for one in gaps.parts if one.name == "overlaps")
    assert sheet(gaps, "overlaps") == sheet(overlaps)
    told = sheet(gaps, "Method and notes")
    assert ["As of", "Nov 25, 2026"] in told and ["Method", overlaps.method] in told
    assert ["Expires within (days)", "90"] in told
    with use_language("id"):
        page = as_html(sample_report("gaps"))
    assert "<dt>Berakhir dalam (hari)</dt><dd>90</dd>" in page


def test_what_a_name_holds_is_neither_a_formula_nor_markup() -> None:
    one = sample_report("overlaps")
    row = ReportRow({**one.rows[0].values, "agency_a": EVIL}, (Evidence('"><script>', EVIL, "Agency"),))
    report = replace(one, rows=(row,), notes=(EVIL,), parts=())
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx(report)))
    assert EVIL in book.get_sheet_by_name("overlaps").to_python()[1]
    assert not _formulas(as_xlsx(report))
    assert "<script" not in as_html(report)


def long_rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(str(FORMATS[name].content(sample_report("agency-measures"), lists="rows")))))


def test_each_value_of_a_list_can_have_a_row_of_its_own() -> None:
    report = sample_report("agency-measures")
    lines = long_rows("csv")
    assert lines[0].keys() >= {"row_number", "agency", "degree", "confidence", "list_column", "list_value"}
    assert "sectors" not in lines[0] and "evidence" not in lines[0]
    found = [(one["row_number"], one["list_column"], one["list_value"]) for one in lines]
    lists = [{**row.values, "evidence": tuple(one.id for one in row.evidence)} for row in report.rows]
    assert found == [
        (str(n), name, value)
        for n, cells in enumerate(lists, 1)
        for name in ("sectors", "areas", "evidence")
        for value in cells[name]  # type: ignore[union-attr]
    ]
    assert {one["agency"] for one in lines} == {row["agency"] for row in report.rows}
    edges = long_rows("edges.csv")
    assert len(edges) == sum(len(tie.agreements) for tie in report.ties or ())


def test_a_row_without_values_in_lists_is_not_lost() -> None:
    report = sample_report("agency-measures")
    row = replace(report.rows[0], values={**report.rows[0].values, "sectors": (), "areas": ()}, evidence=())
    (line,) = csv.DictReader(io.StringIO(as_csv(replace(report, rows=(row,)), "rows")))
    assert line["agency"] == row["agency"] and line["list_column"] == line["list_value"] == ""


@pytest.mark.parametrize(("name", "lists"), [("json", "rows"), ("xlsx", "json"), ("csv", "columns")])
def test_how_lists_are_written_can_only_be_chosen_for_csv(name: str, lists: str) -> None:
    with pytest.raises(ReportError, match="only for CSV"):
        FORMATS[name].content(sample_report("agency-measures"), lists=lists)


def network() -> Report:
    """Return the network of the sample, with a name that XML cannot hold, a formula, and an agency that has no sectors."""
    report = sample_report("agency-measures")
    odd = {"agency": "\x00=A & <B>\ud800\uffff 𝄞", "sectors": ()}
    return replace(report, rows=(replace(report.rows[0], values={**report.rows[0].values, **odd}), *report.rows[1:]))


@pytest.mark.parametrize("name", ["graphml", "gexf"])
def test_a_network_is_read_back_as_it_was_written(name: str) -> None:
    report = network()
    content = FORMATS[name].content(report)
    read = getattr(nx, f"read_{name}")(io.BytesIO(content))  # type: ignore[arg-type]
    nodes = {one: {key: value for key, value in has.items() if key != "label"} for one, has in read.nodes(data=True)}
    columns = [one.name for one in report.columns if one.name != "agency"]
    expected = {
        row.evidence[0].id: {
            "name": str(row["agency"]),
            **{one: json_list(row[one]) for one in columns if row[one] is not None},
        }
        for row in report.rows
    }
    expected[report.rows[0].evidence[0].id]["name"] = "=A & <B> 𝄞"
    assert nodes == expected
    edges = {
        frozenset(ends): (has["agreements"], has["weight"], has["agreement_ids"])
        for *ends, has in read.edges(data=True)
    }
    assert edges == {
        frozenset((tie.a, tie.b)): (len(tie.agreements), tie.weight, json_list(tie.agreements))
        for tie in report.ties or ()
    }
    assert len(edges) == 363
    as_graph = as_network(report)
    degrees = {row.evidence[0].id: row["degree"] or 0 for row in report.rows}
    assert dict(as_graph.degree) == degrees


def json_list(cell: object) -> object:
    return json.dumps(cell, ensure_ascii=False, separators=(",", ":")) if isinstance(cell, tuple) else cell


def test_a_network_as_two_tables_has_the_same_nodes_and_edges() -> None:
    report = sample_report("agency-measures")
    nodes = list(csv.DictReader(io.StringIO(str(FORMATS["nodes.csv"].content(report)))))
    assert [one["id"] for one in nodes] == [row.evidence[0].id for row in report.rows]
    assert [json.loads(one["sectors"]) for one in nodes] == [list(row["sectors"]) for row in report.rows]  # type: ignore[arg-type]
    edges = list(csv.DictReader(io.StringIO(str(FORMATS["edges.csv"].content(report)))))
    assert [(one["source"], one["target"], tuple(json.loads(one["agreement_ids"]))) for one in edges] == [
        tie[:3] for tie in report.ties or ()
    ]


def test_the_network_of_a_limited_report_has_only_its_agencies() -> None:
    whole, health = sample_report("agency-measures"), sample_report("agency-measures", sector="health")
    graph = as_network(health)
    assert set(graph) == {row.evidence[0].id for row in health.rows} and 0 < len(graph) < len(whole.rows)
    assert {frozenset(edge) for edge in graph.edges} == {
        frozenset((tie.a, tie.b)) for tie in whole.ties or () if {tie.a, tie.b} <= set(graph)
    }
    assert [row for row in whole.rows if row in health.rows] == list(health.rows)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_a_report_that_is_no_network_has_no_file_of_one(name: str) -> None:
    with pytest.raises(UnknownReport, match="is not a network"):
        FORMATS[name].content(sample_report("overlaps"))


def _formulas(workbook: bytes) -> list[str]:
    parts = ZipFile(io.BytesIO(workbook))
    return [name for name in parts.namelist() if b"<f>" in parts.read(name) or b"<hyperlink" in parts.read(name)]


def test_what_a_cell_cannot_hold_is_left_out_and_said() -> None:
    one = sample_report("overlaps")
    many = tuple(Evidence(f"city:{n:05}", f"Agency {n}", "Agency") for n in range(9_000))
    ids = str(sheet(replace(one, rows=(replace(one.rows[0], evidence=many),)))[1][-1])
    assert len(ids) <= 32_767 and ids.startswith("city:00000; ") and ids.endswith("; …")


def test_a_day_before_the_spreadsheets_first_is_a_text() -> None:
    one = sample_report("agreements")
    row = replace(one.rows[0], values={**one.rows[0].values, "until": "1899-12-31"})
    assert "1899-12-31" in sheet(replace(one, rows=(row,)))[1]


def test_files_speak_the_language_of_who_asks() -> None:
    with use_language("id"):
        report = sample_report("agreements")
        heading, *_lines = sheet(report)
        page = as_html(report)
    assert "Kerja sama" in heading and "Berdasarkan" in heading
    assert '<html lang="id">' in page and "25 Nov 2026" in page and "Metode" in page


def test_a_report_without_rows_is_a_file_in_every_format() -> None:
    nothing = replace(sample_report("coverage"), rows=())
    assert all(one.content(nothing) for name, one in FORMATS.items() if name != CHART and name not in NETWORKS)
    assert "There is nothing to list." in as_html(nothing)
