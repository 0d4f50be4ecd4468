"""Structural holes: how much an agency's partners are tied among themselves (Burt 1992)."""

import numpy as np
from scipy import sparse

from registry.analysis.structure import closed
from registry.analysis.world import Floats, Matrix


def constraint(arcs: Matrix) -> Floats:
    """Return Burt's constraint (N), NaN for who is tied to nobody; it may exceed 1.

    c_i = sum over contacts j of (p_ij + sum_q p_iq p_qj)^2, where p_ij is the share of a_ij + a_ji in all that i has: mutual
    weights, as in networkx.constraint and in igraph. Without direction p_ij is one over the degree.
    """
    weights = (arcs + arcs.T).tocsr().astype(np.float64)
    strength = np.asarray(weights.sum(axis=1))
    share = sparse.csr_array(sparse.diags_array(1 / np.maximum(strength, 1)) @ weights)
    through = (share @ share).tocsr().multiply(weights > 0)
    invested = (share + through).tocsr()
    return np.where(strength > 0, np.asarray(invested.multiply(invested).sum(axis=1)), np.nan)


def effective_size(ties: Matrix) -> Floats:
    """Return the number of partners less their mean number of ties among themselves, d - 2t/d (N); NaN without partners.

    No direction (Borgatti 1997). Divided by d it is the efficiency.
    """
    degree = np.diff(ties.indptr).astype(np.float64)
    among = np.divide(closed(ties, ties, ties), degree, out=np.zeros_like(degree), where=degree > 0)
    return np.where(degree > 0, degree - among, np.nan)
