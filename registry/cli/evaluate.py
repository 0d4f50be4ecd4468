"""Commands `registry backtest` and `registry calibrate`: test how reliable the reports are."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import randbits
from typing import TYPE_CHECKING, Any

import typer

from registry.analysis.report import ReportDefinition, ReportError
from registry.cli.output import Unwritable, info, out, print_json, print_table, showing_progress, warn
from registry.config import load_settings
from registry.database.connect import open_store
from registry.database.extract import read_lists
from registry.i18n import _, number, use_language
from registry.permissions import ADMIN
from registry.reports.render import as_json as json_of
from registry.reports.render import as_text

if TYPE_CHECKING:
    from registry.analysis.snapshot import Snapshot, SnapshotArrays
    from registry.evaluation.backtests import Backtest
    from registry.evaluation.rounds import MeasuredShare, Result, ResultFile


REFUSED, CUTS = 2, 5
HEADINGS = {
    "agencies": "agencies",
    "resources": "resources",
    "candidates": "pairs",
    "hits": "hits",
    "base_rate": "base rate",
    "popularity": "popularity",
    "activity_popularity": "activity x popularity",
    "recent_activity_recent_popularity": "recent activity x recent popularity",
    "report": "report",
    "report_to_popularity": "ratio to popularity",
    "report_to_best_trivial": "ratio to best baseline",
    "precision_top_1": "precision in the top 1 %",
}

backtest_app = typer.Typer(no_args_is_help=True, help="Test the forecasts of a report on past years.")


@backtest_app.callback()
def _backtest() -> None:
    pass


@backtest_app.command()
def reuse(
    cuts: int = typer.Option(CUTS, "--cuts", min=1, max=50, help="The number of past years to test on."),
    as_of: str | None = typer.Option(
        None, "--as-of", help="Use data up to this day, such as 2026-12-31; today by default."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Test how well the report `reuse` predicts new uses of resources.

    The test repeats the prediction for past years and compares it with three simple baselines.
    """
    from registry.analysis.reuse import REUSE
    from registry.evaluation.backtests import backtest_reuse

    with use_language(load_settings().command_lang), _reporting_errors():
        known = _read(REUSE, as_of)
        with showing_progress():
            found = backtest_reuse(*known, cuts)
        if found is None:
            raise ReportError(_("No use of a resource started in these years, so the report cannot be tested."))
        if as_json:
            print_json(_as_json(found))
        else:
            _print(found)


