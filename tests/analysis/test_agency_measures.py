"""The measures of agencies are those of networkx, and what is not defined or not known is empty."""

import time
from collections.abc import Sequence
from itertools import combinations

import networkx as nx
import numpy as np
import pytest

from registry.analysis import agency_measures
from registry.analysis.measures import ROLES, betweenness, sampled_betweenness
from registry.analysis.report import Report
from registry.analysis.snapshot import AgencyRow, PartnershipRow, Snapshot, TermRow, adjacency
from registry.reports.catalogue import run_on_snapshot
from tests.support.sample import AS_OF, sample_report

Parties = Sequence[Sequence[int]]


def measured(agreements: Parties, count: int, sectors: Sequence[int | None] = (), **parameters: object) -> Report:
    sectors = sectors or [None] * count
    agencies = [
        AgencyRow(f"a:{n}", f"Agency {n}", True, [] if sector is None else [f"s:{sector}"])
        for n, sector in enumerate(sectors)
    ]
    partnerships = [
        PartnershipRow(f"p:{n}", f"Agreement {n}", parties=[f"a:{one}" for one in parties])
        for n, parties in enumerate(agreements)
    ]
    terms = [TermRow(f"s:{one}", f"Sector {one}") for one in sorted({one for one in sectors if one is not None})]
    known = Snapshot(agencies, partnerships=partnerships, sectors=terms)
    return run_on_snapshot(known, "agency-measures", AS_OF, parameters)


def column(report: Report, name: str) -> dict[int, object]:
    """Return the cells of a column by the number of the agency."""
    return {int(row.evidence[0].id.removeprefix("a:")): row[name] for row in report.rows}


def graph_of(agreements: Parties, count: int) -> nx.Graph:
    """Return the network in which networkx weights ties as Newman (2001) does."""
    both: nx.Graph = nx.Graph()
    both.add_nodes_from(range(count))
    both.add_edges_from((f"agreement {n}", party) for n, parties in enumerate(agreements) for party in parties)
    return nx.bipartite.collaboration_weighted_projected_graph(both, range(count))


def roles_of(graph: nx.Graph, sector: Sequence[int]) -> dict[int, list[int]]:
    counts = {one: [0] * len(ROLES) for one in graph}
    for broker in graph:
        for a, b in combinations(graph[broker], 2):
            if not graph.has_edge(a, b):
                one, own, other = sector[a], sector[broker], sector[b]
                apart = [2, 3] if own in (one, other) else [4]
                for role in [0 if one == own else 1] if one == other else apart:
                    counts[broker][role] += 1
    return counts


def same(report: Report, name: str, values: dict[int, float]) -> None:
    assert column(report, name) == pytest.approx(values, abs=1e-9), name


def as_networkx(report: Report, agreements: Parties, count: int, sectors: Sequence[int]) -> None:
    graph = graph_of(agreements, count)
    connected = [one for one in graph if graph.degree[one]]
    same(report, "degree", dict(graph.degree))
    same(report, "strength", dict(graph.degree(weight="weight")))
    same(report, "betweenness", nx.betweenness_centrality(graph, normalized=False))
    close = nx.closeness_centrality(graph)
    holes = {name: getattr(nx, name)(graph.subgraph(connected)) for name in ("constraint", "effective_size")}
    for name, values in {"closeness": close, **holes}.items():
        same(report, name, {one: values[one] if one in connected else None for one in graph})
    same(report, "core", nx.core_number(nx.Graph(graph)))
    components = sorted(nx.connected_components(graph), key=len)
    if len(components) == 1 or len(components[-1]) > len(components[-2]):
        values = nx.eigenvector_centrality_numpy(graph.subgraph(components[-1]))
        same(report, "eigenvector", {one: values.get(one) for one in graph})
    counted = roles_of(graph, sectors)
    for place, role in enumerate(ROLES):
        same(report, role, {one: counts[place] for one, counts in counted.items()})
    assert {(tie.a, tie.b): tie.weight for tie in report.ties or ()} == pytest.approx(
        {(f"a:{min(a, b)}", f"a:{max(a, b)}"): weight for a, b, weight in graph.edges(data="weight")}
    )


@pytest.mark.parametrize("run", range(4))
def test_measures_of_random_agreements_are_those_of_networkx(run: int) -> None:
    seed = time.time_ns() % 2**32
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    count = int(random.integers(8, 40))
    agreements = [
        random.choice(count, int(random.integers(1, 6)), replace=False).tolist()
        for _ in range(int(random.integers(3, 40)))
    ]
    sectors = random.integers(0, 3, count).tolist()
    alone = [[one] for one in range(count)]  # without any agreement, an agency has no values
    report = measured([*agreements, *alone], count, sectors)
    as_networkx(report, agreements, count, sectors)
    known = [sum(one in parties for parties in agreements if len(parties) > 1) for one in range(count)]
    same(report, "strength", dict(enumerate(known)))


