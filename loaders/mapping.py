"""The words that a source's `mapping.py` is written with: a row in, records and ties out."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from loaders.outcome import Level
from loaders.rows import Row

__all__ = [
    "GivenNone",
    "GivenRecord",
    "GivenTie",
    "MapRow",
    "Mapped",
    "Remark",
    "Row",
    "implied",
    "left_out",
    "no_tie",
    "noted",
    "record",
    "tie",
]


class GivenRecord(NamedTuple):
    """A record as a row gives it; `implied` when it is known only because other rows name it."""

    kind: str
    id: str
    properties: Mapping[str, Any]
    implied: bool = False


class GivenTie(NamedTuple):
    """A tie as a row gives it, from the record `here`, whose end it is, to the record `there`."""

    end: str
    here: str
    there: str
    properties: Mapping[str, Any]


class GivenNone(NamedTuple):
    """What a row says of a link where its record has no such tie."""

    end: str


class Remark(NamedTuple):
    """What the mapping has to say about a row: that it, or a part of it, is left out, or something to know."""

    level: Level
    code: str
    field: str
    value: object
    rule: str
    message: str


Mapped = GivenRecord | GivenTie | GivenNone | Remark
MapRow = Callable[[Row], Iterable[Mapped]]


def record(kind: str, record_id: str, /, **properties: Any) -> GivenRecord:
    """Give a record: `record("Agency", "x:1", name="Health Office", kind="department")`."""
    return GivenRecord(kind, record_id, properties)


def implied(kind: str, record_id: str, /, **properties: Any) -> GivenRecord:
    """Give a record that this row only names: it is written, with a warning, when no row of its own gives it."""
    return GivenRecord(kind, record_id, properties, implied=True)


def tie(end: str, here: str, there: str, /, **properties: Any) -> GivenTie:
    """Give a tie: `tie("Agency.uses", agency, resource, role="reuse")`; the end may be that of either kind."""
    return GivenTie(end, here, there, properties)


def no_tie(end: str, /) -> GivenNone:
    """Say that a record has no such tie: one that it had before is removed, also where no row gives any of the link."""
    return GivenNone(end)


def left_out(code: str, field: str, value: object, rule: str, message: str) -> Remark:
    """Say that the row, or what would be made of it, is left out."""
    return Remark("error", code, field, value, rule, message)


def noted(code: str, field: str, value: object, rule: str, message: str) -> Remark:
    """Say something about a row that is kept."""
    return Remark("warning", code, field, value, rule, message)
