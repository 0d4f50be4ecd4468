"""The page `/KINDS/ID/allowed`: what the user may do with a record."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from registry.clock import today
from registry.database import write
from registry.database.driver import Reader
from registry.model.kinds import Kind
from registry.mutations.audit_events import read_state
from registry.mutations.lifecycle import RETIRE, action_of
from registry.permissions import Action, Actor, can
from registry.web.base import NO_STORE, actor_of, record_path
from registry.web.lists import of_kind
from registry.web.presenters import title
from registry.web.queries import PageQueries
from registry.web.records import operation, steward
from registry.web.refusals import EDITED, doing, role_named, why
from registry.web.templating import page
from schema.types import field_of


class Rights:
    """The permission pages of all kinds that can be edited."""

    def __init__(self, graph: PageQueries, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route(f"/{kind.plural}/{{id}}/allowed", of_kind(kind, self._page)) for kind in EDITED]

    async def _page(self, kind: type[Kind], request: Request) -> Response:
        one, me = request.path_params["id"], actor_of(request)
        record = (await self._graph.ask(operation(kind), {"id": one}, me))[field_of(kind)]
        (rows,) = await self._reader.read([write.state(kind, one)])
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
