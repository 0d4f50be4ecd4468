"""Pairs of sectors: the ties between them, and what chance would give."""

from typing import NamedTuple

import numpy as np

from registry.analysis.fixed_degrees import fixed_degrees
from registry.analysis.mixing import mixing
from registry.analysis.significance import binomial_below
from registry.analysis.world import Floats, Ints, World

MOST_SECTORS = 200


class Chance(NamedTuple):
    """Ties to be expected for each pair, their standard deviation, P(no more than were seen), and P(none at all)."""

    expected: Floats
    spread: Floats
    p: Floats
    none: Floats


class SectorPairs(NamedTuple):
    """Pairs of different sectors, places `a` < `b`, with the ties seen and chance.

    `of` counts all pairs of sectors that have agencies, also those that are not listed.
    """

    a: Ints
    b: Ints
    seen: Ints
    chance: Chance
    of: int


def sector_pairs(world: World, ties: Ints) -> SectorPairs:
    """Count the ties (m x 2, both ends with a sector) of every pair of sectors; of very many sectors, of the best tied ones.

    Chance is the model of fixed degrees: nothing is drawn, so that no number of draws bounds the smallest p.
    """
    present = np.unique(world.sector[world.sector >= 0])
    of = len(present) * (len(present) - 1) // 2
    kept, group = _best_tied(world, ties, present)
    seen, upper = mixing(group, ties, len(kept) + 1), np.triu_indices(len(kept), 1)
    by_chance = _chance(group, ties, seen)
    return SectorPairs(kept[upper[0]], kept[upper[1]], seen[upper], Chance(*(one[upper] for one in by_chance)), of)


def _best_tied(world: World, ties: Ints, present: Ints) -> tuple[Ints, Ints]:
    """Return the sectors that are looked at, and each agency's place among them; one place more for all others."""
    ends = np.bincount(world.sector[ties].ravel(), minlength=len(world.sectors))[present]
    kept = np.sort(present[np.argsort(-ends, kind="stable")[:MOST_SECTORS]])
    place = np.full(len(world.sectors) + 1, len(kept))
    place[kept] = np.arange(len(kept))
    return kept, place[world.sector]


def _chance(group: Ints, ties: Ints, seen: Ints) -> Chance:
    tied, ends = np.unique(ties, return_inverse=True)
    mean, variance = fixed_degrees(group[tied], np.bincount(ends.ravel()), len(seen))
    p, none = (binomial_below(few, mean, variance) for few in (seen, np.zeros_like(seen)))
    return Chance(mean, np.sqrt(variance), p, none)
