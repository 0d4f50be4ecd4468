"""What hangs on one agency or one tie is what networkx finds, also when ties are added."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry.analysis.cut_points import CutPoint, CutPointFinder, biconnected_components
from registry.analysis.snapshot import adjacency


@st.composite
def networks(draw: st.DrawFn) -> "nx.Graph[str]":
    size, share = draw(st.integers(1, 16)), draw(st.floats(0, 0.5))
    return nx.relabel_nodes(nx.gnp_random_graph(size, share, seed=draw(st.integers(0, 2**32 - 1))), str)


def finder_of(network: "nx.Graph[str]") -> CutPointFinder:
    place = {agency: number for number, agency in enumerate(network)}
    return CutPointFinder(
        list(place), np.array([(place[a], place[b]) for a, b in network.edges], np.int64).reshape(-1, 2)
    )


def cut_points(network: "nx.Graph[str]") -> list[CutPoint]:
    return finder_of(network).found(draws=1, sizes=[], more=0, seed=1)


def left(network: "nx.Graph[str]", point: CutPoint) -> list[set[str]]:
    """Return the parts that are left of what the point holds together, the largest last."""
    without = network.subgraph(nx.node_connected_component(network, point.ends[0])).copy()
    without.remove_nodes_from(point.ends) if len(point.ends) == 1 else without.remove_edge(*point.ends)
    return sorted(nx.connected_components(without), key=len)


@settings(max_examples=150, deadline=None)
@given(networks())
def test_they_are_the_articulation_points_and_the_bridges_between_several(network: "nx.Graph[str]") -> None:
    found = cut_points(network)
    assert {one.ends[0] for one in found if len(one.ends) == 1} == set(nx.articulation_points(network))
    inner = {tuple(sorted(tie)) for tie in nx.bridges(network) if min(network.degree(one) for one in tie) > 1}
    assert {tuple(sorted(one.ends)) for one in found if len(one.ends) == 2} == inner
    for one in found:
        *smaller, largest = left(network, one)
        assert (one.parts, len(one.cut_off)) == (len(smaller) + 1, sum(map(len, smaller)))
        assert set(one.cut_off) <= set.union(*smaller) or len(smaller[-1]) == len(largest)
        assert len(set(one.cut_off)) == len(one.cut_off) and one.support == 1


@settings(max_examples=150, deadline=None)
@given(networks(), st.data())
def test_added_ties_do_to_the_tree_what_they_do_to_the_network(network: "nx.Graph[str]", data: st.DataObject) -> None:
    tied = sorted(agency for agency in network if network.degree(agency))
    ends = st.sampled_from(tied) if tied else st.nothing()
    added = data.draw(st.lists(st.tuples(ends, ends), max_size=6)) if tied else []
    more = network.copy()
    more.add_edges_from((a, b) for a, b in added if a != b)
    before = {one.ends[0] for one in cut_points(network) if len(one.ends) == 1}
    still = {spot for spot in finder_of(network).remaining_after(added) if isinstance(spot, str)}
    assert still & before == set(nx.articulation_points(more)) & before


def test_where_a_ring_meets_its_tail_is_a_cut_point_until_tied_elsewhere() -> None:
    ring = nx.relabel_nodes(nx.cycle_graph(6), str)
    ring.add_edge("0", "tail")
    (point,) = cut_points(ring)
    assert (point.ends, point.cut_off) == (("0",), ("tail",))
    assert not finder_of(ring).remaining_after([("tail", "3")])


def test_an_added_agreement_joins_all_its_parties() -> None:
    star = nx.relabel_nodes(nx.star_graph(3), str)  # "0" holds three others together
    (point,) = finder_of(star).found(draws=200, sizes=[40], more=1, seed=1)
    assert (point.ends, point.support) == (("0",), 0), "an agreement of 40 reaches all four"
    assert finder_of(star).found(draws=200, sizes=[2] * 10, more=0.1, seed=1)[0].support == 1


@settings(max_examples=50, deadline=None)
@given(networks())
@example(nx.relabel_nodes(nx.path_graph(4), str))
def test_ties_that_exist_already_change_nothing_when_added(network: "nx.Graph[str]") -> None:
    finder = finder_of(network)
    assert finder.remaining_after(network.edges) == finder.remaining_after([])


@pytest.mark.parametrize("seed", range(30))
def test_blocks_are_those_of_networkx_in_the_same_order(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 40))
    ends = random.integers(count, size=(int(random.integers(0, 60)), 2))
    arcs = adjacency(ends[ends[:, 0] != ends[:, 1]], count)
    blocks = nx.biconnected_components(nx.from_scipy_sparse_array(arcs))
    assert biconnected_components(arcs) == [sorted(block) for block in blocks]
