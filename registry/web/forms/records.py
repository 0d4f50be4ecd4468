"""Forms that register, edit and renew a record. If two users edit a record at once, their edits are merged."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from registry.clock import today
from registry.database import audit_log, write
from registry.database.driver import Reader, StoreError
from registry.database.write import own_ends
from registry.i18n import _, exact
from registry.model.definitions import Agency, Partnership
from registry.model.kinds import Kind
from registry.model.records import Problem, make_record
from registry.mutations.audit_events import RecordState, difference, read_state
from registry.mutations.lifecycle import PROPOSE, make_transition_in
from registry.mutations.revisions import HistoryEvent, read_event, revisions_of
from registry.mutations.save import PERMISSION_FIELDS, SaveInput, save_in
from registry.mutations.transaction import MutationResult, RequestContext, Transaction, change
from registry.permissions import Action, Actor, can
from registry.web.auth import resume_page
from registry.web.base import NO_STORE, StoreThreads, actor_of, address, list_path, record_path
from registry.web.errors import UserError, store_failure
from registry.web.form_data import read_form
from registry.web.forms.fields import WHOLE, Field, FormState, problems_by_field
from registry.web.forms.values import (
    NOTATION,
    FormData,
    Options,
    References,
    find_references,
    form_key,
    form_notation,
    form_values,
    form_version,
    make_saving,
    option_lists,
    row_field,
    search_value,
    unclear_message,
    with_local_numbers,
)
from registry.web.history import ChangeLine, change_lines, ids_in
from registry.web.lists import endpoint_for
from registry.web.presenters import SOON_DAYS, Data, titles_of
from registry.web.queries import PageQueries
from registry.web.refusals import EDITABLE, cannot_edit, cannot_register, may_register, permission_properties
from registry.web.templating import page


def state_at_version(state: RecordState, events: Sequence[HistoryEvent], version: int) -> RecordState:
    """Return a record as it was at an earlier version.

    `events` are the audit events of the record, newest first. If the events do not reach back to that version, the oldest known
    version is returned.
    """
    found = state
    for passage in revisions_of(state, events[: max(state.version - version, 0)]):
        found = passage.before or found
    return found


def merge_edit(kind: type[Kind], form: FormData, before: FormData, now: FormData) -> dict[str, str]:
    """Merge a user's form values with the changes that another user has saved meanwhile.

    Fields that the user of the form changed keep the user's values. All other fields get the current values of the record.
    """
    found = dict(form)
    for name in (name for name in now if name.startswith("p-") and name in form):
        if form[name] == before.get(name):
            found[name] = now[name]
    for prefix in (f"l-{end.name}-" for end in own_ends(kind)):
        if _filled_rows(form, prefix) == _filled_rows(before, prefix):
            others = {name: value for name, value in found.items() if not name.startswith(prefix)}
            found = {**others, **{name: value for name, value in now.items() if name.startswith(prefix)}}
    return found


def _filled_rows(form: FormData, prefix: str) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in form.items() if name.startswith(prefix) and value)


NEED = "need"
OPERATION = "query Needed($id: ID!) {\n  need(id: $id) { id name quantity byWhen agency { id } }\n}\n"


async def prefill_from_need(
    graph: PageQueries, actor: Actor, asked: QueryParams, fields: Sequence[Field]
) -> Sequence[Field]:
    """Return the fields of a request form, filled with the values of a need. Raises StoreError.

    The query parameter `need` of the URL names the need. Without this parameter, the fields are unchanged.
    """
    need = (await graph.ask(OPERATION, {"id": asked[NEED]}, actor))["need"] if asked.get(NEED) else None
    return [_prefilled(one, need) for one in fields] if need else fields


def _prefilled(field: Field, need: Data) -> Field:
    agency, day, quantity = need["agency"], need["byWhen"], need["quantity"]
    if field.name == NEED:
        return replace(field, value=need["id"], options=[(need["id"], need["name"])])
    if field.name == "agency" and agency and agency["id"] in [one for one, _title in field.options]:
        return replace(field, value=agency["id"])
    if field.name == "quantity" and quantity is not None:
        return replace(field, value=exact(quantity))
    return replace(field, value=day) if field.name == "since" and day and day >= today() else field


RENEWS = "renews"
PERIOD_PROPERTIES = ("id", "valid_from", "valid_until")


def renewal(actor: Actor, record: Mapping[str, Any], today: str) -> str:
    """Return the path of the form for renewing an agreement, if the actor may renew it. `record` is a GraphQL result.

    Return "" in three cases: the agreement does not end within SOON_DAYS days of `today` (ISO 8601); a later agreement already
    renews it; or the actor may not propose records for the agreement's steward.
    """
    known, until = permission_properties(record), record["validUntil"]
    ends = known["status"] == "published" and until and until <= soon_until(today) and not record["renewedByCount"]
    return renewal_path(record["id"]) if ends and can(actor, Action.PROPOSE, known) else ""


def renewal_path(agreement: str) -> str:
    """Return the path of the form that renews an agreement."""
    return address(f"/register/{Partnership.plural}", [(RENEWS, agreement)])


def soon_until(today: str) -> str:
    """Return the end of the period that counts as soon, as ISO 8601 text. An agreement that ends by this day ends soon."""
    return (date.fromisoformat(today) + timedelta(days=SOON_DAYS)).isoformat()


def successor(old: RecordState) -> RecordState:
    """Return a new agreement that renews the given one. The new agreement is a copy without id, dates and document number."""
    left_out = {*PERIOD_PROPERTIES, "document_number"}
    properties = {name: value for name, value in old.properties.items() if name not in left_out}
    return replace(old, properties=properties, ties={**old.ties, RENEWS: {old.id: {}}})


LONGEST, MOST_FIELDS, MOST_ENTRIES = 500_000, 2_000, 1_000
ADD_ROW = "more-"
INITIAL_VALUES = {"access": "open", "in_use": "0"}


@dataclass(frozen=True)
class FormContext:
    """The data that a form is built from: the actor, the options and, if the record exists, the record with its audit events."""

    kind: type[Kind]
    actor: Actor
    choices: Mapping[str, Options]
    state: RecordState | None = None
    entries: Sequence[HistoryEvent] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    begun: FormData = field(default_factory=dict)  # the initial values of the form for a new record

    @property
    def new(self) -> bool:
        """Whether the form registers a new record."""
        return self.state is None

    @property
    def fixed(self) -> Sequence[str]:
        """The properties that the actor may not change, such as the steward of a published record."""
        of = self.state.properties if self.state else {}
        return PERMISSION_FIELDS if of.get("status") == "published" and not can(self.actor, Action.MANAGE, of) else ()

    def initial_values(self) -> dict[str, str]:
        """Return the values with which the form is first shown."""
        if self.state:
            return {**form_values(self.state, self.titles, self.choices), "version": str(self.state.version)}
        initial = {f"p-{name}": value for name, value in INITIAL_VALUES.items() if name in self.kind.properties}
        return {**initial, **self._defaults(), **self.begun}

    def _defaults(self) -> dict[str, str]:
        """Return the default values of a new record.

        The actor's usual agency becomes the steward and the first linked agency.
        """
        agency = self.actor.default_agency
        title = dict(self.choices.get("steward", ())).get(agency)
        agency_ends = [end for end in own_ends(self.kind) if end.target == Agency.__name__ != end.kind]
        return (
            {"p-steward": agency, **{row_field(end, 0): search_value(title, agency) for end in agency_ends[:1]}}
            if title
            else {}
        )


@dataclass(frozen=True)
class FormMessages:
    """The messages of a form that is shown again because its values were not saved."""

    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unclear: Mapping[str, Options] = field(default_factory=dict)
    theirs: Sequence[ChangeLine] = ()
    alike: Mapping[str, str] = field(default_factory=dict)
    longer: str = ""


class Forms:
    """The forms for every kind of record that can be edited."""

    def __init__(self, graph: PageQueries, reader: Reader, threads: StoreThreads) -> None:
        self._graph, self._reader, self._threads = graph, reader, threads

    def routes(self) -> list[Route]:
        """Return the routes of the forms."""
        found: list[Route] = []
        for kind in EDITABLE:
            found.append(Route(f"/register/{kind.plural}", endpoint_for(kind, self._register), methods=["GET", "POST"]))
            found.append(Route(f"/{kind.plural}/{{id}}/edit", endpoint_for(kind, self._edit), methods=["GET", "POST"]))
        return found

    async def _register(self, kind: type[Kind], request: Request) -> Response:
        me = actor_of(request)
        if not may_register(me):
            return await resume_page(request) or cannot_register(request, kind)
        context = FormContext(kind, me, await option_lists(self._graph, kind, me))
        renewed = request.query_params.get(RENEWS) if kind is Partnership and request.method != "POST" else None
        return await self._answer(request, await self._successor_context(context, renewed) if renewed else context)

    async def _successor_context(self, context: FormContext, renewed: str) -> FormContext:
        """Return the data for the form that renews an agreement. Raises HTTPException if the actor may not see the agreement."""
        (rows,) = await self._reader.read([write.state(context.kind, renewed)])
        old = read_state(context.kind, rows)
        if old is None or not can(context.actor, Action.VIEW_DETAILS, old.properties):
            raise HTTPException(404)
        state = successor(old)
        titles = await titles_of(self._graph, _ids_in(state), context.actor)
        return replace(context, begun=form_values(state, titles, context.choices))

    async def _edit(self, kind: type[Kind], request: Request) -> Response:
        me, one = actor_of(request), request.path_params["id"]
        rows, entries = await self._reader.read([write.state(kind, one), audit_log.of_record(one, size=MOST_ENTRIES)])
        state = read_state(kind, rows)
        if state is None or not can(me, Action.EDIT, state.properties):
            response = await resume_page(request) or await cannot_edit(request, self._graph, kind, one)
            if response is None:
                raise HTTPException(404)
            return response
        if state.properties.get("status") == "retired":
            sentence = _("This record is retired and cannot be changed.")
            raise UserError(sentence, record_path(kind.__name__, one), _("Back to the record"), 409)
        events = [read_event(row[0]) for row in entries]
        titles = await titles_of(self._graph, _ids_in(state), me)
        context = FormContext(kind, me, await option_lists(self._graph, kind, me), state, events, titles)
        return await self._answer(request, context)

    async def _answer(self, request: Request, context: FormContext) -> Response:
        if request.method != "POST":
            return _form(request, context, context.initial_values(), FormMessages())
        form = with_local_numbers(context.kind, await read_form(request, longest=LONGEST, fields=MOST_FIELDS))
        if (do := form.get("do", "")).startswith(ADD_ROW):
            return _form(request, context, form, FormMessages(longer=do.removeprefix(ADD_ROW)))
        references = await find_references(self._graph, context.kind, form, context.actor, new=context.new)
        form |= {name: _reference_value(context, references, name) for name in references.ids}
        try:
            outcome = await self._save(context, form, references, propose=do == "propose")
        except StoreError as error:
            return _form(request, context, form, FormMessages({WHOLE: [store_failure(error)]}), 503)
        if outcome.record and not outcome.problems:
            done = "proposed" if do == "propose" else "saved"
            return RedirectResponse(address(record_path(outcome.kind, outcome.record), [("done", done)]), 303)
        return await self._form_with_problems(request, context, form, references, outcome.problems)

    async def _save(
        self, context: FormContext, form: FormData, references: References, *, propose: bool
    ) -> MutationResult:
        saving = make_saving(context.kind, form, references.ids, context.state, context.titles)
        if references.unclear:
            return MutationResult(context.kind.__name__, problems=tuple(_invalid_properties(saving)))
        asked = {name: value for name, value in form.items() if name not in ("key", NOTATION)}
        request_context = RequestContext(context.actor, "form", form_key(form), asked)

        def work(transaction: Transaction) -> RecordState:
            state = save_in(transaction, saving)
            return make_transition_in(transaction, context.kind, state.id, PROPOSE, "", None) if propose else state

        return await self._threads.run(lambda store: change(store, request_context, context.kind, work))

    async def _form_with_problems(
        self,
        request: Request,
        context: FormContext,
        form: dict[str, str],
        references: References,
        problems: Sequence[Problem],
    ) -> Response:
        texts = problems_by_field(context.kind, problems, form, references.ids, new=context.new, fixed=context.fixed)
        texts |= {name: [unclear_message(options)] for name, options in references.unclear.items()}
        theirs: Sequence[ChangeLine] = ()
        if context.state and any(one.code == "STALE" for one in problems):
            before = state_at_version(context.state, context.entries, form_version(form) or 0)
            lost, gained = difference(before, context.state)
            titles = await titles_of(self._graph, ids_in(context.kind, [lost, gained]), context.actor)
            theirs = change_lines(context.kind, lost, gained, titles)
            form = merge_edit(
                context.kind,
                form,
                form_values(before, {**context.titles, **titles}, context.choices),
                context.initial_values(),
            )
            form["version"] = str(context.state.version)
        alike = [one.value for one in problems if one.code == "ALIKE"]
        known = await titles_of(self._graph, {context.kind.__name__: alike}, context.actor) if alike else {}
        return _form(request, context, form, FormMessages(texts, references.unclear, theirs, known), 422)


def _form(
    request: Request, context: FormContext, form: FormData, messages: FormMessages, status: int = 200
) -> Response:
    sheet = FormState(
        context.kind,
        form,
        context.choices,
        context.new,
        context.fixed,
        messages.problems,
        messages.unclear,
        messages.longer,
    )
    kind = context.kind.__name__
    response = page(
        request,
        "form.html",
        status,
        kind=kind,
        groups=sheet.groups(),
        wrong=[("", "", one) for one in messages.problems.get(WHOLE, ())] + list(sheet.wrong()),
        theirs=messages.theirs,
        alike={record_path(kind, one): called for one, called in messages.alike.items()},
        another="another" in form,
        longer=messages.longer,
        title=str(context.state.properties["name"]) if context.state else "",
        draft=context.new or (context.state is not None and context.state.properties.get("status") == "draft"),
        version=form.get("version", ""),
        notation=form_notation(form),
        key=secrets.token_urlsafe(16),
        back=record_path(kind, context.state.id) if context.state else list_path(kind),
    )
    response.headers.update(NO_STORE)
    return response


def _reference_value(context: FormContext, references: References, name: str) -> str:
    """Return the value of a field that refers to a record.

    A field with a list of options has the record's id as value. Other fields have the title and the id.
    """
    one, asked_for = references.ids[name], name.split("-")[1]
    return (
        one
        if any(one == option for option, _title in context.choices.get(asked_for, ()))
        else search_value(references.titles[one], one)
    )


def _invalid_properties(saving: SaveInput) -> Sequence[Problem]:
    """Return the problems of the property values. Some records that the form refers to may not have been found yet."""
    return make_record(saving.kind, {**saving.properties, "id": saving.id or "new"})[1]


def _ids_in(state: RecordState) -> dict[str, list[str]]:
    """Return the ids, by kind, of the records that a record refers to."""
    return ids_in(state.kind, [{**state.given(), "links": state.ties}])
