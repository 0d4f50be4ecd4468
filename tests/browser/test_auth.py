"""Signing in and out in a real browser, which says by itself where a form comes from; with scripts and without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from registry.auth import credentials
from registry.clock import now
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.permissions import Role
from tests.support.browser import barriers, fits, leads_to, visible

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


pytestmark = pytest.mark.slow

WORDS = {"id": ("Masuk", "Keluar"), "en": ("Sign in", "Sign out")}


@pytest.fixture
def store(sample: ConnectionSettings) -> Iterator[Store]:
    with Store(sample) as store:
        yield store
        store.write(Cypher("MATCH (c:Credential) DELETE c"))


def test_a_person_signs_in_where_they_are_and_out_again(page: Page, language: str, store: Store) -> None:
    token = credentials.issue(store, "Siti", Role.COORDINATOR, ["depok:dinkes-kota"], [])[0]
    into, out = WORDS[language]
    page.goto("/agencies?q=dinas")
    page.locator(".who").click()
    visible(page.get_by_role("heading", name=into))
    assert barriers(page) == [] and fits(page)
    page.locator("#token").fill(token)
    page.get_by_role("button", name=into).click()
    leads_to(page, r"/agencies\?q=dinas")
    visible(page.locator(".who").get_by_text("Siti"))
    assert barriers(page) == [] and fits(page)
    page.get_by_role("button", name=out).click()
    visible(page.get_by_role("link", name=into))


def test_the_first_administrator_and_an_ended_session_need_no_script(
    browser: Browser, address: str, store: Store
) -> None:
    context = browser.new_context(base_url=address, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"/first?code={credentials.invite(store)}")
    page.get_by_role("button", name="Sign in as administrator").click()
    visible(page.locator(".who").get_by_text("admin"))
    store.write(Cypher("MATCH (c:Credential) SET c.expires = $in.now", {"in": {"now": now()}}))
    page.goto("/reports")
    leads_to(page, "/login")
    visible(page.get_by_text("Your session has ended; please sign in again."))
    page.get_by_role("link", name="Continue without signing in").click()
    leads_to(page, "/reports")
    context.close()


def test_the_first_administrators_page_reads_well(desk: Page, store: Store) -> None:
    desk.goto(f"/first?code={credentials.invite(store)}")
    visible(desk.get_by_role("button", name="Sign in as administrator"))
    assert barriers(desk) == [] and fits(desk)
