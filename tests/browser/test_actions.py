"""What people of two agencies and of the public do with one another, from the first form to the last answer.

Each has a browser of their own, and is led by what the pages say, in each language.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from registry.auth import credentials
from registry.database.driver import ConnectionSettings, Store
from registry.i18n import _, pgettext, use_language
from registry.model.codelists import code_list
from registry.permissions import Role
from tests.support.browser import barriers, fits, leads_to, opened, visible

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


pytestmark = pytest.mark.slow

WIDTHS = (360, 768, 1280)
HEALTH, CIVIL = "depok:dinkes-kota", "depok:disdukcapil"
SERVICE = "/services/depok:layanan-imunisasi"
PEOPLE = {
    "Sari": (Role.COORDINATOR, HEALTH),
    "Budi": (Role.APPROVER, HEALTH),
    "Tono": (Role.COORDINATOR, CIVIL),
}


@dataclass
class Person:
    """Somebody before a screen, who reads one language."""

    page: Page
    language: str
    album: Path

    def reads(self, text: str, context: str = "") -> str:
        """Return a text as it is shown to them."""
        with use_language(self.language):
            return pgettext(context, text) if context else _(text)

    def code(self, name: str, code: str) -> str:
        """Return what a code is called to them."""
        with use_language(self.language):
            return code_list(name)[code].label

    def follow(self, text: str, context: str = "") -> None:
        """Go where a link leads."""
        self.page.get_by_role("link", name=self.reads(text, context), exact=True).first.click()

    def press(self, text: str, context: str = "") -> None:
        """Press a button."""
        self.page.get_by_role("button", name=self.reads(text, context), exact=True).first.click()

    def registers(self, plural: str) -> None:
        """Go from the list of a kind to the form of a new one."""
        self.page.locator(f"nav a[href='/{plural}']").click()
        self.page.locator(".page-links a").first.click()

    def hands_in(self) -> None:
        """Save what the form holds for an approver."""
        self.press("Save and submit")
        self.told("The record is saved and submitted. An approver will review it.")

    def find(self, field: str, words: str, title: str) -> None:
        """Type some words of a record's name in a field, and take it from those that are suggested."""
        box = self.page.locator(f"#{field}")
        box.press_sequentially(words)
        self.page.locator(f"#{field}-suggestions").get_by_role("option", name=title).first.click()

    def told(self, text: str) -> None:
        """Wait until the page says that something was done."""
        visible(self.page.get_by_role("status").get_by_text(self.reads(text)))

    def sees(self, text: str) -> None:
        """Wait until the page shows a text."""
        visible(self.page.get_by_text(text).first)

    def look(self, name: str) -> None:
        """Look at the page on a phone, a tablet and a desk: it fits, and everybody can use it."""
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            assert fits(self.page), (self.page.url, width)
            self.page.screenshot(path=self.album / f"{name}-{self.language}-{width}.png", full_page=True)
        assert not barriers(self.page), self.page.url


@pytest.fixture
def tokens(sample: ConnectionSettings) -> dict[str, str]:
    with Store(sample) as store:
        return {who: credentials.issue(store, who, role, [agency], [])[0] for who, (role, agency) in PEOPLE.items()}


@pytest.fixture
def arrives(
    browser: Browser, address: str, complaints: list[str], language: str, tokens: dict[str, str], tmp_path: Path
) -> Iterator[Callable[[str], Person]]:
    """How somebody comes to the registry for the first time: by name, signed in; by none, as anybody."""
    album = Path(os.environ.get("ALBUM") or tmp_path)
    with ExitStack() as contexts:

        def person(name: str = "") -> Person:
            page = contexts.enter_context(opened(browser, address, 1280, language, complaints))
            one = Person(page, language, album)
            page.goto("/")
            if name:
                one.follow("Sign in")
                page.locator("#token").fill(tokens[name])
                one.look(f"{name}-login")
                one.press("Sign in")
                visible(page.locator(".who").get_by_text(name))
            return one

        yield person


def test_from_a_resource_to_its_use_and_from_a_complaint_to_its_answer(
    arrives: Callable[..., Person], language: str
) -> None:
    story(arrives, language)


def story(arrives: Callable[..., Person], mark: str) -> None:
    sari, tono, budi = arrives("Sari"), arrives("Tono"), arrives("Budi")
    hall = f"Aula Cendana {mark}"
    registers(sari, hall)
    agreement = proposes(sari, f"Kerja sama akta lahir {mark}")
    confirms(tono, agreement)
    approves(budi, hall, agreement)
    asks(tono, hall, f"Ruang sosialisasi {mark}")
    accepts(sari, hall)
    complains(arrives(), f"Antrean imunisasi panjang, {mark}.")
    answers(sari, f"Antrean imunisasi panjang, {mark}.")
    reads_the_answer(arrives(), f"Antrean imunisasi panjang, {mark}.")


