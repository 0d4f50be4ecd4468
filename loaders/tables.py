"""The format `tables`: a table for each record type and for each link with properties. This module also writes empty templates."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import xlsxwriter

from loaders.readers import GUIDE, read
from loaders.result import LoadAborted
from loaders.rows import Note, SourceRow, Table
from loaders.source import TABLES, Mapped, MapRow, SourceDefinition, link, no_link, record
from registry.i18n import _
from registry.model import values
from registry.model.codelists import code_list
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Property, snake
from registry.model.records import DEFAULTS


@cache
def table_names() -> dict[str, tuple[type[Kind], End | None]]:
    """Return the names of all tables, each with its record type and, for a table of links, with the link's end."""
    names: dict[str, tuple[type[Kind], End | None]] = {}
    for kind in MODEL:
        if not kind.read_only:
            names[kind.plural] = (kind, None)
            names.update({f"{kind.plural}.{end.name}": (kind, end) for end in declared(kind) if end.link.properties})
    return names


def declared(kind: type[Kind]) -> list[End]:
    """Return the link ends that a record type declares, in the order of the model."""
    return [end for end in kind.ends.values() if end.declared]


def columns_of(name: str) -> dict[str, Property | End | None]:
    """Return what each column (by name) of a table holds: a property, a link (ids), or None for an id column of a link table."""
    kind, end = table_names()[name]
    if end:
        return {snake(kind.__name__): None, snake(end.target): None, **end.link.properties}
    given = {name: one for name, one in kind.properties.items() if not one.read_only}
    return {**given, **{one.name: one for one in declared(kind) if not one.link.properties}}


def required_in(name: str) -> list[str]:
    """Return the names of the columns that a table must have."""
    kind, _ = table_names()[name]
    return [
        column
        for column, one in columns_of(name).items()
        if one is None or (isinstance(one, Property) and one.required and not _has_default(kind, column))
    ]


def map_table(table: Table) -> MapRow:
    """Return the function that maps the rows of a table. Raises LoadAborted if the model does not have the table or a column."""
    if table.name not in table_names():
        sentence = _("{file}: the model has no table {name}.")
        raise LoadAborted(
            f"{sentence.format(file=table.file, name=repr(table.name))} {_near(table.name, table_names())}"
        )
    if table.columns is not None:
        _check_columns(table, table.columns)
    kind, end = table_names()[table.name]
    return _link_mapper(kind, end) if end else _record_mapper(kind)


def _record_mapper(kind: type[Kind]) -> MapRow:
    links = {end.name: f"{kind.__name__}.{end.name}" for end in declared(kind) if not end.link.properties}

    def records(row: SourceRow) -> Iterator[Mapped]:
        yield record(kind.__name__, row["id"], **{name: value for name, value in row.items() if name not in links})
        for name, end in links.items():
            if name in row:
                ids = _ids(row[name])
                yield from (link(end, row["id"], there) for there in ids) if ids else [no_link(end)]

    return records


def _link_mapper(kind: type[Kind], end: End) -> MapRow:
    here, there = snake(kind.__name__), snake(end.target)

    def links(row: SourceRow) -> Iterator[Mapped]:
        properties = {name: value for name, value in row.items() if name not in (here, there)}
        yield link(f"{kind.__name__}.{end.name}", row[here], row[there], **properties)

    return links


def _ids(cell: Any) -> list[Any]:
    """Return the distinct ids in a cell. A value that is not text is returned unchanged; validation rejects it later."""
    parts = cell if isinstance(cell, list) else cell.split(";") if isinstance(cell, str) else [cell]
    given = [part.strip() if isinstance(part, str) else part for part in parts]
    once = {part if isinstance(part, str) else repr(part): part for part in given if part not in ("", None)}
    return list(once.values())


def _check_columns(table: Table, columns: Sequence[str]) -> None:
    known = columns_of(table.name)
    for column in columns:
        if column not in known:
            sentence = _("{file}: the model has no column {column} in this table.")
            raise LoadAborted(f"{sentence.format(file=table.file, column=repr(column))} {_near(column, known)}")
    for column in required_in(table.name):
        if column not in columns:
            sentence = _("{file} lacks the required column {column}. Its columns are: {columns}.")
            raise LoadAborted(sentence.format(file=table.file, column=repr(column), columns=", ".join(columns)))


