"""Measures of a network as a whole. `arcs` (N x N, ones, nothing on the diagonal) is symmetric where ties have no direction."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csgraph

from registry.analysis.world import Floats, Ints, Matrix


def density(arcs: Matrix) -> float:
    """Return arcs over all that there could be, N (N - 1); without direction that is ties over all pairs. 0 below two agencies."""
    return _share(arcs.nnz, arcs.shape[0] * (arcs.shape[0] - 1))


def dyadic_reciprocity(arcs: Matrix) -> float:
    """Return mutual pairs over pairs with any arc (dyadic, without empty pairs)."""
    mutual = _mutual(arcs) / 2
    return _share(mutual, arcs.nnz - mutual)


def arc_reciprocity(arcs: Matrix) -> float:
    """Return arcs that are answered over all arcs (edge-wise)."""
    return _share(_mutual(arcs), arcs.nnz)


def transitivity(arcs: Matrix) -> float:
    """Return the share of two-paths a, b, c of three agencies that an arc from a to c closes (weak transitivity).

    Without direction that is three times the triangles over the connected triples, networkx.transitivity.
    """
    return _share(float(closed(arcs, arcs, arcs).sum()), float(arcs.sum(axis=0) @ arcs.sum(axis=1)) - _mutual(arcs))


def clustering(ties: Matrix) -> Floats:
    """Return for each agency the share of pairs of its partners that are tied (N), 0 below two partners; no direction.

    Watts & Strogatz 1998; their mean over all agencies is networkx.average_clustering.
    """
    degree = np.diff(ties.indptr)
    pairs = degree * (degree - 1)
    among: Floats = np.divide(closed(ties, ties, ties), pairs, out=np.zeros(len(degree)), where=pairs > 0)
    return among


def centralisation(degree: Ints, *, directed: bool = False) -> float:
    """Return how far the degrees (N) fall short of the largest, over what they would in a star (Freeman 1978).

    The star has (N - 1) (N - 2) without direction; with it, in- and out-degrees are measured apart, and it has (N - 1)^2.
    """
    count = len(degree)
    star = (count - 1) ** 2 if directed else (count - 1) * (count - 2)
    return _share(float((degree.max(initial=0) - degree).sum()), star)


class Parts(NamedTuple):
    """The parts of a network that no tie joins: the part of each agency (N), and how many agencies each part has."""

    of: Ints
    sizes: Ints


def parts(arcs: Matrix) -> Parts:
    """Return the weakly connected components."""
    _count, of = csgraph.connected_components(arcs, directed=False)
    return Parts(of.astype(np.int64), np.bincount(of))


def closed(first: Matrix, second: Matrix, across: Matrix) -> Floats:
    """Return, for each agency v, the number of a, b with an arc a to v in `first`, v to b in `second`, a to b in `across` (N)."""
    return np.asarray(((first.T @ across).tocsr().multiply(second)).sum(axis=1), np.float64)


def _mutual(arcs: Matrix) -> float:
    return float(arcs.multiply(arcs.T).sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
