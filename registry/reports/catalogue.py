"""The catalogue of reports, and how one is run."""

import gc
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

from registry.analysis.agreements import AGREEMENTS, agreements
from registry.analysis.brokers import BROKERS, brokers
from registry.analysis.channels import CHANNELS, channels
from registry.analysis.communities import COMMUNITIES, communities
from registry.analysis.coverage import COVERAGE, coverage
from registry.analysis.cut_points import CUT_POINTS, cut_points
from registry.analysis.feedback import FEEDBACK, feedback
from registry.analysis.gaps import GAPS, gaps
from registry.analysis.isolates import ISOLATES, isolates
from registry.analysis.levels import LEVELS, levels
from registry.analysis.likely_partners import LIKELY_PARTNERS, likely_partners
from registry.analysis.matches import MATCHES, matches
from registry.analysis.missing_ties import MISSING_TIES, missing_ties
from registry.analysis.network import NETWORK
from registry.analysis.network import network as whole_network
from registry.analysis.overlaps import OVERLAPS, overlaps
from registry.analysis.report import (
    BrokenReport,
    NoReport,
    Report,
    ReportDefinition,
    ReportError,
    read_parameters,
    suggestion,
)
from registry.analysis.reuse import REUSE, reuse
from registry.analysis.sector_gaps import SECTOR_GAPS, sector_gaps
from registry.analysis.snapshot import Fingerprinted, Readable, Snapshot, SnapshotArrays, make_snapshot
from registry.analysis.what_if import WHAT_IF, what_if
from registry.clock import today
from registry.database.extract import network
from registry.database.read import visible
from registry.database.user_cypher import Fault
from registry.i18n import _, speaking
from registry.permissions import Actor, seeing
from registry.reports.custom import SiteReport, read_report
from registry.reports.render import without_small_counts
from registry.reports.saved import CHANGES, RUN, Changes, SavedRun, SavedRuns, nothing_saved, nothing_to_compare

_REPORTS: Sequence[tuple[ReportDefinition, Callable[..., Report]]] = (
    (GAPS, gaps),
    (COVERAGE, coverage),
    (SECTOR_GAPS, sector_gaps),
    (NETWORK, whole_network),
    (COMMUNITIES, communities),
    (BROKERS, brokers),
    (CUT_POINTS, cut_points),
    (ISOLATES, isolates),
    (MISSING_TIES, missing_ties),
    (LIKELY_PARTNERS, likely_partners),
    (AGREEMENTS, agreements),
    (OVERLAPS, overlaps),
    (MATCHES, matches),
    (REUSE, reuse),
    (LEVELS, levels),
    (CHANNELS, channels),
    (FEEDBACK, feedback),
    (CHANGES, nothing_saved),
    (WHAT_IF, what_if),
)
QUESTIONS: Mapping[str, ReportDefinition] = {question.name: question for question, _answer in _REPORTS}
_ANSWERS: Mapping[str, Callable[..., Report]] = {question.name: answer for question, answer in _REPORTS}


def run_report(
    store: Readable,
    name: str,
    actor: Actor,
    as_of: str | date | None = None,
    params: Mapping[str, object] | None = None,
) -> Report:
    """Run a report on what the actor may see, as of a day (today when None).

    `params` may be numbers or text, as a person types them. Texts are in the language of the moment. Raises ReportError
    with a sentence for a person, and StoreError.
    """
    question, day = find_question(name), read_day(as_of)
    values = read_parameters(question, params or {})
    with _collecting_later():
        ((answer,),) = store.read(network(question.reads, actor))
        return answer_from(make_snapshot(question.reads, answer), name, day, values)


def answer_from(
    known: Snapshot, name: str, as_of: str | date | None = None, params: Mapping[str, object] | None = None
) -> Report:
    """Run a report on lists that were read before. Raises ReportError."""
    return report_on(SnapshotArrays.of(known, read_day(as_of)), name, params)


def report_on(world: SnapshotArrays, name: str, params: Mapping[str, object] | None = None) -> Report:
    """Run a report on arrays that were made before. Raises ReportError."""
    question = find_question(name)
    with _collecting_later():
        return _ANSWERS[question.name](world, **read_parameters(question, params or {}))


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Leave garbage until the end: the collector would walk through all records again and again, a quarter of the time."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def find_question(name: str, among: Mapping[str, ReportDefinition] = QUESTIONS) -> ReportDefinition:
    """Return the question of a report. Raises NoReport that suggests the nearest name."""
    if name in among:
        return among[name]
    raise NoReport(_("There is no report called {name}.").format(name=name) + suggestion(name, list(among)))


def read_day(day: str | date | None) -> str:
    """Return the day as ISO 8601 text, today when None. Raises ReportError."""
    if day is None:
        return today()
    try:
        return (day if isinstance(day, date) else date.fromisoformat(day.strip())).isoformat()[:10]
    except ValueError:
        raise ReportError(_("{day} is no date; write it as {example}.").format(day=day, example="2026-11-25")) from None


NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
LONGEST_NAME = 40
TAKEN = (
    "graphql",
    "schema",
    "reports",
    *QUESTIONS,
)  # the first two by addresses, the third by the catalogue in GraphQL
MOST_FILES, MOST_BYTES = 200, 100_000


