"""`registry reports`, `registry report` and `registry saved`: run, save and compare reports."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import typer

from registry.analysis.report import BrokenReport, ReportError
from registry.cli.output import info, print_json, print_table, showing_progress, warn, write_file
from registry.clock import local_text
from registry.config import load_settings
from registry.database.connect import open_store
from registry.i18n import _, use_language
from registry.permissions import ADMIN, ANONYMOUS

REFUSED = 2


def reports(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the reports, custom ones too; a warning names each file that cannot be used."""
    from registry.reports.catalogue import Library

    settings = load_settings()
    library = Library(settings.reports)
    with use_language(settings.command_lang):
        listed = [{"name": one.name, "question": _(one.text)} for one in library.questions(ADMIN).values()]
        headings = [_("Report"), _("Question")]
        for fault in library.faults():
            warn(str(fault))
    if as_json:
        print_json(listed)
    else:
        print_table(headings, [list(one.values()) for one in listed])


def report(
    name: str = typer.Argument(help="The report's name; `registry reports` lists them."),
    as_of: str | None = typer.Option(None, "--as-of", help="The day that it is about, such as 2026-12-31."),
    param: list[str] = typer.Option([], "--param", help="A parameter, as name=value."),
    format: str = typer.Option("text", "--format", help="text, json, csv, xlsx, html, or vl.json for its chart."),  # noqa: A002
    output: Path | None = typer.Option(None, "-o", "--output", help="The file to write to."),
    save: str | None = typer.Option(None, "--save", help="Keep the run under this label, for the report changes."),
    public: bool = typer.Option(False, "--public", help="As everybody sees it, not as an administrator does."),
) -> None:
    """Run a report; `gaps` is the whole collaboration gap report."""
    from registry.analysis.snapshot import Fingerprinted
    from registry.reports.catalogue import Library
    from registry.reports.export import FORMATS
    from registry.reports.saved import SavedRuns

    settings, actor = load_settings(), ANONYMOUS if public else ADMIN
    runs = SavedRuns(settings.saved_runs)
    library = Library(settings.reports, runs)
    try:
        library.find(name, actor)
        chosen = FORMATS.get(format)
        if chosen is None:
            raise ReportError(f"There is no format {format}; the formats are {', '.join(FORMATS)}.")
        if chosen.binary and output is None and sys.stdout.isatty():
            raise ReportError(f"A terminal cannot show {format}; name a file with --output.")
        asked = _pairs(param)
        with use_language(settings.command_lang):
            if save is not None:
                runs.check(name, save)
            with open_store(settings, info) as store, showing_progress():
                reading = Fingerprinted(store)
                answered = library.run(reading if save else store, name, actor, as_of, asked)
            content = chosen.write(answered)
            if save is not None:
                info(f"Kept as {runs.keep(save, answered, actor, reading.fingerprint)}.")
    except ReportError as error:
        warn(str(error))
        if isinstance(error, BrokenReport) and error.reason:
            info(error.reason)
        raise typer.Exit(REFUSED) from None
    if output is not None:
        write_file(output, content)
    elif isinstance(content, bytes):
        sys.stdout.buffer.write(content)
    else:
        print(content)


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = [_pair(one) for one in given]
    for name, times in Counter(name for name, _value in pairs).items():
        if times > 1:
            raise ReportError(f"The parameter {name} is given {times} times; give it once, several things with commas.")
    return dict(pairs)


def _pair(given: str) -> tuple[str, str]:
    name, separator, value = given.partition("=")
    if not separator:
        raise ReportError(f"A parameter is given as name=value, not as {given}.")
    return name, value


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
    with use_language(settings.command_lang):
        listed = [entry(run) for run in SavedRuns(settings.saved_runs).listed(warn)]
    if as_json:
        print_json(listed)
    else:
        shown = ({**one, "saved": local_text(str(one["saved"]))} for one in listed)
        print_table(HEADINGS, [list(one.values()) for one in shown])


@saved_app.command()
def remove(label: str = typer.Argument(help="The label of the run.")) -> None:
    """Delete one."""
    from registry.analysis.report import ReportError
    from registry.reports.saved import SavedRuns

    settings = load_settings()
    with use_language(settings.command_lang):
        try:
            SavedRuns(settings.saved_runs).remove(label)
        except ReportError as error:
            warn(str(error))
            raise typer.Exit(REFUSED) from None
    info(f"The saved run {label} is removed.")
