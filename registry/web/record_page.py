"""What the page of a record shows: what is known of it, what is linked to it, and what is not shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registry.figures import number
from registry.model import MODEL
from registry.modelling import End, Kind, Property
from registry.values import Url
from registry.web.addresses import list_path, other_end, param
from registry.web.record import APART, compares
from registry.web.selecting import is_term, own
from registry.web.showing import SCALES, Data, Shown, items, shown, value_text
from registry.web.wording import code_label, label
from registry.words import _
from schema.graph_api import facets_of
from schema.names import camel

PUT_TOGETHER = ("unit", *SCALES.values())


@dataclass(frozen=True)
class Fact:
    """A line of what is known: a text, which may be an address on the web, or records."""

    heading: str
    text: str = ""
    url: bool = False
    records: Sequence[Shown] = ()


@dataclass(frozen=True)
class Section:
    """The records of a link: the first of them, how many there are, and where all are listed, of a term's parts too."""

    name: str
    heading: str
    records: Sequence[Shown]
    count: int
    path: str
    with_parts: bool
    apart: Sequence["Apart"] = ()

    @property
    def counts(self) -> str:
        """How many there are; where some have ended or are upcoming, how many now."""
        if not self.apart:
            return number(self.count)
        return ", ".join([_("{n} now").format(n=number(self.count)), *(one.text for one in self.apart)])


@dataclass(frozen=True)
class Apart:
    """Links that have ended, or are upcoming: how many in words, and the first of them."""

    text: str
    records: Sequence[Shown]


def facts(kind: type[Kind], record: Data, today: str) -> list[Fact]:
    """Return what is known of a record itself, and the records that say what it is: its terms, what it is part of."""
    told = [_fact(one, record) for one in own(kind) if one.name not in PUT_TOGETHER]
    told += [
        Fact(label(end.name), records=items(end, record[camel(end.name)], today))
        for end in kind.ends.values()
        if _describes(end)
    ]
    return [one for one in told if one.text or one.records]


def _fact(one: Property, record: Data) -> Fact:
    text = value_text(one, record)
    scale = record.get(camel(SCALES.get(one.name, "")))
    named = f"{text} ({code_label('level-scale', scale)})" if text and scale else text
    return Fact(label(one.name), named, url=one.value is Url)


def sections(kind: type[Kind], record: Data, today: str) -> list[Section]:
    """Return what is linked to a record, a section a link."""
    linked = [end for end in kind.ends.values() if not _describes(end) and not compares(end)]
    linked.sort(key=lambda end: end.target == end.kind)
    every = (_section(end, record, today) for end in linked)
    return [one for one in every if one.records or one.apart]


def _section(end: End, record: Data, today: str) -> Section:
    answered = record[camel(end.name)]
    count = record.get(f"{camel(end.name)}Count", 1)
    back = other_end(end).name
    path, with_parts = list_path(end.target, [(param(back), record["id"])]), back in facets_of(MODEL[end.target])
    apart = [one for period in APART if end.link.dated for one in _apart(end, period, record, today)]
    return Section(end.name, label(end.name), items(end, answered, today), count, path, with_parts, apart)


def _apart(end: End, period: str, record: Data, today: str) -> Iterator[Apart]:
    name = f"{camel(end.name)}{period.title()}"
    told = {"ended": _("{n} ended"), "upcoming": _("{n} to come")}[period]
    if count := record[f"{name}Count"]:
        yield Apart(told.format(n=number(count)), items(end, record[name], today))


def _describes(end: End) -> bool:
    """Tell whether a link says what a record is, in a line, rather than what it works with."""
    few = end.single or is_term(MODEL[end.target]) or end.target == end.kind
    return end.declared and few and not end.link.properties


def not_shown(kind: type[Kind], record: Data) -> list[str]:
    """Return what a record may hold that the visitor may not see: nothing, unless some of it is withheld."""
    if not record["withheld"]:
        return []
    hidden = [one.name for one in own(kind) if not one.face]
    return [
        label(name) for name in ["description", *hidden, *(end.name for end in kind.ends.values() if not end.link.face)]
    ]


def steward(record: Data, today: str) -> tuple[Shown, Sequence[Shown]] | None:
    """Return who answers for a record, and the channels by which it is reached."""
    one = record["steward"]
    if one is None:
        return None
    return shown("Agency", one), items(MODEL["Agency"].ends["channels"], one["channels"], today)
