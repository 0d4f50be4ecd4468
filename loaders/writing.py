"""Write what was staged and checked, in batches that are idempotent each, then let go what the run did not see."""

from loaders.checks import BATCH, LINKS, LOADED
from loaders.outcome import Tally
from loaders.progress import Progress
from loaders.source import Source
from loaders.staging import Staging, link_name
from registry.cypher import write
from registry.cypher.text import Cypher
from registry.model import Run
from registry.model import Source as SourceKind
from registry.modelling import Kind, Link
from registry.records import Record, make_record
from registry.store import Store
from registry.values import now


class Writing:
    """The writing part of one run."""

    def __init__(
        self, source: Source, run: str, staging: Staging, store: Store, tally: Tally, progress: Progress
    ) -> None:
        self._source = source
        self._run = run
        self._started = now()
        self._staging = staging
        self._store = store
        self._tally = tally
        self._progress = progress

    def write(self, *, sweep: bool) -> None:
        """Write the source, the run, all records and all ties; sweep; close the run."""
        self._keep(SourceKind, _source_record(self._source))
        self._keep(Run, self._run_record())
        for kind in LOADED:
            self._records(kind)
        for link in LINKS:
            self._ties(link)
        if sweep:
            self._sweep()
        self._keep(Run, self._run_record(finished=now()))

    def _records(self, kind: type[Kind]) -> None:
        counters = {"created": self._tally.created, "changed": self._tally.changed, "unchanged": self._tally.unchanged}
        for rows in self._staging.records(kind.__name__, BATCH):
            cypher = write.upsert_rows(kind, rows, source=self._source.id, run=self._run, now=self._started)
            for _, what, _ in self._store.write(cypher)[0][0][0]:
                counters[what][kind.plural] += 1
            self._progress(kind.plural, len(rows))

    def _ties(self, link: Link) -> None:
        name, kept_by_others = link_name(link), 0
        for rows in self._staging.ties(name, BATCH):
            written = self._store.write(write.tie_rows(link, rows, source=self._source.id, run=self._run))[0][0][0]
            ours = sum(keeper == self._source.id for *_, keeper in written)
            self._tally.ties_written[name] += ours
            kept_by_others += len(written) - ours
            self._progress(name, len(rows))
        if kept_by_others:
            self._tally.note(f"{kept_by_others} ties of {name} are kept by other sources and stay as they are.")

    def _sweep(self) -> None:
        for kind in LOADED:
            for ids in self._staging.spared(kind.__name__, BATCH):
                self._store.write(write.spare(kind, ids, source=self._source.id, run=self._run))
            while gone := self._store.write(self._sweep_of(kind))[0][0][0]:
                self._tally.retired[kind.plural] += len(gone)
        for link in LINKS:
            text = write.sweep_ties(link, source=self._source.id, run=self._run, size=BATCH)
            while removed := self._store.write(text)[0][0][0]:
                self._tally.ties_removed[link_name(link)] += removed

    def _sweep_of(self, kind: type[Kind]) -> Cypher:
        return write.sweep(kind, source=self._source.id, run=self._run, now=self._started, size=BATCH)

    def _keep(self, kind: type[Kind], record: Record) -> None:
        self._store.write(write.upsert(kind, [record], source=self._source.id, run=self._run, now=now()))

    def _run_record(self, finished: str | None = None) -> Record:
        return _made(
            Run,
            id=self._run,
            started=self._started,
            finished=finished,
            rows_read=self._tally.rows_read.total(),
            records_created=self._tally.created.total(),
            records_changed=self._tally.changed.total(),
            records_retired=self._tally.retired.total(),
            rows_left_out=self._tally.rows_left_out,
        )


def _source_record(source: Source) -> Record:
    return _made(
        SourceKind,
        id=source.id,
        name=source.name,
        publisher=source.publisher,
        licence=source.licence,
        format=source.format,
        website=source.website,
    )


def _made(kind: type[Kind], **values: object) -> Record:
    record, problems = make_record(kind, values)
    if record is None:
        raise ValueError(f"{kind.__name__} cannot be kept: {problems}")
    return record
