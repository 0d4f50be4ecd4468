"""The building blocks of the model: `prop()`, `link()`, `Kind` and `Model`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args, get_origin, get_type_hints

from registry.model.values import Value

Target = TypeVar("Target")
ALWAYS_SET = ("created", "updated", "version")
COMMON_CODE_LISTS = ("access", "status")  # the code lists that every kind uses


class Many(Generic[Target]):
    """Type annotation of a link to any number of records of a kind."""


class One(Generic[Target]):
    """Type annotation of a link to at most one record of a kind."""


@dataclass(frozen=True)
class Property:
    """A property of a record or of a link: its value type, its rules, and its readers."""

    doc: str
    required: bool = False
    summary: bool = False
    codes: str | None = None
    at_least: float | None = None
    above: float | None = None  # the value must be more than this
    not_before: str | None = None  # the name of another property with the earliest day allowed
    not_above: str | None = None  # the name of another property with the maximum allowed
    agreement_term: bool = False  # a term of an agreement: a change voids the parties' confirmations
    refers_to: str | None = None
    read_only: bool = False  # only the registry sets the property
    indexed: bool = False
    by_action: bool = False  # only a record action, such as answering, sets the property; users cannot edit it
    difference: tuple[str, str] | None = None  # computed, not stored: the first of these properties minus the second
    name: str = ""
    value: type[Value] = Value

    @property
    def non_null(self) -> bool:
        """Whether every reader of the record gets a value for the property (non-null in GraphQL)."""
        return self.summary and (self.required or self.name in ALWAYS_SET)

    @property
    def is_category(self) -> bool:
        """Whether the property is part of the summary and holds a code from a code list that belongs to its kind."""
        return self.summary and self.codes not in (None, *COMMON_CODE_LISTS)


@dataclass(frozen=True)
class Link:
    """A link type between two kinds, declared once. `start` and `end` are the kinds at the two ends, in the stored direction.

    `doc` describes the properties of the link. If the link has no properties, `doc` is "".
    """

    relation: str
    doc: str
    start: str
    end: str
    properties: Mapping[str, Property]
    summary: bool
    on_behalf: bool = False  # only users who act for the agency at the far end may add a relationship
    keyed: bool = False  # parallel relationships are allowed; derived ones have the source record's id as key
    acyclic: bool = False  # relationships of this type must not form a cycle
    hierarchy: bool = False  # the record at the end of a relationship contains the record at its start, or is broader
    at_least: int = 0  # the least number of relationships that a proposed or published record needs
    agreement_term: bool = False  # has the same meaning as Property.agreement_term

    @property
    def dated(self) -> bool:
        """Whether relationships have a start and an end date, so that on a given day they are current, ended or upcoming."""
        return {"since", "until"} <= self.properties.keys()


@dataclass(frozen=True)
class End:
    """A link type as seen from one of its two kinds.

    Each of the two kinds has its own name for the link: `Agency.provides`, `Service.providers`.
    """

    name: str
    doc: str
    link: Link
    outgoing: bool
    single: bool
    declared: bool

    @property
    def kind(self) -> str:
        """The name of the kind at this end of the link."""
        return self.link.start if self.outgoing else self.link.end

    @property
    def target(self) -> str:
        """The name of the kind at the far end of the link."""
        return self.link.end if self.outgoing else self.link.start


@dataclass(frozen=True)
class LinkDeclaration:
    """The arguments of `link()`, stored until `Model` knows both kinds."""

    relation: str
    doc: str
    reverse: str
    reverse_doc: str
    incoming: bool
    properties: type | None
    summary: bool
    rules: Mapping[str, Any]


def prop(doc: str, **rules: Any) -> Any:
    """Declare a property. `rules` are the fields of `Property`.

    If `summary` is set, the property is part of the summary, which more users may see than the details.
    """
    return Property(doc, **rules)


def link(
    relation: str,
    doc: str,
    *,
    reverse: str,
    reverse_doc: str,
    incoming: bool = False,
    props: type | None = None,
    summary: bool = False,
    **rules: Any,
) -> Any:
    """Declare a link type that belongs to this kind.

    `reverse` and `reverse_doc` are the link's name and description as seen from the kind at the far end. `rules` are further fields
    of `Link`.
    """
    return LinkDeclaration(relation, doc, reverse, reverse_doc, incoming, props, summary, rules)


class Kind:
    """Base class of the kinds of records. Subclasses declare properties and links; `Model` fills in `properties` and `ends`."""

    plural: ClassVar[str] = ""
    abstract: ClassVar[bool] = True
    read_only: ClassVar[bool] = False
    by_action: ClassVar[bool] = False
    named: ClassVar[bool] = True
    erasable: ClassVar[tuple[str, ...]] = ()
    properties: ClassVar[dict[str, Property]]  # the stored properties
    readable: ClassVar[dict[str, Property]]  # the properties that queries can read: the stored and the computed ones
    ends: ClassVar[dict[str, End]]

    def __init_subclass__(
        cls,
        *,
        plural: str = "",
        read_only: bool = False,
        by_action: bool = False,
        named: bool = True,
        erasable: tuple[str, ...] = (),
    ) -> None:
        cls.plural, cls.abstract, cls.read_only, cls.named = plural, not plural, read_only, named
        cls.by_action = by_action  # only record actions, such as giving feedback, write these records
        cls.erasable = erasable  # properties with personal text that can be erased on request
        cls.properties, cls.readable, cls.ends = {}, {}, {}

    @classmethod
    def period(cls) -> tuple[str, str] | None:
        """Return the names of the properties with the first and the last day of a record, or None if it has no such dates."""
        pairs = (("valid_from", "valid_until"), ("since", "until"))
        return next((pair for pair in pairs if cls.properties.keys() >= set(pair)), None)

    @classmethod
    def parents(cls) -> End | None:
        """Return the link to the records that contain a record of this kind or are broader, or None if there is no hierarchy."""
        return next((end for end in cls.ends.values() if end.link.hierarchy and end.outgoing), None)


class Model:
    """All kinds with their links, such as `model["Agency"].properties` and `model["Agency"].ends`."""

    def __init__(self, *kinds: type[Kind]) -> None:
        self.kinds = {kind.__name__: kind for kind in kinds}
        for kind in kinds:
            kind.readable.update(_properties(kind))
            kind.properties.update({name: one for name, one in kind.readable.items() if one.difference is None})
        for kind in kinds:
            for ends in _ends(kind):
                for end in ends:
                    self._add(end)

    def __getitem__(self, name: str) -> type[Kind]:
        return self.kinds[name]

    def __iter__(self) -> Iterator[type[Kind]]:
        return iter(self.kinds.values())

    def links(self) -> list[Link]:
        """Return every link type once, in the order of declaration."""
        return [end.link for kind in self for end in kind.ends.values() if end.declared]

    def _add(self, end: End) -> None:
        ends = self.kinds[end.kind].ends
        if end.name in ends or end.name in self.kinds[end.kind].properties:
            raise TypeError(f"{end.kind}.{end.name} is declared twice")
        ends[end.name] = end


def _properties(declared: type) -> dict[str, Property]:
    """Return the declared properties of a class, starting with the inherited properties."""
    found = {}
    for owner in reversed(declared.__mro__):
        for name, value in vars(owner).items():
            if isinstance(value, Property):
                found[name] = replace(value, name=name, value=get_type_hints(owner)[name])
    return found


def _ends(kind: type[Kind]) -> Iterator[tuple[End, End]]:
    for owner in reversed(kind.__mro__):
        for name, value in vars(owner).items():
            if isinstance(value, LinkDeclaration):
                yield _both_ends(kind, name, value, get_type_hints(owner)[name])


def _both_ends(kind: type[Kind], name: str, declared: LinkDeclaration, hint: Any) -> tuple[End, End]:
    target = kind if get_args(hint) == (Self,) else get_args(hint)[0]
    start, end = (target, kind) if declared.incoming else (kind, target)
    properties = _properties(declared.properties) if declared.properties else {}
    doc = str(declared.properties.__doc__) if declared.properties else ""
    relation, summary = declared.relation, declared.summary
    link = Link(relation, doc, start.__name__, end.__name__, properties, summary, **declared.rules)
    here = End(name, declared.doc, link, outgoing=not declared.incoming, single=get_origin(hint) is One, declared=True)
    return here, End(
        declared.reverse, declared.reverse_doc, link, outgoing=declared.incoming, single=False, declared=False
    )


def snake(name: str) -> str:
    """Return the name of a kind for tables and addresses, in snake case: `business_unit` for `BusinessUnit`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
