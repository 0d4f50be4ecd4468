"""The reports find what the sample has on purpose and not its decoys; the statistics are held equal to networkx."""

import json
from collections import Counter
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, nbinom, poisson

from registry.analysis.measures import mixing
from registry.analysis.report import ReportError
from registry.analysis.snapshot import AgencyRow, ResourceRow, Snapshot, TermRow
from registry.analysis.statistics import RandomAgreements, ScoredGroups, adjust_p_values, bicm, count_below
from registry.auth.credentials import issue, revoke
from registry.clock import today
from registry.database.driver import Cypher, Store
from registry.i18n import use_language
from registry.model.definitions import MODEL
from registry.model.records import make_relationship
from registry.permissions import ADMIN, ANONYMOUS, Role
from registry.reports.catalogue import DEFINITIONS, run_on_snapshot, run_report
from registry.reports.render import as_csv, as_json, as_text, summary
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.factories import record
from tests.support.oracle import World
from tests.support.random_world import write_world
from tests.support.sample import depok, sample_report
from tests.support.small_world import RECORDS, small_world

pytestmark = SLOW_ON_NEO4J

AS_OF = "2026-11-25"


@pytest.mark.parametrize("name", list(DEFINITIONS))
@pytest.mark.parametrize(
    "actor", [ADMIN, pytest.param(ANONYMOUS, marks=pytest.mark.slow)], ids=lambda actor: actor.name
)
def test_a_report_on_an_empty_graph_has_nothing_to_tell(store: Store, name: str, actor: object) -> None:
    report = run_report(store, name, actor, AS_OF)  # type: ignore[arg-type]
    assert report.found == 0
    assert "nan" not in as_text(report).lower().split()
    assert json.loads(as_json(report))["found"] == 0
    assert as_csv(report).strip()


def test_who_is_retired_is_in_no_report_nor_are_its_ties(store: Store) -> None:
    gone = record("Agency", "agency:gone", "Gone Office", kind="department", access="open", status="retired")
    world = World(MODEL, records=[*RECORDS, gone])
    pairs = [("partnership:vans", "agency:gone"), ("partnership:vans", "agency:health")]
    for agreement, agency in pairs:
        made, problems = make_relationship(MODEL["Partnership"].ends["parties"], agreement, agency, {})
        assert made, problems
        world.ties.append(made)
    write_world(store, world)
    for name in DEFINITIONS:
        told = "Gone Office" in as_json(run_report(store, name, ADMIN, AS_OF))
        assert told == (name in ("agreements", "gaps", "isolates")), name
    assert run_report(store, "network", ADMIN, AS_OF).rows == ()


def test_only_parties_with_an_account_need_to_confirm_an_agreement(store: Store) -> None:
    def standing(agency: str, said: str | None) -> None:
        text = "MATCH (:Agency {id: $in.id})-[e:PARTY_TO]->() SET e.standing = $in.said"
        store.write(Cypher(text, {"in": {"id": agency, "said": said}}))

    def note() -> str:
        (told,) = (one for one in run_report(store, "levels", ADMIN, AS_OF).notes if "an account" in one)
        return told.partition(". ")[2]

    world = small_world()
    write_world(store, world)
    confirmed = "Not known to be confirmed by every party with an account: 0. No party has an account: {}."
    waiting = "Not known to be confirmed by every party with an account: 1. No party has an account: 0."
    assert note() == confirmed.format(2), "nobody has an account"
    issue(store, "Reader", Role.ANALYST, ["agency:roads"], [])
    assert note() == confirmed.format(2), "an analyst cannot confirm"
    _secret, token = issue(store, "Parent", Role.COORDINATOR, ["agency:health"], [])
    assert note() == waiting.replace("account: 0", "account: 1"), "who acts for a body acts for its units"
    standing("agency:clinic", "confirmed")
    assert note() == confirmed.format(1), "the roads office has no account"
    issue(store, "Roads", Role.COORDINATOR, ["agency:roads"], [])
    assert note() == waiting.replace("account: 0", "account: 1")
    standing("agency:roads", "corrected")
    revoke(store, token.id)
    assert note() == waiting.replace("account: 0", "account: 1"), "who corrects an agreement has not confirmed it"
    standing("agency:roads", "disputed")
    store.write(Cypher("MATCH (a:Agency {id: 'agency:roads'}) SET a.status = 'retired'"))
    rows = run_report(store, "agreements", ADMIN, AS_OF).rows
    assert ("disputed", "Vans for the sick") in {(row["finding"], row["agreement"]) for row in rows}, "a dispute lasts"


