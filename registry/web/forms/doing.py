"""The pages of acts: a small form at `/KINDS/ID/ACT`, which keeps what was typed until it could be done."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from registry.access import Actor
from registry.changing import hearing
from registry.changing.turn import Asking
from registry.clock import today
from registry.model import MODEL
from registry.modelling import Kind
from registry.web.actors import NO_STORE, actor_of, signed_in
from registry.web.addresses import address, record_path
from registry.web.allowed import refused
from registry.web.forms.acts import ACTS, Act, Shown, speakers
from registry.web.forms.fields import Field
from registry.web.forms.picking import Options
from registry.web.forms.telling import WHOLE, sentence
from registry.web.forms.typed import key_of
from registry.web.graph import Graph
from registry.web.holding import held
from registry.web.lists import of_kind
from registry.web.markup import page
from registry.web.names import names
from registry.web.posted import posted
from registry.web.record import operation
from registry.web.record_page import facts, steward
from registry.web.showing import title
from registry.web.tools import Tools
from registry.words import _
from schema.names import field_of

LONGEST = 100_000
TRAP = "website"  # a field that people do not see: who fills it in is none


class Acts:
    """What is asked for and done below the address of a record."""

    def __init__(self, graph: Graph, tools: Tools) -> None:
        self._graph, self._tools = graph, tools

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(
                f"/{MODEL[act.kind].plural}/{{id}}/{act.name}",
                of_kind(MODEL[act.kind], partial(self._answer, act)),
                methods=["GET", "POST"],
            )
            for act in ACTS
        ]

    async def _answer(self, act: Act, kind: type[Kind], request: Request) -> Response:
        one, me = request.path_params["id"], actor_of(request)
        record = (await self._graph.ask(operation(kind), {"id": one}, me))[field_of(kind)]
        offered = record is not None and not record["withheld"] and act.offered(me, record)
        if not offered and (kept := await held(request)):
            return kept
        if record is None:
            raise HTTPException(404)
        if not offered:
            needed = _("Only its face is shown to you; its steward may show you the rest.")
            needed = needed if record["withheld"] else act.takes()
            sentence_ = _("You may not do this: {what}.").format(what=act.title())
            return refused(request, sentence_, needed, steward(record, today()), record_path(act.kind, one))
        if act.kind == "Feedback":
            record = {**record, "contact": await self._tools.do(hearing.contact, one)}
        fields = act.asks(await self._mine(act, me, record), record)
        fields = [replace(one, value=me.usual) if _offers(one, me.usual) else one for one in fields]
        if act.begins:
            fields = await act.begins(self._graph, me, request.query_params, fields)
        if request.method != "POST":
            return self._form(request, act, record, _filled(fields, {}))
        return await self._done(request, act, record, fields)

    async def _done(self, request: Request, act: Act, record: Shown, fields: Sequence[Field]) -> Response:
        posted_ = await posted(request, longest=LONGEST)
        typed = {one.name: posted_.get(one.name, "") for one in fields}
        path = record_path(act.kind, record["id"])
        if posted_.get(TRAP):
            return RedirectResponse(address(path, [("done", act.name)]), 303)
        asking = Asking(actor_of(request), "form", key_of(posted_), {"act": act.name, "of": record["id"], **typed})
        outcome = await self._tools.do(lambda store: act.do(store, asking, record["id"], typed))
        if not outcome.problems:
            return RedirectResponse(address(path, [("done", act.name)]), 303)
        told: dict[str, list[str]] = {}
        for problem in outcome.problems:
            about = problem.field if problem.field in typed else WHOLE
            told.setdefault(about, []).append(sentence(problem))
        return self._form(request, act, record, _filled(fields, typed, told), told.get(WHOLE, ()), 422)

    def _form(
        self,
        request: Request,
        act: Act,
        record: Shown,
        fields: Sequence[Field],
        wrong: Sequence[str] = (),
        status: int = 200,
    ) -> Response:
        response = page(
            request,
            "act.html",
            status,
            kind=act.kind,
            heading=act.title(),
            title=title(act.kind, record),
            about=record["description"] if MODEL[act.kind].by_step else "",
            contact=record.get("contact"),
            facts=facts(MODEL[act.kind], record, today()) if act.kind == "Request" else (),
            fields_=fields,
            wrong=wrong,
            trap=TRAP if signed_in(request) is None else "",
            key=secrets.token_hex(12),
            back=record_path(act.kind, record["id"]),
        )
        response.headers.update(NO_STORE)
        return response

    async def _mine(self, act: Act, me: Actor, record: Shown) -> Options:
        """Return the agencies for which an actor may do this, by name."""
        ids = speakers(me, record) if act.kind == "Partnership" else sorted(me.agencies)
        called = await names(self._graph, {"Agency": ids}, me) if ids else {}
        return sorted(called.items(), key=lambda one: one[1])


def _offers(one: Field, agency: str) -> bool:
    return one.name == "agency" and any(agency == option for option, _title in one.options)


def _filled(
    fields: Sequence[Field], typed: Mapping[str, str], told: Mapping[str, Sequence[str]] | None = None
) -> list[Field]:
    """Return the fields with what was typed, or they begin with; the one choice there is that must be made is made."""
    filled = []
    for one in fields:
        only = one.options[0][0] if one.required and len(one.options) == 1 else ""
        filled.append(
            replace(one, value=typed.get(one.name, one.value or only), problems=(told or {}).get(one.name, ()))
        )
    return filled
