"""Commands `registry reports`, `registry report` and `registry saved`: run, save and compare reports."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from registry.analysis.report import BrokenReport, ReportDefinition, ReportError, Value
from registry.cli.output import info, out, print_json, print_table, showing_progress, warn, write_file
from registry.clock import local_text
from registry.config import load_settings
from registry.database.connect import open_store
from registry.i18n import _, amount, use_language
from registry.permissions import ADMIN, ANONYMOUS

if TYPE_CHECKING:
    from registry.reports.series import DateRange

REFUSED = 2
PARAMETER_FIELDS = ("name", "label", "type", "default", "description")


def reports(
    name: str | None = typer.Argument(None, help="The name of a report whose parameters are listed."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List all reports, including the custom reports of this site. With NAME, list the parameters of that report."""
    from registry.reports.catalogue import Library

    settings = load_settings()
    library = Library(settings.reports)
    with use_language(settings.command_lang):
        for fault in library.faults():
            warn(str(fault))
        try:
            found = list(library.questions(ADMIN).values()) if name is None else [library.find(name, ADMIN)]
        except ReportError as error:
            warn(str(error))
            raise typer.Exit(REFUSED) from None
        shown = [one.shown() for one in found]
        if as_json:
            print_json([_entry(one) for one in shown])
        elif name is None:
            print_table([_("Name"), _("Title"), _("Question")], [[one.name, one.title, one.text] for one in shown])
        else:
            _print_parameters(shown[0])


def _entry(one: ReportDefinition) -> dict[str, object]:
    parameters = [{name: getattr(each, name) for name in PARAMETER_FIELDS} for each in one.all_parameters]
    return {"name": one.name, "title": one.title, "question": one.text, "parameters": parameters}


def _default(value: Value) -> str:
    return value if isinstance(value, str) else amount(value)


def _print_parameters(one: ReportDefinition) -> None:
    out.print(f"{one.title}\n{one.text}\n{one.method}\n", markup=False)
    headings = [_("Name"), _("Parameter"), _("Default"), _("Description")]
    rows = [[each.name, each.label, _default(each.default), each.description] for each in one.all_parameters]
    print_table(headings, rows)


def report(
    name: str = typer.Argument(help="The name of the report; `registry reports` lists all names."),
    as_of: str | None = typer.Option(
        None, "--as-of", help="The day of the report, such as 2026-12-31; today by default."
    ),
    param: list[str] = typer.Option(
        [], "--param", help="A parameter as name=value; `registry reports NAME` lists them."
    ),
    format: str = typer.Option(  # noqa: A002
        "text", "--format", help="The format: text, json, csv, xlsx, html, or vl.json for the chart."
    ),
    output: Path | None = typer.Option(None, "-o", "--output", help="The file to write to."),
    save: str | None = typer.Option(
        None, "--save", help="Save the run under this label, to compare a later run with it."
    ),
    public: bool = typer.Option(False, "--public", help="Run as an anonymous visitor, not as an administrator."),
    each: str | None = typer.Option(
        None, "--each", help="Run on a series of dates: year, quarter or month. It needs --from."
    ),
    first: str | None = typer.Option(None, "--from", help="The first day of the series, such as 2020-01-01."),
    last: str | None = typer.Option(None, "--to", help="The last day of the series; today by default."),
) -> None:
    """Run a report. For example, `registry report gaps` runs the collaboration gap report."""
    from registry.reports.catalogue import Library
    from registry.reports.export import FORMATS
    from registry.reports.saved import Fingerprinted, SavedRuns

    settings, actor = load_settings(), ANONYMOUS if public else ADMIN
    runs = SavedRuns(settings.saved_runs)
    library = Library(settings.reports, runs)
    try:
        library.find(name, actor)
        chosen = FORMATS.get(format)
        if chosen is None:
            raise ReportError(f"There is no format {format}. The formats are {', '.join(FORMATS)}.")
        if chosen.binary and output is None and sys.stdout.isatty():
            raise ReportError(f"A terminal cannot show {format}. Write it to a file with --output.")
        parameters = _pairs(param)
        if (as_of or save) and (each or first or last):
            raise ReportError("A series has --from and --to instead of --as-of, and cannot be saved with --save.")
        with use_language(settings.command_lang):
            dates = _dates(each, first, last)
            if save is not None:
                runs.check(name, save)
            with open_store(settings, info) as store, showing_progress():
                reading = Fingerprinted(store)
                if dates:
                    result = library.run_series(store, name, actor, dates, parameters)
                else:
                    result = library.run(reading if save else store, name, actor, as_of, parameters)
            content = chosen.write(result)
            if save is not None:
                info(f"Saved as {runs.save(save, result, actor, reading.fingerprint)}.")
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


def _dates(each: str | None, first: str | None, last: str | None) -> DateRange | None:
    from registry.reports.catalogue import read_day
    from registry.reports.series import DateRange

    if each is None and first is None and last is None:
        return None
    if each is None or first is None:
        raise ReportError("A series needs --each and --from, such as --each year --from 2020-01-01.")
    return DateRange(each, read_day(first), read_day(last))


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = [_pair(one) for one in given]
    for name, times in Counter(name for name, _value in pairs).items():
        if times > 1:
            raise ReportError(
                f"The parameter {name} is given {times} times. Give it once; separate several values by commas."
            )
    return dict(pairs)


def _pair(given: str) -> tuple[str, str]:
    name, separator, value = given.partition("=")
    if not separator:
        raise ReportError(f"Give the parameter {given} as name=value.")
    return name, value


HEADINGS = ["label", "report", "as of", "saved", "found", "of", "for"]

saved_app = typer.Typer(no_args_is_help=True, help="The saved runs of `registry report NAME --save LABEL`.")


@saved_app.command("list")
def list_(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the saved report runs, sorted by label, and name the files that cannot be used."""
    from registry.reports.saved import SavedRun, SavedRuns

    def entry(run: SavedRun) -> dict[str, object]:
        report = run.report
        head = {"label": run.label, "report": report.name, "as_of": report.as_of, "saved": run.saved}
        return {**head, "found": report.found, "of": report.of, "for": "everybody" if run.public else "administrators"}

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
    """Delete the saved report run with this label."""
    from registry.analysis.report import ReportError
    from registry.reports.saved import SavedRuns

    settings = load_settings()
    with use_language(settings.command_lang):
        try:
            SavedRuns(settings.saved_runs).remove(label)
        except ReportError as error:
            warn(str(error))
            raise typer.Exit(REFUSED) from None
    info(f"Removed the saved run {label}.")
