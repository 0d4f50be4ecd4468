"""Past versions of a record, and undo of a change."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import orjson

from registry.clock import day_of
from registry.database import audit_log
from registry.database.driver import Store
from registry.database.write import BY_HAND
from registry.i18n import _
from registry.model.definitions import MODEL, Change
from registry.model.records import Problem, show
from registry.mutations.audit_events import LINK_CHANGES, Difference, LogHead, RecordState, first_broken
from registry.mutations.save import not_allowed, overreach
from registry.mutations.transaction import MutationResult, RequestContext, Transaction, ValidationFailed, change
from registry.permissions import Action, Actor, can


@dataclass(frozen=True)
class Told:
    """An entry of the chain as far as it is about a record: who, when and how, and what is different since.

    `number` is 0 for what a load changed, whose changes are undone together only.
    """

    at: str
    actor: str
    how: str
    what: str
    note: str
    before: Difference
    after: Difference
    number: int = 0

    @property
    def day(self) -> str:
        """The day on which it was made, as a Date's text."""
        return day_of(self.at)


@dataclass(frozen=True)
class Passage:
    """A change with the record before and after it; there is nothing before a record was made."""

    told: Told
    before: RecordState | None
    after: RecordState


def read_entry(entry: Mapping[str, Any]) -> Told:
    """Return an entry, given by its properties as they are stored."""
    before, after = (orjson.loads(entry.get(name) or "{}") for name in ("before", "after"))
    at, actor, how, what, note = (str(entry.get(name) or "") for name in ("at", "actor", "how", "what", "note"))
    return Told(at, actor, how, what, note, before, after, 0 if entry.get("run") else entry["number"])


def first_undone(told: Told, find: Callable[[str], Told | None]) -> Told:
    """Return the entry that an entry undid, or whose undoing it undid, and so on; itself if it undid none.

    `find` finds an entry by its id, which an undoing notes.
    """
    while told.what == "undone" and (undid := find(told.note)):
        told = undid
    return told


def passages(state: RecordState, entries: Iterable[Told]) -> Iterator[Passage]:
    """Walk back from a record as it stands, by all its entries, newest first."""
    for told in entries:
        before = None if told.after.get("id") else undone(state, told)
        yield Passage(told, before, state)
        if before is None:
            return
        state = before


def undone(state: RecordState, told: Told) -> RecordState:
    """Return a record as it stood before an entry, from how it stood after it."""
    properties = {**state.properties, "version": state.version - 1}
    for name in ({*told.before, *told.after} - {LINK_CHANGES}) & state.kind.properties.keys():
        properties[name] = told.before.get(name)
    ties = {name: dict(tied) for name, tied in state.ties.items()}
    lost, gained = told.before.get(LINK_CHANGES, {}), told.after.get(LINK_CHANGES, {})
    for name in ties:
        kept = {far: values for far, values in ties[name].items() if far not in gained.get(name, {})}
        ties[name] = {**kept, **lost.get(name, {})}
    return replace(state, properties={name: one for name, one in properties.items() if one is not None}, ties=ties)


def as_it_was(state: RecordState, entries: Sequence[Told], day: str) -> RecordState | None:
    """Return a record as it stood at the end of a day; None if it was made later. `entries` are all, newest first."""
    if day < day_of(str(state.properties["created"])):
        return None
    found: RecordState | None = state
    for passage in passages(state, entries):
        if passage.told.day <= day:
            break
        found = passage.before
    return found


def is_whole(state: RecordState, entries: Sequence[Told]) -> bool:
    """Tell whether every change of a record is in the chain; that a load made it is told there with many others."""
    return state.version <= len(entries) + 1


# What somebody said or decided who may not be of the record's steward: its approvers do not take that back.
OF_OTHERS = ("stated", "decided", "answered", "erased")


def undo(store: Store, asking: RequestContext, number: int) -> MutationResult:
    """Undo the change of this number, by an entry of its own. Raises StoreError."""

    def work(turn: Transaction) -> RecordState:
        entry = _entry(turn, number)
        before = turn.find(MODEL[entry["record_kind"]], entry["record"])
        first = first_undone(read_entry(entry), partial(_told, turn))
        if before is None or not may_undo(turn.actor, before, first.what):
            raise ValidationFailed(not_allowed(_("An approver of the record's steward undoes this.")))
        return undone_undoing(turn, before, entry)

    return change(store, asking, Change, work)


