"""Scores of pairs are networkx's, precision is counted as by hand, and what is said of a ranking is so."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.analysis.likely_partners import BlockModel, hidden_at_random, pairs_at_distance_two
from registry.analysis.snapshot import Snapshot, SnapshotArrays, adjacency
from registry.analysis.statistics import ScoredGroups
from registry.evaluation.backtests import backtest_partners
from registry.evaluation.calibration import agencies_in, network, partnerships_of, terms
from registry.reports.catalogue import run_on_snapshot
from registry.reports.render import as_json, as_text
from tests.support.sample import AS_OF, depok, sample_report


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.floats(0, 0.6), st.integers(0, 2**32 - 1))
def test_scores_by_partners_in_common_are_those_of_networkx(size: int, share: float, seed: int) -> None:
    graph = nx.gnp_random_graph(size, share, seed=seed)
    pairs = pairs_at_distance_two(adjacency(np.array(list(graph.edges), np.int64).reshape(-1, 2), size))
    ends = list(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))
    apart = {(a, b) for a, b in nx.non_edges(graph) if next(iter(nx.common_neighbors(graph, a, b)), None) is not None}
    assert {(min(pair), max(pair)) for pair in apart} == set(ends)
    for ours, theirs in ((pairs.allocation, nx.resource_allocation_index), (pairs.adamic_adar, nx.adamic_adar_index)):
        np.testing.assert_allclose(ours, [score for _a, _b, score in theirs(graph, ends)], rtol=1e-9)
    assert pairs.common.tolist() == [len(set(nx.common_neighbors(graph, a, b))) for a, b in ends]


def test_ties_expected_by_blocks_add_up_to_the_ties_there_are() -> None:
    random = np.random.default_rng(1)
    sector = random.integers(-1, 3, 40)
    ties = np.array(list(nx.gnp_random_graph(40, 0.2, seed=1).edges))
    a, b = np.meshgrid(np.arange(40), np.arange(40))
    assert BlockModel.of(sector, ties).score(a.ravel(), b.ravel()).sum() == pytest.approx(2 * len(ties))


def test_precision_is_counted_as_by_hand() -> None:
    score, hit = np.array([3.0, 2, 2, 1]), np.array([1, 0, 1, 1])
    ranked = ScoredGroups.of(score, np.ones(4, np.int64), hit)
    assert ranked.average_precision == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert (ranked.base_rate, ranked.precision_at(1), ranked.precision_at(2)) == (0.75, 1, 0.75)
    assert ScoredGroups.of(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64)).average_precision == 0


def clustered() -> Snapshot:
    """Return agencies of one sector in small circles of friends, which nothing but partners in common can tell."""
    graph = nx.connected_caveman_graph(30, 6)
    ties = np.sort(np.array(graph.edges), axis=1)
    return Snapshot(
        agencies_in(np.zeros(180, np.int64)), partnerships=partnerships_of(ties), sectors=terms("sector", 1)
    )


def test_circles_of_friends_are_told_and_networks_by_chance_are_not() -> None:
    report = run_on_snapshot(clustered(), "likely-partners", AS_OF)
    assert report.found == len(report.rows) > 0 and {row.confidence for row in report.rows} == {"likely"}
    assert any(note.startswith("The ranking beats the best simple baseline") for note in report.notes)
    by_chance = run_on_snapshot(network(np.random.default_rng(1), 200), "likely-partners", AS_OF)
    assert by_chance.found == 0 and {row.confidence for row in by_chance.rows} == {"unclear"}
    assert any(note.startswith("The ranking does not beat the best simple baseline") for note in by_chance.notes)


def test_every_method_ranks_the_same_pairs_and_the_same_hidden_ties() -> None:
    world = SnapshotArrays.of(depok(), AS_OF)
    judged = hidden_at_random(world, 3)
    assert judged
    for split in judged.splits:
        totals = {(one.candidates.sum(), one.hits.sum()) for one in split.scored.values()}
        assert totals == {(192 * 191 / 2 - split.known, split.hits)}
        assert split.known + split.hits == len(world.ties)


def test_hiding_an_agreement_hides_all_of_its_ties() -> None:
    """Agreements of many parties alone: who is left of one that is hidden has no partner in common by it."""
    parties = np.random.default_rng(1).permutation(120).reshape(-1, 4)
    agreed = [
        one._replace(parties=[f"agency:{place:06}" for place in places])
        for one, places in zip(partnerships_of(np.zeros((30, 2), np.int64)), parties.tolist(), strict=True)
    ]
    lists = Snapshot(agencies_in(np.zeros(120, np.int64)), partnerships=agreed, sectors=terms("sector", 1))
    judged = hidden_at_random(SnapshotArrays.of(lists, AS_OF), 2)
    assert judged and all(split.unreachable == split.hits for split in judged.splits)


def test_partners_of_the_sample_are_named_and_not_oversold() -> None:
    report = sample_report("likely-partners")
    first = report.rows[0]
    assert first["common"] == 6 and len(first.evidence) == 2 + 6
    assert {row["advice"] for row in report.rows} == {"talk"}
    assert report.found == 0 and report.unknown == len(report.rows) == 20
    assert "possible partners" in as_text(report, 200)


def test_the_back_test_tells_each_year_and_each_ranking() -> None:
    report = backtest_partners(SnapshotArrays.of(depok(), AS_OF))
    known = list(dict.fromkeys(row["known"] for row in report.rows))
    assert known == ["all but a tenth", "Nov 25, 2022", "Nov 25, 2023", "Nov 25, 2024", "Nov 25, 2025"]
    assert len(report.rows) == 6 * report.of == 30
    assert max(row["ratio"] for row in report.rows if row["method"] in ("degrees", "blocks", "sector")) == 1  # type: ignore[type-var]
    assert "nan" not in as_json(report)
    assert not backtest_partners(SnapshotArrays.of(Snapshot(), AS_OF)).rows


def test_agencies_without_a_sector_are_a_group_of_their_own() -> None:
    sector = np.array([0, 0, -1, -1, 1, 1])
    model = BlockModel.of(sector, np.array([[0, 1], [2, 3], [4, 5]]))
    one, other = np.array([0, 2, 4, 0, 0, 2]), np.array([1, 3, 5, 2, 4, 4])
    assert (model.score(one, other) > 0).tolist() == [True, True, True, False, False, False]
