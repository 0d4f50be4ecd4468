"""Chance: ties between groups when every agency keeps its number of ties and none is doubled."""

from typing import NamedTuple

import numpy as np

from registry.analysis.world import Bools, Floats, Ints

TRIES, CLOSE, FINEST = 5000, 1e-9, 0.25


class Drawn(NamedTuple):
    """Ties between groups (S x S) by chance: their mean and their variance. The diagonals have no meaning."""

    mean: Floats
    variance: Floats


def fixed_degrees(group: Ints, degree: Ints, size: int) -> Drawn:
    """Return what networks with these degrees (N) have between groups (N, places below `size`), without drawing any.

    Pairs are tied independently with p_ij = x_i x_j / (1 + x_i x_j) so that every expected degree is the one given (Park &
    Newman 2004; Squartini & Garlaschelli 2011). In that model degrees vary; the variance is therefore the one that remains
    when they are held, as for jointly normal counts, scaled for the N of the N (N - 1) / 2 pairs that holding them takes.
    In sparse networks the mean is nearly K_r K_s / (2m - 1); in dense ones, where stub matching doubles ties, it is not. A
    count is known to half a tie at best.
    """
    kinds, kind, many = np.unique(degree, return_inverse=True, return_counts=True)
    p = _tied(kinds, many)
    members = (
        np.bincount(group * len(kinds) + kind, minlength=size * len(kinds)).reshape(size, len(kinds)).astype(np.float64)
    )
    count = len(degree)
    held = _held(p * (1 - p), members, many) * (count - 1) / max(count - 3, 1)
    return Drawn(members @ p @ members.T, np.maximum(held, FINEST))


def _tied(degree: Ints, many: Ints) -> Floats:
    """Return the probability of a tie between agencies of each two degrees, of which there are so many.

    Who is tied to all others or to none is certain and taken out first, as often as that leaves others in that place.
    """
    p, left, open_ = np.zeros((len(degree), len(degree))), degree.copy(), np.ones(len(degree), np.bool_)
    while _take_certain(p, left, many, open_):
        pass
    if open_.any():
        p[np.ix_(open_, open_)] = _solve(left[open_].astype(np.float64), many[open_])
    return p


def _take_certain(p: Floats, left: Ints, many: Ints, open_: Bools) -> bool:
    everyone = many[open_].sum() - 1
    alone, full = open_ & (left == 0), open_ & (left == everyone) & (left > 0)
    if full.any():
        p[np.ix_(full, open_)] = p[np.ix_(open_, full)] = 1
        left[open_ & ~full] -= many[full].sum()
        open_ &= ~full
    elif alone.any():
        open_ &= ~alone
    return bool(full.any() or alone.any())


def _solve(degree: Floats, many: Ints) -> Floats:
    x = degree / np.sqrt(degree @ many)
    for _ in range(TRIES):
        reach = x / (1 + np.outer(x, x))
        x = degree / (reach @ many - np.diag(reach))
        p = np.outer(x, x) / (1 + np.outer(x, x))
        if np.abs(p @ many - np.diag(p) - degree).max() < CLOSE * degree.max():
            break
    return np.asarray(p)


def _held(variance: Floats, members: Floats, many: Ints) -> Floats:
    """Return the variance of the ties between groups that is left when degrees are held (S x S).

    `variance` is that of one pair by the kinds of its ends. With C the covariance of the degrees and c that of the ties
    between two groups with the degrees, it is their variance less c' C^-1 c. C is diagonal plus a block for each two kinds,
    so the Woodbury identity needs the inverse of one matrix of kinds x kinds only.
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
