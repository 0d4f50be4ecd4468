"""The network of ties: which agreements make ties, random networks, and how much findings depend on single agreements."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, count
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from registry.analysis.report import Report, ReportDefinition, ReportParameter, Value
from registry.analysis.snapshot import (
    Ids,
    Ints,
    Matrix,
    PartnershipRow,
    SnapshotArrays,
    TieRules,
    adjacency,
    assumed_ties,
    pairs_by_group,
    pattern,
)
from registry.analysis.statistics import SEED, Parties, RandomAgreements
from registry.i18n import _, day, ngettext, number, percent
from registry.progress import steps

LARGEST_AGREEMENT = ReportParameter(
    "largest_agreement",
    "Largest agreement",
    "An agreement with more parties makes no ties: it shows who is a member, not who works together. With 20 parties, "
    "one agreement alone makes 190 ties.",
    TieRules().largest_agreement,
    2,
    1_000_000,
)
CONFIRMED_ONLY = ReportParameter(
    "confirmed_only",
    "Only confirmed agreements",
    "With 1, an agreement makes ties only if it is confirmed; with 0, every agreement in force makes ties.",
    0,
    0,
    1,
)
LEAVE_OUT = ReportParameter(
    "leave_out",
    "Agreements to leave out",
    "The number of agreements that are left out one at a time, to see how the findings depend on them. Those on which "
    "the most ties rest come first.",
    5,
    0,
    100_000,
)
TIE_RULES = (LARGEST_AGREEMENT, CONFIRMED_ONLY, LEAVE_OUT)
# for slow reports, and for reports whose findings are about agreements or supposed changes
OTHER_TIE_RULES = (LARGEST_AGREEMENT, CONFIRMED_ONLY, replace(LEAVE_OUT, default=0))
MOST_READ, NAMED = 10_000, 3  # a large network is analysed less often: runs times agreements stay below MOST_READ


def read_rules(values: Mapping[str, Value]) -> TieRules:
    """Return the rules that the parameters of a report set."""
    if LARGEST_AGREEMENT.name not in values:
        return TieRules()
    return TieRules(int(values[LARGEST_AGREEMENT.name]), bool(values[CONFIRMED_ONLY.name]))


FEWEST_DRAWS, MOST_DRAWS = 199, 9_999
ENTRIES, MOST_CHAINS = 20_000, 40  # small networks are drawn several at a time, with about so many entries


class TieNetwork(NamedTuple):
    """The network of ties between agencies.

    - `agencies`: the number of all agencies
    - `connected`: the indices of the agencies with a tie
    - `ties`: pairs (m x 2) of indices into `connected`
    - `arcs`: the adjacency matrix of the agencies in `connected`
    - `agreements`: the parties of each agreement that makes ties, as ascending indices into `connected`
    """

    agencies: int
    connected: Ints
    ties: Ints
    arcs: Matrix
    agreements: Sequence[Parties]

    @classmethod
    def of(cls, arrays: SnapshotArrays) -> "TieNetwork":
        """Build the network from all ties with an agreement in force; an agreement with withheld dates is treated as in force."""
        connected, ties = without_isolates(assumed_ties(arrays))
        place = {agency: index for index, agency in enumerate(connected.tolist())}
        several = (parties for parties in arrays.assumed_parties if len(parties) > 1)
        agreements = [tuple(place[party] for party in parties) for parties in several]
        return cls(len(arrays.agencies), connected, ties, adjacency(ties, len(connected)), agreements)

    def random_networks(self, draws: int) -> Iterator[Ints]:
        """Yield the ties (m x 2) of random networks; show the progress.

        In a random network, every agency has the same number of agreements, and every agreement the same number of parties.
        """
        entries = sum(map(len, self.agreements))
        random = RandomAgreements(self.agreements, SEED, max(min(ENTRIES // max(entries, 1), MOST_CHAINS), 1))
        drawn = chain.from_iterable(random.draw() for _batch in count())
        for _draw, ties in zip(steps(_("random networks"), range(draws)), drawn, strict=False):
            yield ties


def draws_at(level: float, tests: int) -> int:
    """Return how many random networks let one of `tests` two-sided p-values be significant at the false discovery rate `level`."""
    return min(max(FEWEST_DRAWS, ceil(2 * tests / level)), MOST_DRAWS)


def members(groups: Sequence[Ids], place: Mapping[str, int]) -> Matrix:
    """Return which known ids each group contains, as a 0/1 matrix."""
    cells = [(n, place[one]) for n, group in enumerate(groups) for one in group if one in place]
    return pattern(np.array(cells, np.int64).reshape(-1, 2), len(groups), len(place))


FARTHEST, MOST_ENDS = 3, 512


class AgreementPaths:
    """The shortest paths over agreements in force, of at most FARTHEST ties."""

    def __init__(self, arrays: SnapshotArrays) -> None:
        self._arrays = arrays
        self._found: dict[str, dict[str, None]] = {}

    def lengths(self, starts: Sequence[Ids], ends: Sequence[Ids], start: Ints, end: Ints) -> Ints:
        """Return for each pair of groups of agencies (`start` and `end` are indices) the length of the shortest path between them.

        The length is FARTHEST + 1 if there is no path of at most FARTHEST ties. All paths are followed at once: each agency has one
        bit for each of up to MOST_ENDS groups that it reaches.
        """
        length = np.full(len(start), FARTHEST + 1)
        distinct: dict[Ids, int] = {}
        number_of = np.array([distinct.setdefault(tuple(one), len(distinct)) for one in ends], np.int64)
        wanted, place = np.unique(number_of[end], return_inverse=True)
        groups, size = list(distinct), len(self._arrays.agencies) + 1
        # the last row of `reached` reaches nothing and belongs to every start, so that each start has a row
        from_start = sparse.hstack(
            [members(starts, self._arrays.index), sparse.csr_array(np.ones((len(starts), 1)))], format="csr"
        )
        for first in steps(_("paths to owners"), range(0, len(wanted), MOST_ENDS)):
            reaches = np.zeros((size, MOST_ENDS), np.bool_)
            block = [groups[n] for n in wanted[first : first + MOST_ENDS].tolist()]
            reaches[:-1, : len(block)] = members(block, self._arrays.index).T.toarray()
            reached = np.packbits(reaches, axis=1, bitorder="little").view("<u8")
            here = np.flatnonzero((place >= first) & (place < first + MOST_ENDS))
            word, bit = np.divmod(place[here] - first, 64)
            for step in range(FARTHEST + 1):
                if step:
                    reached = any_of_rows(self._near, reached)
                bits = any_of_rows(from_start, reached)[start[here], word] >> bit.astype(np.uint64)
                length[here] -= (bits & np.uint64(1)).astype(np.int64)
        return length

    def shortest(self, starts: Sequence[str], ends: Sequence[str]) -> Sequence[str] | None:
        """Return the shortest path from a start to an end as a list of agencies, both ends included; None if there is no path."""
        index = self._arrays.index
        paths = (self._shortest(one, other) for one in starts for other in ends if one in index and other in index)
        return min(filter(None, paths), key=len, default=None)

    def _shortest(self, start: str, end: str) -> Sequence[str] | None:
        """Return the shortest path of at most FARTHEST = 3 ties, searched from both ends; the earliest agreements come first."""
        if start == end:
            return [start]
        around, beyond = self._partners(start), self._partners(end)
        if end in around:
            return [start, end]
        for one in around:
            if one in beyond:
                return [start, one, end]
        for one in around:
            if not beyond.keys().isdisjoint(self._partners(one)):
                return [start, one, next(other for other in self._partners(one) if other in beyond), end]
        return None

    def _partners(self, agency: str) -> dict[str, None]:
        """Return the agencies that have an agreement in force with the agency, in the order of the agreements."""
        if agency not in self._found:
            parties = (one.parties for one in self._agreements[agency])
            self._found[agency] = {
                one: None for group in parties for one in group if one != agency and one in self._arrays.index
            }
        return self._found[agency]

    @cached_property
    def _near(self) -> Matrix:
        """Which agencies each agency has a tie with, itself included, and one more row and column for nobody."""
        size = len(self._arrays.agencies) + 1
        return (adjacency(self._arrays.ties, size) + sparse.eye_array(size, dtype=np.int32)).tocsr()

    @cached_property
    def _agreements(self) -> Mapping[str, Sequence[PartnershipRow]]:
        """The agreements in force of each agency."""
        found: dict[str, list[PartnershipRow]] = defaultdict(list)
        for one in self._arrays.agreements:
            for party in one.parties:
                found[party].append(one)
        return found


def any_of_rows(matrix: Matrix, bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return for each row of a 0/1 matrix the bitwise or of the rows of `bits` that it selects; it selects at least one."""
    return np.bitwise_or.reduceat(bits[matrix.indices], matrix.indptr[:-1], axis=0)


