"""The snapshot that analyses read: the records as rows, and the network on a given day as sparse matrices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from registry.analysis.canonical_order import canonical_order
from registry.analysis.report import Evidence
from registry.i18n import language

if TYPE_CHECKING:
    import networkx as nx


Ids = Sequence[str]


class AgencyRow(NamedTuple):
    """An agency, with its sectors, areas and parent agencies. The main sector is the first in the order of codes."""

    id: str
    name: str
    whole: bool = True
    sectors: Ids = ()
    areas: Ids = ()
    part_of: Ids = ()


class ServiceRow(NamedTuple):
    """A service, with its providers, functions and audiences, the resources that it requires, and the services that it depends on."""

    id: str
    name: str
    whole: bool = True
    providers: Ids = ()
    functions: Ids = ()
    requires: Ids = ()
    depends_on: Ids = ()
    audiences: Ids = ()
    leads: Ids = ()

    @property
    def answering(self) -> Ids:
        """The agencies that answer for the service: its lead providers, or all its providers if none is a lead provider."""
        return self.leads or self.providers


class ResourceRow(NamedTuple):
    """A resource, its owners and its users: `(user, since, until, role)`, with dates as ISO 8601 text or None.

    If `whole` is false, the reader may not see the users, the capacity and the dates of the resource.
    """

    id: str
    name: str
    whole: bool = True
    owners: Ids = ()
    uses: Sequence[Sequence[Any]] = ()
    kind: str | None = None
    shareability: str | None = None
    application_class: str | None = None
    areas: Ids = ()
    functions: Ids = ()
    unit: str | None = None
    capacity: float | None = None
    in_use: float | None = None
    available_since: str | None = None


class NeedRow(NamedTuple):
    """Something that an agency needs, and the services for which it is needed.

    If `whole` is false, the reader may not see the type, the quantity, the date and the services of the need.
    """

    id: str
    name: str
    whole: bool = True
    agencies: Ids = ()
    kind: str | None = None
    areas: Ids = ()
    functions: Ids = ()
    unit: str | None = None
    quantity: float | None = None
    by_when: str | None = None
    services: Ids = ()


class PartnershipRow(NamedTuple):
    """An agreement. If `whole` is false, the reader may not see its dates, legal basis and covered records.

    `leads` are the parties with the lead role. `covers_hidden` is true if the agreement may cover services or resources of which the
    reader sees only the summary. `words_hidden` is true if the reader may not see whether some parties confirm or dispute it.
    `retired` has the id and the name of each party that is retired; `parties` leaves these out. `with_account` are the parties that
    have an account in the registry and can thus confirm the agreement.
    """

    id: str
    name: str
    whole: bool = True
    instrument: str | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    legal_basis: str | None = None
    parties: Ids = ()
    covers: Ids = ()
    covers_hidden: bool = False
    renews: Ids = ()
    target_scale: str | None = None
    target_level: int | None = None
    disputed_by: Ids = ()
    confirmed_by: Ids = ()
    words_hidden: bool = False
    retired: Sequence[Sequence[str]] = ()
    with_account: Ids = ()
    leads: Ids = ()

    def in_force(self, as_of: str) -> bool:
        """Return whether the agreement is valid on the day and no party disputes it. Only such an agreement makes ties.

        Every report and measure uses this method; `registry.database.conditions.disputing` is the same rule in Cypher.
        """
        return self.runs(as_of) and not self.disputed_by

    def runs(self, as_of: str) -> bool:
        """Return whether the day lies between the first and the last day of the agreement, even if a party disputes it.

        A missing first or last day sets no limit. Returns False if the dates are withheld.
        """
        return (
            self.whole and (self.valid_from or "") <= as_of and (self.valid_until is None or as_of <= self.valid_until)
        )

    @property
    def confirmed(self) -> bool:
        """Whether a party has confirmed the agreement, and so has every other party that has an account.

        False if the reader may not see whether all parties have confirmed it.
        """
        return bool(self.confirmed_by) and not self.words_hidden and set(self.with_account) <= set(self.confirmed_by)

    @property
    def confirmable(self) -> bool:
        """Whether a party can confirm the agreement or has confirmed it; true if the reader may not know."""
        return bool(self.with_account or self.confirmed_by or self.words_hidden)

    @property
    def reversed(self) -> bool:
        """Whether the agreement ends before it begins, so that its dates cannot be used."""
        return bool(self.valid_from and self.valid_until and self.valid_until < self.valid_from)


class StatementRow(NamedTuple):
    """An assessment of an agreement by one party. If `whole` is false, the reader sees the summary only."""

    id: str
    name: str
    whole: bool = True
    agencies: Ids = ()
    partnerships: Ids = ()
    scale: str | None = None
    level: int | None = None
    on: str | None = None


class ChannelRow(NamedTuple):
    """A channel through which people contact services or agencies; `answers_within` is the promised response time in hours."""

    id: str
    name: str
    whole: bool = True
    agencies: Ids = ()
    services: Ids = ()
    kind: str | None = None
    two_way: bool | None = None
    answers_within: float | None = None


class FeedbackRow(NamedTuple):
    """A piece of feedback on a service. If `whole` is false, the reader sees the summary only."""

    id: str
    name: str
    whole: bool = True
    services: Ids = ()
    channels: Ids = ()
    owners: Ids = ()
    received: str | None = None
    answered: str | None = None


class TermRow(NamedTuple):
    """A term of a code list."""

    id: str
    name: str
    label_id: str | None = None
    label_en: str | None = None
    broader: Ids = ()
    code: str | None = None


class TieRules(NamedTuple):
    """Which agreements in force make ties between their parties.

    - `largest_agreement`: an agreement with more parties makes no ties
    - `confirmed_only`: whether an agreement makes ties only if it is confirmed
    """

    largest_agreement: int = 20
    confirmed_only: bool = False

    def count(self, one: PartnershipRow) -> bool:
        """Return whether the agreement makes ties if it is in force. If its confirmation is withheld, it may make ties."""
        confirmed = one.confirmed or one.words_hidden or not one.whole or not self.confirmed_only
        return confirmed and len(set(one.parties)) <= self.largest_agreement


DEFAULT_RULES = TieRules()


def kind_of(row: NamedTuple) -> str:
    """Return the record type of a row of the snapshot, such as Agency."""
    return type(row).__name__.removesuffix("Row")


class Snapshot(NamedTuple):
    """The records that a report reads, by type. Types that the report does not need are empty."""

    agencies: Sequence[AgencyRow] = ()
    services: Sequence[ServiceRow] = ()
    resources: Sequence[ResourceRow] = ()
    needs: Sequence[NeedRow] = ()
    partnerships: Sequence[PartnershipRow] = ()
    statements: Sequence[StatementRow] = ()
    channels: Sequence[ChannelRow] = ()
    feedbacks: Sequence[FeedbackRow] = ()
    sectors: Sequence[TermRow] = ()
    areas: Sequence[TermRow] = ()
    functions: Sequence[TermRow] = ()

    @property
    def withheld(self) -> int:
        """The number of records of which the reader sees the summary only."""
        return sum(not record.whole for name in _RECORDS for record in getattr(self, name))


_RECORDS: Mapping[str, type[Any]] = {
    "agencies": AgencyRow,
    "services": ServiceRow,
    "resources": ResourceRow,
    "needs": NeedRow,
    "partnerships": PartnershipRow,
    "statements": StatementRow,
    "channels": ChannelRow,
    "feedbacks": FeedbackRow,
}
_ROWS: Mapping[str, type[Any]] = {**_RECORDS, "sectors": TermRow, "areas": TermRow, "functions": TermRow}


def make_snapshot(reads: Sequence[str], answer: Sequence[Sequence[Sequence[Any]]]) -> Snapshot:
    """Build a snapshot from the result of the query `network(reads, …)`.

    If an agency uses a resource several times, the periods of use are merged into one period.
    """
    named = {name: [_ROWS[name]._make(row) for row in rows] for name, rows in zip(reads, answer, strict=True)}
    if "resources" in named:
        named["resources"] = [one._replace(uses=_merge_uses(one.uses)) for one in named["resources"]]
    return Snapshot(**named)


def _merge_uses(uses: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Merge the periods in which an agency uses a resource into one period.

    The merged period lasts from the first known day to the last day. If one of the periods has no last day, the merged period has
    none.
    """
    found: dict[str, Sequence[Any]] = {}
    for use in uses:
        user, since, until, role = use
        if user in found:
            _user, began, ended, was = found[user]
            first = min(filter(None, (began, since)), default=None)
            last = max(ended, until) if ended and until else None
            use = [user, first, last, "first" if "first" in (was, role) else role]
        found[user] = use
    return list(found.values())


Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Matrix = sparse.csr_array


