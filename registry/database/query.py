"""Queries as immutable dataclasses, independent of GraphQL and Cypher: the records, conditions, sort order and page size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.database.driver import Cypher
from registry.model.kinds import End, Kind, Model
from registry.permissions import Actor, can_view_details, can_view_summary

OPERATORS = {
    "text": ("eq", "ne", "in", "not_in", "contains", "starts_with", "ends_with", "is_null"),
    "id": ("eq", "ne", "in", "not_in", "is_null"),
    "ordered": ("eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte", "is_null"),
    "flag": ("eq", "ne", "is_null"),
    "list": ("has", "is_null"),
    "enum": ("eq", "ne", "in", "not_in"),
}


LINK_ID = "id"


@dataclass(frozen=True)
class Parameter:
    """A value in a query. It is either fixed in the GraphQL document or read from the variables; `reading` converts it."""

    path: tuple[str | int, ...] = ()
    fixed: Any = field(default=None, hash=False)  # the value may be a list, which cannot be hashed
    reading: Callable[[Any], Any] | None = None

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Return the parameter's value, given the variables of the request."""
        found: Any = variables if self.path else self.fixed
        for step in self.path:
            found = found[step]
        return found if self.reading is None else self.reading(found)


@dataclass(frozen=True)
class ParameterList:
    """A list in a query. Each member is a fixed value or comes from a variable; `reading` converts the list."""

    parts: tuple[Parameter, ...]
    reading: Callable[[Any], Any] | None = None

    def value(self, variables: Mapping[str, Any]) -> Any:
        """Return the list of values, given the variables of the request."""
        found = [part.value(variables) for part in self.parts]
        return found if self.reading is None else self.reading(found)


@dataclass(frozen=True)
class Compare:
    """A condition that compares a property with a value; OPERATORS lists the possible comparisons."""

    property: str
    operator: str
    value: Parameter | ParameterList


@dataclass(frozen=True)
class CompareCount:
    """A condition that compares the number of records at the far end of a link, as `Compare` compares a property."""

    count: LinkCount
    operator: str
    value: Parameter | ParameterList


@dataclass(frozen=True)
class Within:
    """A condition that a record is one of the given records, or that one of them is above it in the hierarchy of its kind."""

    ids: Parameter | ParameterList


@dataclass(frozen=True)
class Runs:
    """A condition that a dated link or record is current on a day, ended before that day, or begins after it.

    A missing date means no limit.
    """

    period: str
    day: Parameter


@dataclass(frozen=True)
class EndCondition:
    """A condition on a link that the record at one of its ends, `far` or `near`, meets a condition."""

    side: str
    part: Condition


