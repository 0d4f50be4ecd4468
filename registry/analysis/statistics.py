"""Statistics: random matrices and random agreements, comparison of values with them, false discovery rate and average precision."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
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


# in a round, every agreement trades once; after 8 rounds, the sample keeps no more of its ties than after 24
ROUNDS_BEFORE, ROUNDS_BETWEEN = 12, 2
RANDOM_BITS = 36  # a sort key has so many random bits; the other bits hold the number of a pair, up to 2^27
Parties = tuple[int, ...]


class RandomAgreements:
    """A random walk over the ways in which agencies could have made the same agreements (the null model of networks of ties).

    Every agreement keeps its number of parties, and every agency keeps its number of agreements. No agency is twice in an
    agreement, and no two agreements have the same parties. If all agreements have two parties, the drawn networks are the simple
    graphs with the given degrees.

    A step is a global curveball trade (Carstens, Hamann, Meyer & Penschuck 2018): the agreements are paired at random. The two
    agreements of a pair keep the parties that they have in common, and deal the other parties out at random, so that both keep
    their sizes. The trades of a step count one after the other; a trade that would make two agreements equal is rejected. Each trade
    is as likely as its reverse, so that all networks are equally likely in the long run (Strona et al. 2014; Carstens 2015; Fosdick
    et al. 2018).
    """

    def __init__(self, agreements: Iterable[Parties], seed: int, chains: int = 1) -> None:
        """Start `chains` independent walks at the given agreements, and move away from them by ROUNDS_BEFORE steps.

        An agreement is a tuple of agency indices. Agreements with the same parties count once. Several chains take little longer
        than one chain if there are few agreements.
        """
        given = sorted({frozenset(parties) for parties in agreements}, key=lambda one: (len(one), sorted(one)))
        party = np.fromiter((party for one in given for party in sorted(one)), np.int64)
        self._agencies = int(party.max(initial=-1)) + 1
        self._chains, self._agreements = chains, len(given)
        self._size = np.tile(np.array([len(one) for one in given], np.int64), chains)
        self._start = np.cumsum(self._size) - self._size
        # each chain has agencies of its own
        self._party = (party + self._agencies * np.arange(chains)[:, None]).ravel()
        self._random = np.random.default_rng(seed)
        self._hash = self._random.integers(1 << 63, size=self._agencies * chains, dtype=np.uint64)
        self._sums = np.add.reduceat(self._hash[self._party], self._start) if len(given) else self._hash
        self._trade(ROUNDS_BEFORE)

    @property
    def agreements(self) -> list[Parties]:
        """The parties of each agreement of the first chain, in ascending order."""
        first = (self._party[start : start + size] for start, size in zip(self._start, self._size, strict=True))
        return [tuple(sorted(one.tolist())) for one in islice(first, self._agreements)]

    def draw(self) -> list[Ints]:
        """Draw the next network of each chain; return the pairs of agencies with an agreement (m x 2, smaller index first)."""
        self._trade(ROUNDS_BETWEEN)
        agencies = self._agencies * self._chains
        found = [np.empty(0, np.int64)]
        for size in np.unique(self._size).tolist():
            parties = self._party[self._start[self._size == size][:, None] + np.arange(size)]
            one, other = (parties[:, ends] for ends in np.triu_indices(size, 1))
            found.append((np.minimum(one, other) * agencies + np.maximum(one, other)).ravel())
        codes = np.sort(np.concatenate(found))  # faster than np.unique, which computes hashes
        ties = np.column_stack(np.divmod(codes[np.diff(codes, prepend=-1) > 0], max(agencies, 1)))
        first = np.searchsorted(ties[:, 0], self._agencies * np.arange(1, self._chains))
        return [one - self._agencies * chain for chain, one in enumerate(np.split(ties, first))]

    def _trade(self, rounds: int) -> None:
        """Pair the agreements of each chain at random `rounds` times, and trade within each pair."""
        place = np.tile(np.arange(self._agreements), self._chains)
        chain = np.repeat(np.arange(self._chains), self._agreements)
        pairs = chain * ((self._agreements + 1) // 2) + place // 2
        for _round in range(rounds if self._agreements > 1 else 0):
            order = np.argsort((chain << RANDOM_BITS) + self._random.integers(1 << RANDOM_BITS, size=len(chain)))
            size = self._size[order]
            first = np.cumsum(size) - size
            pair, shift = np.repeat(pairs, size), np.repeat(self._start[order] - first, size)
            slots = shift + np.arange(len(pair))
            before = self._party[slots]
            after = self._dealt(pair, before)
            old, new = self._sums[order], np.add.reduceat(self._hash[after], first)
            accepted = _accepted(pairs, old, new)
            self._party[slots] = np.where(accepted[pair], after, before)
            self._sums[order] = np.where(accepted[pairs], new, old)

    def _dealt(self, pair: Ints, parties: Ints) -> Ints:
        """Deal the parties of each pair of agreements out at random, except the parties that both agreements have.

        `pair` is the number of the pair to which each of the `parties` belongs, in ascending order.
        """
        # the codes and the keys are almost in order, which the stable sort makes use of
        codes = pair * (self._agencies * self._chains) + parties
        order = np.argsort(codes, kind="stable")
        twice = np.flatnonzero(codes[order[1:]] == codes[order[:-1]])
        own = np.ones(len(codes), np.bool_)
        own[order[twice]] = own[order[twice + 1]] = False
        free = np.flatnonzero(own)
        dealt = parties.copy()
        keys = (pair[free] << RANDOM_BITS) + self._random.integers(1 << RANDOM_BITS, size=len(free))
        dealt[free] = parties[free[np.argsort(keys, kind="stable")]]
        return dealt


def _accepted(pairs: Ints, old: NDArray[np.uint64], new: NDArray[np.uint64]) -> Bools:
    """Return which pairs of agreements trade, so that no two agreements become equal. Trades count one after the other.

    `pairs` is the number of the pair of each agreement, in ascending order; `old` and `new` hold a random hash of the parties of
    the agreement before and after the trade. Different parties have equal hashes of 64 bits so rarely that it does not matter.
    """
    accepted = np.ones(pairs[-1] + 1, np.bool_)
    # within a pair, a new hash may be an old one, so only the other new hashes are compared
    partner, two = np.arange(len(pairs)), pairs[1:] == pairs[:-1]
    partner[:-1][two] += 1
    partner[1:][two] -= 1
    changed = (new != old) & (new != old[partner])
    hashes = np.sort(np.concatenate([old, new[changed]]))
    contested_hashes = hashes[1:][hashes[1:] == hashes[:-1]]
    contested = set(contested_hashes.tolist())
    concerned = np.unique(pairs[np.isin(old, contested_hashes) | (changed & np.isin(new, contested_hashes))])
    begin, end = np.searchsorted(pairs, concerned), np.searchsorted(pairs, concerned, "right")
    rows = list(map(slice, begin.tolist(), end.tolist()))
    taken = {each for row in rows for each in old[row].tolist()} & contested
    for one, row in zip(concerned.tolist(), rows, strict=True):
        before, after = set(old[row].tolist()), set(new[row].tolist())
        taken -= before
        accepted[one] = taken.isdisjoint(after)
        taken |= (after if accepted[one] else before) & contested
    return accepted


ROBUST = ReportParameter(
    "least_support",
    "Smallest support",
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

    `draws` yields the measures of at least two random networks, one network after the other. The result is clear if each measure
    is clear on both sides (see `draw_until_clear`).
    """
    drawn = draw_until_clear(np.array(values), map(np.array, draws))
    return [compare_with_null(value, column) for value, column in zip(values, drawn.T, strict=True)]


