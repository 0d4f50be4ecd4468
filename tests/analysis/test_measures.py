"""Measures of networks: the values that R's sna and igraph give, and networkx's on random networks."""

import csv
from itertools import permutations
from typing import NamedTuple

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from loaders.run import run
from loaders.source import find_source
from loaders.sources.emon.mapping import key, spelled
from registry.analysis.brokers import BROKERS
from registry.analysis.measures import (
    ROLES,
    arc_reciprocity,
    betweenness,
    brokerage,
    centralisation,
    clustering,
    components,
    constraint,
    density,
    dyadic_reciprocity,
    effective_size,
    transitivity,
)
from registry.analysis.snapshot import Floats, Ints, Matrix, SnapshotArrays, adjacency, make_snapshot, pattern
from registry.config import Settings
from registry.database.driver import Cypher, Store
from registry.database.extract import read_lists
from registry.permissions import ADMIN
from registry.reports.catalogue import run_on_snapshot
from tests.support.engines import SLOW_ON_NEO4J
from tests.support.requirements import shared

pytestmark = SLOW_ON_NEO4J

AS_OF = "2026-11-25"
SNA_ROLES = ("w_I", "w_O", "b_IO", "b_OI", "b_O")


class Rescue(NamedTuple):
    """Who told whom in a rescue, the sponsors of the agencies, and what R says of each (columns by name)."""

    arcs: Matrix
    sponsor: Ints
    told: dict[str, Floats]


