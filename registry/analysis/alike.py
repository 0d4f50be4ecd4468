"""Pairs of agencies that do more of the same in the same place than chance explains, counted in blocks of rows."""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from registry.analysis.bicm import bicm
from registry.analysis.progress import steps
from registry.analysis.significance import false_discovery, poisson_above
from registry.analysis.world import Bools, Floats, Ints, Matrix, World, ones, pattern, upwards
from registry.words import _

BLOCK, FEWEST = 500, 5


class Compared(NamedTuple):
    """The n agencies that can be compared: their places in the world, sectors, areas, functions, and who is `close`.

    `close` (n x n) marks pairs of which no agreement is to be expected anew: tied, perhaps tied, or one part of the other.
    """

    places: Ints
    sector: Ints
    areas: Matrix
    wider: Matrix
    functions: Matrix
    close: Matrix

    @classmethod
    def of(cls, world: World) -> Self:
        """Take the agencies that have an area, a function and a sector in which at least FEWEST agencies have functions."""
        does = np.diff(world.functions.indptr) > 0
        peers = np.bincount(world.sector[does & (world.sector >= 0)], minlength=len(world.sectors) + 1)
        placed = np.diff(world.areas.indptr) > 0
        kept = np.flatnonzero(does & placed & (world.sector >= 0) & (peers[world.sector] >= FEWEST))
        near = close(world)[kept][:, kept]
        return cls(kept, world.sector[kept], world.areas[kept], world.wider[kept], world.functions[kept], near)


class Pairs(NamedTuple):
    """Pairs (places a < b among the compared) that share `shared` functions where `expected` are to be expected; p by chance."""

    a: Ints
    b: Ints
    shared: Ints
    expected: Floats
    p: Floats


class Judged(NamedTuple):
    """The significant pairs with adjusted p, of `family` pairs tested, of which `untold` have too little to tell by."""

    pairs: Pairs
    family: int
    untold: int


def judge(compared: Compared, level: float) -> Judged:
    """Find the pairs in a common area, not close, that share more functions than their sectors and numbers explain.

    Chance is the bipartite configuration model within each sector (Saracco et al. 2017), so that peers may be alike; the
    number shared is taken as Poisson with mean sum_t p_it p_jt; Benjamini-Hochberg over the pairs in a common area alone.
    """
    degree = np.diff(compared.functions.indptr)
    _kinds, kind = np.unique(compared.sector * (degree.max(initial=0) + 1) + degree, return_inverse=True)
    first = np.unique(kind, return_index=True)[1]
    p = _doing(compared, degree, first)
    expected = p @ p.T
    found, number = _count(compared, kind, expected, level)
    family = int(number.sum())
    most = np.minimum.outer(degree[first], degree[first])
    untold = int(number[poisson_above(most, expected) > level / max(family, 1)].sum())
    adjusted = false_discovery(found.p, family)
    return Judged(_only(found._replace(p=adjusted), adjusted <= level), family, untold)


def shuffled(compared: Compared, seed: int) -> Compared:
    """Deal the functions within each sector out anew: numbers per agency and per function stay, likeness becomes chance.

    A function dealt twice to one agency is dealt again a few times and then dropped, so that very few cells are lost.
    """
    random = np.random.default_rng(seed)
    rows = np.repeat(np.arange(len(compared.places)), np.diff(compared.functions.indptr))
    columns, width = compared.functions.indices.astype(np.int64), compared.functions.shape[1]
    again = np.ones(len(rows), np.bool_)
    for _again in range(10):
        dealt, sector = np.flatnonzero(again), compared.sector[rows[again]]
        columns[dealt[np.argsort(sector, kind="stable")]] = columns[
            dealt[np.lexsort((random.random(len(dealt)), sector))]
        ]
        again = _doubled(rows * width + columns) | (random.random(len(rows)) < 0.1)
    return compared._replace(functions=pattern(np.stack([rows, columns], axis=1), len(compared.places), width))