@backtest_app.command("likely-partners")
def likely_partners(
    as_of: str | None = typer.Option(
        None, "--as-of", help="Use data up to this day, such as 2026-12-31; today by default."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Test how well the report `likely-partners` predicts agreements.

    The test hides known agreements, chosen at random or by date, and counts how many of them the report and simple baselines
    predict.
    """
    from registry.analysis.snapshot import SnapshotArrays
    from registry.evaluation.backtests import BACKTEST, backtest_partners

    with use_language(load_settings().command_lang), _reporting_errors():
        known = _read(BACKTEST, as_of)
        with showing_progress():
            report = backtest_partners(SnapshotArrays.of(*known))
        print(json_of(report) if as_json else as_text(report))


@contextmanager
def _reporting_errors() -> Iterator[None]:
    """If the `with` block raises a ReportError, print its message as a warning and exit with the exit code for refused commands."""
    try:
        yield
    except ReportError as error:
        warn(str(error))
        raise typer.Exit(REFUSED) from None


def _read(question: ReportDefinition, as_of: str | None) -> "tuple[Snapshot, str]":
    """Return a snapshot of all records that the report reads, and the day of the test as ISO 8601 text."""
    from registry.analysis.snapshot import make_snapshot
    from registry.reports.catalogue import read_day

    day = read_day(as_of)
    with open_store(load_settings(), info) as store:
        answer, _unchanged = read_lists(store, question.reads, ADMIN)
    return make_snapshot(question.reads, answer), day


def _as_json(found: "Backtest") -> dict[str, object]:
    return {
        "cuts": [one._asdict() for one in found.cuts],
        "mean": found.means,
        "spread": found.spreads,
        "best_trivial": found.best_trivial,
        "ratio": found.ratio,
        "beats_best_trivial": found.beats,
        "verdict": verdict(found),
    }


def _print(found: "Backtest") -> None:
    headings = [*(one.cut + ("*" if one.short else "") for one in found.cuts), _("mean"), _("standard deviation")]
    columns = [*(one._asdict() for one in found.cuts), found.means, found.spreads]
    rows = [[_(label), *(_figure(name, figures) for figures in columns)] for name, label in HEADINGS.items()]
    print_table(["", *headings], rows)
    out.print(
        "\n"
        + _(
            "Rankings are compared by average precision; equal scores are treated as one block. A hit is a "
            "use that started within a year after the cut-off day."
        )
    )
    if any(one.short for one in found.cuts):
        out.print(_("* The data end more than a month before the end of the year that is marked with *."))
    out.print(_("Best simple baseline: {name}").format(name=_(HEADINGS[found.best_trivial])))
    out.print(verdict(found))


def verdict(found: "Backtest") -> str:
    """Return a sentence that says whether the report predicts better than the best simple baseline."""
    if found.beats:
        template = _("The report beats the best simple baseline (ratio {ratio}).")
    elif found.worse:
        template = _("The report is worse than the best simple baseline (ratio {ratio}).")
    else:
        template = _("The report does not clearly beat the best simple baseline (ratio {ratio}).")
    return template.format(ratio=number(found.ratio))


def _figure(name: str, figures: Mapping[str, Any]) -> str:
    return number(figures[name]) if name in figures else ""


MISSED, ROUNDS = 1, 10
VERDICTS = {
    "calibrated": "calibrated",
    "not-calibrated": "not calibrated",
    "too-few-rounds": "too few rounds to tell",
}
HEADINGS_CALIBRATING = ["report", "measure", "data", "observed", "share", "95 % interval", "promise", "result"]


def calibrate(
    rounds: int = typer.Option(
        ROUNDS, "--rounds", min=1, max=10_000, help="The largest number of rounds for each setting."
    ),
    minutes: float | None = typer.Option(
        None,
        "--minutes",
        min=0.1,
        max=10_000,
        help="Start no round after this time. Reports that take little time get more rounds.",
    ),
    settings: str = typer.Option(
        "generated,own",
        "--settings",
        help="The data to use, separated by commas: generated, own, a kind (pairs, small, forums, hubs) or one setting "
        "(pairs-200).",
    ),
    reports: str | None = typer.Option(
        None, "--reports", help="The reports to calibrate, separated by commas; all by default."
    ),
    into: Path | None = typer.Option(
        None,
        "--into",
        help="A file for the results of finished rounds. If it exists, only the rounds that are missing in it are run.",
    ),
    workers: int | None = typer.Option(
        None, "--workers", min=1, max=64, help="The number of processes; by default the number of processors."
    ),
    seed: int | None = typer.Option(
        None, "--seed", min=0, max=2**32 - 1, help="The seed of the random numbers, to repeat a run."
    ),
    as_of: str | None = typer.Option(
        None, "--as-of", help="The day of the test on your data, such as 2026-12-31; today by default."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Measure how often reports give false findings, and how often they find injected effects, with confidence intervals.

    The tests use randomly generated registries, and your own data, permuted so that a correct report finds nothing. The exit code
    is 1 if a promise is shown not to hold.
    """
    from registry.evaluation.calibration import OWN, selected_settings
    from registry.evaluation.rounds import (
        REPORTS,
        ResultFile,
        Schedule,
        measured_shares,
        run_jobs,
    )

    with use_language(load_settings().command_lang), _reporting_errors():
        where, which = selected_settings(settings), _selected_reports(reports or ",".join(REPORTS))
        own = _read_arrays(as_of) if set(where) & set(OWN) else None
        stored = ResultFile(into, seed, own) if into else None
        known = stored.seed if stored else seed
        chosen = randbits(32) if known is None else known
        template = _("Seed {seed}, at most {rounds} rounds.") if minutes else _("Seed {seed}, {rounds} rounds.")
        info(template.format(seed=chosen, rounds=rounds))
        results = list(stored.results) if stored else []
        schedule = Schedule(where, which, rounds, results)
        processes = min(workers or os.cpu_count() or 1, max(len(schedule), 1))
        with showing_progress(remaining=True):
            for found in run_jobs(schedule, own, chosen, processes, minutes and 60 * minutes):
                results.append(found)
                _store(stored, found, chosen)
        counts = measured_shares(
            [one for one in results if one.setting in where and one.report in which and one.round < rounds]
        )
        if as_json:
            print_json(
                {
                    "seed": chosen,
                    "rounds": rounds,
                    "as_of": own and own.as_of,
                    "counts": [one.as_json() for one in counts],
                }
            )
        else:
            _print_counts(counts)
    if any(one.verdict == "not-calibrated" for one in counts):
        raise typer.Exit(MISSED)


def _store(stored: "ResultFile | None", found: "Result", seed: int) -> None:
    """Append the result of a round to the file, if there is one. Raises Unwritable."""
    if stored:
        try:
            stored.add(found, seed)
        except OSError as error:
            raise Unwritable(f"Cannot write {stored.path}: {error.strerror}.") from None


def _read_arrays(as_of: str | None) -> "SnapshotArrays":
    """Return the arrays that the calibration needs, made from all records on the day `as_of`."""
    from registry.analysis.overlaps import OVERLAPS
    from registry.analysis.snapshot import SnapshotArrays

    return SnapshotArrays.of(*_read(OVERLAPS, as_of))


def _selected_reports(text: str) -> list[str]:
    """Return the reports that a comma-separated text names. Raises ReportError for a report that cannot be calibrated."""
    from registry.evaluation.calibration import words_in
    from registry.evaluation.rounds import REPORTS

    words = words_in(text)
    for word in words:
        if word not in REPORTS:
            sentence = _("The report {name} cannot be calibrated. Choose one of: {names}.")
            raise ReportError(sentence.format(name=word, names=", ".join(REPORTS)))
    return [one for one in REPORTS if one in words]


def _print_counts(counts: "Sequence[MeasuredShare]") -> None:
    from registry.evaluation.calibration import setting_name

    rows = [
        [
            one.report, _(one.text), setting_name(one.setting),
            _("{n} of {m}").format(n=number(one.observed), m=number(one.of)), *_shares(one), _promise(one),
            _(VERDICTS[one.verdict]) if one.verdict else "–",
        ]
        for one in counts
    ]  # fmt: skip
    print_table([_(one) for one in HEADINGS_CALIBRATING], rows)
    out.print(
        "\n"
        + _(
            "A report is calibrated if the whole confidence interval (Clopper & Pearson 1934) keeps its bound: at most 7.5 % for "
            "a promise of 6 %, and at most 22.5 % for a promise of 20 %. It is not calibrated if the whole interval breaks the "
            "promise. Otherwise, more rounds are needed. Of many intervals, at most about one in forty breaks its promise by chance."
        )
        + " "
        + _("Rows without a promise show what share of real effects the reports can find.")
    )


def _shares(one: "MeasuredShare") -> tuple[str, str]:
    if one.share is None or one.interval is None:
        return "–", "–"
    low, high = one.interval
    return _percent(one.share), f"{_percent(low)} – {_percent(high)}"


def _percent(share: float) -> str:
    return f"{number(round(100 * share, 1))} %"


def _promise(one: "MeasuredShare") -> str:
    if one.promise is None:
        return "–"
    template = _("at least {share}") if one.promise.least else _("at most {share}")
    return template.format(share=_percent(one.promise.share))
