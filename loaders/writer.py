"""Write staged records and their audit events in batches, then prune records that the source no longer has.

A batch that is written twice has the same effect as a batch that is written once.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar

import psutil

from loaders.removals import is_pruned
from loaders.result import LoadAborted, Tally
from loaders.source import SourceDefinition
from loaders.staging import LINKS, LOADED, Staging, declared_end, is_single, link_name
from loaders.validate import BATCH, LoadContext
from registry.clock import now
from registry.database import load_queries, write
from registry.database.driver import Cypher, Store, StoreError
from registry.database.write import Stored
from registry.model.definitions import MODEL, Request, Run
from registry.model.definitions import Source as SourceKind
from registry.model.kinds import End, Kind, Link
from registry.model.records import Record, make_record
from registry.mutations.audit_events import (
    LINK_CHANGES,
    Difference,
    RecordState,
    Relationships,
    difference,
    link_properties,
    ties_beyond,
    without_confirmations,
)
from registry.mutations.transaction import RequestContext, Transaction, in_transaction
from registry.permissions import ADMIN
from registry.progress import Progress

Result = TypeVar("Result")
SIZE = 500
WRITING = "Writing records and links"
Given = Mapping[str, Any]
StoredLink = tuple[str, str, Mapping[str, object]]  # id at the start, id at the end, properties


class RunLog:
    """Writes the batches of one load; each batch is a transaction that also writes its audit events."""

    def __init__(self, store: Store, run: str, *, began: str) -> None:
        self._store, self._run, self._began = store, run, began
        self._context = RequestContext(ADMIN, "load", run=run)

    def transaction(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in a transaction that also writes its audit events. Raises StoreError."""
        return in_transaction(self._store, self._context, work)

    def follow_requests(self) -> None:
        """Update the stored `USES` relationships that accepted requests create. Raises StoreError."""
        resources: list[str] = list(dict.fromkeys(self._store.read(write.with_requests())[0][0]))
        for start in range(0, len(resources), SIZE):
            some = resources[start : start + SIZE]
            self.transaction(lambda transaction, some=some: transaction.follow_requests(some))  # type: ignore[misc]

    def created(self, transaction: Transaction, kind: type[Kind], ids: Sequence[str]) -> None:
        """Log the creation of records in a single audit event that lists only their ids."""
        if ids:
            transaction.log("created", kind, self._run, ({}, {"created": list(ids)}))

    def changed(
        self, transaction: Transaction, kind: type[Kind], before: Mapping[str, Given], rows: Iterable[Stored]
    ) -> None:
        """Log an audit event for each changed record, with the values that differ."""
        terms = [name for name, one in kind.properties.items() if one.agreement_term]
        other_terms = []
        for row in rows:
            old = before.get(str(row["id"]))
            if old is not None:
                changes = difference(RecordState(kind, old), RecordState(kind, row))
                transaction.log("changed", kind, str(row["id"]), changes, steward=row.get("steward"))
                if any(old.get(name) != row.get(name) for name in terms):
                    other_terms.append(str(row["id"]))
        self._void_confirmations(transaction, kind, other_terms)

    def retired(self, transaction: Transaction, kind: type[Kind], gone: Iterable[tuple[str, str, str | None]]) -> None:
        """Log the retirement of records; each record is given by its id, previous status and steward."""
        for record, status, steward in gone:
            transaction.log("retired", kind, record, ({"status": status}, {"status": "retired"}), steward=steward)

    def first_links(self, transaction: Transaction, link: Link, count: int, rows: Sequence[Stored]) -> None:
        """Log the first relationships of a link in a single audit event that has only the number of relationships.

        `rows` are those of them that may belong to agreements from before the load.
        """
        end = declared_end(link)
        if count:
            transaction.log("tied", MODEL[end.kind], self._run, ({}, {"tied": {link_name(link): count}}))
        if link.agreement_term:
            self._void_confirmations(
                transaction, MODEL[end.kind], list({row["from" if end.outgoing else "to"]: None for row in rows})
            )

    def links_changed(
        self, transaction: Transaction, link: Link, before: Iterable[StoredLink], after: Iterable[Stored] = ()
    ) -> None:
        """Log added, changed and removed relationships; each record that owns some of them gets one audit event."""
        end = declared_end(link)
        given: Iterable[Any] = ((row["from"], row["to"], row["props"]) for row in after)
        old, new = _by_record(end, before), _by_record(end, given)
        other_terms = []
        for record in {**old, **new}:
            was = old.get(record, {})
            is_now = {
                far: _written_properties(end, was.get(far), values) for far, values in new.get(record, {}).items()
            }
            lost, gained = ties_beyond(was, is_now), ties_beyond(is_now, was)
            if lost or gained:
                transaction.log("tied", MODEL[end.kind], record, (_linked(end, lost), _linked(end, gained)))
                other_terms.append(record)
        if link.agreement_term:
            self._void_confirmations(transaction, MODEL[end.kind], other_terms)

    def _void_confirmations(self, transaction: Transaction, kind: type[Kind], records: Sequence[str]) -> None:
        """Remove the confirmations of an agreement if the load changed the content of the agreement, and log the removal.

        The method skips agreements that the load itself created.
        """
        for end in write.own_ends(kind) if records else ():
            if any(one.by_action for one in end.link.properties.values()):
                gone = transaction.run(load_queries.clear_action_properties(end, records, before=self._began))[0][0]
                for record, said in _by_record(end, gone).items():
                    lost, left = _linked(end, said), _linked(end, without_confirmations(end.link, said))
                    transaction.log("tied", kind, record, (lost, left))


