"""`registry load`, `registry sources` and `registry template`."""

from pathlib import Path

import typer

from loaders.result import LoadAborted, LoadResult
from loaders.run import run
from loaders.source import find_source, known_sources
from registry.cli.output import err, out, print_json, print_table, tell, warn
from registry.config import load_settings
from registry.database.connect import open_store
from registry.database.migrate import apply
from registry.database.write import sources as last_runs
from registry.model.definitions import MODEL
from registry.progress import showing

REFUSED = 2


def load(
    source: str = typer.Argument(help="A known source, or the path of a source's folder."),
    from_path: Path | None = typer.Option(None, "--from", help="The folder that holds the source's files."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read and check, but write nothing."),
    sweep: bool = typer.Option(True, help="Retire what the source no longer has."),
    retire_most: bool = typer.Option(
        False, help="Retire or clear also more than half of what the source gave of a kind."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Load a source: read, map, check, write, sweep. Exit code 2 when it is refused; then nothing is written."""
    settings = load_settings()
    try:
        chosen = find_source(source, settings)
    except LoadAborted as refusal:
        warn(str(refusal))
        raise typer.Exit(REFUSED) from None
    with open_store(settings, tell) as store, showing(err) as progress:
        apply(store, MODEL)
        outcome = run(
            store,
            chosen,
            from_path=from_path,
            dry_run=dry_run,
            sweep=sweep,
            retire_most=retire_most,
            progress=progress,
        )
    if as_json:
        print_json(outcome.as_json())
    else:
        print_outcome(outcome)
    raise typer.Exit(REFUSED if outcome.refused else 0)


def sources(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the known sources and when each was last loaded."""
    settings = load_settings()
    with open_store(settings, tell) as store:
        runs = {row[0][0]: row[0][1] for row in store.read(last_runs())}
    listed = [
        {
            "source": one.id,
            "format": one.format,
            "publisher": one.publisher,
            "licence": one.licence,
            "last run": (runs.get(one.id) or [None])[0],
        }
        for one in known_sources(settings)
    ]
    if as_json:
        print_json(listed)
    else:
        print_table(list(listed[0]), [list(one.values()) for one in listed])


def template(
    kind: str = typer.Argument(help="A kind of the model, such as agency."),
    output: Path | None = typer.Option(None, "-o", "--output", help="The file to write: .csv or .xlsx."),
) -> None:
    """Write an empty table of a kind, with a column guide, ready to fill in."""
    from loaders.tables import write_template  # imported here because only this command needs the XLSX writer

    path = output or Path(f"{kind}.xlsx")
    try:
        write_template(kind, path)
    except LoadAborted as refusal:
        warn(str(refusal))
        raise typer.Exit(REFUSED) from None
    out.print(f"Wrote {path}.", markup=False)


def print_clearings(outcome: LoadResult) -> None:
    """Print cleared values and links: each one in a dry run or aborted load, otherwise their numbers."""
    written = not (outcome.dry_run or outcome.refused)
    if not written:
        for one in outcome.clearings:
            tell(f"would be cleared: {one.of} of {one.record}: {one.value}")
    for of, number in outcome.cleared.items():
        tell(f"{number} of {of} {'cleared' if written else 'would be cleared'}.")


def print_outcome(outcome: LoadResult) -> None:
    """Print the result of a load: problems on stderr, counts on stdout."""
    for note in outcome.notes:
        tell(note)
    for problem in outcome.problems:
        cell = f", cell {problem.cell}" if problem.cell else ""
        place = f"{problem.file}, row {problem.row}{cell}, {problem.field} = {problem.value!r}"
        err.print(f"{problem.level}: {place}: {problem.message} (rule: {problem.rule})", markup=False)
    counted = sum(outcome.counts.values())
    if counted > len(outcome.problems):
        tell(f"… and {counted - len(outcome.problems)} more problems.")
    for code, number in outcome.counts.items():
        tell(f"{number} x {code}")
    print_clearings(outcome)
    if outcome.refused:
        warn(f"Refused, nothing was written: {outcome.refused}")
        return
    kinds = sorted({*outcome.created, *outcome.changed, *outcome.unchanged, *outcome.retired})
    counts = (outcome.created, outcome.changed, outcome.unchanged, outcome.retired)
    print_table(
        ["", "created", "changed", "unchanged", "retired"],
        [[kind, *(c.get(kind, 0) for c in counts)] for kind in kinds],
    )
    ties, gone = sum(outcome.ties_written.values()), sum(outcome.ties_removed.values())
    done = "would be written; this was a dry run" if outcome.dry_run else "written"
    out.print(f"{ties} links {done}, {gone} removed, {outcome.rows_left_out} rows left out.", markup=False)
    if not outcome.dry_run:
        tell(f"registry audit undo-load {outcome.run} undoes it.")
