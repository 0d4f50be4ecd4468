"""`registry saved`: the runs of reports that are kept to compare with later."""

import typer

from registry.clock import local_text
from registry.commands.console import print_json, print_table, tell, warn
from registry.settings import load_settings
from registry.words import speaking

REFUSED = 2
HEADINGS = ["label", "report", "about", "saved", "found", "of", "for"]

saved_app = typer.Typer(no_args_is_help=True, help="The runs that `registry report NAME --save LABEL` has kept.")


@saved_app.command("list")
def list_(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List them, the labels in order; a file that cannot be used is told of."""
    from registry.reports.saved import SavedRun, SavedRuns

    def entry(run: SavedRun) -> dict[str, object]:
        report = run.report
        told = {"label": run.label, "report": report.name, "as_of": report.as_of, "saved": run.saved}
        return {**told, "found": report.found, "of": report.of, "for": "everybody" if run.public else "administrators"}

    settings = load_settings()
    with speaking(settings.command_lang):
        listed = [entry(run) for run in SavedRuns(settings.saved_runs).listed(warn)]
    if as_json:
        print_json(listed)
    else:
        shown = ({**one, "saved": local_text(str(one["saved"]))} for one in listed)
        print_table(HEADINGS, [list(one.values()) for one in shown])


@saved_app.command()
def remove(label: str = typer.Argument(help="The label of the run.")) -> None:
    """Delete one."""
    from registry.reports.report import ReportError
    from registry.reports.saved import SavedRuns

    settings = load_settings()
    with speaking(settings.command_lang):
        try:
            SavedRuns(settings.saved_runs).remove(label)
        except ReportError as error:
            warn(str(error))
            raise typer.Exit(REFUSED) from None
    tell(f"The saved run {label} is removed.")
