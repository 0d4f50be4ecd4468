"""Ties between groups: how many there are, and how outward the whole network looks."""

from dataclasses import dataclass

import numpy as np

from registry.analysis.world import Ints


def mixing(group: Ints, ties: Ints, size: int) -> Ints:
    """Return the symmetric groups x groups matrix of ties; a tie within a group counts twice, on the diagonal.

    `group` (N) holds places below `size`, `ties` (m x 2) holds agencies. A row's sum is the sum of degrees in the group,
    which is how networkx.attribute_mixing_matrix(normalized=False) counts an undirected graph.
    """
    a, b = group[ties].T
    once = np.bincount(a * size + b, minlength=size * size).reshape(size, size)
    return once + once.T


@dataclass(frozen=True)
class Outwardness:
    """The E-I index, what it would be if sectors were dealt out anew, and how often it would be as far from that."""

    index: float
    expected: float
    p: float


def outwardness(group: Ints, ties: Ints, draws: int, seed: int) -> Outwardness:
    """Return the E-I index, (external - internal) / (external + internal) ties (Krackhardt & Stern 1988).

    Beside it its mean over `draws` permutations of the groups over all agencies (`group`, N), and the two-sided share
    p of permutations, the network itself counted among them, that lie at least as far from that mean. Needs one tie.
    """
    random = np.random.default_rng(seed)
    index = _external_internal(group[ties])
    drawn = np.array([_external_internal(random.permutation(group)[ties]) for _ in range(draws)])
    expected = float(drawn.mean())
    as_far = np.abs(drawn - expected) >= abs(index - expected) - 1e-12
    return Outwardness(index, expected, float((1 + as_far.sum()) / (draws + 1)))


def _external_internal(ends: Ints) -> float:
    return float(2 * np.mean(ends[:, 0] != ends[:, 1]) - 1)
