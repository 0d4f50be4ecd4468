"""Commands `registry load`, `registry sources` and `registry template`."""

from pathlib import Path

import typer

from loaders.result import LoadAborted, LoadResult
from loaders.run import run
from loaders.source import find_source, known_sources
from registry.cli.output import err, info, out, print_json, print_table, warn
from registry.config import load_settings
from registry.database.connect import open_store
from registry.database.load_queries import sources as last_runs
from registry.database.migrate import apply
from registry.model.definitions import MODEL
from registry.progress import showing

REFUSED = 2


def load(
    source: str = typer.Argument(help="The name of a source, or the path of its folder."),
    from_path: Path | None = typer.Option(None, "--from", help="The folder with the source's files."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read and check all rows, but write nothing."),
    prune: bool = typer.Option(True, help="Retire records that the source no longer has."),
    retire_most: bool = typer.Option(
        False, help="Allow retiring or clearing more than half of the source's records of a kind."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Load a source: read, map and check its rows, write the records, and retire records that the source no longer has.

    If the load is refused, nothing is written and the exit code is 2.
    """
    settings = load_settings()
    try:
        chosen = find_source(source, settings)
    except LoadAborted as error:
        warn(str(error))
        raise typer.Exit(REFUSED) from None
    with open_store(settings, info) as store, showing(err) as progress:
        apply(store, MODEL)
        outcome = run(
            store,
            chosen,
            from_path=from_path,
            dry_run=dry_run,
            prune=prune,
            retire_most=retire_most,
            progress=progress,
        )
    if as_json:
        print_json(outcome.as_json())
    else:
        print_outcome(outcome)
    raise typer.Exit(REFUSED if outcome.refused else 0)


def sources(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the known sources, and when each source was last loaded."""
    settings = load_settings()
    with open_store(settings, info) as store:
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
    kind: str = typer.Argument(help="A kind of record, such as agency."),
    output: Path | None = typer.Option(None, "-o", "--output", help="The file to write, .csv or .xlsx."),
) -> None:
    """Write an empty table for the records of a kind, with a guide to its columns."""
    from loaders.tables import write_template  # imported here because only this command needs the XLSX writer

    path = output or Path(f"{kind}.xlsx")
    try:
        write_template(kind, path)
    except LoadAborted as error:
        warn(str(error))
        raise typer.Exit(REFUSED) from None
    out.print(f"Wrote {path}.", markup=False)


def print_clearings(outcome: LoadResult) -> None:
    """Print which values and links a load cleared.

    After a dry run or an aborted load, each value and link is listed. After a completed load, only the number of cleared values and
    links is printed.
    """
    written = not (outcome.dry_run or outcome.refused)
    if not written:
        for one in outcome.clearings:
            info(f"Would be cleared: {one.of} of {one.record}: {one.value}")
    for of, number in outcome.cleared.items():
        info(f"{'Cleared' if written else 'Would be cleared'}, {of}: {number}.")


def print_outcome(outcome: LoadResult) -> None:
    """Print the result of a load: the problems on stderr, the numbers of records on stdout."""
    for note in outcome.notes:
        info(note)
    for problem in outcome.problems:
        cell = f", cell {problem.cell}" if problem.cell else ""
        location = f"{problem.file}, row {problem.row}{cell}, {problem.field} = {problem.value!r}"
        err.print(f"{problem.level}: {location}: {problem.message} (expected: {problem.rule})", markup=False)
    counted = sum(outcome.counts.values())
    if counted > len(outcome.problems):
        info(f"Further problems that are not listed: {counted - len(outcome.problems)}.")
    for code, number in outcome.counts.items():
        info(f"{code}: {number}")
    print_clearings(outcome)
    if outcome.refused:
        warn(f"The load was refused and nothing was written. {outcome.refused}")
        return
    kinds = sorted({*outcome.created, *outcome.changed, *outcome.unchanged, *outcome.retired})
    counts = (outcome.created, outcome.changed, outcome.unchanged, outcome.retired)
    print_table(
        ["", "created", "changed", "unchanged", "retired"],
        [[kind, *(c.get(kind, 0) for c in counts)] for kind in kinds],
    )
    written, removed = sum(outcome.links_written.values()), sum(outcome.links_removed.values())
    counts_of_links = f"Links written: {written}; links removed: {removed}; rows left out: {outcome.rows_left_out}."
    out.print(f"{counts_of_links} This was a dry run." if outcome.dry_run else counts_of_links, markup=False)
    if not outcome.dry_run:
        info(f"To undo this load: registry audit undo-load {outcome.run}")
