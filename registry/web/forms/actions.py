"""Small forms for actions on a record: confirm, assess, request, decide, answer, change the status, undo."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from registry.clock import today
from registry.database.driver import Store
from registry.i18n import _, exact, language, pgettext
from registry.model.codelists import code_list
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from registry.model.records import Problem
from registry.model.values import InvalidValue, Numeral, Prose
from registry.mutations import confirmations, feedback, requests
from registry.mutations.feedback import FeedbackInput
from registry.mutations.lifecycle import APPROVE, PROPOSE, RETIRE, SEND_BACK, Transition, is_allowed, make_transition
from registry.mutations.requests import ResourceRequest
from registry.mutations.revisions import undo
from registry.mutations.transaction import MutationResult, RequestContext
from registry.permissions import Action, Actor, can, role_needed
from registry.web.auth import resume_page
from registry.web.base import NO_STORE, StoreThreads, actor_of, address, record_path, signed_in
from registry.web.errors import UserError
from registry.web.form_data import read_form
from registry.web.forms.fields import WHOLE, Field, problem_sentence
from registry.web.forms.records import NEED, prefill_from_need
from registry.web.forms.values import NOTATION, Options, form_key, form_notation, form_version
from registry.web.lists import endpoint_for
from registry.web.presenters import title, titles_of
from registry.web.queries import PageQueries
from registry.web.records import record_facts, record_operation, record_variables, steward
from registry.web.refusals import EDITABLE, cannot_do, may_edit, permission_properties, refusal_page
from registry.web.templating import label, page
from schema.types import field_of

ShownRecord = Mapping[str, Any]  # a record as a GraphQL result
Typed = Mapping[str, str]
Prefill = Callable[[PageQueries, Actor, QueryParams, Sequence[Field]], Awaitable[Sequence[Field]]]


@dataclass(frozen=True)
class RecordAction:
    """An action on a record, such as a confirmation, with its form at `/KINDS/ID/NAME`.

    `title`, `fields` and `needs` are functions, because their texts depend on the current language. `prefill` fills the form from
    the query parameters. If a user may not perform the action, `needs` gives the text that says what the action requires.
    """

    kind: str
    name: str
    title: Callable[[], str]
    available: Callable[[Actor, ShownRecord], bool]
    fields: Callable[[Options, ShownRecord], Sequence[Field]]
    run: Callable[[Store, RequestContext, str, Typed], MutationResult]
    prefill: Prefill | None = None
    needs: Callable[[Actor, ShownRecord], str] = lambda _actor, record: role_needed(Action.EDIT, _steward_name(record))


def speaking_parties(actor: Actor, record: ShownRecord) -> list[str]:
    """Return the parties of an agreement on whose behalf the actor may confirm or assess the agreement."""
    parties = [one["agency"]["id"] for one in record["parties"]] if record["status"] != "RETIRED" else []
    return [one for one in parties if can(actor, Action.EDIT, {"steward": one})]


def _steward_name(record: ShownRecord) -> str:
    return record["steward"]["name"] if record["steward"] else ""


def _needed_to_speak(_actor: Actor, _record: ShownRecord) -> str:
    return role_needed(Action.EDIT, _("a party to the agreement"))


def _field(
    name: str, label: str, input_type: str = "prose", *, required: bool = False, hint: str = "", options: Options = ()
) -> Field:
    return Field(name, label, hint, input_type, "", required, options)


def _codes(name: str) -> Options:
    return [(one.code, one.label) for one in code_list(name).values()]


def _confirm_fields(mine: Options, _record: ShownRecord) -> Sequence[Field]:
    return [
        _field("agency", _("For which party"), "choice", required=True, options=mine),
        _field("standing", _("Is this correct?"), "choice", required=True, options=_codes("party-standing")),
        _field("remark", _("What is wrong?"), "line", hint=_("Required unless you confirm the agreement.")),
    ]


def _confirm(store: Store, request_context: RequestContext, record: str, form: Typed) -> MutationResult:
    return confirmations.confirm(store, request_context, record, form["agency"], form["standing"], form["remark"])


def _level_fields(mine: Options, _record: ShownRecord) -> Sequence[Field]:
    levels = [
        (f"{scale.code}:{level.code}", f"{scale.label}: {level.code} {level.label}")
        for scale in code_list("level-scale").values()
        for level in code_list(f"level-{scale.code}").values()
    ]
    return [
        _field("agency", _("For which party"), "choice", required=True, options=mine),
        _field("level", _("How closely do you work together?"), "choice", required=True, options=levels),
        _field("on", _("Stated on"), "date", hint=_("If you leave this field empty, today is used.")),
        _field("note", _("Reason")),
    ]


def _state_level(store: Store, request_context: RequestContext, record: str, form: Typed) -> MutationResult:
    scale, _colon, level = form["level"].partition(":")
    said = {
        "scale": scale or None,
        "level": level or None,
        "on": form["on"] or None,
        "description": form["note"] or None,
    }
    return confirmations.state_level(store, request_context, record, form["agency"], said)


def _request_fields(mine: Options, record: ShownRecord) -> Sequence[Field]:
    free = _free_capacity(record)
    return [
        _field("agency", _("For which agency"), "choice", required=True, options=mine),
        _field("quantity", _("Amount"), "number", hint=free),
        _field("since", pgettext("first day", "From"), "date"),
        _field("until", _("Until"), "date"),
        _field("purpose", _("Purpose")),
        Field(NEED, _("Need that the request is for"), "", "hidden", "", kind="Need"),
        Field(NOTATION, "", "", "hidden", language()),
    ]


def _free_capacity(record: ShownRecord) -> str:
    if record.get("capacity") is None:
        return record.get("unit") or ""
    return free_text(max(0.0, record["capacity"] - (record["inUse"] or 0)), record["unit"])


def free_text(amount: float, unit: str | None) -> str:
    """Return a sentence that says how much of a resource is free."""
    return _("Free: {n} {unit}.").format(n=exact(amount), unit=unit or "").replace(" .", ".")


def _request(store: Store, request_context: RequestContext, record: str, form: Typed) -> MutationResult:
    quantity = Numeral(form["quantity"], form_notation(form)) if form["quantity"] else None
    properties = {"quantity": quantity, **{name: form[name] or None for name in ("since", "until")}}
    request = ResourceRequest(
        form["agency"], record, form[NEED] or None, {**properties, "description": form["purpose"] or None}
    )
    return requests.request(store, request_context, request)


def may_request(actor: Actor, record: ShownRecord) -> bool:
    """Return whether an actor may request a resource.

    Only published, shared resources of other agencies can be requested.
    """
    shared = record["status"] == "PUBLISHED" and record["shareability"] != "not-shared" and record["steward"]
    return bool(shared and actor.agencies_for(Action.PROPOSE) and record["steward"]["id"] not in actor.agencies)


def _needed_to_request(actor: Actor, _record: ShownRecord) -> str:
    if actor.agencies_for(Action.PROPOSE):
        return _("You can request only published, shared resources of other agencies.")
    return role_needed(Action.PROPOSE, _("an agency"))


def _decide(decision: str) -> Callable[[Store, RequestContext, str, Typed], MutationResult]:
    return lambda store, request_context, record, form: requests.decide(
        store, request_context, record, decision, form["answer"]
    )


def _decides(actor: Actor, record: ShownRecord) -> bool:
    owners = set(record["grants"] or ())  # the steward of the requested resource can see the request
    return actor.is_admin or not owners.isdisjoint(actor.agencies_for(Action.ANSWER))


def _may_decide(decision: str | None) -> Callable[[Actor, ShownRecord], bool]:
    def available(actor: Actor, record: ShownRecord) -> bool:
        return record["status"] == "PUBLISHED" and record["decision"] == decision and _decides(actor, record)

    return available


def _needed_to_decide(actor: Actor, record: ShownRecord) -> str:
    if _decides(actor, record):
        return _("A request in this status cannot be changed this way.")
    return role_needed(Action.ANSWER, _("the resource's steward"))


def _answer_fields(_mine: Options, _record: ShownRecord) -> Sequence[Field]:
    return [_field("answer", _("Your answer"))]


def _feedback_fields(_mine: Options, record: ShownRecord) -> Sequence[Field]:
    channels = [(one["id"], one["address"] or one["id"]) for one in record["channels"]]
    about_contact = _(
        "Optional. Only the answering agency can see your contact details, and they are erased on request."
    )
    fields = [
        _field("text", _("What do you want to say?"), required=True),
        Field("private", _("Who can read it"), "", "choice", "no", options=[
            ("no", _("Everybody, after the feedback is answered")), ("yes", _("Only the answering agency"))]),
        _field("contact", _("Your contact details"), "line", hint=about_contact),
    ]  # fmt: skip
    through = _field("channel", _("Channel concerned"), "choice", options=channels)
    return [*fields[:1], through, *fields[1:]] if channels else fields


def _give_feedback(store: Store, request_context: RequestContext, record: str, form: Typed) -> MutationResult:
    private, channel = form["private"] == "yes", form.get("channel") or None
    return feedback.give_feedback(
        store, request_context, FeedbackInput(record, form["text"], channel, private, form["contact"])
    )


def _may_answer(actor: Actor, record: ShownRecord) -> bool:
    return record["status"] != "RETIRED" and can(actor, Action.ANSWER, permission_properties(record))


RECORD_ACTIONS = (
    RecordAction(
        "Partnership",
        "confirm",
        lambda: _("Confirm or dispute"),
        lambda actor, one: bool(speaking_parties(actor, one)),
        _confirm_fields,
        _confirm,
        needs=_needed_to_speak,
    ),
    RecordAction(
        "Partnership",
        "level",
        lambda: _("Assess the level of cooperation"),
        lambda actor, one: bool(speaking_parties(actor, one)),
        _level_fields,
        _state_level,
        needs=_needed_to_speak,
    ),
    RecordAction(
        "Statement",
        "withdraw",
        lambda: _("Withdraw this assessment"),
        may_edit,
        lambda _mine, _record: [],
        lambda store, request_context, record, _typed: confirmations.withdraw(store, request_context, record),
    ),
    RecordAction(
        "Resource",
        "request",
        lambda: _("Request this resource"),
        may_request,
        _request_fields,
        _request,
        prefill_from_need,
        _needed_to_request,
    ),
    RecordAction(
        "Request",
        "accept",
        lambda: _("Accept"),
        _may_decide(None),
        _answer_fields,
        _decide("accepted"),
        needs=_needed_to_decide,
    ),
    RecordAction(
        "Request",
        "decline",
        lambda: _("Decline"),
        _may_decide(None),
        _answer_fields,
        _decide("declined"),
        needs=_needed_to_decide,
    ),
    RecordAction(
        "Request",
        "end",
        lambda: _("The use has ended"),
        _may_decide("accepted"),
        _answer_fields,
        _decide("ended"),
        needs=_needed_to_decide,
    ),
    RecordAction(
        "Service",
        "feedback",
        lambda: _("Give feedback"),
        lambda _actor, one: one["status"] == "PUBLISHED",
        _feedback_fields,
        _give_feedback,
        needs=lambda _actor, _record: _("The service must be published."),
    ),
    RecordAction(
        "Feedback",
        "answer",
        lambda: pgettext("button", "Answer"),
        _may_answer,
        lambda _mine, _record: [_field("answer", _("Your answer"), required=True)],
        lambda store, request_context, record, form: feedback.answer_feedback(
            store, request_context, record, form["answer"]
        ),
    ),
)


def available_actions(actor: Actor, kind: str, record: ShownRecord) -> list[RecordAction]:
    """Return the actions that an actor may perform on a record."""
    return [
        action
        for action in RECORD_ACTIONS
        if action.kind == kind and not record["withheld"] and action.available(actor, record)
    ]


def _refusal_reason(action: RecordAction, actor: Actor, record: ShownRecord) -> str:
    if record["withheld"]:
        return _("You can see only a summary of this record. Ask its steward for access to the rest.")
    if record["status"] == "RETIRED":
        return _("This record is retired and can no longer be changed.")
    return action.needs(actor, record)


MAX_BYTES = 100_000
HONEYPOT = "website"  # a field that people do not see; only spam robots fill it in


class RecordActionPages:
    """The pages with the forms of record actions."""

    def __init__(self, graph: PageQueries, threads: StoreThreads) -> None:
        self._graph, self._threads = graph, threads

    def routes(self) -> list[Route]:
        """Return the routes of these pages."""
        return [
            Route(
                f"/{MODEL[action.kind].plural}/{{id}}/{action.name}",
                endpoint_for(MODEL[action.kind], partial(self._answer, action)),
                methods=["GET", "POST"],
            )
            for action in RECORD_ACTIONS
        ]

    async def _answer(self, action: RecordAction, kind: type[Kind], request: Request) -> Response:
        one, me = request.path_params["id"], actor_of(request)
        record = (await self._graph.ask(record_operation(kind), record_variables(kind, one, today()), me))[
            field_of(kind)
        ]
        available = record is not None and not record["withheld"] and action.available(me, record)
        if not available and (resumed := await resume_page(request)):
            return resumed
        if record is None:
            raise HTTPException(404)
        if not available:
            heading = _("You may not do this: {what}.").format(what=action.title())
            reason = _refusal_reason(action, me, record)
            return refusal_page(request, heading, reason, steward(record, today()), record_path(action.kind, one))
        if action.kind == "Feedback":
            record = {**record, "contact": await self._threads.run(feedback.contact, one)}
        fields = action.fields(await self._agency_options(action, me, record), record)
        fields = [
            replace(one, value=me.default_agency) if _has_option(one, me.default_agency) else one for one in fields
        ]
        if action.prefill:
            fields = await action.prefill(self._graph, me, request.query_params, fields)
        if request.method != "POST":
            return self._form(request, action, record, _filled_fields(fields, {}))
        return await self._perform(request, action, record, fields)

    async def _perform(
        self, request: Request, action: RecordAction, record: ShownRecord, fields: Sequence[Field]
    ) -> Response:
        posted = await read_form(request, longest=MAX_BYTES)
        form = {one.name: posted.get(one.name, "") for one in fields}
        path = record_path(action.kind, record["id"])
        if posted.get(HONEYPOT):
            return RedirectResponse(address(path, [("done", action.name)]), 303)
        request_context = RequestContext(
            actor_of(request), "form", form_key(posted), {"act": action.name, "of": record["id"], **form}
        )
        outcome = await self._threads.run(lambda store: action.run(store, request_context, record["id"], form))
        if not outcome.problems:
            return RedirectResponse(address(path, [("done", action.name)]), 303)
        texts: dict[str, list[str]] = {}
        for problem in outcome.problems:
            about = problem.field if problem.field in form else WHOLE
            texts.setdefault(about, []).append(problem_sentence(problem))
        return self._form(request, action, record, _filled_fields(fields, form, texts), texts.get(WHOLE, ()), 422)

    def _form(
        self,
        request: Request,
        action: RecordAction,
        record: ShownRecord,
        fields: Sequence[Field],
        wrong: Sequence[str] = (),
        status: int = 200,
    ) -> Response:
        response = page(
            request,
            "action_form.html",
            status,
            kind=action.kind,
            heading=action.title(),
            title=title(action.kind, record),
            about=record["description"] if MODEL[action.kind].by_action else "",
            contact=record.get("contact"),
            facts=record_facts(MODEL[action.kind], record, today()) if action.kind == "Request" else (),
            fields_=fields,
            wrong=wrong,
            trap=HONEYPOT if signed_in(request) is None else "",
            key=secrets.token_hex(12),
            back=record_path(action.kind, record["id"]),
        )
        response.headers.update(NO_STORE)
        return response

    async def _agency_options(self, action: RecordAction, me: Actor, record: ShownRecord) -> Options:
        """Return the agencies for which the actor may perform the action, as options sorted by name."""
        ids = speaking_parties(me, record) if action.kind == "Partnership" else sorted(me.agencies)
        called = await titles_of(self._graph, {"Agency": ids}, me) if ids else {}
        return sorted(called.items(), key=lambda one: one[1])


def _has_option(one: Field, agency: str) -> bool:
    return one.name == "agency" and any(agency == option for option, _title in one.options)


def _filled_fields(
    fields: Sequence[Field], form: Mapping[str, str], texts: Mapping[str, Sequence[str]] | None = None
) -> list[Field]:
    """Return the fields with the values that the user entered, or with their defaults.

    A required field with a single option gets that option.
    """
    filled = []
    for one in fields:
        only = one.options[0][0] if one.required and len(one.options) == 1 else ""
        filled.append(
            replace(one, value=form.get(one.name, one.value or only), problems=(texts or {}).get(one.name, ()))
        )
    return filled


TRANSITIONS: Mapping[str, Transition] = {
    "propose": PROPOSE,
    "approve": APPROVE,
    "send-back": SEND_BACK,
    "retire": RETIRE,
}
HIDING_CODES = ("NOT_FOUND", "NOT_ALLOWED")
MAX_NOTE_BYTES, MAX_DIGITS = 100_000, 15


class TransitionPages:
    """The endpoints that change the status of a record, and the endpoint that undoes a change."""

    def __init__(self, graph: PageQueries, threads: StoreThreads) -> None:
        self._graph, self._threads = graph, threads

    def routes(self) -> list[Route]:
        """Return the routes of these endpoints."""
        answers: dict[str, Callable[[type[Kind], Request], Awaitable[Response]]] = {"undo": self._undo}
        answers |= {name: partial(self._transition, name) for name in TRANSITIONS}
        return [
            Route(f"/{kind.plural}/{{id}}/{name}", endpoint_for(kind, answer), methods=["POST"])
            for kind in EDITABLE
            for name, answer in answers.items()
        ]

    async def _transition(self, name: str, kind: type[Kind], request: Request) -> Response:
        if resumed := await resume_page(request):
            return resumed
        one, form = request.path_params["id"], await read_form(request, longest=MAX_NOTE_BYTES)
        path = record_path(kind.__name__, one)
        try:
            note = str(Prose.clean(form.get("note")) or "")
        except InvalidValue as error:
            raise UserError(str(error), path, _("Back to the record")) from None
        payload = {"step": name, "record": one, "note": note}
        request_context = RequestContext(actor_of(request), "form", form_key(form), payload)
        outcome = await self._threads.run(
            lambda store: make_transition(
                store, request_context, kind, one, TRANSITIONS[name], note, form_version(form)
            )
        )
        return await self._outcome_response(request, kind, outcome, TRANSITIONS[name].action, name)

    async def _undo(self, kind: type[Kind], request: Request) -> Response:
        if resumed := await resume_page(request):
            return resumed
        number = (await read_form(request)).get("number", "")
        number = number[:MAX_DIGITS] if number.isdecimal() else "0"  # 0 is no number of a change
        outcome = await self._threads.run(undo, RequestContext(actor_of(request), "form"), int(number))
        return await self._outcome_response(request, kind, outcome, Action.MANAGE, "undo")

    async def _outcome_response(
        self, request: Request, kind: type[Kind], outcome: MutationResult, action: Action, done: str
    ) -> Response:
        """Redirect to the record with a confirmation, or show why the action was refused. Raises UserError."""
        one = request.path_params["id"]
        path = record_path(kind.__name__, one)
        if not outcome.problems:
            return RedirectResponse(address(path, [("done", done)]), 303)
        problem = outcome.problems[0]
        if problem.code not in HIDING_CODES:
            raise UserError(_transition_problem(problem), path, _("Back to the record"), 409)
        heading = _("You may not do this with “{title}”.")
        explained = await cannot_do(request, self._graph, kind, one, action, heading, problem_sentence(problem))
        if explained is None or problem.code == "NOT_FOUND":
            raise UserError(_transition_problem(problem), "/", _("Go to the home page"), 404)
        return explained


def _transition_problem(problem: Problem) -> str:
    """Return a problem as a sentence. If another user has changed the record meanwhile, the sentence begins with the field's label."""
    changed = problem.code == "CHANGED_SINCE"
    return f"{label(problem.field)}: {problem_sentence(problem)}" if changed else problem_sentence(problem)


def available_transitions(actor: Actor, kind: type[Kind], record: Mapping[str, Any]) -> list[str]:
    """Return the status changes that an actor may make to a record. `record` is a GraphQL result."""
    if kind not in EDITABLE:
        return []
    known = permission_properties(record)
    return [name for name, step in TRANSITIONS.items() if known["status"] in step.of and is_allowed(actor, step, known)]