def draw_until_clear(seen: Floats, draws: Iterable[Floats], *, one_sided: bool = False) -> Floats:
    """Return the drawn values, one draw after the other, until the result is clear for each observed value.

    The result is clear as soon as at least CLEAR draws reach the observed value from above, and at least CLEAR from below; if
    `one_sided` is set, only from above (sequential Monte Carlo test; Besag & Clifford 1991).
    """
    drawn, above, below = [], np.zeros(seen.shape, np.int64), np.zeros(seen.shape, np.int64)
    for each in draws:
        drawn.append(each)
        above += each >= seen - 1e-12
        below += each <= seen + 1e-12
        if ((above if one_sided else np.minimum(above, below)) >= CLEAR).all():
            break
    return np.array(drawn)


def count_below(seen: Ints, mean: Floats, variance: Floats) -> Floats:
    """Return P(X <= seen) for counts X with these means and variances (arrays of one shape).

    X is binomial if the variance is smaller than the mean, Poisson if they are equal, and negative binomial if the variance is
    larger (the counting distributions of Panjer 1981). The number of trials need not be an integer.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        hit, trials = 1 - variance / mean, mean**2 / (mean - variance)
        below = special.betainc(np.maximum(trials - seen, 1e-300), seen + 1.0, np.clip(1 - hit, 0, 1))
        beyond = special.betainc(np.maximum(-trials, 1e-300), seen + 1.0, np.clip(mean / variance, 0, 1))
    found = np.where(seen >= trials, 1.0, below)
    found = np.where(variance > mean, beyond, found)
    return np.where(np.isclose(variance, mean) | (mean <= 0), special.pdtr(seen, mean), found)


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
