"""Report `cut-points`: single points of failure of the network.

An articulation point is an agency whose removal splits a network. A bridge is a tie whose removal splits a network.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import NamedTuple

import networkx as nx
import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from registry.analysis.measures import components
from registry.analysis.report import SCOPE, Cell, Column, Examined, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import Ints, Matrix, SnapshotArrays, adjacency, assumed_ties
from registry.analysis.statistics import PERTURBED, ROBUST, SEED, draws_for
from registry.analysis.ties import TIE_RULES, data_notes
from registry.i18n import _, number, percent
from registry.progress import steps

TreeNode = str | int


def block_cut_tree(agencies: Sequence[str], ties: Ints) -> tuple[dict[str, TreeNode], "nx.Graph[TreeNode]"]:
    """Return the block-cut tree of a network (`ties` is m x 2), and the tree node to which each agency with ties belongs.

    A tree node is either a block (a number) or an articulation point (the id of an agency). A block is a group of agencies that
    holds together if any one of them leaves; an articulation point joins several blocks.
    """
    blocks = biconnected_components(adjacency(ties, len(agencies)))
    found = [[agencies[one] for one in block] for block in blocks]
    times = Counter(chain.from_iterable(found))
    home: dict[str, TreeNode] = {}
    tree: nx.Graph[TreeNode] = nx.Graph()
    for index, block in enumerate(found):
        tree.add_node(index)
        articulation_points = [one for one in block if times[one] > 1]
        tree.add_edges_from((index, one) for one in articulation_points)
        home |= dict.fromkeys(block, index) | {one: one for one in articulation_points}
    return home, tree


def biconnected_components(arcs: Matrix) -> list[list[int]]:
    """Return the blocks of the network, in the order in which a depth-first search leaves them (Hopcroft & Tarjan 1973).

    `arcs` is an adjacency matrix. The nodes of a block are in ascending order. networkx does the same five times as slowly.
    """
    degree, far = np.diff(arcs.indptr), arcs.indices.astype(np.int64)
    if not len(far):
        return []
    order, above = _search_depth_first(degree, far)
    step = np.empty(len(above), np.int64)
    step[order] = np.arange(len(order))
    near = np.repeat(np.arange(len(degree)), degree)
    back = above[near] != far  # every tie, except the one by which the search came to the agency
    lowest = np.arange(len(order))
    np.minimum.at(lowest, step[near[back]], step[far[back]])
    # from here on, a number is the step of the search; step 0 is above all parts of the network
    parent, low = [0, *step[above[order[1:]]].tolist()], lowest.tolist()
    size, depth, block = [1] * len(order), [0] * len(order), [0] * len(order)
    for one in range(len(order) - 1, 0, -1):
        low[parent[one]] = min(low[parent[one]], low[one])
        size[parent[one]] += size[one]
    for one in range(1, len(order)):
        depth[one] = depth[parent[one]] + 1
        block[one] = one if low[one] >= parent[one] else block[parent[one]]
    inner = np.flatnonzero(parent)
    heads, of = np.unique(np.array(block)[inner], return_inverse=True)
    left = (np.arange(len(order)) + size - np.array(depth))[heads]  # the order in which the search leaves the blocks
    members = np.concatenate([order[inner], order[np.array(parent)[heads]]])
    number = np.argsort(np.argsort(left))[np.concatenate([of, np.arange(len(heads))])]
    parts = np.split(members[np.lexsort([members, number])], np.cumsum(np.bincount(number))[:-1])
    return [part.tolist() for part in parts]


def _search_depth_first(degree: Ints, far: Ints) -> tuple[Ints, Ints]:
    """Return the nodes with ties in the order of a depth-first search, and the node from which the search came to each node.

    The ends of the ties of each node are listed in `far`, one node after the other. The search starts at one more node, the last,
    from which it comes to the first node of every part of the network.
    """
    size, starts = len(degree), np.append(0, degree.cumsum())
    part = csgraph.connected_components(sparse.csr_array((np.ones(len(far)), far, starts), (size, size)))[1]
    connected = np.flatnonzero(degree)
    firsts = connected[np.sort(np.unique(part[connected], return_index=True)[1])]
    ends, starts = np.concatenate([far, firsts]), np.append(starts, len(far) + len(firsts))
    whole = sparse.csr_array((np.ones(len(ends)), ends, starts), (size + 1, size + 1))
    order, above = csgraph.depth_first_order(whole, size)
    return order.astype(np.int64), above.astype(np.int64)


def rooted(tree: "nx.Graph[TreeNode]") -> Iterator[tuple[TreeNode, TreeNode]]:
    """Yield each node of the tree except the roots, with its parent, in breadth-first order."""
    place = {node: number for number, node in enumerate(tree)}
    for part in nx.connected_components(tree):
        yield from nx.bfs_predecessors(tree, min(part, key=place.__getitem__))


class CutPoint(NamedTuple):
    """A single point of failure: an articulation point (an agency) or a bridge (a tie).

    - `ends`: the agency of an articulation point, or the two agencies of a bridge
    - `parts`: the number of groups into which its removal splits the network around it
    - `cut_off`: the agencies that the removal separates from the largest group, the nearest first
    - `support`: the share of simulations with additional random agreements in which it remains a single point of failure
    """

    ends: Sequence[str]
    parts: int
    cut_off: Sequence[str]
    support: float


class CutPointFinder:
    """The articulation points of a network, and the inner bridges, which have more than one agency on each side.

    Articulation points and bridges are found in the block-cut tree, where an inner bridge is a block of exactly two articulation
    points. The simulations add ties to the block-cut tree; adding the ties to the network would give the same result.
    """

    def __init__(self, agencies: Sequence[str], ties: Ints) -> None:
        self._place = {agency: number for number, agency in enumerate(agencies)}
        self._ties = {(agencies[a], agencies[b]) for a, b in ties.tolist()}
        self._home, self._tree = block_cut_tree(agencies, ties)
        self._above = dict(rooted(self._tree))
        self._members: dict[TreeNode, list[str]] = {node: [] for node in self._tree}
        for agency, node in self._home.items():
            self._members[node].append(agency)
        self._below = {node: len(members) for node, members in self._members.items()}
        for node, above in reversed(self._above.items()):
            self._below[above] += self._below[node]
        self._component_size = {node: self._below[node] for node in self._tree if node not in self._above}
        for node, above in self._above.items():
            self._component_size[node] = self._component_size[above]

    def found(self, draws: int, sizes: Sequence[int], more: float, seed: int) -> list[CutPoint]:
        """Return the articulation points and inner bridges; the ones that cut off the most agencies come first.

        `sizes` are the numbers of parties of the recorded agreements. Each of the `draws` simulations adds agreements: `more`
        times as many as recorded, with sizes drawn from `sizes`, between random agencies that have any tie. An added tie that
        already exists has no effect.
        """
        nodes = [node for node in self._tree if isinstance(node, str) or self._is_inner_bridge(node)]
        times = Counter(chain.from_iterable(map(self.remaining_after, self._drawn_ties(draws, sizes, more, seed))))
        found = [self._cut_point(node, times[node] / draws) for node in nodes]
        return sorted(
            found,
            key=lambda one: (-len(one.cut_off), len(one.ends), -one.support, [self._place[end] for end in one.ends]),
        )

    def remaining_after(self, added: Iterable[tuple[str, str]]) -> set[TreeNode]:
        """Return the nodes of the block-cut tree that are still articulation points after the ties are added."""
        edges = [
            (here, there)
            for a, b in added
            if (here := self._home[a]) != (there := self._home[b])
            and not self._tree.has_edge(here, there)
            and (a, b) not in self._ties
            and (b, a) not in self._ties
        ]
        self._tree.add_edges_from(edges)
        held = set(nx.articulation_points(self._tree))
        self._tree.remove_edges_from(edges)
        return held

    def _is_inner_bridge(self, block: TreeNode) -> bool:
        return not self._members[block] and self._tree.degree(block) == 2

    def _cut_point(self, node: TreeNode, support: float) -> CutPoint:
        sizes = {step: self._branch_size(node, step) for step in self._tree[node]}
        largest = max(sizes, key=lambda step: sizes[step])
        cut = chain.from_iterable(self._branch_agencies(node, step) for step in sizes if step != largest)
        ends = (node,) if isinstance(node, str) else self._in_order(map(str, self._tree[node]))
        return CutPoint(ends, len(sizes), tuple(cut), support)

    def _branch_size(self, node: TreeNode, step: TreeNode) -> int:
        """Return the number of agencies on one branch of the tree.

        The branch starts at `node` and continues with its neighbour `step`.
        """
        return self._below[step] if self._above.get(step) == node else self._component_size[node] - self._below[node]

    def _branch_agencies(self, node: TreeNode, step: TreeNode) -> Iterator[str]:
        """Yield the agencies on the branch that starts at `node` and continues with its neighbour `step`.

        The nearest agency comes first.
        """
        ahead = [(node, step)]
        for before, here in ahead:
            yield from self._in_order(self._members[here])
            ahead += [(here, further) for further in self._tree[here] if further != before]

    def _in_order(self, agencies: Iterable[str]) -> list[str]:
        """Return the agencies in the order of the network, which does not depend on their ids."""
        return sorted(agencies, key=self._place.__getitem__)

    def _drawn_ties(self, draws: int, sizes: Sequence[int], more: float, seed: int) -> Iterator[list[tuple[str, str]]]:
        """Yield the added ties of each simulation.

        The parties of an agreement are joined in a ring instead of pairwise, because that leaves the same articulation points.
        """
        agencies, random, count = list(self._home), np.random.default_rng(seed), round(more * len(sizes))
        for _draw in steps(_("networks with more agreements"), range(draws)):
            ends = np.cumsum(random.choice(sizes, count)) if count else np.zeros(0, np.int64)
            drawn = random.integers(len(agencies), size=ends.max(initial=0)).tolist() if agencies else []
            rings = (drawn[first:last] for first, last in pairwise([0, *ends.tolist()]))
            yield [(agencies[a], agencies[b]) for ring in rings for a, b in pairwise([*ring, *ring[:1]])]


SHOWN, WORK, MOST_DRAWS, FEWEST_DRAWS = 5, 500_000, 400, 20
FINDINGS = {"agency": "agency", "tie": "tie"}

CUT_POINTS = ReportDefinition(
    "cut-points",
    "Single points of failure",
    "Which agencies would be cut off if one agency or one tie were lost?",
    "An articulation point is an agency whose removal cuts others off from the rest of the network; a bridge is a "
    "tie whose removal separates two groups of several agencies (Hopcroft & Tarjan 1973). Agreements may be missing "
    "from the records. Each single point of failure is therefore checked again in many simulations with a tenth more "
    "agreements, each of the size of a recorded one, between random agencies that have a tie. A single point of "
    "failure is robust if it remains one in most simulations (Borgatti, Carley & Krackhardt 2006).",
    ("agencies", "partnerships"),
    (
        Column("finding", "Finding", "code", "Whether the finding is an agency or a tie.", words=FINDINGS),
        Column("agencies", "Agencies", "texts", "The agency, or the two agencies of the tie."),
        Column(
            "cut_off",
            "Agencies cut off",
            "integer",
            "The number of agencies that would be separated from the largest remaining group.",
            "agencies",
        ),
        Column("parts", "Separate groups", "integer", "The number of separate groups that would remain.", "groups"),
        Column("beyond", "Examples of agencies cut off", "texts", "Up to five of the agencies that would be cut off."),
        Column(
            "support",
            "Support",
            "number",
            "The share of the simulations with added agreements in which it remains a single point of failure.",
            "%",
        ),
    ),
    (ROBUST,),
    key=("finding", "agencies"),
    counts="Robust single points of failure",
    common=(*TIE_RULES, *SCOPE),
    concern=(
        "A single point of failure concerns the agency, or the two agencies of the tie, and all agencies that "
        "would be cut off."
    ),
)


def cut_points(arrays: SnapshotArrays, *, least_support: float = ROBUST.default) -> Report:
    """List articulation points and inner bridges (Hopcroft & Tarjan 1973); the ones that cut off the most agencies come first.

    An articulation point or bridge is a finding if its support is at least `least_support`; otherwise it is an unknown case. The
    support is the share of simulations with additional agreements in which it remains (Borgatti, Carley & Krackhardt 2006). A
    bootstrap would not do: it only removes ties, and what makes a single point of failure untrue is an agreement that is not
    recorded. The only tie of an agency is also a bridge, but the report `isolates` lists it instead of this report.
    """
    ties, draws = assumed_ties(arrays), draws_for(len(arrays.agencies), WORK, MOST_DRAWS, FEWEST_DRAWS)
    sizes = [len(parties) for parties in arrays.assumed_parties if len(parties) > 1]
    found = CutPointFinder(arrays.agencies.ids, ties).found(draws, sizes, PERTURBED, SEED)
    rows = [
        _row(arrays, one, one.support >= least_support)
        for one in sorted(found, key=lambda one: one.support < least_support)
    ]
    robust = sum(row.confidence == "likely" for row in rows)
    unknown = sum(row.confidence == "unclear" and arrays.concerned(row.concerns or ()) for row in rows)
    agencies, pairs = _cases(arrays, ties)
    report = CUT_POINTS.answer(
        arrays.as_of, rows, found=robust, of=agencies + pairs, unknown=unknown, withheld=arrays.withheld,
        notes=[*data_notes(arrays), *_notes(found, robust, draws, least_support)],
        least_support=least_support,
    )  # fmt: skip
    return replace(report, examined=(Examined("cut-points", agencies, unknown),))


def _cases(arrays: SnapshotArrays, ties: Ints) -> tuple[int, int]:
    """Return how many agencies, and how many ties, are connected with a selected agency: their loss could separate it."""
    size = len(arrays.agencies)
    if not len(ties):
        return 0, 0
    groups = components(adjacency(ties, size)).of
    reached = np.isin(groups, groups[arrays.selected])
    return int(reached[np.unique(ties)].sum()), int(reached[ties[:, 0]].sum())


def _row(arrays: SnapshotArrays, point: "CutPoint", robust: bool) -> ReportRow:
    values: dict[str, Cell] = {
        "finding": "agency" if len(point.ends) == 1 else "tie",
        "agencies": _named(arrays, point.ends),
        "cut_off": len(point.cut_off),
        "parts": point.parts,
        "beyond": _named(arrays, point.cut_off[:SHOWN]),
        "support": 100 * point.support,
    }
    concerns = tuple(dict.fromkeys((*point.cut_off, *point.ends)))
    shown = dict.fromkeys((*point.ends, *point.cut_off[:SHOWN]))
    return ReportRow(values, arrays.agencies.records(shown), "likely" if robust else "unclear", concerns=concerns)


def _named(arrays: SnapshotArrays, agencies: Sequence[str]) -> tuple[str, ...]:
    return tuple(arrays.agencies.names[arrays.index[one]] for one in agencies)


def _notes(found: Sequence["CutPoint"], robust: int, draws: int, least_support: float) -> list[str]:
    if not found:
        return [_("There are no single points of failure.")]
    template = _(
        "Robust single points of failure: {n} of {m}. Robust ones remain single points of failure in at least "
        "{share} of {draws} simulations with a tenth more agreements (seed {seed}). The others are uncertain."
    )
    return [
        template.format(
            n=number(robust), m=number(len(found)), share=percent(least_support), draws=number(draws), seed=SEED
        )
    ]
