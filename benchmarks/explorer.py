"""How the explorer feels, in a browser without a GPU: from a few records to the two thousand elements that it draws.

python -m benchmarks.explorer

The agencies of the sample with the most links are shown, more and more of them; then one more is expanded, the drawing is
dragged, and zoomed. Beyond two thousand elements there are groups.
"""

import time
from statistics import median
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from tests.support.browser import PATIENCE
from tests.support.demo_browser import demonstrated

SHOWN = (1, 5, 15, 40, 60, 80)
MOVES = 40
BUSIEST = "{ agencies(first: 200) { nodes { id providesCount ownsCount usesCount partnershipsCount } } }"
DRAWN = "document.getElementById('canvas')._cyreg.cy.elements().length"
EXPAND = "id => document.getElementById('q').dispatchEvent(new CustomEvent('choose', {detail: id, cancelable: true}))"
WATCH = """() => { window.frames_ = []; window.watching = true;
  const next = now => { frames_.push(now); if (watching) requestAnimationFrame(next); }; requestAnimationFrame(next); }"""
FRAMES = "() => { watching = false; return frames_.slice(1).map((now, i) => now - frames_[i]); }"
ZOOM = """() => new Promise(done => { const began = performance.now(); document.getElementById('closer').click();
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began))); })"""


def main() -> None:
    """Print one table."""
    headings = (
        "agencies",
        "elements",
        "open s",
        "expand ms",
        "a frame while dragged ms",
        "zoom ms",
    )
    table = Table(*headings, title="The explorer without a GPU", box=None, title_justify="left")
    with demonstrated() as (browser, address):
        page = browser.new_page(base_url=address, viewport={"width": 1280, "height": 800})
        page.set_default_timeout(2 * PATIENCE)
        busiest = _busiest(address)
        for count in SHOWN:
            table.add_row(str(count), *_felt(page, busiest[:count], busiest[count]))
    Console().print(table)


def _busiest(address: str) -> list[str]:
    answer = httpx.post(f"{address}/graphql", json={"query": BUSIEST}, timeout=60).json()
    agencies = answer["data"]["agencies"]["nodes"]
    links = {one.pop("id"): sum(one.values()) for one in agencies}
    return sorted(links, key=lambda one: -links[one])


def _felt(page: Any, shown: list[str], another: str) -> list[str]:
    """Return how many elements are drawn, and how long it takes to open them, to expand one more, to drag, to zoom."""
    began = time.perf_counter()
    page.goto(f"/explore?{'&'.join(f'of={one}' for one in shown)}")
    _settled(page)
    opened = time.perf_counter() - began
    began = time.perf_counter()
    page.evaluate(EXPAND, another)
    page.wait_for_url(f"**of={another}&at=**")
    _settled(page)
    expanded = time.perf_counter() - began
    drawn, frames, zoomed = page.evaluate(DRAWN), _dragged(page), page.evaluate(ZOOM)
    return [
        f"{drawn:,}",
        f"{opened:.1f}",
        f"{1000 * expanded:,.0f}",
        f"{median(frames):.0f}, {max(frames):.0f} at most",
        f"{zoomed:.0f}",
    ]


def _settled(page: Any) -> None:
    page.locator("#records tbody tr").first.wait_for()
    page.locator("#loading").wait_for(state="hidden")


def _dragged(page: Any) -> list[float]:
    """Drag the drawing; return the milliseconds from frame to frame."""
    place = page.locator("#canvas").bounding_box()
    x, y = place["x"] + 30, place["y"] + 30
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(WATCH)
    for step in range(MOVES):
        page.mouse.move(x + 5 * step, y + 3 * step)
    frames: list[float] = page.evaluate(FRAMES)
    page.mouse.up()
    return frames


if __name__ == "__main__":
    main()
