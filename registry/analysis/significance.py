"""How surprising a count is, and how many surprises may be believed."""

import numpy as np
from scipy import special

from registry.analysis.world import Floats, Ints


def binomial_below(seen: Ints, mean: Floats, variance: Floats) -> Floats:
    """Return P(X <= seen) for the binomial counts with these means and variances; arrays of one shape.

    The number of trials need not be whole. Where the variance is not below the mean the count is Poisson.
    """
    hit = 1 - variance / np.maximum(mean, 1e-300)
    trials = np.divide(mean, hit, out=np.full_like(mean, np.inf), where=hit > 0)
    tail = special.betainc(np.maximum(trials - seen, 1e-300), seen + 1.0, np.clip(1 - hit, 0, 1))
    return np.where(hit <= 0, special.pdtr(seen, mean), np.where(seen >= trials, 1.0, tail))


def poisson_above(seen: Ints, expected: Floats) -> Floats:
    """Return P(X >= seen) for Poisson counts X with these means; arrays of one shape."""
    return np.where(seen <= 0, 1.0, special.pdtrc(np.maximum(seen, 1) - 1, expected))


def false_discovery(p: Floats, tests: int) -> Floats:
    """Return Benjamini-Hochberg adjusted p-values (Benjamini & Hochberg 1995).

    `tests` is the size of the family; those of its members that are not in `p` count as having p = 1.
    Calling all that are at most 0.05 findings keeps the expected share of false ones among them at 5 %.
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * tests / np.arange(1, len(p) + 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
