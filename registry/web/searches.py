"""The pages of a search, its JSON, and the suggestions under the search box."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from registry.access import Actor
from registry.web import search
from registry.web.actors import actor_of
from registry.web.addresses import LONGEST, address, graphiql_path, typed
from registry.web.files import json_file
from registry.web.graph import Graph
from registry.web.list_page import Choice
from registry.web.markup import page, plural, singular
from registry.web.problems import Unanswerable
from registry.web.showing import Data, Shown, shown
from registry.web.wording import term_label
from registry.words import _

NAMES = ("q", "kind", "sector", "area", "after")
Asked = Mapping[str, str]


class Searches:
    """Full-text search."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route("/search", self._page), Route("/search.json", self._json)]

    async def _page(self, request: Request) -> Response:
        asked, me = _asked(request), actor_of(request)
        places = await self._graph.ask(search.places(), {}, me)
        options = {
            name: [(one["id"], term_label(one)) for one in places[f"{name}s"]["nodes"]] for name in ("sector", "area")
        }
        found = await self._found(asked, me) if asked.get("q") else None
        return page(
            request,
            "found.html",
            q=asked.get("q", ""),
            asked=asked,
            options=options,
            left_out={name: places[f"{name}s"]["totalCount"] - len(every) for name, every in options.items()},
            found=found and found["search"],
            hits=[_hit(one["record"]) for one in found["search"]["nodes"]] if found else [],
            kinds=_kinds(asked, found) if found else [],
            following=_following(asked, found) if found else "",
            graphiql=graphiql_path(search.operation(asked), search.variables(asked)),
            json=address("/search.json", [*asked.items(), ("all", "1")]),
        )

    async def _json(self, request: Request) -> Response:
        """Answer with suggestions: what is typed may be the beginning of words."""
        asked, me = _asked(request), actor_of(request)
        if request.query_params.get("all"):
            return json_file(await self._found(asked, me))
        variables = {"text": asked.get("q", ""), **search.kinds(asked.get("kind"))}
        found = await self._graph.ask(search.suggestions(), variables, me)
        return json_file({"suggestions": [_suggestion(one["record"]) for one in found["search"]["nodes"]]})

    async def _found(self, asked: Asked, me: Actor) -> Data:
        operation, variables = search.operation(asked), search.variables(asked)
        try:
            return await self._graph.ask(operation, variables, me)
        except HTTPException as refused:
            if refused.status_code != 400 or "after" not in asked:
                raise
            raise _lost(asked, _("This page of the search cannot be found.")) from None


def _asked(request: Request) -> dict[str, str]:
    """Return what an address asks. Raises Unanswerable."""
    query = request.query_params
    given = {name: typed(query.get(name, ""), None if name == "after" else LONGEST) for name in NAMES}
    asked = {name: value for name, value in given.items() if value}
    if asked.get("kind", "agency") not in search.KINDS:
        raise _lost(asked, _("There are no records of the kind {kind}.").format(kind=asked["kind"]))
    return asked


def _lost(asked: Asked, sentence: str) -> Unanswerable:
    return Unanswerable(sentence, address("/search", [("q", asked.get("q", ""))]), _("Search again"))


def _hit(record: Data) -> tuple[Shown, str]:
    return shown(record["__typename"], record), record["description"] or ""


def _suggestion(record: Data) -> dict[str, Any]:
    one = shown(record["__typename"], record)
    return {"id": one.id, "kind": one.kind, "name": one.title, "path": one.path, "label": singular(one.kind)}


def _kinds(asked: Asked, found: Data) -> list[Choice]:
    of_any = found.get("ofAnyKind", found["search"])
    counts = {one["kind"]: one["count"] for one in of_any["countByKind"]}
    some = [
        (key, counts.get(name, 0), plural(name))
        for key, name in search.KINDS.items()
        if name in counts or key == asked.get("kind")
    ]
    every = [("", sum(counts.values()), _("all kinds")), *some]
    return [Choice(text, count, asked.get("kind", "") == key, _path(asked, kind=key)) for key, count, text in every]


def _following(asked: Asked, found: Data) -> str:
    info = found["search"]["pageInfo"]
    return _path(asked, after=info["endCursor"]) if info["hasNextPage"] else ""


def _path(asked: Asked, **changed: str) -> str:
    pairs = {name: value for name, value in asked.items() if name != "after"} | changed
    return address("/search", [(name, value) for name, value in pairs.items() if value])
