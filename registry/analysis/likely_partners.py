"""Report `likely-partners`: pairs of agencies with many common partners, and tests of how well common partners predict new ties."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy import sparse

from registry.analysis.brokers import MOST
from registry.analysis.measures import mixing
from registry.analysis.overlaps import close
from registry.analysis.report import SCOPE, Cell, Column, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import (
    Bools,
    Floats,
    Ints,
    Matrix,
    SnapshotArrays,
    adjacency,
    assumed_ties,
    pairs_by_group,
)
from registry.analysis.statistics import SEED, ScoredGroups, draws_for
from registry.analysis.ties import TIE_RULES, data_notes
from registry.i18n import _, number, percent
from registry.progress import steps


class BlockModel(NamedTuple):
    """The degree-corrected stochastic block model, which expects ties from degrees and groups (Karrer & Newman 2011).

    The model holds the degree of each agency (N), the group of each agency (N) and the rate of ties between groups (groups x groups).
    """

    degree: Ints
    group: Ints
    rate: Floats

    @classmethod
    def of(cls, sector: Ints, ties: Ints) -> "BlockModel":
        """Fit the model to the sectors of the agencies (N) and the ties (m x 2). Agencies without a sector (-1) form one group."""
        group = np.where(sector < 0, sector.max(initial=-1) + 1, sector)
        size = int(group.max(initial=0)) + 1
        between = mixing(group, ties, size).astype(np.float64)
        ends = np.maximum(between.sum(axis=1), 1)
        return cls(np.bincount(ties.ravel(), minlength=len(sector)), group, between / np.outer(ends, ends))

    def score(self, a: Ints, b: Ints) -> Floats:
        """Return the expected number of ties between the agencies in `a` and `b`: d_a d_b O_rs / (K_r K_s).

        d is the degree of an agency, O_rs the number of ties between the groups of the two agencies, and K the sum of the degrees
        of a group.
        """
        expected: Floats = self.degree[a] * self.degree[b] * self.rate[self.group[a], self.group[b]]
        return expected


class CommonPartnerScores(NamedTuple):
    """Pairs of agencies (index a < b) without a tie but with common partners; each pair has two scores.

    `allocation` is the resource allocation index, the sum of 1 / degree over common partners (Zhou et al. 2009);
    `adamic_adar` is the sum of 1 / log degree (Adamic & Adar 2003).
    """

    a: Ints
    b: Ints
    common: Ints
    allocation: Floats
    adamic_adar: Floats


def pairs_at_distance_two(ties: Matrix) -> CommonPartnerScores:
    """Return all pairs of agencies without a tie but with a common partner, in ascending order (`ties`: N x N, symmetric)."""
    degree = np.maximum(np.diff(ties.indptr), 1).astype(np.float64)
    apart = _common_partner_weights(ties, np.ones_like(degree))
    a, b = apart.nonzero()
    scores = (_common_partner_weights(ties, weight).data for weight in (1 / degree, 1 / np.log(np.maximum(degree, 2))))
    allocation, adamic_adar = scores
    return CommonPartnerScores(
        a.astype(np.int64), b.astype(np.int64), np.rint(apart.data).astype(np.int64), allocation, adamic_adar
    )


def _common_partner_weights(ties: Matrix, weight: Floats) -> Matrix:
    """Return for each pair of agencies without a tie the sum of the weights of their common partners (N x N, upper triangle)."""
    through = sparse.csr_array(sparse.diags_array(weight) @ ties)
    upper = sparse.triu(ties @ through, 1, format="csr")
    apart: Matrix = (upper - upper.multiply(ties)).tocsr()
    apart.eliminate_zeros()
    apart.sort_indices()
    return apart


HIDDEN, SPLITS, YEARS, FEWEST_HITS = 0.1, 20, 5, 10
MOST_CLASSES, LEAST_AGENCIES, BETTER, WON = 3_000, 100, 1.1, 0.8
REPORT = "allocation"
BASELINES = ("degrees", "blocks", "sector")


class Split(NamedTuple):
    """One test of the ranking: some ties are held out, and each method scores all pairs of agencies without a known tie.

    The result has the numbers of known and held-out ties. `unreachable` counts the held-out ties between agencies without common
    partners.
    """

    known: int
    hits: int
    unreachable: int
    scored: Mapping[str, ScoredGroups]


class RankingEvaluation(NamedTuple):
    """The tests that choose the held-out ties in the same way: by the cut-off day `day`, or at random if `day` is None."""

    day: str | None
    splits: Sequence[Split]

    def mean(self, method: str) -> float:
        """Return the mean average precision of a method over all tests."""
        return float(np.mean(self._precisions(method)))

    def spread(self, method: str) -> float:
        """Return the standard deviation of a method's average precision over the tests; return 0 if there is only one test."""
        return float(np.std(self._precisions(method), ddof=1)) if len(self.splits) > 1 else 0.0

    def precision(self, method: str) -> float:
        """Return the mean R-precision of a method: if n ties are held out, the share of held-out ties among the first n pairs."""
        return float(np.mean([one.scored[method].precision_at(one.hits) for one in self.splits]))

    @property
    def methods(self) -> Sequence[str]:
        """The names of the evaluated methods, in order."""
        return list(self.splits[0].scored)

    @property
    def best_trivial(self) -> str:
        """The name of the baseline with the highest mean average precision."""
        return max((one for one in BASELINES if one in self.methods), key=self.mean)

    @property
    def beats(self) -> bool:
        """Whether the report's ranking beats the best baseline by 10 % on average, and in at least four of five tests."""
        ours, theirs = (np.array(self._precisions(method)) for method in (REPORT, self.best_trivial))
        return bool(ours.mean() >= BETTER * theirs.mean() and np.mean(ours > theirs) >= WON)

    def _precisions(self, method: str) -> list[float]:
        return [one.scored[method].average_precision for one in self.splits]


