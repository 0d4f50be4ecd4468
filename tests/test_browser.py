"""The pages in a real browser, with the sample: they work, fit, and ask nothing of anybody else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from registry.settings import Settings
from registry.store import Place
from registry.web.app import build_app
from tests.needs import missing
from tests.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
PATIENCE = 60_000  # ms, for a machine that has much else to do: what is waited for mostly comes at once
NAMES = ("chromium", "chromium-browser", "google-chrome")
WORDS = {"id": ("Yang perlu perhatian", "Metode"), "en": ("What needs attention", "Method")}
VIOLATIONS = (
    "addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.blockedURI + e.violatedDirective))"
)


@pytest.fixture(scope="module")
def address(sample: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that holds the sample."""
    settings = Settings(_env_file=None, data=tmp_path_factory.mktemp("data"), lang="id")
    with serving(build_app(sample, settings)) as client:
        yield str(client.base_url)


@pytest.fixture(scope="module")  # not longer: while it is open, nothing else may run an event loop in this thread
def browser() -> Iterator[Browser]:
    """The one browser of all tests here."""
    executable = next((path for path in map(shutil.which, NAMES) if path), None)
    if executable is None:
        missing("BROWSER", f"no browser is installed; looked for {', '.join(NAMES)}")
    if find_spec("playwright") is None:
        missing("BROWSER", "playwright is not installed: pip install playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=QUIET, timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complains of, and every request to anybody else: nothing, when the test ends."""
    found: list[str] = []
    yield found
    assert not found


@pytest.fixture(params=[360, 768, 1280])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(params=["id", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(browser: Browser, address: str, width: int, language: str, complaints: list[str]) -> Iterator[Page]:
    locale = {"id": "id-ID", "en": "en-GB"}[language]
    context = browser.new_context(base_url=address, viewport={"width": width, "height": 800}, locale=locale)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(VIOLATIONS)
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else complaints.append(asked.url))
    yield page
    context.close()


def visible(found: Locator) -> Locator:
    """Wait until what was found can be seen."""
    found.wait_for(state="visible")
    return found


def leads_to(page: Page, address: str) -> None:
    """Wait until the page has this address, a pattern."""
    page.wait_for_url(re.compile(address))


def fits(page: Page) -> bool:
    """Tell whether nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_home_leads_to_a_report(page: Page, language: str) -> None:
    page.goto("/")
    attention, method = WORDS[language]
    visible(page.get_by_role("heading", name=attention))
    assert visible(page.locator(".counts strong").first).inner_text() == "192"
    assert fits(page)
    page.locator(".findings .from a").first.click()
    visible(page.get_by_role("heading", name=method))
    assert page.locator("tbody tr").count() == 29
    assert fits(page)


def test_a_search_leads_to_the_record(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    visible(page.locator(".skip:focus"))
    page.locator("#q").fill("dinas kesehatan")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Dinas Kesehatan Kota Depok").first.click()
    page.locator(".graphiql-execute-button").click()
    visible(page.locator(".result-window .CodeMirror-code").get_by_text('"depok:dinkes-kota"').first)
    assert fits(page)


def test_a_report_is_asked_for_another_day_and_shows_what_it_rests_on(page: Page) -> None:
    page.goto("/reports/agreements")
    page.locator("#as-of").fill("2026-01-31")
    page.locator(".ask button").click()
    leads_to(page, "as-of=2026-01-31")
    page.locator("summary").first.click()
    visible(page.locator("details a").first)
    assert fits(page)


def test_the_other_language_is_remembered(page: Page, language: str) -> None:
    other = {"id": "en", "en": "id"}[language]
    page.goto("/reports/coverage")
    page.locator(f"nav a[lang={other}]").click()
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


def test_pages_need_no_script(browser: Browser, address: str) -> None:
    context = browser.new_context(base_url=address, locale="id-ID", java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto("/?q=kesehatan")
    page.get_by_role("link", name="Laporan").click()
    page.locator(".cards h2 a").first.click()
    leads_to(page, "/reports/.")
    assert page.locator("tbody tr").count() > 30
    context.close()
