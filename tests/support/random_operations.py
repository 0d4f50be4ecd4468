"""Random valid operations over the model: aliases, fragments, directives, variables, filters, orders, pages, counts."""

import json
from random import Random
from typing import Any

from registry.database.query import OPERATORS
from registry.model.kinds import End, Kind, Property
from registry.model.values import Date, Flag, Id, Instant, Integer, Number, Texts
from schema.schema import facets_of
from schema.types import CLOSED_LISTS, camel, field_of, link_type
from tests.support.oracle import World


class Operations:
    """Makes operations about a world; the same seed makes the same operations."""

    def __init__(self, world: World, random: Random) -> None:
        self._world, self._model, self._random = world, world.model, random
        self._kinds = [kind for kind in world.model if not kind.read_only]

    def make(self) -> tuple[str, dict[str, Any]]:
        """Return the text of an operation and its variables."""
        self._variables: dict[str, tuple[str, Any]] = {}
        self._fragments: list[str] = []
        roots = " ".join(f"r{number}: {self._root()}" for number in range(self._random.randint(1, 2)))
        declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in self._variables.items())
        head = f"query Q({declared})" if declared else "query Q"
        text = f"{head} {{ {roots} }} " + " ".join(self._fragments)
        return text, {name: value for name, (_, value) in self._variables.items()}

    def _root(self) -> str:
        kind = self._random.choice(self._kinds)
        if self._random.random() < 0.25:
            return f"{field_of(kind)}(id: {self._given('ID!', self._id(kind.__name__))}) {self._record(kind, 2)}"
        asked = self._asked(kind)
        size = self._random.randint(0, 9)
        asked.append(f"{self._random.choice(['first', 'first', 'last'])}: {self._given('Int', size)}")
        parts = [
            part()
            for part in self._some(
                [
                    lambda: f"nodes {self._record(kind, 2)}",
                    lambda: f"edges {{ node {self._record(kind, 1)} }}",
                    lambda: "pageInfo { hasNextPage hasPreviousPage }",
                    lambda: "totalCount withheld",
                    lambda: (
                        f"countBy(field: {self._random.choice(facets_of(kind)).upper()}, first: 3"
                        f"{self._random.choice(['', ', rollUp: true'])}) {{ value label count withheld }}"
                    ),
                ]
            )
        ]
        return f"{camel(kind.plural)}({', '.join(asked)}) {{ {' '.join(parts)} }}"

    def _record(self, kind: type[Kind], depth: int) -> str:
        fields = ["id", "__typename", "withheld"]
        fields += [self._property(one) for one in kind.readable.values() if self._random.random() < 0.4]
        if depth:
            ends = self._random.sample(list(kind.ends.values()), k=min(len(kind.ends), self._random.randint(0, 2)))
            fields += [self._end(end, depth - 1) for end in ends]
        self._random.shuffle(fields)
        body = " ".join(self._dressed(field, kind.__name__) for field in fields)
        return f"{{ {body} }}"

    def _property(self, declared: Property) -> str:
        name = camel(declared.name)
        name = f"{name} {{ id name }}" if declared.refers_to else name
        return (
            f"alias{self._random.randint(1, 999)}{declared.name.title().replace('_', '')}: {name}"
            if self._chance()
            else name
        )

    def _dressed(self, field: str, kind: str) -> str:
        """Put a field into a fragment or behind a directive, now and then."""
        choice = self._random.random()
        if choice < 0.05:
            return f"... on {kind} {{ {field} }}"
        if choice < 0.1:
            name = f"F{len(self._fragments)}"
            self._fragments.append(f"fragment {name} on {kind} {{ {field} }}")
            return f"...{name}"
        if choice < 0.15 and field not in ("id", "__typename", "withheld"):
            flag = self._given("Boolean!", self._random.choice([True, False]))
            return f"... @{self._random.choice(['include', 'skip'])}(if: {flag}) {{ {field} }}"
        return field

    def _end(self, end: End, depth: int) -> str:
        target = self._model[end.target]
        alias = f"a{self._random.randint(1, 9999)}: "
        if end.single:
            return f"{alias}{camel(end.name)} {self._record(target, depth)}"
        if self._random.random() < 0.2:
            asked = [f"where: {self._links_given(end)}"] if self._chance() else []
            asked += self._dated(end)
            given = f"({', '.join(asked)})" if asked else ""
            return f"{alias}{camel(end.name)}Count{given}"
        if self._random.random() < 0.3:
            return f"{alias}{self._link_page(end, depth)}"
        asked = [*self._asked_links(end), f"first: {self._given('Int!', self._random.randint(0, 5))}"]
        asked += self._dated(end)
        return f"{alias}{camel(end.name)}({', '.join(asked)}) {self._linked(end, depth)}"

    def _link_page(self, end: End, depth: int) -> str:
        asked = [*self._asked_links(end), *self._dated(end)]
        asked.append(f"{self._random.choice(['first', 'last'])}: {self._given('Int', self._random.randint(0, 3))}")
        target = self._model[end.target]
        edges = " ".join(camel(name) for name in end.link.properties if self._chance())
        parts = [
            lambda: f"nodes {self._record(target, depth)}",
            lambda: f"edges {{ {edges} __typename node {self._record(target, depth)} again: node {{ id }} }}",
            lambda: "pageInfo { hasNextPage hasPreviousPage __typename }",
            lambda: "totalCount",
            lambda: "__typename",
        ]
        return f"{camel(end.name)}Connection({', '.join(asked)}) {{ {' '.join(part() for part in self._some(parts))} }}"

    def _dated(self, end: End) -> list[str]:
        """Return the arguments of the period of a link that runs from a day to a day."""
        if not end.link.dated:
            return []
        period = _Enum(self._random.choice(["CURRENT", "ENDED", "UPCOMING", "ALL"]))
        asked = [f"period: {self._given('Period!', period)}"] if self._chance() else []
        return asked + ([f"asOf: {self._given('Date', '2024-06-15')}"] if self._chance() else [])

    def _linked(self, end: End, depth: int) -> str:
        far = self._record(self._model[end.target], depth)
        if not end.link.properties:
            return far
        edges = " ".join(camel(name) for name in end.link.properties if self._chance())
        near = f"{field_of(end.kind)} {{ id }}" if self._chance() else ""
        twice = f"again: {field_of(end.target)} {{ id name }}" if self._chance() else ""
        return f"{{ __typename {edges} {near} {twice} {field_of(end.target)} {far} }}"

    def _asked(self, kind: type[Kind]) -> list[str]:
        asked = []
        if self._random.random() < 0.6:
            asked.append(f"where: {self._where_given(kind)}")
        if self._random.random() < 0.5:
            asked.append(f"order: [{', '.join(self._orders(kind))}]")
        return asked

    def _orders(self, kind: type[Kind]) -> list[str]:
        names = [camel(name) for name, one in kind.readable.items() if one.value.ordered]
        counts = [f"{camel(end.name)}Count" for end in kind.ends.values() if not end.single]
        names = self._random.sample(names, k=self._random.randint(1, 2))
        if counts and self._random.random() < 0.4:
            names.insert(self._random.randint(0, 1), self._random.choice(counts))
        return [f"{{{name}: {self._random.choice(['ASC', 'DESC'])}}}" for name in names]

    def _asked_links(self, end: End) -> list[str]:
        if not end.link.properties:
            return self._asked(self._model[end.target])
        asked = [f"where: {self._links_given(end)}"] if self._chance() else []
        if self._chance():
            own = [f"{{{camel(name)}: {self._random.choice(['ASC', 'DESC'])}}}" for name in end.link.properties]
            ends = [
                f"{{{field_of(kind)}: {one}}}"
                for kind in (end.kind, end.target)
                for one in self._orders(self._model[kind])
            ]
            asked.append(f"order: [{', '.join(self._random.sample([*own, *ends], k=2))}]")
        return asked

    def _links_given(self, end: End) -> str:
        """Return the conditions of a list of links, which are those of its records if the links have no properties."""
        if not end.link.properties:
            return self._where_given(self._model[end.target])
        where = self._link_where(end, 1)
        return self._given(f"{link_type(end.link)}Where", where) if self._chance() else _literal(where)

    def _where_given(self, kind: type[Kind]) -> str:
        where = self._where(kind, 2)
        return self._given(f"{kind.__name__}Where", where) if self._chance() else _literal(where)

    def _where(self, kind: type[Kind], depth: int) -> dict[str, Any]:
        where: dict[str, Any] = {}
        for declared in self._random.sample(list(kind.readable.values()), k=self._random.randint(0, 2)):
            where[camel(declared.name)] = self._filter(kind.__name__, declared)
        if kind.parents() and self._random.random() < 0.3:
            where["within"] = [self._id(kind.__name__) for _ in range(self._random.randint(0, 2))]
        if kind.period() and self._random.random() < 0.4:
            where |= self._period()
        counts = [f"{camel(end.name)}Count" for end in kind.ends.values() if not end.single]
        if counts and self._random.random() < 0.3:
            operator = self._random.choice(["eq", "ne", "lt", "gte", "in", "isNull"])
            value = {"in": [0, 2], "isNull": self._chance()}.get(operator, self._random.randint(0, 3))
            where[self._random.choice(counts)] = {operator: value}
        if depth:
            for end in self._random.sample(list(kind.ends.values()), k=min(len(kind.ends), self._random.randint(0, 1))):
                where[camel(end.name)] = {
                    self._random.choice(["some", "none", "every"]): self._link_where(end, depth - 1)
                }
            if self._random.random() < 0.3:
                name = self._random.choice(["and", "or", "not"])
                parts = [self._where(kind, depth - 1) for _ in range(self._random.randint(0, 2))]
                where[name] = (parts or [{}])[0] if name == "not" else parts
        return where

    def _link_where(self, end: End, depth: int) -> dict[str, Any]:
        if not end.link.properties:
            return (
                {"id": {"eq": self._id(end.target)}} if self._chance() else self._where(self._model[end.target], depth)
            )
        where: dict[str, Any] = {}
        if self._chance():
            where[field_of(end.target)] = self._where(self._model[end.target], depth)
        if self._chance():
            where[field_of(end.kind)] = self._where(self._model[end.kind], 0)
        for name, declared in end.link.properties.items():
            if self._chance():
                where[camel(name)] = self._filter(link_type(end.link), declared)
        if end.link.dated and self._chance():
            where |= self._period()
        if depth and self._chance():
            name = self._random.choice(["and", "or", "not"])
            parts = [self._link_where(end, depth - 1) for _ in range(self._random.randint(0, 2))]
            where[name] = (parts or [{}])[0] if name == "not" else parts
        return where

    def _period(self) -> dict[str, Any]:
        period = {"period": _Enum(self._random.choice(["CURRENT", "ENDED", "UPCOMING", "ALL"]))}
        return self._random.choice([period, period, {"asOf": "2024-06-15"}, {**period, "asOf": "2025-02-01"}])

    def _filter(self, owner: str, declared: Property) -> dict[str, Any]:
        family = _family(declared)
        operator = self._random.choice(OPERATORS[family])
        value = self._known_value(owner, declared)
        if operator == "is_null":
            return {"isNull": self._random.choice([True, False])}
        if operator in ("in", "not_in"):
            return {camel(operator): [one for one in (value, self._known_value(owner, declared)) if one is not None]}
        if value is None:
            return {operator: None} if operator in ("eq", "ne") and family != "enum" else {}
        if operator in ("contains", "starts_with", "ends_with"):
            start = self._random.randint(0, len(value) - 1)
            return {camel(operator): value[start : start + 3].swapcase()}
        return {operator: value}

    def _known_value(self, owner: str, declared: Property) -> Any:
        """Return a value that some record has."""
        if owner in self._model.kinds:
            records = [one.values for one in self._world.records if one.kind.__name__ == owner]
            values = [one.get(declared.difference[0] if declared.difference else declared.name) for one in records]
        else:
            values = [one.values.get(declared.name) for one in self._world.ties if link_type(one.end.link) == owner]
        value = self._random.choice(values)
        if isinstance(value, list):
            return self._random.choice(value)
        if declared.codes in CLOSED_LISTS:
            return _Enum(str(value).upper())
        return value

    def _given(self, kind: str, value: Any) -> str:
        """Return the value as it stands in the text: a variable, or itself."""
        if not self._chance():
            return _literal(value)
        name = f"v{len(self._variables)}"
        self._variables[name] = (kind, value)
        return f"${name}"

    def _id(self, kind: str) -> str:
        return self._random.choice([one.id for one in self._world.records if one.kind.__name__ == kind])

    def _chance(self) -> bool:
        return self._random.random() < 0.5

    def _some(self, things: list[Any]) -> list[Any]:
        return self._random.sample(things, k=self._random.randint(1, len(things)))


class _Enum(str):
    """The name of an enum's value, which stands in a text without quotes."""


def _family(declared: Property) -> str:
    if declared.codes in CLOSED_LISTS:
        return "enum"
    if issubclass(declared.value, Texts):
        return "list"
    if issubclass(declared.value, Id):
        return "id"
    if declared.value is Flag:
        return "flag"
    return "ordered" if declared.value in (Integer, Number, Date, Instant) else "text"


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_literal(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(one) for one in value) + "]"
    return str(value) if isinstance(value, _Enum) else json.dumps(value, ensure_ascii=False)
