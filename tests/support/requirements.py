"""What tests need of a machine: without it they are skipped, or fail where it must be there."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.paths import ROOT

SHARED = Path(os.environ.get("REGISTRY_SHARED_DATA", ROOT.parent / "shared" / "data"))


def missing(need: str, reason: str) -> NoReturn:
    """Skip the test that asks; where `REGISTRY_REQUIRE_<need>=1` says that it must run, fail it."""
    required = f"REGISTRY_REQUIRE_{need}"
    if os.environ.get(required) == "1":
        pytest.fail(f"{required}=1, but {reason}")
    pytest.skip(reason)


def shared(folder: str) -> Path:
    """Return a folder of the data that is tried on; it is no part of the repository."""
    if not (SHARED / folder).is_dir():
        missing("DATA", f"there is no {SHARED / folder}; set REGISTRY_SHARED_DATA to the folder that holds {folder}")
    return SHARED / folder


def drawing() -> None:
    """See to it that there is what draws charts on paper."""
    if find_spec("vl_convert") is None:
        missing("CHARTS", "vl-convert-python is not installed")
