"""The pages with the sample in a real browser, for tests: it complains of what is wrong and of what is asked of others."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from registry.config import Settings
from registry.database.driver import ConnectionSettings
from registry.web.app import build_app
from tests.support.requirements import missing
from tests.support.server import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page


QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
PATIENCE = 60_000  # ms, for a machine that has much else to do: what is waited for mostly comes at once
NAMES = ("chromium", "chromium-browser", "google-chrome")
VIOLATIONS = (
    "addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.blockedURI + e.violatedDirective))"
)


@pytest.fixture(scope="module")
def address(sample: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that holds the sample."""
    settings = Settings(_env_file=None, data=tmp_path_factory.mktemp("data"), lang="id")
    with serving(build_app(sample, settings)) as client:
        yield str(client.base_url)


@pytest.fixture(scope="module")  # not longer: while it is open, nothing else may run an event loop in this thread
def browser() -> Iterator[Browser]:
    """The one browser of all tests here."""
    with launched() as browser:
        yield browser


@contextmanager
def launched() -> Iterator[Browser]:
    """Yield a browser that is installed, without a GPU."""
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
    """A page of each width in each language."""
    with opened(browser, address, width, language, complaints) as page:
        yield page


@pytest.fixture
def desk(browser: Browser, address: str, complaints: list[str]) -> Iterator[Page]:
    """A page as wide as that of most desks, in English, for what is the same in every language and width."""
    with opened(browser, address, 1280, "en", complaints) as page:
        yield page


@contextmanager
def opened(browser: Browser, address: str, width: int, language: str, complaints: list[str]) -> Iterator[Page]:
    """Yield a page of a visitor who was never here."""
    locale = {"id": "id-ID", "en": "en-GB"}[language]
    context = browser.new_context(base_url=address, viewport={"width": width, "height": 800}, locale=locale)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.add_init_script(VIOLATIONS)
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((address, "data:", "blob:")) else complaints.append(asked.url),
    )
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


def barriers(page: Page, *rules: str) -> list[tuple[str, list[str]]]:
    """Return what stands in somebody's way on a page: each rule of axe-core, or of these, that is broken, and where."""
    if find_spec("axe_playwright_python") is None:
        missing("BROWSER", "axe-core is not installed: pip install axe-playwright-python")
    from axe_playwright_python.sync_playwright import Axe

    options = {"runOnly": list(rules)} if rules else None
    found = Axe().run(page, options=options).response["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
