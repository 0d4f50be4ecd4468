"""The values of a form: convert its texts to values, and find the records that they refer to."""

import asyncio
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from registry.database.write import own_ends
from registry.i18n import _, exact, language
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Property, snake
from registry.model.records import fold
from registry.model.values import NOTATIONS, Flag, Integer, InvalidValue, Number, Numeral, Texts
from registry.mutations.audit_events import RecordState
from registry.mutations.save import LinkChange, SaveInput
from registry.permissions import Actor
from registry.web import search
from registry.web.base import clean_input
from registry.web.presenters import Data, record_summary, titles_of
from registry.web.queries import PageQueries, is_term
from registry.web.templating import term_label
from schema.limits import PAGE
from schema.types import camel

FormData = Mapping[str, str]
WORKFLOW_PROPERTIES = ("status",)
MOST_ROWS, MOST_DIGITS, LONGEST_KEY = 200, 20, 100
NOTATION = "numbers"  # This field or parameter names a language; the numbers of the form are written in its notation.
ID_IN_BRACKETS = re.compile(r"\(([^()\s]+)\)\s*$")


def editable(kind: type[Kind], *, new: bool) -> list[Property]:
    """Return the properties that have a field in the form of a kind."""
    left_out = {*WORKFLOW_PROPERTIES, *(() if new else ("id",)), *(() if kind.named else ("name",))}
    return [one for name, one in kind.properties.items() if not (one.read_only or one.by_action or name in left_out)]


def link_properties(end: End) -> dict[str, Property]:
    """Return the properties of a link that have a field in a form."""
    return {name: one for name, one in end.link.properties.items() if not one.by_action}


def row_fields(form: FormData, end: End) -> Iterator[str]:
    """Yield the field names of the rows of a link field."""
    for place in range(MOST_ROWS):
        if (name := row_field(end, place)) not in form:
            return
        yield name


def row_field(end: End, place: int) -> str:
    """Return the name of a field in a row of a link field."""
    return f"l-{end.name}-{place}"


def form_values(state: RecordState, titles: Mapping[str, str], chosen: Collection[str]) -> dict[str, str]:
    """Return the values of the form fields for a record.

    Links to records without a title are left out, because the user may not know that these records exist. `chosen` names the
    properties and links whose fields are lists of options. The fields of all other links hold title and id.
    """
    form = {f"p-{one.name}": field_value(one, state, titles, chosen) for one in editable(state.kind, new=False)}
    for end in own_ends(state.kind):
        for place, far in enumerate(far for far in state.ties[end.name] if far in titles):
            name = row_field(end, place)
            form[name] = far if end.name in chosen else search_value(titles[far], far)
            form |= {f"{name}-{key}": str(state.ties[end.name][far].get(key) or "") for key in link_properties(end)}
    return form


def field_value(one: Property, state: RecordState, titles: Mapping[str, str], chosen: Collection[str]) -> str:
    """Return a property value as the text of its form field."""
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
    return search_value(titles[text], text) if one.refers_to and text in titles and one.name not in chosen else text


def search_value(title: str, record: str) -> str:
    """Return the text of a search field for a record: the title, then the id in brackets."""
    return f"{title} ({record})"


def id_in_value(text: str) -> str:
    """Return the id in the text of a search field.

    The id is in brackets at the end. Without brackets, the whole text is the id.
    """
    found = ID_IN_BRACKETS.search(text)
    return found[1] if found else text.strip()


def form_version(form: FormData) -> int | None:
    """Return the version of the record for which the form was shown, or None if the form has no version.

    A longer number is cut to MOST_DIGITS digits.
    """
    text = form.get("version", "")[:MOST_DIGITS]
    return int(text) if text.isdecimal() else None


def form_notation(form: FormData) -> str:
    """Return the language whose number notation a form uses. The notation is that of the language of the page with the form."""
    return form[NOTATION] if form.get(NOTATION) in NOTATIONS else language()


