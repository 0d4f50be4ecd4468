"""The report `reuse` scores as its formula says, leaves out what agencies have, and is judged by dates on real data."""

import json
from collections.abc import Sequence
from datetime import date
from itertools import product
from math import sqrt
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.run import run
from loaders.source import find_source
from registry.analysis.reuse import REUSE, History, Votes
from registry.analysis.snapshot import AgencyRow, ResourceRow, Snapshot, make_snapshot
from registry.cli.evaluate import verdict
from registry.config import Settings
from registry.database.driver import ConnectionSettings, Cypher, Store
from registry.database.extract import read_lists
from registry.database.migrate import apply
from registry.evaluation.backtests import BACKTEST, Backtest, average_precision, backtest_reuse
from registry.model.definitions import MODEL
from registry.permissions import ADMIN
from registry.reports.catalogue import run_on_snapshot
from tests.support.cli import command, finished, speaking_to
from tests.support.requirements import shared
from tests.support.sample import depok, sample_report

AS_OF = "2026-11-25"
DAY = st.one_of(st.none(), st.dates(date(2021, 1, 1), date(2026, 11, 24)).map(str))
Uses = dict[tuple[int, int], str | None]


def registry(agencies: int, resources: int, uses: Uses, parents: Sequence[int]) -> Snapshot:
    """Return agencies, each part of a body by its number, and resources with these uses."""
    bodies = [AgencyRow(f"body:{one}", "Body") for one in sorted(set(parents))]
    return Snapshot(
        agencies=[*(AgencyRow(f"a{n}", f"A{n}", part_of=[f"body:{parents[n]}"]) for n in range(agencies)), *bodies],
        resources=[
            ResourceRow(
                f"r{m}", f"R{m}", uses=[[f"a{n}", day, None, "reuse"] for (n, r), day in sorted(uses.items()) if r == m]
            )
            for m in range(resources)
        ],
    )


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 7), st.integers(1, 6))
def test_the_score_is_that_of_the_formula(data: st.DataObject, agencies: int, resources: int) -> None:
    cells = st.tuples(st.integers(0, agencies - 1), st.integers(0, resources - 1))
    uses = data.draw(st.dictionaries(cells, DAY, max_size=25))
    parents = data.draw(st.lists(st.integers(0, 2), min_size=agencies, max_size=agencies))
    age = {cell: 4.0 if day is None else _age(day) for cell, day in uses.items()}
    has = [{r for n, r in uses if n == one} for one in range(agencies)]
    history = History.of(registry(agencies, resources, uses, parents), AS_OF)
    score = Votes.of(history, np.arange(agencies)).score
    for a, r in product(range(agencies), range(resources)):
        own = sqrt(0.05 + sum(2 ** -age[a, one] for one in has[a]))
        others = [
            2 ** (-age[b, r] / 2) * (1 + 2 * _jaccard(has[a], has[b]) + (parents[a] == parents[b]))
            for b in range(agencies)
            if r in has[b]
        ]
        assert score[a, r] == pytest.approx(own * sum(others), abs=1e-12)


def _age(day: str) -> float:
    return (date.fromisoformat(AS_OF) - date.fromisoformat(day)).days / 365.25


def _jaccard(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other) if one | other else 0


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(1, 20), st.floats(0.05, 0.6), st.integers(0, 2**32 - 1))
def test_likeness_is_the_jaccard_index_of_networkx(agencies: int, resources: int, share: float, seed: int) -> None:
    cells = np.argwhere(np.random.default_rng(seed).random((agencies, resources)) < share).tolist()
    uses: Uses = dict.fromkeys(map(tuple, cells), "2025-01-01")
    history = History.of(registry(agencies, resources, uses, [0] * agencies), AS_OF)
    graph = nx.Graph()
    graph.add_nodes_from(range(agencies))
    graph.add_edges_from((n, f"r{m}") for n, m in cells)
    projected = nx.bipartite.overlap_weighted_projected_graph(graph, range(agencies))
    expected = nx.to_numpy_array(projected, nodelist=range(agencies))
    likeness = history.similarity(np.arange(agencies)).toarray()[:, :agencies]
    np.fill_diagonal(likeness, 0)
    assert np.allclose(likeness, expected, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1, max_size=30))
def test_average_precision_takes_what_ties_as_one_block(ranked: list[tuple[bool, int]]) -> None:
    if not any(hit for hit, _score in ranked):
        return
    hits = sum(hit for hit, _score in ranked)
    told = 0.0
    for least in sorted({score for _hit, score in ranked}):
        block = sum(hit for hit, score in ranked if score == least)
        above = [hit for hit, score in ranked if score >= least]
        told += block / hits * sum(above) / len(above)
    hit, score = zip(*ranked, strict=True)
    assert average_precision(np.array(hit), np.array(score, np.float64)) == pytest.approx(told)


