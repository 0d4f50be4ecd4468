"""Helpers that create Strawberry types at run time, and GraphQL names for the names in the model."""

import enum
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature, cleandoc
from keyword import iskeyword
from typing import Annotated, Any, NamedTuple, NewType, Optional

import strawberry
from strawberry.types.field import StrawberryField

from registry.database.exploration import GROUPS
from registry.database.query import OPERATORS
from registry.explore.paths import PHRASES
from registry.i18n import use_language
from registry.model.codelists import code_list, code_list_names
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Link, Property, snake
from registry.model.values import Date, Flag, Id, Instant, Integer, InvalidValue, Number, Texts, Value
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
    "ALL": "Links and records with any dates.",
}
PERIOD = enumeration(
    "Period", {one: one.lower() for one in PERIODS}, "Selects links and records with dates by their period.", PERIODS
)
DIRECTION = enumeration(
    "Direction",
    {"ASC": "asc", "DESC": "desc"},
    "The sort direction. Records without a value come last; a missing last day counts as later than all days.",
    {"ASC": "The smallest or earliest value comes first.", "DESC": "The largest or latest value comes first."},
)


CODE_DOCS = {
    "open": "Everybody can see the whole record.",
    "restricted": "Everybody can see the summary of the record; only some users can see the details.",
    "closed": "Only the agencies concerned, and those with a grant, can see the record.",
    "draft": "The record is a draft that its authors still write.",
    "proposed": "The record is proposed and waits for approval.",
    "published": "The record is published.",
    "retired": "The record is no longer in use; lists leave it out by default.",
    "confirmed": "The party confirms that the recorded terms are correct.",
    "corrected": "The party describes what is wrong in the recorded terms.",
    "disputed": "The party disputes the recorded agreement.",
    "accepted": "The owner accepts the request.",
    "declined": "The owner declines the request.",
    "ended": "The owner ends the use that followed from the request.",
}


def code_enumeration(name: str, codes: str, doc: str) -> Any:
    """Return the enum type for a code list whose codes are fixed."""
    entries = code_list(codes).values()
    docs = {entry.code.upper(): CODE_DOCS[entry.code] for entry in entries}
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


def connection_type(end: End) -> str:
    """Return the type name of a page of linked records: `ResourceUsersConnection`, or `AgencyLinkConnection` for plain links."""
    return f"{_edge_name(end)}Connection" if end.link.properties else f"{end.target}LinkConnection"


def edge_type(end: End) -> str:
    """Return the type name of a record in a page of linked records, with its cursor and the properties of the link."""
    return f"{_edge_name(end)}Edge" if end.link.properties else f"{end.target}Edge"


def _edge_name(end: End) -> str:
    return f"{end.kind}{pascal(end.name)}"


def code_list_name(codes: str) -> str:
    """Return the name of a code list in the enum `CodeListName`: `AGENCY_KIND` for `agency-kind`."""
    return codes.replace("-", "_").upper()


def described(declared: Property) -> str:
    """Return the description of a property. If the property holds codes but is not an enum, the description names the code list."""
    if declared.codes is None or declared.codes in CLOSED_LISTS:
        return declared.doc
    return f"{declared.doc} {code_of(declared.codes)}"


def doc_of(kind: type[Kind]) -> str:
    """Return the description of a kind."""
    return cleandoc(kind.__doc__ or "")


def code_of(codes: str) -> str:
    """Return the sentence that a value is a code of a code list."""
    return f"The value is a code of the list `{code_list_name(codes)}`."


WORD_LISTS = {
    "abbreviations": "Abbreviations and their full forms, which the check for similar names takes for equal.",
    "synonyms": "Words and phrases with the same meaning, which a search finds together.",
}


def _code_list_doc(name: str) -> str:
    """Return the sentence that describes a code list by the fields that have its codes as values."""
    if name in WORD_LISTS:
        return WORD_LISTS[name]
    if name in CLOSED_LISTS:
        return f"The codes of the field `{name}` of every record, which the enum `{name.title()}` lists too."
    scale = code_list("level-scale").get(name.removeprefix("level-"))
    if scale:
        return f"The levels of collaboration on the scale {scale.label_en}."
    links = [(link_type(link), link.properties) for link in MODEL.links()]
    owners = [*((kind.__name__, kind.properties) for kind in MODEL), *links]
    fields = [f"`{owner}.{camel(one.name)}`" for owner, each in owners for one in each.values() if one.codes == name]
    return f"The codes of {' and '.join(dict.fromkeys(fields))}."


CODE_LISTS = {code_list_name(one): one for one in code_list_names()}  # by the names of the enum `CodeListName`
CODE_LIST_NAME = enumeration(
    "CodeListName",
    {name: name for name in CODE_LISTS},
    "The name of a code list.",
    {name: _code_list_doc(codes) for name, codes in CODE_LISTS.items()},
)
CODE_LIST = plain(
    "CodeList",
    "A list of the codes that a property can have.",
    {
        "name": (CODE_LIST_NAME, "The name of the code list."),
        "entries": (
            listing(
                plain(
                    "CodeListEntry",
                    "A code of a code list, with its labels.",
                    {
                        "code": (str, "The code, as properties and filters contain it."),
                        "labelId": (str, "The label of the code in Indonesian."),
                        "labelEn": (str, "The label of the code in English."),
                        "label": (str, "The label of the code in the language of the request."),
                    },
                )
            ),
            "The codes of the list, in the order of the list.",
        ),
    },
)


KINDS = enumeration(
    "Kind",
    {snake(kind.__name__).upper(): kind.__name__ for kind in MODEL},
    "A kind of record.",
    {snake(kind.__name__).upper(): doc_of(kind) for kind in MODEL},
)


def _link_docs() -> dict[str, str]:
    """Return a sentence that describes each type of link, such as "Agency provides Service"."""
    found: dict[str, list[str]] = {}
    for link in MODEL.links():
        found.setdefault(link.relation, []).append(f"{link.start} {PHRASES[link.relation][0]} {link.end}")
    return {relation: f"{'; '.join(dict.fromkeys(each))}." for relation, each in found.items()}


LINKS = enumeration("Link", {one: one for one in _link_docs()}, "A type of link between records.", _link_docs())
GROUP_BY = enumeration(
    "GroupBy",
    {by.upper(): by for by in GROUPS},
    "What agencies are grouped by.",
    {by.upper(): f"Agencies by {by.replace('_', ' ')}." for by in GROUPS},
)


OPERATOR_DOCS = {
    "eq": "Equal to the value; null means that no value is recorded.",
    "ne": "Not equal to the value; null means that a value is recorded.",
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


def filter_of(declared: Property) -> tuple[str, tuple[str, ...], Any]:
    """Return the name of a property's filter type, the operators of the filter, and the type of their operands."""
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
