"""The transaction of a change: lock the audit log, read the record, write it with its event."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

from registry.clock import now
from registry.database import audit_log, write
from registry.database.driver import TRIES, Ask, Cypher, Rows, Store, StoreError
from registry.database.write import BY_HAND, Stored
from registry.i18n import _
from registry.model.definitions import MODEL, Request, Source
from registry.model.kinds import End, Kind
from registry.model.records import Problem, Record, fold, make_record, show
from registry.model.values import InvalidValue, Value
from registry.mutations import audit_events
from registry.mutations.audit_events import (
    AuditEvent,
    Difference,
    LogHead,
    RecordState,
    Ties,
    asked_anew,
    difference,
    nothing,
    read_state,
    sealed,
    ties_beyond,
)
from registry.mutations.checks import broken
from registry.permissions import Action, Actor, can


@dataclass(frozen=True)
class Written:
    """A record as `cypher.write.stored` returns it, the source that it is to belong to, and what changes of its ties."""

    kind: type[Kind]
    row: Stored
    source: str
    tied: Sequence[tuple[End, Ties]]
    untied: Sequence[tuple[End, Sequence[str]]]


class Pending:
    """Records to be written at `now`, each of them once."""

    def __init__(self, now: str) -> None:
        self._now = now
        self._records: dict[str, Written] = {}

    def __contains__(self, record: str) -> bool:
        return record in self._records

    def add(self, record: Written) -> None:
        """Take a record."""
        self._records[record.row["id"]] = record

    def take(self) -> list[Cypher]:
        """Return the statements that write all that was taken, in their order; it is no longer pending."""
        records, self._records = list(self._records.values()), {}
        return [*self._puts(records), *_unties(records), *_ties(records)]

    def _puts(self, records: Sequence[Written]) -> Iterator[Cypher]:
        by_kind: dict[tuple[str, str], tuple[type[Kind], list[Stored]]] = {}
        for one in records:
            by_kind.setdefault((one.kind.__name__, one.source), (one.kind, []))[1].append(one.row)
        for (_name, source), (kind, rows) in by_kind.items():
            yield write.put(kind, rows, source=source, now=self._now)


def _unties(records: Sequence[Written]) -> Iterator[Cypher]:
    rows = ((end, {"id": one.row["id"], "far": far}) for one in records for end, ids in one.untied for far in ids)
    return (write.untie(end, those) for end, those in _by_end(rows))


def _ties(records: Sequence[Written]) -> Iterator[Cypher]:
    rows = (
        (
            end,
            {"id": one.row["id"], "far": far, "props": {**write.known_states(values), "source": one.source, "run": ""}},
        )
        for one in records
        for end, ties in one.tied
        for far, values in ties.items()
    )
    return (write.tie_states(end, those) for end, those in _by_end(rows))


def _by_end(rows: Iterable[tuple[End, Stored]]) -> Iterable[tuple[End, list[Stored]]]:
    found: dict[str, tuple[End, list[Stored]]] = {}
    for end, row in rows:
        found.setdefault(f"{end.kind}.{end.name}", (end, []))[1].append(row)
    return found.values()


IdsAndNames = Iterable[tuple[str, str]]  # ids and names
BEGINNING, MOST = 3, 400
NUMBERS, WORD = re.compile(r"\d+"), re.compile(r"[^\W_]+")


class NameIndex:
    """Names by the numbers in them and the first letters of each of their words."""

    def __init__(self, named: IdsAndNames) -> None:
        self._begun: dict[tuple[tuple[str, ...], str], list[tuple[str, str]]] = {}
        for one, name in named:
            self.add(one, name)

    def add(self, one: str, name: str) -> None:
        """Take the name of one more record, given by its id."""
        numbers, words = parts(name)
        for beginning in {word[:BEGINNING] for word in words}:
            self._begun.setdefault((numbers, beginning), []).append((one, name))

    def like(self, name: str) -> IdsAndNames:
        """Return records whose names have the same numbers and a word that begins as one of this name does.

        Of more than MOST, those of the rarest beginnings.
        """
        numbers, words = parts(name)
        found: dict[str, str] = {}
        for begun in sorted((self._begun.get((numbers, word[:BEGINNING]), []) for word in words), key=len):
            found.update(begun[: max(0, MOST - len(found))])
        return found.items()


@lru_cache(16_384)
def parts(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the numbers in a name, and all of its words, as they are compared."""
    plain = fold(name)
    return tuple(NUMBERS.findall(plain)), tuple(WORD.findall(plain))


Found = TypeVar("Found")
SIZE, MOST_WORDS = 500, 12
ANY = ""  # the kind of what is asked of all kinds


