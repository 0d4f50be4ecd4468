"""The page `/KINDS/ID/allowed`: what the user may do with a record."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry.clock import today
from registry.database import write
from registry.database.driver import Reader
from registry.model.kinds import Kind
from registry.mutations.audit_events import read_state
from registry.mutations.lifecycle import RETIRE, action_of
from registry.permissions import Action, Actor, can
from registry.web.base import NO_STORE, actor_of, record_path
from registry.web.lists import endpoint_for
from registry.web.presenters import title
from registry.web.queries import PageQueries
from registry.web.records import record_operation, steward
from registry.web.refusals import EDITED, action_label, permission_reason, role_of_user
from registry.web.templating import page
from schema.types import field_of


class PermissionPages:
    """The permission pages of all kinds that can be edited."""

    def __init__(self, graph: PageQueries, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route(f"/{kind.plural}/{{id}}/allowed", endpoint_for(kind, self._page)) for kind in EDITED]

    async def _page(self, kind: type[Kind], request: Request) -> Response:
        one, me = request.path_params["id"], actor_of(request)
        record = (await self._graph.ask(record_operation(kind), {"id": one}, me))[field_of(kind)]
        (rows,) = await self._reader.read([write.state(kind, one)])
        state = read_state(kind, rows)
        if record is None or state is None:
            raise HTTPException(404)
        whom = steward(record, today())
        response = page(
            request,
            "allowed.html",
            title=title(kind.__name__, record),
            role=role_of_user(request),
            lines=list(_permission_lines(me, state.properties, whom[0].title if whom else "")),
            steward=whom,
            retired=record["status"] == "RETIRED",
            onward=record_path(kind.__name__, one),
        )
        response.headers.update(NO_STORE)
        return response


def _permission_lines(me: Actor, record: Mapping[str, object], agency: str) -> list[tuple[Action, str, bool, str]]:
    found = []
    for one in Action:
        action = action_of(RETIRE, record) if one is Action.RETIRE else one
        found.append((one, action_label(one), can(me, action, record), permission_reason(me, action, record, agency)))
    return found
