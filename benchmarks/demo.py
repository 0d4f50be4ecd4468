"""How long a newcomer waits: from `registry demo` on an empty directory to the answer of a first GraphQL query.

python -m benchmarks.demo
"""

import signal
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx
from rich.console import Console

from tests.commands import command, free_port, serves

TIMES = 3
FIRST = {"query": "{ agencies(first: 3) { nodes { name } } }"}


def main() -> None:
    """Print the median of three."""
    waits = [_waited() for _ in range(TIMES)]
    told = ", ".join(f"{wait:.1f}" for wait in waits)
    Console().print(f"registry demo answered after {median(waits):.1f} s, the median of {told}.")


def _waited() -> float:
    with tempfile.TemporaryDirectory() as data:
        port, began = free_port(), time.perf_counter()
        process = command("demo", "--port", str(port), data=Path(data))
        try:
            serves(process, port)
            answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json=FIRST).json()
            waited = time.perf_counter() - began
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    assert len(answer["data"]["agencies"]["nodes"]) == 3
    return waited


if __name__ == "__main__":
    main()
