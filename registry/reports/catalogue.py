"""The catalogue of reports, and the functions that run a report."""

import gc
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

from registry.analysis.agency_measures import AGENCY_MEASURES, agency_measures
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
    Report,
    ReportDefinition,
    ReportError,
    ReportForbidden,
    UnknownReport,
    Value,
    read_parameters,
    suggestion,
)
from registry.analysis.reuse import REUSE, reuse
from registry.analysis.scope import Scope, limited_to, read_scope, scope_reads
from registry.analysis.sector_gaps import SECTOR_GAPS, sector_gaps
from registry.analysis.snapshot import Snapshot, SnapshotArrays, make_snapshot
from registry.analysis.ties import LEAVE_OUT, read_rules, tie_notes
from registry.analysis.what_if import WHAT_IF, what_if
from registry.clock import today
from registry.database.change_stamps import Kinds
from registry.database.driver import Readable
from registry.database.exploration import visible
from registry.database.extract import kinds_read, read_lists
from registry.i18n import _, language, number, use_language
from registry.permissions import Actor, Role, actor_named
from registry.reports.custom import CustomReport, Fault, read_header
from registry.reports.render import withhold_small_counts
from registry.reports.saved import (
    CHANGES,
    RUN,
    Changes,
    Fingerprinted,
    SavedRun,
    SavedRuns,
    nothing_saved,
    nothing_to_compare,
)
from registry.reports.series import NAME as SERIES
from registry.reports.series import DateRange, RecordedAgreements, run_series

