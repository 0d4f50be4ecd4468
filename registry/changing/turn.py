"""One turn of changing the registry: a transaction that holds the end of the chain, so that others wait for theirs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from registry.access import Action, Actor, can
from registry.changing import erasable, keys
from registry.changing.checking import broken
from registry.changing.entry import End, Stored, sealed
from registry.changing.pending import Pending, Written
from registry.changing.reading import ANY, Reading
from registry.changing.state import Difference, State, asked_anew, difference, nothing, ties_beyond
from registry.clock import now
from registry.cypher import chain, states, uses, write
from registry.cypher.states import BY_HAND
from registry.cypher.text import Cypher
from registry.model import MODEL, Request, Source
from registry.modelling import Kind
from registry.records import Problem, Record, make_record, show
from registry.store import TRIES, Ask, Rows, Store, StoreError
from registry.values import Unfit, Value
from registry.words import _

Answer = TypeVar("Answer")


class Refused(Exception):
    """A change that is not made, for problems that a person can mend."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Outcome:
    """What came of a change: the record that it was about, its kind, its version now, and what stood in the way."""

    kind: str
    record: str | None = None
    version: int | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Asking:
    """Who asks for a change, by which way, and under which key, if it is to be harmless when it is asked for again."""

    actor: Actor
    how: str
    key: str | None = None
    asked: Any = None  # what is asked for, of values that JSON knows: a key stands for one of them
    run: str | None = None  # of a load

    def named(self) -> Mapping[str, object]:
        """Return the key as it is kept, and a digest of what is asked for under it; nothing where there is no key."""
        return keys.kept(self.actor, self.key, self.asked) if self.key else {}


class Turn:
    """What can be done in a turn: look at records as they stand now, and keep them as they are to be."""

    def __init__(self, ask: Ask, asking: Asking) -> None:
        self.actor = asking.actor
        self.at = now()
        self._ask, self._asking = ask, asking
        self._end = End(*ask(chain.take())[0])
        self.began = [[self._end.number, self._end.hash]] if self._end.number else []  # as chain.end tells it
        self._entries: list[Stored] = []
        self._pending = Pending(self.at)
        self._asked_for: dict[str, None] = {}  # the resources of the requests that this turn writes
        self.reading = Reading(self.ask, asking.actor)

    def ask(self, cypher: Cypher) -> Rows:
        """Return the rows of a text, which sees what this turn has written. Raises StoreError."""
        self._write_pending()
        return self._ask(cypher)

    def find(self, kind: type[Kind], record: str) -> State | None:
        """Return a record as it stands; None where there is none that the actor may know of."""
        state = self.look(kind, record)
        return state if state and can(self.actor, Action.SEE_FACE, state.properties) else None

    def look(self, kind: type[Kind], record: str) -> State | None:
        """Return a record as it stands, whoever asks; None where there is none."""
        return self.reading.states.of(kind.__name__, record)

    def is_taken(self, record: str) -> bool:
        """Tell whether a record of any kind has this id."""
        return bool(self.reading.taken.of(ANY, record))

    def unknown(self, kind: str, ids: list[str]) -> list[str]:
        """Return those of the ids that no record of the kind has that the actor may know of."""
        found = self.reading.readers.all_of(kind, ids)
        return [one for one in ids if not can(self.actor, Action.SEE_FACE, {"seen_by": found[one]})]

    def keep(
        self, before: State | None, after: State, what: str, note: str | None = None, *, source: str = BY_HAND
    ) -> State:
        """Write a record as it is to be, its values clean, and the entry that tells what is different.

        It then belongs to `source`; where its terms change, what its parties said of them lapses. Returns it with its
        version; where nothing is different, nothing is written.
        Raises Refused where it would break a rule.
        """
        old = before or nothing(after.kind)
        after = asked_anew(old, after)
        lost, gained = difference(old, after)
        if not lost and not gained:
            return after
        if problems := list(broken(self, before, after)):
            raise Refused(*problems)
        if source == BY_HAND:
            self._source()
        record = _as_record(after, before)
        row = write.stored(record)
        if after.properties.get("status") == "retired":
            row = {**row, **_readers(old)}
        self._write(row, old, after, source)
        self.enter(what, after.kind, after.id, (lost, gained), steward=after.properties.get("steward"), note=note)
        return replace(after, properties={**after.properties, "version": old.version + 1})

    def earlier(self) -> Outcome | None:
        """Return what came of it when the same was asked for before, under the same key. Raises Refused."""
        named = self._asking.named()
        rows = self.ask(chain.keyed(str(named["key"]))) if named else []
        if not rows:
            return None
        ((record, kind, asked),) = rows
        if asked != named["asked"]:
            message = _("This key was used for something else; take another one.")
            raise Refused(Problem("KEY_REUSED", "key", str(self._asking.key), _("one key for one change"), message))
        state = self.find(MODEL[kind], record)
        return Outcome(kind, record, state.version if state else None)

    def enter(
        self,
        what: str,
        kind: type[Kind],
        record: str,
        difference: tuple[Difference, Difference],
        *,
        steward: object = None,
        note: str | None = None,
    ) -> None:
        """Tell of a change, by what was there before and what is there since, in the chain."""
        lost, gained = difference
        told: Mapping[str, object] = {
            "at": self.at,
            "actor": self.actor.name,
            "how": self._asking.how,
            "run": self._asking.run,
            "what": what,
            "record": record,
            "record_kind": kind.__name__,
            "note": note,
            "before": erasable.told(kind, record, lost, self.ask),
            "after": erasable.told(kind, record, gained, self.ask),
            **self._asking.named(),
        }
        entry = sealed(self._end, told, str(steward) if steward else None)
        self._entries.append(entry)
        self._end = End(self._end.number + 1, str(entry["own_hash"]))

    def close(self) -> None:
        """Write what is yet to be written, what follows from it, and the entries of this turn."""
        self.follow_requests(list(self._asked_for))
        if self._entries:
            self.ask(chain.append(self._entries))

    def follow_requests(self, resources: list[str]) -> None:
        """Make the uses of resources that follow from requests what these now say."""
        if resources:
            self.ask(uses.drop(resources))
            self.ask(uses.put(resources))

    def _write(self, row: write.Stored, old: State, after: State, source: str) -> None:
        if after.id in self._pending:
            self._write_pending()
        tied, untied = [], []
        for end in states.own_ends(after.kind):
            was, will_be = old.ties.get(end.name, {}), after.ties.get(end.name, {})
            if new := ties_beyond(will_be, was):
                tied.append((end, new))
            if gone := [far for far in was if far not in will_be]:
                untied.append((end, gone))
        self._pending.add(Written(after.kind, row, source, tied, untied))
        if after.kind is Request:
            self._asked_for |= dict.fromkeys([*old.ties["resource"], *after.ties["resource"]])
        self.reading.learn(after.kind, row)

    def _write_pending(self) -> None:
        for pending in self._pending.take():
            self._ask(pending)

    def _source(self) -> None:
        if not self._entries:
            record, _problems = make_record(Source, {"id": BY_HAND, "name": "Registered by hand"})
            assert record is not None
            self.ask(write.upsert(Source, [record], source=BY_HAND, run="", now=self.at))


