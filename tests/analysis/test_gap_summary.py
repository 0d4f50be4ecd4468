"""The first page of the gap report: what was assessed, what is at stake, in which order, and who is responsible."""

from dataclasses import replace
from typing import Any

import pytest

from registry.analysis.gap_summary import ExecutiveSummary, Stakes, by_stake, executive_summary, most_at_stake
from registry.analysis.missing_ties import dependences
from registry.analysis.report import Evidence, Report, ReportRow
from registry.analysis.snapshot import (
    AgencyRow,
    NeedRow,
    PartnershipRow,
    ResourceRow,
    ServiceRow,
    Snapshot,
    SnapshotArrays,
    TermRow,
)
from registry.i18n import use_language
from registry.reports.catalogue import run_on_snapshot
from registry.reports.export import as_html
from registry.reports.render import as_text, withhold_small_counts
from tests.support.sample import AS_OF, depok, sample_report

OWN = {"depok:dinkes-kota"} | {one.id for one in depok().agencies if "depok:dinkes-kota" in one.part_of}
AGENCIES = [AgencyRow(one, one.upper()) for one in "abcde"]
USED = ResourceRow("x", "X", True, ["b"], [["a", "2026-01-01", None]])
ENDED = PartnershipRow(
    "p", "P", True, "mou", "2020-01-01", "2026-11-01", "A rule", ["a", "b"], ["x", "s1"], leads=["b"]
)
SERVICES = [
    ServiceRow("s1", "S1", True, ["c"], audiences=["young"]),
    ServiceRow("s2", "S2", True, ["a"], requires=["x"]),
    ServiceRow("s3", "S3", True, ["d", "e"], depends_on=["s2"], audiences=["old", "young"]),
    ServiceRow("s4", "S4", True, ["e"], requires=["x"]),
]


def asked(**records: Any) -> Report:
    return run_on_snapshot(Snapshot(**{"agencies": AGENCIES, **records}), "gaps", AS_OF)


def first_page(report: Report) -> ExecutiveSummary:
    page = executive_summary(report)
    assert page is not None
    return page


def found(report: Report, about: str) -> ReportRow:
    return next(row for row in report.rows if row["finding"] == about)


def finding(about: str = "expired", subject: str = "", **values: Any) -> ReportRow:
    """Return a finding on which two services of two agencies depend, for two groups of people."""
    basis = {"finding": about, "services": 2, "people": 2, "agencies": 2, "due": "2026-12-01"}
    return ReportRow({**basis, **values}, (Evidence(subject, subject, "Partnership"),) if subject else ())


@pytest.mark.parametrize(
    "first",
    [
        finding(services=3, people=0, agencies=1, due=None),
        finding(services=2, people=3, agencies=1, due=None),
        finding(services=2, people=2, agencies=3, due=None),
        finding(due="2026-11-30"),
    ],
    ids=["services", "people", "agencies", "date"],
)
def test_each_line_of_the_order_counts_before_the_next(first: ReportRow) -> None:
    likely = replace(finding(due="2020-01-01"), confidence="likely")
    unknown = finding(services=None, people=None, agencies=99)
    assert sorted([unknown, likely, finding(), first], key=by_stake) == [first, finding(), likely, unknown]


def test_the_page_lists_two_findings_of_a_type_and_one_of_a_subject() -> None:
    many = [finding("expired", f"e{n}") for n in range(4)]
    others = [finding("expiring", "e0"), finding("disputed", "d"), finding("gap"), finding("fits", "f")]
    assert most_at_stake([*many, *others]) == [*many[:2], others[1], others[2], others[3]]
    assert most_at_stake([*many, others[0]]) == [*many, others[0]], "the page is filled in the same order"


def test_services_depend_on_an_agreement_directly_or_through_others() -> None:
    report = asked(services=SERVICES, resources=[USED], partnerships=[ENDED])
    expired, uncovered = found(report, "expired"), found(report, "uncovered")
    assert expired["stake"] == "3 services of 4 agencies depend on it, for 2 groups of people"
    assert (expired["services"], expired["agencies"], expired["people"], expired["due"]) == (3, 4, 2, "2026-11-01")
    assert uncovered["stake"] == "2 services of 3 agencies depend on it, for 2 groups of people"
    assert (expired["responsible"], uncovered["responsible"]) == (("B",), ("B",))


def test_the_service_of_a_need_and_of_a_missing_agreement_is_at_stake() -> None:
    areas = [TermRow("area:1", "One")]
    spare = ResourceRow("r", "R", True, ["c"], kind="facility", areas=["area:1"], unit="seats", capacity=9, in_use=0)
    need = NeedRow("n", "N", True, ["a"], "facility", ["area:1"], [], "seats", 3, "2026-12-31", ["s2"])
    agencies = [one._replace(areas=["area:1"]) for one in AGENCIES]
    report = asked(agencies=agencies, areas=areas, services=SERVICES, resources=[USED, spare], needs=[need])
    missing, fits = found(report, "missing"), found(report, "fits")
    assert (missing["services"], missing["responsible"]) == (2, ("A",))
    assert (fits["services"], fits["responsible"], fits["due"]) == (2, ("C",), "2026-12-31")


