"""What a run would write, counted without writing it."""

from loaders.checks import BATCH, LINKS, LOADED
from loaders.outcome import Tally
from loaders.source import Source
from loaders.staging import Staging, link_name
from registry.cypher import write
from registry.modelling import Kind
from registry.store import Store


def compare(source: Source, staging: Staging, store: Store, tally: Tally, *, sweep: bool) -> None:
    """Count what `Writing.write` would do, and write nothing."""
    for kind in LOADED:
        _compare_records(kind, source, staging, store, tally, sweep=sweep)
    for link in LINKS:
        name = link_name(link)
        standing = 0
        for rows in staging.ties(name, BATCH):
            tally.ties_written[name] += len(rows)
            standing += store.read(write.standing_ties(link, rows, source=source.id))[0][0] if sweep else 0
        gone = store.read(write.held_ties(link, source=source.id))[0][0] - standing if sweep else 0
        if gone:
            tally.ties_removed[name] = gone


def _compare_records(
    kind: type[Kind], source: Source, staging: Staging, store: Store, tally: Tally, *, sweep: bool
) -> None:
    alive = 0
    for rows in staging.records(kind.__name__, BATCH):
        before = {one: rest for one, *rest in store.read(write.standing(kind, [str(row["id"]) for row in rows]))[0][0]}
        for row in rows:
            _, digest, status = before.get(str(row["id"]), (None, None, "retired"))
            counter = tally.created if digest is None else tally.unchanged if digest == row["hash"] else tally.changed
            counter[kind.plural] += 1
            alive += status != "retired"
    for ids in staging.spared(kind.__name__, BATCH):
        found = store.read(write.standing(kind, ids))[0][0]
        alive += sum(owner == source.id and status != "retired" for _, owner, _, status in found)
    gone = store.read(write.held(kind, source=source.id))[0][2] - alive if sweep else 0
    if gone:
        tally.retired[kind.plural] = gone
