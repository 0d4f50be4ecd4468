"""The inputs `where` and `order` as conditions and orders of a plan."""

from collections.abc import Mapping
from typing import Any

from registry.clock import today
from registry.modelling import End, Kind, Model, Property
from registry.plan import NOTHING_ASKED, AllOf, AnyOf, Compare, Condition, Given, Linked, Not, Order, Runs, Within
from registry.records import fold
from registry.values import Number
from schema.names import camel, field_of
from schema.refusal import Refused

_OPERATORS = {camel(name): name for name in (
    "eq", "ne", "in", "not_in", "lt", "lte", "gt", "gte", "contains", "starts_with", "ends_with", "is_null", "has",
)}  # fmt: skip


def listed(model: Model, kind: str, where: Mapping[str, Any] | None) -> Condition:
    """Return the conditions of a list: retired records are left out unless `where` speaks of the status."""
    among, asked = _among(where), condition(model, kind, where)
    return asked if among == NOTHING_ASKED else AllOf((among, *(asked.parts if isinstance(asked, AllOf) else (asked,))))


def condition(model: Model, kind: str, where: Mapping[str, Any] | None) -> Condition:
    """Return the conditions of a `where` on a kind, in the order of their names."""
    parts = tuple(
        _part(model, model[kind], name, asked) for name, asked in sorted((where or {}).items()) if asked is not None
    )
    return _all(parts)


def runs(end: End, period: Given, day: Given | None) -> Runs | None:
    """Return which links of an end count: of dated ones those of a period by a day, today if none is given."""
    if not end.link.dated or period.fixed == "all":
        return None
    day = day or Given()
    return Runs(period.fixed, Given(day.path, day.fixed, _or_today))


def _or_today(day: Any) -> Any:
    return day or today()


def orders(model: Model, kind: str, order: list[Mapping[str, Any]] | None) -> tuple[Order, ...]:
    """Return the properties to sort by; what sorts by `id` needs nothing after it."""
    names = _names(model[kind])
    found = [Order(names[name], direction.fixed == "desc") for one in order or [] for name, direction in one.items()]
    return tuple(found)


def _part(model: Model, kind: type[Kind], name: str, asked: Any) -> Condition:
    if name in ("and", "or"):
        parts = tuple(condition(model, kind.__name__, one) for one in asked)
        return AllOf(parts) if name == "and" else AnyOf(parts)
    if name == "not":
        return Not(condition(model, kind.__name__, asked))
    if name == "within":
        return Within(asked)
    own = _names(kind)[name]
    if own in kind.properties:
        return _compared(kind.properties[own], asked)
    return _all(
        tuple(_linked(model, kind.ends[own], how, one) for how, one in sorted(asked.items()) if one is not None)
    )


def _linked(model: Model, end: End, quantifier: str, asked: Mapping[str, Any]) -> Condition:
    if not end.link.properties:
        plain = condition(model, end.target, asked)
        return Linked(end.name, quantifier, _among(asked), plain, NOTHING_ASKED, NOTHING_ASKED)
    far, near = asked.get(field_of(end.target)), asked.get(field_of(end.kind))
    compared = (
        _compared(declared, asked[camel(name)])
        for name, declared in sorted(end.link.properties.items())
        if asked.get(camel(name)) is not None
    )
    period = asked.get("period") or Given(fixed="all" if asked.get("since") or asked.get("until") else "current")
    counted = runs(end, period, asked.get("asOf"))
    conditions = condition(model, end.target, far), condition(model, end.kind, near), AllOf(tuple(compared))
    return Linked(end.name, quantifier, _among(far), *conditions, counted)


def _compared(declared: Property, asked: Mapping[str, Any]) -> Condition:
    return _all(tuple(_compare(declared, _OPERATORS[name], value) for name, value in sorted(asked.items())))


def _compare(declared: Property, operator: str, value: Given | None) -> Condition:
    if value is None and operator in ("eq", "ne"):
        return Compare(declared.name, "is_null", Given(fixed=operator == "eq"))
    if value is None:
        raise Refused("BAD_REQUEST", f"{camel(declared.name)}.{camel(operator)} cannot be null.")
    if operator in ("contains", "starts_with", "ends_with"):
        value = Given(value.path, value.fixed, fold if declared.name == "name" else str.lower)
    if issubclass(declared.value, Number) and isinstance(value, Given):
        value = Given(value.path, value.fixed, _floats)
    return Compare(declared.name, operator, value)


def _floats(value: Any) -> Any:
    """Send fractional numbers as fractional, so that both engines compare like with like."""
    if isinstance(value, bool):
        return value
    return [float(one) for one in value] if isinstance(value, list) else float(value)


def _all(parts: tuple[Condition, ...]) -> Condition:
    return parts[0] if len(parts) == 1 else AllOf(parts)


def _among(where: Mapping[str, Any] | None) -> Condition:
    """Return which records count at all: not the retired ones, unless `where` speaks of the status."""
    return NOTHING_ASKED if _speaks_of_status(where) else Compare("status", "ne", Given(fixed="retired"))


def _speaks_of_status(where: Any) -> bool:
    if not where:
        return False
    nested = [where.get("not"), *(where.get("and") or []), *(where.get("or") or [])]
    return where.get("status") is not None or any(_speaks_of_status(one) for one in nested)


def _names(kind: type[Kind]) -> dict[str, str]:
    return {camel(name): name for name in (*kind.properties, *kind.ends)}
