"""The history of a record as its reader may know it: what was changed when, and how the record was on a day."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from registry.access import Action, Actor, can, shown_to
from registry.changing.history import Passage, Told, as_it_was, first_undone, is_whole, passages, read_entry
from registry.changing.state import LINKS, State, read_state
from registry.changing.undoing import may_undo
from registry.cypher import chain, states
from registry.modelling import Kind
from registry.store import Reader
from registry.web.allowed import EDITED
from registry.web.graph import Graph
from registry.web.names import names
from registry.web.told import Line, facts, ids_in, lines

MOST, MOST_ENTRIES = 50, 1_000


@dataclass(frozen=True)
class Moment:
    """A change: when, what and by which way, and what it made different; who made it and their note, for who may know.

    `undo` is its number where its reader may undo it, otherwise 0.
    """

    at: str
    what: str
    how: str
    who: str
    note: str
    lines: Sequence[Line]
    undo: int


@dataclass(frozen=True)
class Past:
    """The changes of a record, newest first; on a day that was asked for, how it was: nothing where that is not shown.

    `more` says whether there are changes before those.
    """

    moments: Sequence[Moment]
    day: str | None
    was: Sequence[Line]
    whole: bool
    more: bool


class Histories:
    """The histories of the records of one store."""

    def __init__(self, graph: Graph, reader: Reader) -> None:
        self._graph, self._reader = graph, reader

    async def of(self, kind: type[Kind], one: str, actor: Actor, day: str | None) -> Past | None:
        """Return the history of a record; None where there is none, or the actor does not see all of it. Raises StoreError."""
        (entries,) = await self._reader.read([chain.of_record(one, size=MOST_ENTRIES)])
        if not entries and day is None:
            return None
        (rows,) = await self._reader.read([states.state(kind, one)])
        state = read_state(kind, rows)
        if state is None or not can(actor, Action.SEE_DETAIL, state.properties):
            return None
        told = [read_entry(row[0]) for row in entries]
        seen = list(islice(_seen(state, told, actor), MOST + 1))
        more, seen = len(seen) > MOST, seen[:MOST]
        was = as_it_was(state, told, day) if day else None
        was = was if was and (was is state or _sees(actor, was)) else None
        whole = is_whole(state, told)
        undoable = _undoable(state, [one.told for one in seen], told, actor)
        return await self._past(state, seen, was, day, actor, whole=whole, undoable=undoable, more=more)

    async def _past(
        self,
        state: State,
        seen: Sequence[Passage],
        was: State | None,
        day: str | None,
        actor: Actor,
        *,
        whole: bool,
        undoable: Collection[int],
        more: bool,
    ) -> Past:
        kind = state.kind
        differences = [part for one in seen for part in (one.told.before, one.told.after)]
        held = [{**was.given(), LINKS: was.ties}] if was else []
        ids = ids_in(kind, [*differences, *held])
        titles = await names(self._graph, ids, actor)
        knows = can(actor, Action.EDIT, state.properties)
        moments = [
            Moment(
                one.told.at,
                one.told.what,
                one.told.how,
                one.told.actor if knows else "",
                one.told.note if knows else "",
                lines(kind, one.told.before, one.told.after, titles),
                one.told.number if one.told.number in undoable else 0,
            )
            for one in seen
        ]
        return Past(moments, day, facts(kind, was.given(), was.ties, titles) if was else [], whole, more)


def _seen(state: State, told: Sequence[Told], actor: Actor) -> Iterator[Passage]:
    """Yield the changes back to the first time that the actor did not see all of the record: that was not for them."""
    for passage in passages(state, told):
        if not _sees(actor, passage.before or passage.after):
            return
        yield passage


def _undoable(state: State, seen: Sequence[Told], told: Sequence[Told], actor: Actor) -> set[int]:
    """Return the numbers of those changes, among all that are told, which an actor may undo."""
    if state.kind not in EDITED:
        return set()
    by_id = {f"change:{one.number}": one for one in told}
    return {one.number for one in seen if may_undo(actor, state, first_undone(one, by_id.get).what)}


def _sees(actor: Actor, state: State) -> bool:
    return not actor.names().isdisjoint(shown_to(state.given()))
