"""Readers and writers at once, for minutes: errors, waiting times, the share of the writers, and memory."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import httpx
import numpy as np
import psutil

READERS, WRITERS = 64, 4
PAUSES = (0.0, 2.0)  # seconds between two requests, on average: of a program, and of a person
SAVE = """mutation($id: ID!, $text: String!) {
  saveService(input: {id: $id, description: $text}) { problems { code message } }
}"""
QUERY = (
    "query($n: Int!) { services(first: $n, order: [{name: ASC}]) { nodes { id name providers { agency { name } } } } }"
)
READS: Sequence[str] = (
    "/",
    "/services",
    "/services?kind=public&sectors=sector:001",
    "/agencies/bench:agency-0000000",
    "/agencies/bench:agency-0001234",
    "/resources/bench:resource-0000000",
    "/search?q=kesehatan",
    "/explore?of=bench:agency-0000400",
    "/reports/gaps",
)


@dataclass
class Load:
    """The results of a mixed load: the seconds that reads and writes took, the numbers of responses by status, and the memory."""

    reads: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by address
    writes: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)  # MB of all processes, every ten seconds

    def rows(self, seconds: float) -> list[tuple[str, str]]:
        """Return the rows of a table."""
        half = self.memory[len(self.memory) // 2 :] or [0.0]
        reads = [one for each in self.reads.values() for one in each]
        return [
            ("requests by status", ", ".join(f"{status}: {n:,}" for status, n in sorted(self.statuses.items()))),
            ("reads per second; p50, p95 in ms", f"{len(reads) / seconds:.1f}; {_quantiles(reads)}"),
            *((f"{path}; p50, p95 in ms", _quantiles(taken)) for path, taken in sorted(self.reads.items())),
            ("writes per second; p50, p95 in ms", f"{len(self.writes) / seconds:.1f}; {_quantiles(self.writes)}"),
            ("memory in MB: start, half time, end", f"{self.memory[0]:,.0f}, {half[0]:,.0f}, {half[-1]:,.0f}"),
        ]


def _quantiles(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    middle, most = np.quantile(seconds, [0.5, 0.95])
    return f"{1000 * middle:,.0f}, {1000 * most:,.0f}"


def run(base: str, token: str, seconds: float, pause: float, processes: Sequence[psutil.Process]) -> Load:
    """Let READERS readers and WRITERS writers work for so many seconds. `token` is that of an administrator.

    All pause between requests for random times, `pause` seconds on average.
    """
    return asyncio.run(_run(base, token, seconds, pause, processes))


async def _run(base: str, token: str, seconds: float, pause: float, processes: Sequence[psutil.Process]) -> Load:
    load, ends, numbers = Load(), time.perf_counter() + seconds, count()
    # The server closes connections that were idle for five seconds.
    limits = httpx.Limits(max_connections=READERS + WRITERS, keepalive_expiry=2.0)
    async with httpx.AsyncClient(base_url=base, timeout=60, limits=limits, headers={"Accept": "text/html"}) as client:
        readers = (_read(client, load, ends, pause, start) for start in range(READERS))
        writers = (_write(client, load, ends, pause, token, numbers) for _ in range(WRITERS))
        await asyncio.gather(_watch(load, ends, processes), *readers, *writers)
    return load


async def _read(client: httpx.AsyncClient, load: Load, ends: float, pause: float, start: int) -> None:
    random = np.random.default_rng(start)
    for number in count(start):
        await asyncio.sleep(random.exponential(pause))
        if time.perf_counter() >= ends:
            return
        if number % 3:
            request = client.build_request("GET", READS[(number - number // 3) % len(READS)])
        else:
            body = {"query": QUERY, "variables": {"n": 20}}
            request = client.build_request("POST", "/graphql", json=body, headers={"Accept": "application/json"})
        load.reads[str(request.url.copy_with(scheme="", host="", port=None))].append(await _send(client, request, load))


async def _write(
    client: httpx.AsyncClient, load: Load, ends: float, pause: float, token: str, numbers: "count[int]"
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    random = np.random.default_rng()
    while True:
        await asyncio.sleep(random.exponential(pause))
        if time.perf_counter() >= ends:
            return
        number = next(numbers)
        # A text that is the same as before would change nothing.
        variables = {"id": f"bench:service-{number % 1000:07}", "text": f"Perubahan {number} pada {time.time()}"}
        body = {"query": SAVE, "variables": variables}
        load.writes.append(
            await _send(client, client.build_request("POST", "/graphql", json=body, headers=headers), load)
        )


async def _send(client: httpx.AsyncClient, request: httpx.Request, load: Load) -> float:
    began = time.perf_counter()
    try:
        response = await client.send(request)
        failed = b'"errors"' in response.content[:200] or b'"problems":[{' in response.content
        kind = f"{response.status_code}{' with errors' if failed else ''}"
        load.statuses[kind if response.status_code < 300 and not failed else f"{kind} ({request.url.path})"] += 1
    except httpx.TransportError as error:
        load.statuses[f"{type(error).__name__} ({request.url.path})"] += 1
    return time.perf_counter() - began


async def _watch(load: Load, ends: float, processes: Sequence[psutil.Process]) -> None:
    while True:
        load.memory.append(sum(one.memory_info().rss for one in processes if one.is_running()) / 1e6)
        if time.perf_counter() >= ends:
            return
        await asyncio.sleep(min(10.0, max(0.1, ends - time.perf_counter())))