def _has_default(kind: type[Kind], column: str) -> bool:
    return column in DEFAULTS or (column == "name" and not kind.named)


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    if near:
        return _("Did you mean {name}?").format(name=near[0])
    return _("Available: {names}.").format(names=", ".join(known))


ROWS = 2_000
CODES = "codes"
EXAMPLES: dict[type[values.Value], str] = {
    values.Id: "kota:dinas-kesehatan",
    values.Ref: "kota:dinas-kesehatan",
    values.Text: "Dinas Kesehatan",
    values.Prose: "Satu atau dua kalimat.",
    values.Code: "cofog-1999",
    values.Date: "2026-12-31",
    values.Number: "12.5",
    values.Integer: "3",
    values.Flag: "yes",
    values.Url: "https://www.example.org",
    values.Texts: "grup:kesehatan; kota:dinas-sosial",
    values.Identifiers: "kemendagri:32.76",
}


def write_template(kind: str, path: Path) -> None:
    """Write an empty table for a record type, which is named in the singular or the plural.

    A `.csv` file gets the header of the type's main table. A `.xlsx` file gets a sheet for each table of the type, with
    drop-down lists for codes, and a guide to the columns. Raises LoadAborted for an unknown type, another file extension, or
    an existing file.
    """
    tables = tables_of(kind)
    if path.suffix.lower() not in (".csv", ".xlsx"):
        raise LoadAborted(f"{path.name}: a template must be a .csv or .xlsx file.")
    if path.exists():
        raise LoadAborted(f"{path} already exists. Choose another name.")
    try:
        _write_csv(tables[0], path) if path.suffix.lower() == ".csv" else _write_xlsx(tables, path)
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise LoadAborted(f"{path} cannot be written: {error}.") from None


def tables_of(kind: str) -> list[str]:
    """Return the names of the tables of a record type, main table first. Raises LoadAborted with a suggestion for an unknown type."""
    kinds = {one.__name__.lower(): one.plural for one, end in table_names().values() if end is None}
    plural = kinds.get(kind.lower(), kind.lower())
    if plural not in kinds.values():
        near = get_close_matches(kind.lower(), [*kinds, *kinds.values()], n=1)
        hint = f"Did you mean {near[0]}?" if near else f"The kinds are: {', '.join(kinds)}."
        raise LoadAborted(f"There is no kind {kind!r}. {hint}")
    return [name for name in table_names() if name.split(".")[0] == plural]


def _write_csv(table: str, path: Path) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerow(columns_of(table))


