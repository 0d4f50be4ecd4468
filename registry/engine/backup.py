"""Check, back up and restore the database of the embedded engine."""

import contextlib
import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

from registry.config import SAVED_RUNS
from registry.engine import files
from registry.engine.files import prepare, process_of, readable_errors, start_lock, state_of
from registry.engine.http import DATABASE, Engine, EngineError, sql

RUNS = "saved-runs.zip"
FINDING_FIELDS = ("warnings", "topMissingReferences")
RECORDS = {
    "undecodableRecords": "A record cannot be read",
    "constraintViolatingRecords": "A record breaks a constraint",
    "corruptedIndexes": "An index is damaged",
    "unreadableStripeDirectories": "A folder cannot be read",
}


def check(engine: Engine) -> list[str]:
    """Check every record, link and index of the database. Return one line per problem found.

    The check changes nothing. Raises EngineError if the engine rejects the command or does not respond.
    """
    [found] = sql(engine, "CHECK DATABASE")
    lines = [str(line) for name in FINDING_FIELDS for line in found.get(name, [])]
    return lines + [f"{meaning}: {record}" for name, meaning in RECORDS.items() for record in found.get(name, [])]


def backup(engine: Engine, to: Path) -> Path:
    """Write a consistent copy of the database to the file or folder ``to`` and return the file. The database may be in use.

    The copy contains the records, their schema and the saved runs of reports, but no passwords. Raises EngineError if the copy
    cannot be written.
    """
    backups = engine.data / "backups" / DATABASE
    with _deleting_leftovers(backups), readable_errors(engine.data):
        [made] = sql(engine, "BACKUP DATABASE")
        source = backups / made["backupFile"]
        _add_runs(source, engine.data / SAVED_RUNS)
    try:
        return _move(source, to / source.name if to.is_dir() else to)
    except OSError as problem:
        raise EngineError(f"Cannot write the backup to {to} ({problem.strerror}). It remains at {source}.") from problem


@contextlib.contextmanager
def _deleting_leftovers(folder: Path) -> Iterator[None]:
    """If the `with` block raises an exception, delete the files that the block created in a folder."""
    before = set(folder.glob("*"))
    try:
        yield
    except BaseException:
        for begun in set(folder.glob("*")) - before:
            begun.unlink(missing_ok=True)
        raise


def _add_runs(archive: Path, runs: Path) -> None:
    """Add the saved report runs to a backup archive, packed into one file because the engine's restore tool rejects folders."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as saved:
        for run in sorted(runs.glob("*.json")):
            saved.write(run, run.name)
    with zipfile.ZipFile(archive, "a") as whole:
        whole.writestr(RUNS, packed.getvalue())


def _move(source: Path, target: Path) -> Path:
    """Move a file atomically, even to another disk."""
    draft = target.with_name(f"{target.name}.part")
    try:
        shutil.move(source, draft)
        return draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def restore(data: Path, archive: Path) -> None:
    """Replace the database in ``data`` by the backup ``archive``. The caller must stop the engine first.

    If the archive contains saved report runs, they replace the present ones; older archives contain no saved runs. Raises
    EngineError if the engine runs, or if the archive is missing or invalid. After an EngineError, nothing has changed.
    """
    data, archive = data.resolve(), archive.resolve()
    if not archive.is_file():
        raise EngineError(f"There is no backup at {archive}.")
    prepare(data)
    with start_lock(data):
        if process_of(data, state_of(data)):
            raise EngineError(f"The engine on {data} is running. Stop it before you restore a backup.")
        restored = _unpack(archive, data / "restoring")
        runs = _unpack_runs(restored, data / "restoring-runs")
        _replace(data / "databases" / DATABASE, restored)
        if runs:
            _replace(data / SAVED_RUNS, runs)


def _unpack(archive: Path, into: Path) -> Path:
    shutil.rmtree(into, ignore_errors=True)
    try:
        # The engine's restore tool only accepts the name of a file in its working directory.
        done = subprocess.run(files.restorer(archive.name, into), cwd=archive.parent, capture_output=True, check=False)
        if done.returncode or not (into / "schema.json").is_file():
            raise EngineError(f"{archive} is not a backup of a registry. Nothing was changed.")
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    return into


def _unpack_runs(restored: Path, into: Path) -> Path | None:
    """Unpack the saved report runs beside a restored database.

    Return the folder of the runs, or None if the backup contains no runs.
    """
    packed = restored / RUNS
    if not packed.exists():
        return None
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(mode=0o700)
    with zipfile.ZipFile(packed) as saved:
        for name in saved.namelist():
            saved.extract(name, into)
    packed.unlink()
    return into


def _replace(database: Path, restored: Path) -> None:
    replaced = restored.with_name("replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    database.parent.mkdir(exist_ok=True)
    try:
        if database.exists():
            database.rename(replaced)
        restored.rename(database)
    except BaseException:
        if not database.exists():
            replaced.rename(database)
        raise
    shutil.rmtree(replaced, ignore_errors=True)
