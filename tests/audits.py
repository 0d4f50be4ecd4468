"""The audits of the npm package graphql-http, as its authors publish them; Node and npm run them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.needs import missing
from tests.neo4j_server import CACHE

HERE = Path(__file__).parent / "graphql_http"
FILES = ("package.json", "package-lock.json", "audit.mjs")
HOME = CACHE / "graphql-http"


def audited(address: str) -> list[dict[str, Any]]:
    """Return what each audit found: its id, name, status (`ok`, `notice`, `warn`, `error`) and reason."""
    asked = subprocess.run(
        ["node", str(_installed() / "audit.mjs"), address], capture_output=True, text=True, timeout=120, check=False
    )
    assert asked.returncode == 0, asked.stderr
    return [json.loads(line) for line in asked.stdout.splitlines()]


def _installed() -> Path:
    """Return the folder with the script and its packages, installed once, as the lock file pins them."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing("NODE", "Node and npm are not installed")
    HOME.mkdir(parents=True, exist_ok=True)
    with FileLock(HOME.with_suffix(".lock")):
        if any(_changed(name) for name in FILES):
            for name in FILES:
                shutil.copyfile(HERE / name, HOME / name)
            _install()
    return HOME


def _install() -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode != 0:
        (HOME / FILES[0]).unlink()
        missing("NODE", "npm cannot install graphql-http: " + done.stderr.strip().partition("\n")[0])


def _changed(name: str) -> bool:
    kept = HOME / name
    return not kept.exists() or kept.read_bytes() != (HERE / name).read_bytes()
