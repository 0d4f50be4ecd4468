"""The charts of reports: what is drawn is what the report says, and Vega is as it was released."""

import json
import sys
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from registry.analysis.report import Evidence, Report, UnknownReport
from registry.i18n import use_language
from registry.reports.catalogue import DEFINITIONS, run_on_snapshot
from registry.reports.charts import MOST_SECTORS, as_chart, chart
from registry.reports.export import as_html
from tests.reports.test_catalogue import agencies, lists, odd_worlds, tied
from tests.support import requirements
from tests.support.paths import ROOT
from tests.support.sample import sample_report

AS_OF = "2026-11-25"
VEGA = ROOT / "registry/web/static/vendor/vega-6.4.0"
CHARTED = {"sector-gaps", "brokers", "agreements"}
RELEASED = {  # the third but for its first line, an import
    "vega.min.js": "8f6a3587cf8d4f42c7e08120e3eb05d067e746d554e39d2dcf52acc0bd5ba28f",
    "vega-lite.min.js": "83e215e84e308ee8688fa6503ba0f1cf8a3c05c0d61df2841a0b92bf86809e00",
    "vega-interpreter.js": "ca1de8c6b88d24f30bb3b576dbf9562ccf3899f25c421c3a0a88dccc7bc65822",
}


def drawn(name: str) -> tuple[Report, dict[str, Any]]:
    report = sample_report(name)
    return report, json.loads(as_chart(report))


def test_three_reports_have_a_chart_and_the_others_say_that_they_have_none() -> None:
    assert {name for name in DEFINITIONS if chart(sample_report(name))} == CHARTED
    with pytest.raises(UnknownReport, match="“Completeness of the records” has no chart"):
        as_chart(sample_report("coverage"))


def test_the_matrix_draws_each_pair_twice_and_small_pairs_without_ratio() -> None:
    report, spec = drawn("sector-gaps")
    cells = spec["data"]["values"]
    assert len(cells) == 2 * len(report.rows) == 110
    untestable = [one for one in cells if one["code"] == "too-few"]
    assert len(untestable) == 2 * report.unknown and all(one["ratio"] is None for one in untestable)
    gaps = {(one["down"], one["across"], one["observed"]) for one in cells if one["code"] == "gap"}
    assert {("Health", "Transport", "0"), ("Transport", "Health", "0")} < gaps and len(gaps) == 2 * report.found


def test_the_ranking_is_that_of_the_table_and_each_bar_has_its_range() -> None:
    report, spec = drawn("brokers")
    bars = spec["data"]["values"]
    assert [one["agency"] for one in bars] == [row["agency"] for row in report.rows]
    assert all(0 <= one["low"] <= one["high"] <= 100 for one in bars)
    assert sum(one["low"] <= one["betweenness"] <= one["high"] for one in bars) == len(bars)
    assert sum(one["sure"] for one in bars) == report.found


def test_the_timeline_has_each_agreement_once_and_the_day_of_the_report() -> None:
    report, spec = drawn("agreements")
    lines = spec["data"]["values"]
    assert [one["agreement"] for one in lines] == list(
        dict.fromkeys(row["agreement"] for row in report.rows if row["agreement"] and row["until"])
    )
    expired = next(one for one in lines if one["agreement"] == "Imunisasi dan gizi anak panti")
    assert (expired["since"], expired["until"]) == ("2023-02-01", "2026-01-31")
    assert expired["finding"] == "expired without a renewal"
    assert spec["layer"][1]["data"]["values"] == [{"day": AS_OF}]


def test_a_chart_speaks_the_language_of_who_asks() -> None:
    with use_language("id"):
        _report, spec = drawn("sector-gaps")
    assert spec["description"].startswith("Setiap kotak") and spec["config"]["locale"]["number"]["decimal"] == ","
    assert {"Kesehatan", "Perhubungan"} <= {one["down"] for one in spec["data"]["values"]}


def test_of_too_many_sectors_those_with_most_ties_are_drawn() -> None:
    ring = tied(*((n, (n + step) % 90) for n in range(90) for step in (1, 7)))
    spec = chart(run_on_snapshot(lists(agencies(90, 30), ring, 30), "sector-gaps", AS_OF))
    assert spec and f"Only the {MOST_SECTORS} sectors" in spec["description"]
    assert len({one["down"] for one in spec["data"]["values"]}) <= MOST_SECTORS


