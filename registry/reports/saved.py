"""Saved runs of reports as JSON files, and the report `changes`, which compares a saved run with a new run."""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from registry.analysis.report import (
    Cell,
    Column,
    Confidence,
    Evidence,
    Report,
    ReportDefinition,
    ReportError,
    ReportRow,
    TextParameter,
    Value,
)
from registry.analysis.run_comparison import CHANGES as WORDS
from registry.analysis.run_comparison import RowChange, compare, described
from registry.analysis.snapshot import SnapshotArrays
from registry.clock import day_of, now
from registry.database.change_stamps import Kinds
from registry.database.driver import Cypher, Readable
from registry.i18n import _, day, language, ngettext, number
from registry.permissions import ANYBODY, Actor
from registry.reports.render import as_json, given

T = TypeVar("T")
LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
SUFFIX, NOT_SAVABLE = ".json", "changes"


class _SavedModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class SavedRow(_SavedModel):
    """A row in the file of a saved run; each cell is an extra field that has the name of its column."""

    model_config = ConfigDict(frozen=True, extra="allow")

    confidence: Confidence
    evidence: tuple[Evidence, ...]
    key: tuple[str, ...]

    def row(self) -> ReportRow:
        """Convert the saved row to a report row."""
        values = {name: tuple(one) if isinstance(one, list) else one for name, one in (self.model_extra or {}).items()}
        return ReportRow(values, self.evidence, self.confidence, self.key)


class SavedReport(_SavedModel):
    """The fields of a report that are saved; the rows are parsed on access."""

    name: str
    as_of: str
    parameters: Mapping[str, Value]
    found: int
    of: int | None
    unknown: int | None
    withheld: int | None
    rows: tuple[Mapping[str, Any], ...]


class SavedRun(_SavedModel):
    """A saved run of a report.

    Each record lists the names of the groups that may read it. `sight` has the names that the run had when it read the records.
    Only a user who has all names in `sight` may see the run. `fingerprint` identifies the data that the run read.
    `concerns` has the agencies that each row concerns; it is missing in runs that older versions saved.
    """

    label: str
    saved: str
    sight: tuple[str, ...]
    language: Literal["id", "en"]
    fingerprint: str
    report: SavedReport
    concerns: tuple[tuple[str, ...] | None, ...] | None = None

    def shown_to(self, actor: Actor) -> bool:
        """Return whether the actor may see every record that the run was allowed to read."""
        return actor.names() >= set(self.sight)

    @property
    def public(self) -> bool:
        """Whether everybody may see the saved run."""
        return set(self.sight) == {ANYBODY}

    def rows(self) -> list[ReportRow]:
        """Return the rows of the saved run. Raises ReportError for an invalid file."""
        try:
            rows = [one.row() for one in TypeAdapter(list[SavedRow]).validate_python(self.report.rows)]
        except ValidationError:
            raise _broken(self.label) from None
        concerns = self.concerns or [tuple(one.id for one in row.evidence if one.kind == "Agency") for row in rows]
        if len(concerns) != len(rows):
            raise _broken(self.label)
        return [replace(row, concerns=agencies) for row, agencies in zip(rows, concerns, strict=True)]


