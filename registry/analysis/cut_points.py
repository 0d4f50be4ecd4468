"""Which agencies, and which ties, alone hold others to the network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from registry.analysis.resampling import FIRM, SEED, SHIFTED, draws_for
from registry.analysis.standing import grounds, standing
from registry.analysis.world import World
from registry.figures import number, percent
from registry.reports.report import Cell, Column, Question, Report, Row
from registry.words import _

if TYPE_CHECKING:
    from registry.analysis.hinges import Hinge

SHOWN, WORK = 5, 500_000
FINDINGS = {"agency": "an agency", "tie": "a tie"}

CUT_POINTS = Question(
    "cut-points",
    "What is cut off when one agency, or one tie, falls away?",
    "Agencies without which others no longer reach the rest (articulation points), and ties without which two groups of several "
    "agencies no longer meet (bridges; Hopcroft & Tarjan 1973). Ties may be missing from the record, so that each is looked at "
    "again with a tenth more ties, drawn at random between agencies that have any: firm is what stays so in most draws "
    "(Borgatti, Carley & Krackhardt 2006).",
    ("agencies", "partnerships"),
    (
        Column("finding", "What", "code", "An agency or a tie.", words=FINDINGS),
        Column("agencies", "Agencies", "texts", "The agency, or both ends of the tie."),
        Column(
            "cut_off", "Cut off", "integer", "Agencies that no longer reach the largest part that is left.", "agencies"
        ),
        Column("parts", "Parts", "integer", "How many parts are left of what it holds together.", "parts"),
        Column("beyond", "Who is cut off", "texts", "Up to five of the agencies cut off."),
        Column("firm", "Firm", "number", "In how many draws it stays so when ties are added.", "%"),
    ),
    (FIRM,),
    key=("finding", "agencies"),
    counts="Agencies and ties others surely depend on",
)


def cut_points(world: World, *, firm: float = FIRM.default) -> Report:
    """List articulation points and inner bridges of the standing ties, those that cut off the most first.

    Found are those that stay in at least the share `firm` of draws; of the others nothing can be told. A tie to an agency that
    has no other is a bridge too; these are listed by the report `isolates`.
    """
    from registry.analysis.hinges import Hinges  # networkx takes half a second, which only who needs it should wait

    ties, draws = standing(world), draws_for(len(world.agencies), WORK)
    found = Hinges(world.graph_of(ties)).found(draws, SHIFTED, SEED, SHOWN)
    rows = [_row(world, one, one.firm >= firm) for one in sorted(found, key=lambda one: one.firm < firm)]
    sure = sum(row.confidence == "likely" for row in rows)
    return CUT_POINTS.answer(
        world.as_of, rows, found=sure, of=len(np.unique(ties)) + len(ties), unknown=len(rows) - sure,
        withheld=world.withheld, notes=[*grounds(world), *_notes(found, sure, draws, firm)], firm=firm,
    )  # fmt: skip


def _row(world: World, hinge: "Hinge", firm: bool) -> Row:
    values: dict[str, Cell] = {
        "finding": "agency" if len(hinge.ends) == 1 else "tie",
        "agencies": _named(world, hinge.ends),
        "cut_off": hinge.cut_off,
        "parts": hinge.parts,
        "beyond": _named(world, hinge.beyond),
        "firm": 100 * hinge.firm,
    }
    evidence = tuple(world.agencies.evidence(world.place[one]) for one in dict.fromkeys((*hinge.ends, *hinge.beyond)))
    return Row(values, evidence, "likely" if firm else "unclear")


def _named(world: World, agencies: Sequence[str]) -> tuple[str, ...]:
    return tuple(world.agencies.names[world.place[one]] for one in agencies)


def _notes(found: Sequence["Hinge"], sure: int, draws: int, firm: float) -> list[str]:
    if not found:
        return [_("Nothing hangs on one agency or on one tie between groups.")]
    told = _(
        "{n} of {m} stay so in at least {share} of {draws} draws with a tenth more ties (seed {seed}); the others may not be so."
    )
    return [told.format(n=number(sure), m=number(len(found)), share=percent(firm), draws=number(draws), seed=SEED)]