def _by_record(end: End, ties: Iterable[StoredLink]) -> dict[str, Relationships]:
    found: dict[str, Relationships] = {}
    for start, finish, values in ties:
        here, there = (start, finish) if end.outgoing else (finish, start)
        found.setdefault(here, {})[there] = link_properties(end.link, values)
    return found


def _written_properties(
    end: End, before: Mapping[str, object] | None, after: Mapping[str, object]
) -> dict[str, object]:
    """Return the properties with which a relationship is written.

    If the relationship already exists, properties that were set by a record action keep their values.
    """
    if before is None:
        return dict(after)
    by_action = {name: before[name] for name, one in end.link.properties.items() if one.by_action and name in before}
    return {**without_confirmations(end.link, {"": dict(after)})[""], **by_action}


def _linked(end: End, ties: Relationships) -> Difference:
    return {LINK_CHANGES: {end.name: ties}} if ties else {}


def compare(context: LoadContext) -> None:
    """Count what `BatchWriter.write` would create, change and retire, without writing anything."""
    source, staging, store, tally = context.source, context.staging, context.store, context.tally
    for kind in LOADED:
        retired = context.before[kind].alive - _compare_records(kind, source, staging, store, tally)
        if context.prune and retired:
            tally.retired[kind.plural] = retired
    for link in LINKS:
        removed = (_removed if context.prune and is_pruned(link, source, staging) else _replaced)(
            link, source, staging, store
        )
        if removed:
            tally.links_removed[link_name(link)] = removed
        for rows in staging.links(link_name(link), BATCH):
            tally.links_written[link_name(link)] += len(rows)


def _removed(link: Link, source: SourceDefinition, staging: Staging, store: Store) -> int:
    """Return how many stored relationships of this source would be removed because the source no longer supplies them."""
    given = (
        load_queries.count_existing_relationships(link, rows, source=source.id)
        for rows in staging.links(link_name(link), BATCH)
    )
    total: int = store.read(load_queries.count_relationships(link, source=source.id))[0][0]
    return total - sum(int(store.read(one)[0][0]) for one in given)


