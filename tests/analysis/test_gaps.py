"""The gap report takes findings of other reports over, with what they rest on, a measure and a next step."""

import numpy as np
import pytest

from registry.analysis.gaps import PRIORITY
from registry.analysis.report import ReportRow
from registry.analysis.snapshot import AgencyRow, NeedRow, PartnershipRow, ResourceRow, Snapshot
from registry.evaluation.calibration import registry
from registry.progress import reporting_to
from registry.reports.catalogue import run_on_snapshot
from tests.support.sample import AS_OF


def agreement(name: str, parties: str, until: str | None) -> PartnershipRow:
    return PartnershipRow(name, name, True, "mou", "2020-01-01", until, "A rule", list(parties), ["x"])


def rows(*agreements: PartnershipRow, resources: tuple[ResourceRow, ...] = ()) -> list[ReportRow]:
    agencies = [AgencyRow(one, one.upper()) for one in "abcde"]
    report = run_on_snapshot(Snapshot(agencies, resources=resources, partnerships=agreements), "gaps", AS_OF)
    assert report.found == sum(row["finding"] != "coverage" for row in report.rows)
    return [row for row in report.rows if row["finding"] not in ("coverage", "one-tie", "own-sector")]


@pytest.mark.parametrize(
    ("until", "about", "measure"),
    [
        ("2026-11-24", "expired", "last day: Nov 24, 2026"),
        ("2026-11-25", "expiring", "last day: Nov 25, 2026"),
        ("2026-11-26", "expiring", "last day: Nov 26, 2026"),
    ],
)
def test_an_agreement_says_its_last_day(until: str, about: str, measure: str) -> None:
    (row,) = rows(agreement("one", "ab", until), agreement("other", "abc", None))
    assert (row["finding"], row["who"], row["subject"], row["measure"]) == (about, ("A", "B"), "one", measure)
    assert (
        row["next_step"] and [one.id for one in row.evidence] == ["one", "a", "b"] and row.key == (about, about, "one")
    )


def test_an_agreement_says_what_the_network_lacks_without_it() -> None:
    (alone,) = rows(agreement("one", "ab", "2026-11-24"))
    assert alone["measure"] == "last day: Nov 24, 2026; agencies left without a partner: 2"
    ties = agreement("left", "ab", None), agreement("right", "cd", None)
    (parts,) = rows(agreement("one", "ac", "2026-11-24"), *ties)
    assert parts["measure"] == "last day: Nov 24, 2026; separate groups without the agreement: 2"


def test_findings_with_equal_stakes_are_in_the_order_of_their_types() -> None:
    ended = [agreement(name, "ab", f"2024-0{name[-1]}-01") for name in ("e2", "e1")]
    empty = [agreement(name, "cd", None)._replace(covers=()) for name in ("f1", "f2")]
    found = rows(*empty, *ended)
    assert [row["subject"] for row in found] == ["e1", "e2", "f1", "f2"]
    assert PRIORITY.index("expired") < PRIORITY.index("empty")


def test_a_use_without_agreement_is_about_its_resource() -> None:
    used = ResourceRow("x", "X", True, ["b"], [["a", "2026-01-01", None]])
    (row,) = (row for row in rows(agreement("other", "cd", None), resources=(used,)) if row["finding"] == "uncovered")
    assert (row["subject"], row["who"], row["measure"]) == ("X", ("A", "B"), None)


def test_what_is_recorded_of_nine_in_ten_is_not_lacking() -> None:
    def lacking(placed: int) -> list[object]:
        agencies = [AgencyRow(f"a{n}", f"A{n}", True, (), ["area:1"] if n < placed else ()) for n in range(10)]
        report = run_on_snapshot(Snapshot(agencies), "gaps", AS_OF)
        return [row["measure"] for row in report.rows if row["finding"] == "coverage" and "rea" in str(row["subject"])]

    assert lacking(8) == ["not recorded for 2 of 10 (20%)"] and lacking(9) == []


@pytest.mark.parametrize(
    ("name", "tasks"),
    [("overlaps", {"agencies compared"}), ("cut-points", {"networks with more agreements"}),
     ("matches", {"comparisons of needs with resources", "paths to owners"})],
)  # fmt: skip
def test_the_progress_of_a_long_report_counts_up_to_its_total(name: str, tasks: set[str]) -> None:
    lists = registry(np.random.default_rng(5), 600).snapshot
    need = NeedRow("need", "Need", agencies=[lists.agencies[0].id], kind="fund")
    resource = ResourceRow("resource", "Resource", owners=[lists.agencies[1].id], kind="fund")
    seen: dict[str, list[tuple[int, int]]] = {}
    with reporting_to(lambda what, done, total: seen.setdefault(what, []).append((done, total))):
        run_on_snapshot(lists._replace(needs=[need], resources=[resource]), name, AS_OF, {"leave-out": 0})
    assert seen.keys() == tasks
    for steps in seen.values():
        assert steps == [(done, len(steps) - 1) for done in range(len(steps))]
