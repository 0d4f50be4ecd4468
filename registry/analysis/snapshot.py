"""The snapshot that analyses read: records as rows, and the graph as sparse matrices on a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray
from scipy import sparse

from registry.analysis.report import Evidence, ReportError, TextParameter
from registry.database.driver import Cypher
from registry.i18n import _, day, language, number, percent

if TYPE_CHECKING:
    import networkx as nx


Ids = Sequence[str]


class AgencyRow(NamedTuple):
    """A body and where it belongs. The first of its sectors, by their ids, counts as its main one."""

    id: str
    name: str
    whole: bool = True
    sectors: Ids = ()
    areas: Ids = ()
    part_of: Ids = ()


class ServiceRow(NamedTuple):
    """A service, who provides it, what it does, what it cannot work without, and for whom it is."""

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
        """Who leads it; all that provide it where nobody is named."""
        return self.leads or self.providers


class ResourceRow(NamedTuple):
    """A resource, who has it and who uses it: `(user, since, until, role)`, days as ISO text or None.

    Where `whole` is false its users, capacity and days are not known to who asks.
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
    """What an agency lacks. Where `whole` is false how much of what, and by when, is not known to who asks."""

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


class PartnershipRow(NamedTuple):
    """An agreement. Where `whole` is false its dates, basis and cover are not known to who asks.

    `covers_hidden` says that it may cover services or resources of which no more than the summary is seen,
    `words_hidden` that what some of its parties say of it is withheld.
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

    def in_force(self, as_of: str) -> bool:
        """Tell whether the day lies within its dates and no party disputes it."""
        return self.runs(as_of) and not self.disputed_by

    def runs(self, as_of: str) -> bool:
        """Tell whether the day lies within its dates; an empty date sets no bound. False where they are not known."""
        return (
            self.whole and (self.valid_from or "") <= as_of and (self.valid_until is None or as_of <= self.valid_until)
        )

    @property
    def confirmed(self) -> bool:
        """Whether every party has confirmed it."""
        return bool(self.parties) and set(self.parties) <= set(self.confirmed_by)

    @property
    def reversed(self) -> bool:
        """Whether it ends before it begins, so that nothing can be said of it."""
        return bool(self.valid_from and self.valid_until and self.valid_until < self.valid_from)


class StatementRow(NamedTuple):
    """What a party says about an agreement. Where `whole` is false all of it is not known to who asks."""

    id: str
    name: str
    whole: bool = True
    agencies: Ids = ()
    partnerships: Ids = ()
    scale: str | None = None
    level: int | None = None
    on: str | None = None


class ChannelRow(NamedTuple):
    """How services and agencies are reached; `answers_within` is in hours."""

    id: str
    name: str
    whole: bool = True
    agencies: Ids = ()
    services: Ids = ()
    kind: str | None = None
    two_way: bool | None = None
    answers_within: float | None = None


class FeedbackRow(NamedTuple):
    """Something said about a service. Where `whole` is false all of it is not known to who asks."""

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


def kind_of(row: NamedTuple) -> str:
    """Return the name of the kind that a row of the snapshot is of, such as Agency."""
    return type(row).__name__.removesuffix("Row")


class Snapshot(NamedTuple):
    """What a report reads of the graph; what it does not need is empty."""

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
        """How many of the records show no more than their face to who asks."""
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
    """Name the rows that `network(reads, …)` was answered with. Several uses of a resource by one agency are made one."""
    named = {name: [_ROWS[name]._make(row) for row in rows] for name, rows in zip(reads, answer, strict=True)}
    if "resources" in named:
        named["resources"] = [one._replace(uses=_of_each_agency(one.uses)) for one in named["resources"]]
    return Snapshot(**named)


def _of_each_agency(uses: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Return one use for each agency: from the first day known to the last of any, open where one of them is."""
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
class SnapshotArrays:
    """What the analyses count. N agencies, S sectors, A areas, F functions, m ties.

    `sector` (N) is the place of an agency's main sector, -1 where none is recorded; `areas` (N x A), `wider` (the same
    with every broader area) and `functions` (N x F) hold ones; `ties` (m x 2) are the distinct pairs, smaller place first,
    that share an agreement in force on `as_of`; `perhaps` are pairs, not among the ties, whose agreement's dates are
    withheld; `recorded` (N) says who is party to any agreement, whenever.
    """

    as_of: str
    agencies: NamesById
    sectors: NamesById
    function_names: NamesById
    sector: Ints
    areas: Matrix
    wider: Matrix
    functions: Matrix
    ties: Ints
    perhaps: Ints
    recorded: Bools
    lists: Snapshot

    @classmethod
    def of(cls, lists: Snapshot, as_of: str) -> "SnapshotArrays":
        """Build the arrays of the lists for a day (ISO text). Ids that no record has are passed over."""
        agencies = NamesById("Agency", *_columns((one.id, one.name) for one in lists.agencies))
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

    def graph(self, partnerships: Iterable[PartnershipRow]) -> "nx.Graph[str]":
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


