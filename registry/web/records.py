"""The content of a record page.

The content consists of facts, linked records, a small graph, the assessments of an agreement by its parties, and the records
affected by a failure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from registry.database.exploration import DEPENDENTS
from registry.i18n import _, day, number
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Property
from registry.model.values import Url
from registry.web.base import list_path, other_end, param, record_path
from registry.web.presenters import SCALES, Data, RecordSummary, link_summaries, record_summary, value_text
from registry.web.queries import is_term, link_selection, own_properties, summary_selection
from registry.web.templating import code_label, counted, label, level_label
from schema.explore import DEPTH
from schema.schema import facets_of
from schema.types import camel, field_of

AT_ONCE = 20
OTHER_PERIODS = (
    "ended",
    "upcoming",
)  # periods of links that are not current; links of each period are listed and counted separately
CHANNELS = f"channels(first: 5) {{ {summary_selection(MODEL['Channel'])} }}"
STATEMENT_FIELDS = "id name withheld scale level on agency { id name }"
HIT_FIELDS = "{ lost text record { id name } }"
IMPACT = f"""query Impact($of: ID!, $asOf: Date) {{
  impact(of: $of, asOf: $asOf, depth: {DEPTH}) {{
    totals {{ kind lost degraded }}
    services {HIT_FIELDS}
    resources {HIT_FIELDS}
    providers {{
      agency {{ id name }}
      stopped {{ id name }}
      degraded {{ id name }}
      stoppedCount
      degradedCount
    }}
    users {HIT_FIELDS}
    providersStoppedCount
    providersDegradedCount
    usersCount
    withheld
    complete
  }}
}}
"""
OF_ANY_KIND = "query Any($id: ID!) {\n  record(id: $id) { __typename }\n}\n"


def record_operation(kind: type[Kind]) -> str:
    """Return the GraphQL operation that reads a record of a kind and, for each link, the first linked records."""
    own = [camel(one.name) for one in kind.properties.values() if not one.refers_to]
    return "\n".join(
        [
            f"query {kind.__name__}($id: ID!{', $asOf: Date' if is_dated(kind) else ''}) {{",
            f"  {field_of(kind)}(id: $id) {{",
            f"    {' '.join(own)} withheld",
            f"    steward {{ id name website {CHANNELS} }}",
            "    source { id name }",
            *(f"    {line}" for end in kind.ends.values() for line in _link_selections(end)),
            "  }",
            "}",
            "",
        ]
    )


def record_variables(kind: type[Kind], one: str, day: str) -> dict[str, str]:
    """Return the variables of the operation that reads a record, with its links as of a day."""
    return {"id": one, "asOf": day} if is_dated(kind) else {"id": one}


def is_dated(kind: type[Kind]) -> bool:
    """Return whether links of a kind have dates, or lead to agreements, which have dates."""
    return any(end.link.dated or _leads_to_agreements(end) for end in kind.ends.values())


def _leads_to_agreements(end: End) -> bool:
    return end.target == "Partnership" and not end.single


def _link_selections(end: End) -> Iterator[str]:
    name = camel(end.name)
    far = link_selection(end, STATEMENT_FIELDS if is_compared(end) else summary_selection(MODEL[end.target]))
    if end.single:
        yield f"{name} {far}"
        return
    # Agreements that have ended come last, because a missing last day is later than all days.
    by_end = f", order: [{_of_far(end, '{validUntil: DESC}')}]" if _leads_to_agreements(end) else ""
    also = ", asOf: $asOf" if end.link.dated else by_end
    yield f"{name}(first: {AT_ONCE}{also}) {far}"
    yield f"{name}Count" + ("(asOf: $asOf)" if end.link.dated else "")
    for period, asked in _other_periods(end).items():
        yield f"{name}{period.title()}: {name}(first: {AT_ONCE}, {asked}) {far}"
        yield f"{name}{period.title()}Count: {name}Count({asked})"


def _other_periods(end: End) -> dict[str, str]:
    """Return the arguments that select the links that have ended, and those that have not started yet."""
    if end.link.dated:
        return {period: f"period: {period.upper()}, asOf: $asOf" for period in OTHER_PERIODS}
    if _leads_to_agreements(end):
        asked = {"ended": "{validUntil: {lt: $asOf}}", "upcoming": "{validFrom: {gt: $asOf}}"}
        return {period: f"where: {_of_far(end, one)}" for period, one in asked.items()}
    return {}


def _of_far(end: End, asked: str) -> str:
    """Return a condition or an order on the far record as an argument of the list of a link."""
    return f"{{{field_of(end.target)}: {asked}}}" if end.link.properties else asked


def is_compared(end: End) -> bool:
    """Return whether a link leads from an agreement to the assessments of its parties.

    The page shows these assessments in a comparison and not in a list.
    """
    return end.kind == "Partnership" and end.target == "Statement"


COMBINED_PROPERTIES = ("unit", *SCALES.values())


@dataclass(frozen=True)
class Fact:
    """A fact about a record: a heading with a text or with linked records. If `url` is true, the text is a web address."""

    heading: str
    text: str = ""
    url: bool = False
    records: Sequence[RecordSummary] = ()


@dataclass(frozen=True)
class Section:
    """The linked records of one link: the first records, the number of records, and the path of the full list.

    The full list has `total` records. `with_parts` says that it also has the records of narrower terms. `apart` has the links that
    have ended and those that have not started yet. `unknown` says that the user does not see all dates, so that some of the records
    may have ended.
    """

    name: str
    heading: str
    records: Sequence[RecordSummary]
    count: int
    path: str
    total: int
    with_parts: bool
    apart: Sequence["OtherPeriod"] = ()
    unknown: bool = False

    @property
    def counts(self) -> str:
        """The number of records as text.

        If some links have ended or not started yet, the text gives the number of current, ended and upcoming links.
        """
        if not self.apart:
            return number(self.count)
        now = _("{n} now or with dates that are not shown") if self.unknown else _("{n} now")
        return ", ".join([now.format(n=number(self.count)), *(one.text for one in self.apart)])


@dataclass(frozen=True)
class OtherPeriod:
    """The links that have ended, or those that have not started yet: their number as text, and the first records."""

    text: str
    records: Sequence[RecordSummary]
    count: int


def record_facts(kind: type[Kind], record: Data, today: str) -> list[Fact]:
    """Return the facts of a record: its own properties, and the links that describe it, such as its sectors."""
    lines = [_property_fact(one, record) for one in own_properties(kind) if one.name not in COMBINED_PROPERTIES]
    lines += [
        Fact(label(end.name), records=link_summaries(end, record[camel(end.name)], today))
        for end in kind.ends.values()
        if _describes(end)
    ]
    return [one for one in lines if one.text or one.records]


def _property_fact(one: Property, record: Data) -> Fact:
    text = value_text(one, record)
    scale = record.get(camel(SCALES.get(one.name, "")))
    named = f"{text} ({code_label('level-scale', scale)})" if text and scale else text
    return Fact(label(one.name), named, url=one.value is Url)


def record_sections(kind: type[Kind], record: Data, today: str) -> list[Section]:
    """Return a section for each link of a record. Links that are shown as facts are left out."""
    linked = [end for end in kind.ends.values() if not _describes(end) and not is_compared(end)]
    linked.sort(key=lambda end: end.target == end.kind)
    every = (_make_section(end, record, today) for end in linked)
    return [one for one in every if one.records or one.apart]


def unknown_labels(kind: type[Kind], record: Data) -> list[str]:
    """Return the labels of the links of which the user sees none, but may not see all."""
    if record["withheld"]:
        return []
    ends = (end for end in kind.ends.values() if not end.single)
    return [label(end.name) for end in ends if record[camel(end.name)] is None and not _has_other_periods(end, record)]


def _has_other_periods(end: End, record: Data) -> bool:
    return any(record[f"{camel(end.name)}{period.title()}Count"] for period in _other_periods(end))


def _make_section(end: End, record: Data, today: str) -> Section:
    answered = record[camel(end.name)]
    count = record.get(f"{camel(end.name)}Count", 1) or 0
    back = other_end(end).name
    path, with_parts = list_path(end.target, [(param(back), record["id"])]), back in facets_of(MODEL[end.target])
    apart = [one for period in _other_periods(end) for one in _other_period(end, period, record, today)]
    shown, total, unknown = link_summaries(end, answered, today), count, False
    if _leads_to_agreements(end):  # the list of agreements also has those that are shown apart
        elsewhere = {each.id for one in apart for each in one.records}
        shown, count = [one for one in shown if one.id not in elsewhere], count - sum(one.count for one in apart)
        unknown = any(one.status and one.status.code == "unseen" for one in shown)
    return Section(end.name, label(end.name), shown, count, path, total, with_parts, apart, unknown)


def _other_period(end: End, period: str, record: Data, today: str) -> Iterator[OtherPeriod]:
    name = f"{camel(end.name)}{period.title()}"
    text = {"ended": _("{n} ended"), "upcoming": _("{n} upcoming")}[period]
    if count := record[f"{name}Count"]:
        yield OtherPeriod(text.format(n=number(count)), link_summaries(end, record[name], today), count)


def _describes(end: End) -> bool:
    """Return whether a link describes a record, so that it is shown as a fact.

    Links to vocabulary terms and to a parent describe a record.
    """
    few = end.single or is_term(MODEL[end.target]) or end.target == end.kind
    return end.declared and few and not end.link.properties


def hidden_labels(kind: type[Kind], record: Data) -> list[str]:
    """Return the labels of the properties and links that the user may not see."""
    if not record["withheld"]:
        return []
    hidden = [one.name for one in own_properties(kind) if not one.summary]
    return [
        label(name)
        for name in ["description", *hidden, *(end.name for end in kind.ends.values() if not end.link.summary)]
    ]


def steward(record: Data, today: str) -> tuple[RecordSummary, Sequence[RecordSummary]] | None:
    """Return the steward of a record and the steward's contact channels. If the record has no steward, return None."""
    one = record["steward"]
    if one is None:
        return None
    return record_summary("Agency", one), link_summaries(MODEL["Agency"].ends["channels"], one["channels"], today)


