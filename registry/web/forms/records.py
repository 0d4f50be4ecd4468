"""Forms that register, edit and renew a record, with a merge of concurrent edits."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from registry.clock import today
from registry.database import audit_log, write
from registry.database.driver import Reader, StoreError
from registry.database.write import own_ends
from registry.i18n import _, exact
from registry.model.definitions import Agency, Partnership
from registry.model.kinds import Kind
from registry.model.records import Problem, make_record
from registry.mutations.audit_events import RecordState, difference, read_state
from registry.mutations.lifecycle import PROPOSE, taken
from registry.mutations.revisions import Told, passages, read_entry
from registry.mutations.save import GOVERNED, Saving, saved
from registry.mutations.transaction import MutationResult, RequestContext, Transaction, change
from registry.permissions import Action, Actor, can
from registry.web.auth import resume_page
from registry.web.base import NO_STORE, Tools, actor_of, address, list_path, record_path
from registry.web.errors import UserError, store_failure
from registry.web.form_data import read_form
from registry.web.forms.fields import WHOLE, Field, Sheet, at_fields
from registry.web.forms.values import (
    NOTATION,
    Options,
    Picks,
    Typed,
    called,
    choices,
    in_this_language,
    key_of,
    notation_of,
    pick,
    row,
    saving_of,
    typed_of,
    unclear,
    version_of,
)
from registry.web.history import ChangeLine, change_lines, ids_in
from registry.web.lists import endpoint_for
from registry.web.presenters import SOON_DAYS, Data, titles_of
from registry.web.queries import PageQueries
from registry.web.refusals import EDITED, cannot_edit, cannot_register, may_register, permission_properties
from registry.web.templating import page


def looked_at(state: RecordState, entries: Sequence[Told], version: int) -> RecordState:
    """Return the record as it was at a version, as far back as its audit events (newest first) go."""
    found = state
    for passage in passages(state, entries[: max(state.version - version, 0)]):
        found = passage.before or found
    return found


def merged(kind: type[Kind], typed: Typed, before: Typed, now: Typed) -> dict[str, str]:
    """Return the form's values after a concurrent edit: the user's changes, and elsewhere the current values."""
    found = dict(typed)
    for name in (name for name in now if name.startswith("p-") and name in typed):
        if typed[name] == before.get(name):
            found[name] = now[name]
    for prefix in (f"l-{end.name}-" for end in own_ends(kind)):
        if _rows(typed, prefix) == _rows(before, prefix):
            kept = {name: value for name, value in found.items() if not name.startswith(prefix)}
            found = {**kept, **{name: value for name, value in now.items() if name.startswith(prefix)}}
    return found


def _rows(typed: Typed, prefix: str) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in typed.items() if name.startswith(prefix) and value)


NEED = "need"
OPERATION = "query Needed($id: ID!) {\n  need(id: $id) { id name quantity byWhen agency { id } }\n}\n"


async def for_need(graph: PageQueries, actor: Actor, asked: QueryParams, fields: Sequence[Field]) -> Sequence[Field]:
    """Return the fields of a request, prefilled from the need in the URL, if any. Raises StoreError."""
    need = (await graph.ask(OPERATION, {"id": asked[NEED]}, actor))["need"] if asked.get(NEED) else None
    return [_filled(one, need) for one in fields] if need else fields


def _filled(field: Field, need: Data) -> Field:
    agency, day, quantity = need["agency"], need["byWhen"], need["quantity"]
    if field.name == NEED:
        return replace(field, value=need["id"], options=[(need["id"], need["name"])])
    if field.name == "agency" and agency and agency["id"] in [one for one, _title in field.options]:
        return replace(field, value=agency["id"])
    if field.name == "quantity" and quantity is not None:
        return replace(field, value=exact(quantity))
    return replace(field, value=day) if field.name == "since" and day and day >= today() else field


FOLLOWED = "renews"
OF_ITS_TIME = ("id", "valid_from", "valid_until")


def renewal(actor: Actor, record: Mapping[str, Any], today: str) -> str:
    """Return the path at which an actor can renew an agreement, given as a GraphQL result, or "".

    It is "" if the agreement does not end within SOON days of `today` (ISO 8601), if it has a successor, or if the actor may
    not propose records of its steward.
    """
    known, until = permission_properties(record), record["validUntil"]
    ends = known["status"] == "published" and until and until <= horizon(today) and not record["renewedByCount"]
    return renewal_path(record["id"]) if ends and can(actor, Action.PROPOSE, known) else ""


def renewal_path(agreement: str) -> str:
    """Return the path of the renewal form of an agreement."""
    return address(f"/register/{Partnership.plural}", [(FOLLOWED, agreement)])


def horizon(today: str) -> str:
    """Return the last day, as ISO 8601 text, that counts as ending soon."""
    return (date.fromisoformat(today) + timedelta(days=SOON_DAYS)).isoformat()


def follower(old: RecordState) -> RecordState:
    """Return the successor of an agreement: a copy without id and dates that renews it."""
    kept = {name: value for name, value in old.properties.items() if name not in OF_ITS_TIME}
    return replace(old, properties=kept, ties={**old.ties, FOLLOWED: {old.id: {}}})


LONGEST, MOST_FIELDS, MOST_ENTRIES = 500_000, 2_000, 1_000
MORE = "more-"
BEGUN = {"access": "open", "in_use": "0"}


@dataclass(frozen=True)
class Ground:
    """What a form is built from: the actor, the options, and the record with its audit events, if it exists."""

    kind: type[Kind]
    actor: Actor
    choices: Mapping[str, Options]
    state: RecordState | None = None
    entries: Sequence[Told] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    begun: Typed = field(default_factory=dict)  # the initial values of a new record's form

    @property
    def new(self) -> bool:
        """Whether the record does not exist yet."""
        return self.state is None

    @property
    def fixed(self) -> Sequence[str]:
        """The properties that the actor may not change: the steward and the permissions of a published record."""
        of = self.state.properties if self.state else {}
        return GOVERNED if of.get("status") == "published" and not can(self.actor, Action.GOVERN, of) else ()

    def typed(self) -> dict[str, str]:
        """Return the initial values of the form."""
        if self.state:
            return {**typed_of(self.state, self.titles, self.choices), "version": str(self.state.version)}
        begun = {f"p-{name}": value for name, value in BEGUN.items() if name in self.kind.properties}
        return {**begun, **self._usual(), **self.begun}

    def _usual(self) -> dict[str, str]:
        """Return the defaults of a new record: the actor's usual agency as steward and as the first linked agency."""
        agency = self.actor.usual
        title = dict(self.choices.get("steward", ())).get(agency)
        whose = [end for end in own_ends(self.kind) if end.target == Agency.__name__ != end.kind]
        return {"p-steward": agency, **{row(end, 0): called(title, agency) for end in whose[:1]}} if title else {}