def hidden_at_random(arrays: SnapshotArrays, splits: int) -> RankingEvaluation | None:
    """Test the ranking `splits` times on agreements held out at random; return None if too few ties would be held out.

    Each test holds out a tenth of the agreements, and ranks all pairs of agencies without a tie by the other agreements. All ties
    of an agreement are held out together, because the other two ties of an agreement with three parties would reveal the third
    tie. All measures, including sectors and degrees, are computed from the remaining ties only.
    """
    random, (pairs, agreement) = np.random.default_rng(SEED), pairs_by_group(arrays.assumed_parties)
    every, number = np.unique(pairs, axis=0), int(agreement.max(initial=-1)) + 1
    found = []
    for _split_number in steps(_("rounds with agreements hidden"), range(splits)):
        left = random.permutation(number)[agreement] >= HIDDEN * number
        known = np.unique(pairs[left], axis=0)
        if len(every) - len(known) < FEWEST_HITS:
            return None
        found.append(_split(known, _without(every, known, len(arrays.agencies)), arrays.sector))
    return RankingEvaluation(None, found)


def held_out_by_date(arrays: SnapshotArrays) -> list[RankingEvaluation]:
    """Test the ranking on past years: rank pairs by the ties on an earlier day, and compare the ranking with the ties a year later."""
    found = []
    for ago in range(YEARS, 0, -1):
        days = (_years_before(arrays.as_of, years) for years in (ago, ago - 1))
        before, after = (replace(arrays, as_of=day) for day in days)
        new = _without(after.ties, before.ties, len(before.agencies))
        if len(new) >= FEWEST_HITS:
            found.append(RankingEvaluation(before.as_of, [_split(before.ties, new, before.sector)]))
    return found


def _years_before(day: str, years: int) -> str:
    one = date.fromisoformat(day)
    return one.replace(year=max(one.year - years, 1), day=min(one.day, 28)).isoformat()


def _without(ties: Ints, others: Ints, size: int) -> Ints:
    return ties[~np.isin(_pair_keys(ties, size), _pair_keys(others, size))]


def _pair_keys(ties: Ints, size: int) -> Ints:
    keys: Ints = ties.min(axis=1) * size + ties.max(axis=1)
    return keys


def _split(known: Ints, held_out: Ints, sector: Ints) -> Split:
    by_partners = dict(_partner_scores(known, held_out, len(sector)))
    unreachable = int(by_partners[REPORT].hits[-1]) if len(held_out) else 0
    return Split(len(known), len(held_out), unreachable, by_partners | dict(_baseline_scores(known, held_out, sector)))


def _partner_scores(known: Ints, held_out: Ints, size: int) -> Iterator[tuple[str, ScoredGroups]]:
    """Yield the scores of each method that uses common partners. All pairs without common partners share the last place."""
    pairs = pairs_at_distance_two(adjacency(known, size))
    hit = np.isin(pairs.a * size + pairs.b, _pair_keys(held_out, size))
    others = size * (size - 1) // 2 - len(known) - len(hit)
    candidates, hits = np.append(np.ones(len(hit), np.int64), others), np.append(hit, len(held_out) - hit.sum())
    for name, score in (("allocation", pairs.allocation), ("adamic_adar", pairs.adamic_adar), ("common", pairs.common)):
        yield name, ScoredGroups.of(np.append(score, 0), candidates, hits)


