"""The commands of README.md do what it says: each is run as it stands there, in a shell, on the sample."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from registry.database.driver import ConnectionSettings
from tests.support.cli import REGISTRY, environment, speaking_to
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(?:sh|bash|console)\n(.*?)```", README, re.DOTALL)
INLINE = re.findall(r"`((?:(?:.venv/bin/)?registry|make) [^`]+|[^`\n]*docker compose [^`]+)`", README)
COMMANDS = [*(line for block in BLOCKS for line in block.splitlines() if line.strip()), *INLINE]

NOT_RUN = {
    "python3 -m venv": "installs from the package index; .ci/run does, and the demo has tests of its own",
    "make run": "serves until Ctrl-C",
    "registry serve": "serves until Ctrl-C; tests/cli/test_interrupts.py runs it",
    "make test": "is what runs this test",
    "curl": "needs a server and a token; tests/schema/test_mutations.py sends the same",
    "docker compose up": "needs a Docker daemon and its images; the file is checked by Compose itself",
}
SAYS = {
    "registry query": '"totalCount": 19',
    "registry report gaps": "sector",
    "registry report gaps --save": "Kept as",
    "registry report changes": "What does a report find now",
    "registry report agreements": "",
    "registry calibrate": "at most",
    "registry sources": "us-fedramp",
    "registry token add": "until",
    "registry audit show": "created",
    "registry audit verify": "The audit log is intact",
    "registry load depok --dry-run": "This was a dry run",
    "registry load sources/my-city": "agencies",
}
SOURCE = """\
name = "My city"
publisher = "My city"
licence = "none"
format = "tables"
files = "agencies.csv"
"""


@pytest.fixture(scope="module")
def home(sample: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as README finds it: `registry` is installed in `.venv`, and there is a source of one's own."""
    home = tmp_path_factory.mktemp("home")
    for folder in (".venv/bin", "sources/my-city", "exports"):
        (home / folder).mkdir(parents=True)
    (home / "sources/my-city/source.toml").write_text(SOURCE, encoding="utf-8")
    (home / "exports/agencies.csv").write_text("id,name,kind\nmy:office,My Office,department\n", encoding="utf-8")
    registry = home / ".venv/bin/registry"
    registry.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{REGISTRY[1]}" "$@"\n', encoding="utf-8")
    registry.chmod(0o755)
    return home


def entry(command: str, table: dict[str, str]) -> str | None:
    """Return the longest entry of a table that the command holds."""
    return max((one for one in table if one in command), key=len, default=None)


def test_there_are_commands_and_each_is_run_or_there_is_a_reason() -> None:
    assert len(BLOCKS) >= 4
    for command in COMMANDS:
        assert (entry(command, SAYS) is None) != (entry(command, NOT_RUN) is None), command
    assert {entry(one, SAYS) or entry(one, NOT_RUN) for one in COMMANDS} == {*SAYS, *NOT_RUN}


@pytest.mark.parametrize("command", [one for one in COMMANDS if entry(one, SAYS)])
def test_a_command_does_what_it_says(home: Path, sample: ConnectionSettings, command: str) -> None:
    settings = environment(PYTHONPATH=str(ROOT), **speaking_to(sample))
    settings["PATH"] = f"{home / '.venv/bin'}:{settings['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=home,
        env=settings,
        input="{ agencies { totalCount } }",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SAYS[entry(command, SAYS) or ""] in done.stdout + done.stderr
    if " -o " in command:
        written = home / command.split(" -o ")[1].split()[0]
        assert CalamineWorkbook.from_path(written).get_sheet_by_index(0).total_height > 1


def test_the_verbs_of_make_are_there() -> None:
    verbs = set(re.findall(r"`make (\w+)", README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert verbs <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
