"""How the explorer feels and reads, in a browser without a GPU: the time it needs, and the share of its labels that are readable.

python -m benchmarks.explorer          both tables
python -m benchmarks.explorer labels   only the labels

For the times, the agencies of the sample with the most links are shown, more and more of them; then one more is expanded, the
drawing is dragged, and zoomed. Beyond two thousand elements there are groups.

For the labels, views of the sample and of real data are opened. A label is readable if it has at least 11 px as drawn and covers
no other label and no other record. Real data is loaded with the source us-fedramp, if its files are there.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from tests.support.browser import PATIENCE
from tests.support.cli import command, finished
from tests.support.demo_browser import demonstrated
from tests.support.requirements import SHARED

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


EVERY_KIND = "kinds=Agency Service Resource Need Partnership Sector Area Audience Function Channel Statement Feedback"
SAMPLE = {
    "agency with 89 neighbours": f"of=depok:diskominfo&{EVERY_KIND}",
    "the same, main kinds": "of=depok:diskominfo",
    "sector with 151 records": "of=sector:government",
    "agency": "of=depok:dinkes-kota",
    "resource": "of=depok:infra-dc",
    "three agencies": "of=depok:dinkes-kota&of=depok:diskominfo&of=depok:disdukcapil",
    "impact of 133 records": "of=depok:infra-dc&impact=depok:infra-dc",
    "paths": "from=depok:dinkes-kota&to=depok:disdukcapil",
    "all sectors": "by=SECTOR",
}
REAL = {
    "resource with 59 users": "of=us-fedramp:MSO365MT",
    "agency with 42 resources": "of=us-fedramp:22-032",
    "resource with 21 users": "of=us-fedramp:AGENCYHUDSAAS",
}
SIZES = ((1400, 900), (390, 844))
SHARES = """() => {
  const cy = document.getElementById('canvas')._cyreg.cy, [zoom, pan] = [cy.zoom(), cy.pan()];
  const boxes = cy.nodes().map(node => {
    node.boundingBox();
    const { x1, x2, y1, y2 } = node._private.labelBounds.main ?? {}, { x, y } = node.renderedPosition();
    const size = parseFloat(node.style('font-size')) * zoom, half = node.width() * zoom / 2;
    const number = name => parseFloat(node.style(name));
    const shown = Math.round(size * 10) >= 110 && number('text-opacity') > 0 && size >= number('min-zoomed-font-size');
    return { shown, label: { x1: x1 * zoom + pan.x, x2: x2 * zoom + pan.x, y1: y1 * zoom + pan.y, y2: y2 * zoom + pan.y },
      body: { x1: x - half, x2: x + half, y1: y - half, y2: y + half } };
  });
  const meet = (a, b) => a.x1 + 1 < b.x2 && b.x1 + 1 < a.x2 && a.y1 + 1 < b.y2 && b.y1 + 1 < a.y2;
  const covers = (label, other) => (other.shown && meet(label, other.label)) || meet(label, other.body);
  const free = box => box.shown && !boxes.some(other => other !== box && covers(box.label, other));
  const inside = ({ label: { x1, x2, y1, y2 } }) => x1 >= -1 && y1 >= -1 && x2 <= cy.width() + 1 && y2 <= cy.height() + 1;
  const readable = boxes.filter(free);
  return [boxes.length, readable.length, readable.filter(inside).length];
}"""


def main() -> None:
    """Print the tables."""
    if sys.argv[1:] != ["labels"]:
        _print_times()
    _print_labels()


def _print_times() -> None:
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


def _print_labels() -> None:
    headings = ("view", "width px", "labels", "readable", "readable %", "and in the frame %")
    table = Table(*headings, title="Labels of the explorer", box=None, title_justify="left")
    with demonstrated() as (browser, address):
        for row in _label_rows(browser, address, SAMPLE):
            table.add_row(*row)
    folder = SHARED / "us-fedramp-reuse"
    if folder.is_dir():
        with tempfile.TemporaryDirectory() as data:
            code, _out, err = finished(command("load", "us-fedramp", "--from", str(folder), data=Path(data)))
            assert code == 0, err
            with demonstrated(Path(data)) as (browser, address):
                for row in _label_rows(browser, address, REAL):
                    table.add_row(*row)
    console = Console(width=140)
    console.print(table)
    if not folder.is_dir():
        console.print(f"Not measured: the files of us-fedramp are not in {folder}.")


def _label_rows(browser: Any, address: str, views: dict[str, str]) -> Iterator[list[str]]:
    for name, query in views.items():
        for width, height in SIZES:
            page = browser.new_page(base_url=address, viewport={"width": width, "height": height}, locale="en-GB")
            page.goto(f"/explore?{query}")
            _settled(page)
            page.wait_for_load_state("networkidle")
            count, readable, inside = page.evaluate(SHARES)
            shares = (f"{100 * part / count:.0f}" for part in (readable, inside))
            yield [name, str(width), str(count), str(readable), *shares]
            page.close()


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