def _baseline_scores(known: Ints, held_out: Ints, sector: Ints) -> Iterator[tuple[str, ScoredGroups]]:
    """Yield the scores of each baseline.

    A baseline depends only on the sectors and degrees of two agencies. Pairs with equal sectors and degrees are therefore
    counted together.
    """
    blocks = BlockModel.of(sector, known)
    width = int(blocks.degree.max(initial=0)) + 1
    _kinds, first, kind = np.unique(blocks.group * width + blocks.degree, return_index=True, return_inverse=True)
    if len(first) > MOST_CLASSES:
        return
    a, b = np.triu_indices(len(first))
    candidates, hits = _pairs_between_classes(kind, known, held_out)
    one, other = first[a], first[b]
    degrees = blocks.degree.astype(np.float64)
    yield "degrees", ScoredGroups.of(degrees[one] * degrees[other], candidates, hits)
    yield "blocks", ScoredGroups.of(blocks.score(one, other), candidates, hits)
    yield "sector", ScoredGroups.of((blocks.group[one] == blocks.group[other]).astype(np.float64), candidates, hits)


def _pairs_between_classes(kind: Ints, known: Ints, held_out: Ints) -> tuple[Ints, Ints]:
    """For each pair of classes of agencies, count the pairs of agencies without a known tie, and those with a held-out tie.

    A class contains all agencies with the same value in `kind`.
    """
    size = np.bincount(kind)
    number = len(size)
    pairs = np.outer(size, size)
    np.fill_diagonal(pairs, size * (size - 1) // 2)
    upper = np.triu_indices(number)
    there, hits = (_counted(np.sort(kind[ties], axis=1), number)[upper] for ties in (known, held_out))
    return pairs[upper] - there, hits


def _counted(ends: Ints, number: int) -> Ints:
    return np.bincount(ends[:, 0] * number + ends[:, 1], minlength=number * number).reshape(number, number)


SHOWN, WORK = 5, 100_000
ADVICE = {"talk": "possible partners"}
METHODS = {
    "allocation": "common partners, those with few ties count more",
    "adamic_adar": "common partners, weighted by 1 / log of their ties",
    "common": "number of common partners",
    "degrees": "product of numbers of ties",
    "blocks": "sectors and numbers of ties",
    "sector": "same sector",
}

LIKELY_PARTNERS = ReportDefinition(
    "likely-partners",
    "Possible partners",
    "Which agencies without an agreement have many partners in common and could work together?",
    "Pairs of agencies with a common partner are ranked by the resource allocation index: every common partner "
    "counts, and a common partner with few ties counts more than one with many ties (Zhou et al. 2009). An agency "
    "and its own units are not a pair. The ranking is tested many times: a random tenth of the agreements is hidden, "
    "and this ranking and simple baselines (by number of ties, by sector, or by both) predict them from the other "
    "agreements. If the ranking is not better than the best baseline, a note says so and the pairs do not count as "
    "findings.",
    ("agencies", "partnerships", "sectors"),
    (
        Column("agency_a", "Agency", "text", "One agency."),
        Column("agency_b", "Other agency", "text", "The other agency."),
        Column("advice", "Suggestion", "code", "What could be done next.", words=ADVICE),
        Column("common", "Common partners", "integer", "The number of common partners.", "partners"),
        Column("partners", "Partners", "texts", "Up to five common partners, those with the fewest ties first."),
        Column(
            "score",
            "Score",
            "number",
            "The resource allocation index: the sum of 1 / number of ties over the common partners (Zhou et al. 2009).",
        ),
        Column(
            "adamic_adar",
            "Adamic-Adar index",
            "number",
            "The sum of 1 / log(number of ties) over the common partners (Adamic & Adar 2003).",
        ),
        Column(
            "degrees", "Preferential attachment", "integer", "The product of the numbers of ties of the two agencies."
        ),
        Column(
            "blocks",
            "Expected",
            "number",
            "The number of ties expected from their sectors and numbers of ties.",
            "ties",
        ),
    ),
    (MOST,),
    key=("agency_a", "agency_b"),
    counts="Suggested pairs of agencies",
    common=(*TIE_RULES, *SCOPE),
    concern="A pair concerns both agencies.",
    selects=True,
)


def likely_partners(arrays: SnapshotArrays, *, most: int = int(MOST.default)) -> Report:
    """Rank pairs of agencies without a tie by their common partners, and list the first `most` pairs.

    The score is the resource allocation index (Zhou et al. 2009). The field `of` counts all pairs with common partners. If
    agencies are selected, only the pairs with a selected agency are listed and counted. The rows also show the Adamic-Adar index
    (Adamic & Adar 2003) and the number of ties that the degree-corrected block model expects (Karrer & Newman 2011).
    """
    ties = assumed_ties(arrays)
    arcs = adjacency(ties, len(arrays.agencies))
    pairs = pairs_at_distance_two(arcs)
    open_ = ~_contains(close(arrays), pairs)
    open_ &= arrays.selected[pairs.a] | arrays.selected[pairs.b]
    order = np.flatnonzero(open_)
    order = order[np.lexsort((pairs.b[order], pairs.a[order], -pairs.allocation[order]))][:most]
    judged = hidden_at_random(arrays, draws_for(len(arrays.agencies), WORK, SPLITS))
    good = judged is not None and judged.beats and len(np.unique(ties)) >= LEAST_AGENCIES
    rows = _rows(arrays, ties, arcs, pairs, order, good)
    return LIKELY_PARTNERS.answer(
        arrays.as_of, rows, found=len(rows) if good else 0, of=int(open_.sum()), unknown=0 if good else len(rows),
        withheld=arrays.withheld, notes=[*data_notes(arrays), *_notes(judged, len(np.unique(ties)))], most=most,
    )  # fmt: skip


def _contains(matrix: Matrix, pairs: CommonPartnerScores) -> Bools:
    """Return for each pair of agencies whether the matrix has a nonzero entry for it."""
    rows, columns = matrix.nonzero()
    size = matrix.shape[0]
    return np.isin(pairs.a * size + pairs.b, rows.astype(np.int64) * size + columns)


def _rows(
    arrays: SnapshotArrays, ties: Ints, arcs: Matrix, pairs: CommonPartnerScores, order: Ints, good: bool
) -> list[ReportRow]:
    blocks, rows = BlockModel.of(arrays.sector, ties), []
    expected = blocks.score(pairs.a[order], pairs.b[order]).tolist()
    for one, likely in zip(order.tolist(), expected, strict=True):
        a, b = int(pairs.a[one]), int(pairs.b[one])
        common = np.intersect1d(arcs[[a]].indices, arcs[[b]].indices)
        common = common[np.argsort(blocks.degree[common], kind="stable")].tolist()
        values: dict[str, Cell] = {
            "agency_a": arrays.agencies.names[a],
            "agency_b": arrays.agencies.names[b],
            "advice": "talk",
            "common": len(common),
            "partners": tuple(arrays.agencies.names[each] for each in common[:SHOWN]),
            "score": float(pairs.allocation[one]),
            "adamic_adar": float(pairs.adamic_adar[one]),
            "degrees": int(blocks.degree[a] * blocks.degree[b]),
            "blocks": likely,
        }
        rows.append(
            ReportRow(
                values,
                tuple(arrays.agencies.evidence(each) for each in (a, b, *common)),
                "likely" if good else "unclear",
                concerns=(arrays.agencies.ids[a], arrays.agencies.ids[b]),
            )
        )
    return rows


def _notes(judged: RankingEvaluation | None, connected: int) -> list[str]:
    if judged is None:
        return [_("There are too few ties to test this ranking. Treat the ranking only as a hint.")]
    return [verdict(judged, connected), _precision_note(judged)]


def verdict(judged: RankingEvaluation, connected: int) -> str:
    """Return a sentence that says whether the ranking by common partners beats the best baseline."""
    if connected < LEAST_AGENCIES:
        template = _(
            "With fewer than {few} agencies, no ranking can be shown to be better than another. Average precision: "
            "{ours}; best simple baseline ({best}): {theirs}."
        )
    elif judged.beats:
        template = _(
            "The ranking beats the best simple baseline. Average precision: {ours}; baseline ({best}): {theirs}."
        )
    else:
        template = _(
            "The ranking does not beat the best simple baseline. Average precision: {ours}; baseline "
            "({best}): {theirs}."
        )
    best = judged.best_trivial
    return template.format(
        few=number(LEAST_AGENCIES),
        ours=number(judged.mean(REPORT)),
        best=_(METHODS[best]),
        theirs=number(judged.mean(best)),
    )


def _precision_note(judged: RankingEvaluation) -> str:
    """Return a sentence with the share of correct suggestions, and the share of ties that common partners cannot predict."""
    template = _(
        "The ranking was tested with a tenth of the agreements hidden ({splits} times, seed {seed}). At the top of "
        "the ranking, {share} of the pairs are hidden ties; among all pairs, {base} are hidden ties. Here, the top "
        "of the ranking has as many pairs as there are hidden ties. {lost} of the hidden ties have no common partner "
        "left, so the ranking cannot find them."
    )
    hits = sum(one.hits for one in judged.splits)
    return template.format(
        splits=number(len(judged.splits)), seed=SEED, share=percent(judged.precision(REPORT)),
        base=number(100 * judged.splits[0].scored[REPORT].base_rate) + " %",
        lost=percent(sum(one.unreachable for one in judged.splits) / hits),
    )  # fmt: skip
