"""The pages in a real browser, with the sample: they work, fit, and ask nothing of anybody else."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from loaders.run import run
from loaders.source import find_source
from registry import engine
from registry.constraints import apply
from registry.cypher.text import Cypher
from registry.model import MODEL
from registry.settings import Settings
from registry.store import Place, Store
from registry.web.app import build_app
from tests.serving import serving

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")
WORDS = {"id": ("Yang perlu perhatian", "Metode"), "en": ("What needs attention", "Method")}
VIOLATIONS = (
    "addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.blockedURI + e.violatedDirective))"
)


@pytest.fixture(scope="module")
def address(embedded_engine: engine.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that holds the sample."""
    here = embedded_engine
    place = Place(here.uri, here.username, here.password, here.reader_username, here.reader_password, engine.DATABASE)
    settings = Settings(_env_file=None, data=tmp_path_factory.mktemp("data"), lang="id")
    with Store(place) as store:
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        apply(store, MODEL)
        assert not run(store, find_source("depok", settings)).refused
    with serving(build_app(place, settings)) as client:
        yield str(client.base_url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    executable = next((path for path in map(shutil.which, NAMES) if path), None)
    if executable is None:
        pytest.skip(f"no browser is installed; looked for {', '.join(NAMES)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(QUIET))
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
def page(browser: Any, address: str, width: int, language: str, complaints: list[str]) -> Iterator[Any]:
    locale = {"id": "id-ID", "en": "en-GB"}[language]
    context = browser.new_context(base_url=address, viewport={"width": width, "height": 800}, locale=locale)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.add_init_script(VIOLATIONS)
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else complaints.append(asked.url))
    yield page
    context.close()


def fits(page: Any) -> bool:
    """Tell whether nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_home_leads_to_a_report(page: Any, language: str) -> None:
    page.goto("/")
    attention, method = WORDS[language]
    assert page.get_by_role("heading", name=attention).is_visible()
    assert page.locator(".counts strong").first.inner_text() == "192"
    assert fits(page)
    page.locator(".findings .from a").first.click()
    assert page.get_by_role("heading", name=method).is_visible()
    assert page.locator("tbody tr").count() == 29
    assert fits(page)


def test_a_search_leads_to_the_record(page: Any) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.locator(".skip").is_visible()
    page.locator("#q").fill("dinas kesehatan")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Dinas Kesehatan Kota Depok").first.click()
    page.locator(".graphiql-execute-button").click()
    answer = page.locator(".result-window .CodeMirror-code")
    answer.get_by_text('"depok:dinkes-kota"').first.wait_for()
    assert fits(page)


def test_a_report_is_asked_for_another_day_and_shows_what_it_rests_on(page: Any) -> None:
    page.goto("/reports/agreements")
    page.locator("#as-of").fill("2026-01-31")
    page.locator(".ask button").click()
    assert "as-of=2026-01-31" in page.url
    page.locator("summary").first.click()
    assert page.locator("details a").first.is_visible()
    assert fits(page)


def test_the_other_language_is_remembered(page: Any, language: str) -> None:
    other = {"id": "en", "en": "id"}[language]
    page.goto("/reports/coverage")
    page.locator(f"nav a[lang={other}]").click()
    page.goto("/")
    assert page.get_by_role("heading", name=WORDS[other][0]).is_visible()


def test_graphiql_answers_and_explains_the_schema(page: Any) -> None:
    page.goto("/graphql")
    page.locator(".graphiql-execute-button").click()
    page.locator(".result-window .CodeMirror-code").get_by_text("totalCount").wait_for()
    page.get_by_label("Show Documentation Explorer").click()
    page.get_by_role("link", name="Query", exact=True).click()
    page.get_by_role("link", name="AgencyConnection", exact=True).wait_for()
    page.get_by_label("Show GraphiQL Explorer").click()
    page.locator(".graphiql-explorer-root").get_by_text("agencies", exact=True).wait_for()


def test_pages_need_no_script(browser: Any, address: str) -> None:
    context = browser.new_context(base_url=address, locale="id-ID", java_script_enabled=False)
    page = context.new_page()
    page.goto("/?q=kesehatan")
    page.get_by_role("link", name="Laporan").click()
    page.locator(".cards h2 a").first.click()
    assert page.locator("tbody tr").count() > 30
    context.close()
