"""`registry demo` in a browser, for what is no test: pictures, and how the explorer feels."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.browser import launched
from tests.support.cli import command, free_port, serves

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextmanager
def demonstrated(loaded: Path | None = None) -> Iterator[tuple[Browser, str]]:
    """Yield a browser and the address of the demo, which ends with the block. Given a folder of data, the demo serves these."""
    with tempfile.TemporaryDirectory() as empty, launched() as browser:
        port = free_port()
        process = command("demo", "--port", str(port), data=loaded or Path(empty))
        try:
            serves(process, port)
            yield browser, f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
