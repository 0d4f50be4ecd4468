"""The reports about the network of ties find what the sample has on purpose, and tell what is known from what is not."""

from registry.analysis.lists import Agency, Lists, Partnership, Term
from registry.reports.catalogue import answer_from
from registry.reports.report import Report
from tests.depok import AS_OF, depok

SECTORS = [Term("health", "Health"), Term("roads", "Roads")]


def sample(name: str, **parameters: object) -> Report:
    return answer_from(depok(), name, AS_OF, parameters)


def by_finding(report: Report) -> dict[object, list[str]]:
    """Return the first record that each row rests on, by finding, without the prefix of the sample."""
    found: dict[object, list[str]] = {}
    for row in report.rows:
        found.setdefault(row["finding"], []).append(row.evidence[0].id.removeprefix("depok:"))
    return found


def agreement(name: str, parties: str, begins: str = "2020-01-01", ends: str | None = None) -> Partnership:
    return Partnership(name, name, True, "mou", begins, ends, "A rule", list(parties), ["x"])


def world(*agreements: Partnership, sectors: str = "hhrr") -> Lists:
    named = {"h": ["health"], "r": ["roads"], "-": []}
    agencies = [Agency(one, one.upper(), True, named[sector]) for one, sector in zip("abcd", sectors, strict=True)]
    return Lists(agencies, partnerships=agreements, sectors=SECTORS)


def test_the_cut_points_of_the_sample_are_the_planted_ones() -> None:
    report = sample("cut-points")
    cut_off = {
        row.evidence[0].id.removeprefix("depok:"): row["cut_off"] for row in report.rows if row["finding"] == "agency"
    }
    assert cut_off == {
        "disdukcapil": 4, "disporyata": 3, "pkm-11": 3, "diskumkm": 2, "kom-sejarah": 1,
        "dinkes-kota": 1, "smpn-contoh": 1, "kom-karangtaruna": 1, "dpupr-kota": 1,
    }  # fmt: skip
    assert [row["agencies"] for row in report.rows if row.confidence == "likely"] == [
        ("Dinas Kependudukan dan Pencatatan Sipil",)
    ]
    assert report.found + report.unknown == len(report.rows)


def test_what_is_firm_can_be_asked_more_strictly() -> None:
    assert sample("cut-points", firm=1).found == 0
    assert sample("cut-points", firm=0.5).found > 1


def test_the_isolates_of_the_sample_are_the_planted_ones() -> None:
    report = sample("isolates")
    found = by_finding(report)
    assert set(found["lapsed"]) == {"kom-yatim", "kpp-depok", "pkm-03", "rs-harapan", "setwan-kota"}
    assert set(found["own-sector"]) == {
        "bag-kerjasama", "biz-apotek", "biz-bank", "biz-digital", "biz-koppas", "kec-01", "kec-02", "kec-05",
        "kom-sejarah", "kom-sepakbola", "kpu-depok", "media-foto", "tagana-kota",
    }  # fmt: skip
    assert set(found["one-tie"]) == {"pkm-08", "pkm-10", "uptd-tpa"}
    assert len(found["never"]) == report.unknown == 71
    assert {"dprd-kota", "kom-jenazah", "pemkot-depok", "pkm-07", "pn-depok"} <= set(found["never"])


def test_who_has_no_tie_is_told_apart_by_what_is_on_record() -> None:
    lists = world(
        agreement("old", "ab", ends="2024-01-01"),
        agreement("older", "ab", ends="2023-01-01"),
        agreement("next", "bc", begins="2027-01-01"),
        agreement("lonely", "d"),
    )
    rows = {
        row["agency"]: (row["finding"], row["agreement"], row["day"])
        for row in answer_from(lists, "isolates", AS_OF).rows
    }
    assert rows == {
        "A": ("lapsed", "old", "2024-01-01"),
        "B": ("lapsed", "old", "2024-01-01"),
        "C": ("ahead", "next", "2027-01-01"),
        "D": ("no-partner", None, None),
    }


def test_ties_to_who_has_no_sector_or_of_the_only_sector_are_not_called_inward() -> None:
    ties = agreement("one", "ab"), agreement("two", "bc"), agreement("three", "ca")
    assert by_finding(answer_from(world(*ties, sectors="h-hr"), "isolates", AS_OF)) == {"never": ["d"]}
    assert by_finding(answer_from(world(*ties, sectors="hhhh"), "isolates", AS_OF)) == {"never": ["d"]}
    assert by_finding(answer_from(world(*ties, sectors="hhhr"), "isolates", AS_OF))["own-sector"] == ["a", "b", "c"]


def test_an_agreement_whose_dates_are_withheld_is_a_tie_that_may_be() -> None:
    hidden = agreement("hidden", "ab")._replace(whole=False, valid_from=None)
    report = answer_from(world(hidden, sectors="hrrr"), "isolates", AS_OF)
    assert by_finding(report) == {"one-tie": ["a", "b"], "never": ["c", "d"]}
    assert any("dates are withheld" in note for note in report.notes)