@dataclass(frozen=True)
class NamesById:
    """The ids and names of the records that the rows or columns of an array represent, in the same order."""

    kind: str
    ids: Sequence[str]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    def evidence(self, place: int) -> Evidence:
        """Return the record with this index as an `Evidence` object, which supports a finding."""
        return Evidence(self.ids[place], self.names[place], self.kind)

    def named(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the records with these ids; unknown ids are skipped."""
        return tuple(self.names[self._index[one]] for one in ids if one in self._index)

    def records(self, ids: Iterable[str]) -> tuple[Evidence, ...]:
        """Return the records with these ids as `Evidence` objects, which support a finding; unknown ids are skipped."""
        return tuple(self.evidence(self._index[one]) for one in ids if one in self._index)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {one: place for place, one in enumerate(self.ids)}


@dataclass(frozen=True)
class SnapshotArrays:
    """A snapshot as arrays, for N agencies, S sectors, A areas, F functions and m ties.

    - `sector` (N): the index of the main sector, -1 if none is recorded
    - `areas` (N x A): 1 for each area of an agency, else 0
    - `wider` (N x A): like `areas`, with all broader areas
    - `functions` (N x F): 1 for each function of an agency, else 0
    - `recorded` (N): whether the agency is a party of any agreement, whether or not the agreement is in force
    - `selection`: the ids of the agencies to which a report is limited, or None. Measures and tests always use all agencies
    - `rules`: which agreements make ties
    """

    as_of: str
    agencies: NamesById
    sectors: NamesById
    function_names: NamesById
    sector: Ints
    areas: Matrix
    wider: Matrix
    functions: Matrix
    recorded: Bools
    snapshot: Snapshot
    selection: frozenset[str] | None = None
    rules: TieRules = DEFAULT_RULES

    @classmethod
    def of(cls, snapshot: Snapshot, as_of: str, rules: TieRules = DEFAULT_RULES) -> "SnapshotArrays":
        """Build the arrays for a day (ISO 8601 text), with all records in canonical order. References to unknown ids are skipped."""
        snapshot = Snapshot(*canonical_order(snapshot))
        agencies = NamesById("Agency", [one.id for one in snapshot.agencies], [one.name for one in snapshot.agencies])
        sectors, areas = term_names("Sector", snapshot.sectors), term_names("Area", snapshot.areas)
        functions = term_names("Function", snapshot.functions)
        place, width = _index_of(agencies.ids), len(agencies)
        placed = _matrix(((n, area) for n, one in enumerate(snapshot.agencies) for area in one.areas), width, areas)
        does = (
            (place.get(who, -1), what) for one in snapshot.services for who in one.providers for what in one.functions
        )
        return cls(
            as_of, agencies, sectors, functions,
            sector=_main_sectors(snapshot, _index_of(sectors.ids)),
            areas=placed,
            wider=ones(placed @ transitive_closure([one.id for one in snapshot.areas], [one.broader for one in snapshot.areas])),
            functions=_matrix(does, width, functions),
            recorded=_recorded(snapshot.partnerships, place),
            snapshot=snapshot,
            rules=rules,
        )  # fmt: skip

    @cached_property
    def selected(self) -> Bools:
        """Whether the report is about the agency (N). Without a selection, it is about all agencies."""
        return np.array([self.concerned((one,)) for one in self.agencies.ids], np.bool_)

    def concerned(self, agencies: Iterable[str]) -> bool:
        """Return whether one of these agencies (ids) is selected. Without a selection, the result is always True."""
        return self.selection is None or not self.selection.isdisjoint(agencies)

    @cached_property
    def agreements(self) -> Sequence[PartnershipRow]:
        """The agreements in force on `as_of` that make ties."""
        return [one for one in self.snapshot.partnerships if one.in_force(self.as_of) and self.rules.count(one)]

    @cached_property
    def possible_agreements(self) -> Sequence[PartnershipRow]:
        """The agreements that make ties if they are in force; their dates are withheld."""
        return [one for one in self.snapshot.partnerships if not one.whole and self.rules.count(one)]

    def leaves_out(self, one: PartnershipRow) -> bool:
        """Return whether the agreement is in force on `as_of` and makes no ties because of the rules."""
        return one.in_force(self.as_of) and not self.rules.count(one)

    @property
    def assumed_agreements(self) -> Sequence[PartnershipRow]:
        """The agreements that make the ties of `assumed_ties`."""
        return [*self.agreements, *self.possible_agreements]

    @cached_property
    def assumed_parties(self) -> Sequence[Sequence[int]]:
        """The indices of the known parties of each of the `assumed_agreements`, in ascending order."""
        return known_members((one.parties for one in self.assumed_agreements), self.index)

    @cached_property
    def ties(self) -> Ints:
        """The distinct pairs of agencies (m x 2, smaller index first) that share an agreement in force on `as_of`."""
        return distinct_pairs(self.assumed_parties[: len(self.agreements)], len(self.agencies))

    @cached_property
    def possible_ties(self) -> Ints:
        """The pairs that are not in `ties` and share an agreement whose dates are withheld."""
        hidden = distinct_pairs(self.assumed_parties[len(self.agreements) :], len(self.agencies))
        codes = np.array([len(self.agencies), 1])
        return hidden[~np.isin(hidden @ codes, self.ties @ codes)]

    @cached_property
    def confirmed_ties(self) -> tuple[int, int]:
        """The numbers of ties with an agreement that is confirmed, and with one that can be confirmed."""
        known = list(zip(self.agreements, self.assumed_parties, strict=False))
        groups = ([who for one, who in known if one.confirmed], [who for one, who in known if one.confirmable])
        confirmed, confirmable = (len(distinct_pairs(group, len(self.agencies))) for group in groups)
        return confirmed, confirmable

    @property
    def degree(self) -> Ints:
        """The number of ties of each agency (N)."""
        return np.bincount(self.ties.ravel(), minlength=len(self.agencies))

    @cached_property
    def withheld(self) -> int:
        """The number of records of which the reader sees the summary only."""
        return self.snapshot.withheld

    @cached_property
    def index(self) -> dict[str, int]:
        """The index of each agency in the arrays, by the id of the agency."""
        return _index_of(self.agencies.ids)

    def graph_of(self, ties: Ints) -> "nx.Graph[str]":
        """Return a networkx graph of all agencies (by id), with the given ties (m x 2) as edges."""
        graph = self.graph(())
        graph.add_edges_from((self.agencies.ids[a], self.agencies.ids[b]) for a, b in ties.tolist())
        return graph

    def graph(self, partnerships: Iterable[PartnershipRow]) -> "nx.Graph[str]":
        """Return a networkx graph of all agencies (by id), with an edge between every two parties of a given agreement."""
        import networkx as nx  # imported here because it takes half a second

        graph: nx.Graph[str] = nx.Graph()
        graph.add_nodes_from(self.agencies.ids)
        known = ([party for party in one.parties if party in graph] for one in partnerships)
        graph.add_edges_from(chain.from_iterable(combinations(dict.fromkeys(parties), 2) for parties in known))
        return graph


def term_names(kind: str, terms: Sequence[TermRow]) -> NamesById:
    """Return the ids of the terms of a code list, and their names in the current language."""
    label = "label_id" if language() == "id" else "label_en"
    return NamesById(kind, [term.id for term in terms], [getattr(term, label) or term.name for term in terms])


def _index_of(ids: Sequence[str]) -> dict[str, int]:
    return {one: place for place, one in enumerate(ids)}


def _main_sectors(snapshot: Snapshot, place: dict[str, int]) -> Ints:
    """Return for each agency (N) the index of its first known sector; the index is -1 if the agency has no known sector."""
    firsts = (next((place[one] for one in agency.sectors if one in place), -1) for agency in snapshot.agencies)
    return np.fromiter(firsts, np.int64, len(snapshot.agencies))


def _matrix(cells: Iterable[tuple[int, str]], height: int, columns: NamesById) -> Matrix:
    """Return a 0/1 matrix with ones in the given cells; a cell is given by its row index and the id of its column."""
    place = _index_of(columns.ids)
    known = [(row, place[one]) for row, one in cells if row >= 0 and one in place]
    return pattern(np.array(known, np.int64).reshape(-1, 2), height, len(columns))


def pattern(cells: Ints, height: int, width: int) -> Matrix:
    """Return a 0/1 matrix with ones in the given cells (n x 2: row, column)."""
    return ones(sparse.csr_array((np.ones(len(cells), np.int32), (cells[:, 0], cells[:, 1])), (height, width)))


def ones(matrix: Matrix) -> Matrix:
    """Set all stored values of the matrix to 1 in place, and return the same matrix."""
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def transitive_closure(ids: Sequence[str], above: Sequence[Sequence[str]]) -> Matrix:
    """Return which ids are broader than each id, directly or indirectly, as a square 0/1 matrix.

    `above` lists the directly broader ids of each id. Each id counts as broader than itself (ones on the diagonal). Cycles are
    allowed.
    """
    place = _index_of(ids)
    steps = [(n, place[up]) for n, ups in enumerate(above) for up in ups if up in place]
    reached = step = pattern(
        np.array(steps + [(n, n) for n in range(len(ids))], np.int64).reshape(-1, 2), len(ids), len(ids)
    )
    while (further := ones(reached @ step)).nnz > reached.nnz:
        reached = further
    return reached


def known_members(groups: Iterable[Sequence[str]], place: Mapping[str, int]) -> list[list[int]]:
    """Return the known members of each group, as indices in ascending order, each member once."""
    return [sorted({place[one] for one in group if one in place}) for group in groups]


def pairs_by_group(members: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Return the pairs of members of each group (m x 2), and the group of each pair (m). Members are indices in ascending order."""
    pairs = np.fromiter(chain.from_iterable(chain.from_iterable(combinations(one, 2) for one in members)), np.int64)
    return pairs.reshape(-1, 2), np.repeat(np.arange(len(members)), [len(one) * (len(one) - 1) // 2 for one in members])


def distinct_pairs(members: Sequence[Sequence[int]], size: int) -> Ints:
    """Return all distinct pairs of members of a common group (m x 2), in order; members are ascending indices below `size`."""
    pairs, _group = pairs_by_group(members)
    codes = np.sort(pairs @ np.array([size, 1]))  # faster than np.unique, which computes hashes
    return np.column_stack(np.divmod(codes[np.diff(codes, prepend=-1) > 0], max(size, 1)))


def _recorded(partnerships: Sequence[PartnershipRow], place: dict[str, int]) -> Bools:
    """Return for each agency (N) whether it is a party of any agreement, whether or not the agreement is in force."""
    recorded = np.zeros(len(place), np.bool_)
    recorded[[place[party] for one in partnerships for party in one.parties if party in place]] = True
    return recorded


def assumed_ties(arrays: SnapshotArrays) -> Ints:
    """Return the ties in force and the ties whose agreement has withheld dates (m x 2).

    Ties with withheld dates are treated as in force, so they can hide a finding but never cause a finding.
    """
    return np.concatenate([arrays.ties, arrays.possible_ties])


def adjacency(ties: Ints, size: int) -> Matrix:
    """Return the ties (m x 2) as a symmetric 0/1 adjacency matrix."""
    return pattern(np.concatenate([ties, ties[:, ::-1]]), size, size)
