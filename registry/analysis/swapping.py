"""Networks by chance: the same agencies with the same numbers of ties, the ties dealt out anew."""

import numpy as np

from registry.analysis.world import Bools, Ints

ROUNDS = 20


def swapped(ties: Ints, size: int, random: np.random.Generator) -> Ints:
    """Return ties (m x 2, smaller place first) that keep every agency's number of ties, none doubled and none to oneself.

    In each round all ties are paired at random and every pair a-b, c-d that can be becomes a-d, c-b, one end being chosen at
    random; those that would double a tie stay as they are. Degree-preserving swaps as in networkx.double_edge_swap, many at a time.
    """
    ties = ties.copy()
    for _ in range(ROUNDS):
        order = random.permutation(len(ties))[: len(ties) // 2 * 2].reshape(-1, 2)
        turned = random.random(len(order)) < 0.5
        first, second = ties[order[:, 0]], np.where(turned[:, None], ties[order[:, 1], ::-1], ties[order[:, 1]])
        one, other = np.stack([first[:, 0], second[:, 1]], axis=1), np.stack([second[:, 0], first[:, 1]], axis=1)
        kept = _possible(one, other, ties, size)
        ties[order[kept, 0]], ties[order[kept, 1]] = one[kept], other[kept]
    return np.sort(ties, axis=1)


def _possible(one: Ints, other: Ints, ties: Ints, size: int) -> Bools:
    """Mark the swaps whose two new ties are between different agencies, and neither there already nor made twice."""
    there, made = _key(ties, size), np.stack([_key(one, size), _key(other, size)])
    _keys, which, times = np.unique(made, return_inverse=True, return_counts=True)
    new = (times[which.reshape(made.shape)] == 1) & ~np.isin(made, there)
    apart = (one[:, 0] != one[:, 1]) & (other[:, 0] != other[:, 1])
    possible: Bools = new.all(axis=0) & apart
    return possible


def _key(ties: Ints, size: int) -> Ints:
    key: Ints = ties.min(axis=1) * size + ties.max(axis=1)
    return key