def may_undo(actor: Actor, state: RecordState, what: str) -> bool:
    """Tell whether an actor may undo a change of a record that, or whose undoing, was of this sort."""
    return actor.everything or (what not in OF_OTHERS and can(actor, Action.GOVERN, state.properties))


def _entry(turn: Transaction, number: int) -> Mapping[str, Any]:
    """Return the entry of a change that a person made. Raises Refused."""
    rows = turn.ask(audit_log.numbered(number))
    if not rows or rows[0][0].get("run"):
        rule = _("the number of a change that a person made")
        raise ValidationFailed(Problem("NOT_FOUND", "number", str(number), rule, _("There is no such change.")))
    entry: Mapping[str, Any] = rows[0][0]
    return entry


def _told(turn: Transaction, entry: str) -> Told | None:
    rows = turn.ask(audit_log.numbered(int(entry.rpartition(":")[2])))
    return read_entry(rows[0][0]) if rows else None


def undone_undoing(turn: Transaction, before: RecordState, entry: Mapping[str, Any]) -> RecordState:
    """Put a record back to what it was before an entry.

    Raises Refused where it is not as the entry left it, and where who asks may not make this of it.
    """
    told = read_entry(entry)
    if problems := list(_changed_since(before, told.before, told.after)):
        raise ValidationFailed(*problems)
    made = "id" in told.after
    after = replace(before, properties={**before.properties, "status": "retired"}) if made else undone(before, told)
    if problems := list(overreach(turn, before, after)):
        raise ValidationFailed(*problems)
    return turn.keep(before, after, "undone", entry["id"], source=str(before.properties.get("source") or BY_HAND))


def _changed_since(state: RecordState, lost: Difference, gained: Difference) -> Iterator[Problem]:
    message = _("Somebody changed this since; change it by hand.")
    rule = _("as the change left it")
    for name, value in gained.items():
        if name == LINK_CHANGES:
            continue
        if name in state.kind.erasable and (lost.get(name) or value):
            yield Problem("ERASABLE", name, "", _("a change that is kept whole"), _("What may be erased is not kept."))
        elif state.properties.get(name) != value:
            yield Problem("CHANGED_SINCE", name, show(state.properties.get(name)), rule, message)
    for end, ties in {**lost.get(LINK_CHANGES, {}), **gained.get(LINK_CHANGES, {})}.items():
        now, left = state.ties.get(end, {}), gained.get(LINK_CHANGES, {}).get(end, {})
        if any(now.get(far) != left.get(far) for far in {*ties, *left}):
            yield Problem("CHANGED_SINCE", end, "", rule, message)


SIZE = 1_000
Entry = Mapping[str, Any]


class Verdict(NamedTuple):
    """What a chain turned out to be: how far it goes, its last hash, and where and how it is broken, if it is.

    A hash that somebody wrote down elsewhere is found again in a chain that nobody rewrote.
    """

    entries: int
    hash: str
    broken_at: int | None = None
    what: str | None = None


def entries(store: Store, *, after: int = 0) -> Iterator[Entry]:
    """Give the entries behind a number in order, read a page at a time. Raises StoreError."""
    while page := store.read(audit_log.entries(after=after, size=SIZE)):
        for (entry,) in page:
            yield entry
        after = page[-1][0]["number"]


def latest(store: Store, size: int, record: str | None = None) -> list[Entry]:
    """Return the last entries, newest first; of one record, or of all. Raises StoreError."""
    asked = audit_log.of_record(record, size=size) if record else audit_log.latest(size=size)
    return [entry for (entry,) in store.read(asked)]


def verify(store: Store, tell: Callable[[int], None] = lambda _: None) -> Verdict:
    """Check every entry against the one before and against the end; `tell` is told of each. Raises StoreError."""
    end = LogHead(*next(iter(store.read(audit_log.end())), ()))
    broken = first_broken(_told_auditing(entries(store), tell), end)
    return Verdict(end.number, end.hash, *(broken or ()))


def _told_auditing(all_of_them: Iterator[Entry], tell: Callable[[int], None]) -> Iterator[Entry]:
    for entry in all_of_them:
        tell(1)
        yield entry
