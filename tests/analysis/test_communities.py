"""Communities are as good as networkx finds, chance keeps what it must, and what is told of them is right."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.analysis.measures import adjusted_rand, communities, ei_index, modularity, transitivity
from registry.analysis.snapshot import AgencyRow, Ints, Snapshot, adjacency
from registry.analysis.statistics import compare_with_null, rewired
from registry.reports.catalogue import run_on_snapshot


def pairs(network: "nx.Graph[int]") -> Ints:
    return np.sort(np.array(list(network.edges), np.int64).reshape(-1, 2), axis=1)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.floats(0, 0.5), st.integers(0, 2**32 - 1))
def test_modularity_is_that_of_networkx_and_no_worse_than_one_group(size: int, share: float, seed: int) -> None:
    network = nx.gnp_random_graph(size, share, seed=seed)
    ties = adjacency(pairs(network), size)
    group = communities(ties, np.random.default_rng(seed))
    parted = [set(np.flatnonzero(group == one).tolist()) for one in range(group.max() + 1)]
    if network.size():
        assert modularity(ties, group) == pytest.approx(nx.community.modularity(network, parted))
    assert modularity(ties, group) >= 0


@pytest.mark.parametrize("seed", range(3))
def test_planted_communities_are_found_as_well_as_by_networkx(seed: int) -> None:
    network = nx.planted_partition_graph(8, 25, 0.3, 0.01, seed=seed)
    group = communities(adjacency(pairs(network), 200), np.random.default_rng(seed))
    theirs = nx.community.modularity(network, nx.community.louvain_communities(network, seed=seed))
    assert modularity(adjacency(pairs(network), 200), group) >= 0.97 * theirs
    assert adjusted_rand(group, np.arange(200) // 25) > 0.9


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 30), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_swapped_ties_keep_every_number_and_double_none(size: int, share: float, seed: int) -> None:
    ties = pairs(nx.gnp_random_graph(size, share, seed=seed))
    drawn = rewired(ties, size, np.random.default_rng(seed))
    assert np.array_equal(np.bincount(drawn.ravel(), minlength=size), np.bincount(ties.ravel(), minlength=size))
    assert len(np.unique(drawn, axis=0)) == len(ties) and (drawn[:, 0] < drawn[:, 1]).all()


def test_swapped_ties_close_as_many_triangles_as_those_of_networkx() -> None:
    network, random = nx.watts_strogatz_graph(30, 6, 0.1, seed=1), np.random.default_rng(1)
    ours = [transitivity(adjacency(rewired(pairs(network), 30, random), 30)) for _ in range(60)]
    theirs = []
    for seed in range(60):
        other = network.copy()
        nx.double_edge_swap(other, 300, max_tries=10_000, seed=seed)
        theirs.append(nx.transitivity(other))
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=4 * float(np.std(theirs)) / np.sqrt(30))


def test_the_adjusted_rand_index_is_that_of_hubert_and_arabie() -> None:
    one, other = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2])
    assert adjusted_rand(one, other) == pytest.approx(0.24242424)
    assert adjusted_rand(one, 1 - one) == 1
    random = np.random.default_rng(1)
    drawn = [adjusted_rand(random.integers(0, 5, 200), random.integers(0, 9, 200)) for _ in range(50)]
    assert abs(np.mean(drawn)) < 0.01


def test_the_exact_moments_of_the_e_i_index_are_those_of_permutations() -> None:
    random, network = np.random.default_rng(1), nx.gnp_random_graph(20, 0.3, seed=1)
    group, ties = np.arange(20) % 3, pairs(network)
    one = ei_index(group, ties, 10, 1)
    drawn = [ei_index(random.permutation(group), ties, 1, 1).index for _ in range(3000)]
    assert one.expected == pytest.approx(np.mean(drawn), abs=0.01)
    assert one.spread == pytest.approx(np.std(drawn), rel=0.06)


def test_a_value_far_from_what_was_drawn_is_no_chance_even_with_few_draws() -> None:
    drawn = np.random.default_rng(1).normal(0, 1, 10)
    assert compare_with_null(20, drawn).p < 1e-6 < 0.2 < compare_with_null(float(drawn.mean()) + 0.5, drawn).p
    assert (compare_with_null(1, np.ones(9)).p, compare_with_null(2, np.ones(9)).p) == (1, 0)


def test_without_ties_there_are_no_groups_and_the_report_says_so() -> None:
    report = run_on_snapshot(Snapshot([AgencyRow("a", "A")]), "communities", "2026-11-25")
    assert (report.found, report.of, report.unknown, report.rows) == (0, 0, 0, ())
    assert "There are no ties in force, so there are no groups." in report.notes
