"""The GraphQL schema for planners, built from the model by one rule for every kind. It holds types, not resolvers:

an operation is planned and answered as a whole (`schema.compiled`); a field only reads what was answered, by its response name.
"""

import enum
from collections.abc import Iterator
from inspect import Parameter, Signature
from typing import Any, NewType, Optional

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxTokensLimiter, ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.field import StrawberryField

from registry.codes import code_list
from registry.modelling import End, Kind, Model, Property
from registry.plan import OPERATORS
from registry.values import Date, Flag, Id, Instant, Integer, Number, Ref, Texts, Unfit, Value
from schema.compiled import KEPT, Answering, Compiler
from schema.limits import TOKENS
from schema.names import camel, field_of, link_type

FIRST, FIRST_LINKED = 20, 50
DAY = NewType("DAY", str)
MOMENT = NewType("MOMENT", str)


def _scalar(value: type[Value]) -> Any:
    def parse(raw: object) -> str:
        try:
            return str(value.clean(str(raw)))
        except Unfit as unfit:
            raise ValueError(f"{unfit}; expected {unfit.rule}") from None

    return strawberry.scalar(name=value.scalar, description=value.__doc__, serialize=str, parse_value=parse)


SCALARS: dict[object, Any] = {DAY: _scalar(Date), MOMENT: _scalar(Instant)}
PYTHON: dict[str, Any] = {
    "String": str, "ID": strawberry.ID, "Int": int, "Float": float, "Boolean": bool, "Date": DAY, "DateTime": MOMENT,
}  # fmt: skip
Direction = strawberry.enum(enum.Enum("Direction", {"ASC": "asc", "DESC": "desc"}), description="Which way to sort.")
CLOSED_LISTS = {
    name: strawberry.enum(enum.Enum(name.title(), {code.upper(): code for code in code_list(name)}))
    for name in ("access", "status")
}


def answered(root: Any, info: strawberry.Info) -> Any:
    """Return what was answered under this field's response name."""
    return root[info.path.key]


class Schema(strawberry.Schema):
    """A schema whose errors are logged where they become answers, not here."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave errors to `schema.refusal.presented`."""


def build_schema(model: Model) -> Schema:
    """Return the schema of a model."""
    compiler = Compiler(model)
    return Schema(
        query=Types(model).query(),
        extensions=[
            lambda: MaxTokensLimiter(max_token_count=TOKENS),
            lambda: ParserCache(maxsize=KEPT),
            lambda: ValidationCache(maxsize=KEPT),
            lambda: Answering(compiler),
        ],
        config=StrawberryConfig(scalar_map=SCALARS, auto_camel_case=False),  # type: ignore[arg-type]
    )


