"""How long a newcomer waits: from `registry demo` on an empty directory to the answer of a first GraphQL query.

python -m benchmarks.demo
"""

import signal
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx
import psutil
from rich.console import Console

from tests.support.cli import command, free_port, serves

TIMES = 3
FIRST = {"query": "{ agencies(first: 3) { nodes { name } } }"}


def main() -> None:
    """Print the median of three."""
    waits = [_waited() for _ in range(TIMES)]
    seconds, spent = (", ".join(f"{one:.1f}" for one in column) for column in zip(*waits, strict=True))
    middle = median(wait for wait, _ in waits)
    Console().print(f"registry demo answered after {middle:.1f} s, the median of {seconds}; processor time {spent} s.")


def _waited() -> tuple[float, float]:
    """Return the seconds, and those of the processor, which say more on a busy machine."""
    with tempfile.TemporaryDirectory() as data:
        port, began = free_port(), time.perf_counter()
        process = command("demo", "--port", str(port), data=Path(data))
        try:
            serves(process, port)
            answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json=FIRST).json()
            waited = time.perf_counter() - began
            spent = _spent(psutil.Process(process.pid))
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    assert len(answer["data"]["agencies"]["nodes"]) == 3
    return waited, spent


def _spent(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


if __name__ == "__main__":
    main()
