"""Commands `registry audit` and `registry erase`: show, verify and undo changes of records, and erase personal data."""

import typer

from loaders.result import LoadAborted
from loaders.undo import undo_load as undo_run
from registry.cli.output import err, info, out, print_json, print_table, warn
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

audit_app = typer.Typer(help="The tamper-evident audit log: who changed what and when.", no_args_is_help=True)
BROKEN, REFUSED = 1, 2
WRONG = {
    "MISSING": "the event is missing",
    "TWICE": "its number occurs twice",
    "UNCHAINED": "it does not contain the hash of the event before it",
    "CHANGED": "it was modified after it was written",
}


@audit_app.command()
def show(
    record: str | None = typer.Option(None, help="Show only the changes of the record with this id."),
    last: int = typer.Option(20, min=1, max=10_000, help="The number of changes to show."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show the last changes of records, newest first."""
    with open_store(load_settings(), info) as store:
        entries = latest(store, last, record)
    if as_json:
        print_json(entries)
    else:
        headings = ["number", "at", "actor", "how", "what", "record_kind", "record", "note"]
        shown = ({**entry, "at": local_text(entry["at"])} for entry in entries)
        print_table(headings, [[entry.get(name) for name in headings] for entry in shown])


@audit_app.command()
def verify(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Verify the audit log.

    The command reports the first audit event that is missing or modified, and exits with code 1. If all events are intact, the
    command exits with code 0.
    """
    with open_store(load_settings(), info) as store, showing(err) as progress:
        found = verify_log(store, progress)
    if as_json:
        print_json({"entries": found.entries, "hash": found.hash, "broken_at": found.broken_at, "what": found.what})
    elif found.what:
        out.print(f"The audit log is damaged at change {found.broken_at}: {WRONG[found.what]}.", markup=False)
    elif found.entries:
        out.print(f"The audit log is intact. Changes: {found.entries:,}. Last hash: {found.hash}.", markup=False)
    else:
        out.print("The audit log is empty.", markup=False)
    raise typer.Exit(BROKEN if found.what else 0)


@audit_app.command()
def undo(number: int = typer.Argument(help="The number of the change.")) -> None:
    """Undo one change that a person made. The command fails if a later change has modified one of the same values again."""
    with open_store(load_settings(), info) as store:
        outcome = undo_change(store, RequestContext(ADMIN, "command"), number)
    for problem in outcome.problems:
        warn(f"{problem.field} {problem.value}: {problem.message}".replace(" :", ":"))
    if outcome.problems:
        raise typer.Exit(REFUSED)
    out.print(f"Change {number} was undone. {outcome.record} now has version {outcome.version}.", markup=False)


@audit_app.command()
def undo_load(run: str = typer.Argument(help="The id of the run, as printed by the load.")) -> None:
    """Undo all changes that one load made. Values that were changed again after the load stay as they are."""
    with open_store(load_settings(), info) as store, showing(err) as progress:
        try:
            counts = undo_run(store, run, progress)
        except LoadAborted as error:
            warn(str(error))
            raise typer.Exit(REFUSED) from None
    out.print(
        f"Changes undone: {counts['undone']:,}. Not undone, because they were changed again later: {counts['left']:,}.",
        markup=False,
    )


REFUSED = 2


def erase(feedback: str = typer.Argument(help="The id of the feedback.")) -> None:
    """Erase the text and the sender's contact details of one feedback record. The record and its dates remain."""
    with open_store(load_settings(), info) as store:
        outcome = erase_feedback(store, RequestContext(ADMIN, "command"), feedback)
    for problem in outcome.problems:
        warn(f"{problem.field} {problem.value}: {problem.message}")
    if outcome.problems:
        raise typer.Exit(REFUSED)
    out.print(f"The text and the contact details of {outcome.record} were erased.", markup=False)
