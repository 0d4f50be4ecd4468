"""The GraphQL inputs for filters and order, generated from the model."""

from typing import Any

import strawberry

from registry.database.query import OPERATORS
from registry.model.kinds import End, Kind, Link, Model, Property
from registry.model.values import Date, Flag, Id, Instant, Integer, Number, Texts
from schema.types import (
    CLOSED_LISTS,
    DAY,
    DIRECTION,
    PERIOD,
    PYTHON,
    add_input,
    camel,
    field_of,
    link_type,
    listing,
    new_class,
)

UNSEEN = "Values that you cannot see are unknown: neither a condition on them nor its negation is met."
QUANTIFIED = f"Conditions on linked records. {UNSEEN}"
QUANTIFIERS = {
    "some": "At least one linked record meets the conditions.",
    "none": "No linked record meets the conditions.",
    "every": "All linked records meet the conditions.",
}
OPERATOR_DOCS = {
    "eq": "Equal to the value; null: no value is recorded.",
    "ne": "Not equal to the value; null: a value is recorded.",
    "in": "Equal to one of the values.",
    "not_in": "Equal to none of the values.",
    "lt": "Less than the value.",
    "lte": "Less than or equal to the value.",
    "gt": "Greater than the value.",
    "gte": "Greater than or equal to the value.",
    "contains": "Contains the text, ignoring case.",
    "starts_with": "Starts with the text, ignoring case.",
    "ends_with": "Ends with the text, ignoring case.",
    "is_null": "Whether no value is recorded.",
    "has": "The list contains the value.",
}
WITHIN = "The record is one of these or narrower than one, through records that you can see."


class Inputs:
    """Builds `AgencyWhere`, `AgencyOrder` and so on for every kind, and one filter type for each type of value."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._filters: dict[str, Any] = {}
        self._link_filters: dict[str, Any] = {}
        self.wheres: dict[str, Any] = {kind.__name__: new_class(f"{kind.__name__}Where") for kind in model}
        self.orders: dict[str, Any] = {kind.__name__: _order(kind) for kind in model}
        for link in model.links():
            if link.properties:
                self._link_filters[link_type(link)] = _quantified(link_type(link), self._link_where(link))
        for kind in model:
            self._fill(kind)

    def _fill(self, kind: type[Kind]) -> None:
        where = self.wheres[kind.__name__]
        for name, declared in kind.properties.items():
            add_input(where, camel(name), self._filter(declared), declared.doc)
        for name, end in kind.ends.items():
            add_input(where, camel(name), self._link_filter(end), end.doc)
        if is_nested(kind):
            add_input(where, "within", listing(strawberry.ID), WITHIN)
        add_input(where, "and", listing(where), "All of these conditions are met.")
        add_input(where, "or", listing(where), "At least one of these conditions is met.")
        add_input(where, "not", where, "These conditions are not met.")
        strawberry.input(where, description=f"Conditions on {kind.plural}; all must be met. {UNSEEN}")

    def _link_where(self, link: Link) -> Any:
        where = new_class(f"{link_type(link)}Where")
        for name, declared in link.properties.items():
            add_input(where, camel(name), self._filter(declared), declared.doc)
        for kind in (link.start, link.end):
            add_input(where, field_of(kind), self.wheres[kind], f"Conditions on the {kind} at this end of the link.")
        if link.dated:
            add_input(
                where,
                "period",
                PERIOD,
                "The period of the links: by default CURRENT, or ALL if there is a condition on `since` or `until`.",
            )
            add_input(where, "asOf", DAY, "The day on which links are current; today by default.")
        return strawberry.input(where, description=f"Conditions on a link and its records; all must be met. {UNSEEN}")

    def _link_filter(self, end: End) -> Any:
        name = link_type(end.link) if end.link.properties else end.target
        if name not in self._link_filters:
            self._link_filters[name] = _quantified(name, self.wheres[end.target])
        return self._link_filters[name]

    def _filter(self, declared: Property) -> Any:
        name, operators, kind = _filter_of(declared)
        if name not in self._filters:
            made = new_class(name)
            for operator in operators:
                types = {"in": listing(kind), "not_in": listing(kind), "is_null": bool}
                add_input(made, camel(operator), types.get(operator, kind), OPERATOR_DOCS[operator])
            self._filters[name] = strawberry.input(made, description="Conditions on a value; all must be met.")
        return self._filters[name]


def is_nested(kind: type[Kind]) -> bool:
    """Return whether terms of a kind have broader terms, as areas do, so that a filter can select all within one."""
    return "broader" in kind.ends


def _filter_of(declared: Property) -> tuple[str, tuple[str, ...], Any]:
    """Return the name of a property's filter type, its operators, and the type of its operands."""
    if declared.codes in CLOSED_LISTS:
        return f"{declared.codes.title()}Filter", OPERATORS["enum"], CLOSED_LISTS[declared.codes]
    if issubclass(declared.value, Texts):
        return "TextsFilter", OPERATORS["list"], str
    if issubclass(declared.value, Id):
        return "IDFilter", OPERATORS["id"], strawberry.ID
    if declared.value is Flag:
        return "BoolFilter", OPERATORS["flag"], bool
    ordered = {Integer: "IntFilter", Number: "FloatFilter", Date: "DateFilter", Instant: "DateTimeFilter"}
    if declared.value in ordered:
        return ordered[declared.value], OPERATORS["ordered"], PYTHON[declared.value.scalar]
    return "TextFilter", OPERATORS["text"], str


def _order(kind: type[Kind]) -> Any:
    made = new_class(f"{kind.__name__}Order")
    for name, declared in kind.properties.items():
        if declared.value.ordered:
            add_input(made, camel(name), DIRECTION, declared.doc)
    return strawberry.input(made, one_of=True, description="A property to sort by, and the direction.")


def _quantified(name: str, where: Any) -> Any:
    made = new_class(f"{name}LinkFilter")
    for quantifier in ("some", "none", "every"):
        add_input(made, quantifier, where, QUANTIFIERS[quantifier])
    return strawberry.input(made, description=QUANTIFIED)