def with_local_numbers(kind: type[Kind], form: FormData) -> dict[str, str]:
    """Return the form with its numbers in the notation of the current language.

    If a text is not a number, the form is returned unchanged.
    """
    numbers = [f"p-{one.name}" for one in kind.properties.values() if issubclass(one.value, Number | Integer)]
    given = {name: form[name] for name in numbers if form.get(name, "").strip()}
    notation = form_notation(form)
    try:
        read = (
            {}
            if notation == language()
            else {name: exact(float(str(Number.clean(Numeral(text, notation))))) for name, text in given.items()}
        )
    except InvalidValue:
        return dict(form)
    return {**form, **read, NOTATION: language()}


def form_key(form: FormData) -> str | None:
    """Return the idempotency key of a form, cut to LONGEST_KEY characters, or None if the form has no key."""
    return form.get("key", "")[:LONGEST_KEY] or None


def make_saving(
    kind: type[Kind], form: FormData, picked: Mapping[str, str], state: RecordState | None, shown: Mapping[str, str]
) -> SaveInput:
    """Return the input for saving a record, made from a form.

    `picked` has the ids of the linked records by field name. `shown` has the titles of the records that the user may see. Links to
    all other records are unchanged.
    """
    properties = {
        one.name: _property_value(one, form, picked)
        for one in editable(kind, new=state is None)
        if f"p-{one.name}" in form
    }
    if state is None:
        properties = {name: value for name, value in properties.items() if value is not None}
        return SaveInput(
            kind,
            str(properties.pop("id", "")).strip() or None,
            properties,
            _link_changes(kind, form, picked, {}),
            another="another" in form,
        )
    removable = {name: {far for far in ties if far in shown} for name, ties in state.ties.items()}
    return SaveInput(kind, state.id, properties, _link_changes(kind, form, picked, removable), form_version(form))


def _property_value(one: Property, form: FormData, picked: Mapping[str, str]) -> object:
    name = f"p-{one.name}"
    text = form[name]
    if not text.strip():
        return None
    if one.refers_to:
        return picked.get(name)
    if issubclass(one.value, Number | Integer):
        return Numeral(text, form_notation(form))
    if issubclass(one.value, Texts):
        return [part for line in text.splitlines() for part in line.split(";")]
    return {"yes": True, "no": False}.get(text, text) if one.value is Flag else text


def _link_changes(
    kind: type[Kind], form: FormData, picked: Mapping[str, str], removable: Mapping[str, Collection[str]]
) -> dict[str, LinkChange]:
    links = {}
    for end in own_ends(kind):
        if row_field(end, 0) in form:
            wanted = {picked[name]: _link_values(end, form, name) for name in row_fields(form, end) if name in picked}
            links[end.name] = LinkChange(wanted, tuple(far for far in removable.get(end.name, ()) if far not in wanted))
    return links


def _link_values(end: End, form: FormData, name: str) -> dict[str, object]:
    return {key: form.get(f"{name}-{key}") or None for key in link_properties(end)}


MOST_SEARCHED = 20
Options = Sequence[tuple[str, str]]  # title and id of a record


@dataclass(frozen=True)
class References:
    """The records that a form refers to, by field name.

    If the text of a field fits several records, `unclear` lists them.
    """

    ids: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, Options] = field(default_factory=dict)


async def find_references(
    graph: PageQueries, kind: type[Kind], form: FormData, actor: Actor, *, new: bool
) -> References:
    """Find the records that a form refers to. Raises StoreError.

    Only records whose summary the actor may see are found.
    """
    wanted = {name: (target, text) for name, target, text in _record_fields(kind, form, new=new)}
    by_kind: dict[str, list[str]] = {}
    for target, text in wanted.values():
        by_kind.setdefault(target, []).append(id_in_value(text))
    references = References(titles=await titles_of(graph, by_kind, actor))
    references.ids.update(
        {name: one for name, (_kind, text) in wanted.items() if (one := id_in_value(text)) in references.titles}
    )
    searched = {name: one for name, one in wanted.items() if name not in references.ids}
    found = await asyncio.gather(*(_suggestions(graph, *one, actor) for one in list(searched.values())[:MOST_SEARCHED]))
    for name, options in zip(searched, [*found, *[()] * len(searched)], strict=False):
        meant = [one for one, title in options if fold(title) == fold(searched[name][1])]
        if len(meant) == 1:
            references.ids[name] = meant[0]
            references.titles.update(options)
        else:
            references.unclear[name] = options
    return references


