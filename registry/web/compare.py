"""The page `/shared`: compare what several agencies share on a day."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from registry.clock import today
from registry.explore.shared import MOST
from registry.i18n import _
from registry.model.definitions import MODEL
from registry.model.kinds import Property
from registry.model.values import Date, InvalidValue
from registry.permissions import Actor
from registry.web.base import MAX_INPUT, actor_of, address, clean_input, graphiql_path
from registry.web.errors import UserError
from registry.web.form_data import json_file
from registry.web.list_query import name_contains
from registry.web.presenters import (
    Data,
    RecordSummary,
    StatusText,
    agreement_status,
    edge_texts,
    fact_texts,
    record_summary,
)
from registry.web.queries import AGREEMENT_STATUS, PageQueries, summary_selection
from registry.web.records import LevelComparison, compare_levels
from registry.web.templating import code_label, page
from schema.explore import AGENCIES

AGENCY_FIELDS = "agency { id name }"
AGREEMENT_FIELDS = f"id name {AGREEMENT_STATUS}"
OPERATION = f"""query Shared($agencies: [ID!]!, $asOf: Date) {{
  sharedBetween(agencies: $agencies, asOf: $asOf) {{
    asOf
    agencies {{ id name }}
    resources {{
      resource {{ {summary_selection(MODEL["Resource"])} owners(first: 20) {{ id name }} }}
      owners {{ id name }}
      uses {{ {AGENCY_FIELDS} role since until covered agreements {{ id }} }}
      agreements {{ {AGREEMENT_FIELDS} }}
      otherAgreements {{ partnership {{ {AGREEMENT_FIELDS} }} parties {{ id name }} }}
      disputedAgreements {{ partnership {{ {AGREEMENT_FIELDS} }} parties {{ id name }} }}
      withheld
    }}
    services {{ service {{ {summary_selection(MODEL["Service"])} }} providers {{ {AGENCY_FIELDS} role }} }}
    partnerships {{
      partnership {{ {AGREEMENT_FIELDS} instrument legalBasis }}
      parties {{ {AGENCY_FIELDS} role }}
      inForce
      statements {{ {AGENCY_FIELDS} scale level on }}
      disagreement
    }}
    withheld
    needs {{ need {{ {summary_selection(MODEL["Need"])} }} neededBy {{ id name }} resource {{ id name }} owner {{ id name }} }}
  }}
}}
"""
KNOWN_AGENCIES = """query Agencies($ids: [ID!]!) {
  agencies(where: {id: {in: $ids}}, first: 20) { nodes { id name } }
}
"""
FIND_AGENCIES = """query Agencies($where: AgencyWhere) {
  agencies(where: $where, first: 10, order: [{name: ASC}]) { totalCount nodes { id name } }
}
"""
USE, PROVISION, MEMBERSHIP = (
    MODEL["Agency"].ends[name].link.properties for name in ("uses", "provides", "partnerships")
)


@dataclass(frozen=True)
class ParticipationView:
    """An agency that takes part in a service or a partnership, with its role as text."""

    agency: RecordSummary
    details: Sequence[str]


@dataclass(frozen=True)
class AgreementView:
    """An agreement that covers a shared resource, and its parties that are not among the compared agencies."""

    agreement: RecordSummary
    third_parties: Sequence[RecordSummary]


@dataclass(frozen=True)
class UseView:
    """The use of a shared resource by an agency, with the agreements that cover it.

    `covered` says whether an agreement in force covers the use; if this is unknown, it is None. `disputed` are agreements of the
    agency that a party disputes.
    """

    agency: RecordSummary
    details: Sequence[str]
    covered: bool | None
    agreements: Sequence[AgreementView]
    disputed: Sequence[AgreementView]


@dataclass(frozen=True)
class SharedResourceView:
    """A resource that the compared agencies share.

    The view lists the owners and users among the compared agencies, and the owners that are not compared. `uses` is None if the
    user may not see how the resource is used. If `withheld` is true, the user may not see all agreements that cover it.
    """

    resource: RecordSummary
    owners: Sequence[RecordSummary]
    third_owners: Sequence[RecordSummary]
    uses: Sequence[UseView] | None
    withheld: bool


@dataclass(frozen=True)
class SharedServiceView:
    """A service that at least two of the compared agencies provide."""

    service: RecordSummary
    providers: Sequence[ParticipationView]


@dataclass(frozen=True)
class SharedPartnershipView:
    """An agreement between at least two of the compared agencies.

    The view shows the agreement's status, its legal basis, and the levels of cooperation that its parties report.
    """

    partnership: RecordSummary
    status: StatusText
    details: Sequence[str]
    parties: Sequence[ParticipationView]
    levels: Sequence[LevelComparison]


@dataclass(frozen=True)
class MetNeedView:
    """A need of one agency, and a resource of another agency that could meet the need."""

    need: RecordSummary
    needed_by: RecordSummary
    resource: RecordSummary
    owner: RecordSummary


@dataclass(frozen=True)
class SharedView:
    """Everything that the compared agencies share on a day.

    If `withheld` is true, the agencies may share further resources that the user may not see.
    """

    as_of: str
    agencies: Sequence[RecordSummary]
    resources: Sequence[SharedResourceView]
    services: Sequence[SharedServiceView]
    partnerships: Sequence[SharedPartnershipView]
    needs: Sequence[MetNeedView]
    withheld: bool

    @property
    def full(self) -> int:
        """The maximum number of records in a section if any section has so many, otherwise 0."""
        sections: tuple[Sequence[object], ...] = (self.resources, self.services, self.partnerships, self.needs)
        return MOST if any(len(one) >= MOST for one in sections) else 0

    @property
    def uncovered(self) -> int:
        """The number of resources that an agency uses without an agreement in force."""
        return sum(1 for one in self.resources if any(use.covered is False for use in one.uses or ()))

    @property
    def uncertain(self) -> bool:
        """Whether uses of resources without an agreement could exist that are hidden from the user."""
        return self.withheld or any(
            one.uses is None or any(use.covered is None for use in one.uses) for one in self.resources
        )


def shared_view(data: Data) -> SharedView:
    """Return the view of the result of a `sharedBetween` query."""
    compared = {one["id"] for one in data["agencies"]}
    return SharedView(
        data["asOf"],
        [_agency(one) for one in data["agencies"]],
        [_resource(one, data["asOf"], compared) for one in data["resources"]],
        [
            SharedServiceView(
                _record_with_facts("Service", one["service"]), _participations(one["providers"], PROVISION)
            )
            for one in data["services"]
        ],
        [_partnership(one, data["asOf"]) for one in data["partnerships"]],
        [_need(one) for one in data["needs"]],
        data["withheld"],
    )


def _agency(one: Data) -> RecordSummary:
    return record_summary("Agency", one)


def _record_with_facts(kind: str, one: Data) -> RecordSummary:
    return RecordSummary(kind, one["id"], record_summary(kind, one).title, list(fact_texts(kind, one, set())))


def _participations(parts: Sequence[Data], declared: Any) -> list[ParticipationView]:
    properties: Sequence[Property] = list(declared.values())
    return [ParticipationView(_agency(one["agency"]), list(edge_texts(properties, one))) for one in parts]


def _resource(one: Data, day: str, compared: Collection[str]) -> SharedResourceView:
    covering = {each["id"]: AgreementView(_agreement(each, day), ()) for each in one["agreements"] or ()}
    others = one["otherAgreements"] or ()
    covering |= {each["partnership"]["id"]: _with_third_parties(each, day, compared) for each in others}
    owners = [_agency(each) for each in one["owners"]]
    third = [_agency(each) for each in one["resource"]["owners"] if each["id"] not in compared]
    uses = None if one["uses"] is None else [_use(each, covering, one, day, compared) for each in one["uses"]]
    return SharedResourceView(_record_with_facts("Resource", one["resource"]), owners, third, uses, one["withheld"])


def _use(
    use: Data, covering: Mapping[str, AgreementView], resource: Data, day: str, compared: Collection[str]
) -> UseView:
    agency = use["agency"]
    disputed = [
        _with_third_parties(one, day, compared)
        for one in resource["disputedAgreements"]
        if any(party["id"] == agency["id"] for party in one["parties"])
    ]
    agreements = [covering[one["id"]] for one in use["agreements"] if one["id"] in covering]
    return UseView(_agency(agency), list(edge_texts(USE.values(), use)), use["covered"], agreements, disputed)


def _with_third_parties(one: Data, day: str, compared: Collection[str]) -> AgreementView:
    third = [_agency(party) for party in one["parties"] if party["id"] not in compared]
    return AgreementView(_agreement(one["partnership"], day), third)


def _agreement(one: Data, day: str) -> RecordSummary:
    return RecordSummary("Partnership", one["id"], one["name"], status=agreement_status(one, day))


def _partnership(one: Data, day: str) -> SharedPartnershipView:
    agreement = one["partnership"]
    basis = list(_basis_texts(agreement))
    parties = _participations(one["parties"], MEMBERSHIP)
    levels = compare_levels(one["statements"] or ())
    return SharedPartnershipView(
        record_summary("Partnership", agreement), agreement_status(agreement, day), basis, parties, levels
    )


def _basis_texts(agreement: Data) -> Iterator[str]:
    if agreement["instrument"]:
        yield code_label("instrument", agreement["instrument"])
    if agreement["legalBasis"]:
        yield agreement["legalBasis"]
    elif not agreement["withheld"]:
        yield _("no legal basis recorded")


def _need(one: Data) -> MetNeedView:
    needed_by, owner = _agency(one["neededBy"]), _agency(one["owner"])
    return MetNeedView(
        _record_with_facts("Need", one["need"]), needed_by, record_summary("Resource", one["resource"]), owner
    )


MIN_AGENCIES = 2


class ComparePages:
    """The page that compares the shared resources and services of agencies."""

    def __init__(self, graph: PageQueries) -> None:
        self._graph = graph

    def routes(self) -> list[Route]:
        """Return the routes of this page."""
        return [Route("/shared", self._page), Route("/shared.json", self._json)]

    async def _page(self, request: Request) -> Response:
        agencies, day, me = await self._agencies(request), _day(request), actor_of(request)
        text = clean_input(request.query_params.get("find", ""))
        chosen = [one.id for one in agencies]
        data = await self._shared(chosen, day, me) if len(chosen) >= MIN_AGENCIES else None
        found = await self._find(text, chosen, me) if text else []
        if len(found) == 1 and len(chosen) < AGENCIES:
            return RedirectResponse(address("/shared", _query_pairs([*chosen, found[0].id], day)), 303)
        pairs = _query_pairs(chosen, day)
        return page(
            request,
            "shared.html",
            agencies=[(one, address("/shared", _query_pairs(_without(one.id, chosen), day))) for one in agencies],
            missing=len(_ids(request)) - len(agencies),
            found=[(one, address("/shared", _query_pairs([*chosen, one.id], day))) for one in found],
            text=text,
            full=len(chosen) >= AGENCIES,
            day=day or today(),
            shared=shared_view(data) if data else None,
            json=address("/shared.json", pairs),
            graphiql=graphiql_path(OPERATION, _variables(chosen, day)),
        )

    async def _json(self, request: Request) -> Response:
        agencies, day = await self._agencies(request), _day(request)
        if len(agencies) < MIN_AGENCIES:
            raise UserError(_("Choose two or more agencies."), "/shared", _("Choose agencies"))
        data = await self._shared([one.id for one in agencies], day, actor_of(request))
        return json_file({"sharedBetween": data})

    async def _agencies(self, request: Request) -> list[RecordSummary]:
        """Return the agencies that the URL names, in the order of the URL.

        Agencies whose summary the user may not see are left out.
        """
        ids = _ids(request)
        if not ids:
            return []
        data = await self._graph.ask(KNOWN_AGENCIES, {"ids": ids}, actor_of(request))
        known = {one["id"]: record_summary("Agency", one) for one in data["agencies"]["nodes"]}
        return [known[one] for one in ids if one in known]

    async def _shared(self, agencies: Sequence[str], day: str | None, me: Actor) -> Data:
        data = await self._graph.ask(OPERATION, _variables(agencies, day), me)
        found: Data = data["sharedBetween"]
        return found

    async def _find(self, text: str, chosen: Sequence[str], me: Actor) -> list[RecordSummary]:
        where = {"and": [*name_contains(text), {"id": {"notIn": list(chosen)}}]}
        data = await self._graph.ask(FIND_AGENCIES, {"where": where}, me)
        return [record_summary("Agency", one) for one in data["agencies"]["nodes"]]


def _ids(request: Request) -> list[str]:
    ids = list(dict.fromkeys(one for one in request.query_params.getlist("agency") if one))
    if len(ids) > AGENCIES:
        sentence = _("At most {n} agencies can be compared.").format(n=AGENCIES)
        raise UserError(
            sentence,
            address("/shared", [("agency", one) for one in ids[:AGENCIES]]),
            _("Compare the first of these agencies"),
        )
    return ids


def _without(one: str, ids: Sequence[str]) -> list[str]:
    return [other for other in ids if other != one]


def _day(request: Request) -> str | None:
    given = request.query_params.get("as-of") or None
    try:
        return None if given is None else date.fromisoformat(str(Date.clean(given))).isoformat()
    except (InvalidValue, ValueError):
        sentence = _("“{given}” is not a date. Write a date like 2026-11-25.").format(given=str(given)[:MAX_INPUT])
        raise UserError(sentence, "/shared", _("Choose agencies")) from None


def _query_pairs(agencies: Sequence[str], day: str | None) -> list[tuple[str, str]]:
    return [("agency", one) for one in agencies] + ([("as-of", day)] if day else [])


def _variables(agencies: Sequence[str], day: str | None) -> dict[str, object]:
    return {"agencies": list(agencies)} | ({"asOf": day} if day else {})
