"""Run one load: read a source, map and validate its rows, stage and check its records, write them, and prune old records."""

import secrets
from pathlib import Path

from loaders.removals import Removals
from loaders.result import LoadAborted, LoadResult, RowProblem, Tally
from loaders.rows import SourceRow
from loaders.source import TABLES, Mapped, MapRow, SourceDefinition
from loaders.staging import LINK_NAMES, Staging
from loaders.tables import open_tables
from loaders.validate import Checks, LoadContext, RowValidator, StoredCounts
from loaders.writer import BatchWriter, Lease, compare
from registry.clock import current_time
from registry.database.driver import Store
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

    The source is read and checked completely before anything is written: an aborted run writes nothing, and a `dry_run` ends after
    the checks. With `prune`, records from earlier runs that the source no longer has are retired. Unless `retire_most` is set, a
    run is aborted if it would retire more than half of the records of a type, clear more than half of the values of a property, or
    remove more than half of the relationships of a link. A run is also aborted if the source is already being loaded. An
    interrupted run can be repeated. Raises StoreError.
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
    """Read every table of the source, and map, validate and stage its rows. Raises LoadAborted."""
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
