"""What parties say of how they work together is compared on one scale, the last word of each counting."""

import pytest

from registry.analysis.report import Report
from registry.analysis.snapshot import AgencyRow, PartnershipRow, Snapshot, StatementRow
from registry.i18n import use_language
from registry.reports.catalogue import run_on_snapshot
from tests.support.sample import sample_report
from tests.support.sample_effects import told

AS_OF = "2026-11-25"
AGREEMENT = PartnershipRow(
    "p", "P", True, "mou", "2020-01-01", None, "A rule", ["a", "b"], target_scale="four-c", target_level=4
)


def found(report: Report, finding: str) -> set[str]:
    rows = [row for row in report.rows if row["finding"] == finding]
    return {one.id.removeprefix("depok:") for row in rows for one in row.evidence if one.kind == "Partnership"}


@pytest.mark.parametrize(
    ("finding", "label"),
    [
        ("apart", "two or more levels apart"),
        ("scales", "stated on different scales"),
        ("one-sided", "one side only"),
    ],
)
def test_what_parties_say_in_the_sample_is_told_apart(finding: str, label: str) -> None:
    assert found(sample_report("levels"), finding) == told("levels", label)


def test_what_was_settled_in_the_sample_is_no_finding() -> None:
    settled = told("levels", "not found: once apart, now agreed")
    assert settled and not settled & found(sample_report("levels"), "apart")


def said(number: int, agency: str, level: int, on: str = "2026-01-01", scale: str = "four-c") -> StatementRow:
    return StatementRow(f"s{number}", f"s{number}", True, [agency], ["p"], scale, level, on)


def report(
    *statements: StatementRow, agreement: PartnershipRow = AGREEMENT, as_of: str = AS_OF, **asked: int
) -> Report:
    agencies = [AgencyRow(one, one.upper()) for one in "abc"]
    return run_on_snapshot(Snapshot(agencies, partnerships=[agreement], statements=statements), "levels", as_of, asked)


def test_an_agreement_is_below_its_target_if_no_party_says_it_is_reached() -> None:
    (row,) = report(said(1, "a", 2), said(2, "b", 3)).rows
    assert (row["finding"], row["below_target"], row["target"]) == ("below", 1, "4 Collaboration")
    assert row["assessments"] == ("A: 2 Cooperation (Jan 1, 2026)", "B: 3 Coordination (Jan 1, 2026)")
    assert not report(said(1, "a", 3), said(2, "b", 4)).rows


def test_only_the_last_word_up_to_the_day_counts() -> None:
    words = said(1, "a", 1), said(2, "a", 4, "2026-06-01"), said(3, "b", 4)
    assert found(report(*words, as_of="2026-03-01"), "apart") == {"p"}
    assert not report(*words).rows


def test_the_word_of_one_who_is_no_party_does_not_count() -> None:
    asked = report(said(1, "c", 1), said(2, "a", 4), said(3, "b", 4))
    assert not asked.rows


def test_an_agreement_that_has_lapsed_is_not_compared() -> None:
    asked = report(said(1, "a", 1), said(2, "b", 4), agreement=AGREEMENT._replace(valid_until="2025-01-01"))
    assert (asked.found, asked.of) == (0, 0)


def test_agreements_of_which_nobody_says_anything_are_unknown() -> None:
    assert (report().found, report().of, report().unknown) == (0, 1, 1)


def test_the_distance_of_levels_is_a_setting_and_levels_are_translated() -> None:
    words = said(1, "a", 3), said(2, "b", 4)
    assert not report(*words).rows
    with use_language("id"):
        (row,) = report(*words, least_apart=1).rows
    assert row["target"] == "4 Kolaborasi"


def test_an_agreement_without_a_target_is_never_below_it() -> None:
    aimless = AGREEMENT._replace(target_level=None)
    assert not report(said(1, "a", 0), said(2, "b", 0), agreement=aimless).rows
    assert [row["below_target"] for row in report(said(1, "a", 0), said(2, "b", 0)).rows] == [4]
