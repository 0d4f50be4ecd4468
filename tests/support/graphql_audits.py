"""The audits of the npm package graphql-http, as its authors publish them; Node and npm run them."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.npm import installed

HERE = Path(__file__).parent / "graphql_http"


def audited(address: str) -> list[dict[str, Any]]:
    """Return what each audit found: its id, name, status (`ok`, `notice`, `warn`, `error`) and reason."""
    asked = subprocess.run(
        ["node", str(installed(HERE) / "audit.mjs"), address], capture_output=True, text=True, timeout=120, check=False
    )
    assert asked.returncode == 0, asked.stderr
    return [json.loads(line) for line in asked.stdout.splitlines()]
