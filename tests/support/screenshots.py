"""The pictures of README and docs, taken of the sample anew: look at them before you commit them.

python -m tests.support.screenshots
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.browser import opened, visible
from tests.support.demo_browser import demonstrated
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


FOLDER = ROOT / "docs" / "images"
DAY = "as-of=2026-11-25"
AGENCIES = "agency=depok:dinkes-kota&agency=depok:dinsos-kota&agency=depok:disdukcapil"
PICTURES = {  # the address, and what must be there first
    "home": ("/", ".findings li"),
    "explore": ("/explore?of=depok:dinkes-kota&at=depok:layanan-imunisasi", "#panel .details .chips"),
    "shared": (f"/shared?{AGENCIES}&{DAY}", "#partnerships"),
    "gaps": (f"/reports/gaps?{DAY}", "tbody tr"),
    "sector-gaps": (f"/reports/sector-gaps?{DAY}", "#chart svg"),
}
PARTS = {"sector-gaps": "figure.chart"}  # of which the picture shows a part of the page


def main() -> None:
    """Write each."""
    with demonstrated() as (browser, address):
        for name, (path, sign) in PICTURES.items():
            with opened(browser, address, 1280, "en", []) as page:
                page.goto(path, wait_until="networkidle")
                visible(page.locator(sign).first)
                _shown(page, name).screenshot(path=FOLDER / f"{name}.png")


def _shown(page: Page, name: str) -> Page | Locator:
    return page.locator(PARTS[name]) if name in PARTS else page


if __name__ == "__main__":
    main()
