"""`registry audit`: the chain of changes, and whether it is as it was written."""

import typer

from loaders.progress import showing
from registry.changing.auditing import latest
from registry.changing.auditing import verify as verified
from registry.commands.console import err, out, print_json, print_table, tell
from registry.opening import open_store
from registry.settings import load_settings

audit_app = typer.Typer(
    help="Who changed what and when, in a chain that shows whether it was touched.", no_args_is_help=True
)
BROKEN = 1
WRONG = {
    "MISSING": "it is missing",
    "TWICE": "there is a second one of this number",
    "UNCHAINED": "it does not hold the hash of the one before",
    "CHANGED": "it is not what was written",
}


@audit_app.command()
def show(
    record: str | None = typer.Option(None, help="Only changes of this record."),
    last: int = typer.Option(20, min=1, max=10_000, help="How many."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show the last changes, newest first."""
    with open_store(load_settings(), tell) as store:
        entries = latest(store, last, record)
    if as_json:
        print_json(entries)
    else:
        headings = ["number", "at", "actor", "how", "what", "record_kind", "record", "note"]
        print_table(headings, [[entry.get(name) for name in headings] for entry in entries])


@audit_app.command()
def verify(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Check that every change is as it was written and none is missing; exit code 1 and the first that is not."""
    with open_store(load_settings(), tell) as store, showing(err) as progress:
        found = verified(store, lambda n: progress("changes", n))
    if as_json:
        print_json({"entries": found.entries, "hash": found.hash, "broken_at": found.broken_at, "what": found.what})
    elif found.what:
        out.print(f"The chain is broken at change {found.broken_at}: {WRONG[found.what]}.", markup=False)
    elif found.entries:
        out.print(
            f"All {found.entries:,} changes are as they were written. The last hash is {found.hash}.", markup=False
        )
    else:
        out.print("Nothing was changed by hand yet.", markup=False)
    raise typer.Exit(BROKEN if found.what else 0)
