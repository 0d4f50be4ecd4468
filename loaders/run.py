"""Run one load, and undo one: read, map, validate, stage, check, write, prune."""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from loaders.removals import Removals
from loaders.result import LoadAborted, LoadResult, RowProblem, Tally
from loaders.rows import SourceRow
from loaders.source import TABLES, Mapped, MapRow, SourceDefinition
from loaders.staging import LINK_NAMES, LINKS, Staging, link_name
from loaders.tables import open_tables
from loaders.validate import BATCH, Checks, LoadContext, RowValidator, StoredCounts
from loaders.writer import BatchWriter, Lease, RunLog, compare
from registry.clock import current_time, now
from registry.database import audit_log, write
from registry.database.driver import Store
from registry.database.write import BY_HAND
from registry.model.definitions import MODEL
from registry.mutations.revisions import revert
from registry.mutations.transaction import Transaction
from registry.mutations.transaction import ValidationFailed as Conflict
from registry.progress import Progress, silent

EVERY = 1_000


def run(
    store: Store,
    source: SourceDefinition,
    *,
    from_path: Path | None = None,
    dry_run: bool = False,
    prune: bool = True,
    retire_most: bool = False,
    progress: Progress = silent,
) -> LoadResult:
    """Load a source and return the result.

    Everything is read and checked before anything is written: an aborted run writes nothing, and a `dry_run` stops there.
    With `prune`, records of an earlier run that the source no longer has are retired. A run that would retire more than half
    of a kind, or clear more than half of its values or links, is aborted unless `retire_most`; so is a second run at the same
    time. An interrupted run can be repeated. Raises StoreError.
    """
    name, tally = _run_id(source), Tally()

    def prepare(staging: Staging) -> LoadContext:
        read(source, from_path, staging, tally, progress)
        context = LoadContext(source, staging, store, StoredCounts(source, store), tally, prune)
        Checks(context).run(retire_most=retire_most)
        removals = Removals(context)
        removals.preserve_unmentioned()
        removals.check(retire_most=retire_most)
        return context

    try:
        with Staging(source.repeated) as staging:
            if dry_run:
                compare(prepare(staging))
            else:
                with Lease(store, source.id, name) as lease:
                    BatchWriter(prepare(staging), name, progress).write(lease)
    except LoadAborted as error:
        return tally.result(source.id, name, dry_run=dry_run, refused=str(error))
    return tally.result(source.id, name, dry_run=dry_run)


def read(source: SourceDefinition, from_path: Path | None, staging: Staging, tally: Tally, progress: Progress) -> None:
    """Read, map, validate and stage every table of the source. Raises LoadAborted."""
    validator = RowValidator(source, staging, tally)
    for table, map_row in open_tables(source, from_path, tally.note):
        tally.rows_read[table.file] += 0
        if source.format == TABLES and table.name in LINK_NAMES.values():
            staging.supply_link(table.name)
        for number, row in enumerate(table.rows, start=1):
            tally.rows_read[table.file] = number
            if isinstance(row, RowProblem):
                tally.add(row)
            else:
                validator.take(row, _mapped(map_row, row, source))
            if number % EVERY == 0:
                progress(table.file, EVERY)


def _mapped(map_row: MapRow, row: SourceRow, source: SourceDefinition) -> list[Mapped]:
    try:
        return list(map_row(row))
    except LoadAborted:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise LoadAborted(f"The mapping of {source.id} failed at {row.file}, row {row.number}: {what}.") from error


def _run_id(source: SourceDefinition) -> str:
    return f"run:{source.id}:{current_time():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


Entry = Mapping[str, Any]
LINK = {link_name(link): link for link in LINKS}


def undo_load(store: Store, run: str, progress: Progress = silent) -> Counter[str]:
    """Undo all changes of a run, newest first; records changed since keep their current values.

    Returns the number of changes `undone` and `left`. An interrupted undo can be run again. Raises LoadAborted if the run
    changed nothing or is unknown, and StoreError.
    """
    run_log, counts = RunLog(store, f"undo:{run}"[:100], began=now()), Counter[str]()
    for entries in _entries(store, run):
        counts.update(run_log.transaction(partial(_undo, run_log=run_log, run=run, entries=entries)))
        progress("changes", len(entries))
    if not counts:
        raise LoadAborted(f"No changes of a run {run} were found. `registry audit show` lists the runs.")
    run_log.follow_requests()
    return counts


def _entries(store: Store, run: str) -> Iterator[list[Entry]]:
    before = 2**53
    while page := store.read(audit_log.of_run(run, before=before, size=BATCH)):
        yield [entry for (entry,) in page]
        before = page[-1][0]["number"]


def _undo(transaction: Transaction, run_log: RunLog, run: str, entries: list[Entry]) -> Counter[str]:
    counts = Counter[str]()
    for entry in entries:
        if entry["record"] == run:
            counts["undone"] += _undo_batch(transaction, run_log, run, entry)
        else:
            counts["undone" if _undo_one(transaction, entry) else "left"] += 1
    return counts


def _undo_one(transaction: Transaction, entry: Entry) -> bool:
    state = transaction.get(MODEL[entry["record_kind"]], entry["record"])
    try:
        return state is not None and bool(revert(transaction, state, entry))
    except Conflict:
        return False


def _undo_batch(transaction: Transaction, run_log: RunLog, run: str, entry: Entry) -> int:
    """Undo a batch event: records that the run created, or the first relationships of a link."""
    made = orjson.loads(entry["after"])
    kind = MODEL[entry["record_kind"]]
    if ids := made.get("created"):
        gone = transaction.run(write.retire_of_run(kind, ids, run=run, other=BY_HAND, now=transaction.at))[0][0]
        run_log.retired(transaction, kind, gone)
        return len(gone)
    removed = 0
    for name, count in made.get("tied", {}).items():
        ties = transaction.run(write.remove_relationships_of_run(LINK[name], run=run, size=count))[0][0]
        run_log.links_changed(transaction, LINK[name], ties)
        removed += len(ties)
    return removed
