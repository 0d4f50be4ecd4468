"""The forms: a record is registered at `/register/KINDS` and changed at `/KINDS/ID/edit`."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from registry.access import Action, Actor, can
from registry.changing.history import Told, read_entry
from registry.changing.saving import GOVERNED, Saving, saved
from registry.changing.state import State, difference, read_state
from registry.changing.steps import PROPOSE, taken
from registry.changing.turn import Asking, Outcome, Turn, change
from registry.cypher import chain, states
from registry.cypher.states import own_ends
from registry.model import Agency, Partnership
from registry.modelling import Kind
from registry.records import Problem, make_record
from registry.store import Reader, StoreError
from registry.web.actors import NO_STORE, actor_of
from registry.web.addresses import address, list_path, record_path
from registry.web.allowed import EDITED, may_register, no_editing, no_registering
from registry.web.forms.fields import Sheet
from registry.web.forms.merging import looked_at, merged
from registry.web.forms.picking import Options, Picks, choices, pick, unclear
from registry.web.forms.renewing import FOLLOWED, follower
from registry.web.forms.telling import WHOLE, at_fields
from registry.web.forms.typed import (
    NOTATION,
    Typed,
    called,
    in_this_language,
    key_of,
    notation_of,
    row,
    saving_of,
    typed_of,
    version_of,
)
from registry.web.graph import Graph
from registry.web.holding import held
from registry.web.lists import of_kind
from registry.web.markup import page
from registry.web.names import names
from registry.web.posted import posted
from registry.web.problems import Unanswerable, away
from registry.web.told import Line, ids_in, lines
from registry.web.tools import Tools
from registry.words import _

LONGEST, MOST_FIELDS, MOST_ENTRIES = 500_000, 2_000, 1_000
MORE = "more-"
BEGUN = {"access": "open", "in_use": "0"}


@dataclass(frozen=True)
class Ground:
    """What a form stands on: who fills it in, what they can choose, and the record as it is and has been, if any."""

    kind: type[Kind]
    actor: Actor
    choices: Mapping[str, Options]
    state: State | None = None
    entries: Sequence[Told] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    begun: Typed = field(default_factory=dict)  # what the form of a new record holds at first

    @property
    def new(self) -> bool:
        """Whether the record is yet to be made."""
        return self.state is None

    @property
    def fixed(self) -> Sequence[str]:
        """The properties that the actor may not change: of a published record, who answers for it and who sees it."""
        of = self.state.properties if self.state else {}
        return GOVERNED if of.get("status") == "published" and not can(self.actor, Action.GOVERN, of) else ()

    def typed(self) -> dict[str, str]:
        """Return what the form holds at first."""
        if self.state:
            return {**typed_of(self.state, self.titles, self.choices), "version": str(self.state.version)}
        begun = {f"p-{name}": value for name, value in BEGUN.items() if name in self.kind.properties}
        return {**begun, **self._usual(), **self.begun}

    def _usual(self) -> dict[str, str]:
        """Return what a new record begins with: the agency that who fills it in mostly acts for answers for it, and has it."""
        agency = self.actor.usual
        title = dict(self.choices.get("steward", ())).get(agency)
        whose = [end for end in own_ends(self.kind) if end.target == Agency.__name__ != end.kind]
        return {"p-steward": agency, **{row(end, 0): called(title, agency) for end in whose[:1]}} if title else {}


@dataclass(frozen=True)
class Shown:
    """What is told beside the fields of a form that is shown again."""

    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unclear: Mapping[str, Options] = field(default_factory=dict)
    theirs: Sequence[Line] = ()
    alike: Mapping[str, str] = field(default_factory=dict)
    longer: str = ""


class Forms:
    """The forms of every kind that people may register."""

    def __init__(self, graph: Graph, reader: Reader, tools: Tools) -> None:
        self._graph, self._reader, self._tools = graph, reader, tools

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        found: list[BaseRoute] = []
        for kind in EDITED:
            found.append(Route(f"/register/{kind.plural}", of_kind(kind, self._register), methods=["GET", "POST"]))
            found.append(Route(f"/{kind.plural}/{{id}}/edit", of_kind(kind, self._edit), methods=["GET", "POST"]))
        return found

    async def _register(self, kind: type[Kind], request: Request) -> Response:
        me = actor_of(request)
        if not may_register(me):
            return await held(request) or no_registering(request, kind)
        ground = Ground(kind, me, await choices(self._graph, kind, me))
        renewed = request.query_params.get(FOLLOWED) if kind is Partnership and request.method != "POST" else None
        return await self._answer(request, await self._renewing(ground, renewed) if renewed else ground)

    async def _renewing(self, ground: Ground, renewed: str) -> Ground:
        """Return the ground of an agreement that follows another. Raises HTTPException where the actor sees none."""
        (rows,) = await self._reader.read([states.state(ground.kind, renewed)])
        old = read_state(ground.kind, rows)
        if old is None or not can(ground.actor, Action.SEE_DETAIL, old.properties):
            raise HTTPException(404)
        state = follower(old)
        titles = await names(self._graph, _ids_in(state), ground.actor)
        return replace(ground, begun=typed_of(state, titles, ground.choices))

    async def _edit(self, kind: type[Kind], request: Request) -> Response:
        me, one = actor_of(request), request.path_params["id"]
        rows, entries = await self._reader.read([states.state(kind, one), chain.of_record(one, size=MOST_ENTRIES)])
        state = read_state(kind, rows)
        if state is None or not can(me, Action.EDIT, state.properties):
            response = await held(request) or await no_editing(request, self._graph, kind, one)
            if response is None:
                raise HTTPException(404)
            return response
        if state.properties.get("status") == "retired":
            sentence = _("This record is retired; it is not changed any more.")
            raise Unanswerable(sentence, record_path(kind.__name__, one), _("Back to the record"), 409)
        told = [read_entry(row[0]) for row in entries]
        titles = await names(self._graph, _ids_in(state), me)
        ground = Ground(kind, me, await choices(self._graph, kind, me), state, told, titles)
        return await self._answer(request, ground)

    async def _answer(self, request: Request, ground: Ground) -> Response:
        if request.method != "POST":
            return _form(request, ground, ground.typed(), Shown())
        typed = in_this_language(ground.kind, await posted(request, longest=LONGEST, fields=MOST_FIELDS))
        if (do := typed.get("do", "")).startswith(MORE):
            return _form(request, ground, typed, Shown(longer=do.removeprefix(MORE)))
        picks = await pick(self._graph, ground.kind, typed, ground.actor, new=ground.new)
        typed |= {name: _held(ground, picks, name) for name in picks.ids}
        try:
            outcome = await self._saved(ground, typed, picks, propose=do == "propose")
        except StoreError as error:
            return _form(request, ground, typed, Shown({WHOLE: [away(error)]}), 503)
        if outcome.record and not outcome.problems:
            done = "proposed" if do == "propose" else "saved"
            return RedirectResponse(address(record_path(outcome.kind, outcome.record), [("done", done)]), 303)
        return await self._again(request, ground, typed, picks, outcome.problems)

    async def _saved(self, ground: Ground, typed: Typed, picks: Picks, *, propose: bool) -> Outcome:
        saving = saving_of(ground.kind, typed, picks.ids, ground.state, ground.titles)
        if picks.unclear:
            return Outcome(ground.kind.__name__, problems=tuple(_unfit(saving)))
        asked = {name: value for name, value in typed.items() if name not in ("key", NOTATION)}
        asking = Asking(ground.actor, "form", key_of(typed), asked)

        def work(turn: Turn) -> State:
            state = saved(turn, saving)
            return taken(turn, ground.kind, state.id, PROPOSE, "", None) if propose else state

        return await self._tools.do(lambda store: change(store, asking, ground.kind, work))

    async def _again(
        self, request: Request, ground: Ground, typed: dict[str, str], picks: Picks, problems: Sequence[Problem]
    ) -> Response:
        told = at_fields(ground.kind, problems, typed, picks.ids, new=ground.new, fixed=ground.fixed)
        told |= {name: [unclear(options)] for name, options in picks.unclear.items()}
        theirs: Sequence[Line] = ()
        if ground.state and any(one.code == "STALE" for one in problems):
            before = looked_at(ground.state, ground.entries, version_of(typed) or 0)
            lost, gained = difference(before, ground.state)
            titles = await names(self._graph, ids_in(ground.kind, [lost, gained]), ground.actor)
            theirs = lines(ground.kind, lost, gained, titles)
            typed = merged(
                ground.kind, typed, typed_of(before, {**ground.titles, **titles}, ground.choices), ground.typed()
            )
            typed["version"] = str(ground.state.version)
        alike = [one.value for one in problems if one.code == "ALIKE"]
        known = await names(self._graph, {ground.kind.__name__: alike}, ground.actor) if alike else {}
        return _form(request, ground, typed, Shown(told, picks.unclear, theirs, known), 422)


def _form(request: Request, ground: Ground, typed: Typed, shown: Shown, status: int = 200) -> Response:
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
    """Return what a field holds that names a record which was found: an id where it is chosen from a list."""
    one, asked_for = picks.ids[name], name.split("-")[1]
    return (
        one
        if any(one == option for option, _title in ground.choices.get(asked_for, ()))
        else called(picks.titles[one], one)
    )


def _unfit(saving: Saving) -> Sequence[Problem]:
    """Return what does not fit of the properties, where the records that a form names are not all known yet."""
    return make_record(saving.kind, {**saving.properties, "id": saving.id or "new"})[1]


def _ids_in(state: State) -> dict[str, list[str]]:
    """Return the ids of the records that a record names, by kind."""
    return ids_in(state.kind, [{**state.given(), "links": state.ties}])