def close(world: World) -> Matrix:
    """Mark the pairs (N x N) of which no agreement is to be expected anew: tied, perhaps tied, or one part of the other."""
    count = len(world.agencies)
    tied = pattern(np.concatenate([world.ties, world.perhaps]), count, count)
    part = upwards(world.agencies.ids, [one.part_of for one in world.lists.agencies] or [()] * count)
    return ones(tied + tied.T + part + part.T)


def _doing(compared: Compared, degree: Ints, chosen: Ints) -> Floats:
    """Return the probability (chosen x F) of each chosen agency doing each thing, by the model of its sector."""
    p = np.zeros((len(chosen), compared.functions.shape[1]))
    for sector in np.unique(compared.sector):
        members = np.flatnonzero(compared.sector == sector)
        ours = np.flatnonzero(compared.sector[chosen] == sector)
        sums, many = np.unique(degree[members], return_counts=True)
        modelled = bicm(sums, many, compared.functions[members].sum(axis=0))
        p[ours] = modelled[np.searchsorted(sums, degree[chosen[ours]])]
    return p


def _count(compared: Compared, kind: Ints, expected: Floats, level: float) -> tuple[Pairs, Ints]:
    """Return the pairs with p <= level, and how many pairs of each two kinds of agency are in the family (kinds x kinds)."""
    kinds = len(expected)
    most = int(np.diff(compared.functions.indptr).max(initial=0))
    least = 1 + np.searchsorted(special.gammaincinv(np.arange(1, most + 1), level), expected)
    number, found = np.zeros(kinds * kinds, np.int64), [_nobody()]
    functions = compared.functions.astype(np.int16)
    for begin in steps(_("agencies compared"), range(0, len(kind), BLOCK)):
        cells = np.flatnonzero(_near(compared, begin))
        b, a = np.divmod(cells, min(BLOCK, len(kind) - begin))
        pair = kind[a + begin] * kinds + kind[b + begin]
        number += np.bincount(pair, minlength=kinds * kinds)
        shared = (functions[begin:] @ _turned(functions, begin)).ravel()[cells]
        kept = shared >= least.ravel()[pair]
        found.append(_pairs(a[kept] + begin, b[kept] + begin, shared[kept], expected.ravel()[pair[kept]]))
    joined = [np.concatenate(column) for column in zip(*found, strict=True)]
    return Pairs(*joined), number.reshape(kinds, kinds)


def _near(compared: Compared, begin: int) -> Bools:
    """Mark (rest x block) where an agency and an earlier one of the block are not close and one's area lies in the other's."""
    areas, wider = compared.areas.astype(np.int16), compared.wider.astype(np.int16)
    near = wider[begin:] @ _turned(areas, begin) > 0
    if wider.nnz > areas.nnz:
        near |= areas[begin:] @ _turned(wider, begin) > 0
    near[compared.close[begin:, begin : begin + BLOCK].nonzero()] = False
    near[:BLOCK] = np.tril(near[:BLOCK], -1)
    return near


def _turned(matrix: Matrix, begin: int) -> NDArray[np.int16]:
    """Return the block of rows as dense columns: a product with few dense columns is several times that of sparse ones."""
    return np.ascontiguousarray(matrix[begin : begin + BLOCK].toarray().T)


def _pairs(a: Ints, b: Ints, shared: Ints, expected: Floats) -> Pairs:
    return Pairs(a, b, shared, expected, poisson_above(shared, expected))


def _nobody() -> Pairs:
    none = np.zeros(0, np.int64)
    return Pairs(none, none, none, none.astype(np.float64), none.astype(np.float64))


def _only(pairs: Pairs, kept: Bools) -> Pairs:
    return Pairs(pairs.a[kept], pairs.b[kept], pairs.shared[kept], pairs.expected[kept], pairs.p[kept])


def _doubled(keys: Ints) -> Bools:
    """Mark every key but the first of its kind."""
    doubled = np.ones(len(keys), np.bool_)
    doubled[np.unique(keys, return_index=True)[1]] = False
    return doubled
