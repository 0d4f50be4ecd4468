"""The reports about the network of ties find what the sample has on purpose, and tell what is known from what is not."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from registry.analysis.network import measures
from registry.analysis.report import Report
from registry.analysis.snapshot import (
    AgencyRow,
    PartnershipRow,
    ResourceRow,
    ServiceRow,
    Snapshot,
    SnapshotArrays,
    TermRow,
)
from registry.evaluation.calibration import network
from registry.reports.catalogue import report_on, run_on_snapshot
from registry.reports.render import as_text
from tests.support.sample import AS_OF, depok, sample_report

SECTORS = [TermRow("health", "Health"), TermRow("roads", "Roads")]


def asked(name: str, **parameters: object) -> Report:
    return sample_report(name, **parameters)


def by_finding(report: Report) -> dict[object, list[str]]:
    """Return the first record that each row rests on, by finding, without the prefix of the sample."""
    found: dict[object, list[str]] = {}
    for row in report.rows:
        found.setdefault(row["finding"], []).append(row.evidence[0].id.removeprefix("depok:"))
    return found


def agreement(name: str, parties: str, begins: str = "2020-01-01", ends: str | None = None) -> PartnershipRow:
    return PartnershipRow(name, name, True, "mou", begins, ends, "A rule", list(parties), ["x"])


def world(*agreements: PartnershipRow, sectors: str = "hhrr") -> Snapshot:
    named = {"h": ["health"], "r": ["roads"], "-": []}
    agencies = [AgencyRow(one, one.upper(), True, named[sector]) for one, sector in zip("abcd", sectors, strict=True)]
    return Snapshot(agencies, partnerships=agreements, sectors=SECTORS)


def test_the_cut_points_of_the_sample_are_the_planted_ones() -> None:
    report = asked("cut-points")
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
    found = [asked("cut-points", least_support=share).found for share in (0.5, 0.7, 0.8, 1)]
    assert found == sorted(found, reverse=True) and found[0] > found[1] > found[3]


def test_the_isolates_of_the_sample_are_the_planted_ones() -> None:
    report = asked("isolates")
    found = by_finding(report)
    assert set(found["lapsed"]) == {"kom-yatim", "kpp-depok", "pkm-03", "rs-harapan", "setwan-kota"}
    assert set(found["own-sector"]) == {
        "bag-kerjasama", "biz-apotek", "biz-bank", "biz-digital", "biz-koppas", "kec-01", "kec-02", "kec-05",
        "kom-sejarah", "kom-sepakbola", "kpu-depok", "media-foto", "tagana-kota",
    }  # fmt: skip
    assert set(found["one-tie"]) == {"pkm-08", "pkm-10", "uptd-tpa"}
    assert len(found["never"]) == report.unknown == 71
    assert {"dprd-kota", "kom-jenazah", "pemkot-depok", "pkm-07", "pn-depok"} <= set(found["never"])


def test_who_has_no_link_is_told_apart_by_what_is_on_record() -> None:
    lists = world(
        agreement("old", "ab", ends="2024-01-01"),
        agreement("older", "ab", ends="2023-01-01"),
        agreement("next", "bc", begins="2027-01-01"),
        agreement("lonely", "d"),
    )
    rows = {
        row["agency"]: (row["finding"], row["agreement"], row["day"])
        for row in run_on_snapshot(lists, "isolates", AS_OF).rows
    }
    assert rows == {
        "A": ("lapsed", "old", "2024-01-01"),
        "B": ("ahead", "next", "2027-01-01"),
        "C": ("ahead", "next", "2027-01-01"),
        "D": ("no-partner", None, None),
    }


def test_an_agency_with_only_an_undatable_agreement_has_no_partner() -> None:
    unusable = agreement("reversed", "ab", begins="2025-01-01", ends="2024-01-01")
    rows = run_on_snapshot(world(unusable), "isolates", AS_OF).rows
    assert {row["agency"]: row["finding"] for row in rows} == {
        "A": "no-partner", "B": "no-partner", "C": "never", "D": "never",
    }  # fmt: skip
    renewed = agreement("old", "ab", ends="2024-01-01"), agreement("new", "cd")._replace(renews=["old"])
    found = {row["agency"]: row["finding"] for row in run_on_snapshot(world(*renewed), "isolates", AS_OF).rows}
    assert found["A"] == found["B"] == "no-partner", "the agreement goes on, among others"


def test_ties_without_a_sector_or_of_the_only_sector_are_not_inward() -> None:
    ties = agreement("one", "ab"), agreement("two", "bc"), agreement("three", "ca")
    assert by_finding(run_on_snapshot(world(*ties, sectors="h-hr"), "isolates", AS_OF)) == {"never": ["d"]}
    assert by_finding(run_on_snapshot(world(*ties, sectors="hhhh"), "isolates", AS_OF)) == {"never": ["d"]}
    assert by_finding(run_on_snapshot(world(*ties, sectors="hhhr"), "isolates", AS_OF))["own-sector"] == ["a", "b", "c"]


def test_an_agreement_whose_dates_are_withheld_is_a_tie_that_may_be() -> None:
    hidden = agreement("hidden", "ab")._replace(whole=False, valid_from=None)
    report = run_on_snapshot(world(hidden, sectors="hrrr"), "isolates", AS_OF)
    assert by_finding(report) == {"one-tie": ["a", "b"], "never": ["c", "d"]}
    assert any("dates you may not see" in note for note in report.notes)


def test_the_network_of_the_sample_is_more_clustered_than_chance() -> None:
    rows = {str(row["measure"]): row for row in asked("network").rows}
    assert (rows["with-ties"]["value"], rows["ties"]["value"], rows["components"]["value"]) == (116, 363, 2)
    assert {name for name, row in rows.items() if row.confidence == "likely"} == {
        "transitivity",
        "clustering",
        "modularity",
        "ei-index",
    }
    assert rows["ei-index"]["value"] < rows["ei-index"]["expected"], "agencies make agreements within their sectors"


@pytest.mark.parametrize("sectors", ["hhrr", "hhhh", "h--r", "----"])
def test_measures_without_a_comparison_are_those_of_the_report(sectors: str) -> None:
    lists = world(agreement("one", "ab"), agreement("two", "bc"), agreement("three", "ac"), sectors=sectors)
    rows = {row["measure"]: row["value"] for row in run_on_snapshot(lists, "network", AS_OF).rows}
    assert rows == measures(SnapshotArrays.of(lists, AS_OF))
    assert ("ei-index" in rows) is (sectors == "hhrr"), "it needs a tie between agencies of two known sectors"


def test_the_island_of_the_sample_is_a_community_of_its_own() -> None:
    report = asked("communities")
    groups = {frozenset(one.id.removeprefix("depok:") for one in row.evidence): row for row in report.rows}
    for island in ({"kec-04", "pkm-04", "pkm-09"}, {"pkm-11", "kel-11.1003", "kel-11.1005", "kel-11.1006"}):
        row = groups[frozenset(island)]
        assert (row["stability"], row["unclear"], row.confidence) == (100, (), "likely")
    assert report.found + report.unknown == len(groups) == report.of and sum(map(len, groups)) == 116
    stable = [row for row in report.rows if row["stability"] >= 80]  # type: ignore[operator]
    assert report.found == len(stable) == sum(row.confidence == "likely" for row in report.rows)


def test_groups_in_ties_drawn_at_random_are_called_chance() -> None:
    drawn = network(np.random.default_rng(5), 120, degree=4)
    report = run_on_snapshot(drawn, "communities", AS_OF)
    assert report.found == 0 and report.rows and {row.confidence for row in report.rows} == {"within-chance"}
    whole = run_on_snapshot(drawn, "network", AS_OF)
    assert whole.found == 0


def test_the_brokers_of_the_sample_are_the_planted_ones() -> None:
    report = asked("brokers")
    first = [row.evidence[0].id.removeprefix("depok:") for row in report.rows[:5]]
    assert first == ["dinkes-kota", "diskominfo", "dlhk-kota", "disdukcapil", "disporyata"]
    robust = {row.evidence[0].id.removeprefix("depok:") for row in report.rows if row.confidence == "likely"}
    assert robust == {"dinkes-kota", "diskominfo", "disdukcapil"}
    assert report.found + report.unknown == len(report.rows) == 12 == -(-report.of // 10)
    assert len(asked("brokers", most=3).rows) == 3 and asked("brokers", most=3).found == report.found


def test_a_table_of_many_columns_loses_none_and_parts_no_word() -> None:
    text = as_text(asked("brokers"))
    assert {"Agency", "Kependudukan", "Coordinator", "Efficiency", "0.888"} <= set(text.split())


def test_a_broker_between_two_sectors_is_told_by_its_pairs() -> None:
    ties = agreement("one", "ab"), agreement("two", "bc"), agreement("three", "bd")
    (row,) = run_on_snapshot(world(*ties), "brokers", AS_OF).rows
    assert row["agency"] == "B"
    assert [row[role] for role in ("coordinator", "consultant", "gatekeeper", "liaison")] == [0, 1, 2, 0]
    assert (row["betweenness"], row["efficiency"]) == (100, 1)
    (row,) = run_on_snapshot(world(*ties, sectors="h-hr"), "brokers", AS_OF).rows
    assert row["role"] is None and row["liaison"] is None, "its own sector is not on record"


def test_roles_of_brokers_are_not_named_if_sectors_are_dealt_at_random() -> None:
    arrays, random = SnapshotArrays.of(depok(), AS_OF), np.random.default_rng(20261129)
    print("seed", 20261129)
    named = 0
    for _round in range(3):
        dealt = replace(arrays, sector=random.permutation(arrays.sector))
        named += sum(row["role"] is not None for row in report_on(dealt, "brokers").rows)
    assert named <= 1 < sum(row["role"] is not None for row in asked("brokers").rows)


PLANTED = {
    ("disnaker-kota", "dinsos-kota"), ("dkp3-kota", "dinsos-kota"), ("uptd-psc119", "dishub-kota"),
    ("disdik-kota", "perumda-trans"), ("disrumkim", "bpn-depok"), ("perumda-trans", "dishub-kota"),
    ("dinkes-kota", "dpmptsp"), ("dlhk-kota", "dpmptsp"), ("kpp-depok", "disdukcapil"),
}  # fmt: skip


def test_the_missing_ties_of_the_sample_are_planted_ones_and_overlaps() -> None:
    report = asked("missing-ties")
    pairs = [tuple(one.id.removeprefix("depok:") for one in row.evidence[:2]) for row in report.rows]
    depending = {pair for pair, row in zip(pairs, report.rows, strict=True) if row["depends"]}
    assert depending == PLANTED
    judged = [row for row in asked("overlaps").rows if row["p"] is not None]
    same = {frozenset(one.id for one in row.evidence[:2]) for row in judged}
    assert {frozenset(f"depok:{one}" for one in pair) for pair in set(pairs) - PLANTED} == same
    assert {row["reasons"] for row in report.rows} == {
        ("depends", "people", "area"), ("depends", "area"), ("overlap", "people", "area"),
    }  # fmt: skip
    assert pairs[0] == ("perumda-trans", "dishub-kota"), "two of its services need the same"


def needing(*holders: str, units: dict[str, str] | None = None) -> Snapshot:
    """Return agencies in one area, of which a leads a service that needs what these hold; b and c are tied."""
    above = units or {}
    agencies = [AgencyRow(one, one.upper(), True, ["health"], ["town"], list(above.get(one, ""))) for one in "abcd"]
    services = [ServiceRow("care", "Care", True, ["a", "d"], [], ["beds"], [], [], ["a"])]
    beds = ResourceRow("beds", "Beds", True, list(holders))
    ties = [agreement("tie", "bd")]
    return Snapshot(agencies, services, [beds], partnerships=ties, sectors=SECTORS, areas=[TermRow("town", "Town")])


def test_a_need_of_a_partner_or_a_parent_is_no_missing_tie() -> None:
    def missing(lists: Snapshot) -> list[tuple[object, object]]:
        return [(row["agency_a"], row["agency_b"]) for row in run_on_snapshot(lists, "missing-ties", AS_OF).rows]

    assert missing(needing("c")) == [("A", "C")]
    assert missing(needing("b")) == [("A", "B")], "that who helps to provide it is tied does not help who leads it"
    assert not missing(needing("a", "c"))
    assert not missing(needing("c", units={"a": "c"}))
    tied = needing("b", "c")._replace(partnerships=[agreement("tie", "ac")])
    assert not missing(tied), "one of those that have it is enough"


def test_the_gap_report_holds_missing_ties_cut_points_and_isolates() -> None:
    report = asked("gaps")
    abouts = [str(row["finding"]) for row in report.rows]
    counted = {about: abouts.count(about) for about in ("missing", "cut-point", "own-sector", "one-tie", "overlap")}
    assert counted == {"missing": 9, "cut-point": 1, "own-sector": 13, "one-tie": 3, "overlap": 3}
    first = {about: report.rows[abouts.index(about)] for about in counted}
    assert "Data trayek" in str(first["missing"]["subject"])
    assert str(first["cut-point"]["measure"]).startswith(
        "4 agencies would be cut off; still a single point of failure in 100"
    )
    assert all(row["next_step"] and row.evidence for row in report.rows)
    assert set(abouts[-2:]) == {"coverage"}, "what is not recorded comes last"


def test_the_mean_distance_is_that_of_networkx() -> None:
    graph = nx.Graph(SnapshotArrays.of(depok(), AS_OF).ties.tolist())
    lengths = [
        length for _one, found in nx.all_pairs_shortest_path_length(graph) for length in found.values() if length
    ]
    (row,) = (row for row in sample_report("network").rows if row["measure"] == "distance")
    assert row["value"] == pytest.approx(sum(lengths) / len(lengths))
