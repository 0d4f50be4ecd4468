"""`registry audit` and `registry erase`: show, verify and undo changes; erase personal data."""

import typer

from loaders.result import LoadAborted
from loaders.undo import undo_load as undo_run
from registry.cli.output import err, out, print_json, print_table, tell, warn
from registry.clock import local_text
from registry.config import load_settings
from registry.database.connect import open_store
from registry.mutations.feedback import erase as erase_feedback
from registry.mutations.revisions import latest
from registry.mutations.revisions import undo as undo_change
from registry.mutations.revisions import verify as verify_log
from registry.mutations.transaction import RequestContext
from registry.permissions import ADMIN
from registry.progress import showing

audit_app = typer.Typer(
    help="Who changed what and when, in a chain that shows whether it was touched.", no_args_is_help=True
)
BROKEN, REFUSED = 1, 2
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
        shown = ({**entry, "at": local_text(entry["at"])} for entry in entries)
        print_table(headings, [[entry.get(name) for name in headings] for entry in shown])


@audit_app.command()
def verify(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Check that every change is as it was written and none is missing; exit code 1 and the first that is not."""
    with open_store(load_settings(), tell) as store, showing(err) as progress:
        found = verify_log(store, lambda n: progress("changes", n))
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


@audit_app.command()
def undo(number: int = typer.Argument(help="The number of the change.")) -> None:
    """Undo one change that a person made; what was changed since stands in the way."""
    with open_store(load_settings(), tell) as store:
        outcome = undo_change(store, RequestContext(ADMIN, "command"), number)
    for problem in outcome.problems:
        warn(f"{problem.field} {problem.value}: {problem.message}".replace(" :", ":"))
    if outcome.problems:
        raise typer.Exit(REFUSED)
    out.print(f"Change {number} is undone: {outcome.record} has the version {outcome.version} now.", markup=False)


@audit_app.command()
def undo_load(run: str = typer.Argument(help="The run, as its load named it.")) -> None:
    """Undo all that one load changed; what was changed by hand since stays."""
    with open_store(load_settings(), tell) as store, showing(err) as progress:
        try:
            counts = undo_run(store, run, progress)
        except LoadAborted as refused:
            warn(str(refused))
            raise typer.Exit(REFUSED) from None
    out.print(
        f"{counts['undone']:,} changes are undone; {counts['left']:,} are left as somebody changed them since.",
        markup=False,
    )


REFUSED = 2


def erase(feedback: str = typer.Argument(help="The id of the feedback.")) -> None:
    """Erase what a sender of feedback wrote and how to reach them; that there was feedback, and when, stays."""
    with open_store(load_settings(), tell) as store:
        outcome = erase_feedback(store, RequestContext(ADMIN, "command"), feedback)
    for problem in outcome.problems:
        warn(f"{problem.field} {problem.value}: {problem.message}")
    if outcome.problems:
        raise typer.Exit(REFUSED)
    out.print(f"What the sender of {outcome.record} wrote is erased, and how to reach them.", markup=False)
