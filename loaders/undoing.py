"""Undo a load: what it made is retired, what it changed is as before, what it retired or untied is there again."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import orjson

from loaders.checks import BATCH
from loaders.outcome import Refused
from loaders.progress import Progress, silent
from loaders.recording import Recording
from loaders.staging import LINKS, link_name
from registry.changing.turn import Refused as Conflict
from registry.changing.turn import Turn
from registry.changing.undoing import undone
from registry.clock import now
from registry.cypher import chain, leaving
from registry.cypher.states import BY_HAND
from registry.model import MODEL
from registry.store import Store

Entry = Mapping[str, Any]
LINK = {link_name(link): link for link in LINKS}


def undo_load(store: Store, run: str, progress: Progress = silent) -> Counter[str]:
    """Undo all that a run changed, newest first; what somebody changed since stays as they left it.

    Returns how many changes were `undone` and how many are `left`. It may be run again when it was cut off. Raises
    Refused when no such run changed anything, and StoreError.
    """
    recording, counts = Recording(store, f"undo:{run}"[:100], began=now()), Counter[str]()
    for entries in _entries(store, run):
        counts.update(recording.turn(partial(_undo, recording=recording, run=run, entries=entries)))
        progress("changes", len(entries))
    if not counts:
        raise Refused(f"No run {run} changed anything; registry audit show names the runs.")
    recording.follow_requests()
    return counts


def _entries(store: Store, run: str) -> Iterator[list[Entry]]:
    before = 2**53
    while page := store.read(chain.of_run(run, before=before, size=BATCH)):
        yield [entry for (entry,) in page]
        before = page[-1][0]["number"]


def _undo(turn: Turn, recording: Recording, run: str, entries: list[Entry]) -> Counter[str]:
    counts = Counter[str]()
    for entry in entries:
        if entry["record"] == run:
            counts["undone"] += _undo_batch(turn, recording, run, entry)
        else:
            counts["undone" if _undo_one(turn, entry) else "left"] += 1
    return counts


def _undo_one(turn: Turn, entry: Entry) -> bool:
    state = turn.look(MODEL[entry["record_kind"]], entry["record"])
    try:
        return state is not None and bool(undone(turn, state, entry))
    except Conflict:
        return False


def _undo_batch(turn: Turn, recording: Recording, run: str, entry: Entry) -> int:
    """Undo what one entry tells of many: records that the run made, or the ties of a link that had none before."""
    made = orjson.loads(entry["after"])
    kind = MODEL[entry["record_kind"]]
    if ids := made.get("created"):
        gone = turn.ask(leaving.retire_again(kind, ids, run=run, other=BY_HAND, now=turn.at))[0][0]
        recording.retired(turn, kind, gone)
        return len(gone)
    removed = 0
    for name, count in made.get("tied", {}).items():
        ties = turn.ask(leaving.untie_run(LINK[name], run=run, size=count))[0][0]
        recording.retied(turn, LINK[name], ties)
        removed += len(ties)
    return removed
