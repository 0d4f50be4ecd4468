"""The page section of a need: resources that could meet it."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.analysis.matches import FINDINGS, Candidate, meeting
from registry.analysis.snapshot import NeedRow, make_snapshot
from registry.database import write
from registry.database.driver import Reader
from registry.database.extract import COMPARED, compared_with
from registry.i18n import _
from registry.model.definitions import Need
from registry.model.kinds import Kind
from registry.mutations.audit_events import RecordState, read_state
from registry.permissions import Action, Actor, can
from registry.web.base import address, list_path, record_path
from registry.web.forms.actions import free_text, may_request
from registry.web.forms.records import NEED
from registry.web.presenters import Data, RecordSummary, record_summary
from registry.web.queries import PageQueries

MOST = 20
OPERATION = f"""query Meeting($ids: [ID!]) {{
  resources(where: {{id: {{in: $ids}}}}, first: {MOST}) {{
    nodes {{ id name status shareability unit steward {{ id }} owners(first: 5) {{ id name }} }}
  }}
}}
"""


@dataclass(frozen=True)
class Offer:
    """A resource that could meet a need: its owners, what is free, and the path of the request form if the user may ask for it."""

    resource: RecordSummary
    owners: Sequence[RecordSummary]
    finding: str
    details: str
    free: str
    request_path: str


@dataclass(frozen=True)
class Offers:
    """The first resources that could meet a need, the number of further ones, and the path of the list of all of that kind."""

    offers: Sequence[Offer]
    more: int
    path: str


class NeedMatches:
    """Finds the resources that could meet a need."""

    def __init__(self, graph: PageQueries, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    async def of(self, kind: type[Kind], one: str, actor: Actor) -> Offers | None:
        """Return the resources that could meet a need; drafts count too. None for other kinds, retired needs and summaries.

        Raises StoreError.
        """
        if kind is not Need:
            return None
        (rows,) = await self._reader.read([write.state(Need, one)])
        state = read_state(Need, rows)
        if (
            state is None
            or state.properties["status"] == "retired"
            or not can(actor, Action.VIEW_DETAILS, state.properties)
        ):
            return None
        need = _need_row(state)
        (((answer,),),) = await self._reader.read([compared_with(one, str(need.kind), actor)])
        found = meeting(need, make_snapshot(COMPARED, answer))
        known = await self._known([one.resource.id for one in found[:MOST]], actor)
        offers = [
            _make_offer(need, one, known[one.resource.id], actor) for one in found[:MOST] if one.resource.id in known
        ]
        return Offers(offers, len(found) - len(offers), list_path("Resource", [("kind", str(need.kind))]))

    async def _known(self, ids: Sequence[str], actor: Actor) -> dict[str, Data]:
        if not ids:
            return {}
        data = await self._graph.ask(OPERATION, {"ids": list(ids)}, actor)
        return {one["id"]: one for one in data["resources"]["nodes"]}


def _need_row(state: RecordState) -> NeedRow:
    """Return a need as the analyses represent it."""
    values = {name: state.properties.get(name) for name in ("kind", "unit", "quantity", "by_when")}
    ties = {name: tuple(state.ties[name]) for name in ("areas", "functions")}
    return NeedRow(state.id, str(state.properties["name"]), True, tuple(state.ties["agency"]), **values, **ties)  # type: ignore[arg-type]


def _make_offer(need: NeedRow, one: Candidate, record: Data, actor: Actor) -> Offer:
    path = f"{record_path('Resource', record['id'])}/request"
    finding = _("not enough available") if one.finding == "too-little" else _(FINDINGS[one.finding])
    return Offer(
        record_summary("Resource", record),
        [record_summary("Agency", owner) for owner in record["owners"]],
        one.finding,
        finding,
        "" if one.spare is None else free_text(one.spare, record["unit"]),
        address(path, [(NEED, need.id)]) if may_request(actor, record) else "",
    )
