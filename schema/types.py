"""Helpers that create Strawberry types at run time, and GraphQL names for names of the model."""

import enum
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from keyword import iskeyword
from typing import Annotated, Any, NewType, Optional

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
    """Return the parser of a scalar. The parser raises GraphQLRequestError."""

    def clean(raw: object) -> str:
        text = clean_text(value, str(raw))
        if not text:
            raise GraphQLRequestError("BAD_REQUEST", f"{raw!r}: it is empty.")
        return text

    return clean


def clean_text(value: type[Value], raw: str | None) -> str:
    """Return a text as a value type cleans it; empty if there is none. Raises GraphQLRequestError."""
    with use_language("en"):  # as are all messages about a GraphQL request
        try:
            return str(value.clean(raw) or "")
        except InvalidValue as unfit:
            raise GraphQLRequestError("BAD_REQUEST", f"{raw!r}: {unfit}; it should be {unfit.rule}.") from None


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


def enumeration(name: str, values: dict[str, str], doc: str | None = None) -> Any:
    """Return an enum type with these names and values."""
    made: Any = enum.Enum(name, values)  # type: ignore[misc]
    return strawberry.enum(made, description=doc)


PERIOD = enumeration(
    "Period",
    {one.upper(): one for one in ("current", "ended", "upcoming", "all")},
    "Which links of those that run from a day to a day: current ones, by `asOf`, are the default.",
)
DIRECTION = enumeration("Direction", {"ASC": "asc", "DESC": "desc"}, "Which way to sort.")


def codes(name: str) -> dict[str, str]:
    """Return the names and values of the enum of a closed code list."""
    return {code.upper(): code for code in code_list(name)}


CLOSED_LISTS = {name: enumeration(name.title(), codes(name)) for name in ("access", "status")}


def new_class(name: str, doc: str | None = None, *bases: type) -> Any:
    """Return a class to add fields to; Strawberry decorates it once they are complete."""
    return type(name, bases, {"__annotations__": {}, "__doc__": doc})


def plain(name: str, doc: str, fields: Mapping[str, Any]) -> Any:
    """Return an object type with these fields, each given as a type, or as a type and a description."""
    made = new_class(name, doc)
    for field, declared in fields.items():
        kind, meaning = declared if isinstance(declared, tuple) else (declared, f"The {field} of the {name}.")
        setattr(made, field, response_field(kind, meaning))
    return strawberry.type(made, description=doc)


def nullable(kind: Any) -> Any:
    """Return the nullable form of a type."""
    return Optional[kind]  # noqa: UP045


def listing(kind: Any) -> Any:
    """Return the type of a list of a type."""
    return list[kind]


def add_input(owner: Any, name: str, kind: Any, doc: str | None = None) -> None:
    """Add an optional field to an input type."""
    python_name = f"{name}_" if name in ("and", "or", "not", "in") else name
    owner.__annotations__[python_name] = nullable(kind)
    setattr(owner, python_name, strawberry.field(name=name, default=strawberry.UNSET, description=doc))


def response_field(kind: Any, doc: str, **arguments: Any) -> StrawberryField:
    """Return a field whose resolver returns the precomputed value under its response name.

    Each argument is given as its type, or as its type with a default, `(int, 20)`, or as a required one, `(int, ...)`.
    """

    def read(root: Any, info: strawberry.Info, **_: Any) -> Any:
        return root[info.path.key]

    known = [
        Parameter("root", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Info),
    ]
    read.__signature__ = Signature(known + [_parameter(name, one) for name, one in arguments.items()])  # type: ignore[attr-defined]
    made: Any = strawberry.field(resolver=read, graphql_type=kind, description=doc)
    return made  # type: ignore[no-any-return]


def _parameter(name: str, declared: Any) -> Parameter:
    annotation, default = declared if isinstance(declared, tuple) else (declared, strawberry.UNSET)
    if declared is strawberry.ID or isinstance(declared, enum.EnumMeta) or default is ...:
        default = Parameter.empty
    if iskeyword(name):
        name, annotation = f"{name}_", Annotated[annotation, strawberry.argument(name=name)]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def camel(name: str) -> str:
    """Return `level_of_government` as `levelOfGovernment`."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def pascal(relation: str) -> str:
    """Return `PARTY_TO` as `PartyTo`."""
    return "".join(part.title() for part in relation.split("_"))


def field_of(kind: str | type[Kind]) -> str:
    """Return the name of the field that holds one record of a kind: `agency` for `Agency`."""
    return camel(snake(kind if isinstance(kind, str) else kind.__name__))


def link_type(link: Link) -> str:
    """Return the name of the type of a link with properties, the same at both ends: `Provides`."""
    return pascal(link.relation)
