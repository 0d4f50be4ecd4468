"""Many records saved in one turn: all of them, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.changing.saving import Saving, check_by_hand, prepared
from registry.changing.turn import Asking, Refused, Turn, in_turn
from registry.records import Problem
from registry.store import Store


@dataclass(frozen=True)
class Done:
    """What came of one of many: `created`, `changed`, `unchanged`, or nothing where there are problems."""

    what: str
    record: str | None = None
    problems: tuple[Problem, ...] = ()


class _NotDone(Exception):
    """Ends a turn without a trace, and tells what came of it."""

    def __init__(self, done: Sequence[Done]) -> None:
        super().__init__()
        self.done = done


def save_all(store: Store, asking: Asking, savings: Sequence[Saving], *, dry: bool) -> Sequence[Done]:
    """Save records in this order, where each may name those before it; if one has a problem, none is saved.

    A `dry` run tells the same and saves nothing. What was asked for before under the same key is not done again: nothing
    is told of it. Raises StoreError.
    """

    def work(turn: Turn) -> Sequence[Done]:
        if turn.earlier():
            return ()
        done = [_saved(turn, saving) for saving in savings]
        if dry or any(one.problems for one in done):
            raise _NotDone(done)
        return done

    try:
        return in_turn(store, asking, work)
    except _NotDone as told:
        return told.done
    except Refused as refused:
        return [Done("", problems=refused.problems)]


def _saved(turn: Turn, saving: Saving) -> Done:
    """Save one of many; what is refused is told of, and the rest is looked at all the same."""
    before = turn.find(saving.kind, saving.id) if saving.id else None
    try:
        check_by_hand(turn, saving.kind)
        after = turn.keep(before, prepared(turn, before, saving), "changed" if before else "created")
    except Refused as refused:
        return Done("", saving.id, refused.problems)
    what = "created" if before is None else "unchanged" if after.version == before.version else "changed"
    return Done(what, after.id)