def _kinds(lists: Snapshot) -> tuple[tuple[str, Sequence[TermRow]], ...]:
    return ("Sector", lists.sectors), ("Area", lists.areas), ("Function", lists.functions)


def _terms(kind: str, terms: Sequence[TermRow]) -> NamesById:
    label = "label_id" if language() == "id" else "label_en"
    return NamesById(kind, *_columns((term.id, getattr(term, label) or term.name) for term in terms))


def _places(ids: Sequence[str]) -> dict[str, int]:
    return {one: place for place, one in enumerate(ids)}


def _main(lists: Snapshot, place: dict[str, int]) -> Ints:
    """Return the place of each agency's first sector."""
    firsts = (next((place[one] for one in agency.sectors if one in place), -1) for agency in lists.agencies)
    return np.fromiter(firsts, np.int64, len(lists.agencies))


def _matrix(cells: Iterable[tuple[int, str]], height: int, columns: NamesById) -> Matrix:
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


def _recorded(partnerships: Sequence[PartnershipRow], place: dict[str, int]) -> Bools:
    recorded = np.zeros(len(place), np.bool_)
    recorded[[place[party] for one in partnerships for party in one.parties if party in place]] = True
    return recorded


def basis(world: SnapshotArrays) -> str:
    """Say how many agencies and ties there are, and of how many agencies nothing is recorded."""
    if not len(world.agencies):
        return _("There are no agencies on record that you may see, so there is nothing to tell.")
    recorded = int(world.recorded.sum())
    return _(
        "{agencies} agencies, {ties} ties in force on {day}, {unconfirmed} of them not known to be confirmed by all; {recorded} "
        "agencies ({share}) have any agreement on record, the other {rest} are unknown, which is not the same as alone."
    ).format(
        agencies=number(len(world.agencies)),
        ties=number(len(world.ties)),
        unconfirmed=number(world.unconfirmed),
        day=day(world.as_of),
        recorded=number(recorded),
        share=percent(recorded / len(world.agencies)),
        rest=number(len(world.agencies) - recorded),
    )


AGENCY = TextParameter("agency", "The id of the only agency that it is about; where it is empty, all.")


def place_of(world: SnapshotArrays, agency: str) -> int:
    """Return where in the arrays an agency is. Raises ReportError."""
    if agency in world.place:
        return world.place[agency]
    raise ReportError(
        _("{name}: there is no agency on record with the id {id} that you may see.").format(name=AGENCY.name, id=agency)
    )


class Readable(Protocol):
    """What can answer one read: `registry.database.driver.Store`."""

    def read(self, cypher: Cypher) -> Sequence[Sequence[Any]]:
        """Return the rows of one read."""


class Fingerprinted:
    """A store that keeps a fingerprint (SHA-256) of all that was read of it."""

    def __init__(self, store: Readable) -> None:
        self._store, self._hash = store, sha256()

    def read(self, cypher: Cypher) -> Sequence[Sequence[Any]]:
        """Return the rows of one read. Raises StoreError."""
        rows = self._store.read(cypher)
        self._hash.update(orjson.dumps(rows, default=list))
        return rows

    @property
    def fingerprint(self) -> str:
        """The fingerprint, which is the same as long as the same was read."""
        return self._hash.hexdigest()


def standing(world: SnapshotArrays) -> Ints:
    """Return the ties (m x 2) in force, and those whose agreement's dates are withheld: they hide a finding, never make one."""
    return np.concatenate([world.ties, world.perhaps])


def between_sectors(world: SnapshotArrays) -> tuple[Ints, Ints]:
    """Return the sectors of the agencies that have one, and the standing ties between these, as places among them."""
    known, ties = np.flatnonzero(world.sector >= 0), standing(world)
    place = np.full(len(world.agencies), -1)
    place[known] = np.arange(len(known))
    within = place[ties]
    return world.sector[known], within[(within >= 0).all(axis=1)]


def tied_alone(ties: Ints) -> tuple[Ints, Ints]:
    """Return the agencies that have any tie (places), and the ties as places among these."""
    tied, ends = np.unique(ties, return_inverse=True)
    return tied, ends.reshape(-1, 2)


def adjacency(ties: Ints, size: int) -> Matrix:
    """Return the symmetric matrix of ones of these ties (m x 2)."""
    return pattern(np.concatenate([ties, ties[:, ::-1]]), size, size)


def grounds(world: SnapshotArrays) -> list[str]:
    """Say what an analysis of the standing ties rests on."""
    notes = [basis(world)]
    if len(world.perhaps):
        told = _("{n} ties rest on agreements whose dates are withheld; they count as in force.")
        notes.append(told.format(n=number(len(world.perhaps))))
    return notes
