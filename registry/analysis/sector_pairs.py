"""Pairs of sectors: the ties between them, and what chance would give."""

from typing import NamedTuple

import numpy as np

from registry.analysis.mixing import chance, density, mixing, swapped
from registry.analysis.significance import poisson_below
from registry.analysis.world import Floats, Ints, World

DENSE, MOST_SECTORS, MOST_SWAPPED = 0.2, 200, 5_000
DRAWS_A_PAIR, MOST_DRAWS, SEED = 20, 5_000, 20261125


class Chance(NamedTuple):
    """Ties to be expected for each pair, their standard deviation, and P(no more than were seen)."""

    expected: Floats
    spread: Floats
    p: Floats


class SectorPairs(NamedTuple):
    """Pairs of different sectors, places `a` < `b`, with the ties seen and chance.

    `of` counts all pairs of sectors that have agencies, also those that are not listed; `draws` is 0 where chance is a
    formula; `too_dense` says that the network is too dense and too large for either.
    """

    a: Ints
    b: Ints
    seen: Ints
    chance: Chance
    of: int
    draws: int
    too_dense: bool


def sector_pairs(world: World, ties: Ints) -> SectorPairs:
    """Count the ties (m x 2, both ends with a sector) of every pair of sectors; of very many sectors, of the best tied ones.

    Chance is the configuration model. Above a density of 0.2 its formula expects doubled ties, so that there it is drawn by
    swapping ties, at least 20 draws a pair so that a lone gap can pass the correction for many pairs.
    """
    present = np.unique(world.sector[world.sector >= 0])
    of = len(present) * (len(present) - 1) // 2
    kept, group = _best_tied(world, ties, present)
    seen, upper = mixing(group, ties, len(kept) + 1), np.triu_indices(len(kept), 1)
    dense = density(ties) > DENSE
    too_dense = dense and len(ties) > MOST_SWAPPED
    draws = min(DRAWS_A_PAIR * of, MOST_DRAWS) if dense and not too_dense else 0
    by_chance = _drawn(group, ties, seen, draws) if draws else _formula(seen)
    return SectorPairs(
        kept[upper[0]], kept[upper[1]], seen[upper], Chance(*(one[upper] for one in by_chance)), of, draws, too_dense
    )


def _best_tied(world: World, ties: Ints, present: Ints) -> tuple[Ints, Ints]:
    """Return the sectors that are looked at, and each agency's place among them; one place more for all others."""
    ends = np.bincount(world.sector[ties].ravel(), minlength=len(world.sectors))[present]
    kept = np.sort(present[np.argsort(-ends, kind="stable")[:MOST_SECTORS]])
    place = np.full(len(world.sectors) + 1, len(kept))
    place[kept] = np.arange(len(kept))
    return kept, place[world.sector]


def _formula(seen: Ints) -> Chance:
    expected = chance(seen)
    return Chance(expected, np.sqrt(expected), poisson_below(seen, expected))


def _drawn(group: Ints, ties: Ints, seen: Ints, draws: int) -> Chance:
    total, squares, as_few = np.zeros(seen.shape), np.zeros(seen.shape), np.ones(seen.shape)
    for batch in swapped(ties, draws, SEED):
        for network in batch:
            drawn = mixing(group, network, len(seen))
            total += drawn
            squares += drawn**2
            as_few += drawn <= seen
    mean = total / draws
    return Chance(mean, np.sqrt(np.maximum(squares / draws - mean**2, 0)), as_few / (draws + 1))
