"""What a form of a kind holds, as texts by name.

`p-NAME` is a property, `l-LINK-N` the Nth record of a link, and `l-LINK-N-NAME` a property of that link.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from registry.changing.saving import LinkChange, Saving
from registry.changing.state import State
from registry.cypher.states import own_ends
from registry.figures import exact
from registry.modelling import End, Kind, Property
from registry.values import NOTATIONS, Flag, Integer, Number, Numeral, Texts, Unfit
from registry.words import language

Typed = Mapping[str, str]
BY_STEPS = ("status",)
MOST_ROWS, MOST_DIGITS, LONGEST_KEY = 200, 20, 100
NOTATION = "numbers"  # says in which language's notation the numbers of a form or an address are
CALLED = re.compile(r"\(([^()\s]+)\)\s*$")


def editable(kind: type[Kind], *, new: bool) -> list[Property]:
    """Return the properties that a form of a kind asks for."""
    left_out = {*BY_STEPS, *(() if new else ("id",)), *(() if kind.named else ("name",))}
    return [one for name, one in kind.properties.items() if not (one.kept_by_us or one.by_step or name in left_out)]


def of_link(end: End) -> dict[str, Property]:
    """Return the properties of a link that a form asks for."""
    return {name: one for name, one in end.link.properties.items() if not one.by_step}


def rows(typed: Typed, end: End) -> Iterator[str]:
    """Yield the names of the rows of a link that a form holds."""
    for place in range(MOST_ROWS):
        if (name := row(end, place)) not in typed:
            return
        yield name


def row(end: End, place: int) -> str:
    """Return the name of a row of a link."""
    return f"l-{end.name}-{place}"


def typed_of(state: State, titles: Mapping[str, str], chosen: Collection[str]) -> dict[str, str]:
    """Return what a form of a record holds. Ties to what has no title here are left out: who looks may not know of them.

    `chosen` are the names of the properties, and of the links, that are chosen from a list instead of being searched for.
    """
    typed = {f"p-{one.name}": text_of(one, state, titles, chosen) for one in editable(state.kind, new=False)}
    for end in own_ends(state.kind):
        for place, far in enumerate(far for far in state.ties[end.name] if far in titles):
            name = row(end, place)
            typed[name] = far if end.name in chosen else called(titles[far], far)
            typed |= {f"{name}-{key}": str(state.ties[end.name][far].get(key) or "") for key in of_link(end)}
    return typed


def text_of(one: Property, state: State, titles: Mapping[str, str], chosen: Collection[str]) -> str:
    """Return a property as it is typed."""
    value = state.properties.get(one.name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(value, int | float):
        return exact(value)
    text = str(value)
    return called(titles[text], text) if one.refers_to and text in titles and one.name not in chosen else text


def called(title: str, record: str) -> str:
    """Return a record as a field holds it that searches: by its title, and by its id in brackets."""
    return f"{title} ({record})"


def id_in(text: str) -> str:
    """Return the id that a field may name: what stands in brackets at its end, otherwise all of it."""
    found = CALLED.search(text)
    return found[1] if found else text.strip()


def version_of(typed: Typed) -> int | None:
    """Return the version of the record that was looked at; of a number longer than any version, what is longer, too."""
    text = typed.get("version", "")[:MOST_DIGITS]
    return int(text) if text.isdecimal() else None


def notation_of(typed: Typed) -> str:
    """Return the language in whose notation the numbers of a form are: that of the page on which it was filled in."""
    return typed[NOTATION] if typed.get(NOTATION) in NOTATIONS else language()


def in_this_language(kind: type[Kind], typed: Typed) -> dict[str, str]:
    """Return a form with its numbers as this language writes them; as it is where one of them is none."""
    numbers = [f"p-{one.name}" for one in kind.properties.values() if issubclass(one.value, Number | Integer)]
    given = {name: typed[name] for name in numbers if typed.get(name, "").strip()}
    notation = notation_of(typed)
    try:
        read = (
            {}
            if notation == language()
            else {name: exact(float(str(Number.clean(Numeral(text, notation))))) for name, text in given.items()}
        )
    except Unfit:
        return dict(typed)
    return {**typed, **read, NOTATION: language()}


def key_of(typed: Typed) -> str | None:
    """Return the key that makes it harmless to send a form twice; ours are shorter."""
    return typed.get("key", "")[:LONGEST_KEY] or None


def saving_of(
    kind: type[Kind], typed: Typed, picked: Mapping[str, str], state: State | None, shown: Mapping[str, str]
) -> Saving:
    """Return what a form asks to be saved.

    `picked` are the ids of the records that it names, by field; `shown` the titles of those that who fills it in knows:
    what of a link was not shown stays.
    """
    given = {
        one.name: _given(one, typed, picked) for one in editable(kind, new=state is None) if f"p-{one.name}" in typed
    }
    if state is None:
        given = {name: value for name, value in given.items() if value is not None}
        return Saving(
            kind,
            str(given.pop("id", "")).strip() or None,
            given,
            _links(kind, typed, picked, {}),
            another="another" in typed,
        )
    removable = {name: {far for far in ties if far in shown} for name, ties in state.ties.items()}
    return Saving(kind, state.id, given, _links(kind, typed, picked, removable), version_of(typed))


def _given(one: Property, typed: Typed, picked: Mapping[str, str]) -> object:
    name = f"p-{one.name}"
    text = typed[name]
    if not text.strip():
        return None
    if one.refers_to:
        return picked.get(name)
    if issubclass(one.value, Number | Integer):
        return Numeral(text, notation_of(typed))
    if issubclass(one.value, Texts):
        return [part for line in text.splitlines() for part in line.split(";")]
    return {"yes": True, "no": False}.get(text, text) if one.value is Flag else text


def _links(
    kind: type[Kind], typed: Typed, picked: Mapping[str, str], removable: Mapping[str, Collection[str]]
) -> dict[str, LinkChange]:
    links = {}
    for end in own_ends(kind):
        if row(end, 0) in typed:
            wanted = {picked[name]: _of_link(end, typed, name) for name in rows(typed, end) if name in picked}
            links[end.name] = LinkChange(wanted, tuple(far for far in removable.get(end.name, ()) if far not in wanted))
    return links


def _of_link(end: End, typed: Typed, name: str) -> dict[str, object]:
    return {key: typed.get(f"{name}-{key}") or None for key in of_link(end)}
