"""docker-compose.yml is what Compose itself accepts, and holds no password."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.requirements import missing

FILE = ROOT / "docker-compose.yml"


def compose(file: Path, password: str | None) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "NEO4J_PASSWORD"}
    if password is not None:
        environment["NEO4J_PASSWORD"] = password
    command = [*compose_command(), "-f", str(file), "config"]
    return subprocess.run(command, env=environment, cwd=file.parent, capture_output=True, text=True, check=False)


def compose_command() -> list[str]:
    command = next(filter(answers, (["docker-compose"], ["docker", "compose"])), None)
    return command or missing("COMPOSE", "Docker Compose is not installed")


def answers(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0


def test_compose_accepts_the_file() -> None:
    done = compose(FILE, "correct horse")
    assert done.returncode == 0, done.stderr
    assert "NEO4J_URI: bolt://neo4j:7687" in done.stdout
    assert done.stdout.count("condition: service_healthy") == 1


@pytest.mark.parametrize("password", [None, ""])
def test_without_a_password_nothing_starts(password: str | None) -> None:
    done = compose(FILE, password)
    assert done.returncode != 0
    assert "set NEO4J_PASSWORD" in done.stderr


@pytest.mark.parametrize(("sound", "broken"), [("ports:", "prots:"), ("- neo4j:/data", "- nowhere:/data")])
def test_a_broken_file_is_refused(tmp_path: Path, sound: str, broken: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert sound in text
    (tmp_path / "docker-compose.yml").write_text(text.replace(sound, broken), encoding="utf-8")
    assert compose(tmp_path / "docker-compose.yml", "correct horse").returncode != 0