class Remembered(Generic[Found]):
    """One sort of what can be read of records of a kind, by their ids, or by what else tells them apart.

    `read` reads it of some of them, and returns it of those of which there is any.
    """

    def __init__(self, read: Callable[[str, Sequence[str]], Mapping[str, Found]]) -> None:
        self._read = read
        self._known: dict[tuple[str, str], Found | None] = {}

    def of(self, kind: str, one: str) -> Found | None:
        """Return it of one; None where there is none."""
        return self.all_of(kind, [one])[one]

    def all_of(self, kind: str, those: Iterable[str]) -> dict[str, Found | None]:
        """Return it of each, in their order; what is not known yet is read, SIZE at once. Raises StoreError."""
        wanted = list(dict.fromkeys(those))
        unread = [one for one in wanted if (kind, one) not in self._known]
        for start in range(0, len(unread), SIZE):
            some = unread[start : start + SIZE]
            found = self._read(kind, some)
            self._known |= {(kind, one): found.get(one) for one in some}
        return {one: self._known[kind, one] for one in wanted}

    def learn(self, kind: str, one: str, found: Found) -> None:
        """Take note of what was just made."""
        self._known[kind, one] = found

    def forget(self, kind: str, one: str) -> None:
        """Read it anew the next time."""
        self._known.pop((kind, one), None)


class RecordReader:
    """What an actor's turn reads.

    `states` and `readers` are a record as it stands and who may know of it, by kind and id; `taken` is whether a record
    of ANY kind has an id.
    """

    def __init__(self, ask: Ask, actor: Actor) -> None:
        self._ask, self._actor = ask, actor
        self.states: Remembered[RecordState] = Remembered(self._states)
        self.readers: Remembered[list[str]] = Remembered(self._readers)
        self.taken: Remembered[bool] = Remembered(self._taken)
        self._names: dict[str, NameIndex] = {}

    def named_like(self, kind: type[Kind], name: str) -> IdsAndNames:
        """Return records whose names have a word that begins as one of this name does. Raises StoreError."""
        if (known := self._names.get(kind.__name__)) is not None:
            return known.like(name)
        beginnings = list(dict.fromkeys(word[:BEGINNING] for word in parts(name)[1][:MOST_WORDS]))
        me = self._actor.parameter()
        rows = self._ask(write.named_like(kind, beginnings, me, most=MOST)) if beginnings else [[[]]]
        named: IdsAndNames = rows[0][0]
        return named

    def read_names(self, kind: type[Kind]) -> None:
        """Read the names of all records of a kind, before many are compared with them. Raises StoreError."""
        self._names[kind.__name__] = NameIndex(self._ask(write.names(kind, self._actor.parameter()))[0][0])

    def learn(self, kind: type[Kind], row: Stored) -> None:
        """Take note of a record that is to be written."""
        name, record = kind.__name__, row["id"]
        self.states.forget(name, record)
        self.readers.learn(name, record, row["seen_by"])
        self.taken.learn(ANY, record, True)
        if name in self._names:
            self._names[name].add(record, row["name"])

    def _states(self, kind: str, ids: Sequence[str]) -> dict[str, RecordState]:
        rows = self._ask(write.several(MODEL[kind], ids))
        return {one.id: one for row in rows if (one := read_state(MODEL[kind], [row]))}

    def _readers(self, kind: str, ids: Sequence[str]) -> dict[str, list[str]]:
        return dict(self._ask(write.faces(MODEL[kind], ids))[0][0])

    def _taken(self, _any: str, ids: Sequence[str]) -> dict[str, bool]:
        return {one: True for (one,) in self._ask(write.taken(ids))}


Answer = TypeVar("Answer")