@pytest.mark.parametrize("dense", [200, 2])  # the same with all eigenvectors and with ARPACK
def test_measures_of_the_karate_club_are_those_of_networkx(monkeypatch: pytest.MonkeyPatch, dense: int) -> None:
    monkeypatch.setattr(agency_measures, "DENSE", dense)
    club = nx.karate_club_graph()
    sectors = [int(club.nodes[one]["club"] == "Officer") for one in club]
    agreements = [list(pair) for pair in club.edges]
    report = measured(agreements, len(club), sectors)
    as_networkx(report, agreements, len(club), sectors)
    assert column(report, "betweenness")[0] == pytest.approx(231.0714, abs=1e-4)  # as published for igraph
    assert column(report, "eigenvector")[33] == pytest.approx(0.373363, abs=1e-6)


def test_what_is_not_defined_is_empty() -> None:
    report = measured([(0, 1), (2, 3), (4,)], 6, [0, None, 0, 0, 0, None])
    assert column(report, "closeness")[4] is None and column(report, "constraint")[5] is None
    assert set(column(report, "eigenvector").values()) == {None}  # two components are the largest
    assert set(column(report, "betweenness_error").values()) == {None}
    assert column(report, "community")[4] is None and column(report, "degree")[4] == 0
    assert [one for one, cell in column(report, "liaison").items() if cell is None] == [1, 5]
    unclear = {row.evidence[0].id for row in report.rows if row.confidence == "unclear"}
    unknown = next(row for row in report.rows if row.confidence == "unclear")
    assert not any(cell for name, cell in unknown.values.items() if name != "agency")
    assert unknown["degree"] is unknown["core"] is unknown["betweenness"] is None
    assert unclear == {"a:5"} and (report.found, report.of, report.unknown) == (4, 6, 1)
    empty = measured([], 3)
    assert (empty.found, empty.of, empty.unknown, empty.ties) == (0, 3, 3, ())


def test_an_estimate_and_its_error_are_right_over_all_samples() -> None:
    seed = time.time_ns() % 2**32
    print(f"seed {seed}")
    graph = nx.gnm_random_graph(9, 14, seed)
    arcs = adjacency(np.array(graph.edges), 9)
    exact, none = sampled_betweenness(arcs, np.arange(9))
    assert not none.any() and exact == pytest.approx(betweenness(arcs) / 2)
    drawn = [sampled_betweenness(arcs, np.array(sources)) for sources in combinations(range(9), 3)]
    values, errors = (np.array(one) for one in zip(*drawn, strict=True))
    assert values.mean(axis=0) == pytest.approx(exact)
    assert (errors**2).mean(axis=0) == pytest.approx(values.var(axis=0))


def test_a_sampled_betweenness_has_an_error_or_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agency_measures, "EXACT", 100)
    monkeypatch.setattr(agency_measures, "SOURCES", 60)
    graph = nx.powerlaw_cluster_graph(150, 2, 0.3, seed=3)
    exact = nx.betweenness_centrality(graph, normalized=False)
    report = measured([*(list(pair) for pair in graph.edges), [150, 151], [151, 152]], 153)
    values, errors = column(report, "betweenness"), column(report, "betweenness_error")
    assert all(values[one] == errors[one] == 0 for one, value in exact.items() if value == 0)
    top = sorted(exact, key=exact.__getitem__)[-20:]
    near = [abs(values[one] - exact[one]) <= 2 * errors[one] for one in top]  # type: ignore[operator]
    assert sum(near) >= 16
    assert values[150] == 0 and (values[151] is None or errors[151] > 0)  # type: ignore[operator]
    assert "60 sampled agencies" in " ".join(report.notes)


def test_communities_have_the_numbers_of_their_report() -> None:
    report, groups = sample_report("agency-measures"), sample_report("communities")
    members = {row["group"]: {one.id for one in row.evidence} for row in groups.rows}
    found: dict[object, set[str]] = {}
    for row in report.rows:
        if row["community"] is not None:
            found.setdefault(row["community"], set()).add(row.evidence[0].id)
    assert found == members


def test_an_agreement_that_makes_no_ties_has_no_part_in_any_measure() -> None:
    agreements = [(0, 1), (1, 2), (0, 1, 2, 3)]
    report = measured(agreements, 5, largest_agreement=3)
    assert column(report, "degree") == {0: 1, 1: 2, 2: 1, 3: 0, 4: None}
    assert column(report, "strength") == {0: 1, 1: 2, 2: 1, 3: 0, 4: None}
    assert [tie.agreements for tie in report.ties or ()] == [("p:0",), ("p:1",)]
    assert any("makes no ties, because it has more than 3 parties" in note for note in report.notes)
    assert (report.found, report.of, report.unknown) == (3, 5, 1)
