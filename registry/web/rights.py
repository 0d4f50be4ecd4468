"""What somebody may do with a record, and why: a page at `/KINDS/ID/allowed`, a line for each action."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from registry.access import Action, Actor, can
from registry.changing.state import read_state
from registry.changing.steps import RETIRE, action_of
from registry.clock import today
from registry.cypher import states
from registry.modelling import Kind
from registry.store import Reader
from registry.web.actors import NO_STORE, actor_of
from registry.web.addresses import record_path
from registry.web.allowed import EDITED, role_named
from registry.web.graph import Graph
from registry.web.lists import of_kind
from registry.web.markup import page
from registry.web.reasons import doing, why
from registry.web.record import operation
from registry.web.record_page import steward
from registry.web.showing import title
from schema.names import field_of


class Rights:
    """The rights to the records of one store."""

    def __init__(self, graph: Graph, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route(f"/{kind.plural}/{{id}}/allowed", of_kind(kind, self._page)) for kind in EDITED]

    async def _page(self, kind: type[Kind], request: Request) -> Response:
        one, me = request.path_params["id"], actor_of(request)
        record = (await self._graph.ask(operation(kind), {"id": one}, me))[field_of(kind)]
        (rows,) = await self._reader.read([states.state(kind, one)])
        state = read_state(kind, rows)
        if record is None or state is None:
            raise HTTPException(404)
        whom = steward(record, today())
        response = page(
            request,
            "allowed.html",
            title=title(kind.__name__, record),
            role=role_named(request),
            lines=list(_lines(me, state.properties, whom[0].title if whom else "")),
            steward=whom,
            retired=record["status"] == "RETIRED",
            onward=record_path(kind.__name__, one),
        )
        response.headers.update(NO_STORE)
        return response


def _lines(me: Actor, record: Mapping[str, object], agency: str) -> list[tuple[Action, str, bool, str]]:
    found = []
    for one in Action:
        asked = action_of(RETIRE, record) if one is Action.RETIRE else one
        found.append((one, doing(one), can(me, asked, record), why(me, asked, record, agency)))
    return found