def _replaced(link: Link, source: SourceDefinition, staging: Staging, store: Store) -> int:
    """Return how many stored relationships of this source are replaced because the link allows only one for each record."""
    if not is_single(link):
        return 0
    given = (
        load_queries.count_outdated_relationships(link, rows, source=source.id)
        for rows in staging.links(link_name(link), BATCH)
    )
    return sum(int(store.read(one)[0][0]) for one in given)


def _compare_records(kind: type[Kind], source: SourceDefinition, staging: Staging, store: Store, tally: Tally) -> int:
    """Count the records to create, to change and to leave unchanged; return how many active records the source still has."""
    alive = 0
    for rows in staging.records(kind.__name__, BATCH):
        found = {one: rest for one, *rest in _stored_owners(kind, [str(row["id"]) for row in rows], store)}
        for row in rows:
            _, digest, status = found.get(str(row["id"]), (None, None, "retired"))
            counter = tally.created if digest is None else tally.unchanged if digest == row["hash"] else tally.changed
            counter[kind.plural] += 1
            alive += status != "retired"
    for ids in staging.protected(kind.__name__, BATCH):
        alive += sum(
            owner == source.id and status != "retired" for _, owner, _, status in _stored_owners(kind, ids, store)
        )
    return alive


def _stored_owners(kind: type[Kind], ids: list[str], store: Store) -> list[tuple[str, str, str, str]]:
    found: list[tuple[str, str, str, str]] = store.read(load_queries.stored_states(kind, ids))[0][0]
    return found


LEASE_SECONDS = 120


class Lease:
    """The exclusive right of a load to write its source, stored in the graph and renewed until the `with` block ends.

    The lease of a crashed run ends at once if its process is known to have ended. Otherwise, for example if the process ran on
    another machine, the lease expires after `LEASE_SECONDS` seconds.
    """

    def __init__(self, store: Store, source: str, run: str) -> None:
        self._store = store
        self._source = source
        self._run = run
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew_until_ended, daemon=True)

    def __enter__(self) -> Self:
        """Acquire the lease. Raises LoadAborted if another load of the source holds the lease."""
        holder, since, process = self._acquire()
        if holder != self._run and _is_gone(process):
            holder, since, _ = self._acquire(ended=holder)
        if holder != self._run:
            raise LoadAborted(
                f"Another run of {self._source} has been in progress since {since}. Wait until it ends;"
                f" if it was interrupted, wait {LEASE_SECONDS} seconds."
            )
        self._renewing.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._renewing.join()
        with suppress(StoreError):
            self._store.write(load_queries.release_lease(self._source, run=self._run))

    def check(self) -> None:
        """Raise StoreError if the lease was lost, for example because the machine was suspended."""
        if not self._renew():
            raise StoreError(
                "LEASE_LOST",
                f"Another run of {self._source} started while this one was paused. Nothing was retired. Run the load again.",
            )

    def _acquire(self, ended: str = "") -> tuple[str, str, str]:
        statement = load_queries.take_lease(
            self._source,
            run=self._run,
            process=process_name(os.getpid()),
            now=now(),
            lasts=LEASE_SECONDS * 1000,
            ended=ended,
        )
        ((holder, since, process),) = self._store.write(statement)[0]
        return holder, since, process

    def _renew_until_ended(self) -> None:
        while not self._ended.wait(LEASE_SECONDS / 4):
            with suppress(StoreError):
                self._renew()

    def _renew(self) -> bool:
        renewed = load_queries.renew_lease(self._source, run=self._run, lasts=LEASE_SECONDS * 1000)
        return bool(self._store.write(renewed)[0][0][0])


def process_name(pid: int) -> str:
    """Return a unique name for a running process, made of host, boot time, process id and start time."""
    return f"{socket.gethostname()} {psutil.boot_time():.0f} {pid} {psutil.Process(pid).create_time():.0f}"


