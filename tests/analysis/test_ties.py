"""Parameters say which agreements make ties, and notes name the agreements on which findings depend."""

from collections.abc import Sequence

import pytest

from registry.analysis.report import Report
from registry.analysis.snapshot import AgencyRow, PartnershipRow, Snapshot, TermRow
from registry.i18n import use_language
from registry.reports.catalogue import DEFINITIONS, run_on_snapshot
from tests.support.sample import AS_OF, depok


def agreement(name: str, parties: Sequence[str], **values: object) -> PartnershipRow:
    return PartnershipRow(name, f"Agreement {name}", parties=list(parties), **values)  # type: ignore[arg-type]


def isolates(*agreements: PartnershipRow, **parameters: object) -> Report:
    agencies = [AgencyRow(one, one.upper(), sectors=["s"]) for one in "abcdef"]
    known = Snapshot(agencies, partnerships=agreements, sectors=[TermRow("s", "Sector")])
    return run_on_snapshot(known, "isolates", AS_OF, parameters)


def findings(report: Report) -> dict[str, str]:
    return {str(row["agency"]): str(row["finding"]) for row in report.rows}


def test_an_agreement_with_too_many_parties_makes_no_ties_and_is_named() -> None:
    forum, pair, trio = agreement("forum", "abcdef"), agreement("pair", "ab"), agreement("trio", "abc")
    assert findings(isolates(forum, pair, trio)) == {}, "the forum is smaller than the default"
    report = isolates(forum, pair, trio, largest_agreement=5)
    assert findings(report) == dict.fromkeys("DEF", "left-out")
    assert (
        "1 agreement in force makes no ties, because it has more than 5 parties: Agreement forum (6)." in report.notes
    )
    assert {row["agreement"] for row in report.rows} == {"Agreement forum"}
    assert findings(isolates(forum, pair, trio, largest_agreement=2)) == {
        "A": "one-tie", "B": "one-tie", **dict.fromkeys("CDEF", "left-out"),
    }  # fmt: skip


def test_a_forum_of_all_agencies_changes_no_finding_of_the_sample() -> None:
    known = depok()
    forum = agreement("forum", [one.id for one in known.agencies], valid_from="2020-01-01", valid_until="2030-12-31")
    crowded = known._replace(partnerships=[*known.partnerships, forum])
    for name in ("missing-ties", "sector-gaps", "cut-points"):
        before, after = (run_on_snapshot(one, name, AS_OF, {"leave_out": 0}) for one in (known, crowded))
        assert [row.values for row in before.rows if row.confidence != "unclear"] == [
            row.values | ({"unrecorded": was["unrecorded"]} if "unrecorded" in was.values else {})
            for was, row in zip(before.rows, after.rows, strict=True)
            if row.confidence != "unclear"
        ]
        assert any("it has more than 20 parties: Agreement forum (192)" in note for note in after.notes)


def test_unconfirmed_agreements_are_left_out_if_wanted() -> None:
    signed = agreement("signed", "ab", confirmed_by=["a", "b"], with_account=["a", "b"])
    unsigned, unseen = (
        agreement("unsigned", "cd", confirmed_by=["c"], with_account=["c", "d"]),
        agreement("unseen", "ef", whole=False),
    )
    assert set(findings(isolates(signed, unsigned, unseen)).values()) == {"one-tie"}
    report = isolates(signed, unsigned, unseen, confirmed_only=1)
    assert findings(report) == {
        "A": "one-tie", "B": "one-tie", "C": "left-out", "D": "left-out", "E": "one-tie", "F": "one-tie",
    }  # fmt: skip
    assert any("because it is not known to be confirmed: Agreement unsigned (2)." in note for note in report.notes)


def test_the_agreements_that_change_most_findings_are_named() -> None:
    chain = [agreement("ab", "ab"), agreement("cde", "cde"), agreement("cd", "cd"), agreement("ce", "ce")]
    report = isolates(*chain)
    assert "Ties that rest on one agreement alone: 2 of 4." in report.notes
    assert report.notes[-1] == (
        "The 2 agreements on which the most ties rest were left out, one at a time: without “Agreement ab”, findings "
        "gone: 2, new findings: 0; without “Agreement cde”, findings gone: 0, new findings: 2."
    )
    assert "The agreement on which the most ties rest was left out: " in isolates(*chain, leave_out=1).notes[-1]
    assert isolates(*chain, leave_out=0).notes[-1] == "Ties that rest on one agreement alone: 2 of 4."
    with use_language("id"):
        assert "tanpa “Agreement ab”, temuan hilang: 2, temuan baru: 0" in isolates(*chain).notes[-1]


@pytest.mark.parametrize("name", ["gaps", "sector-gaps", "cut-points", "missing-ties", "overlaps", "matches"])
def test_every_report_about_ties_says_how_many_rest_on_one_agreement(name: str) -> None:
    report = run_on_snapshot(depok(), name, AS_OF, {"leave_out": 0})
    assert "Ties that rest on one agreement alone: 335 of 363." in report.notes


def test_reports_without_ties_have_no_parameters_of_ties() -> None:
    without = {
        one.name for one in DEFINITIONS.values() if "largest_agreement" not in [p.name for p in one.all_parameters]
    }
    assert without == {"coverage", "reuse", "levels", "channels", "feedback", "changes"}
