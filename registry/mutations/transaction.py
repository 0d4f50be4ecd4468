"""The transaction of a change: lock the audit log, read the record, and write the record together with its audit event."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from registry.clock import now
from registry.database import audit_log, exploration, write
from registry.database.driver import TRIES, Ask, Cypher, Rows, Store, StoreError
from registry.database.write import BY_HAND, Stored
from registry.i18n import _
from registry.model.definitions import MODEL, Request, Source
from registry.model.kinds import End, Kind
from registry.model.records import Problem, Record, make_record, show
from registry.model.values import InvalidValue, Value
from registry.mutations import audit_events
from registry.mutations.audit_events import (
    AuditEvent,
    Difference,
    LogHead,
    RecordState,
    Relationships,
    difference,
    empty_state,
    new_event,
    read_state,
    ties_beyond,
    without_outdated_confirmations,
)
from registry.mutations.checks import broken_rules
from registry.mutations.similar_names import MOST, IdsAndNames, NameIndex, beginnings
from registry.permissions import Action, Actor, can


@dataclass(frozen=True)
class PendingRecord:
    """A record to write, with its source and the relationships to create and to remove.

    The function `database.write.stored` makes the row that is written.
    """

    kind: type[Kind]
    row: Stored
    source: str
    tied: Sequence[tuple[End, Relationships]]
    untied: Sequence[tuple[End, Sequence[str]]]


class WriteBuffer:
    """A buffer of records to write, which holds each record at most once; `now` is the time of their change."""

    def __init__(self, now: str) -> None:
        self._now = now
        self._records: dict[str, PendingRecord] = {}

    def __contains__(self, record: str) -> bool:
        return record in self._records

    def add(self, record: PendingRecord) -> None:
        """Add a record to the buffer."""
        self._records[record.row["id"]] = record

    def take(self) -> list[Cypher]:
        """Empty the buffer and return the Cypher that writes its records, in order."""
        records, self._records = list(self._records.values()), {}
        return [*self._puts(records), *_unties(records), *_ties(records)]

    def _puts(self, records: Sequence[PendingRecord]) -> Iterator[Cypher]:
        by_kind: dict[tuple[str, str], tuple[type[Kind], list[Stored]]] = {}
        for one in records:
            by_kind.setdefault((one.kind.__name__, one.source), (one.kind, []))[1].append(one.row)
        for (_name, source), (kind, rows) in by_kind.items():
            yield write.put(kind, rows, source=source, now=self._now)


def _unties(records: Sequence[PendingRecord]) -> Iterator[Cypher]:
    rows = ((end, {"id": one.row["id"], "far": far}) for one in records for end, ids in one.untied for far in ids)
    return (write.remove_relationships(end, those) for end, those in _by_end(rows))


def _ties(records: Sequence[PendingRecord]) -> Iterator[Cypher]:
    rows = (
        (
            end,
            {"id": one.row["id"], "far": far, "props": {**write.known_states(values), "source": one.source, "run": ""}},
        )
        for one in records
        for end, ties in one.tied
        for far, values in ties.items()
    )
    return (write.put_relationships(end, those) for end, those in _by_end(rows))


def _by_end(rows: Iterable[tuple[End, Stored]]) -> Iterable[tuple[End, list[Stored]]]:
    found: dict[str, tuple[End, list[Stored]]] = {}
    for end, row in rows:
        found.setdefault(f"{end.kind}.{end.name}", (end, []))[1].append(row)
    return found.values()


Found = TypeVar("Found")
SIZE = 500
ANY = ""  # replaces the kind in reads of records of any kind


class RecordCache(Generic[Found]):
    """A cache that holds one type of value for each record, by the record's kind and id.

    `read` loads the values for several ids of a kind and returns those that exist.
    """

    def __init__(self, read: Callable[[str, Sequence[str]], Mapping[str, Found]]) -> None:
        self._read = read
        self._known: dict[tuple[str, str], Found | None] = {}

    def of(self, kind: str, one: str) -> Found | None:
        """Return the value for one id. If the record does not exist, return None."""
        return self.all_of(kind, [one])[one]

    def all_of(self, kind: str, those: Iterable[str]) -> dict[str, Found | None]:
        """Return the value for each id, in order. Raises StoreError.

        Values that are not in the cache are read in batches of SIZE.
        """
        wanted = list(dict.fromkeys(those))
        unread = [one for one in wanted if (kind, one) not in self._known]
        for start in range(0, len(unread), SIZE):
            some = unread[start : start + SIZE]
            found = self._read(kind, some)
            self._known |= {(kind, one): found.get(one) for one in some}
        return {one: self._known[kind, one] for one in wanted}

    def put(self, kind: str, one: str, found: Found) -> None:
        """Put the value for one record into the cache."""
        self._known[kind, one] = found

    def drop(self, kind: str, one: str) -> None:
        """Remove the value for one record from the cache."""
        self._known.pop((kind, one), None)


class RecordReader:
    """The cached reads of a transaction.

    The caches are keyed by kind and id: `states` holds the current records. `readers` holds the names of the readers of a
    record's summary. `taken` holds whether any record, of whatever kind, has an id.
    """

    def __init__(self, ask: Ask, actor: Actor) -> None:
        self._ask, self._actor = ask, actor
        self.states: RecordCache[RecordState] = RecordCache(self._states)
        self.readers: RecordCache[list[str]] = RecordCache(self._readers)
        self.taken: RecordCache[bool] = RecordCache(self._taken)
        self._names: dict[str, NameIndex] = {}

    def named_like(self, kind: type[Kind], name: str) -> IdsAndNames:
        """Among the records of a kind that the actor may see, return `(id, name)` of those with a possibly similar name.

        Raises StoreError.
        """
        if (known := self._names.get(kind.__name__)) is not None:
            return known.like(name)
        me, starts = self._actor.parameter(), beginnings(name)
        rows = self._ask(exploration.named_like(kind, starts, me, most=MOST)) if starts else [[[]]]
        named: IdsAndNames = rows[0][0]
        return named

    def read_names(self, kind: type[Kind]) -> None:
        """Read the names of all records of a kind in advance, because many names will be compared with them. Raises StoreError."""
        self._names[kind.__name__] = NameIndex(self._ask(exploration.names(kind, self._actor.parameter()))[0][0])

    def update(self, kind: type[Kind], row: Stored) -> None:
        """Update the caches with a record that is about to be written."""
        name, record = kind.__name__, row["id"]
        self.states.drop(name, record)
        self.readers.put(name, record, row["seen_by"])
        self.taken.put(ANY, record, True)
        if name in self._names:
            self._names[name].add(record, row["name"])

    def _states(self, kind: str, ids: Sequence[str]) -> dict[str, RecordState]:
        rows = self._ask(write.several(MODEL[kind], ids))
        return {one.id: one for row in rows if (one := read_state(MODEL[kind], [row]))}

    def _readers(self, kind: str, ids: Sequence[str]) -> dict[str, list[str]]:
        return dict(self._ask(write.summary_readers(MODEL[kind], ids))[0][0])

    def _taken(self, _any: str, ids: Sequence[str]) -> dict[str, bool]:
        return {one: True for (one,) in self._ask(write.ids_in_use(ids))}


Result = TypeVar("Result")


class ValidationFailed(Exception):
    """A change was rejected because of problems that the user can correct."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class MutationResult:
    """The result of a change: the record's kind, id and new version, or the problems that prevented the change."""

    kind: str
    record: str | None = None
    version: int | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class RequestContext:
    """The user who requests a change, the entry point (such as the API), and optionally an idempotency key."""

    actor: Actor
    how: str
    key: str | None = None
    request: Any = None  # the request as JSON values; an idempotency key may be used for one request only
    run: str | None = None  # the id of the load run

    def key_digests(self) -> Mapping[str, object]:
        """Return the digests of the idempotency key and of the request, as stored in the audit event.

        If there is no key, the mapping is empty.
        """
        return audit_events.key_digests(self.actor, self.key, self.request) if self.key else {}


