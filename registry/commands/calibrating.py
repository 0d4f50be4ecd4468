"""`registry calibrate`: how honest the tests of the reports are, on one's own data and on generated registries."""

from collections.abc import Sequence
from secrets import randbits
from typing import TYPE_CHECKING

import typer

from registry.access import ADMIN
from registry.commands.console import out, print_json, print_table, showing_progress, tell, warn
from registry.cypher.network import network
from registry.figures import number
from registry.opening import open_store
from registry.reports.report import ReportError
from registry.settings import load_settings
from registry.words import _, speaking

if TYPE_CHECKING:
    from registry.analysis.calibrating import Count
    from registry.analysis.world import World

BROKEN, REFUSED, ROUNDS = 1, 2, 100
VERDICTS = {True: "kept", False: "broken", None: "no promise"}
HEADINGS = ["tested on", "report", "what is counted", "seen", "share", "promise", "verdict"]


def calibrate(
    rounds: int = typer.Option(
        ROUNDS, "--rounds", min=1, max=10_000, help="How often; pairs of agencies a tenth as often."
    ),
    seed: int | None = typer.Option(None, "--seed", min=0, max=2**32 - 1, help="To have the same again."),
    as_of: str | None = typer.Option(None, "--as-of", help="The day that it is about, such as 2026-12-31."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Tell how often sector-gaps and overlaps find what is not there, and how much of what is, beside what is promised.

    First on your own data, shuffled so that there is nothing to find, then on generated registries. Exit code 1 when a promise is
    broken.
    """
    from registry.analysis.calibrating import calibrate

    chosen = randbits(32) if seed is None else seed
    settings = load_settings()
    with speaking(settings.command_lang):
        world = _read(as_of)
        tell(_("Seed {seed}, {rounds} rounds.").format(seed=chosen, rounds=rounds))
        with showing_progress():
            counts = calibrate(world, rounds, chosen)
        if as_json:
            print_json({"as_of": world.as_of, "seed": chosen, "rounds": rounds, "counts": list(map(_entry, counts))})
        else:
            _print(counts)
    if any(one.kept is False for one in counts):
        raise typer.Exit(BROKEN)


def _read(as_of: str | None) -> "World":
    """Return all that there is on a day, as the tests read it."""
    from registry.analysis.lists import lists
    from registry.analysis.overlaps import OVERLAPS
    from registry.analysis.world import World
    from registry.reports.catalogue import read_day

    try:
        day = read_day(as_of)
    except ReportError as error:
        warn(str(error))
        raise typer.Exit(REFUSED) from None
    with open_store(load_settings(), tell) as store:
        ((answer,),) = store.read(network(OVERLAPS.reads, ADMIN))
    return World.of(lists(OVERLAPS.reads, answer), day)


def _entry(one: "Count") -> dict[str, object]:
    bound = None if one.promise is None else "at least" if one.least else "at most"
    told = {"name": one.name, "report": one.report, "own": one.own, "seen": one.seen, "of": one.of, "share": one.share}
    return {**told, "bound": bound, "promise": one.promise, "kept": one.kept}


def _print(counts: "Sequence[Count]") -> None:
    from registry.analysis.calibrating import WHAT

    rows = [
        [
            _("your own") if one.own else _("generated"), one.report, _(WHAT[one.name]),
            _("{n} of {m}").format(n=number(one.seen), m=number(one.of)), _share(one.share), _promise(one), _(VERDICTS[one.kept]),
        ]
        for one in counts
    ]  # fmt: skip
    print_table([_(one) for one in HEADINGS], rows)
    out.print(
        "\n"
        + _("A promise is called broken when chance would give this once in a thousand times where it is just kept.")
        + " "
        + _("What of your own has no promise tells how much your data let be found.")
    )


def _share(share: float | None) -> str:
    return "–" if share is None else number(share)


def _promise(one: "Count") -> str:
    if one.promise is None:
        return "–"
    told = _("at least {share}") if one.least else _("at most {share}")
    return told.format(share=number(one.promise))
