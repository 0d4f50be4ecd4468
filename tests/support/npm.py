"""Programs of npm that tests run: a folder of ours with a script and a lock file, installed once."""

import shutil
import subprocess
from pathlib import Path

from filelock import FileLock

from tests.support.neo4j_server import CACHE
from tests.support.requirements import missing


def installed(folder: Path) -> Path:
    """Return a copy of a folder with the packages that its lock file pins."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing("NODE", "Node and npm are not installed")
    home, files = CACHE / folder.name, [one for one in folder.iterdir() if one.is_file()]
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_suffix(".lock")):
        if any(_changed(home / one.name, one) for one in files):
            for one in files:
                shutil.copyfile(one, home / one.name)
            _install(home)
    return home


def _install(home: Path) -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode != 0:
        (home / "package.json").unlink()
        missing("NODE", f"npm cannot install {home.name}: {done.stderr.strip().partition(chr(10))[0]}")


def _changed(kept: Path, ours: Path) -> bool:
    return not kept.exists() or kept.read_bytes() != ours.read_bytes()
