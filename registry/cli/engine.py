"""Commands `registry engine` and `registry schema`: manage the embedded engine, and the constraints and indexes of the database."""

from pathlib import Path

import typer

from registry import engine
from registry.cli.output import info, out, print_json, print_table
from registry.config import Settings, load_settings
from registry.database import migrate
from registry.database.connect import open_store, running_engine
from registry.i18n import _, use_language
from registry.model.definitions import MODEL

engine_app = typer.Typer(help="The embedded engine.", no_args_is_help=True)
schema_app = typer.Typer(help="The constraints and indexes of the database.", no_args_is_help=True)
# If the settings select a Neo4j server, the message names the Neo4j command for the same task.
INSTEAD = {
    "start": "neo4j start",
    "stop": "neo4j stop",
    "status": "neo4j status",
    "check": "neo4j-admin database check",
    "backup": "neo4j-admin database dump",
    "restore": "neo4j-admin database load",
}
AS_JSON = typer.Option(False, "--json", help="Print JSON.")


def embedded_settings(command: str) -> Settings:
    """Return the settings.

    Raises EngineError if the settings select a Neo4j server, because this command does not manage that server.
    """
    settings = load_settings()
    if not settings.neo4j_uri:
        return settings
    with use_language(settings.lang):
        message = _(
            "NEO4J_URI is set, so the records are on a Neo4j server and not in the embedded engine. Use `{instead}` on that"
            " server, or unset NEO4J_URI to use the embedded engine in {data}."
        )
        if command in ("backup", "restore"):
            saved = _("The saved report runs are files in {folder}.")
            message = f"{message} {saved}"
        raise engine.EngineError(
            message.format(instead=INSTEAD[command], data=settings.data, folder=settings.saved_runs)
        )


@engine_app.command()
def start() -> None:
    """Start the embedded engine and leave it running after this command ends."""
    settings = embedded_settings("start")
    running = engine.start(settings.data, heap=settings.heap, detached=True, progress=info)
    out.print(f"The engine is running on {settings.data} at {running.uri}.", markup=False)


@engine_app.command()
def stop() -> None:
    """Stop the embedded engine of this data directory."""
    settings = embedded_settings("stop")
    info(f"Stopping the engine on {settings.data}.")
    stopped = engine.stop(settings.data)
    out.print("The engine has stopped." if stopped else f"No engine is running on {settings.data}.", markup=False)


@engine_app.command()
def status(as_json: bool = AS_JSON) -> None:
    """Show whether the embedded engine is running, its address and its data directory."""
    settings = embedded_settings("status")
    running = engine.find(settings.data)
    if as_json:
        print_json({"running": running is not None, "uri": running and running.uri, "pid": running and running.pid})
    elif running:
        out.print(f"The engine is running on {settings.data} at {running.uri}, process {running.pid}.", markup=False)
    else:
        out.print(f"No engine is running on {settings.data}.", markup=False)


@engine_app.command()
def check(as_json: bool = AS_JSON) -> None:
    """Check the files of the embedded database for errors. If errors are found, the exit code is 1."""
    settings = embedded_settings("check")
    with running_engine(settings, info) as running:
        findings = engine.check(running)
    if as_json:
        print_json({"sound": not findings, "findings": findings})
    else:
        print_findings(settings.data, findings)
    raise typer.Exit(1 if findings else 0)


def print_findings(data: Path, findings: list[str]) -> None:
    """Print the errors that a database check found."""
    for finding in findings:
        out.print(finding, markup=False)
    out.print(f"Errors found in {data}: {len(findings)}." if findings else f"{data} has no errors.", markup=False)


@engine_app.command()
def backup(to: Path = typer.Argument(Path(), help="The folder to write the archive to.")) -> None:
    """Write a backup of the embedded database and of the saved report runs. The engine can stay in use during the backup."""
    settings = embedded_settings("backup")
    with running_engine(settings, info) as running:
        archive = engine.backup(running, to)
    out.print(f"Wrote {archive}.", markup=False)


@engine_app.command()
def restore(archive: Path = typer.Argument(help="An archive written by `registry engine backup`.")) -> None:
    """Replace the embedded database and the saved report runs with those of a backup. Stop the engine first."""
    settings = embedded_settings("restore")
    engine.restore(settings.data, archive)
    out.print(f"Restored {settings.data} from {archive}.", markup=False)


@schema_app.command()
def show(as_json: bool = AS_JSON) -> None:
    """List the constraints and indexes of the model, and whether the database has each of them."""
    with open_store(load_settings(), info) as store:
        difference = migrate.compare(store, MODEL)
    states = {"present": difference.present, "missing": difference.missing, "surplus": difference.surplus}
    if as_json:
        print_json(states)
    else:
        print_table(["", "constraint or index"], [[state, name] for state, names in states.items() for name in names])


@schema_app.command()
def apply() -> None:
    """Bring the database up to date: create missing constraints and indexes, drop obsolete ones, and migrate the data."""
    with open_store(load_settings(), info) as store:
        difference = migrate.apply(store, MODEL, info)
    out.print(f"Created: {len(difference.missing)}. Dropped: {len(difference.obsolete)}.", markup=False)