LINKS, OF_EACH = 5, 2  # the number of links in the small graph, and the number of records per link
ROW, HEADING, MARGIN = 20, 25, 8
LONGEST = 33


@dataclass(frozen=True)
class DrawnLine:
    """A line of text at height `y` in the small graph. If `kind` is set, the line is a record, otherwise the heading of a link.

    `full` is the title of the record if the text is shortened.
    """

    text: str
    y: int
    kind: str = ""
    full: str = ""


@dataclass(frozen=True)
class SmallGraph:
    """A drawing of a record and the records linked to it.

    The fields are the lines of the drawing, from top to bottom, and its height. The record itself is at half the height.
    """

    lines: Sequence[DrawnLine]
    height: int


def small_graph(sections: Sequence[Section]) -> SmallGraph | None:
    """Return the small graph of a record. If no records are linked to the record, return None."""
    if not any(one.records for one in sections):
        return None
    lines = list(_drawn_lines(sections))
    return SmallGraph(lines, lines[-1].y + ROW // 2 + MARGIN)


def _drawn_lines(sections: Sequence[Section]) -> Iterator[DrawnLine]:
    y = 0
    drawn = [(one, one.records[:OF_EACH]) for one in sections if one.records][:LINKS]
    short = short_titles([record.title for _section, records in drawn for record in records])
    for section, records in drawn:
        y += HEADING
        yield DrawnLine(f"{section.heading} ({number(section.count)})", y)
        for one in records:
            y += ROW
            text = short[one.title]
            yield DrawnLine(text, y, one.kind, one.title if text != one.title else "")


def short_titles(titles: Iterable[str], longest: int = LONGEST) -> dict[str, str]:
    """Return each title with at most `longest` characters. The first word that distinguishes it from the other titles is kept."""
    ordered = sorted(set(titles))
    shared = [_shared_start(one, two) for one, two in pairwise(ordered)]
    starts = (max(shared[max(place - 1, 0) : place + 1], default=0) for place in range(len(ordered)))
    return {title: _shortened(title, start, longest) for title, start in zip(ordered, starts, strict=True)}


def _shared_start(one: str, two: str) -> int:
    """Return the length of the longest common start of two texts that ends with a word."""
    length = next(
        (place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two))
    )
    return length if length in (len(one), len(two)) else one.rfind(" ", 0, length) + 1


