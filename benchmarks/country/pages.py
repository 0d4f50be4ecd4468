"""What pages of a country cost: at the first visit, again, after a change, and with several clients."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import httpx

from registry.database.driver import Store
from registry.model.definitions import MODEL
from registry.mutations.save import SaveInput, save
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN

AGAIN, CLIENTS, SECONDS, CHANGES = 11, 8, 5.0, 5
PAGE = {"Accept": "text/html", "Accept-Language": "en"}


@dataclass(frozen=True)
class PageCost:
    """What a page costs: milliseconds of the first and the median visit, requests per second of CLIENTS, and bytes."""

    name: str
    first: float
    again: float
    per_second: float
    size: int
    status: int


def measure(base: str, name: str, path: str) -> PageCost:
    """Visit a page once, then AGAIN times, then with CLIENTS clients for SECONDS seconds."""
    with httpx.Client(base_url=base, headers=PAGE, timeout=300, follow_redirects=True) as client:
        first, response = _visit(client, path)
        again = median(_visit(client, path)[0] for _ in range(AGAIN))
    return PageCost(name, first, again, asyncio.run(_together(base, path)), len(response.content), response.status_code)


def after_changes(base: str, path: str, change: Callable[[int], None]) -> float:
    """Return the median milliseconds of the first visit after a change."""
    with httpx.Client(base_url=base, headers=PAGE, timeout=300) as client:
        _visit(client, path)
        taken = list[float]()
        for number in range(CHANGES):
            change(number)
            taken.append(_visit(client, path)[0])
    return median(taken)


def change_service(store: Store, number: int) -> None:
    """Change the description of a service, as a form does."""
    saving = SaveInput(MODEL["Service"], f"bench:service-{number:07}", {"description": f"Diubah pada {time.time()}."})
    result = save(store, RequestContext(ADMIN, "form"), saving)
    if result.problems:
        raise SystemExit(f"The service cannot be changed: {result.problems}")


def seconds_until_findings(base: str, most: float = 600.0) -> float | None:
    """Return the seconds from the first visit of the home page until it shows findings, or None after `most` seconds."""
    began = time.perf_counter()
    with httpx.Client(base_url=base, headers=PAGE, timeout=300) as client:
        while time.perf_counter() - began < most:
            if "Computed on" in client.get("/").text:
                return time.perf_counter() - began
            time.sleep(0.5)
    return None


def _visit(client: httpx.Client, path: str) -> tuple[float, httpx.Response]:
    began = time.perf_counter()
    response = client.get(path)
    return 1000 * (time.perf_counter() - began), response


async def _together(base: str, path: str) -> float:
    ends = time.perf_counter() + SECONDS
    async with _client(base) as client:
        counts = await asyncio.gather(*(_repeat(client, path, ends) for _ in range(CLIENTS)))
    return sum(counts) / SECONDS


async def _repeat(client: httpx.AsyncClient, path: str, ends: float) -> int:
    done = 0
    while time.perf_counter() < ends:
        (await client.get(path)).read()
        done += 1
    return done


def _client(base: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base, headers=PAGE, timeout=300, follow_redirects=True)
