"""Undo a change: what it changed is again as it was before, unless somebody changed that since."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from registry.access import Action, can
from registry.changing.saving import not_allowed
from registry.changing.state import LINKS, Difference, State, Ties
from registry.changing.turn import Asking, Outcome, Refused, Turn, change
from registry.cypher import chain
from registry.cypher.states import BY_HAND
from registry.model import MODEL, Change
from registry.records import Problem, show
from registry.store import Store
from registry.words import _

SAID = ("stated", "decided", "answered", "erased")  # by steps of their own, mostly by others than the record's steward


def undo(store: Store, asking: Asking, number: int) -> Outcome:
    """Undo the change of this number, by an entry of its own. Raises StoreError."""

    def work(turn: Turn) -> State:
        rows = turn.ask(chain.numbered(number))
        if not rows or rows[0][0].get("run"):
            rule = _("the number of a change that a person made")
            raise Refused(Problem("NOT_FOUND", "number", str(number), rule, _("There is no such change.")))
        ((entry,),) = rows
        before = turn.find(MODEL[entry["record_kind"]], entry["record"])
        if before is None or not can(turn.actor, Action.GOVERN, before.properties):
            raise Refused(not_allowed(_("An approver of the record's steward undoes this.")))
        if entry["what"] in SAID and not turn.actor.everything:
            raise Refused(not_allowed(_("What somebody said is not undone by others; an administrator may.")))
        return undone(turn, before, entry)

    return change(store, asking, Change, work)


def undone(turn: Turn, before: State, entry: Mapping[str, Any]) -> State:
    """Put a record back to what it was before an entry. Raises Refused where it is not as the entry left it."""
    lost, gained = orjson.loads(entry["before"]), orjson.loads(entry["after"])
    if problems := list(_changed_since(before, lost, gained)):
        raise Refused(*problems)
    made = entry["what"] in ("created", "stated") and "id" in gained
    after = _with(before, {"status": "retired"}, {}) if made else _with(before, lost, gained)
    return turn.keep(before, after, "undone", entry["id"], source=str(before.properties.get("source") or BY_HAND))


def _changed_since(state: State, lost: Difference, gained: Difference) -> Iterator[Problem]:
    message = _("Somebody changed this since; change it by hand.")
    rule = _("as the change left it")
    for name, value in gained.items():
        if name == LINKS:
            continue
        if name in state.kind.erasable and (lost.get(name) or value):
            yield Problem("ERASABLE", name, "", _("a change that is kept whole"), _("What may be erased is not kept."))
        elif state.properties.get(name) != value:
            yield Problem("CHANGED_SINCE", name, show(state.properties.get(name)), rule, message)
    for end, ties in {**lost.get(LINKS, {}), **gained.get(LINKS, {})}.items():
        now, left = state.ties.get(end, {}), gained.get(LINKS, {}).get(end, {})
        if any(now.get(far) != left.get(far) for far in {*ties, *left}):
            yield Problem("CHANGED_SINCE", end, "", rule, message)


def _with(state: State, lost: Difference, gained: Difference) -> State:
    """Return a record with what was lost, and without what was gained."""
    properties = {**state.properties, **{name: value for name, value in lost.items() if name != LINKS}}
    ties: dict[str, Ties] = {}
    for end, now in state.ties.items():
        left = {far: tie for far, tie in now.items() if far not in gained.get(LINKS, {}).get(end, {})}
        ties[end] = {**left, **lost.get(LINKS, {}).get(end, {})}
    return replace(state, properties=properties, ties=ties)