@pytest.mark.parametrize("day", ["1900-01-01", "2100-12-31"])
@pytest.mark.parametrize("name", list(DEFINITIONS))
def test_a_report_of_another_century_is_no_crash(name: str, day: str) -> None:
    report = sample_report(name, day)
    assert 0 <= report.found <= report.of


def test_the_sector_gaps_of_the_sample_are_the_two_planted_ones() -> None:
    report = sample_report("sector-gaps")
    gaps = {(row["sector_a"], row["sector_b"]) for row in report.rows if row["finding"] == "gap"}
    assert report.found == 2
    assert gaps == {
        ("Economy, labour and food", "Social affairs, family and religion"),
        ("Health", "Transport"),
    }
    assert report.unknown == 22


def test_the_overlaps_of_the_sample_are_the_three_planted_ones() -> None:
    report = sample_report("overlaps")
    overlaps = [row for row in report.rows if row["finding"] == "overlap"]
    found = {frozenset(one.id for one in row.evidence if one.kind == "Agency") for row in overlaps}
    assert found == {
        frozenset({"depok:diskarpus", "depok:setwan-kota"}),
        frozenset({"depok:bpbd-kota", "depok:tagana-kota"}),
        frozenset({"depok:diskumkm", "depok:dp3ap2kb"}),
    }


def test_special_applications_of_the_sample_with_a_general_one_are_found() -> None:
    doubled = [row for row in sample_report("overlaps").rows if row["finding"] == "special-application"]
    assert [tuple(one.id for one in row.evidence if one.kind == "Resource") for row in doubled] == [
        ("depok:apl-perempuan", "depok:apl-umkm"),
        ("depok:apl-surat-dewan", "depok:apl-nadi"),
    ]
    assert {(row["special"], row["general"]) for row in doubled} >= {("Perempuan Berdaya", "Pasar UMKM Depok")}


@pytest.mark.parametrize(
    ("general", "found"),
    [
        ({}, True),
        ({"functions": ["a", "b", "c"]}, True),
        ({"functions": ["above", "b"]}, True),
        ({"functions": ["a"]}, False),
        ({"areas": ["other"]}, False),
        ({"areas": ["whole"]}, True),
        ({"shareability": "not-shared"}, False),
        ({"application_class": None}, False),
        ({"available_since": "2027-01-01"}, False),
    ],
)
def test_a_general_application_that_could_replace_a_special_is_found(general: dict[str, object], found: bool) -> None:
    special = ResourceRow("s", "S", True, ["one"], [], "application", None, "special", ["place"], ["a", "b"])
    other = special._replace(id="g", name="G", owners=["two"], application_class="general")._replace(**general)
    lists = Snapshot(
        [AgencyRow("one", "One"), AgencyRow("two", "Two")],
        resources=[special, other],
        areas=[TermRow("place", "Place", broader=["whole"]), TermRow("whole", "Whole")],
        functions=[TermRow("a", "A", broader=["above"]), TermRow("above", "Above")],
    )
    assert bool(run_on_snapshot(lists, "overlaps", AS_OF).found) is found


def test_the_agreements_of_the_sample_are_told_apart() -> None:
    report = sample_report("agreements")
    counted = Counter(row["finding"] for row in report.rows)
    assert counted == {"expired": 10, "uncovered": 8, "expiring": 6, "empty": 5, "no-basis": 2}


