"""What a record page shows: properties, links, small graph, statements of parties, impact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registry.i18n import _, day, number
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Property
from registry.model.values import Url
from registry.web.base import list_path, other_end, param, record_path
from registry.web.presenters import SCALES, Data, RecordSummary, items, shown, value_text
from registry.web.queries import glance, is_term, linked, own
from registry.web.templating import code_label, how_many, label, level_label
from schema.schema import facets_of
from schema.types import camel, field_of

AT_ONCE = 20
APART = ("ended", "upcoming")  # links that are not current, shown and counted apart
CHANNELS = f"channels(first: 5) {{ {glance(MODEL['Channel'])} }}"
STATED = "id name withheld scale level on agency { id name }"
HIT = "{ lost text record { id name } }"
IMPACT = f"""query Impact($of: ID!) {{
  impact(of: $of) {{
    services {HIT}
    resources {HIT}
    agencies {HIT}
    areas {HIT}
    withheld
  }}
}}
"""
OF_ANY_KIND = "query Any($id: ID!) {\n  record(id: $id) { __typename }\n}\n"


def operation(kind: type[Kind]) -> str:
    """Return the operation that asks for a record of a kind and for the first of all that is linked to it."""
    own = [camel(one.name) for one in kind.properties.values() if not one.refers_to]
    return "\n".join(
        [
            f"query {kind.__name__}($id: ID!) {{",
            f"  {field_of(kind)}(id: $id) {{",
            f"    {' '.join(own)} withheld",
            f"    steward {{ id name website {CHANNELS} }}",
            "    source { id name }",
            *(f"    {line}" for end in kind.ends.values() for line in _asked(end)),
            "  }",
            "}",
            "",
        ]
    )


def _asked(end: End) -> Iterator[str]:
    name = camel(end.name)
    far = linked(end, STATED if compares(end) else glance(MODEL[end.target]))
    yield f"{name} {far}" if end.single else f"{name}(first: {AT_ONCE}) {far}"
    if not end.single:
        yield f"{name}Count"
    if end.link.dated:
        for period in APART:
            asked = f"period: {period.upper()}"
            yield f"{name}{period.title()}: {name}(first: {AT_ONCE}, {asked}) {far}"
            yield f"{name}{period.title()}Count: {name}Count({asked})"


def compares(end: End) -> bool:
    """Tell whether a link leads to what the parties of an agreement say, which a page shows side by side."""
    return end.kind == "Partnership" and end.target == "Statement"


PUT_TOGETHER = ("unit", *SCALES.values())


@dataclass(frozen=True)
class Fact:
    """A line of what is known: a text, which may be an address on the web, or records."""

    heading: str
    text: str = ""
    url: bool = False
    records: Sequence[RecordSummary] = ()


@dataclass(frozen=True)
class Section:
    """The records of a link: the first of them, how many there are, and where all are listed, of a term's parts too."""

    name: str
    heading: str
    records: Sequence[RecordSummary]
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
    records: Sequence[RecordSummary]


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


def steward(record: Data, today: str) -> tuple[RecordSummary, Sequence[RecordSummary]] | None:
    """Return who answers for a record, and the channels by which it is reached."""
    one = record["steward"]
    if one is None:
        return None
    return shown("Agency", one), items(MODEL["Agency"].ends["channels"], one["channels"], today)


LINKS, OF_EACH = 5, 2  # as many as are read at a glance
ROW, HEADING, MARGIN = 20, 25, 8
LONGEST = 33


@dataclass(frozen=True)
class DrawnLine:
    """A line of text in the drawing, this far from its top: the heading of a link, or, with a kind, a record."""

    text: str
    y: int
    kind: str = ""


@dataclass(frozen=True)
class Star:
    """The lines of a drawing from its top, and how high it is; the record itself stands half-way."""

    lines: Sequence[DrawnLine]
    height: int


def star(sections: Sequence[Section]) -> Star | None:
    """Return the drawing of what is linked to a record; None where nothing is."""
    if not any(one.records for one in sections):
        return None
    lines = list(_lines(sections))
    return Star(lines, lines[-1].y + ROW // 2 + MARGIN)


def _lines(sections: Sequence[Section]) -> Iterator[DrawnLine]:
    y = 0
    for section in [one for one in sections if one.records][:LINKS]:
        y += HEADING
        yield DrawnLine(f"{section.heading} ({section.count})", y)
        for one in section.records[:OF_EACH]:
            y += ROW
            yield DrawnLine(_short(one.title), y, one.kind)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


@dataclass(frozen=True)
class Said:
    """What one party says: its level in words and as a number, and the day."""

    agency: RecordSummary
    text: str
    level: int
    day: str


@dataclass(frozen=True)
class AssessmentComparison:
    """What the parties say on one scale; `difference` is that of the highest and the lowest level."""

    scale: str
    said: Sequence[Said]

    @property
    def difference(self) -> int:
        """How far apart they are."""
        levels = [one.level for one in self.said]
        return max(levels) - min(levels)


def compared(statements: Sequence[Data]) -> list[AssessmentComparison]:
    """Return what is said by scale; statements that the visitor may not see, or whose party they may not, are left out."""
    known = [one for one in statements if one["scale"] and one["agency"]]
    latest = {(one["scale"], one["agency"]["id"]): one for one in sorted(known, key=lambda one: str(one["on"]))}
    scales = dict.fromkeys(scale for scale, _agency in latest)
    return [
        AssessmentComparison(
            code_label("level-scale", scale), [_said(one) for one in latest.values() if one["scale"] == scale]
        )
        for scale in scales
    ]


def _said(one: Data) -> Said:
    return Said(shown("Agency", one["agency"]), level_label(one["scale"], one["level"]), one["level"], day(one["on"]))


KINDS = {"services": "Service", "resources": "Resource", "agencies": "Agency", "areas": "Area"}
HIT_STOPPING = ("services", "resources", "agencies")


@dataclass(frozen=True)
class ImpactLine:
    """A record that is hit: lost, or only degraded; and why, in words."""

    name: str
    path: str
    lost: bool
    text: str


@dataclass(frozen=True)
class Stopping:
    """All that is hit: how much of what, in words, and each with its chain, what is lost first.

    `withheld` tells that more may be hit, by links that the visitor does not see.
    """

    summary: Sequence[str]
    hits: Sequence[ImpactLine]
    withheld: bool


def stopping(impact: Data | None) -> Stopping | None:
    """Return what an answer of `impact` says; nothing where nothing is hit, nor may be."""
    if not impact or not any(impact.values()):
        return None
    hits = [_hit(KINDS[group], one) for group in HIT_STOPPING for one in impact[group]]
    return Stopping(_summary(impact), sorted(hits, key=lambda hit: not hit.lost), impact["withheld"])


def _summary(impact: Data) -> list[str]:
    lost, degraded = (_counted(impact, lost=lost) for lost in (True, False))
    return [
        *([_("stops: {what}").format(what=", ".join(lost))] if lost else []),
        *([_("works less well: {what}").format(what=", ".join(degraded))] if degraded else []),
        *([_("in {n} areas").format(n=number(len(impact["areas"])))] if len(impact["areas"]) > 1 else []),
    ]


def _counted(impact: Data, *, lost: bool) -> list[str]:
    counts = {group: sum(1 for one in impact[group] if one["lost"] is lost) for group in HIT_STOPPING}
    return [f"{number(count)} {how_many(KINDS[group], count)}" for group, count in counts.items() if count]


def _hit(kind: str, one: Data) -> ImpactLine:
    record = one["record"]
    return ImpactLine(record["name"], record_path(kind, record["id"]), one["lost"], one["text"])
