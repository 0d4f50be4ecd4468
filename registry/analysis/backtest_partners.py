"""The back-test of `likely-partners` as a report: agreements hidden at random, and years held out by date."""

from collections.abc import Iterator

from registry.analysis.backtest_ties import REPORT, SPLITS, Judged, held_out_by_date, hidden_at_random
from registry.analysis.likely_partners import LIKELY_PARTNERS, METHODS, verdict
from registry.analysis.standing import grounds
from registry.analysis.world import World
from registry.figures import day
from registry.reports.report import Cell, Column, Question, Report, Row
from registry.words import _

BACKTEST = Question(
    "backtest-likely-partners",
    "How well do partners in common tell which agencies will be tied?",
    "A tenth of the agreements is hidden at random twenty times, or only what was in force on a day is known and the ties of the "
    "year after are told; every measure is made of what is known. All pairs that are not known to be tied are ranked; what has one "
    "score is one block (Saito & Rehmsmeier 2015; Liben-Nowell & Kleinberg 2007). A ranking beats another when it is a tenth better "
    "on average and better in four of five splits.",
    LIKELY_PARTNERS.reads,
    (
        Column("known", "Known", "text", "What was known: a day, or all but a tenth of the agreements."),
        Column("method", "Ranked by", "code", "What pairs are ranked by; the first is the ranking of the report.", words=METHODS),
        Column("hits", "To be told", "integer", "Ties to be told, in all splits.", "ties"),
        Column("unreachable", "Unreachable", "number", "The share of these without a partner in common.", "%"),
        Column("base", "Any pair", "number", "The share of all pairs that came true.", "%"),
        Column("precision", "Average precision", "number", "The precision at each recall, averaged; mean over splits."),
        Column("spread", "Spread", "number", "Its standard deviation over splits."),
        Column("first", "Of the first", "number", "The share that came true of as many first pairs as ties were to be told.", "%"),
        Column("lift", "Times any pair", "number", "Average precision for each of the base rate."),
        Column("ratio", "Times best trivial", "number", "Average precision for each of the best trivial ranking's."),
    ),
)  # fmt: skip


def backtest_partners(world: World) -> Report:
    """Judge the ranking of `likely-partners` and its rivals.

    Rows for the agreements hidden at random come first, then those for each year, oldest first. `of` counts these sorts of splits,
    `found` those in which the report beats the best trivial ranking.
    """
    hidden = hidden_at_random(world, SPLITS)
    judged = [*([hidden] if hidden else []), *held_out_by_date(world.lists, world.as_of)]
    rows = [row for one in judged for row in _rows(one)]
    return BACKTEST.answer(
        world.as_of, rows, found=sum(one.beats for one in judged), of=len(judged), withheld=world.withheld,
        notes=[*grounds(world), *_notes(judged, len(world.agencies))],
    )  # fmt: skip


def _rows(judged: Judged) -> Iterator[Row]:
    hits, unreachable = (
        sum(counted) for counted in zip(*((one.hits, one.unreachable) for one in judged.splits), strict=True)
    )
    base = sum(one.scored[REPORT].base_rate for one in judged.splits) / len(judged.splits)
    for method in judged.methods:
        mean = judged.mean(method)
        values: dict[str, Cell] = {
            "known": _known(judged),
            "method": method,
            "hits": hits,
            "unreachable": 100 * unreachable / hits,
            "base": 100 * base,
            "precision": mean,
            "spread": judged.spread(method) if len(judged.splits) > 1 else None,
            "first": 100 * judged.precision(method),
            "lift": mean / base,
            "ratio": mean / judged.mean(judged.best_trivial),
        }
        yield Row(values)


def _known(judged: Judged) -> str:
    return day(judged.day) if judged.day else _("all but a tenth")


def _notes(judged: list[Judged], agencies: int) -> list[str]:
    if not judged:
        return [_("There are too few ties to hide some, and too few that came later, so there is nothing to test by.")]
    return [f"{_known(one)}: {verdict(one, agencies)}" for one in judged]