class Transaction:
    """A transaction that reads the current values of records and writes their new values."""

    def __init__(self, ask: Ask, context: RequestContext) -> None:
        self.actor = context.actor
        self.at = now()
        self._ask, self._context = ask, context
        self._head = LogHead(*ask(audit_log.lock())[0])
        self.log_end = (
            [[self._head.number, self._head.hash]] if self._head.number else []
        )  # has the same format as audit_log.end
        self._events: list[AuditEvent] = []
        self._pending = WriteBuffer(self.at)
        self._requested_resources: dict[str, None] = {}  # the resources for which this transaction writes requests
        self.reading = RecordReader(self.run, context.actor)

    def run(self, cypher: Cypher) -> Rows:
        """Run a Cypher query and return its rows; the query sees all writes of this transaction. Raises StoreError."""
        self._write_pending()
        return self._ask(cypher)

    def find(self, kind: type[Kind], record: str) -> RecordState | None:
        """Return the current record with this id. If the record does not exist or the actor cannot see the record, return None."""
        state = self.get(kind, record)
        return state if state and can(self.actor, Action.VIEW_SUMMARY, state.properties) else None

    def get(self, kind: type[Kind], record: str) -> RecordState | None:
        """Return the current record with this id, without a permission check. If the record does not exist, return None."""
        return self.reading.states.of(kind.__name__, record)

    def is_taken(self, record: str) -> bool:
        """Return whether any record, of whatever kind, has this id."""
        return bool(self.reading.taken.of(ANY, record))

    def unknown(self, kind: str, ids: list[str]) -> list[str]:
        """Return the given ids for which the actor can see no record of this kind."""
        found = self.reading.readers.all_of(kind, ids)
        return [one for one in ids if not can(self.actor, Action.VIEW_SUMMARY, {"seen_by": found[one]})]

    def write(
        self,
        before: RecordState | None,
        after: RecordState,
        what: str,
        note: str | None = None,
        *,
        source: str = BY_HAND,
    ) -> RecordState:
        """Write the new, cleaned values of a record, and an audit event with the difference.

        The record then belongs to `source`. If the terms of an agreement changed, its parties' confirmations are removed. The
        method returns the record with its new version. If the values are unchanged, nothing is written. Raises ValidationFailed if
        the change would break a rule.
        """
        old = before or empty_state(after.kind)
        after = without_outdated_confirmations(old, after)
        lost, gained = difference(old, after)
        if not lost and not gained:
            return after
        if problems := list(broken_rules(self, before, after)):
            raise ValidationFailed(*problems)
        if source == BY_HAND:
            self._ensure_source()
        record = _as_record(after, before)
        row = write.stored(record)
        if after.properties.get("status") == "retired":
            row = {**row, **_readers(old)}
        self._buffer(row, old, after, source)
        self.log(what, after.kind, after.id, (lost, gained), steward=after.properties.get("steward"), note=note)
        return replace(after, properties={**after.properties, "version": old.version + 1})

    def earlier_result(self) -> MutationResult | None:
        """Return the result of an earlier change with the same idempotency key. If no earlier change used the key, return None.

        Raises ValidationFailed if the key was used for another request.
        """
        digests = self._context.key_digests()
        rows = self.run(audit_log.by_key(str(digests["key"]))) if digests else []
        if not rows:
            return None
        ((record, kind, request),) = rows
        if request != digests["asked"]:
            message = _("This key was already used for another change. Use a new key.")
            raise ValidationFailed(
                Problem("KEY_REUSED", "key", str(self._context.key), _("a new key for each change"), message)
            )
        state = self.find(MODEL[kind], record)
        return MutationResult(kind, record, state.version if state else None)

    def log(
        self,
        what: str,
        kind: type[Kind],
        record: str,
        difference: tuple[Difference, Difference],
        *,
        steward: object = None,
        note: str | None = None,
    ) -> None:
        """Add an event to the audit log; `difference` is the pair of values before and after the change."""
        lost, gained = difference
        values: Mapping[str, object] = {
            "at": self.at,
            "actor": self.actor.name,
            "how": self._context.how,
            "run": self._context.run,
            "what": what,
            "record": record,
            "record_kind": kind.__name__,
            "note": note,
            "before": audit_events.difference_json(kind, record, lost, self.run),
            "after": audit_events.difference_json(kind, record, gained, self.run),
            **self._context.key_digests(),
        }
        event = new_event(self._head, values, str(steward) if steward else None)
        self._events.append(event)
        self._head = LogHead(self._head.number + 1, str(event["own_hash"]))

    def close(self) -> None:
        """Write everything that is still pending: records, derived relationships and audit events."""
        self.follow_requests(list(self._requested_resources))
        if self._events:
            self.run(audit_log.append(self._events))

    def follow_requests(self, resources: list[str]) -> None:
        """Update the recorded uses of the given resources, so that they match the accepted requests."""
        if resources:
            self.run(write.remove_stale_uses(resources))
            self.run(write.put_uses(resources))

    def _buffer(self, row: Stored, old: RecordState, after: RecordState, source: str) -> None:
        if after.id in self._pending:
            self._write_pending()
        tied, untied = [], []
        for end in write.own_ends(after.kind):
            was, will_be = old.ties.get(end.name, {}), after.ties.get(end.name, {})
            if new := ties_beyond(will_be, was):
                tied.append((end, new))
            if gone := [far for far in was if far not in will_be]:
                untied.append((end, gone))
        self._pending.add(PendingRecord(after.kind, row, source, tied, untied))
        if after.kind is Request:
            self._requested_resources |= dict.fromkeys([*old.ties["resource"], *after.ties["resource"]])
        self.reading.update(after.kind, row)

    def _write_pending(self) -> None:
        for pending in self._pending.take():
            self._ask(pending)

    def _ensure_source(self) -> None:
        if not self._events:
            record, _problems = make_record(Source, {"id": BY_HAND, "name": "Registered by hand"})
            assert record is not None
            self.run(write.upsert(Source, [record], source=BY_HAND, run="", now=self.at))


