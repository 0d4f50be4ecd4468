"""Write what was staged and checked, in batches that are idempotent each, then let go what the run did not see."""

from collections.abc import Sequence

from loaders.before import Before
from loaders.checks import BATCH
from loaders.clearing import is_swept
from loaders.lease import Lease
from loaders.outcome import Tally
from loaders.progress import Progress
from loaders.recording import Recording
from loaders.source import Source
from loaders.staging import LINKS, LOADED, Staging, is_single, link_name
from registry.changing.turn import Turn
from registry.clock import now
from registry.cypher import leaving, standing, write
from registry.cypher.write import Stored
from registry.model import Run
from registry.model import Source as SourceKind
from registry.modelling import Kind, Link
from registry.records import Record, make_record
from registry.store import Store


class Writing:
    """The writing part of one run."""

    def __init__(
        self, source: Source, run: str, staging: Staging, store: Store, before: Before, tally: Tally, progress: Progress
    ) -> None:
        self._source = source
        self._run = run
        self._before = before
        self._started = now()
        self._staging = staging
        self._store = store
        self._recording = Recording(store, run, began=self._started)
        self._tally = tally
        self._progress = progress

    def write(self, lease: Lease, *, sweep: bool) -> None:
        """Write the source, the run, all records and all ties; sweep, if the lease still holds; close the run."""
        self._keep(SourceKind, _source_record(self._source))
        self._keep(Run, self._run_record())
        for kind in LOADED:
            self._records(kind)
        for link in LINKS:
            self._ties(link)
        lease.check()
        if sweep:
            self._sweep()
        self._recording.follow_requests()
        self._keep(Run, self._run_record(finished=now()))

    def _records(self, kind: type[Kind]) -> None:
        write_rows = self._change if self._before[kind].ours else self._create
        for rows in self._staging.records(kind.__name__, BATCH):
            write_rows(kind, rows)
            self._progress(kind.plural, len(rows))

    def _create(self, kind: type[Kind], rows: Sequence[Stored]) -> None:
        def work(turn: Turn) -> None:
            turn.ask(write.first_rows(kind, rows, source=self._source.id, run=self._run, now=self._started))
            self._recording.created(turn, kind, [str(row["id"]) for row in rows])

        self._recording.turn(work)
        self._tally.created[kind.plural] += len(rows)

    def _change(self, kind: type[Kind], rows: Sequence[Stored]) -> None:
        def work(turn: Turn) -> list[tuple[str, str, int]]:
            before = {one["id"]: one for one in turn.ask(standing.differing(kind, rows))[0][0]}
            upsert = write.upsert_rows(kind, rows, source=self._source.id, run=self._run, now=self._started)
            done: list[tuple[str, str, int]] = turn.ask(upsert)[0][0]
            self._recording.created(turn, kind, [record for record, what, _ in done if what == "created"])
            self._recording.changed(turn, kind, before, rows)
            return done

        counters = {"created": self._tally.created, "changed": self._tally.changed, "unchanged": self._tally.unchanged}
        for _, what, _ in self._recording.turn(work):
            counters[what][kind.plural] += 1

    def _ties(self, link: Link) -> None:
        name, kept_by_others = link_name(link), 0
        for rows in self._staging.ties(name, BATCH):
            written = (
                self._change_ties(link, rows) if self._before.may_hold_ties(link) else self._first_ties(link, rows)
            )
            self._tally.ties_written[name] += written
            kept_by_others += len(rows) - written
            self._progress(name, len(rows))
        if kept_by_others:
            self._tally.note(f"{kept_by_others} ties of {name} are kept by other sources and stay as they are.")

    def _first_ties(self, link: Link, rows: Sequence[Stored]) -> int:
        def work(turn: Turn) -> int:
            ties = write.first_tie_rows(link, rows, source=self._source.id, run=self._run)
            written: int = turn.ask(ties)[0][0]
            self._recording.first_tied(turn, link, written, rows)
            return written

        return self._recording.turn(work)

    def _change_ties(self, link: Link, rows: Sequence[Stored]) -> int:
        """Write ties; where there may be one at most, in place of the one there was. Return how many this source keeps."""
        single = is_single(link)

        def work(turn: Turn) -> tuple[int, int]:
            before = turn.ask(standing.ties_among(link, rows))[0][0]
            ours = [tie for tie in before if tie[2].get("source") == self._source.id]
            removed = turn.ask(leaving.drop_outdated_ties(link, rows, source=self._source.id))[0][0] if single else []
            ties = write.tie_rows(link, rows, source=self._source.id, run=self._run, single=single)
            written = {(start, end) for start, end, keeper in turn.ask(ties)[0][0] if keeper == self._source.id}
            after = [row for row in rows if (row["from"], row["to"]) in written]
            self._recording.retied(turn, link, [*ours, *removed], after)
            return len(removed), len(written)

        removed, written = self._recording.turn(work)
        if removed:
            self._tally.ties_removed[link_name(link)] += removed
        return written

    def _sweep(self) -> None:
        for kind in LOADED:
            if self._before[kind].alive:
                self._retire(kind)
        for link in LINKS:
            if self._before.may_hold_ties(link) and is_swept(link, self._source, self._staging):
                self._remove_ties(link)

    def _retire(self, kind: type[Kind]) -> None:
        for ids in self._staging.spared(kind.__name__, BATCH):
            self._store.write(leaving.spare(kind, ids, source=self._source.id, run=self._run))
        text = leaving.retire(kind, source=self._source.id, run=self._run, now=self._started, size=BATCH)

        def work(turn: Turn) -> int:
            gone = turn.ask(text)[0][0]
            self._recording.retired(turn, kind, gone)
            return len(gone)

        while retired := self._recording.turn(work):
            self._tally.retired[kind.plural] += retired

    def _remove_ties(self, link: Link) -> None:
        text = leaving.sweep_ties(link, source=self._source.id, run=self._run, size=BATCH)

        def work(turn: Turn) -> int:
            gone = turn.ask(text)[0][0]
            self._recording.retied(turn, link, gone)
            return len(gone)

        while removed := self._recording.turn(work):
            self._tally.ties_removed[link_name(link)] += removed

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
        illustrative=source.illustrative or None,
    )


def _made(kind: type[Kind], **values: object) -> Record:
    record, problems = make_record(kind, values)
    if record is None:
        raise ValueError(f"{kind.__name__} cannot be kept: {problems}")
    return record
