"""The steps of a record's life as buttons: hand in, approve, send back, retire; and undo, of a change of its history.

Each is a form of the record's page.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from registry.access import Action, Actor
from registry.changing.steps import APPROVE, PROPOSE, RETIRE, SEND_BACK, Step, may_take, take
from registry.changing.turn import Asking, Outcome
from registry.changing.undoing import undo
from registry.modelling import Kind
from registry.records import Problem
from registry.values import Prose, Unfit
from registry.web.actors import actor_of
from registry.web.addresses import address, record_path
from registry.web.allowed import EDITED, no_doing, stewarded
from registry.web.forms.telling import sentence
from registry.web.forms.typed import key_of, version_of
from registry.web.graph import Graph
from registry.web.holding import held
from registry.web.lists import of_kind
from registry.web.posted import posted
from registry.web.problems import Unanswerable
from registry.web.tools import Tools
from registry.web.wording import label
from registry.words import _

STEPS: Mapping[str, Step] = {"propose": PROPOSE, "approve": APPROVE, "send-back": SEND_BACK, "retire": RETIRE}
HIDDEN = ("NOT_FOUND", "NOT_ALLOWED")
LONGEST, LONGEST_NUMBER = 100_000, 15


class Steps:
    """What is posted below the address of a record."""

    def __init__(self, graph: Graph, tools: Tools) -> None:
        self._graph, self._tools = graph, tools

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        answers: dict[str, Callable[[type[Kind], Request], Awaitable[Response]]] = {"undo": self._undo}
        answers |= {name: partial(self._take, name) for name in STEPS}
        return [
            Route(f"/{kind.plural}/{{id}}/{name}", of_kind(kind, answer), methods=["POST"])
            for kind in EDITED
            for name, answer in answers.items()
        ]

    async def _take(self, name: str, kind: type[Kind], request: Request) -> Response:
        if kept := await held(request):
            return kept
        one, form = request.path_params["id"], await posted(request, longest=LONGEST)
        path = record_path(kind.__name__, one)
        try:
            note = str(Prose.clean(form.get("note")) or "")
        except Unfit as unfit:
            raise Unanswerable(str(unfit), path, _("Back to the record")) from None
        asked = {"step": name, "record": one, "note": note}
        asking = Asking(actor_of(request), "form", key_of(form), asked)
        outcome = await self._tools.do(
            lambda store: take(store, asking, kind, one, STEPS[name], note, version_of(form))
        )
        return await self._answered(request, kind, outcome, STEPS[name].action, name)

    async def _undo(self, kind: type[Kind], request: Request) -> Response:
        if kept := await held(request):
            return kept
        number = (await posted(request)).get("number", "")
        number = number[:LONGEST_NUMBER] if number.isdecimal() else "0"  # the number of no change
        outcome = await self._tools.do(undo, Asking(actor_of(request), "form"), int(number))
        return await self._answered(request, kind, outcome, Action.GOVERN, "undo")

    async def _answered(
        self, request: Request, kind: type[Kind], outcome: Outcome, action: Action, done: str
    ) -> Response:
        """Lead back to the record, whose page says what was done; or say why not. Raises Unanswerable."""
        one = request.path_params["id"]
        path = record_path(kind.__name__, one)
        if not outcome.problems:
            return RedirectResponse(address(path, [("done", done)]), 303)
        problem = outcome.problems[0]
        if problem.code not in HIDDEN:
            raise Unanswerable(_told(problem), path, _("Back to the record"), 409)
        explained = await no_doing(request, self._graph, kind, one, action, sentence(problem))
        if explained is None or problem.code == "NOT_FOUND":
            raise Unanswerable(_told(problem), "/", _("Go to the first page"), 404)
        return explained


def _told(problem: Problem) -> str:
    """Return a problem as a sentence, behind the name of what was changed since."""
    changed = problem.code == "CHANGED_SINCE"
    return f"{label(problem.field)}: {sentence(problem)}" if changed else sentence(problem)


def offered(actor: Actor, kind: type[Kind], record: Mapping[str, Any]) -> list[str]:
    """Return the steps that an actor may take with a record, given as pages show it."""
    if kind not in EDITED:
        return []
    known = stewarded(record)
    return [name for name, step in STEPS.items() if known["status"] in step.of and may_take(actor, step, known)]
