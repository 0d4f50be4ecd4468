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
    """The E-I index, its mean and standard deviation if sectors were dealt out anew, and how often it would be as far off."""

    index: float
    expected: float
    spread: float
    p: float


def outwardness(group: Ints, ties: Ints, draws: int, seed: int) -> Outwardness:
    """Return the E-I index, (external - internal) / (external + internal) ties (Krackhardt & Stern 1988).

    Beside it its exact mean and standard deviation over all permutations of the groups over the agencies (`group`, N), and the
    two-sided share p of `draws` permutations, the network itself counted among them, that lie at least as far from that mean.
    Needs one tie.
    """
    random = np.random.default_rng(seed)
    index, (expected, spread) = _external_internal(group[ties]), _permuted(group, ties)
    drawn = np.array([_external_internal(random.permutation(group)[ties]) for _ in range(draws)])
    as_far = np.abs(drawn - expected) >= abs(index - expected) - 1e-12
    return Outwardness(index, expected, spread, float((1 + as_far.sum()) / (draws + 1)))


def _external_internal(ends: Ints) -> float:
    return float(2 * np.mean(ends[:, 0] != ends[:, 1]) - 1)


def _permuted(group: Ints, ties: Ints) -> tuple[float, float]:
    """Return the mean and the standard deviation of the index over all permutations of the groups.

    A tie is internal with the chance that two agencies are of one group; the variance needs also that of two ties with an end in
    common, and of two that have none, to be internal both.
    """
    count, many, degree = len(group), len(ties), np.bincount(ties.ravel()).astype(np.float64)
    size = np.bincount(group).astype(np.float64)
    two, three = size * (size - 1), size * (size - 1) * (size - 2)
    four = (two.sum() ** 2 - (two**2).sum()) + (three * (size - 3)).sum()
    adjoining = float((degree * (degree - 1)).sum())
    one, joined, apart = (
        ways / np.prod(np.maximum(count - np.arange(ends), 1))
        for ends, ways in ((2, two.sum()), (3, three.sum()), (4, four))
    )
    variance = many * one + adjoining * joined + (many * (many - 1) - adjoining) * apart - (many * one) ** 2
    return float(1 - 2 * one), float(2 * np.sqrt(max(variance, 0)) / many)
