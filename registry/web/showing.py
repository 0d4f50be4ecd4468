"""Records as pages show them: what each is called, where its page is, what is told of it in words."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.figures import day
from registry.model import MODEL
from registry.modelling import End, Property
from registry.values import Date, Flag, Instant, Number
from registry.web.addresses import other_end, record_path
from registry.web.selecting import TITLED_BY, about, facts
from registry.web.standing import Standing, standing
from registry.web.wording import beginning, label, level_label, said, term_label
from registry.words import _
from schema.names import camel, field_of

SCALES = {"target_level": "target_scale", "level": "scale"}
Data = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """A record in a line: its title and address, and what is told of it and of the link that leads to it."""

    kind: str
    id: str
    title: str
    told: list[str] = field(default_factory=list)
    standing: Standing | None = None

    @property
    def path(self) -> str:
        """Where its page is."""
        return record_path(self.kind, self.id)


def title(kind: str, record: Data) -> str:
    """Return what a record is called; one without a name of its own by its first facts, or by its id."""
    if MODEL[kind].named:
        return term_label(record)
    told = (_titling(one, record) for one in facts(MODEL[kind])[:TITLED_BY])
    return " · ".join(one for one in told if one) or str(record["id"])


def _titling(one: Property, record: Data) -> str:
    if one.value is Flag:
        return label(one.name) if record.get(camel(one.name)) else ""
    text = value_text(one, record)
    return f"{label(one.name)}: {text}" if text and one.value in (Date, Instant) else text


def value_text(one: Property, record: Data) -> str:
    """Return a property of a record as people read it: a level by its name on its scale, an amount with its unit."""
    value = record.get(camel(one.name))
    scale = record.get(camel(SCALES.get(one.name, "")))
    if scale and value is not None:
        return level_label(scale, value)
    text = said(one, value)
    return f"{text} {record['unit']}" if text and one.value is Number and record.get("unit") else text


def shown(kind: str, record: Data) -> Shown:
    """Return a record with no more than what it is called."""
    return Shown(kind, record["id"], title(kind, record))


def far_records(end: End, answered: Any) -> list[Data]:
    """Return the records that the answer of a link holds; none where it is withheld."""
    answers = [answered] if end.single else answered or []
    return [one[field_of(end.target)] if end.link.properties else one for one in answers if one]


def items(end: End, answered: Any, today: str) -> list[Shown]:
    """Return the records of a link with their facts, and what is told of the link itself."""
    answers = [one for one in ([answered] if end.single else answered or []) if one]
    return [_item(end, one, far, today) for one, far in zip(answers, far_records(end, answered), strict=True)]


def _item(end: End, edge: Data, far: Data, today: str) -> Shown:
    of_link = list(edge_words(end.link.properties.values(), edge)) if end.link.properties else []
    dated = "validUntil" in far and end.target == "Partnership"
    skipped = {"valid_from", "valid_until"} if dated else set()
    near = [] if end.single else [other_end(end).name]
    told = [
        *of_link,
        *_written(end.target, far),
        *fact_words(end.target, far, skipped),
        *names_about(end.target, far, near),
    ]
    state = standing(far["validFrom"], far["validUntil"], withheld=far["withheld"], today=today) if dated else None
    return Shown(end.target, far["id"], title(end.target, far), told, state or _period(end, edge, today))


def _period(end: End, edge: Data, today: str) -> Standing | None:
    """Return where a dated link stands today, if it is not current."""
    if not end.link.dated:
        return None
    if edge["until"] and edge["until"] < today:
        return Standing("expired", _("ended on {day}").format(day=day(edge["until"])))
    if edge["since"] and edge["since"] > today:
        return Standing("to-come", _("begins on {day}").format(day=day(edge["since"])))
    return None


def _written(kind: str, record: Data) -> Iterator[str]:
    """Yield the beginnings of what somebody wrote, where a record holds nothing else to tell it by."""
    for name in MODEL[kind].erasable:
        if record.get(camel(name)):
            yield f"“{beginning(record[camel(name)])}”"


def edge_words(declared: Any, edge: Data) -> Iterator[str]:
    """Yield the properties of a link in words: its role, since when, until when."""
    for one in declared:
        value = edge.get(camel(one.name))
        if value is None:
            continue
        if one.name == "since":
            yield _("since {day}").format(day=day(value))
        elif one.name == "until":
            yield _("until {day}").format(day=day(value))
        else:
            yield said(one, value)


def fact_words(kind: str, record: Data, skipped: set[str]) -> Iterator[str]:
    """Yield the facts of a record in words: a code by itself, anything else behind what it is called."""
    of_title = 0 if MODEL[kind].named else TITLED_BY
    for one in facts(MODEL[kind])[of_title:]:
        value = record.get(camel(one.name))
        if one.name not in skipped and value not in (None, []):
            yield fact(one, value)


def names_about(kind: str, record: Data, skipped: Collection[str]) -> Iterator[str]:
    """Yield what the records are called by which a record without a name of its own is known."""
    for end in about(MODEL[kind]):
        if end.name not in skipped and record.get(camel(end.name)):
            yield title(end.target, record[camel(end.name)])


def fact(declared: Property, value: Any) -> str:
    """Return a fact in words."""
    if declared.codes:
        return said(declared, value)
    if declared.name == "two_way":
        return _("people get an answer") if value else _("one way only")
    if declared.name == "answers_within":
        return _("within {n} hours").format(n=said(declared, value))
    return f"{label(declared.name)}: {said(declared, value)}"
