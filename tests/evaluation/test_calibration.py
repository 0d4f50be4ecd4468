"""Reports keep still where there is nothing to find, and find what is there; random registries, bounds as bounds of chance."""

from collections.abc import Callable
from secrets import randbits

import numpy as np
import pytest
from scipy.stats import binom

from registry.analysis.report import Report
from registry.analysis.snapshot import Snapshot
from registry.evaluation.calibration import AS_OF, network, registry, without_ties
from registry.reports.catalogue import run_on_snapshot

pytestmark = pytest.mark.slow

SURE = 0.999


@pytest.fixture
def random() -> np.random.Generator:
    seed = randbits(32)
    print("seed", seed)
    return np.random.default_rng(seed)


def _with_gaps(runs: int, make: Callable[[], Snapshot]) -> int:
    """Return in how many of the runs there was any sector gap."""
    return sum(run_on_snapshot(make(), "sector-gaps", AS_OF, {"leave_out": 0}).found > 0 for _ in range(runs))


@pytest.mark.parametrize(
    ("agencies", "degree", "runs"),
    [(200, 6, 40), (1_000, 6, 12), (60, 24, 30)],
    ids=["few", "many", "dense"],
)
def test_networks_without_gaps_rarely_show_one(
    random: np.random.Generator, agencies: int, degree: int, runs: int
) -> None:
    alarms = _with_gaps(runs, lambda: network(random, agencies, degree=degree))
    assert alarms <= binom.ppf(SURE, runs, 0.06)


def test_sectors_that_lost_four_of_five_ties_are_found(random: np.random.Generator) -> None:
    found = _with_gaps(40, lambda: without_ties(network(random, 200), random, 0.8))
    assert found >= binom.ppf(1 - SURE, 40, 0.95)


def test_of_twenty_agencies_nearly_nothing_is_told(random: np.random.Generator) -> None:
    reports = [run_on_snapshot(network(random, 20), "sector-gaps", AS_OF, {"leave_out": 0}) for _ in range(10)]
    assert sum(one.unknown for one in reports) >= 0.9 * sum(one.of for one in reports)


def test_one_gap_among_2000_pairs_of_sectors_is_found_in_a_dense_network(
    random: np.random.Generator,
) -> None:
    lists = network(random, 500, sectors=66, degree=160)
    report = run_on_snapshot(without_ties(lists, random, 1), "sector-gaps", AS_OF, {"leave_out": 0})
    first = report.rows[0]
    assert report.of > 2_000
    assert first["finding"] == "gap" and first["observed"] == 0 and first.confidence == "likely"


def test_agencies_that_are_alike_by_their_sector_alone_are_no_overlap(random: np.random.Generator) -> None:
    report = run_on_snapshot(registry(random, 2_000).snapshot, "overlaps", AS_OF, {"leave_out": 0})
    assert report.of > 50_000
    assert report.found <= binom.ppf(SURE, report.of, 1 / 10_000)


def test_agencies_that_do_much_of_what_another_does_are_found(random: np.random.Generator) -> None:
    planted = [registry(random, 2_000, duplicates=18) for _ in range(5)]
    found = [_overlapping(run_on_snapshot(one.snapshot, "overlaps", AS_OF, {"leave_out": 0})) for one in planted]
    true = sum(len(pairs & one.duplicates) for pairs, one in zip(found, planted, strict=True))
    assert true >= 0.95 * sum(len(one.duplicates) for one in planted)
    assert true >= 0.75 * sum(map(len, found))


def _overlapping(report: Report) -> set[frozenset[str]]:
    return {frozenset(one.id for one in row.evidence if one.kind == "Agency") for row in report.rows}
