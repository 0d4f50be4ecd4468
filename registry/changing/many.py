"""Many records saved in one turn: all of them, or none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from registry.changing.reading import ANY
from registry.changing.saving import Saving, check_by_hand, prepared
from registry.changing.turn import Asking, Refused, Turn, in_turn
from registry.cypher.states import own_ends
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
        _foresee(turn, savings)
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


def _foresee(turn: Turn, savings: Sequence[Saving]) -> None:
    """Read at once what saving these one after another asks for; what is not foreseen is read when it is asked for."""
    reading = turn.reading
    for kind, ids in _by_kind((one.kind.__name__, one.id) for one in savings if one.id).items():
        reading.states.all_of(kind, ids)
    new = [one for one in savings if not (one.id and reading.states.of(one.kind.__name__, one.id))]
    reading.taken.all_of(ANY, [one.id.strip() for one in new if one.id])
    for kind, ids in _by_kind(named for one in savings for named in _named(one)).items():
        reading.readers.all_of(kind, ids)
    for compared in dict.fromkeys(one.kind for one in new if not one.another):
        reading.read_names(compared)


def _named(saving: Saving) -> Iterator[tuple[str, str]]:
    """Yield the records that a saving names, as kind and id."""
    for name, declared in saving.kind.properties.items():
        if declared.refers_to and isinstance(one := saving.properties.get(name), str):
            yield declared.refers_to, one
    for end in own_ends(saving.kind):
        if end.name in saving.links:
            yield from ((end.target, far) for far in saving.links[end.name].add)


def _by_kind(named: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, one in named:
        found.setdefault(kind, []).append(one)
    return found


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