def rescue(name: str) -> Rescue:
    with (shared("reference") / f"emon_{name}_nodes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (shared("emon") / f"{name}_edges.csv").open(encoding="utf-8") as file:
        edges = [(edge["source"], edge["target"]) for edge in csv.DictReader(file)]
    place = {row["org"]: number for number, row in enumerate(rows)}
    arcs = pattern(np.array([(place[a], place[b]) for a, b in edges]), len(rows), len(rows))
    sponsor = np.unique([row["group"] for row in rows], return_inverse=True)[1]
    names = [name for name in rows[0] if name not in ("org", "group")]
    return Rescue(arcs, sponsor, {name: np.array([_number(row[name]) for row in rows]) for name in names})


def _number(cell: str) -> float:
    return np.nan if cell == "NA" else float(cell)


@pytest.mark.parametrize("name", ["LakePomona", "MtStHelens"])
def test_every_measure_of_two_rescues_is_that_of_sna_and_igraph(name: str) -> None:
    measured_as_published(rescue(name))


def measured_as_published(one: Rescue) -> None:
    arcs, sponsor, told = one
    either_way = arcs.maximum(arcs.T).tocsr()
    roles = brokerage(arcs, sponsor, directed=True)
    in_one_group = brokerage(arcs, np.zeros_like(sponsor), directed=True)
    ours = {
        "indegree": arcs.sum(axis=0),
        "outdegree": arcs.sum(axis=1),
        "betweenness": betweenness(arcs),
        **dict(zip(SNA_ROLES, roles.seen.T, strict=True)),
        **{f"z_{role}": z for role, z in zip(SNA_ROLES, roles.z.T, strict=True)},
        "t": roles.seen.sum(axis=1),
        "z_t": in_one_group.z[:, 0],
        "constraint_igraph_directed": constraint(arcs),
        "constraint_igraph_sym": constraint(either_way),
        "coreness_sym": np.array([core for _agency, core in sorted(nx.core_number(graph(either_way)).items())]),
    }
    assert set(ours) == set(told)
    for measure, values in told.items():
        np.testing.assert_allclose(ours[measure], values, rtol=0, atol=1e-6, err_msg=measure)


def test_the_two_reciprocities_differ_by_far() -> None:
    arcs = rescue("LakePomona").arcs
    assert (dyadic_reciprocity(arcs), arc_reciprocity(arcs)) == (pytest.approx(42 / 106), pytest.approx(84 / 148))


class Drawn(NamedTuple):
    """A random network and the groups of its agencies."""

    network: "nx.Graph[int]"
    arcs: Matrix
    group: Ints


@st.composite
def drawn(draw: st.DrawFn, *, directed: bool = False) -> Drawn:
    size, share, seed = draw(st.integers(1, 24)), draw(st.floats(0, 1)), draw(st.integers(0, 2**32 - 1))
    network = nx.gnp_random_graph(size, share, seed=seed, directed=directed)
    cells = np.array(list(network.edges), np.int64).reshape(-1, 2)
    both = cells if directed else np.concatenate([cells, cells[:, ::-1]])
    return Drawn(network, pattern(both, size, size), np.random.default_rng(seed).integers(0, 3, size))


def graph(arcs: Matrix) -> "nx.Graph[int]":
    return nx.from_scipy_sparse_array(arcs)


def by_agency(measured: dict[int, float]) -> NDArray[np.float64]:
    return np.array([measured[agency] for agency in sorted(measured)], np.float64)


def same(ours: Floats, theirs: Floats) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_measures_without_direction_are_those_of_networkx(one: Drawn) -> None:
    network, arcs, _group = one
    same(betweenness(arcs) / 2, by_agency(nx.betweenness_centrality(network, normalized=False)))
    same(constraint(arcs), by_agency(nx.constraint(network)))
    same(effective_size(arcs), by_agency(nx.effective_size(network)))
    same(clustering(arcs), by_agency(nx.clustering(network)))
    assert density(arcs) == pytest.approx(nx.density(network))
    assert transitivity(arcs) == pytest.approx(nx.transitivity(network))
    assert sorted(components(arcs).sizes) == sorted(map(len, nx.connected_components(network)))


@settings(max_examples=60, deadline=None)
@given(drawn(directed=True))
def test_measures_with_direction_are_those_of_networkx(one: Drawn) -> None:
    network, arcs, _group = one
    same(betweenness(arcs), by_agency(nx.betweenness_centrality(network, normalized=False)))
    same(constraint(arcs), by_agency(nx.constraint(network)))
    assert density(arcs) == pytest.approx(nx.density(network))
    assert arc_reciprocity(arcs) == pytest.approx(nx.overall_reciprocity(network) if network.size() else 0)
    assert sorted(components(arcs).sizes) == sorted(map(len, nx.weakly_connected_components(network)))


@settings(max_examples=60, deadline=None)
@given(st.booleans().flatmap(lambda directed: drawn(directed=directed)))
def test_roles_of_brokers_are_counted_one_by_one(one: Drawn) -> None:
    network, arcs, group = one
    directed = network.is_directed()
    counted = np.zeros((len(network), len(ROLES)))
    for v in network:
        for a, b in permutations(set(network) - {v}, 2):
            if network.has_edge(a, v) and network.has_edge(v, b) and not network.has_edge(a, b):
                counted[v, ROLES.index(_role(group[a], group[v], group[b]))] += 1
    same(brokerage(arcs, group, directed=directed).seen, counted / (1 if directed else [2, 2, 1, 1, 2]))


def _role(a: int, v: int, b: int) -> str:
    if a == b:
        return "coordinator" if a == v else "consultant"
    return "representative" if a == v else "gatekeeper" if b == v else "liaison"


def test_roles_vary_by_chance_as_drawn_networks_do() -> None:
    random, group = np.random.default_rng(1), np.array([0] * 5 + [1] * 4 + [2] * 3)
    seen = []
    for _ in range(600):
        upper = np.argwhere(np.triu(random.random((12, 12)) < 0.4, 1))
        arcs = pattern(np.concatenate([upper, upper[:, ::-1]]), 12, 12)
        seen.append(brokerage(arcs, group).seen)
    chance = brokerage(_of_density(0.4), group)
    scale = np.sqrt(chance.variance)
    assert np.abs(np.mean(seen, axis=0) - chance.expected).max() < 0.2 * scale.max()
    assert np.allclose(np.std(seen, axis=0), scale, rtol=0.15)


def _of_density(share: float) -> Matrix:
    pairs = np.argwhere(np.triu(np.ones((12, 12)), 1))[: round(share * 66)]
    return pattern(np.concatenate([pairs, pairs[:, ::-1]]), 12, 12)


def test_a_sample_of_sources_ranks_the_best_as_all_do() -> None:
    network = nx.barabasi_albert_graph(400, 2, seed=1)
    arcs = nx.to_scipy_sparse_array(network, format="csr")
    whole, sampled = betweenness(arcs), betweenness(arcs, np.random.default_rng(1).choice(400, 100, replace=False))
    assert np.argmax(whole) == np.argmax(sampled)
    assert sampled.sum() == pytest.approx(whole.sum(), rel=0.1)


def test_a_star_is_as_central_as_can_be() -> None:
    degree = np.array([6, 1, 1, 1, 1, 1, 1])
    assert centralisation(degree) == 1
    assert centralisation(np.array([6, 0, 0, 0, 0, 0, 0]), directed=True) == 1
    assert centralisation(np.array([2, 2, 2])) == 0


@pytest.fixture(scope="module")
def loaded(ready_store: Store) -> Store:
    """A graph that holds both rescues, as `registry load emon` puts them there."""
    folder = shared("emon")
    ready_store.write(Cypher("MATCH (n) DETACH DELETE n"))
    outcome = run(ready_store, find_source("emon", Settings()), from_path=folder)
    assert (outcome.refused, outcome.counts) == (None, {"NO_ROW": 5}), "sponsors are known from who they sponsor"
    return ready_store


def reference(name: str) -> dict[str, dict[str, str]]:
    with (shared("reference") / f"emon_{name}_nodes.csv").open(encoding="utf-8") as file:
        return {row["org"]: row for row in csv.DictReader(file)}


NETWORKS = {"LakePomona": "pomona", "MtStHelens": "helens"}


def told_whom(store: Store, name: str) -> set[tuple[str, str, str]]:
    """Return who told whom, and how often, as the graph has it, under the names that were published."""
    rows = store.read(
        Cypher(
            "MATCH (a:Agency)-[x:PARTY_TO]->(p:Partnership)<-[y:PARTY_TO]-(b:Agency) WHERE x.role = 'lead' AND y.role = 'partner' "
            "RETURN a.identifiers[0], b.identifiers[0], p.description"
        )
    )
    scheme = f"emon-{NETWORKS[name]}:"
    return {
        (a.removeprefix(scheme), b.removeprefix(scheme), often.split(",")[0].removeprefix("Frequency "))
        for a, b, often in rows
        if a.startswith(scheme)
    }


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_loaded_graph_is_the_network_as_it_was_published(loaded: Store, name: str) -> None:
    with (shared("emon") / f"{name}_edges.csv").open(encoding="utf-8") as file:
        published = {(row["source"], row["target"], row["frequency"]) for row in csv.DictReader(file)}
    arcs = told_whom(loaded, name)
    assert arcs == published
    place = {org: number for number, org in enumerate(reference(name))}
    cells = np.array([(place[a], place[b]) for a, b, _often in arcs])
    measured_as_published(rescue(name)._replace(arcs=pattern(cells, len(place), len(place))))


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_reports_on_the_loaded_graph_give_the_published_values(loaded: Store, name: str) -> None:
    answer, _unchanged = read_lists(loaded, BROKERS.reads, ADMIN)
    both = make_snapshot(BROKERS.reads, answer)
    ours = both._replace(
        agencies=[one for one in both.agencies if one.id.startswith(f"emon:{NETWORKS[name]}.")],
        partnerships=[one for one in both.partnerships if one.id.startswith(f"emon:{NETWORKS[name]}.")],
    )
    published = {spelled(org): row for org, row in reference(name).items()}
    alone, together = (run_on_snapshot(one, "brokers", AS_OF, {"most": 1000}) for one in (ours, both))
    found = [row for row in (*alone.rows, *together.rows) if row["agency"] in published]
    assert len({row["agency"] for row in found}) >= 2
    for row in found:
        values = published[str(row["agency"])]
        assert row["constraint"] == pytest.approx(float(values["constraint_igraph_sym"]), abs=1e-6)
        assert row["sector"] == values["group"]
    measured = {row["measure"]: row["value"] for row in run_on_snapshot(ours, "network", AS_OF).rows}
    assert measured["core"] == max(int(values["coreness_sym"]) for values in published.values())
    assert measured["with-ties"] == sum(values["coreness_sym"] != "0" for values in published.values())


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_loaded_graph_has_the_published_constraint_and_coreness(loaded: Store, name: str) -> None:
    answer, _unchanged = read_lists(loaded, BROKERS.reads, ADMIN)
    world = SnapshotArrays.of(make_snapshot(BROKERS.reads, answer), AS_OF)
    arcs = adjacency(world.ties, len(world.agencies))
    constrained, cores = constraint(arcs), nx.core_number(graph(arcs))
    for org, values in reference(name).items():
        place = world.index[key(NETWORKS[name], org)]
        assert constrained[place] == pytest.approx(float(values["constraint_igraph_sym"]), abs=1e-6)
        assert cores[place] == int(values["coreness_sym"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("US.Forest.Service..Vancouver.", "US Forest Service Vancouver"),
        ("Lewis.County.Sheriff.s.Department", "Lewis County Sheriff's Department"),
        ("US.Air.Force...304th.ARRS..Portland.AFB..Oregon.", "US Air Force 304th ARRS Portland AFB Oregon"),
    ],
)
def test_a_name_reads_without_the_dots_of_r(name: str, said: str) -> None:
    assert spelled(name) == said
