"""The pages of a record: the record, its impact (what depends on it), and the resources that could meet a need."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from registry.analysis.matches import FINDINGS, Candidate, meeting
from registry.analysis.snapshot import NeedRow, make_snapshot
from registry.clock import today
from registry.database import write
from registry.database.driver import Reader, StoreError
from registry.database.extract import COMPARED, compared_with
from registry.explore.impact import STOPPABLE
from registry.i18n import _
from registry.model.definitions import MAIN, MODEL, Need
from registry.model.kinds import Kind
from registry.model.values import Date, InvalidValue
from registry.mutations.audit_events import RecordState, read_state
from registry.permissions import ANONYMOUS, Action, Actor, can
from registry.web import records
from registry.web.base import MAX_INPUT, actor_of, address, graphiql_path, list_path, record_path
from registry.web.errors import UserError
from registry.web.form_data import json_file
from registry.web.forms.actions import available_actions, available_transitions, free_text, may_request
from registry.web.forms.records import NEED, renewal
from registry.web.history import RecordHistories
from registry.web.lists import endpoint_for
from registry.web.presenters import Data, RecordSummary, agreement_status, record_summary, title
from registry.web.queries import PageQueries
from registry.web.records import (
    IMPACT,
    OF_ANY_KIND,
    ImpactView,
    compare_levels,
    impact_view,
    record_operation,
    record_variables,
    small_graph,
)
from registry.web.refusals import EDITABLE, may_edit
from registry.web.templating import page
from schema.types import field_of

MOST = 20
MOST_FOLLOWED = 200  # the largest number of records that depend directly on a record of which its page shows the impact
OPERATION = f"""query Meeting($ids: [ID!]) {{
  resources(where: {{id: {{in: $ids}}}}, first: {MOST}) {{
    nodes {{ id name status shareability unit steward {{ id }} owners(first: 5) {{ id name }} }}
  }}
}}
"""


@dataclass(frozen=True)
class Offer:
    """A resource that could meet a need, with its owners and its free amount.

    If the user may request the resource, the offer also has the path of the request form.
    """

    resource: RecordSummary
    owners: Sequence[RecordSummary]
    finding: str
    details: str
    free: str
    request_path: str


@dataclass(frozen=True)
class Offers:
    """The first resources that could meet a need, and the number of further resources that could meet it.

    The last field is the path of the list of all resources of the needed kind.
    """

    offers: Sequence[Offer]
    more: int
    path: str


class NeedMatches:
    """Finds the resources that could meet a need."""

    def __init__(self, graph: PageQueries, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    async def of(self, kind: type[Kind], one: str, actor: Actor) -> Offers | None:
        """Return the resources that could meet a need. The need may be a draft. Raises StoreError.

        Return None if the record is not a need, if it is retired, or if the user sees only its summary.
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
    """Return a need as a row of the analyses."""
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


class RecordPages:
    """The record pages of every kind."""

    def __init__(self, graph: PageQueries, histories: RecordHistories, need_matches: NeedMatches) -> None:
        self._graph, self._histories, self._need_matches = graph, histories, need_matches

    def routes(self) -> list[Route]:
        """Return the routes: `/KINDS/ID`, `/KINDS/ID.json`, and `/records/ID` for any kind."""
        found: list[Route] = [Route("/records/{id}", self._of_any_kind)]
        for kind in MODEL:
            found.append(Route(f"/{kind.plural}/{{id}}.json", endpoint_for(kind, self._json)))
            found.append(Route(f"/{kind.plural}/{{id}}", endpoint_for(kind, self._page)))
        return found

    async def _page(self, kind: type[Kind], request: Request) -> Response:
        one, me = request.path_params["id"], actor_of(request)
        on, day = _day(request, "at", kind, one), _day(request, "as-of", kind, one) or today()
        (record, impact), history, offers = await asyncio.gather(
            self._record_and_impact(kind, one, day, me),
            self._histories.of(kind, one, me, on),
            self._need_matches.of(kind, one, me),
        )
        if record is None:
            return await self._redirect(request)
        sections = records.record_sections(kind, record, day)
        return page(
            request,
            "record.html",
            kind=kind.__name__,
            record=record,
            title=title(kind.__name__, record),
            facts=records.record_facts(kind, record, day),
            sections=sections,
            small_graph=small_graph(sections),
            hidden=records.hidden_labels(kind, record),
            unknown=records.unknown_labels(kind, record),
            as_of=day if records.is_dated(kind) or kind.__name__ in (*STOPPABLE, "Partnership") else "",
            other_day=day != today(),
            steward=records.steward(record, day),
            validity=_validity(kind, record, day),
            levels=compare_levels(record["statements"] or []) if kind is MODEL["Partnership"] else [],
            impact=impact,
            shared=_compare_path(kind, record),
            done=_confirmation(request.query_params.get("done", "")),
            editable=kind in EDITABLE and may_edit(me, record),
            transitions=available_transitions(me, kind, record),
            renewal=renewal(me, record, day) if kind is MODEL["Partnership"] else "",
            actions=[(one.name, one.title()) for one in available_actions(me, kind.__name__, record)],
            offers=offers,
            history=history,
            path=record_path(kind.__name__, one),
            graphiql=graphiql_path(record_operation(kind), record_variables(kind, one, day)),
        )

    async def _json(self, kind: type[Kind], request: Request) -> Response:
        one = request.path_params["id"]
        day = _day(request, "as-of", kind, one) or today()
        record = await _read_record(self._graph, kind, one, day, actor_of(request))
        return await self._redirect(request, ".json") if record is None else json_file({field_of(kind): record})

    async def _of_any_kind(self, request: Request) -> Response:
        return await self._redirect(request)

    async def _redirect(self, request: Request, extension: str = "") -> Response:
        """Redirect to the page of a record of another kind. Respond 404 if the user may not see a record with this id."""
        one = request.path_params["id"]
        found = (await self._graph.ask(OF_ANY_KIND, {"id": one}, actor_of(request)))["record"]
        if found is None:
            raise HTTPException(404)
        path = record_path(found["__typename"], one) + extension
        return RedirectResponse(address(path, request.query_params.multi_items()), 307)

    async def _record_and_impact(
        self, kind: type[Kind], one: str, day: str, me: Actor
    ) -> tuple[Data | None, ImpactView | None]:
        """Return a record, and the records that are affected if it becomes unavailable.

        If many records depend directly on the record, only their number is returned.
        """
        record = await _read_record(self._graph, kind, one, day, me)
        if record is None or kind.__name__ not in STOPPABLE:
            return record, None
        if (direct := records.count_direct(kind, record)) > MOST_FOLLOWED:
            return record, ImpactView(direct=direct)
        return record, impact_view((await self._graph.ask(IMPACT, {"of": one, "asOf": day}, me))["impact"])


