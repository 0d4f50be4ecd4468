"""What could meet a need, on the page of the need: each resource with what is free of it, and where it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.access import Action, Actor, can
from registry.analysis.lists import Need as Needed
from registry.analysis.lists import lists
from registry.analysis.matches import FINDINGS
from registry.analysis.meeting import Candidate, meeting
from registry.changing.state import State, read_state
from registry.cypher import states
from registry.cypher.network import COMPARED, compared_with
from registry.model import Need
from registry.modelling import Kind
from registry.store import Reader
from registry.web.addresses import address, list_path, record_path
from registry.web.forms.acts import free, may_ask
from registry.web.forms.needed import NEED
from registry.web.graph import Graph
from registry.web.showing import Data, Shown, shown
from registry.words import _

MOST = 20
OPERATION = f"""query Meeting($ids: [ID!]) {{
  resources(where: {{id: {{in: $ids}}}}, first: {MOST}) {{
    nodes {{ id name status shareability unit steward {{ id }} owners(first: 5) {{ id name }} }}
  }}
}}
"""


@dataclass(frozen=True)
class Offer:
    """A resource that could meet a need: whose it is, what of it is free, and where its reader asks for it, if they may."""

    resource: Shown
    owners: Sequence[Shown]
    finding: str
    told: str
    free: str
    ask: str


@dataclass(frozen=True)
class Offers:
    """The first of what could meet a need, how many more there are, and where all resources of its kind are listed."""

    offers: Sequence[Offer]
    more: int
    path: str


class Meetings:
    """The needs and the resources of one store."""

    def __init__(self, graph: Graph, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    async def of(self, kind: type[Kind], one: str, actor: Actor) -> Offers | None:
        """Return what could meet a need, a draft too; None for what is none, or not all seen. Raises StoreError."""
        if kind is not Need:
            return None
        (rows,) = await self._reader.read([states.state(Need, one)])
        state = read_state(Need, rows)
        if (
            state is None
            or state.properties["status"] == "retired"
            or not can(actor, Action.SEE_DETAIL, state.properties)
        ):
            return None
        need = _needed(state)
        (((answer,),),) = await self._reader.read([compared_with(one, str(need.kind), actor)])
        found = meeting(need, lists(COMPARED, answer))
        known = await self._known([one.resource.id for one in found[:MOST]], actor)
        offers = [_offer(need, one, known[one.resource.id], actor) for one in found[:MOST] if one.resource.id in known]
        return Offers(offers, len(found) - len(offers), list_path("Resource", [("kind", str(need.kind))]))

    async def _known(self, ids: Sequence[str], actor: Actor) -> dict[str, Data]:
        if not ids:
            return {}
        data = await self._graph.ask(OPERATION, {"ids": list(ids)}, actor)
        return {one["id"]: one for one in data["resources"]["nodes"]}


def _needed(state: State) -> Needed:
    """Return a need as the analyses know it."""
    values = {name: state.properties.get(name) for name in ("kind", "unit", "quantity", "by_when")}
    ties = {name: tuple(state.ties[name]) for name in ("areas", "functions")}
    return Needed(state.id, str(state.properties["name"]), True, tuple(state.ties["agency"]), **values, **ties)  # type: ignore[arg-type]


def _offer(need: Needed, one: Candidate, record: Data, actor: Actor) -> Offer:
    path = f"{record_path('Resource', record['id'])}/request"
    told = _("too little is free") if one.finding == "too-little" else _(FINDINGS[one.finding])
    return Offer(
        shown("Resource", record),
        [shown("Agency", owner) for owner in record["owners"]],
        one.finding,
        told,
        "" if one.spare is None else free(one.spare, record["unit"]),
        address(path, [(NEED, need.id)]) if may_ask(actor, record) else "",
    )
