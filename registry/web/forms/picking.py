"""Which records a form names: each is searched for by what was typed, or chosen from a list."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from registry.access import Actor
from registry.cypher.states import own_ends
from registry.model import MODEL
from registry.modelling import Kind, snake
from registry.records import fold
from registry.web import search
from registry.web.addresses import typed as trimmed
from registry.web.forms.typed import Typed, editable, id_in, rows
from registry.web.graph import Graph
from registry.web.names import names
from registry.web.selecting import is_term
from registry.web.showing import Data, shown
from registry.web.wording import term_label
from registry.words import _
from schema.limits import PAGE
from schema.names import camel

MOST_SEARCHED = 20
Options = Sequence[tuple[str, str]]  # id and title


@dataclass(frozen=True)
class Picks:
    """The records that a form names, by field; and where it is not clear which is meant, those that may be."""

    ids: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, Options] = field(default_factory=dict)


async def pick(graph: Graph, kind: type[Kind], typed: Typed, actor: Actor, *, new: bool) -> Picks:
    """Find the records that a form names, among those that the actor may know of. Raises StoreError."""
    wanted = {name: (target, text) for name, target, text in _named(kind, typed, new=new)}
    by_kind: dict[str, list[str]] = {}
    for target, text in wanted.values():
        by_kind.setdefault(target, []).append(id_in(text))
    picks = Picks(titles=await names(graph, by_kind, actor))
    picks.ids.update({name: one for name, (_kind, text) in wanted.items() if (one := id_in(text)) in picks.titles})
    searched = {name: one for name, one in wanted.items() if name not in picks.ids}
    found = await asyncio.gather(*(_search(graph, *one, actor) for one in list(searched.values())[:MOST_SEARCHED]))
    for name, options in zip(searched, [*found, *[()] * len(searched)], strict=False):
        meant = [one for one, title in options if fold(title) == fold(searched[name][1])]
        if len(meant) == 1:
            picks.ids[name] = meant[0]
            picks.titles.update(options)
        else:
            picks.unclear[name] = options
    return picks


def _named(kind: type[Kind], typed: Typed, *, new: bool) -> Iterator[tuple[str, str, str]]:
    """Yield for each field that names a record: its name, the kind of the record, and what was typed or chosen."""
    for one in editable(kind, new=new):
        if one.refers_to and (text := _text(typed, f"p-{one.name}")):
            yield f"p-{one.name}", one.refers_to, text
    for end in own_ends(kind):
        for name in rows(typed, end):
            if text := _text(typed, name):
                yield name, end.target, text


def _text(typed: Typed, name: str) -> str:
    return trimmed(typed.get(f"{name}-pick") or typed.get(name, ""), 300)


async def _search(graph: Graph, kind: str, text: str, actor: Actor) -> Options:
    variables = {"text": text, "kinds": [snake(kind).upper()]}
    found = await graph.ask(search.suggestions(), variables, actor)
    hits = (shown(kind, one["record"]) for one in found["search"]["nodes"])
    return [(one.id, one.title) for one in hits]


async def choices(graph: Graph, kind: type[Kind], actor: Actor) -> dict[str, Options]:
    """Return what is chosen from a list, by property or link: terms, as the tree they are, and one's own agencies."""
    ends = [end for end in own_ends(kind) if is_term(MODEL[end.target])]
    targets = list(dict.fromkeys(end.target for end in ends))
    data = await graph.ask(_terms(targets), {}, actor) if targets else {}
    trees = {name: _tree(data[camel(MODEL[name].plural)]) for name in targets}
    found = {end.name: trees[end.target] for end in ends if trees[end.target]}
    if actor.agencies and not actor.everything and len(actor.agencies) <= PAGE:
        titles = await names(graph, {"Agency": sorted(actor.agencies)}, actor)
        found["steward"] = sorted(titles.items(), key=lambda one: fold(one[1]))
    return found


def _terms(kinds: Sequence[str]) -> str:
    lists = (
        f"  {camel(MODEL[kind].plural)}(first: {PAGE}, where: {{ status: {{ eq: PUBLISHED }} }}) {{"
        " totalCount nodes { id name labelId labelEn code broader(first: 1) { id } } }"
        for kind in kinds
    )
    return "\n".join(["query Terms {", *lists, "}", ""])


def _tree(answer: Data) -> Options:
    """Return terms as they stand below one another, set in by their depth; nothing where they are too many for a list."""
    nodes: list[Data] = answer["nodes"]
    if not nodes or answer["totalCount"] > len(nodes):
        return ()
    below: dict[str | None, list[Data]] = {}
    known = {one["id"] for one in nodes}
    for one in sorted(nodes, key=lambda one: (str(one["code"]), str(one["name"]))):
        wider = [above["id"] for above in one["broader"] if above["id"] in known]
        below.setdefault(wider[0] if wider else None, []).append(one)
    options = list(_below(below, None, 0, set()))
    placed = {one for one, _title in options}
    return [*options, *((str(one["id"]), _title_of(one)) for one in nodes if one["id"] not in placed)]


def _below(
    below: Mapping[str | None, list[Data]], above: str | None, depth: int, seen: set[str]
) -> Iterator[tuple[str, str]]:
    for one in below.get(above, []):
        term = str(one["id"])
        if term not in seen:
            seen.add(term)
            yield term, "\N{NO-BREAK SPACE}" * 3 * depth + _title_of(one)
            yield from _below(below, term, depth + 1, seen)


def _title_of(term: Data) -> str:
    return term_label(term)


def unclear(options: Options) -> str:
    """Return what is said of a text that does not tell which record is meant."""
    if options:
        return _("It is not clear which record is meant: choose one of these, or type another name.")
    return _("There is no such record; type some of the words of its name, or its identifier.")
