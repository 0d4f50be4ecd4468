"""Runs of reports that are kept to compare with later: a file each, JSON, in a folder of the data directory."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from registry.access import ANYBODY, Actor
from registry.clock import now
from registry.reports.render import as_json
from registry.reports.report import Confidence, Evidence, Report, ReportError, Row, Value
from registry.words import _, language

LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
ENDING, UNKEPT = ".json", "changes"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class KeptRow(_Part):
    """A row as it is kept; its values stand beside what is named here."""

    model_config = ConfigDict(frozen=True, extra="allow")

    confidence: Confidence
    evidence: tuple[Evidence, ...]
    key: tuple[str, ...]

    def row(self) -> Row:
        """Return it as every report has it."""
        values = {name: tuple(one) if isinstance(one, list) else one for name, one in (self.model_extra or {}).items()}
        return Row(values, self.evidence, self.confidence, self.key)


class KeptReport(_Part):
    """What a saved run needs to know of its report; its rows are read when they are asked for."""

    name: str
    as_of: str
    parameters: Mapping[str, Value]
    found: int
    of: int
    unknown: int
    withheld: int
    rows: tuple[Mapping[str, Any], ...]


class SavedRun(_Part):
    """A run: when, on whose sight (the names by which records list their readers), in which language, of which data."""

    label: str
    saved: str
    sight: tuple[str, ...]
    language: Literal["id", "en"]
    fingerprint: str
    report: KeptReport

    def shown_to(self, actor: Actor) -> bool:
        """Tell whether the actor may see all that the run was made from."""
        return actor.names() >= set(self.sight)

    @property
    def public(self) -> bool:
        """Whether everybody may see it."""
        return set(self.sight) == {ANYBODY}

    def rows(self) -> list[Row]:
        """Return its rows. Raises ReportError."""
        try:
            return [one.row() for one in TypeAdapter(list[KeptRow]).validate_python(self.report.rows)]
        except ValidationError:
            raise _broken(self.label) from None


class SavedRuns:
    """The runs in a folder, which is made when the first one is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, name: str, label: str) -> None:
        """Raise ReportError where no run of the report can be kept under the label: it is not well made, or taken."""
        if name == UNKEPT:
            raise ReportError(_("The report {name} compares with a saved run and cannot be one.").format(name=name))
        if not LABEL.fullmatch(label):
            sentence = _(
                "A label has at most 60 small letters, digits, points and hyphens, such as 2026-q4; not {label}."
            )
            raise ReportError(sentence.format(label=label))
        if self._path(label).exists():
            raise _taken(label)

    def keep(self, label: str, report: Report, actor: Actor, fingerprint: str) -> Path:
        """Write a run as this actor saw it, whole or not at all, and return where. Raises ReportError."""
        self.check(report.name, label)
        told = {"label": label, "saved": now(), "sight": sorted(actor.names()), "language": language()}
        whole = {**told, "fingerprint": fingerprint, "report": orjson.Fragment(as_json(report))}
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._path(label), orjson.dumps(whole))
        except OSError as error:
            sentence = _("The run cannot be kept in {folder}: {reason}.")
            raise ReportError(sentence.format(folder=self._folder, reason=error.strerror)) from None
        return self._path(label)

    def find(self, label: str, actor: Actor) -> SavedRun:
        """Return the run with this label that the actor may see. Raises ReportError."""
        if LABEL.fullmatch(label) and self._path(label).is_file():
            run = _read(self._path(label))
            if run.shown_to(actor):
                return run
        raise ReportError(_("There is no saved run called {label} that you may see.").format(label=label))

    def newest(self, name: str, actor: Actor) -> SavedRun | None:
        """Return the last run of a report that the actor may see, if there is any."""
        seen = (run for run in self.listed() if run.report.name == name and run.shown_to(actor))
        return max(seen, key=lambda run: run.saved, default=None)

    def listed(self, tell: Callable[[str], None] = lambda _sentence: None) -> Iterator[SavedRun]:
        """Yield all runs in the order of their labels; of a file that cannot be used a sentence is told."""
        for path in sorted(self._folder.glob(f"*{ENDING}")):
            if LABEL.fullmatch(path.stem):
                try:
                    yield _read(path)
                except ReportError as error:
                    tell(str(error))

    def edition(self) -> tuple[tuple[str, int], ...]:
        """Return what is another whenever a run is kept or removed."""
        return tuple((path.name, path.stat().st_mtime_ns) for path in sorted(self._folder.glob(f"*{ENDING}")))

    def remove(self, label: str) -> None:
        """Delete a run. Raises ReportError."""
        if not LABEL.fullmatch(label) or not self._path(label).is_file():
            raise ReportError(_("There is no saved run called {label}.").format(label=label))
        self._path(label).unlink()

    def _path(self, label: str) -> Path:
        return self._folder / f"{label}{ENDING}"


def _read(path: Path) -> SavedRun:
    try:
        run = SavedRun.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise _broken(path.stem) from None
    return run.model_copy(update={"label": path.stem})


def _write(path: Path, content: bytes) -> None:
    """Write a new file for its owner alone, which is there as a whole or not at all. Raises ReportError."""
    number, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        raise _taken(path.stem) from None
    finally:
        with suppress(OSError):
            Path(draft).unlink()


def _taken(label: str) -> ReportError:
    sentence = _("There is a saved run called {label} already; choose another label, or remove it first.")
    return ReportError(sentence.format(label=label))


def _broken(label: str) -> ReportError:
    sentence = _("The saved run {label} cannot be used: its file cannot be read, or is none of this version.")
    return ReportError(sentence.format(label=label))
