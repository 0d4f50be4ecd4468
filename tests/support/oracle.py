"""The oracle: answers operations from Python dicts, with graphql-core alone. It shares no line with the planner.

It takes the printed schema, and resolves every field the plain way, record by record.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLResolveInfo, build_schema, graphql_sync

from registry.clock import today
from registry.i18n import language
from registry.model.codelists import code_list
from registry.model.kinds import End, Model
from registry.model.records import Record, Relationship, fold
from registry.model.values import Number
from registry.permissions import Actor
from schema.types import camel, field_of


@dataclass
class World:
    """All records and ties there are, and when they were made."""

    model: Model
    made: str = "2026-11-25T00:00:00.000Z"
    source: str = "world"
    records: list[Record] = field(default_factory=list)
    ties: list[Relationship] = field(default_factory=list)


class Oracle:
    """Answers operations on a world as one actor sees it."""

    def __init__(self, world: World, sdl: str, actor: Actor) -> None:
        self._model, self._actor = world.model, actor
        self._schema = build_schema(sdl)
        kept = {"source": world.source, "created": world.made, "updated": world.made, "version": 1}
        self._records = {
            record.id: {**record.values, **kept, "__kind": record.kind.__name__} for record in world.records
        }
        self._ties = world.ties
        self._partial = {
            one["__kind"]
            for one in self._records.values()
            if may_see(actor, one) and not may_see_all(actor, one) and not self._model[one["__kind"]].read_only
        }
        self._singles = {field_of(kind): kind.__name__ for kind in self._model}
        self._lists = {camel(kind.plural): kind.__name__ for kind in self._model}

    def answer(self, operation: str, variables: Mapping[str, Any]) -> Any:
        """Return the data of an operation; it must have no error."""
        result = graphql_sync(
            self._schema, operation, variable_values=dict(variables), field_resolver=self._resolve
        )  # fmt: skip
        assert not result.errors, (result.errors, operation, variables)
        return result.data

    def most_links(self, kind: str, end: End) -> int:
        """Return the largest number of links that the actor may see at this end of a record."""
        seen = (one for one in self._records.values() if one["__kind"] == kind and may_see(self._actor, one))
        return max((len(self._far(one, end)) for one in seen), default=0)

    def _resolve(self, source: Any, info: GraphQLResolveInfo, **asked: Any) -> Any:
        name = info.field_name
        if info.parent_type.name == "Query":
            return self._one(asked["id"]) if name in self._singles else self._connection(self._lists[name], asked)
        if "__kind" in source:
            return self._of_record(source, name, asked)
        value = source[name]
        return value(**asked) if callable(value) else value

    def _one(self, record_id: str) -> Any:
        record = self._records.get(record_id)
        return record if record and may_see(self._actor, record) else None

    def _of_record(self, record: Any, name: str, asked: Mapping[str, Any]) -> Any:
        kind = self._model[record["__kind"]]
        if name == "withheld":
            return not may_see_all(self._actor, record)
        for property_name, declared in kind.readable.items():
            if name == camel(property_name):
                if declared.refers_to:
                    found = self._one(record[property_name] or "")
                    return found if found and found["__kind"] == declared.refers_to else None
                value = self._shown(record, property_name)
                return value.upper() if property_name in ("access", "status") else value
        for end in kind.ends.values():
            if name == camel(end.name):
                return self._linked(record, end, asked)
            if name == f"{camel(end.name)}Count":
                return self._count(record, end, asked)
            if name == f"{camel(end.name)}Connection":
                return self._link_page(record, end, asked) if self._tells(record, end) else None
        raise AssertionError(name)

    def _shown(self, record: Any, name: str) -> Any:
        summary = self._model[record["__kind"]].readable[name].summary
        return _value(record, name) if summary or may_see_all(self._actor, record) else None

    def _count(self, record: Any, end: End, asked: Mapping[str, Any]) -> int | None:
        if not self._tells(record, end):
            return None
        count = len(self._asked_links(record, end, asked))
        return None if not count and self._may_hide(end, asked.get("where")) else count

    def _asked_links(self, record: Any, end: End, asked: Mapping[str, Any]) -> list[tuple[Mapping[str, object], Any]]:
        """Return the edge and the far record of every link that a list or a count with these arguments holds."""
        found, where = self._far(record, end), asked.get("where") or {}
        if not end.link.properties:
            return [(edge, far) for edge, far in found if self._listed(far, where)]
        where = {**where, **{name: asked[name] for name in ("period", "asOf") if asked.get(name)}}
        return [
            (edge, far)
            for edge, far in found
            if _counts(end, edge, far, where) and self._meets_link(record, end, edge, far, where) is True
        ]

    def _tells(self, record: Any, end: End) -> bool:
        """Tell whether the actor may see the links of a record; otherwise they are unknown."""
        return end.link.summary or may_see_all(self._actor, record)

    def _may_hide(self, end: End, where: Any) -> bool:
        """Tell whether links that are details may be hidden since the actor sees no more than the summary of some records."""
        return not end.link.summary and not self._partial.isdisjoint({end.target, *self._details_of_link(end, where)})

    def _details(self, kind: str, where: Any) -> set[str]:
        """Return the kinds whose details decide on a condition."""
        found: set[str] = set()
        for name, asked in (where or {}).items():
            if name in ("and", "or", "not"):
                found.update(*(self._details(kind, one) for one in (asked if isinstance(asked, list) else [asked])))
            for declared in self._model[kind].readable.values():
                if name == camel(declared.name) and not declared.summary:
                    found.add(kind)
            first, _last = self._model[kind].period() or ("id", "")
            if (
                name in ("period", "asOf")
                and where.get("period") != "ALL"
                and not self._model[kind].properties[first].summary
            ):
                found.add(kind)
            for end in self._model[kind].ends.values():
                if name == f"{camel(end.name)}Count" and asked and not end.link.summary:
                    found |= {kind, end.target}
                if name == camel(end.name):
                    found |= set() if end.link.summary else {kind, end.target}
                    for one in (asked or {}).values():
                        found |= self._details_of_link(end, one)
        return found

    def _details_of_link(self, end: End, where: Any) -> set[str]:
        if not end.link.properties:
            return self._details(end.target, where)
        where = where or {}
        sides = {field_of(end.target): end.target, field_of(end.kind): end.kind}
        hidden = {camel(name) for name, one in end.link.properties.items() if not one.summary} & where.keys()
        inner = list(_joined(where))[1:]
        hidden |= {name for one in inner if one.get("period") != "ALL" for name in ("period", "asOf") if one.get(name)}
        hidden |= {
            camel(name)
            for name, one in end.link.properties.items()
            if not one.summary
            for each in inner
            if camel(name) in each
        }
        far = (self._details(kind, one.get(side)) for side, kind in sides.items() for one in _joined(where))
        return ({end.kind, end.target} if hidden else set()).union(*far)

    def _linked(self, record: Any, end: End, asked: Mapping[str, Any]) -> Any:
        if not self._tells(record, end):
            return None
        found = self._in_order(record, end, asked)
        found = found[: 1 if end.single else asked["first"]]
        if not found and self._may_hide(end, asked.get("where")):
            return None
        if end.link.properties:
            sides = [
                {
                    **{camel(key): value for key, value in edge.items()},
                    field_of(end.target): far,
                    field_of(end.kind): record,
                }
                for edge, far in found
            ]
        else:
            sides = [far for _, far in found]
        return (sides[0] if sides else None) if end.single else sides

    def _link_page(self, record: Any, end: End, asked: Mapping[str, Any]) -> Any:
        found = self._in_order(record, end, asked)
        page, info = _cut(found, asked)
        if not page and self._may_hide(end, asked.get("where")):
            return None
        edges = [{**{camel(name): value for name, value in edge.items()}, "node": far} for edge, far in page]
        return {
            "totalCount": len(found),
            "nodes": [far for _, far in page],
            "edges": edges if end.link.properties else [{"node": far} for _, far in page],
            "pageInfo": info,
        }

    def _in_order(self, record: Any, end: End, asked: Mapping[str, Any]) -> list[tuple[Mapping[str, object], Any]]:
        found = self._asked_links(record, end, asked)
        found.sort(key=lambda one: one[1]["id"], reverse=_falls(asked.get("order")))
        for order in reversed(asked.get("order") or []):
            ((name, given),) = order.items()
            sides = {field_of(end.kind): record, field_of(end.target): None} if end.link.properties else {}
            if name in sides:
                found = self._sorted(found, given, lambda one, near=sides[name]: near or one[1])
            elif end.link.properties:
                names = {camel(one): one for one in end.link.properties}
                open_ended = end.link.properties[names[name]].not_before is not None
                found = _by_value(found, given, lambda one, name=names[name]: one[0][name], open_ended=open_ended)
            else:
                found = self._sorted(found, order, lambda one: one[1])
        return found if asked.get("order") else self._sorted(found, {"name": "ASC"}, lambda one: one[1])

    def _far(self, record: Any, end: End) -> list[tuple[Mapping[str, object], Any]]:
        """Return the edge and the far record of every tie of this link that may be seen from both ends."""
        sees = may_see if end.link.summary else may_see_all
        if not sees(self._actor, record):
            return []
        found = []
        for tie in self._ties:
            here, there = (tie.start_id, tie.end_id) if end.outgoing else (tie.end_id, tie.start_id)
            if tie.end.link == end.link and here == record["id"]:
                far = self._records[there]
                if sees(self._actor, far):
                    whole = may_see_all(self._actor, record) and may_see_all(self._actor, far)
                    found.append((tie.values if whole else _summary(tie), far))
        return found

    def _listed(self, record: Any, where: Any) -> bool:
        return (_speaks(where) or record["status"] != "retired") and self._meets(record, where) is True

    def _meets(self, record: Any, where: Any) -> bool | None:
        """Tell whether a record meets all conditions; None where that is unknown to the actor."""
        where = {name: asked for name, asked in (where or {}).items() if asked is not None}
        if dated := {name: where.pop(name) for name in ("period", "asOf") if name in where}:
            where[""] = dated
        return _every(self._condition(record, name, asked) for name, asked in where.items())

    def _condition(self, record: Any, name: str, asked: Any) -> bool | None:
        if name == "and":
            return _every(self._meets(record, one) for one in asked)
        if name == "or":
            return _any(self._meets(record, one) for one in asked)
        if name == "not":
            return _not(self._meets(record, asked))
        if name == "within":
            return any(term["id"] in asked for term in self._wider(record))
        kind = self._model[record["__kind"]]
        if name == "":
            first, last = kind.period() or ("", "")
            if not (kind.properties[first].summary or may_see_all(self._actor, record)):
                return None if asked.get("period") != "ALL" else True
            return _runs({"since": record[first], "until": record[last]}, asked)
        for property_name, declared in kind.readable.items():
            if camel(property_name) == name:
                visible = declared.summary or may_see_all(self._actor, record)
                fractional = issubclass(declared.value, Number)
                return _every(
                    _compare(property_name, _value(record, property_name), operator, value, fractional)
                    if visible
                    else None
                    for operator, value in asked.items()
                )
        for end in kind.ends.values():
            if name == f"{camel(end.name)}Count":
                number = self._count(record, end, {})
                return _every(
                    None if number is None else _compare("", number, operator, value, False)
                    for operator, value in asked.items()
                )
        end = next(end for end in kind.ends.values() if camel(end.name) == name)
        return _every(self._quantified(record, end, how, one) for how, one in asked.items() if one is not None)

    def _wider(self, term: Any) -> list[Any]:
        """Return a term and all that it is part of, as far as the actor may know of it and of all on the way to it."""
        found = [term]
        for one in found:
            ups = (
                tie.end_id
                for tie in self._ties
                if tie.start_id == one["id"] and tie.end.link.relation in ("BROADER", "PART_OF")
            )
            wider = [self._records[up] for up in dict.fromkeys(ups)]
            found += [up for up in wider if up not in found and may_see(self._actor, up)]
        return found

    def _quantified(self, record: Any, end: End, quantifier: str, asked: Any) -> bool | None:
        if not self._tells(record, end):
            return None
        counted = [
            self._meets_link(record, end, edge, far, asked)
            for edge, far in self._far(record, end)
            if _counts(end, edge, far, asked)
        ]
        return {"some": _any(counted), "none": _not(_any(counted)), "every": _every(counted)}[quantifier]

    def _meets_link(
        self, record: Any, end: End, edge: Mapping[str, object], far: Any, asked: Any, *, inner: bool = False
    ) -> bool | None:
        """Tell whether a link meets conditions. A period counts here within `and`, `or` and `not` only."""
        if not end.link.properties:
            return self._meets(far, asked)
        whole = may_see_all(self._actor, record) and may_see_all(self._actor, far)
        of_edge = _every(
            _compare(name, edge[name], operator, value, False)
            if whole or declared.summary or not end.link.summary
            else None
            for name, declared in end.link.properties.items()
            for operator, value in (asked.get(camel(name)) or {}).items()
        )
        near = self._meets(record, asked.get(field_of(end.kind)))
        told = [of_edge, near, self._meets(far, asked.get(field_of(end.target)))]
        dated = {name: asked[name] for name in ("period", "asOf") if asked.get(name)}
        if inner and dated:
            told.append(_runs(edge, dated))

        def meets(one: Any) -> bool | None:
            return self._meets_link(record, end, edge, far, one, inner=True)

        if asked.get("and") is not None:
            told.append(_every(map(meets, asked["and"])))
        if asked.get("or") is not None:
            told.append(_any(map(meets, asked["or"])))
        if asked.get("not") is not None:
            told.append(_not(meets(asked["not"])))
        return _every(told)

    def _sorted(self, things: list[Any], order: Mapping[str, Any], record_of: Any) -> list[Any]:
        """Sort by one property or count, keeping the order of equals."""
        ((name, direction),) = order.items()

        def value_of(thing: Any) -> Any:
            record = record_of(thing)
            kind = self._model[record["__kind"]]
            for end in kind.ends.values():
                if name == f"{camel(end.name)}Count":
                    return self._count(record, end, {})
            value = self._shown(record, {camel(one): one for one in kind.readable}[name])
            return fold(value) if name == "name" else value

        return _by_value(things, direction, value_of, open_ended=name in ("validUntil", "until", "answered"))

    def _connection(self, kind: str, asked: Mapping[str, Any]) -> Any:
        every = [one for one in self._records.values() if one["__kind"] == kind and may_see(self._actor, one)]
        found = [one for one in every if self._listed(one, asked.get("where"))]
        found.sort(key=lambda one: one["id"], reverse=_falls(asked.get("order")))
        for order in reversed(asked.get("order") or [{"name": "ASC"}]):
            found = self._sorted(found, order, lambda one: one)
        page, info = _cut(found, asked)
        return {
            "nodes": page,
            "edges": [{"node": one} for one in page],
            "pageInfo": info,
            "totalCount": len(found),
            "withheld": not self._partial.isdisjoint(self._details(kind, asked.get("where"))),
            "countBy": lambda field, first, **rolled: self._count_by(
                found, kind, field.lower(), first, rolled["rollUp"]
            ),
        }

    def _count_by(self, records: Sequence[Any], kind: str, name: str, first: int, rolled_up: bool) -> Any:
        declared = self._model[kind].properties.get(name)
        if declared is None:
            end = self._model[kind].ends[name]
            pairs = {
                (record["id"], term["id"], term[f"label_{language()}"] or term["name"])
                for record in records
                for _, far in self._far(record, end)
                if far["status"] != "retired"
                for term in (self._wider(far) if rolled_up else [far])
                if term["status"] != "retired"
            }
            counts = Counter((value, label, False) for _, value, label in pairs)
        else:
            shown = (
                (self._shown(record, name), not declared.summary and not may_see_all(self._actor, record))
                for record in records
            )
            counts = Counter((value, _label(declared.codes, value), withheld) for value, withheld in shown)
        ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0][0] is None, one[0][0], one[0][2]))
        return [
            {
                "value": str(value).lower() if isinstance(value, bool) else value,
                "label": label,
                "count": number,
                "withheld": withheld,
            }
            for (value, label, withheld), number in ordered[:first]
        ]


def _cut(found: list[Any], asked: Mapping[str, Any]) -> tuple[list[Any], dict[str, bool]]:
    """Return the first or the last page, and whether more follow."""
    last, first = asked.get("last"), asked.get("first")
    page = (found[-last:] if last else []) if last is not None else found[:first]
    return page, {
        "hasNextPage": last is None and len(found) > len(page),
        "hasPreviousPage": last is not None and len(found) > len(page),
    }


def _by_value(
    things: list[Any], direction: str, value_of: Callable[[Any], Any], *, open_ended: bool = False
) -> list[Any]:
    """Sort by a value, keeping the order of equals; missing values last. A missing end is later than all days."""
    known = [thing for thing in things if value_of(thing) is not None]
    missing = [thing for thing in things if value_of(thing) is None]
    if direction == "DESC":
        falling = sorted(known, key=value_of, reverse=True)
        return missing + falling if open_ended else falling + missing
    return sorted(known, key=value_of) + missing


def _value(record: Any, name: str) -> Any:
    """Return a property of a record; free capacity is known where capacity and use are."""
    if name != "free":
        return record[name]
    capacity, used = record["capacity"], record["in_use"]
    return None if capacity is None or used is None else capacity - used


def _every(told: Iterable[bool | None]) -> bool | None:
    """Return whether all hold, where None is unknown (Kleene's strong logic)."""
    known = list(told)
    return False if False in known else None if None in known else True


def _any(told: Iterable[bool | None]) -> bool | None:
    return _not(_every(_not(one) for one in told))


def _not(told: bool | None) -> bool | None:
    return None if told is None else not told


def _summary(tie: Relationship) -> dict[str, object]:
    """Return the properties of a link as they are seen by who sees the summary of one of its ends only."""
    declared = tie.end.link.properties
    return {name: value if declared[name].summary else None for name, value in tie.values.items()}


def _counts(end: End, edge: Mapping[str, object], far: Any, where: Any) -> bool:
    """Tell whether a link is among those that conditions are about: not of retired records, and of the period."""
    if not end.link.properties:
        return _speaks(where) or far["status"] != "retired"
    joined = list(_joined(where))
    if not any(_speaks(one.get(field_of(end.target))) for one in joined) and far["status"] == "retired":
        return False
    if not end.link.dated:
        return True
    speaks = any(one.get(name) for one in joined for name in ("since", "until"))
    speaks = speaks or any(one.get(name) for one in joined[1:] for name in ("period", "asOf"))
    usual = {"period": "ALL" if speaks else "CURRENT"}
    return _runs(edge, usual | {name: where[name] for name in ("period", "asOf") if where.get(name)})


def _joined(where: Any) -> Iterator[Any]:
    """Yield conditions, and all that `and`, `or` and `not` join in them."""
    yield where
    for one in (where.get("not"), *(where.get("and") or []), *(where.get("or") or [])):
        if one is not None:
            yield from _joined(one)


def _runs(edge: Mapping[str, object], asked: Any) -> bool:
    """Tell whether a link is in the period that is asked for; one that is not dated always is."""
    if "since" not in edge:
        return True
    day = asked.get("asOf") or today()
    period = "CURRENT"
    if edge["until"] and str(edge["until"]) < day:
        period = "ENDED"
    elif edge["since"] and str(edge["since"]) > day:
        period = "UPCOMING"
    return asked.get("period", "CURRENT") in (period, "ALL")


def _falls(orders: Any) -> bool:
    """Tell whether the last order is descending, also of a record at an end of a link."""
    if not orders:
        return False
    ((_, given),) = orders[-1].items()
    return _falls([given]) if isinstance(given, dict) else bool(given == "DESC")


def _label(codes: str | None, value: Any) -> str | None:
    entry = code_list(codes).get(str(value)) if codes else None
    return getattr(entry, f"label_{language()}") if entry else None


def _speaks(where: Any) -> bool:
    if not where:
        return False
    return any(one.get("status") is not None for one in _joined(where))


def _compare(name: str, value: Any, operator: str, asked: Any, fractional: bool) -> bool:
    if name in ("access", "status"):
        asked = [one.lower() for one in asked] if isinstance(asked, list) else asked and asked.lower()
    if operator == "isNull":
        return (value is None) == asked
    if operator in ("ne", "notIn"):
        return not _compare(name, value, {"ne": "eq", "notIn": "in"}[operator], asked, fractional)
    if operator == "eq":
        return bool(value == asked)
    if value is None:
        return False
    text = (fold if name == "name" else str.lower)(value) if isinstance(value, str) else value
    needle = (fold if name == "name" else str.lower)(asked) if isinstance(asked, str) else asked
    return bool(
        {
            "in": lambda: value in asked,
            "has": lambda: asked in value,
            "lt": lambda: value < asked,
            "lte": lambda: value <= asked,
            "gt": lambda: value > asked,
            "gte": lambda: value >= asked,
            "contains": lambda: needle in text,
            "startsWith": lambda: text.startswith(needle),
            "endsWith": lambda: text.endswith(needle),
        }[operator]()
    )


def may_see(actor: Actor, record: Any) -> bool:
    """Tell whether the actor may know of a record, as the design says it."""
    public = record["status"] in ("published", "retired") and record["access"] in ("open", "restricted")
    return public or _granted(actor, record)


def may_see_all(actor: Actor, record: Any) -> bool:
    """Tell whether the actor may see all of a record, as the design says it."""
    return (record["status"] in ("published", "retired") and record["access"] == "open") or _granted(actor, record)


def _granted(actor: Actor, record: Any) -> bool:
    grants = set(record["grants"] or [])
    return actor.is_admin or record["steward"] in actor.agencies or bool(grants & (actor.groups | actor.agencies))
