"""The explorer: the page on which planners walk the graph. Without scripts it lists what is linked to a record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from registry.access import Actor
from registry.exploring.steps import phrase
from registry.store import StoreError
from registry.web.actors import actor_of
from registry.web.addresses import typed
from registry.web.explorer_words import given
from registry.web.graph import Graph
from registry.web.markup import page
from registry.web.operations import operation
from registry.web.problems import SOON, away
from registry.web.wording import term_label

FOUND = 20
Data = Mapping[str, Any]


@dataclass(frozen=True)
class Linked:
    """A link in words: of a record, how, to which record; each record as its kind, id and name."""

    start: Data
    phrase: str
    end: Data


class Explorer:
    """The explorer of one store."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def explore(self, request: Request) -> Response:
        """Show what is linked to the first record that the address names, what a search found, or where to begin."""
        of, text = _first(request, "of"), _first(request, "q")
        try:
            known = await self._known(of, text, actor_of(request))
        except StoreError as error:
            response = _page(request, of, text, {}, 503, sentence=away(error))
            response.headers.update(SOON)
            return response
        missing = bool(of) and known.get("neighbourhood") is None
        return _page(request, of, text, known, 404 if missing else 200)

    async def _known(self, of: str, text: str, me: Actor) -> Data:
        near = await self._ask("neighbourhood", {"of": of}, me) if of else {}
        if near.get("neighbourhood"):
            return near
        start = await self._ask("start", {}, me)
        return {**start, **await self._ask("search", {"text": text, "first": FOUND}, me)} if text else start

    async def _ask(self, name: str, variables: Data, me: Actor) -> Data:
        return await self._graph.ask(operation(name), variables, me)


def _first(request: Request, name: str) -> str:
    """Return the first value of a parameter as it is meant; an empty text where there is none."""
    values = request.query_params.getlist(name)
    return typed(values[0]) if values else ""


def linked(neighbourhood: Data) -> Iterator[Linked]:
    """Yield the links of a neighbourhood in words: first those of the record that it is about."""
    records = {one["record"]["id"]: one["record"] for one in neighbourhood["nodes"]}
    centre = next(iter(records))
    for link in sorted(neighbourhood["links"], key=lambda one: centre not in (one["from"], one["to"])):
        near, far = ("to", "from") if link["to"] == centre else ("from", "to")
        yield Linked(records[link[near]], phrase(link["link"], away=near == "from"), records[link[far]])


def _page(request: Request, of: str, text: str, known: Data, status: int, sentence: str = "") -> Response:
    near = known.get("neighbourhood")
    shown = {
        "of": of,
        "q": text,
        "sentence": sentence,
        "near": near,
        "links": linked(near) if near else (),
        "found": known["search"]["nodes"] if "search" in known else None,
        "sectors": known["sectors"]["nodes"] if "sectors" in known else (),
        "term_label": term_label,
        "given": given({"of": of, "neighbourhood": near} if near else None),
    }
    return page(request, "explore.html", status, **shown)
