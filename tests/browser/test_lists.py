"""A planner sorts a list by its columns with the keyboard, saves the view, finds it again and deletes it."""

from typing import Any

import pytest

from registry.auth import credentials
from registry.database.driver import ConnectionSettings, Store
from registry.i18n import _, use_language
from registry.permissions import Role
from tests.support.browser import barriers, fits, leads_to, visible

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("width", "language"), [(360, "id"), (1280, "en")], indirect=True)
def test_a_sorted_list_is_saved_as_a_view(page: Any, sample: ConnectionSettings, width: int, language: str) -> None:
    with Store(sample) as store:
        token = credentials.issue(store, f"Rina {language}", Role.COORDINATOR, ["depok:dinkes-kota"], [])[0]
    with use_language(language):
        words = {
            text: _(text) for text in ("Save this view", "Save", "Valid until", "Only me", "Delete", "All saved views")
        }
    page.goto("/login?next=/partnerships?validity=in-force")
    page.locator("#token").fill(token)
    page.locator("main button").click()
    leads_to(page, "/partnerships.validity=in-force")
    column = page.locator("thead" if width > 1000 else ".sorts").get_by_role("link", name=words["Valid until"])
    column.focus()
    page.keyboard.press("Enter")
    leads_to(page, "sort=valid-until")
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    first = page.locator("tbody tr").first.inner_text()
    column.click()
    leads_to(page, "sort=-valid-until")
    assert page.locator("tbody tr").first.inner_text() != first
    assert fits(page) and not barriers(page)
    page.get_by_text(words["Save this view"]).press("Enter")
    page.locator("#view-name").fill("Akhir kerja sama")
    assert page.locator("#view-owner").input_value() == f"person:Rina {language}"
    assert fits(page) and not barriers(page)
    page.get_by_role("button", name=words["Save"], exact=True).click()
    page.goto("/partnerships")
    page.get_by_role("link", name="Akhir kerja sama").click()
    leads_to(page, "/partnerships.validity=in-force&sort=-valid-until")
    page.get_by_role("link", name=words["All saved views"]).click()
    visible(page.get_by_role("link", name="Akhir kerja sama"))
    assert fits(page) and not barriers(page)
    page.get_by_role("button", name=words["Delete"]).click()
    page.goto("/partnerships")
    assert page.get_by_role("link", name="Akhir kerja sama").count() == 0


def test_the_view_of_the_explorer_is_saved_as_it_is_seen(desk: Any, sample: ConnectionSettings) -> None:
    with Store(sample) as store:
        token = credentials.issue(store, "Rina", Role.VIEWER, [], [])[0]
    desk.goto("/login?next=/explore?of=depok:dinkes-kota")
    desk.locator("#token").fill(token)
    desk.locator("main button").click()
    desk.locator("#colour").select_option("sector")
    leads_to(desk, "colour=sector")
    desk.get_by_text("Save this view").click()
    desk.locator("#view-name").fill("Sectors")
    desk.get_by_role("button", name="Save", exact=True).click()
    leads_to(desk, "colour=sector")
    assert desk.get_by_role("link", name="Sectors").get_attribute("href").endswith("colour=sector")
