"""Statistics: configuration models, permutation, bootstrap, false discovery rate and average precision."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from random import Random
from typing import NamedTuple, Self

import numpy as np
from scipy import special

from registry.analysis.report import ReportParameter
from registry.analysis.snapshot import Bools, Floats, Ints

MAX_ITERATIONS, TOLERANCE = 5000, 1e-9


def bicm(rows: Ints, many: Ints, columns: Ints) -> Floats:
    """Return the probability that a cell of a random 0/1 matrix is 1, given the expected row and column sums (D x C).

    The probabilities are those of the bipartite configuration model. `rows` are the D distinct row sums, and `many` says how many
    rows have each sum; rows with equal sums have equal probabilities. `columns` are the C column sums of the same matrix. The
    maximum-entropy model p_it = x_i y_t / (1 + x_i y_t) of Saracco et al. 2017 is solved by fixed-point iteration, with rows or
    columns of equal sums taken together. The values in rows and columns of only ones or only zeros are certain; such rows and
    columns are removed first.
    """
    p, once = np.zeros((len(rows), len(columns))), np.ones(len(columns), np.int64)
    left, right = np.ones(len(rows), np.bool_), np.ones(len(columns), np.bool_)
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    while _fix_deterministic_rows(p, rows, columns, left, right, many, once) or _fix_deterministic_rows(
        p.T, columns, rows, right, left, once, many
    ):
        pass
    if left.any() and right.any():
        p[np.ix_(left, right)] = _solve_bicm(rows[left], many[left], columns[right])
    return p


def _fix_deterministic_rows(
    p: Floats, rows: Ints, columns: Ints, left: Bools, right: Bools, many_rows: Ints, many_columns: Ints
) -> bool:
    """Fix the probabilities of all rows that must be full or empty in the remaining matrix; return whether such rows existed."""
    width = many_columns[right].sum()
    full, empty = left & (rows == width) & (width > 0), left & (rows == 0)
    p[np.ix_(full, right)] = 1
    columns[right] -= many_rows[full].sum()
    rows[full] = 0
    left &= ~(full | empty)
    return bool(full.any() or empty.any())


def _solve_bicm(rows: Ints, many: Ints, columns: Ints) -> Floats:
    """Solve the bipartite configuration model by fixed-point iteration, with rows or columns of equal sums taken together."""
    k, column_class, many_columns = np.unique(columns, return_inverse=True, return_counts=True)
    total = np.sqrt(columns.sum())
    x, y = rows / total, k / total
    for _ in range(MAX_ITERATIONS):
        x = rows / (many_columns * y / (1 + np.outer(x, y))).sum(axis=1)
        shared = 1 / (1 + np.outer(x, y))
        y = k / (many[:, None] * x[:, None] * shared).sum(axis=0)
        p = np.outer(x, y) / (1 + np.outer(x, y))
        if np.abs(p @ many_columns - rows).max() < TOLERANCE * rows.max():
            break
    return np.asarray(p[:, column_class])


LEAST_VARIANCE = 0.25


class NullTies(NamedTuple):
    """The expected number of ties between the groups of each pair (S x S), and its variance, under the null model.

    The values on the diagonals have no meaning.
    """

    mean: Floats
    variance: Floats


def fixed_degrees(group: Ints, degree: Ints, size: int) -> NullTies:
    """Compute the mean and variance of the number of ties between groups in random networks with these degrees, without sampling.

    `group` (N) holds group indices below `size`, `degree` (N) the degrees. In this configuration model, ties are independent with
    p_ij = x_i x_j / (1 + x_i x_j), so that every expected degree is the given one (Park & Newman 2004; Squartini & Garlaschelli
    2011).

    In this model, degrees vary. The variance is therefore conditioned on the degrees, as for jointly normal counts. The variance is
    then scaled, because the conditioning uses up N of the N (N - 1) / 2 pairs. In sparse networks the mean is close to K_r K_s /
    (2m - 1), where K is the total degree of a group. The approximation is wrong for dense networks, because it allows double ties
    (stub matching). The standard deviation is at least half a tie (LEAST_VARIANCE).
    """
    kinds, kind, many = np.unique(degree, return_inverse=True, return_counts=True)
    p = _tie_probabilities(kinds, many)
    members = (
        np.bincount(group * len(kinds) + kind, minlength=size * len(kinds)).reshape(size, len(kinds)).astype(np.float64)
    )
    count = len(degree)
    conditional = _conditional_variance(p * (1 - p), members, many) * (count - 1) / max(count - 3, 1)
    return NullTies(members @ p @ members.T, np.maximum(conditional, LEAST_VARIANCE))


def _tie_probabilities(degree: Ints, many: Ints) -> Floats:
    """Return the probability of a tie for each pair of distinct degrees; `many` says how many agencies have each degree.

    The ties of an agency with ties to all others, or to no others, are certain. Agencies whose ties are certain are removed first;
    this is repeated until no such agency is left.
    """
    p, left, open_ = np.zeros((len(degree), len(degree))), degree.copy(), np.ones(len(degree), np.bool_)
    while _fix_deterministic_degrees(p, left, many, open_):
        pass
    if open_.any():
        p[np.ix_(open_, open_)] = _solve_configuration_model(left[open_].astype(np.float64), many[open_])
    return p


def _fix_deterministic_degrees(p: Floats, left: Ints, many: Ints, open_: Bools) -> bool:
    everyone = many[open_].sum() - 1
    alone, full = open_ & (left == 0), open_ & (left == everyone) & (left > 0)
    if full.any():
        p[np.ix_(full, open_)] = p[np.ix_(open_, full)] = 1
        left[open_ & ~full] -= many[full].sum()
        open_ &= ~full
    elif alone.any():
        open_ &= ~alone
    return bool(full.any() or alone.any())


def _solve_configuration_model(degree: Floats, many: Ints) -> Floats:
    """Solve the configuration model by fixed-point iteration, with agencies of equal degree taken together."""
    x = degree / np.sqrt(degree @ many)
    for _ in range(MAX_ITERATIONS):
        reach = x / (1 + np.outer(x, x))
        x = degree / (reach @ many - np.diag(reach))
        p = np.outer(x, x) / (1 + np.outer(x, x))
        if np.abs(p @ many - np.diag(p) - degree).max() < TOLERANCE * degree.max():
            break
    return np.asarray(p)


def _conditional_variance(variance: Floats, members: Floats, many: Ints) -> Floats:
    """Return the variance of the number of ties between the groups of each pair (S x S) if all degrees are fixed.

    `variance` gives, for each pair of degrees, the variance of the tie between two agencies with these degrees. Let C be the
    covariance matrix of the degrees, and c the covariance of the degrees with the number of ties between two groups. The result is
    the variance of this number minus c' C^-1 c. C is a diagonal matrix plus a block for each pair of degrees. The Woodbury identity
    therefore needs only the inverse of one matrix, and the size of this matrix is the number of distinct degrees.
    """
    own = np.maximum(variance @ many - 2 * np.diag(variance), 1e-12)
    inner = np.linalg.solve(np.eye(len(many)) + variance * (many / own), variance)
    towards = members @ variance
    left = members @ variance @ members.T
    for one in range(len(members)):
        toward = members[one] * towards + members * towards[one]
        square = (members[one] * towards**2 + members * towards[one] ** 2) @ (1 / own)
        left[one] -= square - np.einsum("sk,kl,sl->s", toward / own, inner, toward / own, optimize=True)
    return np.asarray(left)


TRADES_BEFORE, TRADES_BETWEEN = 8, 2  # trades for each agreement: before the first network, and before every network
Parties = tuple[int, ...]


class RandomAgreements:
    """A random walk over the ways in which agencies could have made the same agreements (the null model of networks of ties).

    Every agreement keeps its number of parties, and every agency keeps its number of agreements. No agency is twice in an
    agreement, and no two agreements have the same parties. If all agreements have two parties, the drawn networks are the simple
    graphs with the given degrees.

    A step is a curveball trade (Strona et al. 2014): two random agreements keep the parties that they have in common, and deal the
    other parties out at random, so that both keep their sizes. A trade that would make two agreements equal is rejected, and a
    trade that changes nothing counts as a step. Each trade is as likely as its reverse, so that all networks are equally likely in
    the long run (Carstens 2015; Fosdick et al. 2018).
    """

    def __init__(self, agreements: Iterable[Parties], seed: int) -> None:
        """Start at the given agreements, and move away from them by TRADES_BEFORE trades for each agreement.

        An agreement is a tuple of agency indices. Agreements with the same parties count once.
        """
        self.agreements = sorted({frozenset(parties) for parties in agreements}, key=sorted)
        self._taken = set(self.agreements)
        self._random = Random(seed)
        self._trade(TRADES_BEFORE)

    def draw(self) -> Ints:
        """Draw the next network and return its ties: the distinct pairs of agencies (m x 2, smaller index first) with an agreement."""
        self._trade(TRADES_BETWEEN)
        pairs = {pair for parties in self.agreements for pair in combinations(sorted(parties), 2)}
        return np.array(sorted(pairs), np.int64).reshape(-1, 2)

    def _trade(self, times: int) -> None:
        """Make `times` curveball trades for each agreement."""
        count = len(self.agreements)
        for _trade in range(times * count if count > 1 else 0):
            one, other = self._random.sample(range(count), 2)
            first, second = self.agreements[one], self.agreements[other]
            common = first & second
            dealt = sorted(first ^ second)
            self._random.shuffle(dealt)
            size = len(first) - len(common)
            dealt_first, dealt_second = common | frozenset(dealt[:size]), common | frozenset(dealt[size:])
            self._taken -= {first, second}
            if dealt_first not in self._taken and dealt_second not in self._taken:
                self.agreements[one], self.agreements[other] = first, second = dealt_first, dealt_second
            self._taken |= {first, second}


ROBUST = ReportParameter(
    "least_support",
    "Smallest bootstrap support",
    "A result counts as robust if it holds in at least this share of the simulations; 0.8 is 80 %.",
    0.8,
    0.5,
    1.0,
)
SEED, PERTURBED = 20261125, 0.1
FEWEST, MOST, CLEAR = 10, 100, 10


class NullComparison(NamedTuple):
    """A value compared with its values in random networks: the mean of these values, a z-score (None if they are equal) and a p-value.

    The p-value is two-sided. `draws` is the number of random networks.
    """

    value: float
    mean: float
    z: float | None
    p: float
    draws: int


def draws_for(agencies: int, work: int, most: int = MOST, fewest: int = FEWEST) -> int:
    """Return the number of draws: `most`, or fewer in large networks, so that agencies times draws stay below `work`.

    The number is never below `fewest`.
    """
    return min(max(work // max(agencies, 1), fewest), most)


def compare_with_null(value: float, drawn: Floats) -> NullComparison:
    """Compare a value with the same measure in random networks, which were drawn from the null model.

    The p-value is that of a permutation test: twice the share of the values that are at least as extreme on the side of the
    observed value, where the observed value counts as one of n + 1 values (Davison & Hinkley 1997). With n draws, no p-value is
    below 2 / (n + 1).
    """
    mean, spread = float(drawn.mean()), float(drawn.std(ddof=1))
    extreme = min(int((drawn >= value - 1e-12).sum()), int((drawn <= value + 1e-12).sum()))
    p = min(2 * (extreme + 1) / (len(drawn) + 1), 1.0)
    return NullComparison(value, mean, (value - mean) / spread if spread > 1e-12 else None, p, len(drawn))


def compare_until_clear(values: Sequence[float], draws: Iterable[Sequence[float]]) -> list[NullComparison]:
    """Compare several measures of a network with the same measures of random networks; stop early if the result is clear.

    `draws` yields the measures of at least two random networks, one network after the other. The result is clear as soon as, for
    each measure, at least CLEAR random networks reach the observed value from above, and at least CLEAR from below (sequential
    Monte Carlo test; Besag & Clifford 1991).
    """
    seen, drawn = np.array(values), []
    above = below = np.zeros(len(seen), np.int64)
    for each in draws:
        drawn.append(each)
        above, below = above + (np.array(each) >= seen - 1e-12), below + (np.array(each) <= seen + 1e-12)
        if (np.minimum(above, below) >= CLEAR).all():
            break
    return [compare_with_null(value, column) for value, column in zip(values, np.array(drawn).T, strict=True)]


def binomial_below(seen: Ints, mean: Floats, variance: Floats) -> Floats:
    """Return P(X <= seen) for binomial counts X with these means and variances (arrays of one shape).

    The number of trials need not be an integer. If the variance is not smaller than the mean, a Poisson distribution is used
    instead.
    """
    hit = 1 - variance / np.maximum(mean, 1e-300)
    trials = np.divide(mean, hit, out=np.full_like(mean, np.inf), where=hit > 0)
    tail = special.betainc(np.maximum(trials - seen, 1e-300), seen + 1.0, np.clip(1 - hit, 0, 1))
    return np.where(hit <= 0, special.pdtr(seen, mean), np.where(seen >= trials, 1.0, tail))


def poisson_above(seen: Ints, expected: Floats) -> Floats:
    """Return P(X >= seen) for Poisson counts X with these means (arrays of one shape)."""
    return np.where(seen <= 0, 1.0, special.pdtrc(np.maximum(seen, 1) - 1, expected))


def adjust_p_values(p: Floats, tests: int) -> Floats:
    """Return the p-values adjusted for `tests` tests (Benjamini & Hochberg 1995).

    Tests without a p-value in `p` are treated as tests with p = 1. If adjusted values up to 0.05 are accepted, at most 5 % of the
    findings are expected to be false (the false discovery rate).
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * tests / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


