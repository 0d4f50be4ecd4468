"""Present records and agreements as text: titles, paths, status and values."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from registry.i18n import _, day, ngettext, number
from registry.model.definitions import MODEL
from registry.model.kinds import End, Property
from registry.model.values import Date, Flag, Instant, Number
from registry.permissions import Actor
from registry.web.base import other_end, record_path
from registry.web.queries import TITLE_FACTS, PageQueries, fact_properties, identifying_links, title_selection
from registry.web.templating import label, level_label, property_text, shortened, term_label
from schema.limits import PAGE
from schema.types import camel, field_of

SOON_DAYS = 90
Data = Mapping[str, Any]


@dataclass(frozen=True)
class StatusText:
    """The status of an agreement or link: a text for people, and a code for style sheets and programs."""

    code: str
    text: str


def agreement_status(agreement: Data, today: str) -> StatusText:
    """Return the status of an agreement on a day. `agreement` has the fields `AGREEMENT_STATUS`."""
    status = status_text(agreement["validFrom"], agreement["validUntil"], withheld=agreement["withheld"], today=today)
    disputed = any(one["standing"] == "disputed" for one in agreement["positions"])
    if not disputed:
        return status
    return StatusText("disputed", _("disputed by a party ({status} by its dates)").format(status=status.text))


def status_text(valid_from: str | None, valid_until: str | None, *, withheld: bool, today: str) -> StatusText:
    """Return the status on a day that an agreement has by its dates. All dates are ISO 8601 texts."""
    if withheld:
        return StatusText("unseen", _("dates not shown"))
    if valid_until and valid_until < today:
        return StatusText("expired", _("expired on {day}").format(day=day(valid_until)))
    if valid_from and valid_from > today:
        return StatusText("to-come", _("in force from {day}").format(day=day(valid_from)))
    if valid_until is None:
        return StatusText("in-force", _("in force, no end date") if valid_from else _("in force, no dates recorded"))
    left = (date.fromisoformat(valid_until) - date.fromisoformat(today)).days
    if left == 0:
        return StatusText("soon", _("expires today"))
    if left <= SOON_DAYS:
        text = ngettext("expires in {n} day, on {day}", "expires in {n} days, on {day}", left)
        return StatusText("soon", text.format(n=number(left), day=day(valid_until)))
    return StatusText("in-force", _("in force until {day}").format(day=day(valid_until)))


SCALES = {"target_level": "target_scale", "level": "scale"}


@dataclass(frozen=True)
class RecordSummary:
    """A record as one line of a page.

    The line has the record's title, path and status, facts about the record, and facts about the link to the record.
    """

    kind: str
    id: str
    title: str
    details: list[str] = field(default_factory=list)
    status: StatusText | None = None

    @property
    def path(self) -> str:
        """The path of the record's page."""
        return record_path(self.kind, self.id)


def title(kind: str, record: Data) -> str:
    """Return the title of a record.

    The title is the record's name. If the kind has no names, the title consists of the record's first facts. If there are no facts,
    the title is the id.
    """
    if MODEL[kind].named:
        return term_label(record)
    parts = (_title_part(one, record) for one in fact_properties(MODEL[kind])[:TITLE_FACTS])
    return " · ".join(one for one in parts if one) or str(record["id"])


def _title_part(one: Property, record: Data) -> str:
    if one.value is Flag:
        return label(one.name) if record.get(camel(one.name)) else ""
    text = value_text(one, record)
    return f"{label(one.name)}: {text}" if text and one.value in (Date, Instant) else text


def value_text(one: Property, record: Data) -> str:
    """Return a property value as text. A level is followed by its name on the scale, a number by its unit."""
    value = record.get(camel(one.name))
    scale = record.get(camel(SCALES.get(one.name, "")))
    if scale and value is not None:
        return level_label(scale, value)
    text = property_text(one, value)
    return f"{text} {record['unit']}" if text and one.value is Number and record.get("unit") else text


def record_summary(kind: str, record: Data) -> RecordSummary:
    """Return a record as one line with its title only."""
    return RecordSummary(kind, record["id"], title(kind, record))


def linked_records(end: End, answered: Any) -> list[Data]:
    """Return the records of a link in a GraphQL result. If the user may not see the link, return an empty list."""
    answers = [answered] if end.single else answered or []
    return [one[field_of(end.target)] if end.link.properties else one for one in answers if one]


