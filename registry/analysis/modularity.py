"""Communities: groups of agencies with more ties among them than their numbers of ties explain."""

import numpy as np
from scipy import sparse

from registry.analysis.world import Floats, Ints, Matrix

ROUNDS, STILL, LEAST_GAIN = 60, 4, 1e-9


def modularity(ties: Matrix, group: Ints) -> float:
    """Return Newman's modularity of the groups (N), 0 without a tie; weights and loops count (networkx.community.modularity)."""
    degree, within = np.asarray(ties.sum(axis=1), np.float64), _within(ties, group)
    whole = degree.sum()
    return float(within / whole - (np.bincount(group, degree) ** 2).sum() / whole**2) if whole else 0.0


def communities(ties: Matrix, random: np.random.Generator) -> Ints:
    """Return the community of each agency (N), numbered from 0, the largest first.

    Louvain's two steps (Blondel et al. 2008): move agencies to the neighbouring community that gains most modularity, then take
    communities for agencies, until nothing gains. Here many move at a time, a random half of those that want to, which is a dozen
    times as fast as one after the other; the best state seen is kept, as two that move at once may lose.
    """
    found, weights = np.arange(ties.shape[0]), ties.astype(np.float64)
    while True:
        moved = _moved(weights, random)
        if len(np.unique(moved)) == weights.shape[0]:
            return _by_size(found)
        moved = np.unique(moved, return_inverse=True)[1]
        found = moved[found]
        joined = _joining(moved)
        weights = (joined.T @ weights @ joined).tocsr()


def adjusted_rand(one: Ints, other: Ints) -> float:
    """Return how far two groupings (N) agree on which pairs are together: 1 entirely, 0 as by chance (Hubert & Arabie 1985)."""
    both = np.unique(np.stack([one, other]), axis=1, return_counts=True)[1]
    together, ones, others = (_pairs(sizes) for sizes in (both, np.bincount(one), np.bincount(other)))
    by_chance = ones * others / max(_pairs(np.array([len(one)])), 1)
    most = (ones + others) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)


def _moved(weights: Matrix, random: np.random.Generator) -> Ints:
    """Return the communities after moving one agency after another's wish until few gain."""
    count, degree = weights.shape[0], np.asarray(weights.sum(axis=1), np.float64)
    group = best = np.arange(count)
    highest, still = modularity(weights, group), 0
    for _ in range(ROUNDS):
        wish = _wishes(weights, degree, group)
        group = np.where(random.random(count) < 0.5, wish, group)
        reached = modularity(weights, group)
        still = 0 if reached > highest + LEAST_GAIN else still + 1
        if reached > highest:
            best, highest = group, reached
        if still == STILL:
            break
    # Of a few that want to change places, a coin may never let one go alone: then the first does, and that gains.
    wanting = np.flatnonzero((wish := _wishes(weights, degree, best)) != best)
    alone = np.where(np.arange(count) == wanting[:1].sum(), wish, best) if len(wanting) else best
    return alone if modularity(weights, alone) > highest + LEAST_GAIN else best


def _wishes(weights: Matrix, degree: Floats, group: Ints) -> Ints:
    """Return the community that each agency would gain most by joining, its own where none is better."""
    towards = (weights @ _joining(group)).tocsr()
    rows, columns = np.repeat(np.arange(len(group)), np.diff(towards.indptr)), towards.indices
    size, own = np.bincount(group, degree, minlength=len(group)), group[rows] == columns
    loops = weights.diagonal()
    gain = towards.data - own * loops[rows] - degree[rows] * (size[columns] - own * degree[rows]) / max(degree.sum(), 1)
    gain += own * 1e-12
    some = np.flatnonzero(np.diff(towards.indptr))
    most = np.maximum.reduceat(gain, towards.indptr[some]) if len(some) else gain
    wish, best = group.copy(), np.flatnonzero(gain == np.repeat(most, np.diff(towards.indptr)[some]))
    wish[rows[best]] = columns[best]
    return wish


def _joining(group: Ints) -> Matrix:
    count, width = len(group), int(group.max(initial=-1)) + 1
    return sparse.csr_array((np.ones(count), group, np.arange(count + 1)), (count, width))


def _within(ties: Matrix, group: Ints) -> float:
    rows = np.repeat(np.arange(len(group)), np.diff(ties.indptr))
    return float(ties.data[group[rows] == group[ties.indices]].sum())


def _by_size(group: Ints) -> Ints:
    _groups, place, sizes = np.unique(group, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[place]


def _pairs(sizes: Ints) -> float:
    return float((sizes * (sizes - 1) / 2).sum())