@dataclass(frozen=True)
class FormMessages:
    """The messages of a form that is shown again."""

    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unclear: Mapping[str, Options] = field(default_factory=dict)
    theirs: Sequence[ChangeLine] = ()
    alike: Mapping[str, str] = field(default_factory=dict)
    longer: str = ""


class Forms:
    """The forms of every kind that can be edited."""

    def __init__(self, graph: PageQueries, reader: Reader, tools: Tools) -> None:
        self._graph, self._reader, self._tools = graph, reader, tools

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        found: list[BaseRoute] = []
        for kind in EDITED:
            found.append(Route(f"/register/{kind.plural}", endpoint_for(kind, self._register), methods=["GET", "POST"]))
            found.append(Route(f"/{kind.plural}/{{id}}/edit", endpoint_for(kind, self._edit), methods=["GET", "POST"]))
        return found

    async def _register(self, kind: type[Kind], request: Request) -> Response:
        me = actor_of(request)
        if not may_register(me):
            return await resume_page(request) or cannot_register(request, kind)
        ground = Ground(kind, me, await choices(self._graph, kind, me))
        renewed = request.query_params.get(FOLLOWED) if kind is Partnership and request.method != "POST" else None
        return await self._answer(request, await self._renewing(ground, renewed) if renewed else ground)

    async def _renewing(self, ground: Ground, renewed: str) -> Ground:
        """Return the form context of an agreement's successor. Raises HTTPException if the actor may not see the agreement."""
        (rows,) = await self._reader.read([write.state(ground.kind, renewed)])
        old = read_state(ground.kind, rows)
        if old is None or not can(ground.actor, Action.SEE_DETAIL, old.properties):
            raise HTTPException(404)
        state = follower(old)
        titles = await titles_of(self._graph, _ids_in(state), ground.actor)
        return replace(ground, begun=typed_of(state, titles, ground.choices))

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
            sentence = _("This record is retired; it is not changed any more.")
            raise UserError(sentence, record_path(kind.__name__, one), _("Back to the record"), 409)
        told = [read_entry(row[0]) for row in entries]
        titles = await titles_of(self._graph, _ids_in(state), me)
        ground = Ground(kind, me, await choices(self._graph, kind, me), state, told, titles)
        return await self._answer(request, ground)

    async def _answer(self, request: Request, ground: Ground) -> Response:
        if request.method != "POST":
            return _form(request, ground, ground.typed(), FormMessages())
        typed = in_this_language(ground.kind, await read_form(request, longest=LONGEST, fields=MOST_FIELDS))
        if (do := typed.get("do", "")).startswith(MORE):
            return _form(request, ground, typed, FormMessages(longer=do.removeprefix(MORE)))
        picks = await pick(self._graph, ground.kind, typed, ground.actor, new=ground.new)
        typed |= {name: _held(ground, picks, name) for name in picks.ids}
        try:
            outcome = await self._saved(ground, typed, picks, propose=do == "propose")
        except StoreError as error:
            return _form(request, ground, typed, FormMessages({WHOLE: [store_failure(error)]}), 503)
        if outcome.record and not outcome.problems:
            done = "proposed" if do == "propose" else "saved"
            return RedirectResponse(address(record_path(outcome.kind, outcome.record), [("done", done)]), 303)
        return await self._again(request, ground, typed, picks, outcome.problems)

    async def _saved(self, ground: Ground, typed: Typed, picks: Picks, *, propose: bool) -> MutationResult:
        saving = saving_of(ground.kind, typed, picks.ids, ground.state, ground.titles)
        if picks.unclear:
            return MutationResult(ground.kind.__name__, problems=tuple(_unfit(saving)))
        asked = {name: value for name, value in typed.items() if name not in ("key", NOTATION)}
        asking = RequestContext(ground.actor, "form", key_of(typed), asked)

        def work(turn: Transaction) -> RecordState:
            state = saved(turn, saving)
            return taken(turn, ground.kind, state.id, PROPOSE, "", None) if propose else state

        return await self._tools.do(lambda store: change(store, asking, ground.kind, work))

    async def _again(
        self, request: Request, ground: Ground, typed: dict[str, str], picks: Picks, problems: Sequence[Problem]
    ) -> Response:
        told = at_fields(ground.kind, problems, typed, picks.ids, new=ground.new, fixed=ground.fixed)
        told |= {name: [unclear(options)] for name, options in picks.unclear.items()}
        theirs: Sequence[ChangeLine] = ()
        if ground.state and any(one.code == "STALE" for one in problems):
            before = looked_at(ground.state, ground.entries, version_of(typed) or 0)
            lost, gained = difference(before, ground.state)
            titles = await titles_of(self._graph, ids_in(ground.kind, [lost, gained]), ground.actor)
            theirs = change_lines(ground.kind, lost, gained, titles)
            typed = merged(
                ground.kind, typed, typed_of(before, {**ground.titles, **titles}, ground.choices), ground.typed()
            )
            typed["version"] = str(ground.state.version)
        alike = [one.value for one in problems if one.code == "ALIKE"]
        known = await titles_of(self._graph, {ground.kind.__name__: alike}, ground.actor) if alike else {}
        return _form(request, ground, typed, FormMessages(told, picks.unclear, theirs, known), 422)