class ScoredGroups(NamedTuple):
    """Candidates in G groups of equal score, the highest score first: the size of each group, and the number of hits in it."""

    candidates: Floats
    hits: Floats

    @classmethod
    def of(cls, score: Floats, candidates: Ints, hits: Ints) -> Self:
        """Group the candidates by score. The three arrays have the same length."""
        _scores, group = np.unique(-score, return_inverse=True)
        return cls(*(np.bincount(group, many).astype(np.float64) for many in (candidates, hits)))

    @property
    def base_rate(self) -> float:
        """The share of candidates that are hits."""
        return float(self.hits.sum() / max(self.candidates.sum(), 1))

    @property
    def average_precision(self) -> float:
        """The average precision of the ranking; 0 if there are no hits. Candidates with equal scores share one place.

        The method is that of Saito & Rehmsmeier 2015.
        """
        found, seen = np.cumsum(self.hits), np.cumsum(self.candidates)
        return float((self.hits * found / np.maximum(seen, 1)).sum() / max(found[-1], 1)) if len(found) else 0.0

    def precision_at(self, count: int) -> float:
        """Return the precision at `count`: the share of hits among the first `count` candidates.

        If the last counted place falls within a group of equal scores, the result is the expected value over random orders of this
        group.
        """
        before = np.cumsum(self.candidates) - self.candidates
        taken = np.clip(count - before, 0, self.candidates)
        return float((self.hits * taken / np.maximum(self.candidates, 1)).sum() / max(taken.sum(), 1))