class Types:
    """All types of a model's schema. Classes come first, fields after, since kinds refer to one another."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._kinds: dict[str, Any] = {kind.__name__: _class(kind.__name__, kind.__doc__) for kind in model}
        self._links: dict[str, Any] = {
            link_type(link): _class(link_type(link), link.doc) for link in model.links() if link.properties
        }
        self._wheres: dict[str, Any] = {kind.__name__: _class(f"{kind.__name__}Where") for kind in model}
        self._orders: dict[str, Any] = {kind.__name__: self._order(kind) for kind in model}
        self._filters: dict[str, Any] = {}
        self._link_filters: dict[str, Any] = {}
        for link in model.links():
            if link.properties:
                self._fill_link(link)
        for kind in model:
            self._fill_where(kind)
        for kind in model:
            self._fill_kind(kind)

    def query(self) -> Any:
        """Return the query type: for every kind one record by id, and a connection."""
        query = _class("Query", "What the registry answers.")
        for kind in self._model:
            one = _field(Optional[self._kinds[kind.__name__]], f"One record by its id: {kind.__doc__}", id=strawberry.ID)
            _add(query, field_of(kind), one)
            _add(query, camel(kind.plural), self._connection_field(kind))
        return strawberry.type(query)

    def _fill_kind(self, kind: type[Kind]) -> None:
        made = self._kinds[kind.__name__]
        for name, declared in kind.properties.items():
            _add(made, camel(name), _field(self._output(declared), declared.doc))
        _add(made, "withheld", _field(bool, "Whether some of this record is kept from who asks."))
        for name, end in kind.ends.items():
            for field_name, field in self._end_fields(name, end):
                _add(made, field_name, field)
        strawberry.type(made, description=kind.__doc__)

    def _end_fields(self, name: str, end: End) -> Iterator[tuple[str, StrawberryField]]:
        target = self._links[link_type(end.link)] if end.link.properties else self._kinds[end.target]
        where, order = Optional[self._wheres[end.target]], Optional[list[self._orders[end.target]]]  # type: ignore[misc]
        if end.single:
            yield camel(name), _field(Optional[target], end.link.doc)
            return
        asked: dict[str, Any] = {"where": where, "order": order, "first": (int, FIRST_LINKED)}
        yield camel(name), _field(list[target], end.link.doc, **asked)
        yield f"{camel(name)}Count", _field(int, f"How many. {end.link.doc}", where=where)

    def _fill_link(self, link: Any) -> None:
        made = self._links[link_type(link)]
        where = _class(f"{link_type(link)}Where")
        for name, declared in link.properties.items():
            _add(made, camel(name), _field(self._output(declared), declared.doc))
            _input(where, camel(name), self._filter(declared))
        for kind in (link.start, link.end):
            _add(made, field_of(kind), _field(self._kinds[kind], f"The {field_of(kind)} of this link."))
            _input(where, field_of(kind), self._wheres[kind])
        strawberry.type(made, description=link.doc)
        self._link_filters[link_type(link)] = _quantified(link_type(link), strawberry.input(where))

    def _fill_where(self, kind: type[Kind]) -> None:
        where = self._wheres[kind.__name__]
        for name, declared in kind.properties.items():
            _input(where, camel(name), self._filter(declared))
        for name, end in kind.ends.items():
            _input(where, camel(name), self._link_filter(end))
        for both in ("and", "or"):
            _input(where, both, list[where])
        _input(where, "not", where)
        strawberry.input(where, description=f"Conditions on {kind.plural}; all must hold.")

    def _link_filter(self, end: End) -> Any:
        name = link_type(end.link) if end.link.properties else end.target
        if name not in self._link_filters:
            self._link_filters[name] = _quantified(name, self._wheres[end.target])
        return self._link_filters[name]

    def _filter(self, declared: Property) -> Any:
        name, operators, kind = _filter_of(declared)
        if name not in self._filters:
            made = _class(name)
            for operator in operators:
                _input(made, camel(operator), {"in": list[kind], "not_in": list[kind], "is_null": bool}.get(operator, kind))
            self._filters[name] = strawberry.input(made)
        return self._filters[name]

    def _order(self, kind: type[Kind]) -> Any:
        made = _class(f"{kind.__name__}Order")
        for name, declared in kind.properties.items():
            if declared.value.ordered:
                _input(made, camel(name), Direction)
        return strawberry.input(made, one_of=True, description="One property to sort by, and which way.")

    def _output(self, declared: Property) -> Any:
        if declared.refers_to:
            return Optional[self._kinds[declared.refers_to]]
        if declared.codes in CLOSED_LISTS:
            return CLOSED_LISTS[declared.codes]
        plain = PYTHON[declared.value.scalar]
        if declared.value.listed:
            return Optional[list[plain]]
        sure = declared.face and (declared.required or declared.name in ("created", "updated", "version"))
        return plain if sure else Optional[plain]

    def _connection_field(self, kind: type[Kind]) -> StrawberryField:
        name, made = kind.__name__, self._kinds[kind.__name__]
        edge = _class(f"{name}Edge")
        _add(edge, "node", _field(made, "The record."))
        _add(edge, "cursor", _field(str, "Where it stands, to begin a page behind or before it."))
        facets = {facet.upper(): facet for facet in facets_of(kind)}
        facet = strawberry.enum(enum.Enum(f"{name}Facet", facets))
        connection = _class(f"{name}Connection", f"A page of {kind.plural}.")
        _add(connection, "nodes", _field(list[made], "The records of the page."))
        _add(connection, "edges", _field(list[strawberry.type(edge)], "The same with a cursor each."))  # type: ignore[misc]
        _add(connection, "pageInfo", _field(PageInfo, "Whether there is more."))
        _add(connection, "totalCount", _field(int, "How many there are on all pages."))
        counts = _field(list[FacetCount], "How many there are by a property or a link.", field=facet, first=(int, FIRST))
        _add(connection, "countBy", counts)
        asked: dict[str, Any] = {
            "where": Optional[self._wheres[name]],
            "order": Optional[list[self._orders[name]]],  # type: ignore[misc]
            "first": (Optional[int], FIRST), "after": Optional[str], "last": Optional[int], "before": Optional[str],
        }  # fmt: skip
        return _field(strawberry.type(connection), f"{kind.plural.title()}, a page at a time.", **asked)


@strawberry.type
class PageInfo:
    """Whether there is more, and where this page begins and ends."""

    hasNextPage: bool = strawberry.field(resolver=answered)  # noqa: N815
    hasPreviousPage: bool = strawberry.field(resolver=answered)  # noqa: N815
    startCursor: str | None = strawberry.field(resolver=answered)  # noqa: N815
    endCursor: str | None = strawberry.field(resolver=answered)  # noqa: N815


@strawberry.type
class FacetCount:
    """How many records have a value; the label says it in words."""

    value: str | None = strawberry.field(resolver=answered)
    label: str | None = strawberry.field(resolver=answered)
    count: int = strawberry.field(resolver=answered)


def facets_of(kind: type[Kind]) -> list[str]:
    """Return what records of a kind can be counted by: its codes and flags, and its links to terms."""
    codes = [name for name, one in kind.properties.items() if one.codes or one.value is Flag]
    return codes + [name for name in kind.ends if name in ("sectors", "areas", "audiences", "functions")]


def _filter_of(declared: Property) -> tuple[str, tuple[str, ...], Any]:
    """Return the name of a property's filter, its operators, and what it compares with."""
    if declared.codes in CLOSED_LISTS:
        return f"{declared.codes.title()}Filter", OPERATORS["enum"], CLOSED_LISTS[declared.codes]
    if issubclass(declared.value, Texts):
        return "TextsFilter", OPERATORS["list"], str
    if issubclass(declared.value, Id | Ref):
        return "IDFilter", OPERATORS["id"], strawberry.ID
    if declared.value is Flag:
        return "BoolFilter", OPERATORS["flag"], bool
    if declared.value in (Integer, Number, Date, Instant):
        name = {Integer: "Int", Number: "Float", Date: "Date", Instant: "DateTime"}[declared.value]
        return f"{name}Filter", OPERATORS["ordered"], PYTHON[declared.value.scalar]
    return "TextFilter", OPERATORS["text"], str


