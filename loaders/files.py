"""Open the files of a source: each table with the function that maps its rows."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from loaders.mapping import MapRow
from loaders.outcome import Refused
from loaders.readers import read
from loaders.rows import Note, Table
from loaders.source import TABLES, Source
from loaders.tables import map_table

MAPPING = "mapping.py"
TABLE_ENDINGS = (".csv", ".tsv", ".xlsx", ".json", ".jsonl")


def open_tables(source: Source, from_path: Path | None, note: Note) -> Iterator[tuple[Table, MapRow]]:
    """Give every table of a source with the function that maps its rows.

    The files are looked for in `from_path`, or in the source's own folder, and nowhere else; for the format `tables`,
    `from_path` is itself the folder of the tables, or the only file. Raises Refused.
    """
    if source.format == TABLES:
        for path in _table_files(source, from_path):
            for table in read(path, note):
                yield table, map_table(table)
    else:
        mapping = _mapping(source)
        for path in [_inside(from_path or source.folder, name) for name in source.files]:
            yield from ((table, _function(mapping, source, path.stem)) for table in read(path, note))


def _table_files(source: Source, from_path: Path | None) -> list[Path]:
    starts = [from_path] if from_path else [_inside(source.folder, name) for name in source.files]
    found = [path for start in starts for path in _tables_at(start)]
    if not found:
        raise Refused(f"There are no tables in {', '.join(map(str, starts))}; a table is a file such as agencies.csv.")
    return found


def _tables_at(start: Path) -> list[Path]:
    if not start.is_dir():
        return [start]
    return [_inside(start, path.name) for path in sorted(start.iterdir()) if path.suffix.lower() in TABLE_ENDINGS]


def _inside(folder: Path, name: str) -> Path:
    """Return the path of a file in the folder. Raises Refused when the name leads out of it."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Refused(f"{name} lies outside {folder}; a source reads only what is inside its folder.")
    return path


def _mapping(source: Source) -> ModuleType:
    path = source.folder / MAPPING
    spec = spec_from_file_location(f"mapping of {source.id}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise Refused(f"{source.folder} has no {MAPPING}; every format but {TABLES} needs one.")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Refused(f"{path} cannot be loaded: {type(error).__name__}: {error}.") from error
    return module


def _function(mapping: ModuleType, source: Source, stem: str) -> MapRow:
    name = stem.replace("-", "_")
    function = getattr(mapping, name, None)
    if not callable(function):
        raise Refused(f"{source.folder / MAPPING} has no function {name}, which would map the rows of {stem}.")
    return function  # type: ignore[no-any-return]
