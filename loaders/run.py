"""Run one load: read a source, map and validate its rows, stage and check its records, write them, and prune old records."""

import secrets
from pathlib import Path

from loaders.manifest import Inputs, Manifest, ManifestStore, RowHashes, row_hash
from loaders.removals import Removals
from loaders.result import LoadAborted, LoadResult, RowProblem, Tally
from loaders.rows import SourceRow
from loaders.source import TABLES, Mapped, MapRow, SourceDefinition
from loaders.staging import LINK_NAMES, Staging
from loaders.tables import open_tables
from loaders.validate import Checks, FullLoadNeeded, LoadContext, RowValidator, StoredCounts
from loaders.writer import BatchWriter, Lease, compare
from registry.clock import current_time
from registry.database.driver import Store
from registry.progress import Progress, silent

EVERY = 1_000
READING, CHECKING = "Reading and checking rows", "Checking references and comparing with stored records"


def run(
    store: Store,
    source: SourceDefinition,
    *,
    from_path: Path | None = None,
    dry_run: bool = False,
    prune: bool = True,
    retire_most: bool = False,
    skip_unchanged: bool = True,
    progress: Progress = silent,
) -> LoadResult:
    """Load a source and return the result.

    The source is read and checked completely before anything is written: an aborted run writes nothing, and a `dry_run` ends after
    the checks. With `prune`, records from earlier runs that the source no longer has are retired. Unless `retire_most` is set, a
    run is aborted if it would retire more than half of the records of a type, clear more than half of the values of a property, or
    remove more than half of the relationships of a link. A run is also aborted if the source is already being loaded. An
    interrupted run can be repeated. With `skip_unchanged`, a run with `prune` skips the files and rows that have not changed since
    the last run, if the result is the same. Raises StoreError.
    """
    load = _Load(store, source, _run_id(source), progress, prune=prune, retire_most=retire_most)
    try:
        inputs = Inputs.of(source, from_path)
        if dry_run:
            load.compare(inputs)
        else:
            load.write(inputs, skip_unchanged=skip_unchanged and prune)
    except LoadAborted as error:
        return load.tally.result(source.id, load.name, dry_run=dry_run, refused=str(error))
    return load.tally.result(source.id, load.name, dry_run=dry_run)


class _Load:
    """One load of a source. `tally` counts what the load does."""

    def __init__(
        self, store: Store, source: SourceDefinition, name: str, progress: Progress, *, prune: bool, retire_most: bool
    ) -> None:
        self.name, self.tally = name, Tally()
        self._store, self._source, self._progress = store, source, progress
        self._prune, self._retire_most = prune, retire_most
        self._manifests = ManifestStore(store, source, name)

    def compare(self, inputs: Inputs) -> None:
        """Count what the load would do. Raises LoadAborted."""
        with Staging(self._source.repeated) as staging:
            compare(self._prepare(staging, inputs, RowHashes(), StoredCounts(self._source, self._store), None))

    def write(self, inputs: Inputs, *, skip_unchanged: bool) -> None:
        """Load the source. If unchanged rows cannot be skipped, all rows are read. Raises LoadAborted."""
        with Lease(self._store, self._source.id, self.name) as lease:
            before = StoredCounts(self._source, self._store)
            previous = self._manifests.previous(inputs, before) if skip_unchanged and before.ours() else None
            if previous:
                try:
                    self._write(lease, inputs, before, previous)
                except (FullLoadNeeded, LoadAborted):
                    self.tally = Tally()
                else:
                    return
            self._write(lease, inputs, before, None)

    def _write(self, lease: Lease, inputs: Inputs, before: StoredCounts, previous: Manifest | None) -> None:
        hashes = RowHashes()
        with Staging(self._source.repeated) as staging:
            context = self._prepare(staging, inputs, hashes, before, previous)
            self._manifests.void()
            BatchWriter(context, self.name, self._progress).write(lease)
            self._manifests.save(context, inputs, hashes, previous)

    def _prepare(
        self,
        staging: Staging,
        inputs: Inputs,
        hashes: RowHashes,
        before: StoredCounts,
        previous: Manifest | None,
    ) -> LoadContext:
        self._read(staging, inputs, hashes, previous)
        self._progress(CHECKING, 0, 0)
        baseline = previous.baseline(hashes, staging) if previous else None
        context = LoadContext(self._source, staging, self._store, before, self.tally, self._prune, baseline)
        Checks(context).run(retire_most=self._retire_most)
        removals = Removals(context)
        removals.preserve_unmentioned()
        removals.check(retire_most=self._retire_most)
        return context

    def _read(self, staging: Staging, inputs: Inputs, hashes: RowHashes, previous: Manifest | None) -> None:
        """Read the files, and map, validate and stage their rows. Files and rows that `previous` has are skipped."""
        validator = RowValidator(self._source, staging, self.tally)
        changed = previous.files_to_read(inputs) if previous else inputs.paths
        opened = open_tables(self._source, changed, self.tally.note)
        done, of = 0, sum(rows for path, rows in zip(inputs.paths, inputs.rows, strict=True) if path in changed)
        for path, expected in zip(inputs.paths, inputs.rows, strict=True):
            if previous and path not in changed:
                previous.repeat(path, self.tally)
                continue
            before = done
            known = self._manifests.row_hashes(path.name, previous.files[path.name].hash) if previous else ()
            for table, map_row in next(opened)[1]:
                self.tally.rows_read[table.file] += 0
                if self._source.format == TABLES and table.name in LINK_NAMES.values():
                    staging.supply_link(table.name, table.file)
                numbers, found = hashes.table(path, table)
                for number, row in enumerate(table.rows, start=1):
                    self.tally.rows_read[table.file] = number
                    done += 1
                    if done % EVERY == 0:
                        self._progress(READING, done, max(done, of))
                    if isinstance(row, RowProblem):
                        self.tally.add(row)
                        continue
                    numbers.append(row.number)
                    found.append(row_hash(row))
                    mapped = _mapped(map_row, row, self._source)
                    if known and found[-1] in known:
                        validator.skip(row.file, mapped)
                    else:
                        validator.take(row, mapped)
            of += done - before - expected
            self._progress(READING, done, max(done, of))


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
