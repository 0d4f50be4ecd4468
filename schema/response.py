"""Build responses from rows with generated code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

Source = str
Shape = Callable[[Source], Source]
Made = Callable[[Any], Any]
KIND = "__kind"


class OutputMode(Enum):
    """What an answer is made into."""

    JSON = auto()  # its records are JSON already, for who sends them on
    VALUES = auto()
    LOOSE = auto()  # values whose enums, and what the schema promises of them, are left to graphql-core

    @property
    def strict(self) -> bool:
        """Tell whether shapes see to what the schema promises."""
        return self is not OutputMode.LOOSE


class Incomplete(Exception):
    """A value that the schema promises is missing; graphql-core then completes the answer and says where."""


@dataclass(frozen=True)
class ResultRow:
    """The shape of a row: the names that its values get, and the expression that is made of them."""

    names: Source
    details: Source
    value: Source

    def many(self, rows: Source) -> Source:
        """Return the list of what all rows become."""
        return f"[{self.value} for {self.names} in {rows}{self.details}]"

    def many_or_none(self, rows: Source) -> Source:
        """Return the list of what all rows become, or None where there is no list."""
        return f"(None if {rows} is None else {self.many(rows)})"

    def pieces(self, rows: Source) -> Source:
        """Return the list of what all rows become as JSON, each written while the processor still has it at hand."""
        return f"[piece({self.value}) for {self.names} in {rows}{self.details}]"

    def only(self, row: Source) -> Source:
        """Return what one row becomes."""
        return f"{self.many(f'[{row}]')}[0]"

    def first(self, rows: Source) -> Source:
        """Return what the only row becomes, or None where there is none."""
        return f"({self.many(rows)} or [None])[0]"

    def first_or_none(self, rows: Source) -> Source:
        """Return what the only row becomes, or None where there is none or no list of rows."""
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
    """Return the shape of a record: for each key the place of its value among `width` values, or its type behind them.

    `details` is where the list of details stands and how many they are: it is spread out, or nulls stand for it. The
    first `promised` values are never null.
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
    """Return the shape of a link: for each key the place of its value, or its type behind them.

    The values are `edge` properties, then the records `behind`. Where there is nothing but one record, it is the row.
    """
    if len(behind) > 1:
        converted = {edge + place: row.only for place, row in enumerate(behind)}
        return record(keys, edge + len(behind), converted=converted, type_name=type_name)
    names = [f"e{place}" for place in range(edge)]
    value = _dict(keys, [*names, *(row.value for row in behind), repr(type_name)])
    listed = _listed([*names, *(row.names for row in behind)])
    return ResultRow(listed if names or not behind else behind[0].names, "".join(row.details for row in behind), value)


def piece(value: Any) -> orjson.Fragment:
    """Return a value as it stands in the JSON of an answer."""
    return orjson.Fragment(orjson.dumps(value))


def same(value: Source) -> Source:
    """Leave a value as it is."""
    return value


def upper(code: Source) -> Source:
    """Return the name of an enum's value."""
    return f"({code} and {code}.upper())"


def of_kinds(rows: Mapping[str, ResultRow], *, marked: bool) -> Made:
    """Return what makes a record of any kind, its kind before it; `marked` tells graphql-core which kind it is."""
    made = {kind: compiled(row.only) for kind, row in rows.items()}
    if marked:
        return lambda row: {KIND: row[0], **made[row[0]](row[1])}
    return lambda row: made[row[0]](row[1])


def compiled(shape: Shape) -> Made:
    """Return the function that makes the value of what it is given."""
    made: Made = eval(f"lambda rows: {shape('rows')}", {"missing": _missing, "piece": piece})  # nosec B307 # text that `shape` makes of our own names
    return made


def _dict(keys: Mapping[str, int], values: Sequence[Source]) -> Source:
    return "{" + ", ".join(f"{key!r}: {values[place]}" for key, place in keys.items()) + "}"


def _listed(names: Sequence[Source]) -> Source:
    return f"[{', '.join(names)}]"


def _missing() -> None:
    raise Incomplete