def test_the_services_that_cross_a_cut_are_at_stake() -> None:
    arrays = SnapshotArrays.of(Snapshot(agencies=AGENCIES, services=SERVICES, resources=[USED]), AS_OF)
    cut_off = replace(finding("cut-point", who=("B",), agencies=1), concerns=("a", "b"))
    assert Stakes(arrays, dependences(arrays)).complete(cut_off)["services"] == 2, (
        "s2 of the agency that is cut off, and s3; not s4"
    )


def test_the_first_page_of_an_agency_has_only_what_concerns_it_and_says_so() -> None:
    page = first_page(sample_report("gaps", agency="depok:dinkes-kota"))
    whole = {row.key: row for row in sample_report("gaps").rows}
    assert page.findings and all(not OWN.isdisjoint(row.concerns or ()) for row in page.findings)
    assert all(row["stake"] == whole[row.key]["stake"] for row in page.findings), (
        "services of all agencies are at stake"
    )
    assert "Dinas Kesehatan Kota Depok with its 15 units" in page.scope
    assert not first_page(sample_report("gaps")).scope
    parties = sum(not OWN.isdisjoint(one.parties) for one in depok().partnerships)
    assert page.assessed[0].text.startswith(f"Agreements checked: {parties}.")


def test_an_agency_without_records_is_not_told_that_there_are_none() -> None:
    report = asked(partnerships=[ENDED])
    alone = run_on_snapshot(Snapshot(agencies=AGENCIES, partnerships=[ENDED]), "gaps", AS_OF, {"agency": "e"})
    nothing = "No case that concerns E could be examined, so it is unknown whether there is anything to find."
    assert first_page(alone).assessed[0].text == f"Agreements checked: 0. {nothing}"
    assert first_page(report).assessed[0].text == "Agreements checked: 1."


def test_what_nothing_depends_on_says_so_and_who_is_unknown_is_not_guessed() -> None:
    report = asked(partnerships=[ENDED._replace(covers=["x"], leads=())])
    expired = found(report, "expired")
    assert expired["stake"] == "2 agencies concerned; no dependent service is recorded"
    assert (expired["services"], expired["agencies"], expired["responsible"]) == (0, 2, ())
    assert "Responsible: not recorded" in as_text(
        report
    ) and '<td class="texts column-responsible">not recorded' in as_html(report)


def test_a_restricted_reader_learns_what_could_not_be_assessed() -> None:
    hidden = ENDED._replace(id="h", whole=False, valid_from=None, valid_until=None, covers=[], parties=["c", "d"])
    closed = SERVICES[0]._replace(whole=False)
    report = asked(services=[closed], partnerships=[ENDED._replace(covers=["y"]), hidden])
    told = [one.text for one in first_page(report).assessed]
    assert (
        "Agreements checked: 2. 1 of them could not be judged, because you may not see their dates or what they cover."
        in told
    )
    nothing = "Needs could not be assessed, because no needs are recorded that you may see."
    assert (
        nothing in told and [one.check for one in first_page(report).assessed if not one.assessed].count("matches") == 1
    )
    assert found(report, "expired")["services"] is None, "a hidden service may depend on it"
    assert "you may not see whether services depend on it" in str(found(report, "expired")["stake"])
    for shown in (as_text(report), as_html(report)):
        assert nothing in " ".join(shown.split()) and "so more may be at stake." in " ".join(shown.split())
    small = first_page(withhold_small_counts(report, 5))
    assert any(one.text.startswith("Agreements checked: 2. <5 of them") for one in small.assessed)


def test_the_first_page_is_the_same_in_text_and_html_in_both_languages() -> None:
    for language, heading in (("en", "The findings with the most at stake"), ("id", "Temuan dengan dampak terbesar")):
        with use_language(language):
            report = sample_report("gaps")
            page = first_page(report)
            text, html = " ".join(as_text(report).split()), as_html(report)
        assert text.index(heading) < text.index(str(page.findings[0]["stake"])) and heading in html
        for one in page.assessed:
            assert one.text in text and one.text in html
        for row in page.findings:
            assert str(row["stake"]) in html.split("</table>")[0] and str(row["subject"]) in html.split("</table>")[0]
    assert [row["finding"] for row in page.findings] == ["fits", "fits", "cut-point", "missing", "expired"]
    assert page.findings == tuple(most_at_stake([row for row in report.rows if row["finding"] != "coverage"]))
    assert not any(one.text.startswith("38") for one in page.assessed)
