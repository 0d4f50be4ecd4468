"""What a run would write, counted without writing it."""

from loaders.before import Before
from loaders.checks import BATCH
from loaders.clearing import is_swept
from loaders.outcome import Tally
from loaders.source import Source
from loaders.staging import LINKS, LOADED, Staging, is_single, link_name
from registry.cypher import standing
from registry.modelling import Kind, Link
from registry.store import Store


def compare(source: Source, staging: Staging, store: Store, before: Before, tally: Tally, *, sweep: bool) -> None:
    """Count what `Writing.write` would do, and write nothing."""
    for kind in LOADED:
        retired = before[kind].alive - _compare_records(kind, source, staging, store, tally)
        if sweep and retired:
            tally.retired[kind.plural] = retired
    for link in LINKS:
        removed = (_removed if sweep and is_swept(link, source, staging) else _replaced)(link, source, staging, store)
        if removed:
            tally.ties_removed[link_name(link)] = removed
        for rows in staging.ties(link_name(link), BATCH):
            tally.ties_written[link_name(link)] += len(rows)


def _removed(link: Link, source: Source, staging: Staging, store: Store) -> int:
    """Return how many ties of this source are not given again."""
    given = (standing.standing_ties(link, rows, source=source.id) for rows in staging.ties(link_name(link), BATCH))
    held: int = store.read(standing.held_ties(link, source=source.id))[0][0]
    return held - sum(int(store.read(one)[0][0]) for one in given)


def _replaced(link: Link, source: Source, staging: Staging, store: Store) -> int:
    """Return how many ties of this source give way to another, where there may be one at most."""
    if not is_single(link):
        return 0
    given = (standing.outdated_ties(link, rows, source=source.id) for rows in staging.ties(link_name(link), BATCH))
    return sum(int(store.read(one)[0][0]) for one in given)


def _compare_records(kind: type[Kind], source: Source, staging: Staging, store: Store, tally: Tally) -> int:
    """Count what is created, changed and unchanged; return how many records that are not retired the source gave again."""
    alive = 0
    for rows in staging.records(kind.__name__, BATCH):
        found = {one: rest for one, *rest in _standing(kind, [str(row["id"]) for row in rows], store)}
        for row in rows:
            _, digest, status = found.get(str(row["id"]), (None, None, "retired"))
            counter = tally.created if digest is None else tally.unchanged if digest == row["hash"] else tally.changed
            counter[kind.plural] += 1
            alive += status != "retired"
    for ids in staging.spared(kind.__name__, BATCH):
        alive += sum(owner == source.id and status != "retired" for _, owner, _, status in _standing(kind, ids, store))
    return alive


def _standing(kind: type[Kind], ids: list[str], store: Store) -> list[tuple[str, str, str, str]]:
    found: list[tuple[str, str, str, str]] = store.read(standing.standing(kind, ids))[0][0]
    return found
