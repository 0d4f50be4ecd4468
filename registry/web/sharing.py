"""The page of what agencies share: agencies are found by name, added and removed, and put side by side on a day."""

from collections.abc import Sequence
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from registry.access import Actor
from registry.clock import today
from registry.values import Date, Unfit
from registry.web import side_by_side
from registry.web.actors import actor_of
from registry.web.addresses import LONGEST, address, graphiql_path, typed
from registry.web.files import json_file
from registry.web.graph import Graph
from registry.web.markup import page
from registry.web.problems import Unanswerable
from registry.web.showing import Data, Shown, shown
from registry.words import _
from schema.exploring import AGENCIES

LEAST, MOST_WORDS = 2, 10


class Sharing:
    """What agencies share."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route("/shared", self._page), Route("/shared.json", self._json)]

    async def _page(self, request: Request) -> Response:
        agencies, day, me = await self._agencies(request), _day(request), actor_of(request)
        text = typed(request.query_params.get("find", ""))
        chosen = [one.id for one in agencies]
        data = await self._shared(chosen, day, me) if len(chosen) >= LEAST else None
        found = await self._find(text, chosen, me) if text else []
        asked = _asked(chosen, day)
        return page(
            request,
            "shared.html",
            agencies=[(one, address("/shared", _asked(_without(one.id, chosen), day))) for one in agencies],
            missing=len(_ids(request)) - len(agencies),
            found=[(one, address("/shared", _asked([*chosen, one.id], day))) for one in found],
            text=text,
            full=len(chosen) >= AGENCIES,
            day=day or today(),
            shared=side_by_side.shared(data) if data else None,
            json=address("/shared.json", asked),
            graphiql=graphiql_path(side_by_side.OPERATION, _variables(chosen, day)),
        )

    async def _json(self, request: Request) -> Response:
        agencies, day = await self._agencies(request), _day(request)
        if len(agencies) < LEAST:
            raise Unanswerable(_("Name two or more agencies."), "/shared", _("Choose agencies"))
        data = await self._shared([one.id for one in agencies], day, actor_of(request))
        return json_file({"sharedBetween": data})

    async def _agencies(self, request: Request) -> list[Shown]:
        """Return the agencies that are asked for, in that order, without those that the visitor may not know of."""
        ids = _ids(request)
        if not ids:
            return []
        data = await self._graph.ask(side_by_side.KNOWN, {"ids": ids}, actor_of(request))
        known = {one["id"]: shown("Agency", one) for one in data["agencies"]["nodes"]}
        return [known[one] for one in ids if one in known]

    async def _shared(self, agencies: Sequence[str], day: str | None, me: Actor) -> Data:
        data = await self._graph.ask(side_by_side.OPERATION, _variables(agencies, day), me)
        found: Data = data["sharedBetween"]
        return found

    async def _find(self, text: str, chosen: Sequence[str], me: Actor) -> list[Shown]:
        words = [{"name": {"contains": word}} for word in text.split()[:MOST_WORDS]]
        where = {"and": [*words, {"id": {"notIn": list(chosen)}}]}
        data = await self._graph.ask(side_by_side.FIND, {"where": where}, me)
        return [shown("Agency", one) for one in data["agencies"]["nodes"]]


def _ids(request: Request) -> list[str]:
    ids = list(dict.fromkeys(one for one in request.query_params.getlist("agency") if one))
    if len(ids) > AGENCIES:
        sentence = _("At most {n} agencies can be put side by side.").format(n=AGENCIES)
        raise Unanswerable(
            sentence, address("/shared", [("agency", one) for one in ids[:AGENCIES]]), _("See the first of them")
        )
    return ids


def _without(one: str, ids: Sequence[str]) -> list[str]:
    return [other for other in ids if other != one]


def _day(request: Request) -> str | None:
    given = request.query_params.get("as-of") or None
    try:
        return None if given is None else date.fromisoformat(str(Date.clean(given))).isoformat()
    except (Unfit, ValueError):
        sentence = _("{given} is no date; a date is written as 2026-11-25.").format(given=str(given)[:LONGEST])
        raise Unanswerable(sentence, "/shared", _("Choose agencies")) from None


def _asked(agencies: Sequence[str], day: str | None) -> list[tuple[str, str]]:
    return [("agency", one) for one in agencies] + ([("as-of", day)] if day else [])


def _variables(agencies: Sequence[str], day: str | None) -> dict[str, object]:
    return {"agencies": list(agencies)} | ({"asOf": day} if day else {})
