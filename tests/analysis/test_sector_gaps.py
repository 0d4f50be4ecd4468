"""A pair of sectors with too few ties is a gap; the row says how few, and names who could close it."""

from collections.abc import Iterable
from itertools import combinations

import pytest

from registry.analysis.report import Report, ReportError
from registry.analysis.snapshot import AgencyRow, PartnershipRow, Snapshot, TermRow
from registry.reports.catalogue import run_on_snapshot
from tests.support.sample import AS_OF

SECTORS = {"h": "Health", "r": "Roads", "w": "Water"}
HEALTH, ROADS, WATER = [f"h{n}" for n in range(8)], [f"r{n}" for n in range(8)], ["w0", "w1"]
INWARD = [*combinations(HEALTH[:7], 2), *combinations(ROADS, 2)]  # h7 has no tie


def gaps(ties: Iterable[tuple[str, ...]], agencies: Iterable[AgencyRow] = (), **parameters: object) -> Report:
    members = [AgencyRow(one, one.upper(), True, [one[0]]) for one in (*HEALTH, *ROADS, *WATER)]
    agreements = [
        PartnershipRow(str(number), "Agreement", True, "mou", "2020-01-01", None, "A rule", pair, ["x"])
        for number, pair in enumerate(ties)
    ]
    changed = {one.id: one for one in (*members, *agencies)}
    sectors = [TermRow(one, name) for one, name in SECTORS.items()]
    return run_on_snapshot(
        Snapshot(list(changed.values()), partnerships=agreements, sectors=sectors), "sector-gaps", AS_OF, parameters
    )


def test_a_gap_is_told_in_numbers_with_the_best_connected_of_both() -> None:
    report = gaps([*INWARD, ("w0", "h3"), ("w0", "h5"), ("w1", "r2")])
    assert (report.found, report.of, report.unknown) == (1, 3, 2)
    gap = report.rows[0]
    assert [gap[name] for name in ("sector_a", "sector_b", "finding", "observed", "ratio", "unrecorded")] == [
        "Health", "Roads", "gap", 0, 0, 1,
    ]  # fmt: skip
    expected, z, p = (gap[name] for name in ("expected", "z", "p"))
    assert isinstance(expected, float) and isinstance(z, float) and isinstance(p, float)
    assert 20 < expected < 30 and z < -5 and p < 1e-9
    assert [one.id for one in gap.evidence] == ["h", "r", "h3", "h5", "h0", "r2", "r0", "r1"]
    assert gap.confidence == "likely"


def test_a_pair_with_too_few_ties_to_expect_is_not_judged() -> None:
    report = gaps([*INWARD, ("w0", "h0"), ("w0", "h1"), ("w1", "r0")])
    for row in report.rows[1:]:
        assert [row[name] for name in ("finding", "ratio", "z", "p")] == ["too-few", None, None, None]
        assert "Water" in (row["sector_a"], row["sector_b"]) and row.confidence == "unclear"
        assert [one.kind for one in row.evidence] == ["Sector", "Sector"]
    assert {row["observed"] for row in report.rows[1:]} == {1, 2}


def test_a_pair_with_the_ties_of_chance_is_no_gap() -> None:
    across = [(HEALTH[one], ROADS[(one + step) % 8]) for one in range(8) for step in range(4)]
    inside = [
        (all_of[one], all_of[(one + step) % 8]) for all_of in (HEALTH, ROADS) for one in range(8) for step in (1, 2)
    ]
    report = gaps([*across, *inside], least_expected=1)
    (row,) = (row for row in report.rows if row["sector_b"] == "Roads")
    assert (row["finding"], row["observed"], row.confidence, report.found) == ("no-gap", 32, "within-chance", 0)
    ratio, expected = row["ratio"], row["expected"]
    assert isinstance(expected, float) and ratio == 32 / expected and 0.7 < 32 / expected < 1.3
    assert gaps(across, level=0.5).found == 0, "more than chance gives is no gap however lenient one is"


def test_a_sector_gap_says_what_is_left_out() -> None:
    several = AgencyRow("h0", "H0", True, ["h", "r"])
    nowhere = AgencyRow("n", "N")
    notes = gaps([*INWARD, ("n", "h0")], [several, nowhere]).notes
    assert "1 agency has no recorded sector; its ties are not counted." in notes
    assert "1 agency is in several sectors and counts for the first one." in notes
    assert any("divided by all ties) is -1.000;" in note for note in notes), notes
    assert not any("no recorded sector" in note or "several sectors" in note for note in gaps(INWARD).notes)


def test_without_ties_between_sectors_nothing_is_judged() -> None:
    report = gaps([])
    assert (report.found, report.unknown) == (0, 3)
    assert any("no ties between agencies with a sector" in note for note in report.notes)


@pytest.mark.parametrize(
    ("level", "said"),
    [(0.1, "2 pairs of sectors without a gap have"), (0.2, "1 pair of sectors without a gap has"), (0.4, "")],
)
def test_pairs_too_small_for_any_gap_are_counted_in_a_note(level: float, said: str) -> None:
    """Zero ties of the two pairs with Water have the probabilities 0.07 and 0.21; next to one gap the limit is 2/3 of the level."""
    ties = [*INWARD, ("w0", "h3"), ("w0", "h5"), ("w1", "r2")]
    report = gaps(ties, least_expected=1, level=level)
    assert [row["finding"] for row in report.rows] == ["gap", "no-gap", "no-gap"]
    notes = [
        note for note in report.notes if note.endswith("so few agencies that even zero ties would not be significant.")
    ]
    assert [note.split(" so few")[0] for note in notes] == ([said] if said else [])
    assert not any("even zero ties" in note for note in gaps(ties, level=level).notes)


def test_less_than_one_expected_tie_cannot_be_asked_for() -> None:
    with pytest.raises(ReportError, match=r"“Smallest expected number of ties”: enter a number from 1 to 1,000\."):
        gaps(INWARD, least_expected=0.9)
