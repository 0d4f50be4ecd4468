"""Past versions of a record, undoing a change, and verifying the audit log."""

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
from registry.mutations.audit_events import LINK_CHANGES, Difference, LogHead, RecordState, first_invalid
from registry.mutations.save import forbidden_changes, not_allowed
from registry.mutations.transaction import MutationResult, RequestContext, Transaction, ValidationFailed, change
from registry.permissions import Action, Actor, can, role_needed
from registry.progress import Progress, silent


@dataclass(frozen=True)
class HistoryEvent:
    """An audit event as part of a record's history: when, by whom and how the record changed, and its values before and after.

    `number` is 0 for a change made by a load. A change made by a load can be undone only by undoing the entire load.
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
        """The day of the event, as an ISO 8601 date."""
        return day_of(self.at)


@dataclass(frozen=True)
class Revision:
    """An audit event with the record before and after it; `before` is None if the event created the record."""

    event: HistoryEvent
    before: RecordState | None
    after: RecordState


def read_event(entry: Mapping[str, Any]) -> HistoryEvent:
    """Return a history event, given the properties of the stored audit event."""
    before, after = (orjson.loads(entry.get(name) or "{}") for name in ("before", "after"))
    at, actor, how, what, note = (str(entry.get(name) or "") for name in ("at", "actor", "how", "what", "note"))
    return HistoryEvent(at, actor, how, what, note, before, after, 0 if entry.get("run") else entry["number"])


def original_event(event: HistoryEvent, find: Callable[[str], HistoryEvent | None]) -> HistoryEvent:
    """Return the event at the start of a series of undo events. If `event` is not an undo event, return it.

    `find` returns an event, given its id. An undo event has the id of the undone event in its note.
    """
    while event.what == "undone" and (undid := find(event.note)):
        event = undid
    return event


def revisions_of(state: RecordState, entries: Iterable[HistoryEvent]) -> Iterator[Revision]:
    """Yield the past versions of a record, newest first.

    `state` is the current record, and `entries` are its events, newest first.
    """
    for event in entries:
        before = None if event.after.get("id") else state_before(state, event)
        yield Revision(event, before, state)
        if before is None:
            return
        state = before


def state_before(state: RecordState, event: HistoryEvent) -> RecordState:
    """Return a record as it was before an event, given the record as it was after the event."""
    properties = {**state.properties, "version": state.version - 1}
    for name in ({*event.before, *event.after} - {LINK_CHANGES}) & state.kind.properties.keys():
        properties[name] = event.before.get(name)
    ties = {name: dict(tied) for name, tied in state.ties.items()}
    lost, gained = event.before.get(LINK_CHANGES, {}), event.after.get(LINK_CHANGES, {})
    for name in ties:
        kept = {far: values for far, values in ties[name].items() if far not in gained.get(name, {})}
        ties[name] = {**kept, **lost.get(name, {})}
    return replace(state, properties={name: one for name, one in properties.items() if one is not None}, ties=ties)


def state_on(state: RecordState, entries: Sequence[HistoryEvent], day: str) -> RecordState | None:
    """Return a record as it was at the end of a day. If the record did not exist yet, return None.

    `entries` are all events of the record, newest first.
    """
    if day < day_of(str(state.properties["created"])):
        return None
    found: RecordState | None = state
    for revision in revisions_of(state, entries):
        if revision.event.day <= day:
            break
        found = revision.before
    return found


def is_whole(state: RecordState, entries: Sequence[HistoryEvent]) -> bool:
    """Return whether the history of a record is complete.

    The history of a record that a load created is incomplete, because only the event of the load records the creation.
    """
    return state.version <= len(entries) + 1


# Users of other agencies may have made these changes, so approvers of the record's steward cannot undo them.
OF_OTHERS = ("stated", "decided", "answered", "erased")


def undo(store: Store, context: RequestContext, number: int) -> MutationResult:
    """Undo the change with this event number. The undo is recorded as a separate event. Raises StoreError."""

    def work(transaction: Transaction) -> RecordState:
        entry = _entry(transaction, number)
        before = transaction.find(MODEL[entry["record_kind"]], entry["record"])
        first = original_event(read_event(entry), partial(_find_event, transaction))
        if before is None or not may_undo(transaction.actor, before, first.what):
            statement = before is not None and first.what in OF_OTHERS
            message = _("Only an administrator can undo a confirmation, assessment or feedback of somebody else.")
            raise ValidationFailed(not_allowed(message if statement else role_needed(Action.MANAGE)))
        return revert(transaction, before, entry)

    return change(store, context, Change, work)


def may_undo(actor: Actor, state: RecordState, what: str) -> bool:
    """Return whether an actor may undo a change; `what` is the name of the original event."""
    return actor.is_admin or (what not in OF_OTHERS and can(actor, Action.MANAGE, state.properties))


def _who_may_undo(what: str) -> str:
    if what in OF_OTHERS:
        return _("Only an administrator can undo this change.")
    return _("Only an approver of the record's steward can undo this change.")


def _entry(transaction: Transaction, number: int) -> Mapping[str, Any]:
    """Return the audit event with this number. Raises ValidationFailed if a load made the change, or if there is no such event."""
    rows = transaction.run(audit_log.by_number(number))
    if not rows or rows[0][0].get("run"):
        rule = _("the number of a change made by a person")
        raise ValidationFailed(
            Problem("NOT_FOUND", "number", str(number), rule, _("No change made by a person has this number."))
        )
    entry: Mapping[str, Any] = rows[0][0]
    return entry


def _find_event(transaction: Transaction, entry: str) -> HistoryEvent | None:
    rows = transaction.run(audit_log.by_number(int(entry.rpartition(":")[2])))
    return read_event(rows[0][0]) if rows else None


def revert(transaction: Transaction, before: RecordState, entry: Mapping[str, Any]) -> RecordState:
    """Restore a record to its values before an event.

    Raises ValidationFailed if the record has changed since the event, or if the actor may not make this change.
    """
    event = read_event(entry)
    if problems := list(_changed_since(before, event.before, event.after)):
        raise ValidationFailed(*problems)
    is_creation = "id" in event.after
    after = (
        replace(before, properties={**before.properties, "status": "retired"})
        if is_creation
        else state_before(before, event)
    )
    if problems := list(forbidden_changes(transaction, before, after)):
        raise ValidationFailed(*problems)
    return transaction.write(
        before, after, "undone", entry["id"], source=str(before.properties.get("source") or BY_HAND)
    )


def _changed_since(state: RecordState, lost: Difference, gained: Difference) -> Iterator[Problem]:
    message = _("This value was changed again later. Edit the record instead.")
    rule = _("a value that has not changed since")
    for name, value in gained.items():
        if name == LINK_CHANGES:
            continue
        if name in state.kind.erasable and (lost.get(name) or value):
            yield Problem(
                "ERASABLE",
                name,
                "",
                _("a change that has no text that must be erasable"),
                _("The audit log does not store this text, because it must be erasable. The change cannot be undone."),
            )
        elif state.properties.get(name) != value:
            yield Problem("CHANGED_SINCE", name, show(state.properties.get(name)), rule, message)
    for end, ties in {**lost.get(LINK_CHANGES, {}), **gained.get(LINK_CHANGES, {})}.items():
        now, left = state.ties.get(end, {}), gained.get(LINK_CHANGES, {}).get(end, {})
        if any(now.get(far) != left.get(far) for far in {*ties, *left}):
            yield Problem("CHANGED_SINCE", end, "", rule, message)


PAGE_SIZE = 1_000
Entry = Mapping[str, Any]


class Verdict(NamedTuple):
    """The result of verifying the audit log: the number of events, the last hash, and the first error if there is one.

    To detect a rewritten log, compare the hash with a hash that was noted elsewhere at an earlier time.
    """

    entries: int
    hash: str
    broken_at: int | None = None
    what: str | None = None


def entries(store: Store, *, after: int = 0) -> Iterator[Entry]:
    """Yield the audit events after an event number, in order; they are read in pages. Raises StoreError."""
    while page := store.read(audit_log.entries(after=after, size=PAGE_SIZE)):
        for (entry,) in page:
            yield entry
        after = page[-1][0]["number"]


def latest(store: Store, size: int, record: str | None = None) -> list[Entry]:
    """Return the last `size` audit events, newest first, of one record or of all records. Raises StoreError."""
    query = audit_log.of_record(record, size=size) if record else audit_log.latest(size=size)
    return [entry for (entry,) in store.read(query)]


def verify(store: Store, progress: Progress = silent) -> Verdict:
    """Check the hashes of all audit events. Raises StoreError."""
    end = LogHead(*next(iter(store.read(audit_log.last_event())), ()))
    broken = first_invalid(_with_progress(entries(store), end.number, progress), end)
    return Verdict(end.number, end.hash, *(broken or ()))


def _with_progress(events: Iterator[Entry], of: int, progress: Progress) -> Iterator[Entry]:
    for done, entry in enumerate(events, start=1):
        if done % PAGE_SIZE == 0:
            progress("Verifying changes", done, max(done, of))
        yield entry
