"""Queries as frozen data: records, conditions, order and page size, without GraphQL or Cypher."""

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
    """A value of the question: fixed in the document, or found in the variables by a path."""

    path: tuple[str | int, ...] = ()
    fixed: Any = field(default=None, hash=False)  # it may be a list
    reading: Callable[[Any], Any] | None = None

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Return the value in these variables."""
        found: Any = variables if self.path else self.fixed
        for step in self.path:
            found = found[step]
        return found if self.reading is None else self.reading(found)


@dataclass(frozen=True)
class ParameterList:
    """A list of the question whose members are found in different places."""

    parts: tuple[Parameter, ...]

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Return the list in these variables."""
        return [part.value(variables) for part in self.parts]


@dataclass(frozen=True)
class Compare:
    """A property against a value, with one of OPERATORS."""

    property: str
    operator: str
    value: Parameter | ParameterList


@dataclass(frozen=True)
class Within:
    """A term is one of these, by their ids, or a part of one."""

    ids: Parameter | ParameterList


@dataclass(frozen=True)
class Runs:
    """A dated link is current on a day, has ended before it, or is upcoming; unknown days exclude nothing."""

    period: str
    day: Parameter


@dataclass(frozen=True)
class LinkCondition:
    """Some, none or every record at the far end of a link, among those that count, meets conditions.

    Conditions may be on the far record, on the near one again, and on the link itself; `runs` says which links count.
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
    """Every part holds; without parts it always does."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class AnyOf:
    """At least one part holds; without parts it never does."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = Compare | Within | LinkCondition | AllOf | AnyOf | Not
NO_CONDITION = AllOf()


@dataclass(frozen=True)
class Order:
    """A property to sort by; records without a value come last, or first when descending.

    Equals are sorted by id, in the direction of the last property.
    """

    property: str
    descending: bool


@dataclass(frozen=True)
class Select:
    """What is wanted of one record: properties, then parts, in this order. `withheld` counts as a property."""

    kind: str
    properties: tuple[str, ...]
    parts: tuple[Follow | LinkCount | Lookup, ...] = ()


@dataclass(frozen=True)
class Follow:
    """The records at the far end of a link; where it has properties, those, and any number of views of both records."""

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
    """How many records are at the far end of a link."""

    end: str
    where: Condition
    runs: Runs | None = None


@dataclass(frozen=True)
class Lookup:
    """The record that a property of type Ref names."""

    property: str
    select: Select


@dataclass(frozen=True)
class ById:
    """One record of a kind, or of any: then there is a view for each kind."""

    id: Parameter
    views: tuple[Select, ...]


@dataclass(frozen=True)
class ByIds:
    """The records with these ids, of a kind or of any."""

    ids: Parameter
    views: tuple[Select, ...]


@dataclass(frozen=True)
class Explore:
    """A question that is more than a list, by its name; what it finds is known before the records in it are read."""

    name: str
    asked: tuple[tuple[str, Parameter | ParameterList], ...]


@dataclass(frozen=True)
class Page:
    """A page of records of a kind, each in one or more views.

    `rows` is how many to read, one more than the page shows where that tells something; `start` the keys it begins
    behind, the id last.
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
    """How many records of a kind meet a condition."""

    kind: str
    where: Condition


@dataclass(frozen=True)
class FacetQuery:
    """How many records there are by a property's values, or by the terms at the far end of a link.

    Rolled up, a term counts what its parts have, too.
    """

    kind: str
    where: Condition
    field: str
    first: Parameter
    rolled_up: bool = False


Query = ById | ByIds | Page | Total | FacetQuery
