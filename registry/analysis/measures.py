"""Network measures: density, reciprocity, transitivity, betweenness, communities, structural holes, mixing, brokerage.

An arc is a directed edge between two agencies. `arcs` and `ties` are sparse adjacency matrices (N x N) unless noted.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from registry.analysis.snapshot import Bools, Floats, Ints, Matrix


def density(arcs: Matrix) -> float:
    """Return the density: the number of arcs divided by N (N - 1), or 0 if there are fewer than two agencies.

    For a symmetric matrix, the result is the undirected density: the number of ties divided by the number of pairs.
    """
    return _share(arcs.nnz, arcs.shape[0] * (arcs.shape[0] - 1))


def dyadic_reciprocity(arcs: Matrix) -> float:
    """Return the dyadic reciprocity: the number of pairs with arcs in both directions, divided by the number of pairs with any arc."""
    mutual = _mutual(arcs) / 2
    return _share(mutual, arcs.nnz - mutual)


def arc_reciprocity(arcs: Matrix) -> float:
    """Return the edge-wise reciprocity: the share of arcs a, b for which the arc b, a also exists."""
    return _share(_mutual(arcs), arcs.nnz)


def transitivity(arcs: Matrix) -> float:
    """Return the weak transitivity: the share of paths a, b, c of three distinct agencies that have an arc from a to c.

    For a symmetric matrix, the result is three times the number of triangles divided by the number of connected triples, as in
    networkx.transitivity.
    """
    return _share(
        float(closed_two_paths(arcs, arcs, arcs).sum()), float(arcs.sum(axis=0) @ arcs.sum(axis=1)) - _mutual(arcs)
    )


def clustering(ties: Matrix) -> Floats:
    """Return the local clustering coefficient of each agency (N) in an undirected network.

    The coefficient is the share of the pairs of an agency's partners that have a tie with each other. The coefficient is 0 for
    fewer than two partners (Watts & Strogatz 1998). The mean of the coefficient over all agencies is networkx.average_clustering.
    """
    degree = np.diff(ties.indptr)
    pairs = degree * (degree - 1)
    among: Floats = np.divide(closed_two_paths(ties, ties, ties), pairs, out=np.zeros(len(degree)), where=pairs > 0)
    return among


def centralisation(degree: Ints, *, directed: bool = False) -> float:
    """Return the degree centralisation of a network from the degrees of its agencies (N): 0 if all are equal, 1 for a star.

    The differences between the largest degree and each degree are added up, and divided by the same sum for a star (Freeman 1978).
    The sum for a star is (N - 1) (N - 2) in undirected networks. In directed networks, where in- and out-degrees are measured
    separately, it is (N - 1)^2.
    """
    count = len(degree)
    star = (count - 1) ** 2 if directed else (count - 1) * (count - 2)
    return _share(float((degree.max(initial=0) - degree).sum()), star)


class Components(NamedTuple):
    """The connected components of a network: the component of each agency (N), and the size of each component."""

    of: Ints
    sizes: Ints


def components(arcs: Matrix) -> Components:
    """Return the connected components, ignoring the direction of arcs (`scipy.sparse.csgraph.connected_components`)."""
    _count, of = csgraph.connected_components(arcs, directed=False)
    return Components(of.astype(np.int64), np.bincount(of))


def closed_two_paths(first: Matrix, second: Matrix, across: Matrix) -> Floats:
    """Return for each agency v (N) the number of paths a, v, b for which an arc from a to b exists.

    The arcs from a to v are in `first`, the arcs from v to b in `second`, and the arcs from a to b in `across`.
    """
    return np.asarray(((first.T @ across).tocsr().multiply(second)).sum(axis=1), np.float64)


def _mutual(arcs: Matrix) -> float:
    return float(arcs.multiply(arcs.T).sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


BLOCK, BITS = 32, 1024  # agencies from which paths are followed at a time


def betweenness(arcs: Matrix, sources: Ints | None = None) -> Floats:
    """Return the unnormalised betweenness centrality of each agency (N).

    For each ordered pair of other agencies, the share of their shortest paths that pass through the agency is computed. The
    betweenness of an agency is the sum of its shares over all pairs. In an undirected network every pair counts twice, so the value
    is twice networkx.betweenness_centrality(normalized=False). If `sources` (indices) is given, only paths from these agencies are
    counted, and the result is scaled up to all agencies. The algorithm of Brandes 2001 is applied to several sources at a time.
    """
    count = arcs.shape[0]
    begun = np.arange(count) if sources is None else sources
    towards, back = (one.astype(np.float64).tocsr() for one in (arcs.T, arcs))
    through = np.zeros(count)
    for first in range(0, len(begun), BLOCK):
        through += _dependencies(towards, back, begun[first : first + BLOCK]).sum(axis=1)
    return through * (count / max(len(begun), 1))


def sampled_betweenness(ties: Matrix, sources: Ints) -> tuple[Floats, Floats]:
    """Estimate the betweenness of each agency (N) in an undirected network, and the standard error of the estimate (N).

    The betweenness is that of networkx.betweenness_centrality(normalized=False). Only paths from the `sources` are counted, a random
    sample of two or more distinct indices (Brandes & Pich 2007). A path counts in proportion to the agency's distance from the source,
    so that agencies near a source are not overrated (Geisberger, Sanders & Schultes 2008). The estimate is unbiased.
    """
    count, drawn, symmetric = ties.shape[0], len(sources), ties.astype(np.float64)
    through, squares = np.zeros(count), np.zeros(count)
    for first in range(0, drawn, BLOCK):
        scaled = _dependencies(symmetric, symmetric, sources[first : first + BLOCK], scaled=True)
        through += scaled.sum(axis=1)
        squares += (scaled**2).sum(axis=1)
    variance = np.maximum(squares - through**2 / drawn, 0) / (drawn - 1)
    return through * (count / drawn), np.sqrt(variance * count * (count - drawn) / drawn)


class Distances(NamedTuple):
    """For each agency, the number of agencies that it can reach, and the sum of the distances to them."""

    reached: Floats
    total: Floats


def distances(ties: Matrix) -> Distances:
    """Compute the distances between all agencies of an undirected network, one bit for each agency as a source (Then et al. 2014)."""
    count = ties.shape[0]
    order = np.argsort(-np.diff(ties.indptr), kind="stable")
    ordered = ties[order][:, order]
    # the first partner of each agency, then the second of each with two, and so on: agencies with many partners come first
    degree, begins = np.diff(ordered.indptr), ordered.indptr[:-1]
    partners = [ordered.indices[begins[degree > n] + n] for n in range(degree.max(initial=0))]
    total, reached = np.zeros(count), np.zeros(count)
    for first in range(0, count, BITS):
        sources = np.arange(first, min(first + BITS, count))
        word, bit = np.divmod(sources - first, 64)
        new = np.zeros((count, int(word[-1]) + 1), np.uint64)
        new[sources, word] = np.uint64(1) << bit.astype(np.uint64)
        seen, step = new.copy(), 0
        while new.any():
            found = np.zeros_like(new)
            for each in partners:
                found[: len(each)] |= new[each]
            new, step = found & ~seen, step + 1
            seen |= new
            here = np.bitwise_count(new).sum(axis=1)
            total, reached = total + step * here, reached + here
    place = np.argsort(order)
    return Distances(reached[place], total[place])


def _dependencies(towards: Matrix, back: Matrix, sources: Ints, *, scaled: bool = False) -> Floats:
    """Return for each agency and source (N x B) the agency's share of the shortest paths from the source, summed over the targets.

    Brandes 2001 calls the sums dependencies. If `scaled` is true, each share is multiplied by the distance from the source to the
    agency, divided by the distance from the source to the target.
    """
    layers = _layers(towards, sources)
    passing, total = np.zeros_like(layers[0]), np.zeros_like(layers[0])
    for step in range(len(layers) - 1, 1, -1):
        nearer, layer = layers[step - 1], layers[step]
        own = 1 / step if scaled else 1
        passed = nearer * (back @ np.divide(passing + own, layer, out=np.zeros_like(layer), where=layer > 0))
        passing += passed
        total += (step - 1) * passed if scaled else passed
    return total


def _layers(towards: Matrix, sources: Ints) -> list[Floats]:
    """Return the number of shortest paths from each of B sources to each agency, as a matrix (N x B) for each distance."""
    reached = np.zeros((towards.shape[0], len(sources)))
    reached[sources, np.arange(len(sources))] = 1
    unseen, layers = np.ones(reached.shape, np.bool_), []
    while reached.any():
        layers.append(reached)
        unseen &= reached == 0
        reached = (towards @ reached) * unseen
    return layers


ROUNDS, STILL, LEAST_GAIN = 60, 4, 1e-9


def modularity(ties: Matrix, group: Ints) -> float:
    """Return Newman's modularity of a division into groups (N), 0 if there are no ties.

    Modularity measures how far the number of ties within the groups exceeds the expected number. The weights of ties and loops
    (ties of an agency with itself) are included, as in networkx.community.modularity.
    """
    degree, within = np.asarray(ties.sum(axis=1), np.float64), _within(ties, group)
    whole = degree.sum()
    return float(within / whole - (np.bincount(group, degree) ** 2).sum() / whole**2) if whole else 0.0


def communities(ties: Matrix, random: np.random.Generator) -> Ints:
    """Return the number of the community to which each agency belongs (N); community 0 is the largest.

    The Louvain method (Blondel et al. 2008) moves each agency to the neighbouring community with the largest gain in modularity,
    merges communities into nodes, and repeats until nothing improves. This implementation instead moves many agencies at once: a
    random half of the agencies whose move would increase modularity. Simultaneous moves are about twelve times as fast as moving
    one agency after the other. Simultaneous moves can reduce modularity, so the best division found is returned.
    """
    found, weights = np.arange(ties.shape[0]), ties.astype(np.float64)
    while True:
        moved = _move_nodes(weights, random)
        if len(np.unique(moved)) == weights.shape[0]:
            return _by_size(found)
        moved = np.unique(moved, return_inverse=True)[1]
        found = moved[found]
        joined = _membership(moved)
        weights = (joined.T @ weights @ joined).tocsr()


def adjusted_rand(one: Ints, other: Ints) -> float:
    """Return the adjusted Rand index, which measures how similar two groupings of the agencies (N each) are.

    The index is 1 if the groupings are equal, and 0 on average for random groupings (Hubert & Arabie 1985).
    """
    both = np.unique(np.stack([one, other]), axis=1, return_counts=True)[1]
    together, ones, others = (_pairs(sizes) for sizes in (both, np.bincount(one), np.bincount(other)))
    expected = ones * others / max(_pairs(np.array([len(one)])), 1)
    most = (ones + others) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _move_nodes(weights: Matrix, random: np.random.Generator) -> Ints:
    """Return the communities after the first step of the Louvain method: agencies move until modularity hardly grows."""
    count, degree = weights.shape[0], np.asarray(weights.sum(axis=1), np.float64)
    group = best = np.arange(count)
    highest, still = modularity(weights, group), 0
    for _ in range(ROUNDS):
        wish = _best_moves(weights, degree, group)
        group = np.where(random.random(count) < 0.5, wish, group)
        reached = modularity(weights, group)
        still = 0 if reached > highest + LEAST_GAIN else still + 1
        if reached > highest:
            best, highest = group, reached
        if still == STILL:
            break
    # If two agencies would swap communities, random halves may never move only one of them. Then move the first agency.
    wanting = np.flatnonzero((wish := _best_moves(weights, degree, best)) != best)
    alone = np.where(np.arange(count) == wanting[:1].sum(), wish, best) if len(wanting) else best
    return alone if modularity(weights, alone) > highest + LEAST_GAIN else best


def _best_moves(weights: Matrix, degree: Floats, group: Ints) -> Ints:
    """Return for each agency (N) the best community to join; this is its own community if no other community is better."""
    towards = (weights @ _membership(group)).tocsr()
    rows, columns = np.repeat(np.arange(len(group)), np.diff(towards.indptr)), towards.indices
    size, own = np.bincount(group, degree, minlength=len(group)), group[rows] == columns
    loops = weights.diagonal()
    gain = towards.data - own * loops[rows] - degree[rows] * (size[columns] - own * degree[rows]) / max(degree.sum(), 1)
    gain += own * 1e-12
    some = np.flatnonzero(np.diff(towards.indptr))
    most = np.maximum.reduceat(gain, towards.indptr[some]) if len(some) else gain
    wish, best = group.copy(), np.flatnonzero(gain == np.repeat(most, np.diff(towards.indptr)[some]))
    wish[rows[best]] = columns[best]
    return wish


def _membership(group: Ints) -> Matrix:
    count, width = len(group), int(group.max(initial=-1)) + 1
    return sparse.csr_array((np.ones(count), group, np.arange(count + 1)), (count, width))


def _within(ties: Matrix, group: Ints) -> float:
    rows = np.repeat(np.arange(len(group)), np.diff(ties.indptr))
    return float(ties.data[group[rows] == group[ties.indices]].sum())


def _by_size(group: Ints) -> Ints:
    _groups, place, sizes = np.unique(group, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[place]


def _pairs(sizes: Ints) -> float:
    return float((sizes * (sizes - 1) / 2).sum())


def constraint(arcs: Matrix) -> Floats:
    """Return Burt's constraint of each agency (N), which is high if its partners have ties with each other; NaN without ties.

    c_i = sum over contacts j of (p_ij + sum_q p_iq p_qj)^2 (Burt 1992), where p_ij is the share of a_ij + a_ji in the sum over
    all contacts of i, as in networkx.constraint and igraph. In an undirected network p_ij is one over the degree. The constraint
    can exceed 1.
    """
    weights = (arcs + arcs.T).tocsr().astype(np.float64)
    strength = np.asarray(weights.sum(axis=1))
    share = sparse.csr_array(sparse.diags_array(1 / np.maximum(strength, 1)) @ weights)
    through = (share @ share).tocsr().multiply(weights > 0)
    invested = (share + through).tocsr()
    return np.where(strength > 0, np.asarray(invested.multiply(invested).sum(axis=1)), np.nan)


def effective_size(ties: Matrix) -> Floats:
    """Return Burt's effective size of each agency (N) in an undirected network (Borgatti 1997); NaN for an agency without ties.

    The effective size is d - 2t/d, where d is the number of the agency's partners and t the number of ties among them. The
    effective size divided by d is the efficiency.
    """
    degree = np.diff(ties.indptr).astype(np.float64)
    among = np.divide(closed_two_paths(ties, ties, ties), degree, out=np.zeros_like(degree), where=degree > 0)
    return np.where(degree > 0, degree - among, np.nan)


def mixing(group: Ints, ties: Ints, size: int) -> Ints:
    """Return the mixing matrix (groups x groups): the number of ties between the groups of each pair.

    `group` (N) holds group indices below `size`, `ties` (m x 2) agency indices. A tie within a group counts twice, on the diagonal.
    The sum of a row is the total degree of the group, as in networkx.attribute_mixing_matrix(normalized=False) for undirected graphs.
    """
    a, b = group[ties].T
    once = np.bincount(a * size + b, minlength=size * size).reshape(size, size)
    return once + once.T


def external_internal(ends: Ints) -> float:
    """Return the E-I index of ties, given the groups of both ends of each tie (m x 2)."""
    return float(2 * np.mean(ends[:, 0] != ends[:, 1]) - 1)


ROLES = ("coordinator", "consultant", "representative", "gatekeeper", "liaison")


class Brokerage(NamedTuple):
    """How often each agency has each brokerage role (N x 5, in the order of ROLES).

    The counts are the observed number, the number expected under the null model, and its variance.
    """

    seen: Floats
    expected: Floats
    variance: Floats

    @property
    def z(self) -> Floats:
        """The z-score of each brokerage count (N x 5), NaN if the variance is zero."""
        spread = np.sqrt(self.variance)
        return np.divide(self.seen - self.expected, spread, out=np.full_like(spread, np.nan), where=spread > 0)


def brokerage_roles(arcs: Matrix, group: Ints, *, directed: bool = False) -> Floats:
    """Count the Gould-Fernandez brokerage roles of each agency (N x 5, in the order of ROLES; Gould & Fernandez 1989).

    An agency v is a broker on each path a, v, b without an arc from a to b. The groups (N) of the three agencies give the role:

    - coordinator: the broker v and its partners a and b are in one group
    - consultant (itinerant broker): the partners a and b are in one group, the broker v is in another
    - representative: the partner a and the broker v are in one group, the partner b is in another
    - gatekeeper: the broker v and the partner b are in one group, the partner a is in another
    - liaison: the broker v and its partners a and b are in three different groups

    In undirected networks every pair a, b counts once, and the counts of representative and gatekeeper are equal.
    """
    seen = np.stack(_two_paths(arcs, group), axis=1) - np.stack(_closed(arcs, group), axis=1)
    return np.asarray(seen / _times_counted(directed))


def _times_counted(directed: bool) -> Ints:
    """Return for each role how often the two-paths count each pair a, b."""
    return np.array([1, 1, 1, 1, 1] if directed else [2, 2, 1, 1, 2])


def brokerage(arcs: Matrix, group: Ints, *, directed: bool = False) -> Brokerage:
    """Count the brokerage roles of each agency (`brokerage_roles`), and compare the counts with random networks.

    The null model is a random network of the same density with independent arcs (w_I, w_O, b_IO, b_OI, b_O and
    their z-scores in the R package sna).
    """
    share = arcs.nnz / max(arcs.shape[0] * (arcs.shape[0] - 1), 1)
    expected, variance = _expected_roles(group, share)
    times = _times_counted(directed)
    return Brokerage(brokerage_roles(arcs, group, directed=directed), expected / times, variance / times)


def _two_paths(arcs: Matrix, group: Ints) -> list[Floats]:
    """Return for each role the number of paths a, v, b of distinct agencies, whether or not there is an arc from a to b."""
    from_group, to_group, mutual = (_by_group(one.tocsr(), group) for one in (arcs.T, arcs, arcs.multiply(arcs.T)))
    own = np.arange(len(group)), group
    into, out = from_group[own], to_group[own]
    into_other, out_other = from_group.sum(axis=1) - into, to_group.sum(axis=1) - out
    one_group = (from_group * to_group).sum(axis=1) - into * out
    return [
        into * out - mutual[own],
        one_group - (mutual.sum(axis=1) - mutual[own]),
        into * out_other,
        into_other * out,
        into_other * out_other - one_group,
    ]


def _by_group(arcs: Matrix, group: Ints) -> Floats:
    """Return the number of arcs from each agency to the members of each group (N x groups)."""
    rows, columns = arcs.nonzero()
    width = int(group.max(initial=0)) + 1
    counted = np.bincount(rows * width + group[columns], minlength=len(group) * width)
    return counted.reshape(len(group), width).astype(np.float64)


def _closed(arcs: Matrix, group: Ints) -> list[Floats]:
    """Return for each role the number of paths a, v, b for which an arc from a to b exists."""
    inner, outer = (_masked(arcs, same) for same in _split(arcs, group))
    return [
        closed_two_paths(inner, inner, arcs),
        closed_two_paths(outer, outer, inner),
        closed_two_paths(inner, outer, arcs),
        closed_two_paths(outer, inner, arcs),
        closed_two_paths(outer, outer, outer),
    ]


def _split(arcs: Matrix, group: Ints) -> tuple[Bools, Bools]:
    rows, columns = arcs.nonzero()
    within = group[rows] == group[columns]
    return within, ~within


def _masked(arcs: Matrix, selected: Bools) -> Matrix:
    """Return the matrix with only the selected arcs; `selected` follows the order of the stored values."""
    left = arcs.copy()
    left.data = left.data * selected
    left.eliminate_zeros()
    return left


def _expected_roles(group: Ints, share: float) -> tuple[Floats, Floats]:
    """Return the mean and variance of each role count (N x 5) in random networks where every arc has the probability `share`.

    The probability that a path a, v, b exists without an arc from a to b is share^2 (1 - share), called q. If two paths have one
    arc in common, their covariance is (share (1 - share))^3.
    """
    paths, sharing = _triples(np.bincount(group, minlength=1).astype(np.float64))
    q = share**2 * (1 - share)
    return (paths * q)[group], (paths * q * (1 - q) + sharing * (share * (1 - share)) ** 3)[group]


def _triples(size: Floats) -> tuple[Floats, Floats]:
    """Return the two arrays from which the mean and variance of role counts are computed, by role and by the group of v.

    The first array counts the pairs (a, b) of agencies. The second array counts the ordered couples of such pairs that share an
    agency.
    """
    own, others = np.maximum(size - 1, 0), size.sum() - size
    pairs, threes = size * (size - 1), size * (size - 1) * (size - 2)
    rest = others[:, None] - size[None, :]
    apart, twice_apart = size * rest, size * rest * (rest - 1)
    mixed, mixed_sharing = own * others, own * others * (others - 1 + own - 1)
    paths = [own * (own - 1), pairs.sum() - pairs, mixed, mixed, apart.sum(axis=1) - np.diag(apart)]
    sharing = [
        2 * own * (own - 1) * (own - 2),
        2 * (threes.sum() - threes),
        mixed_sharing,
        mixed_sharing,
        2 * (twice_apart.sum(axis=1) - np.diag(twice_apart)),
    ]
    return np.stack(paths, axis=1), np.stack(sharing, axis=1)