def in_transaction(store: Store, context: RequestContext, work: Callable[[Transaction], Result]) -> Result:
    """Run the function `work` in one transaction and write its audit events. Raises StoreError.

    An exception in `work` rolls the transaction back.
    """
    for attempt in range(TRIES):
        transactions: list[Transaction] = []
        try:
            return store.change(partial(_run, transactions, context, work))
        except StoreError:
            raise
        except Exception:
            if attempt + 1 == TRIES or not transactions or not _has_conflict(store, transactions[-1]):
                raise
    raise AssertionError


def _run(
    transactions: list[Transaction], context: RequestContext, work: Callable[[Transaction], Result], ask: Ask
) -> Result:
    transactions.append(transaction := Transaction(ask, context))
    result = work(transaction)
    transaction.close()
    return result


def _has_conflict(store: Store, transaction: Transaction) -> bool:
    """Return whether another transaction was committed while the failed transaction ran.

    The embedded engine does not lock and detects conflicts only at commit. The failed transaction may therefore have read some
    records before the other commit and some after it.
    """
    return store.dialect.embedded and store.read(audit_log.last_event()) != transaction.log_end


def change(
    store: Store, context: RequestContext, kind: type[Kind], work: Callable[[Transaction], RecordState]
) -> MutationResult:
    """Run the function `work` in one transaction and return its result. Raises StoreError.

    A repeated request returns the result of the earlier request. If `work` finds problems, they are returned in the result and
    nothing is written.
    """

    def unless_repeated(transaction: Transaction) -> MutationResult:
        if done := transaction.earlier_result():
            return done
        state = work(transaction)
        return MutationResult(kind.__name__, state.id, state.version)

    try:
        return in_transaction(store, context, unless_repeated)
    except ValidationFailed as failure:
        return MutationResult(kind.__name__, problems=failure.problems)


def clean_input(value: type[Value], raw: str, field: str) -> str:
    """Return the cleaned form of a text that a user gave. Raises ValidationFailed if the text is invalid."""
    try:
        return str(value.clean(raw) or "")
    except InvalidValue as error:
        raise ValidationFailed(Problem("UNFIT", field, show(raw), error.rule, str(error))) from None


def _as_record(state: RecordState, before: RecordState | None) -> Record:
    record, problems = make_record(state.kind, state.given(), before=before.given() if before else None)
    if record is None:
        raise ValidationFailed(*problems)
    return record


def _readers(state: RecordState) -> dict[str, object]:
    """Return the readers of a record that is being retired. The readers stay the same, because retiring must not reveal a record."""
    return {name: state.properties[name] for name in ("seen_by", "shown_to")}
