"""`registry erase`: what a sender of feedback may ask for."""

import typer

from registry.access import ADMIN
from registry.changing.hearing import erase as erased
from registry.changing.turn import Asking
from registry.commands.console import out, tell, warn
from registry.opening import open_store
from registry.settings import load_settings

REFUSED = 2


def erase(feedback: str = typer.Argument(help="The id of the feedback.")) -> None:
    """Erase what a sender of feedback wrote and how to reach them; that there was feedback, and when, stays."""
    with open_store(load_settings(), tell) as store:
        outcome = erased(store, Asking(ADMIN, "command"), feedback)
    for problem in outcome.problems:
        warn(f"{problem.field} {problem.value}: {problem.message}")
    if outcome.problems:
        raise typer.Exit(REFUSED)
    out.print(f"What the sender of {outcome.record} wrote is erased, and how to reach them.", markup=False)
