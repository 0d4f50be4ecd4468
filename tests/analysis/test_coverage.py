"""The share of records with a fact counts what is recorded, names what lacks it, and says what is withheld."""

from registry.analysis.report import Report
from registry.analysis.snapshot import AgencyRow, PartnershipRow, Snapshot
from registry.reports.catalogue import run_on_snapshot

AS_OF = "2026-11-25"


def counted(report: Report, kind: str, fact: str) -> tuple[object, ...]:
    (row,) = [row for row in report.rows if (row["kind"], row["fact"]) == (kind, fact)]
    return row["recorded"], row["of"], row["share"], row["withheld"], [one.id for one in row.evidence]


def test_an_agreement_lacks_a_party_until_two_are_recorded() -> None:
    agreements = [PartnershipRow(f"with {count}", "Agreement", parties=list("abc"[:count])) for count in range(4)]
    report = run_on_snapshot(Snapshot(partnerships=agreements), "coverage", AS_OF)
    assert counted(report, "Partnership", "parties") == (2, 4, 50, 0, ["with 0", "with 1"])


def test_facts_that_are_withheld_are_neither_recorded_nor_missing() -> None:
    agreements = [
        PartnershipRow("hidden", "Hidden", whole=False),
        PartnershipRow("informal", "Informal", instrument="informal", covers_hidden=True),
        PartnershipRow("full", "Full", instrument="mou", valid_from="2020-01-01", legal_basis="A rule", covers=["x"]),
        PartnershipRow("empty", "Empty", instrument="mou"),
    ]
    report = run_on_snapshot(Snapshot([AgencyRow("a", "A")], partnerships=agreements), "coverage", AS_OF)
    assert counted(report, "Partnership", "begins") == (1, 4, 100 / 3, 1, ["empty", "informal"])
    assert counted(report, "Partnership", "basis") == (1, 3, 50, 1, ["empty"])
    assert counted(report, "Partnership", "cover") == (1, 4, 50, 2, ["empty"])
    assert counted(report, "Service", "provider") == (0, 0, None, 0, [])
    assert report.unknown == 4


def test_at_most_twenty_records_without_the_fact_are_named() -> None:
    report = run_on_snapshot(Snapshot([AgencyRow(f"{n:02}", f"A{n:02}") for n in range(30)]), "coverage", AS_OF)
    assert counted(report, "Agency", "sector")[-1] == [f"{n:02}" for n in range(20)]