_REPORTS: Sequence[tuple[ReportDefinition, Callable[..., Report]]] = (
    (GAPS, gaps),
    (COVERAGE, coverage),
    (SECTOR_GAPS, sector_gaps),
    (NETWORK, whole_network),
    (COMMUNITIES, communities),
    (AGENCY_MEASURES, agency_measures),
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
DEFINITIONS: Mapping[str, ReportDefinition] = {question.name: question for question, _answer in _REPORTS}
_ANSWERS: Mapping[str, Callable[..., Report]] = {question.name: answer for question, answer in _REPORTS}


def run_report(
    store: Readable,
    name: str,
    actor: Actor,
    as_of: str | date | None = None,
    params: Mapping[str, object] | None = None,
) -> Report:
    """Run a built-in report for a day (today if None), on the records that the actor may see.

    `params` may be numbers or text. Texts are in the current language. Raises ReportError for an invalid request, and StoreError.
    """
    question, day = find_definition(name), read_day(as_of)
    values = read_parameters(question, params or {})
    with _garbage_collection_paused():
        examined, scope, notes = _read(store, question, actor, values)
        report = _analyse(question, SnapshotArrays.of(examined, day), values, scope)
    return replace(report, notes=(*report.notes, *notes))


def _read(
    store: Readable, question: ReportDefinition, actor: Actor, values: Mapping[str, Value]
) -> tuple[Snapshot, Scope | None, Sequence[str]]:
    """Read the records that the report examines, and the agencies that its parameters select. Raises ReportError and StoreError.

    Also return a note if records changed while they were read.
    """
    types = tuple(dict.fromkeys((*question.reads, *scope_reads(values))))
    lists, unchanged = read_lists(store, types, actor)
    known = make_snapshot(types, lists)
    note = _(
        "Records changed while this report read them, so that it may combine values from before and after a change."
    )
    examined = Snapshot(**{name: getattr(known, name) for name in question.reads})
    return examined, read_scope(known, values), () if unchanged else (note,)


def run_on_snapshot(
    known: Snapshot, name: str, as_of: str | date | None = None, params: Mapping[str, object] | None = None
) -> Report:
    """Run a built-in report on a snapshot of the records. Raises ReportError for an invalid request."""
    return report_on(SnapshotArrays.of(known, read_day(as_of)), name, params)


def report_on(arrays: SnapshotArrays, name: str, params: Mapping[str, object] | None = None) -> Report:
    """Run a built-in report on the arrays of a snapshot. Raises ReportError for an invalid request."""
    question = find_definition(name)
    values = read_parameters(question, params or {})
    with _garbage_collection_paused():
        return _analyse(question, arrays, values, read_scope(arrays.snapshot, values))


def _analyse(
    question: ReportDefinition, arrays: SnapshotArrays, values: Mapping[str, Value], scope: Scope | None
) -> Report:
    """Run the analysis with its own parameters, and apply the common parameters: the scope selects rows, never ties."""
    run = partial(_ANSWERS[question.name], **{one.name: values[one.name] for one in question.parameters})
    arrays = replace(arrays, selection=scope and scope.agencies, rules=read_rules(values))
    report = replace(run(arrays), parameters=values)
    if LEAVE_OUT.name in values:
        report = replace(report, notes=(*report.notes, *tie_notes(question, arrays, report, run)))
    return limited_to(scope, report, DEFINITIONS) if scope else report


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Suspend garbage collection until the `with` block ends.

    Otherwise, garbage collection would check all records of the snapshot repeatedly; this takes a quarter of the time of a report.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def find_definition(name: str, among: Mapping[str, ReportDefinition] = DEFINITIONS) -> ReportDefinition:
    """Return the definition of the report with this name. Raises UnknownReport, which suggests the most similar name."""
    if name in among:
        return among[name]
    raise UnknownReport(_("There is no report called “{name}”.").format(name=name) + suggestion(name, list(among)))


def read_day(day: str | date | None) -> str:
    """Return the day as ISO 8601 text, today if `day` is None. Raises ReportError for an invalid day."""
    if day is None:
        return today()
    try:
        return (day if isinstance(day, date) else date.fromisoformat(day.strip())).isoformat()[:10]
    except ValueError:
        raise ReportError(
            _("{day} is not a date. Enter a date such as {example}.").format(day=day, example="2026-11-25")
        ) from None


NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
LONGEST_NAME = 40
# "graphql" and "schema" are used by addresses, "reports" by the catalogue in GraphQL, and SERIES is the name of a series
TAKEN = ("graphql", "schema", "reports", SERIES, *DEFINITIONS)
MOST_FILES, MOST_BYTES = 200, 100_000


class Edition(NamedTuple):
    """One version of a file, identified by its path, modification time and size."""

    path: Path
    changed: int
    size: int


class Library:
    """The built-in reports, and the custom reports in a folder; every access checks whether files of the folder have changed.

    All entry points (pages, APIs and commands) find and run reports here. Therefore this class also checks whether the actor may
    run a custom report.
    """

    def __init__(self, folder: Path | None = None, runs: SavedRuns | None = None, smallest_count: int = 0) -> None:
        self._folder, self._runs, self._smallest_count = folder, runs, smallest_count
        self._read: dict[Edition, CustomReport] = {}

    def questions(self, actor: Actor) -> Mapping[str, ReportDefinition]:
        """Return the definitions of the reports that the actor may run, in the current language; built-in reports come first."""
        custom = (one for one in self._custom_reports().values() if isinstance(one, CustomReport))
        return {**DEFINITIONS, **{one.name: one.definition for one in custom if actor.has_role(one.role)}}

    def faults(self) -> list[BrokenReport]:
        """Return an error for each file in the folder that cannot be used as a custom report."""
        return [one for one in self._custom_reports().values() if isinstance(one, BrokenReport)]

    def find(self, name: str, actor: Actor) -> ReportDefinition:
        """Return the definition of a report that the actor may run.

        Raises UnknownReport if the report does not exist, ReportForbidden if the actor may not run the report, and BrokenReport if
        the file of the report cannot be used.
        """
        if name in DEFINITIONS or (custom := self._custom_reports().get(name)) is None:
            return find_definition(name, self.questions(actor))
        if isinstance(custom, BrokenReport):
            raise custom if actor.is_admin else BrokenReport(_unusable(name))
        if not actor.has_role(custom.role):
            raise ReportForbidden(_forbidden(name, custom.role))
        return custom.definition

    def run(
        self,
        store: Readable,
        name: str,
        actor: Actor,
        as_of: str | date | None = None,
        params: Mapping[str, object] | None = None,
    ) -> Report:
        """Run a built-in or custom report for an actor; the arguments are those of `run_report`. Raises ReportError and StoreError.

        A small count is withheld if it concerns records of which the actor sees only the summary. If the actor may see all
        records, no count is withheld.
        """
        self.find(name, actor)
        report = self._run(store, name, actor, as_of, params)
        if name == GAPS.name and self._runs:
            # What the comparison reads is not part of the fingerprint of this run.
            plain = store.store if isinstance(store, Fingerprinted) else store
            return replace(report, since=self._since(self._runs, plain, report, actor))
        return report

    def _since(self, runs: SavedRuns, store: Readable, report: Report, actor: Actor) -> Report:
        """Return the report `changes` since the last saved run with the same parameters that the actor may see.

        If there is none, a report that is limited to some agencies is compared with the last saved run about all agencies.
        """
        defaults = {one.name: one.default for one in GAPS.all_parameters}
        run, scope = runs.newest(report.name, actor, report.parameters, defaults), None
        if run is None and report.scope:
            run = runs.newest(
                report.name, actor, {**report.parameters, **dict.fromkeys(report.scope_names, "")}, defaults
            )
            scope = self._scope(store, actor, report.parameters)
        if run is None:
            note = _(
                "No earlier run of this report with the same parameters is saved that you may see. To save a run, use: "
                "registry report gaps --save LABEL. Add --public to let everybody see the run."
            )
            return replace(nothing_to_compare(report.as_of, ""), notes=(note,))
        same_view = set(run.sight) == actor.names() and run.language == language()
        if scope is None:
            return self._compared(store, actor, report.as_of, run, run.label, now=report if same_view else None)
        changes = self._compared(store, actor, report.as_of, run, run.label, scope)
        return replace(limited_to(scope, changes, DEFINITIONS), notes=changes.notes)

    def run_series(
        self,
        store: Readable,
        name: str,
        actor: Actor,
        dates: DateRange,
        params: Mapping[str, object] | None = None,
    ) -> Report:
        """Run a report for an actor on each date of a series, and return a report with a row for each date.

        The records are read once; a custom report reads them for each date. Raises ReportError and StoreError.
        """
        definition = self.find(name, actor)
        values = read_parameters(definition, params or {})
        if isinstance(custom := self._custom_reports().get(name), CustomReport):
            run = partial(custom.run, store, actor, parameters=values)
            return run_series(definition, dates, values, lambda day: self._withhold(run(as_of=day), actor))
        examined, scope, notes = _read(store, definition, actor, values)
        arrays = SnapshotArrays.of(examined, dates.first)  # puts the records in order, which is the same on every day
        quick = {**values, LEAVE_OUT.name: 0} if LEAVE_OUT.name in values else values  # it changes only notes

        def run_built_in(day: str) -> Report:
            with _garbage_collection_paused():
                report = _analyse(definition, replace(arrays, as_of=day), quick, scope)
            return self._withhold(report, actor)

        agreements = RecordedAgreements.of(examined) if "partnerships" in definition.reads else None
        report = run_series(definition, dates, values, run_built_in, agreements, scope)
        return replace(report, notes=(*report.notes, *notes))

    def _withhold(self, report: Report, actor: Actor) -> Report:
        return report if actor.is_admin else withhold_small_counts(report, self._smallest_count)

    def _run(
        self,
        store: Readable,
        name: str,
        actor: Actor,
        as_of: str | date | None,
        params: Mapping[str, object] | None,
    ) -> Report:
        """Run a report without checking whether the actor may run it."""
        custom = self._custom_reports().get(name)
        if name == CHANGES.name:
            values = read_parameters(CHANGES, params or {})
            scope = self._scope(store, actor, values)
            report = self._changes(store, actor, read_day(as_of), str(values[RUN.name]), scope)
            report = replace(report, parameters=values)
            report = limited_to(scope, report, DEFINITIONS) if scope else report
        elif name in DEFINITIONS or not isinstance(custom, CustomReport):
            report = run_report(store, name, actor, as_of, params)
        else:
            values = read_parameters(custom.definition, params or {})
            report = custom.run(store, actor, read_day(as_of), values)
        return self._withhold(report, actor)

    @staticmethod
    def _scope(store: Readable, actor: Actor, values: Mapping[str, Value]) -> Scope | None:
        """Return the agencies that the parameters select, or None if no parameter of the scope is given. Raises ReportError."""
        types = scope_reads(values)
        if not types:
            return None
        answer, _unchanged = read_lists(store, types, actor)
        return read_scope(make_snapshot(types, answer), values)

    def _changes(self, store: Readable, actor: Actor, as_of: str, label: str, scope: Scope | None) -> Report:
        """Compare a saved run with a new run of its report; the new run reads the records that readers of the saved run may see."""
        if self._runs is None or (run := self._run_to_compare(self._runs, label, actor)) is None:
            return nothing_to_compare(as_of, label)
        return self._compared(store, actor, as_of, run, label, scope)

    def _compared(
        self,
        store: Readable,
        actor: Actor,
        as_of: str,
        run: SavedRun,
        label: str,
        scope: Scope | None = None,
        now: Report | None = None,
    ) -> Report:
        """Compare a saved run with a new run of its report, as far as the actor may see the records.

        `now` is a new run in the language and with the access rights of the saved run; if it is None, the report is run.
        """
        saved_report, reading = run.report, Fingerprinted(store)
        definition = self.find(saved_report.name, actor)
        if now is None:
            with use_language(run.language):
                now = self._run(reading, saved_report.name, actor_named(run.sight), as_of, saved_report.parameters)
        compared = Changes(run, definition, now)
        seen = ids = compared.rests_on()
        if not actor.is_admin:
            seen = frozenset(row[0] for row in store.read(visible(ids, actor)))
        same_records = reading.fingerprint == run.fingerprint
        return compared.report(
            seen, same_records=same_records, label=label, selection=scope.agencies if scope else None
        )

    @staticmethod
    def _run_to_compare(runs: SavedRuns, label: str, actor: Actor) -> SavedRun | None:
        return runs.find(label, actor) if label else runs.newest(GAPS.name, actor)

    def edition(self) -> tuple[Edition, ...]:
        """Return a value that changes whenever a file in the folder of custom reports changes."""
        return tuple(self._files())

    def state(self, name: str) -> tuple[Hashable, ...]:
        """Return a value that changes whenever a file that the report depends on changes."""
        saved = self._runs.edition() if self._runs and name in (CHANGES.name, GAPS.name) else ()
        return (*self.edition(), *saved)

    def kinds_read(self, name: str, values: Mapping[str, Value]) -> Kinds:
        """Return the kinds whose records a report depends on; `values` are its parameters. The report must exist."""
        if isinstance(custom := self._custom_reports().get(name), CustomReport):
            return custom.kinds_read
        reads = (*DEFINITIONS[name].reads, *scope_reads(values))
        return None if name == CHANGES.name else kinds_read(reads)

    def _custom_reports(self) -> dict[str, CustomReport | BrokenReport]:
        """Return the custom reports by name. Changed files are read again. If a file was deleted, its report is dropped."""
        found = {file: self._read.get(file) or _read_file(file.path) for file in self._files()}
        self._read = {file: one for file, one in found.items() if isinstance(one, CustomReport)}
        return {file.path.stem: one for file, one in found.items()}

    def _files(self) -> Iterator[Edition]:
        with suppress(OSError):
            for path in sorted(self._folder.glob("*.cypher") if self._folder else [])[:MOST_FILES]:
                if path.is_file():
                    stat = path.stat()
                    yield Edition(path, stat.st_mtime_ns, stat.st_size)


def _forbidden(name: str, role: Role) -> str:
    if role is Role.ADMIN:
        sentence = _(
            "The report {name} is only for administrators. Log in as an administrator, or ask an "
            "administrator to run the report."
        )
    else:
        sentence = _(
            "The report {name} is only for analysts, coordinators, approvers and administrators. Log in with one of these"
            " roles, or ask an administrator for one."
        )
    return sentence.format(name=name)


def _unusable(name: str) -> str:
    return _("The report {name} cannot be used at present. Ask an administrator for the reason.").format(name=name)


def _read_file(path: Path) -> CustomReport | BrokenReport:
    """Return the custom report in a file; if the file cannot be used, return an error in the current language."""
    try:
        return CustomReport(_report_name(path), *read_header(_content(path)))
    except Fault as fault:
        return BrokenReport(_("{file}, line {line}: {fault}").format(file=path.name, line=fault.line, fault=fault))


def _report_name(path: Path) -> str:
    name = path.stem
    if name in TAKEN:
        raise Fault(1, _("There is already a report called {name}. Rename the file.").format(name=name))
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        sentence = _(
            "Rename the file: its name has at most {n} lower-case letters, digits and hyphens, such as unused-data.cypher."
        )
        raise Fault(1, sentence.format(n=LONGEST_NAME))
    return name


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) <= MOST_BYTES:
            return content.decode()
    except OSError as error:
        raise Fault(1, _("The file cannot be read: {reason}.").format(reason=error.strerror)) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Fault(line, _("The file is not UTF-8 text. Save it as UTF-8.")) from None
    raise Fault(1, _("The file is longer than {n} bytes. Shorten it.").format(n=number(MOST_BYTES)))
