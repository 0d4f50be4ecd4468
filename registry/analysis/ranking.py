"""How well scores put what came true first, counted over groups of candidates with one score."""

from typing import NamedTuple, Self

import numpy as np

from registry.analysis.world import Floats, Ints


class Scored(NamedTuple):
    """Groups of candidates (G), the highest score first: how many there are, and how many of them came true."""

    candidates: Floats
    hits: Floats

    @classmethod
    def of(cls, score: Floats, candidates: Ints, hits: Ints) -> Self:
        """Join what has one score; arrays of one length."""
        _scores, group = np.unique(-score, return_inverse=True)
        return cls(*(np.bincount(group, many).astype(np.float64) for many in (candidates, hits)))

    @property
    def base_rate(self) -> float:
        """The share of candidates that came true."""
        return float(self.hits.sum() / max(self.candidates.sum(), 1))

    @property
    def average_precision(self) -> float:
        """The precision at each recall, averaged; what ties is one block (Saito & Rehmsmeier 2015). 0 where nothing came true."""
        found, seen = np.cumsum(self.hits), np.cumsum(self.candidates)
        return float((self.hits * found / np.maximum(seen, 1)).sum() / max(found[-1], 1)) if len(found) else 0.0

    def precision_at(self, count: int) -> float:
        """Return the share that came true of the first `count`; of a group that is cut, in any order, what is to be expected."""
        before = np.cumsum(self.candidates) - self.candidates
        taken = np.clip(count - before, 0, self.candidates)
        return float((self.hits * taken / np.maximum(self.candidates, 1)).sum() / max(taken.sum(), 1))
