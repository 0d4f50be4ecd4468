"""Undo a load: retire the records it created and restore the values it changed or pruned."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import orjson

from loaders.result import LoadAborted
from loaders.staging import LINKS, link_name
from loaders.validate import BATCH
from loaders.writer import RunLog
from registry.clock import now
from registry.database import audit_log, load_queries
from registry.database.driver import Store
from registry.database.write import BY_HAND
from registry.model.definitions import MODEL
from registry.mutations.revisions import revert
from registry.mutations.transaction import Transaction
from registry.mutations.transaction import ValidationFailed as Conflict
from registry.progress import Progress, silent

Entry = Mapping[str, Any]
LINK = {link_name(link): link for link in LINKS}


def undo_load(store: Store, run: str, progress: Progress = silent) -> Counter[str]:
    """Undo all changes of a load, the newest change first. A record that was changed after the load keeps its current values.

    Returns the number of `undone` changes, and the number of changes that were `left` as they are. An interrupted undo can be run
    again. Raises LoadAborted if the run is unknown or changed nothing, and StoreError.
    """
    run_log, counts = RunLog(store, f"undo:{run}"[:100], began=now()), Counter[str]()
    done = 0
    for entries in _entries(store, run):
        counts.update(run_log.transaction(partial(_undo, run_log=run_log, run=run, entries=entries)))
        done += len(entries)
        progress("Undoing changes", done, 0)
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
    """Undo one audit event that covers many changes: the records that a load created, or the first relationships of a link."""
    made = orjson.loads(entry["after"])
    kind = MODEL[entry["record_kind"]]
    if ids := made.get("created"):
        gone = transaction.run(load_queries.retire_of_run(kind, ids, run=run, other=BY_HAND, now=transaction.at))[0][0]
        run_log.retired(transaction, kind, gone)
        return len(gone)
    removed = 0
    for name, count in made.get("tied", {}).items():
        ties = transaction.run(load_queries.remove_relationships_of_run(LINK[name], run=run, size=count))[0][0]
        run_log.links_changed(transaction, LINK[name], ties)
        removed += len(ties)
    return removed
