"""Back-tests of the reports `likely-partners` and `reuse`: how well would they have predicted past years?"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import ceil
from typing import NamedTuple

import numpy as np

from registry.analysis.likely_partners import (
    LIKELY_PARTNERS,
    METHODS,
    REPORT,
    SPLITS,
    RankingEvaluation,
    held_out_by_date,
    hidden_at_random,
    verdict,
)
from registry.analysis.report import Cell, Column, Report, ReportDefinition, ReportError, ReportRow
from registry.analysis.reuse import FIRST, USERS_HALF_LIFE, History, Votes
from registry.analysis.snapshot import Bools, Floats, Snapshot, SnapshotArrays
from registry.analysis.statistics import ScoredGroups
from registry.analysis.ties import data_notes
from registry.i18n import _, day, number

BACKTEST = ReportDefinition(
    "backtest-likely-partners",
    "Test of the report “Possible partners”",
    "How well do common partners predict which agencies will work together?",
    "Two tests are made. In the first, a random tenth of the agreements is hidden, twenty times. In the second, only "
    "the agreements in force on a past day are known, and the ties of the following year are predicted. All measures "
    "use the known data only. All pairs without a known tie are ranked; equal scores are treated as one block (Saito "
    "& Rehmsmeier 2015; Liben-Nowell & Kleinberg 2007). A ranking beats another if it is 10 % better on average and "
    "better in four of five tests.",
    LIKELY_PARTNERS.reads,
    (
        Column(
            "known", "Known data", "text", "The data that was known: up to a day, or all but a tenth of the agreements."
        ),
        Column(
            "method",
            "Ranking",
            "code",
            "How the pairs are ranked; the first ranking is that of the report.",
            words=METHODS,
        ),
        Column("hits", "Ties to predict", "integer", "The number of ties to predict, in all tests.", "ties"),
        Column("unreachable", "Not predictable", "number", "The share of these ties without a common partner.", "%"),
        Column("base", "Base rate", "number", "The share of all ranked pairs that became ties.", "%"),
        Column(
            "precision",
            "Average precision",
            "number",
            "The precision averaged over all levels of recall; mean over the tests.",
        ),
        Column(
            "spread", "Standard deviation", "number", "The standard deviation of the average precision over the tests."
        ),
        Column(
            "first",
            "R-precision",
            "number",
            "The share of correct pairs among the first ones, as many as there are ties to predict.",
            "%",
        ),
        Column("lift", "Ratio to base rate", "number", "Average precision divided by the base rate."),
        Column(
            "ratio",
            "Ratio to best baseline",
            "number",
            "Average precision divided by that of the best simple baseline.",
        ),
    ),
)


def backtest_partners(arrays: SnapshotArrays) -> Report:
    """Evaluate the ranking of `likely-partners` and of simpler methods by average precision.

    The first rows show the tests with agreements held out at random. The other rows show the tests of each year, oldest first.
    `of` is the number of tests. `found` is the number of tests in which the report beats the best baseline.
    """
    hidden = hidden_at_random(arrays, SPLITS)
    judged = [*([hidden] if hidden else []), *held_out_by_date(arrays)]
    rows = [row for one in judged for row in _rows(one)]
    return BACKTEST.answer(
        arrays.as_of, rows, found=sum(one.beats for one in judged), of=len(judged), withheld=arrays.withheld,
        notes=[*data_notes(arrays), *_notes(judged, len(arrays.agencies))],
    )  # fmt: skip


def _rows(judged: RankingEvaluation) -> Iterator[ReportRow]:
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
        yield ReportRow(values)


def _known(judged: RankingEvaluation) -> str:
    return day(judged.day) if judged.day else _("all but a tenth")


def _notes(judged: list[RankingEvaluation], agencies: int) -> list[str]:
    if not judged:
        return [_("There are too few ties to test the ranking, at random or by date.")]
    return [f"{_known(one)}: {verdict(one, agencies)}" for one in judged]


MONTH, LARGEST = 31, 20_000_000
TRIVIAL = ("popularity", "activity_popularity", "recent_activity_recent_popularity")
BETTER, WON = 1.1, 0.8


class Cut(NamedTuple):
    """The result for one cut-off day: data before the day `cut` are known, and a use that begins in the following year is a hit.

    `short` is true if the data end more than a month before the end of that year. The results are the average precision of each of
    the four rankings, and the precision of the report in the top 1 %. Two ratios compare the report with the popularity ranking
    and with the best baseline. The rankings score an agency a and a resource r by what was recorded before the cut-off day; age is
    the number of years (of 365.25 days) since a use or ownership began:

    - `popularity`: the number of agencies that use or own r
    - `activity_popularity`: the number of resources that a uses or owns, times the popularity of r
    - `recent_activity_recent_popularity`: sqrt(0.05 + sum of 2^-age over the resources of a) times the sum of 2^(-age / 2) over the
      agencies that use or own r. This is the score of the report without the votes for similarity and for the same parent
    - `report`: the score of the report `reuse`

    The top 1 % are the first ceil(n / 100) of the n candidate pairs by the score of the report. Pairs of equal score are in the
    order of the agencies in the snapshot, then of the resources. The precision is the number of hits among these pairs, divided by
    the number of these pairs.
    """

    cut: str
    short: bool
    agencies: int
    resources: int
    candidates: int
    hits: int
    base_rate: float
    popularity: float
    activity_popularity: float
    recent_activity_recent_popularity: float
    report: float
    report_to_popularity: float
    report_to_best_trivial: float
    precision_top_1: float


class Backtest(NamedTuple):
    """The results for all cut-off days, oldest first; `best_trivial` is the baseline with the highest mean average precision."""

    cuts: Sequence[Cut]
    best_trivial: str

    @property
    def means(self) -> dict[str, float]:
        """The mean of each result over the cut-off days, for `base_rate` and all fields after it."""
        return {name: float(np.mean(values)) for name, values in self._figures()}

    @property
    def spreads(self) -> dict[str, float]:
        """The sample standard deviation of each result (`base_rate` and all fields after it) over the cut-off days; 0 for one day."""
        return {name: float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for name, values in self._figures()}

    @property
    def ratio(self) -> float:
        """The mean average precision of the report, divided by the mean average precision of the best baseline."""
        return self.means["report"] / self.means[self.best_trivial]

    @property
    def beats(self) -> bool:
        """Whether the report beats the best baseline by 10 % on average, and on at least four of five cut-off days."""
        won = np.mean([one.report_to_best_trivial > 1 for one in self.cuts])
        return self.ratio >= BETTER and bool(won >= WON)

    @property
    def worse(self) -> bool:
        """Whether the best baseline is, on average, at least 10 % better than the report."""
        return self.ratio <= 1 / BETTER

    def _figures(self) -> Iterator[tuple[str, list[float]]]:
        for name in Cut._fields[Cut._fields.index("base_rate") :]:
            yield name, [getattr(one, name) for one in self.cuts]


class CutCandidates(NamedTuple):
    """The candidate pairs of an agency and a resource on a cut-off day: which pairs are hits, and their score in each ranking."""

    cut: date
    history: History
    agencies: int
    hit: Bools
    scores: Mapping[str, Floats]


def backtest_reuse(snapshot: Snapshot, today: str, cuts: int = 5) -> Backtest | None:
    """Evaluate the report `reuse` on the last years with dates up to `today`; return None if no year has a hit.

    Each cut-off day is a 1 January, and only earlier data are known. A candidate is a pair of an agency and an existing resource
    that the agency does not have; the agency must have at least one other resource. A pair is a hit if the agency's first dated
    use of the resource begins in the following year. The first authorisation of a resource is not a hit. Raises ReportError if
    there are too many pairs to rank.
    """
    if len(snapshot.agencies) * len(snapshot.resources) > LARGEST:
        raise ReportError(
            _("There are too many pairs of agencies and resources to test ({n}; at most {most}).").format(
                n=number(len(snapshot.agencies) * len(snapshot.resources)), most=number(LARGEST)
            )
        )
    days = [use[1] for one in snapshot.resources for use in one.uses if use[1] and use[1] <= today]
    if not days:
        return None
    last = date.fromisoformat(max(days))
    years = [date(year, 1, 1) for year in range(last.year - cuts + 1, last.year + 1)]
    judged = [one for one in (candidates_on(snapshot, cut) for cut in years) if one.hit.any()]
    if not judged:
        return None
    precision = [{name: average_precision(one.hit, score) for name, score in one.scores.items()} for one in judged]
    best = max(TRIVIAL, key=lambda name: np.mean([one[name] for one in precision]))
    return Backtest([_cut_result(one, found, best, last) for one, found in zip(judged, precision, strict=True)], best)


def average_precision(hit: Bools, score: Floats) -> float:
    """Return the average precision of a ranking by score; see `ScoredGroups`."""
    return ScoredGroups.of(score, np.ones(len(hit), np.int64), hit.astype(np.int64)).average_precision


def candidates_on(snapshot: Snapshot, cut: date) -> CutCandidates:
    """Return the candidate pairs on a cut-off day: which pairs are hits, and their score in each ranking (see `Cut`).

    The pairs are in the order of the agencies, then of the resources.
    """
    history = History.of(snapshot, cut.isoformat(), undated=None)
    known = np.flatnonzero(history.counted)
    votes, users = Votes.of(history, known), np.asarray(history.has.sum(axis=0))
    recent = history.fading(USERS_HALF_LIFE).sum(axis=0)
    candidates = history.open_to(known)
    rankings = (
        np.broadcast_to(users, candidates.shape),
        np.outer(history.counted[known], users),
        np.outer(votes.activity, recent),
        votes.score,
    )
    scores = {
        name: one[candidates].astype(np.float64) for name, one in zip((*TRIVIAL, "report"), rankings, strict=True)
    }
    hit = _hits(snapshot, history, cut)[known][candidates]
    return CutCandidates(cut, history, len(known), hit, scores)


def _hits(snapshot: Snapshot, history: History, cut: date) -> Bools:
    """Return which agencies (A) began to use which resources (R) within a year after the cut-off day.

    First authorisations are left out.
    """
    agency, resource = ({one: n for n, one in enumerate(names.ids)} for names in (history.agencies, history.resources))
    begin, end = cut.isoformat(), cut.replace(year=cut.year + 1).isoformat()
    hits = np.zeros(history.has.shape, np.bool_)
    for one in snapshot.resources:
        for user, since, _until, role in one.uses:
            if role != FIRST and since and begin <= since < end and user in agency and one.id in resource:
                hits[agency[user], resource[one.id]] = True
    return hits


def _cut_result(judged: CutCandidates, precision: Mapping[str, float], best: str, last: date) -> Cut:
    end = judged.cut.replace(year=judged.cut.year + 1)
    top = np.argsort(-judged.scores["report"], kind="stable")[: ceil(len(judged.hit) / 100)]
    return Cut(
        cut=judged.cut.isoformat(),
        short=(end - last).days > MONTH,
        agencies=judged.agencies,
        resources=len(judged.history.resources),
        candidates=len(judged.hit),
        hits=int(judged.hit.sum()),
        base_rate=float(judged.hit.mean()),
        **precision,
        report_to_popularity=precision["report"] / precision["popularity"],
        report_to_best_trivial=precision["report"] / precision[best],
        precision_top_1=float(judged.hit[top].mean()),
    )
