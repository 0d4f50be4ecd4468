"""`registry backtest`: how well a report would have told, in past years, what came next."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from registry.access import ADMIN
from registry.commands.console import out, print_json, print_table, showing_progress, tell, warn
from registry.cypher.network import network
from registry.figures import number
from registry.opening import open_store
from registry.reports.render import as_json as json_of
from registry.reports.render import as_text
from registry.reports.report import Question, ReportError
from registry.settings import load_settings
from registry.words import _, speaking

if TYPE_CHECKING:
    from registry.analysis.backtest_reuse import Backtest
    from registry.analysis.lists import Lists

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
    "report_to_popularity": "x popularity",
    "report_to_best_trivial": "x best trivial",
    "precision_top_1": "of the top 1 %",
}

backtest_app = typer.Typer(no_args_is_help=True, help="Tell how well a report would have done in past years.")


@backtest_app.callback()
def _backtest() -> None:
    pass


@backtest_app.command()
def reuse(
    cuts: int = typer.Option(CUTS, "--cuts", min=1, max=50, help="How many years to hold out, the last first."),
    as_of: str | None = typer.Option(None, "--as-of", help="The last day that counts, such as 2026-12-31."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Hold out a year at a time, and rank who would take up what in it by the report and by three trivial rankings."""
    from registry.analysis.backtest_reuse import backtest_reuse
    from registry.analysis.reuse import REUSE

    with speaking(load_settings().command_lang), _refusing():
        known = _read(REUSE, as_of)
        with showing_progress():
            found = backtest_reuse(*known, cuts)
        if found is None:
            raise ReportError(_("No use has a first day in these years, so there is nothing to test by."))
        if as_json:
            print_json(_as_json(found))
        else:
            _print(found)


@backtest_app.command("likely-partners")
def likely_partners(
    as_of: str | None = typer.Option(None, "--as-of", help="The last day that counts, such as 2026-12-31."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Hide agreements at random and by date, and tell the ties by partners in common and by trivial rankings."""
    from registry.analysis.backtest_partners import BACKTEST, backtest_partners
    from registry.analysis.world import World

    with speaking(load_settings().command_lang), _refusing():
        known = _read(BACKTEST, as_of)
        with showing_progress():
            report = backtest_partners(World.of(*known))
        print(json_of(report) if as_json else as_text(report))


@contextmanager
def _refusing() -> Iterator[None]:
    """Say in one sentence what cannot be tested."""
    try:
        yield
    except ReportError as error:
        warn(str(error))
        raise typer.Exit(REFUSED) from None


def _read(question: Question, as_of: str | None) -> "tuple[Lists, str]":
    """Return what the test reads, all that there is, and the last day that counts."""
    from registry.analysis.lists import lists
    from registry.reports.catalogue import read_day

    day = read_day(as_of)
    with open_store(load_settings(), tell) as store:
        ((answer,),) = store.read(network(question.reads, ADMIN))
    return lists(question.reads, answer), day


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
    headings = [*(one.cut + ("*" if one.short else "") for one in found.cuts), _("mean"), _("spread")]
    columns = [*(one._asdict() for one in found.cuts), found.means, found.spreads]
    rows = [[_(label), *(_shown(name, figures) for figures in columns)] for name, label in HEADINGS.items()]
    print_table(["", *headings], rows)
    out.print(
        "\n" + _("Rankings by average precision; what ties is one block. A hit began within a year after the cut.")
    )
    if any(one.short for one in found.cuts):
        out.print(_("* The data end over a month before that year does."))
    out.print(_("Best trivial ranking: {name}").format(name=_(HEADINGS[found.best_trivial])))
    out.print(verdict(found))


def verdict(found: "Backtest") -> str:
    """Say in one sentence whether the report beats the best trivial ranking."""
    if found.beats:
        told = _("beats the best trivial ranking: yes ({ratio} x)")
    elif found.worse:
        told = _("beats the best trivial ranking: no ({ratio} x, worse)")
    else:
        told = _("beats the best trivial ranking: no ({ratio} x, within noise)")
    return told.format(ratio=number(found.ratio))


def _shown(name: str, figures: Mapping[str, Any]) -> str:
    return number(figures[name]) if name in figures else ""
