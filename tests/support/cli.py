"""`registry` as a process of its own, as a person starts it; and, where it only refuses or lists, within this one."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from socket import create_server

import httpx
import pytest

from registry.cli import output
from registry.cli.main import main
from registry.database.driver import ConnectionSettings
from tests.support.engines import until

REGISTRY = ("-c", "from registry.cli.main import main; main()")
WIDE = 200
Ended = tuple[int, str, str]


def environment(**more: str) -> dict[str, str]:
    """Return our environment without settings of somebody's own, with what is given."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("NEO4J_", "REGISTRY_"))}
    return {**ours, "REGISTRY_LANG": "en", "NO_COLOR": "1", "COLUMNS": str(WIDE), **more}


def speaking_to(place: ConnectionSettings) -> dict[str, str]:
    """Return the settings that lead to a store."""
    settings = {"URI": place.uri, "USERNAME": place.username, "PASSWORD": place.password, "DATABASE": place.database}
    return {f"NEO4J_{name}": value for name, value in settings.items() if value}


def command(
    *arguments: str, data: Path, python: tuple[str, ...] = (), stdout: int = subprocess.PIPE, **more: str
) -> subprocess.Popen[str]:
    """Start `registry` with these arguments on a data directory, in a terminal of its own; `python` is for Python itself."""
    return subprocess.Popen(
        [sys.executable, *python, *REGISTRY, *arguments],
        env=environment(REGISTRY_DATA=str(data), **more),
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def carried_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run `registry` with these arguments on a data directory here, which spares it a second to begin."""

    def carried_out(*arguments: str, data: Path, text: str = "", **more: str) -> Ended:
        for name in os.environ.keys() - environment().keys():
            monkeypatch.delenv(name)
        for name, value in environment(REGISTRY_DATA=str(data), **more).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["registry", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        for one in (output.out, output.err):
            monkeypatch.setattr(one, "_width", WIDE)
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), *capsys.readouterr()

    return carried_out


def finished(process: subprocess.Popen[str], text: str | None = None) -> Ended:
    """Return the exit code, what was printed and what was said on stderr."""
    out, err = process.communicate(text, timeout=120)
    return process.returncode, out, err


def refused(ended: Ended) -> str:
    """Return the sentence with which a command was refused."""
    code, out, err = ended
    assert (code, out) == (2, ""), err
    assert "Traceback" not in err
    return " ".join(err.split())


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def serves(process: subprocess.Popen[str], port: int) -> None:
    """Wait until a server that a command started answers."""
    until(lambda: process.poll() is not None or answers(port), seconds=240)
    assert process.poll() is None, process.communicate()
    assert answers(port), f"nothing answers on port {port}"


def answers(port: int) -> bool:
    """Tell whether a server answers there."""
    try:
        httpx.get(f"http://127.0.0.1:{port}/health")
    except httpx.TransportError:
        return False
    return True
