"""The reports find what the sample has on purpose and not its decoys; the statistics are held equal to networkx."""

import json
from collections import Counter
from datetime import date

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.access import ADMIN, ANONYMOUS
from registry.analysis.fixed_degrees import fixed_degrees
from registry.analysis.mixing import mixing
from registry.analysis.significance import false_discovery
from registry.reports.catalogue import QUESTIONS, answer_from, run_report
from registry.reports.render import as_csv, as_json, as_text, summary
from registry.reports.report import ReportError
from registry.store import Store
from registry.words import speaking
from tests.depok import depok

AS_OF = "2026-11-25"


@pytest.mark.parametrize("name", list(QUESTIONS))
@pytest.mark.parametrize("actor", [ADMIN, ANONYMOUS], ids=lambda actor: actor.name)
def test_a_report_on_an_empty_graph_has_nothing_to_tell(store: Store, name: str, actor: object) -> None:
    report = run_report(store, name, actor, AS_OF)  # type: ignore[arg-type]
    assert report.found == 0
    assert "nan" not in as_text(report).lower().split()
    assert json.loads(as_json(report))["found"] == 0
    assert as_csv(report).strip()


@pytest.mark.parametrize("day", ["1900-01-01", "2100-12-31"])
@pytest.mark.parametrize("name", list(QUESTIONS))
def test_a_report_of_another_century_is_no_crash(name: str, day: str) -> None:
    report = answer_from(depok(), name, day)
    assert 0 <= report.found <= report.of


def test_the_sector_gaps_of_the_sample_are_the_two_planted_ones() -> None:
    report = answer_from(depok(), "sector-gaps", AS_OF)
    gaps = {(row["sector_a"], row["sector_b"]) for row in report.rows if row["finding"] == "gap"}
    assert report.found == 2
    assert gaps == {
        ("Economy, labour and food", "Social affairs, family and religion"),
        ("Health", "Transport"),
    }
    assert report.unknown == 25


def test_the_overlaps_of_the_sample_are_the_three_planted_ones() -> None:
    report = answer_from(depok(), "overlaps", AS_OF)
    found = {frozenset(one.id for one in row.evidence if one.kind == "Agency") for row in report.rows}
    assert found == {
        frozenset({"depok:diskarpus", "depok:setwan-kota"}),
        frozenset({"depok:bpbd-kota", "depok:tagana-kota"}),
        frozenset({"depok:diskumkm", "depok:dp3ap2kb"}),
    }


def test_the_agreements_of_the_sample_are_told_apart() -> None:
    report = answer_from(depok(), "agreements", AS_OF)
    counted = Counter(row["finding"] for row in report.rows)
    assert counted == {"expired": 10, "uncovered": 8, "expiring": 6, "empty": 5, "no-basis": 2}


def test_bad_questions_are_one_sentence() -> None:
    for name, day, parameters in (
        ("sector-gap", AS_OF, {}),
        ("sector-gaps", "soon", {}),
        ("sector-gaps", AS_OF, {"level": 2}),
        ("sector-gaps", AS_OF, {"levle": 0.1}),
        ("coverage", AS_OF, {"level": "nan"}),
    ):
        with pytest.raises(ReportError) as refusal:
            answer_from(depok(), name, day, parameters)
        assert str(refusal.value).endswith((".", "?"))


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 12), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_mixing_equals_networkx_off_the_diagonal_and_counts_ties_twice_on_it(size: int, groups: int, seed: int) -> None:
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
def test_chance_is_what_networkx_gives_when_ties_are_swapped(size: int, share: float) -> None:
    graph = nx.gnp_random_graph(size, share, seed=3)
    graph.remove_nodes_from(list(nx.isolates(graph)))
    group = np.array([node % 3 for node in graph])
    places = {node: place for place, node in enumerate(graph)}
    seen = []
    for draw in range(250):
        nx.double_edge_swap(graph, 100, max_tries=10_000, seed=draw)
        seen.append(mixing(group, np.array([(places[a], places[b]) for a, b in graph.edges]), 3))
    drawn = np.array(seen)[:, *np.triu_indices(3, 1)]
    mean, variance = (
        one[np.triu_indices(3, 1)] for one in fixed_degrees(group, np.array([d for _n, d in graph.degree]), 3)
    )
    assert np.abs(mean - drawn.mean(axis=0)).max() < 0.3 * np.sqrt(variance).min()
    assert np.allclose(np.sqrt(variance), drawn.std(axis=0), rtol=0.25)


def test_a_verdict_is_as_sure_as_it_can_be() -> None:
    sure = {(row["finding"], row.confidence) for row in answer_from(depok(), "sector-gaps", AS_OF).rows}
    assert sure == {("gap", "likely"), ("no-gap", "within-chance"), ("too-few", "unclear")}


def test_numbers_are_written_as_the_language_writes_them() -> None:
    for language, shown in (
        ("en", ("62 of 8,564", "10.2 by chance")),
        ("id", ("62 dari 8.564", "10,2 bila kebetulan")),
    ):
        with speaking(language):
            report = answer_from(depok(), "gaps", AS_OF)
            assert shown[0] in summary(report)
            assert any(shown[1] in str(row["measure"]) for row in report.rows)


def test_false_discovery_is_that_of_benjamini_and_hochberg() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert np.allclose(false_discovery(p, len(p)), [0.02, 0.04, 0.04, 0.02])


def test_today_is_the_day_of_a_report_that_names_none(store: Store) -> None:
    assert run_report(store, "coverage", ADMIN).as_of == date.today().isoformat()  # noqa: DTZ011
