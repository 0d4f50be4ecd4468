"""Communities are as good as networkx finds, chance keeps what it must, and what is told of them is right."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, combinations, product

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from registry.analysis.communities import consensus, louvain_runs
from registry.analysis.measures import adjusted_rand, communities, modularity, transitivity
from registry.analysis.snapshot import AgencyRow, Ints, PartnershipRow, Snapshot, SnapshotArrays, TermRow, adjacency
from registry.analysis.statistics import RandomAgreements, compare_until_clear, compare_with_null
from registry.analysis.ties import TieNetwork
from registry.reports.catalogue import run_on_snapshot
from tests.support.sample import AS_OF, depok


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


@pytest.mark.parametrize("seed", range(3))
def test_the_consensus_of_runs_is_what_was_planted_in_any_order(seed: int) -> None:
    network = nx.planted_partition_graph(8, 25, 0.3, 0.01, seed=seed)
    order = np.random.default_rng(seed).permutation(200)
    group, other = (
        consensus(louvain_runs(adjacency(ties, 200), 20)) for ties in (pairs(network), order[pairs(network)])
    )
    assert np.bincount(group).tolist() == [25] * 8
    assert adjusted_rand(group, np.arange(200) // 25) == adjusted_rand(group, other[order]) == 1


def test_equal_runs_are_their_own_consensus() -> None:
    run = np.array([2, 0, 0, 1, 1, 1])
    assert consensus(np.stack([run, run])).tolist() == [2, 1, 1, 0, 0, 0]


def possible(sizes: Sequence[int], activity: Sequence[int]) -> list[tuple[frozenset[int], ...]]:
    """Return all lists of distinct agreements with these sizes in which each agency has its number of agreements."""
    ways = []
    for one in product(*(combinations(range(len(activity)), size) for size in sizes)):
        counted = Counter(chain.from_iterable(one))
        if len(set(one)) == len(one) and all(counted[n] == times for n, times in enumerate(activity)):
            ways.append(tuple(map(frozenset, one)))
    return ways


SMALL = [
    ((2, 2, 2, 2), (2, 2, 2, 1, 1)), ((2, 2, 2), (1, 1, 1, 1, 1, 1)), ((2, 2, 2), (2, 2, 1, 1)), ((3, 2, 2), (2, 2, 1, 1, 1)),
    ((3, 3), (2, 1, 1, 1, 1)), ((4, 2, 2), (2, 2, 2, 1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("sizes", "activity"), SMALL)
def test_every_possible_network_is_drawn_equally_often(sizes: tuple[int, ...], activity: tuple[int, ...]) -> None:
    ways = possible(sizes, activity)
    networks = Counter(frozenset(chain.from_iterable(combinations(sorted(one), 2) for one in way)) for way in ways)
    walk, draws = RandomAgreements(map(tuple, ways[0]), seed=1), 4000
    seen = Counter(frozenset(map(tuple, walk.draw()[0].tolist())) for _ in range(draws))
    assert set(seen) == set(networks), "each network that is possible is reached, and no other"
    shares = {one: many / len(ways) for one, many in networks.items()}
    difference = sum((seen[one] - draws * share) ** 2 / (draws * share) for one, share in shares.items())
    assert difference < 3 * chi2.ppf(0.999, max(len(shares) - 1, 1)), "draws that follow each other resemble each other"


def test_triangles_close_as_often_as_in_all_graphs_of_the_degrees() -> None:
    walk = RandomAgreements([(0, 1), (0, 2), (1, 3), (2, 4)], seed=1)
    closed = [transitivity(adjacency(walk.draw()[0], 5)) for _ in range(4000)]
    assert np.mean(closed) == pytest.approx(1 / 7, abs=0.02)


def test_the_first_drawn_networks_have_forgotten_the_observed_one() -> None:
    whole = TieNetwork.of(SnapshotArrays.of(depok(), AS_OF))
    walk, observed = RandomAgreements(whole.agreements, seed=1, chains=40), set(map(tuple, whole.ties.tolist()))
    kept = [
        np.mean([len(observed & set(map(tuple, ties.tolist()))) / len(ties) for ties in walk.draw()]) for _ in range(12)
    ]
    assert kept[0] == pytest.approx(np.mean(kept[6:]), abs=0.01)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_drawn_agreements_keep_sizes_and_numbers_of_agreements(size: int, many: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    given_ = {
        tuple(sorted(random.choice(size, random.integers(2, min(size, 5) + 1), replace=False))) for _ in range(many)
    }
    walk = RandomAgreements([tuple(map(int, one)) for one in given_], seed)
    (pairs_,) = walk.draw()
    assert sorted(map(len, walk.agreements)) == sorted(map(len, given_)) and len(set(walk.agreements)) == len(given_)
    assert Counter(chain.from_iterable(walk.agreements)) == Counter(int(n) for one in given_ for n in one)
    assert (pairs_[:, 0] < pairs_[:, 1]).all() and len(np.unique(pairs_, axis=0)) == len(pairs_)


def test_the_adjusted_rand_index_is_that_of_hubert_and_arabie() -> None:
    one, other = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2])
    assert adjusted_rand(one, other) == pytest.approx(0.24242424)
    assert adjusted_rand(one, 1 - one) == 1
    random = np.random.default_rng(1)
    drawn = [adjusted_rand(random.integers(0, 5, 200), random.integers(0, 9, 200)) for _ in range(50)]
    assert abs(np.mean(drawn)) < 0.01


def test_a_p_value_counts_the_observed_network_as_a_random_one() -> None:
    drawn = np.arange(1, 100).astype(float)
    assert compare_with_null(1000, drawn).p == pytest.approx(2 / 100)
    assert compare_with_null(-1, drawn).p == pytest.approx(2 / 100)
    assert compare_with_null(98, drawn).p == pytest.approx(2 * 3 / 100)
    assert (compare_with_null(50, drawn).p, compare_with_null(1, np.ones(9)).p) == (1, 1)


def test_no_more_networks_are_drawn_than_are_needed_to_be_clear() -> None:
    (clear,) = compare_until_clear([0], ([(-1) ** n * n] for n in range(1, 400)))
    (extreme,) = compare_until_clear([1000], ([n] for n in range(1, 400)))
    assert (clear.draws, clear.p) == (20, 1) and (extreme.draws, extreme.p) == (399, pytest.approx(2 / 400))


@pytest.mark.slow
def test_agreements_of_several_parties_are_no_finding_by_themselves() -> None:
    seed, alarms, rounds = 20261129, Counter[str](), 20
    print("seed", seed)
    for number in range(rounds):
        random = np.random.default_rng((seed, number))
        weight = random.lognormal(0, 0.5, 60)
        agreements = [
            random.choice(60, random.integers(2, 6), replace=False, p=weight / weight.sum()) for _ in range(60)
        ]
        rows = [
            PartnershipRow(f"p{n}", f"P{n}", parties=[f"a{one}" for one in parties])
            for n, parties in enumerate(agreements)
        ]
        agencies = [AgencyRow(f"a{n}", f"A{n}", True, [f"s{n % 5}"]) for n in range(60)]
        lists = Snapshot(agencies, partnerships=rows, sectors=[TermRow(f"s{n}", f"S{n}") for n in range(5)])
        alarms["network"] += run_on_snapshot(lists, "network", "2026-11-25").found > 0
        alarms["communities"] += run_on_snapshot(lists, "communities", "2026-11-25").found > 0
    assert all(binom.sf(many - 1, rounds, 0.05) > 0.001 for many in alarms.values()), alarms


@pytest.mark.slow
def test_random_agreements_of_equally_active_agencies_make_no_brokers() -> None:
    seed, robust, listed = 20261129, 0, 0
    print("seed", seed)
    for number in range(12):
        random = np.random.default_rng((seed, number))
        rows = [
            PartnershipRow(f"p{n}", f"P{n}", parties=[f"a{one}" for one in random.choice(60, size, replace=False)])
            for n, size in enumerate(random.integers(2, 5, 70).tolist())
        ]
        agencies = [AgencyRow(f"a{n}", f"A{n}") for n in range(60)]
        report = run_on_snapshot(Snapshot(agencies, partnerships=rows), "brokers", "2026-11-25")
        robust, listed = robust + report.found, listed + len(report.rows)
    assert binom.sf(robust - 1, listed, 0.05) > 0.001, (robust, listed)


def test_without_ties_there_are_no_groups_and_the_report_says_so() -> None:
    report = run_on_snapshot(Snapshot([AgencyRow("a", "A")]), "communities", "2026-11-25")
    assert (report.found, report.of, report.unknown, report.rows) == (0, 0, 0, ())
    assert "There are no ties in force, so there are no groups." in report.notes