class Edition(NamedTuple):
    """A file as it was when it was read."""

    path: Path
    changed: int
    size: int


class Library:
    """The reports of the registry and those of a folder, which is looked at again whenever it is asked."""

    def __init__(self, folder: Path | None = None, runs: SavedRuns | None = None, smallest_count: int = 0) -> None:
        self._folder, self._runs, self._smallest_count = folder, runs, smallest_count
        self._read: dict[Edition, SiteReport | Fault] = {}

    def questions(self) -> Mapping[str, ReportDefinition]:
        """Return what every report asks, by name, the registry's own first, in the language of the moment."""
        sites = (one for one in self._sites().values() if isinstance(one, SiteReport))
        return {**QUESTIONS, **{one.name: one.question for one in sites}}

    def faults(self) -> list[BrokenReport]:
        """Return for each file that cannot be used why."""
        return [one for one in self._sites().values() if isinstance(one, BrokenReport)]

    def find(self, name: str) -> ReportDefinition:
        """Return what a report asks. Raises NoReport, also for a file that cannot be used."""
        if name not in QUESTIONS and isinstance(broken := self._sites().get(name), BrokenReport):
            raise broken
        return find_question(name, self.questions())

    def run(
        self,
        store: Readable,
        name: str,
        actor: Actor,
        as_of: str | date | None = None,
        params: Mapping[str, object] | None = None,
    ) -> Report:
        """Run a report as `catalogue.run_report` does, one of the folder too. Raises ReportError and StoreError.

        Who may not see everything is not told numbers below the smallest count about what they may not see all of.
        """
        report = self._run(store, name, actor, as_of, params)
        return report if actor.everything else without_small_counts(report, self._smallest_count)

    def _run(
        self,
        store: Readable,
        name: str,
        actor: Actor,
        as_of: str | date | None,
        params: Mapping[str, object] | None,
    ) -> Report:
        if name == CHANGES.name:
            return self._changes(store, actor, read_day(as_of), str(read_parameters(CHANGES, params or {})[RUN.name]))
        question, site = self.find(name), self._sites().get(name)
        if name in QUESTIONS or not isinstance(site, SiteReport):
            return run_report(store, name, actor, as_of, params)
        return site.answer(store, actor, read_day(as_of), read_parameters(question, params or {}))

    def _changes(self, store: Readable, actor: Actor, as_of: str, label: str) -> Report:
        """Compare a saved run with the same report now, as who it was saved for sees it."""
        if self._runs is None or (run := self._chosen(self._runs, label, actor)) is None:
            return nothing_to_compare(as_of, label)
        kept, reading = run.report, Fingerprinted(store)
        with speaking(run.language):
            now = self.run(reading, kept.name, seeing(run.sight), as_of, kept.parameters)
        compared = Changes(run, self.find(kept.name), now)
        seen = ids = compared.rests_on()
        if not actor.everything:
            seen = frozenset(one for (one,) in store.read(visible(ids, actor)))
        return compared.report(seen, same_records=reading.fingerprint == run.fingerprint, asked=label)

    @staticmethod
    def _chosen(runs: SavedRuns, label: str, actor: Actor) -> SavedRun | None:
        return runs.find(label, actor) if label else runs.newest(GAPS.name, actor)

    def edition(self) -> tuple[Edition, ...]:
        """Return what is another whenever a file of the folder is."""
        return tuple(self._files())

    def state(self, name: str) -> tuple[Hashable, ...]:
        """Return what is another whenever a file changes on which a report of this name rests."""
        saved = self._runs.edition() if self._runs and name == CHANGES.name else ()
        return (*self.edition(), *saved)

    def _sites(self) -> dict[str, SiteReport | BrokenReport]:
        """Return what the files hold, by their names; one that changed is read again, one that is gone forgotten."""
        self._read = read = {file: self._read.get(file) or _opened(file.path) for file in self._files()}
        return {file.path.stem: _told(file.path, one) for file, one in read.items()}

    def _files(self) -> Iterator[Edition]:
        with suppress(OSError):
            for path in sorted(self._folder.glob("*.cypher") if self._folder else [])[:MOST_FILES]:
                if path.is_file():
                    told = path.stat()
                    yield Edition(path, told.st_mtime_ns, told.st_size)


def _opened(path: Path) -> SiteReport | Fault:
    try:
        return read_report(_named(path), _content(path))
    except Fault as fault:
        return fault


def _told(path: Path, read: SiteReport | Fault) -> SiteReport | BrokenReport:
    """Return what a file holds, a fault of it as a sentence in the language of the moment."""
    if not isinstance(read, Fault):
        return read
    return BrokenReport(_("{file}, line {line}: {fault}").format(file=path.name, line=read.line, fault=read))


def _named(path: Path) -> str:
    name = path.stem
    if name in TAKEN:
        raise Fault(1, f"There is a report called {name} already; give the file another name.")
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise Fault(1, f"A file is named by at most {LONGEST_NAME} small letters, such as unused-data.cypher.")
    return name


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) <= MOST_BYTES:
            return content.decode()
    except OSError as error:
        raise Fault(1, f"It cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise Fault(content.count(b"\n", 0, error.start) + 1, "It is no UTF-8 text.") from None
    raise Fault(1, f"It holds more than {MOST_BYTES:,} bytes.")
