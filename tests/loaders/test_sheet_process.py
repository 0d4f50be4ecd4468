"""Hostile files: whatever is in them, they end in one sentence, with little memory used."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from loaders.readers import UPLOAD_LIMITS, read
from loaders.result import LoadAborted
from tests.support.hostile_sheets import HOSTILE

SMALL = replace(UPLOAD_LIMITS, cells=100_000)


def outcome(path: Path) -> str:
    """Return the sentence in which reading ends, empty when the file is harmless."""
    try:
        for table in read(path, lambda _: None, SMALL):
            for _row in table.rows:
                pass
    except LoadAborted as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_spreadsheet_is_refused_with_little_memory(name: str, tmp_path: Path) -> None:
    make, sentence = HOSTILE[name]
    path = tmp_path / "resources.xlsx"
    path.write_bytes(make())
    tracemalloc.start()
    try:
        told = outcome(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sentence in told and bool(sentence) == bool(told) and "\n" not in told
    assert peak < 5_000_000


def test_a_time_limit_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "resources.xlsx"
    path.write_bytes(HOSTILE["deep XML"][0]())
    with pytest.raises(LoadAborted, match="more memory or time"):
        read(path, lambda _: None, replace(UPLOAD_LIMITS, seconds=0))