class Fingerprinted:
    """A store that also computes a fingerprint (SHA-256) of all data that are read from the store."""

    def __init__(self, store: Readable) -> None:
        self.store, self._hash = store, sha256()

    def read(self, cypher: Cypher) -> Sequence[Sequence[Any]]:
        """Run a query and return its rows. Raises StoreError."""
        rows = self.store.read(cypher)
        self._hash.update(orjson.dumps(rows, default=list))
        return rows

    def read_table(self, cypher: Cypher, most: int) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """Run a query and return the names of its columns and at most `most` rows. Raises StoreError."""
        names, rows = self.store.read_table(cypher, most)
        self._hash.update(orjson.dumps([names, rows], default=str))
        return names, rows

    def unchanged(self, work: Callable[[Readable], T], kinds: Kinds = None) -> tuple[T, bool]:
        """Run `work` until no record of these kinds changes meanwhile; only the last run counts for the fingerprint."""
        hashed = self._hash

        def last(_store: Readable) -> T:
            self._hash = hashed.copy()
            return work(self)

        return self.store.unchanged(last, kinds)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of all data read so far; reading equal data in the same order gives the same fingerprint."""
        return self._hash.hexdigest()


class SavedRuns:
    """The saved runs in a folder, which is created when the first run is saved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, name: str, label: str) -> None:
        """Raise ReportError if the report cannot be saved with this label because the label is invalid or already used."""
        if name == NOT_SAVABLE:
            raise ReportError(
                _("“{report}” compares a report with a saved run, so it cannot be saved itself.").format(
                    report=_(CHANGES.title)
                )
            )
        if not LABEL.fullmatch(label):
            sentence = _(
                "The label {label} is not allowed. Use at most 60 lower-case letters, digits, periods and hyphens, "
                "such as 2026-q4."
            )
            raise ReportError(sentence.format(label=label))
        if self._path(label).exists():
            raise _in_use(label)

    def save(self, label: str, report: Report, actor: Actor, fingerprint: str) -> Path:
        """Save atomically a run with the results that this actor sees, and return the path of the file. Raises ReportError."""
        self.check(report.name, label)
        head = {"label": label, "saved": now(), "sight": sorted(actor.names()), "language": language()}
        whole = {**head, "fingerprint": fingerprint, "report": orjson.Fragment(as_json(report))}
        whole["concerns"] = [row.concerns for row in report.rows]
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._path(label), orjson.dumps(whole))
        except OSError as error:
            sentence = _("The run cannot be saved in {folder}: {reason}.")
            raise ReportError(sentence.format(folder=self._folder, reason=error.strerror)) from None
        return self._path(label)

    def find(self, label: str, actor: Actor) -> SavedRun:
        """Return the saved run with this label. Raises ReportError if no run has this label, or if the actor may not see the run."""
        if LABEL.fullmatch(label) and self._path(label).is_file():
            run = _read(self._path(label))
            if run.shown_to(actor):
                return run
        raise ReportError(_("There is no saved run called {label} that you may see.").format(label=label))

    def newest(
        self,
        name: str,
        actor: Actor,
        parameters: Mapping[str, Value] | None = None,
        defaults: Mapping[str, Value] = MappingProxyType({}),
    ) -> SavedRun | None:
        """Return the latest saved run of a report that the actor may see; return None if the actor may see none.

        If `parameters` are given, only runs with the same parameters count. A parameter that a run of an older version lacks has
        its default.
        """
        seen = (run for run in self.listed() if run.report.name == name and run.shown_to(actor))
        if parameters is not None:
            seen = (run for run in seen if {**defaults, **run.report.parameters} == parameters)
        return max(seen, key=lambda run: run.saved, default=None)

    def listed(self, report_fault: Callable[[str], None] = lambda _sentence: None) -> Iterator[SavedRun]:
        """Yield all saved runs, ordered by label; `report_fault` is called with a message for each file that cannot be read."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            if LABEL.fullmatch(path.stem):
                try:
                    yield _read(path)
                except ReportError as error:
                    report_fault(str(error))

    def edition(self) -> tuple[tuple[str, int], ...]:
        """Return a value that changes whenever a saved run is added or removed."""
        return tuple((path.name, path.stat().st_mtime_ns) for path in sorted(self._folder.glob(f"*{SUFFIX}")))

    def remove(self, label: str) -> None:
        """Delete the saved run with this label. Raises ReportError if no run has this label."""
        if not LABEL.fullmatch(label) or not self._path(label).is_file():
            raise ReportError(_("There is no saved run called {label}.").format(label=label))
        self._path(label).unlink()

    def _path(self, label: str) -> Path:
        return self._folder / f"{label}{SUFFIX}"


def _read(path: Path) -> SavedRun:
    try:
        run = SavedRun.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise _broken(path.stem) from None
    return run.model_copy(update={"label": path.stem})


def _write(path: Path, content: bytes) -> None:
    """Write a new file atomically; only the owner of the file may read it. Raises ReportError if the file cannot be written."""
    number, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        raise _in_use(path.stem) from None
    finally:
        with suppress(OSError):
            Path(draft).unlink()


def _in_use(label: str) -> ReportError:
    sentence = _("There is already a saved run called {label}. Choose another label, or remove the run first.")
    return ReportError(sentence.format(label=label))


def _broken(label: str) -> ReportError:
    sentence = _("The saved run {label} cannot be used: its file cannot be read, or was saved by another version.")
    return ReportError(sentence.format(label=label))


RUN = TextParameter(
    "run",
    "Saved run",
    "The label of the saved run to compare with. Leave it empty for the latest run of “Collaboration gaps”.",
    60,
)

CHANGES = ReportDefinition(
    "changes",
    "Changes since a saved run",
    "What has changed in a report since a saved run?",
    "The saved report (registry report NAME --save LABEL) is run again on the current records, with the same "
    "parameters, language and access rights. A row of one run matches a row of the other run if both have the same "
    "records and codes. New rows come first, then rows that are gone, then rows with another rank (the largest "
    "change first), and last the rows in which only values differ. Ranks are compared only among the rows that are "
    "in both runs, and as few rows as possible are listed as moved (Schensted 1961). Values that change from day to "
    "day although no record has changed, such as a number of days, are not compared.",
    (),
    (
        Column("change", "Change", "code", "How the row has changed.", words=WORDS),
        Column("what", "Subject", "text", "The subject of the row."),
        Column("differences", "Before and now", "texts", "The values that have changed, before and now."),
        Column("rank_before", "Rank before", "integer", "The rank before, among the rows in both runs."),
        Column("rank_now", "Rank now", "integer", "The rank now, among the rows in both runs."),
    ),
    (RUN,),
    key=("change", "what"),
    counts="Rows that differ",
    concern="A row concerns the agencies that the row of the compared report concerns.",
    finding=lambda row: row.key,
)  # fmt: skip


def nothing_saved(arrays: SnapshotArrays, *, run: str = "") -> Report:
    """Return the report `changes` for the case that no run is saved."""
    return nothing_to_compare(arrays.as_of, run)


def nothing_to_compare(as_of: str, run: str) -> Report:
    """Return the report `changes` for the case that the reader may not see any saved run to compare with."""
    note = _(
        "There is no saved run that you may see. To save a run, use: registry report gaps --save LABEL. "
        "Add --public to let everybody see the run."
    )
    return CHANGES.answer(as_of, [], found=0, of=0, notes=[note], run=run)


class Changes:
    """A comparison of a saved run with a new run of the same report, in the language of the saved run."""

    def __init__(self, run: SavedRun, question: ReportDefinition, now: Report) -> None:
        self._run, self._question, self._now = run, question, now
        self._compared = compare(now.columns, run.rows(), now.rows)
        self._changed = [one for one in self._compared if one.change != "same"]

    def rests_on(self) -> frozenset[str]:
        """Return the ids of the records that are evidence of changed or gone rows."""
        return frozenset(one.id for change in self._changed if change.then for one in change.then.evidence)

    def report(
        self, visible: Collection[str], *, same_records: bool, label: str, selection: frozenset[str] | None = None
    ) -> Report:
        """Return the report `changes`. With a selection, `of` counts only the rows that concern one of the selected agencies.

        A previous value, or a row that is gone, is shown only if its records are `visible`. All other rows that are gone are only
        counted.
        """
        shown = [one for one in self._changed if one.now or _all_visible(one, visible)]
        rows = [self._row(one, _all_visible(one, visible)) for one in shown]
        notes = [*self._comparison_notes(), *self._cause_notes(same_records)]
        if hidden := len(self._changed) - len(shown):
            sentence = ngettext(
                "{n} row of the saved run is not shown: you may no longer see all its records, or they are deleted.",
                "{n} rows of the saved run are not shown: you may no longer see all their records, or they are "
                "deleted.",
                hidden,
            )
            notes.append(sentence.format(n=number(hidden)))
        of = sum(selection is None or not selection.isdisjoint(one.row.concerns or ()) for one in self._compared)
        report = CHANGES.answer(
            self._now.as_of, rows, found=len(shown), of=of, unknown=hidden,
            withheld=self._now.withheld, notes=notes, run=label,
        )  # fmt: skip
        return replace(report, withholds_rows=self._now.withholds_rows)

    def _row(self, one: RowChange, whole: bool) -> ReportRow:
        values: dict[str, Cell] = {
            "change": one.change,
            "what": described(self._question, self._now.columns, one.row),
            "differences": one.differences if whole else (),
            "rank_before": one.place_then,
            "rank_now": one.place_now,
        }
        key, concerns = (one.change, *one.row.key), one.row.concerns or ()
        return ReportRow(values, one.row.evidence, one.row.confidence, key, concerns)

    def _comparison_notes(self) -> Sequence[str]:
        then = self._run.report
        counts: Counter[str] = Counter(one.change for one in self._changed)
        saved = _("Compared with the saved run {label} of “{report}” as of {day}, saved on {saved}. Findings: {found}.")
        current = _(
            "Findings as of {day}: {found}. Rows that are new: {new}; gone: {gone}; with another rank: {moved}; with "
            "other values only: {changed}."
        )
        notes = [
            saved.format(
                label=self._run.label, report=_(self._question.title), day=day(then.as_of), saved=day(day_of(self._run.saved)),
                found=_found_text(then.found, then.of),
            ),
            current.format(
                day=day(self._now.as_of), found=_found_text(self._now.found, self._now.cases),
                **{change: number(counts[change]) for change in WORDS},
            ),
        ]  # fmt: skip
        return [
            *notes,
            *_parameter_note(then.parameters, {one.name: _(one.label) for one in self._question.all_parameters}),
        ]

    def _cause_notes(self, same_records: bool) -> Sequence[str]:
        """Return notes on causes of differences other than changed records, such as another day or language."""
        notes = []
        if same_records:
            notes.append(
                _("The records have not changed since the saved run; the differences come from the date alone.")
            )
        if self._run.language != language():
            notes.append(_("The rows below are in the language of the saved run."))
        return notes


def _found_text(found: int, of: int | None) -> str:
    return number(found) if of is None else _("{n} of {m}").format(n=number(found), m=number(of))


def _parameter_note(parameters: Mapping[str, Value], labels: Mapping[str, str]) -> Sequence[str]:
    if not parameters:
        return ()
    texts = ", ".join(f"{labels[name]}: {given(value)}" for name, value in parameters.items() if value != "")
    return [_("Both runs have the same parameters: {parameters}.").format(parameters=texts)] if texts else []


def _all_visible(one: RowChange, visible: Collection[str]) -> bool:
    return one.then is None or all(record.id in visible for record in one.then.evidence)
