"""A source on disk for tests of whole runs, as a pytest plugin: its tables are written and loaded by the test."""

from pathlib import Path
from typing import Any

import pytest

from loaders.result import LoadResult
from loaders.run import run
from loaders.source import SourceDefinition, read_source
from registry.database.driver import Store

TOML = 'name = "N"\npublisher = "P"\nlicence = "L"\nformat = "tables"\nfiles = "."\n'
HEADER = "id,name,kind,steward,part_of\n"


class City:
    """The folder of a source, whose tables a test writes and whose runs it starts."""

    def __init__(self, folder: Path, store: Store) -> None:
        folder.mkdir()
        self.folder = folder
        self.store = store
        self.declare()

    def declare(self, more: str = "") -> None:
        (self.folder / "source.toml").write_text(TOML + more, encoding="utf-8")

    def write(self, table: str, content: str) -> None:
        (self.folder / f"{table}.csv").write_text(content, encoding="utf-8")

    def agencies(self, *rows: str) -> None:
        self.write("agencies", HEADER + "".join(f"{row}\n" for row in rows))

    @property
    def source(self) -> SourceDefinition:
        return read_source(self.folder)

    def load(self, **options: Any) -> LoadResult:
        return run(self.store, self.source, **options)


@pytest.fixture
def city(tmp_path: Path, store: Store) -> City:
    return City(tmp_path / "city", store)


@pytest.fixture
def other(tmp_path: Path, store: Store) -> City:
    return City(tmp_path / "other", store)
