"""Build GraphQL responses from database rows with generated Python code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from schema.arguments import page_info, write_cursor

Source = str
Shape = Callable[[Source], Source]
Builder = Callable[[Any], Any]
KIND = "__kind"


class Incomplete(Exception):
    """A non-null value is missing. The caller then lets graphql-core build the response, which includes an error with the path."""


@dataclass(frozen=True)
class ResultRow:
    """The generated code for one row: the variables that its values are assigned to, and the expression for the result."""

    names: Source
    details: Source
    value: Source

    def many(self, rows: Source) -> Source:
        """Return the code for a list with the result of every row."""
        return f"[{self.value} for {self.names} in {rows}{self.details}]"

    def many_or_none(self, rows: Source) -> Source:
        """Return the code for a list with the result of every row. If the list of rows is null, the code returns None."""
        return f"(None if {rows} is None else {self.many(rows)})"

    def pieces(self, rows: Source) -> Source:
        """Return the code for a list with the result of every row as a JSON fragment.

        Each result is serialised at once, while its row is still in the CPU cache.
        """
        return f"[piece({self.value}) for {self.names} in {rows}{self.details}]"

    def only(self, row: Source) -> Source:
        """Return the code for the result of a single row."""
        return f"{self.many(f'[{row}]')}[0]"

    def first(self, rows: Source) -> Source:
        """Return the code for the result of the only row. If the query returned no row, the code returns None."""
        return f"({self.many(rows)} or [None])[0]"

    def first_or_none(self, rows: Source) -> Source:
        """Return the code for the result of the only row.

        If there is no row or the list of rows is null, the code returns None.
        """
        return f"(None if {rows} is None else {self.first(rows)})"


def record(
    keys: Mapping[str, int],
    width: int,
    *,
    details: tuple[int, int] = (0, 0),
    promised: int = 0,
    converted: Mapping[int, Shape] | None = None,
    type_name: str,
) -> ResultRow:
    """Return the code that builds a record. `keys` maps each response name to the position of its value.

    A row has `width` values; the position after the last value stands for the type name. `details` is the position and the length
    of the list of details. The code inserts the members of this list into the row; if the list is null, the code inserts nulls.
    `promised` says how many values at the start of the row must not be null.
    """
    at, hidden = details
    names = [f"v{place}" for place in range(width)]
    shaped = [(converted or {}).get(place, same)(name) for place, name in enumerate(names)] + [repr(type_name)]
    value = _dict(keys, shaped)
    if promised:
        value += f" if {' is not None and '.join(names[:promised])} is not None else missing()"
    if not hidden:
        return ResultRow(_listed(names), "", value)
    spread = f" for {_listed(names[at : at + hidden])} in [details or {[None] * hidden}]"
    return ResultRow(_listed([*names[:at], "details", *names[at + hidden :]]), spread, value)


def link(keys: Mapping[str, int], edge: int, behind: Sequence[ResultRow], *, type_name: str) -> ResultRow:
    """Return the code that builds a link. `keys` maps each response name to the position of its value.

    A row begins with the `edge` properties of the link. Then follow the linked records in `behind`, and last the type name. If a row
    would have a record as its only value, the row is the record itself.
    """
    if len(behind) > 1:
        converted = {edge + place: row.only for place, row in enumerate(behind)}
        return record(keys, edge + len(behind), converted=converted, type_name=type_name)
    names = [f"e{place}" for place in range(edge)]
    value = _dict(keys, [*names, *(row.value for row in behind), repr(type_name)])
    listed = _listed([*names, *(row.names for row in behind)])
    return ResultRow(listed if names or not behind else behind[0].names, "".join(row.details for row in behind), value)


def unless_null(shape: Shape) -> Shape:
    """Return the code that returns None for a null value, and otherwise the result of other code."""
    return lambda value: f"(None if {value} is None else {shape(value)})"


def object_code(fields: Mapping[str, Source]) -> Source:
    """Return the code of an object, given the code of each field by response name."""
    return "{" + ", ".join(f"{key!r}: {field}" for key, field in fields.items()) + "}"


def link_page(fields: Mapping[str, Source], fingerprint: str, *, backward: bool, from_cursor: bool) -> Shape:
    """Return the code that builds a page of linked records from `[rows, size, total]`.

    The code of the fields may use the variables `page` (the rows of the page), `info` (the fields of `pageInfo`) and `total`.
    """
    value = object_code(fields)
    paged = f"paged(rows, size, {fingerprint!r}, {backward}, {from_cursor})"
    return lambda found: f"[{value} for rows, size, total in [{found}] for page, info in [{paged}]][0]"


def _paged(rows: list[Any], size: int, fingerprint: str, backward: bool, from_cursor: bool) -> tuple[list[Any], Any]:
    """Return the rows of a page in order, and the fields of its `pageInfo`. A row ends with its sort keys."""
    page = rows[:size][::-1] if backward else rows[:size]
    more = len(rows) > size
    keys = [row[-1] for row in page]
    return page, page_info(fingerprint, keys, more, backward=backward, from_cursor=from_cursor)


def piece(value: Any) -> orjson.Fragment:
    """Return a value, serialised as a JSON fragment."""
    return orjson.Fragment(orjson.dumps(value))


def same(value: Source) -> Source:
    """Return the code of a value unchanged, because the value needs no conversion."""
    return value


def upper(code: Source) -> Source:
    """Return the code that converts a stored code to the name of its enum value."""
    return f"({code} and {code}.upper())"


def of_kinds(rows: Mapping[str, ResultRow], *, with_kind: bool) -> Builder:
    """Return the function that builds a record of any kind from `[kind, values]`.

    If `with_kind` is set, the result also contains the kind. graphql-core determines the type from the kind.
    """
    builders = {kind: compiled(row.only) for kind, row in rows.items()}
    if with_kind:
        return lambda row: {KIND: row[0], **builders[row[0]](row[1])}
    return lambda row: builders[row[0]](row[1])


def compiled(shape: Shape) -> Builder:
    """Compile generated code to a function that takes the rows."""
    builder: Builder = eval(f"lambda rows: {shape('rows')}", _FUNCTIONS)  # nosec B307 # generated from names of the schema only
    return builder


def _dict(keys: Mapping[str, int], values: Sequence[Source]) -> Source:
    return object_code({key: values[place] for key, place in keys.items()})


def _listed(names: Sequence[Source]) -> Source:
    return f"[{', '.join(names)}]"


def _missing() -> None:
    raise Incomplete


_FUNCTIONS = {"missing": _missing, "piece": piece, "paged": _paged, "write_cursor": write_cursor}