@pytest.mark.parametrize(
    ("name", "column", "kind"), [("brokers", "agency", "Agency"), ("agreements", "agreement", "Partnership")]
)
def test_records_of_one_name_have_bars_of_their_own(name: str, column: str, kind: str) -> None:
    report = sample_report(name)
    dated = {row.evidence[0].id: row for row in report.rows if name == "brokers" or (row["agreement"] and row["until"])}
    ids = list(dated)[:2]
    alike = [
        replace(dated[one], values={**dated[one].values, column: "Twin"}, evidence=(Evidence(one, "Twin", kind),))
        for one in ids
    ]
    bars = json.loads(as_chart(replace(report, rows=(*alike, alike[0]))))["data"]["values"]
    assert {bar[column] for bar in bars} == {f"Twin ({one})" for one in ids}


def test_sectors_of_one_name_have_rows_of_their_own() -> None:
    ring = tied(*((n, (n + step) % 90) for n in range(90) for step in (1, 7)))
    world = lists(agencies(90, 3), ring, 3)
    world = world._replace(sectors=[one._replace(name="Twin") for one in world.sectors])
    spec = chart(run_on_snapshot(world, "sector-gaps", AS_OF))
    assert spec and {one["down"] for one in spec["data"]["values"]} == {f"Twin (sector:{n})" for n in range(3)}
    assert all(one["down"] != one["across"] for one in spec["data"]["values"])


@pytest.mark.parametrize("name", sorted(CHARTED))
def test_an_odd_world_is_drawn_or_not_but_never_fails(name: str) -> None:
    for _said, world in odd_worlds():
        report = run_on_snapshot(world, name, AS_OF)
        assert chart(report) is None or json.loads(as_chart(report))["data"]["values"]


def test_a_printed_report_holds_its_chart_and_those_of_its_parts() -> None:
    requirements.drawing()
    for name in DEFINITIONS:
        paper = as_html(sample_report(name))
        assert paper.count("<svg") == {**dict.fromkeys(CHARTED, 1), "gaps": 2}.get(name, 0)
    with use_language("id"):
        paper = as_html(sample_report("sector-gaps"))
    drawing = paper[paper.index("<figure>") : paper.index("</figure>")]
    assert "Setiap kotak" in drawing and drawing.count(">Kesehatan<") == 2 and ">0,5<" in drawing


@pytest.mark.parametrize("name", sorted(CHARTED))
def test_nothing_in_a_printed_chart_runs_or_is_fetched(name: str) -> None:
    requirements.drawing()
    evil = "<script>alert(1)</script><img src=http://evil/x onerror=alert(2)>"
    report = sample_report(name)
    column = {"sector-gaps": "sector_a", "brokers": "agency", "agreements": "agreement"}[name]
    row = replace(report.rows[0], values={**report.rows[0].values, column: evil})
    paper = Tags()
    paper.feed(as_html(replace(report, rows=(row, *report.rows[1:]))))
    assert "svg" in paper.tags and not paper.tags & {"script", "img", "a", "image", "use", "foreignobject"}
    assert len(paper.styles) == 1
    assert not [
        one for one in paper.attributes if one.startswith("on") or one in ("style", "src", "href", "xlink:href")
    ]


def test_where_nothing_draws_on_paper_the_table_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    paper = as_html(sample_report("brokers"))
    assert "<figure" not in paper and "<table" in paper


class Tags(HTMLParser):
    """The names of all elements and attributes of a page, and each of its style elements."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes, self.styles = set[str](), set[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}
        self.styles += [tag] if tag == "style" else []


@pytest.mark.parametrize("name", list(RELEASED))
def test_vega_is_as_it_was_released_and_its_licences_are_with_it(name: str) -> None:
    assert sha256((VEGA / name).read_bytes()).hexdigest() == RELEASED[name]
    licences = (VEGA / "LICENSES.txt").read_text(encoding="utf-8")
    assert all(one in licences for one in (name, "Interactive Data Lab", "Mike Bostock", "Ariya Hidayat"))