def test_the_gap_report_has_a_next_step_for_each_sort_of_finding() -> None:
    report = sample_report("gaps")
    sorts = [row["finding"] for row in report.rows if row["finding"] != "coverage"]
    assert {"uncovered", "gap", "fits", "apart", "below", "overlap", "special-application", "wanted"} <= set(sorts)
    assert all(row["next_step"] and row.evidence for row in report.rows)
    wanted = [row["subject"] for row in report.rows if row["finding"] == "wanted"]
    assert len(wanted) == len(set(wanted)), "a resource is one meeting, whoever wants it"


def test_the_gap_report_counts_findings_by_sort_and_by_part() -> None:
    report = sample_report("gaps")
    counted = Counter(row["finding"] for row in report.rows if row["finding"] != "coverage")
    assert list(report.counts_by_type.values())[:2] == [counted["uncovered"], counted["missing"]] == [8, 9]
    assert sum(report.counts_by_type.values()) == sum(counted.values()) == report.found
    told = as_text(report)
    assert f"Findings: {report.found}: used without an agreement (8); depends on another" in " ".join(told.split())
    assert "38," not in told.split("Next step")[0], "no sum over reports that look at different things"
    assert "• Agreements checked: 210.\n" in told and "checked for an agreement: 222.\n" in told
    parts = {one["name"]: one for one in json.loads(as_json(report))["parts"]}
    assert parts["sector-gaps"] == {
        "name": "sector-gaps",
        "title": "Sectors that rarely work together",
        "found": 2,
        "of": 55,
        "unknown": 22,
    }


def test_the_gap_report_begins_with_what_too_little_is_on_record_of() -> None:
    shares = [row["measure"] for row in sample_report("gaps").rows if row["finding"] == "coverage"]
    assert shares == ["not recorded for 56 of 192 (29%)", "not recorded for 71 of 192 (37%)"]


def test_what_nobody_began_to_use_of_late_is_not_wanted_next() -> None:
    later = sample_report("gaps", "2030-11-25")
    assert not [row for row in later.rows if row["finding"] == "wanted"]
    assert [note for note in later.notes if "more than two years before the day of the report" in note]
    now = sample_report("gaps")
    assert [row for row in now.rows if row["finding"] == "wanted"]
    assert not [note for note in now.notes if "Choose an earlier day." in note]


