"""The graph as arrays with ids: who is in which sector and area, who does what, who is tied to whom on a day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from registry.analysis.lists import Lists, Partnership, Term
from registry.reports.report import Evidence
from registry.words import language

if TYPE_CHECKING:
    import networkx as nx

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Matrix = sparse.csr_array


@dataclass(frozen=True)
class Names:
    """Ids and what they are called, in the order of a row or a column of an array."""

    kind: str
    ids: Sequence[str]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    def evidence(self, place: int) -> Evidence:
        """Return the record at this place as evidence."""
        return Evidence(self.ids[place], self.names[place], self.kind)

    def named(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Return what the records with these ids are called; ids that no record has are passed over."""
        return tuple(self.names[self._place[one]] for one in ids if one in self._place)

    def records(self, ids: Iterable[str]) -> tuple[Evidence, ...]:
        """Return the records with these ids as evidence; ids that no record has are passed over."""
        return tuple(self.evidence(self._place[one]) for one in ids if one in self._place)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {one: place for place, one in enumerate(self.ids)}


@dataclass(frozen=True)
class World:
    """What the analyses count. N agencies, S sectors, A areas, F functions, m ties.

    `sector` (N) is the place of an agency's main sector, -1 where none is recorded; `areas` (N x A), `wider` (the same
    with every broader area) and `functions` (N x F) hold ones; `ties` (m x 2) are the distinct pairs, smaller place first,
    that share an agreement in force on `as_of`; `perhaps` are pairs, not among the ties, whose agreement's dates are
    withheld; `recorded` (N) says who is party to any agreement, whenever.
    """

    as_of: str
    agencies: Names
    sectors: Names
    function_names: Names
    sector: Ints
    areas: Matrix
    wider: Matrix
    functions: Matrix
    ties: Ints
    perhaps: Ints
    recorded: Bools
    lists: Lists

    @classmethod
    def of(cls, lists: Lists, as_of: str) -> "World":
        """Build the arrays of the lists for a day (ISO text). Ids that no record has are passed over."""
        agencies = Names("Agency", *_columns((one.id, one.name) for one in lists.agencies))
        sectors, areas, functions = (_terms(kind, terms) for kind, terms in _kinds(lists))
        place, width = _places(agencies.ids), len(agencies)
        placed = _matrix(((n, area) for n, one in enumerate(lists.agencies) for area in one.areas), width, areas)
        does = ((place.get(who, -1), what) for one in lists.services for who in one.providers for what in one.functions)
        ties = _pairs((one.parties for one in lists.partnerships if one.in_force(as_of)), place)
        hidden = _pairs((one.parties for one in lists.partnerships if not one.whole), place)
        return cls(
            as_of, agencies, sectors, functions,
            sector=_main(lists, _places(sectors.ids)),
            areas=placed,
            wider=ones(placed @ upwards([one.id for one in lists.areas], [one.broader for one in lists.areas])),
            functions=_matrix(does, width, functions),
            ties=ties,
            perhaps=_without(hidden, ties, width),
            recorded=_recorded(lists.partnerships, place),
            lists=lists,
        )  # fmt: skip

    @property
    def degree(self) -> Ints:
        """How many others each agency is tied to."""
        return np.bincount(self.ties.ravel(), minlength=len(self.agencies))

    @cached_property
    def unconfirmed(self) -> int:
        """How many ties rest on no agreement that every party has confirmed."""
        confirmed = (one.parties for one in self.lists.partnerships if one.in_force(self.as_of) and one.confirmed)
        return len(self.ties) - len(_pairs(confirmed, self.place))

    @cached_property
    def withheld(self) -> int:
        """How many records show no more than their face to who asks."""
        return self.lists.withheld

    @cached_property
    def place(self) -> dict[str, int]:
        """Where in the arrays each agency is, by id."""
        return _places(self.agencies.ids)

    def graph_of(self, ties: Ints) -> "nx.Graph[str]":
        """Return the agencies (ids) as a networkx graph with these ties (m x 2)."""
        graph = self.graph(())
        graph.add_edges_from((self.agencies.ids[a], self.agencies.ids[b]) for a, b in ties.tolist())
        return graph

    def graph(self, partnerships: Iterable[Partnership]) -> "nx.Graph[str]":
        """Return the agencies (ids) as a networkx graph; any two parties of one of these agreements are tied."""
        import networkx as nx  # half a second, which only who asks for the graph should wait

        graph: nx.Graph[str] = nx.Graph()
        graph.add_nodes_from(self.agencies.ids)
        known = ([party for party in one.parties if party in graph] for one in partnerships)
        graph.add_edges_from(chain.from_iterable(combinations(dict.fromkeys(parties), 2) for parties in known))
        return graph


