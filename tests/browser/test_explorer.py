"""The explorer in a real browser: what planners do with it, and that the table always has what is drawn."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import networkx as nx
import pytest

from benchmarks.explorer import EVERY_KIND, SHARES
from tests.support.browser import barriers, fits, visible

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


pytestmark = pytest.mark.slow

DINKES, VACCINES, HUB = "depok:dinkes-kota", "depok:layanan-imunisasi", "depok:infra-splp"
CENTRE, IT_OFFICE = "depok:infra-dc", "depok:diskominfo"
HEALTH_OFFICE, ROUTINE, LABORATORY = (
    "Dinas Kesehatan Kota Depok",
    "Imunisasi rutin anak",
    "Laboratorium biologi molekuler kampus",
)
WORKING = ("Service", "Resource")
DRAWN = "document.getElementById('canvas')._cyreg.cy"


SINGLE = f"of={DINKES}&bundle=none"


def explore(page: Page, asked: str = f"of={DINKES}") -> None:
    """Open a view, and wait until it is drawn."""
    page.goto(f"/explore?{asked}")
    settled(page)


def settled(page: Page) -> None:
    """Wait until the last thing asked for is shown."""
    visible(page.locator("#records tbody tr").first)
    page.locator("#loading").wait_for(state="hidden")


def rows(page: Page) -> list[str]:
    """Return the names in the table, which must be those of the records and bundles that are drawn."""
    settled(page)
    shown: list[str] = page.locator("#records tbody tr .name").all_inner_texts()
    assert sorted(shown) == sorted(page.evaluate(f"{DRAWN}.nodes().map(node => node.data('name'))"))
    return shown


def listed(page: Page) -> list[str]:
    """Return the names in the list beside the graph, with those in its closed parts."""
    settled(page)
    names: list[str] = page.locator("#panel .name").all_text_contents()
    return names


def parts(page: Page) -> dict[str, bool]:
    """Return the parts of the list beside the graph, and whether they are open."""
    found: dict[str, bool] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-part]')].map(one => [one.dataset.part, one.open]))"
    )
    return found


def row(page: Page, name: str) -> Locator:
    return page.locator("#records").get_by_role("button", name=name, exact=True)


def act(page: Page, name: str) -> None:
    """Press a button beside the graph."""
    page.locator("#panel").get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize(("width", "language"), [(360, "id"), (1280, "en")], indirect=True)
def test_a_planner_walks_from_a_search_to_an_impact(page: Page, language: str) -> None:
    expand, impact, stops = {
        "en": ("Expand", "What is affected if this record becomes unavailable?", "stops"),
        "id": ("Bentangkan", "Apa yang berhenti bila ini berhenti?", "berhenti"),
    }[language]
    page.goto("/explore")
    visible(page.locator("#start .sectors a").first)
    assert fits(page)
    page.locator("#q").press_sequentially("dinas kesehatan")
    visible(page.get_by_role("option", name=HEALTH_OFFICE).first)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    first = rows(page)
    assert HEALTH_OFFICE in first and len(first) > 15
    row(page, ROUTINE).click()
    act(page, expand)
    page.wait_for_url(f"**{VACCINES}**")
    assert {HEALTH_OFFICE, ROUTINE} < set(rows(page))
    act(page, impact)
    page.wait_for_url(re.compile("impact="))
    visible(page.locator("#panel .hits li").first)
    assert stops in page.locator("#records td.lost").all_inner_texts()
    assert fits(page)
    assert not barriers(page)


def test_expanding_is_taken_back_by_collapsing_and_by_the_back_button(desk: Page) -> None:
    explore(desk, SINGLE)
    before = rows(desk)
    row(desk, ROUTINE).dblclick()
    desk.wait_for_url(f"**of={DINKES}&of={VACCINES}**")
    more = rows(desk)
    assert set(before) < set(more)
    assert f"{len(more) - len(before)} more records" in desk.locator("#status").inner_text()
    act(desk, "Collapse")
    desk.wait_for_url(re.compile(f"of={DINKES}&bundle=none&at="))
    assert rows(desk) == before
    desk.go_back()
    desk.wait_for_url(f"**of={VACCINES}**")
    assert rows(desk) == more


def test_what_is_shown_is_narrowed_by_kind_link_sector_area_and_day(desk: Page) -> None:
    explore(desk, SINGLE)
    before = rows(desk)
    desk.locator("#kinds input[value=Partnership]").uncheck()
    without = rows(desk)
    assert len(before) - len(without) == int(
        desk.locator("#kinds label", has_text="Partnership").locator(".n").inner_text()
    )
    desk.locator("#link-filter summary").click()
    desk.locator("#links input[value=PART_OF]").uncheck()
    assert len(rows(desk)) < len(without)
    desk.locator("#sector").select_option(label="Education and libraries")
    assert rows(desk) == [HEALTH_OFFICE, LABORATORY]
    desk.locator("#sector").select_option("")
    desk.locator("#area").select_option(label="City of Depok")
    assert HEALTH_OFFICE in rows(desk)
    assert "have not started on that day" in desk.locator("#status").inner_text()
    assert "Pembinaan usaha kesehatan sekolah (2018)" not in before
    explore(desk, f"{SINGLE}&on=2020-06-01")
    assert "Pembinaan usaha kesehatan sekolah (2018)" in rows(desk)


def test_a_path_leads_from_one_record_to_another(desk: Page) -> None:
    explore(desk)
    row(desk, HEALTH_OFFICE).click()
    act(desk, "Find a path from this record")
    row(desk, LABORATORY).click()
    act(desk, f"Find a path from {HEALTH_OFFICE} to this record")
    ways = desk.locator("#panel .paths li")
    visible(ways.first)
    assert ways.first.inner_text() == f"{HEALTH_OFFICE} uses {LABORATORY}"
    assert {HEALTH_OFFICE, LABORATORY} <= set(rows(desk))
    act(desk, "Back to the neighbourhood")
    assert ROUTINE in rows(desk)


def test_an_impact_shows_what_stops_or_suffers_without_colour(desk: Page) -> None:
    explore(desk, f"{SINGLE}&impact={DINKES}")
    told = desk.locator("#records tbody tr td:last-child").all_inner_texts()
    lost, degraded = told.count("stops"), told.count("works less well")
    assert lost and degraded and told.count("is assumed to stop") == 1
    cells = "rows => rows.map(({ cells }) => [cells[1].innerText, cells[cells.length - 1].innerText])"
    works = [effect for kind, effect in desk.locator("#records tbody tr").evaluate_all(cells) if kind in WORKING]
    lost, degraded = works.count("stops"), works.count("works less well")
    summary = f"Services and resources that would stop: {lost}. That would work less well: {degraded}."
    assert lost and summary in desk.locator("#panel").inner_text()
    styles = f"{DRAWN}.nodes('.%s').map(node => node.style('border-style'))"
    assert set(desk.evaluate(styles % "lost")) == {"double"}
    assert set(desk.evaluate(styles % "degraded")) == {"dashed"}


def test_the_whole_is_rolled_up_and_a_group_opened(desk: Page) -> None:
    explore(desk, "by=SECTOR")
    assert "Health" in rows(desk)
    for by in ("PARENT", "AREA", "LEVEL_OF_GOVERNMENT"):
        desk.locator("#by").select_option(by)
        desk.wait_for_url(f"**by={by}**")
        assert len(rows(desk)) > 3
    desk.locator("#by").select_option("SECTOR")
    row(desk, "Health").click()
    visible(desk.locator("#panel .ties li").first)
    act(desk, "Open the group")
    desk.wait_for_url("**of=sector:health**")
    assert HEALTH_OFFICE in rows(desk)


def test_the_address_restores_the_view(desk: Page) -> None:
    explore(desk)
    row(desk, ROUTINE).dblclick()
    desk.wait_for_url(f"**of={VACCINES}**")
    desk.locator("#colour").select_option("sector")
    desk.locator("#layout").select_option("rings")
    desk.locator("#kinds input[value=Channel]").check()
    desk.wait_for_url("**Channel**")
    seen = rows(desk), desk.locator("#panel h2").inner_text()
    desk.goto(desk.url)
    assert (rows(desk), desk.locator("#panel h2").inner_text()) == seen
    assert [desk.locator(one).input_value() for one in ("#colour", "#layout")] == ["sector", "rings"]
    assert desk.locator("#kinds input[value=Channel]").is_checked()


def test_a_link_to_a_record_that_is_gone_shows_the_others(desk: Page) -> None:
    explore(desk, f"of={DINKES}&of=depok:gone")
    assert ROUTINE in rows(desk)
    assert "This record does not exist" in desk.locator("#problem").inner_text()


def test_files_hold_what_is_shown(desk: Page, tmp_path: Path) -> None:
    explore(desk, SINGLE)
    shown = set(rows(desk))
    desk.locator("#export summary").click()
    files = {name: tmp_path / name for name in ("png", "svg", "graphml")}
    for name, path in files.items():
        with desk.expect_download() as download:
            desk.locator(f"#{name}").click()
        assert download.value.suggested_filename == f"graph.{name}"
        download.value.save_as(path)
    assert files["png"].read_bytes().startswith(b"\x89PNG\r\n")
    titles = {one.text for one in ElementTree.parse(files["svg"]).iter("{http://www.w3.org/2000/svg}title")}
    assert shown <= titles
    graph = nx.read_graphml(files["graphml"])
    assert {data["label"] for _id, data in graph.nodes(data=True)} == shown
    assert graph.number_of_edges() == desk.evaluate(f"{DRAWN}.edges().length")
    assert graph.nodes[VACCINES]["kind"] == "Service"


def test_the_link_is_copied_or_selected_to_be_copied(desk: Page) -> None:
    explore(desk)
    copy, link = desk.locator("#copy"), desk.locator("#link")
    desk.locator("#export summary").click()
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy.click()
    desk.locator("#status", has_text="Link copied.").wait_for()
    assert desk.evaluate("navigator.clipboard.readText()") == desk.url and link.is_hidden()
    desk.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # as without HTTPS
    copy.click()
    desk.locator("#status", has_text="copy it yourself").wait_for()
    assert desk.evaluate("getSelection().toString()") == link.input_value() == desk.url
    assert not barriers(desk)
    desk.locator("#canvas").focus()
    assert link.is_hidden()


def test_everything_is_reached_by_keyboard(desk: Page) -> None:
    explore(desk, SINGLE)
    names = rows(desk)
    desk.locator("#records .name[tabindex='0']").focus()
    desk.keyboard.press("ArrowDown")
    assert desk.evaluate("document.activeElement.textContent") == names[1]
    assert f"{names[1]} is selected." in desk.locator("#status").inner_text()
    desk.keyboard.press("Enter")
    desk.wait_for_url(re.compile("of=.*&of="))
    settled(desk)
    desk.locator("#canvas").focus()
    desk.keyboard.press("ArrowUp")
    assert desk.locator("#panel h2").inner_text() != names[1]
    desk.keyboard.press("Escape")
    visible(desk.locator("#hint"))
    desk.get_by_role("button", name="Links shown").click()
    assert row(desk, HEALTH_OFFICE).evaluate("one => one.closest('tr').rowIndex") <= 2
    assert desk.locator("th[aria-sort=descending]").inner_text().startswith("Links shown")


def test_too_much_to_read_is_shown_as_groups_that_open(desk: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.web.explorer.MOST_DRAWN", 100)
    explore(desk)
    grouped = rows(desk)
    assert HEALTH_OFFICE in grouped and "Partnership (15 records)" in grouped
    assert "too many to show" in desk.locator("#status").inner_text()
    row(desk, "Partnership (15 records)").click()
    act(desk, "Open the group")
    desk.wait_for_url("**open=kind**")
    assert "Survei status gizi balita" in rows(desk)


def test_a_refusal_says_one_sentence_and_loses_nothing(
    desk: Page, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    explore(desk)
    before = rows(desk)
    with monkeypatch.context() as costly:
        costly.setattr("schema.limits.EXPLORE_COST", 10**9)
        row(desk, ROUTINE).dblclick()
        assert "This request is too large" in visible(desk.locator("#problem")).inner_text()
    assert rows(desk) == before
    desk.context.set_offline(True)
    row(desk, ROUTINE).dblclick()
    desk.locator("#problem", has_text="is not responding").wait_for()
    assert rows(desk) == before
    assert all("ERR_INTERNET_DISCONNECTED" in one for one in complaints)
    complaints.clear()
    desk.context.set_offline(False)
    row(desk, ROUTINE).dblclick()
    desk.locator("#problem").wait_for(state="hidden")
    desk.wait_for_url(f"**of={VACCINES}**")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "asked", ["", f"of={DINKES}&at={VACCINES}&colour=sector", "by=SECTOR", f"impact={CENTRE}&area=area:32.76"]
)
def test_axe_finds_nothing(desk: Page, asked: str, scheme: str) -> None:
    desk.emulate_media(color_scheme=scheme)
    desk.goto(f"/explore?{asked}")
    visible(desk.locator("#records tbody tr:visible, #start .sectors a:visible").first)
    assert not barriers(desk)


def test_without_a_path_both_ends_are_shown_by_their_names(desk: Page) -> None:
    explore(desk, "from=sector:health&to=area:32.76")
    assert rows(desk) == ["City of Depok", "Health"]
    panel = desk.locator("#panel")
    assert "From Health to City of Depok" in panel.inner_text() and "No path" in panel.inner_text()
    desk.goto(f"/explore?from={DINKES}&to=depok:gone")
    assert "This record does not exist" in visible(desk.locator("#problem")).inner_text()


def test_a_session_that_ends_is_said_and_one_signs_in_and_is_back(desk: Page, complaints: list[str]) -> None:
    explore(desk)
    before = rows(desk)
    desk.context.add_cookies([{"name": "registry-session", "value": "ended", "url": desk.url}])
    for _again in range(2):  # the second is not answered as to a stranger either
        row(desk, ROUTINE).dblclick()
        assert "Your session has ended" in visible(desk.locator("#problem")).inner_text()
    assert rows(desk) == before
    assert complaints and all("401" in one for one in complaints)
    complaints.clear()
    link = desk.locator("#problem a")
    onward = parse_qs(urlsplit(link.get_attribute("href") or "").query)["next"]
    assert onward == [f"/explore?of={DINKES}&at={VACCINES}"]
    link.click()
    visible(desk.get_by_role("heading", name="Sign in"))


@pytest.mark.parametrize("wide", [1400, 390])
@pytest.mark.parametrize("asked", [f"of={IT_OFFICE}&{EVERY_KIND}", f"impact={CENTRE}"])
def test_every_label_is_readable_and_distinct(desk: Page, asked: str, wide: int) -> None:
    desk.set_viewport_size({"width": wide, "height": 900})
    explore(desk, asked)
    drawn, readable, inside = desk.evaluate(SHARES)
    assert drawn == readable == inside > 10
    named = set(map(tuple, desk.evaluate(f"{DRAWN}.nodes().map(node => [node.data('name'), node.data('label')])")))
    assert wide == 390 or any("…" in label for _name, label in named)
    assert len({label for _name, label in named}) == len(named)  # no label stands for two names


@pytest.mark.parametrize("room", [90, 110, 140, 400])
def test_labels_keep_the_part_that_distinguishes_them(desk: Page, room: int) -> None:
    names = [
        "Dinas Kesehatan Kota Depok",
        "Dinas Kebersihan Kota Depok",
        "Rumah Sakit Umum Daerah Wilayah Barat Kota Depok",
        "Rumah Sakit Umum Daerah Wilayah Timur Kota Depok",
    ]
    desk.goto("/explore")
    short, widths = desk.evaluate(
        """async ([names, room]) => {
          const { shortLabels, widthOf } = await import("/static/explore/labels.js");
          const labels = [...shortLabels(new Map(names.map(name => [name, { name, room }]))).values()];
          return [labels, labels.map(label => widthOf(label))];
        }""",
        [names, room],
    )
    assert max(widths) <= room
    assert all(word in label for word, label in zip(("Kes", "Keb", "Bar", "Tim"), short, strict=True))
    assert room < 400 or short == names


def test_the_list_beside_the_graph_has_what_the_graph_has(desk: Page) -> None:
    explore(desk, f"of={IT_OFFICE}&{EVERY_KIND}&bundle=none")
    single = rows(desk)
    assert sorted(listed(desk)) == sorted(single) and len(single) == 90
    desk.set_viewport_size({"width": 390, "height": 844})
    explore(desk, f"of={IT_OFFICE}&{EVERY_KIND}")
    assert sorted(listed(desk)) == sorted(single)
    bundles = desk.evaluate(f"{DRAWN}.nodes('.bundle').map(node => node.id())")
    assert bundles and sorted(bundles) == sorted(part for part, is_open in parts(desk).items() if not is_open)
    assert fits(desk)


def test_a_bundle_opens_in_graph_and_list_by_click_and_keyboard(desk: Page) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    explore(desk)
    before = rows(desk)
    (bundle, *_others) = [part for part, is_open in parts(desk).items() if not is_open]
    desk.locator(f'[data-part="{bundle}"] summary').focus()
    desk.keyboard.press("Enter")
    desk.wait_for_url("**open=role**")
    settled(desk)
    assert parts(desk)[bundle] and desk.evaluate("document.activeElement.parentElement.dataset.part") == bundle
    assert desk.evaluate(f"{DRAWN}.getElementById('{bundle}').empty()") and rows(desk) != before
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**/explore?of={DINKES}")
    assert rows(desk) == before
    desk.evaluate(f"{DRAWN}.getElementById('{bundle}').emit('dbltap')")
    desk.wait_for_url("**open=role**")
    settled(desk)
    assert parts(desk)[bundle]
    desk.locator("#bundle").select_option("sector")
    desk.wait_for_url("**bundle=sector**")
    settled(desk)
    assert all(part.startswith("sector ") for part in desk.evaluate(f"{DRAWN}.nodes('.bundle').map(node => node.id())"))


def test_a_shortened_label_shows_its_full_name_on_hover_and_selection(desk: Page) -> None:
    desk.set_viewport_size({"width": 1280, "height": 1100})
    explore(desk)
    short = "node => node.data('label').includes('…')"
    one, two = desk.evaluate(f"{DRAWN}.nodes().filter({short}).map(node => [node.data('name'), node.id()]).slice(0, 2)")
    tip = desk.locator("#tip")
    assert tip.is_hidden()
    x, y = desk.evaluate(f"Object.values({DRAWN}.getElementById('{one[1]}').renderedPosition())")
    place = desk.locator("#canvas").bounding_box() or {}
    desk.mouse.move(place["x"] + x, place["y"] + y)
    assert visible(tip).inner_text() == one[0]
    desk.mouse.move(place["x"] + 2, place["y"] + 2)
    tip.wait_for(state="hidden")
    row(desk, two[0]).click()
    assert visible(tip).inner_text() == two[0] == desk.locator("#panel h2").first.inner_text()


def test_an_impact_is_filtered_in_the_address_and_its_file(desk: Page) -> None:
    explore(desk, f"impact={CENTRE}")
    every = listed(desk)
    desk.locator("#sector").select_option(label="Health")
    desk.wait_for_url("**sector=sector:health**")
    desk.locator("#kinds input[value=Agency]").uncheck()
    desk.wait_for_url("**kinds=**")
    shown = listed(desk)
    assert 0 < len(shown) < len(every)
    assert f"The filters show {len(shown)} of {len(every)} affected records." in desk.locator("#panel").inner_text()
    desk.goto(desk.url)
    assert listed(desk) == shown
    file = desk.locator("#panel .actions a", has_text="CSV").get_attribute("href") or ""
    lines = list(csv.DictReader(io.StringIO(desk.request.get(file).text())))
    assert sorted(line["name"] for line in lines if line["effect"] != "stopped") == sorted(shown)
    assert not barriers(desk)
    desk.locator("#area").select_option(label="Ward of Tugu")
    assert "No linked record matches the filters." in visible(desk.locator("#empty")).inner_text()
    desk.locator("#empty button").click()
    desk.locator("#empty").wait_for(state="hidden")
    assert listed(desk) == every
