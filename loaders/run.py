"""Run one load: read a source, map and validate its rows, stage and check its records, write them, and prune old records."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from loaders.manifest import Manifest, ManifestStore, RowHashes, SourceInputs, row_hash
from loaders.removals import Removals
from loaders.result import Level, LoadAborted, LoadResult, RowProblem, Tally
from loaders.rows import SourceRow
from loaders.source import TABLES, GivenLink, GivenNoLink, GivenRecord, Mapped, MapRow, Remark, SourceDefinition
from loaders.staging import ENDS, LINK_NAMES, Duplicate, RowLocation, Staging, link_name
from loaders.tables import open_tables
from loaders.validate import Checks, FullLoadNeeded, LoadContext, StoredCounts
from loaders.writer import BatchWriter, Lease, compare
from registry.clock import current_time
from registry.database.driver import Store
from registry.model.definitions import MODEL
from registry.model.kinds import End, Kind, Property
from registry.model.records import Problem, make_record, make_relationship, show
from registry.model.values import Id, Integer, InvalidValue, Number, Numeral
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
        inputs = SourceInputs.of(source, from_path)
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

    def compare(self, inputs: SourceInputs) -> None:
        """Count what the load would do. Raises LoadAborted."""
        with Staging(self._source.repeated) as staging:
            compare(self._prepare(staging, inputs, RowHashes(), StoredCounts(self._source, self._store), None))

    def write(self, inputs: SourceInputs, *, skip_unchanged: bool) -> None:
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

    def _write(self, lease: Lease, inputs: SourceInputs, before: StoredCounts, previous: Manifest | None) -> None:
        hashes = RowHashes()
        with Staging(self._source.repeated) as staging:
            context = self._prepare(staging, inputs, hashes, before, previous)
            self._manifests.void()
            BatchWriter(context, self.name, self._progress).write(lease)
            self._manifests.save(context, inputs, hashes, previous)

    def _prepare(
        self,
        staging: Staging,
        inputs: SourceInputs,
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

    def _read(self, staging: Staging, inputs: SourceInputs, hashes: RowHashes, previous: Manifest | None) -> None:
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


KINDS = {kind.__name__: kind for kind in MODEL if not kind.read_only}


class RowValidator:
    """Validates the records and relationships that the rows of a source are mapped to, and stages the valid ones."""

    def __init__(self, source: SourceDefinition, staging: Staging, tally: Tally) -> None:
        self._defaults = source.defaults
        self._notation = source.numbers
        self._staging = staging
        self._tally = tally
        self._address: Callable[[str], str] = lambda _field: ""

    def take(self, row: SourceRow, given: Iterable[Mapped]) -> None:
        """Stage the records and relationships of a row. Raises LoadAborted for a record type or link that the model does not have."""
        location, self._address = RowLocation(row.file, row.number), row.address
        for one in given:
            match one:
                case GivenRecord():
                    self._record(one, location)
                case GivenLink():
                    self._link(one, location)
                case GivenNoLink():
                    self._staging.supply_link(link_name(_end(one.end).link), location.file)
                case Remark():
                    problem = Problem(one.code, one.field, show(one.value), one.rule, one.message)
                    self._add_problem(one.level, problem, location)

    def skip(self, file: str, given: Iterable[Mapped]) -> None:
        """Note which records and relationships an unchanged row supplies. The row is valid, so it is neither checked nor staged.

        Raises FullLoadNeeded if a record or relationship occurs twice.
        """
        for one in given:
            match one:
                case GivenRecord():
                    self._staging.supply(file, one.kind, (*one.properties, *self._defaults))
                    if not one.implied:
                        self._skip(one.kind, _id(one.id, "id"))
                case GivenLink():
                    end = _end(one.end)
                    self._staging.supply_link(link_name(end.link), file)
                    self._staging.supply(file, link_name(end.link), one.properties)
                    near, far = _id(one.here, end.kind.lower()), _id(one.there, end.name)
                    self._skip(link_name(end.link), *((near, far) if end.outgoing else (far, near)))
                case GivenNoLink():
                    self._staging.supply_link(link_name(_end(one.end).link), file)
                case Remark():
                    raise FullLoadNeeded

    def _skip(self, of: str, start: str, finish: str = "") -> None:
        if not self._staging.skip(of, start, finish):
            raise FullLoadNeeded

    def _record(self, given: GivenRecord, location: RowLocation) -> None:
        kind = _kind(given.kind)
        self._staging.supply(location.file, kind.__name__, (*given.properties, *self._defaults))
        record, problems = make_record(
            kind, {**self._defaults, **self._read(kind.properties, _non_empty(given)), "id": given.id}
        )
        for problem in problems:
            self._add_problem("error", problem, location)
        if record is None:
            self._staging.protect(kind.__name__, str(given.id).strip())
        elif duplicate := self._staging.add_record(record, location, implied=given.implied):
            self._add_duplicate(duplicate, "id", record.id, location)

    def _link(self, given: GivenLink, location: RowLocation) -> None:
        end = _end(given.end)
        self._staging.supply_link(link_name(end.link), location.file)
        self._staging.supply(location.file, link_name(end.link), given.properties)
        try:
            here, there = _id(given.here, end.kind.lower()), _id(given.there, end.name)
        except _InvalidIdError as error:
            self._add_problem("error", error.problem, location)
            return
        tie, problems = make_relationship(end, here, there, self._read(end.link.properties, given.properties))
        for problem in problems:
            self._add_problem("error", problem, location)
        if tie and (duplicate := self._staging.add_link(tie, end.name, location)):
            self._add_duplicate(duplicate, end.name, there, location)

    def _read(self, declared: Mapping[str, Property], given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the values of a row, in which numeric texts are marked with the number format of the source."""
        if self._notation is None:
            return given
        return {
            name: Numeral(value, self._notation)
            if isinstance(value, str) and name in declared and issubclass(declared[name].value, Number | Integer)
            else value
            for name, value in given.items()
        }

    def _add_duplicate(self, duplicate: Duplicate, field: str, value: str, location: RowLocation) -> None:
        before = f"{duplicate.before.file}, row {duplicate.before.row}"
        if duplicate.field is not None:
            rule = f"the same as in {before}"
            problem = Problem(
                "CONFLICT", duplicate.field, duplicate.value, rule, f"this differs from {before} for {value}"
            )
            self._add_problem("error", problem, location)
            return
        code = "REPEATED" if duplicate.before.file == location.file else "IN_TWO_FILES"
        self._add_problem(
            "warning", Problem(code, field, value, "once", f"this is already given in {before}"), location
        )

    def _add_problem(self, level: Level, problem: Problem, location: RowLocation) -> None:
        self._tally.add(
            RowProblem(
                level,
                problem.code,
                location.file,
                location.row,
                problem.field,
                problem.value,
                problem.rule,
                problem.message,
                self._address(problem.field),
            )
        )


class _InvalidIdError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _id(raw: object, field: str) -> str:
    try:
        value = Id.clean(raw)
    except InvalidValue as error:
        raise _InvalidIdError(Problem("UNFIT", field, show(raw), error.rule, str(error))) from None
    if value is None:
        raise _InvalidIdError(Problem("REQUIRED", field, "", "required", "it is empty"))
    return str(value)


def _non_empty(given: GivenRecord) -> dict[str, object]:
    return {name: value for name, value in given.properties.items() if value not in (None, "")}


def _kind(name: str) -> type[Kind]:
    if name not in KINDS:
        raise LoadAborted(f"The mapping uses the kind {name!r}, which is not in the model.{_near(name, KINDS)}")
    return KINDS[name]


def _end(name: str) -> End:
    if name not in ENDS:
        raise LoadAborted(f"The mapping uses the link {name!r}, which is not in the model.{_near(name, ENDS)}")
    return ENDS[name]


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""