def link_summaries(end: End, answered: Any, today: str) -> list[RecordSummary]:
    """Return each record of a link as one line, with facts about the record and the link."""
    answers = [one for one in ([answered] if end.single else answered or []) if one]
    return [
        _link_summary(end, one, far, today) for one, far in zip(answers, linked_records(end, answered), strict=True)
    ]


def _link_summary(end: End, edge: Data, far: Data, today: str) -> RecordSummary:
    of_link = list(edge_texts(end.link.properties.values(), edge)) if end.link.properties else []
    dated = "validUntil" in far and end.target == "Partnership"
    skipped = {"valid_from", "valid_until"} if dated else set()
    near = [] if end.single else [other_end(end).name]
    texts = [
        *of_link,
        *_quotes(end.target, far),
        *fact_texts(end.target, far, skipped),
        *identifying_titles(end.target, far, near),
    ]
    state = agreement_status(far, today) if dated else None
    return RecordSummary(end.target, far["id"], title(end.target, far), texts, state or _period(end, edge, today))


def _period(end: End, edge: Data, today: str) -> StatusText | None:
    """Return the status of a link with dates. If the link is current, return None."""
    if not end.link.dated:
        return None
    if edge["until"] and edge["until"] < today:
        return StatusText("expired", _("ended on {day}").format(day=day(edge["until"])))
    if edge["since"] and edge["since"] > today:
        return StatusText("to-come", _("starts on {day}").format(day=day(edge["since"])))
    return None


def _quotes(kind: str, record: Data) -> Iterator[str]:
    """Yield the first words of a record's free texts, for kinds such as feedback, whose records have no other identifying text."""
    for name in MODEL[kind].erasable:
        if record.get(camel(name)):
            yield f"“{shortened(record[camel(name)])}”"


def edge_texts(declared: Any, edge: Data) -> Iterator[str]:
    """Yield the properties of a link as text: the role, the first day and the last day."""
    for one in declared:
        value = edge.get(camel(one.name))
        if value is None:
            continue
        if one.name == "since":
            yield _("since {day}").format(day=day(value))
        elif one.name == "until":
            yield _("until {day}").format(day=day(value))
        else:
            yield property_text(one, value)


def fact_texts(kind: str, record: Data, skipped: set[str]) -> Iterator[str]:
    """Yield the facts of a record as text. The label comes before each value, except before a code."""
    of_title = 0 if MODEL[kind].named else TITLE_FACTS
    for one in fact_properties(MODEL[kind])[of_title:]:
        value = record.get(camel(one.name))
        if one.name not in skipped and value not in (None, []):
            yield fact_text(one, value)


def identifying_titles(kind: str, record: Data, skipped: Collection[str]) -> Iterator[str]:
    """Yield the titles of the linked records that identify a record without a name."""
    for end in identifying_links(MODEL[kind]):
        if end.name not in skipped and record.get(camel(end.name)):
            yield title(end.target, record[camel(end.name)])


def fact_text(declared: Property, value: Any) -> str:
    """Return a fact as text."""
    if declared.codes:
        return property_text(declared, value)
    if declared.name == "two_way":
        return _("two-way") if value else _("one-way")
    if declared.name == "answers_within":
        return ngettext("within {n} hour", "within {n} hours", value).format(n=property_text(declared, value))
    return f"{label(declared.name)}: {property_text(declared, value)}"


async def titles_of(graph: PageQueries, ids: Mapping[str, Sequence[str]], actor: Actor) -> dict[str, str]:
    """Return a mapping of record ids to titles. `ids` maps each kind to the ids of its records.

    Records whose summary the actor may not see are left out.
    """
    if not ids:
        return {}
    kinds = {kind: camel(MODEL[kind].plural) for kind in ids}
    given = ", ".join(f"${plural}: [ID!]" for plural in kinds.values())
    lists = (
        f"  {plural}(where: {{id: {{in: ${plural}}}}}, first: {PAGE}) {{ nodes {{ {title_selection(MODEL[kind])} }} }}"
        for kind, plural in kinds.items()
    )
    operation = "\n".join([f"query Names({given}) {{", *lists, "}", ""])
    data = await graph.ask(operation, {kinds[kind]: list(some)[:PAGE] for kind, some in ids.items()}, actor)
    return {one["id"]: title(kind, one) for kind, plural in kinds.items() for one in data[plural]["nodes"]}
