"""Brokerage: whom an agency joins that are not tied themselves, by the groups of the three (Gould & Fernandez 1989)."""

from typing import NamedTuple

import numpy as np

from registry.analysis.structure import closed
from registry.analysis.world import Bools, Floats, Ints, Matrix

ROLES = ("coordinator", "consultant", "representative", "gatekeeper", "liaison")


class Brokerage(NamedTuple):
    """Counts (N x 5), in the order of ROLES: what there is, what chance would give, and the variance of that."""

    seen: Floats
    expected: Floats
    variance: Floats

    @property
    def z(self) -> Floats:
        """How far what is seen lies from what is expected, in standard deviations; NaN where nothing can vary."""
        spread = np.sqrt(self.variance)
        return np.divide(self.seen - self.expected, spread, out=np.full_like(spread, np.nan), where=spread > 0)


def brokerage(arcs: Matrix, group: Ints, *, directed: bool = False) -> Brokerage:
    """Count the open two-paths a, v, b (no arc from a to b) through each agency v, by the groups (N) of a, v and b.

    Coordinator: all in one group; consultant (itinerant): a and b in one, v in another; representative: a and v in one, b in
    another; gatekeeper: v and b in one, a in another; liaison: all in different ones. Without direction every pair a, b counts
    once, and representative and gatekeeper are the same. Chance is a network of this density in which every arc is as likely
    as any other (w_I, w_O, b_IO, b_OI, b_O and their z in the R package sna).
    """
    share = arcs.nnz / max(arcs.shape[0] * (arcs.shape[0] - 1), 1)
    expected, variance = _by_chance(group, share)
    seen = np.stack(_two_paths(arcs, group), axis=1) - np.stack(_closed(arcs, group), axis=1)
    twice = 1 if directed else np.array([2, 2, 1, 1, 2])
    return Brokerage(seen / twice, expected / twice, variance / twice)


def _two_paths(arcs: Matrix, group: Ints) -> list[Floats]:
    """Count a, v, b in different places, closed or not, by role."""
    from_group, to_group, mutual = (_by_group(one.tocsr(), group) for one in (arcs.T, arcs, arcs.multiply(arcs.T)))
    own = np.arange(len(group)), group
    into, out = from_group[own], to_group[own]
    into_other, out_other = from_group.sum(axis=1) - into, to_group.sum(axis=1) - out
    one_group = (from_group * to_group).sum(axis=1) - into * out
    return [
        into * out - mutual[own],
        one_group - (mutual.sum(axis=1) - mutual[own]),
        into * out_other,
        into_other * out,
        into_other * out_other - one_group,
    ]


def _by_group(arcs: Matrix, group: Ints) -> Floats:
    """Return the number of arcs of each agency to each group (N x groups)."""
    rows, columns = arcs.nonzero()
    width = int(group.max(initial=0)) + 1
    counted = np.bincount(rows * width + group[columns], minlength=len(group) * width)
    return counted.reshape(len(group), width).astype(np.float64)


def _closed(arcs: Matrix, group: Ints) -> list[Floats]:
    """Count a, v, b with an arc from a to b, by role."""
    inner, outer = (_only(arcs, same) for same in _split(arcs, group))
    return [
        closed(inner, inner, arcs),
        closed(outer, outer, inner),
        closed(inner, outer, arcs),
        closed(outer, inner, arcs),
        closed(outer, outer, outer),
    ]


def _split(arcs: Matrix, group: Ints) -> tuple[Bools, Bools]:
    rows, columns = arcs.nonzero()
    within = group[rows] == group[columns]
    return within, ~within


def _only(arcs: Matrix, kept: Bools) -> Matrix:
    """Return the arcs that are kept, given in the order in which the matrix holds them."""
    left = arcs.copy()
    left.data = left.data * kept
    left.eliminate_zeros()
    return left


def _by_chance(group: Ints, share: float) -> tuple[Floats, Floats]:
    """Return the mean and the variance of each role (N x 5) when every arc is there with probability `share`.

    A two-path is open with q = share^2 (1 - share); two of them with one arc in common have covariance (share (1 - share))^3.
    """
    paths, sharing = _triples(np.bincount(group, minlength=1).astype(np.float64))
    q = share**2 * (1 - share)
    return (paths * q)[group], (paths * q * (1 - q) + sharing * (share * (1 - share)) ** 3)[group]


def _triples(size: Floats) -> tuple[Floats, Floats]:
    """Return, by the group of v and by role, the number of pairs a, b, and of ordered couples of these with an end in common."""
    own, others = np.maximum(size - 1, 0), size.sum() - size
    pairs, threes = size * (size - 1), size * (size - 1) * (size - 2)
    rest = others[:, None] - size[None, :]
    apart, twice_apart = size * rest, size * rest * (rest - 1)
    mixed, mixed_sharing = own * others, own * others * (others - 1 + own - 1)
    paths = [own * (own - 1), pairs.sum() - pairs, mixed, mixed, apart.sum(axis=1) - np.diag(apart)]
    sharing = [
        2 * own * (own - 1) * (own - 2),
        2 * (threes.sum() - threes),
        mixed_sharing,
        mixed_sharing,
        2 * (twice_apart.sum(axis=1) - np.diag(twice_apart)),
    ]
    return np.stack(paths, axis=1), np.stack(sharing, axis=1)
