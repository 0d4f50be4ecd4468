"""The baselines of the test of `reuse`, and the top 1 %, are what their definitions say; small examples by hand."""

from datetime import date
from math import sqrt

import pytest

from registry.analysis.snapshot import AgencyRow, ResourceRow, Snapshot
from registry.evaluation.backtests import backtest_reuse, candidates_on

CUT = date(2025, 1, 1)
FOUR_YEARS_AGO, EIGHT_YEARS_AGO, WITHIN_A_YEAR = "2021-01-01", "2017-01-01", "2025-06-01"


def used(resource: str, *uses: tuple[str, str]) -> ResourceRow:
    return ResourceRow(resource, resource, uses=[[agency, since, None, "reuse"] for agency, since in uses])


def test_the_baselines_score_as_their_definitions_say() -> None:
    snapshot = Snapshot(
        [AgencyRow(one, one) for one in "abc"],
        resources=[
            used("r", ("a", FOUR_YEARS_AGO), ("b", EIGHT_YEARS_AGO), ("c", WITHIN_A_YEAR)),
            used("s", ("b", FOUR_YEARS_AGO), ("c", EIGHT_YEARS_AGO)),
            used("t", ("b", FOUR_YEARS_AGO)),
        ],
    )
    judged = candidates_on(snapshot, CUT)
    # The pairs are a-s, a-t, c-r and c-t.
    a, c = sqrt(0.05 + 2**-4), sqrt(0.05 + 2**-8)
    r, s, t = 2**-2 + 2**-4, 2**-2 + 2**-4, 2**-2
    assert judged.hit.tolist() == [False, False, True, False]
    assert judged.scores["popularity"].tolist() == [2, 1, 2, 1]
    assert judged.scores["activity_popularity"].tolist() == [2, 1, 2, 1]
    assert judged.scores["recent_activity_recent_popularity"] == pytest.approx([a * s, a * t, c * r, c * t])
    # b has all three resources, a and c have one of them: a Jaccard index of 1/3, which counts twice.
    assert judged.scores["report"][1] == pytest.approx(a * 2**-2 * (1 + 2 / 3))


@pytest.mark.parametrize(
    ("others", "starts", "precision"),
    [(99, ["z"], 1.0), (99, ["a000"], 0.0), (100, ["z"], 0.5), (100, ["a000"], 0.5), (100, ["z", "a000"], 1.0)],
)
def test_the_top_one_percent_is_rounded_up(others: int, starts: list[str], precision: float) -> None:
    """Of 100 pairs the first one counts, of 101 pairs the first two; pairs of equal score are in the order of the agencies."""
    names = [f"a{n:03}" for n in range(others)]
    popular = used("r", *((one, FOUR_YEARS_AGO) for one in names), *[("z", WITHIN_A_YEAR)] * ("z" in starts))
    rare = used("s", ("z", FOUR_YEARS_AGO), *[("a000", WITHIN_A_YEAR)] * ("a000" in starts))
    found = backtest_reuse(
        Snapshot([AgencyRow(one, one) for one in (*names, "z")], resources=[popular, rare]), "2025-12-31"
    )
    assert found is not None
    (cut,) = found.cuts
    assert (cut.candidates, cut.hits, cut.precision_top_1) == (others + 1, len(starts), precision)
