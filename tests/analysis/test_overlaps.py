"""Pairs of agencies with similar work are ranked and can be limited to those with much in common."""

from math import log

import pytest

from registry.analysis.report import Report
from registry.analysis.snapshot import AgencyRow, ServiceRow, Snapshot, TermRow
from registry.reports.catalogue import run_on_snapshot

AS_OF = "2026-11-25"


def overlapping(work: dict[str, range], *, sectorless: str = "", **parameters: float) -> Report:
    """Return the overlaps of agencies with these functions, next to forty agencies with other work in the same sector.

    Every agency also has the function f2000. The agency `sectorless` has no sector.
    """
    others = {f"other{n}": range(1000 + 10 * n, 1010 + 10 * n) for n in range(40)}
    agencies = [
        AgencyRow(one, one.upper(), True, [] if one == sectorless else ["sector"], ["town"]) for one in (*work, *others)
    ]
    services = [
        ServiceRow(f"s-{one}", "S", True, [one], [f"f{n}" for n in (*functions, 2000)])
        for one, functions in {**work, **others}.items()
    ]
    functions = [TermRow(one, one.upper()) for one in sorted({each for one in services for each in one.functions})]
    lists = Snapshot(
        agencies,
        services,
        sectors=[TermRow("sector", "Sector")],
        areas=[TermRow("town", "Town")],
        functions=functions,
    )
    return run_on_snapshot(lists, "overlaps", AS_OF, parameters)


WORK = {"a": range(10), "b": range(1, 11), "c": range(20, 30), "d": range(22, 32)}


def test_the_pair_with_most_rare_work_in_common_comes_first() -> None:
    report = overlapping(WORK)
    assert [(row["agency_a"], row["agency_b"], row["shared"]) for row in report.rows] == [("A", "B", 10), ("C", "D", 9)]
    assert report.rows[0]["rarest"] == ("F1", "F2", "F3", "F4", "F5"), "the function of all is the least rare"
    weight = {count: log(44 / count) for count in (1, 2)}
    assert report.rows[0]["similarity"] == pytest.approx(9 * weight[2] / (9 * weight[2] + 2 * weight[1]))


def test_pairs_below_the_smallest_similarity_are_left_out() -> None:
    assert [row["agency_a"] for row in overlapping(WORK, least_similarity=0.75).rows] == ["A"]
    assert [row["agency_a"] for row in overlapping(WORK, least_similarity=10 / 12).rows] == ["A"]
    assert overlapping(WORK, least_similarity=0.9).found == 0


def test_an_agency_without_a_sector_is_not_compared() -> None:
    report = overlapping(WORK, sectorless="a")
    assert [row["agency_a"] for row in report.rows] == ["C"]
    assert any(
        note.startswith("1 agency is not compared: it has no recorded function, area or sector")
        for note in report.notes
    )
