"""Look after the engine's database: check it, back it up, bring a backup back."""

import shutil
import subprocess
from pathlib import Path

from registry.engine import java
from registry.engine.contact import DATABASE, Engine, EngineError, sql
from registry.engine.directory import alone, prepare, process_of, state_of

SENTENCES = ("warnings", "topMissingReferences")
RECORDS = {
    "undecodableRecords": "A record cannot be read",
    "constraintViolatingRecords": "A record breaks a constraint",
    "corruptedIndexes": "An index is damaged",
    "unreadableStripeDirectories": "A folder cannot be read",
}


def check(engine: Engine) -> list[str]:
    """Check every record, link and index of the database; return one line per finding, none when it is sound.

    Nothing is changed. Raises EngineError when the engine refuses or does not answer.
    """
    [found] = sql(engine, "CHECK DATABASE")
    lines = [str(line) for name in SENTENCES for line in found.get(name, [])]
    return lines + [f"{meaning}: {record}" for name, meaning in RECORDS.items() for record in found.get(name, [])]


def backup(engine: Engine, to: Path) -> Path:
    """Write a consistent copy of the database, made while it is in use, to the file or folder ``to``; return the file.

    The copy holds the records and their schema, not the passwords. Raises EngineError when it cannot be written.
    """
    [made] = sql(engine, "BACKUP DATABASE")
    source = engine.data / "backups" / DATABASE / made["backupFile"]
    try:
        return Path(shutil.move(source, to))
    except OSError as problem:
        raise EngineError(f"The backup cannot be written to {to} ({problem.strerror}): it is at {source}.") from problem


def restore(data: Path, archive: Path) -> None:
    """Put the database of the backup ``archive`` in the place of the one in ``data``, whose engine must be stopped.

    Raises EngineError when the engine runs, or the archive is not there or not a backup; then nothing has changed.
    """
    data, archive = data.resolve(), archive.resolve()
    if not archive.is_file():
        raise EngineError(f"There is no backup at {archive}.")
    prepare(data)
    with alone(data):
        if process_of(data, state_of(data)):
            raise EngineError(f"The engine on {data} is running: stop it before you restore a backup.")
        _replace(data / "databases" / DATABASE, _unpacked(archive, data / "restoring"))


def _unpacked(archive: Path, into: Path) -> Path:
    shutil.rmtree(into, ignore_errors=True)
    # The restorer takes names in its working directory only.
    done = subprocess.run(java.restorer(archive.name, into), cwd=archive.parent, capture_output=True, check=False)
    if done.returncode or not (into / "schema.json").is_file():
        shutil.rmtree(into, ignore_errors=True)
        raise EngineError(f"{archive} is not a backup of a registry: nothing was changed.")
    return into


def _replace(database: Path, restored: Path) -> None:
    replaced = restored.with_name("replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    database.parent.mkdir(exist_ok=True)
    if database.exists():
        database.rename(replaced)
    restored.rename(database)
    shutil.rmtree(replaced, ignore_errors=True)