def _record_fields(kind: type[Kind], form: FormData, *, new: bool) -> Iterator[tuple[str, str, str]]:
    """Yield the field name, the kind and the text of each field that refers to a record."""
    for one in editable(kind, new=new):
        if one.refers_to and (text := _reference_text(form, f"p-{one.name}")):
            yield f"p-{one.name}", one.refers_to, text
    for end in own_ends(kind):
        for name in row_fields(form, end):
            if text := _reference_text(form, name):
                yield name, end.target, text


def _reference_text(form: FormData, name: str) -> str:
    return clean_input(form.get(f"{name}-pick") or form.get(name, ""), 300)


async def _suggestions(graph: PageQueries, kind: str, text: str, actor: Actor) -> Options:
    variables = {"text": text, "kinds": [snake(kind).upper()]}
    found = await graph.ask(search.suggestions_operation(), variables, actor)
    hits = (record_summary(kind, one) for one in search.suggested_records(found))
    return [(one.id, one.title) for one in hits]


async def option_lists(graph: PageQueries, kind: type[Kind], actor: Actor) -> dict[str, Options]:
    """Return the options of properties and links. Terms are listed as a tree. As steward, only the actor's agencies are offered."""
    ends = [end for end in own_ends(kind) if is_term(MODEL[end.target])]
    targets = list(dict.fromkeys(end.target for end in ends))
    data = await graph.ask(_terms_operation(targets), {}, actor) if targets else {}
    trees = {name: _tree_options(data[camel(MODEL[name].plural)]) for name in targets}
    found = {end.name: trees[end.target] for end in ends if trees[end.target]}
    if actor.agencies and not actor.is_admin and len(actor.agencies) <= PAGE:
        titles = await titles_of(graph, {"Agency": sorted(actor.agencies)}, actor)
        found["steward"] = sorted(titles.items(), key=lambda one: fold(one[1]))
    return found


def _terms_operation(kinds: Sequence[str]) -> str:
    lists = (
        f"  {camel(MODEL[kind].plural)}(first: {PAGE}, where: {{ status: {{ eq: PUBLISHED }} }}) {{"
        " totalCount nodes { id name labelId labelEn code broader(first: 1) { id } } }"
        for kind in kinds
    )
    return "\n".join(["query Terms {", *lists, "}", ""])


def _tree_options(answer: Data) -> Options:
    """Return terms as options in tree order, indented by depth. If there are too many terms for a list, return an empty list."""
    nodes: list[Data] = answer["nodes"]
    if not nodes or answer["totalCount"] > len(nodes):
        return ()
    narrower: dict[str | None, list[Data]] = {}
    known = {one["id"] for one in nodes}
    for one in sorted(nodes, key=lambda one: (str(one["code"]), str(one["name"]))):
        broader = [above["id"] for above in one["broader"] if above["id"] in known]
        narrower.setdefault(broader[0] if broader else None, []).append(one)
    options = list(_narrower_options(narrower, None, 0, set()))
    placed = {one for one, _title in options}
    return [*options, *((str(one["id"]), _title_of(one)) for one in nodes if one["id"] not in placed)]


def _narrower_options(
    narrower: Mapping[str | None, list[Data]], above: str | None, depth: int, seen: set[str]
) -> Iterator[tuple[str, str]]:
    for one in narrower.get(above, []):
        term = str(one["id"])
        if term not in seen:
            seen.add(term)
            yield term, "\N{NO-BREAK SPACE}" * 3 * depth + _title_of(one)
            yield from _narrower_options(narrower, term, depth + 1, seen)


def _title_of(term: Data) -> str:
    return term_label(term)


def unclear_message(options: Options) -> str:
    """Return the sentence for a text that matches no record or several records. `options` are the matching records."""
    if options:
        return _("It is not clear which record you mean. Choose one of these, or enter another name.")
    return _("No record matches. Enter words of its name, or its identifier.")
