"""What a change made different, in words: labels and titles instead of names, codes and ids."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from registry.changing.state import LINKS, Difference
from registry.modelling import End, Kind, Property
from registry.web.showing import edge_words
from registry.web.wording import label, level_label, said
from registry.words import _
from schema.names import camel

LONGEST = 300
Titles = Mapping[str, str]


@dataclass(frozen=True)
class Line:
    """A property or a link, and what it held before and since."""

    heading: str
    before: str
    after: str


def ids_in(kind: type[Kind], differences: Iterable[Difference]) -> dict[str, list[str]]:
    """Return the ids of the records that differences name, by kind."""
    found: dict[str, dict[str, None]] = {}
    for one in differences:
        for name, value in one.items():
            declared = kind.properties.get(name)
            if declared and declared.refers_to and value and not declared.kept_by_us:
                found.setdefault(declared.refers_to, {})[str(value)] = None
        for name, tied in one.get(LINKS, {}).items():
            if name in kind.ends and tied:
                found.setdefault(kind.ends[name].target, {}).update(dict.fromkeys(tied))
    return {name: list(ids) for name, ids in found.items()}


def lines(kind: type[Kind], before: Difference, after: Difference, titles: Titles) -> list[Line]:
    """Return what was made different; links to what has no title, since the reader may not know of it, are left out."""
    named = before.keys() | after.keys()
    names = [name for name in kind.properties if name in named and name not in kind.erasable]
    properties = [
        Line(label(name), *(_value(kind.properties[name], one, titles) for one in (before, after))) for name in names
    ]
    tied = [before.get(LINKS, {}), after.get(LINKS, {})]
    links = [
        Line(label(name), *(_tied(end, one.get(name, {}), titles) for one in tied))
        for name, end in kind.ends.items()
        if any(name in one for one in tied)
    ]
    return [one for one in [*properties, *links] if one.before != one.after]


def facts(
    kind: type[Kind], properties: Mapping[str, object], ties: Mapping[str, Difference], titles: Titles
) -> list[Line]:
    """Return all that a record holds."""
    held = {**properties, LINKS: {name: tied for name, tied in ties.items() if tied}}
    return [one for one in lines(kind, {}, held, titles) if one.after]


def _value(one: Property, difference: Difference, titles: Titles) -> str:
    value = difference.get(one.name)
    if one.kept_by_us or value is None:
        return ""
    if one.refers_to:
        return titles.get(str(value), _("a record that you may not see"))
    scale = difference.get({"target_level": "target_scale", "level": "scale"}.get(one.name, ""))
    text = level_label(str(scale), int(str(value))) if scale else said(one, value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _tied(end: End, tied: Mapping[str, Mapping[str, object]], titles: Titles) -> str:
    return "; ".join(sorted(_one(end, values, titles[far]) for far, values in tied.items() if far in titles))


def _one(end: End, values: Mapping[str, object], title: str) -> str:
    words = list(edge_words(end.link.properties.values(), {camel(name): value for name, value in values.items()}))
    return f"{title} ({', '.join(words)})" if words else title