class ValidationFailed(Exception):
    """A change that is not made, for problems that a person can mend."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class MutationResult:
    """What came of a change: the record that it was about, its kind, its version now, and what stood in the way."""

    kind: str
    record: str | None = None
    version: int | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class RequestContext:
    """Who asks for a change, by which way, and under which key, if it is to be harmless when it is asked for again."""

    actor: Actor
    how: str
    key: str | None = None
    asked: Any = None  # what is asked for, of values that JSON knows: a key stands for one of them
    run: str | None = None  # of a load

    def named(self) -> Mapping[str, object]:
        """Return the key as it is kept, and a digest of what is asked for under it; nothing where there is no key."""
        return audit_events.kept(self.actor, self.key, self.asked) if self.key else {}


class Transaction:
    """What can be done in a turn: look at records as they stand now, and keep them as they are to be."""

    def __init__(self, ask: Ask, asking: RequestContext) -> None:
        self.actor = asking.actor
        self.at = now()
        self._ask, self._asking = ask, asking
        self._end = LogHead(*ask(audit_log.take())[0])
        self.began = [[self._end.number, self._end.hash]] if self._end.number else []  # as chain.end tells it
        self._entries: list[AuditEvent] = []
        self._pending = Pending(self.at)
        self._asked_for: dict[str, None] = {}  # the resources of the requests that this turn writes
        self.reading = RecordReader(self.ask, asking.actor)

    def ask(self, cypher: Cypher) -> Rows:
        """Return the rows of a text, which sees what this turn has written. Raises StoreError."""
        self._write_pending()
        return self._ask(cypher)

    def find(self, kind: type[Kind], record: str) -> RecordState | None:
        """Return a record as it stands; None where there is none that the actor may know of."""
        state = self.look(kind, record)
        return state if state and can(self.actor, Action.SEE_FACE, state.properties) else None

    def look(self, kind: type[Kind], record: str) -> RecordState | None:
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
        self,
        before: RecordState | None,
        after: RecordState,
        what: str,
        note: str | None = None,
        *,
        source: str = BY_HAND,
    ) -> RecordState:
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
            raise ValidationFailed(*problems)
        if source == BY_HAND:
            self._source()
        record = _as_record(after, before)
        row = write.stored(record)
        if after.properties.get("status") == "retired":
            row = {**row, **_readers(old)}
        self._write(row, old, after, source)
        self.enter(what, after.kind, after.id, (lost, gained), steward=after.properties.get("steward"), note=note)
        return replace(after, properties={**after.properties, "version": old.version + 1})

    def earlier(self) -> MutationResult | None:
        """Return what came of it when the same was asked for before, under the same key. Raises Refused."""
        named = self._asking.named()
        rows = self.ask(audit_log.keyed(str(named["key"]))) if named else []
        if not rows:
            return None
        ((record, kind, asked),) = rows
        if asked != named["asked"]:
            message = _("This key was used for something else; take another one.")
            raise ValidationFailed(
                Problem("KEY_REUSED", "key", str(self._asking.key), _("one key for one change"), message)
            )
        state = self.find(MODEL[kind], record)
        return MutationResult(kind, record, state.version if state else None)

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
            "before": audit_events.told(kind, record, lost, self.ask),
            "after": audit_events.told(kind, record, gained, self.ask),
            **self._asking.named(),
        }
        entry = sealed(self._end, told, str(steward) if steward else None)
        self._entries.append(entry)
        self._end = LogHead(self._end.number + 1, str(entry["own_hash"]))

    def close(self) -> None:
        """Write what is yet to be written, what follows from it, and the entries of this turn."""
        self.follow_requests(list(self._asked_for))
        if self._entries:
            self.ask(audit_log.append(self._entries))

    def follow_requests(self, resources: list[str]) -> None:
        """Make the uses of resources that follow from requests what these now say."""
        if resources:
            self.ask(write.drop(resources))
            self.ask(write.put_uses(resources))

    def _write(self, row: write.Stored, old: RecordState, after: RecordState, source: str) -> None:
        if after.id in self._pending:
            self._write_pending()
        tied, untied = [], []
        for end in write.own_ends(after.kind):
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


def in_transaction(store: Store, asking: RequestContext, work: Callable[[Transaction], Answer]) -> Answer:
    """Do work in one turn, with its entries; what it raises undoes it. Raises StoreError."""
    for attempt in range(TRIES):
        turns: list[Transaction] = []
        try:
            return store.change(partial(_whole, turns, asking, work))
        except StoreError:
            raise
        except Exception:
            if attempt + 1 == TRIES or not turns or not _overtaken(store, turns[-1]):
                raise
    raise AssertionError


def _whole(turns: list[Transaction], asking: RequestContext, work: Callable[[Transaction], Answer], ask: Ask) -> Answer:
    turns.append(turn := Transaction(ask, asking))
    answer = work(turn)
    turn.close()
    return answer


def _overtaken(store: Store, turn: Transaction) -> bool:
    """Tell whether others changed something while work was done that was then given up.

    The embedded engine lets nobody wait, it only finds out when work is committed: what work was given up for may have been
    seen half before another's change, and half after it.
    """
    return store.dialect.embedded and store.read(audit_log.end()) != turn.began


def change(
    store: Store, asking: RequestContext, kind: type[Kind], work: Callable[[Transaction], RecordState]
) -> MutationResult:
    """Do work in one turn and say what came of it; what is refused, or was done before, is not done. Raises StoreError."""

    def once(turn: Transaction) -> MutationResult:
        if done := turn.earlier():
            return done
        state = work(turn)
        return MutationResult(kind.__name__, state.id, state.version)

    try:
        return in_transaction(store, asking, once)
    except ValidationFailed as refused:
        return MutationResult(kind.__name__, problems=refused.problems)


def cleaned(value: type[Value], raw: str, field: str) -> str:
    """Return a text that somebody gave as it is kept. Raises Refused where it does not fit."""
    try:
        return str(value.clean(raw) or "")
    except InvalidValue as unfit:
        raise ValidationFailed(Problem("UNFIT", field, show(raw), unfit.rule, str(unfit))) from None


def _as_record(state: RecordState, before: RecordState | None) -> Record:
    record, problems = make_record(state.kind, state.given(), before=before.given() if before else None)
    if record is None:
        raise ValidationFailed(*problems)
    return record


def _readers(state: RecordState) -> dict[str, object]:
    """Return who reads a record, for one that is retired: what was never shown is not shown by that."""
    return {name: state.properties[name] for name in ("seen_by", "shown_to")}
