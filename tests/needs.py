"""What tests need of a machine: without it they are skipped, or fail where it must be there."""

import os
from typing import NoReturn

import pytest


def missing(need: str, reason: str) -> NoReturn:
    """Skip the test that asks; where `REGISTRY_REQUIRE_<need>=1` says that it must run, fail it."""
    required = f"REGISTRY_REQUIRE_{need}"
    if os.environ.get(required) == "1":
        pytest.fail(f"{required}=1, but {reason}")
    pytest.skip(reason)