def _form(request: Request, ground: Ground, typed: Typed, shown: FormMessages, status: int = 200) -> Response:
    sheet = Sheet(
        ground.kind, typed, ground.choices, ground.new, ground.fixed, shown.problems, shown.unclear, shown.longer
    )
    kind = ground.kind.__name__
    response = page(
        request,
        "form.html",
        status,
        kind=kind,
        groups=sheet.groups(),
        wrong=[("", "", one) for one in shown.problems.get(WHOLE, ())] + list(sheet.wrong()),
        theirs=shown.theirs,
        alike={record_path(kind, one): called for one, called in shown.alike.items()},
        another="another" in typed,
        longer=shown.longer,
        title=str(ground.state.properties["name"]) if ground.state else "",
        draft=ground.new or (ground.state is not None and ground.state.properties.get("status") == "draft"),
        version=typed.get("version", ""),
        notation=notation_of(typed),
        key=secrets.token_urlsafe(16),
        back=record_path(kind, ground.state.id) if ground.state else list_path(kind),
    )
    response.headers.update(NO_STORE)
    return response


def _held(ground: Ground, picks: Picks, name: str) -> str:
    """Return the value of a field whose record was found: the id if it has a list of options, otherwise title and id."""
    one, asked_for = picks.ids[name], name.split("-")[1]
    return (
        one
        if any(one == option for option, _title in ground.choices.get(asked_for, ()))
        else called(picks.titles[one], one)
    )


def _unfit(saving: Saving) -> Sequence[Problem]:
    """Return the problems of the properties, when not all referenced records are known yet."""
    return make_record(saving.kind, {**saving.properties, "id": saving.id or "new"})[1]


def _ids_in(state: RecordState) -> dict[str, list[str]]:
    """Return the ids, by kind, of the records that a record refers to."""
    return ids_in(state.kind, [{**state.given(), "links": state.ties}])