def _columns(rows: Iterable[tuple[str, str]]) -> tuple[Sequence[str], Sequence[str]]:
    ids, names = [], []
    for one, name in rows:
        ids.append(one)
        names.append(name)
    return ids, names


def _kinds(lists: Lists) -> tuple[tuple[str, Sequence[Term]], ...]:
    return ("Sector", lists.sectors), ("Area", lists.areas), ("Function", lists.functions)


def _terms(kind: str, terms: Sequence[Term]) -> Names:
    label = "label_id" if language() == "id" else "label_en"
    return Names(kind, *_columns((term.id, getattr(term, label) or term.name) for term in terms))


def _places(ids: Sequence[str]) -> dict[str, int]:
    return {one: place for place, one in enumerate(ids)}


def _main(lists: Lists, place: dict[str, int]) -> Ints:
    """Return the place of each agency's first sector."""
    firsts = (next((place[one] for one in agency.sectors if one in place), -1) for agency in lists.agencies)
    return np.fromiter(firsts, np.int64, len(lists.agencies))


def _matrix(cells: Iterable[tuple[int, str]], height: int, columns: Names) -> Matrix:
    """Return a matrix of ones at (row, id of the column)."""
    place = _places(columns.ids)
    known = [(row, place[one]) for row, one in cells if row >= 0 and one in place]
    return pattern(np.array(known, np.int64).reshape(-1, 2), height, len(columns))


def pattern(cells: Ints, height: int, width: int) -> Matrix:
    """Return a matrix with ones at the cells (n x 2: row, column)."""
    return ones(sparse.csr_array((np.ones(len(cells), np.int32), (cells[:, 0], cells[:, 1])), (height, width)))


def ones(matrix: Matrix) -> Matrix:
    """Set everything that the matrix holds to one, in place, and return it."""
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def upwards(ids: Sequence[str], above: Sequence[Sequence[str]]) -> Matrix:
    """Return the square matrix of ones that leads from each record to itself and to all above it; circles do no harm."""
    place = _places(ids)
    steps = [(n, place[up]) for n, ups in enumerate(above) for up in ups if up in place]
    reached = step = pattern(
        np.array(steps + [(n, n) for n in range(len(ids))], np.int64).reshape(-1, 2), len(ids), len(ids)
    )
    while (further := ones(reached @ step)).nnz > reached.nnz:
        reached = further
    return reached


def _pairs(groups: Iterable[Sequence[str]], place: dict[str, int]) -> Ints:
    """Return every pair within a group once, as places in ascending order; an agency is no pair with itself."""
    known = (sorted({place[one] for one in group if one in place}) for group in groups)
    pairs = np.fromiter(chain.from_iterable(chain.from_iterable(combinations(one, 2) for one in known)), np.int64)
    return np.unique(pairs.reshape(-1, 2), axis=0)


def _without(pairs: Ints, others: Ints, width: int) -> Ints:
    return pairs[~np.isin(pairs @ np.array([width, 1]), others @ np.array([width, 1]))]


def _recorded(partnerships: Sequence[Partnership], place: dict[str, int]) -> Bools:
    recorded = np.zeros(len(place), np.bool_)
    recorded[[place[party] for one in partnerships for party in one.parties if party in place]] = True
    return recorded
