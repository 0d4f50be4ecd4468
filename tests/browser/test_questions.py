"""The six questions of docs/questions.md on the pages: each takes a signed-in planner at most three actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from registry.auth import credentials
from registry.database.driver import ConnectionSettings, Store
from registry.permissions import Role
from tests.support.browser import leads_to, visible

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

POPULATION, STEWARD = "Basis data kependudukan kota", "Dinas Komunikasi dan Informatika"


@pytest.fixture
def planner(desk: Page, sample: ConnectionSettings) -> Page:
    """The home page of an administrator."""
    with Store(sample) as store:
        token = credentials.issue(store, "Planner", Role.ADMIN, [], [])[0]
    desk.goto("/login?next=/")
    desk.locator("#token").fill(token)
    desk.locator("main button").click()
    leads_to(desk, "/$")
    return desk


def search(page: Page, text: str) -> None:
    page.locator("#q").fill(text)
    page.keyboard.press("Enter")
    leads_to(page, "/search")


def main(page: Page) -> Any:
    return page.locator("main")


def test_health_services_that_stop_without_the_population_data(planner: Page) -> None:
    planner.locator("#q").fill("data penduduk")
    planner.get_by_role("option", name=POPULATION).click()
    planner.get_by_role("link", name="Filter, draw or download this list").click()
    planner.locator("#sector").select_option("sector:health")
    visible(planner.locator("#records").get_by_text("Jaminan kesehatan daerah"))
    planner.locator("#records").get_by_text("Penerimaan peserta didik baru").wait_for(state="hidden")


def test_who_shares_geographic_information_under_which_agreement(planner: Page) -> None:
    search(planner, "GIS")
    planner.get_by_role("link", name="Geoportal Depok").click()
    for text in ("Kantor Pertanahan Kota Depok", "Kebijakan satu peta kota"):
        visible(main(planner).get_by_role("link", name=text).first)


def test_a_call_centre_in_a_sector(planner: Page) -> None:
    search(planner, "call centre")
    planner.locator("#sector").select_option("sector:digital")
    main(planner).get_by_role("button", name="Search").click()
    leads_to(planner, "sector=sector")
    visible(planner.get_by_role("link", name="Pusat Panggilan 112"))


def test_what_two_agencies_share_until_when(planner: Page) -> None:
    planner.get_by_role("link", name="Compare agencies").click()
    for number, name in enumerate(("Dinas Kesehatan Kota", "Dinas Kependudukan"), 1):
        field = planner.get_by_label("Add an agency by name")
        field.fill(name)
        field.press("Enter")
        leads_to(planner, number * "agency=.*")
    visible(main(planner).get_by_role("link", name=POPULATION))
    visible(main(planner).get_by_text("in force until Jan 27, 2028").first)


def test_agreements_in_transport_that_end_soon(planner: Page) -> None:
    planner.get_by_role("link", name="Partnerships", exact=True).click()
    planner.get_by_label("Sector of a party").select_option("sector:transport")
    planner.get_by_label("Ends within (days)").fill("36500")
    planner.get_by_label("Ends within (days)").press("Enter")
    leads_to(planner, "party-sectors=sector.*ends-within=36500")
    visible(planner.get_by_role("link", name="Forum lalu lintas dan angkutan jalan").first)


def test_the_most_used_application_and_whom_to_ask(planner: Page) -> None:
    planner.get_by_role("link", name="Resources", exact=True).click()
    planner.get_by_role("link", name="Application", exact=False).first.click()
    planner.locator("thead").get_by_role("link", name="Users").click()
    leads_to(planner, "sort=-users")
    first = planner.locator("tbody tr").first
    assert "Masuk Tunggal Depok" in first.inner_text() and STEWARD in first.inner_text()