def without_isolates(ties: Ints) -> tuple[Ints, Ints]:
    """Return the indices of the agencies with at least one tie, and the ties as positions in this list of agencies."""
    connected, ends = np.unique(ties, return_inverse=True)
    return connected, ends.reshape(-1, 2)


def coverage_note(arrays: SnapshotArrays) -> str:
    """Return a note with the number of agencies, of ties, and of agencies without any recorded agreement."""
    if not len(arrays.agencies):
        return _("There are no recorded agencies that you may see.")
    recorded = int(arrays.recorded.sum())
    confirmed, confirmable = arrays.confirmed_ties
    return _(
        "Agencies: {agencies}. Ties in force on {day}: {ties}, of which {unconfirmed} are not known to be confirmed "
        "by every party with an account, and {unconfirmable} cannot be confirmed, because no party has an account. "
        "Agencies with a recorded agreement: {recorded} ({share}). For the other {rest} agencies no agreement is "
        "recorded, but they may still work with others."
    ).format(
        agencies=number(len(arrays.agencies)),
        ties=number(len(arrays.ties)),
        unconfirmed=number(confirmable - confirmed),
        unconfirmable=number(len(arrays.ties) - confirmable),
        day=day(arrays.as_of),
        recorded=number(recorded),
        share=percent(recorded / len(arrays.agencies)),
        rest=number(len(arrays.agencies) - recorded),
    )


