"""Ties between groups: how many there are, how many chance would give, and how outward the whole network looks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from registry.analysis.world import Floats, Ints

ROOM = 200_000_000


def mixing(group: Ints, ties: Ints, size: int) -> Ints:
    """Return the symmetric groups x groups matrix of ties; a tie within a group counts twice, on the diagonal.

    `group` (N) holds places below `size`, `ties` (m x 2) holds agencies. A row's sum is the sum of degrees in the group,
    which is how networkx.attribute_mixing_matrix(normalized=False) counts an undirected graph.
    """
    a, b = group[ties].T
    once = np.bincount(a * size + b, minlength=size * size).reshape(size, size)
    return once + once.T


def chance(seen: Ints) -> Floats:
    """Return how many ties two different groups would have if every tie's ends were drawn anew: K_r K_s / (2m - 1).

    The configuration model by stub matching, which keeps every agency's number of ties (Newman 2003); right for networks in
    which few of the possible ties exist. The diagonal has no meaning.
    """
    ends = seen.sum(axis=1).astype(np.float64)
    expected: Floats = np.outer(ends, ends) / max(ends.sum() - 1, 1)
    return expected


def density(ties: Ints) -> float:
    """Return the share of possible ties that exist among agencies with at least one; 0 without ties."""
    tied = len(np.unique(ties))
    return 2 * len(ties) / (tied * (tied - 1)) if tied > 1 else 0.0


def swapped(ties: Ints, draws: int, seed: int) -> Iterator[Ints]:
    """Yield batches (draws x m x 2) of networks in which every agency keeps its number of ties and no tie is doubled.

    Each network comes from 5m tries to swap the ends of two ties (Maslov & Sneppen 2002); `draws` networks are swapped side
    by side, which is as one after the other since none sees the others. Right for dense networks too.
    """
    places, flat = np.unique(ties, return_inverse=True)
    dense, random = flat.reshape(ties.shape), np.random.default_rng(seed)
    batch = max(1, ROOM // max(len(places), 1) ** 2)
    for begin in range(0, draws, batch):
        yield places[_swap(dense, len(places), min(batch, draws - begin), random)]


def _swap(ties: Ints, width: int, draws: int, random: np.random.Generator) -> Ints:
    edges = np.repeat(ties[None], draws, axis=0)
    tied = np.zeros((draws, width, width), np.bool_)
    tied[:, ties[:, 0], ties[:, 1]] = tied[:, ties[:, 1], ties[:, 0]] = True
    lanes = np.arange(draws)
    for _ in range(5 * len(ties)):
        one, other = random.integers(len(ties), size=(2, draws))
        turn = random.integers(2, size=draws)
        a, b = edges[lanes, one].T
        c, d = edges[lanes, other, turn], edges[lanes, other, 1 - turn]
        free = (a != d) & (c != b) & ~tied[lanes, a, d] & ~tied[lanes, c, b]
        at, a, b, c, d = lanes[free], a[free], b[free], c[free], d[free]
        for now, x, y in ((False, a, b), (False, c, d), (True, a, d), (True, c, b)):
            tied[at, x, y] = tied[at, y, x] = now
        edges[at, one[free]] = np.stack([a, d], axis=1)
        edges[at, other[free]] = np.stack([c, b], axis=1)
    return edges


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
