"""Undo a change: what it changed is again as it was before, unless somebody changed that since."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from registry.access import Action, Actor, can
from registry.changing.history import Told, first_undone, read_entry
from registry.changing.history import undone as stood
from registry.changing.saving import not_allowed, overreach
from registry.changing.state import LINKS, Difference, State
from registry.changing.turn import Asking, Outcome, Refused, Turn, change
from registry.cypher import chain
from registry.cypher.states import BY_HAND
from registry.model import MODEL, Change
from registry.records import Problem, show
from registry.store import Store
from registry.words import _

# What somebody said or decided who may not be of the record's steward: its approvers do not take that back.
OF_OTHERS = ("stated", "decided", "answered", "erased")


def undo(store: Store, asking: Asking, number: int) -> Outcome:
    """Undo the change of this number, by an entry of its own. Raises StoreError."""

    def work(turn: Turn) -> State:
        entry = _entry(turn, number)
        before = turn.find(MODEL[entry["record_kind"]], entry["record"])
        first = first_undone(read_entry(entry), partial(_told, turn))
        if before is None or not may_undo(turn.actor, before, first.what):
            raise Refused(not_allowed(_("An approver of the record's steward undoes this.")))
        return undone(turn, before, entry)

    return change(store, asking, Change, work)


def may_undo(actor: Actor, state: State, what: str) -> bool:
    """Tell whether an actor may undo a change of a record that, or whose undoing, was of this sort."""
    return actor.everything or (what not in OF_OTHERS and can(actor, Action.GOVERN, state.properties))


def _entry(turn: Turn, number: int) -> Mapping[str, Any]:
    """Return the entry of a change that a person made. Raises Refused."""
    rows = turn.ask(chain.numbered(number))
    if not rows or rows[0][0].get("run"):
        rule = _("the number of a change that a person made")
        raise Refused(Problem("NOT_FOUND", "number", str(number), rule, _("There is no such change.")))
    entry: Mapping[str, Any] = rows[0][0]
    return entry


def _told(turn: Turn, entry: str) -> Told | None:
    rows = turn.ask(chain.numbered(int(entry.rpartition(":")[2])))
    return read_entry(rows[0][0]) if rows else None


def undone(turn: Turn, before: State, entry: Mapping[str, Any]) -> State:
    """Put a record back to what it was before an entry.

    Raises Refused where it is not as the entry left it, and where who asks may not make this of it.
    """
    told = read_entry(entry)
    if problems := list(_changed_since(before, told.before, told.after)):
        raise Refused(*problems)
    made = "id" in told.after
    after = replace(before, properties={**before.properties, "status": "retired"}) if made else stood(before, told)
    if problems := list(overreach(turn, before, after)):
        raise Refused(*problems)
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
