"""The pages in a real browser, with the sample: they work, fit, and ask nothing of anybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import PATIENCE, barriers, fits, leads_to, visible

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


pytestmark = pytest.mark.slow

WORDS = {"id": ("Yang perlu perhatian", "Metode"), "en": ("What needs attention", "Method")}


def test_home_leads_to_a_report(page: Page, language: str) -> None:
    page.goto("/")
    attention, method = WORDS[language]
    visible(page.get_by_role("heading", name=attention))
    assert visible(page.locator(".counts strong").first).inner_text() == "192"
    assert fits(page)
    report = page.locator(".findings .from a").first
    address = report.get_attribute("href") or ""
    report.click()
    visible(page.get_by_role("heading", name=method))
    rows = page.request.get(f"{address.split('?')[0]}.json").json()["rows"]
    assert page.locator("tbody tr").count() == len(rows) > 20
    assert fits(page)


def test_a_search_leads_to_the_record(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    visible(page.locator(".skip:focus"))
    page.locator("#q").fill("dinas kesehatan")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Dinas Kesehatan Kota Depok").first.click()
    visible(page.get_by_role("heading", level=1, name="Dinas Kesehatan Kota Depok"))
    assert fits(page)


def test_a_report_is_asked_for_another_day_and_shows_what_it_rests_on(page: Page) -> None:
    page.goto("/reports/agreements")
    page.locator("#as-of").fill("2026-01-31")
    page.locator(".ask button").first.click()
    leads_to(page, "as-of=2026-01-31")
    page.locator("tbody summary").first.click()
    visible(page.locator("tbody details a").first)
    assert fits(page)


@pytest.mark.parametrize(
    ("name", "cells"), [("sector-gaps", 60), ("brokers", 12), ("agreements", 18)], ids=["matrix", "ranking", "timeline"]
)
def test_a_report_has_its_chart_above_its_table(page: Page, name: str, cells: int) -> None:
    page.goto(f"/reports/{name}?as-of=2026-11-25")
    visible(page.locator("#chart svg"))
    assert page.locator("#chart .role-mark.mark-rect").first.locator("path").count() == cells
    chart, table = page.locator("figure.chart").bounding_box(), page.locator("tbody").first.bounding_box()
    assert chart and table and chart["y"] + chart["height"] <= table["y"]
    assert page.get_by_role("img", name=page.locator("#drawn").inner_text()).is_visible()
    assert fits(page)
    assert barriers(page) == []


def test_a_chart_has_the_colours_of_the_page_and_the_data_of_its_table(desk: Page) -> None:
    desk.goto("/reports/sector-gaps?as-of=2026-11-25")
    numbers = visible(desk.locator("#chart svg")).locator(".role-mark.mark-text text")
    light = numbers.first.get_attribute("fill")
    desk.emulate_media(color_scheme="dark")
    visible(desk.locator(f".role-mark.mark-text text:not([fill='{light}'])").first)
    ties = desk.locator("table tbody td:nth-child(4)").all_inner_texts()
    assert sorted(numbers.all_text_contents()) == sorted([*ties, *ties])


def test_the_other_language_is_remembered(page: Page, language: str) -> None:
    other = {"id": "en", "en": "id"}[language]
    page.goto("/reports/coverage")
    page.locator(f"header a[lang={other}]").click()
    visible(page.locator(f"html[lang={other}]"))
    page.goto("/")
    visible(page.get_by_role("heading", name=WORDS[other][0]))


def test_graphiql_answers_and_explains_the_schema(page: Page) -> None:
    page.goto("/graphql")
    page.locator(".graphiql-execute-button").click()
    visible(page.locator(".result-window .CodeMirror-code").get_by_text("totalCount"))
    page.get_by_label("Show Documentation Explorer").click()
    page.get_by_role("link", name="Query", exact=True).click()
    visible(page.get_by_role("link", name="AgencyConnection", exact=True))
    page.get_by_label("Show GraphiQL Explorer").click()
    visible(page.locator(".graphiql-explorer-root").get_by_text("agencies", exact=True))


def test_graphiql_answers_from_the_reports_too(desk: Page) -> None:
    desk.goto("/reports/graphql")
    desk.locator(".graphiql-execute-button").click()
    visible(desk.locator(".result-window .CodeMirror-code").get_by_text("sectorA").first)


def test_pages_need_no_script(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, locale="id-ID", java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto("/")
    page.locator("#q").fill("kesehatan")
    page.get_by_role("button", name="Cari").click()
    assert page.locator(".ranked li").count() == 20
    page.get_by_role("link", name="Laporan").click()
    page.locator(".cards h2 a").first.click()
    leads_to(page, "/reports/.")
    assert page.locator("tbody tr").count() > 30
    context.close()