def registers(sari: Person, hall: str) -> None:
    page = sari.page
    sari.look("10-home")
    sari.registers("resources")
    sari.look("11-form")
    page.locator("#p-name").fill(hall)
    page.locator("#p-kind").select_option(label=sari.code("resource-kind", "facility"))
    page.locator("#p-unit").fill("kursi")
    page.locator("#p-capacity").fill("120")
    page.locator("#p-shareability").select_option(label=sari.code("shareability", "on-request"))
    sari.hands_in()
    sari.look("12-handed-in")


def proposes(sari: Person, agreement: str) -> str:
    page = sari.page
    sari.registers("partnerships")
    sari.look("20-form")
    page.locator("#p-name").fill(agreement)
    page.locator("#p-instrument").select_option(label=sari.code("instrument", "mou"))
    page.locator("#p-valid_from").fill("2026-01-01")
    page.locator("#p-valid_until").fill("2099-12-31")
    sari.find("l-parties-1", "pencatatan sipil", "Dinas Kependudukan dan Pencatatan Sipil")
    sari.hands_in()
    sari.look("21-handed-in")
    return agreement


def confirms(tono: Person, agreement: str) -> None:
    tono.page.locator("a.inbox").click()
    tono.look("30-inbox")
    tono.page.get_by_role("link", name=agreement, exact=True).first.click()
    tono.look("31-proposed")
    tono.follow("Confirm or dispute")
    tono.page.locator("#standing").select_option(label=tono.code("party-standing", "confirmed"))
    tono.look("32-confirm")
    tono.press("Confirm or dispute")
    tono.told("Your statement is recorded.")
    tono.look("33-confirmed")


def approves(budi: Person, *waiting: str) -> None:
    for place, name in enumerate(waiting):
        budi.page.locator("a.inbox").click()
        budi.look(f"4{place}-inbox")
        budi.page.get_by_role("link", name=name, exact=True).first.click()
        budi.look(f"4{place}-proposed")
        budi.press("Approve and publish")
        budi.told("The record is approved and published.")
        budi.look(f"4{place}-published")


def asks(tono: Person, hall: str, need: str) -> None:
    page = tono.page
    tono.registers("needs")
    tono.look("50-form")
    page.locator("#p-name").fill(need)
    page.locator("#p-kind").select_option(label=tono.code("resource-kind", "facility"))
    page.locator("#p-unit").fill("kursi")
    page.locator("#p-quantity").fill("80")
    page.locator("#p-by_when").fill("2027-03-01")
    tono.hands_in()
    tono.look("51-need")
    offer = page.locator("#meets ~ ul li", has_text=hall)
    offer.get_by_role("link", name=tono.reads("Request this resource")).click()
    tono.look("52-ask")
    assert page.locator("#quantity").input_value() == "80"
    page.locator("#until").fill("2027-03-31")
    tono.press("Request this resource")
    tono.told("Your request is sent. The steward of the resource sees it in the inbox.")
    tono.look("53-asked")


def accepts(sari: Person, hall: str) -> None:
    page = sari.page
    sari.page.locator("a.inbox").click()
    sari.look("60-inbox")
    page.get_by_role("link", name=hall).first.click()
    sari.look("61-request")
    sari.follow("Accept")
    page.locator("#answer").fill("Silakan, kunci di resepsionis.")
    sari.look("62-accept")
    sari.press("Accept")
    sari.told("The request is accepted.")
    sari.look("63-accepted")
    page.get_by_role("link", name=hall, exact=True).first.click()
    visible(page.get_by_role("heading", level=1, name=hall))
    sari.look("64-in-use")
    upcoming = page.locator("#part-users ~ details")
    upcoming.locator("summary").click()
    users = upcoming.locator("ul")
    assert "2027" in users.inner_text() and "Dinas Kependudukan dan Pencatatan Sipil" in users.inner_text()


def complains(anybody: Person, text: str) -> None:
    page = anybody.page
    page.goto(SERVICE)
    anybody.look("70-service")
    anybody.follow("Give feedback")
    page.locator("#text").fill(text)
    anybody.look("71-feedback")
    anybody.press("Give feedback")
    visible(page.get_by_role("status"))
    anybody.look("72-thanked")


def answers(sari: Person, text: str) -> None:
    page = sari.page
    page.locator("a.inbox").click()
    sari.look("80-inbox")
    page.locator("#part-feedback ~ ul li", has_text=text).get_by_role("link").first.click()
    sari.look("81-feedback")
    sari.follow("Answer", "button")
    page.locator("#answer").fill("Loket ditambah mulai Senin.")
    sari.look("82-answer")
    sari.press("Answer", "button")
    sari.told("Your answer is recorded.")
    sari.look("83-answered")


def reads_the_answer(anybody: Person, text: str) -> None:
    anybody.page.goto(SERVICE)
    anybody.look("90-service")
    anybody.page.locator("#part-feedback ~ ul li", has_text=text).get_by_role("link").first.click()
    leads_to(anybody.page, "/feedbacks/")
    anybody.sees("Loket ditambah mulai Senin.")
    anybody.look("91-answer")
