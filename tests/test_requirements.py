"""Only `tests/support/requirements.py` skips tests, and it names what is missing."""

import re

import pytest

from tests.support.paths import TESTS
from tests.support.requirements import missing

CI = TESTS.parent / ".ci" / "run"


def test_what_is_required_fails_and_what_is_not_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REGISTRY_REQUIRE_MOON", raising=False)
    with pytest.raises(pytest.skip.Exception, match="there is no moon"):
        missing("MOON", "there is no moon")
    monkeypatch.setenv("REGISTRY_REQUIRE_MOON", "1")
    with pytest.raises(pytest.fail.Exception, match="REGISTRY_REQUIRE_MOON=1, but there is no moon"):
        missing("MOON", "there is no moon")


def test_nothing_else_skips_but_for_the_platform() -> None:
    skips = re.compile(r"pytest\.(?:skip|importorskip|xfail)\(|mark\.(?:skip\b|xfail)|skipif\((?!sys\.platform)")
    others = [path for path in TESTS.rglob("*.py") if path.name not in ("requirements.py", "test_requirements.py")]
    assert [path for path in others if skips.search(path.read_text(encoding="utf-8"))] == []


def test_ci_requires_every_need_by_its_name() -> None:
    asked = {
        need for path in TESTS.rglob("*.py") for need in re.findall(r'\bmissing\("(\w+)"', path.read_text("utf-8"))
    }
    assert asked - {"MOON"} == set(re.findall(r"REGISTRY_REQUIRE_(\w+)=1", CI.read_text(encoding="utf-8")))