def _quantified(name: str, where: Any) -> Any:
    made = _class(f"{name}LinkFilter")
    for quantifier in ("some", "none", "every"):
        _input(made, quantifier, where)
    return strawberry.input(made)


def _class(name: str, doc: str | None = None) -> Any:
    return type(name, (), {"__annotations__": {}, "__doc__": doc})


def _add(owner: Any, name: str, field: StrawberryField) -> None:
    setattr(owner, name, field)


def _input(owner: Any, name: str, kind: Any) -> None:
    python_name = f"{name}_" if name in ("and", "or", "not", "in") else name
    owner.__annotations__[python_name] = Optional[kind]
    setattr(owner, python_name, strawberry.field(name=name, default=strawberry.UNSET))


def _field(kind: Any, doc: str, **asked: Any) -> StrawberryField:
    """Return a field that reads what was answered. An argument is given as its type, or with a default: `(int, 20)`."""

    def read(root: Any, info: strawberry.Info, **_: Any) -> Any:
        return root[info.path.key]

    known = [Parameter("root", Parameter.POSITIONAL_OR_KEYWORD), Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info)]
    read.__signature__ = Signature(known + [_parameter(name, one) for name, one in asked.items()])  # type: ignore[attr-defined]
    return strawberry.field(resolver=read, graphql_type=kind, description=doc)


def _parameter(name: str, asked: Any) -> Parameter:
    annotation, default = asked if isinstance(asked, tuple) else (asked, strawberry.UNSET)
    if asked is strawberry.ID or isinstance(asked, enum.EnumMeta):
        default = Parameter.empty
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