def _shortened(text: str, start: int, longest: int) -> str:
    """Shorten a text in its middle. If the first `start` characters leave no room for the next word, shorten these characters."""
    if len(text) <= longest:
        return text
    needed = start + len(text[start:].lstrip().partition(" ")[0])
    if needed < longest:
        tail = min(longest // 3, longest - 1 - needed)
        return f"{text[: longest - 1 - tail].rstrip()}…{text[len(text) - tail :].lstrip()}"
    if not start:
        return text[: longest - 1].rstrip() + "…"
    room = longest - 1 - len(text[start:])
    if room > 1:
        return f"{text[:room].rstrip()}…{text[start:]}"
    return f"{text[:3].rstrip()}…{text[start:]}"[: longest - 1].rstrip() + "…"


@dataclass(frozen=True)
class StatedLevel:
    """The level of cooperation that one party reports, as text and number, and the day of the report."""

    agency: RecordSummary
    text: str
    level: int
    day: str


@dataclass(frozen=True)
class LevelComparison:
    """The levels of cooperation that the parties of an agreement report on one scale."""

    scale: str
    stated: Sequence[StatedLevel]

    @property
    def difference(self) -> int:
        """The difference between the highest and the lowest level."""
        levels = [one.level for one in self.stated]
        return max(levels) - min(levels)


def compare_levels(statements: Sequence[Data]) -> list[LevelComparison]:
    """For each scale, return the latest level of cooperation that each party reports.

    An assessment is left out if the user may not see it or its party.
    """
    known = [one for one in statements if one["scale"] and one["agency"]]
    latest = {(one["scale"], one["agency"]["id"]): one for one in sorted(known, key=lambda one: str(one["on"]))}
    scales = dict.fromkeys(scale for scale, _agency in latest)
    return [
        LevelComparison(
            code_label("level-scale", scale), [_stated_level(one) for one in latest.values() if one["scale"] == scale]
        )
        for scale in scales
    ]


def _stated_level(one: Data) -> StatedLevel:
    return StatedLevel(
        record_summary("Agency", one["agency"]), level_label(one["scale"], one["level"]), one["level"], day(one["on"])
    )


KIND_OF_GROUP = {"services": "Service", "resources": "Resource"}


@dataclass(frozen=True)
class ImpactLine:
    """A record that would fail or work less well if another record became unavailable, with the reason as text."""

    name: str
    path: str
    lost: bool
    text: str


@dataclass(frozen=True)
class ImpactGroup:
    """The first affected records of one type, with their number and a heading that says what they are."""

    heading: str
    lines: Sequence[ImpactLine]
    count: int


@dataclass(frozen=True)
class ImpactView:
    """The records that are affected if a record becomes unavailable, by type.

    `area` says in how many areas affected services are offered. `withheld` says that more records may be affected through links
    that the user may not see. If `complete` is false, a limit ended the search. `direct` is the number of records that depend
    directly on the record, if they are too many to follow on the page of the record.
    """

    groups: Sequence[ImpactGroup] = ()
    areas: str = ""
    withheld: bool = False
    complete: bool = True
    direct: int = 0


def count_direct(kind: type[Kind], record: Data) -> int:
    """Return the number of records that depend directly on a record, as far as the user sees them."""
    links = {
        (link.relation, link.kind, link.forward) for link in DEPENDENTS.get(kind.__name__, ()) if link.kind != "Area"
    }
    ends = (end for end in kind.ends.values() if (end.link.relation, end.target, end.outgoing) in links)
    return sum(record[f"{camel(end.name)}Count"] or 0 for end in ends)


def impact_view(impact: Data | None) -> ImpactView | None:
    """Return the view of the result of an `impact` query. If no record is affected and none is hidden, return None."""
    if not impact:
        return None
    totals = {one["kind"]: one for one in impact["totals"]}
    groups = [*_affected_things(impact, totals), *_affected_agencies(impact)]
    if not (groups or impact["withheld"] or not impact["complete"]):
        return None
    areas = totals["Area"]["lost"] + totals["Area"]["degraded"]
    return ImpactView(groups, counted("Area", areas) if areas > 1 else "", impact["withheld"], impact["complete"])


def _affected_things(impact: Data, totals: Mapping[str, Data]) -> Iterator[ImpactGroup]:
    for lost in (True, False):
        for group, kind in KIND_OF_GROUP.items():
            count = totals[kind]["lost" if lost else "degraded"]
            heading = _("{what} would stop") if lost else _("{what} would work less well")
            if count:
                lines = [_impact_line(kind, one) for one in impact[group] if one["lost"] is lost]
                yield ImpactGroup(heading.format(what=counted(kind, count)), lines, count)


def _affected_agencies(impact: Data) -> Iterator[ImpactGroup]:
    """Yield the agencies whose services stop, those whose services only work less well, and those that use an affected resource."""
    stopped = [_provider_line(one, "stopped") for one in impact["providers"] if one["stoppedCount"]]
    degraded = [_provider_line(one, "degraded") for one in impact["providers"] if not one["stoppedCount"]]
    users = [_impact_line("Agency", one) for one in impact["users"]]
    for heading, lines, count in (
        (_("{what}: own services would stop"), stopped, impact["providersStoppedCount"]),
        (_("{what}: own services would work less well"), degraded, impact["providersDegradedCount"]),
        (_("{what}: use an affected resource"), users, impact["usersCount"]),
    ):
        if count:
            yield ImpactGroup(heading.format(what=counted("Agency", count)), lines, count)


def _provider_line(one: Data, which: str) -> ImpactLine:
    agency, more = one["agency"], one[f"{which}Count"] - OF_EACH
    named = ", ".join(each["name"] for each in one[which][:OF_EACH])
    text = _("{names} and {n} more").format(names=named, n=number(more)) if more > 0 else named
    return ImpactLine(agency["name"], record_path("Agency", agency["id"]), which == "stopped", text)


def _impact_line(kind: str, one: Data) -> ImpactLine:
    record = one["record"]
    return ImpactLine(record["name"], record_path(kind, record["id"]), one["lost"], one["text"])
