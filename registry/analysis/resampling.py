"""How often something is drawn anew, how far it lies from chance, and when it is called firm."""

from typing import NamedTuple

import numpy as np
from scipy import special

from registry.analysis.world import Floats
from registry.reports.report import Parameter

FIRM = Parameter("firm", 0.8, 0.5, 1.0, "In what share of the draws something must be so to be called firm.")
SEED, SHIFTED = 20261125, 0.1
FEWEST, MOST = 10, 100


class Compared(NamedTuple):
    """A value beside what draws gave: their mean, the standard deviations between, and how often chance is as far off."""

    value: float
    mean: float
    z: float | None
    p: float


def draws_for(agencies: int, work: int, most: int = MOST) -> int:
    """Return how many times to draw: `most` where agencies times draws stay below `work`, fewer in larger networks."""
    return min(max(work // max(agencies, 1), FEWEST), most)


def compared(value: float, drawn: Floats) -> Compared:
    """Compare a value with what draws gave.

    p is two-sided, that of one more normal draw (Student's t), so that few draws do not bound it; 1 where nothing varies and the
    value is the same, 0 where it is another.
    """
    mean, spread = float(drawn.mean()), float(drawn.std(ddof=1))
    if spread < 1e-12:
        return Compared(value, mean, None, float(abs(value - mean) < 1e-12))
    z = (value - mean) / spread
    return Compared(value, mean, z, float(2 * special.stdtr(len(drawn) - 1, -abs(z) / np.sqrt(1 + 1 / len(drawn)))))
