"""Lists, records, search and what agencies share in a real browser: they fit, can be used by all, and complain of nothing."""

from typing import Any

import pytest

from tests.support.browser import barriers, fits, leads_to

pytestmark = pytest.mark.slow

SHARED = "/shared?agency=depok:dinkes-kota&agency=depok:disdukcapil&agency=depok:diskominfo&agency=depok:dinsos-kota"
PAGES = (
    "/",
    "/agencies",
    "/partnerships?access=restricted&q=data",
    "/services?q=nothing-has-this-name",
    "/statements",
    "/agencies/depok:dinkes-kota",
    "/partnerships/depok:ks-duk-rsud",
    "/partnerships/depok:ks-duk-dinkes",
    "/sectors/sector:health",
    "/search?q=data",
    "/shared?agency=depok:dinkes-kota&find=dinas",
    SHARED,
)
WORDS = {
    "id": {"filters": "Penyaring", "next": "Halaman berikutnya", "previous": "Halaman sebelumnya", "add": "Tambahkan"},
    "en": {"filters": "Filters", "next": "Next page", "previous": "Previous page", "add": "Add"},
}


def test_pages_fit(page: Any) -> None:
    for path in PAGES:
        page.goto(path)
        assert fits(page), path


@pytest.mark.parametrize(("width", "language"), [(360, "id"), (1280, "en")], indirect=True)
def test_pages_can_be_used_by_all(page: Any, width: int, language: str) -> None:
    for path in PAGES:
        page.goto(path)
        assert not barriers(page), path


def test_pages_are_legible_in_the_dark(browser: Any, address: str) -> None:
    context = browser.new_context(base_url=address, color_scheme="dark")
    page = context.new_page()
    for path in (*PAGES[1:3], PAGES[6], PAGES[7], SHARED):
        page.goto(path)
        assert not barriers(page, "color-contrast"), path
    context.close()


@pytest.mark.parametrize("width", [360, 1280], indirect=True)
def test_a_list_is_filtered_and_paged(page: Any, width: int, language: str) -> None:
    words = WORDS[language]
    page.goto("/services")
    first = page.locator("tbody th a").first.inner_text()
    page.get_by_role("link", name=words["next"]).click()
    assert page.locator("tbody th a").first.inner_text() != first
    page.get_by_role("link", name=words["previous"]).click()
    assert page.locator("tbody th a").first.inner_text() == first
    if width < 960:
        page.get_by_text(words["filters"], exact=True).click()
    choice = page.locator("a[href='/services?kind=administrative']")
    count = choice.locator(".n").inner_text()
    choice.click()
    assert page.locator(".total strong").inner_text() == count
    page.locator(".chips a").first.click()
    assert page.locator(".total strong").inner_text() == "250"
    assert fits(page)


def test_suggestions_are_reached_by_the_keyboard(page: Any) -> None:
    page.goto("/")
    box = page.locator("#q")
    box.press_sequentially("dinas kes")
    option = page.get_by_role("option", name="Dinas Kesehatan Kota Depok")
    option.wait_for()
    assert box.get_attribute("aria-expanded") == "true"
    assert fits(page)
    box.press("Escape")
    option.wait_for(state="hidden")
    box.press("ArrowDown")
    option.wait_for()
    chosen = page.locator("[role=option][aria-selected=true]")
    assert chosen.get_attribute("id") == box.get_attribute("aria-activedescendant")
    name = chosen.locator("span").first.inner_text()
    box.press("Enter")
    leads_to(page, "/agencies/.|/services/.|/channels/.")
    assert page.get_by_role("heading", level=1).inner_text() == name


def test_a_suggestion_is_clicked_and_the_form_still_searches(page: Any) -> None:
    page.goto("/search")
    box = page.locator("#q")
    box.press_sequentially("puskesmas beji")
    page.locator("#suggestions").get_by_role("option", name="Puskesmas Kecamatan Beji").click()
    leads_to(page, "/agencies/.")
    page.goto("/search")
    page.locator("#q").fill("puskesmas")
    page.locator("#q").press("Enter")
    leads_to(page, "/search.q=puskesmas")
    assert page.locator(".ranked li").count() == 20


@pytest.mark.parametrize(("width", "language"), [(360, "id"), (1280, "en")], indirect=True)
def test_agencies_are_put_side_by_side(page: Any, language: str) -> None:
    page.goto("/agencies/depok:dinkes-kota")
    page.locator(".page-links a").first.click()
    page.locator("#find").fill("dinas")
    page.locator(".choose button").click()
    page.get_by_role("link", name=WORDS[language]["add"]).first.click()
    assert page.locator("#partnerships").is_visible()
    assert page.locator(".remove").count() == 2
    assert fits(page)


def test_graphiql_shows_and_answers_what_a_page_asked(page: Any) -> None:
    page.goto("/agencies/depok:dinkes-kota")
    page.locator(".files a").last.click()
    page.locator(".graphiql-execute-button").click()
    answer = page.locator(".result-window .CodeMirror-code")
    answer.get_by_text('"depok:dinkes-kota"').first.wait_for()
    assert page.locator(".graphiql-editor-tool .CodeMirror-code").first.inner_text().count("depok:dinkes-kota") == 1


def test_lists_records_and_side_by_side_need_no_script(browser: Any, address: str) -> None:
    context = browser.new_context(base_url=address, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto("/agencies?q=dinas kesehatan")
    page.locator("tbody th a").first.click()
    page.locator(".page-links a").first.click()
    page.locator("#find").fill("dinas sosial")
    page.locator(".choose button").click()
    page.locator(".remove").nth(1).wait_for()
    assert page.get_by_role("heading", name="Partnerships").is_visible()
    context.close()