def _is_gone(process: str) -> bool:
    """Return whether a process has ended. Return False for a process on another machine, because its end cannot be detected."""
    machine, boot, pid, _began = process.split(" ")
    if (machine, boot) != (socket.gethostname(), f"{psutil.boot_time():.0f}"):
        return False
    try:
        return process_name(int(pid)) != process
    except psutil.NoSuchProcess:
        return True


class BatchWriter:
    """Writes the staged records and relationships of one load."""

    def __init__(self, context: LoadContext, run: str, progress: Progress) -> None:
        self._context, self._run, self._progress, self._started = context, run, progress, now()
        self._written, self._total = 0, context.staging.count()
        self._source, self._before, self._tally = context.source, context.before, context.tally
        self._staging, self._store = context.staging, context.store
        self._log = RunLog(context.store, run, began=self._started)

    def write(self, lease: Lease) -> None:
        """Write the source, the run, all records and all relationships; then prune, and mark the run as finished.

        Raises StoreError instead of pruning if the lease was lost.
        """
        self._put(SourceKind, _source_record(self._source))
        self._put(Run, self._run_record())
        self._tally.unchanged.update(self._context.unchanged_records)
        self._tally.links_written.update(self._context.unchanged_links)
        for kind in LOADED:
            self._records(kind)
        for link in LINKS:
            self._links(link)
        lease.check()
        if self._context.baseline:
            self._remove_noted_links()
        elif self._context.prune:
            self._prune()
        if self._before[Request].total or self._tally.created[Request.plural]:
            self._log.follow_requests()
        self._put(Run, self._run_record(finished=now()))

    def _records(self, kind: type[Kind]) -> None:
        write_rows = self._change if self._before[kind].ours else self._create
        for rows in self._staging.records(kind.__name__, BATCH):
            write_rows(kind, rows)
            self._advance(len(rows))

    def _advance(self, more: int) -> None:
        self._written += more
        self._progress(WRITING, self._written, self._total)

    def _create(self, kind: type[Kind], rows: Sequence[Stored]) -> None:
        def work(transaction: Transaction) -> None:
            transaction.run(write.first_rows(kind, rows, source=self._source.id, run=self._run, now=self._started))
            self._log.created(transaction, kind, [str(row["id"]) for row in rows])

        self._log.transaction(work)
        self._tally.created[kind.plural] += len(rows)

    def _change(self, kind: type[Kind], rows: Sequence[Stored]) -> None:
        def work(transaction: Transaction) -> list[tuple[str, str, int]]:
            before = {one["id"]: one for one in transaction.run(load_queries.differing(kind, rows))[0][0]}
            upsert = write.upsert_rows(kind, rows, source=self._source.id, run=self._run, now=self._started)
            done: list[tuple[str, str, int]] = transaction.run(upsert)[0][0]
            self._log.created(transaction, kind, [record for record, what, _ in done if what == "created"])
            self._log.changed(transaction, kind, before, rows)
            return done

        counters = {"created": self._tally.created, "changed": self._tally.changed, "unchanged": self._tally.unchanged}
        for _, what, _ in self._log.transaction(work):
            counters[what][kind.plural] += 1

    def _links(self, link: Link) -> None:
        name, of_others = link_name(link), 0
        for rows in self._staging.links(name, BATCH):
            written = (
                self._change_links(link, rows) if self._before.may_have_links(link) else self._first_links(link, rows)
            )
            self._tally.links_written[name] += written
            of_others += len(rows) - written
            self._advance(len(rows))
        if of_others:
            self._tally.is_steady = False
            self._tally.note(f"Links {name} that belong to other sources: {of_others}; they are unchanged.")

    def _first_links(self, link: Link, rows: Sequence[Stored]) -> int:
        had_records = self._before[MODEL[declared_end(link).kind]].total

        def work(transaction: Transaction) -> int:
            ties = write.create_relationship_rows(link, rows, source=self._source.id, run=self._run)
            written: int = transaction.run(ties)[0][0]
            self._log.first_links(transaction, link, written, rows if had_records else ())
            return written

        return self._log.transaction(work)

    def _change_links(self, link: Link, rows: Sequence[Stored]) -> int:
        """Write relationships, and return how many of the written relationships this source owns.

        If the link allows a record only one relationship, the new relationship replaces the old one.
        """
        single = is_single(link)

        def work(transaction: Transaction) -> tuple[int, int]:
            before = transaction.run(load_queries.existing_relationships(link, rows))[0][0]
            ours = [tie for tie in before if tie[2].get("source") == self._source.id]
            removed = (
                transaction.run(load_queries.remove_outdated_relationships(link, rows, source=self._source.id))[0][0]
                if single
                else []
            )
            ties = write.upsert_relationship_rows(link, rows, source=self._source.id, run=self._run, single=single)
            written = {(start, end) for start, end, owner in transaction.run(ties)[0][0] if owner == self._source.id}
            after = [row for row in rows if (row["from"], row["to"]) in written]
            self._log.links_changed(transaction, link, [*ours, *removed], after)
            return len(removed), len(written)

        removed, written = self._log.transaction(work)
        if removed:
            self._tally.links_removed[link_name(link)] += removed
        return written

    def _prune(self) -> None:
        for kind in LOADED:
            if self._before[kind].alive:
                self._retire(kind)
        for link in LINKS:
            if self._before.may_have_links(link) and is_pruned(link, self._source, self._staging):
                self._remove_links(link)

    def _retire(self, kind: type[Kind]) -> None:
        for ids in self._staging.protected(kind.__name__, BATCH):
            self._store.write(load_queries.mark_seen(kind, ids, source=self._source.id, run=self._run))
        text = load_queries.retire(kind, source=self._source.id, run=self._run, now=self._started, size=BATCH)

        def work(transaction: Transaction) -> int:
            gone = transaction.run(text)[0][0]
            self._log.retired(transaction, kind, gone)
            return len(gone)

        while retired := self._log.transaction(work):
            self._tally.retired[kind.plural] += retired

    def _remove_links(self, link: Link) -> None:
        text = load_queries.prune_relationships(link, source=self._source.id, run=self._run, size=BATCH)

        def work(transaction: Transaction) -> int:
            gone = transaction.run(text)[0][0]
            self._log.links_changed(transaction, link, gone)
            return len(gone)

        while removed := self._log.transaction(work):
            self._tally.links_removed[link_name(link)] += removed

    def _remove_noted_links(self) -> None:
        for link in LINKS:
            for rows in self._staging.removed(link_name(link), BATCH):
                text = load_queries.remove_given_relationships(link, rows, source=self._source.id)

                def work(transaction: Transaction, link: Link = link, text: Cypher = text) -> int:
                    gone = transaction.run(text)[0][0]
                    self._log.links_changed(transaction, link, gone)
                    return len(gone)

                self._tally.links_removed[link_name(link)] += self._log.transaction(work)

    def _put(self, kind: type[Kind], record: Record) -> None:
        self._store.write(write.upsert(kind, [record], source=self._source.id, run=self._run, now=now()))

    def _run_record(self, finished: str | None = None) -> Record:
        return _record_of(
            Run,
            id=self._run,
            started=self._started,
            finished=finished,
            rows_read=self._tally.rows_read.total(),
            records_created=self._tally.created.total(),
            records_changed=self._tally.changed.total(),
            records_retired=self._tally.retired.total(),
            rows_left_out=self._tally.rows_left_out,
        )


def _source_record(source: SourceDefinition) -> Record:
    return _record_of(
        SourceKind,
        id=source.id,
        name=source.name,
        publisher=source.publisher,
        licence=source.licence,
        format=source.format,
        website=source.website,
        illustrative=source.illustrative or None,
    )


def _record_of(kind: type[Kind], **values: object) -> Record:
    record, problems = make_record(kind, values)
    if record is None:
        raise ValueError(f"{kind.__name__} is invalid: {problems}")
    return record
