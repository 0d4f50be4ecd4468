"""Answers as closures: each turns the lists of a row into the dict that the selection asked for."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

Shape = Callable[[Any], Any]
KIND = "__kind"


class Incomplete(Exception):
    """A value that the schema promises is missing; graphql-core then completes the answer and says where."""


def record(
    keys: Sequence[str],
    places: Sequence[int],
    *,
    details: tuple[int, int] | None = None,
    promised: int = 0,
    converted: Sequence[tuple[int, Shape]] = (),
    constants: Sequence[Any] = (),
) -> Shape:
    """Return the shape of a record.

    `details` is where the list of details stands in the row and how many they are: it is spread out, or nulls stand
    for it. The first `promised` values are never null. `constants` follow the row; `places` says where each key's
    value then is.
    """
    pick = _picker(places)
    at, width = details or (0, 0)
    hidden = [None] * width

    def shape(row: list[Any]) -> dict[str, Any]:
        if width:
            row[at : at + 1] = row[at] or hidden
        if promised and None in row[:promised]:
            raise Incomplete
        for place, convert in converted:
            row[place] = convert(row[place])
        row.extend(constants)
        return dict(zip(keys, pick(row), strict=True))

    return shape


def many(shape: Shape) -> Shape:
    """Return the shape of a list of records."""
    return lambda rows: [shape(row) for row in rows]


def first(shape: Shape) -> Shape:
    """Return the shape of the one record of a list, or of none."""
    return lambda rows: shape(rows[0]) if rows else None


def of_kinds(shapes: Mapping[str, Shape], *, marked: bool) -> Shape:
    """Return the shape of a record of any kind, its kind before it; `marked` tells graphql-core which kind it is."""
    if marked:
        return lambda row: {KIND: row[0], **shapes[row[0]](row[1])}
    return lambda row: shapes[row[0]](row[1])


def upper(code: str | None) -> str | None:
    """Return the name of an enum's value."""
    return code.upper() if code else None


def _picker(places: Sequence[int]) -> Callable[[list[Any]], Sequence[Any]]:
    if len(places) == 1:
        (only,) = places
        return lambda row: (row[only],)
    return itemgetter(*places) if places else lambda row: ()