def data_notes(arrays: SnapshotArrays) -> list[str]:
    """Return notes on the data behind an analysis of the ties that `assumed_ties` returns."""
    notes = [coverage_note(arrays)]
    if len(arrays.possible_ties):
        template = ngettext(
            "{n} tie comes from an agreement whose dates you may not see; it counts as in force.",
            "{n} ties come from agreements whose dates you may not see; they count as in force.",
            len(arrays.possible_ties),
        )
        notes.append(template.format(n=number(len(arrays.possible_ties))))
    return notes


class Influence(NamedTuple):
    """An agreement, and the numbers of findings that are gone and new if the agreement is left out."""

    agreement: PartnershipRow
    gone: int
    new: int


def tie_notes(
    definition: ReportDefinition, arrays: SnapshotArrays, report: Report, run: Callable[[SnapshotArrays], Report]
) -> list[str]:
    """Return notes on the agreements that make no ties, on ties that rest on one agreement, and on how these change the findings.

    `report` is the result of `run` for the arrays. Agreements are left out one at a time, and the report is run again (delete-one
    jackknife over agreements; Efron 1982).
    """
    sole, notes = _sole_ties(arrays), _left_out_notes(arrays)
    if not sole.any():
        return notes
    template = _("Ties that rest on one agreement alone: {n} of {m}.")
    notes.append(template.format(n=number(int(sole.sum())), m=number(len(assumed_ties(arrays)))))
    wanted = int(report.parameters[LEAVE_OUT.name])
    if many := min(wanted, int((sole > 0).sum()), MOST_READ // len(sole)):
        influences = list(_influences(definition, arrays, report, run, _by_ties(arrays, sole)[:many]))
        notes.append(_influence_note(influences))
    elif wanted:
        notes.append(_("How the findings depend on single agreements was not examined, because there are too many."))
    return notes


def _sole_ties(arrays: SnapshotArrays) -> Ints:
    """Return for each of the assumed agreements the number of ties that rest on it alone."""
    pairs, agreement = pairs_by_group(arrays.assumed_parties)
    codes = pairs @ np.array([len(arrays.agencies), 1])
    _codes, first, times = np.unique(codes, return_index=True, return_counts=True)
    return np.bincount(agreement[first[times == 1]], minlength=len(arrays.assumed_parties))


def _by_ties(arrays: SnapshotArrays, sole: Ints) -> Sequence[PartnershipRow]:
    """Return the assumed agreements, first those on which the most ties rest alone."""
    found = zip(arrays.assumed_agreements, sole.tolist(), strict=True)
    return [one for one, _many in sorted(found, key=lambda each: -each[1])]


def _influences(
    definition: ReportDefinition,
    arrays: SnapshotArrays,
    report: Report,
    run: Callable[[SnapshotArrays], Report],
    agreements: Sequence[PartnershipRow],
) -> Iterator[Influence]:
    before = _findings(definition, report)
    for one in steps(_("agreements left out"), agreements):
        left = [each for each in arrays.snapshot.partnerships if each is not one]
        after = _findings(definition, run(replace(arrays, snapshot=arrays.snapshot._replace(partnerships=left))))
        yield Influence(one, len(before - after), len(after - before))


def _findings(definition: ReportDefinition, report: Report) -> set[tuple[str, ...]]:
    return {key for row in report.rows if (key := definition.finding(row)) is not None}


def _influence_note(influences: Sequence[Influence]) -> str:
    """Return a sentence that names the agreements that change the most findings."""
    tried = ngettext(
        "The agreement on which the most ties rest was left out: ",
        "The {n} agreements on which the most ties rest were left out, one at a time: ",
        len(influences),
    ).format(n=number(len(influences)))
    changing = [one for one in influences if one.gone or one.new]
    if not changing:
        return tried + _("no finding changes.")
    most = sorted(changing, key=lambda one: -one.gone - one.new)[:NAMED]
    template = _("without “{name}”, findings gone: {gone}, new findings: {new}")
    texts = (template.format(name=one.agreement.name, gone=number(one.gone), new=number(one.new)) for one in most)
    return tried + "; ".join(texts) + "."


def _left_out_notes(arrays: SnapshotArrays) -> list[str]:
    """Return notes on the agreements in force that make no ties because of the rules."""
    left_out = [one for one in arrays.snapshot.partnerships if arrays.leaves_out(one)]
    large = [one for one in left_out if len(set(one.parties)) > arrays.rules.largest_agreement]
    notes = []
    if large:
        template = ngettext(
            "{n} agreement in force makes no ties, because it has more than {most} parties: {names}.",
            "{n} agreements in force make no ties, because they have more than {most} parties: {names}.",
            len(large),
        )
        notes.append(
            template.format(n=number(len(large)), most=number(arrays.rules.largest_agreement), names=_names(large))
        )
    if others := [one for one in left_out if len(set(one.parties)) <= arrays.rules.largest_agreement]:
        template = ngettext(
            "{n} agreement in force makes no ties, because it is not known to be confirmed: {names}.",
            "{n} agreements in force make no ties, because they are not known to be confirmed: {names}.",
            len(others),
        )
        notes.append(template.format(n=number(len(others)), names=_names(others)))
    return notes


def _names(agreements: Sequence[PartnershipRow]) -> str:
    """Return the names of the agreements with the most parties, and how many more there are."""
    first = sorted(agreements, key=lambda one: -len(one.parties))
    names = [f"{one.name} ({number(len(set(one.parties)))})" for one in first[:NAMED]]
    more = len(first) - len(names)
    return ", ".join(names) + (
        ngettext(", and {n} more", ", and {n} more", more).format(n=number(more)) if more else ""
    )
