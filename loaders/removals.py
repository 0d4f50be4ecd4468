"""Clears stored values and links that a source no longer has; refuses to clear more than half of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loaders.result import LoadAborted
from loaders.source import SourceDefinition
from loaders.staging import LINKS, LOADED, Staging, link_name
from loaders.validate import BATCH, FullLoadNeeded, LoadContext
from registry.database import load_queries
from registry.database.write import Stored, given_names, stored
from registry.model.kinds import Kind, Link, Property
from registry.model.records import Record, show

FEW = 4  # this many values or links may be cleared even if they are more than half


def is_pruned(link: Link, source: SourceDefinition, staging: Staging) -> bool:
    """Return whether a load removes stored links that the source no longer supplies."""
    name = link_name(link)
    return staging.supplies_link(name) or name in source.complete


class Removals:
    """The stored values and links that one load clears. Use this class after all other checks."""

    def __init__(self, context: LoadContext) -> None:
        self._context, self._staging, self._store = context, context.staging, context.store
        self._source, self._before, self._tally = context.source, context.before, context.tally
        self._refusals: list[str] = []  # a message for each property or link that would lose more than half

    def preserve_unmentioned(self) -> None:
        """Copy stored values into the staging area if the source does not mention them, so that the load does not clear them."""
        for kind in LOADED:
            if self._before[kind].ours and kind.plural not in self._source.complete:
                self._preserve_values(kind)
        for link in LINKS:
            if link.properties and self._before.may_have_links(link) and link_name(link) not in self._source.complete:
                self._preserve_links(link)

    def check(self, *, retire_most: bool) -> None:
        """Count the values and links that the load would clear.

        Raises LoadAborted if the load would clear more than half of the values of a property or more than half of the relationships
        of a link, unless `retire_most` is set.
        """
        for kind in LOADED:
            if self._before[kind].ours:
                self._check_values(kind)
        for link in LINKS:
            if self._before.may_have_links(link) and self._is_read(link):
                self._check_links(link)
        if self._refusals and not retire_most:
            raise LoadAborted(self._refusals[0])

    def _is_read(self, link: Link) -> bool:
        """Return whether this load reads the rows that supply the link."""
        baseline = self._context.baseline
        return baseline is None or link_name(link) in baseline.read_again

    def _preserve_values(self, kind: type[Kind]) -> None:
        names = set(given_names(kind)) - {"id"}
        for batch in self._staging.records_by_file(kind.__name__, BATCH):
            unmentioned = {row["id"]: names - self._staging.supplied(file, kind.__name__) for file, row in batch}
            rows = {row["id"]: row for _file, row in batch if unmentioned[row["id"]]}
            for old in self._own_records(kind, list(rows)):
                retired = not old["hash"]  # retired by a run because the source lacked it: restore its other values
                names_to_copy = unmentioned[old["id"]] - ({"status"} if retired else set())
                self._staging.change_record(_with(kind, rows[old["id"]], old, names_to_copy))

    def _own_records(self, kind: type[Kind], ids: Sequence[str]) -> list[Mapping[str, Any]]:
        records: list[Mapping[str, Any]] = self._store.read(load_queries.of_source(kind, ids, self._source.id))[0][0]
        return records if ids else []

    def _preserve_links(self, link: Link) -> None:
        name = link_name(link)
        for batch in self._staging.links_by_file(name, BATCH):
            unmentioned = {file: link.properties.keys() - self._staging.supplied(file, name) for file, _row in batch}
            rows = [(row, unmentioned[file]) for file, row in batch if unmentioned[file]]
            existing = self._own_links(link, [row for row, _names in rows]) if rows else {}
            for row, names in rows:
                old = existing.get((row["from"], row["to"]), {})
                copied = {one: old[one] for one in names if old.get(one) is not None}
                if copied:
                    self._staging.change_link(name, {**row, "props": {**row["props"], **copied}})

    def _own_links(self, link: Link, rows: Sequence[Stored]) -> dict[tuple[str, str], Mapping[str, Any]]:
        """Return the properties of the stored relationships that this source owns, by the ids at both ends."""
        found = self._store.read(load_queries.existing_relationships(link, rows))[0][0]
        return {(start, end): values for start, end, values in found if values.get("source") == self._source.id}

    def _check_values(self, kind: type[Kind]) -> None:
        cleared: Counter[str] = Counter()
        for rows in self._staging.records(kind.__name__, BATCH):
            new = {row["id"]: row for row in rows}
            for old in self._store.read(load_queries.differing(kind, rows))[0][0]:
                lost = _lost(given_names(kind), old, new[old["id"]])
                cleared.update(lost)
                for name in lost:
                    self._tally.clear(f"{kind.plural}.{name}", old["id"], show(old[name]))
        for name, gone in cleared.items():
            if gone > FEW:
                total = self._store.read(load_queries.count_property_values(kind, name, source=self._source.id))[0][0]
                self._guard_against_most(gone, total, f"values of {kind.plural}.{name}", "cleared")

    def _check_links(self, link: Link) -> None:
        name, cleared = link_name(link), Counter[str]()
        again = self._context.unchanged_links.get(name, 0)
        for rows in self._staging.links(name, BATCH):
            if not link.properties:
                again += self._store.read(
                    load_queries.count_existing_relationships(link, rows, source=self._source.id)
                )[0][0]
                continue
            existing = self._own_links(link, rows)
            again += len(existing)
            for row in rows:
                old = existing.get((row["from"], row["to"]), {})
                lost = _lost(link.properties, old, row["props"])
                cleared.update(lost)
                for one in lost:
                    self._tally.clear(f"{name}.{one}", f"{row['from']} - {row['to']}", show(old[one]))
        for one, gone in cleared.items():
            self._guard_against_most(gone, again, f"values of {name}.{one}", "cleared")
        if self._context.prune:
            self._check_removed(link, again)

    def _check_removed(self, link: Link, again: int) -> None:
        total: int = self._store.read(load_queries.count_relationships(link, source=self._source.id))[0][0]
        if total == again:
            return
        name = link_name(link)
        if not is_pruned(link, self._source, self._staging):
            self._tally.is_steady = False
            self._tally.note(
                f"{self._source.id} does not mention its stored links {name} ({total}); they are unchanged. If they no longer"
                f' exist, add "{name}" to complete in its source.toml.'
            )
            return
        if self._context.baseline and link.at_least:
            raise FullLoadNeeded
        for start, end in self._removed(link):
            self._tally.clear(name, start, end)
            if self._context.baseline:
                self._staging.note_removed(name, start, end)
        self._guard_against_most(total - again, total, f"links of {name}", "removed")

    def _removed(self, link: Link) -> Iterator[tuple[str, str]]:
        """Yield the ids at both ends of each relationship that this source owns and no longer supplies."""
        after = ("", "")
        while page := self._store.read(
            load_queries.relationships_of_source(link, source=self._source.id, after=after, size=BATCH)
        )[0][0]:
            yield from ((start, end) for start, end in page if not self._staging.has_link(link_name(link), start, end))
            after = tuple(page[-1])

    def _guard_against_most(self, gone: int, total: int, what: str, done: str) -> None:
        if gone > FEW and 2 * gone > total:
            self._refusals.append(
                f"{self._source.id} no longer has {gone} of its {total} {what}, which would be {done}."
                " If that is intended, add --retire-most."
            )


def _with(kind: type[Kind], row: Stored, old: Mapping[str, Any], names: set[str]) -> Stored:
    """Return a staged record in which the properties in `names` have their old values."""
    copied = {name: kind.properties[name].value.clean(old.get(name)) for name in names}
    values = {name: row.get(name) for name in given_names(kind)} | copied
    return stored(Record(kind, str(row["id"]), values))


def _lost(declared: Mapping[str, Property | object], old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in declared if old.get(name) is not None and new.get(name) is None]
