"""Betweenness: on how many of the shortest ways between others an agency lies (Freeman 1977)."""

import numpy as np

from registry.analysis.world import Floats, Ints, Matrix

BLOCK = 32


def betweenness(arcs: Matrix, sources: Ints | None = None) -> Floats:
    """Return the shortest ways through each agency, not counting those that begin or end there (N).

    Raw: for every ordered pair of others the share of its shortest ways that lead through the agency, added up; where ties
    have no direction that counts every pair twice, and half of it is networkx.betweenness_centrality(normalized=False).
    With `sources` (places) only ways from these are counted, scaled up to all. Brandes 2001, many sources at a time.
    """
    count = arcs.shape[0]
    begun = np.arange(count) if sources is None else sources
    towards, back = (one.astype(np.float64).tocsr() for one in (arcs.T, arcs))
    through = np.zeros(count)
    for first in range(0, len(begun), BLOCK):
        through += _through(towards, back, begun[first : first + BLOCK])
    return through * (count / max(len(begun), 1))


def mean_distance(arcs: Matrix, sources: Ints) -> float:
    """Return the mean number of steps from these sources (places) to the others that they reach; 0 where they reach none."""
    towards, steps, reached = arcs.T.tocsr().astype(np.float64), 0, 0
    for first in range(0, len(sources), BLOCK):
        for step, layer in enumerate(_layers(towards, sources[first : first + BLOCK])):
            here = int(np.count_nonzero(layer)) if step else 0
            steps, reached = steps + step * here, reached + here
    return steps / max(reached, 1)


def _through(towards: Matrix, back: Matrix, sources: Ints) -> Floats:
    """Return the dependencies of these sources on each agency, added up (N)."""
    layers = _layers(towards, sources)
    passing = np.zeros_like(layers[0])
    for nearer, layer in zip(layers[-2:0:-1], layers[:1:-1], strict=True):
        passed_on = np.divide(passing + 1, layer, out=np.zeros_like(layer), where=layer > 0)
        passing += nearer * (back @ passed_on)
    return np.asarray(passing.sum(axis=1))


def _layers(towards: Matrix, sources: Ints) -> list[Floats]:
    """Return, step by step away from the sources (B), the number of shortest ways to who is reached then (each N x B)."""
    reached = np.zeros((towards.shape[0], len(sources)))
    reached[sources, np.arange(len(sources))] = 1
    unseen, layers = np.ones(reached.shape, np.bool_), []
    while reached.any():
        layers.append(reached)
        unseen &= reached == 0
        reached = (towards @ reached) * unseen
    return layers
