"""Forms, history, inbox and tables in a real browser: they fit, can be used by all, and complain of nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.support.actors import HEADER as AS
from tests.support.browser import barriers, fits, leads_to, opened
from tests.web.forms.test_records import city, held, register, served

__all__ = ["city", "held", "served"]

pytestmark = pytest.mark.slow


@pytest.fixture(params=[(360, "id"), (1280, "en")], ids=["phone-id", "desk-en"])
def look(request: pytest.FixtureRequest) -> tuple[int, str]:
    width, language = request.param
    return int(width), str(language)


@contextmanager
def as_actor(browser: Any, city: httpx.Client, who: str, complaints: list[str], look: tuple[int, str]) -> Iterator[Any]:
    with opened(browser, str(city.base_url), *look, complaints) as page:
        page.set_extra_http_headers({AS: who})
        yield page


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser complains of: nothing but that a form was answered as refused, when the test ends."""
    found: list[str] = []
    yield found
    assert not [one for one in found if "status of 422" not in one and "status of 403" not in one]


def sound(page: Any) -> None:
    assert fits(page), page.url
    assert not barriers(page), page.url


def test_a_resource_is_registered_handed_in_approved_and_listed(
    browser: Any, city: httpx.Client, complaints: list[str], look: tuple[int, str], tmp_path: Any
) -> None:
    with as_actor(browser, city, "sari", complaints, look) as page:
        page.goto("/register/resources")
        sound(page)
        page.screenshot(path=tmp_path / "form.png", full_page=True)
        page.locator("#p-name").fill("Aula Dinas")
        page.locator("#p-kind").select_option("facility")
        page.locator("#p-capacity").fill("banyak")
        owner = page.locator("#l-owners-0")
        assert owner.input_value() == "Dinas Kesehatan (dinkes)", "a form begins with one's own agency"
        owner.fill("")
        owner.press_sequentially("dinas kes")
        page.locator("#l-owners-0-suggestions [role=option]", has_text="Dinas Kesehatan").wait_for()
        page.screenshot(path=tmp_path / "suggestions.png")
        owner.press("ArrowDown")
        owner.press("Enter")
        assert owner.input_value() == "Dinas Kesehatan (dinkes)"
        page.locator(".buttons button[value=propose]").click()
        page.get_by_role("alert").wait_for()
        sound(page)
        page.screenshot(path=tmp_path / "wrong.png", full_page=True)
        assert page.locator("#p-capacity").input_value() == "banyak"
        page.locator("#p-capacity").fill("250")
        page.locator(".buttons button[value=propose]").click()
        leads_to(page, r"/resources/resource:aula-dinas-\w+\?done=proposed")
        sound(page)
        path = page.url.partition("?")[0]
    with as_actor(browser, city, "budi", complaints, look) as page:
        page.goto("/inbox")
        sound(page)
        page.screenshot(path=tmp_path / "inbox.png", full_page=True)
        page.get_by_role("link", name="Aula Dinas").first.click()
        page.wait_for_url(path)
        page.screenshot(path=tmp_path / "proposed.png", full_page=True)
        page.locator("form[action$='/approve'] button").click()
        leads_to(page, "done=approve")
        page.locator(".revisions summary").first.click()
        sound(page)
        page.screenshot(path=tmp_path / "approved.png", full_page=True)
        page.goto("/resources")
        page.get_by_role("link", name="Aula Dinas").wait_for()


def test_a_form_asks_before_it_is_left_with_changes(browser: Any, city: httpx.Client, complaints: list[str]) -> None:
    with as_actor(browser, city, "sari", complaints, (1280, "en")) as page:
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        page.goto("/register/resources")
        page.locator("#p-name").fill("Aula")
        page.locator(".brand").click(no_wait_after=True)
        page.wait_for_function("document.querySelector('#p-name').value === 'Aula'")
        assert asked == ["beforeunload"]
        page.locator("button[value=more-owners]").click()
        page.locator("#l-owners-1").wait_for()
        assert page.locator("#p-name").input_value() == "Aula" and asked == ["beforeunload"]
        page.get_by_role("link", name="Leave without saving").click(no_wait_after=True)
        page.wait_for_function("document.readyState === 'complete'")
        assert len(asked) == 2


def test_a_table_is_sent_and_loaded(
    browser: Any, city: httpx.Client, complaints: list[str], look: tuple[int, str], tmp_path: Any
) -> None:
    (tmp_path / "resources.csv").write_text("id,name,kind\n,Aula,hall\n,Tenda,equipment\n", encoding="utf-8")
    with as_actor(browser, city, "sari", complaints, look) as page:
        page.goto("/register/resources/table")
        sound(page)
        page.locator("#file").set_input_files(tmp_path / "resources.csv")
        page.locator(".buttons button").click()
        page.get_by_role("alert").wait_for()
        sound(page)
        page.screenshot(path=tmp_path / "table-wrong.png", full_page=True)
        (tmp_path / "resources.csv").write_text("id,name,kind\n,Aula,facility\n,Tenda,equipment\n", encoding="utf-8")
        page.locator("#file").set_input_files(tmp_path / "resources.csv")
        page.locator(".buttons button").click()
        page.get_by_role("status").wait_for()
        sound(page)
        page.screenshot(path=tmp_path / "table.png", full_page=True)
        page.locator("form:has(input[name=rows]) button").click()
        leads_to(page, "/resources.status=draft")
        assert page.locator("tbody th").count() == 2


@pytest.mark.parametrize("kind", ["agencies", "services", "partnerships", "channels"])
def test_other_forms_fit_and_can_be_used_by_all(
    browser: Any, city: httpx.Client, complaints: list[str], look: tuple[int, str], kind: str
) -> None:
    with as_actor(browser, city, "admin", complaints, look) as page:
        page.goto(f"/register/{kind}")
        sound(page)


def test_what_two_changed_and_what_is_refused_is_legible(
    browser: Any, city: httpx.Client, complaints: list[str], look: tuple[int, str], tmp_path: Any
) -> None:
    path = register(city, **{"p-unit": "kursi"})
    with as_actor(browser, city, "sari", complaints, look) as page:
        page.goto(f"{path}/edit")
        page.locator("#p-unit").fill("orang")
        with as_actor(browser, city, "budi", complaints, look) as other:
            other.goto(f"{path}/edit")
            other.locator("#p-name").fill("Aula besar")
            other.locator(".buttons button").first.click()
            leads_to(other, "done=saved")
        page.locator(".buttons button").first.click()
        page.locator("#theirs").wait_for()
        sound(page)
        page.screenshot(path=tmp_path / "stale.png", full_page=True)
    with as_actor(browser, city, "dewi", complaints, look) as page:
        page.goto("/register/resources")
        sound(page)
        page.screenshot(path=tmp_path / "refused.png", full_page=True)
