"""Queries as frozen data: records, conditions, order and page size, independent of GraphQL and Cypher."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

OPERATORS = {
    "text": ("eq", "ne", "in", "not_in", "contains", "starts_with", "ends_with", "is_null"),
    "id": ("eq", "ne", "in", "not_in", "is_null"),
    "ordered": ("eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte", "is_null"),
    "flag": ("eq", "ne", "is_null"),
    "list": ("has", "is_null"),
    "enum": ("eq", "ne", "in", "not_in"),
}


@dataclass(frozen=True)
class Parameter:
    """A value in a query: fixed in the document, or looked up in the variables by a path. `reading` converts it."""

    path: tuple[str | int, ...] = ()
    fixed: Any = field(default=None, hash=False)  # it may be a list
    reading: Callable[[Any], Any] | None = None

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Return the value for these variables."""
        found: Any = variables if self.path else self.fixed
        for step in self.path:
            found = found[step]
        return found if self.reading is None else self.reading(found)


@dataclass(frozen=True)
class ParameterList:
    """A list in a query whose members come from different places."""

    parts: tuple[Parameter, ...]

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Return the list for these variables."""
        return [part.value(variables) for part in self.parts]


@dataclass(frozen=True)
class Compare:
    """A condition that compares a property with a value, by one of OPERATORS."""

    property: str
    operator: str
    value: Parameter | ParameterList


@dataclass(frozen=True)
class Within:
    """A condition that a term has one of these ids, or is a narrower term of one."""

    ids: Parameter | ParameterList


@dataclass(frozen=True)
class Runs:
    """A condition that a dated link is current on a day, ended before it, or upcoming. Unknown dates exclude nothing."""

    period: str
    day: Parameter


@dataclass(frozen=True)
class LinkCondition:
    """A condition that some, none or every record at the far end of a link meets conditions.

    `among` and `runs` restrict which far records and which links are considered. `far`, `near` and `edge` are the conditions on
    the far record, on the near record and on the link itself.
    """

    end: str
    quantifier: str
    among: Condition
    far: Condition
    near: Condition
    edge: Condition
    runs: Runs | None = None


@dataclass(frozen=True)
class AllOf:
    """A condition that holds when every part holds. Without parts it always holds."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class AnyOf:
    """A condition that holds when at least one part holds. Without parts it never holds."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Not:
    """A condition that holds when the part does not."""

    part: Condition


Condition = Compare | Within | LinkCondition | AllOf | AnyOf | Not
NO_CONDITION = AllOf()


@dataclass(frozen=True)
class Order:
    """A property to sort by. Records without a value come last, or first when descending.

    Records with equal values are sorted by id, in the direction of the last property.
    """

    property: str
    descending: bool


@dataclass(frozen=True)
class Select:
    """What to read of one record: properties, then parts, in this order. `withheld` counts as a property."""

    kind: str
    properties: tuple[str, ...]
    parts: tuple[Follow | LinkCount | Lookup, ...] = ()


@dataclass(frozen=True)
class Follow:
    """The records at the far end of a link.

    `edge` names the properties of the link to read; `far` and `near` are views of the records at its two ends.
    """

    end: str
    edge: tuple[str, ...]
    far: tuple[Select, ...]
    near: tuple[Select, ...]
    where: Condition
    order: tuple[Order, ...]
    first: Parameter
    runs: Runs | None = None


@dataclass(frozen=True)
class LinkCount:
    """The number of records at the far end of a link."""

    end: str
    where: Condition
    runs: Runs | None = None


@dataclass(frozen=True)
class Lookup:
    """The record that a property of type Ref refers to."""

    property: str
    select: Select


@dataclass(frozen=True)
class ById:
    """One record by id: of one kind, or of any kind, with one view for each kind."""

    id: Parameter
    views: tuple[Select, ...]


@dataclass(frozen=True)
class ByIds:
    """The records with these ids; `views` as in `ById`."""

    ids: Parameter
    views: tuple[Select, ...]


@dataclass(frozen=True)
class Explore:
    """An exploration, such as paths or impact, by name. It runs before the records that it finds are read."""

    name: str
    asked: tuple[tuple[str, Parameter | ParameterList], ...]


@dataclass(frozen=True)
class Page:
    """A page of records of a kind, each in one or more views.

    `rows` is the number of rows to read: one more than the page size where the answer says whether another page follows.
    `start` holds the sort keys after which the page begins, the id last.
    """

    kind: str
    views: tuple[Select, ...]
    where: Condition
    order: tuple[Order, ...]
    rows: Parameter
    start: tuple[Parameter, ...]
    backward: bool


@dataclass(frozen=True)
class Total:
    """The number of records of a kind that meet a condition."""

    kind: str
    where: Condition


@dataclass(frozen=True)
class FacetQuery:
    """The number of records for each value of a property, or for each term at the far end of a link.

    With `rolled_up`, a term also counts the records of its narrower terms.
    """

    kind: str
    where: Condition
    field: str
    first: Parameter
    rolled_up: bool = False


Query = ById | ByIds | Page | Total | FacetQuery
