"""Report `cut-points`: single points of failure, that is articulation points and bridges of the network."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, cast

import networkx as nx
import numpy as np

from registry.analysis.report import Cell, Column, Report, ReportDefinition, ReportRow
from registry.analysis.snapshot import SnapshotArrays, assumed_ties, data_notes
from registry.analysis.statistics import PERTURBED, ROBUST, SEED, draws_for
from registry.i18n import _, number, percent
from registry.progress import steps

TreeNode = str | int


def block_cut_tree(network: "nx.Graph[str]") -> tuple[dict[str, TreeNode], "nx.Graph[TreeNode]"]:
    """Return the node of each agency with ties in the block-cut tree, and the tree.

    Its nodes are blocks (numbers) and articulation points (agency ids).
    """
    parts = cast("Iterator[set[str]]", nx.biconnected_components(network))
    found = [sorted(part) for part in parts]  # sets are ordered differently in every process
    times = Counter(chain.from_iterable(found))
    home: dict[str, TreeNode] = {}
    tree: nx.Graph[TreeNode] = nx.Graph()
    for index, block in enumerate(found):
        tree.add_node(index)
        hinges = [one for one in block if times[one] > 1]
        tree.add_edges_from((index, one) for one in hinges)
        home |= dict.fromkeys(block, index) | {one: one for one in hinges}
    return home, tree


def rooted(tree: "nx.Graph[TreeNode]") -> Iterator[tuple[TreeNode, TreeNode]]:
    """Yield each node of the tree and its parent, except the roots, in breadth-first order."""
    place = {spot: number for number, spot in enumerate(tree)}
    for part in nx.connected_components(tree):
        yield from nx.bfs_predecessors(tree, min(part, key=place.__getitem__))


class CutPoint(NamedTuple):
    """An articulation point (one of `ends`) or a bridge (two), whose removal splits its component into `parts`.

    `cut_off` is the number of agencies outside the largest remaining part, and `beyond` the first of them. `firm`
    is the bootstrap support: the share of draws with additional ties in which it remains one.
    """

    ends: Sequence[str]
    parts: int
    cut_off: int
    beyond: Sequence[str]
    firm: float


class CutPointFinder:
    """The articulation points of a network, and the bridges with more than one agency on either side.

    Both are nodes of the block-cut tree: such a bridge is a block of exactly two articulation points. Adding a tie
    changes the tree as it changes the network, so the bootstrap needs only the tree.
    """

    def __init__(self, network: "nx.Graph[str]") -> None:
        self._network = network
        self._home, self._tree = block_cut_tree(network)
        self._above = dict(rooted(self._tree))
        self._members: dict[TreeNode, list[str]] = {spot: [] for spot in self._tree}
        for agency, spot in self._home.items():
            self._members[spot].append(agency)
        self._below = {spot: len(members) for spot, members in self._members.items()}
        for spot, above in reversed(self._above.items()):
            self._below[above] += self._below[spot]
        self._component_size = {spot: self._below[spot] for spot in self._tree if spot not in self._above}
        for spot, above in self._above.items():
            self._component_size[spot] = self._component_size[above]

    def found(self, draws: int, more: float, seed: int, shown: int) -> list[CutPoint]:
        """Return the articulation points and inner bridges, those that cut off the most agencies first.

        Each draw adds ties at random between agencies that have any, `more` times the number of existing ties;
        drawn ties that already exist have no effect. `shown` limits the listed agencies that are cut off.
        """
        spots = [spot for spot in self._tree if isinstance(spot, str) or self._is_inner_bridge(spot)]
        firm = Counter(chain.from_iterable(map(self.holding, self._drawn_ties(draws, more, seed))))
        found = [self._hinge(spot, firm[spot] / draws, shown) for spot in spots]
        return sorted(found, key=lambda one: (-one.cut_off, len(one.ends), -one.firm, tuple(one.ends)))

    def holding(self, added: Iterable[tuple[str, str]]) -> set[TreeNode]:
        """Return the nodes of the block-cut tree that are articulation points of it after adding these ties."""
        new = ((self._home[a], self._home[b]) for a, b in added if a != b and not self._network.has_edge(a, b))
        edges = [(a, b) for a, b in new if a != b and not self._tree.has_edge(a, b)]
        self._tree.add_edges_from(edges)
        held = set(nx.articulation_points(self._tree))
        self._tree.remove_edges_from(edges)
        return held

    def _is_inner_bridge(self, block: TreeNode) -> bool:
        return not self._members[block] and self._tree.degree(block) == 2

    def _hinge(self, spot: TreeNode, firm: float, shown: int) -> CutPoint:
        sizes = {step: self._branch_size(spot, step) for step in self._tree[spot]}
        largest = max(sizes, key=lambda step: sizes[step])
        cut = chain.from_iterable(self._branch_agencies(spot, step) for step in sizes if step != largest)
        ends = (spot,) if isinstance(spot, str) else sorted(map(str, self._tree[spot]))
        return CutPoint(ends, len(sizes), sum(sizes.values()) - sizes[largest], list(islice(cut, shown)), firm)

    def _branch_size(self, spot: TreeNode, step: TreeNode) -> int:
        """Return the number of agencies on this branch of the node."""
        return self._below[step] if self._above.get(step) == spot else self._component_size[spot] - self._below[spot]

    def _branch_agencies(self, spot: TreeNode, step: TreeNode) -> Iterator[str]:
        """Yield the agencies on this branch of the node, the nearest first."""
        ahead = [(spot, step)]
        for before, here in ahead:
            yield from sorted(self._members[here])
            ahead += [(here, further) for further in self._tree[here] if further != before]

    def _drawn_ties(self, draws: int, more: float, seed: int) -> Iterator[list[tuple[str, str]]]:
        agencies, random = list(self._home), np.random.default_rng(seed)
        for _draw in steps(_("networks with more ties"), range(draws)):
            pairs = random.integers(len(agencies), size=(round(more * self._network.number_of_edges()), 2)).tolist()
            yield [(agencies[a], agencies[b]) for a, b in pairs]


SHOWN, WORK = 5, 500_000
FINDINGS = {"agency": "an agency", "tie": "a tie"}

CUT_POINTS = ReportDefinition(
    "cut-points",
    "What is cut off when one agency, or one tie, falls away?",
    "Agencies without which others no longer reach the rest (articulation points), and ties without which two groups of several "
    "agencies no longer meet (bridges; Hopcroft & Tarjan 1973). Ties may be missing from the record, so that each is looked at "
    "again with a tenth more ties, drawn at random between agencies that have any: firm is what stays so in most draws "
    "(Borgatti, Carley & Krackhardt 2006).",
    ("agencies", "partnerships"),
    (
        Column("finding", "What", "code", "An agency or a tie.", words=FINDINGS),
        Column("agencies", "Agencies", "texts", "The agency, or both ends of the tie."),
        Column(
            "cut_off", "Cut off", "integer", "Agencies that no longer reach the largest part that is left.", "agencies"
        ),
        Column("parts", "Parts", "integer", "How many parts are left of what it holds together.", "parts"),
        Column("beyond", "Who is cut off", "texts", "Up to five of the agencies cut off."),
        Column("firm", "Firm", "number", "In how many draws it stays so when ties are added.", "%"),
    ),
    (ROBUST,),
    key=("finding", "agencies"),
    counts="Agencies and ties others surely depend on",
)


def cut_points(arrays: SnapshotArrays, *, firm: float = ROBUST.default) -> Report:
    """List articulation points and inner bridges (Hopcroft & Tarjan 1973), those that cut off the most agencies first.

    Findings are those whose bootstrap support is at least `firm` (Borgatti, Carley & Krackhardt 2006); the others
    are unknown. A tie to an agency that has no other tie is a bridge too; the report `isolates` lists these.
    """
    ties, draws = assumed_ties(arrays), draws_for(len(arrays.agencies), WORK)
    found = CutPointFinder(arrays.graph_of(ties)).found(draws, PERTURBED, SEED, SHOWN)
    rows = [_row(arrays, one, one.firm >= firm) for one in sorted(found, key=lambda one: one.firm < firm)]
    robust = sum(row.confidence == "likely" for row in rows)
    return CUT_POINTS.answer(
        arrays.as_of, rows, found=robust, of=len(np.unique(ties)) + len(ties), unknown=len(rows) - robust,
        withheld=arrays.withheld, notes=[*data_notes(arrays), *_notes(found, robust, draws, firm)], firm=firm,
    )  # fmt: skip


def _row(arrays: SnapshotArrays, hinge: "CutPoint", firm: bool) -> ReportRow:
    values: dict[str, Cell] = {
        "finding": "agency" if len(hinge.ends) == 1 else "tie",
        "agencies": _named(arrays, hinge.ends),
        "cut_off": hinge.cut_off,
        "parts": hinge.parts,
        "beyond": _named(arrays, hinge.beyond),
        "firm": 100 * hinge.firm,
    }
    evidence = tuple(arrays.agencies.evidence(arrays.place[one]) for one in dict.fromkeys((*hinge.ends, *hinge.beyond)))
    return ReportRow(values, evidence, "likely" if firm else "unclear")


def _named(arrays: SnapshotArrays, agencies: Sequence[str]) -> tuple[str, ...]:
    return tuple(arrays.agencies.names[arrays.place[one]] for one in agencies)


def _notes(found: Sequence["CutPoint"], robust: int, draws: int, firm: float) -> list[str]:
    if not found:
        return [_("Nothing hangs on one agency or on one tie between groups.")]
    template = _(
        "{n} of {m} stay so in at least {share} of {draws} draws with a tenth more ties (seed {seed}); the others may not be so."
    )
    return [
        template.format(n=number(robust), m=number(len(found)), share=percent(firm), draws=number(draws), seed=SEED)
    ]
