"""The building blocks of the model: `prop()`, `link()`, `Kind` and `Model`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Self, TypeVar, get_args, get_origin, get_type_hints

from registry.model.values import Value

Target = TypeVar("Target")
ALWAYS_KEPT = ("created", "updated", "version")
EVERYWHERE = ("access", "status")  # the code lists that every record has a code of


class Many(Generic[Target]):
    """Annotates a link to any number of records of a kind."""


class One(Generic[Target]):
    """Annotates a link to at most one record of a kind."""


@dataclass(frozen=True)
class Property:
    """Something known about a record or a link: its value type, its rules, and who may see it."""

    doc: str
    required: bool = False
    face: bool = False
    codes: str | None = None
    at_least: float | None = None
    above: float | None = None  # it is more than this
    not_before: str | None = None  # a day: not before the day that another property holds
    not_above: str | None = None  # a number: at most what another property holds
    term: bool = False  # what parties agree to: when it changes, what they said of it was said of other terms
    refers_to: str | None = None
    kept_by_us: bool = False
    sought: bool = False  # records are looked for by it: it has an index
    by_step: bool = False  # by hand it is only set by a step of its own, such as an answer
    name: str = ""
    value: type[Value] = Value

    @property
    def promised(self) -> bool:
        """Whether everybody who may see the record finds a value here."""
        return self.face and (self.required or self.name in ALWAYS_KEPT)

    @property
    def sorts(self) -> bool:
        """Whether it sorts the records of a kind by a code list of their own, which everybody who sees them sees."""
        return self.face and self.codes not in (None, *EVERYWHERE)


@dataclass(frozen=True)
class Link:
    """A relation between two kinds, declared once; `start` and `end` follow its direction in the graph.

    `doc` says what its properties tell; a link without properties has none.
    """

    relation: str
    doc: str
    start: str
    end: str
    properties: Mapping[str, Property]
    face: bool
    speaks: bool = False  # by hand only who acts for the agency that is declared may tie it
    keyed: bool = False  # several may join the same two: all but one have the id of the record they follow from as key
    acyclic: bool = False  # by it no record leads back to itself
    at_least: int = 0  # of a record that is handed in or published, so many
    term: bool = False  # what parties agree to, as Property.term

    @property
    def dated(self) -> bool:
        """Whether it runs from a day to a day, so that on a given day it is current, has ended or is upcoming."""
        return {"since", "until"} <= self.properties.keys()


@dataclass(frozen=True)
class End:
    """A link as seen from one of the two kinds it ties, and what it is from there: `agency.provides`, `service.providers`."""

    name: str
    doc: str
    link: Link
    outgoing: bool
    single: bool
    declared: bool

    @property
    def kind(self) -> str:
        """The kind that has this end."""
        return self.link.start if self.outgoing else self.link.end

    @property
    def target(self) -> str:
        """The kind at the far end."""
        return self.link.end if self.outgoing else self.link.start


@dataclass(frozen=True)
class Declared:
    """What `link()` was told, until `Model` knows both kinds."""

    relation: str
    doc: str
    reverse: str
    reverse_doc: str
    incoming: bool
    properties: type | None
    face: bool
    rules: Mapping[str, Any]


def prop(doc: str, **rules: Any) -> Any:
    """Declare a property. Its rules are the fields of `Property`; a `face` is seen also where access is restricted."""
    return Property(doc, **rules)


def link(
    relation: str,
    doc: str,
    *,
    reverse: str,
    reverse_doc: str,
    incoming: bool = False,
    props: type | None = None,
    face: bool = False,
    **rules: Any,
) -> Any:
    """Declare a link of this kind; `reverse` names it, and `reverse_doc` says what it is, as seen from the far kind.

    `rules` are further fields of `Link`.
    """
    return Declared(relation, doc, reverse, reverse_doc, incoming, props, face, rules)


class Kind:
    """A kind of record. Subclasses declare properties and links; `Model` fills in what is derived from them."""

    plural: ClassVar[str] = ""
    abstract: ClassVar[bool] = True
    kept_by_us: ClassVar[bool] = False
    by_step: ClassVar[bool] = False
    named: ClassVar[bool] = True
    erasable: ClassVar[tuple[str, ...]] = ()
    properties: ClassVar[dict[str, Property]]
    ends: ClassVar[dict[str, End]]

    def __init_subclass__(
        cls,
        *,
        plural: str = "",
        kept_by_us: bool = False,
        by_step: bool = False,
        named: bool = True,
        erasable: tuple[str, ...] = (),
    ) -> None:
        cls.plural, cls.abstract, cls.kept_by_us, cls.named = plural, not plural, kept_by_us, named
        cls.by_step = by_step  # what somebody says to another: it comes of steps of its own, and nobody rewrites it
        cls.erasable = erasable  # what people write who may ask that it is erased
        cls.properties, cls.ends = {}, {}


class Model:
    """All kinds, tied together: `model["Agency"].properties`, `model["Agency"].ends`."""

    def __init__(self, *kinds: type[Kind]) -> None:
        self.kinds = {kind.__name__: kind for kind in kinds}
        for kind in kinds:
            kind.properties.update(_properties(kind))
        for kind in kinds:
            for ends in _ends(kind):
                for end in ends:
                    self._add(end)

    def __getitem__(self, name: str) -> type[Kind]:
        return self.kinds[name]

    def __iter__(self) -> Iterator[type[Kind]]:
        return iter(self.kinds.values())

    def links(self) -> list[Link]:
        """Return every link once, in the order of declaration."""
        return [end.link for kind in self for end in kind.ends.values() if end.declared]

    def _add(self, end: End) -> None:
        ends = self.kinds[end.kind].ends
        if end.name in ends or end.name in self.kinds[end.kind].properties:
            raise TypeError(f"{end.kind}.{end.name} is declared twice")
        ends[end.name] = end


def _properties(declared: type) -> dict[str, Property]:
    """Return the properties of a class and of those it inherits from, eldest first."""
    found = {}
    for owner in reversed(declared.__mro__):
        for name, value in vars(owner).items():
            if isinstance(value, Property):
                found[name] = replace(value, name=name, value=get_type_hints(owner)[name])
    return found


def _ends(kind: type[Kind]) -> Iterator[tuple[End, End]]:
    for owner in reversed(kind.__mro__):
        for name, value in vars(owner).items():
            if isinstance(value, Declared):
                yield _both_ends(kind, name, value, get_type_hints(owner)[name])


def _both_ends(kind: type[Kind], name: str, declared: Declared, hint: Any) -> tuple[End, End]:
    target = kind if get_args(hint) == (Self,) else get_args(hint)[0]
    start, end = (target, kind) if declared.incoming else (kind, target)
    properties = _properties(declared.properties) if declared.properties else {}
    doc = str(declared.properties.__doc__) if declared.properties else ""
    relation, face = declared.relation, declared.face
    link = Link(relation, doc, start.__name__, end.__name__, properties, face, **declared.rules)
    here = End(name, declared.doc, link, outgoing=not declared.incoming, single=get_origin(hint) is One, declared=True)
    return here, End(
        declared.reverse, declared.reverse_doc, link, outgoing=declared.incoming, single=False, declared=False
    )


def snake(name: str) -> str:
    """Return a kind's name as it stands in tables and addresses: BusinessUnit, business_unit."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