def test_suggestions_leave_out_own_resources_and_give_reasons() -> None:
    report = sample_report("reuse", agencies=200)
    has = {(user, one.id) for one in depok().resources for user in (*one.owners, *(use[0] for use in one.uses))}
    for row in report.rows:
        resource, agency, *users = (one.id for one in row.evidence)
        assert (agency, resource) not in has
        assert 1 <= len(users) == len(row["reasons"]) <= 3  # type: ignore[arg-type]
        assert all((user, resource) in has for user in users)
        parts = [row[name] for name in ("from_all", "from_similarity", "from_same_parent")]
        assert sum(parts) == pytest.approx(100)  # type: ignore[arg-type]
    assert [row["rank"] for row in report.rows] == list(range(1, len(report.rows) + 1))


def test_only_what_few_use_is_suggested_on_request() -> None:
    report = sample_report("reuse", most_users=3)
    assert report.rows
    assert all(1 <= int(str(row["users"])) <= 3 for row in report.rows)


def test_what_speaks_against_a_suggestion_is_said() -> None:
    tired = ResourceRow("r", "R", True, ["o"], [["b", "2024-01-01", "2025-01-01", "reuse"]], shareability="not-shared")
    other = ResourceRow("s", "S", True, [], [["a", "2026-01-01", None, "reuse"]])
    report = run_on_snapshot(Snapshot([AgencyRow(one, one) for one in "abo"], resources=[tired, other]), "reuse", AS_OF)
    against = {(row["agency"], row["resource"]): row["cautions"] for row in report.rows}
    assert against["a", "R"] == ("1 of 1 use has ended", "not shared")
    assert against["b", "S"] == ("no recorded owner",)


@pytest.fixture(scope="module")
def fedramp(embedded_place: ConnectionSettings) -> Snapshot:
    """The agencies of the United States and the cloud services that they use, as they were loaded."""
    folder = shared("us-fedramp-reuse")
    with Store(embedded_place) as store:
        store.write(Cypher("MATCH (n) DETACH DELETE n"))
        apply(store, MODEL)
        assert run(store, find_source("us-fedramp", Settings()), from_path=folder).refused is None
        answer, _unchanged = read_lists(store, REUSE.reads, ADMIN)
    return make_snapshot(REUSE.reads, answer)


@pytest.fixture(scope="module")
def judged(fedramp: Snapshot) -> Backtest:
    judged = backtest_reuse(fedramp, AS_OF)
    assert judged is not None
    return judged


def test_five_years_of_real_uses_are_told_as_well_as_they_can_be(judged: Backtest) -> None:
    assert [one.cut for one in judged.cuts] == [f"{year}-01-01" for year in range(2020, 2025)]
    assert [one.short for one in judged.cuts] == [False, False, False, False, True]
    assert [one.hits for one in judged.cuts] == [83, 141, 315, 505, 461]
    assert [round(one.report, 3) for one in judged.cuts] == [0.048, 0.047, 0.056, 0.090, 0.082]
    assert [round(one.popularity, 3) for one in judged.cuts] == [0.016, 0.027, 0.036, 0.048, 0.034]
    assert judged.means["report"] >= 0.064
    assert min(one.report_to_popularity for one in judged.cuts) >= 1.5
    assert judged.means["report_to_popularity"] >= 2.1


def test_the_back_test_says_that_the_best_trivial_ranking_is_not_beaten(judged: Backtest) -> None:
    assert judged.best_trivial == "recent_activity_recent_popularity"
    assert min(one.report_to_best_trivial for one in judged.cuts) >= 0.97
    assert verdict(judged) == "The report does not clearly beat the best simple baseline (ratio 1.01)."


def test_the_bands_that_the_report_prints_are_those_of_the_back_test(judged: Backtest, fedramp: Snapshot) -> None:
    tops = [one.precision_top_1 for one in judged.cuts]
    assert [round(1 / one) for one in (judged.means["precision_top_1"], min(tops), max(tops))] == [9, 18, 7]
    assert round(1 / judged.means["base_rate"]) == 126
    assert "1 in 9" in " ".join(run_on_snapshot(fedramp, "reuse", "2024-09-10").notes)