def in_turn(store: Store, asking: Asking, work: Callable[[Turn], Answer]) -> Answer:
    """Do work in one turn, with its entries; what it raises undoes it. Raises StoreError."""
    for attempt in range(TRIES):
        turns: list[Turn] = []
        try:
            return store.change(partial(_whole, turns, asking, work))
        except StoreError:
            raise
        except Exception:
            if attempt + 1 == TRIES or not turns or not _overtaken(store, turns[-1]):
                raise
    raise AssertionError


def _whole(turns: list[Turn], asking: Asking, work: Callable[[Turn], Answer], ask: Ask) -> Answer:
    turns.append(turn := Turn(ask, asking))
    answer = work(turn)
    turn.close()
    return answer


def _overtaken(store: Store, turn: Turn) -> bool:
    """Tell whether others changed something while work was done that was then given up.

    The embedded engine lets nobody wait, it only finds out when work is committed: what work was given up for may have been
    seen half before another's change, and half after it.
    """
    return store.dialect.embedded and store.read(chain.end()) != turn.began


def change(store: Store, asking: Asking, kind: type[Kind], work: Callable[[Turn], State]) -> Outcome:
    """Do work in one turn and say what came of it; what is refused, or was done before, is not done. Raises StoreError."""

    def once(turn: Turn) -> Outcome:
        if done := turn.earlier():
            return done
        state = work(turn)
        return Outcome(kind.__name__, state.id, state.version)

    try:
        return in_turn(store, asking, once)
    except Refused as refused:
        return Outcome(kind.__name__, problems=refused.problems)


def cleaned(value: type[Value], raw: str, field: str) -> str:
    """Return a text that somebody gave as it is kept. Raises Refused where it does not fit."""
    try:
        return str(value.clean(raw) or "")
    except Unfit as unfit:
        raise Refused(Problem("UNFIT", field, show(raw), unfit.rule, str(unfit))) from None


def _as_record(state: State, before: State | None) -> Record:
    record, problems = make_record(state.kind, state.given(), before=before.given() if before else None)
    if record is None:
        raise Refused(*problems)
    return record


def _readers(state: State) -> dict[str, object]:
    """Return who reads a record, for one that is retired: what was never shown is not shown by that."""
    return {name: state.properties[name] for name in ("seen_by", "shown_to")}
