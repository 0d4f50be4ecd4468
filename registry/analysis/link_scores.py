"""How likely ties are by what is there: by sectors and numbers of ties, and by partners in common."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from registry.analysis.mixing import mixing
from registry.analysis.world import Floats, Ints, Matrix


class Blocks(NamedTuple):
    """The degree-corrected block model (Karrer & Newman 2011): ties of each agency (N), its group (N), ties between groups."""

    degree: Ints
    group: Ints
    rate: Floats

    @classmethod
    def of(cls, sector: Ints, ties: Ints) -> "Blocks":
        """Take sectors (N, -1 is a group too) and ties (m x 2)."""
        group = np.where(sector < 0, sector.max(initial=-1) + 1, sector)
        size = int(group.max(initial=0)) + 1
        between = mixing(group, ties, size).astype(np.float64)
        ends = np.maximum(between.sum(axis=1), 1)
        return cls(np.bincount(ties.ravel(), minlength=len(sector)), group, between / np.outer(ends, ends))

    def score(self, a: Ints, b: Ints) -> Floats:
        """Return the ties to be expected between agencies a and b: d_a d_b O_rs / (K_r K_s)."""
        expected: Floats = self.degree[a] * self.degree[b] * self.rate[self.group[a], self.group[b]]
        return expected


class Near(NamedTuple):
    """Pairs (a < b) without a tie that have partners in common: how many, and the scores that weigh these.

    `allocation` is the resource allocation index, the sum of 1 / degree over common partners (Zhou et al. 2009); `adamic_adar`
    that of 1 / log degree (Adamic & Adar 2003).
    """

    a: Ints
    b: Ints
    common: Ints
    allocation: Floats
    adamic_adar: Floats


def near(ties: Matrix) -> Near:
    """Return all pairs two steps apart (`ties` N x N, symmetric), in ascending order."""
    degree = np.maximum(np.diff(ties.indptr), 1).astype(np.float64)
    apart = _apart(ties, np.ones_like(degree))
    a, b = apart.nonzero()
    scores = (_apart(ties, weight).data for weight in (1 / degree, 1 / np.log(np.maximum(degree, 2))))
    allocation, adamic_adar = scores
    return Near(a.astype(np.int64), b.astype(np.int64), np.rint(apart.data).astype(np.int64), allocation, adamic_adar)


def _apart(ties: Matrix, weight: Floats) -> Matrix:
    """Return the sums of weights over common partners above the diagonal, for pairs without a tie."""
    through = sparse.csr_array(sparse.diags_array(weight) @ ties)
    upper = sparse.triu(ties @ through, 1, format="csr")
    apart: Matrix = (upper - upper.multiply(ties)).tocsr()
    apart.eliminate_zeros()
    apart.sort_indices()
    return apart
