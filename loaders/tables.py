"""The format `tables`, which follows from the model alone: a table for each kind, and for each link with properties.

- `agencies`: a column for each property and for each link without properties, its ids separated by semicolons
- `services.providers`: the columns `service` and `agency`, and one for each property of the link
"""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from loaders.mapping import Mapped, MapRow, Row, no_tie, record, tie
from loaders.outcome import Refused
from loaders.rows import Table
from registry.model import MODEL
from registry.modelling import End, Kind, Property, snake
from registry.records import DEFAULTS
from registry.words import _


@cache
def table_names() -> dict[str, tuple[type[Kind], End | None]]:
    """Return every table there may be, by name: the kind it is of, and for a table of ties the link's end."""
    names: dict[str, tuple[type[Kind], End | None]] = {}
    for kind in MODEL:
        if not kind.kept_by_us:
            names[kind.plural] = (kind, None)
            names.update({f"{kind.plural}.{end.name}": (kind, end) for end in declared(kind) if end.link.properties})
    return names


def declared(kind: type[Kind]) -> list[End]:
    """Return the ends that the kind declares, in the model's order."""
    return [end for end in kind.ends.values() if end.declared]


def columns_of(name: str) -> dict[str, Property | End | None]:
    """Return the columns of a table: a property, a link whose ids it holds, or None for an end of the table's ties."""
    kind, end = table_names()[name]
    if end:
        return {snake(kind.__name__): None, snake(end.target): None, **end.link.properties}
    given = {name: one for name, one in kind.properties.items() if not one.kept_by_us}
    return {**given, **{one.name: one for one in declared(kind) if not one.link.properties}}


def required_in(name: str) -> list[str]:
    """Return the columns that a table must have."""
    kind, _ = table_names()[name]
    return [
        column
        for column, one in columns_of(name).items()
        if one is None or (isinstance(one, Property) and one.required and not _filled_in(kind, column))
    ]


def map_table(table: Table) -> MapRow:
    """Return the function that maps the rows of a table. Raises Refused on a table or column the model lacks."""
    if table.name not in table_names():
        sentence = _("{file}: there is no table {name} in the model{near}")
        near = _near(table.name, table_names())
        raise Refused(sentence.format(file=table.file, name=repr(table.name), near=near))
    if table.columns is not None:
        _check_columns(table, table.columns)
    kind, end = table_names()[table.name]
    return _tie_mapper(kind, end) if end else _record_mapper(kind)


def _record_mapper(kind: type[Kind]) -> MapRow:
    links = {end.name: f"{kind.__name__}.{end.name}" for end in declared(kind) if not end.link.properties}

    def records(row: Row) -> Iterator[Mapped]:
        yield record(kind.__name__, row["id"], **{name: value for name, value in row.items() if name not in links})
        for name, end in links.items():
            if name in row:
                ids = _ids(row[name])
                yield from (tie(end, row["id"], there) for there in ids) if ids else [no_tie(end)]

    return records


def _tie_mapper(kind: type[Kind], end: End) -> MapRow:
    here, there = snake(kind.__name__), snake(end.target)

    def ties(row: Row) -> Iterator[Mapped]:
        properties = {name: value for name, value in row.items() if name not in (here, there)}
        yield tie(f"{kind.__name__}.{end.name}", row[here], row[there], **properties)

    return ties


def _ids(cell: Any) -> list[Any]:
    """Return the ids in a cell, each once; what is no text is left as it is, and is no id."""
    parts = cell if isinstance(cell, list) else cell.split(";") if isinstance(cell, str) else [cell]
    given = [part.strip() if isinstance(part, str) else part for part in parts]
    once = {part if isinstance(part, str) else repr(part): part for part in given if part not in ("", None)}
    return list(once.values())


def _check_columns(table: Table, columns: Sequence[str]) -> None:
    known = columns_of(table.name)
    for column in columns:
        if column not in known:
            sentence = _("{file}: the table has no column {column} in the model{near}")
            raise Refused(sentence.format(file=table.file, column=repr(column), near=_near(column, known)))
    for column in required_in(table.name):
        if column not in columns:
            sentence = _("{file} lacks the column {column}; it has {columns}.")
            raise Refused(sentence.format(file=table.file, column=repr(column), columns=", ".join(columns)))


def _filled_in(kind: type[Kind], column: str) -> bool:
    return column in DEFAULTS or (column == "name" and not kind.named)


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    if near:
        return _("; did you mean {name}?").format(name=near[0])
    return _("; there are {names}.").format(names=", ".join(known))