def test_bad_questions_are_one_sentence() -> None:
    for name, day, parameters in (
        ("sector-gap", AS_OF, {}),
        ("sector-gaps", "soon", {}),
        ("sector-gaps", AS_OF, {"level": 2}),
        ("sector-gaps", AS_OF, {"levle": 0.1}),
        ("coverage", AS_OF, {"level": "nan"}),
    ):
        with pytest.raises(ReportError) as refusal:
            run_on_snapshot(depok(), name, day, parameters)
        assert str(refusal.value).endswith((".", "?"))


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 12), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_mixing_equals_networkx_with_ties_twice_on_the_diagonal(size: int, groups: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    group = random.integers(0, groups, size)
    graph = nx.gnp_random_graph(size, 0.4, seed=seed)
    ties = np.array([(min(tie), max(tie)) for tie in graph.edges], np.int64).reshape(-1, 2)
    nx.set_node_attributes(graph, {node: int(group[node]) for node in graph}, "group")
    order = {number: number for number in range(groups)}
    expected = nx.attribute_mixing_matrix(graph, "group", mapping=order, normalized=False)
    seen = mixing(group, ties, groups)
    assert np.array_equal(seen, expected)
    assert seen.sum() == 2 * graph.number_of_edges()


@pytest.mark.parametrize(("size", "share"), [(24, 0.25), (18, 0.6)], ids=["sparse", "dense"])
def test_agreements_of_two_parties_are_drawn_as_networkx_swaps_ties(size: int, share: float) -> None:
    graph = nx.convert_node_labels_to_integers(nx.gnp_random_graph(size, share, seed=3))
    group, upper = np.arange(size) % 3, np.triu_indices(3, 1)
    walk, swapped = RandomAgreements(list(graph.edges), seed=1, chains=20), []
    for draw in range(250):
        nx.double_edge_swap(graph, 100, max_tries=10_000, seed=draw)
        swapped.append(mixing(group, np.array(graph.edges), 3)[upper])
    drawn = [mixing(group, ties, 3)[upper] for _batch in range(20) for ties in walk.draw()]
    assert np.abs(np.mean(drawn, axis=0) - np.mean(swapped, axis=0)).max() < 0.3 * np.std(drawn, axis=0).min()
    assert np.allclose(np.std(drawn, axis=0), np.std(swapped, axis=0), rtol=0.25)


@pytest.mark.parametrize(
    ("mean", "variance", "counts"),
    [(6.0, 4.5, binom(24, 0.25)), (6.0, 6.0, poisson(6)), (6.0, 9.0, nbinom(12, 2 / 3))],
    ids=["binomial", "Poisson", "negative binomial"],
)
def test_counts_have_the_counting_distribution_of_their_moments(mean: float, variance: float, counts: Any) -> None:
    seen = np.arange(30)
    found = count_below(seen, np.full(30, mean), np.full(30, variance))
    assert np.allclose(found, counts.cdf(seen)) and (counts.mean(), counts.var()) == pytest.approx((mean, variance))


def test_a_verdict_is_as_sure_as_it_can_be() -> None:
    sure = {(row["finding"], row.confidence) for row in sample_report("sector-gaps").rows}
    assert sure == {("gap", "likely"), ("no-gap", "within-chance"), ("too-few", "unclear")}


def test_numbers_are_written_as_the_language_writes_them() -> None:
    for language, shown in (
        ("en", ("5 of 7,340", "10.4 expected by chance")),
        ("id", ("5 dari 7.340", "secara acak diperkirakan 10,4")),
    ):
        with use_language(language):
            report = sample_report("gaps")
            assert shown[0] in summary(sample_report("overlaps"))
            assert any(shown[1] in str(row["measure"]) for row in report.rows)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_the_bipartite_model_keeps_every_sum(data: st.DataObject) -> None:
    seed, density = data.draw(st.integers(0, 2**32 - 1)), data.draw(st.floats(0, 1))
    random = np.random.default_rng(seed)
    cells = random.random((data.draw(st.integers(1, 25)), data.draw(st.integers(1, 30)))) < density
    sums, many = np.unique(cells.sum(axis=1), return_counts=True)
    p = bicm(sums, many, cells.sum(axis=0))
    assert p.shape == (len(sums), cells.shape[1]) and (p >= 0).all() and (p <= 1).all()
    assert np.allclose(p.sum(axis=1), sums, atol=1e-5) and np.allclose(many @ p, cells.sum(axis=0), atol=1e-5)


def test_false_discovery_is_that_of_benjamini_and_hochberg() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert np.allclose(adjust_p_values(p, len(p)), [0.02, 0.04, 0.04, 0.02])
    assert adjust_p_values(np.array([0.9, 0.2]), 10).tolist() == [1, 1], "a probability is at most 1"


def test_the_precision_of_tied_candidates_is_that_of_a_random_order() -> None:
    groups = ScoredGroups.of(np.array([1.0, 5.0, 1.0]), np.array([3, 2, 1]), np.array([1, 1, 1]))
    assert (groups.candidates.tolist(), groups.hits.tolist()) == ([2, 4], [1, 2])
    assert [groups.precision_at(count) for count in (0, 1, 2, 4, 6, 9)] == [0, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert (groups.base_rate, groups.average_precision) == (0.5, 0.5)
    better = ScoredGroups.of(np.array([1.0, 5.0]), np.array([4, 2]), np.array([0, 2]))
    assert [better.precision_at(count) for count in (2, 4)] == [1, 0.5] and better.average_precision == 1


def test_today_is_the_day_of_a_report_that_names_none(store: Store) -> None:
    assert run_report(store, "coverage", ADMIN).as_of == today()