def test_most_of_the_first_ten_findings_of_a_year_came_true_for_somebody(fedramp: Snapshot) -> None:
    kept = []
    for year in range(2020, 2025):
        cut, end = f"{year}-01-01", f"{year + 1}-01-01"
        known = _before(fedramp, cut)
        began = {
            (one.id, user)
            for one in fedramp.resources
            for user, since, *_rest in one.uses
            if cut <= (since or "") < end
        }
        suggested = [(row.evidence[0].id, row.evidence[1].id) for row in run_on_snapshot(known, "reuse", cut).rows]
        meetings = [
            row.evidence[0].id for row in run_on_snapshot(known, "gaps", cut).rows if row["finding"] == "wanted"
        ][:10]
        kept.append(sum(bool(began & {pair for pair in suggested if pair[0] == one}) for one in meetings))
    assert min(kept) >= 6 and sum(kept) >= 39


def _before(lists: Snapshot, cut: str) -> Snapshot:
    """Return what was known before a day."""
    resources = [one._replace(uses=[use for use in one.uses if use[1] and use[1] < cut]) for one in lists.resources]
    return lists._replace(resources=resources)


def test_the_gap_report_says_first_that_uses_were_recorded_long_ago(fedramp: Snapshot) -> None:
    notes = run_on_snapshot(fedramp, "gaps", AS_OF).notes
    assert "Choose an earlier day." in notes[1] and notes == tuple(dict.fromkeys(notes))


def test_the_back_test_is_a_command_whose_json_has_the_names_of_its_table(
    judged: Backtest, embedded_place: ConnectionSettings, tmp_path: Path
) -> None:
    asked = command("backtest", "reuse", "--json", data=tmp_path, **speaking_to(embedded_place))
    code, out, err = finished(asked)
    assert code == 0, err
    told = json.loads(out)
    assert told["cuts"] == [one._asdict() for one in judged.cuts]
    assert (told["mean"], told["verdict"]) == (judged.means, verdict(judged))


def test_likely_partners_are_back_tested_by_command(embedded_place: ConnectionSettings, tmp_path: Path) -> None:
    asked = command("backtest", "likely-partners", "--json", data=tmp_path, **speaking_to(embedded_place))
    code, out, err = finished(asked)
    assert code == 0, err
    assert json.loads(out)["name"] == BACKTEST.name


def test_without_dates_there_is_nothing_to_test_by() -> None:
    undated = ResourceRow("r", "R", uses=[["a", None, None, "reuse"]])
    assert backtest_reuse(Snapshot([AgencyRow("a", "A")], resources=[undated]), AS_OF) is None


def test_the_bands_are_the_first_hundredth_and_tenth_of_all_pairs() -> None:
    report = sample_report("reuse", agencies=200, each=50)
    bands = [row["band"] for row in report.rows if row["band"]]
    judged = report.of - report.unknown
    assert bands.count("top-1") == pytest.approx(judged / 100, rel=0.1)
    assert bands.count("top-1") + bands.count("top-10") == pytest.approx(judged / 10, rel=0.1)
    assert bands == sorted(bands, key=["top-1", "top-10", "rest"].index)
    assert {row["band"]: row.confidence for row in report.rows} == {
        "top-1": "likely", "top-10": "likely", "rest": "unclear", None: "unclear",
    }  # fmt: skip


def test_what_is_as_good_as_the_best_is_in_the_first_band() -> None:
    both = ResourceRow("r", "R", True, [], [["a", "2025-01-01", None], ["b", "2025-01-01", None]])
    one = ResourceRow("s", "S", True, [], [["b", "2025-01-01", None]])
    report = run_on_snapshot(Snapshot([AgencyRow(name, name) for name in "abc"], resources=[both, one]), "reuse", AS_OF)
    assert {(row["agency"], row["resource"]): row["band"] for row in report.rows} == {
        ("a", "S"): "top-1", ("c", "R"): None, ("c", "S"): None,
    }  # fmt: skip
    assert (report.of, report.unknown) == (3, 2), "of c nothing is on record"


@pytest.mark.parametrize(
    ("since", "recent", "recently_adopted"),
    [
        (AS_OF, 0, 0),
        ("2026-11-24", 1, 1),
        ("2025-11-25", 1, 1),
        ("2025-11-24", 1, 0),
        ("2024-11-25", 1, 0),
        ("2024-11-24", 0, 0),
        (None, 0, 0),
    ],
)
def test_new_users_are_those_of_two_years(since: str | None, recent: int, recently_adopted: int) -> None:
    used = ResourceRow("r", "R", True, [], [["b", since, None]])
    own = ResourceRow("s", "S", True, [], [["a", since, None]])
    lists = Snapshot([AgencyRow(name, name) for name in "ab"], resources=[used, own])
    rows = {row["agency"]: row for row in run_on_snapshot(lists, "reuse", AS_OF).rows}
    if since != AS_OF:
        assert (rows["a"]["recent"], rows["a"]["recently_adopted"], rows["a"]["users"]) == (recent, recently_adopted, 1)
