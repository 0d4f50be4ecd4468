"""Helpers that create Strawberry types at run time, and GraphQL names for the names in the model."""

import enum
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from keyword import iskeyword
from typing import Annotated, Any, NamedTuple, NewType, Optional

import strawberry
from strawberry.types.field import StrawberryField

from registry.i18n import use_language
from registry.model.codelists import code_list
from registry.model.kinds import Kind, Link, snake
from registry.model.values import Date, Instant, InvalidValue, Value
from schema.limits import GraphQLRequestError

DAY = NewType("DAY", str)
MOMENT = NewType("MOMENT", str)


def cleaning(value: type[Value]) -> Callable[[object], str]:
    """Return the function that parses the values of a scalar. It raises GraphQLRequestError."""

    def clean(raw: object) -> str:
        text = clean_text(value, str(raw))
        if not text:
            raise GraphQLRequestError("BAD_REQUEST", f"{raw!r}: the value must not be empty.")
        return text

    return clean


def clean_text(value: type[Value], raw: str | None) -> str:
    """Return a text, cleaned by a value type. If the text is absent or empty, return "". Raises GraphQLRequestError."""
    with use_language("en"):  # all messages about a GraphQL request are in English
        try:
            return str(value.clean(raw) or "")
        except InvalidValue as error:
            raise GraphQLRequestError("BAD_REQUEST", f"{raw!r}: {error}; expected: {error.rule}.") from None


def _scalar(value: type[Value]) -> Any:
    return strawberry.scalar(name=value.scalar, description=value.__doc__, serialize=str, parse_value=cleaning(value))


SCALARS: dict[object, Any] = {DAY: _scalar(Date), MOMENT: _scalar(Instant)}
PYTHON: dict[str, Any] = {
    "String": str,
    "ID": strawberry.ID,
    "Int": int,
    "Float": float,
    "Boolean": bool,
    "Date": DAY,
    "DateTime": MOMENT,
}


def enumeration(name: str, values: Mapping[str, str], doc: str, docs: Mapping[str, str] | None = None) -> Any:
    """Return an enum type with the given values by name. `docs` has the descriptions of the values, by name."""
    members = {one: strawberry.enum_value(value, description=(docs or {}).get(one)) for one, value in values.items()}
    made: Any = enum.Enum(name, members)  # type: ignore[misc]
    return strawberry.enum(made, description=doc)


PERIODS = {
    "CURRENT": "What is current on the day `asOf`.",
    "ENDED": "What ended before the day `asOf`.",
    "UPCOMING": "What starts after the day `asOf`.",
    "ALL": "Everything, whatever its dates.",
}
PERIOD = enumeration(
    "Period", {one: one.lower() for one in PERIODS}, "Selects links and records with dates by their period.", PERIODS
)
DIRECTION = enumeration(
    "Direction", {"ASC": "asc", "DESC": "desc"}, "The sort direction.", {"ASC": "Ascending.", "DESC": "Descending."}
)


def code_enumeration(name: str, codes: str, doc: str) -> Any:
    """Return the enum type for a code list whose codes are fixed."""
    entries = code_list(codes).values()
    docs = {entry.code.upper(): f"{entry.label_en}." for entry in entries}
    return enumeration(name, {entry.code.upper(): entry.code for entry in entries}, doc, docs)


CLOSED_LISTS = {
    "access": code_enumeration("Access", "access", "Who can see a record."),
    "status": code_enumeration("Status", "status", "The status of a record in its lifecycle."),
}


def new_class(name: str, doc: str | None = None, *bases: type) -> Any:
    """Return a new class. The caller adds fields; when they are complete, Strawberry decorates the class."""
    return type(name, bases, {"__annotations__": {}, "__doc__": doc})


def plain(name: str, doc: str, fields: Mapping[str, tuple[Any, str]]) -> Any:
    """Return a GraphQL object type with the given fields. Each field is given as a type and a description."""
    made = new_class(name, doc)
    for field, (kind, description) in fields.items():
        setattr(made, field, response_field(kind, description))
    return strawberry.type(made, description=doc)


def nullable(kind: Any) -> Any:
    """Return the nullable form of a GraphQL type."""
    return Optional[kind]  # noqa: UP045


def listing(kind: Any) -> Any:
    """Return the GraphQL type of a list with members of a type."""
    return list[kind]


def add_input(owner: Any, name: str, kind: Any, doc: str | None = None) -> None:
    """Add an optional field to a GraphQL input type."""
    python_name = f"{name}_" if name in ("and", "or", "not", "in") else name
    owner.__annotations__[python_name] = nullable(kind)
    setattr(owner, python_name, strawberry.field(name=name, default=strawberry.UNSET, description=doc))


class Argument(NamedTuple):
    """An argument of a GraphQL field: its type, description and default. If the argument is required, the default is `...`."""

    kind: Any
    doc: str
    default: Any = strawberry.UNSET


def response_field(kind: Any, doc: str, **arguments: Argument) -> StrawberryField:
    """Return a field whose resolver reads the precomputed value stored under the field's response name."""

    def read(root: Any, info: strawberry.Info, **_: Any) -> Any:
        return root[info.path.key]

    known = [
        Parameter("root", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info),
    ]
    read.__signature__ = Signature(known + [_parameter(name, one) for name, one in arguments.items()])  # type: ignore[attr-defined]
    made: Any = strawberry.field(resolver=read, graphql_type=kind, description=doc)
    return made  # type: ignore[no-any-return]


def _parameter(name: str, declared: Argument) -> Parameter:
    annotation, default = declared.kind, declared.default
    annotation = Annotated[annotation, strawberry.argument(name=name, description=declared.doc)]
    default = Parameter.empty if default is ... else default
    return Parameter(
        f"{name}_" if iskeyword(name) else name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def camel(name: str) -> str:
    """Return a name in camel case: `levelOfGovernment` for `level_of_government`."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def pascal(relation: str) -> str:
    """Return a name in Pascal case: `PartyTo` for `PARTY_TO`."""
    return "".join(part.title() for part in relation.split("_"))


def field_of(kind: str | type[Kind]) -> str:
    """Return the name of the GraphQL field that returns one record of a kind: `agency` for `Agency`."""
    return camel(snake(kind if isinstance(kind, str) else kind.__name__))


def link_type(link: Link) -> str:
    """Return the type name of a link with properties, such as `Provides`. The name is the same at both ends of the link."""
    return pascal(link.relation)
