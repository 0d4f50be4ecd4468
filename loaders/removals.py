"""Values and links that a load clears because the source lacks them now, with a guard against clearing most of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loaders.result import LoadAborted, Tally
from loaders.source import SourceDefinition
from loaders.staging import LINKS, LOADED, Staging, link_name
from loaders.validate import BATCH, StoredCounts
from registry.database import write
from registry.database.driver import Store
from registry.database.write import Stored, given_names, stored
from registry.model.kinds import Kind, Link, Property
from registry.model.records import Record, show

FEW = 4  # up to this many values or links may be cleared regardless of their share


def is_pruned(link: Link, source: SourceDefinition, staging: Staging) -> bool:
    """Return whether links that the source no longer supplies are removed."""
    name = link_name(link)
    return staging.gives_link(name) or name in source.complete


class Removals:
    """The values and links that one run clears. Run it after all other checks."""

    def __init__(
        self,
        source: SourceDefinition,
        staging: Staging,
        store: Store,
        before: StoredCounts,
        tally: Tally,
        *,
        sweep: bool,
    ) -> None:
        self._source = source
        self._staging = staging
        self._store = store
        self._before = before
        self._tally = tally
        self._sweep = sweep
        self._refusals: list[str] = []  # a message for each value or link of which more than half would be cleared

    def preserve_unmentioned(self) -> None:
        """Copy into the staging area the stored values about which the source says nothing."""
        for kind in LOADED:
            if self._before[kind].ours and kind.plural not in self._source.complete:
                self._preserve_values(kind)
        for link in LINKS:
            if link.properties and self._before.may_hold_ties(link) and link_name(link) not in self._source.complete:
                self._preserve_links(link)

    def check(self, *, retire_most: bool) -> None:
        """Count everything that would be cleared.

        Raises LoadAborted if that is more than half of the values of a property or of a link, unless `retire_most`.
        """
        for kind in LOADED:
            if self._before[kind].ours:
                self._check_values(kind)
        for link in LINKS:
            if self._before.may_hold_ties(link):
                self._check_links(link)
        if self._refusals and not retire_most:
            raise LoadAborted(self._refusals[0])

    def _preserve_values(self, kind: type[Kind]) -> None:
        names = set(given_names(kind)) - {"id"}
        for batch in self._staging.records_by_file(kind.__name__, BATCH):
            silent = {row["id"]: names - self._staging.given(file, kind.__name__) for file, row in batch}
            rows = {row["id"]: row for _file, row in batch if silent[row["id"]]}
            for old in self._own_records(kind, list(rows)):
                retired = not old["hash"]  # a run retired it because the source lacked it; restore its other values
                kept = silent[old["id"]] - ({"status"} if retired else set())
                self._staging.change_record(_with(kind, rows[old["id"]], old, kept))

    def _own_records(self, kind: type[Kind], ids: Sequence[str]) -> list[Mapping[str, Any]]:
        held: list[Mapping[str, Any]] = self._store.read(write.of_source(kind, ids, self._source.id))[0][0]
        return held if ids else []

    def _preserve_links(self, link: Link) -> None:
        name = link_name(link)
        for batch in self._staging.ties_by_file(name, BATCH):
            held = self._own_ties(link, [row for _file, row in batch])
            for file, row in batch:
                old = held.get((row["from"], row["to"]), {})
                silent = link.properties.keys() - self._staging.given(file, name)
                kept = {one: old[one] for one in silent if old.get(one) is not None}
                if kept:
                    self._staging.change_tie(name, {**row, "props": {**row["props"], **kept}})

    def _own_ties(self, link: Link, rows: Sequence[Stored]) -> dict[tuple[str, str], Mapping[str, Any]]:
        """Return the properties of the relationships that this source already owns, by their two ids."""
        found = self._store.read(write.existing_relationships(link, rows))[0][0]
        return {(start, end): values for start, end, values in found if values.get("source") == self._source.id}

    def _check_values(self, kind: type[Kind]) -> None:
        cleared: Counter[str] = Counter()
        for rows in self._staging.records(kind.__name__, BATCH):
            new = {row["id"]: row for row in rows}
            for old in self._store.read(write.differing(kind, rows))[0][0]:
                lost = _lost(given_names(kind), old, new[old["id"]])
                cleared.update(lost)
                for name in lost:
                    self._tally.clear(f"{kind.plural}.{name}", old["id"], show(old[name]))
        for name, gone in cleared.items():
            if gone > FEW:
                held = self._store.read(write.count_property_values(kind, name, source=self._source.id))[0][0]
                self._guard_against_most(gone, held, f"values of {kind.plural}.{name}", "cleared")

    def _check_links(self, link: Link) -> None:
        name, again, cleared = link_name(link), 0, Counter[str]()
        for rows in self._staging.ties(name, BATCH):
            held = self._own_ties(link, rows)
            again += len(held)
            for row in rows:
                old = held.get((row["from"], row["to"]), {})
                lost = _lost(link.properties, old, row["props"])
                cleared.update(lost)
                for one in lost:
                    self._tally.clear(f"{name}.{one}", f"{row['from']} - {row['to']}", show(old[one]))
        for one, gone in cleared.items():
            self._guard_against_most(gone, again, f"values of {name}.{one}", "cleared")
        if self._sweep:
            self._check_removed(link, again)

    def _check_removed(self, link: Link, again: int) -> None:
        held: int = self._store.read(write.count_relationships(link, source=self._source.id))[0][0]
        if held == again:
            return
        name = link_name(link)
        if not is_pruned(link, self._source, self._staging):
            self._tally.note(
                f"{held} links of {name} stay as they are: {self._source.id} says nothing of them; if they are gone, name"
                f' "{name}" in complete of its source.toml.'
            )
            return
        for start, end in self._removed(link):
            self._tally.clear(name, start, end)
        self._guard_against_most(held - again, held, f"links of {name}", "removed")

    def _removed(self, link: Link) -> Iterator[tuple[str, str]]:
        """Yield the two ids of each relationship that this source owns and no longer supplies."""
        after = ("", "")
        while page := self._store.read(
            write.relationships_of_source(link, source=self._source.id, after=after, size=BATCH)
        )[0][0]:
            yield from ((start, end) for start, end in page if not self._staging.has_tie(link_name(link), start, end))
            after = tuple(page[-1])

    def _guard_against_most(self, gone: int, held: int, what: str, done: str) -> None:
        if gone > FEW and 2 * gone > held:
            self._refusals.append(
                f"{gone} of the {held} {what} that {self._source.id} gave before are not in it now and would be {done};"
                " if that is right, run it with --retire-most."
            )


def _with(kind: type[Kind], row: Stored, old: Mapping[str, Any], names: set[str]) -> Stored:
    """Return a record with the old values of these properties."""
    kept = {name: kind.properties[name].value.clean(old.get(name)) for name in names}
    values = {name: row.get(name) for name in given_names(kind)} | kept
    return stored(Record(kind, str(row["id"]), values))


def _lost(declared: Mapping[str, Property | object], old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in declared if old.get(name) is not None and new.get(name) is None]