def _write_xlsx(tables: list[str], path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        heading = book.add_format({"bold": True, "bottom": 1})
        sheets = {table: book.add_worksheet(table) for table in tables}
        lists = _write_codes(book, tables)
        for table, sheet in sheets.items():
            _write_table(book, sheet, table, heading, lists)
        _write_guide(book, tables, heading)


def _write_table(book: Any, sheet: Any, table: str, heading: Any, lists: dict[str, str]) -> None:
    """Write the header row of a table and format its columns.

    Columns other than dates and numbers are formatted as text, so that values such as 007 stay as they are.
    """
    formats = {"STRING": book.add_format({"num_format": "@"}), "Date": book.add_format({"num_format": "yyyy-mm-dd"})}
    sheet.freeze_panes(1, 0)
    for index, (column, one) in enumerate(columns_of(table).items()):
        value = one.value if isinstance(one, Property) else values.Id
        sheet.set_column(index, index, 24, formats.get(value.scalar) or formats.get(value.stored))
        sheet.write_string(0, index, column, heading)
        if isinstance(one, Property) and one.codes:
            sheet.data_validation(1, index, ROWS, index, {"validate": "list", "source": lists[one.codes]})


def _write_codes(book: Any, tables: list[str]) -> dict[str, str]:
    """Write each code list into a column of a hidden sheet, and return the cell range of each list by its name."""
    sheet = book.add_worksheet(CODES)
    sheet.hide()
    found = {}
    for index, name in enumerate(sorted(set(_code_lists(tables)))):
        codes = list(code_list(name))
        sheet.write_column(0, index, codes)
        letter = xlsxwriter.utility.xl_col_to_name(index)
        found[name] = f"={CODES}!${letter}$1:${letter}${len(codes)}"
    return found


def _write_guide(book: Any, tables: list[str], heading: Any) -> None:
    sheet = book.add_worksheet(GUIDE)
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    for index, width in enumerate((24, 24, 60, 10, 60, 36)):
        sheet.set_column(index, index, width, wrapped)
    names = (_("table"), _("column"), _("description"), _("required"), _("codes"), _("example"))
    sheet.write_row(0, 0, names, heading)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(guide(tables), start=1):
        for index, text in enumerate(row):
            sheet.write_string(number, index, text)


def guide(tables: list[str]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield a row for each column: table, column, description, required, codes with labels in both languages, example."""
    for table in tables:
        for column, one in columns_of(table).items():
            yield (
                table,
                column,
                _description(one, column),
                _("yes") if column in required_in(table) else "",
                *_codes_and_example(one),
            )


def _description(one: Property | End | None, column: str) -> str:
    if isinstance(one, Property):
        return _(one.doc)
    if isinstance(one, End):
        separated = _("Identifiers, separated by semicolons.")
        return f"{_(one.doc)} {separated}"
    return _("Identifier of the record in the column {column}.").format(column=column)


def _codes_and_example(one: Property | End | None) -> tuple[str, str]:
    """Return two cells for a column: its codes with labels in both languages, and an example value."""
    if not isinstance(one, Property):
        return "", "kota:dinas-kesehatan; kota:dinas-sosial" if one else EXAMPLES[values.Id]
    if not one.codes:
        return "", EXAMPLES[one.value]
    entries = code_list(one.codes).values()
    return "\n".join(f"{entry.code}: {entry.label_id} / {entry.label_en}" for entry in entries), next(
        iter(entries)
    ).code


def _code_lists(tables: list[str]) -> Iterator[str]:
    for table in tables:
        for one in columns_of(table).values():
            if isinstance(one, Property) and one.codes:
                yield one.codes


MAPPING = "mapping.py"
TABLE_ENDINGS = (".csv", ".tsv", ".xlsx", ".json", ".jsonl")


def files_of(source: SourceDefinition, from_path: Path | None) -> list[Path]:
    """Return the files of a source, in the order in which they are read.

    Files are read from `from_path` or, if it is None, from the source's folder, and nowhere else. For the format `tables`,
    `from_path` is the folder of the tables or a single file. Raises LoadAborted.
    """
    if source.format == TABLES:
        return _table_files(source, from_path)
    return [_inside(from_path or source.folder, name) for name in source.files]


def open_tables(
    source: SourceDefinition, paths: Iterable[Path], note: Note
) -> Iterator[tuple[Path, list[tuple[Table, MapRow]]]]:
    """Yield each file of a source with its tables, each table with the function that maps its rows. Raises LoadAborted."""
    mapping = None if source.format == TABLES else _mapping(source)
    for path in paths:
        tables = read(path, note)
        if mapping is None:
            yield path, [(table, map_table(table)) for table in tables]
        else:
            function = _function(mapping, source, path.stem)
            yield path, [(table, function) for table in tables]


def _table_files(source: SourceDefinition, from_path: Path | None) -> list[Path]:
    starts = [from_path] if from_path else [_inside(source.folder, name) for name in source.files]
    found = [path for start in starts for path in _tables_at(start)]
    if not found:
        raise LoadAborted(f"No tables found in {', '.join(map(str, starts))}. A table is a file such as agencies.csv.")
    return found


def _tables_at(start: Path) -> list[Path]:
    if not start.is_dir():
        return [start]
    return [_inside(start, path.name) for path in sorted(start.iterdir()) if path.suffix.lower() in TABLE_ENDINGS]


def _inside(folder: Path, name: str) -> Path:
    """Return the path of a file in the folder. Raises LoadAborted for a name that points outside the folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise LoadAborted(f"{name} is outside {folder}. A source can only read files in its own folder.")
    return path


def _mapping(source: SourceDefinition) -> ModuleType:
    path = source.folder / MAPPING
    spec = spec_from_file_location(f"mapping of {source.id}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise LoadAborted(f"{source.folder} has no {MAPPING}. Every format except {TABLES} needs one.")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise LoadAborted(f"{path} cannot be loaded: {type(error).__name__}: {error}.") from error
    return module


def _function(mapping: ModuleType, source: SourceDefinition, stem: str) -> MapRow:
    name = stem.replace("-", "_")
    function = getattr(mapping, name, None)
    if not callable(function):
        raise LoadAborted(f"{source.folder / MAPPING} has no function {name} to map the rows of {stem}.")
    return function  # type: ignore[no-any-return]