@dataclass(frozen=True)
class LinkCondition:
    """A condition that some, none or every linked record meets certain conditions.

    `among` restricts the far records that are considered, and `runs` the links. `far`, `near` and `edge` are the conditions on the
    far record, on the near record and on the link itself. `edge` may also combine conditions on the link and on its records.
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
    """A condition that holds if all its member conditions hold. Without members it always holds."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class AnyOf:
    """A condition that holds if at least one of its member conditions holds. Without members it never holds."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Not:
    """A condition that holds if its member condition does not hold."""

    part: Condition


Condition = Compare | CompareCount | Within | Runs | EndCondition | LinkCondition | AllOf | AnyOf | Not
NO_CONDITION = AllOf()


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """Return the conditions that an `AllOf` joins. Return any other condition as the only member of the result."""
    return condition.parts if isinstance(condition, AllOf) else (condition,)


def detail_kinds(condition: Condition, kind: type[Kind], model: Model) -> frozenset[str]:
    """Return the kinds whose details decide whether a record of a kind meets a condition."""
    match condition:
        case Compare():
            return frozenset() if kind.readable[condition.property].summary else frozenset({kind.__name__})
        case Runs():
            first, _last = kind.period() or ("", "")
            return frozenset() if kind.properties[first].summary else frozenset({kind.__name__})
        case CompareCount():
            end = kind.ends[condition.count.end]
            ends = frozenset[str]() if end.link.summary else frozenset({kind.__name__, end.target})
            return ends | detail_kinds(condition.count.where, model[end.target], model)
        case LinkCondition():
            end = kind.ends[condition.end]
            far = model[end.target]
            ends = frozenset[str]() if end.link.summary else frozenset({kind.__name__, end.target})
            of_far = (detail_kinds(one, far, model) for one in (condition.among, condition.far))
            of_link = link_detail_kinds(condition.edge, end, model)
            return ends.union(*of_far, of_link, detail_kinds(condition.near, kind, model))
        case AllOf() | AnyOf():
            return frozenset[str]().union(*(detail_kinds(part, kind, model) for part in condition.parts))
        case Not():
            return detail_kinds(condition.part, kind, model)
    return frozenset()


def link_detail_kinds(condition: Condition, end: End, model: Model) -> frozenset[str]:
    """Return the kinds whose details decide whether a link meets a condition."""
    match condition:
        case Compare() | Runs():
            name = condition.property if isinstance(condition, Compare) else "since"
            summary = end.link.properties[name].summary
            return frozenset() if summary else frozenset({end.kind, end.target})
        case EndCondition(side="far"):
            return detail_kinds(condition.part, model[end.target], model)
        case EndCondition():
            return detail_kinds(condition.part, model[end.kind], model)
        case AllOf() | AnyOf():
            return frozenset[str]().union(*(link_detail_kinds(part, end, model) for part in condition.parts))
        case Not():
            return link_detail_kinds(condition.part, end, model)
    return frozenset()


def has_partial(kind: type[Kind], actor: Actor) -> Cypher:
    """Return Cypher that reads whether the actor sees some records of a kind only as a summary."""
    hidden = f"{can_view_summary('n')} AND NOT {can_view_details('n')}"
    return Cypher(f"RETURN EXISTS {{ MATCH (n:{kind.__name__}) WHERE {hidden} }}", {"me": actor.parameter()})


def anchor(where: Condition) -> tuple[LinkCondition, Condition] | None:
    """Split off the first condition that names exactly one linked record by its id.

    Return that condition and the remaining conditions. Return None if no condition names exactly one linked record.
    """
    parts = parts_of(where)
    for place, part in enumerate(parts):
        if (
            isinstance(part, LinkCondition)
            and part.quantifier == "some"
            and not parts_of(part.near)
            and not parts_of(part.edge)
        ):
            far = parts_of(part.far)
            if len(far) == 1 and isinstance(far[0], Compare) and (far[0].property, far[0].operator) == ("id", "eq"):
                return part, AllOf(parts[:place] + parts[place + 1 :])
    return None


def category_condition(
    where: Condition, kind: type[Kind], model: Model
) -> tuple[LinkCondition, Compare, Condition] | None:
    """Split off the first condition that requires a linked record to have a certain value of a category property.

    Category properties are those declared with `Property.is_category`. Return the link condition, the comparison with the category,
    and the remaining conditions. Return None if no condition requires a category.
    """
    parts = parts_of(where)
    for place, part in enumerate(parts):
        if isinstance(part, LinkCondition) and part.quantifier == "some":
            properties = model[kind.ends[part.end].target].readable
            for far in parts_of(part.far):
                if isinstance(far, Compare) and far.operator in ("eq", "in") and properties[far.property].is_category:
                    return part, far, AllOf(parts[:place] + parts[place + 1 :])
    return None


@dataclass(frozen=True)
class Order:
    """A property or a number of links to sort by. Records without a value come last in both directions.

    A missing last day, such as `valid_until`, counts as later than all days. Records with equal values are sorted by id, in the same
    direction as the last sort property. Links are sorted by a property of the link itself or of one of its records: `of` is `edge`,
    `far` or `near`. `property` is the GraphQL name of a number of links.
    """

    property: str
    descending: bool
    of: str = field(default="far", repr=False)  # cursors depend on the representation
    count: LinkCount | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Select:
    """The properties, links, counts and references to read from one record, in this order. `withheld` is read like a property."""

    kind: str
    properties: tuple[str, ...]
    parts: tuple[Follow | LinkCount | LinkPage | Lookup, ...] = ()


@dataclass(frozen=True)
class Follow:
    """The records at the far end of a link, to read together with a record.

    `edge` names the properties of the link to read, and LINK_ID for what identifies the link. `far` and `near` are views of the
    records at its two ends. `where` is the condition on the far record, and `links` the condition on the link.
    """

    end: str
    edge: tuple[str, ...]
    far: tuple[Select, ...]
    near: tuple[Select, ...]
    where: Condition
    order: tuple[Order, ...]
    first: Parameter
    runs: Runs | None = None
    links: Condition = NO_CONDITION
    path: tuple[str, ...] = field(default=(), compare=False)  # where the list is in the response, for messages


@dataclass(frozen=True)
class LinkCount:
    """The number of records at the far end of a link, to read together with a record. `where` and `links` are as in `Follow`.

    If `each` is set, a record that has several links of this type counts once for each link.
    """

    end: str
    where: Condition
    runs: Runs | None = None
    links: Condition = NO_CONDITION
    each: bool = False


NO_ROWS = Parameter(fixed=0)  # the number of rows of a page of which only the total is selected


@dataclass(frozen=True)
class LinkPage:
    """A page of the records at the far end of a link, to read together with a record, and the number of records on all pages.

    `size` is the page size. `start` and `backward` are as in `Page`; the last sort keys are the id and, for keyed links, the key.
    """

    follow: Follow
    size: Parameter
    start: tuple[Parameter, ...]
    backward: bool
    total: LinkCount | None = None


@dataclass(frozen=True)
class Lookup:
    """The record that a property of type Ref refers to, to read together with the referring record."""

    property: str
    select: Select


@dataclass(frozen=True)
class ById:
    """A query for one record by id. If the record may be of any kind, the query has a separate view for each kind."""

    id: Parameter
    views: tuple[Select, ...]


@dataclass(frozen=True)
class ByIds:
    """A query for several records, given by their ids. `views` has the same meaning as in `ById`."""

    ids: Parameter | ParameterList
    views: tuple[Select, ...]


@dataclass(frozen=True)
class Explore:
    """A named exploration of the graph, such as paths or impact. It runs before the query that reads the records found."""

    name: str
    asked: tuple[tuple[str, Parameter | ParameterList], ...]


@dataclass(frozen=True)
class Page:
    """A query for a page of records of a kind, each in one or more views.

    `rows` is the number of rows to read. If the response states whether another page follows, `rows` is the page size plus one.
    `start` holds the sort keys after which the page begins; the last of them is the id.
    """

    kind: str
    views: tuple[Select, ...]
    where: Condition
    order: tuple[Order, ...]
    rows: Parameter
    start: tuple[Parameter, ...]
    backward: bool
    path: tuple[str, ...] = field(default=(), compare=False)  # as in `Follow`


@dataclass(frozen=True)
class Total:
    """A query for the number of records of a kind that meet a condition."""

    kind: str
    where: Condition


@dataclass(frozen=True)
class MostLinks:
    """A query for the largest number of links of one type that a record of a kind has, out of the links that the actor can see."""

    kind: str
    end: str


@dataclass(frozen=True)
class FacetQuery:
    """A query for the number of records for each value of a property, or for each vocabulary term at the far end of a link.

    If `rolled_up` is set, the records of narrower terms count for their broader terms too.
    """

    kind: str
    where: Condition
    field: str
    first: Parameter
    rolled_up: bool


Query = ById | ByIds | Page | Total | MostLinks | FacetQuery