async def prepare_record_pages(graph: PageQueries, seconds: float) -> None:
    """Compile the queries of the record pages of the main kinds, and let the database plan them, for at most `seconds` seconds.

    Otherwise the first visitor would wait: a plan of a record page takes Neo4j some seconds. If the database is down, return.
    """
    with suppress(StoreError, HTTPException, TimeoutError):
        async with asyncio.timeout(seconds):
            for kind in MAIN:
                await _read_record(graph, MODEL[kind], "", today(), ANONYMOUS, seconds)


async def _read_record(
    graph: PageQueries, kind: type[Kind], one: str, day: str, me: Actor, timeout: float | None = None
) -> Data | None:
    data = await graph.ask(record_operation(kind), record_variables(kind, one, day), me, timeout)
    record: Data | None = data[field_of(kind)]
    return record


def _validity(kind: type[Kind], record: Data, day: str) -> Any:
    if kind is not MODEL["Partnership"]:
        return None
    return agreement_status({**record, "positions": record["parties"]}, day)


def _compare_path(kind: type[Kind], record: Data) -> str:
    """Return the path of the comparison page for an agency or for the parties of an agreement.

    Return "" for other kinds of records.
    """
    agencies = (
        [record["id"]]
        if kind is MODEL["Agency"]
        else [one["agency"]["id"] for one in (record["parties"] if kind is MODEL["Partnership"] else [])]
    )
    return address("/shared", [("agency", one) for one in agencies]) if agencies else ""


def _day(request: Request, name: str, kind: type[Kind], one: str) -> str | None:
    """Return the day that a query parameter names. If the URL has no such parameter, return None. Raises UserError.

    `as-of` is the day on which links are current; `at` is the day of an earlier version of the record.
    """
    given = request.query_params.get(name) or None
    try:
        day = Date.clean(given)
    except InvalidValue:
        sentence = _("“{given}” is not a date. Write a date like 2026-11-25.").format(given=str(given)[:MAX_INPUT])
        raise UserError(sentence, record_path(kind.__name__, one), _("Show the current record")) from None
    return None if day is None else str(day)


def _confirmation(what: str) -> str:
    """Return the message that confirms the user's last action. If the URL names no action, return ""."""
    return {
        "saved": _("The record is saved."),
        "proposed": _("The record is saved and submitted. An approver will review it."),
        "propose": _("The record is submitted. An approver will review it."),
        "approve": _("The record is approved and published."),
        "send-back": _("The record is sent back and is a draft again."),
        "retire": _("The record is retired."),
        "undo": _("The change was undone."),
        "confirm": _("Your statement is recorded."),
        "level": _("Your statement is recorded."),
        "withdraw": _("The assessment was withdrawn."),
        "request": _("Your request is sent. The steward of the resource sees it in the inbox."),
        "accept": _("The request is accepted."),
        "decline": _("The request is declined."),
        "end": _("The use has ended."),
        "feedback": _(
            "Thank you. Your feedback is shown once it is answered, unless you chose that only the answering agency can read it."
        ),
        "answer": _("Your answer is recorded."),
    }.get(what, "")
