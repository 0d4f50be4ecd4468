"""Every report that there is: the registry's own, and those that a site keeps as files in its folder."""

import re
from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

from registry.access import Actor, seeing
from registry.analysis.gaps import GAPS
from registry.cypher.tokens import Fault
from registry.cypher.visible import visible
from registry.reports.catalogue import QUESTIONS, find_question, read_day, run_report
from registry.reports.changes import CHANGES, RUN, Changes, nothing_to_compare
from registry.reports.parameters import read_parameters
from registry.reports.reading import Fingerprinted, Readable
from registry.reports.report import BrokenReport, Question, Report
from registry.reports.saved import SavedRun, SavedRuns
from registry.reports.site import SiteReport, read_report
from registry.reports.small import without_small_counts
from registry.words import _, speaking

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

    def questions(self) -> Mapping[str, Question]:
        """Return what every report asks, by name, the registry's own first, in the language of the moment."""
        sites = (one for one in self._sites().values() if isinstance(one, SiteReport))
        return {**QUESTIONS, **{one.name: one.question for one in sites}}

    def faults(self) -> list[BrokenReport]:
        """Return for each file that cannot be used why."""
        return [one for one in self._sites().values() if isinstance(one, BrokenReport)]

    def find(self, name: str) -> Question:
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
